"""Saying that something is not right, what moderators do about it, and what the reporter hears."""

import re

from fedhood.core import access, accounts, households, moderation, neighbourhoods, posts
from tests.adapters.web.browser import PASSPHRASE
from tests.adapters.web.test_pages_help import asked, button, offered
from tests.adapters.web.test_pages_posts import both, told
from tests.support import people


async def reported(street, path: str, viewer, **fields: str):
    browser = await street.browser(viewer)
    await browser.get(f"{path}/report")
    await browser.press(f"{path}/report", **({"reason": "unkind", "text": "She names my son."} | fields))
    return browser


async def answered(street, path: str, viewer, text="Rude words"):
    browser = await street.browser(viewer)
    await browser.get(path)
    await browser.post(f"{path}/answer", text=text)
    return browser.headers["Location"].rpartition("#p-")[2]


async def another_keeper(street):
    """Somebody who looks after Elm beside Ana, and so reads what is said about her."""
    return await street.browser(people.resident(street.database, "Kim Luifel", street.elm, moderator=True))


async def test_every_card_of_somebody_else_can_be_reported_and_ones_own_cannot(street):
    path = await told(street, who=both(street))
    for viewer, shown in ((street.ana, 0), (street.eva, 1), (street.bob, 1), (None, 0)):
        browser = await street.browser(viewer)
        page = await browser.get(path)
        assert page.count(f'href="{path}/report"') == shown


async def test_a_report_needs_a_reason_and_keeps_what_was_written(street):
    path = await told(street)
    await another_keeper(street)
    browser = await street.browser(street.eva)
    await browser.get(f"{path}/report")
    assert "It is read by Kim Luifel." in browser.words
    assert "Water main work tomorrow" in browser.words
    await browser.post(f"{path}/report", text="She names my son.")
    assert browser.status == 422
    assert "Choose what is not right." in browser.words
    assert "She names my son." in browser.words
    await browser.post(f"{path}/report", reason="unkind", text="x" * 1001)
    assert browser.status == 422


async def test_who_may_not_read_it_cannot_report_it(street):
    path = await told(street)
    browser = await street.browser(street.bob)
    await browser.get(f"{path}/report")
    assert browser.status == 404


async def test_the_reporter_reads_who_looks_at_it_and_then_the_answer(street):
    browser = await reported(street, await told(street), street.eva)
    assert "About something Ana wrote" in browser.words
    assert "It waits: nobody can look at it yet." in browser.words
    host = await another_keeper(street)
    await browser.get("/account/reports")
    assert "It is being looked at." in browser.words
    page = await host.get("/host/reports")
    assert "Eva Stoep" in host.words
    assert "She names my son." in host.words
    assert "It is unkind or threatening" in host.words
    assert "Water main work tomorrow" in host.words
    await host.press(button(page, "answer"), outcome="upheld", answer="You are right, I took it away.")
    assert "Nothing waits for you." in host.words
    await browser.get("/account/reports")
    assert "They agree with you." in browser.words
    assert "You are right, I took it away." in browser.words
    await (other := await street.browser(street.bob)).get("/account/reports")
    assert "You reported nothing." in other.words


async def test_nobody_reads_a_report_about_themselves_and_the_reporter_is_told_so(street):
    path = await told(street)
    browser = await street.browser(street.eva)
    await browser.get(f"{path}/report")
    assert "It waits until somebody other than Ana looks after this place too." in browser.words
    await reported(street, path, street.eva)
    await browser.get("/account/reports")
    assert "It waits until somebody other than Ana looks after this place too." in browser.words
    host = await street.browser(street.ana)
    await host.get("/host/reports")
    assert "Nothing waits for you." in host.words
    host = await another_keeper(street)
    await host.get("/host/reports")
    assert "She names my son." in host.words
    await browser.get("/account/reports")
    assert "It is read by Kim Luifel." in browser.words


async def test_an_answer_that_is_too_long_stays_in_the_form(street):
    await reported(street, await told(street), street.eva)
    host = await another_keeper(street)
    page = await host.get("/host/reports")
    await host.post(button(page, "answer"), outcome="rejected", answer="y" * 1001)
    assert host.status == 422
    assert "y" * 1001 in host.text
    await host.post(button(page, "answer"), outcome="perhaps", answer="")
    assert host.status == 422


async def test_two_moderators_do_not_answer_the_same_report_twice(street):
    await reported(street, await told(street), street.eva)
    host = await another_keeper(street)
    page = await host.get("/host/reports")
    proof = host.proof
    await host.post(button(page, "answer"), outcome="rejected", answer="")
    await host.post(button(page, "answer"), csrf=proof, outcome="upheld", answer="")
    assert host.status == 409


async def test_what_is_hidden_is_read_by_its_author_alone_until_it_is_shown_again(street):
    path = await told(street)
    number = await answered(street, path, street.eva)
    await reported(street, f"/p/{number}", street.ana)
    host = await street.browser(street.ana)
    page = await host.get("/host/reports")
    await host.press(button(page, "hide"))
    assert "Hidden" in host.words
    eva = await street.browser(street.eva)
    await eva.get(path)
    assert "Hidden here from everybody else" in eva.words
    await host.press(button(await host.get("/host/reports"), "show"))
    await eva.get(path)
    assert "Hidden here from everybody else" not in eva.words
    await host.get("/host/log")
    assert "Ana Dakkapel hid a message." in host.words
    assert "Ana Dakkapel showed a message again." in host.words


def written_next_door(uow, home: int) -> int:
    """A mirrored post of somebody of Linden, on another server, that is read at home."""
    linden = neighbourhoods.remember(uow, peer=1, uri="https://linden.example/ap/groups/l", key="linden", name="Linden")
    uri = "https://linden.example/ap/people/lo"
    return posts.mirror(
        uow,
        uri="https://linden.example/ap/posts/1",
        kind=posts.Kind.NOTE,
        audience=posts.Audience.NEIGHBOURS,
        neighbourhood=linden,
        author=accounts.remember(uow, peer=1, uri=uri, name="Lo", neighbourhood=linden),
        places=(home,),
        text="Eva's son did it",
        language="en",
        category=posts.Category.OTHER,
        published_at=uow.now,
    )


async def test_the_moderator_reads_that_hiding_ends_at_the_own_door(street):
    theirs = street.database.transact(written_next_door, street.elm)
    await reported(street, f"/p/{theirs}", street.eva)
    host = await street.browser(street.ana)
    page = await host.get("/host/reports")
    assert "Hiding it here does not hide it there" in host.words
    await host.press(button(page, "hide"))
    await (eva := await street.browser(street.eva)).get(f"/p/{theirs}")
    assert eva.status == 404


async def test_what_is_hidden_is_listed_when_the_report_is_answered_and_shown_again_from_there(street):
    path = await told(street)
    number = await answered(street, path, street.eva, text="Rude words")
    await reported(street, f"/p/{number}", street.ana)
    theirs = street.database.transact(written_next_door, street.elm)
    await reported(street, f"/p/{theirs}", street.eva)
    host = await street.browser(street.ana)
    await host.get("/host/reports")
    assert "Hidden now Nothing is hidden." in host.words
    for _ in range(2):
        page = await host.get("/host/reports")
        await host.press(button(page, "hide"))
        await host.press(button(host.text, "answer"), outcome="upheld", answer="")
    assert "Nothing waits for you." in host.words
    assert "Rude words" in host.words
    assert "Eva's son did it" in host.words
    for post, viewer in ((number, street.bob), (theirs, street.eva)):
        await (other := await street.browser(viewer)).get("/account")
        await other.post(f"/host/posts/{post}/show")
        assert other.status == 403
        await host.get("/host/reports")
        await host.press(f"/host/posts/{post}/show")
    assert "Hidden now Nothing is hidden." in host.words
    await (eva := await street.browser(street.eva)).get(f"/p/{theirs}")
    assert "Eva's son did it" in eva.words
    await host.get("/account")
    await host.post(f"/host/posts/{theirs}/show")
    assert host.status == 409


async def test_the_author_of_what_is_hidden_reads_whom_to_ask_and_a_moderator_that_it_is_hidden_here(street):
    path = await told(street)
    number = await answered(street, path, street.eva, text="Rude words")
    street.database.transact(moderation.hide, by=street.ana, post_id=int(number))
    theirs = street.database.transact(written_next_door, street.elm)
    street.database.transact(moderation.hide, by=street.ana, post_id=theirs)
    eva, host = await street.browser(street.eva), await street.browser(street.ana)
    assert '<a href="/about">Who they are, to ask them why</a>' in await eva.get(path)
    assert "Who they are, to ask them why" not in await host.get(path)
    await eva.get("/about")
    assert "Who looks after it Ana Dakkapel" in eva.words
    await host.get(f"/p/{theirs}")
    assert "Hidden here from your neighbours." in host.words


async def test_what_two_people_said_is_shown_to_no_moderator(street):
    request = (await asked(street, note="ring twice")).where
    await offered(street, request, street.eva)
    ana = await street.browser(street.ana)
    await ana.get(request)
    await ana.press(button(ana.text, "choose"))
    eva = await street.browser(street.eva)
    await eva.get(f"{request}/talk")
    await eva.press(f"{request}/talk", text="TALK-CANARY")
    assert f"{request}/talk/report" in eva.text
    await eva.get(f"{request}/talk/report")
    assert "TALK-CANARY" not in eva.text
    await eva.press(f"{request}/talk/report", reason="dangerous", text="")
    assert "About your conversation with Ana" in eva.words
    host = await another_keeper(street)
    await host.get("/host/reports")
    assert "A conversation with Ana Dakkapel" in host.words
    assert "TALK-CANARY" not in host.text
    assert not re.search(r'action="[^"]*/hide"', host.text)
    stranger = await street.browser(street.bob)
    await stranger.get(f"{request}/talk/report")
    assert stranger.status == 404


async def test_a_neighbour_next_door_reports_and_both_places_are_told(street):
    path = await told(street, who=both(street))
    bob = await reported(street, path, street.bob)
    assert "About something Ana wrote" in bob.words
    host = await another_keeper(street)
    await host.get("/host/reports")
    assert "somebody next door, without a name" in host.words
    assert "Bob" not in host.words


async def test_nobody_answers_the_reports_of_another_neighbourhood(street):
    path = await told(street, who=both(street))
    await reported(street, path, street.bob)
    (oaks,) = street.database.look(moderation.filed_by, viewer=street.bob)
    host = await another_keeper(street)
    await host.get("/host/reports")
    for what in ("hide", "show", "answer"):
        await host.post(f"/host/reports/{oaks.id}/{what}", csrf=host.proof or None, outcome="upheld")
        assert host.status in {403, 404}
        await host.get("/host/reports")
    await host.post("/host/reports/9999999999/answer")
    assert host.status == 404


# --- Answers to a request ---------------------------------------------------------------------------------------------


async def test_a_request_is_answered_in_public_beside_the_offers(street):
    request = (await asked(street)).where
    eva = await street.browser(street.eva)
    await eva.get(request)
    await eva.press(f"{request}/answer", text="Which floor is it on?")
    assert "Which floor is it on?" in eva.words
    await eva.post(f"{request}/answer", text="")
    assert eva.status == 422
    assert 'id="answer-text-error"' in eva.text
    ana = await street.browser(street.ana)
    await ana.get(request)
    assert "Which floor is it on?" in ana.words
    await ana.post(f"{request}/answer", text="")
    assert ana.status == 422
    number = re.search(r'id="p-(\d+)"', ana.text).group(1)
    await ana.press(f"/p/{number}/thanks")
    assert (ana.status, ana.where) == (303, request)  # the page of a request is under /help


# --- A neighbour, and the way not to meet them ------------------------------------------------------------------------


async def test_a_block_is_made_on_a_neighbours_page_and_lifted_on_ones_own(street):
    path = await told(street)
    eva = await street.browser(street.eva)
    page = await eva.get(path)
    assert 'href="/@ana-dakkapel"' in page
    page = await eva.get("/@ana-dakkapel")
    assert "Neighbour since" in eva.words
    await eva.press(button(page, "block"))
    assert "You blocked Ana" in eva.words
    await eva.get(path)
    assert eva.status == 404
    ana = await street.browser(street.ana)
    await ana.get("/@eva-stoep")
    assert ana.status == 200
    assert "blocked" not in ana.words
    page = await eva.get("/account")
    assert "Lift the block on Ana Dakkapel" in eva.words
    await eva.press(button(page, "unblock"), **{"from": "account"})
    assert "Lift the block" not in eva.words
    await eva.get(path)
    assert eva.status == 200
    await eva.press(button(await eva.get("/@ana-dakkapel"), "block"))
    await eva.press(button(eva.text, "unblock"))
    assert "Block Ana" in eva.words


async def test_who_lives_next_door_is_found_by_their_words_and_not_by_guessing(street):
    bob = street.database.look(accounts.get, street.bob.account)
    browser = await street.browser(street.ana)
    for path in ("/@bob-vensterbank", "/@nobody", "/people/nobody"):
        await browser.get(path)
        assert browser.status == 404
    await browser.get(f"/people/{bob.key}")
    assert "Oak, next door" in browser.words
    nobody = await street.browser()
    await nobody.get(f"/people/{bob.key}")
    assert nobody.status == 401
    street.database.transact(accounts.erase, account=bob.id)
    await browser.get(f"/people/{bob.key}")
    assert browser.status == 404


async def test_ones_own_page_offers_no_block(street):
    browser = await street.browser(street.eva)
    page = await browser.get("/@eva-stoep")
    assert "/block" not in page
    key = street.database.look(accounts.get, street.eva.account).key
    await browser.get("/account")
    await browser.post(f"/people/{key}/block")
    assert browser.status == 422


# --- One's own, and going ---------------------------------------------------------------------------------------------


async def test_ones_own_words_are_taken_along_and_nobody_elses(street):
    request = (await asked(street, note="MY-NOTE")).where
    await offered(street, request, street.eva)
    ana = await street.browser(street.ana)
    await ana.get(request)
    await ana.press(button(ana.text, "choose"))
    eva = await street.browser(street.eva)
    await eva.get(f"{request}/talk")
    await eva.press(f"{request}/talk", text="EVAS-WORDS")
    await reported(street, request, street.eva)
    await ana.get("/account/data")
    assert ana.headers["Content-Disposition"] == 'attachment; filename="fedhood.json"'
    assert "MY-NOTE" in ana.text
    assert "EVAS-WORDS" not in ana.text
    await eva.get("/account/data")
    assert "EVAS-WORDS" in eva.text
    assert "She names my son." in eva.text
    assert "MY-NOTE" not in eva.text


async def settled(street, viewer):
    """A browser of somebody who has a passphrase."""
    browser = await street.browser(viewer)
    street.database.transact(
        access.set_passphrase,
        account=viewer.account,
        hash=access.hash_passphrase(PASSPHRASE),
        but=max(one.id for one in street.database.look(access.sessions_of, viewer.account)),
    )
    return browser


async def test_who_goes_is_asked_the_passphrase_and_is_gone(street):
    path = await told(street)
    await answered(street, path, street.eva, text="EVAS-WORDS")
    eva = await street.browser(street.eva)
    await eva.get("/account/leave")
    assert "choose a passphrase first" in eva.words
    eva = await settled(street, street.eva)
    await eva.get("/account/leave")
    assert "Your household stays" in eva.words
    await eva.post("/account/leave", passphrase="not mine at all")
    assert eva.status == 422
    await eva.press("/account/leave", passphrase=PASSPHRASE)
    assert "Goodbye" in eva.words
    await eva.get("/account")
    assert eva.status == 401
    ana = await street.browser(street.ana)
    assert "EVAS-WORDS" not in await ana.get(path)


async def test_the_last_who_looks_after_a_place_cannot_go(street):
    ana = await settled(street, street.ana)
    await ana.get("/account/leave")
    assert "Somebody else has to take over" in ana.words
    assert 'action="/account/leave"' not in ana.text
    await ana.get("/account")
    await ana.post("/account/leave", passphrase=PASSPHRASE)
    assert ana.status == 409
    assert "Somebody else has to take over" in ana.words


# --- Sheets -----------------------------------------------------------------------------------------------------------


async def test_earlier_sheets_are_listed_with_what_became_of_them(street):
    host = await street.browser(street.ana)
    await host.get("/host/codes")
    page = await host.post("/host/codes", count="2")
    assert page.count('src="data:image/svg+xml') == 2
    code = re.search(r'class="code">([^<]+)<', page).group(1)
    street.database.transact(households.join, code=code, name="Fatou", language="fr")
    await host.get("/host/codes")
    assert "Sheet 1" in host.words
    assert "1 of 2 codes used" in host.words
    await host.press(button(host.text, "cancel"))
    assert "Cancelled" in host.words
    assert "cancel" not in host.text


async def test_the_same_reported_again_says_that_it_was_reported_already(street):
    path = await told(street)
    eva = await street.browser(street.eva)
    for said in (False, True):
        await eva.get(f"{path}/report")
        await eva.press(f"{path}/report", reason="unkind", text="once more")
        assert ("You reported this already, and it is being looked at. Nothing was added." in eva.words) is said
        assert eva.words.count("About something Ana wrote") == 1
    other = await told(street, "Something else")
    await eva.get(f"{other}/report")
    await eva.press(f"{other}/report", reason="unkind")
    assert "already" not in eva.words
