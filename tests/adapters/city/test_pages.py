"""The clerk's pages: how a quarter stands in words, and the list that can be put right line by line."""

import dataclasses
import html
from datetime import timedelta

import pytest

from fedhood.adapters.web import city_pages
from fedhood.adapters.web.routes import ROUTES, Route, Who
from fedhood.adapters.web.site import _answering
from fedhood.core import access, metrics
from fedhood.core.access import Role
from fedhood.core.metrics import Why
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import Browser, site
from tests.core.quarter import Q4, ZONE, settle
from tests.core.test_metrics_city import FIGURES, handed
from tests.support import people

LIST = "Elm,elm.example,1450,Statbel,2026-01-01\nOak,oak.example,1570,Statbel,2026-01-01\n"
PAGES = (
    Route("GET", "/city", city_pages.overview, Who.CLERK),
    Route("GET", "/city/set-up", city_pages.set_up, Who.CLERK),
    Route("POST", "/city/set-up", city_pages.save_set_up, Who.CLERK),
    Route("GET", "/metrics/v1/", city_pages.figures, Who.ANYONE),
)


@pytest.fixture
def rehearsal() -> bool:
    return True


@pytest.fixture
async def clients(running, clock, aiohttp_client, rehearsal):
    app = site(running, clock, Settings(rehearsal=rehearsal, time_zone=ZONE))
    known = {(route.method, route.path) for route in ROUTES}
    for route in PAGES:
        if (route.method, route.path) not in known:
            app.router.add_route(route.method, route.path, _answering(route))
    first = await aiohttp_client(app)

    async def another() -> Browser:
        return Browser(await aiohttp_client(first.server))

    return another


@pytest.fixture
def here(running):
    return people.neighbourhood(running, "Hall")


@pytest.fixture
def cleo(running, here):
    viewer = people.resident(running, "Cleo Klerk", here)
    running.transact(access.give, account=viewer.account, role=Role.CLERK, neighbourhood=None, by=None)
    return viewer


@pytest.fixture
async def clerk(clients, running, cleo) -> Browser:
    return (await clients()).sign_in_as(running, cleo)


@pytest.fixture
def later(clerk, running, cleo, clock):
    """Weeks go by: the clerk signs in anew."""

    def go(moment):
        clock.set(moment)
        clerk.sign_in_as(running, cleo)

    return go


async def listed(clerk: Browser, text: str = LIST) -> None:
    await clerk.get("/city/set-up")
    await clerk.press("/city/set-up", name="Mechelen", areas=text)


def add_peer(running, host: str) -> int:
    return running.transact(
        lambda uow: PeerTable.insert(host=host, state="agreed", trust="neighbour", added_at=uow.now).execute(uow.db)
    )


async def reported(running, host: str = "elm.example", **more) -> None:
    peer = add_peer(running, host)
    await running.write(metrics.receive, peer=peer, handed=dataclasses.replace(handed(), **more))


async def test_only_a_clerk_reads_the_citys_pages(clients, running, here):
    stranger = await clients()
    resident = (await clients()).sign_in_as(running, people.resident(running, "Ana", here))
    for path in ("/city", "/city/set-up"):
        await stranger.get(path)
        assert stranger.status == 401
        await resident.get(path)
        assert resident.status == 403


async def test_before_there_is_a_list_the_page_leads_to_it(clerk):
    await clerk.get("/city")
    assert (clerk.status, 'href="/city/set-up"' in clerk.text) == (200, True)
    assert "No neighbourhood is on your list yet" in clerk.words


async def test_one_of_two_reported_and_the_other_is_late_in_words(clerk, running, later):
    await listed(clerk)
    later(Q4.due)
    await reported(running)
    await clerk.get("/city")
    assert "Rehearsal: figures without protection, invented people" in clerk.words
    assert "October to December 2026" in clerk.words
    assert "In 1 of 2 neighbourhoods, 48 % of households" in clerk.words
    assert "All totals on this page are about Elm alone." in clerk.words
    assert "Connected households 12 of 1,450 households in these neighbourhoods" in clerk.words
    assert "Messages 14 at most 3 of one household are counted" in clerk.words
    assert "Elm Reported came on 16 January 1,450 Statbel, 2026-01-01" in clerk.words.replace("2027 ", "")
    assert "Oak Late was expected on 16 January 2027, nothing came so far 1,570 Statbel" in clerk.words


async def test_when_nobody_reported_there_are_no_totals_not_even_zeros(clerk, later):
    await listed(clerk)
    later(Q4.missing_at)
    await clerk.get("/city")
    assert "In 0 of 2 neighbourhoods, 0 % of households" in clerk.words
    assert "Nobody has reported yet, so there are no totals." in clerk.words
    assert "Missing was expected on 16 January 2027, and never came" in clerk.words
    assert 'class="big"' not in clerk.text


async def test_a_quarter_that_is_under_way_is_not_due(clerk):
    await listed(clerk)
    await clerk.get("/city")
    assert "Not due yet is expected on 16 January 2027" in clerk.words


async def test_a_refused_report_says_why(clerk, running, later):
    await listed(clerk)
    later(Q4.due)
    await reported(running, observations=(dataclasses.replace(FIGURES[2], value=1451),))
    await clerk.get("/city")
    assert "Refused it counts more households than your list knows" in clerk.words


@pytest.mark.parametrize("why", list(Why))
async def test_every_reason_has_words(why, clerk, running, later):
    await listed(clerk)
    later(Q4.due)
    peer = add_peer(running, "elm.example")
    await running.write(
        metrics.refuse, peer=peer, uri="u", raw=b"", digest="z", why=why, reason=f"{why}: x", period=Q4.id
    )
    for language in ("en", "nl", "fr", "de"):
        await clerk.get(f"/city?lang={language}")
        assert clerk.status == 200
        assert f"{why}: " not in clerk.words or why is Why.SCHEMA


async def test_a_report_of_a_place_that_is_not_listed_is_mentioned(clerk, running, later):
    await listed(clerk)
    later(Q4.due)
    await reported(running, "willow.example", area_uri="https://willow.example/areas/willow")
    await clerk.get("/city")
    assert "Reports also came from willow.example" in clerk.words


async def test_an_earlier_quarter_can_be_chosen(clerk, running, later):
    await listed(clerk)
    later(Q4.following().due)
    await reported(running)
    await clerk.get("/city")
    assert "January to March 2027" in clerk.words
    assert "In 0 of 2" in clerk.words
    await clerk.get("/city?period=2026-Q4")
    assert "In 1 of 2" in clerk.words
    await clerk.get("/city?period=1999-Q9")
    assert "In 0 of 2" in clerk.words


# -- the list ----------------------------------------------------------------------------------------------------------


async def test_the_list_is_shown_again_as_it_can_be_pasted(clerk):
    await listed(clerk)
    await clerk.get("/city/set-up")
    assert "name,host,households,source,date\nElm,elm.example,1450,Statbel,2026-01-01" in html.unescape(clerk.text)
    assert 'value="Mechelen"' in clerk.text


async def test_one_neighbourhood_can_be_added_by_its_parts(clerk, running):
    await clerk.get("/city/set-up")
    await clerk.press(
        "/city/set-up",
        name="Mechelen",
        areas=LIST,
        **{
            "new-name": 'Ash, "the north"',
            "new-host": "ash.example",
            "new-households": "900",
            "new-source": "Statbel",
            "new-date": "2026-01-01",
        },
    )
    assert [area.name for area in running.look(metrics.areas)] == ['Ash, "the north"', "Elm", "Oak"]


async def test_a_wrong_line_is_named_and_nothing_is_lost(clerk, running):
    await clerk.get("/city/set-up")
    await clerk.post("/city/set-up", name="Mechelen", areas=LIST + "Ash,ash.example,many,Statbel,2026-01-01\n")
    assert clerk.status == 422
    assert "Line 3: Households is a whole number, 1 or more." in clerk.words
    assert "Ash,ash.example,many" in clerk.text
    assert running.look(metrics.areas) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"areas": ""}, "There is nothing here yet."),
        ({"name": ""}, "There is nothing here yet."),
        ({"new-name": "Ash"}, "This is no address"),
        ({"new-name": "Elm", "new-host": "elm.example"}, "This neighbourhood is on the list already."),
    ],
)
async def test_what_is_missing_is_said_beside_its_field(clerk, fields, said):
    rest = {"new-households": "900", "new-source": "Statbel", "new-date": "2026-01-01"}
    await clerk.get("/city/set-up")
    form = {"name": "Mechelen", "areas": LIST, **(rest if "new-name" in fields else {}), **fields}
    await clerk.post("/city/set-up", **form)
    assert (clerk.status, said in clerk.words) == (422, True)


# -- what is public ----------------------------------------------------------------------------------------------------


async def test_anybody_may_see_which_reports_were_handed_in(clients, running, clock):
    life = settle(running)
    life.posted(life.home())
    clock.set(Q4.cut_off + timedelta(days=1))
    (report,) = await running.write(metrics.compile_due, time_zone=ZONE, rehearsal=True)
    anybody = await clients()
    await anybody.get("/metrics/v1/")
    assert "No report has been handed in yet." in anybody.words
    await running.write(metrics.handed_in, report_id=report, document=b"{}", digest="zA")
    await anybody.get("/metrics/v1/")
    assert 'href="/metrics/v1/reports/elm/2026-Q4/1"' in anybody.text


@pytest.mark.parametrize("rehearsal", [False])
async def test_outside_a_rehearsal_the_pages_say_that_figures_have_not_begun(clients, clerk):
    for browser, path in ((await clients(), "/metrics/v1/"), (clerk, "/city")):
        await browser.get(path)
        assert "Figures begin when their protection is built. Nothing is sent." in browser.words
