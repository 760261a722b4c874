"""A complaint about somebody next door: their moderators read it, and not who complained."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from fedhood.adapters.activitypub.tables import DeliveryTable, InboundTable
from fedhood.core import access, moderation, neighbourhoods, notifications, posts, timelines
from fedhood.core.access import Role
from fedhood.core.moderation import Reason, ReportState
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from tests.support.world import make_neighbours, place, settle

CANARY = "Ana Dakkapel"


async def kinds(at, viewer):
    return [one.kind for one in await at.database.read(notifications.latest, account=viewer.account)]


async def open_at(at, viewer):
    return await at.database.read(moderation.open_reports, viewer=viewer, neighbourhood=viewer.neighbourhood)


async def read_by(at, viewer):
    (entry,) = await at.database.read(timelines.feed, viewer=viewer)
    return entry.post.id


async def tell(at, viewer):
    (nearby,) = [
        one
        for one in await at.database.read(posts.offered, neighbourhood=viewer.neighbourhood)
        if one.audience is Audience.NEIGHBOURS
    ]
    return await at.database.write(
        posts.publish, by=viewer, text="Loud words", audience=Audience.NEIGHBOURS, places=nearby.places
    )


@pytest.fixture
async def two(tmp_path):
    elm = await place(tmp_path, "elm", "Elm")
    oak = await place(tmp_path, "oak", "Oak")
    mo = await elm.resident("Mo Goot", moderator=True)
    pim = await oak.resident("Pim Plint", moderator=True)
    await make_neighbours(elm, oak, mo, pim)
    yield elm, oak, mo, pim
    await elm.close()
    await oak.close()


async def test_the_moderators_of_oak_read_what_elm_complains_about_without_a_name(two):
    elm, oak, mo, pim = two
    ana, bob = await elm.resident(CANARY), await oak.resident("Bob Vensterbank")
    post = await tell(oak, bob)
    await settle(elm, oak)
    here = await elm.database.write(
        moderation.report, by=ana, post_id=await read_by(elm, ana), reason=Reason.UNKIND, text="He shouts at us"
    )
    await settle(elm, oak)

    (ours,) = await open_at(elm, mo)
    assert (ours.id, ours.reporter) == (here, ana.account)
    (theirs,) = await open_at(oak, pim)
    assert (theirs.reporter, theirs.reported, theirs.post, theirs.text) == (None, bob.account, post, "He shouts at us")
    assert theirs.reason is Reason.UNKIND
    assert Kind.REPORT in await kinds(oak, pim)
    assert Kind.REPORT not in await kinds(oak, bob)

    await oak.database.write(moderation.close, by=pim, report_id=theirs.id, upheld=True, answer="We spoke with him")
    await settle(elm, oak)
    assert (await elm.database.read(moderation.get, report_id=here, viewer=mo)).state is ReportState.OPEN


async def test_the_name_of_who_complained_is_in_no_letter(two):
    elm, oak, _, _ = two
    ana, bob = await elm.resident(CANARY), await oak.resident("Bob Vensterbank")
    await tell(oak, bob)
    await settle(elm, oak)
    await elm.database.write(moderation.report, by=ana, post_id=await read_by(elm, ana), reason=Reason.SPAM)
    await settle(elm, oak)
    letters = await oak.database.read(lambda db: [bytes(one.body) for one in InboundTable.select().execute(db)])
    assert any(b'"Flag"' in one for one in letters)
    assert not any(CANARY.encode() in one for one in letters)


async def test_two_neighbourhoods_of_one_server_tell_each_other_the_same_way(tmp_path):
    both = await place(tmp_path, "both", "Elm", "Oak")
    try:
        ana, bob = await both.resident(CANARY, "Elm"), await both.resident("Bob Vensterbank", "Oak")
        mo, pim = await both.resident("Mo Goot", "Elm"), await both.resident("Pim Plint", "Oak")
        for one in (mo, pim):
            await both.database.write(
                access.give, account=one.account, role=Role.MODERATOR, neighbourhood=one.neighbourhood, by=None
            )
        mo, pim = [await again(both, one) for one in (mo, pim)]
        await both.database.write(pair_both_ways, ana.neighbourhood, bob.neighbourhood)
        post = await tell(both, bob)
        await both.database.write(moderation.report, by=ana, post_id=post, reason=Reason.DANGEROUS, text="Matches")
        (ours,), (theirs,) = await open_at(both, mo), await open_at(both, pim)
        assert (ours.reporter, theirs.reporter) == (ana.account, None)
        assert {**asdict(theirs), "id": 0, "neighbourhood": 0, "reporter": None} == {
            **asdict(ours),
            "id": 0,
            "neighbourhood": 0,
            "reporter": None,
        }
        assert [Kind.REPORT in await kinds(both, one) for one in (mo, pim, bob)] == [True, True, False]
        assert await both.database.read(lambda db: DeliveryTable.select().count(db)) == 0
    finally:
        await both.close()


def pair_both_ways(uow, one, other):
    neighbourhoods.pair(uow, writer=one, reader=other)
    neighbourhoods.pair(uow, writer=other, reader=one)


async def again(at, viewer):
    session = await at.database.write(access.open_session, account=viewer.account, label="test")
    return await at.database.read(access.viewer_of, token=session.token, now=at.server.clock.now())
