"""The room of the hosts: who may send to one at this moment, and how sending to it goes.

    well ──no answer, or "later"──▶ in trouble ──nothing but that on seven days──▶ parked
      ▲                               rests for 15 seconds, then longer and longer    tried once a day
      └──────────── any answer, or anything that is heard from it ────────────────────┘

Who sends to a host holds a lease on it: `next_at` in the future, which is also how a host rests. A lease is fenced, so
that two processes never both go on; a host that somebody paused gives none, and the one that is held is lost. After a
failure a host is tried with one letter, the oldest: this is the circuit breaker of other servers, with the host's rest
as its delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import troubles
from fedhood.adapters.activitypub.answers import LONGEST_REST
from fedhood.adapters.activitypub.tables import HostTable
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, among, hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import peewee

    from fedhood.adapters.activitypub.answers import Result
    from fedhood.kernel.engine import UnitOfWork

LEASE = timedelta(seconds=90)  # an attempt takes 30 seconds at most, and a stream renews it long before
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
PARKED_AFTER = 7  # days of failures
PARKED_REST = timedelta(days=1)

_MOST_REASON = 200
_EPOCH_DAY = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day, not a moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to send to a peer until a moment, which is also what it is known by."""

    peer: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How sending to a host goes."""

    failures: int
    trouble_since: datetime | None
    failed_days: int
    failed_on: int | None


_NEVER = Health(failures=0, trouble_since=None, failed_days=0, failed_on=None)
_ADD = Compiled(
    lambda: HostTable.insert(
        {
            HostTable.peer: hole("peer"),
            HostTable.next_at: hole("now"),
            HostTable.failures: 0,
            HostTable.failed_days: 0,
        }
    ).on_conflict_ignore()
)
_TAKE = Compiled(
    lambda: (
        HostTable.update(next_at=hole("until"))
        .where(among(HostTable.peer, "peers"), HostTable.next_at <= hole("now"), HostTable.paused_at.is_null())
        .returning(HostTable.peer)
    )
)
_KNOWN = Compiled(lambda: HostTable.select(HostTable.peer).where(among(HostTable.peer, "peers")))
_HEALTH = Compiled(
    lambda: HostTable.select(
        HostTable.failures,
        HostTable.trouble_since,
        HostTable.failed_days,
        HostTable.failed_on,
    ).where(HostTable.peer == hole("peer"))
)
_RENEW = Compiled(
    lambda: (
        HostTable.update(next_at=hole("next_at"))
        .where(HostTable.peer == hole("peer"), HostTable.next_at == hole("until"), HostTable.paused_at.is_null())
        .returning(HostTable.peer)
    )
)
_ANSWERED = Compiled(
    lambda: HostTable.update(
        failures=0, trouble_since=None, failed_days=0, failed_on=None, last_status=hole("status"), last_error=None
    ).where(HostTable.peer == hole("peer"))
)
_DONE = Compiled(lambda: HostTable.update(last_ok=hole("now")).where(HostTable.peer == hole("peer")))


def take(uow: UnitOfWork, wanted: Sequence[int], now: datetime) -> list[Lease]:
    """Leases on those of these peers that nobody else was faster to take."""
    known = {peer for (peer,) in _KNOWN.rows(uow.db, peers=list(wanted))}
    for peer in wanted:
        if peer not in known:
            _ADD.run(uow.db, peer=peer, now=milliseconds(now))
    # as it will be read again: a lease is known by its moment
    until = from_milliseconds(milliseconds(now + LEASE))
    taken = _TAKE.rows(uow.db, peers=list(wanted), now=milliseconds(now), until=milliseconds(until))
    return [Lease(peer=peer, until=until) for (peer,) in taken]


def renew(uow: UnitOfWork, lease: Lease, until: datetime) -> Lease | None:
    """Hold a lease until another moment (now or earlier gives it back); None when it was lost."""
    kept = _RENEW.row(uow.db, peer=lease.peer, until=milliseconds(lease.until), next_at=milliseconds(until))
    return None if kept is None else Lease(peer=lease.peer, until=from_milliseconds(milliseconds(until)))


def release(uow: UnitOfWork, lease: Lease) -> None:
    """Give a lease back, unless it was lost."""
    renew(uow, lease, uow.now)


def release_all(uow: UnitOfWork) -> None:
    """Give back what a killed process held; for engines with one process. Hosts in trouble go on resting.

    A rest that is longer than any was begun by a clock that has been set back since.
    """
    held = (HostTable.failures == 0) | (HostTable.next_at > uow.now + LONGEST_REST)
    HostTable.update(next_at=uow.now).where(held, HostTable.next_at > uow.now).execute(uow.db)


_WAKE = Compiled(
    lambda: HostTable.update(next_at=hole("now"), failed_days=0, failed_on=None).where(
        HostTable.peer == hole("peer"), HostTable.failures > 0, HostTable.next_at > hole("now")
    )
)


def heard_from(uow: UnitOfWork, *, peer_id: int) -> None:
    """A peer in trouble showed that it is alive: it is tried again at once."""
    _WAKE.run(uow.db, peer=peer_id, now=milliseconds(uow.now))


_PAUSED = Compiled(
    lambda: HostTable.select(HostTable.peer).where(
        HostTable.peer == hole("peer"), HostTable.paused_at.is_null(is_null=False)
    )
)


def is_paused(db: peewee.Database, peer_id: int) -> bool:
    """Whether somebody here lets nothing go to this host."""
    return _PAUSED.row(db, peer=peer_id) is not None


def health(db: peewee.Database, peer_id: int) -> Health:
    """How sending to this host goes."""
    row = _HEALTH.row(db, peer=peer_id)
    if row is None:
        return _NEVER
    return Health(
        failures=row[0],
        trouble_since=_moment(row[1]),
        failed_days=row[2],
        failed_on=row[3],
    )


def answered(uow: UnitOfWork, peer_id: int, result: Result, *, done: bool) -> None:
    """A host gave an answer, were it a refusal: it is alive. `done`: it took something."""
    _ANSWERED.run(uow.db, peer=peer_id, status=result.status)
    if done:
        _DONE.run(uow.db, peer=peer_id, now=milliseconds(uow.now))
    else:
        _change(uow, peer_id, last_error=short(result.reason))


def failed(uow: UnitOfWork, lease: Lease, result: Result) -> None:
    """A host gave no answer, or one that says "later": it rests."""
    known = health(uow.db, lease.peer)
    today = uow.now.toordinal() - _EPOCH_DAY
    days = known.failed_days + (known.failed_on != today)
    usual = BACKOFF[min(known.failures, len(BACKOFF) - 1)]
    rest = PARKED_REST if days >= PARKED_AFTER else (result.rest or usual)
    change: dict[str, Any] = {
        "failures": known.failures + 1,
        "trouble_since": known.trouble_since or uow.now,
        "failed_days": days,
        "failed_on": today,
        "last_status": result.status,
        "last_error": short(result.reason),
    }
    # whoever took a lost lease over sends now, and finds out how it goes
    if renew(uow, lease, uow.now + rest) is not None:
        _change(uow, lease.peer, **change)
        if known.failed_days < PARKED_AFTER <= days:
            troubles.parked(uow, lease.peer)


def _change(uow: UnitOfWork, peer_id: int, **change: Any) -> None:
    HostTable.update(**change).where(HostTable.peer == peer_id).execute(uow.db)


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)


def short(reason: str | None) -> str | None:
    """A reason as it is kept: 200 characters at most."""
    return None if reason is None else reason[:_MOST_REASON]
