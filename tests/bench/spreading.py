"""A post for everybody goes to two hundred servers: how long until the last of them has it.

The server is a process of its own, and a resident writes on the page. The two hundred are names of this machine, of
which each keeps a stream of its own; who answers for all of them is this process, which does nothing else. Beside it
stands the ceiling of the same run: as many requests, signed likewise, from a bare aiohttp client.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fedhood import consequences
from fedhood.core import access, neighbourhoods, posts
from fedhood.core.access import Role
from fedhood.core.peers import GRANTS, Trust
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel import migrate
from fedhood.kernel.clock import Clock
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import SqliteDatabase
from fedhood.simulator.visitor import Visitor
from tests.bench.rows import Row
from tests.bench.running import serving
from tests.support.people import settle_in
from tests.support.world import free_port

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = 200
AT_MOST = 0.3  # seconds until the last has it
TIMES = 2.5  # what the bare client takes
ROUNDS = 3
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_PATIENCE = 60.0  # seconds


class Sink(asyncio.Protocol):
    """Takes every request, whoever it is for, and notes when its last byte came."""

    arrived: list[float]

    def __init__(self, arrived: list[float]) -> None:
        self.arrived = arrived
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connects."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some bytes came: one request after the other, each with its length."""
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, body = self._rest.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = int(next((line[15:] for line in lines if line.startswith(b"content-length:")), 0))
            if len(body) < length:
                return
            if head.startswith(b"POST"):
                self.arrived.append(time.perf_counter())
            self._rest = body[length:]
            self._transport.write(_ACCEPTED)


def measured(folder: Path, servers: int = SERVERS) -> list[Row]:
    """The rows."""
    folder.mkdir()
    return asyncio.run(_measure(folder, servers))


async def _measure(folder: Path, servers: int) -> list[Row]:
    arrived: list[float] = []
    sink = await asyncio.get_running_loop().create_server(lambda: Sink(arrived), "127.0.0.1", 0, backlog=2 * servers)
    port = sink.sockets[0].getsockname()[1]
    settings, token = _found(folder, servers, port)
    bare = await _bare(servers, port, arrived)
    took = []
    with serving(settings, folder) as _:
        visitor = Visitor(settings.host, token)
        for number in range(ROUNDS + 1):
            arrived.clear()
            began = time.perf_counter()
            answer = await asyncio.to_thread(
                visitor.submit, "/compose", {"text": f"For all, {number}", "who": "public"}
            )
            assert answer.status == 200, answer.status
            took.append(await _last(arrived, servers) - began)
    sink.close()
    # the first one makes keys and opens connections
    best = min(took[1:])
    return [
        Row(f"ceiling: bare signed aiohttp client to {servers} servers", bare, "s"),
        Row(
            f"a post for everybody on {servers} servers, until the last has it",
            best,
            "s",
            AT_MOST,
            True,
            f"{best / bare:.2f} × bare (≤ {TIMES}); the very first {took[0]:.2f} s",
        ),
    ]


async def _last(arrived: list[float], count: int) -> float:
    until = time.perf_counter() + _PATIENCE
    while len(arrived) < count:
        assert time.perf_counter() < until, f"{len(arrived)} of {count} arrived"
        await asyncio.sleep(0.002)
    return arrived[count - 1]


async def _bare(servers: int, port: int, arrived: list[float]) -> float:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bare_client", str(servers), str(port), str(ROUNDS + 1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    took = []
    for _ in range(ROUNDS + 1):
        await asyncio.to_thread(process.stdout.readline)
        arrived.clear()
        began = time.perf_counter()
        process.stdin.write(b"go\n")
        process.stdin.flush()
        took.append(await _last(arrived, servers) - began)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    return min(took[1:])


def _found(folder: Path, servers: int, port: int) -> tuple[Settings, str]:
    """A neighbourhood with one resident, and so many others that read all of it; the resident's session."""
    here = free_port()
    settings = Settings(
        data_dir=folder / "elm",
        listen=f"127.0.0.1:{here}",
        host=f"elm.localhost:{here}",
        loopback_names=True,
        rehearsal=True,
        clock_offset=folder / "clock-offset",
    )
    settings.data_dir.mkdir()
    clock = Clock()
    migrate.up(settings, now=clock.now())
    database = SqliteDatabase(
        settings.data_dir / "fedhood.db", clock=clock, new_id=IdMaker(clock), consequences=consequences.follow
    )
    token = database.transact(_settle, servers=servers, port=port)
    database.release()
    return settings, token


def _settle(uow, *, servers: int, port: int) -> str:
    home = neighbourhoods.create(uow, name="Elm", languages=("en",))
    ana = settle_in(uow, name="Ana", home=home)
    access.give(uow, account=ana.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    for number in range(servers):
        host = f"h{number}.localhost:{port}"
        base = f"http://{host}"
        peer = PeerTable.insert(
            host=host,
            state="agreed",
            trust="neighbour",
            added_at=uow.now,
            actor_uri=f"{base}/ap/instance",
            inbox=f"{base}/ap/instance/inbox",
            shared_inbox=f"{base}/ap/inbox",
            peer_inbox=f"{base}/ap/instance/peer-inbox",
            their_follow_uri=f"{base}/1",
            our_follow_uri="y",
        ).execute(uow.db)
        for ours in (True, False):
            AgreementTable.insert(
                peer=peer,
                ours=ours,
                trust="neighbour",
                scopes=list(GRANTS[Trust.NEIGHBOUR]),
                valid_until=uow.now.replace(year=uow.now.year + 1),
                updated_at=uow.now,
            ).execute(uow.db)
        uri = f"{base}/ap/groups/h{number}"
        there = neighbourhoods.remember(uow, peer=peer, uri=uri, key=f"h{number}", name=f"H {number}")
        neighbourhoods.pair(uow, writer=home, reader=there)
        neighbourhoods.pair(uow, writer=there, reader=home)
    assert posts.offered(uow.db, neighbourhood=home)[-1].audience is posts.Audience.PUBLIC
    return access.open_session(uow, account=ana.account, label="bench", with_passphrase=True).token
