"""Six ways to be slow on purpose, each shown out in time, and the honest clients that stay."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web

from fedhood.adapters.http.deadlines import (
    BODY_IDLE_SECONDS,
    LINGERING_SECONDS,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    RUNNER_OPTIONS,
    body_deadline,
)

KEEPALIVE = 0.3
IDLE = 0.2
TOTAL = 0.5
LINGERING = 0.1
# Far above what any case needs, far below what a test run would notice: a connection still open then stays open.
PATIENCE = 5.0
DRIP = 0.02


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def unread(_request: web.Request) -> web.Response:
    return web.Response(text="unread")


async def slow_work(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.wait([request.app[NEVER]], timeout=2 * IDLE)
    return web.Response(text="done")


async def own_timeout(request: web.Request) -> web.Response:
    async with asyncio.timeout(0.01):
        return web.Response(body=await request.read())


NEVER: web.AppKey[asyncio.Future[None]] = web.AppKey("never")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application(middlewares=[body_deadline(idle=IDLE, total=TOTAL)], client_max_size=MAX_BODY_BYTES)
    app[NEVER] = asyncio.get_running_loop().create_future()
    app.router.add_route("*", "/", echo)
    app.router.add_post("/unread", unread)
    app.router.add_post("/slow", slow_work)
    app.router.add_post("/own", own_timeout)
    options = {**RUNNER_OPTIONS, "keepalive_timeout": KEEPALIVE, "lingering_time": LINGERING}
    runner = web.AppRunner(app, **options, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


class Talk:
    """A client of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = asyncio.Event()

    def say(self, words: bytes) -> None:
        self._writer.write(words)

    async def pause(self, seconds: float) -> None:
        """Say nothing for a while, or until the server hangs up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    async def drip(self, piece: bytes) -> None:
        """Say a little again and again until the server hangs up."""
        while not self._closed.is_set() and not self._writer.is_closing():
            self._writer.write(piece)
            await self.pause(DRIP)

    async def everything(self) -> bytes:
        """All that the server says until it closes. Fails if it does not."""
        heard = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while piece := await self._reader.read(1 << 16):
                    heard += piece
        self._closed.set()
        return heard

    async def answer(self) -> bytes:
        """One answer that says how long it is."""
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            return head + await self._reader.readexactly(int(length.split(b":")[1]))


@pytest.fixture
async def talk(port: int) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    talk = Talk(reader, writer)
    yield talk
    talk._closed.set()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Ha"])
async def test_who_connects_and_never_finishes_the_head_is_shown_out(talk: Talk, said: bytes) -> None:
    talk.say(said)
    assert await talk.everything() == b""


async def test_dripped_headers_are_cut_off(talk: Talk) -> None:
    talk.say(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
    heard, _ = await asyncio.gather(talk.everything(), talk.drip(b"x"))
    assert heard == b""


@pytest.mark.parametrize(
    "said", [HEAD, HEAD + b"a little", HEAD.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked")]
)
async def test_a_body_that_never_comes_is_answered_408_and_closed(talk: Talk, said: bytes) -> None:
    talk.say(said)
    heard = await talk.everything()
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in heard.lower()


async def test_a_dripped_body_is_ended_when_its_time_is_up(talk: Talk) -> None:
    talk.say(HEAD)
    heard, _ = await asyncio.gather(talk.everything(), talk.drip(b"x"))
    assert heard.startswith(b"HTTP/1.1 408 ")


async def test_framing_without_content_is_no_progress(talk: Talk) -> None:
    talk.say(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    heard, _ = await asyncio.gather(talk.everything(), talk.drip(b"x"))
    assert heard.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))


async def test_a_body_nobody_reads_does_not_hold_the_connection(talk: Talk) -> None:
    talk.say(HEAD.replace(b"POST /", b"POST /unread"))
    heard, _ = await asyncio.gather(talk.everything(), talk.drip(b"x"))
    assert heard.startswith(b"HTTP/1.1 200 ")


async def test_who_stays_silent_after_an_answer_is_shown_out(talk: Talk) -> None:
    talk.say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    heard = await talk.everything()
    assert heard.startswith(b"HTTP/1.1 200 ")


async def test_a_slow_client_leaves_no_trace_of_an_error(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    talk.say(HEAD)
    await talk.everything()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_body_that_comes_in_pieces_in_time_is_taken_whole(talk: Talk) -> None:
    for _ in range(2):
        talk.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        await talk.pause(IDLE / 4)
        talk.say(b"def")
        answer = await talk.answer()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"abcdef")


async def test_work_after_the_body_may_take_its_time(talk: Talk) -> None:
    talk.say(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
    await talk.pause(DRIP)
    talk.say(b"def")
    assert (await talk.answer()).endswith(b"done")


async def test_a_timeout_of_the_handlers_own_is_not_the_clients_fault(talk: Talk) -> None:
    talk.say(HEAD.replace(b"POST /", b"POST /own"))
    assert (await talk.everything()).startswith(b"HTTP/1.1 504 ")


async def test_a_body_above_the_limit_is_answered_413(talk: Talk) -> None:
    size = MAX_BODY_BYTES + 1
    talk.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    assert (await talk.answer()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("headers", [b"X-A: " + b"a" * (2 * MAX_HEAD_BYTES) + b"\r\n", b"X-A: b\r\n" * 65])
async def test_a_header_too_long_or_too_many_of_them_are_answered_400(talk: Talk, headers: bytes) -> None:
    talk.say(b"GET / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
    # The parser refuses it before any middleware, in HTTP/1.0.
    assert (await talk.everything()).startswith(b"HTTP/1.0 400 ")


async def test_a_head_too_large_in_all_is_answered_431_and_closed(talk: Talk) -> None:
    talk.say(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: " + b"a" * 5_000 + b"\r\nX-B: " + b"b" * 5_000 + b"\r\n\r\n")
    assert (await talk.everything()).startswith(b"HTTP/1.1 431 ")


def test_all_slow_shapes_end_within_fifteen_seconds_by_default() -> None:
    assert RUNNER_OPTIONS["keepalive_timeout"] <= 15
    assert BODY_IDLE_SECONDS * 1.2 + LINGERING_SECONDS <= 15
