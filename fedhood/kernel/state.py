"""What must hold across processes: who has which id slot, when a task last ran, what this server is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.kernel.errors import Overloaded
from fedhood.kernel.ids import SLOTS
from fedhood.kernel.tables import JsonField, MomentField, Table, p0

if TYPE_CHECKING:
    from fedhood.kernel.engine import UnitOfWork

SLOT_HELD = timedelta(minutes=2)


class SlotTable(Table):
    """A process that makes ids."""

    slot = p0(peewee.IntegerField(primary_key=True))
    seen_at = p0(MomentField())

    class Meta:
        table_name = "process_slot"


class RunTable(Table):
    """When a periodic task last ran."""

    name = p0(peewee.TextField(primary_key=True))
    last_at = p0(MomentField())

    class Meta:
        table_name = "schedule_run"


class InstanceTable(Table):
    """Named facts about this server: the host its peers know, whether set-up is done."""

    name = p0(peewee.TextField(primary_key=True))
    value = p0(JsonField())

    class Meta:
        table_name = "instance"


def claim_slot(uow: UnitOfWork, *, held: int | None = None, alone: bool = False) -> int:
    """A slot that no living process makes ids with; or keep the one that is held. To be repeated every minute.

    `alone`: the caller knows that every other holder is dead, however short ago it was seen. Raises Overloaded when
    64 processes live.
    """
    if held is not None:
        SlotTable.update(seen_at=uow.now).where(SlotTable.slot == held).execute(uow.db)
        return held
    dead = SlotTable.delete()
    if not alone:
        dead = dead.where(SlotTable.seen_at < uow.now - SLOT_HELD)
    dead.execute(uow.db)
    taken = {row.slot for row in SlotTable.select(SlotTable.slot).execute(uow.db)}
    free = next((slot for slot in range(SLOTS) if slot not in taken), None)
    if free is None:
        raise Overloaded("64 processes make ids already", retry_after=120)
    SlotTable.insert(slot=free, seen_at=uow.now).execute(uow.db)
    return free


def give_slot_back(uow: UnitOfWork, *, held: int) -> None:
    """The process stops."""
    SlotTable.delete().where(SlotTable.slot == held).execute(uow.db)


def is_due(uow: UnitOfWork, *, name: str, every: timedelta) -> bool:
    """Whether a periodic task is due by this server's clock; if so, it is noted as run now."""
    for row in RunTable.select().where(RunTable.name == name).execute(uow.db):
        if uow.now - row.last_at < every:
            return False
        return bool(
            RunTable.update(last_at=uow.now)
            .where(RunTable.name == name, RunTable.last_at == row.last_at)
            .execute(uow.db)
        )
    RunTable.insert(name=name, last_at=uow.now).execute(uow.db)
    return True


def read(db: peewee.Database, name: str) -> Any:
    """A named fact about this server, None when it was never written."""
    for row in InstanceTable.select().where(InstanceTable.name == name).execute(db):
        return row.value
    return None


def write(uow: UnitOfWork, *, name: str, value: Any) -> None:
    """Write a named fact about this server."""
    InstanceTable.delete().where(InstanceTable.name == name).execute(uow.db)
    InstanceTable.insert(name=name, value=value).execute(uow.db)
