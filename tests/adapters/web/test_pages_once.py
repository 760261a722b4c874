"""What is sent twice is told once; what was refused, or says something else, is sent again."""

import re

import pytest

from tests.adapters.web.test_pages_help import asked, button, offered
from tests.adapters.web.test_pages_posts import told


def token(page: str) -> str:
    """By what the last such form of a page is known."""
    return re.findall(r'name="once" value="([^"]+)"', page)[-1]


@pytest.mark.parametrize("path", ["/", "/compose"])
async def test_a_message_that_is_sent_twice_is_told_once(street, path):
    browser = await street.browser(street.ana)
    page = await browser.get(path)
    form = {"once": token(page), "text": "Water off tomorrow", "csrf": browser.proof}
    await browser.post("/compose", **form)
    assert browser.where.startswith("/p/")
    await browser.post("/compose", **form)
    assert (browser.status, browser.where) == (303, "/")
    await browser.get("/")
    assert browser.words.count("Water off tomorrow") == 1
    await browser.post("/compose", **(form | {"text": "And on Friday"}))
    assert browser.where.startswith("/p/")


async def test_every_form_has_a_token_of_its_own(street):
    browser = await street.browser(street.ana)
    assert token(await browser.get("/compose")) != token(await browser.get("/compose"))


async def test_what_was_refused_may_be_sent_again(street):
    browser = await street.browser(street.ana)
    form = {"once": token(await browser.get("/compose")), "text": "Hello", "csrf": browser.proof}
    await browser.post("/compose", **form, who="nobody at all")
    assert browser.status == 422
    await browser.post("/compose", **form)
    assert browser.where.startswith("/p/")


async def test_an_answer_that_is_sent_twice_is_given_once(street):
    request = (await asked(street)).where
    for path in (await told(street), request):
        browser = await street.browser(street.eva)
        form = {"once": token(await browser.get(path)), "text": "At nine o'clock", "csrf": browser.proof}
        await browser.post(f"{path}/answer", **form)
        await browser.press(f"{path}/answer", **form)
        assert browser.words.count("At nine o'clock") == 1


async def test_a_request_that_is_sent_twice_is_asked_once(street):
    browser = await street.browser(street.ana)
    page = await browser.get("/help/new")
    until = re.search(r'name="until"[^>]*value="([^"]+)"', page).group(1)
    form = {"once": token(page), "line": "Who carries a shelf?", "until": until, "csrf": browser.proof}
    await browser.post("/help/new", **form)
    await browser.press("/help/new", **form)
    assert browser.words.count("Who carries a shelf?") == 1


async def test_a_word_in_private_that_is_sent_twice_is_said_once(street):
    request = (await asked(street)).where
    await offered(street, request, street.eva)
    ana = await street.browser(street.ana)
    await ana.get(request)
    await ana.press(button(ana.text, "choose"))
    form = {"once": token(ana.text), "text": "At nine o'clock", "csrf": ana.proof}
    await ana.post(f"{request}/talk", **form)
    await ana.press(f"{request}/talk", **form)
    assert ana.words.count("At nine o'clock") == 1


async def test_no_window_is_lit_where_someone_is_coming(street):
    request = (await asked(street, line="A lift on Tuesday?")).where
    await offered(street, request, street.eva)
    kim = await street.browser(street.eva)
    await kim.get("/")
    lit = '<a class="by lit"'
    assert lit in kim.text
    ana = await street.browser(street.ana)
    await ana.get(request)
    await ana.press(button(ana.text, "choose"))
    assert lit not in await kim.get("/")
    assert "No windows lit. Nobody asks for help now." in kim.words
