"""Posts of neighbours arrive; whoever says more than they may is refused, rule by rule (L4 to L8, A3, A4)."""

from datetime import UTC, datetime

import pytest

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import posts
from fedhood.core.help_requests.tables import HelpRequestTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts import Audience, Kind
from fedhood.core.posts.tables import PostTable
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, here, keep, know, letter, proved

ELM, OAK = "https://elm.example/ap/groups/elm", "https://oak.example/ap/groups/oak"
PINE = "https://pine.example/ap/groups/pine"
ALICE = f"https://elm.example/ap/people/{next_door.ALICE}"
BOB = f"https://oak.example/ap/people/{next_door.BOB}"
NOTE = "https://elm.example/ap/notes/01JDNBR"
HELP = "https://elm.example/ap/notes/01JDHELP"
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


@pytest.fixture
def elm(running) -> Here:
    return here(running, "elm")


def kept(place: Here, uri: str) -> posts.Post | None:
    return place.database.look(posts.by_uri, uri)


def everywhere(activity: dict, **members) -> dict:
    """The same members changed on the envelope, the activity and the Note."""
    activity.update(members)
    activity["object"].update(members)
    activity["object"]["object"].update(members)
    return activity


# -- what may be said --------------------------------------------------------------------------------------------------


async def test_a_post_of_the_neighbours_arrives_for_the_places_that_it_names(oak) -> None:
    assert await oak.arrive(proved(letter("13"))) == "understood"
    post = kept(oak, NOTE)
    assert post is not None
    assert post.text == "Water main work on the Elm/Oak border tomorrow 8-12."
    assert (post.language, post.audience, post.kind) == ("en", Audience.NEIGHBOURS, Kind.NOTE)
    assert (post.neighbourhood, post.author) == (oak.world.elm, oak.world.alice)
    assert set(post.places) == {oak.world.elm, oak.world.oak}


async def test_a_post_that_comes_twice_is_one_post(oak) -> None:
    await oak.arrive(proved(letter("13")))
    again = letter("13") | {"id": "https://elm.example/ap/activities/once-more"}
    assert await oak.arrive(proved(again)) == "understood"
    assert len(oak.rows(PostTable)) == 1


async def test_a_place_that_is_not_known_here_takes_nothing_away_from_ours(oak) -> None:
    wider = everywhere(letter("13"), to=[ELM, OAK, PINE])
    assert await oak.arrive(proved(wider)) == "understood"
    assert set(kept(oak, NOTE).places) == {oak.world.elm, oak.world.oak}


async def test_an_author_says_it_better_and_then_takes_it_away(oak) -> None:
    await oak.arrive(proved(letter("13")))
    assert await oak.arrive(proved(letter("17a"))) == "understood"
    assert kept(oak, NOTE).text.endswith("tomorrow 9-13.")
    assert await oak.arrive(proved(letter("17b"))) == "understood"
    assert kept(oak, NOTE).text == ""


async def test_what_comes_after_its_removal_leaves_no_byte_behind(oak) -> None:
    for number in ("17b", "13", "17a"):
        assert await oak.arrive(proved(letter(number))) == "understood"
    assert kept(oak, NOTE) is None
    assert [bool(row.body) for row in oak.rows(InboundTable)] == [True, False, False]


async def test_what_is_removed_twice_is_removed_once(oak) -> None:
    await oak.arrive(proved(letter("13")))
    await oak.arrive(proved(letter("17b")))
    again = letter("17b") | {"id": "https://elm.example/ap/activities/gone-again"}
    assert await oak.arrive(proved(again)) == "understood"


async def test_a_help_request_arrives_and_its_state_follows_its_home(oak) -> None:
    assert await oak.arrive(proved(letter("20"))) == "understood"
    assert kept(oak, HELP).kind is Kind.HELP
    (request,) = oak.rows(HelpRequestTable)
    assert (request.state, request.revision, request.category, request.area) == (
        "open",
        1,
        "transport",
        "Elm Street north",
    )
    for number, state in (("24", "claimed"), ("24b", "open"), ("24", "open")):
        again = letter(number)
        again["id"] += f"-{number}-{state}"
        assert await oak.arrive(proved(again)) == "understood"
        assert oak.rows(HelpRequestTable)[0].state == state
    assert await oak.arrive(proved(letter("28"))) == "understood"
    assert kept(oak, HELP).deleted_at is not None


async def test_a_public_post_is_for_those_of_ours_that_read_its_neighbourhood(oak) -> None:
    assert await oak.arrive(proved(letter("11")), scoped=False) == "understood"
    post = kept(oak, "https://elm.example/ap/notes/01JDPUB")
    assert post.audience is Audience.PUBLIC
    assert set(post.places) == {oak.world.elm, oak.world.oak}
    assert post.text == "Book swap at the library this weekend. #elmdistrict"


# -- L8: who says more than they may -----------------------------------------------------------------------------------


def narrow_envelope(activity: dict) -> None:
    activity["to"] = [ELM, PINE]


def widened_note(activity: dict) -> None:
    activity["object"]["object"]["to"] = [ELM, OAK, PINE]


def widened_activity(activity: dict) -> None:
    activity["object"]["to"] = [ELM, OAK, PINE]


def public_note(activity: dict) -> None:
    activity["object"]["object"]["to"] = ["https://www.w3.org/ns/activitystreams#Public"]


def public_copy(activity: dict) -> None:
    activity["object"]["object"]["cc"] = ["as:Public"]


def other_scope(activity: dict) -> None:
    activity["object"]["object"]["fhScope"] = "public"


def no_scope_inside(activity: dict) -> None:
    del activity["object"]["fhScope"]


def no_scope_on_the_note(activity: dict) -> None:
    del activity["object"]["object"]["fhScope"]


def another_home(activity: dict) -> None:
    everywhere(activity, to=[OAK, ELM])


def another_audience(activity: dict) -> None:
    activity["object"]["object"]["audience"] = OAK


def somebody_elses(activity: dict) -> None:
    activity["object"]["object"]["attributedTo"] = f"{ALICE}X"


def another_server(activity: dict) -> None:
    activity["object"]["object"]["id"] = "https://pine.example/ap/notes/1"


def an_unknown_kind(activity: dict) -> None:
    activity["object"]["object"]["type"] = "Article"


@pytest.mark.parametrize(
    "spoil",
    [
        narrow_envelope,
        widened_note,
        widened_activity,
        public_note,
        public_copy,
        other_scope,
        no_scope_inside,
        no_scope_on_the_note,
        another_home,
        another_audience,
        somebody_elses,
        another_server,
        an_unknown_kind,
    ],
)
async def test_a_post_that_contradicts_itself_is_refused(oak, spoil) -> None:
    activity = letter("13")
    spoil(activity)
    assert (await oak.arrive(proved(activity))).startswith("refused ")
    assert oak.rows(PostTable) == []


async def test_a_post_for_a_place_that_is_not_paired_is_refused(oak) -> None:
    oak.database.transact(lambda uow: PairTable.delete().execute(uow.db))
    assert await oak.arrive(proved(letter("13"))) == "refused no-place"


async def test_a_post_that_names_none_of_our_places_is_refused(oak) -> None:
    assert await oak.arrive(proved(everywhere(letter("13"), to=[ELM, PINE]))) == "refused no-place"


async def test_a_scope_that_was_not_granted_is_refused(oak) -> None:
    oak.database.transact(lambda uow: AgreementTable.update(scopes=["public"]).execute(uow.db))
    assert await oak.arrive(proved(letter("13"))) == "refused scope-not-granted"


async def test_what_comes_before_the_agreement_was_read_waits_for_it(oak) -> None:
    oak.database.transact(lambda uow: AgreementTable.delete().where(~AgreementTable.ours).execute(uow.db))
    accept = {"id": "https://elm.example/ap/activities/accept", "actor": "https://elm.example/ap/instance"}
    row = await oak.database.write(keep, {**accept, "type": "Accept"}, scoped=False, peer=oak.world.peer)
    oak.database.transact(lambda uow: InboundTable.update(state="parked", next_at=NEVER).execute(uow.db))
    assert await oak.arrive(proved(letter("13"))) == "parked orphan"
    oak.database.transact(lambda uow: InboundTable.delete().where(InboundTable.id == row).execute(uow.db))
    assert await oak.arrive(proved(letter("25"))) == "refused scope-not-granted"


async def test_an_agreement_that_ran_out_grants_nothing(oak) -> None:
    oak.database.transact(lambda uow: AgreementTable.update(valid_until=uow.now).execute(uow.db))
    assert await oak.arrive(proved(letter("13"))) == "refused scope-not-granted"


async def test_who_is_no_neighbour_any_more_says_nothing(oak) -> None:
    oak.database.transact(lambda uow: PeerTable.update(state="ended").execute(uow.db))
    assert (await oak.arrive(proved(letter("13")))).startswith(("refused", "waiting"))
    assert oak.rows(PostTable) == []


async def test_a_scoped_post_at_another_inbox_than_the_peers_is_refused(oak) -> None:
    assert await oak.arrive(proved(letter("13")), scoped=False) == "refused wrong-inbox"


async def test_an_author_of_another_server_is_refused(oak) -> None:
    other = "https://pine.example/ap/people/1"
    peer = oak.database.transact(next_door.add_peer, "pine.example")
    oak.database.transact(know, peer, other)
    activity = letter("13")
    activity["object"] |= {"actor": other, "id": "https://pine.example/ap/activities/1"}
    activity["object"]["object"] |= {"attributedTo": other, "id": "https://pine.example/ap/notes/1"}
    assert await oak.arrive(proved(activity)) == "refused origin"


async def test_a_neighbourhood_of_another_server_does_not_announce(oak) -> None:
    peer = oak.database.transact(next_door.add_peer, "pine.example")
    oak.database.transact(know, peer, PINE)
    activity = letter("13") | {"actor": PINE, "id": "https://pine.example/ap/activities/1"}
    assert (await oak.arrive(proved(activity), peer=peer)) == "refused announcer"


async def test_what_is_announced_without_its_authors_proof_is_refused(oak) -> None:
    assert await oak.arrive(proved(letter("13"), inner=False)) == "refused proof-missing"


async def test_what_was_changed_after_it_was_signed_is_refused(oak) -> None:
    activity = proved(letter("13"))
    activity["object"]["object"]["content"] = "<p>Send me your keys.</p>"
    # it may be another key, and the one that is known cannot be asked for again yet
    assert await oak.arrive(activity) == "parked proof-of-another-key"


async def test_an_announcement_without_proof_is_refused(oak) -> None:
    activity = proved(letter("13"))
    del activity["proof"]
    assert await oak.arrive(activity) == "refused proof-missing"


async def test_a_kept_activity_is_kept_with_the_reason_of_its_refusal(oak) -> None:
    await oak.arrive(proved(letter("13"), inner=False))
    (row,) = oak.rows(InboundTable)
    assert row.reason.startswith("proof-missing: ")


# -- what is known and changed (L6, A4) --------------------------------------------------------------------------------


async def test_nobody_but_its_author_changes_or_removes_a_post(oak) -> None:
    await oak.arrive(proved(letter("13")))
    eve = "https://elm.example/ap/people/01JDEVE"
    oak.database.transact(know, oak.world.peer, eve)
    for number in ("17a", "17b"):
        assert await oak.arrive(proved(letter(number, **{ALICE: eve}))) == "refused author"
    assert kept(oak, NOTE).text.endswith("8-12.")


async def test_the_scope_of_a_post_never_changes(oak) -> None:
    await oak.arrive(proved(letter("13")))
    public = letter("11", **{"https://elm.example/ap/notes/01JDPUB": NOTE})
    public["object"]["type"] = "Update"
    assert await oak.arrive(proved(public), scoped=False) == "refused scope-changed"


async def test_the_places_of_a_post_never_change(oak) -> None:
    await oak.arrive(proved(letter("13")))
    beech = oak.database.transact(next_door.add_place, "beech")
    oak.database.transact(next_door.pair, oak.world.elm, beech)
    wider = everywhere(letter("17a"), to=[ELM, OAK, "https://oak.example/ap/groups/beech"])
    assert await oak.arrive(proved(wider)) == "refused places-differ"
    narrower = everywhere(letter("17a"), to=[ELM]) | {"id": "https://elm.example/ap/activities/narrower"}
    assert await oak.arrive(proved(narrower)) == "refused places-differ"


async def test_a_post_does_not_become_a_help_request(oak) -> None:
    await oak.arrive(proved(letter("13")))
    assert await oak.arrive(proved(letter("24", **{HELP: NOTE}))) == "refused kind-changed"


async def test_a_closed_request_stays_closed(oak) -> None:
    await oak.arrive(proved(letter("20")))
    for number in ("25", "24b"):
        later = letter(number)
        later["object"]["object"]["fhRevision"] = 7 if number == "25" else 8
        await oak.arrive(proved(later))
    assert oak.rows(HelpRequestTable)[0].state == "resolved"
