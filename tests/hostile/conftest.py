"""What the tests of hostile peers share: one street to each process, and ids in the names of tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.hostile.open_world import OpenWorld, open_world
from tests.hostile.oracles import CONNECTIONS
from tests.hostile.peer import Peer, Underworld, underworld
from tests.hostile.street import Street, open_street

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHOLE = "--hostile"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(WHOLE, action="store_true", help="run the tests of hostile peers that take long, too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes seconds; only `make hostile` runs it")
    CONNECTIONS.install()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption(WHOLE, default=False):
        items.sort(key=lambda item: item.get_closest_marker("long") is None)  # those first that others wait for
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture(autouse=True)
def published(request: pytest.FixtureRequest) -> Any:
    """The row and the ids that a test is about, which the run counts; None for one that is about none."""
    about = getattr(request, "param", None)
    if about is not None:
        request.node.user_properties.append(("published", [list(about[1]), about[0]]))
    return about


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    """As a server's own log is set up: what is no HTTP is answered, not told."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hostile_world() -> AsyncIterator[Underworld]:
    async with underworld() as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street(hostile_world: Underworld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with open_street(tmp_path_factory.mktemp("street"), hostile_world) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def evil(street: Street) -> Peer:
    """A neighbour that was agreed with and is worth nothing."""
    return await street.neighbour()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def outside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenWorld]:
    async with open_world(tmp_path_factory.mktemp("outside")) as made:
        yield made
