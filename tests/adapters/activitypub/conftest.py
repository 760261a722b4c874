"""Elm, and a server that plays Oak, with letters between them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from fedhood.adapters.activitypub import deliver
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.http.client import Client
from fedhood.kernel.engine import Database
from fedhood.kernel.settings import Settings
from tests.adapters.activitypub.letters import ACCEPTED
from tests.adapters.activitypub.next_door import (
    World,
    build,
)
from tests.adapters.http.remote import PATIENT, Remote, served
from tests.support.clocks import FakeClock


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
