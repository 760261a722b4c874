"""Writing, reading, answering, thanking, changing and taking away: as each sees it."""

import re

import pytest

from fedhood.adapters.web.linked import text_html
from fedhood.core.accounts.tables import AccountTable


async def told(street, text="Water main work tomorrow", who="neighbourhood", **more):
    """What Ana tells; the path of its page."""
    browser = await street.browser(street.ana)
    await browser.get("/compose")
    await browser.post("/compose", text=text, who=who, **more)
    assert browser.status == 303, browser.words
    return browser.where


def both(street) -> str:
    return f"neighbours.{street.elm}.{street.oak}"


async def test_the_question_of_who_reads_is_answered_by_names_and_the_own_place_is_preset(street):
    browser = await street.browser(street.ana)
    page = await browser.get("/compose")
    assert re.findall(r'name="who" value="([^"]+)"[^>]*?( checked)?>', page) == [
        ("neighbourhood", " checked"),
        (both(street), ""),
        ("public", ""),
    ]
    assert "Elm only" in browser.words
    assert "Elm and also Oak" in browser.words
    assert "Everyone on the internet" in browser.words


async def test_each_reader_finds_it_with_who_reads_it_beside_it(street):
    await told(street, who=both(street))
    for viewer in (street.eva, street.bob):
        browser = await street.browser(viewer)
        await browser.get("/")
        assert "Water main work tomorrow" in browser.words
        assert "Elm and also Oak" in browser.words
    assert "Elm, next door" in browser.words


async def test_what_stays_here_is_for_nobody_next_door_and_for_nobody_outside(street):
    path = await told(street)
    pages = set()
    for viewer in (street.bob, None):
        browser = await street.browser(viewer)
        hidden = await browser.get(path)
        assert browser.status == 404
        assert hidden == await browser.get("/p/1")
        assert "Water main" not in await browser.get("/")
        pages.add(hidden)
    assert len(pages) == 2  # one in each frame: Oak's sign, and none


async def test_what_is_public_is_read_by_anyone_who_cannot_answer(street):
    path = await told(street, who="public")
    browser = await street.browser()
    await browser.get(path)
    assert "Everyone on the internet" in browser.words
    assert 'id="answer"' not in browser.text
    assert "Water main work tomorrow" in await browser.get("/n/elm")


async def test_an_audience_that_is_not_offered_is_refused_and_nothing_is_lost(street):
    browser = await street.browser(street.ana)
    await browser.get("/compose")
    await browser.post("/compose", text="hello", who=f"neighbours.{street.elm}.99")
    assert browser.status == 422
    assert "hello</textarea>" in browser.text
    assert 'id="who-error"' in browser.text


async def test_too_long_a_text_comes_back_whole(street):
    browser = await street.browser(street.ana)
    await browser.get("/compose")
    await browser.post("/compose", text="x" * 5012, category="question", who=both(street))
    assert browser.status == 422
    assert "too long by 12 characters" in browser.words
    assert "x" * 5012 in browser.text
    assert f'value="{both(street)}" id="who-2" checked' in browser.text
    assert 'value="question" id="category-2" checked' in browser.text


async def test_a_body_beyond_all_measure_is_refused(street):
    browser = await street.browser(street.ana)
    await browser.get("/compose")
    await browser.post("/compose", text="x" * 70_000)
    assert browser.status == 413


async def test_filters_show_what_they_say(street):
    await told(street, "Keys found", category="lost-found")
    await told(street, "Good morning")
    browser = await street.browser(street.eva)
    page = await browser.get("/?show=lost-found")
    assert "Keys found" in page
    assert "Good morning" not in page
    assert 'href="/?show=lost-found" aria-current="true"' in page
    assert "Good morning" not in await browser.get("/?show=next-door")


async def test_a_feed_goes_on_where_it_stopped(street):
    for number in range(23):
        await told(street, f"word {number}.")
    browser = await street.browser(street.eva)
    first = await browser.get("/")
    assert "word 22." in first
    assert "word 2." not in first
    older = re.search(r'href="(/\?show=all&amp;older=\d+)"', first).group(1).replace("&amp;", "&")
    assert "word 2." in await browser.get(older)
    assert "word 3." not in browser.text


async def test_thanks_are_given_and_taken_back_by_the_same_button(street):
    path = await told(street)
    browser = await street.browser(street.eva)
    await browser.get(path)
    await browser.press(f"{path}/thanks")
    assert 'aria-pressed="true"' in browser.text
    assert "Thanks, 1" in browser.words
    await browser.press(f"{path}/thanks")
    assert "Thanks, 1" not in browser.words


async def test_an_answer_is_read_by_the_readers_of_the_post(street):
    path = await told(street, who=both(street))
    bob = await street.browser(street.bob)
    await bob.get(path)
    assert "Can be read by: Elm and also Oak" in bob.words
    await bob.post(f"{path}/answer", text="")
    assert bob.status == 422
    await bob.press(f"{path}/answer", text="At what time?")
    eva = await street.browser(street.eva)
    await eva.get(path)
    assert "At what time?" in eva.words
    assert "1 answer" in eva.words


async def test_an_author_changes_the_words_and_takes_them_away_and_nobody_else_does(street):
    path = await told(street)
    eva, ana = await street.browser(street.eva), await street.browser(street.ana)
    for page in ("edit", "delete"):
        await eva.get(f"{path}/{page}")
        assert eva.status == 403
    await ana.get(f"{path}/edit")
    await ana.press(f"{path}/edit", text="Water main work on Friday")
    assert "on Friday" in ana.words
    assert "Changed" in ana.words
    await ana.get(f"{path}/delete")
    await ana.press(f"{path}/delete")
    await eva.get(path)
    assert eva.status == 404


async def test_what_people_write_is_never_markup(street):
    evil = '<script>alert(1)</script> & https://x.example/"onmouseover=alert(1)'
    mine = AccountTable.id == street.ana.account
    street.database.transact(lambda uow: AccountTable.update(name="<b>Ana</b>", version=2).where(mine).execute(uow.db))
    path = await told(street, evil, who=both(street))
    for viewer, page in ((street.eva, path), (street.bob, "/"), (street.ana, f"{path}/edit")):
        browser = await street.browser(viewer)
        text = await browser.get(page)
        assert "<script" not in text
        assert "<b>Ana" not in text
        assert " onmouseover" not in text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("a < b", "<p>a &lt; b</p>"),
        (
            "see https://x.example/a?b=1&c=2).",
            '<p>see <a href="https://x.example/a?b=1&amp;c=2" rel="nofollow noopener noreferrer">'
            "https://x.example/a?b=1&amp;c=2</a>).</p>",
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
    ],
)
def test_plain_text_becomes_paragraphs_and_links(text, html):
    assert text_html(text) == html


async def test_there_is_a_limit_to_how_much_one_writes(street):
    browser = await street.browser(street.eva)
    await browser.get("/compose")
    for _ in range(30):
        await browser.post("/compose", text="once more", csrf=browser.proof or None)
        await browser.get("/compose")
    await browser.post("/compose", text="the last word")
    assert browser.status == 429
    assert "the last word" in browser.text
