"""The life of a help request at its home."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import help_requests, neighbourhoods, posts, timelines
from fedhood.core.help_requests import (
    HelpCategory,
    HelpOfferRefused,
    Met,
    OfferState,
    Outcome,
    State,
    may_follow,
)
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.people import neighbourhood, neighbours, resident, settle_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def street(database):
    elm, oak = neighbourhood(database, "Elm"), neighbourhood(database, "Oak")
    neighbours(database, elm, oak)
    return elm, oak


@pytest.fixture
def ana(database, street):
    return resident(database, "Ana", street[0])


@pytest.fixture
def bob(database, street):
    return resident(database, "Bob", street[1])


def ask(database, by, clock, **also):
    oak = [o for o in database.look(posts.offered, neighbourhood=by.neighbourhood) if o.audience is Audience.NEIGHBOURS]
    values = {
        "line": "Who carries a washing machine?",
        "note": "Second bell",
        "category": HelpCategory.CARRYING,
        "until": clock.now() + timedelta(days=3),
        "audience": Audience.NEIGHBOURS,
        "places": oak[0].places,
    }
    return database.transact(help_requests.ask, by=by, **{**values, **also})


def state(database, request):
    return database.look(help_requests.request_row, request).state


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_the_life_knows_only_its_own_steps(before, after):
    allowed = {
        State.OPEN: {State.CLAIMED, State.RESOLVED, State.WITHDRAWN, State.EXPIRED},
        State.CLAIMED: {State.OPEN, State.RESOLVED, State.WITHDRAWN, State.EXPIRED},
    }
    assert may_follow(before, after) == (after in allowed.get(before, set()))


def test_help_comes_from_a_neighbourhood_on_the_same_server(database, clock, ana, bob):
    request = ask(database, ana, clock)
    assert [e.post.id for e in database.look(timelines.board, viewer=bob)] == [request]
    offer = database.transact(help_requests.offer, by=bob, request_id=request, text="I have a trolley")
    thread = database.transact(help_requests.accept, by=ana, offer_id=offer)
    assert state(database, request) is State.CLAIMED
    (note,) = database.look(help_requests.messages, thread_id=thread, viewer=bob)
    assert (note.part, note.text) == ("note", "Second bell")
    database.transact(help_requests.say, by=bob, thread_id=thread, text="Saturday, half past ten")
    database.transact(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    assert state(database, request) is State.RESOLVED
    database.transact(help_requests.met, by=bob, thread_id=thread, answer=Met.YES)
    assert database.look(help_requests.my_answer, thread_id=thread, viewer=bob) is Met.YES


def test_nobody_claims_their_own_request(database, clock, ana):
    request = ask(database, ana, clock)
    with pytest.raises(Forbidden):
        database.transact(help_requests.offer, by=ana, request_id=request)


def test_the_same_neighbour_offers_once(database, clock, ana, bob):
    request = ask(database, ana, clock)
    database.transact(help_requests.offer, by=bob, request_id=request)
    with pytest.raises(Conflict):
        database.transact(help_requests.offer, by=bob, request_id=request)


def test_who_may_not_read_a_request_may_not_offer(database, clock, ana, bob):
    request = ask(database, ana, clock, audience=Audience.NEIGHBOURHOOD, places=())
    with pytest.raises(NotFound):
        database.transact(help_requests.offer, by=bob, request_id=request)


def test_a_request_lasts_fourteen_days_at_most(database, clock, ana):
    for until in (clock.now(), clock.now() + timedelta(days=14, seconds=1)):
        with pytest.raises(Invalid) as refusal:
            ask(database, ana, clock, until=until)
        assert refusal.value.field == "until"


def test_help_is_not_asked_of_the_whole_internet(database, clock, ana):
    with pytest.raises(Invalid):
        ask(database, ana, clock, audience=Audience.PUBLIC)


def test_only_the_asker_sees_offers_and_note(database, clock, ana, bob):
    request = ask(database, ana, clock)
    database.transact(help_requests.offer, by=bob, request_id=request)
    for read in (help_requests.offers_of, help_requests.note_of):
        with pytest.raises(NotFound):
            database.look(read, post_id=request, viewer=bob)
    assert database.look(help_requests.note_of, post_id=request, viewer=ana) == "Second bell"


def test_a_helper_who_drops_out_leaves_the_request_open_again(database, clock, ana, bob):
    request = ask(database, ana, clock)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    thread = database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.take_back, by=bob, offer_id=offer)
    assert state(database, request) is State.OPEN
    assert database.look(help_requests.thread_row, thread).ended_at is not None
    again = database.transact(help_requests.offer, by=bob, request_id=request)
    database.transact(help_requests.accept, by=ana, offer_id=again)
    assert state(database, request) is State.CLAIMED


def test_the_asker_lets_a_helper_go(database, clock, ana, bob):
    request = ask(database, ana, clock)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.release, by=ana, request_id=request)
    assert state(database, request) is State.OPEN
    assert database.look(help_requests.offer_row, offer).state is OfferState.REFUSED


@pytest.mark.parametrize("end", ["withdraw", "resolve"])
def test_what_has_ended_takes_no_more_offers_and_does_not_end_twice(database, clock, ana, bob, end):
    request = ask(database, ana, clock)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)

    def finish():
        if end == "withdraw":
            database.transact(help_requests.withdraw, by=ana, request_id=request)
        else:
            database.transact(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.OTHERWISE)

    finish()
    assert database.look(help_requests.offer_row, offer).state is OfferState.REFUSED
    with pytest.raises(Conflict):
        finish()
    with pytest.raises(Conflict):
        database.transact(help_requests.offer, by=bob, request_id=request)
    with pytest.raises(Conflict):
        database.transact(help_requests.accept, by=ana, offer_id=offer)


def test_time_ends_requests_and_offers(database, clock, ana, bob):
    short = ask(database, ana, clock, until=clock.now() + timedelta(hours=1))
    long = ask(database, ana, clock, until=clock.now() + timedelta(days=10))
    offer = database.transact(help_requests.offer, by=bob, request_id=long)
    clock.move(timedelta(hours=2))
    assert database.transact(help_requests.expire_due) == 1
    assert state(database, short) is State.EXPIRED
    clock.move(timedelta(hours=72))
    assert database.transact(help_requests.expire_due) == 1
    assert database.look(help_requests.offer_row, offer).state is OfferState.LAPSED
    assert database.transact(help_requests.expire_due) == 0


def test_a_thread_closes_and_later_its_words_are_erased(database, clock, ana, bob):
    request = ask(database, ana, clock)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    thread = database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    clock.move(timedelta(days=13))
    database.transact(help_requests.say, by=bob, thread_id=thread, text="Thank you for the coffee")
    clock.move(timedelta(days=2))
    with pytest.raises(Conflict):
        database.transact(help_requests.say, by=bob, thread_id=thread, text="One more thing")
    clock.move(timedelta(days=76))
    assert database.transact(help_requests.erase_due) == 1
    assert {one.text for one in database.look(help_requests.messages, thread_id=thread, viewer=ana)} == {""}
    assert database.look(help_requests.note_of, post_id=request, viewer=ana) == ""


def test_a_host_who_chose_other_days_is_obeyed(database, clock, ana, bob):
    database.transact(help_requests.promise, close_days=2, erase_days=5)
    request = ask(database, ana, clock)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    thread = database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    clock.move(timedelta(days=2, seconds=1))
    with pytest.raises(Conflict):
        database.transact(help_requests.say, by=bob, thread_id=thread, text="Too late")
    assert database.transact(help_requests.erase_due) == 0
    clock.move(timedelta(days=3))
    assert database.transact(help_requests.erase_due) == 1


async def test_fifty_offer_at_once_and_fifty_tabs_choose_at_once(running, clock, consequences):
    database = running
    elm = await database.write(neighbourhoods.create, name="Elm")

    ana = await database.write(settle_in, name="Ana", home=elm)
    helpers = [await database.write(settle_in, name=f"Helper {n}", home=elm) for n in range(50)]
    request = await database.write(
        help_requests.ask,
        by=ana,
        line="Who?",
        category=HelpCategory.OTHER,
        until=clock.now() + timedelta(days=1),
    )
    offers = await asyncio.gather(
        *(database.write(help_requests.offer, by=helper, request_id=request) for helper in helpers)
    )
    waiting = await database.read(help_requests.offers_of, post_id=request, viewer=ana)
    assert [one.state for one in waiting] == [OfferState.WAITING] * 50

    answers = await asyncio.gather(
        *(database.write(help_requests.accept, by=ana, offer_id=offer) for offer in offers), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 49
    assert sum(isinstance(one, int) for one in answers) == 1
    states = [one.state for one in await database.read(help_requests.offers_of, post_id=request, viewer=ana)]
    assert (states.count(OfferState.ACCEPTED), states.count(OfferState.REFUSED)) == (1, 49)
    told = [fact for fact in consequences.facts if isinstance(fact, HelpOfferRefused)]
    assert len(told) == 49
