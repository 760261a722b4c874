"""The city's list: put together by a clerk, followed by a neighbourhood, and answered by a person or not at all."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from fedhood.core import neighbourhoods, peers
from fedhood.core.access import NOBODY
from fedhood.core.peers import Change, ListChanged, Listed, PeerState, Trust
from fedhood.core.peers.tables import ListedTable
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from fedhood.kernel.jobs import JobTable
from tests.core.peering import DAY, GROUP, OAK, agreed, ask, asking, confirm, state
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases

CITY = "city.example"
HERE = "elm.example"


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


def with_server(database, mo, host, *groups, key="z1"):
    """A neighbourhood's server, as a city agrees with it."""
    listed = [{"uri": f"https://{host}/ap/groups/{one}", "key": one, "name": one.title()} for one in groups]
    peer = ask(database, host=host, groups=listed, trust=Trust.CITY, key=key)
    confirm(database, mo, peer)
    return peer


# -- publishing -------------------------------------------------------------------------------------------------------


def published(database):
    found = database.look(peers.published)
    return [] if found is None else [(one.host, one.fingerprint, one.groups) for one in found.entries]


def put(database, by, *which):
    database.transact(peers.put_on_list, by=by, peers=which or None)


def test_a_clerk_puts_those_on_the_list_with_whom_the_city_agreed(database, mo, clock):
    oak = with_server(database, mo, OAK, "oak", "lane")
    with_server(database, mo, "ash.example", "ash")
    assert database.look(peers.published) is None
    put(database, mo, oak)
    groups = ("https://oak.example/ap/groups/lane", "https://oak.example/ap/groups/oak")
    assert published(database) == [(OAK, "AAAA-z1", groups)]
    put(database, mo)
    assert [host for host, *_ in published(database)] == ["ash.example", OAK]
    database.transact(peers.take_off_list, by=mo, host=OAK)
    assert [host for host, *_ in published(database)] == ["ash.example"]
    database.transact(peers.take_off_list, by=mo, host="ash.example")
    assert database.look(peers.published).entries == ()


def test_each_other_list_is_later_than_the_one_before_and_the_same_is_none(database, mo, clock):
    oak, ash = with_server(database, mo, OAK, "oak"), with_server(database, mo, "ash.example", "ash")
    put(database, mo, oak)
    first = database.look(peers.published)
    put(database, mo, oak)
    database.transact(peers.take_off_list, by=mo, host="fir.example")
    assert database.look(peers.published) == first
    put(database, mo, ash)
    second = database.look(peers.published)
    assert second.updated_at >= first.updated_at + timedelta(seconds=1)


def test_only_who_is_agreed_with_under_letters_that_stand_comes_on_the_list(database, mo):
    oak = with_server(database, mo, OAK, "oak")
    asking_only = ask(database, host="ash.example", groups=[], trust=Trust.CITY)
    with pytest.raises(Conflict):
        put(database, mo, oak, asking_only)
    with pytest.raises(NotFound):
        put(database, mo, 99)
    database.transact(peers.key_seen_changed, peer_id=oak, multikey="z2", public_key_pem="PEM", fingerprint="AAAA-z2")
    with pytest.raises(Conflict):
        put(database, mo, oak)
    put(database, mo)
    assert published(database) == []


def test_only_who_may_agree_keeps_the_list(database, elm, mo):
    oak = with_server(database, mo, OAK, "oak")
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        with pytest.raises(refusal):
            put(database, by, oak)
        with pytest.raises(refusal):
            database.transact(peers.take_off_list, by=by, host=OAK)
    assert published(database) == []


def test_a_list_has_an_end(database, mo, monkeypatch):
    monkeypatch.setattr("fedhood.core.peers.publishing.MOST_LISTED", 1)
    with_server(database, mo, OAK, "oak")
    with_server(database, mo, "ash.example", "ash")
    with pytest.raises(Invalid) as refused:
        put(database, mo)
    assert refused.value.code == "too-long"
    assert published(database) == []


async def test_two_clerks_at_once_both_find_their_place(running):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    known = []
    for number in range(8):
        known.append(await running.write(peers.asked, **asking(f"o{number}.example", groups=[], trust=Trust.CITY)))
        await running.write(peers.confirm, by=mo, peer_id=known[-1])
    await asyncio.gather(*(running.write(peers.put_on_list, by=mo, peers=[one]) for one in known))
    assert len((await running.read(peers.published)).entries) == 8


# -- following --------------------------------------------------------------------------------------------------------


@pytest.fixture
def city(database, mo):
    peer = ask(database, host=CITY, groups=[], trust=Trust.CITY)
    confirm(database, mo, peer)
    return peer


@pytest.fixture
def followed(database, mo, city):
    database.transact(peers.follow_list, by=mo, peer_id=city)
    return city


def listed(host, key="z1", *groups):
    return Listed(
        host=host,
        name=host.partition(".")[0].title(),
        actor_uri=f"https://{host}/ap/instance",
        fingerprint=f"AAAA-{key}",
        groups=groups,
    )


def says(database, clock, city, *entries, digest=None, at=None):
    database.transact(
        peers.list_arrived,
        peer_id=city,
        our_host=HERE,
        entries=list(entries),
        updated_at=at or clock.now(),
        digest=digest or repr(entries),
    )


def proposed(database):
    return [(one.change, one.host) for one in database.look(peers.proposals)]


def answer(database, by, city, host, change, *, yes, fingerprint="AAAA-z1"):
    return database.transact(
        peers.answer,
        by=by,
        city=city,
        host=host,
        change=change,
        fingerprint=fingerprint,
        yes=yes,
        our_host=HERE,
    )


def reading_jobs(database):
    return sum(job.kind == "peer.list" for job in database.look(lambda db: list(JobTable.select().execute(db))))


def test_a_list_is_followed_by_choice_and_read_once_a_day(database, mo, city, clock):
    assert database.transact(peers.read_lists_due) == 0
    for _ in range(2):
        database.transact(peers.follow_list, by=mo, peer_id=city)
    assert reading_jobs(database) == 1
    database.transact(peers.read_list, by=mo, peer_id=city)
    assert reading_jobs(database) == 1, "once a minute at most"
    clock.move(timedelta(hours=23))
    assert database.transact(peers.read_lists_due) == 0
    clock.move(timedelta(hours=1))
    assert database.transact(peers.read_lists_due) == 1
    assert reading_jobs(database) == 2
    database.transact(peers.leave_list, by=mo, peer_id=city)
    assert database.look(peers.followed_lists) == []
    with pytest.raises(NotFound):
        database.transact(peers.read_list, by=mo, peer_id=city)


def test_only_the_list_of_a_city_that_was_agreed_with_is_followed(database, mo, clock):
    oak = agreed(database, mo)
    with pytest.raises(Conflict):
        database.transact(peers.follow_list, by=mo, peer_id=oak)
    asking_only = ask(database, host=CITY, groups=[], trust=Trust.CITY)
    with pytest.raises(Conflict):
        database.transact(peers.follow_list, by=mo, peer_id=asking_only)


def test_only_who_may_agree_follows_a_list_and_answers_it(database, elm, mo, followed, clock):
    says(database, clock, followed, listed("birch.example"))
    for by, refusal in ((NOBODY, Unauthenticated), (resident(database, "Ana", elm), Forbidden)):
        for act in (peers.follow_list, peers.leave_list, peers.read_list):
            with pytest.raises(refusal):
                database.transact(act, by=by, peer_id=followed)
        with pytest.raises(refusal):
            answer(database, by, followed, "birch.example", Change.JOINED, yes=True)
    assert database.look(peers.by_host, "birch.example") is None


# -- what it says -----------------------------------------------------------------------------------------------------


def test_who_is_on_the_list_is_proposed_and_nothing_follows_by_itself(database, mo, followed, clock, consequences):
    agreed(database, mo)
    before = len(database.look(peers.all_peers))
    says(database, clock, followed, listed("birch.example"), listed(OAK), listed(HERE))
    assert proposed(database) == [(Change.JOINED, "birch.example")], "not ourselves, and not whom we know"
    assert consequences.facts[-1] == ListChanged(object=followed)
    assert len(database.look(peers.all_peers)) == before
    birch = answer(database, mo, followed, "birch.example", Change.JOINED, yes=True)
    assert state(database, birch) is PeerState.LOOKING
    assert database.look(peers.get, birch).trust is Trust.NEIGHBOUR
    assert database.look(peers.get, birch).fingerprint is None, "its letters are read from it, and compared by people"
    assert proposed(database) == []


def test_no_is_an_answer_until_something_else_is_said(database, mo, followed, clock, consequences):
    says(database, clock, followed, listed("birch.example"))
    answer(database, mo, followed, "birch.example", Change.JOINED, yes=False)
    assert proposed(database) == []
    clock.move(DAY)
    told = len(consequences.facts)
    says(database, clock, followed, listed("birch.example"), listed(OAK))
    answer(database, mo, followed, OAK, Change.JOINED, yes=False)
    assert proposed(database) == []
    assert [type(fact) for fact in consequences.facts[told:]] == [ListChanged]
    clock.move(DAY)
    says(database, clock, followed, listed("birch.example", "z2"), listed(OAK))
    assert proposed(database) == [(Change.JOINED, "birch.example")], "under other letters it is another question"


def test_other_letters_than_the_pinned_ones_never_replace_them(database, mo, followed, clock):
    oak = agreed(database, mo)
    says(database, clock, followed, listed(OAK, "z2"))
    assert proposed(database) == [(Change.LETTERS, OAK)]
    with pytest.raises(Conflict):
        answer(database, mo, followed, OAK, Change.LETTERS, yes=True, fingerprint="AAAA-z2")
    answer(database, mo, followed, OAK, Change.LETTERS, yes=False, fingerprint="AAAA-z2")
    one = database.look(peers.get, oak)
    assert (one.multikey, one.fingerprint, one.state, one.suspended_at) == ("z1", "AAAA-z1", PeerState.AGREED, None)
    assert proposed(database) == []
    assert database.look(peers.letters_listed, OAK) == [(followed, "AAAA-z2")]


def test_who_left_the_list_stays_a_neighbour_until_somebody_ends_it(database, mo, followed, clock):
    oak = agreed(database, mo)
    says(database, clock, followed, listed(OAK), listed("birch.example"))
    clock.move(DAY)
    says(database, clock, followed)
    assert proposed(database) == [(Change.LEFT, OAK)], "of strangers that leave nothing is to be answered"
    assert database.look(lambda db: [row.host for row in ListedTable.select().execute(db)]) == [OAK]
    answer(database, mo, followed, OAK, Change.LEFT, yes=False)
    assert (state(database, oak), proposed(database)) == (PeerState.AGREED, [])
    clock.move(DAY)
    says(database, clock, followed, listed(OAK))
    clock.move(DAY)
    says(database, clock, followed, digest="empty again")
    assert proposed(database) == [], "it was answered"


def test_yes_to_who_left_ends_what_was_agreed(database, elm, mo, followed, clock):
    oak = agreed(database, mo)
    says(database, clock, followed, listed(OAK))
    clock.move(DAY)
    says(database, clock, followed)
    assert answer(database, mo, followed, OAK, Change.LEFT, yes=True) == oak
    assert state(database, oak) is PeerState.ENDED
    assert database.look(neighbourhoods.readers_of, elm) == []


def test_who_is_blocked_or_was_refused_is_not_proposed_again(database, mo, followed, clock):
    oak, ash = ask(database), ask(database, host="ash.example", groups=[])
    database.transact(peers.block, by=mo, peer_id=oak)
    database.transact(peers.reject, by=mo, peer_id=ash)
    says(database, clock, followed, listed(OAK, "z2"), listed("ash.example"))
    assert proposed(database) == []


def test_an_older_list_another_one_of_the_same_moment_and_one_of_tomorrow_are_refused(database, followed, clock):
    says(database, clock, followed, listed(OAK))
    says(database, clock, followed, listed(OAK))
    for at, code in (
        (clock.now() - timedelta(seconds=1), "list-older"),
        (clock.now(), "list-other"),
        (clock.now() + timedelta(hours=25), "list-future"),
    ):
        with pytest.raises(Invalid) as refused:
            says(database, clock, followed, listed("evil.example"), at=at)
        assert refused.value.code == code
    assert proposed(database) == [(Change.JOINED, OAK)]


def test_why_a_list_could_not_be_read_is_kept_until_it_can(database, followed, clock):
    database.transact(peers.list_missed, peer_id=followed, reason="no-list")
    (one,) = database.look(peers.followed_lists)
    assert (one.trouble, one.fetched_at) == ("no-list", None)
    says(database, clock, followed, listed(OAK))
    (one,) = database.look(peers.followed_lists)
    assert (one.trouble, one.fetched_at, one.updated_at) == (None, clock.now(), clock.now())


def test_a_list_that_is_not_followed_any_more_says_nothing(database, mo, followed, clock):
    database.transact(peers.leave_list, by=mo, peer_id=followed)
    says(database, clock, followed, listed(OAK))
    assert proposed(database) == []


def test_what_is_not_proposed_is_not_answered(database, mo, followed, clock):
    says(database, clock, followed, listed("birch.example"))
    for host, change, letters in (
        (OAK, Change.JOINED, "AAAA-z1"),
        ("birch.example", Change.LEFT, "AAAA-z1"),
        ("birch.example", Change.JOINED, "AAAA-z2"),
    ):
        with pytest.raises(Conflict):
            answer(database, mo, followed, host, change, yes=True, fingerprint=letters)
    assert database.look(peers.by_host, "birch.example") is None


async def test_of_two_who_answer_at_once_one_is_heard(running, clock):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    city = await running.write(peers.asked, **asking(CITY, groups=[], trust=Trust.CITY))
    await running.write(peers.confirm, by=mo, peer_id=city)
    await running.write(peers.follow_list, by=mo, peer_id=city)
    await running.write(
        peers.list_arrived,
        peer_id=city,
        our_host=HERE,
        entries=[listed("birch.example")],
        updated_at=clock.now(),
        digest="one",
    )
    how = {"city": city, "host": "birch.example", "change": Change.JOINED, "fingerprint": "AAAA-z1", "our_host": HERE}
    answers = await asyncio.gather(
        *(running.write(peers.answer, by=mo, yes=yes, **how) for yes in (True, False, False)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 2


def test_a_group_that_is_told_later_comes_on_the_list_with_the_next_word(database, mo):
    oak = with_server(database, mo, OAK, "oak")
    put(database, mo)
    more = {"uri": "https://oak.example/ap/groups/new", "key": "new", "name": "New"}
    database.transact(
        peers.asked,
        **asking(OAK, trust=Trust.CITY, number=2, groups=[{"uri": GROUP, "key": "oak", "name": "Oak"}, more]),
    )
    entry = database.look(lambda db: peers.entry_of(db, peers.get(db, oak)))
    assert more["uri"] in entry.groups
    assert dataclasses.replace(entry, groups=()).host == OAK
    put(database, mo, oak)
    assert more["uri"] in published(database)[0][2]
