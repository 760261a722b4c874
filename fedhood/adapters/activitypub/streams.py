"""The room of the stream to each peer: what waits, who may send it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import outbox, reports, vocabulary
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.core import help_requests, peers, posts
from fedhood.core.help_requests import Sent
from fedhood.core.peers import Trust
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from fedhood.kernel.engine import UnitOfWork

LEASE = timedelta(seconds=90)  # an attempt takes 30 seconds at most, and each renews it
BACKOFF = (
    timedelta(seconds=15),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
# a removal is worth more patience than what it removes
LIFETIME = timedelta(days=14)
REMOVAL_LIFETIME = timedelta(days=30)
UNAUTHENTICATED_FOR = timedelta(hours=24)
_MOST_REASON = 200

_REMOVALS = (".delete", ".undo", ".reject")
_DIRECT = frozenset({"offer.send", "offer.accept", "offer.reject", "message.create", "help.confirm", "flag"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to send to a peer until a moment, which is also what it is known by."""

    peer: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The first that waits for a peer, and what came of earlier attempts."""

    delivery: Delivery
    at: datetime
    last_status: int | None

    @property
    def expires_at(self) -> datetime:
        """When it is worth no further attempt."""
        is_removal = self.delivery.verb.endswith(_REMOVALS)
        return self.at + (REMOVAL_LIFETIME if is_removal else LIFETIME)


# -- what waits --------------------------------------------------------------------------------------------------------

# as a literal, or the partial index on what waits is not used
_IS_WAITING = DeliveryTable.state == peewee.SQL("'waiting'")


def _with_host(*columns: Any) -> Any:
    return (
        DeliveryTable.select(*columns)
        .join(HostTable, peewee.JOIN.LEFT_OUTER, on=(HostTable.peer == DeliveryTable.peer))
        .where(_IS_WAITING)
    )


_DUE = Compiled(
    lambda: (
        _with_host(DeliveryTable.peer)
        .where(HostTable.peer.is_null() | (HostTable.next_at <= hole("now")))
        .distinct()
        .order_by(DeliveryTable.peer)
    )
)
_NEXT_DUE = Compiled(lambda: _with_host(peewee.fn.MIN(peewee.fn.COALESCE(HostTable.next_at, hole("now")))))
_COLUMNS = (
    DeliveryTable.peer,
    DeliveryTable.epoch,
    DeliveryTable.number,
    DeliveryTable.verb,
    DeliveryTable.object,
    DeliveryTable.version,
    DeliveryTable.attempts,
    DeliveryTable.activity,
)
_FIRST = Compiled(
    lambda: (
        DeliveryTable.select(*_COLUMNS, DeliveryTable.at, DeliveryTable.last_status)
        # numbers begin at 1: said here, it leads SQLite to the index on what waits; else it reads all a peer ever got
        .where(DeliveryTable.peer == hole("peer"), _IS_WAITING, DeliveryTable.number > peewee.SQL("0"))
        .order_by(DeliveryTable.epoch + 0, DeliveryTable.number)
        .limit(1)
    )
)


def due(db: peewee.Database, now: datetime) -> list[int]:
    """The peers for which something waits and to which nobody is sending, those at rest left out."""
    return [row[0] for row in _DUE.rows(db, now=milliseconds(now))]


def next_due(db: peewee.Database, now: datetime) -> datetime | None:
    """When something can be sent next: now or earlier when it can be at once, None when nothing waits."""
    row = _NEXT_DUE.row(db, now=milliseconds(now))
    return None if row is None or row[0] is None else from_milliseconds(int(row[0]))


def first(db: peewee.Database, peer: int) -> Waiting | None:
    """What a peer is to get next."""
    row = _FIRST.row(db, peer=peer)
    if row is None:
        return None
    return Waiting(delivery=Delivery(*row[:8]), at=from_milliseconds(row[8]), last_status=row[9])


def may_go(db: peewee.Database, delivery: Delivery, now: datetime) -> bool:
    """Whether the peer may still have this: recipients were chosen when it happened, and may have been lost since.

    A removal always goes, that of our neighbourhood with it included, and so does peering itself. To a blocked peer
    nothing else does. Raises NotFound.
    """
    if delivery.verb.endswith(_REMOVALS):
        return True
    if peers.get(db, delivery.peer).trust is Trust.BLOCKED:
        return False
    if delivery.verb.startswith("peer."):
        return True
    granted = peers.grants(db, peer_id=delivery.peer, ours=True, now=now)
    if delivery.verb.startswith("metrics."):
        return delivery.verb != reports.REPORT or reports.AGGREGATE in granted
    if delivery.verb in _DIRECT:
        return vocabulary.DIRECT in granted
    return _may_be_read(db, delivery, granted, now)


def _may_be_read(db: peewee.Database, delivery: Delivery, granted: Container[str], now: datetime) -> bool:
    """Whether a post is for the peer. One that is hidden is for nobody: shown again, it is said anew."""
    post = posts.row(db, post_id=delivery.object)
    root = post if post.root is None else posts.row(db, post_id=post.root)
    if post.hidden_at is not None or root.hidden_at is not None:
        return False
    if root.uri is None:
        return delivery.peer in outbox.readers(db, post, now)
    return vocabulary.scope_of(post.audience) in granted


# -- who sends ---------------------------------------------------------------------------------------------------------


def take(uow: UnitOfWork, wanted: Iterable[int], now: datetime) -> list[Lease]:
    """Leases on those of these peers that nobody else was faster to take."""
    until = now + LEASE
    taken = []
    for peer in wanted:
        HostTable.insert(peer=peer, next_at=now).on_conflict_ignore().execute(uow.db)
        free = (HostTable.peer == peer, HostTable.next_at <= now)
        if HostTable.update(next_at=until).where(*free).execute(uow.db):
            taken.append(Lease(peer=peer, until=until))
    return taken


def release(uow: UnitOfWork, lease: Lease) -> None:
    """Give a lease back, unless it was lost."""
    _set_host(uow, lease, next_at=uow.now)


def release_all(uow: UnitOfWork) -> None:
    """Give back what a killed process held; for engines with one process. Hosts in trouble go on resting."""
    HostTable.update(next_at=uow.now).where(HostTable.failures == 0, HostTable.next_at > uow.now).execute(uow.db)


def heard_from(uow: UnitOfWork, *, peer_id: int) -> None:
    """A peer in trouble showed that it is alive: it is tried again at once."""
    HostTable.update(next_at=uow.now).where(
        HostTable.peer == peer_id, HostTable.failures > 0, HostTable.next_at > uow.now
    ).execute(uow.db)


def _set_host(uow: UnitOfWork, lease: Lease, **change: Any) -> bool:
    mine = (HostTable.peer == lease.peer, HostTable.next_at == lease.until)
    return bool(HostTable.update(**change).where(*mine).execute(uow.db))


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
}
_SENT = {
    Outcome.DONE: Sent.ARRIVED,
    Outcome.REFUSED: Sent.FAILED,
    Outcome.EXPIRED: Sent.FAILED,
    Outcome.DROPPED: Sent.FAILED,
}


def settle(uow: UnitOfWork, lease: Lease, waiting: Waiting, result: Result) -> Lease | None:
    """Write down what became of an attempt. The lease with which the stream goes on, None when it has come to its end.

    A lease that was lost meanwhile ends the stream, and what is known about the letter is kept all the same.
    """
    failures, since = _host(uow, lease.peer)
    result = _given_up(uow, since, waiting, result)
    if result.outcome is Outcome.RETRY:
        _note(uow, waiting, result, state=outbox.WAITING)
        _trouble(uow, lease, result, failures, since or uow.now)
        return None
    unsayable = result.outcome is Outcome.UNSAYABLE
    _note(uow, waiting, result, state=outbox.DROPPED if unsayable else result.outcome.value, done_at=uow.now)
    if waiting.delivery.verb in OUTCOMES and not unsayable:
        OUTCOMES[waiting.delivery.verb](uow, waiting.delivery, _SENT[result.outcome])
    more = first(uow.db, lease.peer) is not None
    until = uow.now + LEASE if more else uow.now
    answered: dict[str, Any] = {}
    if result.status is not None:  # a refusal is a sign of life too
        answered = {"failures": 0, "trouble_since": None, "last_error": _short(result.reason)}
    if result.outcome is Outcome.DONE:
        answered["last_ok"] = uow.now
    kept = _set_host(uow, lease, next_at=until, **answered)
    return Lease(peer=lease.peer, until=until) if kept and more else None


def _host(uow: UnitOfWork, peer: int) -> tuple[int, datetime | None]:
    """How often in a row sending failed, and since when."""
    for row in HostTable.select().where(HostTable.peer == peer).execute(uow.db):
        return row.failures, row.trouble_since
    return 0, None


def _given_up(uow: UnitOfWork, since: datetime | None, waiting: Waiting, result: Result) -> Result:
    """A server that has not known our signature for a day will not learn it."""
    if result.status != 401 or waiting.last_status != 401 or since is None:
        return result
    if uow.now - since < UNAUTHENTICATED_FOR:
        return result
    return Result(outcome=Outcome.REFUSED, status=401, reason=result.reason)


def _trouble(uow: UnitOfWork, lease: Lease, result: Result, failures: int, since: datetime) -> None:
    """The host rests; all who wait for an answer from there are told that it takes longer."""
    rest = result.rest or BACKOFF[min(failures, len(BACKOFF) - 1)]
    _set_host(
        uow,
        lease,
        failures=failures + 1,
        next_at=uow.now + rest,
        trouble_since=since,
        last_error=_short(result.reason),
    )
    held_up = DeliveryTable.select(*_COLUMNS).where(
        DeliveryTable.peer == lease.peer, _IS_WAITING, DeliveryTable.verb.in_(list(OUTCOMES))
    )
    for row in held_up.tuples().execute(uow.db):
        delivery = Delivery(*row)
        OUTCOMES[delivery.verb](uow, delivery, Sent.TROUBLE)


def _note(uow: UnitOfWork, waiting: Waiting, result: Result, *, state: str, done_at: datetime | None = None) -> None:
    delivery = waiting.delivery
    DeliveryTable.update(
        state=state,
        attempts=DeliveryTable.attempts + 1,
        last_status=result.status,
        last_error=_short(result.reason),
        done_at=done_at,
    ).where(
        DeliveryTable.peer == delivery.peer,
        DeliveryTable.epoch == delivery.epoch,
        DeliveryTable.number == delivery.number,
        DeliveryTable.state == outbox.WAITING,
    ).execute(uow.db)


def _short(reason: str | None) -> str | None:
    return None if reason is None else reason[:_MOST_REASON]
