"""What every engine promises about its lanes."""

import asyncio
from datetime import timedelta
from typing import Any

import peewee
import pytest

from fedhood.kernel.compiled import Compiled, among, hole
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict
from fedhood.kernel.facts import FactTable
from fedhood.kernel.state import InstanceTable

pytestmark = pytest.mark.both_databases


def put(uow: UnitOfWork, name: str, value: Any = 1) -> str:
    InstanceTable.insert(name=name, value=value).execute(uow.db)
    return name


def refuse(uow: UnitOfWork, name: str) -> None:
    put(uow, name)
    uow.wake_worker()
    raise Conflict(name)


def names(db: peewee.Database) -> set[str]:
    return {row.name for row in InstanceTable.select().execute(db)}


async def test_what_is_written_is_read(running: Database):
    assert await running.write(put, "host", value={"a": [1, "é"]}) == "host"
    assert await running.read(lambda db: InstanceTable.select().execute(db)[0].value) == {"a": [1, "é"]}
    assert await running.survey(names) == {"host"}


async def test_a_write_is_whole_or_not_at_all(running: Database):
    with pytest.raises(Conflict):
        await running.write(refuse, "half")
    assert await running.read(names) == set()


async def test_a_failing_write_takes_no_other_along(running: Database):
    acts = [running.write(refuse if number % 3 == 0 else put, str(number)) for number in range(60)]
    told = await asyncio.gather(*acts, return_exceptions=True)
    assert {str(number) for number in range(60) if not isinstance(told[number], Exception)} == await running.read(names)
    assert sum(isinstance(each, Conflict) for each in told) == 20


@pytest.mark.parametrize("lane", ["read", "survey"])
async def test_a_reading_lane_cannot_write(running: Database, lane: str):
    with pytest.raises(peewee.DatabaseError):
        await getattr(running, lane)(lambda db: InstanceTable.insert(name="x", value=1).execute(db))
    assert await running.read(names) == set()


def test_looking_cannot_write(database: Database):
    with pytest.raises(peewee.DatabaseError):
        database.look(lambda db: InstanceTable.insert(name="x", value=1).execute(db))
    assert database.look(names) == set()


def test_here_and_now_is_a_transaction_too(database: Database):
    database.transact(put, "kept")
    with pytest.raises(Conflict):
        database.transact(refuse, "lost")
    with pytest.raises(peewee.IntegrityError):
        database.transact(put, "kept")
    assert database.look(names) == {"kept"}


def test_a_use_case_is_handed_one_moment(database: Database, clock):
    def moments(uow: UnitOfWork):
        before = uow.now
        clock.move(timedelta(hours=1))
        return before == uow.now

    assert database.transact(moments)


async def test_the_worker_is_woken_by_what_is_durable(running: Database):
    seen: list[set[str]] = []
    running.on_wake = lambda: seen.append({"woken"})
    await running.write(put, "quiet")
    with pytest.raises(Conflict):
        await running.write(refuse, "refused")
    assert seen == []

    def wake(uow: UnitOfWork) -> None:
        uow.wake_worker()

    await running.write(wake)
    running.transact(wake)
    assert seen == [{"woken"}] * 2


async def test_a_write_that_nobody_waits_for_any_more_is_still_whole(running: Database):
    waiting = asyncio.ensure_future(running.write(put, "left"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await running.write(put, "next")
    assert await running.read(names) >= {"next"}


def test_a_compiled_query_takes_fresh_values_each_time(database: Database):
    by_name = Compiled(lambda: InstanceTable.select(InstanceTable.value).where(InstanceTable.name == hole("name")))
    database.transact(put, "a", value="first")
    database.transact(put, "b", value="second")
    assert database.look(lambda db: by_name.row(db, name="a")) == ('"first"',)
    assert database.look(lambda db: by_name.row(db, name="b")) == ('"second"',)
    assert database.look(lambda db: by_name.row(db, name="c")) is None


@pytest.mark.parametrize("wanted", [[], [2], [1, 3, 99]])
def test_a_compiled_query_takes_a_list(database: Database, wanted: list[int]):
    among_ids = Compiled(
        lambda: FactTable.select(FactTable.id).where(among(FactTable.object, "objects")).order_by(FactTable.id)
    )

    def fill(uow: UnitOfWork) -> None:
        for number in range(1, 4):
            FactTable.insert(kind="x", at=uow.now, cursor=0, object=number).execute(uow.db)

    database.transact(fill)
    rows = database.look(lambda db: among_ids.rows(db, objects=wanted))
    assert len(rows) == len(set(wanted) & {1, 2, 3})


def test_closing_twice_is_closing_once(database: Database):
    database.look(names)
    asyncio.run(database.close())
    asyncio.run(database.close())
