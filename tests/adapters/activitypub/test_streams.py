"""The stream to each peer: who sends, how long a host in trouble rests, what is given up."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import peewee
import pytest

from fedhood.adapters.activitypub import deliver, hosts, making, outbox, resting, streams
from fedhood.adapters.activitypub.federation import Federation
from fedhood.core.help_requests.tables import MessageTable, OfferTable, PrivateThreadTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from tests.adapters.activitypub.letters import ACCEPTED, host, publish, rows, send_all
from tests.adapters.activitypub.next_door import (
    World,
    add_peer,
    add_place,
    add_post,
    add_request,
    build,
    pair,
)
from tests.adapters.http.remote import Remote, ok, served
from tests.support.clocks import FakeClock


async def test_a_host_in_trouble_rests_longer_and_longer_and_one_answer_ends_it(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    began = clock.now()
    for failures, rest in enumerate(hosts.BACKOFF[:4], start=1):
        await send_all(federation)
        trouble = await federation.database.read(host)
        assert (trouble.failures, trouble.next_at - clock.now()) == (failures, rest)
        assert (trouble.trouble_since, trouble.last_error) == (began, "answered 500")
        clock.move(rest - timedelta(seconds=1))
        assert not await deliver.pump(federation, clock.now())
        clock.move(timedelta(seconds=1))
    oak.script = lambda _: ACCEPTED
    await send_all(federation)
    well = await federation.database.read(host)
    assert (well.failures, well.trouble_since, well.last_error, well.last_ok) == (0, None, None, clock.now())
    assert await federation.database.read(rows) == [(1, "done", 5, 202)]


@pytest.mark.parametrize(
    ("asked", "rest"),
    [("120", 120), ("0", 1), ("999999", 86400), ("Tue, 24 Nov 2026 12:10:00 GMT", 600), ("soon", 15)],
)
async def test_who_asks_to_wait_is_heard_for_up_to_a_day(
    asked: str, rest: int, federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="429 Slowly", headers=f"Retry-After: {asked}\r\n")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    assert (await federation.database.read(host)).next_at == clock.now() + timedelta(seconds=rest)


async def test_an_unknown_signature_is_tried_for_a_day_and_then_given_up(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="401 Who")
    await federation.database.write(publish, world, 1001)
    began = clock.now()
    while (await federation.database.read(rows))[0][1] == "waiting":
        await send_all(federation)
        clock.move(timedelta(hours=12))
    assert (await federation.database.read(rows))[0][1::2] == ("refused", 401)
    assert clock.now() - began >= streams.UNAUTHENTICATED_FOR


async def test_what_nobody_took_for_two_weeks_is_given_up_and_removals_after_a_month(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(outbox.post_deleted, post_id=1001)
    clock.move(timedelta(days=14))
    await send_all(federation)
    assert [row[:2] for row in await federation.database.read(rows)] == [(1, "expired"), (2, "done")]
    assert len(oak.requests) == 1


def offer_help(uow: UnitOfWork, world: World) -> None:
    """Alice offers help to Bob's request, next door, and says something in a private thread with him."""
    add_request(uow, 1003, world, uri="http://oak.localhost/ap/notes/1")
    PostTable.update(author=world.bob, neighbourhood=world.oak).where(PostTable.id == 1003).execute(uow.db)
    OfferTable.insert(
        id=3001,
        request=1003,
        helper=world.alice,
        neighbourhood=world.elm,
        text="I can",
        state="waiting",
        offered_at=uow.now,
        expires_at=uow.now,
        sent="sending",
    ).execute(uow.db)
    PrivateThreadTable.insert(
        id=4001, offer=3001, request=1003, asker=world.bob, helper=world.alice, uri="http://oak/a", opened_at=uow.now
    ).execute(uow.db)
    MessageTable.insert(id=5001, thread=4001, author=world.alice, text="Hello", at=uow.now, sent="sending").execute(
        uow.db
    )
    outbox.offer_sent(uow, offer_id=3001)
    outbox.message_said(uow, message_id=5001)


def sent_states(db: peewee.Database) -> tuple[str | None, str | None]:
    (offered,), (said,) = OfferTable.select().execute(db), MessageTable.select().execute(db)
    return offered.sent, said.sent


async def test_who_waits_for_an_answer_is_told_how_far_it_got(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(offer_help, world)
    oak.script = lambda _: ok(status="503 Later")
    await send_all(federation)
    assert await federation.database.read(sent_states) == ("trouble", "trouble")
    clock.move(hosts.BACKOFF[0])
    oak.script = None
    oak.answers = [ACCEPTED, ok(status="403 No")]
    await send_all(federation)
    assert await federation.database.read(sent_states) == ("arrived", "failed")


async def test_a_slow_peer_holds_up_nobody_and_is_not_written_to_twice(
    federation: Federation,
    world: World,
    oak: Remote,
    clock: FakeClock,
    world_of_servers: AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deliver, "PATIENCE", 1.0)
    ash = await served(world_of_servers)
    heard, may_answer = asyncio.Event(), asyncio.Event()

    async def think(writer: asyncio.StreamWriter) -> None:
        heard.set()
        await may_answer.wait()
        writer.write(ACCEPTED)
        await writer.drain()

    ash.speak = think

    def add_ash(uow: UnitOfWork) -> None:
        peer = add_peer(uow, f"ash.localhost:{ash.port}", base=f"http://ash.localhost:{ash.port}")
        place = add_place(uow, "ash", peer=peer)
        pair(uow, world.elm, place)
        add_post(uow, 1001, world.alice, world.elm, (world.elm, world.oak, place))
        outbox.post_published(uow, post_id=1001, version=1)

    await federation.database.write(add_ash)
    assert await deliver.pump(federation, clock.now())
    await heard.wait()
    await federation.database.write(publish, world, 1002)
    await send_all(federation)
    assert len(oak.requests) == 2
    assert [row[1] for row in await federation.database.read(rows)] == ["done", "done", "waiting"]
    may_answer.set()
    while not await deliver.pump(federation, clock.now()):
        await asyncio.sleep(0)
    assert len(ash.requests) == 1
    assert [row[1] for row in await federation.database.read(rows)] == ["done", "done", "done"]


async def test_two_workers_never_write_to_the_same_peer(federation: Federation, world: World, oak: Remote) -> None:
    await federation.database.write(publish, world, 1001)
    now = federation.clock.now()
    first = await federation.database.write(hosts.take, [world.peer], now)
    assert await federation.database.write(hosts.take, [world.peer], now) == []
    assert not await deliver.pump(federation, now)
    await federation.database.write(hosts.release, first[0])
    await send_all(federation)
    assert len(oak.requests) == 1


async def test_a_lease_that_was_lost_ends_the_stream_but_not_what_is_known(
    federation: Federation, world: World, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(publish, world, 1002)
    (lease,) = await federation.database.write(hosts.take, [world.peer], clock.now())
    waiting, _ = await federation.database.read(streams.first, world.peer)
    clock.move(hosts.LEASE)
    (other,) = await federation.database.write(hosts.take, [world.peer], clock.now())
    done = streams.Result(outcome=streams.Outcome.DONE, status=202)
    assert await federation.database.write(streams.settle, lease, [(waiting, done)]) is None
    assert [row[1] for row in await federation.database.read(rows)] == ["done", "waiting"]
    assert (await federation.database.read(host)).next_at == other.until


async def test_after_a_crash_the_same_bytes_are_sent_again(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(hosts.take, [world.peer], clock.now())
    (waiting,) = await federation.database.read(streams.first, world.peer)
    before = await making.made(federation, waiting.delivery)
    federation.key_cache.clear()
    clock.move(timedelta(seconds=5))
    await federation.database.write(hosts.release_all)
    await send_all(federation)
    assert oak.requests[0].partition(b"\r\n\r\n")[2] == before.body


async def test_a_sign_of_life_ends_the_rest(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    oak.script = lambda _: ACCEPTED
    await federation.database.write(hosts.release_all)  # which is no sign of life
    await send_all(federation)
    assert len(oak.requests) == 1
    await federation.database.write(hosts.heard_from, peer_id=world.peer)
    assert await federation.database.read(streams.next_due, clock.now()) == clock.now()
    await send_all(federation)
    assert len(oak.requests) == 2
    assert await federation.database.read(streams.next_due, clock.now()) is None


async def test_a_rest_that_a_wrong_clock_began_ends_at_the_next_start(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    clock.move(timedelta(days=3))
    await send_all(federation)
    clock.move(-timedelta(days=3))
    oak.script = lambda _: ACCEPTED
    await federation.database.write(hosts.release_all)
    assert await federation.database.read(streams.next_due, clock.now()) == clock.now()


async def test_who_waits_for_an_answer_is_told_when_the_two_part(federation: Federation, world: World) -> None:
    await federation.database.write(offer_help, world)
    await federation.database.write(resting.drop_all, peer_id=world.peer)
    assert await federation.database.read(sent_states) == ("failed", "failed")


@pytest.mark.both_databases
def test_the_queries_of_the_streams_work_on_both_engines(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(publish, world, 1001)
    assert [due.peer for due in database.look(streams.due, clock.now())] == [world.peer]
    assert database.look(streams.next_due, clock.now()) == clock.now()
    (lease,) = database.transact(hosts.take, [world.peer], clock.now())
    assert database.transact(hosts.take, [world.peer], clock.now()) == []
    assert database.look(streams.due, clock.now()) == []
    assert database.look(streams.next_due, clock.now()) == lease.until
    (waiting,) = database.look(streams.first, world.peer)
    later = streams.Result(outcome=streams.Outcome.RETRY, reason="unreachable")
    assert database.transact(streams.settle, lease, [(waiting, later)]) is None
    assert database.look(streams.next_due, clock.now()) == clock.now() + hosts.BACKOFF[0]


def test_what_waits_is_found_without_reading_what_is_done(database: Database) -> None:
    world = build(database)
    database.transact(publish, world, 1001)

    def plan(db: peewee.Database) -> str:
        sql, _ = streams._FIRST._statement(db)
        return str(db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall())

    assert "INDEX delivery_waiting (peer=? AND state=?)" in database.look(plan)
