"""What is said to people on other software has the shape of the recorded documents, and what is scoped never is."""

from dataclasses import replace
from typing import Any

import pytest

from fedhood.adapters.activitypub import deliver, outbox, outbox_followers, sayings, streams
from fedhood.adapters.activitypub.actors import group, person
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import visitors
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Gone, Invalid
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import NINE, World, add_post, build, comparable
from tests.support.clocks import FakeClock

MO = "https://elsewhere.example/users/mo"


def follow(uow: UnitOfWork, world: World, name: str = "mo", host: str = "elsewhere.example", **also: Any) -> int:
    who = f"https://{host}/users/{name}"
    shared = f"https://{host}/inbox"
    said = {"actor": who, "host": host, "inbox": f"{who}/inbox", "endpoint": shared, "uri": f"{who}/did/1"}
    follower = visitors.follow(uow, neighbourhood=world.elm, **{**said, **also})
    version = visitors.row(uow.db, follower).version
    outbox_followers.follower_answered(uow, follower_id=follower, version=version, accepted=True)
    return follower


def letters(db: Any) -> list[Delivery]:
    rows = DeliveryTable.select().order_by(DeliveryTable.peer, DeliveryTable.epoch, DeliveryTable.number)
    return [
        Delivery(row.peer, row.epoch, row.number, row.verb, row.object, row.version, 0, row.activity, row.inbox)
        for row in rows.execute(db)
    ]


def swap(uow: UnitOfWork, world: World, **also: Any) -> int:
    return add_post(uow, 1002, world.alice, world.elm, (world.elm,), **{"audience": "public", **also})


def test_yes_has_the_recorded_shape_and_is_the_neighbourhoods(database: Database) -> None:
    world = build(database)
    follower = database.transact(follow, world)
    (letter,) = database.look(letters)
    assert letter.inbox == f"{MO}/inbox"
    key, saying = database.look(sayings.say, world.addresses, letter)
    recorded = golden.document("12b")
    assert saying.document == {
        **{name: value for name, value in recorded.items() if name != "proof"},
        "id": f"https://elm.example/ap/activities/follower-accept-{follower}-1",
    }
    assert (key, saying.actor) == (letter.activity, group(world.elm))


def test_who_was_answered_anew_is_not_answered_twice(database: Database) -> None:
    world = build(database)
    database.transact(follow, world)
    database.transact(follow, world, uri=f"{MO}/did/2")
    first, second = database.look(letters)
    with pytest.raises(Gone):
        database.look(sayings.say, world.addresses, first)
    assert database.look(sayings.say, world.addresses, second)[1].document["object"]["id"] == f"{MO}/did/2"


def test_a_public_post_is_announced_by_its_address_and_its_author_is_introduced(
    database: Database, clock: FakeClock
) -> None:
    world = build(database)
    clock.set(NINE)
    database.transact(follow, world)
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    letter = database.look(letters)[-1]
    assert letter.inbox == "https://elsewhere.example/inbox"
    key, saying = database.look(sayings.say, world.addresses, letter)
    recorded = golden.document("12")
    del recorded["proof"]
    assert saying.document == {
        **recorded,
        "id": f"https://elm.example/ap/activities/{key}",
        "object": "https://elm.example/ap/notes/1002",
        "published": "2026-11-22T09:00:00Z",
    }
    assert (saying.actor, saying.introduces) == (group(world.elm), (person(world.alice),))
    assert key == letter.activity


@pytest.mark.parametrize("audience", ["neighbourhood", "neighbours"])
def test_nothing_else_is_told_to_followers_and_could_not_be_said(database: Database, audience: str) -> None:
    world = build(database)
    database.transact(follow, world)
    (accept,) = database.look(letters)
    database.transact(swap, world, audience=audience)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    database.transact(outbox_followers.post_edited, post_id=1002, version=2)
    database.transact(outbox_followers.post_deleted, post_id=1002)
    assert database.look(letters) == [accept]
    for verb in outbox_followers.SAID:
        forged = Delivery(accept.peer, accept.epoch, accept.number, verb, 1002, 1, 0, None, accept.inbox)
        assert not database.look(streams.may_go, forged, NINE)
        with pytest.raises(Invalid, match=r"not for everyone|one neighbourhood"):
            database.look(sayings.say, world.addresses, forged)


def test_two_hundred_places_are_two_statements_and_each_gets_the_next_of_its_numbers(database: Database) -> None:
    world = build(database)

    def crowd(uow: UnitOfWork) -> None:
        for number in range(200):
            for name in ("mo", "li"):
                follow(uow, world, name, f"h{number}.example")

    database.transact(crowd)
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    told = [one for one in database.look(letters) if one.verb == outbox_followers.POST]
    assert len({one.inbox for one in told}) == len(told) == 200
    assert {one.number for one in told} == {3}


def test_a_host_without_a_shared_inbox_gets_a_letter_for_each(database: Database) -> None:
    world = build(database)
    for name in ("mo", "li", "jo"):
        database.transact(follow, world, name, endpoint=f"https://elsewhere.example/users/{name}/inbox")
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    told = [one for one in database.look(letters) if one.verb == outbox_followers.POST]
    assert [(one.number, one.inbox.rpartition("/users/")[2]) for one in told] == [
        (4, "jo/inbox"),
        (5, "li/inbox"),
        (6, "mo/inbox"),
    ]


def test_a_host_that_failed_for_a_week_gets_one_letter_at_a_time(database: Database) -> None:
    world = build(database)
    database.transact(follow, world)
    (accept,) = database.look(letters)
    database.transact(
        lambda uow: uow.db.execute_sql(
            f"INSERT INTO host (peer, failures, next_at, failed_days, refusals) VALUES ({accept.peer}, 9, 0, 7, 0)"
        )
    )
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    assert len(database.look(letters)) == 1, "the yes still waits, and is the trial"
    database.transact(lambda uow: DeliveryTable.update(state="done").execute(uow.db))
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    assert len(database.look(letters)) == 2


def test_who_reads_no_more_is_not_sent_what_waited(database: Database) -> None:
    world = build(database)
    database.transact(follow, world)
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    letter = database.look(letters)[-1]
    assert database.look(streams.may_go, letter, NINE)
    database.transact(visitors.unfollow, actor=MO, neighbourhood=world.elm)
    assert not database.look(streams.may_go, letter, NINE)


def test_what_is_hidden_meanwhile_does_not_go(database: Database) -> None:
    world = build(database)
    database.transact(follow, world)
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    letter = database.look(letters)[-1]
    database.transact(lambda uow: PostTable.update(hidden_at=uow.now).execute(uow.db))
    assert not database.look(streams.may_go, letter, NINE)


def test_an_edit_is_the_authors_own_word(database: Database, clock: FakeClock) -> None:
    world = build(database)
    clock.set(NINE)
    database.transact(follow, world)
    database.transact(swap, world)
    database.transact(outbox_followers.post_published, post_id=1002, version=1)
    database.transact(outbox_followers.post_edited, post_id=1002, version=1)
    saying = database.look(sayings.say, world.addresses, database.look(letters)[-1])[1]
    recorded = {**golden.document("10"), "type": "Update"}
    assert saying.actor == person(world.alice)
    assert comparable(saying.document).keys() == comparable(recorded).keys()
    assert saying.document["to"] == recorded["to"]
    assert saying.document["object"]["updated"] == "2026-11-22T09:00:00Z"


# -- neighbours come first ---------------------------------------------------------------------------------------------


def crowded(uow: UnitOfWork, world: World) -> None:
    for number in range(60):
        follow(uow, world, host=f"h{number}.example")
    swap(uow, world)
    outbox.deliver(uow, world.peer, "post.create", 1002, 1)


def test_a_neighbour_is_begun_with_before_any_server_of_followers(database: Database) -> None:
    world = build(database)
    database.transact(crowded, world)
    due = database.look(streams.due, NINE)
    assert (due[0].peer, due[0].stranger) == (world.peer, False)
    assert len(due) == 61
    assert all(one.stranger for one in due[1:])


def test_followers_never_have_all_the_places(database: Database) -> None:
    world = build(database)
    database.transact(crowded, world)
    neighbour, *strangers = database.look(streams.due, NINE)
    first = deliver._chosen(strangers, [])
    assert len(first) == deliver.MOST_STRANGERS < deliver.MOST_AT_ONCE
    assert deliver._chosen([neighbour, *strangers[len(first) :]], first) == [neighbour]


def test_dead_servers_of_followers_are_tried_a_few_at_a_time_and_after_neighbours(database: Database) -> None:
    world = build(database)
    database.transact(crowded, world)
    dead = [replace(one, troubled=True) for one in database.look(streams.due, NINE)]
    tried = deliver._chosen(dead, [])
    assert tried[0].peer == world.peer
    assert len(tried) == deliver.MOST_TRIALS
