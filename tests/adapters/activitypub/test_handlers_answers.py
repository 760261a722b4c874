"""Answers come to the home of their thread, which announces them; who answers for whom (L5, L8, A4)."""

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import posts
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.posts.tables import PostTable
from fedhood.core.relations.tables import BlockTable
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, here, letter, proved, understand_next

ELM, OAK = "https://elm.example/ap/groups/elm", "https://oak.example/ap/groups/oak"
PINE = "https://pine.example/ap/groups/pine"
ALICE = f"https://elm.example/ap/people/{next_door.ALICE}"
BOB = f"https://oak.example/ap/people/{next_door.BOB}"
NOTE = "https://elm.example/ap/notes/01JDNBR"
HELP = "https://elm.example/ap/notes/01JDHELP"


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


@pytest.fixture
def elm(running) -> Here:
    return here(running, "elm")


def kept(place: Here, uri: str) -> posts.Post | None:
    return place.database.look(posts.by_uri, uri)


# -- answers -----------------------------------------------------------------------------------------------------------


def root_at_elm(place: Here, **also) -> str:
    world = place.world
    number = place.database.transact(next_door.add_post, 7001, world.alice, world.elm, (world.elm, world.oak), **also)
    return place.note(number)


def answer(place: Here, **names: str) -> dict:
    """47, to a thread of elm's."""
    return letter("47", **{NOTE: root_at_elm(place), **names})


async def test_an_answer_comes_to_the_home_of_its_thread(elm) -> None:
    assert await elm.arrive(proved(answer(elm))) == "understood"
    reply = kept(elm, "https://oak.example/ap/notes/01JDSCREPLY")
    assert (reply.root, reply.author, reply.neighbourhood) == (7001, elm.world.bob, elm.world.oak)
    assert elm.database.look(posts.row, post_id=7001).replies == 1


async def test_who_was_blocked_answers_nothing_and_is_not_told(elm) -> None:
    world = elm.world
    activity = answer(elm)
    elm.database.transact(_block, world.alice, world.bob)
    assert await elm.arrive(proved(activity)) == "understood"
    assert len(elm.rows(PostTable)) == 1


def _block(uow, one: int, other: int) -> None:
    BlockTable.insert(account=one, other=other, at=uow.now).execute(uow.db)


def answer_of_elm() -> dict:
    """48, but said by a resident of the announcing neighbourhood."""
    own = letter("48", **{BOB: ALICE, "https://oak.example/ap/notes": "https://elm.example/ap/notes"})
    own["object"] |= {"id": "https://elm.example/ap/activities/own", "fhFrom": ELM}
    return own


async def test_the_home_of_a_thread_announces_answers_and_our_own_is_stored_once(oak) -> None:
    await oak.arrive(proved(letter("13")))
    root = kept(oak, NOTE)
    mine = oak.database.transact(
        next_door.add_post, 7002, oak.world.bob, oak.world.oak, (), root=root.id, parent=root.id
    )
    back = letter("48", **{"https://oak.example/ap/notes/01JDSCREPLY": oak.note(mine)})
    assert await oak.arrive(proved(back)) == "understood"
    assert len(oak.rows(PostTable)) == 2
    assert oak.rows(InboundTable)[-1].body == b"", "we have it already"


async def test_an_answer_that_was_refused_and_then_removed_leaves_no_byte_behind(elm) -> None:
    activity = answer(elm)
    elm.database.transact(lambda uow: PostTable.update(deleted_at=uow.now).execute(uow.db))
    assert await elm.arrive(proved(activity)) == "refused removed"
    assert elm.rows(InboundTable)[-1].body != b""
    note = activity["object"]["id"]
    gone = {name: activity[name] for name in activity if name not in {"object", "proof"}}
    gone |= {"id": f"{activity['id']}-gone", "type": "Delete", "object": {"id": note, "type": "Tombstone"}}
    assert await elm.arrive(proved(gone)) == "understood"
    assert [bool(row.body) for row in elm.rows(InboundTable)] == [False, True]


async def test_nobody_puts_words_into_a_resident_of_ours(oak) -> None:
    await oak.arrive(proved(letter("13")))
    assert await oak.arrive(proved(letter("48"))) == "refused author"
    root = kept(oak, NOTE)
    other = oak.database.transact(
        next_door.add_post, 7003, oak.world.rol, oak.world.oak, (), root=root.id, parent=root.id
    )
    forged = letter("48", **{"https://oak.example/ap/notes/01JDSCREPLY": oak.note(other)})
    forged["id"] += "-forged"
    assert await oak.arrive(proved(forged)) == "refused author"


async def test_an_answer_of_the_announcing_neighbourhood_itself_arrives(oak) -> None:
    await oak.arrive(proved(letter("13")))
    own = answer_of_elm()
    assert await oak.arrive(proved(own)) == "understood"
    assert kept(oak, "https://elm.example/ap/notes/01JDSCREPLY").root == kept(oak, NOTE).id


async def test_an_answer_waits_for_its_thread_and_is_read_when_that_is_here(oak, clock) -> None:
    assert await oak.arrive(proved(answer_of_elm())) == "parked orphan"
    assert await oak.arrive(proved(letter("13"))) == "understood"
    assert not await understand_next(oak.federation)
    clock.move(timedelta(seconds=10))
    assert await understand_next(oak.federation)
    assert kept(oak, "https://elm.example/ap/notes/01JDSCREPLY") is not None


# -- answers that may not be -------------------------------------------------------------------------------------------


async def test_an_answer_for_a_neighbourhood_of_somebody_else_is_refused(elm) -> None:
    activity = answer(elm) | {"fhFrom": ELM}
    assert await elm.arrive(proved(activity)) == "refused origin"


async def test_an_answer_for_a_neighbourhood_that_was_not_told_is_refused(elm) -> None:
    elm.database.transact(next_door.add_place, "ash", peer=elm.world.peer, base=elm.theirs)
    activity = answer(elm) | {"fhFrom": "https://oak.example/ap/groups/ash"}
    assert await elm.arrive(proved(activity)) == "refused not-a-place"


async def test_an_answer_of_a_neighbourhood_that_is_paired_no_more_is_refused(elm) -> None:
    activity = answer(elm)
    elm.database.transact(lambda uow: PairTable.delete().execute(uow.db))
    assert await elm.arrive(proved(activity)) == "refused not-paired"


async def test_an_answer_has_exactly_the_places_of_its_thread(elm) -> None:
    for extra in ([ELM, OAK, PINE], [ELM]):
        activity = letter("47", **{NOTE: elm.note(7001)}) | {"to": extra}
        activity["id"] += str(len(extra))
        activity["object"]["to"] = extra
        if not elm.rows(PostTable):
            root_at_elm(elm)
        assert await elm.arrive(proved(activity)) == "refused places-differ"


async def test_an_answer_to_what_stays_in_its_neighbourhood_is_refused(elm) -> None:
    activity = letter("47", **{NOTE: root_at_elm(elm, audience="neighbourhood")})
    assert await elm.arrive(proved(activity)) == "refused scope-changed"


async def test_only_its_author_takes_an_answer_away(elm) -> None:
    await elm.arrive(proved(answer(elm)))
    reply = "https://oak.example/ap/notes/01JDSCREPLY"
    gone = letter("47") | {
        "id": "https://oak.example/ap/activities/gone",
        "type": "Delete",
        "actor": f"https://oak.example/ap/people/{next_door.ROL}",
        "object": {"id": reply, "type": "Tombstone"},
    }
    assert await elm.arrive(proved(gone)) == "refused author"
    assert await elm.arrive(proved(gone | {"actor": BOB, "id": "https://oak.example/ap/activities/2"})) == "understood"
    assert kept(elm, reply).deleted_at is not None
