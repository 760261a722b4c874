"""Elm asks, Oak answers, Ash reads along: what becomes of an answer reaches everyone who was told of it."""

from __future__ import annotations

import pytest

from fedhood.adapters.activitypub import deliver, understand
from fedhood.core import help_requests, interactions, posts, timelines
from fedhood.core.posts import Audience
from tests.support.world import make_neighbours, place, settle


@pytest.fixture
async def three(tmp_path):
    elm, oak, ash = [await place(tmp_path, name, name.capitalize()) for name in ("elm", "oak", "ash")]
    ana = await elm.resident("Ana Dakkapel", moderator=True)
    bob = await oak.resident("Bob Vensterbank", moderator=True)
    cas = await ash.resident("Cas Regenpijp", moderator=True)
    await make_neighbours(elm, oak, ana, bob)
    await make_neighbours(elm, ash, ana, cas)
    # who reads along must know the server of who answers: nobody else vouches for that person
    await make_neighbours(oak, ash, bob, cas)
    yield (elm, oak, ash), (ana, bob, cas)
    for one in (elm, oak, ash):
        await one.close()


async def root_at(at, viewer):
    (entry,) = await at.database.read(timelines.feed, viewer=viewer)
    return entry.post.id


async def answers(at, viewer):
    root = await root_at(at, viewer)
    return [one.text for one in await at.database.read(posts.thread, root=root, viewer=viewer)]


async def ask(elm, ana):
    readers = await elm.database.read(posts.offered, neighbourhood=ana.neighbourhood)
    (both,) = [one for one in readers if one.names == ("Ash", "Oak")]
    await elm.database.write(
        posts.publish, by=ana, text="Whose bicycle?", audience=Audience.NEIGHBOURS, places=both.places
    )


@pytest.mark.parametrize("audience", ["neighbours", "public"])
async def test_an_answer_said_better_and_taken_away_is_so_for_all_who_read_it(three, audience):
    (elm, oak, ash), (ana, bob, cas) = three
    everyone = [(elm, ana), (oak, bob), (ash, cas)]
    if audience == "public":
        await elm.database.write(posts.publish, by=ana, text="Whose bicycle?", audience=Audience.PUBLIC)
    else:
        await ask(elm, ana)
    await settle(elm, oak, ash)

    reply = await oak.database.write(posts.reply, by=bob, to=await root_at(oak, bob), text="Mine")
    await settle(elm, oak, ash)
    assert [await answers(*one) for one in everyone] == [["Mine"]] * 3

    await oak.database.write(posts.edit, by=bob, post_id=reply, text="Mine, the red one")
    await settle(elm, oak, ash)
    assert [await answers(*one) for one in everyone] == [["Mine, the red one"]] * 3

    await oak.database.write(posts.delete, by=bob, post_id=reply)
    await settle(elm, oak, ash)
    assert [await answers(*one) for one in everyone] == [[]] * 3


async def test_who_reads_along_hears_that_who_answered_has_left_though_all_of_it_came_at_once(three):
    (elm, oak, ash), (ana, bob, cas) = three
    lou = await oak.resident("Lou")
    await ask(elm, ana)
    await settle(elm, oak, ash)
    await oak.database.write(posts.reply, by=lou, to=await root_at(oak, bob), text="Mine")
    await settle(elm, oak, ash)
    assert await answers(ash, cas) == ["Mine"]
    await oak.database.write(help_requests.farewell, by=lou)
    await settle_alone(oak)
    while await understand.pump(elm.server.federation):
        pass  # Elm has read that it was removed, and that Lou left, before it passes anything on
    await settle(elm, oak, ash)
    assert await answers(ash, cas) == []


async def settle_alone(at):
    federation = at.server.federation
    while await deliver.pump(federation, federation.clock.now()):
        pass


async def test_thanks_for_an_answer_in_anothers_public_thread_are_counted_where_it_was_given(three):
    (elm, oak, ash), (ana, bob, cas) = three
    await elm.database.write(posts.publish, by=ana, text="Whose bicycle?", audience=Audience.PUBLIC)
    await settle(elm, oak, ash)
    reply = await oak.database.write(posts.reply, by=bob, to=await root_at(oak, bob), text="Mine")
    await settle(elm, oak, ash)
    (there,) = await ash.database.read(posts.thread, root=await root_at(ash, cas), viewer=cas)
    await ash.database.write(interactions.thank, by=cas, post_id=there.id)
    await settle(elm, oak, ash)
    assert (await oak.database.read(posts.row, post_id=reply)).thanks == 1
    await ash.database.write(interactions.take_back, by=cas, post_id=there.id)
    await settle(elm, oak, ash)
    assert (await oak.database.read(posts.row, post_id=reply)).thanks == 0


async def test_an_answer_edited_while_ash_was_away_arrives_as_it_was_and_then_as_it_is(three):
    (elm, oak, ash), (ana, bob, cas) = three
    await ask(elm, ana)
    await settle(elm, oak, ash)
    reply = await oak.database.write(posts.reply, by=bob, to=await root_at(oak, bob), text="Mine")
    await settle(elm, oak)  # Ash does not look into its letterbox meanwhile
    await oak.database.write(posts.edit, by=bob, post_id=reply, text="Not mine after all")
    await settle(elm, oak)
    await settle(elm, oak, ash)
    assert await answers(ash, cas) == ["Not mine after all"]
