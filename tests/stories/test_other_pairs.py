"""While two servers stay neighbours: who reads whom changes, they show each other less, and more again."""

from __future__ import annotations

import pytest

from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import help_requests, neighbourhoods, peers, posts
from fedhood.core.help_requests import State
from fedhood.core.notifications import Kind
from fedhood.core.peers import Trust
from fedhood.core.posts import Audience
from tests.stories.test_after_the_end import SECRET, heard, keeper
from tests.stories.test_farewell import ask, in_the_feed, street, tell
from tests.support.world import make_neighbours, place, settle

__all__ = ["street"]  # the fixture


async def read_by(at, other, writer, *readers):
    """From now on exactly these neighbourhoods of the other server read one of ours."""
    peer = await at.database.read(peers.by_host, other.host)
    known = await at.database.read(neighbourhoods.of_peer, peer.id)
    uris = [one.uri for one in known if one.name in readers]
    assert len(uris) == len(readers)
    await at.database.write(
        peers.change_readers, by=await keeper(at), peer_id=peer.id, writer=at.homes[writer], readers=uris
    )


async def give(at, other, trust, **how):
    peer = await at.database.read(peers.by_host, other.host)
    await at.database.write(peers.grant, by=await keeper(at), peer_id=peer.id, trust=trust, **how)


async def verbs(at, state):
    return await at.database.read(
        lambda db: [one.verb for one in DeliveryTable.select().where(DeliveryTable.state == state).execute(db)]
    )


# -- pairs ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def two_there(tmp_path):
    """Elm's server, and another one with Oak and Ash; Oak and Elm read each other, Ash nobody."""
    elm, oak = await place(tmp_path, "elm", "Elm"), await place(tmp_path, "oak", "Oak", "Ash")
    await make_neighbours(elm, oak, await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True))
    await read_by(elm, oak, "Elm", "Oak")
    await settle(elm, oak)
    yield elm, oak
    await elm.close()
    await oak.close()


async def test_who_reads_along_from_now_on_is_told_what_is_written_from_now_on(two_there):
    elm, oak = two_there
    ana, ash, olga = await elm.resident("Ana"), await oak.resident("Ada", "Ash"), await oak.resident("Olga", "Oak")
    await tell(elm, ana, "The first")
    await settle(elm, oak)
    await read_by(elm, oak, "Elm", "Oak", "Ash")
    await settle(elm, oak)
    assert await in_the_feed(oak, ash) == {}
    offered = await elm.database.read(posts.offered, neighbourhood=ana.neighbourhood)
    everybody = next(one.places for one in offered if one.names == ("Ash", "Oak"))
    await elm.database.write(posts.publish, by=ana, text="The second", audience=Audience.NEIGHBOURS, places=everybody)
    await settle(elm, oak)
    assert set(await in_the_feed(oak, ash)) == {"The second"}
    assert set(await in_the_feed(oak, olga)) == {"The first", "The second"}
    assert Kind.PEER_CHANGED in await heard(oak, await keeper(oak))


async def test_who_reads_along_no_longer_is_told_nothing_more_and_shown_nothing_but_hears_what_is_taken_back(two_there):
    elm, oak = two_there
    ana, olga = await elm.resident("Ana"), await oak.resident("Olga", "Oak")
    post = await tell(elm, ana, SECRET)
    await settle(elm, oak)
    there = (await in_the_feed(oak, olga))[SECRET].post.id
    await posts_wait(elm, ana)
    await read_by(elm, oak, "Elm", "Ash")
    assert await verbs(elm, "dropped") == ["post.create"]
    await elm.database.write(posts.edit, by=ana, post_id=post, text=f"{SECRET}, upstairs")
    await settle(elm, oak)
    assert await in_the_feed(oak, olga) == {}
    assert (await oak.database.read(posts.row, post_id=there)).text == SECRET, "nothing more was told"
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await settle(elm, oak)
    assert (await oak.database.read(posts.row, post_id=there)).text == ""


async def posts_wait(at, who):
    """Something is told, and nobody has sent it yet."""
    await tell(at, who, "It waits")
    assert await verbs(at, "waiting") == ["post.create"]


async def test_who_reads_along_again_reads_again_what_was_told_before_as_it_is_now(two_there):
    elm, oak = two_there
    ana, olga = await elm.resident("Ana"), await oak.resident("Olga", "Oak")
    post = await tell(elm, ana, "The first")
    await settle(elm, oak)
    await read_by(elm, oak, "Elm")
    await elm.database.write(posts.edit, by=ana, post_id=post, text="The second")
    await settle(elm, oak)
    await read_by(elm, oak, "Elm", "Oak")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, olga)) == {"The second"}


# -- less, and more again ---------------------------------------------------------------------------------------------


async def test_what_waits_for_who_may_have_less_is_dropped_and_what_is_taken_back_still_goes(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, SECRET)
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))[SECRET].post.id
    await posts_wait(elm, ana)
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await elm.database.write(help_requests.withdraw, by=ana, request_id=request)
    await give(elm, oak, Trust.FEDIVERSE)
    assert await verbs(elm, "dropped") == ["post.create", "help.update"]
    assert await verbs(elm, "waiting") == ["post.delete", "peer.update"]
    await settle(elm, oak)
    assert (await oak.database.read(posts.row, post_id=there)).text == ""
    assert await in_the_feed(oak, bob) == {}


async def test_an_offer_that_was_about_to_go_is_said_to_have_failed(street):
    elm, oak, ana, bob = street
    await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))["A hand?"].post.id
    offer = await oak.database.write(help_requests.offer, by=bob, request_id=there)
    await give(oak, elm, Trust.FEDIVERSE)
    assert (await oak.database.read(help_requests.offer_row, offer)).sent == "failed"


async def test_less_ends_the_reading_both_ways_and_neither_tells_the_other_anything(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "From Elm")
    await tell(oak, bob, "From Oak")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == set(await in_the_feed(elm, ana)) == {"From Elm", "From Oak"}
    await give(elm, oak, Trust.FEDIVERSE)
    await settle(elm, oak)
    assert set(await in_the_feed(elm, ana)) == {"From Elm"}
    assert set(await in_the_feed(oak, bob)) == {"From Oak"}
    assert (await heard(oak, await keeper(oak)))[0] is Kind.PEER_CHANGED
    for at, who in ((elm, ana), (oak, bob)):
        offered = await at.database.read(posts.offered, neighbourhood=who.neighbourhood)
        assert [one.audience for one in offered] == [Audience.NEIGHBOURHOOD, Audience.PUBLIC]


async def test_neighbours_again_read_each_other_again_and_hear_what_changed(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    request = await ask(elm, ana, "A hand?")
    theirs = await tell(oak, bob, "From Oak")
    await settle(elm, oak)
    await give(elm, oak, Trust.FEDIVERSE)
    await settle(elm, oak)
    await elm.database.write(posts.edit, by=ana, post_id=post, text="The second")
    await elm.database.write(help_requests.withdraw, by=ana, request_id=request)
    await oak.database.write(posts.edit, by=bob, post_id=theirs, text="Still from Oak")
    await settle(elm, oak)
    peer = await elm.database.read(peers.by_host, oak.host)
    await give(elm, oak, Trust.NEIGHBOUR, fingerprint=peer.fingerprint)
    await settle(elm, oak)
    feed = await in_the_feed(oak, bob)
    assert set(feed) == {"The second", "A hand?", "Still from Oak"}
    assert feed["A hand?"].help.state is State.WITHDRAWN
    assert set(await in_the_feed(elm, ana)) == {"The second", "A hand?", "Still from Oak"}


async def test_the_side_that_hears_of_less_drops_what_waits_too(street):
    elm, oak, ana, bob = street
    await give(elm, oak, Trust.FEDIVERSE)
    await settle(elm)  # it is said, and Oak has not read it yet
    await posts_wait(oak, bob)
    await settle(elm, oak)
    assert await verbs(oak, "dropped") == ["post.create"]
    assert await in_the_feed(elm, ana) == {}


async def test_of_two_changes_in_one_second_the_second_stays(street):
    elm, oak, ana, bob = street
    await read_by(elm, oak, "Elm")
    await read_by(elm, oak, "Elm", "Oak")
    await settle(elm, oak)
    await tell(elm, ana, "Still read")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == {"Still read"}
