"""The servers next door: named, found, heard or not heard, and numbered."""

from __future__ import annotations

import asyncio

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.access import NOBODY, Role, Viewer
from fedhood.core.peers import PeerFound, PeerState, Trust
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from fedhood.kernel.jobs import JobTable
from tests.core.peering import (
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
    letters,
    oak_id,
    propose,
    state,
)
from tests.support.people import neighbourhood, resident

pytestmark = pytest.mark.both_databases


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("oak.example", "oak.example"),
        (" https://Oak.Example/whatever?x=1#y ", "oak.example"),
        ("http://oak.example.", "oak.example"),
        ("oak.example/n/oak", "oak.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://oak.localhost:8081/host", "oak.localhost:8081"),
    ],
)
def test_an_address_is_taken_as_people_paste_it(pasted, host):
    assert peers.host_of(pasted) == host


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "oak",
        "https://",
        "oak.example:8443",
        "https://ana@oak.example",
        "192.0.2.7",
        "https://192.0.2.7/",
        "0x7f.1",
        "127.0.0.0x1",
        "[2001:db8::1]",
        "https://[2001:db8::1",
        "oak..example",
        "-oak.example",
        "oak example",
        "oak.example\\@elm.example",
        "oak.localhost:0",
        "oak.localhost.example:80",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "℀.example",
        "\ud800.example",
    ],
)
def test_what_is_no_public_name_is_refused(pasted):
    with pytest.raises(Invalid) as refused:
        peers.host_of(pasted)
    assert refused.value.field == "host"


# -- looking for somebody ---------------------------------------------------------------------------------------------


def test_a_moderator_names_a_server_and_the_worker_looks_it_up(database, mo, consequences):
    peer = propose(database, mo, "https://oak.example/whatever")
    known = database.look(peers.by_host, OAK)
    assert (known.id, known.state, known.trust, known.fingerprint) == (peer, PeerState.LOOKING, Trust.NEIGHBOUR, None)
    (job,) = database.look(lambda db: list(JobTable.select().execute(db)))
    assert (job.kind, job.details) == ("peer.discover", {"peer": peer})
    assert propose(database, mo) == peer, "asked again, it is looked up again"
    assert not [fact for fact in consequences.facts if fact.kind.startswith("peer.")], "nobody was asked yet"


def test_our_own_address_is_no_neighbour(database, mo):
    with pytest.raises(Invalid) as refused:
        propose(database, mo, "https://ELM.example/")
    assert refused.value.code == "own-host"


@pytest.mark.parametrize("act", ["propose", "confirm", "reject", "end"])
def test_only_those_who_may_peer_speak_with_other_servers(database, elm, mo, act):
    what = {"host": "ash.example"} if act == "propose" else {"peer_id": ask(database)}
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        with pytest.raises(refusal):
            database.transact(getattr(peers, act), by=by, **what)


def test_a_clerk_of_the_city_may_peer(database, elm, mo):
    clerk = Viewer(account=mo.account, rights=frozenset({(Role.CLERK, None)}))
    assert database.transact(peers.propose, by=clerk, host=OAK, trust=Trust.NEIGHBOUR)


def test_who_was_found_is_asked_once(database, mo, consequences):
    peer = found(database, mo)
    database.transact(peers.found, peer_id=peer, **letters())
    known = database.look(peers.get, peer)
    assert (known.state, known.fingerprint, known.capabilities) == (
        PeerState.FOUND,
        "AAAA-z1",
        ["https://w3id.org/fedhood/cap/scopes-v1"],
    )
    assert [fact for fact in consequences.facts if isinstance(fact, PeerFound)] == [PeerFound(object=peer)]


def test_why_somebody_was_not_found_is_shown_until_they_are(database, mo):
    peer = propose(database, mo)
    database.transact(peers.not_found, peer_id=peer, reason="no-nodeinfo")
    assert database.look(peers.get, peer).last_error == "no-nodeinfo"
    database.transact(peers.found, peer_id=peer, **letters())
    assert database.look(peers.get, peer).last_error is None


# -- who asks and may not ---------------------------------------------------------------------------------------------


def test_another_key_than_the_confirmed_one_is_refused(database, elm, mo):
    peer = agreed(database, mo)
    with pytest.raises(Conflict):
        ask(database, key="z2")
    with pytest.raises(Conflict):
        database.transact(peers.found, peer_id=peer, **letters(key="z2"))
    assert database.look(peers.get, peer).multikey == "z1"


def test_a_server_speaks_for_its_own_neighbourhoods_alone(database, elm, mo, clock):
    foreign = "https://ash.example/ap/groups/ash"
    with pytest.raises(Invalid):
        ask(database, groups=[{"uri": foreign, "key": "ash", "name": "Ash"}])
    peer = agreed(database, mo)
    with pytest.raises(Invalid):
        grant_us(database, clock, peer, elm, pairs=[(foreign, elm)])
    assert database.look(neighbourhoods.by_uri, foreign) is None


@pytest.mark.parametrize("trust", [Trust.FEDIVERSE, Trust.UNKNOWN, Trust.BLOCKED])
def test_nobody_asks_to_be_less_than_a_neighbour(database, trust):
    with pytest.raises(Invalid):
        ask(database, trust=trust)


def test_who_is_blocked_is_not_heard(database, mo):
    peer = ask(database)
    database.transact(
        lambda uow: PeerTable.update(trust=Trust.BLOCKED.value).where(PeerTable.id == peer).execute(uow.db)
    )
    with pytest.raises(Forbidden):
        ask(database)


def test_at_most_twenty_strangers_wait_for_an_answer(database, elm, mo):
    waiting = [ask(database, host=f"oak{number}.example", groups=[]) for number in range(20)]
    with pytest.raises(TooMany):
        ask(database)
    assert ask(database, host="oak3.example", groups=[]) == waiting[3], "who waits may ask again"
    database.transact(peers.reject, by=mo, peer_id=waiting[0])
    assert ask(database)
    with pytest.raises(TooMany):
        ask(database, host="oak0.example", groups=[])


def test_at_most_three_of_one_registered_name_wait_for_an_answer(database, elm, mo):
    for number in range(3):
        ask(database, host=f"n{number}.evil.example", groups=[])
    for host in ("n4.evil.example", "a.b.evil.example", "evil.example"):
        with pytest.raises(TooMany):
            ask(database, host=host, groups=[])
    assert ask(database), "others have their own room"
    database.transact(peers.reject, by=mo, peer_id=database.look(peers.by_host, "n0.evil.example").id)
    assert ask(database, host="n4.evil.example", groups=[])


def test_who_was_a_neighbour_or_was_looked_for_finds_room(database, elm, mo):
    former, looked_for = agreed(database, mo), found(database, mo, "ash.example")
    database.transact(peers.end, by=mo, peer_id=former)
    for number in range(20):
        ask(database, host=f"oak{number}.example", groups=[])
    assert ask(database, number=2) == former
    assert ask(database, host="ash.example", groups=[]) == looked_for


async def test_of_many_strangers_who_ask_at_once_no_more_than_the_most_wait(running):
    hosts = [f"oak{number}.example" for number in range(30)]
    answers = await asyncio.gather(
        *(running.write(peers.asked, **asking(host, groups=[])) for host in hosts), return_exceptions=True
    )
    assert sum(isinstance(one, TooMany) for one in answers) == 10


# -- the rest ---------------------------------------------------------------------------------------------------------


async def test_everything_sent_to_a_peer_has_a_number_of_its_own_without_a_gap(running):
    one = await running.write(peers.asked, **asking())
    other = await running.write(peers.asked, **asking("ash.example", groups=[]))
    numbers = await asyncio.gather(*(running.write(peers.next_in_streams, [one]) for _ in range(50)))
    assert sorted(numbers) == [[(one, 1, number, False)] for number in range(1, 51)]
    assert await running.write(peers.next_in_streams, [other, one]) == [(one, 1, 51, False), (other, 1, 1, False)]
    with pytest.raises(NotFound):
        await running.write(peers.next_in_streams, [one, 99])
    assert await running.write(peers.next_in_streams, [one]) == [(one, 1, 52, False)]


def test_a_number_goes_back_with_the_transaction_that_failed(database):
    peer = ask(database)

    def fail(uow):
        peers.next_in_streams(uow, [peer])
        raise Conflict

    with pytest.raises(Conflict):
        database.transact(fail)
    assert database.transact(peers.next_in_streams, [peer]) == [(peer, 1, 1, False)]


def test_it_is_known_which_peer_hosts_which_place(database, elm, mo):
    peer = ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}])
    confirm(database, mo, peer)
    lane = database.look(neighbourhoods.by_uri, LANE).id
    hosting = database.look(peers.hosting, [elm, oak_id(database), lane])
    assert {host: sorted(places) for host, places in hosting.items()} == {peer: sorted([oak_id(database), lane])}


def test_who_keeps_the_only_neighbourhood_agrees_for_the_server(database, mo):
    assert database.look(peers.keepers) == [mo.account]
    assert state(database, agreed(database, mo)) is PeerState.AGREED


def test_who_keeps_one_of_several_neighbourhoods_does_not_agree_for_the_others(database, mo):
    asking_us, there = ask(database), found(database, mo, host="ash.example")
    lane = neighbourhood(database, "Lane")
    lou = resident(database, "Lou", lane, moderator=True)
    for who in (mo, lou):
        for act in (
            lambda by: propose(database, by, "fir.example"),
            lambda by: confirm(database, by, there),
            lambda by: database.transact(peers.reject, by=by, peer_id=asking_us),
            lambda by: database.transact(peers.end, by=by, peer_id=there),
        ):
            with pytest.raises(Forbidden):
                act(who)
    assert database.look(peers.keepers) == []

    keeper = for_all(database, lou)
    assert database.look(peers.keepers) == [lou.account]
    confirm(database, keeper, asking_us)
    assert state(database, asking_us) is PeerState.AGREED
    database.transact(peers.end, by=keeper, peer_id=asking_us)


@pytest.mark.parametrize("state", list(PeerState))
def test_a_server_is_blocked_from_wherever_the_two_stand_and_may_ask_again_when_it_is_let(database, mo, state):
    peer = database.transact(peers.propose, by=mo, host="oak.example")
    database.transact(lambda uow: PeerTable.update(state=state.value).execute(uow.db))
    database.transact(peers.block, by=mo, peer_id=peer)
    assert database.look(peers.get, peer).trust is Trust.BLOCKED
    with pytest.raises(Conflict):
        database.transact(peers.block, by=mo, peer_id=peer)
    database.transact(peers.unblock, by=mo, peer_id=peer)
    assert database.look(peers.get, peer).trust is Trust.UNKNOWN
    with pytest.raises(Conflict):
        database.transact(peers.unblock, by=mo, peer_id=peer)
