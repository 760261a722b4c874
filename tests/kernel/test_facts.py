"""The log of facts, and a cursor that no late commit can slip under."""

import dataclasses
from typing import ClassVar

import peewee
import pytest

from fedhood.kernel import facts
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict
from tests.support.clocks import NOON


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Happened(facts.Fact):
    kind: ClassVar[str] = "test.happened"
    number: int | None = None


def record(uow: UnitOfWork, *numbers: int) -> None:
    for number in numbers:
        uow.record(Happened(number=number))


def numbers(told: list[facts.Told]) -> list[int]:
    return [each.rest["number"] for each in told]


def all_after(database: Database, cursor: facts.Cursor, limit: int = 500) -> list[facts.Told]:
    return database.look(facts.read_after, cursor, limit)


@pytest.mark.both_databases
def test_a_fact_stands_in_the_log_as_it_was_stated(database: Database, consequences):
    stated = Happened(neighbourhood=1, household=2, other_household=3, object=1 << 62, number=5)
    database.transact(lambda uow: uow.record(stated))
    (told,) = all_after(database, facts.BEGINNING)
    assert (told.kind, told.at, told.neighbourhood, told.household) == ("test.happened", NOON, 1, 2)
    assert (told.other_household, told.object, told.rest) == (3, 1 << 62, {"number": 5})
    assert consequences.facts == [stated]


@pytest.mark.both_databases
def test_a_fact_of_an_act_that_failed_was_none(database: Database):
    def fail(uow: UnitOfWork) -> None:
        record(uow, 1)
        raise Conflict

    with pytest.raises(Conflict):
        database.transact(fail)
    assert all_after(database, facts.BEGINNING) == []


@pytest.mark.both_databases
def test_what_follows_from_a_fact_is_in_its_transaction(database: Database, consequences):
    def refuse(_uow: UnitOfWork, _fact: facts.Fact) -> None:
        raise Conflict

    consequences.then = refuse
    with pytest.raises(Conflict):
        database.transact(record, 1)
    consequences.then = None
    assert all_after(database, facts.BEGINNING) == []


@pytest.mark.both_databases
def test_a_reader_goes_on_where_it_stopped(database: Database):
    for start in range(0, 20, 4):
        database.transact(record, *range(start, start + 4))
    cursor, read = facts.BEGINNING, []
    while told := all_after(database, cursor, limit=3):
        read += numbers(told)
        cursor = facts.after(told[-1])
    assert read == list(range(20))


@pytest.mark.both_databases
def test_facts_that_are_committed_in_the_wrong_order_are_both_read(
    database: Database, engine: str, request: pytest.FixtureRequest
):
    """The first to be numbered is the last to be committed; a reader comes by before, between and after."""
    database.transact(record, 0)
    (first,) = all_after(database, facts.BEGINNING)
    cursor = facts.after(first)
    read: list[int] = []

    def come_by() -> None:
        nonlocal cursor
        told = all_after(database, cursor)
        read.extend(numbers(told))
        cursor = facts.after(told[-1]) if told else cursor

    if engine == "sqlite":  # one writer: the second cannot even begin, so there is no wrong order

        def slow(uow: UnitOfWork) -> None:
            record(uow, 1)
            come_by()

        database.transact(slow)
        database.transact(record, 2)
    else:
        late = peewee.PostgresqlDatabase(database._db.database, prefer_psycopg3=True)
        with late.connection_context():
            with late.atomic():
                facts.keep(late, Happened(number=1), NOON)
                database.transact(record, 2)
                come_by()
                assert read == []
            come_by()
    come_by()
    assert read == [1, 2]


def test_a_fact_without_more_to_remember_keeps_no_json():
    assert Happened(object=1).rest() is None
