"""The room of what somebody does about letters: tried now, paused, let go again, not sent at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import causes, deliveries, hosts, outbox, streams
from fedhood.adapters.activitypub.outbox import HELD, WAITING, goes_on
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.core import peers, posts
from fedhood.core.help_requests import Sent
from fedhood.core.peers import PeerState
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.core.access import Viewer
    from fedhood.core.deliveries import Place
    from fedhood.kernel.database import UnitOfWork

_REASON = "forgotten"
# one transaction holds the writer meanwhile
MOST_AT_ONCE = 500

_PAUSE = Compiled(
    lambda: HostTable.insert(
        {
            HostTable.peer: hole("peer"),
            HostTable.next_at: hole("now"),
            HostTable.failures: 0,
            HostTable.failed_days: 0,
            HostTable.refusals: 0,
            HostTable.paused_at: hole("now"),
        }
    ).on_conflict(conflict_target=[HostTable.peer], preserve=[HostTable.paused_at], where=HostTable.paused_at.is_null())
)


def retry(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A peer that rests is tried now, with one letter.

    Raises Unauthenticated, Forbidden, NotFound; Conflict (`paused`) while nothing is to go there.
    """
    _check(uow, by, peer_id)
    if hosts.is_paused(uow.db, peer_id):
        raise Conflict("sending to it is paused; let it go on first", code="paused")
    HostTable.update(next_at=uow.now).where(
        HostTable.peer == peer_id, HostTable.failures > 0, HostTable.next_at > uow.now
    ).execute(uow.db)
    uow.wake_worker()


def pause(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """Nothing goes to a peer until `resume`, but for what is under way this moment; what it is to get waits.

    Who waits for an answer from there is told that it takes longer. Raises Unauthenticated, Forbidden, NotFound;
    Conflict (`not-agreed`) for one with which nothing is agreed: what is still told there must be told.
    """
    _check(uow, by, peer_id)
    if peers.get(uow.db, peer_id).state is not PeerState.AGREED:
        raise Conflict("nothing is agreed with it, so there is nothing to pause", code="not-agreed")
    _PAUSE.run(uow.db, peer=peer_id, now=milliseconds(uow.now))
    for delivery in _unsent(uow.db, peer_id, WAITING, among=list(streams.OUTCOMES)):
        streams.OUTCOMES[delivery.verb](uow, delivery, Sent.TROUBLE)


def resume(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """What waits for a peer goes on, at once. Raises Unauthenticated, Forbidden, NotFound."""
    _check(uow, by, peer_id)
    lift(uow, peer_id=peer_id)


def lift(uow: UnitOfWork, *, peer_id: int) -> None:
    """A pause is over: somebody let it go on, or something is agreed with the peer anew, or no more."""
    HostTable.update(paused_at=None, next_at=uow.now).where(
        HostTable.peer == peer_id, HostTable.paused_at.is_null(is_null=False)
    ).execute(uow.db)
    uow.wake_worker()


def again(uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: Place) -> None:
    """A post, an answer or a request that did not arrive is sent to this one peer once more, as it is now.

    Raises Unauthenticated, Forbidden, NotFound; Conflict (`not-again`) for one that arrived, waits, was sent again
    already, is of another kind, or may not be read there any more.
    """
    _check(uow, by, peer_id)
    row = deliveries.row_of(uow.db, peer_id, place)
    if not deliveries.may_again(uow.db, row, uow.now):
        raise Conflict("this is not sent once more: it arrived, waits, or may not go there", code="not-again")
    verb, about = row[3], row[4]
    outbox.deliver(uow, peer_id, verb, about, _version_now(uow.db, verb, about, row[5]))


def _version_now(db: peewee.Database, verb: str, about: int, version: int) -> int:
    """Which version is said: of a request the revision that was meant, of words those of now."""
    return version if verb.startswith("help.") else posts.row(db, post_id=about).version


def forget(uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: Place) -> None:
    """One letter that waits is not sent; who waits for an answer to it is told.

    Raises Unauthenticated, Forbidden, NotFound; Conflict for one that was settled (`settled`), or that takes something
    back or belongs to peering (`always-told`).
    """
    _check(uow, by, peer_id)
    row = deliveries.row_of(uow.db, peer_id, place)
    if goes_on(row[3]):
        raise Conflict("what is taken back, and what belongs to the agreement, is always told", code="always-told")
    if not _drop(uow, deliveries.delivery_of(row)):
        raise Conflict("this was settled meanwhile", code="settled")


def forget_all(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> int:
    """All that waits for a peer is not sent, but for peering and what is taken back; at most 500, the oldest first.

    Who waits for an answer is told. Returns how much it was. Raises Unauthenticated, Forbidden, NotFound.
    """
    _check(uow, by, peer_id)
    verbs = deliveries.forgettable(uow.db, peer_id)
    unsent = [one for state in (WAITING, HELD) for one in _unsent(uow.db, peer_id, state, among=verbs)]
    return sum(_drop(uow, delivery) for delivery in unsent[:MOST_AT_ONCE])


def expire_paused(uow: UnitOfWork) -> int:
    """What waits for a paused peer longer than it would be tried is given up, as it is elsewhere; at most 500 for each.

    Returns how much.
    """
    done = 0
    paused = HostTable.select(HostTable.peer).where(HostTable.paused_at.is_null(is_null=False))
    for row in list(paused.execute(uow.db)):
        old = _rows(uow.db, row.peer, WAITING, DeliveryTable.at <= uow.now - streams.LIFETIME)
        for delivery, at in old:
            if streams.Waiting(delivery=delivery, at=at, last_status=None).expires_at <= uow.now:
                done += _settle(uow, delivery, state="expired", reason="no answer for too long")
    return done


def _check(uow: UnitOfWork, by: Viewer | None, peer_id: int) -> None:
    peers.keeper(uow, by)
    peers.get(uow.db, peer_id)


def _unsent(db: peewee.Database, peer_id: int, state: str, *, among: Sequence[str]) -> list[Delivery]:
    return [delivery for delivery, _ in _rows(db, peer_id, state, DeliveryTable.verb.in_(among))] if among else []


def _rows(db: peewee.Database, peer_id: int, state: str, *conditions: Any) -> list[tuple[Delivery, datetime]]:
    query = (
        DeliveryTable.select()
        .where(DeliveryTable.peer == peer_id, *deliveries.is_in(state), *conditions)
        .order_by(DeliveryTable.epoch, DeliveryTable.number)
        .limit(MOST_AT_ONCE)
    )
    return [
        (
            Delivery(one.peer, one.epoch, one.number, one.verb, one.object, one.version, one.attempts, one.activity),
            one.at,
        )
        for one in query.execute(db)
    ]


def _drop(uow: UnitOfWork, delivery: Delivery) -> bool:
    return _settle(uow, delivery, state=causes.FORGOTTEN, reason=_REASON)


def _settle(uow: UnitOfWork, delivery: Delivery, *, state: str, reason: str) -> bool:
    """One that still waits does so no longer; whether it did."""
    done = (
        DeliveryTable.update(state=state, last_error=reason, done_at=uow.now)
        .where(
            DeliveryTable.peer == delivery.peer,
            DeliveryTable.epoch == delivery.epoch,
            DeliveryTable.number == delivery.number,
            DeliveryTable.state.in_([WAITING, HELD]),
        )
        .execute(uow.db)
    )
    if done and delivery.verb in streams.OUTCOMES:
        streams.OUTCOMES[delivery.verb](uow, delivery, Sent.FAILED)
    return bool(done)
