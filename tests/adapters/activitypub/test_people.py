"""Who left for good: said as the recorded document, understood from them alone."""

from __future__ import annotations

import pytest

from fedhood.adapters.activitypub import documents, outbox, people, sayings
from fedhood.adapters.activitypub.actors import person
from fedhood.adapters.activitypub.tables import ActorKeyTable, DeliveryTable, RemoteActorTable
from fedhood.core import accounts, interactions, posts
from fedhood.core.accounts import AccountState
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable
from fedhood.kernel.errors import NotFound
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.arriving import here, letter, proved
from tests.adapters.activitypub.next_door import (
    ALICE,
    add_peer,
    add_place,
    add_post,
    add_request,
    build,
    comparable,
    deliveries,
    whole,
)
from tests.support.clocks import NOON


def verbs(database):
    return [(one.peer, one.verb) for one in database.look(deliveries)]


def test_the_last_word_of_a_resident_is_the_recorded_one(database):
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    database.transact(outbox.post_published, post_id=1001, version=1)
    database.transact(accounts.erase, account=world.alice)
    database.transact(outbox.person_left, account=world.alice)
    delivery = database.look(deliveries)[-1]
    key, saying = database.look(sayings.say, world.addresses, delivery)
    assert (key, saying.actor) == (f"person-delete-{ALICE}", person(world.alice))
    assert comparable(whole(saying)) == comparable(golden.document("45"))


@pytest.mark.both_databases
def test_everyone_in_the_ledger_hears_it_whatever_is_agreed_now(database):
    world = build(database)
    ash = database.transact(add_peer, "ash.example")
    database.transact(add_place, "ash", peer=ash)
    database.transact(add_request, 1003, world)
    database.transact(outbox.help_changed, post_id=1003, revision=1)
    database.transact(lambda uow: AgreementTable.delete().execute(uow.db))
    database.transact(lambda uow: PairTable.delete().execute(uow.db))
    database.transact(outbox.person_left, account=world.alice)
    assert verbs(database) == [(world.peer, "help.create"), (world.peer, "person.delete")]


def test_thanks_are_something_of_theirs_and_what_others_said_is_not(database):
    world = build(database)
    uri = "https://oak.example/ap/notes/1"
    database.transact(lambda uow: add_post(uow, 1001, world.bob, world.oak, (world.elm, world.oak), uri=uri))
    database.transact(outbox.thanked, post_id=1001, account=world.alice)
    database.transact(outbox.person_left, account=world.rol)
    assert verbs(database) == [(world.peer, "thanks.give")]
    database.transact(outbox.person_left, account=world.alice)
    assert verbs(database) == [(world.peer, "thanks.give"), (world.peer, "person.delete")]


def test_their_key_is_found_until_everyone_has_heard(database):
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert not database.look(people.is_taking_leave, database.look(accounts.get, world.alice))
    database.transact(accounts.erase, account=world.alice)
    database.transact(outbox.person_left, account=world.alice)
    assert database.look(documents._person_ref, ALICE) == person(world.alice)
    database.transact(lambda uow: DeliveryTable.update(state="done").execute(uow.db))
    with pytest.raises(NotFound):
        database.look(documents._person_ref, ALICE)
    assert database.look(lambda db: ActorKeyTable.select().count(db)) == 0


async def test_next_door_their_name_goes_and_what_they_wrote(running):
    oak = here(running)
    world = oak.world
    running.transact(lambda uow: add_post(uow, 1, world.alice, world.elm, (world.elm, world.oak), uri="https://e/1"))
    running.transact(add_post, 2, world.bob, world.oak, (world.elm, world.oak))
    running.transact(lambda uow: add_post(uow, 3, world.alice, world.elm, (), uri="https://e/3", root=2, parent=2))
    like = {"post_id": 2, "account": world.alice, "uri": "https://e/4", "given_at": NOON}
    running.transact(interactions.mirror_thanks, **like)
    assert await oak.arrive(proved(letter("45")), scoped=False) == "understood"
    who = running.look(accounts.get, world.alice)
    assert (who.name, who.state) == ("", AccountState.ERASED)
    assert [running.look(posts.row, post_id=one).text for one in (1, 3)] == ["", ""]
    assert running.look(posts.row, post_id=2).thanks == 0
    assert {one.name for one in oak.rows(RemoteActorTable) if one.uri == who.uri} == {""}


async def test_it_is_heard_without_any_grant(running):
    oak = here(running)
    running.transact(lambda uow: AgreementTable.delete().execute(uow.db))
    assert await oak.arrive(proved(letter("45")), scoped=False) == "understood"
    assert running.look(accounts.get, oak.world.alice).name == ""


async def test_somebody_we_never_met_leaves_without_a_trace(running):
    oak = here(running)
    running.transact(lambda uow: AccountTable.delete().execute(uow.db))
    assert await oak.arrive(proved(letter("45")), scoped=False) == "understood"


async def test_nobody_else_s_word_makes_somebody_leave(running):
    oak = here(running)
    by_the_group = letter("45")
    by_the_group["actor"] = "https://elm.example/ap/groups/elm"
    assert (await oak.arrive(proved(by_the_group), scoped=False)).startswith("ignored")
    named = letter("45")
    named["actor"], named["object"] = "https://elm.example/ap/groups/elm", {"type": "Person", "id": named["object"]}
    named["id"] += "-2"
    assert await oak.arrive(proved(named), scoped=False) == "refused author"
    assert running.look(accounts.get, oak.world.alice).name == ALICE
