"""What is hidden, what has ended and who has left: nothing more is told, and what is taken back is heard."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable
from fedhood.core import (
    access,
    accounts,
    help_requests,
    moderation,
    neighbourhoods,
    notifications,
    peers,
    posts,
    timelines,
)
from fedhood.core.access import Viewer
from fedhood.core.help_requests import State
from fedhood.core.help_requests.tables import MessageTable, NoteTable, PrivateThreadTable
from fedhood.core.notifications import Kind
from fedhood.core.peers import PeerState
from fedhood.core.peers.tables import AgreementTable
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Conflict
from tests.stories.test_farewell import agree, ask, in_the_feed, on_the_board, street, tell
from tests.support.world import make_neighbours, place, settle

__all__ = ["street"]  # the fixture

SECRET = "Rooftile Street 12"


async def keeper(at) -> Viewer:
    (account, *_) = await at.database.read(peers.keepers)
    return await at.database.read(_viewer, account)


def _viewer(db, account) -> Viewer:
    who = accounts.get(db, account)
    return Viewer(account=account, neighbourhood=who.neighbourhood, rights=access.rights_of(db, account))


async def heard(at, viewer):
    return [one.kind for one in await at.database.read(notifications.latest, account=viewer.account)]


async def end(at, other) -> None:
    peer = await at.database.read(peers.by_host, other.host)
    await at.database.write(peers.end, by=await keeper(at), peer_id=peer.id)


# -- hidden ------------------------------------------------------------------------------------------------------------


async def test_what_is_hidden_before_it_was_sent_is_not_sent_until_it_is_shown_again(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, SECRET)
    await elm.database.write(moderation.hide, by=await keeper(elm), post_id=post)
    await settle(elm, oak)
    assert SECRET not in await in_the_feed(oak, bob)
    await elm.database.write(posts.edit, by=ana, post_id=post, text="Only the street")
    await settle(elm, oak)
    assert await in_the_feed(oak, bob) == {}
    await elm.database.write(moderation.restore, by=await keeper(elm), post_id=post)
    await settle(elm, oak)
    assert list(await in_the_feed(oak, bob)) == ["Only the street"]


async def test_what_was_said_while_it_was_hidden_arrives_when_it_is_shown_again(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    asked = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    for one in (post, asked):
        await elm.database.write(moderation.hide, by=await keeper(elm), post_id=one)
    await elm.database.write(posts.edit, by=ana, post_id=post, text="The second")
    await elm.database.write(help_requests.withdraw, by=ana, request_id=asked)
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == {"The first", "A hand?"}
    for one in (post, asked):
        await elm.database.write(moderation.restore, by=await keeper(elm), post_id=one)
    await settle(elm, oak)
    feed = await in_the_feed(oak, bob)
    assert set(feed) == {"The second", "A hand?"}
    assert feed["A hand?"].help.state is State.WITHDRAWN


async def test_answers_that_were_given_while_the_post_was_hidden_arrive_when_it_is_shown_again(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    await settle(elm, oak)
    await elm.database.write(moderation.hide, by=await keeper(elm), post_id=post)
    await elm.database.write(posts.reply, by=ana, to=post, text="An answer")
    await settle(elm, oak)
    await elm.database.write(moderation.restore, by=await keeper(elm), post_id=post)
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))["The first"].post.id
    assert [one.text for one in await oak.database.read(posts.thread, root=there, viewer=bob)] == ["An answer"]


async def test_one_neighbourhood_hides_for_itself_what_another_on_its_server_still_reads(tmp_path):
    elm, oak = await place(tmp_path, "elm", "Elm"), await place(tmp_path, "oak", "Oak", "Ash")
    mo, pim = await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True)
    await make_neighbours(elm, oak, mo, pim)
    ana, ash, oaks = await elm.resident("Ana"), await oak.resident("Ash", "Ash"), await oak.resident("Olga", "Oak")
    await oak.database.write(moderation.entrust, by=await keeper(oak), account=oaks.account)
    oaks = await oak.database.read(_viewer, oaks.account)
    both = await elm.database.read(neighbourhoods.readers_of, ana.neighbourhood)
    places = [one.id for one in both]
    await elm.database.write(posts.publish, by=ana, text="Hello all", audience=Audience.NEIGHBOURS, places=places)
    await settle(elm, oak)
    there = (await in_the_feed(oak, ash))["Hello all"].post.id
    await oak.database.write(moderation.hide, by=oaks, post_id=there)
    assert "Hello all" in await in_the_feed(oak, ash)
    other = await oak.resident("Otto", "Oak")
    assert await in_the_feed(oak, other) == {}
    assert (await oak.database.read(posts.get, post_id=there, viewer=oaks)).text == "Hello all"
    for one in (elm, oak):
        await one.close()


# -- ended -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_whom", ["the writer", "the reader", "time"])
async def test_what_was_told_is_read_no_longer_after_the_end_and_its_removal_is_heard(street, by_whom):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, SECRET)
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))[SECRET].post.id
    if by_whom == "time":
        await oak.database.write(_run_out)
        assert await oak.database.write(peers.lapse_due) == 1
    else:
        await (end(elm, oak) if by_whom == "the writer" else end(oak, elm))
    await settle(elm, oak)
    assert await in_the_feed(oak, bob) == {}
    if by_whom == "the writer":
        assert [one.name for one in (await in_the_feed(elm, ana))[SECRET].places] == ["Elm"]
    assert (await oak.database.read(posts.row, post_id=there)).text == SECRET
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await settle(elm, oak)
    assert (await oak.database.read(posts.row, post_id=there)).text == ""


def _run_out(uow) -> None:
    AgreementTable.update(valid_until=uow.now - timedelta(days=1)).where(~AgreementTable.ours).execute(uow.db)


async def test_who_leaves_after_the_end_is_forgotten_next_door(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, SECRET)
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))[SECRET]
    await end(elm, oak)
    await settle(elm, oak)
    await elm.database.write(help_requests.farewell, by=ana)
    await settle(elm, oak)
    assert (await oak.database.read(posts.row, post_id=there.post.id)).text == ""
    assert (await oak.database.read(accounts.get, there.author.id)).name == ""


async def test_who_is_a_neighbour_no_longer_says_nothing_new(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))["The first"].post.id
    peer = await oak.database.read(peers.by_host, elm.host)
    await oak.database.write(peers.ended, peer_id=peer.id)  # and Elm has not heard of it
    await elm.database.write(posts.edit, by=ana, post_id=post, text="The second")
    await tell(elm, ana, "Something new")
    await settle(elm, oak)
    assert (await oak.database.read(posts.row, post_id=there)).text == "The first"
    states = await elm.database.read(lambda db: [(one.verb, one.state) for one in DeliveryTable.select().execute(db)])
    assert ("post.update", "refused") in states


async def test_neighbours_again_read_again_what_was_told_before(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "The first")
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await tell(elm, ana, "The second")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == {"The first", "The second"}


async def test_two_who_agreed_still_read_their_conversation_after_the_end(street):
    elm, oak, ana, bob = street
    _, _, talk = await agree(elm, ana, oak, bob, "Who carries a piano?")
    there = (await on_the_board(oak, bob, "Who carries a piano?")).post.id
    await end(elm, oak)
    await settle(elm, oak)
    kept = await oak.database.read(timelines.of_thread, request_id=there, viewer=bob)
    assert kept.post.text == "Who carries a piano?"
    said = await oak.database.read(help_requests.messages, thread_id=talk, viewer=bob)
    assert [one.text for one in said] == ["Second bell"]


async def test_a_request_whose_home_is_silent_runs_out_here_too(street):
    elm, oak, ana, bob = street
    await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = (await on_the_board(oak, bob, "A hand?")).post.id
    offer = await oak.database.write(help_requests.offer, by=bob, request_id=there)
    for hours, left in ((72, State.OPEN), (74, State.EXPIRED)):
        await oak.database.write(_later, timedelta(hours=hours), help_requests.expire_due)
        assert (await oak.database.read(help_requests.request_row, there)).state is left
    assert (await oak.database.read(help_requests.offer_row, offer)).state == "lapsed"


def _later(uow, by, use_case):
    uow.now += by
    return use_case(uow)


async def test_a_note_that_was_given_to_nobody_is_erased_with_its_post_or_in_time(street):
    elm, _, ana, _ = street

    async def notes():
        return await elm.database.read(lambda db: [one.text for one in NoteTable.select().execute(db)])

    await elm.database.write(posts.delete, by=ana, post_id=await ask(elm, ana, "A hand?"))
    assert await notes() == []
    await ask(elm, ana, "Another hand?")
    await elm.database.write(_later, timedelta(days=20), help_requests.expire_due)
    assert await notes() == ["Second bell"]
    await elm.database.write(_later, timedelta(days=111), help_requests.erase_due)
    assert await notes() == []


# -- neighbours for longer, or for more -------------------------------------------------------------------------------


async def test_who_asks_again_is_granted_no_more_and_no_longer(street):
    elm, oak, *_ = street
    peer = await elm.database.read(peers.by_host, oak.host)
    before = await elm.database.read(peers.agreement, peer.id, ours=True)
    groups = [*peer.offered_groups, {"uri": f"{oak.server.addresses.base}/ap/groups/new", "key": "new", "name": "New"}]
    await elm.database.write(_later, timedelta(days=300), lambda uow: _ask_again(uow, peer, groups))
    assert await elm.database.read(peers.agreement, peer.id, ours=True) == before
    assert await elm.database.read(neighbourhoods.by_uri, groups[-1]["uri"]) is None


def _ask_again(uow, peer, groups):
    names = "host name actor_uri inbox shared_inbox peer_inbox multikey public_key_pem fingerprint trust"
    same = {name: getattr(peer, name) for name in names.split()}
    return peers.asked(uow, **same, capabilities=[], follow_uri=peer.their_follow_uri, groups=groups)


# -- left --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["the asker", "the helper"])
async def test_who_leaves_the_conversation_ends_what_was_arranged_and_the_other_is_told(street, who):
    elm, oak, ana, bob = street
    request, thread, talk = await agree(elm, ana, oak, bob, "Who carries a piano?")
    if who == "the asker":
        await elm.database.write(help_requests.leave, by=ana, thread_id=thread)
    else:
        await oak.database.write(help_requests.leave, by=bob, thread_id=talk)
    await settle(elm, oak)
    assert (await elm.database.read(help_requests.request_row, request)).state is State.OPEN
    told = await heard(oak, bob) if who == "the asker" else await heard(elm, ana)
    assert told[0] is Kind.RELEASED
    assert (await oak.database.read(help_requests.thread_row, talk)).ended_at is not None


# -- blocked, and again ------------------------------------------------------------------------------------------------


async def test_a_blocked_neighbour_hears_of_the_end_and_the_two_may_agree_again_later(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "The first")
    await settle(elm, oak)
    peer = await elm.database.read(peers.by_host, oak.host)
    await elm.database.write(peers.block, by=await keeper(elm), peer_id=peer.id)
    await settle(elm, oak)
    assert (await oak.database.read(peers.by_host, elm.host)).state is PeerState.ENDED
    assert await heard(oak, await keeper(oak)) == [Kind.PEER_ENDED, Kind.PEER_ASKS]
    await elm.database.write(peers.unblock, by=await keeper(elm), peer_id=peer.id)
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await tell(elm, ana, "The second")
    await settle(elm, oak)
    assert set(await in_the_feed(oak, bob)) == {"The first", "The second"}


async def test_what_changed_while_two_had_parted_is_said_when_they_agree_again(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await elm.database.write(posts.edit, by=ana, post_id=post, text="The second")
    await elm.database.write(help_requests.withdraw, by=ana, request_id=request)
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await settle(elm, oak)
    feed = await in_the_feed(oak, bob)
    assert set(feed) == {"The second", "A hand?"}
    assert feed["A hand?"].help.state is State.WITHDRAWN


async def test_nobody_is_chosen_and_nothing_said_where_it_would_not_arrive(street):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    _, thread, _ = await agree(elm, ana, oak, bob, "Who carries a piano?")
    there = await on_the_board(oak, bob, "A hand?")
    await oak.database.write(help_requests.offer, by=bob, request_id=there.post.id)
    await settle(elm, oak)
    (offer,) = await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana)
    await end(elm, oak)
    with pytest.raises(Conflict):
        await elm.database.write(help_requests.accept, by=ana, offer_id=offer.id)
    with pytest.raises(Conflict):
        await elm.database.write(help_requests.say, by=ana, thread_id=thread, text="Hello?")
    await elm.database.write(help_requests.leave, by=ana, thread_id=thread)
    await settle(elm, oak)
    assert (await heard(oak, bob))[0] is Kind.RELEASED, "that nobody waits any more is heard all the same"


@pytest.mark.parametrize("who", ["the asker", "the helper"])
async def test_a_block_ends_what_was_arranged_and_the_other_is_told_that_alone(street, who):
    elm, oak, ana, bob = street
    request, _, talk = await agree(elm, ana, oak, bob, "Who carries a piano?")
    if who == "the asker":
        helper = (await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana))[0].helper
        await elm.database.write(help_requests.block, by=ana, other=helper)
    else:
        asker = (await oak.database.read(help_requests.thread_row, talk)).asker
        await oak.database.write(help_requests.block, by=bob, other=asker)
    await settle(elm, oak)
    assert (await elm.database.read(help_requests.request_row, request)).state is State.OPEN
    told = await heard(oak, bob) if who == "the asker" else await heard(elm, ana)
    assert told[0] is Kind.RELEASED


async def test_a_yes_that_comes_too_late_opens_a_conversation_that_closes_like_any_other(street):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = (await on_the_board(oak, bob, "A hand?")).post.id
    offer = await oak.database.write(help_requests.offer, by=bob, request_id=there)
    await settle(elm, oak)
    await oak.database.write(_later, timedelta(hours=74), help_requests.expire_due)
    (theirs,) = await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana)
    await elm.database.write(help_requests.accept, by=ana, offer_id=theirs.id)
    await settle(elm, oak)
    assert (await oak.database.read(help_requests.offer_row, offer)).state == "accepted"
    await oak.database.write(_later, timedelta(days=100), help_requests.erase_due)
    assert await oak.database.read(lambda db: [one.text for one in MessageTable.select().execute(db)]) == [""]


# -- nothing is left of it ---------------------------------------------------------------------------------------------


async def bodies(at) -> bytes:
    """All bytes that a server said and heard."""

    def both(db):
        return [bytes(one.body) for table in (ActivityTable, InboundTable) for one in table.select().execute(db)]

    return b"".join(await at.database.read(both))


async def test_of_what_is_taken_back_no_bytes_stay_on_either_side(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The word KRAANVOGEL")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))["The word KRAANVOGEL"].post.id
    answer = await oak.database.write(posts.reply, by=bob, to=there, text="A KRAANVOGEL too")
    await settle(elm, oak)
    assert b"KRAANVOGEL" in await bodies(elm)
    assert b"KRAANVOGEL" in await bodies(oak)
    await oak.database.write(posts.delete, by=bob, post_id=answer)
    await elm.database.write(posts.delete, by=ana, post_id=post)
    await settle(elm, oak)
    assert b"KRAANVOGEL" not in await bodies(elm)
    assert b"KRAANVOGEL" not in await bodies(oak)


async def test_of_who_left_no_bytes_stay_on_either_side(street):
    elm, oak, ana, bob = street
    await agree(elm, ana, oak, bob, "Who carries a piano?")
    await tell(oak, bob, "I have a KRAANVOGEL")
    (talk,) = await oak.database.read(lambda db: [one.id for one in PrivateThreadTable.select().execute(db)])
    await oak.database.write(help_requests.say, by=bob, thread_id=talk, text="KRAANVOGEL at nine")
    await settle(elm, oak)
    assert b"KRAANVOGEL" in await bodies(elm)
    await oak.database.write(help_requests.farewell, by=bob)
    await settle(elm, oak)
    assert b"KRAANVOGEL" not in await bodies(oak)
    assert b"KRAANVOGEL" not in await bodies(elm)
