"""The room of how far each neighbour's stream was heard, and whether something is missing.

Every delivery of a neighbour carries its place in the neighbour's stream to us (`Fedhood-Stream: e=EPOCH;n=NUMBER`).
A number that leaves others out says that something is missing. A new epoch says that the neighbour was restored from a
backup, and counts anew. What is missing is asked for (`catch_up`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub.tables import HeardTable
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.kernel.engine import UnitOfWork

HEADER = "Fedhood-Stream"
LARGEST = (1 << 31) - 1

_PLACE = re.compile(r"e=(?P<epoch>[0-9]{1,10});n=(?P<number>[0-9]{1,10})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a stream: its number there, and the epoch in which the number was given."""

    epoch: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How far a peer's stream was heard."""

    peer: int
    epoch: int
    upto: int
    behind: bool
    behind_since: datetime | None
    attempts: int


def place_of(text: str | None) -> Place | None:
    """What a `Fedhood-Stream` header says; None for one that says nothing usable."""
    match = _PLACE.fullmatch((text or "").strip())
    if match is None:
        return None
    place = Place(epoch=int(match["epoch"]), number=int(match["number"]))
    return place if max(place.epoch, place.number) <= LARGEST else None


def header_of(place: Place) -> str:
    """The same, to be sent."""
    return f"e={place.epoch};n={place.number}"


_HEARD = Compiled(
    lambda: HeardTable.select(
        HeardTable.peer,
        HeardTable.epoch,
        HeardTable.upto,
        HeardTable.behind,
        HeardTable.behind_since,
        HeardTable.attempts,
    ).where(HeardTable.peer == hole("peer"))
)
_ADVANCE = Compiled(lambda: HeardTable.update(upto=hole("upto")).where(HeardTable.peer == hole("peer")))


def heard(uow: UnitOfWork, *, peer: int, place: Place) -> None:
    """A delivery came with this place in the peer's stream. Whether something before it is missing is noted."""
    before = known(uow.db, peer)
    if before is None:
        HeardTable.insert(peer=peer, epoch=place.epoch, upto=place.number).on_conflict_ignore().execute(uow.db)
        return
    if place.epoch < before.epoch or (place.epoch == before.epoch and place.number <= before.upto):
        return  # it was said before, and is said again
    upto = before.upto
    if place.epoch > before.epoch:
        upto = 0
        HeardTable.update(epoch=place.epoch, upto=0).where(HeardTable.peer == peer).execute(uow.db)
    if place.number == upto + 1:
        _ADVANCE.run(uow.db, peer=peer, upto=place.number)
    elif not before.behind:
        HeardTable.update(behind=True, behind_since=uow.now, ask_at=uow.now, attempts=0).where(
            HeardTable.peer == peer
        ).execute(uow.db)
        uow.wake_worker()


def known(db: peewee.Database, peer: int) -> Heard | None:
    """How far a peer's stream was heard, None before its first delivery."""
    row = _HEARD.row(db, peer=peer)
    if row is None:
        return None
    return Heard(
        peer=row[0],
        epoch=row[1],
        upto=row[2],
        behind=bool(row[3]),
        behind_since=None if row[4] is None else from_milliseconds(row[4]),
        attempts=row[5],
    )
