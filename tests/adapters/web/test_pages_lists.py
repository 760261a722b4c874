"""What stands in lists: long messages cut, empty kinds, who may be chosen as a reader; and addresses with an @."""

from tests.adapters.web.browser import Browser, site
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_posts import told


async def test_a_place_without_a_public_name_offers_nobody_on_the_internet(street, running, clock, aiohttp_client):
    nameless = Browser(await aiohttp_client(site(running, clock))).sign_in_as(running, street.ana)
    for path in ("/", "/compose", "/help/new"):
        assert 'value="public"' not in await nameless.get(path)
        assert "internet" not in nameless.words
    await nameless.get("/compose")
    page = await nameless.post("/compose", text="to the whole world", who="public")
    assert nameless.status == 422
    assert "to the whole world</textarea>" in page
    assert 'id="who-error"' in page


async def test_a_long_message_is_cut_at_a_word_among_others_and_whole_on_its_page(street):
    path = await told(street, "bicycle " * 90 + "the end", who="public")
    eva = await street.browser(street.eva)
    checked(await eva.get("/"))
    assert "bicycle …" in eva.words
    assert "bicycl …" not in eva.words
    assert "the end" not in eva.words
    assert f'<a href="{path}" aria-describedby="by-' in eva.text
    nobody = await street.browser()
    for page in ("/n/elm", "/n/elm?lang=nl"):
        assert "the end" not in await nobody.get(page)
    await eva.get(path)
    assert "the end" in eva.words
    assert "Read on" not in eva.words


async def test_a_message_of_a_few_lines_is_not_cut(street):
    await told(street, "x" * 300 + "\n\n" + "y" * 298)
    eva = await street.browser(street.eva)
    await eva.get("/")
    assert "y" * 298 in eva.words
    assert "Read on" not in eva.words


async def test_an_empty_kind_of_message_does_not_say_that_nobody_wrote(street):
    eva = await street.browser(street.eva)
    await eva.get("/")
    assert "Nobody has written yet." in eva.words
    await told(street)
    await eva.get("/?show=lost-found")
    assert "Nothing of this kind has been written yet." in eva.words
    assert "Nobody has written" not in eva.words


async def test_the_address_of_a_neighbourhood_leads_anybody_to_its_page_and_that_of_a_person_nobody(street):
    nobody, eva = await street.browser(), await street.browser(street.eva)
    for browser in (nobody, eva):
        await browser.get("/@elm")
        assert (browser.status, browser.where) == (302, "/n/elm")
    for unknown in ("/@eva-stoep", "/@nobody", "/@city"):
        await nobody.get(unknown)
        assert nobody.status == 401
    await eva.get("/@city")
    assert eva.status == 404


async def test_a_place_that_only_its_own_machine_reaches_says_so_before_anything_is_printed(
    street, running, clock, aiohttp_client
):
    alone = Browser(await aiohttp_client(site(running, clock))).sign_in_as(running, street.ana)
    named = await street.browser(street.ana)
    for path in ("/host/codes", f"/host/people/{street.eva.account}/link"):
        await alone.get(path)
        assert "opens on this machine only" in alone.words
        await named.get(path)
        assert "opens on this machine only" not in named.words
