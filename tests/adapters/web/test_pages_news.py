"""News: a sentence for everything one is to hear of, and a way there."""

from fedhood.adapters.web.render import static
from fedhood.consequences import follow
from fedhood.core import moderation, notifications
from fedhood.core.notifications import Kind
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_posts import told
from tests.support import people


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


async def test_who_wrote_something_that_was_hidden_is_told_and_led_to_it(street, consequences):
    consequences.then = follow
    path = await told(street)
    eva = await street.browser(street.eva)
    await eva.get(f"{path}/report")
    await eva.press(f"{path}/report", reason="unkind")
    keeper = people.resident(street.database, "Kim Luifel", street.elm, moderator=True)
    street.database.transact(moderation.hide, by=keeper, post_id=int(path.rpartition("/")[2]))
    ana = await street.browser(street.ana)
    page = await ana.get("/notifications")
    assert "Those who look after this place hid something you wrote." in ana.words
    assert f'href="{path}"' in page
    await ana.get(path)
    assert ana.status == 200


async def test_unread_news_is_counted_beside_its_name_on_every_page_until_it_is_read(street):
    for number in range(1, 4):
        street.database.transact(
            notifications.tell, account=street.eva.account, kind=Kind.THANKS, object=number, actor=street.bob.account
        )
    eva, bob = await street.browser(street.eva), await street.browser(street.bob)
    for path in ("/", "/help", "/account"):
        checked(await eva.get(path))
        assert "News 3 (3 new) Me" in eva.words
        assert "new)" not in (await bob.get(path))
    await eva.get("/notifications")
    await eva.press("/notifications", up_to="3")
    assert "News Me" in eva.words


async def test_the_count_of_news_is_one_question_more_and_none_for_static_files(street, monkeypatch):
    asked = []
    unread = notifications.unread
    monkeypatch.setattr(notifications, "unread", lambda *given: asked.append(given) or unread(*given))
    eva, nobody = await street.browser(street.eva), await street.browser()
    await eva.get("/help")
    assert len(asked) == 1
    await eva.get(static("fedhood.css"))
    await nobody.get("/")
    assert len(asked) == 1
