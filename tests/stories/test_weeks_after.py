"""Weeks after two servers went separate ways, what somebody takes back is still heard, by everybody who ever had it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from fedhood.adapters.activitypub import purge
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable
from fedhood.core import help_requests, peers, posts
from fedhood.core.peers import PeerState
from fedhood.kernel.clock import write_offset
from tests.stories.test_after_the_end import SECRET, bodies, end, keeper
from tests.stories.test_farewell import ask, in_the_feed, tell
from tests.support.world import make_neighbours, place, settle


@pytest.fixture
async def weeks(tmp_path):
    """Elm and Oak were neighbours, and time can be moved for both; what runs by itself runs as it goes by."""
    calendar = tmp_path / "calendar"
    write_offset(calendar, timedelta())
    elm = await place(tmp_path, "elm", "Elm", clock_offset=calendar)
    oak = await place(tmp_path, "oak", "Oak", clock_offset=calendar)
    await make_neighbours(elm, oak, await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True))
    day = 0

    async def later(days: int) -> None:
        nonlocal day
        for _ in range(days):
            day += 1
            write_offset(calendar, timedelta(days=day))
            for one in (elm, oak):
                for use_case in (purge.purge_due, peers.lapse_due, help_requests.expire_due, help_requests.erase_due):
                    await one.database.write(use_case)
        await settle(elm, oak)

    yield elm, oak, later
    await elm.close()
    await oak.close()


async def text_there(at, post):
    return (await at.database.read(posts.row, post_id=post)).text


@pytest.mark.parametrize("who", ["the writer", "the reader"])
async def test_what_was_told_before_the_end_is_taken_back_six_weeks_after_it(weeks, who):
    elm, oak, later = weeks
    ana, bob = await elm.resident("Ana"), await oak.resident("Bob")
    post, theirs = await tell(elm, ana, SECRET), await tell(oak, bob, "From Oak")
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    feed = await in_the_feed(oak, bob)
    there, asked = feed[SECRET].post.id, feed["A hand?"].post.id
    here = (await in_the_feed(elm, ana))["From Oak"].post.id
    await (end(elm, oak) if who == "the writer" else end(oak, elm))
    await settle(elm, oak)
    await later(42)
    for at in (elm, oak):
        assert await at.database.read(lambda db: InboundTable.select().count(db)) == 0, "the letters are forgotten"
    assert (await text_there(oak, there), await text_there(elm, here)) == (SECRET, "From Oak")
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await elm.database.write(posts.delete, by=ana, post_id=request)
    await oak.database.write(posts.delete, by=bob, post_id=theirs)
    await settle(elm, oak)
    assert [await text_there(oak, there), await text_there(oak, asked), await text_there(elm, here)] == ["", "", ""]
    assert SECRET.encode() not in await bodies(oak)


async def test_who_was_away_when_it_ended_hears_what_was_taken_back_when_they_return(weeks):
    elm, oak, later = weeks
    ana, bob = await elm.resident("Ana"), await oak.resident("Bob")
    post = await tell(elm, ana, SECRET)
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))[SECRET].post.id
    (site,) = oak.server._runner.sites
    await site.stop()  # nobody answers at its address, and nobody holds on to a connection
    await elm.server.client.close()
    await elm.server.client.start()
    await end(elm, oak)
    await settle(elm)
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await settle(elm)
    waiting = await elm.database.read(_waiting)
    assert waiting == ["peer.undo", "post.delete"]
    await later(10)
    assert await elm.database.read(_waiting) == waiting, "a removal is worth thirty days of trying"
    assert await text_there(oak, there) == SECRET
    host, _, port = oak.server.settings.listen.rpartition(":")
    await web.TCPSite(oak.server._runner, host, int(port)).start()
    await later(2)
    assert await text_there(oak, there) == ""
    assert (await oak.database.read(peers.by_host, elm.host)).state is PeerState.ENDED
    assert (await elm.database.read(peers.by_host, oak.host)).state is PeerState.ENDED


def _waiting(db):
    rows = DeliveryTable.select().where(DeliveryTable.state == "waiting").order_by(DeliveryTable.number)
    return [row.verb for row in rows.execute(db)]


async def test_of_what_was_said_before_the_end_nothing_is_given_out_weeks_after_it(weeks):
    elm, oak, later = weeks
    ana = await elm.resident("Ana")
    await tell(elm, ana, SECRET)
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await later(42)
    assert (
        await elm.database.read(lambda db: ActivityTable.select().where(ActivityTable.key ** "post-%").count(db)) == 0
    )
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await settle(elm, oak)
    assert {one.state for one in await elm.database.read(lambda db: list(DeliveryTable.select().execute(db)))} <= {
        "done",
        "dropped",
        "refused",
    }
