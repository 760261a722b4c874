"""Letters on their way: signed, in order, tried again, given up; over real sockets to a server on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import peewee
import pytest

from fedhood.adapters.activitypub import actors, deliver, making, outbox, proofs, signatures, streams
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.tables import ActivityTable, ActorKeyTable, DeliveryTable, HostTable
from fedhood.adapters.http.client import Client, Timeouts
from fedhood.core.help_requests.tables import MessageTable, OfferTable, PrivateThreadTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Invalid
from fedhood.kernel.settings import Settings
from tests.adapters.activitypub.next_door import (
    World,
    add_peer,
    add_place,
    add_post,
    add_request,
    build,
    pair,
)
from tests.adapters.http.remote import PATIENT, Remote, header, ok, served
from tests.support.clocks import FakeClock

ACCEPTED = ok(status="202 Accepted")


@pytest.fixture
async def world_of_servers() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def oak(world_of_servers: AsyncExitStack) -> Remote:
    """Oak's server, which says 202 to everything until it is told otherwise."""
    remote = await served(world_of_servers)
    remote.script = lambda _: ACCEPTED
    return remote


@pytest.fixture
def world(database: Database, oak: Remote) -> World:
    return build(database, there=f"http://oak.localhost:{oak.port}")


@pytest.fixture
async def federation(running: Database, world: World, clock: FakeClock, oak: Remote) -> AsyncIterator[Federation]:
    _ = oak  # stopped after the client
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=PATIENT) as client:
        made = Federation(
            database=running,
            client=client,
            addresses=world.addresses,
            settings=Settings(host="elm.localhost:1", loopback_names=True),
            clock=clock,
        )
        yield made
        await deliver.stop(made)


async def send_all(federation: Federation) -> None:
    while await deliver.pump(federation, federation.clock.now()):
        pass


def publish(uow: UnitOfWork, world: World, post_id: int, **also: Any) -> int:
    add_post(uow, post_id, world.alice, world.elm, (world.elm, world.oak), **also)
    outbox.post_published(uow, post_id=post_id, version=1)
    return post_id


def body_of(request: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return document


def rows(db: peewee.Database) -> list[tuple[int, str, int, int | None]]:
    query = DeliveryTable.select().order_by(DeliveryTable.peer, DeliveryTable.number)
    return [(one.number, one.state, one.attempts, one.last_status) for one in query.execute(db)]


def host(db: peewee.Database) -> HostTable:
    (found,) = HostTable.select().execute(db)
    return found


async def test_a_scoped_post_goes_to_the_peer_inbox_with_both_proofs_and_a_signature(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    (request,) = oak.requests
    assert request.startswith(b"POST /ap/instance/peer-inbox HTTP/1.1\r\n")
    assert header(request, "fedhood-stream") == ["e=1;n=1"]
    announce = body_of(request)
    elm, alice = actors.group(world.elm), actors.person(world.alice)
    for document, ref in ((announce, elm), (announce["object"], alice)):
        pair_of_keys = await actors.ensure_keys(federation, ref)
        public = pair_of_keys.ed25519.public_key()
        proofs.verify(document, lambda _, key=public: key, owner=document["actor"], now=clock.now())
    rsa = (await actors.ensure_keys(federation, elm)).rsa.public_key()
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    signature = signatures.parse(header(request, "signature")[0])
    assert signature.key_id == "http://elm.localhost:1/ap/groups/elm#main-key"
    signatures.verify(
        signature,
        key=rsa,
        method="POST",
        target="/ap/instance/peer-inbox",
        headers=[(name, value) for name, _, value in lines],
        body=body,
        authorities={f"oak.localhost:{oak.port}"},
        now=clock.now(),
    )
    assert await federation.database.read(rows) == [(1, "done", 1, 202)]


async def test_a_public_post_goes_to_the_shared_inbox_and_peering_to_the_server_s_own(
    federation: Federation, world: World, oak: Remote
) -> None:
    await federation.database.write(publish, world, 1001, audience="public")
    await send_all(federation)
    assert oak.requests[0].startswith(b"POST /ap/inbox HTTP/1.1\r\n")


async def test_letters_go_in_order_and_one_at_a_time(federation: Federation, world: World, oak: Remote) -> None:
    for post_id in range(1001, 1006):
        await federation.database.write(publish, world, post_id)
    await send_all(federation)
    assert [header(request, "fedhood-stream")[0] for request in oak.requests] == [f"e=1;n={n}" for n in range(1, 6)]
    assert oak.connections == 1


async def test_the_first_stream_epoch_is_finished_before_the_next_begins(
    federation: Federation, world: World, oak: Remote
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(lambda uow: PeerTable.update(stream_epoch=2, stream_next=1).execute(uow.db))
    await federation.database.write(publish, world, 1002)
    await send_all(federation)
    assert [header(request, "fedhood-stream")[0] for request in oak.requests] == ["e=1;n=1", "e=2;n=1"]


async def test_an_activity_is_made_once_for_all_peers_and_all_attempts(
    federation: Federation, world: World, oak: Remote, clock: FakeClock, world_of_servers: AsyncExitStack
) -> None:
    ash = await served(world_of_servers)
    ash.answers = [ok(status="503 Later"), ACCEPTED]

    def add_ash(uow: UnitOfWork) -> int:
        peer = add_peer(uow, f"ash.localhost:{ash.port}", base=f"http://ash.localhost:{ash.port}")
        place = add_place(uow, "ash", peer=peer)
        pair(uow, world.elm, place)
        return place

    place = await federation.database.write(add_ash)
    await federation.database.write(
        lambda uow: add_post(uow, 1001, world.alice, world.elm, (world.elm, world.oak, place))
    )
    await federation.database.write(outbox.post_published, post_id=1001, version=1)
    await send_all(federation)
    clock.move(timedelta(seconds=15))
    await send_all(federation)
    sent = [request.partition(b"\r\n\r\n")[2] for request in (*oak.requests, *ash.requests)]
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert await federation.database.read(lambda db: ActivityTable.select().count(db)) == 1
    first, second = (header(request, "signature") for request in ash.requests)
    assert first != second  # a signature is stale after minutes: each attempt has its own


async def test_a_host_in_trouble_rests_longer_and_longer_and_one_answer_ends_it(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    began = clock.now()
    for failures, rest in enumerate(streams.BACKOFF[:4], start=1):
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


async def test_a_server_that_cannot_be_reached_is_tried_again(
    federation: Federation, world: World, clock: FakeClock
) -> None:
    await federation.database.write(
        lambda uow: PeerTable.update(peer_inbox="http://gone.localhost:9/inbox").execute(uow.db)
    )
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    assert await federation.database.read(rows) == [(1, "waiting", 1, None)]
    assert (await federation.database.read(host)).last_error == "unreachable"
    assert await federation.database.read(streams.next_due, clock.now()) == clock.now() + streams.BACKOFF[0]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 410, 413, 415, 422, 501, 302])
async def test_a_final_answer_is_kept_with_its_reason_and_the_stream_goes_on(
    status: int, federation: Federation, world: World, oak: Remote
) -> None:
    oak.script = None
    oak.answers = [ok(b'{"code":"not-agreed"}', status=f"{status} No"), ACCEPTED]
    await federation.database.write(publish, world, 1001)
    await federation.database.write(publish, world, 1002)
    await send_all(federation)
    assert await federation.database.read(rows) == [(1, "refused", 1, status), (2, "done", 1, 202)]
    reason = await federation.database.read(lambda db: DeliveryTable.select().execute(db)[0].last_error)
    assert reason == f"answered {status}: not-agreed"


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


async def test_what_can_be_said_no_more_lets_the_next_one_through(
    federation: Federation, world: World, oak: Remote
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(
        lambda uow: PostTable.update(deleted_at=uow.now, text="").where(PostTable.id == 1001).execute(uow.db)
    )
    await federation.database.write(outbox.post_deleted, post_id=1001)
    await send_all(federation)
    assert [row[:2] for row in await federation.database.read(rows)] == [(1, "dropped"), (2, "done")]
    assert [body_of(request)["object"]["type"] for request in oak.requests] == ["Delete"]


@pytest.mark.parametrize("lost", ["scope", "pair", "expired", "blocked"])
async def test_what_the_agreement_does_not_cover_any_more_is_not_sent(
    lost: str, federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    changes: dict[str, Any] = {
        "scope": AgreementTable.update(scopes=["public"]),
        "pair": PairTable.update(until=clock.now()),
        "expired": AgreementTable.update(valid_until=clock.now()),
        "blocked": PeerTable.update(trust="blocked"),
    }
    await federation.database.write(lambda uow: changes[lost].execute(uow.db))
    await send_all(federation)
    assert [row[:2] for row in await federation.database.read(rows)] == [(1, "dropped")]
    assert oak.requests == []
    # nobody is made known who said nothing
    assert await federation.database.read(lambda db: ActorKeyTable.select().count(db)) == 0


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
    clock.move(streams.BACKOFF[0])
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
    monkeypatch.setattr(deliver, "PATIENCE", 0.2)
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
    first = await federation.database.write(streams.take, [world.peer], now)
    assert await federation.database.write(streams.take, [world.peer], now) == []
    assert not await deliver.pump(federation, now)
    await federation.database.write(streams.release, first[0])
    await send_all(federation)
    assert len(oak.requests) == 1


async def test_a_lease_that_was_lost_ends_the_stream_but_not_what_is_known(
    federation: Federation, world: World, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(publish, world, 1002)
    (lease,) = await federation.database.write(streams.take, [world.peer], clock.now())
    waiting = await federation.database.read(streams.first, world.peer)
    assert waiting is not None
    clock.move(streams.LEASE)
    (other,) = await federation.database.write(streams.take, [world.peer], clock.now())
    done = streams.Result(outcome=streams.Outcome.DONE, status=202)
    assert await federation.database.write(streams.settle, lease, waiting, done) is None
    assert [row[1] for row in await federation.database.read(rows)] == ["done", "waiting"]
    assert (await federation.database.read(host)).next_at == other.until


async def test_after_a_crash_the_same_bytes_are_sent_again(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(publish, world, 1001)
    await federation.database.write(streams.take, [world.peer], clock.now())
    waiting = await federation.database.read(streams.first, world.peer)
    assert waiting is not None
    before = await making.made(federation, waiting.delivery)
    federation.key_cache.clear()
    clock.move(timedelta(seconds=5))
    await federation.database.write(deliver.release_all)
    await send_all(federation)
    assert oak.requests[0].partition(b"\r\n\r\n")[2] == before.body


async def test_a_sign_of_life_ends_the_rest(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    oak.script = lambda _: ACCEPTED
    await federation.database.write(deliver.release_all)  # which is no sign of life
    await send_all(federation)
    assert len(oak.requests) == 1
    await federation.database.write(deliver.heard_from, peer_id=world.peer)
    assert await federation.database.read(deliver.next_due, clock.now()) == clock.now()
    await send_all(federation)
    assert len(oak.requests) == 2
    assert await federation.database.read(deliver.next_due, clock.now()) is None


async def test_a_server_that_takes_too_long_is_in_trouble(federation: Federation, world: World, oak: Remote) -> None:
    waiting = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await waiting.wait()

    oak.speak = silent
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=Timeouts(post=0.2)) as hurried:
        federation.client = hurried
        await federation.database.write(publish, world, 1001)
        await send_all(federation)
    waiting.set()
    assert (await federation.database.read(host)).last_error == "timeout"


async def test_a_fault_of_ours_is_told_and_leaves_the_others_alone(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    await federation.database.write(outbox.deliver, world.peer, "no.such-verb", 1)
    with pytest.raises(BaseExceptionGroup):
        await deliver.pump(federation, clock.now())
    assert not await deliver.pump(federation, clock.now())
    assert oak.requests == []


@pytest.mark.parametrize(
    "document",
    [
        {"fhScope": "neighbours", "to": [proofs.PUBLIC], "cc": []},
        {"fhScope": "neighbours", "to": [], "cc": [], "object": {"fhScope": "neighbours", "cc": [proofs.PUBLIC]}},
        {"fhScope": "direct", "to": [], "object": {"fhScope": "public", "to": []}},
    ],
)
def test_what_is_not_for_everyone_never_leaves_for_everyone(document: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        making.refuse_leak(document)
    assert refused.value.code == "leak"


@pytest.mark.both_databases
def test_the_queries_of_the_streams_work_on_both_engines(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(publish, world, 1001)
    assert database.look(streams.due, clock.now()) == [world.peer]
    assert database.look(streams.next_due, clock.now()) == clock.now()
    (lease,) = database.transact(streams.take, [world.peer], clock.now())
    assert database.transact(streams.take, [world.peer], clock.now()) == []
    assert database.look(streams.due, clock.now()) == []
    assert database.look(streams.next_due, clock.now()) == lease.until
    waiting = database.look(streams.first, world.peer)
    assert waiting is not None
    later = streams.Result(outcome=streams.Outcome.RETRY, reason="unreachable")
    assert database.transact(streams.settle, lease, waiting, later) is None
    assert database.look(streams.next_due, clock.now()) == clock.now() + streams.BACKOFF[0]


def test_what_waits_is_found_without_reading_what_is_done(database: Database) -> None:
    world = build(database)
    database.transact(publish, world, 1001)

    def plan(db: peewee.Database) -> str:
        sql, _ = streams._FIRST._statement(db)
        return str(db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall())

    assert "INDEX delivery_peer_number (peer=? AND number>?)" in database.look(plan)
