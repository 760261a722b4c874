"""A year goes by between two servers: told in time, renewed by one press on each side, and what happens without."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.core import peers
from fedhood.core.notifications import Kind
from fedhood.core.peers import PeerState
from fedhood.kernel.clock import write_offset
from tests.stories.test_after_the_end import heard, keeper
from tests.stories.test_farewell import in_the_feed, tell
from tests.support.world import make_neighbours, place, settle


@pytest.fixture
async def years(tmp_path):
    """Elm and Oak are neighbours, and time can be moved for both."""
    calendar = tmp_path / "calendar"
    write_offset(calendar, timedelta())
    elm = await place(tmp_path, "elm", "Elm", clock_offset=calendar)
    oak = await place(tmp_path, "oak", "Oak", clock_offset=calendar)
    await make_neighbours(elm, oak, await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True))
    days = 0

    async def later(more: int) -> None:
        nonlocal days
        days += more
        write_offset(calendar, timedelta(days=days))
        for one in (elm, oak):
            await one.database.write(peers.lapse_due)
            await one.database.write(peers.warn_due)
        await settle(elm, oak)

    yield elm, oak, later
    await elm.close()
    await oak.close()


async def renew(at, other) -> None:
    peer = await at.database.read(peers.by_host, other.host)
    await at.database.write(peers.renew, by=await keeper(at), peer_id=peer.id)


async def test_both_are_told_in_time_press_once_and_read_on(years):
    elm, oak, later = years
    ana, bob = await elm.resident("Ana"), await oak.resident("Bob")
    await later(340)
    for at in (elm, oak):
        assert (await heard(at, await keeper(at))).count(Kind.PEER_ENDING) == 1
    await renew(elm, oak)
    await settle(elm, oak)
    await later(10)
    await renew(oak, elm)
    await settle(elm, oak)
    await later(100)
    for at, other in ((elm, oak), (oak, elm)):
        assert (await at.database.read(peers.by_host, other.host)).state is PeerState.AGREED
        assert (await heard(at, await keeper(at))).count(Kind.PEER_ENDING) == 1
    await tell(elm, ana, "From Elm")
    await tell(oak, bob, "From Oak")
    await settle(elm, oak)
    assert set(await in_the_feed(elm, ana)) == set(await in_the_feed(oak, bob)) == {"From Elm", "From Oak"}


async def test_a_renewal_a_second_after_a_change_is_heard(years):
    elm, oak, later = years
    await later(340)
    peer = await elm.database.read(peers.by_host, oak.host)
    for readers in ([], [peer.offered_groups[0]["uri"]]):
        await elm.database.write(
            peers.change_readers, by=await keeper(elm), peer_id=peer.id, writer=elm.homes["Elm"], readers=readers
        )
    await renew(elm, oak)
    await settle(elm, oak)
    ours = await elm.database.read(peers.agreement, peer.id, ours=True)
    there = await oak.database.read(peers.by_host, elm.host)
    theirs = await oak.database.read(peers.agreement, there.id, ours=False)
    assert theirs.valid_until == ours.valid_until.replace(microsecond=0)
    assert len(theirs.pairs) == 1


async def test_who_does_not_press_is_read_no_longer_and_asked_anew(years):
    elm, oak, later = years
    ana, bob = await elm.resident("Ana"), await oak.resident("Bob")
    await tell(elm, ana, "From Elm")
    await settle(elm, oak)
    await later(350)
    await renew(oak, elm)
    await settle(elm, oak)
    await later(16)
    assert (await elm.database.read(peers.by_host, oak.host)).state is PeerState.ASKED_US
    assert Kind.PEER_ASKS in await heard(elm, await keeper(elm))
    assert await in_the_feed(oak, bob) == {}
    there = await elm.database.read(peers.by_host, oak.host)
    await elm.database.write(peers.confirm, by=await keeper(elm), peer_id=there.id, fingerprint=there.fingerprint)
    await settle(elm, oak)
    await tell(elm, ana, "The second")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == {"From Elm", "The second"}
