"""News: a sentence for everything one is to hear of, and a way there."""

from fedhood.core import notifications
from fedhood.core.notifications import Kind


async def test_every_kind_of_news_has_a_sentence_and_leads_somewhere(street):
    for number, kind in enumerate(Kind, start=1):
        street.database.transact(
            notifications.tell, account=street.eva.account, kind=kind, object=number, actor=street.bob.account
        )
    browser = await street.browser(street.eva)
    page = await browser.get("/notifications")
    assert page.count('<a class="by" href="/') == len(Kind)
    assert "Bob Vensterbank would like to help you." in browser.words
    assert "%(" not in browser.words


async def test_news_is_read_up_to_what_was_shown(street):
    def tell(number: int) -> None:
        street.database.transact(
            notifications.tell, account=street.eva.account, kind=Kind.MESSAGE, object=number, actor=street.bob.account
        )

    tell(1)
    browser = await street.browser(street.eva)
    await browser.get("/notifications")
    assert "new ·" in browser.words
    tell(2)
    await browser.press("/notifications", up_to="1")
    assert browser.words.count("new ·") == 1
    await browser.press("/notifications", up_to="nonsense")
    assert browser.words.count("new ·") == 1


async def test_older_news_is_one_press_away(street):
    for number in range(1, 33):
        street.database.transact(
            notifications.tell, account=street.eva.account, kind=Kind.THANKS, object=number, actor=street.bob.account
        )
    browser = await street.browser(street.eva)
    assert "Older news" in await browser.get("/notifications")
    await browser.get("/notifications?older=3")
    assert browser.words.count("says thanks") == 2
    assert "Older news" not in browser.words
