"""What arrived is read here: who speaks, whether their word holds, and what follows from it.

    waiting ──▶ understood            taken in, in one transaction with what follows
            ──▶ refused               contradicts itself, is forged, or may not be; kept with its reason
            ──▶ ignored               of a kind that is not known here; kept
            ──▶ waiting, later ──▶ parked ──▶ dead    another server has to be asked and does not answer
            ──▶ parked ──▶ dead       speaks about what is not here (yet), by a key that is not known (yet),
                                        or by a clock that runs before ours

Every server is read by a reader of its own, in the order of its stream, several activities in one transaction; the
first that waits holds up those behind it, once. What is parked is tried for three days, and holds up nobody: it has a
reader of its own, and so have the servers that are not known.
"""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import believing, handlers, hosts, proofs, unread
from fedhood.adapters.activitypub.arrivals import WAITING
from fedhood.adapters.activitypub.handlers.acting import ORPHAN
from fedhood.adapters.activitypub.handlers.contract import Context
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.activitypub.unread import PARKED, Arrival
from fedhood.adapters.http import strict_json
from fedhood.core import peers
from fedhood.kernel import urls
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import FedhoodError, Overloaded, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.handlers.contract import Handler
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

UNDERSTOOD = "understood"
REFUSED = "refused"
IGNORED = "ignored"
DEAD = "dead"

RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=2),
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(hours=8),
)
PATIENCE = timedelta(days=3)
MOST_PARKED = 1000  # of one server
MOST_READERS = 50
STEP = 2.0  # seconds that `pump` waits for readers who have to ask other servers

_LONGEST_REASON = 300
_GIVEN_UP = frozenset({REFUSED, IGNORED, DEAD})
_MAY_HOLD_LATER = frozenset({ORPHAN, believing.TOO_FRESH, proofs.FUTURE})
_FAULT = RemoteFailure("see the log", code="fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an activity, and why; `again_at` is set when it is to be tried once more."""

    state: str
    reason: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """An activity whose word holds, and how it is taken in."""

    handler: Handler
    context: Context


Read = Believed | FedhoodError | Outcome


async def begin(federation: Federation) -> list[asyncio.Task[None]]:
    """Begin to read what every server said that nobody reads yet; whether any was begun. Faults are raised here."""
    crew = federation.readers
    crew.reap()
    due = await federation.database.read(unread.due, federation.clock.now(), set(crew))
    chosen = due[: MOST_READERS - len(crew)]
    # where reading takes its time, something may have come between the last look and the end
    again = len(due) > len(chosen) or not federation.database.single_process
    then = federation.database.on_wake if again else None
    return [crew.begin(_read_all(federation, reader), reader, then=then) for reader in chosen]


async def pump(federation: Federation) -> bool:
    """`begin` for who steps by hand: returns when all readers have come to their end, or after two seconds."""
    ended = federation.readers.reap()
    begun = await begin(federation)
    if begun:
        await asyncio.wait(begun, timeout=STEP)
        federation.readers.reap()
    return ended or bool(begun)


async def stop(federation: Federation) -> None:
    """Break off what is under way; it is read again later."""
    await federation.readers.stop()


async def _read_all(federation: Federation, reader: int) -> None:
    """Read what waits of one server, until there is nothing more or it has to wait.

    Whatever comes of it, a fault included, the row is moved on: nothing that arrives can stop what comes after it.
    """
    database = federation.database
    while rows := await database.read(unread.following, federation.clock.now(), reader):
        read: list[tuple[Arrival, Read]] = []
        for row in rows:
            read.append((row, await _read(federation, row)))
            if _holds_up(*read[-1]):
                break
        try:
            await database.write(_take_in, read)
        except Overloaded:
            return  # it stays as it is and is read when there is room


def _read_bytes(body: bytes) -> dict[str, Any]:
    activity = strict_json.loads_object(body)
    proofs.refuse_rearranging(activity, body)
    return activity


def _holds_up(row: Arrival, read: Read) -> bool:
    """Whether what comes behind it is to be looked at only when this has been settled."""
    if isinstance(read, Believed):
        return read.handler.changes_belief
    return isinstance(read, RemoteFailure) and row.state == WAITING


async def _read(federation: Federation, row: Arrival) -> Read:
    """Whether an activity is to be taken in, and what is wrong with it otherwise. Nothing is changed here."""
    try:
        activity = federation.fresh.take(row.uri, row.body) or _read_bytes(row.body)
        kind = handlers.kind_of(activity)
        handler = handlers.HANDLERS.get(kind)
        if handler is None:
            return Outcome(state=IGNORED, reason=f"kind: {'/'.join(kind)}"[:_LONGEST_REASON])
        handler.verify(activity)
        peer = await federation.database.read(_peer_of, row)
        known = await believing.believe(
            federation, activity, peer=peer, signer=row.signer, needs=handler.needs(activity)
        )
    except FedhoodError as refusal:
        return refusal
    except Exception:  # noqa: BLE001 - a fault of ours: it is written down, and must not stop what comes after
        logger().error("inbound.fault", inbound=row.id, traceback=traceback.format_exc())
        return _FAULT
    context = Context(
        activity=activity,
        peer=peer,
        signer_uri=row.signer,
        scoped=row.scoped,
        addresses=federation.addresses,
        fetched=known,
    )
    return Believed(handler=handler, context=context)


# -- taking in ---------------------------------------------------------------------------------------------------------


def _take_in(uow: UnitOfWork, read: Sequence[tuple[Arrival, Read]]) -> None:
    """What follows from each, and that it was understood: each for itself, all on the disk together."""
    heard: set[int] = set()
    for row, one in read:
        outcome = _receive(uow, row, one) if isinstance(one, Believed) else _outcome(uow, row, one)
        if outcome is not None and _settle(uow, row, outcome):
            if row.peer == unread.STRANGERS and outcome.state in _GIVEN_UP:  # why is kept, and not what
                InboundTable.update(body=b"").where(InboundTable.id == row.id).execute(uow.db)
            logger().info("inbound.kept", state=outcome.state, reason=outcome.reason, peer=row.peer)
        elif isinstance(one, Believed) and one.context.peer is not None:
            heard.add(one.context.peer.id)
    for peer in heard:
        hosts.heard_from(uow, peer_id=peer)  # it is there: what waits for it is sent at once


def _receive(uow: UnitOfWork, row: Arrival, one: Believed) -> Outcome | None:
    """Take one in. None when it was understood, or another process was faster."""
    uow.hold(row.about or row.uri)  # a post and its removal are not taken in at once, by two readers
    uow.db.execute_sql("SAVEPOINT arrival")
    try:
        if not _settle(uow, row, Outcome(state=UNDERSTOOD)):
            return None
        one.handler.receive(uow, one.context)
    except FedhoodError as refusal:
        uow.db.execute_sql("ROLLBACK TO SAVEPOINT arrival")
        return _outcome(uow, row, refusal)
    except Exception:  # noqa: BLE001 - a fault of ours: it is written down, and must not stop what comes after
        uow.db.execute_sql("ROLLBACK TO SAVEPOINT arrival")
        logger().error("inbound.fault", inbound=row.id, traceback=traceback.format_exc())
        return _outcome(uow, row, _FAULT)
    finally:
        uow.db.execute_sql("RELEASE SAVEPOINT arrival")
    return None


def _outcome(uow: UnitOfWork, row: Arrival, refusal: FedhoodError | Outcome) -> Outcome:
    if isinstance(refusal, Outcome):
        return refusal
    reason = f"{refusal.code}: {refusal.detail}"[:_LONGEST_REASON]
    if isinstance(refusal, RemoteFailure | Overloaded):
        return _later(uow.db, row, uow.now, reason)
    if refusal.code in _MAY_HOLD_LATER:
        return _put_off(uow.db, row, uow.now, reason, state=PARKED)
    return Outcome(state=REFUSED, reason=reason)


# -- the rows ----------------------------------------------------------------------------------------------------------

_SETTLE = Compiled(
    lambda: (
        InboundTable.update(
            state=hole("to"), reason=hole("reason"), attempts=InboundTable.attempts + 1, next_at=hole("next_at")
        )
        .where(
            InboundTable.id == hole("id"),
            InboundTable.state == hole("state"),
            InboundTable.attempts == hole("attempts"),
        )
        .returning(InboundTable.id)
    )
)


def _peer_of(db: peewee.Database, row: Arrival) -> Peer | None:
    return peers.get(db, row.peer) if row.peer else peers.by_host(db, urls.authority(row.signer))


def _settle(uow: UnitOfWork, row: Arrival, outcome: Outcome) -> bool:
    """Write down what became of it. False when another process has done so."""
    changed = _SETTLE.row(
        uow.db,
        to=outcome.state,
        reason=outcome.reason,
        next_at=milliseconds(outcome.again_at or uow.now),
        id=row.id,
        state=row.state,
        attempts=row.attempts,
    )
    return changed is not None


def _later(db: peewee.Database, row: Arrival, now: datetime, reason: str) -> Outcome:
    """Somebody else does not answer, or we failed: it holds up what is behind it but once."""
    return _put_off(db, row, now, reason, state=WAITING if row.attempts == 0 else PARKED)


def _put_off(db: peewee.Database, row: Arrival, now: datetime, reason: str, *, state: str) -> Outcome:
    """What it speaks about is not here, or cannot be asked for, and may still come."""
    last = row.received_at + PATIENCE
    parked = InboundTable.select().where(InboundTable.state == PARKED, InboundTable.peer == row.peer)
    full = state == PARKED and row.state != PARKED and parked.count(db) >= MOST_PARKED
    if now >= last or full:
        return Outcome(state=DEAD, reason=reason)
    wait = RETRIES[min(row.attempts, len(RETRIES) - 1)]
    return Outcome(state=state, reason=reason, again_at=min(now + wait, last))
