"""Taking part in a city's hub: asked, accepted, left; what goes through is counted and known by addresses alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.core import hubs, neighbourhoods, peers, posts
from fedhood.core.access import Role, Viewer
from fedhood.core.hubs import MOST_A_DAY, Standing
from fedhood.core.hubs.tables import HubDayTable, HubPassageTable
from fedhood.core.peers import PeerState
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.errors import Conflict, Forbidden, NotFound, TooMany
from tests.core.test_city_messages import add_city

pytestmark = pytest.mark.both_databases


@pytest.fixture
def home(database):
    return database.transact(neighbourhoods.create, name="Elm")


@pytest.fixture
def city(database):
    def add(uow):
        peer = add_city(uow)
        named = {"name": "Mechelen (server)", "actor_uri": "https://city.example/ap/instance"}
        PeerTable.update(named).where(PeerTable.id == peer).execute(uow.db)
        return peer

    return database.transact(add)


def standing(database, city, home):
    return database.look(hubs.standing, peer_id=city, place=home)


def joined(database, home):
    return [one.name for one in database.look(hubs.joined_by, home, now=database.clock.now())]


def take_part(database, city, home):
    database.transact(hubs.ask, by=None, peer_id=city, place=home)
    (asked,) = database.look(hubs.asked_at, database.look(hubs.of_peer, city).id)
    database.transact(hubs.accepted, member_id=asked.id)
    return asked.id


def test_it_asks_is_accepted_leaves_and_may_come_back(database, city, home):
    assert standing(database, city, home) is None
    member = take_part(database, city, home)
    assert standing(database, city, home) is Standing.JOINED
    assert joined(database, home) == ["Mechelen"]
    database.transact(hubs.leave, by=None, peer_id=city, place=home)
    assert joined(database, home) == []
    # a yes that comes after that is nothing
    database.transact(hubs.accepted, member_id=member)
    assert standing(database, city, home) is Standing.LEFT
    take_part(database, city, home)
    assert joined(database, home) == ["Mechelen"]
    assert database.look(hubs.member, member).version == 3


def test_only_who_keeps_the_neighbourhood_decides(database, city, home):
    keeper = Viewer(account=1, neighbourhood=home, rights=frozenset({(Role.MODERATOR, home)}))
    for other in (
        Viewer(account=2, neighbourhood=home),
        Viewer(account=3, neighbourhood=9, rights=frozenset({(Role.MODERATOR, 9)})),
    ):
        with pytest.raises(Forbidden):
            database.transact(hubs.ask, by=other, peer_id=city, place=home)
    database.transact(hubs.ask, by=keeper, peer_id=city, place=home)
    with pytest.raises(Forbidden):
        database.transact(hubs.leave, by=Viewer(account=2, neighbourhood=home), peer_id=city, place=home)


@pytest.mark.parametrize(
    "change",
    [{"trust": "neighbour"}, {"state": "ended"}],
)
def test_without_the_city_there_is_nothing_to_take_part_in(database, city, home, change):
    take_part(database, city, home)
    database.transact(lambda uow: PeerTable.update(change).where(PeerTable.id == city).execute(uow.db))
    assert joined(database, home) == []
    with pytest.raises(Forbidden):
        database.transact(hubs.ask, by=None, peer_id=city, place=home)


@pytest.mark.parametrize("ours", [True, False])
def test_both_grant_it_or_it_is_not_offered(database, city, home, ours):
    take_part(database, city, home)
    database.transact(
        lambda uow: AgreementTable.update(scopes=["public"]).where(AgreementTable.ours == ours).execute(uow.db)
    )
    assert joined(database, home) == []


def test_when_it_ends_all_of_ours_and_theirs_leave(database, city, home):
    take_part(database, city, home)
    database.transact(hubs.peer_ended, peer_id=city)
    assert standing(database, city, home) is Standing.LEFT
    elm = database.transact(add_city, "elm.example")
    place = database.transact(
        neighbourhoods.remember, peer=elm, uri="https://elm.example/ap/groups/elm", key="elm", name="Elm"
    )
    database.transact(hubs.member_asks, place=place, uri="https://elm.example/ap/activities/1")
    assert database.look(hubs.members_at, now=database.clock.now()) == [elm]
    database.transact(hubs.peer_ended, peer_id=elm)
    assert database.look(hubs.members_at, now=database.clock.now()) == []
    assert not database.look(hubs.is_member, place)


def test_no_neighbourhood_is_called_like_a_hub(database):
    with pytest.raises(Conflict):
        database.transact(neighbourhoods.create, name="City-wide", key="citywide")


def test_what_goes_through_is_known_once_and_by_addresses_alone(database):
    one = {"uri": "https://elm.example/ap/activities/1", "about": "https://elm.example/ap/notes/1"}
    for _ in range(2):
        database.transact(hubs.pass_on, **one, actor="https://elm.example/ap/people/a", peer=1, place=1, act="Create")
    (found,) = database.look(hubs.about, one["about"])
    assert database.look(hubs.passage, found.id) == found
    assert database.look(hubs.passed_by, "https://elm.example/ap/people/a") == [found]
    assert {field.name for field in HubPassageTable._meta.sorted_fields} == {
        "id",
        "uri",
        "about",
        "actor",
        "peer",
        "place",
        "act",
        "at",
    }
    with pytest.raises(NotFound):
        database.look(hubs.passage, 1)


def test_a_day_has_room_for_so_much_and_the_next_for_as_much_again(database, clock):
    for _ in range(MOST_A_DAY):
        database.transact(hubs.count, hub=0, place=1)
    with pytest.raises(Forbidden):
        database.transact(hubs.count, hub=0, place=1)
    database.transact(hubs.count, hub=0, place=2)
    for _ in range(4):
        clock.move(timedelta(days=1))
        database.transact(hubs.count, hub=0, place=1)
    days = database.look(lambda db: HubDayTable.select().where(HubDayTable.place == 1).count(db))
    assert days <= 3, "old days are not kept"


def heard(database, host="birch.example", key="z1"):
    return database.transact(
        peers.heard_of,
        host=host,
        name="Birch",
        actor_uri=f"https://{host}/ap/instance",
        multikey=key,
        public_key_pem="p",
        fingerprint="f",
    )


def test_a_server_is_heard_of_and_may_become_more(database, home, monkeypatch):
    there = heard(database)
    assert (there.state, there.multikey) == (PeerState.HEARD, "z1")
    assert heard(database, key="z2").multikey == "z2"
    database.transact(peers.propose, by=None, host="birch.example")
    assert database.look(peers.get, there.id).state is PeerState.LOOKING
    assert heard(database, key="z3").multikey == "z2", "with more under way it stays as it is"
    monkeypatch.setattr("fedhood.core.peers.hearsay.MOST_HEARD", 1)
    heard(database, "a.example")
    with pytest.raises(TooMany):
        heard(database, "b.example")


def test_who_leaves_is_shown_nothing_of_others_and_all_of_their_own(database, city, home):
    take_part(database, city, home)
    hub = database.look(hubs.of_peer, city).id
    there = heard(database)
    birch = database.transact(
        neighbourhoods.remember, peer=there.id, uri="https://birch.example/ap/groups/birch", key="birch", name="Birch"
    )
    numbers = {}
    for name, of, places in (("theirs", birch, [birch, hub, home]), ("ours", home, [home, hub])):
        numbers[name] = database.transact(
            posts.mirror,
            uri=f"https://birch.example/ap/notes/{name}",
            kind=posts.Kind.NOTE,
            audience=posts.Audience.CITY,
            neighbourhood=of,
            author=1,
            places=places,
            text="Dag stad",
            language="nl",
            category=posts.Category.OTHER,
            published_at=database.clock.now(),
        )
    for parted in (True, False):
        database.transact(lambda uow, on: posts.part_from_city(uow.db, hub=hub, reader=home, parted=on), parted)
        theirs, ours = (database.look(posts.row, post_id=numbers[name]) for name in ("theirs", "ours"))
        assert theirs.is_told_to(home) is not parted
        assert ours.is_told_to(home)
