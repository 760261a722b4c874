"""Letters on their way: signed, in order, tried again, given up; over real sockets to a server on this machine."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, deliver, forgetting, hosts, making, outbox, proofs, signatures, streams
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.tables import ActivityTable, ActorKeyTable, DeliveryTable
from fedhood.adapters.http.client import Client, Timeouts
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import UnitOfWork
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub.letters import ACCEPTED, body_of, host, publish, rows, send_all
from tests.adapters.activitypub.next_door import (
    World,
    add_peer,
    add_place,
    add_post,
    pair,
)
from tests.adapters.http.remote import Remote, header, ok, served
from tests.support.clocks import FakeClock


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


async def test_what_is_removed_while_it_is_signed_leaves_no_bytes(
    federation: Federation, world: World, oak: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = making._signed

    async def removed_meanwhile(*saying: Any) -> bytes:
        signed = await sign(*saying)
        await federation.database.write(_remove, 1001)
        return signed

    monkeypatch.setattr(making, "_signed", removed_meanwhile)
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    assert await federation.database.read(lambda db: ActivityTable.select().count(db)) == 0
    assert oak.requests == []


def _remove(uow: UnitOfWork, post_id: int) -> None:
    PostTable.update(deleted_at=uow.now, text="").where(PostTable.id == post_id).execute(uow.db)
    forgetting.said_about(uow, [post_id], outbox.SAID)


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
    assert await federation.database.read(streams.next_due, clock.now()) == clock.now() + hosts.BACKOFF[0]


@pytest.mark.parametrize("status", [403, 404, 405, 406, 410, 413, 415, 422, 501, 302])
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
    assert reason == f"answered {status}", "a word of theirs is not kept"


async def test_who_refuses_one_scheme_is_asked_once_more_by_the_other_and_then_that_is_remembered(
    federation: Federation, world: World, oak: Remote
) -> None:
    oak.script = lambda request: ACCEPTED if header(request, "signature-input") else ok(status="400 What is this")
    await federation.database.write(publish, world, 1001)
    await federation.database.write(publish, world, 1002)
    await send_all(federation)
    assert [bool(header(request, "signature-input")) for request in oak.requests] == [False, True, True]
    assert [row[1] for row in await federation.database.read(rows)] == ["done", "done"]


async def test_who_refuses_both_has_refused(federation: Federation, world: World, oak: Remote) -> None:
    oak.script = lambda _: ok(status="400 No")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    assert len(oak.requests) == 2
    assert await federation.database.read(rows) == [(1, "refused", 1, 400)]


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
    await federation.database.write(outbox.deliver, world.peer, "peer.no-such-verb", 1)
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
