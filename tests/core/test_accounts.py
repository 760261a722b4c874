"""People: what they are called, how they are found, what stays when they go."""

from __future__ import annotations

import pytest

from fedhood.core import accounts, neighbourhoods
from fedhood.core.accounts import AccountErased, AccountState
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from tests.support.people import neighbourhood

pytestmark = pytest.mark.both_databases
BOB = "https://oak.example/ap/people/bob"


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


def create(database, home, name):
    account = database.transact(accounts.create, name=name, neighbourhood=home, language="nl")
    return database.look(accounts.get, account)


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Ana", "ana"),
        ("Zoë  d'Été", "zoe-d-ete"),
        ("  --  ", "neighbour"),
        ("李", "neighbour"),
        ("A" * 60, "a" * 24),
    ],
)
def test_a_handle_is_made_of_the_name_in_letters_that_every_keyboard_has(database, elm, name, handle):
    assert create(database, elm, name).handle == handle


def test_two_of_one_name_are_told_apart_by_a_number(database, elm):
    assert [create(database, elm, "Ana").handle for _ in range(3)] == ["ana", "ana-2", "ana-3"]


@pytest.mark.parametrize("name", ["Admin", "moderator", "CITY", "Instance", "figures", "Elm"])
def test_nobody_gets_a_handle_that_speaks_for_more_than_a_neighbour(database, elm, name):
    assert create(database, elm, name).handle == f"{name.lower()}-2"


def test_a_resident_is_found_by_every_name_they_have(database, elm):
    ana = create(database, elm, "Ana")
    assert (ana.neighbourhood, ana.language, ana.state, ana.peer, ana.uri) == (
        elm,
        "nl",
        AccountState.ACTIVE,
        None,
        None,
    )
    assert len(ana.key) == 16
    assert database.look(accounts.by_handle, "ana") == ana
    assert database.look(accounts.by_key, ana.key) == ana
    assert database.look(accounts.many, [ana.id, 99]) == {ana.id: ana}
    with pytest.raises(NotFound):
        database.look(accounts.get, 99)


def test_somebody_without_a_name_or_without_a_neighbourhood_cannot_move_in(database, elm):
    with pytest.raises(Invalid):
        create(database, elm, " \u202e ")
    with pytest.raises(Invalid):
        create(database, elm, "A" * 61)
    with pytest.raises(NotFound):
        create(database, 99, "Ana")


def test_another_language_raises_the_version_and_keeps_the_handle(database, elm):
    ana = create(database, elm, "Ana\tMaria")
    database.transact(accounts.speak, account=ana.id, language="fr")
    found = database.look(accounts.get, ana.id)
    assert (found.name, found.language, found.handle, found.version) == ("Ana Maria", "fr", "ana-maria", 2)


def test_somebody_elsewhere_is_remembered_once_and_by_their_newest_name(database):
    oak = database.transact(
        neighbourhoods.remember, peer=1, uri="https://oak.example/ap/groups/oak", key="oak", name="Oak"
    )
    first = database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=None)
    assert database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=oak) == first
    assert database.transact(accounts.remember, peer=1, uri=BOB, name="Robert", neighbourhood=None) == first
    found = database.look(accounts.by_uri, BOB)
    assert (found.name, found.neighbourhood, found.handle, found.peer, found.version) == ("Robert", oak, None, 1, 3)


def test_saying_the_same_about_somebody_elsewhere_changes_nothing(database):
    for _ in range(2):
        database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=None)
    assert database.look(accounts.by_uri, BOB).version == 1


def test_no_peer_speaks_for_the_people_of_another(database):
    database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=None)
    with pytest.raises(Conflict):
        database.transact(accounts.remember, peer=2, uri=BOB, name="Mallory", neighbourhood=None)


def test_erasing_leaves_a_row_without_a_name_and_frees_the_handle(database, elm, consequences):
    ana = create(database, elm, "Ana")
    for _ in range(2):
        database.transact(accounts.erase, account=ana.id)
    found = database.look(accounts.get, ana.id)
    assert (found.name, found.handle, found.language, found.state) == ("", None, "", AccountState.ERASED)
    assert found.version == ana.version + 1
    assert consequences.facts == [AccountErased(neighbourhood=elm, object=ana.id)]
    assert create(database, elm, "Ana").handle == "ana"


def test_who_was_erased_elsewhere_does_not_come_back_by_a_late_word(database):
    bob = database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=None)
    database.transact(accounts.erase, account=bob)
    assert database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=None) == bob
    assert database.look(accounts.get, bob).name == ""


def test_who_lives_here_is_listed_by_name_without_those_who_left_or_live_elsewhere(database, elm):
    create(database, elm, "zoë")
    create(database, elm, "Ana")
    create(database, neighbourhood(database, "Oak"), "Olga")
    gone = create(database, elm, "Gone")
    database.transact(accounts.erase, account=gone.id)
    database.transact(accounts.remember, peer=1, uri=BOB, name="Bob", neighbourhood=elm)
    assert [one.name for one in database.look(accounts.residents, elm)] == ["Ana", "zoë"]
