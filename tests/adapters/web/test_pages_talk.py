"""The private thread of two: what is said over it, under it, and when one of the two wants out."""

from datetime import timedelta

import pytest

from fedhood.core import accounts, help_requests, posts
from tests.adapters.web.test_pages_every import checked
from tests.adapters.web.test_pages_help import asked, button, offered


@pytest.fixture
async def arranged(street):
    """Ana chose Bob: (path of the request, Ana's browser, Bob's browser)."""
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.press(button(ana.text, "choose"))
    return path, ana, bob


async def test_who_leaves_reads_beside_the_button_what_ends_with_it(street, arranged):
    path, ana, bob = arranged
    await bob.get(f"{path}/talk")
    assert "Leave this conversation What you two had arranged ends with it, and Ana is told." in bob.words
    await bob.press(f"{path}/leave")
    assert "You left this conversation." in bob.words
    await ana.get(path)
    assert "Nobody has offered yet." in ana.words


async def test_after_the_end_nothing_is_said_about_what_was_arranged(street, arranged):
    path, ana, _ = arranged
    await ana.press(f"{path}/resolve", outcome="with-neighbour", **{"from": "talk"})
    assert "Leave this conversation" in ana.words
    assert "ends with it" not in ana.words


async def test_whether_they_met_is_asked_without_a_promise_about_totals(street, arranged):
    path, ana, _ = arranged
    await ana.press(f"{path}/resolve", outcome="with-neighbour")
    assert "We ask you both. Your names go nowhere." in ana.words
    assert "total" not in ana.words


async def test_a_block_looks_like_a_conversation_that_was_left(street, arranged):
    path, ana, bob = arranged
    key = street.database.look(accounts.get, street.bob.account).key
    await ana.press(f"/people/{key}/block")
    for browser, said in ((ana, "You left this conversation."), (bob, "Ana left this conversation.")):
        checked(await browser.get(f"{path}/talk"))
        assert "This conversation has ended." in browser.words
        assert said in browser.words
        assert 'id="say"' not in browser.text
        assert "Leave this conversation" not in browser.words


async def test_a_request_that_was_taken_back_says_so_to_both(street, arranged):
    path, ana, bob = arranged
    await ana.get(path)
    await ana.press(f"{path}/withdraw", sure="yes")
    for browser, said in ((ana, "You took this back."), (bob, "Not needed any more.")):
        await browser.get(f"{path}/talk")
        assert said in browser.words
        assert "This is over." not in browser.words


async def test_a_request_whose_time_passed_says_so_to_both(street, arranged, clock):
    path, ana, bob = arranged
    clock.move(timedelta(days=3))
    street.database.transact(help_requests.expire_due)
    for browser in (ana, bob):
        await browser.get(f"{path}/talk")
        assert "The time has passed." in browser.words


async def test_a_helper_who_dropped_out_before_is_not_thanked_for_what_another_did(street, arranged):
    path, ana, bob = arranged
    await bob.get(f"{path}/talk")
    await bob.press(f"{path}/take-back")
    await offered(street, path, street.eva)
    await ana.get(path)
    await ana.press(button(ana.text, "choose"))
    await ana.press(f"{path}/resolve", outcome="with-neighbour")
    assert "Done, thank you both" in ana.words
    await bob.get(f"{path}/talk")
    assert "This conversation has ended." in bob.words
    assert "Done, thank you both" not in bob.words


async def test_what_was_said_on_another_day_says_on_which(street, arranged, clock):
    path, ana, _ = arranged
    await ana.get(f"{path}/talk")
    await ana.press(f"{path}/talk", text="Saturday?")
    assert "You , 13:00" in ana.words
    clock.move(timedelta(days=1))
    await ana.get(f"{path}/talk")
    assert "You , Tuesday 24 November, 13:00" in ana.words
    assert "Your note, given to Bob: Tuesday 24 November, 13:00" in ana.words


async def test_a_closing_form_without_an_outcome_says_so_on_the_page_it_stands_on(street, arranged):
    path, ana, _ = arranged
    page = await ana.get(f"{path}/talk")
    assert 'name="from" value="talk"' in page
    page = await ana.post(f"{path}/resolve", **{"from": "talk"})
    checked(page)
    assert ana.status == 422
    assert "<h1>You and Bob</h1>" in page
    assert 'id="outcome-error"' in page
    await ana.get(path)
    page = await ana.post(f"{path}/resolve")
    assert "<h1>Your request for help</h1>" in page


async def test_a_request_for_which_somebody_comes_is_not_taken_back_in_one_press(street, arranged):
    path, ana, bob = arranged
    checked(await ana.get(path))
    assert "Bob is coming for it. If you take it back, what you two had arranged is off, and Bob is told." in ana.words
    page = await ana.post(f"{path}/withdraw")
    checked(page)
    assert ana.status == 422
    assert '<details class="more" id="withdraw" open>' in page
    await bob.get(path)
    assert "You are the one who comes." in bob.words
    await ana.press(f"{path}/withdraw", sure="yes")
    assert "You took this back." in ana.words


async def test_who_said_that_they_cannot_come_does_not_read_that_somebody_is_coming(street, arranged):
    path, ana, bob = arranged
    await bob.get(f"{path}/talk")
    await bob.press(f"{path}/take-back")
    await offered(street, path, street.eva)
    await ana.get(path)
    await ana.press(button(ana.text, "choose"))
    await bob.get(path)
    assert "You took your offer back." in bob.words
    assert "Someone is coming" not in bob.words


async def test_only_the_asker_is_asked_whether_they_are_sure(street, arranged):
    path, _, bob = arranged
    await bob.get(f"{path}/talk")
    await bob.post(f"{path}/withdraw")
    assert bob.status == 404


async def test_what_was_asked_is_not_shown_to_the_helper_while_it_is_hidden(street, arranged):
    path, ana, bob = arranged
    post = int(path.rpartition("/")[2])
    for hidden, shown in ((True, False), (False, True)):
        street.database.transact(lambda uow, at=hidden: posts.hide(uow.db, post, at=uow.now if at else None) and None)
        await bob.get(f"{path}/talk")
        assert ("washing machine" in bob.words) is shown
        await ana.get(f"{path}/talk")
        assert "washing machine" in ana.words
