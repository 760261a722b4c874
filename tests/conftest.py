"""What every test may ask for: a clock that stands still, a database with all tables, and no way off this machine.

def test_…(database, clock):                 SQLite in a file of its own; `database.transact`, `database.look`
async def test_…(running):                   the same database, started: `await running.write(…)`
@pytest.mark.both_databases                  runs the test once on SQLite and once on PostgreSQL
def test_…(database, consequences):          `consequences.facts` were stated; set `consequences.then` to do more
"""

import asyncio
import importlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fedhood.kernel.engine import Database
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.sqlite import SqliteDatabase
from tests.support.clocks import FakeClock
from tests.support.consequences import Consequences
from tests.support.egress import GUARD

ENGINES = ("sqlite", "postgres")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_databases: run on SQLite and on PostgreSQL")
    config.addinivalue_line("markers", "leaves_this_machine: tries to speak to another machine, to see it refused")
    GUARD.install()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_databases") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def _egress(request: pytest.FixtureRequest) -> Iterator[None]:
    GUARD.take()
    yield
    attempts = GUARD.take()
    if attempts and not request.node.get_closest_marker("leaves_this_machine"):
        pytest.fail(f"the test spoke to another machine: {', '.join(attempts)}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def consequences() -> Consequences:
    return Consequences()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", ENGINES[0])


@pytest.fixture(scope="session")
def _all_tables_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("all-tables") / "fedhood.db"
    # not at the head of this file: a test without a database must not fail for a table that cannot be imported
    importlib.import_module("tests.support.databases").make_file(path)
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session's PostgreSQL server; FEDHOOD_TEST_PG names another than our own."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="fedhood-run-") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)  # where the development server keeps its lock; asked at import
        postgres = importlib.import_module("tests.support.postgres")
        server = postgres.PostgresServer(os.environ.get("FEDHOOD_TEST_PG"))
        yield server
        server.close()


@pytest.fixture
def database(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, consequences: Any
) -> Iterator[Database]:
    """A database with all tables and no rows, not started; it is closed with the test."""
    with ExitStack() as stack:
        parts = {"clock": clock, "new_id": IdMaker(clock), "consequences": consequences}
        if engine == "postgres":
            postgres = importlib.import_module("fedhood.kernel.postgres")
            dsn = stack.enter_context(request.getfixturevalue("postgres_server").filled())
            opened: Database = postgres.PostgresDatabase(dsn, **parts)
        else:
            shutil.copy(request.getfixturevalue("_all_tables_file"), tmp_path / "fedhood.db")
            opened = SqliteDatabase(tmp_path / "fedhood.db", **parts)
        stack.callback(lambda: asyncio.run(opened.close()))
        yield opened


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Database]:
    """`database`, started on the loop of this test."""
    await database.start()
    yield database
    await database.close()
