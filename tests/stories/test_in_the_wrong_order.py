"""What crosses on the way, or is said before the other side would hear it: in the end both sides say the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import help_requests, interactions, peers, posts, timelines
from fedhood.core.help_requests import OfferState, Outcome, State
from fedhood.kernel.errors import Conflict
from tests.stories.test_after_the_end import _later as later
from tests.stories.test_after_the_end import end, keeper
from tests.stories.test_farewell import agree, ask, in_the_feed, on_the_board, street, tell
from tests.support.world import make_neighbours, place, settle

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from tests.support.world import Place

__all__ = ["street"]  # the fixture


async def answers(at: Place, viewer: Viewer, root: str) -> list[str]:
    there = (await in_the_feed(at, viewer))[root].post.id
    return [one.text for one in await at.database.read(posts.thread, root=there, viewer=viewer)]


async def test_a_post_that_is_edited_twice_in_a_second_says_next_door_what_it_says_here(street):
    elm, oak, ana, bob = street
    post = await tell(elm, ana, "The first")
    for text in ("The second", "The third"):
        await elm.database.write(posts.edit, by=ana, post_id=post, text=text)
    await settle(elm, oak)
    assert list(await in_the_feed(oak, bob)) == ["The third"]


async def test_thanks_that_are_given_again_before_they_were_sent_are_counted_next_door(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "Street party?")
    await settle(elm, oak)
    asked = (await in_the_feed(oak, bob))["Street party?"].post.id
    for deed in (interactions.thank, interactions.take_back, interactions.thank):
        await oak.database.write(deed, by=bob, post_id=asked)
    await settle(elm, oak)
    assert (await in_the_feed(elm, ana))["Street party?"].post.thanks == 1


async def test_an_answer_to_what_was_removed_before_it_was_told_is_read_all_the_same(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "Street party?")
    await settle(elm, oak)
    asked = (await in_the_feed(oak, bob))["Street party?"].post.id
    first = await oak.database.write(posts.reply, by=bob, to=asked, text="I bring a chair")
    await oak.database.write(posts.reply, by=await oak.resident("Lou"), to=first, text="And I a table")
    await oak.database.write(posts.delete, by=bob, post_id=first)
    await settle(elm, oak)
    assert await answers(elm, ana, "Street party?") == ["And I a table"]
    assert await answers(oak, bob, "Street party?") == ["And I a table"]
    assert {row.state for row in await elm.database.read(lambda db: list(InboundTable.select().execute(db)))} == {
        "understood"
    }


async def test_an_answer_crosses_the_removal_of_what_it_answers(street):
    elm, oak, ana, bob = street
    root = await tell(elm, ana, "Street party?")
    first = await elm.database.write(posts.reply, by=ana, to=root, text="On Saturday")
    await settle(elm, oak)
    asked = (await in_the_feed(oak, bob))["Street party?"].post.id
    (there,) = await oak.database.read(posts.thread, root=asked, viewer=bob)
    await oak.database.write(posts.reply, by=bob, to=there.id, text="Then I come")
    await elm.database.write(posts.delete, by=ana, post_id=first)
    await settle(elm, oak)
    assert await answers(elm, ana, "Street party?") == ["Then I come"]
    assert await answers(oak, bob, "Street party?") == ["Then I come"]


async def test_who_reads_along_is_told_of_an_answer_whoever_met_whom_first(tmp_path):
    elm, oak, ash = [await place(tmp_path, name, name.capitalize()) for name in ("elm", "oak", "ash")]
    ana, bob, cas = [await at.resident(at.host[:3], moderator=True) for at in (elm, oak, ash)]
    await make_neighbours(elm, ash, ana, cas)
    await make_neighbours(elm, oak, ana, bob)
    await make_neighbours(oak, ash, bob, cas)
    await tell_all(elm, ana, "Whose bicycle?")
    await settle(elm, oak, ash)
    asked = (await in_the_feed(oak, bob))["Whose bicycle?"].post.id
    await oak.database.write(posts.reply, by=bob, to=asked, text="Mine")
    await settle(elm, oak, ash)
    assert await answers(ash, cas, "Whose bicycle?") == ["Mine"]
    for one in (elm, oak, ash):
        await one.close()


async def tell_all(at: Place, viewer: Viewer, text: str) -> None:
    (everyone, *_) = await at.database.read(_next_door, viewer)
    await at.database.write(
        posts.publish, by=viewer, text=text, audience=posts.Audience.NEIGHBOURS, places=everyone.places
    )


def _next_door(db, viewer):
    offered = posts.offered(db, neighbourhood=viewer.neighbourhood)
    return [one for one in offered if one.audience is posts.Audience.NEIGHBOURS]


# -- help --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deed", "why"), [("withdraw", "withdrawn"), ("resolve", "resolved")])
async def test_who_offered_next_door_is_told_why_it_is_no_longer_needed(street, deed, why):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = await on_the_board(oak, bob, "A hand?")
    offer = await oak.database.write(help_requests.offer, by=bob, request_id=there.post.id)
    await settle(elm, oak)
    also = {"outcome": Outcome.OTHERWISE} if deed == "resolve" else {}
    await elm.database.write(getattr(help_requests, deed), by=ana, request_id=request, **also)
    await settle(elm, oak)
    found = await oak.database.read(help_requests.offer_row, offer)
    assert (found.state, found.reason) == (OfferState.REFUSED, why)


async def test_who_helped_does_not_drop_out_of_what_is_over(street):
    elm, oak, ana, bob = street
    request, _, talk = await agree(elm, ana, oak, bob, "Who carries a piano?")
    offer = (await oak.database.read(help_requests.thread_row, talk)).offer
    await elm.database.write(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    await settle(elm, oak)
    with pytest.raises(Conflict):
        await oak.database.write(help_requests.take_back, by=bob, offer_id=offer)
    assert (await oak.database.read(help_requests.offer_row, offer)).state is OfferState.ACCEPTED


async def test_who_drops_out_while_it_is_said_to_be_over_changes_nothing_there(street):
    elm, oak, ana, bob = street
    request, thread, talk = await agree(elm, ana, oak, bob, "Who carries a piano?")
    offer = (await oak.database.read(help_requests.thread_row, talk)).offer
    await oak.database.write(help_requests.take_back, by=bob, offer_id=offer)
    await elm.database.write(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.OTHERWISE)
    await settle(elm, oak)
    assert (await elm.database.read(help_requests.request_row, request)).state is State.RESOLVED
    assert (await elm.database.read(help_requests.thread_row, thread)).ended_at is not None
    rows = await elm.database.read(lambda db: list(InboundTable.select().execute(db)))
    assert {row.state for row in rows} == {"understood"}


async def test_who_is_chosen_while_they_take_their_offer_back_is_told_nothing_in_private(street):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = await on_the_board(oak, bob, "A hand?")
    made = await oak.database.write(help_requests.offer, by=bob, request_id=there.post.id)
    await settle(elm, oak)
    (offer,) = await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana)
    await oak.database.write(help_requests.take_back, by=bob, offer_id=made)
    await elm.database.write(help_requests.accept, by=ana, offer_id=offer.id)
    await settle(elm, oak)
    assert (await elm.database.read(help_requests.request_row, request)).state is State.OPEN
    talks = [
        await at.database.read(help_requests.thread_of, request_id=one, viewer=who)
        for at, one, who in ((elm, request, ana), (oak, there.post.id, bob))
    ]
    assert all(talk.ended_at is not None and talk.left_by == talk.helper for talk in talks)
    rows = await oak.database.read(lambda db: list(InboundTable.select().execute(db)))
    assert {row.state for row in rows} == {"understood"}
    assert not any(b"Second bell" in bytes(row.body) for row in rows), "the note of the request"


async def test_how_a_request_ended_is_told_though_it_ran_out_next_door_before(street):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = await on_the_board(oak, bob, "A hand?")
    await elm.database.write(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.OTHERWISE)
    await oak.database.write(later, timedelta(hours=74), help_requests.expire_due)
    assert (await oak.database.read(help_requests.request_row, there.post.id)).state is State.EXPIRED
    await settle(elm, oak)
    assert (await oak.database.read(help_requests.request_row, there.post.id)).state is State.RESOLVED


async def test_what_ran_out_next_door_does_not_begin_anew_there(street):
    elm, oak, ana, bob = street
    request = await ask(elm, ana, "A hand?")
    await settle(elm, oak)
    there = await on_the_board(oak, bob, "A hand?")
    offer = await elm.database.write(help_requests.offer, by=await elm.resident("Lou"), request_id=request)
    await elm.database.write(help_requests.accept, by=ana, offer_id=offer)
    await oak.database.write(later, timedelta(hours=74), help_requests.expire_due)
    await settle(elm, oak)
    assert (await oak.database.read(help_requests.request_row, there.post.id)).state is State.EXPIRED
    await elm.database.write(help_requests.withdraw, by=ana, request_id=request)
    await settle(elm, oak)
    assert (await oak.database.read(help_requests.request_row, there.post.id)).state is State.WITHDRAWN


# -- before both have agreed -------------------------------------------------------------------------------------------


async def agree_here_alone(at: Place, other: Place) -> None:
    """The one who keeps the other server asks, the one who keeps this one agrees; over there is still to be agreed."""
    await other.database.write(peers.propose, by=await keeper(other), host=at.host)
    await settle(at, other)
    await agree_too(at, other)


async def agree_too(at: Place, other: Place) -> None:
    ours = await at.database.read(peers.by_host, other.host)
    assert ours is not None
    await at.database.write(peers.confirm, by=await keeper(at), peer_id=ours.id)
    await settle(at, other)


async def test_what_is_told_before_the_other_side_agrees_arrives_when_it_does(tmp_path):
    elm, oak = await place(tmp_path, "elm", "Elm"), await place(tmp_path, "oak", "Oak")
    mo, pim = await elm.resident("Mo", moderator=True), await oak.resident("Pim", moderator=True)
    await agree_here_alone(elm, oak)
    post = await tell(elm, mo, "Hello Oak")
    await elm.database.write(posts.reply, by=mo, to=post, text="Is anybody there?")
    await ask(elm, mo, "A hand?")
    await settle(elm, oak)
    assert await in_the_feed(oak, pim) == {}
    await agree_too(oak, elm)
    await settle(elm, oak)
    assert set(await in_the_feed(oak, pim)) == {"Hello Oak", "A hand?"}
    assert await answers(oak, pim, "Hello Oak") == ["Is anybody there?"]
    for one in (elm, oak):
        await one.close()


async def test_what_is_answered_before_we_agree_arrives_when_we_do(street):
    elm, oak, ana, bob = street
    await tell(oak, bob, "Street party?")
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await agree_here_alone(oak, elm)
    asked = (await in_the_feed(elm, ana))["Street party?"].post.id
    await elm.database.write(posts.reply, by=ana, to=asked, text="Count me in")
    await elm.database.write(interactions.thank, by=ana, post_id=asked)
    await settle(elm, oak)
    assert await answers(oak, bob, "Street party?") == []
    await agree_too(elm, oak)
    await settle(elm, oak)
    assert await answers(oak, bob, "Street party?") == ["Count me in"]
    assert (await in_the_feed(oak, bob))["Street party?"].post.thanks == 1


async def test_what_came_before_the_end_and_was_read_after_it_is_read_again_when_they_agree_again(street):
    elm, oak, ana, bob = street
    await tell(elm, ana, "The first")
    await settle(elm)
    await end(oak, elm)  # with the letter in the box
    await settle(elm, oak)
    assert await in_the_feed(oak, bob) == {}
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    assert list(await in_the_feed(oak, bob)) == ["The first"]


async def test_nobody_offers_help_where_it_would_not_be_heard_yet(street):
    elm, oak, ana, bob = street
    await ask(oak, bob, "A hand?")
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await agree_here_alone(oak, elm)
    there = await on_the_board(elm, ana, "A hand?")
    with pytest.raises(Conflict):
        await elm.database.write(help_requests.offer, by=ana, request_id=there.post.id)
    await agree_too(elm, oak)
    await elm.database.write(help_requests.offer, by=ana, request_id=there.post.id)
    await settle(elm, oak)
    assert len(await oak.database.read(help_requests.offers_of, post_id=await asked(oak, bob), viewer=bob)) == 1


async def asked(at: Place, viewer: Viewer) -> int:
    return (await on_the_board(at, viewer, "A hand?")).post.id


async def test_answers_that_were_given_while_two_had_parted_arrive_when_they_agree_again(street):
    elm, oak, ana, bob = street
    root = await tell(elm, ana, "Street party?")
    await settle(elm, oak)
    await end(elm, oak)
    await settle(elm, oak)
    await elm.database.write(posts.reply, by=ana, to=root, text="On Saturday")
    await make_neighbours(elm, oak, await keeper(elm), await keeper(oak))
    await settle(elm, oak)
    assert await answers(oak, bob, "Street party?") == ["On Saturday"]
    assert [entry.post.replies for entry in await oak.database.read(timelines.feed, viewer=bob)] == [1]
