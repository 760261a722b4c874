"""The room of what is kept and not read yet: of whom there is something, and what is read next, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub.tables import NOT_WAITING, HeardTable, InboundTable
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

BATCH = 32
PARKED = "parked"

STRANGERS = 0  # the reader of servers that are not known: they have no number
PUT_OFF = -1  # the reader of what is parked
APART = frozenset({STRANGERS, PUT_OFF})  # whom another server nearly always has to be asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A row of what arrived, as it was when it was looked at."""

    id: int
    uri: str
    peer: int
    signer: str
    about: str | None
    scoped: bool
    body: bytes
    received_at: datetime
    state: str
    attempts: int
    next_at: datetime


# from one server to the next along the index of what waits, however much waits of each
_SENDERS = """
WITH RECURSIVE sender(peer) AS (
    SELECT MIN(peer) FROM inbound WHERE state = 'waiting'
    UNION ALL
    SELECT (SELECT MIN(i.peer) FROM inbound i WHERE i.state = 'waiting' AND i.peer > s.peer)
    FROM sender s WHERE s.peer IS NOT NULL
)
SELECT peer FROM sender WHERE peer IS NOT NULL
"""
_COLUMNS = (
    InboundTable.id,
    InboundTable.uri,
    InboundTable.peer,
    InboundTable.signer,
    InboundTable.about,
    InboundTable.scoped,
    InboundTable.body,
    InboundTable.received_at,
    InboundTable.state,
    InboundTable.attempts,
    InboundTable.next_at,
)
# as a literal, or the partial index on what waits is not used
_IS_WAITING = InboundTable.state == peewee.SQL("'waiting'")
_BY_ID = Compiled(lambda: InboundTable.select(*_COLUMNS).where(InboundTable.id == hole("id")))
_FIRST = Compiled(
    lambda: (
        InboundTable.select(*_COLUMNS)
        .where(InboundTable.peer == hole("peer"), _IS_WAITING)
        .order_by(InboundTable.epoch, InboundTable.number, InboundTable.id)
        .limit(hole("limit"))
    )
)
_FIRST_AT = Compiled(
    lambda: (
        InboundTable.select(InboundTable.next_at)
        .where(InboundTable.peer == hole("peer"), _IS_WAITING)
        .order_by(InboundTable.epoch, InboundTable.number, InboundTable.id)
        .limit(1)
    )
)
_PARKED = Compiled(
    lambda: (
        InboundTable.select(*_COLUMNS)
        .where(InboundTable.state == PARKED, NOT_WAITING, InboundTable.next_at <= hole("now"))
        .order_by(InboundTable.next_at)
        .limit(hole("limit"))
    )
)
_BEHIND = Compiled(
    lambda: HeardTable.select(HeardTable.epoch, HeardTable.upto).where(
        HeardTable.peer == hole("peer"), HeardTable.behind
    )
)


def due(db: peewee.Database, now: datetime, busy: set[int]) -> list[int]:
    """Of whom something can be read now and is not being read."""
    senders = [peer for (peer,) in db.execute_sql(_SENDERS).fetchall()]
    return [reader for reader in (*senders, PUT_OFF) if reader not in busy and _may_read(db, now, reader)]


def _may_read(db: peewee.Database, now: datetime, reader: int) -> bool:
    """Whether there is something for this reader; the bytes are not looked at where that can be told without."""
    if reader not in APART and _BEHIND.row(db, peer=reader) is None:
        first = _FIRST_AT.row(db, peer=reader)
        return first is not None and first[0] <= milliseconds(now)
    return bool(following(db, now, reader, limit=1))


def following(db: peewee.Database, now: datetime, reader: int, *, limit: int = BATCH) -> list[Arrival]:
    """What one reader is to read now, in order. What waits for another moment holds up what comes behind it.

    Of servers that are not known each signer is a sender of their own.
    """
    if reader == PUT_OFF:
        return [_arrival(row) for row in _PARKED.rows(db, now=milliseconds(now), limit=limit)]
    rows = [_arrival(row) for row in _FIRST.rows(db, peer=reader, limit=BATCH if reader == STRANGERS else limit)]
    behind = _BEHIND.row(db, peer=reader)
    if behind is not None:
        # what was sent before these was not heard yet, and is being asked for
        rows = _without_gap(db, reader, rows, *behind)
    held_up: set[str] = set()
    ready: list[Arrival] = []
    for row in rows:
        if row.next_at > now:
            held_up.add(row.signer)
            if reader != STRANGERS:
                break
        if row.signer not in held_up:
            ready.append(row)
    return ready[:limit]


def one(db: peewee.Database, number: int) -> Arrival | None:
    """An arrival by its number, whatever became of it; None for none."""
    row = _BY_ID.row(db, id=number)
    return None if row is None else _arrival(row)


def _without_gap(db: peewee.Database, reader: int, rows: list[Arrival], epoch: int, upto: int) -> list[Arrival]:
    heard = InboundTable.select(InboundTable.id).where(
        InboundTable.id.in_([row.id for row in rows]),
        (InboundTable.epoch < epoch) | ((InboundTable.epoch == epoch) & (InboundTable.number <= upto)),
    )
    ids = {row.id for row in heard.execute(db)}
    return [row for row in rows if row.id in ids]


def _arrival(row: Sequence[Any]) -> Arrival:
    return Arrival(
        id=row[0],
        uri=row[1],
        peer=row[2],
        signer=row[3],
        about=row[4],
        scoped=bool(row[5]),
        body=bytes(row[6]),
        received_at=from_milliseconds(row[7]),
        state=row[8],
        attempts=row[9],
        next_at=from_milliseconds(row[10]),
    )
