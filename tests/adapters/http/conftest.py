"""Servers and clients that close with the test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from fedhood.adapters.http.client import Client
from tests.adapters.http.remote import PATIENT, Remote, served


@pytest.fixture
async def world() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def remote(world: AsyncExitStack) -> Remote:
    return await served(world)


@pytest.fixture
async def client(remote: Remote) -> AsyncIterator[Client]:
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=PATIENT) as opened:
        yield opened


@pytest.fixture
async def outside() -> AsyncIterator[Client]:
    async with Client(user_agent="fedhood/test", timeouts=PATIENT) as opened:
        yield opened
