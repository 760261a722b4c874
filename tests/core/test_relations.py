"""Blocks: unannounced, in force both ways."""

from __future__ import annotations

import pytest

from fedhood.core import relations
from fedhood.core.access import NOBODY
from fedhood.kernel.errors import Invalid, NotFound, Unauthenticated
from tests.support.people import neighbourhood, resident

pytestmark = pytest.mark.both_databases


@pytest.fixture
def three(database):
    elm = neighbourhood(database, "Elm")
    return [resident(database, name, elm) for name in ("Ana", "Bob", "Cleo")]


def test_a_block_keeps_both_apart_and_nobody_else(database, three, consequences):
    ana, bob, cleo = three
    before = list(consequences.facts)
    database.transact(relations.block, by=ana, other=bob.account)
    assert database.look(relations.is_blocked, ana.account, bob.account)
    assert database.look(relations.is_blocked, bob.account, ana.account)
    assert not database.look(relations.is_blocked, ana.account, cleo.account)
    assert database.look(relations.blocked_either_way, ana.account) == {bob.account}
    assert database.look(relations.blocked_either_way, bob.account) == {ana.account}
    assert consequences.facts == before, "a block is told to nobody"


def test_who_is_blocked_cannot_tell_it_from_their_own_list(database, three):
    ana, bob, _ = three
    database.transact(relations.block, by=ana, other=bob.account)
    assert database.look(relations.blocked_by, ana.account) == [bob.account]
    assert database.look(relations.blocked_by, bob.account) == []


def test_blocking_twice_is_blocking_once_and_lifting_twice_is_lifting_once(database, three):
    ana, bob, _ = three
    for _ in range(2):
        database.transact(relations.block, by=ana, other=bob.account)
    assert database.look(relations.blocked_by, ana.account) == [bob.account]
    for _ in range(2):
        database.transact(relations.unblock, by=ana, other=bob.account)
    assert not database.look(relations.is_blocked, ana.account, bob.account)


def test_lifting_ones_own_block_leaves_the_others_in_force(database, three):
    ana, bob, _ = three
    database.transact(relations.block, by=ana, other=bob.account)
    database.transact(relations.block, by=bob, other=ana.account)
    database.transact(relations.unblock, by=ana, other=bob.account)
    assert database.look(relations.is_blocked, ana.account, bob.account)


def test_nobody_blocks_themselves_a_stranger_to_the_books_or_without_a_name(database, three):
    ana, bob, _ = three
    with pytest.raises(Invalid):
        database.transact(relations.block, by=ana, other=ana.account)
    with pytest.raises(NotFound):
        database.transact(relations.block, by=ana, other=99)
    with pytest.raises(Unauthenticated):
        database.transact(relations.block, by=NOBODY, other=bob.account)
    with pytest.raises(Unauthenticated):
        database.transact(relations.unblock, by=NOBODY, other=bob.account)
