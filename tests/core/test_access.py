"""Rights, sessions, one-time links, passphrases, and tries that are counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import access, accounts, neighbourhoods
from fedhood.core.access import NOBODY, Permission, Role, Viewer
from fedhood.core.access.tables import LinkTable, SessionTable
from fedhood.core.access.words import WORDS
from fedhood.core.accounts.tables import AccountTable
from fedhood.kernel.errors import Forbidden, Gone, Invalid, NotFound, Unauthenticated
from tests.support.people import neighbourhood, settle_in

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def ana(database, elm):
    return database.transact(accounts.create, name="Ana", neighbourhood=elm, language="nl")


def sign_in(database, account, **how):
    return database.transact(access.open_session, account=account, **how)


def seen_as(database, clock, token):
    return database.look(access.viewer_of, token=token, now=clock.now())


# -- rights -----------------------------------------------------------------------------------------------------------


def viewer(*rights):
    return Viewer(account=1, neighbourhood=1, rights=frozenset(rights))


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (Role.MODERATOR, {Permission.MODERATE, Permission.INVITE, Permission.PEER, Permission.SET_UP}),
        (Role.CLERK, {Permission.COUNT, Permission.SPEAK, Permission.PEER, Permission.SET_UP}),
    ],
)
def test_a_role_brings_its_permissions_and_no_other(role, permissions):
    assert {one for one in Permission if access.allows(role, one)} == permissions


def test_a_right_for_one_neighbourhood_ends_at_its_border():
    moderator = viewer((Role.MODERATOR, 1))
    assert access.may(moderator, Permission.MODERATE, 1)
    assert not access.may(moderator, Permission.MODERATE, 2)
    assert not access.may(moderator, Permission.MODERATE, None)


def test_a_right_for_the_whole_server_holds_everywhere():
    everywhere = viewer((Role.MODERATOR, None))
    assert all(access.may(everywhere, Permission.MODERATE, where) for where in (1, 2, None))


def test_who_may_not_is_told_whether_signing_in_would_help():
    access.require(viewer((Role.CLERK, None)), Permission.COUNT, 1)
    with pytest.raises(Forbidden):
        access.require(viewer(), Permission.COUNT, 1)
    with pytest.raises(Unauthenticated):
        access.require(NOBODY, Permission.COUNT, 1)
    with pytest.raises(Unauthenticated):
        access.require(Viewer(peer=3), Permission.COUNT, 1)


@pytest.mark.both_databases
def test_a_right_is_given_once_taken_once_and_can_come_back(database, elm, ana):
    for _ in range(2):
        database.transact(access.give, account=ana, role=Role.MODERATOR, neighbourhood=elm, by=None)
    assert database.look(access.rights_of, ana) == {(Role.MODERATOR, elm)}
    database.transact(access.take, account=ana, role=Role.MODERATOR, neighbourhood=None)
    assert database.look(access.rights_of, ana) == {(Role.MODERATOR, elm)}
    for _ in range(2):
        database.transact(access.take, account=ana, role=Role.MODERATOR, neighbourhood=elm)
    assert database.look(access.rights_of, ana) == frozenset()
    database.transact(access.give, account=ana, role=Role.MODERATOR, neighbourhood=None, by=ana)
    assert database.look(access.rights_of, ana) == {(Role.MODERATOR, None)}


@pytest.mark.both_databases
def test_those_who_may_do_something_in_a_neighbourhood_are_found_once_each(database, elm, ana):
    oak = neighbourhood(database, "Oak")
    bob, cleo = (
        database.transact(accounts.create, name=name, neighbourhood=oak, language="en") for name in ("Bob", "Cleo")
    )
    for account, role, where in (
        (ana, Role.MODERATOR, elm),
        (bob, Role.MODERATOR, oak),
        (bob, Role.MODERATOR, None),
        (cleo, Role.CLERK, None),
    ):
        database.transact(access.give, account=account, role=role, neighbourhood=where, by=None)
    assert database.look(access.holders, Permission.MODERATE, elm) == [ana, bob]
    assert database.look(access.holders, Permission.MODERATE, oak) == [bob]
    assert database.look(access.holders, Permission.PEER, None) == [bob, cleo]


# -- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_token_shows_who_is_signed_in_and_is_kept_as_a_hash_alone(database, clock, elm, ana):
    database.transact(access.give, account=ana, role=Role.MODERATOR, neighbourhood=elm, by=None)
    opened = sign_in(database, ana, label="Firefox, Linux", with_passphrase=True)
    who = seen_as(database, clock, opened.token)
    assert (who.account, who.neighbourhood, who.name, who.language, who.csrf) == (ana, elm, "Ana", "nl", opened.csrf)
    assert who.rights == {(Role.MODERATOR, elm)}
    assert who.passphrase_at == clock.now()
    assert who.is_resident
    assert who.peer is None
    assert len(opened.token) >= 22, "128 bits and more"
    (kept,) = database.look(lambda db: list(SessionTable.select().execute(db)))
    assert opened.token.encode() not in bytes(kept.token_hash)
    assert len(bytes(kept.token_hash)) == 32


@pytest.mark.both_databases
@pytest.mark.parametrize("wrong", ["", "x", "\ud800", "a" * 5000])
def test_a_token_that_was_never_given_opens_nothing(database, clock, ana, wrong):
    sign_in(database, ana)
    assert seen_as(database, clock, wrong) is None


@pytest.mark.both_databases
def test_a_session_ends_after_fourteen_quiet_days(database, clock, ana):
    token = sign_in(database, ana).token
    clock.move(14 * DAY - MINUTE)
    assert seen_as(database, clock, token) is not None
    clock.move(2 * MINUTE)
    assert seen_as(database, clock, token) is None


@pytest.mark.both_databases
def test_a_session_that_is_used_ends_after_thirty_days_all_the_same(database, clock, ana):
    token = sign_in(database, ana).token
    for _ in range(29):
        clock.move(DAY)
        database.transact(access.seen, session=seen_as(database, clock, token).session)
    clock.move(DAY - MINUTE)
    assert seen_as(database, clock, token) is not None
    clock.move(2 * MINUTE)
    assert seen_as(database, clock, token) is None


@pytest.mark.both_databases
def test_a_session_ends_when_it_is_closed_and_for_nobody_else(database, clock, elm, ana):
    bob = database.transact(accounts.create, name="Bob", neighbourhood=elm, language="en")
    hers, his = sign_in(database, ana).token, sign_in(database, bob).token
    session = seen_as(database, clock, hers).session
    database.transact(access.close_session, account=bob, session=session)
    assert seen_as(database, clock, hers) is not None, "only one's own"
    for _ in range(2):
        database.transact(access.close_session, account=ana, session=session)
    assert seen_as(database, clock, hers) is None
    assert seen_as(database, clock, his) is not None


@pytest.mark.both_databases
def test_all_sessions_end_but_perhaps_the_one_at_hand(database, clock, ana):
    here, there = sign_in(database, ana).token, sign_in(database, ana).token
    database.transact(access.close_all, account=ana, but=seen_as(database, clock, here).session)
    assert seen_as(database, clock, here) is not None
    assert seen_as(database, clock, there) is None
    database.transact(access.close_all, account=ana)
    assert seen_as(database, clock, here) is None


@pytest.mark.both_databases
def test_the_twenty_first_session_ends_the_first(database, clock, ana):
    tokens = [sign_in(database, ana, label=str(number)).token for number in range(21)]
    assert [seen_as(database, clock, token) is not None for token in tokens] == [False] + [True] * 20
    assert len(database.look(access.sessions_of, ana)) == 20


@pytest.mark.both_databases
def test_the_list_of_sessions_begins_with_the_one_last_used(database, clock, ana):
    sign_in(database, ana, label="first")
    clock.move(HOUR)
    sign_in(database, ana, label="second")
    assert [one.label for one in database.look(access.sessions_of, ana)] == ["second", "first"]


@pytest.mark.both_databases
def test_who_may_not_act_is_signed_in_nowhere(database, clock, ana):
    token = sign_in(database, ana).token
    link = database.transact(access.make_link, account=ana, by=None)
    database.transact(lambda uow: AccountTable.update(state="erased").where(AccountTable.id == ana).execute(uow.db))
    assert seen_as(database, clock, token) is None
    with pytest.raises(Gone):
        sign_in(database, ana)
    with pytest.raises(Gone):
        database.transact(access.use_link, token=link)


@pytest.mark.both_databases
def test_the_passphrase_given_again_is_remembered_with_its_hour(database, clock, ana):
    token = sign_in(database, ana).token
    who = seen_as(database, clock, token)
    assert who.passphrase_at is None
    now = clock.move(HOUR)
    database.transact(access.renew_passphrase, session=who.session)
    assert seen_as(database, clock, token).passphrase_at == now


# -- one-time links ---------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_link_signs_somebody_in_once_and_is_kept_as_a_hash_alone(database, clock, ana):
    token = database.transact(access.make_link, account=ana, by=None)
    (kept,) = database.look(lambda db: list(LinkTable.select().execute(db)))
    assert len(bytes(kept.token_hash)) == 32
    opened = database.transact(access.use_link, token=token, label="Phone")
    assert seen_as(database, clock, opened.token).account == ana
    with pytest.raises(NotFound):
        database.transact(access.use_link, token=token)


@pytest.mark.both_databases
def test_a_link_is_too_old_after_two_days(database, clock, ana):
    token = database.transact(access.make_link, account=ana, by=None)
    clock.move(2 * DAY)
    with pytest.raises(NotFound):
        database.transact(access.use_link, token=token)


@pytest.mark.both_databases
def test_a_new_link_ends_the_one_before(database, ana):
    first = database.transact(access.make_link, account=ana, by=None)
    second = database.transact(access.make_link, account=ana, by=None)
    with pytest.raises(NotFound):
        database.transact(access.use_link, token=first)
    assert database.transact(access.use_link, token=second).account == ana


@pytest.mark.both_databases
def test_a_link_is_made_for_nobody_who_is_not_there(database):
    with pytest.raises(NotFound):
        database.transact(access.make_link, account=99, by=None)


@pytest.mark.both_databases
async def test_of_fifty_who_use_one_link_at_once_one_is_signed_in(running):
    ana = await running.write(_ana_in_elm)
    token = await running.write(access.make_link, account=ana, by=None)
    answers = await asyncio.gather(
        *(running.write(access.use_link, token=token) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(one, NotFound) for one in answers) == 49
    assert len(await running.read(access.sessions_of, ana)) == 1


def _ana_in_elm(uow):
    return settle_in(uow, name="Ana", home=neighbourhoods.create(uow, name="Elm")).account


# -- passphrases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_a_proposed_passphrase_is_four_of_at_least_256_plain_words(language):
    words = WORDS[language]
    assert len(set(words)) == len(words) >= 256
    assert all(word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 9 for word in words)
    proposed = {access.propose_passphrase(language) for _ in range(20)}
    assert len(proposed) == 20
    assert all(len(one.split()) == 4 and set(one.split()) <= set(words) for one in proposed)


def test_a_language_without_words_of_its_own_gets_english_ones():
    assert set(access.propose_passphrase("tlh").split()) <= set(WORDS["en"])


def test_a_passphrase_fits_its_own_hash_and_no_other_does():
    kept = access.hash_passphrase("walnut ladder  ÉTÉ river")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert access.verify(kept, "walnut ladder  ÉTÉ river")
    assert not access.verify(kept, "walnut ladder ÉTÉ river")
    assert not access.verify(kept, "")
    assert access.hash_passphrase("walnut ladder  ÉTÉ river") != kept, "salted"


def test_signs_without_spaces_are_a_passphrase_too():
    assert access.verify(access.hash_passphrase("x7!kPq2-rT9_zLw4"), "x7!kPq2-rT9_zLw4")


def test_without_a_hash_or_with_a_broken_one_no_passphrase_fits():
    assert not access.verify(None, "walnut ladder river cloud")
    assert not access.verify("$argon2id$broken", "walnut ladder river cloud")


@pytest.mark.parametrize(
    ("passphrase", "code"),
    [
        ("fourteen chars", "too-short"),
        ("x" * 129, "too-long"),
        ("a" * 20, "too-simple"),
        ("abcdeabcdeabcdeabcde", "too-simple"),
        ("lamp lamp lamp lamp lamp", "too-simple"),
        ("garden Bicycle bicycle lamp", "too-simple"),
    ],
)
def test_a_passphrase_too_short_or_too_long_or_that_says_little_is_refused(passphrase, code):
    with pytest.raises(Invalid) as refused:
        access.hash_passphrase(passphrase)
    assert (refused.value.code, refused.value.field) == (code, "passphrase")


@pytest.mark.both_databases
def test_a_new_passphrase_ends_every_other_session(database, clock, ana):
    here, there = sign_in(database, ana).token, sign_in(database, ana).token
    assert database.look(access.passphrase_hash, ana) is None
    for kept in ("first", "second"):
        session = seen_as(database, clock, here).session
        database.transact(access.set_passphrase, account=ana, hash=kept, but=session)
        assert database.look(access.passphrase_hash, ana) == kept
    assert seen_as(database, clock, here) is not None
    assert seen_as(database, clock, there) is None


# -- tries ------------------------------------------------------------------------------------------------------------


def left(database, clock, bucket="code:a"):
    return database.look(access.tries_left, bucket=bucket, most=5, window=HOUR, now=clock.now())


@pytest.mark.both_databases
def test_tries_are_counted_by_bucket_until_none_is_left(database, clock):
    assert left(database, clock) == 5
    counts = [database.transact(access.count_try, bucket="code:a", window=HOUR) for _ in range(6)]
    assert counts == [1, 2, 3, 4, 5, 6]
    assert left(database, clock) == 0
    assert left(database, clock, "code:b") == 5


@pytest.mark.both_databases
def test_the_window_begins_with_the_first_try_and_then_anew(database, clock):
    database.transact(access.count_try, bucket="code:a", window=HOUR)
    clock.move(59 * MINUTE)
    assert database.transact(access.count_try, bucket="code:a", window=HOUR) == 2
    clock.move(MINUTE)
    assert left(database, clock) == 5
    assert database.transact(access.count_try, bucket="code:a", window=HOUR) == 1


@pytest.mark.both_databases
def test_what_goes_well_forgives_the_tries_before(database, clock):
    database.transact(access.count_try, bucket="code:a", window=HOUR)
    database.transact(access.forget_tries, bucket="code:a")
    assert left(database, clock) == 5


@pytest.mark.both_databases
async def test_fifty_tries_at_once_are_fifty_tries(running):
    counts = await asyncio.gather(*(running.write(access.count_try, bucket="code:a", window=HOUR) for _ in range(50)))
    assert sorted(counts) == list(range(1, 51))


@pytest.mark.both_databases
def test_a_link_that_would_sign_somebody_in_is_known_without_using_it(database, clock, ana):
    token = database.transact(access.make_link, account=ana, by=None)
    for _ in range(2):
        assert database.look(access.link_opens, token=token, now=clock.now())
    assert not database.look(access.link_opens, token=token, now=clock.now() + timedelta(days=2))
    database.transact(access.use_link, token=token)
    assert not database.look(access.link_opens, token=token, now=clock.now())
    assert not database.look(access.link_opens, token="nonsense", now=clock.now())


@pytest.mark.both_databases
def test_tries_of_long_ago_are_forgotten(database, clock):
    database.transact(access.count_try, bucket="old", window=timedelta(hours=1))
    clock.move(timedelta(days=2, minutes=1))
    database.transact(access.count_try, bucket="new", window=timedelta(hours=1))
    assert database.transact(access.forget_old_tries) == 1
    assert database.transact(access.count_try, bucket="new", window=timedelta(hours=1)) == 2
