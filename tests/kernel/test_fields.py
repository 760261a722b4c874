"""Moments and JSON come back from the database as they went in, on both engines."""

from datetime import datetime, timedelta, timezone
from typing import Any

import peewee
import pytest

from fedhood.kernel import tables
from fedhood.kernel.engine import Database
from fedhood.kernel.state import InstanceTable, RunTable
from fedhood.kernel.tables import DataClass, JsonField, MomentField

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize(
    "value", [None, True, 0, -1, 1.5, "", "é\n\"\\'", [], {}, [1, [2, None]], {"b": 1, "a": {"c": "ü"}}]
)
def test_json_comes_back(database: Database, value: Any):
    database.transact(lambda uow: InstanceTable.insert(name="x", value={"in": value}).execute(uow.db))
    assert database.look(lambda db: InstanceTable.select().execute(db)[0].value) == {"in": value}


def test_a_moment_comes_back_in_utc_and_to_the_millisecond(database: Database):
    moment = datetime(2026, 11, 24, 13, 0, 0, 123999, tzinfo=timezone(timedelta(hours=1)))
    database.transact(lambda uow: RunTable.insert(name="x", last_at=moment).execute(uow.db))
    kept = database.look(lambda db: RunTable.select().execute(db)[0].last_at)
    assert kept == moment.replace(microsecond=123000)
    assert kept.utcoffset() == timedelta()


def test_moments_are_compared_in_queries(database: Database, clock):
    def fill(uow):
        for hours in range(3):
            RunTable.insert(name=str(hours), last_at=uow.now + timedelta(hours=hours)).execute(uow.db)

    database.transact(fill)
    later = RunTable.select().where(RunTable.last_at > clock.now())
    assert {row.name for row in database.look(later.execute)} == {"1", "2"}


def test_a_column_carries_the_class_that_was_said():
    marks = [tables.p0, tables.p1, tables.p2, tables.p3, tables.p4]
    assert [tables.data_class(mark(MomentField())) for mark in marks] == list(DataClass)
    assert tables.data_class(JsonField()) is None
    assert tables.data_class(tables.p2(peewee.TextField(null=True))) is DataClass.P2
