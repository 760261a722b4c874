"""Two neighbourhoods on two servers, in the neighbourhood's words."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from fedhood.backup import LEAPS
from fedhood.core import help_requests, notifications, posts, timelines
from fedhood.core.help_requests import HelpCategory, Met, OfferState, Outcome, State
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from fedhood.kernel.errors import NotFound
from tests.stories.test_farewell import agree
from tests.support.world import make_neighbours, place, settle

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def street(tmp_path, engine, request):
    with ExitStack() as stack:
        dsns = ["", ""]
        if engine == "postgres":
            server = request.getfixturevalue("postgres_server")
            dsns = [stack.enter_context(server.empty()) for _ in dsns]
        elm = await place(tmp_path, "elm", "Elm", dsn=dsns[0])
        oak = await place(tmp_path, "oak", "Oak", dsn=dsns[1])
        ana = await elm.resident("Ana Dakkapel", moderator=True)
        bob = await oak.resident("Bob Vensterbank", moderator=True)
        await make_neighbours(elm, oak, ana, bob)
        yield elm, oak, ana, bob
        await elm.close()
        await oak.close()


async def feed(at, viewer):
    return [entry.post.text for entry in await at.database.read(timelines.feed, viewer=viewer)]


async def next_door(at, viewer):
    (oak,) = [
        o for o in await at.database.read(posts.offered, neighbourhood=viewer.neighbourhood) if o.names == ("Oak",)
    ]
    return oak.places


async def test_what_elm_tells_oak_is_read_in_oak(street):
    elm, oak, ana, bob = street
    places = await next_door(elm, ana)
    await elm.database.write(
        posts.publish, by=ana, text="Water main work tomorrow", audience=Audience.NEIGHBOURS, places=places
    )
    await settle(elm, oak)
    assert await feed(oak, bob) == ["Water main work tomorrow"]


async def test_what_elm_keeps_to_itself_never_leaves(street):
    elm, oak, ana, bob = street
    await elm.database.write(posts.publish, by=ana, text="The shed key is with Sam")
    await settle(elm, oak)
    assert await feed(oak, bob) == []


async def test_help_is_asked_here_offered_next_door_and_comes(street):
    elm, oak, ana, bob = street
    request = await elm.database.write(
        help_requests.ask,
        by=ana,
        line="Who helps carry a washing machine?",
        note="Rooftile Street 12, second bell",
        category=HelpCategory.CARRYING,
        area="Around Elm Square",
        until=elm.server.clock.now() + timedelta(days=3),
        audience=Audience.NEIGHBOURS,
        places=await next_door(elm, ana),
    )
    await settle(elm, oak)
    (there,) = await oak.database.read(timelines.board, viewer=bob)
    assert there.help.state is State.OPEN
    assert there.help.area == "Around Elm Square"

    await oak.database.write(help_requests.offer, by=bob, request_id=there.post.id, text="I have a trolley")
    await settle(elm, oak)
    (offer,) = await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana)
    assert offer.text == "I have a trolley"
    heard = await elm.database.read(notifications.latest, account=ana.account, limit=5)
    assert Kind.OFFER in [one.kind for one in heard]

    thread = await elm.database.write(help_requests.accept, by=ana, offer_id=offer.id)
    await settle(elm, oak)
    (theirs,) = [one async for one in _offers(oak, bob, there.post.id)]
    assert theirs.state is OfferState.ACCEPTED
    talk = await oak.database.read(help_requests.thread_of, request_id=there.post.id, viewer=bob)
    said = await oak.database.read(help_requests.messages, thread_id=talk.id, viewer=bob)
    assert [(one.part, one.text) for one in said] == [("note", "Rooftile Street 12, second bell")]
    mirrored = await oak.database.read(help_requests.get, post_id=there.post.id, viewer=bob)
    assert mirrored.state is State.CLAIMED

    await oak.database.write(help_requests.say, by=bob, thread_id=talk.id, text="Saturday at half past ten")
    await settle(elm, oak)
    heard_here = await elm.database.read(help_requests.messages, thread_id=thread, viewer=ana)
    assert [one.text for one in heard_here][-1] == "Saturday at half past ten"

    await elm.database.write(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    await settle(elm, oak)
    mirrored = await oak.database.read(help_requests.get, post_id=there.post.id, viewer=bob)
    assert (mirrored.state, mirrored.outcome) == (State.RESOLVED, Outcome.WITH_NEIGHBOUR)
    asked = await oak.database.read(notifications.latest, account=bob.account, limit=9)
    assert Kind.DID_YOU_MEET in [one.kind for one in asked]
    await oak.database.write(help_requests.met, by=bob, thread_id=talk.id, answer=Met.YES)
    await elm.database.write(help_requests.met, by=ana, thread_id=thread, answer=Met.YES)


async def _offers(at, viewer, request):
    entry = await at.database.read(timelines.entry, post_id=request, viewer=viewer)
    if entry.my_offer is not None:
        yield entry.my_offer


async def test_the_note_is_read_by_nobody_but_the_chosen_helper(street):
    elm, oak, ana, bob = street
    cleo = await oak.resident("Cleo Gevel")
    request = await elm.database.write(
        help_requests.ask,
        by=ana,
        line="A lift on Tuesday?",
        note="P3-CANARY",
        category=HelpCategory.TRANSPORT,
        until=elm.server.clock.now() + timedelta(days=1),
        audience=Audience.NEIGHBOURS,
        places=await next_door(elm, ana),
    )
    await settle(elm, oak)
    (there,) = await oak.database.read(timelines.board, viewer=cleo)
    await oak.database.write(help_requests.offer, by=bob, request_id=there.post.id)
    await oak.database.write(help_requests.offer, by=cleo, request_id=there.post.id)
    await settle(elm, oak)
    offers = await elm.database.read(help_requests.offers_of, post_id=request, viewer=ana)
    await elm.database.write(help_requests.accept, by=ana, offer_id=offers[0].id)
    await settle(elm, oak)
    assert await oak.database.read(help_requests.thread_of, request_id=there.post.id, viewer=cleo) is None
    (hers,) = [one async for one in _offers(oak, cleo, there.post.id)]
    assert (hers.state, hers.reason) == (OfferState.REFUSED, "someone-else")
    talk = await oak.database.read(help_requests.thread_of, request_id=there.post.id, viewer=bob)
    with pytest.raises(NotFound):
        await oak.database.read(help_requests.messages, thread_id=talk.id, viewer=cleo)


async def test_what_waited_when_a_backup_was_made_still_arrives_in_order_after_a_restore(street):
    elm, oak, ana, bob = street
    places = await next_door(elm, ana)

    async def tell(text):
        await elm.database.write(posts.publish, by=ana, text=text, audience=Audience.NEIGHBOURS, places=places)

    await tell("one")
    await tell("two")
    await elm.database.write(lambda uow: uow.db.execute_sql(LEAPS[0].format(leap=7)) and None)
    await tell("three")
    await settle(elm, oak)
    assert await feed(oak, bob) == ["three", "two", "one"]


async def test_who_was_coming_from_next_door_hears_that_the_help_is_wanted_no_longer(street):
    elm, oak, ana, bob = street
    request, _, _ = await agree(elm, ana, oak, bob, "Who carries a piano?")
    await elm.database.write(help_requests.withdraw, by=ana, request_id=request)
    await settle(elm, oak)
    heard = await oak.database.read(notifications.latest, account=bob.account)
    assert heard[0].kind is Kind.CALLED_OFF
