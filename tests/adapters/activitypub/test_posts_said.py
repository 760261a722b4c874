"""What is said of posts has the shape of the recorded documents, and their values where the post is the same."""

import json
from typing import Any

import pytest

from fedhood.adapters.activitypub import outbox, sayings
from fedhood.adapters.activitypub.actors import group, person
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import posts
from fedhood.core.posts.tables import PostTable, VersionTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Gone, NotFound
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import (
    NINE,
    World,
    add_post,
    at,
    build,
    comparable,
    deliveries,
    whole,
)
from tests.support.clocks import FakeClock

NAMES = {"1001": "01JDNBR", "1002": "01JDPUB", "2001": "01JDSCREPLY", "2002": "01JDREPLY"}
BORDER = "https://elm.example/ap/notes/01JDNBR"
SWAP = "https://elm.example/ap/notes/01JDPUB"
ANSWER = "Thank you, we will fill some bottles tonight."


def last_said(database: Database, world: World) -> dict[str, Any]:
    delivery = database.look(deliveries)[-1]
    return whole(database.look(sayings.say, world.addresses, delivery)[1])


def border(uow: UnitOfWork, world: World, **also: Any) -> int:
    return add_post(uow, 1001, world.alice, world.elm, (world.elm, world.oak), **also)


def swap(uow: UnitOfWork, world: World, **also: Any) -> int:
    text = "Book swap at the library this weekend."
    return add_post(uow, 1002, world.alice, world.elm, (world.elm, world.oak), audience="public", text=text, **also)


def test_a_post_for_neighbours_is_announced_around_the_resident_s_own_create(
    database: Database, clock: FakeClock
) -> None:
    world = build(database)
    clock.set(NINE)
    database.transact(border, world)
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("13"))


def test_each_layer_is_signed_by_whose_word_it_is(database: Database) -> None:
    world = build(database)
    database.transact(border, world)
    database.transact(outbox.post_published, post_id=1001, version=1)
    key, saying = database.look(sayings.say, world.addresses, database.look(deliveries)[0])
    assert key == "announce-post-create-1001-1"
    assert saying.actor == group(world.elm)
    assert saying.inner is not None
    assert saying.inner.actor == person(world.alice)
    assert saying.document["id"] == "https://elm.example/ap/activities/announce-post-create-1001-1"
    assert saying.inner.document["id"] == "https://elm.example/ap/activities/post-create-1001-1"


def test_the_home_is_named_first_and_the_others_in_the_order_of_their_ids(database: Database) -> None:
    world = build(database, "oak")
    database.transact(add_post, 1001, world.bob, world.oak, (world.elm, world.oak))
    database.transact(outbox.post_published, post_id=1001, version=1)
    assert last_said(database, world)["to"] == [
        "https://oak.example/ap/groups/oak",
        "https://elm.example/ap/groups/elm",
    ]


def test_an_edit_says_the_new_text_and_when(database: Database, clock: FakeClock) -> None:
    world = build(database)
    edited = at("2026-11-22T09:10:00")
    clock.set(edited)
    text = "Water main work on the Elm/Oak border tomorrow 9-13."
    database.transact(lambda uow: border(uow, world, text=text, version=2, edited_at=edited))
    database.transact(outbox.post_edited, post_id=1001, version=2)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("17a"))


def test_a_create_still_says_the_first_text_after_an_edit(database: Database) -> None:
    world = build(database)
    database.transact(lambda uow: border(uow, world, text="later", version=2, edited_at=at("2026-11-22T09:10:00")))
    database.transact(
        lambda uow: VersionTable.insert(post=1001, version=1, text="first", language="en", until=NINE).execute(uow.db)
    )
    database.transact(outbox.post_published, post_id=1001, version=1)
    note = last_said(database, world)["object"]["object"]
    assert note["content"] == "<p>first</p>"
    assert "updated" not in note


def test_a_removal_leaves_a_tombstone(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(border, world)
    database.transact(outbox.post_published, post_id=1001, version=1)
    clock.set(at("2026-11-23T18:00:00"))
    database.transact(lambda uow: PostTable.update(deleted_at=uow.now, text="").execute(uow.db))
    database.transact(outbox.post_deleted, post_id=1001)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("17b"))
    with pytest.raises(Gone):
        database.look(sayings.say, world.addresses, database.look(deliveries)[0])


def test_a_public_post_is_announced_with_the_whole_create_inside(database: Database, clock: FakeClock) -> None:
    world = build(database)
    clock.set(NINE)
    database.transact(swap, world)
    database.transact(outbox.post_published, post_id=1002, version=1)
    said = comparable(last_said(database, world), NAMES)
    recorded = comparable(golden.document("11"))
    for one in (said, recorded):
        for member in ("content", "contentMap", "tag"):  # the recorded one has a hashtag, which posts here have not yet
            one["object"]["object"].pop(member, None)
    assert said == recorded
    assert said["object"] == {**recorded["object"], "object": said["object"]["object"]}


def test_an_answer_to_a_peer_s_post_goes_to_its_home_alone(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    clock.set(at("2026-11-22T09:30:00"))
    database.transact(lambda uow: border(uow, world, uri=BORDER))
    database.transact(
        lambda uow: add_post(
            uow, 2001, world.bob, world.oak, (), root=1001, parent=1001, text=ANSWER, published_at=uow.now
        )
    )
    database.transact(outbox.replied, reply_id=2001)
    assert [one.verb for one in database.look(deliveries)] == ["reply.send"]
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("47"))


def test_a_neighbour_s_answer_is_announced_exactly_as_it_was_signed(database: Database, clock: FakeClock) -> None:
    world = build(database)
    clock.set(at("2026-11-22T09:30:02"))
    received = golden.document("47")
    database.transact(border, world)
    database.transact(keep_received, world, received)
    database.transact(
        lambda uow: add_post(
            uow, 2001, world.bob, world.oak, (), root=1001, parent=1001, text=ANSWER, uri=received["object"]["id"]
        )
    )
    database.transact(outbox.replied, reply_id=2001)
    said = last_said(database, world)
    assert comparable(said, {"1001": "01JDNBR"}) == comparable(golden.document("48"))
    assert said["object"] == received


def keep_received(uow: UnitOfWork, world: World, document: dict[str, Any], uri: str = "https://oak.example/1") -> None:
    InboundTable.insert(
        uri=uri,
        peer=world.peer,
        signer=document["actor"],
        about=document["object"]["id"],
        scoped=True,
        body=json.dumps(document).encode(),
        received_at=uow.now,
        state="understood",
        next_at=uow.now,
    ).execute(uow.db)


def test_of_two_that_claim_the_same_answer_the_one_that_is_shown_is_announced(database: Database) -> None:
    world = build(database)
    received = golden.document("47")
    other = {**received, "object": {**received["object"], "content": "<p>Something else</p>"}}
    database.transact(border, world)
    database.transact(keep_received, world, received)
    database.transact(keep_received, world, other, "https://oak.example/2")
    database.transact(
        lambda uow: add_post(
            uow, 2001, world.bob, world.oak, (), root=1001, parent=1001, text=ANSWER, uri=received["object"]["id"]
        )
    )
    database.transact(outbox.replied, reply_id=2001)
    assert last_said(database, world)["object"] == received


def test_an_answer_of_which_nothing_is_kept_cannot_be_announced(database: Database) -> None:
    world = build(database)
    database.transact(border, world)
    uri = "https://oak.example/ap/notes/01JDSCREPLY"
    database.transact(add_post, 2001, world.bob, world.oak, (), root=1001, parent=1001, text=ANSWER, uri=uri)
    database.transact(outbox.replied, reply_id=2001)
    with pytest.raises(NotFound):
        last_said(database, world)


def test_a_resident_s_answer_in_a_thread_of_ours_is_announced_around_their_create(database: Database) -> None:
    world = build(database)
    database.transact(border, world)
    database.transact(add_post, 2001, world.alice, world.elm, (), root=1001, parent=1001, text="Thank you")
    database.transact(outbox.replied, reply_id=2001)
    said = last_said(database, world)
    recorded = golden.document("48")
    assert {*said} | {"proof"} == {*recorded}
    assert {*said["object"]} | {"proof"} == {*recorded["object"]}
    assert {*said["object"]["object"]} == {*recorded["object"]["object"]}
    assert said["object"]["fhFrom"] == "https://elm.example/ap/groups/elm"


def test_a_public_answer_names_whom_it_answers(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    clock.set(at("2026-11-22T09:30:00"))
    database.transact(lambda uow: swap(uow, world, uri=SWAP))
    database.transact(
        lambda uow: add_post(
            uow,
            2002,
            world.bob,
            world.oak,
            (),
            root=1002,
            parent=1002,
            audience="public",
            text="I will bring two boxes.",
            published_at=uow.now,
        )
    )
    database.transact(outbox.replied, reply_id=2002)
    said, recorded = comparable(last_said(database, world), NAMES), comparable(golden.document("40"))
    for one in (said, recorded):
        for member in ("content", "contentMap"):  # the recorded one repeats the name in its text
            del one["object"][member]
        del one["object"]["tag"][0]["name"]
    assert said == recorded


def test_thanks_for_a_scoped_post_name_the_neighbourhood_they_come_from(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    clock.set(at("2026-11-22T09:31:00"))
    database.transact(lambda uow: border(uow, world, uri=BORDER))
    database.transact(outbox.thanked, post_id=1001, account=world.bob)
    assert comparable(last_said(database, world)) == comparable(golden.document("49"))


def test_thanks_for_a_public_post_and_their_undo_go_to_who_is_thanked(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    clock.set(at("2026-11-22T09:31:00"))
    database.transact(lambda uow: swap(uow, world, uri=SWAP))
    database.transact(outbox.thanked, post_id=1002, account=world.bob)
    like = last_said(database, world)
    assert comparable(like) == comparable(golden.document("41"))
    clock.set(at("2026-11-22T09:32:00"))
    database.transact(outbox.thanks_taken_back, post_id=1002, account=world.bob)
    undo = last_said(database, world)
    assert comparable(undo) == comparable(golden.document("42"))
    assert undo["object"]["id"] == like["id"]
    assert undo["id"] == f"{like['id']}-undo"


def test_thanks_given_again_are_another_activity_and_tell_no_counter(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    database.transact(lambda uow: border(uow, world, uri=BORDER))
    database.transact(outbox.thanked, post_id=1001, account=world.bob)
    first = last_said(database, world)["id"]
    clock.set(at("2026-11-25T09:31:00"))
    database.transact(outbox.thanked, post_id=1001, account=world.bob)
    second = last_said(database, world)["id"]
    assert first != second
    assert "01JDB0BOB" in first


def test_a_note_that_is_asked_for_is_the_note_that_was_sent(database: Database) -> None:
    world = build(database)
    database.transact(border, world)
    database.transact(outbox.post_published, post_id=1001, version=1)
    post = database.look(posts.row, post_id=1001)
    note = database.look(sayings.posts.note_document, world.addresses, post)
    assert note == last_said(database, world)["object"]["object"]
