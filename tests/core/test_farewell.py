"""Leaving for good, as the core knows it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import (
    access,
    accounts,
    help_requests,
    households,
    interactions,
    neighbourhoods,
    posts,
    relations,
)
from fedhood.core.access import NOBODY, Role
from fedhood.core.accounts import AccountState
from fedhood.core.help_requests import HelpCategory, OfferState, State
from fedhood.core.help_requests.tables import HelpRequestTable, MessageTable, NoteTable, OfferTable
from fedhood.core.posts.tables import PostTable, VersionTable
from fedhood.kernel.errors import Conflict, Unauthenticated
from tests.support.people import neighbourhood, resident


@pytest.fixture
def street(database):
    elm = neighbourhood(database, "Elm")
    return elm, resident(database, "Ana", elm), resident(database, "Bob", elm)


def farewell(database, who):
    database.transact(help_requests.farewell, by=who)


def ask(database, clock, who, note="Second bell"):
    return database.transact(
        help_requests.ask,
        by=who,
        line="Who carries a piano?",
        note=note,
        area="The square",
        category=HelpCategory.CARRYING,
        until=clock.now() + timedelta(days=2),
    )


def agree(database, clock, asker, helper):
    request = ask(database, clock, asker)
    offer = database.transact(help_requests.offer, by=helper, request_id=request, text="With a trolley")
    return request, offer, database.transact(help_requests.accept, by=asker, offer_id=offer)


def state(database, request):
    return database.look(help_requests.request_row, request).state


def kinds(consequences):
    return [one.kind for one in consequences.facts]


def test_nobody_cannot_leave(database):
    with pytest.raises(Unauthenticated):
        farewell(database, NOBODY)


def test_what_waits_ends_and_each_end_is_a_fact(database, clock, street, consequences):
    _, ana, bob = street
    open_request = ask(database, clock, ana)
    claimed, _, _ = agree(database, clock, ana, bob)
    theirs = ask(database, clock, bob)
    waiting = database.transact(help_requests.offer, by=ana, request_id=theirs)
    helping, accepted, _ = agree(database, clock, bob, ana)
    consequences.facts.clear()
    farewell(database, ana)
    assert [state(database, one) for one in (open_request, claimed)] == [State.WITHDRAWN, State.WITHDRAWN]
    assert [state(database, one) for one in (theirs, helping)] == [State.OPEN, State.OPEN]
    found = [database.look(help_requests.offer_row, one).state for one in (waiting, accepted)]
    assert found == [OfferState.WITHDRAWN, OfferState.WITHDRAWN]
    assert kinds(consequences) == [
        "help.withdrawn",
        "help.withdrawn",
        "help.offer-taken-back",
        "help.released",
        "post.deleted",
        "post.deleted",
        "account.left",
        "account.erased",
    ]


def test_what_was_over_stays_as_it_ended(database, clock, street):
    _, ana, bob = street
    request, offer, thread = agree(database, clock, bob, ana)
    database.transact(help_requests.resolve, by=bob, request_id=request, outcome=help_requests.Outcome.WITH_NEIGHBOUR)
    farewell(database, ana)
    assert state(database, request) is State.RESOLVED
    assert database.look(help_requests.offer_row, offer).state is OfferState.ACCEPTED
    with pytest.raises(Conflict):
        database.transact(help_requests.say, by=bob, thread_id=thread, text="Thanks again")


def test_no_word_of_theirs_is_left_in_any_table(database, clock, street):
    _, ana, bob = street
    post = database.transact(posts.publish, by=ana, text="CANARY one")
    database.transact(posts.edit, by=ana, post_id=post, text="CANARY two")
    root = database.transact(posts.publish, by=bob, text="Street party?")
    reply = database.transact(posts.reply, by=ana, to=root, text="CANARY three")
    database.transact(interactions.thank, by=ana, post_id=root)
    database.transact(relations.block, by=ana, other=resident(database, "Cas", street[0]).account)
    _, _, thread = agree(database, clock, ana, bob)
    database.transact(help_requests.say, by=ana, thread_id=thread, text="CANARY four")
    farewell(database, ana)
    kept = database.look(
        lambda db: [
            *(one.text for one in PostTable.select().where(PostTable.author == ana.account).execute(db)),
            *(one.text for one in VersionTable.select().execute(db)),
            *(one.text for one in NoteTable.select().execute(db)),
            *(one.area for one in HelpRequestTable.select().execute(db)),
            *(one.text for one in MessageTable.select().execute(db)),
            *(one.text for one in OfferTable.select().where(OfferTable.helper == ana.account).execute(db)),
        ]
    )
    assert set(kept) == {""}
    assert database.look(posts.row, post_id=reply).deleted_at is not None
    standing = database.look(posts.row, post_id=root)
    assert (standing.thanks, standing.replies) == (0, 0)
    assert database.look(relations.blocked_by, ana.account) == []


def test_the_account_is_empty_and_the_household_stays(database, street):
    _, ana, _ = street
    household = database.look(households.household_of, ana.account)
    session = database.transact(access.open_session, account=ana.account)
    farewell(database, ana)
    farewell(database, ana)
    who = database.look(accounts.get, ana.account)
    assert (who.name, who.handle, who.state) == ("", None, AccountState.ERASED)
    assert database.look(access.viewer_of, token=session.token, now=who.joined_at) is None
    assert database.look(households.members, household) == []


@pytest.mark.parametrize("where", ["here", "server"])
def test_the_last_moderator_waits_for_another(database, where):
    elm = neighbourhood(database, "Elm")
    mo, pim = resident(database, "Mo", elm), resident(database, "Pim", elm)
    place = elm if where == "here" else None
    database.transact(access.give, account=mo.account, role=Role.MODERATOR, neighbourhood=place, by=None)
    with pytest.raises(Conflict) as refused:
        farewell(database, mo)
    assert refused.value.code == "last-moderator"
    assert database.look(accounts.get, mo.account).name == "Mo"
    database.transact(access.give, account=pim.account, role=Role.MODERATOR, neighbourhood=elm, by=mo.account)
    farewell(database, mo)
    assert database.look(access.holders, access.Permission.MODERATE, elm) == [pim.account]


def test_who_moderates_the_whole_server_leaves_no_neighbourhood_of_it_alone(database):
    elm, oak = neighbourhood(database, "Elm"), neighbourhood(database, "Oak")
    mo, pim = resident(database, "Mo", elm), resident(database, "Pim", elm, moderator=True)
    database.transact(access.give, account=mo.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    with pytest.raises(Conflict):
        farewell(database, mo)
    database.transact(access.give, account=pim.account, role=Role.MODERATOR, neighbourhood=oak, by=mo.account)
    farewell(database, mo)


def test_a_clerk_alone_may_leave(database):
    elm = neighbourhood(database, "Elm")
    clerk = resident(database, "Kas", elm)
    database.transact(access.give, account=clerk.account, role=Role.CLERK, neighbourhood=None, by=None)
    farewell(database, clerk)
    assert database.look(access.rights_of, clerk.account) == frozenset()


@pytest.mark.both_databases
async def test_of_two_moderators_who_leave_at_once_one_stays(running):
    elm = await running.write(neighbourhoods.create, name="Elm")
    pair = [await asyncio.to_thread(resident, running, name, elm, moderator=True) for name in ("Mo", "Pim")]
    done = await asyncio.gather(
        *(running.write(help_requests.farewell, by=one) for one in pair), return_exceptions=True
    )
    assert [type(one) for one in done if one is not None] == [Conflict]
    assert len(await running.read(access.holders, access.Permission.MODERATE, elm)) == 1
