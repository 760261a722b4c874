"""Who keeps a place tests the way to a neighbour: on the page, and at the machine itself."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from fedhood.adapters.activitypub import echo
from fedhood.adapters.http.findings import Found, Step
from fedhood.adapters.web.keys import DIAGNOSIS
from fedhood.cli import main
from fedhood.cli.door import Given
from fedhood.core import peers
from tests.adapters.web.browser import Browser
from tests.adapters.web.test_pages_every import checked
from tests.support.world import make_neighbours, place


@pytest.fixture
async def street(tmp_path):
    elm, oak = await place(tmp_path, "elm"), await place(tmp_path, "oak")
    ana = await elm.resident("Ana Dakkapel", moderator=True)
    bob = await oak.resident("Bob Vensterbank", moderator=True)
    await make_neighbours(elm, oak, ana, bob)
    yield elm, oak, ana, bob
    for one in (elm, oak):
        await one.close()


@pytest.fixture
async def host(street, aiohttp_client) -> Browser:
    """Ana's browser, at Elm's pages."""
    elm, _, ana, _ = street
    app = elm.server._application()
    return Browser(await aiohttp_client(app)).sign_in_as(elm.database, ana)


def page_of(street) -> str:
    elm, oak, _, _ = street
    return f"/host/neighbours/{elm.database.look(peers.by_host, oak.host).id}"


async def test_a_neighbour_who_is_well_is_told_to_be_so_after_one_press(street, host):
    checked(await host.get(page_of(street)))
    assert f'href="{page_of(street)}/test"' in host.text
    checked(await host.get(f"{page_of(street)}/test"))
    assert "It takes up to 20 seconds and changes nothing." in host.words
    checked(await host.post(f"{page_of(street)}/test"))
    assert host.status == 200
    assert "All is well between you and them." in host.words
    assert "They know your signature (RFC 9421), and you are their neighbour." in host.words
    assert "Their clock and yours agree." in host.words


async def test_one_that_is_gone_is_named_with_an_advice(street, host):
    elm, oak, _, bob = street
    await host.get(f"{page_of(street)}/test")
    there = oak.database.look(peers.by_host, elm.host)
    oak.database.transact(peers.end, by=bob, peer_id=there.id)
    checked(await host.post(f"{page_of(street)}/test"))
    assert "They answer you as they answer strangers." in host.words
    assert "on their page of you it says what they wait for" in host.words
    assert "All is well" not in host.words


async def test_two_tests_at_once_are_one_too_many_and_the_second_is_told(street, host):
    await host.get(f"{page_of(street)}/test")
    async with host.client.app[DIAGNOSIS]._testing:
        checked(await host.post(f"{page_of(street)}/test"))
    assert host.status == 409
    assert "Another test is under way." in host.words


async def test_who_was_never_found_cannot_be_tested(street, host):
    elm, _, ana, _ = street
    unknown = elm.database.transact(peers.propose, by=ana, host="printer.home.example")
    await host.get(f"/host/neighbours/{unknown}")
    assert "Test the way to them" not in host.words
    await host.get(page_of(street))
    await host.post(f"/host/neighbours/{unknown}/test")
    assert host.status == 404
    await host.get(f"/host/neighbours/{unknown}/test")
    assert host.status == 404


async def test_at_the_machine_itself_it_is_the_same_test(street, monkeypatch):
    elm, oak, _, _ = street
    monkeypatch.setattr(Given, "settings", lambda _: elm.server.settings)
    said = await _called("peers", "test", oak.host, "--json")
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert [one["step"] for one in found] == list(Step)
    assert {one["outcome"] for one in found} == {"ok", "-"}
    assert found[7]["found"] == Found.ECHO_GOOD
    lines = (await _called("peers", "test", oak.host)).stdout.splitlines()
    assert lines[0] == "ok    name: The name leads to 127.0.0.1."
    assert lines[-1] == "ok    clock: Their clock and yours agree."
    elm_there = oak.database.look(peers.by_host, elm.host)
    oak.database.transact(peers.end, by=None, peer_id=elm_there.id)
    said = await _called("peers", "test", oak.host)
    assert said.exit_code == 1
    assert "bad   echo: They answer you as they answer strangers. If the clocks" in said.stdout
    assert "this server knows no ash.example" in (await _called("peers", "test", "ash.example")).output


async def _called(*words: str):
    """A command in a thread of its own, while the servers answer in this one."""
    return await asyncio.to_thread(CliRunner().invoke, main, list(words))


async def test_an_older_neighbour_is_told_from_a_stranger(street, host, monkeypatch):
    async def gone(_request):
        raise echo.NotFound

    monkeypatch.setattr(echo, "own", gone)
    await host.get(f"{page_of(street)}/test")
    await host.post(f"{page_of(street)}/test")
    assert "What they run is older and cannot say more; that is no fault." in host.words
    assert "All is well between you and them." in host.words
