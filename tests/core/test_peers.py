"""The servers next door: found, compared, agreed, changed, ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import NOBODY, Role, Viewer
from fedhood.core.peers import PeerAgreed, PeerAsked, PeerEnded, PeerFound, PeerRefused, PeerState, Trust
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated
from fedhood.kernel.jobs import JobTable
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases
DAY = timedelta(days=1)
OAK = "oak.example"
GROUP = f"https://{OAK}/ap/groups/oak"
LANE = f"https://{OAK}/ap/groups/lane"
GROUPS = [{"uri": GROUP, "key": "oak", "name": "Oak"}]


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


def letters(host=OAK, key="z1"):
    return {
        "name": host,
        "actor_uri": f"https://{host}/ap/instance",
        "inbox": f"https://{host}/ap/instance/inbox",
        "shared_inbox": f"https://{host}/ap/inbox",
        "peer_inbox": f"https://{host}/ap/instance/peer-inbox",
        "multikey": key,
        "public_key_pem": f"PEM {key}",
        "fingerprint": f"AAAA-{key}",
        "capabilities": ["https://w3id.org/fedhood/cap/scopes-v1"],
    }


def asking(host=OAK, key="z1", groups=GROUPS, trust=Trust.NEIGHBOUR, number=1):
    follow = f"https://{host}/ap/activities/follow-{number}"
    return {**letters(host, key), "host": host, "follow_uri": follow, "trust": trust, "groups": list(groups)}


def ask(database, **what):
    return database.transact(peers.asked, **asking(**what))


def propose(database, mo, host=OAK):
    return database.transact(peers.propose, by=mo, host=host, our_host="elm.example")


def found(database, mo):
    peer = propose(database, mo)
    database.transact(peers.found, peer_id=peer, **letters())
    return peer


def confirm(database, mo, peer, **how):
    database.transact(peers.confirm, by=mo, peer_id=peer, **how)


def agreed(database, mo):
    peer = ask(database)
    confirm(database, mo, peer)
    return peer


def state(database, peer):
    return database.look(peers.get, peer).state


def oak_id(database):
    return database.look(neighbourhoods.by_uri, GROUP).id


def granted(database, peer, *, ours, now=None):
    return database.look(peers.grants, peer_id=peer, ours=ours, now=now)


def grant_us(database, clock, peer, elm, **what):
    values = {
        "trust": Trust.NEIGHBOUR,
        "scopes": ["public", "neighbours", "direct"],
        "pairs": [(GROUP, elm)],
        "valid_until": clock.now() + 365 * DAY,
        "updated_at": clock.now(),
        **what,
    }
    database.transact(peers.their_agreement, peer_id=peer, **values)


def reads_oak(database, elm, uri=GROUP):
    writer = database.look(neighbourhoods.by_uri, uri)
    return writer is not None and database.look(neighbourhoods.may_read, writer=writer.id, reader=elm)


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
    birch = neighbourhood(database, "Birch")
    peer = ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}])
    confirm(database, mo, peer, pairs=[(birch, LANE), (elm, "https://ash.example/ap/groups/ash"), (99, GROUP)])
    assert [one.name for one in database.look(neighbourhoods.readers_of, birch)] == ["Lane"]
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_without_a_choice_all_of_ours_are_read_by_all_of_theirs(database, elm, mo):
    birch = neighbourhood(database, "Birch")
    confirm(database, mo, ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}]))
    for ours in (elm, birch):
        assert [one.name for one in database.look(neighbourhoods.readers_of, ours)] == ["Lane", "Oak"]


def test_the_choice_of_nobody_is_not_the_choice_of_everybody(database, elm, mo):
    confirm(database, mo, ask(database), pairs=[])
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_a_choice_made_before_they_asked_is_remembered(database, elm, mo):
    birch = neighbourhood(database, "Birch")
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


def test_without_the_scope_of_neighbours_no_pair_of_theirs_counts(database, elm, mo, clock):
    peer = agreed(database, mo)
    grant_us(database, clock, peer, elm)
    grant_us(database, clock, peer, elm, trust=Trust.FEDIVERSE, scopes=["public"])
    assert granted(database, peer, ours=False) == {"public"}
    assert not reads_oak(database, elm)
    assert [one.name for one in database.look(neighbourhoods.readers_of, elm)] == ["Oak"], "ours is ours to say"


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


# -- the rest ---------------------------------------------------------------------------------------------------------


async def test_everything_sent_to_a_peer_has_a_number_of_its_own_without_a_gap(running):
    one = await running.write(peers.asked, **asking())
    other = await running.write(peers.asked, **asking("ash.example", groups=[]))
    numbers = await asyncio.gather(*(running.write(peers.next_in_stream, one) for _ in range(50)))
    assert sorted(numbers) == [(1, number) for number in range(1, 51)]
    assert await running.write(peers.next_in_stream, other) == (1, 1)
    with pytest.raises(NotFound):
        await running.write(peers.next_in_stream, 99)


def test_a_number_goes_back_with_the_transaction_that_failed(database):
    peer = ask(database)

    def fail(uow):
        peers.next_in_stream(uow, peer)
        raise Conflict

    with pytest.raises(Conflict):
        database.transact(fail)
    assert database.transact(peers.next_in_stream, peer) == (1, 1)


def test_it_is_known_which_peer_hosts_which_place(database, elm, mo):
    peer = ask(database, groups=[*GROUPS, {"uri": LANE, "key": "lane", "name": "Lane"}])
    confirm(database, mo, peer)
    lane = database.look(neighbourhoods.by_uri, LANE).id
    hosting = database.look(peers.hosting, [elm, oak_id(database), lane])
    assert {host: sorted(places) for host, places in hosting.items()} == {peer: sorted([oak_id(database), lane])}


def test_those_who_may_peer_are_found_to_be_told(database, mo):
    assert database.look(access.holders, access.Permission.PEER, None) == [mo.account]
