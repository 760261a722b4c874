"""Asking for help and giving it: the asker, the helpers, everybody else, each with their own page."""

import dataclasses
import re
from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from fedhood.adapters.web import help_views, talk
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.render import Renderer
from fedhood.core import help_requests, timelines
from fedhood.core.help_requests import OfferState, Sent

NOTE = "Rooftile Street 12, second bell"


async def asked(street, **more):
    """Ana asks Elm and Oak; the path of the page."""
    browser = await street.browser(street.ana)
    await browser.get("/help/new")
    fields = {
        "line": "Who helps carry a washing machine?",
        "note": NOTE,
        "category": "carrying",
        "area": "Around Elm Square",
        "until": "2026-11-26T18:00",
        "who": f"neighbours.{street.elm}.{street.oak}",
    }
    await browser.post("/help/new", **(fields | more))
    return browser


async def offered(street, path, viewer, text="I have a trolley"):
    browser = await street.browser(viewer)
    await browser.get(path)
    await browser.press(f"{path}/offer", text=text)
    return browser


def button(page: str, what: str) -> str:
    return re.search(rf'action="([^"]*/{what})"', page).group(1)


async def test_the_form_says_what_next_door_will_read_and_offers_no_internet(street):
    browser = await street.browser(street.ana)
    page = await browser.get("/help/new")
    assert "This is what people in Oak will read" in browser.words
    assert "Only the helper you choose will see this." in browser.words
    assert 'value="public"' not in page
    assert 'value="2026-11-26T18:00"' in page
    assert 'max="2026-12-08T13:00"' in page


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({"line": "x" * 201}, "line", "too long by 1 character"),
        ({"line": ""}, "line", "nothing here yet"),
        ({"until": "2026-12-24T18:00"}, "until", "within the next 14 days"),
        ({"until": "2026-11-23T18:00"}, "until", "within the next 14 days"),
        ({"until": "tomorrow"}, "until", "within the next 14 days"),
        ({"who": "public"}, "who", "Choose once more"),
        ({"who": "neighbours.1.77"}, "who", "Choose once more"),
        ({"note": "x" * 2001}, "note", "too long by 1 character"),
    ],
)
async def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_lost(street, fields, where, said):
    browser = await asked(street, **fields)
    assert browser.status == 422
    assert said in browser.words
    assert f'id="{where}-error"' in browser.text
    assert f'href="#{where}"' in browser.text
    assert fields.get("note", NOTE) in browser.text


async def test_a_lit_window_is_seen_next_door_and_its_note_by_nobody(street):
    path = (await asked(street)).where
    for viewer in (street.eva, street.bob):
        browser = await street.browser(viewer)
        for page in ("/", "/help", path):
            assert "Who helps carry a washing machine?" in await browser.get(page)
            assert NOTE not in browser.text
        assert "I can help" in browser.words
    await browser.get(f"{path}/talk")
    assert browser.status == 404


async def test_help_is_offered_chosen_talked_over_and_done(street):
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    assert "You offered your help." in bob.words
    assert "Take back my offer" in bob.words
    await offered(street, path, street.eva, "Saturday I can")

    ana = await street.browser(street.ana)
    await ana.get(path)
    assert "2 people offered" in ana.words
    assert "Oak, next door · neighbour since November 2026 · waits 3 more days for your answer" in ana.words
    assert NOTE in ana.words
    await ana.press(button(ana.text, "choose"))
    assert "Your note, given to Bob" in ana.words

    eva = await street.browser(street.eva)
    await eva.get(path)
    assert "Someone else is coming. Thank you for offering." in eva.words
    assert NOTE not in eva.text

    await bob.get(path)
    assert "You are the one who comes." in bob.words
    await bob.get(f"{path}/talk")
    assert NOTE in bob.words
    await bob.post(f"{path}/talk", text="")
    assert bob.status == 422
    await bob.press(f"{path}/talk", text="Saturday at half past ten?")

    await ana.get(f"{path}/talk")
    assert "Saturday at half past ten?" in ana.words
    await ana.post(f"{path}/resolve")
    assert ana.status == 422
    await ana.get(f"{path}/talk")
    await ana.press(f"{path}/resolve", outcome="with-neighbour")
    assert "Done, thank you both" in ana.words
    await ana.press(f"{path}/met", answer="yes")
    await bob.get(f"{path}/talk")
    await bob.press(f"{path}/met", answer="rather-not")
    assert "Did you and Ana meet?" in bob.words


async def test_a_helper_takes_an_offer_back_and_may_offer_again(street):
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    await bob.press(f"{path}/take-back")
    assert "Can you give a hand?" in bob.words
    await bob.press(f"{path}/offer", text="after all")
    assert "You offered your help." in bob.words


async def test_a_helper_who_cannot_come_after_all_lights_the_window_again(street):
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.press(button(ana.text, "choose"))
    await bob.get(f"{path}/talk")
    await bob.press(f"{path}/take-back")
    await ana.get(path)
    assert "Nobody has offered yet." in ana.words


async def test_an_asker_says_no_kindly_and_takes_the_request_back(street):
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.press(button(ana.text, "decline"))
    await bob.get(path)
    assert "Ana Dakkapel said no, thank you for offering." in bob.words
    await ana.press(f"{path}/withdraw")
    assert "You took this back." in ana.words


async def test_the_note_is_changed_until_somebody_has_it(street):
    path = (await asked(street)).where
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.post(f"{path}/note", note="y" * 2001)
    assert ana.status == 422
    assert "y" * 2001 in ana.text
    await ana.press(f"{path}/note", note="Ring twice")
    assert "Ring twice" in ana.words
    assert NOTE not in ana.words


async def test_nobody_else_chooses_changes_or_ends_a_request(street):
    path = (await asked(street)).where
    await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    choose, decline = button(ana.text, "choose"), button(ana.text, "decline")
    eva = await street.browser(street.eva)
    await eva.get("/compose")
    proof = eva.proof
    for act in (choose, decline, f"{path}/note", f"{path}/withdraw", f"{path}/release", f"{path}/talk", f"{path}/met"):
        await eva.post(act, csrf=proof, text="x", note="x", answer="yes")
        assert eva.status == 404, act
    await eva.post(f"{path}/resolve", csrf=proof, outcome="otherwise")
    assert eva.status == 404


async def test_an_offer_is_not_found_under_another_request(street):
    path = (await asked(street)).where
    other = (await asked(street, line="Another thing?")).where
    await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.post(button(ana.text, "choose").replace(path, other))
    assert ana.status == 404


async def test_a_second_offer_while_the_first_waits_is_a_conflict_that_keeps_the_words(street):
    path = (await asked(street)).where
    bob = await street.browser(street.bob)
    await bob.get(path)
    proof = bob.proof
    await bob.post(f"{path}/offer", text="once", csrf=proof)
    await bob.post(f"{path}/offer", text="and once more", csrf=proof)
    assert bob.status == 409
    assert "and once more" in bob.text
    assert f'<a class="btn" href="{path}">Go back</a>' in bob.text


async def test_when_the_time_has_passed_one_asks_again_with_the_same_words(street, clock):
    path = (await asked(street)).where
    clock.move(timedelta(days=3))
    street.database.transact(help_requests.expire_due)
    ana = await street.browser(street.ana)
    await ana.get(path)
    again = re.search(r'href="(/help/new\?again=\d+)"', ana.text).group(1)
    await ana.get(again)
    assert NOTE in ana.text
    assert "Who helps carry a washing machine?" in ana.text
    eva = await street.browser(street.eva)
    assert NOTE not in await eva.get(again)


async def test_who_leaves_a_conversation_ends_it_for_both(street):
    path = (await asked(street)).where
    bob = await offered(street, path, street.bob)
    ana = await street.browser(street.ana)
    await ana.get(path)
    await ana.press(button(ana.text, "choose"))
    await ana.press(f"{path}/leave")
    assert "You left this conversation." in ana.words
    await bob.get(f"{path}/talk")
    assert "Ana left this conversation." in bob.words
    assert 'id="say"' not in bob.text


# --- What is said while another neighbourhood is asked ---------------------------------------------------------------

WORDS = Renderer(ZoneInfo("Europe/Brussels")).words(LANGUAGES["en"])


@pytest.fixture
async def away(street):
    """Bob's offer on a request of Elm, as if Elm were another server."""
    path = (await asked(street)).where
    await offered(street, path, street.bob)
    request_id = int(path.rpartition("/")[2])
    entry = street.database.look(timelines.entry, post_id=request_id, viewer=street.bob)

    def said(**changes):
        offer = dataclasses.replace(entry.my_offer, **changes)
        state = help_views.state(dataclasses.replace(entry, my_offer=offer), street.bob, WORDS)
        return f"{state.strong} {state.text}".strip()

    return said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sent": Sent.SENDING}, "Sent. Waiting for Elm."),
        ({"sent": Sent.TROUBLE}, "Sent. Waiting for Elm. No answer since 13:00. Still trying."),
        (
            {"sent": Sent.ARRIVED},
            "It arrived in Elm. Ana Dakkapel chooses. Your offer stands until Friday 27 November, 13:00.",
        ),
        (
            {"sent": Sent.FAILED},
            "It could not be brought to Elm. We stopped trying. Take it back and try again later.",
        ),
        (
            {"sent": Sent.ARRIVED, "state": OfferState.REFUSED, "reason": "someone-else"},
            "Elm said no: someone else is coming.",
        ),
        ({"state": OfferState.REFUSED, "reason": "expired"}, "It is not needed any more. Thank you for offering."),
        ({"state": OfferState.LAPSED}, "Your offer waited three days and has ended."),
    ],
)
async def test_every_wait_has_a_name_and_a_time(away, changes, words):
    assert away(**changes) == words


@pytest.mark.parametrize(
    ("sent", "seconds", "words"),
    [
        (None, 0, ""),
        (Sent.SENDING, 10, "On its way to Oak."),
        (Sent.SENDING, 61, "Not arrived in Oak yet. We keep trying."),
        (Sent.TROUBLE, 10, "Not arrived in Oak yet. We keep trying."),
        (Sent.FAILED, 10, "This did not arrive in Oak. We stopped trying."),
        (Sent.ARRIVED, 10, ""),
    ],
)
def test_a_message_is_on_its_way_for_a_minute_before_it_is_late(clock, sent, seconds, words):
    message = SimpleNamespace(sent=sent, at=clock.now())
    visit = SimpleNamespace(words=WORDS, now=clock.now() + timedelta(seconds=seconds))
    assert talk._waiting(message, "Oak", visit) == words


async def test_every_state_of_an_offer_has_its_words(away):
    for state in OfferState:
        for sent in (None, *Sent):
            for reason in (None, "someone-else", "declined", "released", "withdrawn"):
                assert away(state=state, sent=sent, reason=reason)
