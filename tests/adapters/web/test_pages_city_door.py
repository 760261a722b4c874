"""The first clerk of a city: from the address that the server prints to the list of neighbourhoods."""

import asyncio
import re

import pytest

from fedhood.kernel.settings import Profile
from fedhood.simulator.visitor import Visitor
from tests.support.world import place


@pytest.fixture
async def city(tmp_path):
    made = await place(tmp_path, "mechelen", profile=Profile.CITY)
    yield made
    await made.close()


async def test_the_first_clerk_names_the_city_and_is_led_to_its_list(city):
    address = await city.server.set_up_address()
    path = "/" + address.split("/", 3)[3]
    clerk = Visitor(city.host)
    page = await asyncio.to_thread(clerk.get, path)
    proposed = re.search(r'name="passphrase"[^>]*value="([^"]+)"', page.text).group(1)
    led = await asyncio.to_thread(
        clerk.submit, path, {"place": "Mechelen", "name": "Lore", "language": "nl", "passphrase": proposed}
    )
    assert (led.status, led.url) == (200, "/city/set-up")
    assert "Mechelen" in led.text
    assert (await asyncio.to_thread(clerk.get, "/")).url.startswith("/city")
    assert await city.server.set_up_address() is None
