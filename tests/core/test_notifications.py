"""Who is to hear of what, and what they have read."""

from __future__ import annotations

import pytest

from fedhood.core import notifications, relations
from fedhood.core.notifications import Kind
from tests.support.people import neighbourhood, resident

pytestmark = pytest.mark.both_databases
POST, OTHER_POST = 1 << 60, (1 << 60) + 1


@pytest.fixture
def three(database):
    elm = neighbourhood(database, "Elm")
    return [resident(database, name, elm) for name in ("Ana", "Bob", "Cleo")]


def tell(database, to, kind=Kind.REPLY, about=POST, actor=None):
    database.transact(
        notifications.tell,
        account=to.account,
        kind=kind,
        object=about,
        actor=None if actor is None else actor.account,
    )


def heard(database, who, **page):
    return [
        (one.kind, one.object, one.actor) for one in database.look(notifications.latest, account=who.account, **page)
    ]


def test_somebody_hears_what_happened_and_nobody_else_does(database, three, clock):
    ana, bob, _ = three
    tell(database, ana, actor=bob)
    assert heard(database, ana) == [(Kind.REPLY, POST, bob.account)]
    assert heard(database, bob) == []
    (one,) = database.look(notifications.latest, account=ana.account)
    assert (one.account, one.at, one.read_at) == (ana.account, clock.now(), None)


def test_nobody_is_told_of_their_own_doing(database, three):
    ana, *_ = three
    tell(database, ana, actor=ana)
    assert heard(database, ana) == []


def test_nothing_is_told_across_a_block_whoever_made_it(database, three):
    ana, bob, cleo = three
    tell(database, ana, actor=bob)
    database.transact(relations.block, by=ana, other=bob.account)
    tell(database, ana, Kind.THANKS, actor=bob)
    tell(database, bob, Kind.THANKS, actor=ana)
    tell(database, ana, Kind.THANKS, actor=cleo)
    assert heard(database, ana) == [(Kind.THANKS, POST, cleo.account)], "what was told before is not shown either"
    assert heard(database, bob) == []


@pytest.mark.parametrize("somebody", [True, False])
def test_the_same_is_told_once_until_it_was_read(database, three, somebody):
    ana, bob, cleo = three
    actor = bob if somebody else None
    for _ in range(3):
        tell(database, ana, Kind.EXPIRED, actor=actor)
    assert len(heard(database, ana)) == 1
    tell(database, ana, Kind.EXPIRED, about=OTHER_POST, actor=actor)
    tell(database, ana, Kind.REPORT, actor=actor)
    tell(database, ana, Kind.EXPIRED, actor=cleo)
    assert len(heard(database, ana)) == 4
    (newest, *_) = database.look(notifications.latest, account=ana.account)
    database.transact(notifications.read_all, account=ana.account, up_to=newest.id)
    tell(database, ana, Kind.EXPIRED, actor=actor)
    assert len(heard(database, ana)) == 5


def test_reading_up_to_one_leaves_what_came_later_and_what_is_anothers(database, three):
    ana, bob, _ = three
    for post in range(3):
        tell(database, ana, about=POST + post)
        tell(database, bob, about=POST + post)
    second = database.look(notifications.latest, account=ana.account)[1]
    database.transact(notifications.read_all, account=ana.account, up_to=second.id)
    assert database.look(notifications.unread, ana.account) == 1
    assert database.look(notifications.unread, bob.account) == 3


def test_a_page_begins_below_the_one_before(database, three):
    ana, *_ = three
    for post in range(5):
        tell(database, ana, about=POST + post)
    first = database.look(notifications.latest, account=ana.account, limit=2)
    assert [one.object - POST for one in first] == [4, 3]
    second = database.look(notifications.latest, account=ana.account, limit=2, before=first[-1].id)
    assert [one.object - POST for one in second] == [2, 1]
