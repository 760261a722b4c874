"""The room of the stream to each peer: what waits, what may still go, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import peewee

from fedhood.adapters.activitypub import (
    city_answers,
    city_messages,
    hosts,
    outbox,
    outbox_city,
    outbox_followers,
    outbox_hub,
    reports,
    troubles,
    vocabulary,
)
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.hosts import Lease
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import help_requests, hubs, peers, posts, visitors
from fedhood.core.help_requests import Sent
from fedhood.core.peers import Trust
from fedhood.core.posts import Audience
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from fedhood.core.posts import Standing
    from fedhood.kernel.engine import UnitOfWork

# a removal is worth more patience than what it removes
LIFETIME = timedelta(days=14)
REMOVAL_LIFETIME = timedelta(days=30)
STRANGERS_LIFETIME = timedelta(days=7)
UNAUTHENTICATED_FOR = timedelta(hours=24)
BATCH = 32
# what a neighbour does not answer: perhaps somebody else does, under its name
_GONE = 410
_STRANGE = frozenset({401, 403, 404, 410})

_REMOVALS = (".delete", ".undo", ".reject")
_DIRECT = ("offer.send", "offer.accept", "offer.reject", "message.create", "help.confirm", "flag")
# what goes to whoever was granted this scope; where a post goes depends on its places
_NEEDS = {
    **dict.fromkeys(_DIRECT, vocabulary.DIRECT),
    **dict.fromkeys(outbox_city.SAID, vocabulary.CITY),
    **dict.fromkeys(outbox_city.ANSWERED, vocabulary.DIRECT),
    **dict.fromkeys((outbox_hub.FOLLOW, outbox_hub.ACCEPT), vocabulary.CITY),
    reports.REPORT: reports.AGGREGATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for a peer, and what came of earlier attempts."""

    delivery: Delivery
    at: datetime
    last_status: int | None

    @property
    def expires_at(self) -> datetime:
        """When it is worth no further attempt."""
        if self.delivery.verb.endswith(_REMOVALS):
            return self.at + REMOVAL_LIFETIME
        return self.at + (LIFETIME if self.delivery.inbox is None else STRANGERS_LIFETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A peer that can be sent to now. `troubled`: the last attempt failed, so this one is a trial.

    `stranger`: a server of other software, where followers are.
    """

    peer: int
    troubled: bool
    stranger: bool


# -- what waits --------------------------------------------------------------------------------------------------------

# from one peer to the next along the index of what waits, however many letters wait for each
_HOSTS = """
WITH RECURSIVE waiting(peer) AS (
    SELECT MIN(peer) FROM delivery WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT MIN(d.peer) FROM delivery d WHERE d.state = 'waiting' AND d.peer > w.peer)
    FROM waiting w WHERE w.peer IS NOT NULL
)
SELECT {columns} FROM waiting w LEFT JOIN host h ON h.peer = w.peer LEFT JOIN peer p ON p.id = w.peer
WHERE w.peer IS NOT NULL AND h.paused_at IS NULL
"""
_DUE = _HOSTS.format(columns="w.peer, COALESCE(h.failures, 0), COALESCE(p.state, '') = 'stranger'") + (
    "AND COALESCE(h.next_at, 0) <= ? ORDER BY 3, COALESCE(h.next_at, 0), w.peer"
)
_NEXT_DUE = _HOSTS.format(columns="MIN(COALESCE(h.next_at, ?))")
_COLUMNS = (
    DeliveryTable.peer,
    DeliveryTable.epoch,
    DeliveryTable.number,
    DeliveryTable.verb,
    DeliveryTable.object,
    DeliveryTable.version,
    DeliveryTable.attempts,
    DeliveryTable.activity,
    DeliveryTable.inbox,
)
# as a literal, or the partial index on what waits is not used
_IS_WAITING = DeliveryTable.state == peewee.SQL("'waiting'")
_FIRST = Compiled(
    lambda: (
        DeliveryTable.select(*_COLUMNS, DeliveryTable.at, DeliveryTable.last_status)
        .where(DeliveryTable.peer == hole("peer"), _IS_WAITING)
        .order_by(DeliveryTable.epoch, DeliveryTable.number)
        .limit(hole("limit"))
    )
)


def due(db: peewee.Database, now: datetime) -> list[Due]:
    """The peers for which something waits and to whom nobody is sending; who rests or is paused is left out.

    Neighbours come first, and of them who has waited longest.
    """
    rows = db.execute_sql(_DUE.replace("?", db.param), [milliseconds(now)]).fetchall()
    return [Due(peer=peer, troubled=failures > 0, stranger=bool(stranger)) for peer, failures, stranger in rows]


def next_due(db: peewee.Database, now: datetime) -> datetime | None:
    """When something can be sent next: now or earlier when it can be at once, None when nothing waits."""
    row = db.execute_sql(_NEXT_DUE.replace("?", db.param), [milliseconds(now)]).fetchone()
    return None if row is None or row[0] is None else from_milliseconds(int(row[0]))


def first(db: peewee.Database, peer: int, limit: int = BATCH) -> list[Waiting]:
    """What a peer is to get next, in order."""
    return [
        Waiting(delivery=Delivery(*row[:9]), at=from_milliseconds(row[9]), last_status=row[10])
        for row in _FIRST.rows(db, peer=peer, limit=limit)
    ]


def may_go(db: peewee.Database, delivery: Delivery, now: datetime) -> bool:
    """Whether the peer may still have this: recipients were chosen when it happened, and may have been lost since.

    A removal always goes, that of our neighbourhood with it included, and so does peering itself. To a blocked peer
    nothing else does. Raises NotFound.
    """
    if delivery.verb.endswith(_REMOVALS):
        return True
    if peers.get(db, delivery.peer).trust is Trust.BLOCKED:
        return False
    if delivery.inbox is not None:
        return outbox_followers.may_go(db, delivery)
    if delivery.verb.startswith(("peer.", "metrics.")) and delivery.verb not in _NEEDS:
        return True
    return _is_granted(db, delivery, now)


def _is_granted(db: peewee.Database, delivery: Delivery, now: datetime) -> bool:
    granted = peers.grants(db, peer_id=delivery.peer, ours=True, now=now)
    if delivery.verb in _NEEDS:
        return _NEEDS[delivery.verb] in granted
    if delivery.verb in outbox_hub.SAID:  # a server may have left the hub since
        return delivery.peer in hubs.members_at(db, now=now)
    return _may_be_read(db, delivery, granted, now)


def _may_be_read(db: peewee.Database, delivery: Delivery, granted: Container[str], now: datetime) -> bool:
    """Whether a post is for the peer. One that is hidden is for nobody: shown again, it is said anew."""
    post = _standing(db, delivery.object)
    root = post if post.root is None else _standing(db, post.root)
    if post.hidden or root.hidden:
        return False
    if root.uri is None or root.audience is Audience.CITY:
        return outbox.is_reader(db, post, root, delivery.peer, now)
    return vocabulary.scope_of(post.audience) in granted


def _standing(db: peewee.Database, post_id: int) -> Standing:
    found = posts.standing(db, post_id)
    if found is None:
        raise NotFound
    return found


# -- what became of it -------------------------------------------------------------------------------------------------


def _offer_sent(uow: UnitOfWork, delivery: Delivery, sent: Sent) -> None:
    help_requests.sent(uow, kind="offer", id=delivery.object, state=sent)


def _message_sent(uow: UnitOfWork, delivery: Delivery, sent: Sent) -> None:
    help_requests.sent(uow, kind="message", id=delivery.object, state=sent)


# who waits for an answer is told how far it got
OUTCOMES: dict[str, Callable[[UnitOfWork, Delivery, Sent], None]] = {
    "offer.send": _offer_sent,
    "message.create": _message_sent,
    reports.REPORT: reports.settled,
    **dict.fromkeys(city_messages.SAYINGS, city_messages.settled),
    **dict.fromkeys(city_answers.SAYINGS, city_answers.settled),
}
_SENT = {
    Outcome.DONE: Sent.ARRIVED,
    Outcome.REFUSED: Sent.FAILED,
    Outcome.EXPIRED: Sent.FAILED,
    Outcome.DROPPED: Sent.FAILED,
}
_NOTE = Compiled(
    lambda: DeliveryTable.update(
        state=hole("state"),
        attempts=DeliveryTable.attempts + 1,
        last_status=hole("status"),
        last_error=hole("error"),
        done_at=hole("done_at"),
    ).where(
        DeliveryTable.peer == hole("peer"),
        DeliveryTable.epoch == hole("epoch"),
        DeliveryTable.number == hole("number"),
        _IS_WAITING,
    )
)


def settle(uow: UnitOfWork, lease: Lease, attempts: Sequence[tuple[Waiting, Result]]) -> Lease | None:
    """Write down what became of attempts, in order. The lease with which the stream goes on, None at its end.

    A lease that was lost meanwhile ends the stream, and what is known about the letters is kept all the same.
    """
    _wonder(uow, lease.peer, attempts)
    troubles.noted(uow, lease.peer, [result for _, result in attempts])
    answer: Result | None = None
    for waiting, tried in attempts:
        result = _given_up(uow, waiting, tried)
        if result.outcome is Outcome.RETRY:
            _note(uow, waiting, result, state=outbox.WAITING)
            hosts.failed(uow, lease, result)
            _tell_who_waits(uow, lease.peer)
            return None
        unsayable = result.outcome is Outcome.UNSAYABLE
        _note(uow, waiting, result, state=outbox.DROPPED if unsayable else result.outcome.value, done=True)
        if waiting.delivery.verb in OUTCOMES and not unsayable:
            OUTCOMES[waiting.delivery.verb](uow, waiting.delivery, _SENT[result.outcome])
        if result.status is not None and (answer is None or result.outcome is Outcome.REFUSED):  # that stands out
            answer = result
    if answer is not None:
        done = any(result.outcome is Outcome.DONE for _, result in attempts)
        hosts.answered(uow, lease.peer, answer, done=done)
    held = hosts.renew(uow, lease, uow.now + hosts.LEASE)
    if held is None:
        return None
    if first(uow.db, lease.peer, 1):
        return held
    hosts.release(uow, held)
    return None


def _wonder(uow: UnitOfWork, peer: int, attempts: Sequence[tuple[Waiting, Result]]) -> None:
    """Have a peer that answers like a stranger looked at: is it still the one that we agreed with?

    An inbox on other software that says it is gone takes its followers with it.
    """
    if any(result.status in _STRANGE for waiting, result in attempts if waiting.delivery.inbox is None):
        peers.look_soon(uow, peer_id=peer)
    for waiting, result in attempts:
        if result.status == _GONE and waiting.delivery.inbox is not None:
            visitors.forget_inbox(uow, inbox=waiting.delivery.inbox)


def taken_over(uow: UnitOfWork, *, peer: int, epoch: int, upto: int) -> None:
    """A peer asks for what comes after a number of its stream: it has all before that, and need not be sent it."""
    known = DeliveryTable.select(*_COLUMNS).where(
        DeliveryTable.peer == peer, DeliveryTable.epoch == epoch, DeliveryTable.number <= upto, _IS_WAITING
    )
    for row in list(known.tuples().execute(uow.db)):
        delivery = Delivery(*row)
        waiting = Waiting(delivery=delivery, at=uow.now, last_status=None)
        _note(
            uow, waiting, Result(outcome=Outcome.DONE, reason="it was asked for"), state=Outcome.DONE.value, done=True
        )
        if delivery.verb in OUTCOMES:
            OUTCOMES[delivery.verb](uow, delivery, Sent.ARRIVED)


def _given_up(uow: UnitOfWork, waiting: Waiting, result: Result) -> Result:
    """A server that has not known our signature for a day will not learn it."""
    if result.status != 401 or waiting.last_status != 401:
        return result
    since = hosts.health(uow.db, waiting.delivery.peer).trouble_since
    if since is None or uow.now - since < UNAUTHENTICATED_FOR:
        return result
    return Result(outcome=Outcome.REFUSED, status=401, reason=result.reason)


def _tell_who_waits(uow: UnitOfWork, peer: int) -> None:
    """All who wait for an answer from there are told that it takes longer."""
    held_up = DeliveryTable.select(*_COLUMNS).where(
        DeliveryTable.peer == peer, _IS_WAITING, DeliveryTable.verb.in_(list(OUTCOMES))
    )
    for row in list(held_up.tuples().execute(uow.db)):
        delivery = Delivery(*row)
        OUTCOMES[delivery.verb](uow, delivery, Sent.TROUBLE)


def _note(uow: UnitOfWork, waiting: Waiting, result: Result, *, state: str, done: bool = False) -> None:
    delivery = waiting.delivery
    _NOTE.run(
        uow.db,
        state=state,
        status=result.status,
        error=hosts.short(result.reason),
        done_at=milliseconds(uow.now) if done else None,
        peer=delivery.peer,
        epoch=delivery.epoch,
        number=delivery.number,
    )
