"""What the city says arrives; whoever pretends to be the city, or says more than it may, is refused, rule by rule."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import city_messages, posts
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.city_messages import Said
from fedhood.core.city_messages.tables import CityMessageTable, CityMessageVersionTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts import Audience, Kind
from fedhood.core.posts.tables import PostTable
from fedhood.kernel import urls
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, _introduce, here, know, letter, proved

BASE = "https://city.example"
CITY, LORE = f"{BASE}/ap/city", f"{BASE}/ap/people/01JDL0RE"
NOTE = f"{BASE}/ap/notes/01JDMSG"
OAK, ELM = "https://oak.example/ap/groups/oak", "https://elm.example/ap/groups/elm"
GRANTS = ("public", "city", "aggregate", "direct")
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@pytest.fixture
def oak(running) -> Here:
    """Oak's server, next door to Elm's, whose city is at city.example."""
    return here(running, "oak")


@pytest.fixture
def city(oak) -> int:
    return oak.database.transact(_add_city)


def _add_city(uow) -> int:
    peer = next_door.add_peer(uow, "city.example", scopes=GRANTS)
    PeerTable.update(trust="city").where(PeerTable.id == peer).execute(uow.db)
    AgreementTable.update(trust="city").where(AgreementTable.peer == peer).execute(uow.db)
    _introduce(uow, peer, BASE, [])
    know(uow, peer, CITY, kind="Organization", name="Mechelen")
    know(uow, peer, LORE)
    return peer


def message(**names: str) -> dict[str, Any]:
    return letter("18", **names)


def everywhere(activity: dict[str, Any], **members: Any) -> dict[str, Any]:
    activity.update(members)
    activity["object"].update(members)
    return activity


def update(**members: Any) -> dict[str, Any]:
    made = message()
    made |= {"type": "Update", "id": f"{BASE}/ap/activities/01JDMSG-update"}
    made["object"] |= {"updated": "2026-11-23T09:00:00Z", **members}
    return made


def delete() -> dict[str, Any]:
    made = message()
    tombstone = {"id": NOTE, "type": "Tombstone", "formerType": "Note", "deleted": "2026-11-23T10:00:00Z"}
    return made | {"type": "Delete", "id": f"{BASE}/ap/activities/01JDMSG-delete", "object": tombstone}


def kept(place: Here) -> city_messages.CityMessage | None:
    return place.database.look(city_messages.by_uri, NOTE)


# -- what may be said --------------------------------------------------------------------------------------------------


async def test_a_message_of_the_city_is_kept_in_all_its_languages_for_ours_that_it_names(oak, city, clock) -> None:
    clock.set(next_door.at("2026-11-23T08:00:00"))
    assert await oak.arrive(proved(message()), peer=city) == "understood"
    found = kept(oak)
    assert found.said == {
        "nl": Said(title="Water onderbroken", text="Dinsdag geen water in de Iepenstraat van 8 tot 12 uur."),
        "fr": Said(title="Coupure d’eau", text="Pas d’eau rue de l’Orme mardi de 8 à 12 heures."),
    }
    assert (found.begins_at, found.ends_at) == (
        next_door.at("2026-11-24T07:00:00"),
        next_door.at("2026-11-24T11:00:00"),
    )
    assert (found.urgent, found.peer, found.places, found.groups) == (False, city, (oak.world.oak,), (ELM, OAK))
    assert found.posts == ()
    clock.set(next_door.at("2026-11-24T07:00:00"))
    oak.database.transact(city_messages.show_due)
    (post,) = oak.rows(PostTable)
    copy_of = oak.database.look(posts.row, post_id=post.id)
    assert (copy_of.kind, copy_of.audience, copy_of.places) == (Kind.CITY, Audience.NEIGHBOURHOOD, (oak.world.oak,))
    (city_account,) = [one for one in oak.rows(AccountTable) if one.uri == CITY]
    assert (copy_of.author, city_account.name, city_account.neighbourhood) == (city_account.id, "Mechelen", None)


async def test_a_message_without_a_map_is_said_in_one_language_that_nobody_names(oak, city) -> None:
    plain = message()
    for name in ("contentMap", "nameMap", "name"):
        del plain["object"][name]
    assert await oak.arrive(proved(plain), peer=city) == "understood"
    assert kept(oak).said == {"": Said(title="", text="Dinsdag geen water in de Iepenstraat van 8 tot 12 uur.")}


async def test_a_message_that_comes_twice_is_one_message(oak, city) -> None:
    await oak.arrive(proved(message()), peer=city)
    again = message() | {"id": f"{BASE}/ap/activities/once-more"}
    assert await oak.arrive(proved(again), peer=city) == "understood"
    assert len(oak.rows(CityMessageTable)) == 1


async def test_the_city_says_it_better_and_takes_it_back(oak, city, clock) -> None:
    clock.set(next_door.at("2026-11-24T08:00:00"))
    await oak.arrive(proved(message()), peer=city)
    better = update(contentMap={"nl": "<p>Toch niet.</p>"}, nameMap={"nl": "Water"}, fhUrgent=True)
    assert await oak.arrive(proved(better), peer=city) == "understood"
    assert kept(oak).said == {"nl": Said(title="Water", text="Toch niet.")}
    assert kept(oak).urgent
    (post,) = oak.rows(PostTable)
    assert (post.text, post.language) == ("Water\n\nToch niet.", "nl")
    assert await oak.arrive(proved(delete()), peer=city) == "understood"
    assert oak.rows(CityMessageVersionTable) == []
    assert oak.rows(PostTable)[0].text == ""
    assert [bytes(one.body) for one in oak.rows(InboundTable) if b"Delete" not in bytes(one.body)] == [b"", b""]
    assert await oak.arrive(proved(delete() | {"id": f"{BASE}/ap/activities/again"}), peer=city) == "understood"


async def test_an_older_word_changes_nothing(oak, city) -> None:
    await oak.arrive(proved(message()), peer=city)
    old = update(updated="2026-11-22T09:00:00Z", contentMap={"nl": "<p>Oud.</p>"})
    assert await oak.arrive(proved(old), peer=city) == "understood"
    assert "Oud." not in kept(oak).said["nl"].text


async def test_what_was_taken_back_before_it_came_is_not_read(oak, city) -> None:
    assert await oak.arrive(proved(delete()), peer=city) == "understood"
    assert await oak.arrive(proved(message()), peer=city) == "understood"
    assert kept(oak) is None


async def test_a_removal_is_heard_from_a_former_city(oak, city) -> None:
    await oak.arrive(proved(message()), peer=city)
    oak.database.transact(
        lambda uow: (
            PeerTable.update(state="ended", agreed_at=next_door.NINE).where(PeerTable.id == city).execute(uow.db)
        )
    )
    assert await oak.arrive(proved(update()), peer=city) == "refused peering-required"
    assert await oak.arrive(proved(delete()), peer=city) == "understood"
    assert kept(oak).deleted_at is not None


# -- who says it -------------------------------------------------------------------------------------------------------


async def test_a_neighbour_cannot_speak_as_the_city(oak, city) -> None:
    """Elm's server is a neighbour; whatever it claims to grant and whoever it vouches for, it is not the city."""
    mallory = "https://elm.example/ap/city"
    oak.database.transact(know, oak.world.peer, mallory, kind="Organization")
    forged = message(**{BASE: "https://elm.example"})
    assert forged["actor"] == mallory
    assert await oak.arrive(proved(forged)) == "refused scope-not-granted"
    oak.database.transact(_grant_everything, oak.world.peer)
    forged["id"] += "-again"
    assert await oak.arrive(proved(forged)) == "refused not-the-city"
    assert oak.rows(CityMessageTable) == []


def _grant_everything(uow, peer: int) -> None:
    AgreementTable.update(trust="city", scopes=["public", "neighbours", "city", "aggregate", "direct"]).where(
        AgreementTable.peer == peer, ~AgreementTable.ours
    ).execute(uow.db)


async def test_a_neighbour_cannot_pass_on_words_of_the_city(oak, city) -> None:
    """What the city signed for others is not announced by a Group: no wrapper is known for it."""
    inner = message()
    wrapped = letter("13") | {"object": inner, "to": inner["to"], "fhScope": "city"}
    wrapped["actor"] = ELM
    fate = await oak.arrive(proved(wrapped))
    assert fate.startswith("refused")
    assert oak.rows(CityMessageTable) == []


async def test_a_person_of_the_citys_server_is_not_the_city(oak, city) -> None:
    personal = everywhere(message(), attributedTo=LORE)
    personal |= {"actor": LORE, "id": personal["id"] + "-lore"}
    assert await oak.arrive(proved(personal), peer=city) == "refused not-the-city"
    await oak.arrive(proved(message()), peer=city)
    for made in (update(), delete()):
        made |= {"actor": LORE, "id": made["id"] + "-lore"}
        if made["type"] == "Update":
            made["object"]["attributedTo"] = LORE
        assert (await oak.arrive(proved(made), peer=city)).startswith("refused")
    assert kept(oak).said["nl"].title == "Water onderbroken"


async def test_an_organization_that_its_server_does_not_vouch_for_is_nobody(oak, city) -> None:
    other = f"{BASE}/ap/other-city"
    stranger = everywhere(message(), attributedTo=other)
    stranger["actor"] = other
    assert await oak.arrive(proved(stranger), peer=city) == "refused actor-missing"


@pytest.mark.parametrize("ours", [True, False])
async def test_without_the_grant_on_both_sides_nothing_is_read(oak, city, ours: bool) -> None:
    half = (AgreementTable.peer == city, AgreementTable.ours == ours)
    oak.database.transact(
        lambda uow: AgreementTable.update(scopes=["public", "aggregate"]).where(*half).execute(uow.db)
    )
    fate = "not-the-city" if ours else "scope-not-granted"
    assert await oak.arrive(proved(message()), peer=city) == f"refused {fate}"


async def test_it_comes_to_the_peer_inbox_alone(oak, city) -> None:
    assert await oak.arrive(proved(message()), peer=city, scoped=False) == "refused wrong-inbox"


async def test_another_organization_cannot_change_what_the_city_said(oak, city) -> None:
    await oak.arrive(proved(message()), peer=city)
    other = f"{BASE}/ap/harbour"
    oak.database.transact(know, city, other, kind="Organization")
    for made in (update(), delete()):
        made |= {"actor": other, "id": made["id"] + "-harbour"}
        if made["type"] == "Update":
            made["object"]["attributedTo"] = other
        assert await oak.arrive(proved(made), peer=city) == "refused author"


async def test_another_city_cannot_touch_what_ours_said(oak, city) -> None:
    """A second server that is a city to us changes only its own."""
    await oak.arrive(proved(message()), peer=city)
    oak.database.transact(lambda uow: CityMessageTable.update(peer=oak.world.peer).execute(uow.db))
    assert await oak.arrive(proved(update()), peer=city) == "refused author"
    assert await oak.arrive(proved(delete()), peer=city) == "refused author"


# -- to whom it is said (L1 to L8) -------------------------------------------------------------------------------------


async def test_none_of_ours_named_is_refused(oak, city) -> None:
    elsewhere = everywhere(message(), to=[ELM])
    assert await oak.arrive(proved(elsewhere), peer=city) == "refused no-place"


def wider_note(activity: dict[str, Any]) -> None:
    activity["object"]["to"] = [ELM, OAK, "https://pine.example/ap/groups/pine"]


def narrower_note(activity: dict[str, Any]) -> None:
    activity["object"]["to"] = [OAK]


def public_note(activity: dict[str, Any]) -> None:
    activity["object"]["to"] = [PUBLIC]


def public_copy(activity: dict[str, Any]) -> None:
    activity["object"]["cc"] = ["as:Public"]


def copied(activity: dict[str, Any]) -> None:
    activity["cc"] = [ELM]


def to_the_public(activity: dict[str, Any]) -> None:
    everywhere(activity, to=[OAK, PUBLIC])


def no_scope_on_the_note(activity: dict[str, Any]) -> None:
    del activity["object"]["fhScope"]


def another_scope_on_the_note(activity: dict[str, Any]) -> None:
    activity["object"]["fhScope"] = "neighbours"


def to_nobody(activity: dict[str, Any]) -> None:
    everywhere(activity, to=[])


def twice(activity: dict[str, Any]) -> None:
    everywhere(activity, to=[OAK, OAK])


def an_answer(activity: dict[str, Any]) -> None:
    activity["object"]["inReplyTo"] = "https://oak.example/ap/notes/1"


def without_an_end(activity: dict[str, Any]) -> None:
    del activity["object"]["endTime"]


def ends_before_it_begins(activity: dict[str, Any]) -> None:
    activity["object"]["endTime"] = activity["object"]["startTime"]


def urgent_by_a_word(activity: dict[str, Any]) -> None:
    activity["object"]["fhUrgent"] = "yes"


def no_words(activity: dict[str, Any]) -> None:
    activity["object"]["contentMap"] = {"nl": "<p></p>"}


def no_language(activity: dict[str, Any]) -> None:
    activity["object"]["contentMap"] = {"<b>": "<p>x</p>"}


def too_many_languages(activity: dict[str, Any]) -> None:
    activity["object"]["contentMap"] = {f"x{letter}": "<p>x</p>" for letter in "abcdefghijk"}


def too_long(activity: dict[str, Any]) -> None:
    activity["object"]["contentMap"] = {"nl": "x" * 4001}


def too_long_a_title(activity: dict[str, Any]) -> None:
    activity["object"]["nameMap"] = {"nl": "x" * 121}


def somebody_elses_note(activity: dict[str, Any]) -> None:
    activity["object"]["attributedTo"] = LORE


def a_note_of_another_server(activity: dict[str, Any]) -> None:
    activity["object"]["id"] = "https://elm.example/ap/notes/1"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (wider_note, "addressed"),
        (narrower_note, "addressed"),
        (public_note, "addressed"),
        (public_copy, "addressed"),
        (copied, "addressed"),
        (to_the_public, "addressed"),
        (to_nobody, "addressed"),
        (twice, "addressed"),
        (no_scope_on_the_note, "scope"),
        (another_scope_on_the_note, "scope"),
        (an_answer, "kind"),
        (without_an_end, "member"),
        (ends_before_it_begins, "member"),
        (urgent_by_a_word, "member"),
        (no_words, "missing"),
        (no_language, "languages"),
        (too_many_languages, "languages"),
        (too_long, "too-long"),
        (too_long_a_title, "too-long"),
        (somebody_elses_note, "author"),
        (a_note_of_another_server, "origin"),
    ],
)
async def test_what_contradicts_itself_is_refused(oak, city, wrong, why: str) -> None:
    activity = message()
    wrong(activity)
    assert await oak.arrive(proved(activity), peer=city) == f"refused {why}"
    assert oak.rows(CityMessageTable) == []


@pytest.mark.parametrize(("others", "fate"), [(999, "understood"), (1000, "refused member")])
async def test_a_city_has_many_neighbourhoods_but_not_any_number(oak, city, others: int, fate: str) -> None:
    to = [OAK, *(f"https://elm.example/ap/groups/e{number}" for number in range(others))]
    assert await oak.arrive(proved(everywhere(message(), to=to)), peer=city) == fate


async def test_to_whom_it_is_said_never_changes(oak, city) -> None:
    await oak.arrive(proved(message()), peer=city)
    for number, to in enumerate(([OAK], [OAK, ELM], [ELM, OAK, "https://pine.example/ap/groups/pine"])):
        wider = everywhere(update(), to=to)
        wider["id"] += str(number)
        assert await oak.arrive(proved(wider), peer=city) == "refused places-differ"


async def test_a_change_of_what_never_came_is_the_message(oak, city) -> None:
    better = update(contentMap={"nl": "<p>Toch niet.</p>"})
    assert await oak.arrive(proved(better), peer=city) == "understood"
    assert kept(oak).said["nl"].text == "Toch niet."
    # what was said first comes late: it is the older word
    assert await oak.arrive(proved(message()), peer=city) == "understood"
    assert kept(oak).said["nl"].text == "Toch niet."


async def test_a_change_of_what_was_taken_back_brings_nothing_back(oak, city) -> None:
    await oak.arrive(proved(delete()), peer=city)
    assert await oak.arrive(proved(update()), peer=city) == "understood"
    assert kept(oak) is None


async def test_nobody_else_can_speak_about_a_copy_by_its_address(oak, city, clock) -> None:
    """The copy in a neighbourhood has an address that nothing on the wire may use: not to answer, not to remove."""
    clock.set(next_door.at("2026-11-24T08:00:00"))
    await oak.arrive(proved(message()), peer=city)
    (post,) = oak.rows(PostTable)
    assert post.uri == f"{NOTE}#oak"
    answer = letter("47", **{"https://oak.example": "https://elm.example", "01JDB0BOB": next_door.ALICE})
    answer["object"]["inReplyTo"] = post.uri
    assert (await oak.arrive(proved(answer))).startswith("refused")
    gone = delete() | {"fhScope": "neighbours", "id": f"{BASE}/ap/activities/sly", "fhFrom": ELM}
    gone["object"] = {"id": post.uri, "type": "Tombstone"}
    oak.database.transact(_grant_neighbours, city)
    assert (await oak.arrive(proved(gone), peer=city)).startswith("refused")
    root = letter("13")
    wrapped = copy.deepcopy(root)
    wrapped["object"]["object"]["inReplyTo"] = post.uri
    wrapped["id"] += "-sly"
    assert (await oak.arrive(proved(wrapped))).startswith("refused")
    assert len(oak.rows(PostTable)) == 1
    assert oak.rows(PostTable)[0].deleted_at is None
    assert urls.origin(post.uri) == BASE


def _grant_neighbours(uow, peer: int) -> None:
    AgreementTable.update(scopes=["neighbours", *GRANTS]).where(AgreementTable.peer == peer).execute(uow.db)
