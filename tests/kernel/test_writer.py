"""SQLite's one writer: many units, one commit, and what happens when the disk says no."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peewee
import pytest

from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict, Overloaded
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.sqlite import SqliteDatabase, open_file
from fedhood.kernel.state import InstanceTable

UNITS = 1900


def put(uow: UnitOfWork, name: str, text: str = "") -> None:
    InstanceTable.insert(name=name, value=text).execute(uow.db)


def put_or_refuse(uow: UnitOfWork, number: int) -> None:
    put(uow, str(number))
    if number % 10 == 0:
        raise Conflict(str(number))


def names(db: peewee.Database) -> set[str]:
    return {row.name for row in InstanceTable.select().execute(db)}


class Statements:
    """The statements of the writer's own connection; the ones that `failing` begins with fail while it is set."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.said: list[str] = []
        self.failing: str | None = None
        self._run: Callable[..., Any] = database._writer_db.execute_sql
        database._writer_db.execute_sql = self

    def __call__(self, sql: str, parameters: Any = None) -> Any:
        self.said.append(sql)
        if self.failing and sql.startswith(self.failing):
            raise peewee.OperationalError("database or disk is full")
        return self._run(sql, parameters)


@pytest.fixture
def statements(running: SqliteDatabase) -> Statements:
    return Statements(running)


async def gather(database: Database, count: int) -> list[Any]:
    return await asyncio.gather(*(database.write(put_or_refuse, n) for n in range(count)), return_exceptions=True)


async def test_writes_that_wait_together_are_committed_together(running: SqliteDatabase, statements: Statements):
    told = await gather(running, UNITS)
    refused = {str(each) for each in told if isinstance(each, Conflict)}
    assert refused == {str(number) for number in range(0, UNITS, 10)}
    assert await running.read(names) == {str(number) for number in range(UNITS)} - refused
    assert statements.said.count("COMMIT") <= UNITS // 20


async def test_what_was_answered_is_in_the_file_for_everybody(running: SqliteDatabase):
    await running.write(put, "kept")
    other = open_file(running.path, read_only=True)
    with other.connection_context():
        assert names(other) == {"kept"}


def test_a_commit_waits_for_the_disk_and_leaves_the_log_to_the_writer(tmp_path: Path):
    db = open_file(tmp_path / "new.db")
    with db.connection_context():
        assert [db.pragma(name) for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "foreign_keys")] == [
            "wal",
            2,
            0,
            1,
        ]


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
async def test_a_failing_transaction_tells_everyone_no_and_the_writer_lives_on(
    running: SqliteDatabase, statements: Statements, statement: str
):
    statements.failing = statement
    told = await asyncio.gather(*(running.write(put, str(n)) for n in range(100)), return_exceptions=True)
    assert {type(each) for each in told} == {peewee.OperationalError}
    statements.failing = None
    assert await running.read(names) == set()
    await running.write(put, "after")
    assert await running.read(names) == {"after"}


async def test_on_a_full_disk_nobody_is_promised_what_is_not_there(running: SqliteDatabase):
    pages = await running.read(lambda db: db.pragma("page_count"))
    await running.write(lambda uow: uow.db.pragma("max_page_count", pages + 20))
    told = await asyncio.gather(
        *(running.write(put, str(n), "x" * 4000 if n % 2 else "") for n in range(120)), return_exceptions=True
    )
    promised = {str(number) for number, each in enumerate(told) if each is None}
    assert await running.read(names) == promised
    assert {type(each) for each in told} == {type(None), peewee.OperationalError}
    await running.write(lambda uow: uow.db.pragma("max_page_count", 1 << 20))
    await running.write(put, "after", "x" * 4000)
    assert await running.read(names) == promised | {"after"}


async def test_too_much_waiting_is_refused_at_once(tmp_path: Path, clock, consequences):
    database = SqliteDatabase(
        tmp_path / "small.db", clock=clock, new_id=IdMaker(clock), consequences=consequences, backlog=3
    )
    await database.start()
    begun, go_on = threading.Event(), threading.Event()

    def stand_still(_uow: UnitOfWork) -> None:
        begun.set()
        go_on.wait()

    first = asyncio.ensure_future(database.write(stand_still))
    await asyncio.to_thread(begun.wait)
    waiting = [asyncio.ensure_future(database.write(lambda _uow: "done")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await database.write(lambda _uow: None)
    assert refused.value.facts["retry_after"] == 5
    go_on.set()
    await first
    assert await asyncio.gather(*waiting) == ["done"] * 3
    assert await database.write(lambda _uow: "room again") == "room again"
    await database.close()


async def test_closing_finishes_what_waits(database: SqliteDatabase):
    await database.start()
    waiting = [asyncio.ensure_future(database.write(put, str(number))) for number in range(200)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*waiting)
    assert len(database.look(names)) == 200


async def test_a_reader_sees_the_moment_before_while_a_write_is_under_way(running: SqliteDatabase):
    begun, go_on = threading.Event(), threading.Event()

    def slow(uow: UnitOfWork) -> None:
        put(uow, "slow")
        begun.set()
        go_on.wait()

    under_way = asyncio.ensure_future(running.write(slow))
    await asyncio.to_thread(begun.wait)
    assert await running.read(names) == set()
    go_on.set()
    await under_way
    assert await running.read(names) == {"slow"}


async def test_the_command_line_may_write_beside_the_writer(running: SqliteDatabase):
    await asyncio.gather(
        asyncio.to_thread(lambda: [running.transact(put, f"here {n}") for n in range(50)]),
        *(running.write(put, f"there {n}") for n in range(50)),
    )
    assert len(await running.read(names)) == 100
