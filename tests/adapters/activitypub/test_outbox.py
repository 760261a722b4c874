"""Who is told of what: rows in the transaction of the fact."""

import statistics
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import outbox, resting
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable
from fedhood.kernel.clock import monotonic
from fedhood.kernel.engine import Database, UnitOfWork
from tests.adapters.activitypub.next_door import (
    NINE,
    World,
    add_peer,
    add_place,
    add_post,
    add_request,
    build,
    deliveries,
    pair,
)
from tests.support.clocks import FakeClock


def told(database: Database) -> list[tuple[int, str, int, int]]:
    return [(one.peer, one.verb, one.object, one.version) for one in database.look(deliveries)]


def add_neighbour(uow: UnitOfWork, world: World, key: str) -> tuple[int, int]:
    """Another peer with one neighbourhood, paired with Elm both ways."""
    peer = add_peer(uow, f"{key}.example")
    place = add_place(uow, key, peer=peer)
    pair(uow, world.elm, place)
    pair(uow, place, world.elm)
    return peer, place


@pytest.mark.both_databases
def test_each_peer_that_hosts_a_place_gets_one_row_in_its_own_stream(database: Database) -> None:
    world = build(database)
    ash, place = database.transact(add_neighbour, world, "ash")
    for post_id in (1001, 1002):
        database.transact(add_post, post_id, world.alice, world.elm, (world.elm, world.oak, place))
        database.transact(outbox.post_published, post_id=post_id, version=1)
    rows = database.look(deliveries)
    assert [(one.peer, one.epoch, one.number, one.object) for one in rows] == [
        (world.peer, 1, 1, 1001),
        (world.peer, 1, 2, 1002),
        (ash, 1, 1, 1001),
        (ash, 1, 2, 1002),
    ]
    assert {(one.verb, one.version, one.attempts, one.activity) for one in rows} == {("post.create", 1, 0, None)}


def test_a_peer_that_hosts_no_named_place_hears_nothing(database: Database) -> None:
    world = build(database)
    ash, place = database.transact(add_neighbour, world, "ash")
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, place))
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert told(database) == [(ash, "post.create", 1001, 1)]


def test_what_is_for_one_neighbourhood_goes_nowhere(database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak), audience="neighbourhood")
    database.transact(outbox.post_published, post_id=1001, version=1)
    database.transact(outbox.post_edited, post_id=1001, version=2)
    database.transact(outbox.replied, reply_id=1001)
    database.transact(outbox.post_deleted, post_id=1001)
    assert told(database) == []


@pytest.mark.parametrize("lost", ["scope", "pair"])
def test_a_place_that_is_not_granted_any_more_hears_nothing_new(lost: str, database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    if lost == "scope":
        database.transact(lambda uow: AgreementTable.update(scopes=["public", "direct"]).execute(uow.db))
    else:
        database.transact(lambda uow: PairTable.update(until=uow.now).execute(uow.db))
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert told(database) == []


def test_what_the_peer_grants_us_does_not_open_what_is_ours(database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    ours = AgreementTable.ours == True  # noqa: E712 - a condition for the database
    database.transact(lambda uow: AgreementTable.delete().where(ours).execute(uow.db))
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert told(database) == []


def test_a_removal_goes_to_everyone_who_was_told_whatever_is_agreed_now(database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    database.transact(outbox.post_published, post_id=1001, version=1)
    database.transact(lambda uow: AgreementTable.delete().execute(uow.db))
    database.transact(lambda uow: PairTable.update(until=uow.now).execute(uow.db))
    database.transact(outbox.post_edited, post_id=1001, version=2)
    database.transact(outbox.post_deleted, post_id=1001)
    assert told(database) == [(world.peer, "post.create", 1001, 1), (world.peer, "post.delete", 1001, 0)]


def test_a_request_s_removal_goes_to_everyone_who_was_told(database: Database) -> None:
    world = build(database)
    database.transact(add_request, 1003, world)
    database.transact(outbox.help_changed, post_id=1003, revision=1)
    database.transact(outbox.help_changed, post_id=1003, revision=2)
    database.transact(lambda uow: AgreementTable.delete().execute(uow.db))
    database.transact(outbox.help_deleted, post_id=1003)
    assert [one[1:] for one in told(database)] == [
        ("help.create", 1003, 1),
        ("help.update", 1003, 2),
        ("help.delete", 1003, 0),
    ]


def test_answers_in_our_thread_are_told_to_its_places_and_ours_elsewhere_to_its_home(database: Database) -> None:
    world = build(database)
    ash, place = database.transact(add_neighbour, world, "ash")
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak, place))
    reply = {"root": 1001, "parent": 1001}
    database.transact(lambda uow: add_post(uow, 2001, world.bob, world.oak, (), uri="https://oak.example/n/1", **reply))
    database.transact(outbox.replied, reply_id=2001)
    uri = "https://oak.example/n/2"
    database.transact(lambda uow: add_post(uow, 1002, world.bob, world.oak, (world.elm, world.oak), uri=uri))
    database.transact(lambda uow: add_post(uow, 2002, world.alice, world.elm, (), root=1002, parent=1002))
    database.transact(outbox.replied, reply_id=2002)
    database.transact(outbox.post_edited, post_id=2002, version=2)
    database.transact(outbox.post_deleted, post_id=2002)
    assert told(database) == [
        (world.peer, "reply.announce", 2001, 1),
        (world.peer, "reply.send", 2002, 1),
        (world.peer, "post.update", 2002, 2),
        (world.peer, "post.delete", 2002, 0),
        (ash, "reply.announce", 2001, 1),
    ]


def test_thanks_among_ourselves_are_nobody_else_s_business(database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    database.transact(outbox.thanked, post_id=1001, account=world.alice)
    database.transact(outbox.thanks_taken_back, post_id=1001, account=world.alice)
    assert told(database) == []


def test_when_an_agreement_ends_only_removals_still_go(database: Database) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    database.transact(outbox.post_published, post_id=1001, version=1)
    database.transact(outbox.post_deleted, post_id=1001)
    database.transact(resting.drop_all, peer_id=world.peer)
    database.transact(outbox.peer_ended, peer_id=world.peer)
    rows = database.look(lambda db: [(one.verb, one.state) for one in DeliveryTable.select().execute(db)])
    assert rows == [("post.create", "dropped"), ("post.delete", "waiting"), ("peer.undo", "waiting")]


def test_the_worker_is_woken_by_the_row(database: Database) -> None:
    world = build(database)
    woken: list[bool] = []
    database.on_wake = lambda: woken.append(True)
    database.transact(outbox.peer_found, peer_id=world.peer)
    assert woken == [True]
    assert told(database) == [(world.peer, "peer.follow", world.peer, 0)]


def test_a_row_costs_little(database: Database) -> None:
    """60 µs is the bar on a quick machine; a busy one may take ten times as long before this fails."""
    world = build(database)

    def many(uow: UnitOfWork) -> float:
        times = []
        for _ in range(200):
            began = monotonic()
            outbox.deliver(uow, world.peer, "post.create", 1001, 1)
            times.append(monotonic() - began)
        return statistics.median(times)

    assert database.transact(many) < 600e-6


@pytest.mark.both_databases
def test_an_agreement_that_ran_out_grants_nothing(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak))
    clock.set(NINE + timedelta(days=365) - timedelta(seconds=1))
    database.transact(outbox.post_published, post_id=1001, version=1)
    clock.move(timedelta(seconds=1))
    database.transact(outbox.post_edited, post_id=1001, version=2)
    assert told(database) == [(world.peer, "post.create", 1001, 1)]


def test_telling_five_peers_costs_little(database: Database) -> None:
    """0.4 ms is the bar on a quick machine; a busy one may take ten times as long before this fails."""
    world = build(database)
    places = [
        place for _, place in (database.transact(add_neighbour, world, key) for key in ("ash", "fir", "yew", "box"))
    ]
    database.transact(add_post, 1001, world.alice, world.elm, (world.elm, world.oak, *places))

    def many(uow: UnitOfWork) -> float:
        times = []
        for _ in range(50):
            began = monotonic()
            outbox.post_published(uow, post_id=1001, version=1)
            times.append(monotonic() - began)
        return statistics.median(times)

    assert database.transact(many) < 4e-3
    assert len(told(database)) == 5 * 50
