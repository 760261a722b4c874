"""What residents let the city read arrives there; whoever pretends to be one, or says it to others, is refused."""

from __future__ import annotations

from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, outbox_city, sayings
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.core import accounts, city_messages, posts
from fedhood.core.access import Role, Viewer
from fedhood.core.city_messages.tables import CityAnswerTable, SharedAnswerTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.settings import Profile, Settings
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import Here, Web, _introduce, know, letter, proved
from tests.adapters.activitypub.next_door import ALICE, NINE, at, comparable, deliveries, whole
from tests.adapters.activitypub.test_handlers_city_messages import CITY, GRANTS, _add_city

ELM, OAK = "https://elm.example/ap/groups/elm", "https://oak.example/ap/groups/oak"
PERSON = f"https://elm.example/ap/people/{ALICE}"
ROL = "https://elm.example/ap/people/01JDC4ROL"
NOTE = "https://elm.example/ap/notes/01JDANSWER"
CLERK = Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))


class AtCity(Here):
    """The city's server; Elm's and Oak's agreed with it, and a message went to Elm."""

    message: int = 0
    oak: int = 0

    def answer(self, **members: Any) -> dict[str, Any]:
        made = letter("19", **{"01JDMSG": str(self.message)})
        made["object"] |= members
        return made

    def update(self, **members: Any) -> dict[str, Any]:
        made = self.answer(content="<p>Laat maar.</p>", updated="2026-11-23T10:00:00Z", **members)
        return made | {"type": "Update", "id": "https://elm.example/ap/activities/01JDANSWER-update"}

    def delete(self) -> dict[str, Any]:
        tombstone = {"id": NOTE, "type": "Tombstone", "formerType": "Note", "deleted": "2026-11-23T11:00:00Z"}
        return self.answer() | {
            "type": "Delete",
            "id": "https://elm.example/ap/activities/01JDANSWER-delete",
            "object": tombstone,
        }

    @property
    def read(self) -> list[tuple[str, str, str]]:
        return [(one.name, one.text, one.language) for one in self.rows(CityAnswerTable)]


@pytest.fixture
def city(running, clock) -> AtCity:
    clock.set(at("2026-11-23T08:00:00"))
    peers = running.transact(_agree)
    federation = Federation(
        database=running,
        client=Web(),  # type: ignore[arg-type]
        addresses=Addresses("https://city.example"),
        settings=Settings(host="city.example", profile=Profile.CITY),
        clock=clock,
    )
    world = next_door.World(
        addresses=federation.addresses, peer=peers["elm"], elm=peers["Elm"], oak=peers["Oak"], alice=0, bob=0, rol=0
    )
    made = AtCity(federation=federation, world=world, web=federation.client, theirs="https://elm.example")
    made.oak = peers["oak"]
    made.message = running.transact(
        city_messages.write,
        by=CLERK,
        said={"nl": city_messages.Said(title="Water", text="Geen.")},
        places=[peers["Elm"]],
        begins_at=None,
        ends_at=at("2026-11-24T11:00:00"),
        urgent=False,
    )
    return made


def _agree(uow) -> dict[str, int]:
    found = {}
    for name in ("elm", "oak"):
        base = f"https://{name}.example"
        found[name] = next_door.add_peer(uow, f"{name}.example", scopes=GRANTS)
        _introduce(uow, found[name], base, [])
        found[name.title()] = next_door.add_place(uow, name, peer=found[name])
    for person in (PERSON, ROL):
        know(uow, found["elm"], person, name="Alice" if person == PERSON else "Rol")
    know(uow, found["oak"], f"https://oak.example/ap/people/{ALICE}", name="Mallory")
    PeerTable.update(trust="city").execute(uow.db)
    AgreementTable.update(trust="city").execute(uow.db)
    return found


# -- what may be said --------------------------------------------------------------------------------------------------


async def test_the_city_reads_it_with_name_and_neighbourhood_and_keeps_no_more(city) -> None:
    assert await city.arrive(proved(city.answer())) == "understood"
    (kept,) = city.rows(CityAnswerTable)
    assert city.read == [("Alice", "Et l’école au numéro 20 ?", "fr")]
    assert (kept.uri, kept.message, kept.person, kept.place) == (NOTE, city.message, PERSON, city.world.elm)
    assert city.database.look(accounts.by_uri, PERSON) is None


async def test_it_is_said_better_taken_back_and_not_heard_again(city) -> None:
    await city.arrive(proved(city.answer()))
    assert await city.arrive(proved(city.update())) == "understood"
    assert [text for _, text, _ in city.read] == ["Laat maar."]
    assert await city.arrive(proved(city.delete())) == "understood"
    assert city.read == []
    assert [bytes(one.body) for one in city.rows(InboundTable) if b"Delete" not in bytes(one.body)] == [b"", b""]
    assert [one.uri for one in city.rows(RemoteActorTable) if one.uri == PERSON] == []


async def test_a_removal_that_comes_first_is_remembered(city) -> None:
    assert await city.arrive(proved(city.delete())) == "understood"
    for made in (city.answer(), city.update()):
        city.database.transact(know, city.world.peer, PERSON, name="Alice")
        assert await city.arrive(proved(made)) == "understood"
    assert city.read == []


async def test_a_change_of_what_never_came_is_the_answer(city) -> None:
    assert await city.arrive(proved(city.update())) == "understood"
    assert [text for _, text, _ in city.read] == ["Laat maar."]
    assert await city.arrive(proved(city.answer())) == "understood"
    assert [text for _, text, _ in city.read] == ["Laat maar."]


async def test_a_removal_is_heard_from_who_is_no_neighbourhood_of_the_city_any_more(city) -> None:
    await city.arrive(proved(city.answer()))
    over = {"state": "ended", "agreed_at": NINE}
    city.database.transact(lambda uow: PeerTable.update(over).where(PeerTable.id == city.world.peer).execute(uow.db))
    assert await city.arrive(proved(city.update())) == "refused peering-required"
    assert await city.arrive(proved(city.delete())) == "understood"
    assert city.read == []


async def test_of_two_answers_one_goes_and_their_author_stays_known(city) -> None:
    await city.arrive(proved(city.answer()))
    other = city.answer(id=NOTE + "2") | {"id": "https://elm.example/ap/activities/2"}
    await city.arrive(proved(other))
    await city.arrive(proved(city.delete()))
    assert len(city.read) == 1
    assert [one.name for one in city.rows(RemoteActorTable) if one.uri == PERSON] == ["Alice"]


# -- who says it, and to whom ------------------------------------------------------------------------------------------


def to_somebody_else(activity: dict[str, Any]) -> None:
    activity["to"] = activity["object"]["to"] = ["https://oak.example/ap/city"]


def to_many(activity: dict[str, Any]) -> None:
    activity["to"] = activity["object"]["to"] = [CITY, ELM]


def copied(activity: dict[str, Any]) -> None:
    activity["cc"] = [ELM]


def note_to_others(activity: dict[str, Any]) -> None:
    activity["object"]["to"] = [CITY, ELM]


def another_scope(activity: dict[str, Any]) -> None:
    activity["object"]["fhScope"] = "city"


def for_a_place_it_was_not_said_to(activity: dict[str, Any]) -> None:
    activity["fhFrom"] = OAK


def for_a_place_of_its_own_that_nobody_knows(activity: dict[str, Any]) -> None:
    activity["fhFrom"] = "https://elm.example/ap/groups/birch"


def under_nothing_of_ours(activity: dict[str, Any]) -> None:
    activity["object"]["inReplyTo"] = "https://city.example/ap/notes/12345"


def under_somebody_elses(activity: dict[str, Any]) -> None:
    activity["object"]["inReplyTo"] = "https://oak.example/ap/notes/1"


def somebody_elses_words(activity: dict[str, Any]) -> None:
    activity["object"]["attributedTo"] = ROL


def without_words(activity: dict[str, Any]) -> None:
    activity["object"]["content"] = ""


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (to_somebody_else, "recipient"),
        (to_many, "addressed"),
        (copied, "addressed"),
        (note_to_others, "addressed"),
        (another_scope, "addressed"),
        (for_a_place_it_was_not_said_to, "origin"),
        (for_a_place_of_its_own_that_nobody_knows, "not-a-place"),
        (under_nothing_of_ours, "message-unknown"),
        (under_somebody_elses, "message-unknown"),
        (somebody_elses_words, "author"),
        (without_words, "missing"),
    ],
)
async def test_what_contradicts_itself_is_refused(city, wrong, why: str) -> None:
    activity = city.answer()
    wrong(activity)
    assert await city.arrive(proved(activity)) == f"refused {why}"
    assert city.read == []


async def test_another_server_cannot_speak_for_a_neighbourhood_that_was_not_told(city) -> None:
    forged = letter("19", **{"01JDMSG": str(city.message), "https://elm.example": "https://oak.example"})
    forged["fhFrom"] = OAK
    assert await city.arrive(proved(forged), peer=city.oak) == "refused not-a-place"
    forged |= {"fhFrom": ELM, "id": forged["id"] + "-2"}
    assert await city.arrive(proved(forged), peer=city.oak) == "refused origin"


async def test_nobody_but_its_author_changes_or_removes_an_answer(city) -> None:
    await city.arrive(proved(city.answer()))
    for made in (city.update(), city.delete()):
        made |= {"actor": ROL, "id": made["id"] + "-rol"}
        if made["type"] == "Update":
            made["object"]["attributedTo"] = ROL
        assert await city.arrive(proved(made)) == "refused author"
    assert city.read == [("Alice", "Et l’école au numéro 20 ?", "fr")]


async def test_an_answer_cannot_be_moved_under_another_message(city) -> None:
    await city.arrive(proved(city.answer()))
    other = city.database.transact(
        city_messages.write,
        by=CLERK,
        said={"nl": city_messages.Said(title="Markt", text="Zondag.")},
        places=[city.world.elm],
        begins_at=None,
        ends_at=at("2026-11-24T11:00:00"),
        urgent=False,
    )
    moved = city.update(inReplyTo=f"https://city.example/ap/notes/{other}")
    assert await city.arrive(proved(moved)) == "refused author"


async def test_a_server_that_is_no_neighbourhood_of_this_city_is_not_heard(city) -> None:
    city.database.transact(lambda uow: PeerTable.update(trust="neighbour").execute(uow.db))
    assert await city.arrive(proved(city.answer())) == "refused recipient"
    ungranted = (AgreementTable.peer == city.world.peer, ~AgreementTable.ours)
    city.database.transact(lambda uow: AgreementTable.update(scopes=["city"]).where(*ungranted).execute(uow.db))
    again = city.answer() | {"id": "https://elm.example/ap/activities/again"}
    assert await city.arrive(proved(again)) == "refused scope-not-granted"


async def test_a_group_is_nobody_who_answers(city) -> None:
    city.database.transact(know, city.world.peer, ELM)
    made = city.answer(attributedTo=ELM) | {"actor": ELM}
    assert await city.arrive(proved(made)) == "refused person-unvouched"


async def test_to_a_message_taken_back_nobody_answers(city) -> None:
    city.database.transact(city_messages.withdraw, by=CLERK, message_id=city.message)
    assert await city.arrive(proved(city.answer())) == "understood"
    assert city.read == []
    assert [bytes(one.body) for one in city.rows(InboundTable)] == [b""]
    assert [one.uri for one in city.rows(RemoteActorTable) if one.uri == PERSON] == []


async def test_a_person_who_answers_without_end_is_heard_twenty_times(city) -> None:
    for number in range(city_messages.MOST_OF_ONE + 1):
        made = city.answer(id=f"{NOTE}{number}") | {"id": f"https://elm.example/ap/activities/{number}"}
        told = await city.arrive(proved(made))
    assert told == "refused too-many"
    assert len(city.read) == city_messages.MOST_OF_ONE
    # one that is known is said better all the same
    assert await city.arrive(proved(city.update(id=f"{NOTE}0"))) == "understood"


async def test_it_comes_to_the_peer_inbox_alone(city) -> None:
    assert await city.arrive(proved(city.answer()), scoped=False) == "refused wrong-inbox"


# -- how it is said ----------------------------------------------------------------------------------------------------


@pytest.fixture
def elm(running, clock, consequences):
    """Elm's server, where Alice reads a message of the city."""
    clock.set(NINE)
    world = next_door.build(running, "elm")
    peer = running.transact(_add_city)
    author = running.transact(accounts.remember, peer=peer, uri=CITY, name="Mechelen", neighbourhood=None)
    message = running.transact(
        city_messages.mirror,
        uri="https://city.example/ap/notes/01JDMSG",
        peer=peer,
        author=author,
        groups=[ELM],
        places=[world.elm],
        said={"nl": city_messages.Said(title="Water", text="Geen.")},
        begins_at=NINE,
        ends_at=at("2026-11-24T11:00:00"),
        urgent=False,
        published_at=NINE,
    )
    (copy,) = running.look(city_messages.row, message).posts
    return world, copy, Viewer(account=world.alice, neighbourhood=world.elm, language="fr")


def test_an_answer_is_said_as_recorded(running, elm, clock) -> None:
    world, copy, alice = elm
    clock.set(at("2026-11-23T09:00:00"))
    running.transact(city_messages.reply, by=alice, to=copy, text="Et l’école au numéro 20 ?", shared=True)
    (shared,) = running.look(lambda db: list(SharedAnswerTable.select().execute(db)))
    running.transact(outbox_city.answer_shared, shared_id=shared.id)
    key, saying = running.look(sayings.say, world.addresses, running.look(deliveries)[-1])
    assert saying.actor == actors.person(world.alice)
    assert comparable(whole(saying), {str(shared.id): "01JDANSWER"}) == comparable(golden.document("19"))
    assert str(shared.post) not in f"{key} {whole(saying)}"


def test_its_change_and_its_end_are_for_the_city_alone(running, elm, clock) -> None:
    world, copy, alice = elm
    clock.set(at("2026-11-23T09:00:00"))
    number = running.transact(city_messages.reply, by=alice, to=copy, text="Et l’école ?", shared=True)
    (shared,) = running.look(lambda db: list(SharedAnswerTable.select().execute(db)))
    running.transact(outbox_city.answer_shared, shared_id=shared.id)
    clock.set(at("2026-11-23T10:00:00"))
    running.transact(posts.edit, by=alice, post_id=number, text="Et la crèche ?")
    running.transact(outbox_city.answer_edited, post_id=number, version=2)
    said = whole(running.look(sayings.say, world.addresses, running.look(deliveries)[-1])[1])
    assert (said["type"], said["to"], said["fhScope"], said["object"]["content"], said["object"]["updated"]) == (
        "Update",
        [CITY],
        "direct",
        "<p>Et la crèche ?</p>",
        "2026-11-23T10:00:00Z",
    )
    running.transact(city_messages.unshare, by=alice, post_id=number)
    running.transact(outbox_city.answer_gone, shared_id=shared.id)
    said = whole(running.look(sayings.say, world.addresses, running.look(deliveries)[-1])[1])
    assert (said["type"], said["to"], said["cc"], said["fhFrom"]) == ("Delete", [CITY], [], ELM)
    assert said["object"]["type"] == "Tombstone"
    assert {one.peer for one in running.look(deliveries)} == {running.look(city_messages.row, shared.message).peer}
