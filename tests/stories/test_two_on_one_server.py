"""Two neighbourhoods on one server: neighbours as on two, and nothing of it ever leaves the house."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable
from fedhood.consequences import follow
from fedhood.core import help_requests, notifications, posts, timelines
from fedhood.core.help_requests import HelpCategory, Met, OfferState, Outcome, State
from fedhood.core.notifications import Kind
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Conflict, NotFound
from tests.support.people import neighbourhood, neighbours, resident

pytestmark = pytest.mark.both_databases
NOTE = "Rooftile Street 12, second bell"


@pytest.fixture
def house(database, consequences):
    """Ana of Elm, Bob and Cleo of Oak, Dirk of Ash, with whom nobody has agreed."""
    consequences.then = follow
    elm, oak, ash = (neighbourhood(database, name) for name in ("Elm", "Oak", "Ash"))
    neighbours(database, elm, oak)
    homes = {"Ana": elm, "Bob": oak, "Cleo": oak, "Dirk": ash}
    yield [resident(database, name, home) for name, home in homes.items()]
    for table in (DeliveryTable, ActivityTable, InboundTable):
        assert database.look(lambda db, table=table: table.select().count(db)) == 0, "nobody outside is told"


def ask(database, clock, ana):
    (nearby,) = [
        one
        for one in database.look(posts.offered, neighbourhood=ana.neighbourhood)
        if one.audience is Audience.NEIGHBOURS
    ]
    assert nearby.names == ("Oak",)
    return database.transact(
        help_requests.ask,
        by=ana,
        line="Who helps carry a washing machine?",
        note=NOTE,
        category=HelpCategory.CARRYING,
        area="Around Elm Square",
        until=clock.now() + timedelta(days=3),
        audience=Audience.NEIGHBOURS,
        places=nearby.places,
    )


def board(database, viewer):
    return [(one.post.text, one.help.state) for one in database.look(timelines.board, viewer=viewer)]


def heard(database, viewer):
    return [one.kind for one in reversed(database.look(notifications.latest, account=viewer.account))]


def test_help_is_asked_in_elm_offered_in_oak_and_comes(database, clock, house):
    ana, bob, cleo, dirk = house
    line = "Who helps carry a washing machine?"
    request = ask(database, clock, ana)
    assert [board(database, one) for one in (bob, dirk)] == [[(line, State.OPEN)], []]
    with pytest.raises(NotFound):
        database.transact(help_requests.offer, by=dirk, request_id=request)

    chosen = database.transact(help_requests.offer, by=bob, request_id=request, text="I have a trolley")
    other = database.transact(help_requests.offer, by=cleo, request_id=request, text="And I have time")
    assert database.look(help_requests.offer_row, chosen).sent is None, "there is nowhere to send it to"
    thread = database.transact(help_requests.accept, by=ana, offer_id=chosen)
    refused = database.look(help_requests.offer_row, other)
    assert (refused.state, refused.reason) == (OfferState.REFUSED, "someone-else")
    assert board(database, cleo) == [(line, State.CLAIMED)]

    talk = database.look(help_requests.thread_of, request_id=request, viewer=bob)
    assert talk.id == thread
    (note,) = database.look(help_requests.messages, thread_id=thread, viewer=bob)
    assert (note.part, note.text, note.sent) == ("note", NOTE, None)
    for stranger in (cleo, dirk):
        with pytest.raises(NotFound):
            database.look(help_requests.messages, thread_id=thread, viewer=stranger)

    database.transact(help_requests.say, by=bob, thread_id=thread, text="Saturday at half past ten")
    database.transact(help_requests.say, by=ana, thread_id=thread, text="Coffee is ready")
    said = database.look(help_requests.messages, thread_id=thread, viewer=ana)
    assert [one.text for one in said] == [NOTE, "Saturday at half past ten", "Coffee is ready"]
    with pytest.raises(Conflict):
        database.transact(help_requests.met, by=bob, thread_id=thread, answer=Met.YES)

    database.transact(help_requests.resolve, by=ana, request_id=request, outcome=Outcome.WITH_NEIGHBOUR)
    assert board(database, bob) == []
    for one in (ana, bob):
        database.transact(help_requests.met, by=one, thread_id=thread, answer=Met.YES)
        assert database.look(help_requests.my_answer, thread_id=thread, viewer=one) is Met.YES

    assert heard(database, ana) == [Kind.OFFER, Kind.OFFER, Kind.MESSAGE, Kind.DID_YOU_MEET]
    assert heard(database, bob) == [Kind.OFFER_ACCEPTED, Kind.MESSAGE, Kind.DID_YOU_MEET]
    assert heard(database, cleo) == [Kind.OFFER_REFUSED]
    assert heard(database, dirk) == []


def test_answers_a_removal_and_a_farewell_stay_in_the_house_too(database, clock, house):
    ana, bob, _, _ = house
    request = ask(database, clock, ana)
    answer = database.transact(posts.reply, by=bob, to=request, text="Which floor?")
    database.transact(posts.edit, by=bob, post_id=answer, text="Which floor is it?")
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.farewell, by=bob)
    assert database.look(help_requests.request_row, request).state is State.OPEN
    assert heard(database, ana)[-1] is Kind.RELEASED
    assert database.look(posts.thread, root=request, viewer=ana) == []
    database.transact(posts.delete, by=ana, post_id=request)


def claimed(database, clock, ana, bob):
    request = ask(database, clock, ana)
    offer = database.transact(help_requests.offer, by=bob, request_id=request)
    database.transact(help_requests.accept, by=ana, offer_id=offer)
    return request


def test_who_was_coming_hears_that_the_help_is_wanted_no_longer(database, clock, house):
    ana, bob, _, _ = house
    request = claimed(database, clock, ana, bob)
    database.transact(help_requests.withdraw, by=ana, request_id=request)
    assert heard(database, bob) == [Kind.OFFER_ACCEPTED, Kind.CALLED_OFF]


def test_when_the_time_of_help_that_was_coming_has_passed_both_are_asked_whether_they_met(database, clock, house):
    ana, bob, _, _ = house
    request = claimed(database, clock, ana, bob)
    clock.move(timedelta(days=4))
    assert database.transact(help_requests.expire_due) == 1
    assert database.look(help_requests.request_row, request).state is State.EXPIRED
    assert heard(database, ana) == [Kind.OFFER, Kind.DID_YOU_MEET]
    assert heard(database, bob) == [Kind.OFFER_ACCEPTED, Kind.DID_YOU_MEET]
