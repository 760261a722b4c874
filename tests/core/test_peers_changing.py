"""While an agreement stands: other pairs, less, and more again."""

from __future__ import annotations

import asyncio

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.access import NOBODY
from fedhood.core.peers import PeerChanged, Trust
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from tests.core.peering import (
    DAY,
    GROUP,
    GROUPS,
    LANE,
    ask,
    asking,
    confirm,
    for_all,
    grant_us,
    granted,
    oak_id,
    reads_oak,
)
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases

BOTH = [*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}]


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


@pytest.fixture
def peer(database, mo, elm, clock):
    """Oak and Lane live on one server; both ways is agreed with Oak."""
    known = ask(database, groups=BOTH)
    confirm(database, mo, known, pairs=[(elm, GROUP)])
    grant_us(database, clock, known, elm)
    return known


def readers(database, writer):
    return [one.name for one in database.look(neighbourhoods.readers_of, writer)]


def read_by(database, by, peer, writer, *uris, **how):
    database.transact(peers.change_readers, by=by, peer_id=peer, writer=writer, readers=uris, **how)


def ours(database, peer):
    return database.look(peers.agreement, peer, ours=True)


# -- who reads along --------------------------------------------------------------------------------------------------


def test_who_reads_along_is_changed_and_the_rest_of_the_agreement_stays(database, elm, mo, peer, clock, consequences):
    before = ours(database, peer)
    clock.move(DAY)
    read_by(database, mo, peer, elm, GROUP, LANE)
    assert readers(database, elm) == ["Lane", "Oak"]
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=True, more=True, less=False)
    read_by(database, mo, peer, elm, LANE)
    assert readers(database, elm) == ["Lane"]
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=True, more=False, less=True)
    after = ours(database, peer)
    assert (after.valid_until, after.scopes, after.trust) == (before.valid_until, before.scopes, before.trust)
    assert reads_oak(database, elm), "what they show us is theirs to say"


def test_the_same_again_changes_nothing_and_tells_nobody(database, elm, mo, peer, consequences):
    before, told = ours(database, peer), len(consequences.facts)
    read_by(database, mo, peer, elm, GROUP)
    assert (ours(database, peer), len(consequences.facts)) == (before, told)


def test_of_two_changes_in_one_moment_the_later_one_is_later_in_whole_seconds(database, elm, mo, peer):
    moments = []
    for uris in ([LANE], [GROUP], [GROUP, LANE]):
        read_by(database, mo, peer, elm, *uris)
        moments.append(ours(database, peer).updated_at.replace(microsecond=0))
    assert sorted(set(moments)) == moments


def test_nobody_at_all_may_be_the_choice(database, elm, mo, peer):
    read_by(database, mo, peer, elm)
    assert readers(database, elm) == []
    assert "neighbours" in granted(database, peer, ours=True)


def test_one_neighbourhood_is_not_changed_by_what_another_decides(database, elm, mo, peer):
    birch, both = neighbourhood(database, "Birch"), for_all(database, mo)
    read_by(database, both, peer, birch, LANE)
    assert (readers(database, elm), readers(database, birch)) == (["Oak"], ["Lane"])
    with pytest.raises(Forbidden):
        read_by(database, mo, peer, birch)
    read_by(database, mo, peer, elm, LANE)
    assert (readers(database, elm), readers(database, birch)) == (["Lane"], ["Lane"])


@pytest.mark.parametrize("uri", ["https://oak.example/ap/groups/nowhere", "https://ash.example/ap/groups/oak"])
def test_a_neighbourhood_that_is_not_theirs_is_refused(database, elm, mo, peer, uri):
    with pytest.raises(Invalid):
        read_by(database, mo, peer, elm, GROUP, uri)
    assert readers(database, elm) == ["Oak"]


def test_only_who_may_agree_for_it_changes_who_reads_a_neighbourhood(database, elm, mo, peer):
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        with pytest.raises(refusal):
            read_by(database, by, peer, elm)
    with pytest.raises(NotFound):
        read_by(database, mo, 99, elm)
    assert readers(database, elm) == ["Oak"]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(database, elm, mo, peer):
    seen = [oak_id(database)]
    read_by(database, mo, peer, elm, GROUP, LANE, was=seen)
    with pytest.raises(Conflict) as refused:
        read_by(database, mo, peer, elm, was=seen)
    assert refused.value.code == "changed"
    assert readers(database, elm) == ["Lane", "Oak"]
    read_by(database, mo, peer, elm, GROUP, LANE, was=seen)


def test_where_nothing_is_agreed_nobody_reads_along(database, elm, mo, peer, clock):
    database.transact(peers.end, by=mo, peer_id=peer)
    with pytest.raises(Conflict):
        read_by(database, mo, peer, elm, GROUP)
    city = ask(database, host="city.example", groups=[], trust=Trust.CITY)
    confirm(database, mo, city)
    with pytest.raises(Conflict):
        read_by(database, mo, city, elm)


def test_an_agreement_whose_time_is_over_is_not_changed(database, elm, mo, peer, clock):
    clock.move(366 * DAY)
    with pytest.raises(Conflict):
        read_by(database, mo, peer, elm, LANE)


# -- less, and more again ---------------------------------------------------------------------------------------------


def only_public(database, mo, peer, **how):
    database.transact(peers.grant, by=mo, peer_id=peer, trust=Trust.FEDIVERSE, **how)


def again(database, mo, peer, **how):
    database.transact(peers.grant, by=mo, peer_id=peer, trust=Trust.NEIGHBOUR, **how)


def test_who_is_shown_only_what_is_for_everyone_reads_nothing_next_door_and_is_not_read(
    database, elm, mo, peer, consequences
):
    only_public(database, mo, peer)
    assert granted(database, peer, ours=True) == {"public"}
    assert granted(database, peer, ours=False) == {"public"}
    assert (readers(database, elm), reads_oak(database, elm)) == ([], False)
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=True, more=False, less=True)
    with pytest.raises(Conflict) as refused:
        only_public(database, mo, peer)
    assert refused.value.code == "so-already"
    with pytest.raises(Conflict):
        read_by(database, mo, peer, elm, GROUP)


def test_to_be_neighbours_again_letters_are_compared_and_readers_chosen_anew(database, elm, mo, peer, consequences):
    only_public(database, mo, peer)
    with pytest.raises(Conflict) as refused:
        again(database, mo, peer, fingerprint="AAAA-z2")
    assert refused.value.code == "key-changed"
    again(database, mo, peer, fingerprint="AAAA-z1", pairs=[(elm, LANE)])
    assert readers(database, elm) == ["Lane"], "what was chosen before does not come back by itself"
    assert reads_oak(database, elm), "they had not changed their mind"
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=True, more=True, less=False)


def test_our_own_less_stays_whatever_they_say(database, elm, mo, peer, clock):
    only_public(database, mo, peer)
    clock.move(DAY)
    grant_us(database, clock, peer, elm)
    assert (readers(database, elm), reads_oak(database, elm)) == ([], False)


def test_the_city_is_no_neighbour_to_be_made_less_of(database, elm, mo):
    city = ask(database, host="city.example", groups=[], trust=Trust.CITY)
    confirm(database, mo, city)
    with pytest.raises(Conflict):
        only_public(database, mo, city)


@pytest.mark.parametrize("trust", [Trust.CITY, Trust.BLOCKED, Trust.UNKNOWN])
def test_nobody_becomes_something_else_by_it(database, mo, peer, trust):
    with pytest.raises(Invalid):
        database.transact(peers.grant, by=mo, peer_id=peer, trust=trust)


def test_only_who_may_agree_for_the_server_gives_less_or_more(database, elm, mo, peer):
    neighbourhood(database, "Birch")
    for by, refusal in ((NOBODY, Unauthenticated), (mo, Forbidden)):
        with pytest.raises(refusal):
            only_public(database, by, peer)
    only_public(database, None, peer)


def test_a_less_that_has_run_out_is_asked_anew_as_a_neighbour(database, elm, mo, peer, clock):
    only_public(database, mo, peer)
    clock.move(365 * DAY)
    database.transact(peers.lapse_due)
    confirm(database, mo, peer)
    assert ours(database, peer).trust is Trust.NEIGHBOUR


# -- what they change -------------------------------------------------------------------------------------------------


def test_their_other_word_is_told_once_and_an_equal_one_not_at_all(database, elm, mo, peer, clock, consequences):
    told = len(consequences.facts)
    grant_us(database, clock, peer, elm, valid_until=clock.now() + 500 * DAY)
    assert [fact for fact in consequences.facts[told:] if isinstance(fact, PeerChanged)] == []
    grant_us(database, clock, peer, elm, pairs=[(LANE, elm)])
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=False, more=True, less=True)
    grant_us(database, clock, peer, elm, trust=Trust.FEDIVERSE, scopes=["public"])
    assert consequences.facts[-1] == PeerChanged(object=peer, by_us=False, more=False, less=True)


# -- two at once ------------------------------------------------------------------------------------------------------


async def test_of_two_who_change_the_same_at_once_one_is_heard(running):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    peer = await running.write(peers.asked, **asking(groups=BOTH))
    await running.write(peers.confirm, by=mo, peer_id=peer, pairs=[(elm, GROUP)])
    seen = [(await running.read(neighbourhoods.by_uri, GROUP)).id]
    changes = [
        running.write(peers.change_readers, by=mo, peer_id=peer, writer=elm, readers=uris, was=seen)
        for uris in ([], [LANE])
    ]
    answers = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "NoneType"]


async def test_less_pressed_twice_at_once_is_done_once(running, consequences):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    peer = await running.write(peers.asked, **asking())
    await running.write(peers.confirm, by=mo, peer_id=peer)
    answers = await asyncio.gather(
        *(running.write(peers.grant, by=mo, peer_id=peer, trust=Trust.FEDIVERSE) for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 9
    assert await running.read(peers.grants, peer_id=peer, ours=True) == {"public"}
