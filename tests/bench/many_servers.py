"""A neighbourhood with one resident and many other servers that read it, and who answers in their names."""

from __future__ import annotations

import asyncio
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
from tests.support.people import settle_in
from tests.support.world import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


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


def found(
    folder: Path, ports: Sequence[int], then: Callable[[UnitOfWork, Viewer], None] | None = None
) -> tuple[Settings, str]:
    """A neighbourhood with one resident, and a server at each of these ports that reads all of it.

    Returns the settings and the resident's session; `then` is done at the end, by the resident.
    """
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
    token = database.transact(_settle, ports=ports, then=then)
    database.release()
    return settings, token


def _settle(uow: UnitOfWork, *, ports: Sequence[int], then: Callable[[UnitOfWork, Viewer], None] | None) -> str:
    home = neighbourhoods.create(uow, name="Elm", languages=("en",))
    ana = settle_in(uow, name="Ana", home=home)
    access.give(uow, account=ana.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    for number, port in enumerate(ports):
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
    if then is not None:
        then(uow, ana)
    return access.open_session(uow, account=ana.account, label="bench", with_passphrase=True).token
