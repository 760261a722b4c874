"""What only PostgreSQL has to show: repeats, and connections that go."""

import importlib
from typing import Any

import peewee
import psycopg
import pytest

from fedhood.kernel.clock import Clock
from fedhood.kernel.database import open_database
from fedhood.kernel.engine import UnitOfWork
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import SqliteDatabase
from fedhood.kernel.state import InstanceTable


@pytest.fixture
def postgres(postgres_server: Any, clock: Clock, consequences: Any):
    with postgres_server.filled() as dsn:
        yield open_database(Settings(database=dsn), clock=clock, new_id=IdMaker(clock), consequences=consequences)


class Unlucky:
    """Fails in the database's name a number of times, then succeeds."""

    def __init__(self, failure: type[psycopg.Error], times: int) -> None:
        self.failure = failure
        self.left = times
        self.runs = 0

    def __call__(self, uow: UnitOfWork) -> str:
        self.runs += 1
        InstanceTable.insert(name="unlucky", value=self.runs).execute(uow.db)
        if self.left:
            self.left -= 1
            raise peewee.OperationalError("unlucky") from self.failure("unlucky")
        return "done"


@pytest.mark.parametrize("failure", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
async def test_a_deadlock_is_tried_again_twice(postgres, failure):
    unlucky = Unlucky(failure, 2)
    assert await postgres.write(unlucky) == "done"
    assert unlucky.runs == 3
    assert await postgres.read(lambda db: InstanceTable.select().execute(db)[0].value) == 3
    await postgres.close()


async def test_and_not_a_third_time(postgres):
    unlucky = Unlucky(psycopg.errors.DeadlockDetected, 3)
    with pytest.raises(peewee.OperationalError):
        await postgres.write(unlucky)
    assert await postgres.read(lambda db: InstanceTable.select().count(db)) == 0
    await postgres.close()


async def test_another_failure_is_not_tried_again(postgres):
    unlucky = Unlucky(psycopg.errors.DiskFull, 1)
    with pytest.raises(peewee.OperationalError):
        await postgres.write(unlucky)
    assert unlucky.runs == 1
    await postgres.close()


async def test_a_closed_database_holds_no_connection(postgres_server, clock, consequences):
    with postgres_server.filled() as dsn:
        database = open_database(Settings(database=dsn), clock=clock, new_id=IdMaker(clock), consequences=consequences)
        await database.write(lambda uow: uow.now)
        database.look(lambda db: db.get_tables())
        await database.close()
        with psycopg.connect(dsn, autocommit=True) as connection:
            count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            assert connection.execute(count).fetchone() == (1,)


def test_the_settings_choose_the_engine(tmp_path, clock, consequences):
    parts = {"clock": clock, "new_id": IdMaker(clock), "consequences": consequences}
    assert isinstance(open_database(Settings(data_dir=tmp_path), **parts), SqliteDatabase)
    engine = importlib.import_module("fedhood.kernel.postgres")
    assert isinstance(open_database(Settings(database="postgresql://"), **parts), engine.PostgresDatabase)
