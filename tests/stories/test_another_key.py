"""A server next door shows another key than the one that was compared: it is asked by telephone, or it is gone."""

from __future__ import annotations

import pytest

from fedhood.adapters.activitypub import actors, peering
from fedhood.adapters.activitypub.tables import ActorKeyTable, DeliveryTable
from fedhood.core import accounts, help_requests, neighbourhoods, peers, posts
from fedhood.core.accounts import AccountState
from fedhood.core.notifications import Kind
from fedhood.core.peers import PeerState
from tests.stories.test_after_the_end import SECRET, end, heard, keeper
from tests.stories.test_farewell import agree, ask, in_the_feed, street, tell
from tests.stories.test_other_pairs import verbs
from tests.support.world import free_port, make_neighbours, place, settle

__all__ = ["street"]  # the fixture


async def get_another_key(at) -> None:
    """As after a disk is lost of which the keys were no part of the backup."""
    federation = at.server.federation
    await at.database.write(lambda uow: ActorKeyTable.delete().where(ActorKeyTable.kind == "instance").execute(uow.db))
    federation.key_cache.pop(actors.INSTANCE, None)
    await actors.ensure_keys(federation, actors.INSTANCE)


async def look(at, other):
    peer = await at.database.read(peers.by_host, other.host)
    await peering.look(at.server.federation, peer.id)
    return await at.database.read(peers.by_host, other.host)


async def states(at):
    return await at.database.read(
        lambda db: [(one.verb, one.state) for one in DeliveryTable.select().order_by(DeliveryTable.number).execute(db)]
    )


# -- in question ------------------------------------------------------------------------------------------------------


async def test_while_a_key_is_in_question_nothing_goes_either_way_but_what_is_taken_back(street):
    elm, oak, ana, bob = street
    mine, theirs = await tell(elm, ana, SECRET), await tell(oak, bob, "From Oak")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))[SECRET].post.id
    here = (await in_the_feed(elm, ana))["From Oak"].post.id
    await tell(elm, ana, "It waited already")
    await get_another_key(oak)
    peer = await look(elm, oak)
    assert peer.suspended_at is not None
    assert (await heard(elm, await keeper(elm)))[0] is Kind.PEER_KEY
    await tell(elm, ana, "It waits")
    await tell(oak, bob, "It waits in Oak")
    await elm.database.write(posts.delete, by=ana, post_id=mine)
    await settle(elm, oak)
    assert await verbs(elm, "held") == ["post.create", "post.create"]
    assert (await oak.database.read(posts.row, post_id=there)).text == "", "taken back, and heard"
    assert "It waits in Oak" not in await in_the_feed(elm, ana)
    assert set(await in_the_feed(oak, bob)) == {"From Oak", "It waits in Oak"}
    assert (await elm.database.read(posts.row, post_id=here)).text == "From Oak"
    await oak.database.write(posts.delete, by=bob, post_id=theirs)


async def test_what_is_taken_back_there_is_heard_here_while_their_key_is_in_question(street):
    elm, oak, ana, bob = street
    theirs = await tell(oak, bob, "From Oak")
    await settle(elm, oak)
    here = (await in_the_feed(elm, ana))["From Oak"].post.id
    await get_another_key(oak)
    await look(elm, oak)
    await oak.database.write(posts.delete, by=bob, post_id=theirs)
    await settle(elm, oak)
    assert (await elm.database.read(posts.row, post_id=here)).text == ""


async def test_when_the_letters_match_again_all_that_waited_arrives_and_nothing_was_lost(street):
    elm, oak, ana, bob = street
    await get_another_key(oak)
    await look(elm, oak)
    await tell(elm, ana, "It waited in Elm")
    await tell(oak, bob, "It waited in Oak")
    await settle(elm, oak)
    peer = await elm.database.read(peers.by_host, oak.host)
    await elm.database.write(
        peers.confirm_key, by=await keeper(elm), peer_id=peer.id, fingerprint=peer.shown_fingerprint
    )
    await settle(elm, oak)
    for at, who in ((elm, ana), (oak, bob)):
        assert set(await in_the_feed(at, who)) == {"It waited in Elm", "It waited in Oak"}
    await tell(oak, bob, "And on")
    await settle(elm, oak)
    assert "And on" in await in_the_feed(elm, ana)
    assert (await elm.database.read(peers.by_host, oak.host)).state is PeerState.AGREED


async def test_an_offer_that_waits_for_a_telephone_call_is_said_to_wait(street):
    elm, oak, ana, bob = street
    await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = (await in_the_feed(oak, bob))["A hand?"].post.id
    offer = await oak.database.write(help_requests.offer, by=bob, request_id=there)
    await get_another_key(elm)
    await look(oak, elm)
    assert (await oak.database.read(help_requests.offer_row, offer)).sent == "trouble"
    assert await verbs(oak, "held") == ["offer.send"]


async def test_what_was_held_goes_nowhere_after_an_end(street):
    elm, oak, ana, bob = street
    await get_another_key(oak)
    await look(elm, oak)
    await tell(elm, ana, SECRET)
    await end(elm, oak)
    await settle(elm, oak)
    assert ("post.create", "dropped") in await states(elm)
    assert await in_the_feed(oak, bob) == {}


async def test_a_server_that_is_away_is_missed_and_not_in_question(tmp_path):
    elm, oak = await place(tmp_path, "elm", "Elm"), await place(tmp_path, "oak", "Oak")
    await make_neighbours(elm, oak, await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True))
    await oak.close()
    peer = await look(elm, oak)
    assert (peer.state, peer.suspended_at, peer.last_error) == (PeerState.AGREED, None, "unreachable")
    assert peer.missed_at is not None
    await elm.close()


# -- another hand -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def lapsed(tmp_path):
    """Elm was a neighbour of Oak; then the name of Oak's server came into other hands, which have no key of it."""
    elm, port = await place(tmp_path, "elm", "Elm"), free_port()
    oak = await place(tmp_path, "oak", "Oak", port=port)
    await make_neighbours(elm, oak, await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True))
    ana, bob = await elm.resident("Ana"), await oak.resident("Bob Vensterbank")
    await tell(elm, ana, SECRET)
    await tell(oak, bob, "From the old Oak")
    _, thread, _ = await agree(elm, ana, oak, bob, "Who carries a piano?")
    await settle(elm, oak)
    await oak.close()
    other = await place(tmp_path / "other", "oak", "Oak", port=port)
    yield elm, other, ana, bob, thread
    await elm.close()
    await other.close()


async def test_nothing_of_a_name_in_other_hands_is_believed_and_it_is_told_nothing(lapsed):
    elm, other, ana, _, _ = lapsed
    eve = await other.resident("Eve", moderator=True)
    await tell(elm, ana, "Not for Eve")
    peer = await look(elm, other)
    assert (peer.state, peer.suspended_at is not None) == (PeerState.AGREED, True)
    await settle(elm, other)
    assert await in_the_feed(other, eve) == {}
    assert {one.state for one in await elm.database.read(_deliveries, "post.create")} == {"done", "held"}


def _deliveries(db, verb):
    return list(DeliveryTable.select().where(DeliveryTable.verb == verb).execute(db))


async def test_who_answers_as_a_stranger_is_looked_at_at_once_and_told_nothing_more(lapsed):
    elm, other, ana, *_ = lapsed
    await tell(elm, ana, "One too many")
    await settle(elm, other)
    assert (await elm.database.read(peers.by_host, other.host)).suspended_at is not None
    await tell(elm, ana, "None after it")
    await settle(elm, other)
    late = await elm.database.read(_deliveries, "post.create")
    assert sorted(one.state for one in late) == ["done", "held", "refused"]


async def test_who_is_agreed_with_under_a_name_of_others_gets_none_of_their_rights(lapsed):
    elm, other, ana, _, thread = lapsed
    eve = await other.resident("Eve", moderator=True)
    await look(elm, other)
    bobs = await elm.database.read(help_requests.thread_row, thread)
    former = (await elm.database.read(accounts.get, bobs.helper)).neighbourhood
    await end(elm, other)
    await make_neighbours(elm, other, await keeper(elm), eve)
    assert (await elm.database.read(peers.by_host, other.host)).state is PeerState.AGREED
    await settle(elm, other)
    # nothing that was told to the former ones is theirs, nor that it is said in other words now
    first = (await in_the_feed(elm, ana))[SECRET].post.id
    await elm.database.write(posts.edit, by=ana, post_id=first, text=f"{SECRET}, upstairs")
    await tell(elm, ana, "The first to Eve")
    await settle(elm, other)
    assert set(await in_the_feed(other, eve)) == {"The first to Eve"}
    # nothing of the former ones is read as theirs, and nobody is taken for one of them
    assert set(await in_the_feed(elm, ana)) == {f"{SECRET}, upstairs", "The first to Eve", "Who carries a piano?"}
    gone = await elm.database.read(accounts.get, bobs.helper)
    assert (gone.name, gone.state) == ("", AccountState.ERASED)
    talk = await elm.database.read(help_requests.thread_row, thread)
    assert talk.ended_at is not None
    assert Kind.RELEASED in await heard(elm, ana), "what was arranged with Bob is off"
    now = await elm.database.read(neighbourhoods.of_peer, (await elm.database.read(peers.by_host, other.host)).id)
    assert former not in {one.id for one in now}
    await tell(other, eve, "From the new Oak")
    await settle(elm, other)
    assert "From the new Oak" in await in_the_feed(elm, ana)


async def test_a_stranger_under_a_known_name_changes_nothing_by_asking(lapsed):
    elm, other, ana, *_ = lapsed
    eve = await other.resident("Eve", moderator=True)
    await end(elm, other)
    await settle(elm, other)
    await other.database.write(peers.propose, by=eve, host=elm.host)
    await settle(elm, other)
    peer = await elm.database.read(peers.by_host, other.host)
    assert (peer.state, peer.is_other_hand) == (PeerState.ASKED_US, True)
    assert "From the old Oak" in await elm.database.read(_words), "should the former ones come back with their key"
    assert await in_the_feed(other, eve) == {}
    assert "From the old Oak" not in await in_the_feed(elm, ana)


def _words(db):
    return {text for (text,) in db.execute_sql("SELECT text FROM post").fetchall()}
