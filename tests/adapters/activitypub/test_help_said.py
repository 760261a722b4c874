"""What is said of help has the shape of the recorded documents, and their values where the help is the same."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fedhood.adapters.activitypub import outbox, sayings
from fedhood.core.help_requests.tables import (
    HelpRequestTable,
    MessageTable,
    OfferTable,
    PrivateThreadTable,
    RevisionTable,
)
from fedhood.core.moderation.tables import ReportTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Gone
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import (
    TEN,
    World,
    add_post,
    add_request,
    at,
    build,
    comparable,
    deliveries,
    whole,
)
from tests.support.clocks import FakeClock

NAMES = {"1003": "01JDHELP", "4001": "01JDAGR", "5001": "01JDPRIV1", "5002": "01JDPRIV2"}
HELP = "https://elm.example/ap/notes/01JDHELP"
AGREED = "https://elm.example/ap/agreements/01JDAGR"
OFFERED = "https://oak.example/ap/activities/01JDOFFER"
NOTE = "Elm Street 12, ring twice. The appointment is at nine at the clinic; I walk with a crutch. 0470 00 00 01"


def last_said(database: Database, world: World) -> dict[str, Any]:
    delivery = database.look(deliveries)[-1]
    return whole(database.look(sayings.say, world.addresses, delivery)[1])


def add_offer(uow: UnitOfWork, offer_id: int, request: int, world: World, **also: Any) -> int:
    values: dict[str, Any] = {"helper": world.bob, "text": "I can drive you, leaving 8:30.", "state": "waiting", **also}
    OfferTable.insert(
        id=offer_id,
        request=request,
        neighbourhood=world.oak,
        offered_at=uow.now,
        expires_at=uow.now + timedelta(hours=72),
        **values,
    ).execute(uow.db)
    return offer_id


def add_thread(uow: UnitOfWork, thread_id: int, offer: int, world: World, uri: str | None = None) -> int:
    PrivateThreadTable.insert(
        id=thread_id, offer=offer, request=1003, asker=world.alice, helper=world.bob, uri=uri, opened_at=uow.now
    ).execute(uow.db)
    return thread_id


def add_message(uow: UnitOfWork, message_id: int, author: int, text: str, **also: Any) -> int:
    MessageTable.insert(id=message_id, thread=4001, author=author, text=text, at=uow.now, **also).execute(uow.db)
    return message_id


def test_a_request_tells_its_line_and_never_its_note(database: Database, clock: FakeClock) -> None:
    world = build(database)
    clock.set(TEN)
    database.transact(add_request, 1003, world)
    database.transact(outbox.help_changed, post_id=1003, revision=1)
    assert [one.verb for one in database.look(deliveries)] == ["help.create"]
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("20"))


@pytest.mark.parametrize(
    ("number", "state", "revision", "when"),
    [
        ("24", "claimed", 2, "2026-11-22T10:25:01"),
        ("24b", "open", 3, "2026-11-23T07:05:00"),
        ("25", "resolved", 3, "2026-11-24T11:00:00"),
        ("27", "withdrawn", 2, "2026-11-23T08:00:00"),
        ("27b", "expired", 2, "2026-11-25T00:00:00"),
    ],
)
def test_a_change_of_state_says_the_state_of_its_revision(
    number: str, state: str, revision: int, when: str, database: Database, clock: FakeClock
) -> None:
    world = build(database)
    database.transact(add_request, 1003, world)
    clock.set(at(when))
    database.transact(change, state, revision)
    database.transact(outbox.help_changed, post_id=1003, revision=revision)
    clock.set(at(when) + timedelta(hours=1))
    database.transact(change, "withdrawn", revision + 1)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document(number))


def change(uow: UnitOfWork, state: str, revision: int) -> None:
    HelpRequestTable.update(state=state, revision=revision).execute(uow.db)
    RevisionTable.insert(post=1003, revision=revision, state=state, at=uow.now).execute(uow.db)


def test_a_request_that_was_removed_leaves_a_tombstone(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(add_request, 1003, world)
    database.transact(outbox.help_changed, post_id=1003, revision=1)
    clock.set(at("2026-12-24T00:00:00"))
    database.transact(lambda uow: PostTable.update(deleted_at=uow.now, text="").execute(uow.db))
    database.transact(outbox.help_deleted, post_id=1003)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("28"))
    with pytest.raises(Gone):
        database.look(sayings.say, world.addresses, database.look(deliveries)[0])


def from_oak(database: Database, clock: FakeClock, when: datetime) -> World:
    """Oak, where Bob offers help to Alice's request, which is Elm's."""
    world = build(database, "oak")
    clock.set(when)
    database.transact(lambda uow: add_request(uow, 1003, world, uri=HELP))
    return world


def test_an_offer_goes_from_the_helper_to_the_asker(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, at("2026-11-22T10:20:00"))
    database.transact(add_offer, 3001, 1003, world)
    database.transact(outbox.offer_sent, offer_id=3001)
    said = last_said(database, world)
    assert comparable(said) == comparable(golden.document("21"))
    assert said["id"] == "https://oak.example/ap/activities/offer-3001"


def test_an_offer_without_words_has_no_content(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, TEN)
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, text=""))
    database.transact(outbox.offer_sent, offer_id=3001)
    assert "content" not in last_said(database, world)


def test_an_offer_that_is_taken_back_names_the_offer(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, at("2026-11-23T07:00:00"))
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, state="withdrawn"))
    database.transact(outbox.offer_undone, offer_id=3001)
    said, recorded = last_said(database, world), comparable(golden.document("26b"))
    assert said["object"]["id"] == "https://oak.example/ap/activities/offer-3001"
    for member in ("content", "contentMap"):  # nobody is asked for words here
        del recorded[member]
    assert comparable(said) == recorded


def test_an_offer_taken_back_before_it_was_sent_is_not_sent(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, TEN)
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, state="withdrawn"))
    database.transact(outbox.offer_sent, offer_id=3001)
    with pytest.raises(Gone):
        last_said(database, world)


def answered(database: Database, clock: FakeClock, when: datetime) -> World:
    """Elm, where Alice has chosen Bob of Oak."""
    world = build(database)
    clock.set(when)
    database.transact(add_request, 1003, world)
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, state="accepted", uri=OFFERED))
    database.transact(add_thread, 4001, 3001, world)
    return world


def test_a_yes_carries_the_agreement(database: Database, clock: FakeClock) -> None:
    world = answered(database, clock, at("2026-11-22T10:25:00"))
    database.transact(outbox.offer_answered, offer_id=3001, accepted=True)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("22"))


def test_a_no_carries_no_words_that_nobody_wrote(database: Database, clock: FakeClock) -> None:
    world = build(database)
    clock.set(at("2026-11-22T10:26:00"))
    database.transact(add_request, 1003, world)
    uri = "https://oak.example/ap/activities/01JDOFFER2"
    also = {"helper": world.rol, "state": "refused", "reason": "someone-else", "uri": uri}
    database.transact(lambda uow: add_offer(uow, 3002, 1003, world, **also))
    database.transact(outbox.offer_answered, offer_id=3002, accepted=False)
    recorded = comparable(golden.document("23"))
    for member in ("content", "contentMap"):
        del recorded[member]
    assert comparable(last_said(database, world), NAMES) == recorded


def test_the_note_is_handed_to_the_helper_alone(database: Database, clock: FakeClock) -> None:
    world = answered(database, clock, at("2026-11-22T10:25:02"))
    database.transact(lambda uow: add_message(uow, 5001, world.alice, NOTE, part="note"))
    database.transact(outbox.message_said, message_id=5001)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("29a"))


def test_a_private_word_answers_the_last_of_the_other_one(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, at("2026-11-22T10:31:00"))
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, state="accepted"))
    database.transact(add_thread, 4001, 3001, world, AGREED)
    note = "https://elm.example/ap/notes/01JDPRIV1"
    database.transact(lambda uow: add_message(uow, 5001, world.alice, NOTE, part="note", uri=note))
    text = "I will be there at half past eight with the small red car."
    database.transact(lambda uow: add_message(uow, 5002, world.bob, text))
    database.transact(outbox.message_said, message_id=5002)
    assert comparable(last_said(database, world), NAMES) == comparable(golden.document("29b"))


def test_words_that_were_erased_are_not_said_any_more(database: Database, clock: FakeClock) -> None:
    world = answered(database, clock, TEN)
    database.transact(lambda uow: add_message(uow, 5001, world.alice, ""))
    database.transact(outbox.message_said, message_id=5001)
    with pytest.raises(Gone):
        last_said(database, world)


def test_the_helper_hears_that_help_came(database: Database, clock: FakeClock) -> None:
    world = answered(database, clock, at("2026-11-24T11:00:00"))
    database.transact(lambda uow: HelpRequestTable.update(outcome="with-neighbour").execute(uow.db))
    database.transact(outbox.help_confirmed, thread_id=4001)
    said, recorded = comparable(last_said(database, world), NAMES), comparable(golden.document("26"))
    assert said["object"].pop("id") == "https://elm.example/ap/receipts/01JDAGR"
    del recorded["object"]["id"]
    assert said == recorded


def test_help_that_came_otherwise_is_no_thanks_to_the_helper(database: Database, clock: FakeClock) -> None:
    world = answered(database, clock, TEN)
    database.transact(lambda uow: HelpRequestTable.update(outcome="otherwise").execute(uow.db))
    database.transact(outbox.help_confirmed, thread_id=4001)
    assert database.look(deliveries) == []
    assert world.peer


def report(uow: UnitOfWork, world: World, **also: Any) -> int:
    made: int = ReportTable.insert(
        neighbourhood=world.oak,
        reporter=world.bob,
        reported=world.alice,
        reason="private-details",
        filed_at=uow.now,
        state="open",
        **also,
    ).execute(uow.db)
    return made


def test_a_complaint_is_passed_on_by_the_server_without_the_reporter(database: Database, clock: FakeClock) -> None:
    world = build(database, "oak")
    clock.set(at("2026-11-22T12:00:00"))
    uri = "https://elm.example/ap/notes/01JDNBR"
    database.transact(lambda uow: add_post(uow, 1001, world.alice, world.elm, (world.elm, world.oak), uri=uri))
    report_id = database.transact(lambda uow: report(uow, world, post=1001, text="Posts a private phone number"))
    database.transact(outbox.reported, report_id=report_id)
    said, recorded = comparable(last_said(database, world)), comparable(golden.document("44"))
    recorded.pop("contentMap")  # nobody asked in which language somebody complains
    assert said.pop("fhCategory") == "private-details"
    assert said == recorded
    assert "01JDB0BOB" not in str(last_said(database, world))


def test_a_complaint_about_private_words_names_the_agreement(database: Database, clock: FakeClock) -> None:
    world = from_oak(database, clock, TEN)
    database.transact(lambda uow: add_offer(uow, 3001, 1003, world, state="accepted"))
    database.transact(add_thread, 4001, 3001, world, AGREED)
    report_id = database.transact(lambda uow: report(uow, world, thread=4001))
    database.transact(outbox.reported, report_id=report_id)
    said = last_said(database, world)
    assert said["object"] == ["https://elm.example/ap/people/01JDA1ALICE", AGREED]
    assert "content" not in said
