"""A dry run of something that arrived tells what would come of it, and changes nothing, whatever comes of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import peewee
import pytest

from fedhood.adapters.activitypub import forwarded, handlers, reasons, replay
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.adapters.activitypub.tables import ActorKeyTable, InboundTable, RemoteActorTable
from fedhood.adapters.http.paths import Ending, Fate, Kept, Reason
from fedhood.all_tables import TABLES
from fedhood.core import neighbourhoods
from fedhood.kernel.errors import NotFound
from fedhood.kernel.facts import FactTable
from tests.adapters.activitypub.arriving import Here, here, keep, letter, proved, understand_next

GROUP = "https://elm.example/ap/groups/elm"
WORDS = ("Water main", "Alice", "border")


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


def arrived(place: Here, activity: dict[str, Any], **also: Any) -> int:
    """Something that was kept and not read yet; `also` changes the row."""
    number = place.database.transact(keep, activity, scoped=True, peer=place.world.peer)
    if also:
        place.database.transact(
            lambda uow: InboundTable.update(**also).where(InboundTable.id == number).execute(uow.db)
        )
    return number


def everything(place: Here) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""

    def dumped(db: peewee.Database) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table._meta.table_name: sorted(map(repr, db.execute_sql(f'SELECT * FROM "{table._meta.table_name}"')))
            for table in TABLES
        }

    return place.database.look(dumped)


async def looked_at(place: Here, number: int):
    """A dry run after which everything is as it was."""
    before = everything(place)
    came = await replay.rehearse(place.federation, number)
    assert everything(place) == before
    assert place.web.asked == []
    assert not any(word in repr(came) for word in WORDS)
    return came


@pytest.mark.both_databases
async def test_what_would_be_taken_in_is_told_by_its_facts_and_tables_and_then_comes_so(oak: Here) -> None:
    number = arrived(oak, proved(letter("13")))
    came = await looked_at(oak, number)
    assert (came.ending, came.reason, came.code) == (Ending.TAKEN_IN, None, "")
    changed = {(table, how) for table, how, _ in came.tables}
    assert ("post", "insert") in changed
    assert ("post_place", "insert") in changed
    counts = {table._meta.table_name: len(oak.rows(table)) for table in TABLES}
    assert await understand_next(oak.federation)
    assert oak.fate(number) == "understood"
    for table, how, rows in came.tables:
        if how == "insert":
            assert len(oak.rows(next(one for one in TABLES if one._meta.table_name == table))) == counts[table] + rows
    assert came.facts == tuple((kind, 1) for kind in sorted(fact.kind for fact in oak.rows(FactTable)))


async def test_it_may_be_looked_at_as_often_as_one_likes_also_when_it_was_read(oak: Here) -> None:
    number = arrived(oak, proved(letter("13")))
    assert (await looked_at(oak, number)) == (await looked_at(oak, number))
    await understand_next(oak.federation)
    again = await looked_at(oak, number)
    assert (again.ending, again.facts) == (Ending.TAKEN_IN, ())


@pytest.mark.both_databases
async def test_what_would_be_refused_says_why_in_a_code_and_changes_nothing(oak: Here) -> None:
    activity = letter("13")
    activity["object"]["actor"] = GROUP
    came = await looked_at(oak, arrived(oak, proved(activity, inner=False), state="refused", reason="author: x"))
    assert came.ending is Ending.REFUSED
    assert came.reason is not None
    assert reasons.REASONS[came.code] is came.reason
    assert (came.facts, came.tables) == ((), ())


async def test_what_speaks_of_what_is_not_here_would_be_put_off(oak: Here) -> None:
    came = await looked_at(oak, arrived(oak, proved(letter("17a")), state="parked", reason="orphan: x"))
    assert (came.ending, came.reason, came.code) == (Ending.PUT_OFF, Reason.MISSING, "orphan")


@pytest.mark.both_databases
async def test_a_fault_halfway_is_undone_and_told(oak: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = proved(letter("13"))
    usual = handlers.HANDLERS[handlers.kind_of(activity)]

    def halfway(uow, context) -> None:
        usual.receive(uow, context)
        neighbourhoods.create(uow, name="Nowhere")
        raise RuntimeError("the roof fell in")

    faulty: Handler = dataclasses.replace(usual, receive=halfway)
    monkeypatch.setitem(handlers.HANDLERS, handlers.kind_of(activity), faulty)
    came = await looked_at(oak, arrived(oak, activity))
    assert (came.ending, came.reason, came.tables) == (Ending.FAULT, Reason.FAULT, ())


@pytest.mark.both_databases
async def test_a_fault_of_the_database_itself_is_undone_too(oak: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = proved(letter("13"))
    usual = handlers.HANDLERS[handlers.kind_of(activity)]

    def broken(uow, context) -> None:
        usual.receive(uow, context)
        uow.db.execute_sql("INSERT INTO nothing_of_the_kind VALUES (1)")

    monkeypatch.setitem(handlers.HANDLERS, handlers.kind_of(activity), dataclasses.replace(usual, receive=broken))
    assert (await looked_at(oak, arrived(oak, activity))).ending is Ending.FAULT


async def test_nobody_is_asked_and_that_somebody_would_have_to_be_is_said(oak: Here) -> None:
    number = arrived(oak, proved(letter("13")))
    oak.database.transact(lambda uow: RemoteActorTable.delete().execute(uow.db))
    assert oak.rows(ActorKeyTable) == []  # nor are keys made to ask with
    came = await looked_at(oak, number)
    assert (came.ending, came.code) == (Ending.ASKS, replay.ASKS)


async def test_a_kind_that_is_not_known_would_be_ignored(oak: Here) -> None:
    wave = {"id": "https://elm.example/ap/activities/1", "type": "Wave", "actor": GROUP, "object": {"type": "Hand"}}
    came = await looked_at(oak, arrived(oak, wave))
    assert (came.ending, came.reason, came.code) == (Ending.IGNORED, Reason.UNKNOWN_KIND, "kind")


async def test_what_is_not_proved_would_be_refused(oak: Here) -> None:
    came = await looked_at(oak, arrived(oak, letter("13")))
    assert (came.ending, came.reason) == (Ending.REFUSED, Reason.PROOF)


async def test_of_what_was_taken_back_nothing_is_left_to_be_read(oak: Here) -> None:
    assert (await looked_at(oak, arrived(oak, letter("13"), body=b"", state="refused"))).ending is Ending.NOT_KEPT


async def test_who_looks_after_one_neighbour_is_shown_nothing_of_another(oak: Here) -> None:
    number = arrived(oak, proved(letter("13")))
    assert (await replay.rehearse(oak.federation, number, peer=oak.world.peer)).ending is Ending.TAKEN_IN
    with pytest.raises(NotFound):
        await replay.rehearse(oak.federation, number, peer=oak.world.peer + 1)
    with pytest.raises(NotFound):
        await replay.rehearse(oak.federation, number + 1)
    aside = arrived(oak, {**letter("13"), "id": "https://elm.example/ap/activities/2"}, state=forwarded.FORWARDED)
    with pytest.raises(NotFound):
        await replay.rehearse(oak.federation, aside)


# -- the list of what was not taken in ---------------------------------------------------------------------------------


def plain(number: int) -> dict[str, Any]:
    return {"id": f"https://elm.example/ap/activities/{number}", "type": "Wave", "actor": GROUP}


def untaken(place: Here, *, before: int | None = None, peer: int = 0) -> list[Kept]:
    return place.database.look(replay.untaken, peer or place.world.peer, before)


def test_what_was_not_taken_in_is_listed_a_page_at_a_time(oak: Here) -> None:
    states = ["refused", "parked", "ignored", "dead", "understood", "waiting", forwarded.FORWARDED]
    for number in range(70):
        arrived(oak, plain(number), state=states[number % 7], reason="orphan: it is not here")
    first = untaken(oak)
    assert len(first) == replay.ON_A_PAGE
    assert {one.arrived.fate for one in first} == {Fate.REFUSED, Fate.PARKED, Fate.IGNORED, Fate.DEAD}
    assert {one.arrived.reason for one in first} == {Reason.MISSING}
    second = untaken(oak, before=first[-1].id)
    numbers = [one.id for one in first + second]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 40
    assert untaken(oak, before=second[-1].id) == []
    assert untaken(oak, peer=oak.world.peer + 1) == []


def test_the_list_is_read_along_an_index_of_its_own(oak: Here) -> None:
    def plan(db: peewee.Database) -> str:
        sql, _ = replay._UNTAKEN._statement(db)
        return str(db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall())

    found = oak.database.look(plan)
    assert "inbound_not_taken" in found
    assert "TEMP B-TREE" not in found
