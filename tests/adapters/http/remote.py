"""A server on this machine that behaves as badly as a test wants, and what tests say to it."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fedhood.adapters.http.client import Timeouts
from fedhood.kernel.errors import RemoteFailure

PATIENT = Timeouts(connect=5.0, read=5.0, get=20.0, post=20.0)


class Remote:
    """A server on 127.0.0.1 that reads whole requests and lets a script say what to do about each."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.done = asyncio.Event()
        self.answers: list[bytes | None] = []
        self.script: Callable[[bytes], bytes | None] | None = None
        self.speak: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
        self.greeting: bytes = b""
        self.port = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def url(self, path: str = "/", *, name: str = "remote.localhost") -> str:
        return f"http://{name}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while request := await self._request(reader):
                self.requests.append(request)
                if not await self._respond(request, writer):
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _respond(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        if self.speak is not None:
            await self.speak(writer)
            return False
        answer = self.script(request) if self.script else self.answers.pop(0)
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return True

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return head + await reader.readexactly(int(line.split(b":")[1]))
        return head

    async def stop(self) -> None:
        self.done.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def ok(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def to(location: str, status: str = "302 Found") -> bytes:
    return ok(b"elsewhere", status=status, headers=f"Location: {location}\r\n")


async def served(world: AsyncExitStack, tls: ssl.SSLContext | None = None) -> Remote:
    remote = Remote()
    server = await asyncio.start_server(remote.serve, "127.0.0.1", 0, ssl=tls)
    remote.port = server.sockets[0].getsockname()[1]

    async def stop() -> None:
        server.close()
        await remote.stop()
        await server.wait_closed()

    world.push_async_callback(stop)
    return remote


async def refused(asking: Awaitable[object]) -> str:
    with pytest.raises(RemoteFailure) as failure:
        await asking
    return failure.value.code


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Make every name mean these addresses."""

    async def lookup(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)


def header(request: bytes, name: str) -> list[str]:
    lines = request.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return [value.strip() for line in lines for key, _, value in [line.partition(":")] if key.lower() == name]
