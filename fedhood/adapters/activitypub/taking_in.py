"""The room where what was weighed is taken in: what follows from it, and what became of it, in one transaction."""

from __future__ import annotations

import traceback
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import hosts, proofs, unread
from fedhood.adapters.activitypub.arrivals import WAITING
from fedhood.adapters.activitypub.believing import TOO_FRESH
from fedhood.adapters.activitypub.handlers.acting import ORPHAN
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.activitypub.unread import PARKED
from fedhood.adapters.activitypub.weighing import FAULT, IGNORED, LONGEST_REASON, Believed, Outcome
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import FedhoodError, Overloaded, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.unread import Arrival
    from fedhood.adapters.activitypub.weighing import Weighed
    from fedhood.kernel.engine import UnitOfWork

UNDERSTOOD = "understood"
REFUSED = "refused"
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

_GIVEN_UP = frozenset({REFUSED, IGNORED, DEAD})
MAY_HOLD_LATER = frozenset({ORPHAN, TOO_FRESH, proofs.FUTURE})


def take_in(uow: UnitOfWork, read: Sequence[tuple[Arrival, Weighed]]) -> None:
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
        return _outcome(uow, row, FAULT)
    finally:
        uow.db.execute_sql("RELEASE SAVEPOINT arrival")
    return None


def _outcome(uow: UnitOfWork, row: Arrival, refusal: FedhoodError | Outcome) -> Outcome:
    if isinstance(refusal, Outcome):
        return refusal
    reason = f"{refusal.code}: {refusal.detail}"[:LONGEST_REASON]
    if isinstance(refusal, RemoteFailure | Overloaded):
        return _later(uow.db, row, uow.now, reason)
    if refusal.code in MAY_HOLD_LATER:
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
