"""Whether a server is still the same: another key is seen, announced, confirmed; or it is another hand."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.access import NOBODY
from fedhood.core.peers import (
    PeerEnded,
    PeerKeyAnnounced,
    PeerKeyChanged,
    PeerKeyConfirmed,
    PeerReplaced,
    PeerState,
)
from fedhood.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated
from fedhood.kernel.jobs import JobTable
from tests.core.peering import (
    DAY,
    GROUP,
    agreed,
    ask,
    asking,
    confirm,
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


@pytest.fixture
def peer(database, mo, elm, clock):
    known = agreed(database, mo)
    grant_us(database, clock, known, elm)
    return known


def key(name):
    return {"multikey": name, "public_key_pem": f"PEM {name}", "fingerprint": f"AAAA-{name}"}


def shows(database, peer, name="z2"):
    database.transact(peers.key_seen_changed, peer_id=peer, **key(name))


def announces(database, peer, name="z2"):
    database.transact(peers.key_announced, peer_id=peer, **key(name))


def match(database, by, peer, fingerprint="AAAA-z2"):
    database.transact(peers.confirm_key, by=by, peer_id=peer, fingerprint=fingerprint)


def known(database, peer):
    return database.look(peers.get, peer)


def jobs_of(database):
    return [job.kind for job in database.look(lambda db: list(JobTable.select().execute(db)))]


# -- seen -------------------------------------------------------------------------------------------------------------


def test_another_key_puts_everything_in_question_and_takes_nothing_over(database, elm, peer, clock, consequences):
    shows(database, peer)
    one = known(database, peer)
    assert (one.multikey, one.fingerprint, one.shown_fingerprint) == ("z1", "AAAA-z1", "AAAA-z2")
    assert one.suspended_at == clock.now()
    assert database.look(peers.is_suspended, peer)
    assert consequences.facts[-1] == PeerKeyChanged(object=peer)
    assert state(database, peer) is PeerState.AGREED
    assert reads_oak(database, elm), "what was told stays readable"


def test_the_same_other_key_is_told_once_and_a_third_one_anew(database, peer, consequences):
    for name in ("z2", "z2", "z3"):
        shows(database, peer, name)
    assert [fact for fact in consequences.facts if isinstance(fact, PeerKeyChanged)] == 2 * [
        PeerKeyChanged(object=peer)
    ]
    assert known(database, peer).shown_fingerprint == "AAAA-z3"


def test_the_agreed_key_shown_again_proves_nothing(database, mo, peer):
    shows(database, peer)
    database.transact(peers.seen, peer_id=peer, name="Oak")
    one = known(database, peer)
    assert (one.shown_fingerprint, database.look(peers.is_suspended, peer)) == ("AAAA-z1", True)
    with pytest.raises(Conflict):
        match(database, mo, peer, "AAAA-z2")
    match(database, mo, peer, "AAAA-z1")
    assert not database.look(peers.is_suspended, peer)


@pytest.mark.parametrize("how", ["ended", "asking", "found", "the same key"])
def test_of_whom_nothing_is_agreed_with_a_key_no_other_key_is_news(database, elm, mo, how, consequences):
    one = found(database, mo) if how == "found" else ask(database)
    if how in {"ended", "the same key"}:
        confirm(database, mo, one)
    if how == "ended":
        database.transact(peers.end, by=mo, peer_id=one)
    shows(database, one, "z1" if how == "the same key" else "z2")
    assert not database.look(peers.is_suspended, one)
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerKeyChanged)]


# -- compared again ---------------------------------------------------------------------------------------------------


def test_letters_that_match_again_are_the_key_from_then_on(database, elm, mo, peer, clock, consequences):
    shows(database, peer)
    clock.move(DAY)
    match(database, mo, peer)
    one = known(database, peer)
    assert (one.multikey, one.public_key_pem, one.fingerprint, one.agreed_key) == ("z2", "PEM z2", "AAAA-z2", "z2")
    assert (one.suspended_at, one.other_key, one.confirmed_at, one.agreed_at) == (None, None, clock.now(), clock.now())
    assert consequences.facts[-1] == PeerKeyConfirmed(object=peer, renewed=True)
    assert granted(database, peer, ours=True) == {"public", "neighbours", "direct"}
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"]
    with pytest.raises(Conflict) as refused:
        match(database, mo, peer)
    assert refused.value.code == "so-already"


def test_letters_that_changed_while_they_were_read_out_are_not_taken(database, mo, peer):
    shows(database, peer)
    shows(database, peer, "z3")
    with pytest.raises(Conflict) as refused:
        match(database, mo, peer, "AAAA-z2")
    assert refused.value.code == "key-changed"
    assert known(database, peer).multikey == "z1"


def test_only_who_may_agree_says_that_letters_match(database, elm, mo, peer):
    shows(database, peer)
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        with pytest.raises(refusal):
            match(database, by, peer)
        with pytest.raises(refusal):
            database.transact(peers.look, by=by, peer_id=peer)
    with pytest.raises(NotFound):
        match(database, mo, 99)
    match(database, None, peer)


async def test_of_many_who_press_at_once_one_is_heard(running, consequences):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    peer = await running.write(peers.asked, **asking())
    await running.write(peers.confirm, by=mo, peer_id=peer)
    await running.write(peers.key_seen_changed, peer_id=peer, **key("z2"))
    answers = await asyncio.gather(
        *(running.write(peers.confirm_key, by=mo, peer_id=peer, fingerprint="AAAA-z2") for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 9
    assert len([fact for fact in consequences.facts if isinstance(fact, PeerKeyConfirmed)]) == 1


def test_a_key_that_stayed_in_question_until_the_end_of_the_agreement_ends_it(database, mo, peer, clock, consequences):
    shows(database, peer)
    clock.move(366 * DAY)
    database.transact(peers.lapse_due)
    assert (state(database, peer), known(database, peer).suspended_at) == (PeerState.ENDED, None)
    assert consequences.facts[-1] == PeerEnded(object=peer, by_us=False)


@pytest.mark.parametrize("how", ["end", "ended", "rejected"])
def test_an_end_leaves_no_question(database, mo, peer, how):
    shows(database, peer)
    if how == "end":
        database.transact(peers.end, by=mo, peer_id=peer)
    else:
        database.transact(getattr(peers, how), peer_id=peer)
    assert (known(database, peer).suspended_at, known(database, peer).other_key) == (None, None)


# -- announced --------------------------------------------------------------------------------------------------------


def test_a_key_that_the_agreed_one_announces_takes_its_place_and_nothing_rests(
    database, elm, mo, peer, clock, consequences
):
    announces(database, peer)
    one = known(database, peer)
    assert (one.multikey, one.public_key_pem, one.fingerprint, one.agreed_key) == ("z2", "PEM z2", "AAAA-z2", "z2")
    assert not database.look(peers.is_suspended, peer)
    assert consequences.facts[-1] == PeerKeyAnnounced(object=peer, lifted=False)
    shows(database, peer, "z2")
    assert not database.look(peers.is_suspended, peer)
    told = len(consequences.facts)
    announces(database, peer)
    assert len(consequences.facts) == told
    database.transact(peers.end, by=mo, peer_id=peer)
    assert ask(database, key="z2", number=2) == peer
    confirm(database, mo, peer)
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerReplaced)], "it is the same server"


def test_a_key_that_was_seen_before_it_was_announced_is_in_question_no_longer(database, peer, consequences):
    shows(database, peer)
    announces(database, peer)
    assert not database.look(peers.is_suspended, peer)
    assert consequences.facts[-1] == PeerKeyAnnounced(object=peer, lifted=True)


def test_a_third_key_stays_in_question_whatever_else_is_announced(database, mo, peer):
    shows(database, peer, "z3")
    announces(database, peer, "z2")
    one = known(database, peer)
    assert (one.multikey, one.shown_fingerprint) == ("z2", "AAAA-z3")
    assert database.look(peers.is_suspended, peer)


# -- looking ----------------------------------------------------------------------------------------------------------


def test_each_neighbour_is_looked_up_four_times_a_day_and_nobody_else(database, elm, mo, peer, clock):
    found(database, mo, "ash.example")
    ask(database, host="fir.example", groups=[])
    before = len(jobs_of(database))
    assert database.transact(peers.look_due) == 1
    assert database.transact(peers.look_due) == 0
    clock.move(timedelta(hours=5))
    assert database.transact(peers.look_due) == 0
    clock.move(timedelta(hours=1))
    assert database.transact(peers.look_due) == 1
    assert jobs_of(database)[before:] == ["peer.look", "peer.look"]


def test_something_strange_has_a_server_looked_up_at_once_but_not_at_every_knock(database, mo, peer, clock):
    for _ in range(20):
        database.transact(peers.look_soon, peer_id=peer)
        database.transact(peers.look, by=mo, peer_id=peer)
    assert jobs_of(database).count("peer.look") == 1
    clock.move(timedelta(minutes=1))
    database.transact(peers.look_soon, peer_id=peer)
    assert jobs_of(database).count("peer.look") == 2


def test_since_when_nobody_is_found_is_kept_until_somebody_is(database, peer, clock):
    since = clock.now()
    for reason in ("unreachable", "tls"):
        database.transact(peers.missed, peer_id=peer, reason=reason)
        clock.move(DAY)
    one = known(database, peer)
    assert (one.missed_at, one.last_error) == (since, "tls")
    database.transact(peers.seen, peer_id=peer, name="Oak Hill")
    one = known(database, peer)
    assert (one.missed_at, one.last_error, one.name) == (None, None, "Oak Hill")


# -- another hand -----------------------------------------------------------------------------------------------------


def test_who_comes_under_a_known_name_with_another_key_reads_and_shows_nothing_of_before(
    database, elm, mo, peer, clock, consequences
):
    former = oak_id(database)
    database.transact(peers.end, by=mo, peer_id=peer)
    assert ask(database, key="z2", number=2) == peer
    grant_us(database, clock, peer, elm)
    assert known(database, peer).is_other_hand
    assert not reads_oak(database, elm), "nobody here has said yes to them"
    assert not known(database, peer).may_take_back
    confirm(database, mo, peer)
    assert [fact for fact in consequences.facts if isinstance(fact, PeerReplaced)] == [PeerReplaced(object=peer)]
    assert oak_id(database) != former, "another neighbourhood under the same address"
    assert database.look(neighbourhoods.get, former).uri == GROUP, "what was told to it names it still"
    assert reads_oak(database, elm)
    assert not database.look(neighbourhoods.may_read, writer=elm, reader=former)
    assert not database.look(neighbourhoods.may_read, writer=former, reader=elm)
    assert [one.id for one in database.look(neighbourhoods.of_peer, peer)] == [oak_id(database)]
    assert known(database, peer).agreed_key == "z2"


def test_the_same_hand_that_comes_again_is_not_another(database, elm, mo, peer, consequences):
    former = oak_id(database)
    database.transact(peers.end, by=mo, peer_id=peer)
    ask(database, key="z2", number=2)
    ask(database, key="z1", number=3)
    confirm(database, mo, peer)
    assert oak_id(database) == former
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerReplaced)]


def test_a_stranger_under_a_known_name_whom_nobody_answers_changes_nothing(database, elm, mo, peer, consequences):
    former = oak_id(database)
    database.transact(peers.end, by=mo, peer_id=peer)
    ask(database, key="z2", number=2)
    database.transact(peers.reject, by=mo, peer_id=peer)
    propose(database, mo)
    database.transact(peers.found, peer_id=peer, **letters(key="z3"))
    assert oak_id(database) == former
    assert not [fact for fact in consequences.facts if isinstance(fact, PeerReplaced)]
