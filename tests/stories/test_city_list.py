"""A city publishes who belongs to it; a neighbourhood reads it, and a person answers each line or does not."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest

from fedhood.adapters.activitypub import city_list
from fedhood.core import access, accounts, metrics, peers, posts
from fedhood.core.access import Role, Viewer
from fedhood.core.notifications import Kind
from fedhood.core.peers import Change, PeerState, Trust
from fedhood.core.posts import Audience
from fedhood.kernel.settings import Profile
from tests.stories.test_after_the_end import heard, keeper
from tests.stories.test_another_key import get_another_key, look
from tests.support.world import make_neighbours, place, settle


def _clerk(uow) -> Viewer:
    account = accounts.create(uow, name="Cleo", neighbourhood=None, language="nl")
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=None)
    metrics.name_city(uow, name="Gent")
    return Viewer(account=account, name="Cleo", language="nl", rights=access.rights_of(uow.db, account))


async def subscribe(city, clerk, at, who):
    """The city asks; both compare letters and press."""
    theirs = await city.database.write(peers.propose, by=clerk, host=at.host, trust=Trust.CITY)
    await settle(city, at)
    ours = await at.database.read(peers.by_host, city.host)
    await at.database.write(peers.confirm, by=who, peer_id=ours.id)
    await settle(city, at)
    await city.database.write(peers.confirm, by=clerk, peer_id=theirs)
    await settle(city, at)
    assert (await city.database.read(peers.get, theirs)).state is PeerState.AGREED
    return theirs


@pytest.fixture
async def town(tmp_path):
    """Gent, with Elm and Oak who hand in their figures to it; the two have not met."""
    city = await place(tmp_path, "gent", profile=Profile.CITY)
    elm, oak = await place(tmp_path, "elm", "Elm"), await place(tmp_path, "oak", "Oak", "Ash")
    clerk = await city.database.write(_clerk)
    mo, pim = await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True)
    for at, who in ((elm, mo), (oak, pim)):
        await subscribe(city, clerk, at, who)
    yield city, clerk, elm, oak
    for one in (city, elm, oak):
        await one.close()


async def read(at, city):
    peer = await at.database.read(peers.by_host, city.host)
    await city_list.read(at.server.federation, peer.id)
    return await at.database.read(peers.followed_list, peer.id)


async def follow(at, city):
    peer = await at.database.read(peers.by_host, city.host)
    await at.database.write(peers.follow_list, by=await keeper(at), peer_id=peer.id)
    await settle(at, city)


async def proposals(at):
    return [(one.change, one.host) for one in await at.database.read(peers.proposals)]


async def yes(at, change):
    (one,) = await at.database.read(peers.proposals)
    return await at.database.write(
        peers.answer,
        by=await keeper(at),
        city=one.city,
        host=one.host,
        change=change,
        fingerprint=one.fingerprint,
        yes=True,
        our_host=at.host,
    )


async def test_the_city_knows_the_neighbourhoods_of_those_it_agreed_with(town):
    city, clerk, elm, oak = town
    await city.database.write(peers.put_on_list, by=clerk)
    found = await city.database.read(peers.published)
    base = oak.server.addresses.base
    assert {one.host: one.groups for one in found.entries} == {
        elm.host: (f"{elm.server.addresses.base}/ap/groups/elm",),
        oak.host: (f"{base}/ap/groups/ash", f"{base}/ap/groups/oak"),
    }
    assert {one.name for one in found.entries} >= {"Elm"}


async def test_who_joined_is_proposed_and_becomes_a_neighbour_by_people_alone(town):
    city, clerk, elm, oak = town
    await follow(elm, city)
    (one,) = await elm.database.read(peers.followed_lists)
    assert (one.trouble, await proposals(elm)) == ("no-list", [])
    await city.database.write(peers.put_on_list, by=clerk)
    assert (await read(elm, city)).trouble is None
    assert await proposals(elm) == [(Change.JOINED, oak.host)]
    assert Kind.LIST_CHANGED in await heard(elm, await keeper(elm))
    await settle(city, elm, oak)
    assert await elm.database.read(peers.by_host, oak.host) is None
    assert await oak.database.read(peers.by_host, elm.host) is None
    peer = await yes(elm, Change.JOINED)
    await settle(city, elm, oak)
    found = await elm.database.read(peers.get, peer)
    assert found.state is PeerState.FOUND, "asked, and nothing is agreed by it"
    assert await elm.database.read(peers.letters_listed, oak.host) == [(one.peer, found.fingerprint)]
    theirs = await oak.database.read(peers.by_host, elm.host)
    await oak.database.write(peers.confirm, by=await keeper(oak), peer_id=theirs.id)
    await settle(elm, oak)
    await elm.database.write(peers.confirm, by=await keeper(elm), peer_id=peer)
    await settle(elm, oak)
    assert (await elm.database.read(peers.get, peer)).state is PeerState.AGREED


async def test_other_letters_on_the_list_change_nothing_here(town):
    city, clerk, elm, oak = town
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    before = await elm.database.read(peers.by_host, oak.host)
    await get_another_key(oak)
    await look(city, oak)
    seen = await city.database.read(peers.by_host, oak.host)
    await city.database.write(peers.confirm_key, by=clerk, peer_id=seen.id, fingerprint=seen.shown_fingerprint)
    await city.database.write(peers.put_on_list, by=clerk)
    await follow(elm, city)
    assert await proposals(elm) == [(Change.LETTERS, oak.host)]
    after = await elm.database.read(peers.by_host, oak.host)
    assert (after.multikey, after.fingerprint) == (before.multikey, before.fingerprint)


async def test_who_left_the_list_stays_until_somebody_here_says_so(town):
    city, clerk, elm, oak = town
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await city.database.write(peers.put_on_list, by=clerk)
    await follow(elm, city)
    await city.database.write(_later, peers.take_off_list, by=clerk, host=oak.host)
    await read(elm, city)
    assert await proposals(elm) == [(Change.LEFT, oak.host)]
    assert (await elm.database.read(peers.by_host, oak.host)).state is PeerState.AGREED
    await yes(elm, Change.LEFT)
    await settle(elm, oak)
    assert (await oak.database.read(peers.by_host, elm.host)).state is PeerState.ENDED


def _later(uow, use_case, **how):
    uow.now += timedelta(seconds=2)
    return use_case(uow, **how)


async def test_an_older_list_put_back_in_its_place_is_refused(town):
    city, clerk, elm, oak = town
    oaks = await city.database.read(peers.by_host, oak.host)
    elms = await city.database.read(peers.by_host, elm.host)
    await city.database.write(peers.put_on_list, by=clerk, peers=[elms.id])
    kept = await city.database.read(lambda db: db.execute_sql("SELECT * FROM published_list").fetchone())
    await city.database.write(_later, peers.put_on_list, by=clerk, peers=[oaks.id])
    await follow(elm, city)
    assert await proposals(elm) == [(Change.JOINED, oak.host)]
    await city.database.write(_put_back, kept)
    assert (await read(elm, city)).trouble == "list-older"
    assert await proposals(elm) == [(Change.JOINED, oak.host)]


def _put_back(uow, row):
    uow.db.execute_sql("DELETE FROM published_list")
    uow.db.execute_sql("INSERT INTO published_list VALUES (?, ?, ?, ?)", row)


async def test_a_list_by_another_key_than_the_city_s_is_not_read(town):
    city, clerk, elm, _ = town
    await city.database.write(peers.put_on_list, by=clerk)
    await get_another_key(city)
    await follow(elm, city)
    (one,) = await elm.database.read(peers.followed_lists)
    assert one.trouble == "proof-signature"
    await look(elm, city)
    assert (await read(elm, city)).trouble == "key-in-question"
    assert await proposals(elm) == []


async def test_the_end_of_the_agreement_is_the_end_of_the_list(town):
    city, clerk, elm, _ = town
    await city.database.write(peers.put_on_list, by=clerk)
    await follow(elm, city)
    peer = await elm.database.read(peers.by_host, city.host)
    await elm.database.write(peers.end, by=await keeper(elm), peer_id=peer.id)
    assert await elm.database.read(peers.followed_lists) == []
    assert await proposals(elm) == []


async def test_anybody_may_read_the_list_and_no_neighbourhood_has_one(town):
    city, clerk, elm, _ = town
    await city.database.write(peers.put_on_list, by=clerk)
    async with aiohttp.ClientSession() as session:
        for at, status in ((city, 200), (elm, 404)):
            url = f"http://127.0.0.1:{at.host.partition(':')[2]}/ap/city/neighbourhoods"
            first = await session.get(url, headers={"Host": at.host})
            assert first.status == status
            if status == 200:
                body = await first.read()
                again = await session.get(url, headers={"Host": at.host})
                assert await again.read() == body, "the same bytes for the same list"


async def test_a_city_reads_nothing_of_who_is_on_its_list(town):
    city, clerk, elm, oak = town
    await city.database.write(peers.put_on_list, by=clerk)
    await follow(elm, city)
    ana = await elm.resident("Ana")
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    offered = await elm.database.read(posts.offered, neighbourhood=ana.neighbourhood)
    places = next(one.places for one in offered if one.audience is Audience.NEIGHBOURS)
    await elm.database.write(posts.publish, by=ana, text="KRAANVOGEL", audience=Audience.NEIGHBOURS, places=places)
    await settle(city, elm, oak)
    rows = await city.database.read(lambda db: db.execute_sql("SELECT body FROM inbound").fetchall())
    assert not [row for (row,) in rows if b"KRAANVOGEL" in bytes(row)]
