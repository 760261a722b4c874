"""Every page there is, in every language: who gets it, and whether it keeps to the rules of the house."""

import re
from urllib.parse import urlsplit

import pytest

from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.render import static, static_files
from fedhood.adapters.web.routes import ROUTES, Who
from fedhood.core import access, accounts, help_requests
from tests.adapters.activitypub.test_peering import recorded
from tests.adapters.web.test_pages_help import asked, button, offered
from tests.adapters.web.test_pages_posts import told
from tests.adapters.web.test_render import Page

MACHINERY = re.compile(r"instance|federat|peer\b|server|actor|activitypub", re.IGNORECASE)
FILES = {"/account/data"}  # no page
PAGES = [
    route
    for route in ROUTES
    if route.method == "GET" and not route.path.startswith("/static/") and route.path not in FILES
]


def checked(text: str) -> Page:
    """A page that is well formed, labelled, and without styles or scripts of its own."""
    page = Page(text)
    assert page.open == []
    ids = page.every("id")
    assert len(ids) == len(set(ids)), sorted(ids)
    for tag, attrs in page.tags:
        assert tag not in {"style", "script"}
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if tag in {"input", "textarea", "select"} and attrs.get("type") != "hidden":
            assert attrs["id"] in page.every("for"), attrs
        if tag == "form":
            assert attrs["method"] == "post"
    pointed = [
        name
        for key in ("for", "aria-labelledby", "aria-describedby")
        for value in page.every(key)
        for name in value.split()
    ]
    assert set(pointed) <= set(ids)
    assert [tag for tag, _ in page.tags].count("h1") == 1
    return page


@pytest.fixture
async def lived_in(street):
    """Paths of a street in which something happened."""
    post = await told(street, who=f"neighbours.{street.elm}.{street.oak}")
    ana = await street.browser(street.ana)
    await ana.get(post)
    await ana.press(f"{post}/answer", text="At nine")
    request = (await asked(street)).where
    await offered(street, request, street.bob)
    await ana.get(request)
    await ana.press(button(ana.text, "choose"))
    waiting = (await asked(street, line="A lift on Tuesday?")).where
    await offered(street, waiting, street.eva)
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    return {
        "/n/{key}": "/n/elm",
        "/p/{id}": post,
        "/p/{id}/edit": f"{post}/edit",
        "/p/{id}/delete": f"{post}/delete",
        "/help/{id:[0-9]+}": waiting,
        "/help/{id:[0-9]+}/talk": f"{request}/talk",
        "/p/{id}/report": f"{post}/report",
        "/help/{id:[0-9]+}/report": f"{waiting}/report",
        "/help/{id:[0-9]+}/talk/report": f"{request}/talk/report",
        "/@{handle}": "/@eva-stoep",
        "/people/{key}": f"/people/{street.database.look(accounts.get, street.bob.account).key}",
        "/link/{token}": f"/link/{token}",
        "/host/people/{account:[0-9]+}/link": f"/host/people/{street.eva.account}/link",
        "/host/people/{account:[0-9]+}/entrust": f"/host/people/{street.eva.account}/entrust",
        "/host/people/{account:[0-9]+}/relieve": f"/host/people/{street.ana.account}/relieve",
    }


def addresses(paths: dict[str, str]) -> list[str]:
    return [paths.get(route.path, route.path) for route in PAGES if "{" not in paths.get(route.path, route.path)]


@pytest.mark.parametrize("code", list(LANGUAGES))
async def test_every_page_keeps_to_the_rules_in_every_language(street, lived_in, code):
    for viewer in (street.ana, street.bob, None):
        browser = await street.browser(viewer)
        for path in addresses(lived_in):
            text = await browser.get(f"{path}?lang={code}")
            if browser.status == 303:
                continue
            checked(text)
            assert f'<html lang="{code}"' in text
            assert browser.headers["Cache-Control"] == "no-store"
            if not path.startswith("/host"):
                assert not MACHINERY.search(browser.words), (path, MACHINERY.search(browser.words))


async def test_every_page_that_is_for_somebody_is_closed_to_nobody(street, lived_in):
    browser = await street.browser()
    for route in ROUTES:
        if route.who is Who.ANYONE:
            continue
        path = re.sub(r"\{[^}]*\}", "1", lived_in.get(route.path, route.path))
        if route.method == "GET":
            await browser.get(path)
        else:
            await browser.post(path)
        assert browser.status == 401, (route, browser.status)


async def test_every_form_refuses_what_is_not_ours(street, lived_in):
    browser = await street.browser(street.ana)
    for route in ROUTES:
        if route.method == "POST":
            path = re.sub(r"\{[^}]*\}", "1", lived_in.get(route.path, route.path))
            await browser.post(path, csrf="forged")
            assert browser.status == 403, route


async def test_every_page_answers_head_and_refuses_other_methods(street):
    assert (await street.client.head("/about")).status == 200
    answer = await street.client.delete("/about")
    assert answer.status == 405
    checked(await answer.text())


async def test_a_page_that_is_not_there_says_so_in_the_same_bytes(street):
    browser = await street.browser(street.eva)
    pages = {
        await browser.get(path) for path in ("/p/1", "/p/2", "/p/x", "/help/7", "/n/none", "/nothing", "/p/" + "9" * 40)
    }
    assert browser.status == 404
    assert len(pages) == 1


async def test_static_files_are_kept_for_a_year_and_only_those_that_exist(street):
    for path in (static("fedhood.css"), static("icons.svg")):
        answer = await street.client.get(path, headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
        file = static_files()[path.removeprefix("/static/")]
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert await answer.read() == file.gzipped
        assert answer.headers["Content-Type"] == file.content_type
        plain = await street.client.get(path, headers={"Accept-Encoding": "identity"})
        assert await plain.read() == file.body
    assert (await street.client.get("/static/fedhood.css")).status == 404
    assert (await street.client.get("/static/../site.py")).status == 404


async def test_the_note_of_a_request_is_on_no_page_but_the_two_askers_pages(street, lived_in):
    street.database.transact(
        help_requests.edit_note,
        by=street.ana,
        request_id=int(lived_in["/help/{id:[0-9]+}"].rpartition("/")[2]),
        text="P3-CANARY",
    )
    for viewer in (street.ana, street.eva, street.bob, None):
        browser = await street.browser(viewer)
        shown = [path for path in addresses(lived_in) if "P3-CANARY" in await browser.get(path)]
        assert shown == ([lived_in["/help/{id:[0-9]+}"]] if viewer is street.ana else [])


def test_the_policy_that_peers_are_told_is_a_page_that_anybody_gets() -> None:
    told_to_peers = urlsplit(recorded("50")["fhPeering"]["fhPolicy"]).path
    assert [route.who for route in ROUTES if (route.method, route.path) == ("GET", told_to_peers)] == [Who.ANYONE]
