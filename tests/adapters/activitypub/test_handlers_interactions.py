"""Thanks of neighbours, given and taken back, and complaints that their moderators pass on."""

import pytest

from fedhood.core import posts
from fedhood.core.interactions.tables import ThanksTable
from fedhood.core.moderation.tables import ReportTable
from fedhood.core.neighbourhoods.tables import PairTable
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, here, letter, proved

ELM, OAK = "https://elm.example/ap/groups/elm", "https://oak.example/ap/groups/oak"
BOB = f"https://oak.example/ap/people/{next_door.BOB}"
ROL = f"https://oak.example/ap/people/{next_door.ROL}"
LATER = "2026-11-22T23:00:00Z"
NOTE, PUBLIC_NOTE = "https://elm.example/ap/notes/01JDNBR", "https://elm.example/ap/notes/01JDPUB"


@pytest.fixture
def elm(running) -> Here:
    place = here(running, "elm")
    world = place.world
    for number, audience in ((7001, "neighbours"), (7002, "public"), (7003, "neighbourhood")):
        running.transact(next_door.add_post, number, world.alice, world.elm, (world.elm, world.oak), audience=audience)
    return place


def thanks(place: Here, number: int = 7001) -> dict:
    return letter("49", **{NOTE: place.note(number)})


def count(place: Here, number: int = 7001) -> int:
    return place.database.look(posts.row, post_id=number).thanks


def undone(activity: dict, **members) -> dict:
    like = {name: activity[name] for name in ("id", "type", "actor", "object")}
    return activity | {"id": f"{activity['id']}-undo", "type": "Undo", "object": like} | members


async def test_thanks_are_counted_once_and_taken_back(elm) -> None:
    assert await elm.arrive(proved(thanks(elm))) == "understood"
    again = thanks(elm) | {"id": "https://oak.example/ap/activities/again"}
    assert await elm.arrive(proved(again)) == "understood"
    assert count(elm) == 1
    assert await elm.arrive(proved(undone(thanks(elm), published=LATER))) == "understood"
    assert count(elm) == 0


async def test_thanks_that_were_given_again_stay_in_whatever_order_they_arrive(elm) -> None:
    first = thanks(elm)
    again = first | {"id": f"{first['id']}-again", "published": LATER}
    for activity in (again, first, undone(first)):
        assert await elm.arrive(proved(activity)) == "understood"
    assert count(elm) == 1
    assert await elm.arrive(proved(undone(again, published=LATER))) == "understood"
    assert count(elm) == 0


async def test_thanks_that_come_after_they_were_taken_back_do_not_count(elm) -> None:
    assert await elm.arrive(proved(undone(thanks(elm)))) == "understood"
    assert await elm.arrive(proved(thanks(elm))) == "understood"
    assert count(elm) == 0


async def test_thanks_for_a_public_post_come_to_the_shared_inbox(elm) -> None:
    like = letter("41", **{PUBLIC_NOTE: elm.note(7002)})
    assert await elm.arrive(proved(like), scoped=False) == "understood"
    assert count(elm, 7002) == 1
    assert await elm.arrive(proved(letter("42", **{PUBLIC_NOTE: elm.note(7002)})), scoped=False) == "understood"
    assert count(elm, 7002) == 0


async def test_thanks_for_what_is_not_here_wait(elm) -> None:
    assert await elm.arrive(proved(thanks(elm, 7999))) == "parked orphan"


async def test_thanks_for_what_stays_in_its_neighbourhood_are_refused(elm) -> None:
    assert await elm.arrive(proved(thanks(elm, 7003))) == "refused scope-changed"


async def test_thanks_of_another_scope_than_the_post_are_refused(elm) -> None:
    like = letter("41", **{PUBLIC_NOTE: elm.note(7001)})
    assert await elm.arrive(proved(like), scoped=False) == "refused scope-changed"


async def test_thanks_for_other_places_are_refused(elm) -> None:
    assert await elm.arrive(proved(thanks(elm) | {"to": [ELM]})) == "refused places-differ"


async def test_thanks_of_a_neighbourhood_that_is_paired_no_more_are_refused(elm) -> None:
    elm.database.transact(lambda uow: PairTable.delete().execute(uow.db))
    assert await elm.arrive(proved(thanks(elm))) == "refused not-paired"


async def test_nobody_takes_back_what_another_gave(elm) -> None:
    await elm.arrive(proved(thanks(elm)))
    assert await elm.arrive(proved(undone(thanks(elm), actor=ROL))) == "refused author"
    assert count(elm) == 1
    assert [one.account for one in elm.rows(ThanksTable)] == [elm.world.bob]


# -- complaints --------------------------------------------------------------------------------------------------------


async def test_the_moderators_next_door_pass_a_complaint_on(elm) -> None:
    flag = letter("44", **{NOTE: elm.note(7001)})
    assert await elm.arrive(proved(flag)) == "understood"
    (report,) = elm.rows(ReportTable)
    assert (report.reported, report.post, report.reporter) == (elm.world.alice, 7001, None)
    assert report.text == "Posts a private phone number"


async def test_a_complaint_about_nobody_of_ours_is_refused(elm) -> None:
    flag = letter("44", **{"https://elm.example/ap/people/01JDA1ALICE": ROL})
    assert await elm.arrive(proved(flag)) == "refused resident-unknown"


async def test_a_resident_next_door_passes_no_complaint_on_alone(elm) -> None:
    assert await elm.arrive(proved(letter("44") | {"actor": BOB})) == "refused recipient"
    assert elm.rows(ReportTable) == []
