"""An agreement comes to its end: told a month before, renewed by one press, or not."""

from __future__ import annotations

import asyncio

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.access import NOBODY
from fedhood.core.peers import PeerEnding, PeerRenewed, PeerState
from fedhood.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated
from tests.core.peering import DAY, LANE, agreed, asking, grant_us, granted, reads_oak, state
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


@pytest.fixture
def peer(database, mo, elm, clock):
    """Agreed both ways on the same day; theirs lasts three days longer."""
    known = agreed(database, mo)
    grant_us(database, clock, known, elm, valid_until=clock.now() + 368 * DAY)
    return known


def endings(consequences):
    return [fact for fact in consequences.facts if isinstance(fact, PeerEnding)]


def renew(database, by, peer):
    database.transact(peers.renew, by=by, peer_id=peer)


def ours(database, peer):
    return database.look(peers.agreement, peer, ours=True)


def test_it_is_told_a_month_before_and_once(database, peer, clock, consequences):
    clock.move(334 * DAY)
    assert database.transact(peers.warn_due) == 0
    clock.move(DAY)
    assert database.transact(peers.warn_due) == 1
    assert endings(consequences) == [PeerEnding(object=peer)]
    for _ in range(6):  # past the day on which theirs comes into its last month
        clock.move(DAY)
        assert database.transact(peers.warn_due) == 0
    assert len(endings(consequences)) == 1


def test_one_press_in_the_last_month_is_another_year_and_changes_nothing_else(
    database, elm, mo, peer, clock, consequences
):
    before = ours(database, peer)
    clock.move(340 * DAY)
    renew(database, mo, peer)
    after = ours(database, peer)
    assert after.valid_until == clock.now() + 365 * DAY
    assert (after.trust, after.scopes, after.pairs) == (before.trust, before.scopes, before.pairs)
    assert after.updated_at > before.updated_at
    assert consequences.facts[-1] == PeerRenewed(object=peer)
    clock.move(30 * DAY)
    assert database.transact(peers.lapse_due) == 1, "theirs, which is theirs to renew"
    assert state(database, peer) is PeerState.AGREED
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"]


def test_after_a_renewal_the_next_end_is_told_again(database, mo, peer, clock, consequences):
    clock.move(340 * DAY)
    database.transact(peers.warn_due)
    renew(database, mo, peer)
    clock.move(366 * DAY - 30 * DAY)
    database.transact(peers.lapse_due)
    assert database.transact(peers.warn_due) == 1
    assert len(endings(consequences)) == 2


def test_a_change_in_the_last_month_is_no_reason_to_tell_it_again(database, elm, peer, clock, mo, consequences):
    clock.move(340 * DAY)
    assert database.transact(peers.warn_due) == 1
    until = database.look(peers.agreement, peer, ours=False).valid_until
    database.transact(peers.change_readers, by=mo, peer_id=peer, writer=elm, readers=[])
    grant_us(database, clock, peer, elm, pairs=[(LANE, elm)], valid_until=until)
    assert database.transact(peers.warn_due) == 0


def test_there_is_nothing_to_renew_before_the_last_month_nor_after_the_end(database, mo, peer, clock):
    for days, code in ((0, "so-already"), (334, "so-already"), (32, "not-agreed")):
        clock.move(days * DAY)
        with pytest.raises(Conflict) as refused:
            renew(database, mo, peer)
        assert refused.value.code == code
    database.transact(peers.lapse_due)
    assert granted(database, peer, ours=True) == frozenset()
    assert state(database, peer) is PeerState.ASKED_US, "as the first time: letters, then a press"


def test_only_who_may_agree_renews(database, elm, mo, peer, clock):
    clock.move(340 * DAY)
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        with pytest.raises(refusal):
            renew(database, by, peer)
    with pytest.raises(NotFound):
        renew(database, mo, 99)
    renew(database, None, peer)


def test_what_both_granted_goes_on_without_a_gap_when_both_renew(database, elm, mo, peer, clock):
    clock.move(350 * DAY)
    renew(database, mo, peer)
    grant_us(database, clock, peer, elm, valid_until=clock.now() + 365 * DAY)
    clock.move(40 * DAY)
    assert database.transact(peers.lapse_due) == 0
    assert reads_oak(database, elm)
    assert "neighbours" in granted(database, peer, ours=True, now=clock.now())


async def test_of_two_who_press_at_once_one_renews(running, clock, consequences):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    peer = await running.write(peers.asked, **asking())
    await running.write(peers.confirm, by=mo, peer_id=peer)
    clock.move(340 * DAY)
    answers = await asyncio.gather(
        *(running.write(peers.renew, by=mo, peer_id=peer) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 9
    assert [fact for fact in consequences.facts if isinstance(fact, PeerRenewed)] == [PeerRenewed(object=peer)]
