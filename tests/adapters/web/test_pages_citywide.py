"""The whole city on pages: a keeper lets a neighbourhood take part, residents choose it, and read whence it came."""

from __future__ import annotations

import re

import pytest

from fedhood.adapters.web.languages import LANGUAGES
from fedhood.core import accounts, hubs, neighbourhoods, peers, posts
from fedhood.core.hubs.tables import HubMemberTable
from fedhood.core.peers.tables import PeerTable
from fedhood.core.posts import Audience, Category, Kind
from tests.adapters.web.test_pages_every import checked
from tests.core.test_city_messages import add_city


@pytest.fixture
def city(street) -> int:
    def add(uow) -> int:
        peer = add_city(uow)
        named = {"name": "Mechelen (server)", "actor_uri": "https://city.example/ap/instance"}
        PeerTable.update(named).where(PeerTable.id == peer).execute(uow.db)
        return peer

    return street.database.transact(add)


def joined(street) -> None:
    street.database.transact(lambda uow: HubMemberTable.update(standing="joined").execute(uow.db))


async def test_a_keeper_takes_part_waits_and_leaves(street, city):
    ana = await street.browser(street.ana)
    path = f"/host/neighbours/{city}"
    checked(await ana.get(path))
    assert "Takes no part" in ana.words
    await ana.press(f"{path}/citywide", place=str(street.elm), on="yes")
    assert "We wait for the city’s answer." in ana.words
    joined(street)
    checked(await ana.get(path))
    assert "Takes part" in ana.words
    await ana.press(f"{path}/citywide", place=str(street.elm), on="no")
    assert "Takes no part" in ana.words
    assert not street.database.look(hubs.joined_by, street.elm, now=street.database.clock.now())


async def test_nobody_else_lets_it_take_part(street, city):
    for who in (street.eva, street.bob):
        browser = await street.browser(who)
        await browser.get("/")
        await browser.post(f"/host/neighbours/{city}/citywide", place=str(street.elm), on="yes")
        assert browser.status == 403
    ana = await street.browser(street.ana)
    await ana.get("/")
    await ana.post(f"/host/neighbours/{city}/citywide", place=str(street.oak), on="yes")
    assert ana.status == 403, "Oak is not hers to keep"
    await ana.get("/")
    await ana.post(f"/host/neighbours/{city}/citywide", place="x", on="yes")
    assert ana.status == 422
    assert street.database.look(hubs.standing, peer_id=city, place=street.elm) is None


async def test_where_it_is_no_city_there_is_nothing_to_take_part_in(street, city):
    street.database.transact(
        lambda uow: PeerTable.update(trust="neighbour").where(PeerTable.id == city).execute(uow.db)
    )
    ana = await street.browser(street.ana)
    await ana.get(f"/host/neighbours/{city}")
    assert "whole city" not in ana.words
    await ana.post(f"/host/neighbours/{city}/citywide", place=str(street.elm), on="yes")
    assert ana.status == 403


@pytest.fixture
def taking_part(street, city) -> int:
    street.database.transact(hubs.ask, by=None, peer_id=city, place=street.elm)
    joined(street)
    return street.database.look(hubs.of_peer, city).id


async def test_a_resident_chooses_the_whole_city_by_its_name(street, city, taking_part):
    eva = await street.browser(street.eva)
    page = checked(await eva.get("/compose"))
    assert "Elm and the whole city of Mechelen" in eva.words
    (value,) = {attrs["value"] for _, attrs in page.tags if attrs.get("value", "").startswith("city.")}
    await eva.press("/compose", text="Wie doet mee?", who=value)
    assert "Can be read by: Elm and the whole city of Mechelen" in eva.words
    ((_, post),) = street.database.look(_all_posts)
    assert (post.audience, post.places) == (Audience.CITY, (street.elm, taking_part))
    # a request for help is for neighbours
    await eva.get("/help/new")
    assert "whole city" not in eva.words


def _all_posts(db):
    rows = posts.PostTable.select(posts.PostTable.id).execute(db)
    return [(row.id, posts.row(db, post_id=row.id)) for row in rows]


async def test_who_takes_no_part_is_not_offered_it_and_a_form_of_before_keeps_the_words(street, city, taking_part):
    eva = await street.browser(street.eva)
    page = checked(await eva.get("/compose"))
    (value,) = {attrs["value"] for _, attrs in page.tags if attrs.get("value", "").startswith("city.")}
    street.database.transact(hubs.leave, by=None, peer_id=city, place=street.elm)
    await eva.post("/compose", text="Wie doet mee?", who=value)
    assert eva.status == 422
    assert "Wie doet mee?" in eva.text
    await eva.get("/compose")
    assert "whole city" not in eva.words
    assert street.database.look(_all_posts) == []


@pytest.fixture
def heard(street, taking_part) -> int:
    """A post of Birch, a server that Elm never agreed with."""

    def hear(uow) -> int:
        there = peers.heard_of(
            uow,
            host="birch.example",
            name="Birch",
            actor_uri="https://birch.example/ap/instance",
            multikey="z",
            public_key_pem="p",
            fingerprint="f",
        )
        base = "https://birch.example/ap"
        home = neighbourhoods.remember(uow, peer=there.id, uri=f"{base}/groups/birch", key="birch", name="Birch")
        kim = accounts.remember(uow, peer=there.id, uri=f"{base}/people/kim", name="Kim", neighbourhood=home)
        return posts.mirror(
            uow,
            uri=f"{base}/notes/1",
            kind=Kind.NOTE,
            audience=Audience.CITY,
            neighbourhood=home,
            author=kim,
            places=[home, taking_part, street.elm],
            text="Dag stad",
            language="nl",
            category=Category.OTHER,
            published_at=uow.now,
        )

    return street.database.transact(hear)


@pytest.mark.parametrize("code", list(LANGUAGES))
async def test_it_is_shown_with_where_it_came_from_in_every_language(street, city, heard, code):
    eva = await street.browser(street.eva)
    checked(await eva.get(f"/?lang={code}"))
    assert "Dag stad" in eva.words
    checked(await eva.get(f"/p/{heard}"))
    assert "Birch" in eva.words
    assert code != "en" or "Birch, in this city" in eva.words
    assert "Mechelen" in eva.words
    assert f"/p/{heard}/thanks" not in eva.text, "thanks do not go through a hub"
    await eva.press(f"/p/{heard}/answer", text="Wij ook")
    assert "Wij ook" in eva.words
    checked(await eva.get("/compose"))
    checked(await eva.get("/about/policy"))
    bob = await street.browser(street.bob)
    await bob.get(f"/p/{heard}")
    assert bob.status == 404, "Oak takes no part"
    ana = await street.browser(street.ana)
    checked(await ana.get(f"/host/neighbours/{city}?lang={code}"))
    checked(await ana.get("/host/neighbours"))
    assert "birch.example" not in ana.text, "with whom nothing is agreed nor asked stands on no page"


async def test_it_can_be_hidden_here_and_reported(street, heard):
    eva, ana = await street.browser(street.eva), await street.browser(street.ana)
    await eva.get(f"/p/{heard}")
    await eva.press(f"/p/{heard}/report", reason="other", text="Hoort hier niet")
    await ana.get("/host/reports")
    found = re.search(r"/host/reports/[0-9]+", ana.text)
    assert found is not None
    await ana.press(f"{found.group(0)}/hide")
    await eva.get(f"/p/{heard}")
    assert eva.status == 404
