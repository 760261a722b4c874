"""Somebody leaves for good: here nothing of theirs is left but the household, and next door nothing at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub.tables import DeliveryTable, InboundTable, RemoteActorTable
from fedhood.core import access, accounts, help_requests, households, interactions, notifications, posts, timelines
from fedhood.core.accounts import AccountState
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.help_requests import HelpCategory, State
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from fedhood.kernel.errors import NotFound
from tests.support.world import make_neighbours, place, settle

CANARY = "Bob Vensterbank"


@pytest.fixture
async def street(tmp_path):
    elm = await place(tmp_path, "elm", "Elm")
    oak = await place(tmp_path, "oak", "Oak")
    mo = await elm.resident("Mo Goot", moderator=True)
    pim = await oak.resident("Pim Plint", moderator=True)
    await make_neighbours(elm, oak, mo, pim)
    ana, bob = await elm.resident("Ana Dakkapel"), await oak.resident(CANARY)
    yield elm, oak, ana, bob
    await elm.close()
    await oak.close()


async def nearby(at, viewer):
    (found,) = [
        one
        for one in await at.database.read(posts.offered, neighbourhood=viewer.neighbourhood)
        if one.audience is Audience.NEIGHBOURS
    ]
    return {"audience": Audience.NEIGHBOURS, "places": found.places}


async def tell(at, viewer, text):
    return await at.database.write(posts.publish, by=viewer, text=text, **await nearby(at, viewer))


async def ask(at, viewer, line):
    return await at.database.write(
        help_requests.ask,
        by=viewer,
        line=line,
        note="Second bell",
        category=HelpCategory.CARRYING,
        area="Around the square",
        until=at.server.clock.now() + timedelta(days=3),
        **await nearby(at, viewer),
    )


async def on_the_board(at, viewer, line):
    return next(one for one in await at.database.read(timelines.board, viewer=viewer) if one.post.text == line)


async def in_the_feed(at, viewer):
    return {entry.post.text: entry for entry in await at.database.read(timelines.feed, viewer=viewer)}


async def agree(asker_at, asker, helper_at, helper, line):
    """Ask, offer, accept; the request's id at its home and the thread's on both sides."""
    request = await ask(asker_at, asker, line)
    await settle(asker_at, helper_at)
    there = await on_the_board(helper_at, helper, line)
    await helper_at.database.write(help_requests.offer, by=helper, request_id=there.post.id, text="I come")
    await settle(asker_at, helper_at)
    (offer,) = await asker_at.database.read(help_requests.offers_of, post_id=request, viewer=asker)
    thread = await asker_at.database.write(help_requests.accept, by=asker, offer_id=offer.id)
    await settle(asker_at, helper_at)
    talk = await helper_at.database.read(help_requests.thread_of, request_id=there.post.id, viewer=helper)
    return request, thread, talk.id


async def test_next_door_nothing_is_left_of_who_left(street):
    elm, oak, ana, bob = street
    root = await tell(elm, ana, "Street party?")
    await tell(oak, bob, "I have a barbecue")
    lent = await ask(oak, bob, "Who lends a ladder?")
    await settle(elm, oak)
    asked = (await in_the_feed(oak, bob))["Street party?"].post.id
    await oak.database.write(posts.reply, by=bob, to=asked, text="Count me in")
    await oak.database.write(interactions.thank, by=bob, post_id=asked)
    _, thread, mine = await agree(elm, ana, oak, bob, "Who carries a piano?")
    await oak.database.write(help_requests.say, by=bob, thread_id=mine, text="Ring the second bell")
    await settle(elm, oak)
    assert (await in_the_feed(elm, ana))["Street party?"].post.thanks == 1
    assert CANARY in await names(elm)

    await oak.database.write(help_requests.farewell, by=bob)
    await settle(elm, oak)

    feed = await in_the_feed(elm, ana)
    assert "I have a barbecue" not in feed
    assert (feed["Street party?"].post.thanks, feed["Street party?"].post.replies) == (0, 0)
    assert await elm.database.read(posts.thread, root=root, viewer=ana) == []
    said = await elm.database.read(help_requests.messages, thread_id=thread, viewer=ana)
    assert [(one.author == ana.account, one.text) for one in said] == [(True, "Second bell"), (False, "")]
    assert [one.post.text for one in await elm.database.read(timelines.board, viewer=ana)] == ["Who carries a piano?"]
    carried = await on_the_board(elm, ana, "Who carries a piano?")
    assert carried.help.state is State.OPEN, "the helper has dropped out"
    heard = await elm.database.read(notifications.latest, account=ana.account)
    assert Kind.RELEASED in [one.kind for one in heard]
    assert (await oak.database.read(help_requests.request_row, lent)).state is State.WITHDRAWN
    assert CANARY not in await names(elm)


async def test_a_farewell_said_twice_is_one(street):
    elm, oak, _, bob = street
    await tell(oak, bob, "I have a barbecue")
    await settle(elm, oak)
    await oak.database.write(help_requests.farewell, by=bob)
    await oak.database.write(help_requests.farewell, by=bob)
    await settle(elm, oak)
    last = await oak.database.read(lambda db: [one.verb for one in DeliveryTable.select().execute(db)][-2:])
    assert last == ["post.delete", "person.delete"]
    assert await kept_at(elm) == {"understood"}


async def test_who_was_never_heard_of_next_door_leaves_unannounced(street):
    elm, oak, _, bob = street
    await oak.database.write(posts.publish, by=bob, text="Only for Oak")
    await oak.database.write(help_requests.farewell, by=bob)
    verbs = await oak.database.read(lambda db: [one.verb for one in DeliveryTable.select().execute(db)])
    assert "person.delete" not in verbs
    await settle(elm, oak)


async def test_a_server_that_was_away_hears_the_last_word_of_somebody_it_never_met(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "Street party?")
    await settle(elm, oak)
    asked = (await in_the_feed(oak, bob))["Street party?"].post.id
    await oak.database.write(posts.reply, by=bob, to=asked, text="Count me in")
    await oak.server.worker.step()  # its letter is made; Elm has not read it
    await oak.database.write(help_requests.farewell, by=bob)
    await settle(elm, oak)
    assert (
        await oak.database.read(lambda db: DeliveryTable.select().where(DeliveryTable.state == "waiting").count(db))
        == 0
    )
    assert CANARY not in await names(elm)


async def test_whoever_helped_who_left_keeps_their_own_words_and_no_more_can_be_said(street):
    elm, oak, ana, bob = street
    _, _, talk = await agree(oak, bob, elm, ana, "Who lends a ladder?")
    await elm.database.write(help_requests.say, by=ana, thread_id=talk, text="At ten")
    await settle(elm, oak)
    await oak.database.write(help_requests.farewell, by=bob)
    await settle(elm, oak)
    said = await elm.database.read(help_requests.messages, thread_id=talk, viewer=ana)
    assert [one.text for one in said] == ["", "At ten"]
    thread = await elm.database.read(help_requests.thread_row, talk)
    assert thread.ended_at is not None
    assert (await elm.database.read(help_requests.request_row, thread.request)).state is State.WITHDRAWN


async def test_here_the_household_stays_and_nothing_else(street):
    elm, oak, _, bob = street
    household = await oak.database.read(households.household_of, bob.account)
    await oak.database.write(access.set_passphrase, account=bob.account, hash="kept", but=bob.session)
    link = await oak.database.write(access.make_link, account=bob.account, by=None)
    await oak.database.write(help_requests.farewell, by=bob)
    who = await oak.database.read(accounts.get, bob.account)
    assert (who.name, who.handle, who.state) == ("", None, AccountState.ERASED)
    assert await oak.database.read(households.members, household) == []
    assert await oak.database.read(access.sessions_of, bob.account) == []
    assert await oak.database.read(access.passphrase_hash, bob.account) is None
    with pytest.raises(NotFound):
        await oak.database.write(access.use_link, token=link)
    await settle(elm, oak)


async def names(at):
    """Every name of a person that a server knows."""

    def read(db):
        people = [one.name for one in AccountTable.select().execute(db)]
        return people + [one.name for one in RemoteActorTable.select().execute(db)]

    return await at.database.read(read)


async def kept_at(at):
    """What became of all that arrived."""
    return await at.database.read(lambda db: {one.state for one in InboundTable.select().execute(db)})
