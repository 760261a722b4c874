"""Visitors on the pages: known for what they are, answered by name, blocked, and refused by who looks after a place."""

import re

import pytest

from fedhood.core import accounts, neighbourhoods, peers, posts
from fedhood.core.posts import Audience
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import Browser, site
from tests.support import people

HANDLE = "mo@elsewhere.example"
MARKS = {
    "en": "Visitor from elsewhere, not a neighbour",
    "nl": "Bezoeker van elders, geen buur",
    "fr": "Visiteur d’ailleurs, pas un voisin",
    "de": "Besuch von anderswo, niemand aus der Nachbarschaft",
}


@pytest.fixture
def post(street) -> int:
    return street.database.transact(
        posts.publish, by=street.eva, text="Street party on Sunday", audience=Audience.PUBLIC
    )


@pytest.fixture
def visit(street, post) -> int:
    def answered(uow):
        peer = peers.host_of_visitors(uow, host="elsewhere.example", shared_inbox="https://elsewhere.example/inbox")
        uri = "https://elsewhere.example/users/mo"
        mo = accounts.remember(uow, peer=peer, uri=uri, name="Mo", neighbourhood=None, visitor=HANDLE)
        return posts.mirror_reply(
            uow,
            uri=f"{uri}/1",
            root=post,
            parent=post,
            author=mo,
            text="I bring <b>cake</b>",
            language="en",
            published_at=uow.now,
        )

    return street.database.transact(answered)


@pytest.mark.parametrize("language", MARKS)
async def test_everybody_sees_that_a_visitor_is_no_neighbour(street, post, visit, language):
    for viewer in (street.eva, street.bob, None):
        browser = await street.browser(viewer)
        if viewer is None:
            await browser.get(f"/p/{post}?lang={language}")
        else:
            await browser.get("/account")
            await browser.post("/account/language", language=language)
            await browser.get(f"/p/{post}")
        card = browser.text.partition(f'id="p-{visit}"')[2]
        assert f"Mo ({HANDLE})" in card
        assert MARKS[language] in card
        assert "I bring &lt;b&gt;cake&lt;/b&gt;" in card


async def test_a_visitor_is_answered_by_name_and_hears_only_that(street, post, visit):
    browser = await street.browser(street.ana)
    await browser.get(f"/p/{post}")
    assert f'href="/p/{post}?to={visit}#answer"' in browser.text
    await browser.get(f"/p/{post}?to={visit}")
    assert f"Your answer to Mo ({HANDLE})" in browser.words
    await browser.press(f"/p/{visit}/answer", text="Lovely")
    said = street.database.look(posts.replies_of, post)[-1]
    assert (said.text, said.parent) == ("Lovely", visit)


async def test_a_neighbour_is_answered_in_the_thread_and_not_by_name(street, post, visit):
    said = street.database.transact(posts.reply, by=street.ana, to=post, text="Lovely")
    browser = await street.browser(street.eva)
    await browser.get(f"/p/{post}?to={said}")
    assert f'action="/p/{post}/answer"' in browser.text
    assert f"?to={said}#answer" not in browser.text


async def test_who_looks_after_the_place_hides_it_and_does_not_take_it_away(street, post, visit):
    host = await street.browser(street.ana)
    await host.get(f"/p/{post}")
    assert f'href="/p/{visit}/delete"' not in host.text
    await host.get(f"/p/{visit}/delete")
    assert host.status == 403
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{visit}/report")
    await eva.press(f"/p/{visit}/report", reason="spam", text="It sells something.")
    await host.get("/host/reports")
    hide = re.search(r'action="(/host/reports/\d+/hide)"', host.text)
    assert hide is not None
    await host.press(hide[1])
    assert "cake" not in await eva.get(f"/p/{post}")


async def test_a_visitor_has_a_page_and_can_be_blocked(street, post, visit):
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{post}")
    page = re.search(r'href="(/people/[^"]+)">Mo', eva.text)
    assert page is not None
    await eva.get(page[1])
    assert MARKS["en"] in eva.words
    await eva.press(f"{page[1]}/block")
    assert "cake" not in await eva.get(f"/p/{post}")
    bob = await street.browser(street.bob)
    assert "cake" in await bob.get(f"/p/{post}")


async def test_a_place_refuses_visitors_and_receives_them_again(street):
    host = await street.browser(street.ana)
    await host.get("/host/rules")
    assert "They are welcome now." in host.words
    await host.press("/host/visitors", place=str(street.elm), on="no")
    assert "Visitors are refused from now on." in host.words
    assert "They are refused now." in host.words
    assert not street.database.look(neighbourhoods.get, street.elm).visitors
    await host.get("/host/log")
    assert "Ana Dakkapel refuses visitors from elsewhere." in host.words
    await host.get("/host/rules")
    await host.press("/host/visitors", place=str(street.elm), on="yes")
    assert "Visitors are welcome from now on." in host.words
    assert street.database.look(neighbourhoods.get, street.elm).visitors
    await host.post("/host/visitors", place=str(street.elm), on="yes")
    assert host.headers["Location"] == "/host/rules"


async def test_nobody_else_decides_about_visitors(street):
    eva = await street.browser(street.eva)
    await eva.get("/")
    await eva.post("/host/visitors", place=str(street.elm), on="no")
    assert eva.status == 403
    host = await street.browser(street.ana)
    await host.get("/host/rules")
    await host.post("/host/visitors", place="99", on="no")
    assert host.status == 404
    assert street.database.look(neighbourhoods.get, street.elm).visitors


async def test_without_a_name_nobody_could_come_and_nobody_is_asked(running, clock, aiohttp_client):
    elm = people.neighbourhood(running, "Elm")
    ana = people.resident(running, "Ana Dakkapel", elm, moderator=True)
    browser = Browser(await aiohttp_client(site(running, clock, Settings())))
    browser.sign_in_as(running, ana, with_passphrase=True)
    await browser.get("/host/rules")
    assert "/host/visitors" not in browser.text
