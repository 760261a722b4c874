"""What a city's hub brings, and what it takes: the author's word counts, and a hub that invents or floods has none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, outbox, outbox_hub, proofs, sayings
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.remote import NODEINFO_ACTOR
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.core import hubs, neighbourhoods, posts
from fedhood.core.access import Viewer
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.hubs.tables import HubDayTable, HubMemberTable, HubPassageTable
from fedhood.core.neighbourhoods.tables import NeighbourhoodTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts import Audience, PostTable
from fedhood.core.posts.tables import PlaceTable
from fedhood.kernel.settings import Profile, Settings
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import (
    Here,
    Web,
    _introduce,
    actor_document,
    here,
    know,
    letter,
    pair_of,
    proved,
)
from tests.adapters.activitypub.next_door import ALICE, NINE, TEN, at, comparable, deliveries, whole
from tests.adapters.activitypub.test_handlers_city_messages import BASE, GRANTS, _add_city

HUB = f"{BASE}/ap/groups/citywide"
ELM = "https://elm.example/ap/groups/elm"
PERSON = f"https://elm.example/ap/people/{ALICE}"
NOTE = "https://elm.example/ap/notes/01JDCITY"
TEXT = "Looking for volunteers for the city-wide clean-up."


# -- what a hub brings -------------------------------------------------------------------------------------------------


@pytest.fixture
def member(running, clock) -> Here:
    """Oak, which takes part in the hub of its city; Elm is its neighbour."""
    clock.set(TEN)
    oak = here(running, "oak")
    oak.citys = oak.database.transact(_add_city)
    oak.database.transact(know, oak.citys, HUB)
    oak.hub = oak.database.transact(_take_part, oak.citys, oak.world.oak)
    return oak


def _take_part(uow, city: int, place: int) -> int:
    hub = neighbourhoods.remember(uow, peer=city, uri=HUB, key="citywide", name="Mechelen")
    HubMemberTable.insert(hub=hub, place=place, standing="joined", since=uow.now).execute(uow.db)
    return hub


async def announced(member: Here, made: dict[str, Any] | None = None, *, inner: bool = True, **how: Any) -> str:
    """What became of something that the hub brings, and proves."""
    return await member.arrive(proved(made or letter("15"), inner=inner), peer=member.citys, **how)


def again(kind: str, **members: Any) -> dict[str, Any]:
    """An Announce of an Update or a Delete of the same thing."""
    made = letter("15")
    made["id"] += f"-{kind}"
    inner = made["object"]
    inner |= {"type": kind, "id": f"{inner['id']}-{kind}"}
    if kind == "Delete":
        inner["object"] = {"id": NOTE, "type": "Tombstone", "formerType": "Note", "deleted": "2026-11-22T10:00:00Z"}
    else:
        inner["object"] |= {"updated": "2026-11-22T09:30:00Z", **members}
    return made


def said(member: Here) -> list[str]:
    return [one.text for one in member.rows(PostTable)]


async def test_it_is_a_post_of_its_own_neighbourhood_for_all_here_that_take_part(member) -> None:
    assert await announced(member) == "understood"
    (post,) = member.rows(PostTable)
    assert (post.text, post.audience, post.uri, post.neighbourhood) == (TEXT, "city", NOTE, member.world.elm)
    assert {one.place for one in member.rows(PlaceTable)} == {member.world.elm, member.world.oak, member.hub}


@pytest.mark.both_databases
async def test_it_is_changed_and_removed_by_its_author_and_comes_back_no_more(member) -> None:
    await announced(member)
    assert await announced(member, again("Update", content="<p>On Saturday.</p>")) == "understood"
    assert said(member) == ["On Saturday."]
    assert await announced(member, again("Delete")) == "understood"
    assert said(member) == [""]
    bodies = [bytes(one.body) for one in member.rows(InboundTable)]
    assert not any(b"Saturday" in body or b"volunteers" in body for body in bodies)
    replay = letter("15") | {"id": f"{BASE}/ap/activities/replayed"}
    assert await announced(member, replay) == "understood"
    assert said(member) == [""]


async def test_a_removal_that_comes_first_is_remembered(member) -> None:
    assert await announced(member, again("Delete")) == "understood"
    assert await announced(member) == "understood"
    assert said(member) == []


# -- a hub that does what it may not -----------------------------------------------------------------------------------


def other_words(activity: dict[str, Any]) -> None:
    activity["object"]["object"]["content"] = "<p>Vote for the mayor.</p>"


def another_author(activity: dict[str, Any]) -> None:
    activity["object"]["object"]["attributedTo"] = "https://elm.example/ap/people/01JDX"


def to_others(activity: dict[str, Any]) -> None:
    activity["object"]["to"] = activity["object"]["object"]["to"] = [ELM]


def to_the_public(activity: dict[str, Any]) -> None:
    activity["to"] = ["https://www.w3.org/ns/activitystreams#Public"]


def copied(activity: dict[str, Any]) -> None:
    activity["cc"] = [ELM]


def another_scope(activity: dict[str, Any]) -> None:
    activity["object"]["object"]["fhScope"] = "neighbours"


def another_audience(activity: dict[str, Any]) -> None:
    activity["object"]["audience"] = ELM


def for_another_servers_place(activity: dict[str, Any]) -> None:
    activity["object"]["fhFrom"] = "https://oak.example/ap/groups/oak"


def for_no_place(activity: dict[str, Any]) -> None:
    del activity["object"]["fhFrom"]


def a_request_for_help(activity: dict[str, Any]) -> None:
    activity["object"]["object"]["fhStatus"] = "open"


def somebody_elses_activity(activity: dict[str, Any]) -> None:
    activity["object"]["id"] = "https://oak.example/ap/activities/1"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (another_author, "author"),
        (to_others, "addressed"),
        (to_the_public, "scope"),
        (copied, "addressed"),
        (another_scope, "scope"),
        (another_audience, "addressed"),
        (for_another_servers_place, "origin"),
        (for_no_place, "member"),
        (a_request_for_help, "kind"),
        (somebody_elses_activity, "origin"),
    ],
)
async def test_what_contradicts_itself_is_refused(member, wrong, why: str) -> None:
    activity = letter("15")
    wrong(activity)
    assert await announced(member, activity) == f"refused {why}"
    assert said(member) == []


async def test_a_hub_changes_no_word(member) -> None:
    """The author's proof is of other words than those that the hub brings."""
    activity = proved(letter("15"))
    other_words(activity)
    # the author may have another key since a moment ago: it is looked at once more, and is not believed till then
    assert await member.arrive(_proved_outside(activity), peer=member.citys) == "parked proof-of-another-key"
    assert said(member) == []


async def test_a_hub_invents_no_word(member) -> None:
    """What is inside carries no proof, or one by the hub."""
    assert (await announced(member, inner=False)).startswith("refused proof-")
    forged = letter("15")
    forged["object"] = _signed_by(forged["object"], HUB)
    assert (await member.arrive(_proved_outside(forged), peer=member.citys)).startswith("refused proof-")
    assert said(member) == []


async def test_a_hub_takes_nothing_back(member) -> None:
    await announced(member)
    forged = again("Delete")
    forged["object"] = _signed_by(forged["object"], HUB)
    assert (await member.arrive(_proved_outside(forged), peer=member.citys)).startswith("refused proof-")
    other = again("Delete")
    other["object"]["actor"] = "https://elm.example/ap/people/01JDC4ROL"
    member.database.transact(know, member.world.peer, "https://elm.example/ap/people/01JDC4ROL")
    assert await announced(member, other) == "refused author"
    assert said(member) == [TEXT]


def _proved_outside(activity: dict[str, Any]) -> dict[str, Any]:
    plain = {name: part for name, part in activity.items() if name != "proof"}
    return proved({**plain, "id": f"{activity['id']}-forged"}, inner=False)


def _signed_by(activity: dict[str, Any], actor: str) -> dict[str, Any]:
    plain = copy.deepcopy({name: part for name, part in activity.items() if name != "proof"})
    return proofs.sign(plain, pair_of(actor).ed25519, verification_method=f"{actor}#ed25519-key", created=TEN)


async def test_another_group_of_the_city_is_no_hub(member) -> None:
    other = f"{BASE}/ap/groups/other"
    member.database.transact(know, member.citys, other)
    made = letter("15", **{"groups/citywide": "groups/other"})
    assert (await announced(member, made)).startswith("refused")
    assert said(member) == []


async def test_a_hub_that_is_not_our_citys_brings_nothing(member) -> None:
    member.database.transact(
        lambda uow: PeerTable.update(trust="neighbour").where(PeerTable.id == member.citys).execute(uow.db)
    )
    assert (await announced(member)).startswith("refused")
    assert said(member) == []


async def test_without_the_grant_or_without_taking_part_nothing_is_taken(member) -> None:
    member.database.transact(lambda uow: HubMemberTable.update(standing="left").execute(uow.db))
    assert await announced(member) == "refused not-joined"
    theirs = (AgreementTable.peer == member.citys, ~AgreementTable.ours)
    member.database.transact(lambda uow: AgreementTable.update(scopes=["public"]).where(*theirs).execute(uow.db))
    made = letter("15") | {"id": f"{BASE}/ap/activities/2"}
    assert await announced(member, made) == "refused scope-not-granted"


async def test_what_is_old_is_not_brought_again(member, clock) -> None:
    clock.set(at("2026-12-23T10:00:00"))
    assert await announced(member) == "refused too-old"


async def test_it_comes_to_the_peer_inbox_alone(member) -> None:
    assert await announced(member, scoped=False) == "refused wrong-inbox"


async def test_a_blocked_server_is_not_heard_through_the_hub(member) -> None:
    member.database.transact(
        lambda uow: PeerTable.update(trust="blocked").where(PeerTable.id == member.world.peer).execute(uow.db)
    )
    assert (await announced(member)).startswith("refused")
    assert said(member) == []


async def test_a_flood_of_one_neighbourhood_has_an_end(member, monkeypatch) -> None:
    monkeypatch.setattr(hubs.passing, "MOST_A_DAY", 3)
    told = []
    for number in range(5):
        made = letter("15", **{"01JDCITY": f"01JDCITY{number}"})
        told.append(await announced(member, made))
    assert told == ["understood"] * 3 + ["refused too-many"] * 2
    (day,) = member.rows(HubDayTable)
    assert day.count == 3
    # what is taken back is heard all the same
    assert await announced(member, again("Delete") | {"id": f"{BASE}/ap/activities/delete"}) == "understood"


# -- somebody of a server that we never agreed with --------------------------------------------------------------------


def _elm_on_the_web(member: Here) -> None:
    instance = "https://elm.example/ap/instance"
    member.web.documents["https://elm.example/.well-known/nodeinfo"] = {
        "links": [{"rel": NODEINFO_ACTOR, "href": instance}]
    }
    member.web.documents[instance] = actor_document(instance, "Application")
    member.web.documents[ELM] = actor_document(ELM, "Group", instance)
    member.web.documents[PERSON] = actor_document(PERSON, "Person", instance)


@pytest.fixture
def far(member) -> Here:
    """The same, and Elm is nobody that Oak ever heard of."""

    def forget(uow) -> None:
        RemoteActorTable.delete().where(RemoteActorTable.peer == member.world.peer).execute(uow.db)
        AgreementTable.delete().where(AgreementTable.peer == member.world.peer).execute(uow.db)
        PeerTable.delete().where(PeerTable.id == member.world.peer).execute(uow.db)
        NeighbourhoodTable.delete().where(NeighbourhoodTable.id == member.world.elm).execute(uow.db)
        AccountTable.delete().where(AccountTable.id == member.world.alice).execute(uow.db)

    member.database.transact(forget)
    _elm_on_the_web(member)
    return member


async def test_their_own_server_vouches_for_who_is_nobodys_neighbour(far) -> None:
    assert await announced(far) == "understood"
    assert said(far) == [TEXT]
    (elm,) = [one for one in far.rows(PeerTable) if one.host == "elm.example"]
    assert (elm.state, elm.trust) == ("heard", "unknown")
    # once a day is enough
    asked = len(far.web.asked)
    assert await announced(far, again("Update", content="<p>On Saturday.</p>")) == "understood"
    assert len(far.web.asked) == asked


async def test_a_hub_cannot_vouch_for_anybody(far) -> None:
    """The person's document is vouched for by another key than their server shows."""
    far.web.documents[PERSON] = actor_document(PERSON, "Person", f"{BASE}/ap/instance")
    assert (await announced(far)).startswith("refused")
    assert said(far) == []


async def test_a_server_that_does_not_answer_is_waited_for(far) -> None:
    far.web.down = True
    assert (await announced(far)).startswith("waiting")
    assert said(far) == []


async def test_a_hub_makes_us_ask_others_only_so_often(far, monkeypatch) -> None:
    monkeypatch.setattr("fedhood.core.hubs.passing.MOST_ASKED_A_DAY", 0)
    assert await announced(far) == "waiting hub-asks-too-much"
    assert far.web.asked == []


async def test_only_so_many_servers_are_heard_of(far, monkeypatch) -> None:
    monkeypatch.setattr("fedhood.core.peers.hearsay.MOST_HEARD", 0)
    assert (await announced(far)).startswith("refused")
    assert [one.host for one in far.rows(PeerTable)] == ["city.example"]


# -- at the hub --------------------------------------------------------------------------------------------------------


@pytest.fixture
def city(running, clock) -> Here:
    """The city's server; Elm takes part in its hub, and Oak does."""
    clock.set(TEN)
    found = running.transact(_agree)
    federation = Federation(
        database=running,
        client=Web(),  # type: ignore[arg-type]
        addresses=Addresses(BASE),
        settings=Settings(host="city.example", profile=Profile.CITY),
        clock=clock,
    )
    world = next_door.World(
        addresses=federation.addresses, peer=found["elm"], elm=found["Elm"], oak=found["Oak"], alice=0, bob=0, rol=0
    )
    made = Here(federation=federation, world=world, web=federation.client, theirs="https://elm.example")
    made.oak = found["oak"]
    return made


def _agree(uow) -> dict[str, int]:
    found = {}
    for name in ("elm", "oak"):
        base = f"https://{name}.example"
        found[name] = next_door.add_peer(uow, f"{name}.example", scopes=GRANTS)
        _introduce(uow, found[name], base, [])
        found[name.title()] = next_door.add_place(uow, name, peer=found[name])
        hubs.member_asks(uow, place=found[name.title()], uri=f"{base}/ap/activities/hub-follow-1-1")
    know(uow, found["elm"], PERSON, name="Alice")
    know(uow, found["elm"], ELM)
    PeerTable.update(trust="city").execute(uow.db)
    AgreementTable.update(trust="city").execute(uow.db)
    return found


def passed(city: Here) -> list[tuple[str, str]]:
    return [(one.act, one.about) for one in city.rows(HubPassageTable)]


async def test_the_hub_notes_where_it_is_and_nothing_of_it(city) -> None:
    assert await city.arrive(proved(letter("14"))) == "understood"
    assert passed(city) == [("Create", NOTE)]
    assert city.rows(PostTable) == []
    assert [one.name for one in city.rows(RemoteActorTable) if one.uri == PERSON] == []


async def test_it_is_announced_as_recorded_to_all_but_where_it_came_from(city) -> None:
    await city.arrive(proved(letter("14")))
    (passage,) = city.rows(HubPassageTable)
    city.database.transact(outbox_hub.passed, passage_id=passage.id)
    (delivery,) = city.database.look(deliveries)[-1:]
    assert (delivery.peer, delivery.verb) == (city.oak, "hub.create")
    _, saying = city.database.look(sayings.say, city.federation.addresses, delivery)
    assert saying.actor == actors.HUB
    assert comparable(whole(saying)) == comparable(golden.document("15"))
    # as it came, proof and all
    assert whole(saying)["object"]["proof"] == proved(letter("14"))["proof"]


async def test_to_take_part_a_neighbourhood_asks_and_hears_a_yes(city) -> None:
    city.database.transact(lambda uow: HubMemberTable.delete().execute(uow.db))
    follow = {
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": "https://elm.example/ap/activities/hub-follow-1-1",
        "type": "Follow",
        "actor": ELM,
        "to": [HUB],
        "object": HUB,
    }
    assert await city.arrive(proved(follow), scoped=False) == "understood"
    (joined,) = city.rows(HubMemberTable)
    assert (joined.place, joined.standing, joined.hub) == (city.world.elm, "joined", 0)
    city.database.transact(outbox_hub.member_joined, member_id=joined.id, version=joined.version)
    _, saying = city.database.look(sayings.say, city.federation.addresses, city.database.look(deliveries)[-1])
    assert (saying.document["type"], saying.document["actor"], saying.document["object"]["id"]) == (
        "Accept",
        HUB,
        follow["id"],
    )
    undo = {**follow, "id": f"{follow['id']}-undo", "type": "Undo", "object": follow}
    assert await city.arrive(proved(undo), scoped=False) == "understood"
    assert [one.standing for one in city.rows(HubMemberTable)] == ["left"]


async def test_a_person_cannot_take_part_for_a_neighbourhood(city) -> None:
    follow = {
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": "https://elm.example/ap/activities/f",
        "type": "Follow",
        "actor": PERSON,
        "to": [HUB],
        "object": HUB,
    }
    assert (await city.arrive(proved(follow), scoped=False)).startswith("refused")


def through_another_hub(activity: dict[str, Any]) -> None:
    other = "https://oak.example/ap/groups/citywide"
    activity |= {"to": [f"{other}/instances"], "audience": other}
    activity["object"] |= {"to": [f"{other}/instances"], "audience": other}


def for_a_place_that_takes_no_part(activity: dict[str, Any]) -> None:
    activity["fhFrom"] = "https://elm.example/ap/groups/birch"


def too_long(activity: dict[str, Any]) -> None:
    activity["object"]["summary"] = "x" * (129 << 10)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (through_another_hub, "recipient"),
        (for_a_place_that_takes_no_part, "not-joined"),
        (too_long, "too-long"),
    ],
)
async def test_the_hub_passes_on_only_what_is_for_it(city, wrong, why: str) -> None:
    activity = letter("14")
    wrong(activity)
    assert await city.arrive(proved(activity)) == f"refused {why}"
    assert passed(city) == []


async def test_only_its_author_changes_what_went_through(city) -> None:
    rol = "https://elm.example/ap/people/01JDC4ROL"
    city.database.transact(know, city.world.peer, rol)
    await city.arrive(proved(letter("14")))
    stolen = letter("14") | {"type": "Update", "actor": rol, "id": "https://elm.example/ap/activities/stolen"}
    stolen["object"] |= {"attributedTo": rol}
    assert await city.arrive(proved(stolen)) == "refused author"
    assert passed(city) == [("Create", NOTE)]


@pytest.mark.both_databases
async def test_a_removal_goes_to_all_who_got_it_and_leaves_no_byte(city) -> None:
    await city.arrive(proved(letter("14")))
    (passage,) = city.rows(HubPassageTable)
    city.database.transact(outbox_hub.passed, passage_id=passage.id)
    city.database.transact(hubs.left_by, place=city.world.oak)
    city.database.transact(know, city.world.peer, PERSON)
    gone = letter("14") | {"type": "Delete", "id": "https://elm.example/ap/activities/gone"}
    gone["object"] = {"id": NOTE, "type": "Tombstone", "formerType": "Note", "deleted": "2026-11-22T10:00:00Z"}
    assert await city.arrive(proved(gone)) == "understood"
    city.database.transact(outbox_hub.passed, passage_id=city.rows(HubPassageTable)[-1].id)
    assert [(one.peer, one.verb) for one in city.database.look(deliveries)][-1] == (city.oak, "hub.delete")
    assert not any(b"volunteers" in bytes(one.body) for one in city.rows(InboundTable))
    # and is not said again
    city.database.transact(know, city.world.peer, PERSON)
    assert await city.arrive(proved(letter("14") | {"id": "https://elm.example/ap/activities/again"})) == "understood"
    assert [act for act, _ in passed(city)] == ["Create", "Delete"]


# -- how it is said ----------------------------------------------------------------------------------------------------


def test_a_post_to_the_whole_city_is_said_as_recorded(running, clock) -> None:
    clock.set(NINE)
    world = next_door.build(running, "elm")
    city = running.transact(_add_city)
    hub = running.transact(_take_part, city, world.elm)
    alice = Viewer(account=world.alice, neighbourhood=world.elm, language="en")
    number = running.transact(posts.publish, by=alice, text=TEXT, audience=Audience.CITY, places=[hub])
    running.transact(outbox.post_published, post_id=number, version=1)
    (delivery,) = running.look(deliveries)
    assert delivery.peer == city
    _, saying = running.look(sayings.say, world.addresses, delivery)
    assert comparable(whole(saying), {str(number): "01JDCITY"}) == comparable(golden.document("14"))
