"""Neighbourhoods: founded here, remembered from elsewhere, and which reads which."""

from __future__ import annotations

import pytest

from fedhood.core import neighbourhoods
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from tests.support.people import neighbourhood

pytestmark = pytest.mark.both_databases
OAK = "https://oak.example/ap/groups/oak"


def test_a_neighbourhood_is_founded_with_a_key_made_of_its_name(database):
    elm = database.transact(
        neighbourhoods.create,
        name="  Ünter den  Linden ",
        languages=("de", "en"),
        households=1200,
        households_source="City register",
        households_on="2026-01-01",
    )
    found = database.look(neighbourhoods.get, elm)
    assert (found.key, found.name, found.languages) == ("unter-den-linden", "Ünter den Linden", ("de", "en"))
    assert (found.households, found.households_source, found.households_on) == (1200, "City register", "2026-01-01")
    assert found.peer is None
    assert found.version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "Elm", "key": "Elm Street"},
        {"name": "Elm", "key": "-elm"},
        {"name": "Elm", "key": "e" * 41},
        {"name": "中"},
        {"name": "Elm", "households": 0},
    ],
)
def test_a_name_a_key_or_a_count_that_cannot_be_is_refused(database, wrong):
    with pytest.raises(Invalid):
        database.transact(neighbourhoods.create, **wrong)
    assert database.look(neighbourhoods.ours) == []


def test_two_of_ours_never_share_a_key_and_a_peers_key_is_its_own_affair(database):
    neighbourhood(database, "Oak")
    with pytest.raises(Conflict):
        neighbourhood(database, "Oak")
    theirs = database.transact(neighbourhoods.remember, peer=1, uri=OAK, key="oak", name="The other Oak")
    assert database.look(neighbourhoods.by_key, "oak").id != theirs


def test_only_those_of_this_server_are_ours_by_name(database):
    neighbourhood(database, "Oak")
    neighbourhood(database, "Ash")
    database.transact(neighbourhoods.remember, peer=1, uri="https://a.example/ap/groups/a", key="a", name="Aspen")
    assert [one.name for one in database.look(neighbourhoods.ours)] == ["Ash", "Oak"]
    assert database.look(neighbourhoods.by_key, "a") is None


def test_a_peers_neighbourhood_is_remembered_once_and_by_its_newest_name(database):
    first = database.transact(neighbourhoods.remember, peer=1, uri=OAK, key="oak", name="oak")
    again = database.transact(neighbourhoods.remember, peer=1, uri=OAK, key="oak", name="Oak Lane")
    assert first == again
    found = database.look(neighbourhoods.by_uri, OAK)
    assert (found.name, found.version, found.peer) == ("Oak Lane", 2, 1)
    assert [one.id for one in database.look(neighbourhoods.of_peer, 1)] == [first]


def test_no_peer_takes_over_the_neighbourhood_of_another(database):
    database.transact(neighbourhoods.remember, peer=1, uri=OAK, key="oak", name="Oak")
    with pytest.raises(Conflict):
        database.transact(neighbourhoods.remember, peer=2, uri=OAK, key="oak", name="Mine now")
    assert database.look(neighbourhoods.by_uri, OAK).name == "Oak"


def test_what_is_not_there_is_not_found(database):
    with pytest.raises(NotFound):
        database.look(neighbourhoods.get, 7)
    assert database.look(neighbourhoods.by_uri, OAK) is None
    assert database.look(neighbourhoods.many, [7]) == {}


def test_a_pair_lets_one_read_the_other_and_not_the_other_way(database):
    elm, oak = neighbourhood(database, "Elm"), neighbourhood(database, "Oak")
    database.transact(neighbourhoods.pair, writer=elm, reader=oak)
    database.transact(neighbourhoods.pair, writer=elm, reader=oak)
    assert database.look(neighbourhoods.may_read, writer=elm, reader=oak)
    assert not database.look(neighbourhoods.may_read, writer=oak, reader=elm)
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"]


def test_a_pair_that_ended_lets_nobody_read_and_can_begin_anew(database):
    elm, oak = neighbourhood(database, "Elm"), neighbourhood(database, "Oak")
    database.transact(neighbourhoods.pair, writer=elm, reader=oak)
    for _ in range(2):
        database.transact(neighbourhoods.unpair, writer=elm, reader=oak)
    assert not database.look(neighbourhoods.may_read, writer=elm, reader=oak)
    assert database.look(neighbourhoods.readers_of, elm) == []
    database.transact(neighbourhoods.pair, writer=elm, reader=oak)
    assert database.look(neighbourhoods.may_read, writer=elm, reader=oak)


def test_a_neighbourhood_is_no_neighbour_of_itself(database):
    elm = neighbourhood(database, "Elm")
    with pytest.raises(Invalid):
        database.transact(neighbourhoods.pair, writer=elm, reader=elm)


def test_the_house_rules_may_be_written_and_emptied(database):
    elm = neighbourhood(database, "Elm")
    database.transact(neighbourhoods.set_rules, neighbourhood=elm, rules="Be kind.\r\n")
    assert database.look(neighbourhoods.get, elm).rules == "Be kind."
    database.transact(neighbourhoods.set_rules, neighbourhood=elm, rules="")
    found = database.look(neighbourhoods.get, elm)
    assert (found.rules, found.version) == ("", 3)
