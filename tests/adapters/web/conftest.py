"""Two neighbourhoods of one house, next door to each other, and the browsers of who lives there."""

from dataclasses import dataclass

import pytest

from fedhood.core.access import Viewer
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import Browser, site
from tests.support import people

NAMED = Settings(host="elm.localhost:8080", loopback_names=True)


@dataclass
class Street:
    """Ana lives in Elm and looks after it, Eva is her neighbour; Bob lives next door in Oak."""

    elm: int
    oak: int
    ana: Viewer
    eva: Viewer
    bob: Viewer
    client: object
    new_client: object
    database: object

    async def browser(self, viewer: Viewer | None = None, *, with_passphrase: bool = True) -> Browser:
        """A browser of its own; signed in when somebody's."""
        fresh = Browser(await self.new_client(self.client.server))
        return fresh.sign_in_as(self.database, viewer, with_passphrase=with_passphrase) if viewer else fresh


@pytest.fixture
async def street(running, clock, aiohttp_client) -> Street:
    elm, oak = people.neighbourhood(running, "Elm"), people.neighbourhood(running, "Oak")
    people.neighbours(running, elm, oak)
    return Street(
        elm=elm,
        oak=oak,
        ana=people.resident(running, "Ana Dakkapel", elm, moderator=True),
        eva=people.resident(running, "Eva Stoep", elm),
        bob=people.resident(running, "Bob Vensterbank", oak),
        client=await aiohttp_client(site(running, clock, NAMED)),
        new_client=aiohttp_client,
        database=running,
    )
