"""The clerk's pages: how a quarter stands in words, and the list that can be put right line by line."""

import dataclasses
import html
import re
from datetime import timedelta

import pytest
from aiohttp import FormData

from fedhood.adapters.web import city_pages
from fedhood.adapters.web.routes import ROUTES, Route, Who
from fedhood.adapters.web.site import _answering
from fedhood.core import access, accounts, metrics
from fedhood.core.access import Permission, Role
from fedhood.core.metrics import Why
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import FROM_HERE, Browser, site
from tests.adapters.web.test_pages_every import checked
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
    for path in ("/city", "/city/set-up", "/city/clerks"):
        await stranger.get(path)
        assert stranger.status == 401
        await resident.get(path)
        assert resident.status == 403


@pytest.fixture
async def townhall(clients, running) -> Browser:
    """A clerk who lives in no neighbourhood of this house."""
    token = running.transact(metrics.name_city, name="Mechelen") or running.transact(invited)
    browser = await clients()
    await browser.get(f"/link/{token}")
    await browser.press(f"/link/{token}")
    running.transact(access.renew_passphrase, session=running.look(access.sessions_of, running.look(clerks)[-1])[0].id)
    return browser


def invited(uow) -> str:
    account = accounts.create(uow, name="Toon Torenwacht", neighbourhood=None, language="en")
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=None)
    return access.make_link(uow, account=account, by=None)


def clerks(db) -> list[int]:
    return access.holders(db, Permission.COUNT, None)


async def test_a_clerk_who_lives_elsewhere_finds_the_way_on_every_page_and_nothing_that_is_not_theirs(townhall):
    for path in ("/city", "/city/set-up", "/city/clerks", "/host/neighbours", "/account"):
        page = await townhall.get(path)
        checked(page)
        for href in ("/city", "/city/set-up", "/city/clerks", "/host/neighbours", "/account"):
            current = ' aria-current="page"' if href == path else ""
            assert f'<a class="chip" href="{href}"{current}>' in page
    assert "For somebody you live with" not in townhall.words
    assert "Whom you blocked" not in townhall.words
    assert 'href="/city"' in await townhall.get("/host/neighbours")


async def test_a_clerk_who_lives_here_comes_to_the_figures_from_their_own_page(clerk, clients, running, here):
    assert 'href="/city"' in await clerk.get("/account")
    assert 'aria-label="For the city"' not in clerk.text
    assert 'aria-label="For the city"' in await clerk.get("/city")
    resident = (await clients()).sign_in_as(running, people.resident(running, "Ana", here))
    assert 'href="/city"' not in await resident.get("/account")


async def test_a_clerk_lets_another_in_by_a_link_that_is_shown_once(townhall, clients, running):
    page = await townhall.get("/city/clerks")
    checked(page)
    assert "Toon Torenwacht" in townhall.words
    known = re.search(r'name="known" value="(\d+)"', page).group(1)
    await townhall.post("/city/clerks", name="", language="nl", known=known)
    assert (townhall.status, 'id="name-error"' in townhall.text) == (422, True)
    page = await townhall.post("/city/clerks", name="Lore Loket", language="nl", known=known)
    checked(page)
    path = re.search(r'class="code">http://[^/]+(/link/[^<]+)<', page).group(1)
    assert 'src="data:image/svg+xml' in page
    assert "lang=" not in page.partition("<body>")[2]
    await townhall.get("/city/clerks")
    await townhall.post("/city/clerks", name="Lore Loket", language="nl", known=known)
    assert townhall.status == 409
    assert "Somebody was invited since you opened this page." in townhall.words
    assert len(running.look(clerks)) == 2
    lore = await clients()
    await lore.get(path)
    await lore.press(path)
    assert "Lore Loket" in lore.words
    assert 'href="/city/clerks"' in lore.text


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


PASTED = (
    "Naam\tAdres\tHuishoudens\tBron\tDatum\n"
    "Elm\telm.example\t1.380\tStatbel, 2026\t1/01/2026\nOak\toak.example\t1 570\tx\t31-12-2025",
    "Nom;Adresse;Ménages;Source;Date\n"
    "Elm;elm.example;1\u202f380;Statbel, 2026;01.01.2026\nOak;oak.example;1570;x;2025-12-31",
    'Elm,elm.example,"1,380","Statbel, 2026",2026-01-01\nOak,oak.example,1570,x,31/12/2025',
)


@pytest.mark.parametrize("text", PASTED)
async def test_a_list_is_taken_as_a_spreadsheet_gives_it(clerk, running, text):
    await listed(clerk, text)
    assert [(one.name, one.households, one.source, one.counted_on) for one in running.look(metrics.areas)] == [
        ("Elm", 1380, "Statbel, 2026", "2026-01-01"),
        ("Oak", 1570, "x", "2025-12-31"),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("Elm,elm.example,13.5,x,2026-01-01", "Line 1: Households is a whole number, 1 or more."),
        ("Elm,elm.example,1380,x,31/02/2026", "Line 1: A date is written as 2026-01-01 or 1/01/2026."),
        ("Elm,elm,1380,x,2026-01-01", "Line 1: This is no address"),
    ],
)
async def test_what_is_no_heading_and_no_number_is_not_guessed_at(clerk, fields, said):
    await clerk.get("/city/set-up")
    await clerk.post("/city/set-up", name="Mechelen", areas=fields)
    assert (clerk.status, said in clerk.words) == (422, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
async def test_a_file_takes_the_place_of_the_list(clerk, running, encoding):
    await listed(clerk)
    await clerk.get("/city/set-up")
    form = FormData(default_to_multipart=True)
    for name, value in (("csrf", clerk.proof), ("name", "Mechelen"), ("areas", LIST), ("new-name", "")):
        form.add_field(name, value)
    body = "Quartier Érable;maple.example;900;Registre;2026-01-01\r\n".encode(encoding)
    form.add_field("file", body, filename="list.csv", content_type="text/csv")
    answer = await clerk.client.post("/city/set-up", data=form, allow_redirects=False, headers=FROM_HERE)
    assert answer.status == 303
    assert [one.name for one in running.look(metrics.areas)] == ["Quartier Érable"]


async def test_a_file_that_is_too_big_or_no_form_at_all_is_refused(clerk):
    await clerk.get("/city/set-up")
    form = FormData(default_to_multipart=True)
    form.add_field("csrf", clerk.proof)
    form.add_field("file", b"x" * 70_000, filename="list.csv")
    assert (await clerk.client.post("/city/set-up", data=form, headers=FROM_HERE)).status == 413
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = await clerk.client.post("/city/set-up", data=b"nothing", headers=FROM_HERE | {"Content-Type": kind})
        assert answer.status in {403, 422}


async def test_a_line_that_is_taken_away_is_off_the_list(clerk, running):
    await listed(clerk)
    await listed(clerk, LIST.partition("\n")[0])
    assert [one.name for one in running.look(metrics.areas)] == ["Elm"]


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
    assert '<a href="/metrics/v1/reports/elm/2026-Q4/1" download>download the report (JSON)</a>' in anybody.text


@pytest.mark.parametrize("rehearsal", [False])
async def test_outside_a_rehearsal_the_pages_say_that_figures_have_not_begun(clients, clerk):
    for browser, path in ((await clients(), "/metrics/v1/"), (clerk, "/city")):
        await browser.get(path)
        assert "Figures begin when their protection is built. Nothing is sent." in browser.words
