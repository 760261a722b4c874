"""Agreements with the servers next door: made, granted, changed, ended."""

from __future__ import annotations

import asyncio

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.peers import PeerAgreed, PeerAsked, PeerEnded, PeerFound, PeerRefused, PeerState, Trust
from fedhood.kernel.errors import Conflict, NotFound
from tests.core.peering import (
    DAY,
    GROUP,
    GROUPS,
    LANE,
    OAK,
    agreed,
    ask,
    asking,
    confirm,
    for_all,
    found,
    grant_us,
    granted,
    letters,
    oak_id,
    propose,
    reads_oak,
    state,
)
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


# -- agreeing ---------------------------------------------------------------------------------------------------------


def test_who_asks_us_waits_for_a_moderator(database, elm, mo, consequences):
    peer = ask(database)
    known = database.look(peers.get, peer)
    assert (known.state, known.their_follow_uri, known.offered_groups) == (
        PeerState.ASKED_US,
        f"https://{OAK}/ap/activities/follow-1",
        GROUPS,
    )
    assert consequences.facts[-1] == PeerAsked(object=peer)
    assert granted(database, peer, ours=True) == frozenset()
    assert database.look(neighbourhoods.by_uri, GROUP) is None


def test_when_the_letters_match_who_asked_us_reads_what_we_share_and_we_ask_too(database, elm, mo, consequences):
    peer = agreed(database, mo)
    known = database.look(peers.get, peer)
    assert (known.state, known.confirmed_by) == (PeerState.AGREED, mo.account)
    assert granted(database, peer, ours=True) == {"public", "neighbours", "direct"}
    assert granted(database, peer, ours=False) == frozenset()
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"]
    assert not reads_oak(database, elm), "that is theirs to say"
    assert consequences.facts[-1] == PeerAgreed(object=peer, ask_too=True)


def test_we_may_press_first_and_then_agree_as_soon_as_they_ask(database, elm, mo, consequences):
    peer = found(database, mo)
    confirm(database, mo, peer)
    assert state(database, peer) is PeerState.FOUND
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerAgreed)]
    assert ask(database) == peer
    assert state(database, peer) is PeerState.AGREED
    assert consequences.facts[-1] == PeerAgreed(object=peer, ask_too=False)


def test_they_may_ask_before_we_press(database, elm, mo, consequences):
    peer = found(database, mo)
    ask(database)
    assert consequences.facts[-1] == PeerAsked(object=peer)
    confirm(database, mo, peer)
    assert state(database, peer) is PeerState.AGREED
    assert consequences.facts[-1] == PeerAgreed(object=peer, ask_too=False), "we asked them when we found them"


def test_who_asks_while_we_are_still_looking_is_asked_back_when_we_agree(database, elm, mo, consequences):
    peer = propose(database, mo)
    ask(database)
    database.transact(peers.found, peer_id=peer, **letters())
    confirm(database, mo, peer)
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerFound)]
    assert consequences.facts[-1] == PeerAgreed(object=peer, ask_too=True)


def test_a_moderator_chooses_who_reads_whom(database, elm, mo):
    birch, mo = neighbourhood(database, "Birch"), for_all(database, mo)
    peer = ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}])
    confirm(database, mo, peer, pairs=[(birch, LANE), (elm, "https://ash.example/ap/groups/ash"), (99, GROUP)])
    assert [one.name for one in database.look(neighbourhoods.readers_of, birch)] == ["Lane"]
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_without_a_choice_all_of_ours_are_read_by_all_of_theirs(database, elm, mo):
    birch, mo = neighbourhood(database, "Birch"), for_all(database, mo)
    confirm(database, mo, ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}]))
    for ours in (elm, birch):
        assert [one.name for one in database.look(neighbourhoods.readers_of, ours)] == ["Lane", "Oak"]


def test_the_choice_of_nobody_is_not_the_choice_of_everybody(database, elm, mo):
    confirm(database, mo, ask(database), pairs=[])
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_a_choice_made_before_they_asked_is_remembered(database, elm, mo):
    birch, mo = neighbourhood(database, "Birch"), for_all(database, mo)
    peer = found(database, mo)
    confirm(database, mo, peer, pairs=[(elm, GROUP)])
    ask(database)
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"]
    assert database.look(neighbourhoods.readers_of, birch) == []


def test_the_city_is_granted_figures_and_no_neighbours_talk(database, elm, mo):
    peer = ask(database, trust=Trust.CITY, groups=[])
    confirm(database, mo, peer)
    assert granted(database, peer, ours=True) == {"public", "city", "aggregate", "direct"}
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_a_server_that_names_itself_city_after_it_was_confirmed_gets_what_was_confirmed(database, elm, mo):
    peer = found(database, mo)
    confirm(database, mo, peer)
    ask(database, trust=Trust.CITY)
    assert granted(database, peer, ours=True) == {"public", "neighbours", "direct"}


def test_what_a_moderator_confirmed_is_what_they_read(database, elm, mo):
    peer = found(database, mo)
    ask(database, trust=Trust.CITY)
    with pytest.raises(Conflict):
        database.transact(peers.confirm, by=mo, peer_id=peer, trust=Trust.NEIGHBOUR)
    database.transact(peers.confirm, by=mo, peer_id=peer, trust=Trust.CITY)
    assert "aggregate" in granted(database, peer, ours=True)


def test_nothing_is_confirmed_before_there_are_letters_or_after_the_end(database, mo):
    peer = propose(database, mo)
    with pytest.raises(Conflict):
        confirm(database, mo, peer)
    database.transact(peers.found, peer_id=peer, **letters())
    database.transact(peers.end, by=mo, peer_id=peer)
    with pytest.raises(Conflict):
        confirm(database, mo, peer)
    with pytest.raises(NotFound):
        confirm(database, mo, 99)


def test_letters_that_changed_since_they_were_read_out_are_not_confirmed(database, mo):
    peer = ask(database)
    ask(database, key="z2", number=2)
    with pytest.raises(Conflict):
        confirm(database, mo, peer, fingerprint="AAAA-z1")
    assert state(database, peer) is PeerState.ASKED_US
    confirm(database, mo, peer, fingerprint="AAAA-z2")


async def test_of_two_moderators_who_press_at_once_one_agrees(running, consequences):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    peer = await running.write(peers.asked, **asking())
    answers = await asyncio.gather(
        *(running.write(peers.confirm, by=mo, peer_id=peer) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 19
    assert [fact for fact in consequences.facts if isinstance(fact, PeerAgreed)][1:] == []


async def test_pressing_and_being_asked_at_once_ends_in_an_agreement_whoever_is_first(running):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    hosts = [f"oak{number}.example" for number in range(20)]
    known = [await running.write(peers.propose, by=mo, host=host) for host in hosts]
    for peer, host in zip(known, hosts, strict=True):
        await running.write(peers.found, peer_id=peer, **letters(host))
    await asyncio.gather(
        *(running.write(peers.confirm, by=mo, peer_id=peer) for peer in known),
        *(running.write(peers.asked, **asking(host, groups=[])) for host in hosts),
    )
    assert {one.state for one in await running.read(peers.all_peers)} == {PeerState.AGREED}


# -- what they grant us -----------------------------------------------------------------------------------------------


def test_their_word_lets_us_read_them_and_names_what_we_did_not_know(database, elm, mo, clock):
    peer = found(database, mo)
    grant_us(database, clock, peer, elm)
    assert granted(database, peer, ours=False) == {"public", "neighbours", "direct"}
    assert reads_oak(database, elm)
    assert database.look(neighbourhoods.get, oak_id(database)).name == "oak"
    confirm(database, mo, peer)
    ask(database)
    assert database.look(neighbourhoods.get, oak_id(database)).name == "Oak"


def test_their_newer_word_replaces_the_older_whole_and_an_older_one_nothing(database, elm, mo, clock):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm)
    before = clock.now()
    clock.move(DAY)
    grant_us(database, clock, peer, elm, pairs=[(LANE, elm), (LANE, 99)])
    assert (reads_oak(database, elm), reads_oak(database, elm, LANE)) == (False, True)
    grant_us(database, clock, peer, elm, updated_at=before, scopes=[])
    assert (reads_oak(database, elm), reads_oak(database, elm, LANE)) == (False, True)
    assert "neighbours" in granted(database, peer, ours=False)


def test_who_grants_less_than_neighbours_neither_shows_nor_is_shown_anything_next_door(database, elm, mo, clock):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm)
    grant_us(database, clock, peer, elm, trust=Trust.FEDIVERSE, scopes=["public"])
    assert granted(database, peer, ours=False) == {"public"}
    assert granted(database, peer, ours=True) == {"public"}, "nobody is told what they cannot answer"
    assert not reads_oak(database, elm)
    assert database.look(neighbourhoods.readers_of, elm) == []
    grant_us(database, clock, peer, elm)
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"], "our word stood all the time"
    assert granted(database, peer, ours=True) == {"public", "neighbours", "direct"}


def test_nobody_grants_us_what_we_did_not_ask_for(database, elm, mo, clock):
    peer = agreed(database, mo)
    database.transact(peers.end, by=mo, peer_id=peer)
    with pytest.raises(Conflict):
        grant_us(database, clock, peer, elm)
    with pytest.raises(NotFound):
        grant_us(database, clock, 99, elm)
    assert not reads_oak(database, elm)


# -- separate ways ----------------------------------------------------------------------------------------------------


def parted(database, elm, peer):
    return (
        not reads_oak(database, elm)
        and database.look(neighbourhoods.readers_of, elm) == []
        and not granted(database, peer, ours=True)
        and not granted(database, peer, ours=False)
    )


def test_a_moderator_says_no_once(database, elm, mo, consequences):
    peer = ask(database)
    database.transact(peers.reject, by=mo, peer_id=peer)
    assert state(database, peer) is PeerState.REFUSED
    assert consequences.facts[-1] == PeerRefused(object=peer)
    with pytest.raises(Conflict):
        database.transact(peers.reject, by=mo, peer_id=peer)
    with pytest.raises(Conflict):
        confirm(database, mo, peer)


def test_who_was_refused_may_ask_again(database, mo):
    peer = ask(database)
    database.transact(peers.reject, by=mo, peer_id=peer)
    assert ask(database) == peer
    assert state(database, peer) is PeerState.ASKED_US


@pytest.mark.parametrize("by_us", [True, False])
def test_an_end_stops_both_ways_whoever_said_it(database, elm, mo, clock, consequences, by_us):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm)
    if by_us:
        database.transact(peers.end, by=mo, peer_id=peer)
        with pytest.raises(Conflict):
            database.transact(peers.end, by=mo, peer_id=peer)
    else:
        database.transact(peers.ended, peer_id=peer)
    assert state(database, peer) is PeerState.ENDED
    assert parted(database, elm, peer)
    assert [fact for fact in consequences.facts if isinstance(fact, PeerEnded)] == [PeerEnded(object=peer, by_us=by_us)]


def test_a_no_of_theirs_ends_what_there_was_and_needs_a_new_comparison(database, elm, mo, clock, consequences):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm)
    database.transact(peers.rejected, peer_id=peer)
    assert state(database, peer) is PeerState.REFUSED
    assert parted(database, elm, peer)
    ask(database, key="z2")
    assert state(database, peer) is PeerState.ASKED_US
    assert parted(database, elm, peer)


def test_after_an_end_the_letters_are_compared_anew(database, elm, mo):
    peer = agreed(database, mo)
    database.transact(peers.end, by=mo, peer_id=peer)
    assert propose(database, mo) == peer
    assert state(database, peer) is PeerState.LOOKING
    database.transact(peers.found, peer_id=peer, **letters(key="z2"))
    confirm(database, mo, peer)
    assert state(database, peer) is PeerState.FOUND, "their old asking does not count"
    ask(database, key="z2", number=2)
    assert state(database, peer) is PeerState.AGREED


def test_giving_up_the_search_tells_nobody(database, mo, consequences):
    peer = propose(database, mo)
    database.transact(peers.end, by=mo, peer_id=peer)
    assert state(database, peer) is PeerState.ENDED
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerEnded)]


def test_an_agreement_lasts_a_year_and_then_a_moderator_is_asked(database, elm, mo, clock, consequences):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm, valid_until=clock.now() + 366 * DAY)
    clock.move(365 * DAY - DAY)
    assert database.transact(peers.lapse_due) == 0
    clock.move(DAY)
    assert granted(database, peer, ours=True, now=clock.now()) == frozenset()
    assert database.transact(peers.lapse_due) == 1
    assert granted(database, peer, ours=True) == frozenset()
    assert database.look(neighbourhoods.readers_of, elm) == []
    assert reads_oak(database, elm), "theirs lasts a day longer"
    assert consequences.facts[-1] == PeerAsked(object=peer)
    confirm(database, mo, peer)
    assert state(database, peer) is PeerState.AGREED
    clock.move(DAY)
    assert database.transact(peers.lapse_due) == 1
    assert not reads_oak(database, elm)
    assert state(database, peer) is PeerState.AGREED
    assert database.transact(peers.lapse_due) == 0
