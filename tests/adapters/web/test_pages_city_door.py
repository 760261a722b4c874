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


async def test_the_pages_of_a_city_do_not_speak_of_neighbours_who_live_there(city):
    stranger = Visitor(city.host)
    for path in ("/about", "/about/policy", "/accessibility"):
        page = await asyncio.to_thread(stranger.get, path)
        assert page.says("Run for the city, without adverts.")
        assert not page.links("/rules")
    assert (await asyncio.to_thread(stranger.get, "/about")).says("Nobody lives here")
    assert (await asyncio.to_thread(stranger.get, "/metrics/v1/")).says("It is made public once the protection")
    assert not (await asyncio.to_thread(stranger.get, "/about/policy")).says("passphrase")
