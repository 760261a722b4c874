"""Facts: what happened here, told once, kept for ever.

The `fact` table is the one log: notifications, deliveries and the city's figures follow from it. A fact carries no
name and no text. Its kind and its fields only grow; each kind has a golden file.

Readers keep a cursor that no late commit can slip under. On SQLite one writer numbers the facts in the order in which
they are committed, so the number is the cursor. On PostgreSQL a transaction that began earlier may commit later:
there the cursor is (transaction id, number), and only transactions are read below which nothing is still under way.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import peewee

from fedhood.kernel.clock import milliseconds
from fedhood.kernel.compiled import Compiled, hole, is_postgres
from fedhood.kernel.tables import JsonField, MomentField, Table, json_text, p0, p2

if TYPE_CHECKING:
    from datetime import datetime


class FactTable(Table):
    """The log itself."""

    id = p0(peewee.BigAutoField())
    kind = p0(peewee.TextField())
    at = p0(MomentField())
    cursor = p0(peewee.BigIntegerField())
    neighbourhood = p2(peewee.IntegerField(null=True))
    household = p2(peewee.IntegerField(null=True))
    other_household = p2(peewee.IntegerField(null=True))
    object = p2(peewee.BigIntegerField(null=True))
    rest = p2(JsonField(null=True))

    class Meta:
        table_name = "fact"
        indexes = ((("kind", "at"), False),)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened. Subclasses name it in the past tense and add what must be remembered.

    `neighbourhood`, `household` and `other_household` are counters of this instance, null where the act was not a
    resident's; `object` is the id of what it was done to.
    """

    kind: ClassVar[str]
    neighbourhood: int | None = None
    household: int | None = None
    other_household: int | None = None
    object: int | None = None

    def rest(self) -> dict[str, Any] | None:
        """All fields beyond the columns, as JSON values; None when there are none."""
        values = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in _COLUMNS
        }
        return {name: value for name, value in values.items() if value is not None} or None


_COLUMNS = {"neighbourhood", "household", "other_household", "object"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact as it stands in the log."""

    id: int
    cursor: int
    kind: str
    at: datetime
    neighbourhood: int | None
    household: int | None
    other_household: int | None
    object: int | None
    rest: dict[str, Any]


Cursor = tuple[int, int]
BEGINNING: Cursor = (0, 0)


def _insert(cursor: Any) -> Compiled:
    return Compiled(
        lambda: FactTable.insert(
            {
                FactTable.kind: hole("kind"),
                FactTable.at: hole("at"),
                FactTable.cursor: cursor,
                FactTable.neighbourhood: hole("neighbourhood"),
                FactTable.household: hole("household"),
                FactTable.other_household: hole("other_household"),
                FactTable.object: hole("object"),
                FactTable.rest: hole("rest"),
            }
        )
    )


_INSERT = {
    is_pg: _insert(cursor)
    for is_pg, cursor in (
        (False, 0),
        (True, peewee.SQL("(pg_current_xact_id()::text::bigint)")),
    )
}


def keep(db: peewee.Database, fact: Fact, at: datetime) -> None:
    """Write a fact down, in the transaction that is open."""
    _INSERT[is_postgres(db)].run(
        db,
        kind=fact.kind,
        at=milliseconds(at),
        neighbourhood=fact.neighbourhood,
        household=fact.household,
        other_household=fact.other_household,
        object=fact.object,
        rest=json_text(fact.rest()),
    )


def read_after(db: peewee.Database, cursor: Cursor, limit: int = 500) -> list[Told]:
    """The facts that come after a cursor, oldest first, and none that a later commit could still precede."""
    query = FactTable.select().order_by(FactTable.cursor, FactTable.id).limit(limit)
    if is_postgres(db):
        query = query.where(
            peewee.Tuple(FactTable.cursor, FactTable.id) > peewee.Tuple(*cursor),
            FactTable.cursor < peewee.SQL("(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"),
        )
    else:
        query = query.where(FactTable.id > cursor[1])
    return [told(row) for row in query.execute(db)]


def after(fact: Told) -> Cursor:
    """The cursor of a reader who has read this fact and all before it."""
    return (fact.cursor, fact.id)


def told(row: FactTable) -> Told:
    """A row of the log as a value."""
    return Told(
        id=row.id,
        cursor=row.cursor,
        kind=row.kind,
        at=row.at,
        neighbourhood=row.neighbourhood,
        household=row.household,
        other_household=row.other_household,
        object=row.object,
        rest=row.rest or {},
    )
