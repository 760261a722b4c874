"""The door: who comes in, how, and who does not."""

import re
from datetime import timedelta

import pytest

from fedhood.adapters.web import forms
from fedhood.core import access, households
from fedhood.kernel.settings import Settings
from tests.adapters.web.browser import PASSPHRASE, Browser, site


@pytest.fixture
def with_passphrase(street):
    street.database.transact(access.set_passphrase, account=street.ana.account, hash=access.hash_passphrase(PASSPHRASE))
    return street


@pytest.mark.parametrize("name", ["Ana Dakkapel", "ana dakkapel", "ana-dakkapel", "@ana-dakkapel"])
async def test_a_name_or_a_handle_and_the_passphrase_open_the_door(with_passphrase, name):
    browser = await with_passphrase.browser()
    await browser.get("/sign-in?next=/help")
    await browser.press("/sign-in", name=name, passphrase=PASSPHRASE, next="/help")
    assert "Help between neighbours" in browser.words


async def test_a_wrong_passphrase_an_unknown_name_and_one_without_a_passphrase_read_alike(with_passphrase):
    pages = set()
    for name, passphrase in (("Ana Dakkapel", "x" * 20), ("Nobody", PASSPHRASE), ("Eva Stoep", PASSPHRASE)):
        browser = await with_passphrase.browser()
        await browser.get("/sign-in")
        page = await browser.post("/sign-in", name=name, passphrase=passphrase)
        assert browser.status == 422
        assert name in page
        pages.add(re.sub(r'value="[^"]*"', "", page))
    assert len(pages) == 1


async def test_after_ten_wrong_passphrases_not_even_the_right_one_opens(with_passphrase, clock):
    browser = await with_passphrase.browser()
    await browser.get("/sign-in")
    for _ in range(10):
        await browser.post("/sign-in", name="Ana Dakkapel", passphrase="wrong")
        assert browser.status == 422
    await browser.post("/sign-in", name="Ana Dakkapel", passphrase=PASSPHRASE)
    assert browser.status == 429
    assert int(browser.headers["Retry-After"]) > 0


async def test_a_page_that_needs_somebody_leads_back_after_signing_in(street):
    browser = await street.browser()
    page = await browser.get("/compose")
    assert browser.status == 401
    assert 'href="/sign-in?next=/compose"' in page


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("/help/new?again=5", "/help/new?again=5"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\nb", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_led_away_from_here(given, taken):
    assert forms.safe_path(given) == taken


async def test_looking_at_a_link_does_not_use_it_up_and_pressing_does(street):
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    browser = await street.browser()
    for _ in range(3):
        await browser.get(f"/link/{token}")
        assert browser.status == 200
    await browser.press(f"/link/{token}")
    assert "Choose a passphrase" in browser.words
    other = await street.browser()
    await other.get("/sign-in")
    await other.post(f"/link/{token}")
    assert other.status == 404
    assert "does not open any more" in other.words


async def test_a_link_that_is_used_or_unknown_or_old_says_so_without_a_button(street, clock):
    used, old = (
        street.database.transact(access.make_link, account=one.account, by=None) for one in (street.eva, street.bob)
    )
    browser = await street.browser()
    await browser.get(f"/link/{used}")
    await browser.press(f"/link/{used}")
    clock.move(timedelta(days=3))
    for token in (used, old, "nonsense"):
        page = await (await street.browser()).get(f"/link/{token}")
        assert "This link does not open any more." in page
        assert "<button" not in page


async def test_another_language_leads_back_to_the_link_and_does_not_use_it_up(street):
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    browser = await street.browser()
    assert f'href="/link/{token}?lang=fr"' in await browser.get(f"/link/{token}")
    await browser.get(f"/link/{token}?lang=fr")
    assert 'lang="fr"' in browser.text[:60]
    await browser.press(f"/link/{token}")
    assert "Eva Stoep" in browser.words


async def test_who_came_by_a_link_chooses_a_passphrase_without_the_old_one(street):
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    browser = await street.browser()
    await browser.get(f"/link/{token}")
    await browser.press(f"/link/{token}")
    await browser.post("/account/passphrase", passphrase="too short")
    assert browser.status == 422
    assert "too short" in browser.text
    await browser.press("/account/passphrase", passphrase=PASSPHRASE)
    assert "Your passphrase is saved. Everywhere else you are signed out." in browser.words
    assert access.verify(street.database.look(access.passphrase_hash, street.eva.account), PASSPHRASE)


@pytest.mark.parametrize(
    "easy", ["a" * 20, "abababab abababab cdcd", "test test test test test", "Elm elm ELM lamp lamp"]
)
async def test_a_few_signs_or_words_over_and_over_are_no_passphrase(street, easy):
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    browser = await street.browser()
    await browser.get(f"/link/{token}")
    await browser.press(f"/link/{token}")
    await browser.post("/account/passphrase", passphrase=easy)
    assert browser.status == 422
    assert "This is too easy to guess." in browser.words
    assert street.database.look(access.passphrase_hash, street.eva.account) is None


async def test_the_old_passphrase_is_asked_before_a_new_one(with_passphrase):
    browser = await with_passphrase.browser(with_passphrase.ana)
    await browser.get("/account")
    await browser.post("/account/passphrase", old="not this one", passphrase="four other plain words")
    assert browser.status == 422
    assert "four other plain words" in browser.text
    await browser.press("/account/passphrase", old=PASSPHRASE, passphrase="four other plain words")
    assert browser.status == 200


async def test_a_household_code_lets_somebody_in_with_a_name_and_four_words(street):
    sheet = street.database.transact(households.make_sheet, by=street.ana, neighbourhood=street.elm, count=1)
    browser = await street.browser()
    await browser.get("/join")
    page = await browser.post("/join", code=households.shown(sheet.codes[0]).lower())
    proposed = re.search(r'name="passphrase"[^>]*value="([^"]+)"', page).group(1)
    assert len(proposed.split()) == 4
    code = re.search(r'name="code" value="([^"]+)"', page).group(1)
    await browser.post("/join", code=code, name="", language="nl", passphrase=proposed)
    assert browser.status == 422
    await browser.press("/join", code=code, name="Samira Goot", language="nl", passphrase=proposed)
    assert "Een woordje voor de buurt?" in browser.words
    again = await street.browser()
    await again.get("/join")
    await again.post("/join", code=code)
    assert again.status == 422


async def test_a_wrong_code_says_how_many_tries_are_left_and_then_none(street):
    browser = await street.browser()
    await browser.get("/join")
    await browser.post("/join", code="not a code")
    assert "ten letters and digits" in browser.words
    for left in (4, 3, 2, 1, 0):
        await browser.post("/join", code="ABCDE-FGH1J")
        assert f"You have {left} tr" in browser.words
    await browser.post("/join", code="ABCDE-FGH1J")
    assert browser.status == 429


async def test_a_code_of_ones_own_is_shown_once(street):
    browser = await street.browser(street.eva)
    await browser.get("/account")
    page = await browser.post("/account/code")
    code = re.search(r'class="code">([0-9A-Z]{5}-[0-9A-Z]{5})<', page).group(1)
    assert code not in await browser.get("/account")
    other = await street.browser()
    await other.get("/join")
    await other.post("/join", code=code)
    assert other.status == 200


async def test_signing_out_ends_the_session_and_elsewhere_all_others(street):
    here, there = await street.browser(street.eva), await street.browser(street.eva)
    await here.get("/account")
    await here.press("/account/sessions")
    await there.get("/help")
    assert (here.status, there.status) == (200, 401)
    await here.press("/sign-out")
    await here.get("/help")
    assert here.status == 401


@pytest.mark.parametrize(
    ("headers", "csrf"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Origin": "https://evil.example"}, None),
        ({"Origin": "null"}, None),
        ({}, ""),
        ({}, "another"),
    ],
)
async def test_a_form_that_is_not_ours_does_nothing(street, headers, csrf):
    browser = await street.browser(street.eva)
    await browser.get("/compose")
    await browser.post("/compose", text="sent from elsewhere", headers=headers, csrf=csrf)
    assert browser.status == 403
    assert "sent from elsewhere" not in await browser.get("/")


async def test_what_was_typed_comes_back_when_the_form_is_too_old(street):
    browser = await street.browser(street.eva)
    await browser.post("/compose", text="a long story", csrf="of last week")
    assert browser.status == 403
    assert "a long story" in browser.text


async def test_what_another_site_sends_is_not_shown_back(street):
    browser = await street.browser(street.eva)
    await browser.post("/compose", text="a false story", headers={"Sec-Fetch-Site": "cross-site"})
    assert "a false story" not in browser.text


async def test_the_cookie_is_locked_to_the_host_on_https(running, clock, aiohttp_client, street):
    client = await aiohttp_client(site(running, clock, Settings(host="elm.example")))
    token = running.transact(access.make_link, account=street.eva.account, by=None)
    browser = Browser(client)
    mat = (await client.get(f"/link/{token}")).cookies["__Host-mat"]
    answer = await client.get(f"/link/{token}", headers={"Cookie": f"__Host-mat={mat.value}"})
    browser.text = await answer.text()
    answer = await client.post(
        f"/link/{token}",
        data={"csrf": browser.proof},
        headers={"Cookie": f"__Host-mat={mat.value}", "Origin": "https://elm.example"},
        allow_redirects=False,
    )
    cookie = answer.cookies["__Host-sid"]
    assert answer.status == 303
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/")
    assert not cookie["domain"]


async def test_a_language_that_was_pressed_stays_until_the_account_says_another(street):
    browser = await street.browser(street.eva)
    await browser.get("/?lang=fr")
    assert 'lang="fr"' in (await browser.get("/help"))[:60]
    await browser.get("/account")
    await browser.press("/account/language", language="de")
    assert 'lang="de"' in (await browser.get("/help"))[:60]


async def test_a_day_is_noted_once_for_each_session(street, consequences):
    browser = await street.browser(street.eva)
    await browser.get("/help")
    await browser.get("/help")
    assert [fact.kind for fact in consequences.facts].count("session.day") == 1


async def test_looking_at_a_link_changes_nothing_at_all(street, monkeypatch):
    token = street.database.transact(access.make_link, account=street.eva.account, by=None)
    browser = await street.browser()
    monkeypatch.setattr(access, "use_link", None)
    await browser.get(f"/link/{token}")
    assert browser.status == 200


async def test_nobody_is_told_to_sign_in_with_a_name_before_there_is_a_passphrase(street):
    eva = await street.browser(street.eva)
    await eva.get("/account")
    assert "You can also sign in as" not in eva.words
    await eva.post("/account/passphrase", passphrase=PASSPHRASE)
    street.database.transact(access.set_passphrase, account=street.eva.account, hash=access.hash_passphrase(PASSPHRASE))
    eva = await street.browser(street.eva)
    await eva.get("/account")
    assert "You can also sign in as eva-stoep." in eva.words


async def test_the_privacy_page_names_all_that_is_kept_and_what_a_link_opens(street):
    nobody = await street.browser()
    await nobody.get("/about/policy")
    for said in (
        "Where you are signed in",
        "Whom you blocked, what you reported and what came of it, and what you answered to “did you meet?”.",
        "No page here shows it to anybody else.",
        "Whoever holds such a link can be you here",
        "You are told under News whenever one is made for you, and by whom.",
    ):
        assert said in nobody.words
