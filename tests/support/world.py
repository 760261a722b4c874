"""Whole servers in one process, on real sockets of this machine, and the people who live there."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import socket
from typing import TYPE_CHECKING

from fedhood.app import Server
from fedhood.core import access, accounts, households, neighbourhoods, peers
from fedhood.core.access import Role, Viewer
from fedhood.kernel.ids import SLOTS
from fedhood.kernel.settings import Profile, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from fedhood.kernel.database import UnitOfWork


_SLOTS = itertools.count(1)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclasses.dataclass
class Place:
    """A server that hosts neighbourhoods, and shortcuts to act in them."""

    server: Server
    homes: dict[str, int]

    @property
    def database(self):
        return self.server.database

    @property
    def host(self) -> str:
        return self.server.settings.host

    async def resident(self, name: str, home: str | None = None, *, moderator: bool = False) -> Viewer:
        """Somebody new who lives here, in a household of their own."""
        neighbourhood = self.homes[home] if home else next(iter(self.homes.values()))
        return await self.database.write(_settle_in, name=name, neighbourhood=neighbourhood, moderator=moderator)

    async def close(self) -> None:
        await self.server.close()


def _settle_in(uow: UnitOfWork, *, name: str, neighbourhood: int, moderator: bool) -> Viewer:
    account = accounts.create(uow, name=name, neighbourhood=neighbourhood, language="en")
    household = households.found(uow, neighbourhood=neighbourhood)
    households.admit(uow, account=account, household=household)
    if moderator:
        access.give(uow, account=account, role=Role.MODERATOR, neighbourhood=None, by=None)
    session = access.open_session(uow, account=account, label="test", with_passphrase=True)
    viewer = access.viewer_of(uow.db, token=session.token, now=uow.now)
    assert viewer is not None
    return viewer


async def place(
    folder: Path,
    name: str,
    *homes: str,
    clock_offset: Path | None = None,
    profile: Profile = Profile.NEIGHBOURHOOD,
    dsn: str = "",
    port: int = 0,
) -> Place:
    """Start a server called `name`.localhost with these neighbourhoods; with `dsn` on PostgreSQL, with `port` at it."""
    port = port or free_port()
    settings = Settings(
        data_dir=folder / name,
        listen=f"127.0.0.1:{port}",
        host=f"{name}.localhost:{port}",
        profile=profile,
        loopback_names=True,
        rehearsal=True,
        clock_offset=clock_offset,
        database=dsn,
    )
    settings.data_dir.mkdir(parents=True)
    server = Server(settings)
    await server.start(working=False)
    # servers that never meet may make the same id in the same millisecond; tests compare ids of several servers
    server.new_id.use(next(_SLOTS) % SLOTS)
    made = {
        home: await server.database.write(neighbourhoods.create, name=home, languages=("en", "nl", "fr"))
        for home in homes or (() if profile is Profile.CITY else (name.capitalize(),))
    }
    return Place(server, made)


async def reopen(closed: Place) -> Place:
    """Start a server that was closed once more, with what it has on its disk."""
    server = Server(closed.server.settings)
    await server.start(working=False)
    server.new_id.use(next(_SLOTS) % SLOTS)
    return Place(server, closed.homes)


async def settle(*places: Place) -> None:
    """Let every worker do what waits, until nobody has anything left to do."""
    for _ in range(200):
        did = [await one.server.worker.step() for one in places]
        if not any(did):
            return
        await asyncio.sleep(0)
    raise AssertionError("the servers never came to rest")


async def make_neighbours(one: Place, other: Place, first: Viewer, second: Viewer) -> None:
    """Two moderators find each other, read the letters out on the phone, and both press "they match"."""
    theirs = await one.database.write(peers.propose, by=first, host=other.host)
    await settle(one, other)
    ours = await other.database.read(peers.by_host, one.host)
    assert ours is not None
    await other.database.write(peers.confirm, by=second, peer_id=ours.id, pairs=None)
    await settle(one, other)
    await one.database.write(peers.confirm, by=first, peer_id=theirs, pairs=None)
    await settle(one, other)
