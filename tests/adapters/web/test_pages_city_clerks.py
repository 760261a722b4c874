"""The clerks of a city: a way back in, and an end. And what a city's other pages call whom."""

import re

import pytest

from fedhood.core import access, accounts, notifications, peers
from fedhood.core.access import Permission, Role
from fedhood.core.notifications import Kind
from fedhood.core.peers import Trust
from fedhood.kernel.settings import Profile, Settings
from tests.adapters.web.browser import Browser, site
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_host import KNOWN, THEIRS, they_agree


@pytest.fixture
async def city(running, clock, aiohttp_client):
    """A city with two clerks, Cleo and Max, and a browser for each."""
    client = await aiohttp_client(site(running, clock, Settings(profile=Profile.CITY, rehearsal=True)))
    clerks = {name: running.transact(_clerk, name=name) for name in ("Cleo", "Max")}

    async def browser(name: str) -> Browser:
        fresh = Browser(await aiohttp_client(client.server))
        return _signed_in(fresh, running, clerks[name]) if name else fresh

    browser.clerks, browser.database = clerks, running
    return browser


def _clerk(uow, *, name: str) -> int:
    account = accounts.create(uow, name=name, neighbourhood=None, language="en")
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=None)
    return account


def _signed_in(browser: Browser, database, account: int) -> Browser:
    opened = database.transact(access.open_session, account=account, with_passphrase=True)
    browser.client.session.cookie_jar.update_cookies({"sid": opened.token}, browser.client.make_url("/"))
    return browser


async def test_a_clerk_who_lost_the_link_is_given_a_new_one(city):
    cleo = await city("Cleo")
    checked(await cleo.get("/city/clerks"))
    assert "A new link for Max" in cleo.words
    assert "A new link for Cleo" not in cleo.words
    page = await cleo.post(f"/city/clerks/{city.clerks['Max']}/link")
    checked(page)
    path = re.search(r'class="code">http://[^/]+(/link/[^<]+)<', page).group(1)
    newcomer = await city("")
    await newcomer.get(path)
    await newcomer.press(path)
    assert newcomer.status == 200


async def test_a_clerk_who_works_with_the_figures_no_longer_is_signed_out(city):
    cleo, max_ = await city("Cleo"), await city("Max")
    await cleo.get("/city/clerks")
    await cleo.press(f"/city/clerks/{city.clerks['Max']}/dismiss")
    assert "Max" not in cleo.words
    assert city.database.look(access.holders, Permission.COUNT, None) == [city.clerks["Cleo"]]
    await max_.get("/city")
    assert max_.status == 401


async def test_the_last_clerk_reads_why_nobody_may_stop(city):
    cleo = await city("Cleo")
    await cleo.get("/city/clerks")
    await cleo.press(f"/city/clerks/{city.clerks['Max']}/dismiss")
    assert "no longer" not in cleo.words
    page = await cleo.post(f"/city/clerks/{city.clerks['Cleo']}/dismiss")
    checked(page)
    assert cleo.status == 409
    assert "Somebody has to work with the figures." in cleo.words


async def test_a_clerk_stops_by_oneself_and_is_outside(city):
    cleo = await city("Cleo")
    await cleo.get("/city/clerks")
    await cleo.post(f"/city/clerks/{city.clerks['Cleo']}/dismiss")
    assert (cleo.status, cleo.where) == (303, "/")
    await cleo.get("/city")
    assert cleo.status == 401


async def test_nobody_but_a_clerk_is_helped_in_or_removed(city):
    cleo = await city("Cleo")
    await cleo.get("/city/clerks")
    for what in ("link", "dismiss"):
        await cleo.post(f"/city/clerks/999999/{what}", csrf=cleo.proof)
        assert cleo.status == 404
        await cleo.get("/city/clerks")


async def test_a_city_hears_of_a_neighbourhood_and_reads_what_it_would_be_given(city):
    groups = [{"uri": "https://linden.example/ap/groups/linden", "key": "linden", "name": "Linden"}]
    asked = {"host": "linden.example", "follow_uri": "https://linden.example/ap/activities/1", "groups": groups}
    peer = city.database.transact(peers.asked, trust=Trust.CITY, **asked, **KNOWN)
    city.database.transact(notifications.tell, account=city.clerks["Cleo"], kind=Kind.PEER_ASKS, object=peer)
    cleo = await city("Cleo")
    await cleo.get("/notifications")
    assert "A neighbourhood would like to get to know you." in cleo.words
    checked(await cleo.get(f"/host/neighbours/{peer}"))
    assert "They would like to hand their figures in to you. Compare the letters." in cleo.words
    assert "you may write to everybody there, and read what they let you." in cleo.words
    assert "next door" not in cleo.words
    await cleo.press(f"/host/neighbours/{peer}/match", letters=THEIRS)
    city.database.transact(they_agree, peer, Trust.CITY)
    await cleo.get(f"/host/neighbours/{peer}")
    assert "They hand their figures in to you." in cleo.words


async def test_a_city_that_knows_nobody_looks_for_neighbourhoods_and_not_next_door(city):
    cleo = await city("Cleo")
    await cleo.get("/host/neighbours")
    assert "You know no neighbourhood yet." in cleo.words
    assert "next door" not in cleo.words


async def test_the_address_of_the_city_leads_anybody_to_its_figures(city):
    nobody = await city("")
    await nobody.get("/@city")
    assert (nobody.status, nobody.where) == (302, "/metrics/v1/")


async def test_the_headline_of_a_quarter_says_below_what_its_percentage_is_of(city):
    cleo = await city("Cleo")
    await cleo.get("/city/set-up")
    areas = "Elm,elm.example,1450,Statbel,2026-01-01\nOak,oak.example,1570,Statbel,2026-01-01"
    await cleo.press("/city/set-up", name="Mechelen", areas=areas)
    assert "In 0 of 2 neighbourhoods, 0 % of households" in cleo.words
    assert "0 of 3,020 live in neighbourhoods that reported" in cleo.words
    assert "It does not say how many of them take part." in cleo.words
