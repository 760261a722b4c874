"""Oak as it runs on the open internet: https addresses, no ports, names from a name server that an enemy runs.

It listens on this machine, and whatever it would connect to is looked at where it counts: at the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fedhood.app import Server
from fedhood.core import neighbourhoods
from fedhood.kernel.settings import Settings
from tests.hostile import oracles
from tests.hostile.wire import send
from tests.support.egress import is_here
from tests.support.world import Place, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from fedhood.core.access import Viewer
    from tests.hostile.wire import Letter, Reply

HOST = "oak.example"
Addresses = tuple[str, ...]


@dataclass
class NameServer:
    """Says of every name what the enemy wants, and remembers what was asked."""

    answer: Callable[[str], Addresses]
    asked: list[str] = field(default_factory=list)

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        found = self.answer(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in found
        ]


@contextlib.contextmanager
def names(answer: Callable[[str], Addresses] | Addresses) -> Iterator[NameServer]:
    """The enemy's name server, for the running loop."""
    server = NameServer(answer if callable(answer) else lambda _: answer)
    loop: Any = asyncio.get_running_loop()
    loop.getaddrinfo = server.getaddrinfo
    try:
        yield server
    finally:
        del loop.getaddrinfo


@dataclass
class OpenWorld:
    """The server, and who looks after it."""

    oak: Place
    bob: Viewer
    port: int

    async def send(self, letter: Letter | bytes) -> Reply:
        return await send(self.port, letter if isinstance(letter, bytes) else letter.raw())

    def digest(self, *but: str) -> dict[str, str]:
        return oracles.digest(self.oak, but=frozenset(but))


@contextlib.asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[OpenWorld]:
    port = free_port()
    server = Server(Settings(data_dir=folder / "oak", listen=f"127.0.0.1:{port}", host=HOST))
    server.settings.data_dir.mkdir(parents=True)
    await server.start(working=False)
    home = await server.database.write(neighbourhoods.create, name="Oak", languages=("en",))
    place = Place(server, {"Oak": home})
    bob = await place.resident("Bob Vensterbank", moderator=True)
    try:
        yield OpenWorld(place, bob, port)
    finally:
        await place.close()


@contextlib.contextmanager
def nobody_answers() -> Iterator[list[str]]:
    """The addresses to which a connection is tried meanwhile, in order: none but this machine's own comes about.

    It stands where the event loop connects, behind everything that a server checks before.
    """
    loop: Any = asyncio.get_running_loop()
    tried: list[str] = []
    connect = loop.sock_connect

    async def sock_connect(opened: socket.socket, address: Any) -> None:
        tried.append(str(address[0]))
        if not is_here(str(address[0])):
            raise ConnectionRefusedError
        await connect(opened, address)

    loop.sock_connect = sock_connect
    try:
        yield tried
    finally:
        del loop.sock_connect
