"""The one way out, against servers that fail in every way a server can."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from fedhood.adapters.http.client import Client, Timeouts
from tests.adapters.http.remote import Remote, ok, refused


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_garbage_is_a_bad_answer(remote: Remote, client: Client, answer: bytes) -> None:
    remote.answers = [answer, answer]
    assert await refused(client.get(remote.url(), accept="*/*")) == "bad-answer"


async def test_a_body_that_breaks_off_is_a_bad_answer(remote: Remote, client: Client) -> None:
    async def break_off(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    remote.speak = break_off
    assert await refused(client.get(remote.url(), accept="*/*")) == "bad-answer"


async def test_a_server_that_hangs_up_is_unreachable(remote: Remote, client: Client) -> None:
    remote.script = lambda _: None
    assert await refused(client.get(remote.url(), accept="*/*")) == "unreachable"
    assert await refused(client.post(remote.url(), body=b"x")) == "unreachable"
    # aiohttp itself asks a second time when a GET is hung up on.
    assert [request.split()[0] for request in remote.requests] == [b"GET", b"GET", b"POST"]


async def test_a_closed_port_is_unreachable(client: Client) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://a.localhost:{held.getsockname()[1]}/"
        assert await refused(client.get(url, accept="*/*")) == "unreachable"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "no-such-name"),
        (socket.EAI_NODATA, "no-such-name"),
        (socket.EAI_AGAIN, "no-name-server"),
        (socket.EAI_FAIL, "unreachable"),
    ],
)
async def test_a_name_that_leads_nowhere_says_so(
    outside: Client, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    async def lookup(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    assert await refused(outside.get("https://nowhere.example/", accept="*/*")) == code


async def test_a_name_server_that_is_silent_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    async with Client(user_agent="fedhood/test", timeouts=Timeouts(connect=0.1)) as client:
        assert await refused(client.get("https://slow.example/", accept="*/*")) == "timeout"


async def test_a_server_that_never_answers_is_a_timeout(remote: Remote) -> None:
    async def be_silent(_writer: asyncio.StreamWriter) -> None:
        await remote.done.wait()

    remote.speak = be_silent
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=Timeouts(read=0.1)) as client:
        assert await refused(client.get(remote.url(), accept="*/*")) == "timeout"
        assert await refused(client.post(remote.url(), body=b"x")) == "timeout"


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
async def test_a_dripping_answer_ends_with_the_time_for_everything(remote: Remote, start: bytes) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not remote.done.is_set():
            writer.write(b"x")
            await writer.drain()
            await asyncio.wait([waiting], timeout=0.02)

    waiting = asyncio.create_task(remote.done.wait())
    remote.speak = drip
    times = Timeouts(connect=2.0, read=2.0, get=0.3, post=0.3)
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=times) as client:
        assert await refused(client.get(remote.url(), accept="*/*")) == "timeout"
        assert await refused(client.post(remote.url(), body=b"x")) == "timeout"
    remote.done.set()
    await waiting


async def test_a_handshake_that_never_ends_is_a_timeout(remote: Remote) -> None:
    times = Timeouts(connect=0.15)
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=times) as client:
        url = remote.url().replace("http:", "https:")
        assert await refused(client.get(url, accept="*/*")) == "timeout"


async def test_plain_text_where_tls_belongs_is_a_tls_failure(world: AsyncExitStack, client: Client) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await world.enter_async_context(await asyncio.start_server(shout, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    assert await refused(client.get(f"https://a.localhost:{port}/", accept="*/*")) == "tls"


# Connections kept open


async def test_a_post_on_a_dead_connection_is_sent_once_more_on_a_new_one(remote: Remote, client: Client) -> None:
    remote.answers = [ok(), None, ok(status="202 Accepted")]
    await client.post(remote.url(), body=b"first")
    assert (await client.post(remote.url(), body=b"second")).status == 202
    assert [request.partition(b"\r\n\r\n")[2] for request in remote.requests] == [b"first", b"second", b"second"]
    assert remote.connections == 2


async def test_a_post_that_fails_on_a_new_connection_is_not_sent_again(remote: Remote, client: Client) -> None:
    remote.answers = [ok(), None, None]
    await client.post(remote.url(), body=b"first")
    assert await refused(client.post(remote.url(), body=b"second")) == "unreachable"
    assert len(remote.requests) == 3


async def test_a_post_whose_answer_breaks_off_is_not_sent_again(remote: Remote, client: Client) -> None:
    async def break_off(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nhalf")

    remote.answers = [ok()]
    await client.post(remote.url(), body=b"first")
    remote.speak = break_off
    assert await refused(client.post(remote.url(), body=b"second")) == "bad-answer"
    assert len(remote.requests) == 2


async def test_at_most_two_connections_go_to_one_host(remote: Remote, client: Client) -> None:
    remote.script = lambda _: ok()
    await asyncio.gather(*(client.post(remote.url(), body=b"x") for _ in range(20)))
    assert len(remote.requests) == 20
    assert remote.connections <= 2
