"""Time, memory and connections: what a peer can take of them, however it tries."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from fedhood.adapters.http.client import Client, Timeouts
from fedhood.adapters.http.deadlines import BODY_IDLE_SECONDS, KEEPALIVE_SECONDS
from fedhood.core import posts
from fedhood.core.posts import Audience
from tests.adapters.http.remote import refused, served
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.peer import other_rsa
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, SHARED, number
from tests.hostile.wire import Letter, Line, fresh_address, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.hostile.peer import Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")


# -- servers that drip -------------------------------------------------------------------------------------------------


async def silent(_: asyncio.StreamWriter, over: asyncio.Event) -> None:
    await over.wait()


def dripping(
    begin: bytes, piece: bytes, pause: float
) -> Callable[[asyncio.StreamWriter, asyncio.Event], Awaitable[None]]:
    async def drip(writer: asyncio.StreamWriter, over: asyncio.Event) -> None:
        writer.write(begin)
        while not over.is_set():
            writer.write(piece)
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), pause)

    return drip


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "nothing": lambda pause: silent,
    "a head": lambda pause: dripping(OK, b"X: y\r\n", pause),
    "one letter of a head": lambda pause: dripping(OK + b"X: ", b"y", pause),
    "a body": lambda pause: dripping(OK + b"Content-Length: 1000000\r\n\r\n", b" ", pause),
    "chunks": lambda pause: dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", pause),
    "a body without an end": lambda pause: dripping(OK + b"\r\n", b" ", pause),
}


async def _mute(over: asyncio.Event, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await over.wait()
    writer.close()


async def dripped(client: Client, pause: float, within: float) -> None:
    """Ask each kind of dripping server at once; all give up in time."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as world:
        urls = []
        for kind in DRIPS.values():
            remote = await served(world)
            speak = kind(pause)
            remote.speak = lambda writer, speak=speak: speak(writer, over)
            urls.append(remote.url("/x"))
        # it takes the connection and never speaks of keys
        mute = await asyncio.start_server(functools.partial(_mute, over), "127.0.0.1", 0)
        world.callback(mute.close)
        urls.append(f"https://mute.localhost:{mute.sockets[0].getsockname()[1]}/")
        began = loop.time()
        codes = await asyncio.gather(*(refused(client.get(url, accept="*/*")) for url in urls))
        assert loop.time() - began <= within
        assert set(codes) <= {"timeout", "bad-answer"}, codes
        began = loop.time()
        posts = await asyncio.gather(*(refused(client.post(url, body=b"{}")) for url in urls))
        assert set(posts) <= {"timeout", "bad-answer"}, posts
        over.set()


@published("F10")
async def test_a_server_that_drips_is_left() -> None:
    quick = Timeouts(connect=0.4, read=0.4, get=0.8, post=0.8)
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=quick) as client:
        await dripped(client, 0.05, 1.5)


# -- clients that drip -------------------------------------------------------------------------------------------------

_POST = b"POST /ap/inbox HTTP/1.1\r\nHost: x\r\nContent-Type: application/activity+json\r\n"
SLOW: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a line": (b"GET /about HT", b""),
    "half a head": (b"GET /about HTTP/1.1\r\nHost: x\r\n", b""),
    "a head that drips": (b"GET /about HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
    "no body": (_POST + b'Signature: keyId="x",signature="eA=="\r\nContent-Length: 1000\r\n\r\n', b""),
    "a body that drips": (_POST + b'Signature: keyId="x",signature="eA=="\r\nContent-Length: 1000000\r\n\r\n', b" "),
}


async def _until_hung_up(line: Line) -> None:
    """Read until the server closes."""
    with contextlib.suppress(ConnectionError):
        while await line.reader.read(1 << 16):
            pass


async def slow_clients(street: Street, each: int) -> float:
    """Be slow in every way at once, so many times; how long it took until the last one was shown out."""
    loop = asyncio.get_running_loop()
    lines = [(await Line.open(street.port), *kind) for kind in SLOW.values() for _ in range(each)]
    began = loop.time()
    for line, begin, _ in lines:
        line.writer.write(begin)
    waiting = {asyncio.create_task(_until_hung_up(line)): (line, piece) for line, _, piece in lines}
    still = set(waiting)
    while still and loop.time() - began < 2 * KEEPALIVE_SECONDS:
        for task in still:
            line, piece = waiting[task]
            if piece and not line.writer.is_closing():
                line.writer.write(piece)
        _, still = await asyncio.wait(still, timeout=0.5)
    for task in still:
        task.cancel()
    for line, _, _ in lines:
        await line.close()
    assert not still
    return loop.time() - began


async def slow_servers(street: Street) -> float:
    """Let Oak ask one server of each kind; how long it took until it gave the last one up."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    ask = street.oak.server.client.get
    async with AsyncExitStack() as world:
        asked = []
        began = loop.time()
        for kind in DRIPS.values():
            remote = await served(world)
            speak = kind(0.5)
            remote.speak = lambda writer, speak=speak: speak(writer, over)
            asked.append(refused(ask(remote.url("/", name=f"{number()}.localhost"), accept="*/*")))
        codes = await asyncio.gather(*asked)
        took = loop.time() - began
        over.set()
    assert set(codes) <= {"timeout", "bad-answer"}, codes
    return took


@published("F10")
@pytest.mark.long
async def test_who_is_slow_on_purpose_is_left_in_time_and_nobody_else_waits(street: Street) -> None:
    loop = asyncio.get_running_loop()
    both = asyncio.gather(slow_clients(street, 50), slow_servers(street))
    waits = []
    while not both.done():
        before = loop.time()
        assert (await street.get("/about")).status == 200
        waits.append(loop.time() - before)
        await asyncio.wait({both}, timeout=0.25)
    clients, servers = await both
    assert clients <= KEEPALIVE_SECONDS + BODY_IDLE_SECONDS / 5 + 1
    assert servers <= Timeouts().get + 1
    assert sorted(waits)[int(len(waits) * 0.95)] < 0.5


# -- heads that have no end --------------------------------------------------------------------------------------------


async def test_a_head_has_an_end(street: Street) -> None:
    began = b"GET /about HTTP/1.1\r\nHost: x\r\n"
    for head in (
        began + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        began + b"".join(b"X%d: y\r\n" % step for step in range(10_000)) + b"\r\n",
        began + b"X: y\r\n " + b"z" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"G" * 1_000_000,
    ):
        memory = oracles.resident_mib()
        line = await Line.open(street.port)
        line.writer.write(head)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            assert (await line.answer()).status in {400, 414, 431}
        await line.close()
        assert oracles.resident_mib() - memory < 12
    # a byte at a time, and many requests in one breath
    line = await Line.open(street.port)
    for byte in began + b"X: yyyyyyyyyy\r\n\r\n":
        line.writer.write(bytes([byte]))
        await line.writer.drain()
    assert (await line.answer()).status == 200
    line.writer.write(request("GET", "/about", [("Host", "x")]) * 50)
    assert [(await line.answer()).status for _ in range(50)] == [200] * 50
    await line.close()


# -- floods ------------------------------------------------------------------------------------------------------------


def _farewell(street: Street, base: str, person: str) -> bytes:
    """Somebody whom nobody knows says that they are gone."""
    uri = f"{base}/ap/people/{person}"
    said = {"id": f"{uri}#delete", "type": "Delete", "actor": uri, "object": uri, "to": ["as:Public"]}
    return Letter(
        path=SHARED,
        host=street.host,
        body=json.dumps(said).encode(),
        key_id=f"{uri}#main-key",
        key=other_rsa(),
        value=b"no signature",
    ).raw()


async def _burst(street: Street, raws: list[bytes]) -> list[int]:
    """Everything at once over four connections, and the statuses of the answers."""
    lines = [await Line.open(street.port, address=fresh_address()) for _ in range(4)]

    async def one(line: Line, part: list[bytes]) -> list[int]:
        line.writer.write(b"".join(part))
        return [(await line.answer()).status for _ in part]

    parts = await asyncio.gather(*(one(line, raws[at::4]) for at, line in enumerate(lines)))
    for line in lines:
        await line.close()
    return [status for part in parts for status in part]


async def test_a_thousand_farewells_of_nobody_take_no_second_and_ask_nobody(street: Street, evil: Peer) -> None:
    before, asked = street.digest(), len(evil.world.asked)
    kept = len(oracles.arrived(street.oak))
    best = 9.0
    with oracles.connections() as tried:
        for turn in range(3):
            raws = [_farewell(street, evil.base, f"gone{turn}-{step}") for step in range(1_000)]
            began = time.process_time()  # of both ends: it is one process
            statuses = await _burst(street, raws)
            best = min(best, time.process_time() - began)
            assert set(statuses) == {202}
        strangers = [_farewell(street, street.stranger().base, f"gone{step}") for step in range(200)]
        assert set(await _burst(street, strangers)) == {202}
    await street.settle()
    assert best < 1
    assert {port for _, port in tried} == {street.port}
    assert len(evil.world.asked) == asked
    assert len(oracles.arrived(street.oak)) == kept
    assert street.digest() == before


async def test_who_signs_badly_is_soon_not_looked_at(street: Street, evil: Peer) -> None:
    note = evil.note(number(), [evil.group, street.group])
    said = evil.announced(evil.created(note), number=number())
    good = evil.letter(street.host, PEER_INBOX, said)
    address = fresh_address()
    line = await Line.open(street.port, address=address)
    statuses = [(await line.ask(good.but(value=b"x").raw())).status for _ in range(200)]
    assert statuses[:30] == [401] * 30
    assert statuses.count(401) <= 32
    assert set(statuses) == {401, 429}
    reply = await line.ask(good.raw())
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 1
    await line.close()
    # from elsewhere the same server is heard
    assert (await street.send(good)).status == 202


async def test_a_letter_that_comes_a_thousand_times_is_kept_once(street: Street, evil: Peer) -> None:
    note = evil.note(number(), [evil.group, street.group])
    said = evil.announced(evil.created(note), number=number())
    raw = evil.letter(street.host, PEER_INBOX, said).raw()
    kept = len(oracles.arrived(street.oak))
    assert set(await _burst(street, [raw] * 1_000)) == {202}
    await street.settle()
    assert len(oracles.arrived(street.oak)) == kept + 1
    assert street.fate(said) == "understood"


@published("F10")
async def test_servers_that_never_answer_hold_up_nothing_that_is_said_to_others(street: Street, evil: Peer) -> None:
    """A stranger lets us ask a hundred mute servers for keys. What Bob says meanwhile is heard at once."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    client = street.oak.server.client
    for pool in (client._asking, client._saying):
        for idle in [one for kept in pool.connector._conns.values() for one, _ in kept]:
            idle.close()  # nothing is kept open from before
    mute = await asyncio.start_server(functools.partial(_mute, over), "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    lines = []
    for step in range(100):
        instance = f"http://mute{step}.localhost:{port}/ap/instance"
        said = {"id": f"{instance}/f", "type": "Follow", "actor": instance, "object": street.instance}
        letter = Letter(
            path=INSTANCE_INBOX,
            host=street.host,
            body=json.dumps(said).encode(),
            key_id=f"{instance}#main-key",
            key=other_rsa(),
            value=b"no signature",
        )
        line = await street.line()
        line.writer.write(letter.raw())
        lines.append(line)
    while len(client._asking.connector._acquired) < client._asking.connector.limit:
        await asyncio.sleep(0)
    began = loop.time()
    text = f"Said beside the mute {number()}"
    offered = await street.oak.database.read(posts.offered, neighbourhood=street.bob.neighbourhood)
    places = max(offered, key=lambda one: len(one.places)).places
    await street.oak.database.write(
        posts.publish, by=street.bob, text=text, audience=Audience.NEIGHBOURS, places=places
    )
    await street.settle()
    heard = any(text in str(said) for _, said in evil.world.received)
    took = loop.time() - began
    over.set()
    for line in lines:
        await line.close()
    mute.close()
    assert heard
    assert took < 1.5
