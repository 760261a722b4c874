"""What goes to a neighbouring place: for who looks after this one, and for the author of a post."""

import re
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import hosts, outbox, resting, streams
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.adapters.web import arrivals, host_letter_words
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.render import Words
from fedhood.consequences import follow
from fedhood.core import help_requests, neighbourhoods, notifications, posts
from fedhood.core.deliveries import Cause, Fate, Matter, Verdict
from fedhood.core.help_requests import HelpCategory
from fedhood.core.notifications import Kind
from fedhood.core.peers.tables import PeerTable
from fedhood.core.posts import Audience
from tests.adapters.web.browser import BRUSSELS
from tests.adapters.web.test_pages_agreed import LINDEN, linden
from tests.adapters.web.test_pages_every import MACHINERY, checked
from tests.adapters.web.test_pages_host import named

__all__ = ["linden", "named"]  # fixtures

SECRET = "Grandmother’s ring lies under the third stone"


@pytest.fixture(autouse=True)
def _what_follows(consequences):
    consequences.then = follow


def tell(street, text=SECRET) -> int:
    """Eva tells Lindenquarter something."""
    place = street.database.look(neighbourhoods.by_uri, LINDEN).id
    return street.database.transact(
        posts.publish, by=street.eva, text=text, audience=Audience.NEIGHBOURS, places=(street.elm, place)
    )


def attempt(street, peer, result: Result) -> None:
    """The next letters to a peer come to this."""
    now = street.database.clock.now()
    street.database.transact(lambda uow: hosts.heard_from(uow, peer_id=peer))
    (lease,) = street.database.transact(hosts.take, [peer], now)
    waiting = street.database.look(streams.first, peer)
    tries = waiting[:1] if result.outcome is Outcome.RETRY else waiting
    held = street.database.transact(streams.settle, lease, [(one, result) for one in tries])
    if held is not None:
        street.database.transact(hosts.release, held)


ARRIVED = Result(outcome=Outcome.DONE, status=202)
SILENCE = Result(outcome=Outcome.RETRY, reason="timeout")
NO = Result(outcome=Outcome.REFUSED, status=403, reason="answered 403")


@pytest.fixture
def nothing_waits(street, linden):
    """What belongs to the agreement has arrived."""
    attempt(street, linden, ARRIVED)


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_cause_fate_and_matter_has_words_and_an_advice_in_every_language(code):
    words = Words(LANGUAGES[code], BRUSSELS)
    assert set(host_letter_words.CAUSES) == set(Cause)
    assert set(host_letter_words.FATES) == set(Fate)
    assert set(host_letter_words.MATTERS) == set(Matter)
    for cause in Cause:
        verdict = Verdict(fate=Fate.WAITING, cause=cause)
        said = (host_letter_words.why(verdict, words), host_letter_words.advice(verdict, words))
        assert all(said)
        if code != "en":
            assert said != host_letter_words.CAUSES[cause], "it is translated"


@pytest.mark.parametrize("cause", Cause)
def test_no_cause_is_said_to_a_resident_in_words_of_the_machine(cause, clock):
    words = Words(LANGUAGES["en"], BRUSSELS)
    for fate in Fate:
        verdict = Verdict(fate=fate, cause=cause, at=clock.now(), since=clock.now())
        picture, said = arrivals._said("Linden", [verdict], words, clock.now())
        assert said.startswith("Linden: ")
        assert not MACHINERY.search(said)
        assert (picture == "check") == (fate is Fate.ARRIVED)


# -- the host ---------------------------------------------------------------------------------------------------------


async def test_a_place_to_which_nothing_went_says_so(street, named, linden):
    page = await named.get(f"/host/neighbours/{linden}/sent?only=lost")
    checked(page)
    assert "Here is nothing." in named.words
    assert "never what it says" in named.words


async def test_what_arrived_waits_and_was_refused_is_listed_without_a_word_of_it(street, named, linden, nothing_waits):
    tell(street)
    attempt(street, linden, ARRIVED)
    tell(street)
    attempt(street, linden, NO)
    tell(street)
    base = f"/host/neighbours/{linden}"
    page = await named.get(f"{base}/sent")
    checked(page)
    for said in (
        "Something is on its way to them.",
        "1 thing waits, written 13:00.",
        "A post 13:00 Waits It goes out in its turn.",
        "A post 13:00 Refused 13:00 · They do not allow it.",
        "A post 13:00 Arrived 13:00",
        "Word about what you agreed",
    ):
        assert said in named.words
    for word in ("ring", "third stone", "Eva", "Stoep"):
        assert word not in named.words
    await named.get(f"{base}/sent?only=waiting")
    assert ("Waits" in named.words, "They do not allow it." in named.words) == (True, False)
    await named.get(f"{base}/sent?only=lost")
    assert ("13:00 Waits" in named.words, "They do not allow it." in named.words) == (False, True)
    link = re.search(rf'href="({base}/sent/1-[0-9]+)"', named.text).group(1)
    page = await named.get(link)
    checked(page)
    assert "Call them: perhaps they ended or changed what you had agreed." in named.words
    assert "Eva" not in named.words
    assert "Forget" not in named.words, "it is settled"


async def test_a_neighbour_that_does_not_answer_is_named_with_why_when_and_whose_turn_it_is(
    street, named, linden, nothing_waits, clock
):
    tell(street)
    attempt(street, linden, SILENCE)
    clock.move(timedelta(minutes=1))
    attempt(street, linden, Result(outcome=Outcome.RETRY, reason="certificate-lapsed", rest=timedelta(hours=2)))
    await named.get("/host/neighbours")
    checked(named.text)
    assert "No answer since 13:00. Next try: today 15:01." in named.words
    await named.get(f"/host/neighbours/{linden}")
    checked(named.text)
    assert "Their certificate has run out. Call them: they must renew it." in named.words
    await named.press(f"/host/neighbours/{linden}/retry")
    assert "It is tried just now." in named.words
    assert street.database.look(streams.due, clock.now())


async def test_after_a_week_it_is_said_that_it_is_tried_once_a_day_and_among_the_news(
    street, named, linden, nothing_waits, clock
):
    tell(street)
    for _ in range(8):
        now = clock.now()
        (lease,) = street.database.transact(hosts.take, [linden], now)
        street.database.transact(streams.settle, lease, [(street.database.look(streams.first, linden)[0], SILENCE)])
        clock.move(timedelta(days=1))
    named.sign_in_as(street.database, street.ana)
    page = await named.get(f"/host/neighbours/{linden}/sent")
    checked(page)
    assert "For a week there was no answer. It is tried once a day from now on." in named.words
    told = [one.kind for one in street.database.look(notifications.latest, account=street.ana.account)]
    assert told.count(Kind.PEER_SILENT) == 1
    await named.get("/notifications")
    assert "A neighbouring place has not answered for a week." in named.words
    assert f'href="/host/neighbours/{linden}/sent"' in named.text


async def test_who_refuses_three_times_is_named_and_among_the_news(street, named, linden, nothing_waits):
    for _ in range(3):
        tell(street)
    attempt(street, linden, NO)
    for path in ("/host/neighbours", f"/host/neighbours/{linden}"):
        await named.get(path)
        assert "They do not take what is meant for them." in named.words
    assert "They refused three or more in a row." in named.words
    told = [one.kind for one in street.database.look(notifications.latest, account=street.ana.account)]
    assert told.count(Kind.PEER_REFUSING) == 1


async def test_a_pause_is_pressed_and_lifted(street, named, linden, nothing_waits, clock):
    await named.get(f"/host/neighbours/{linden}/sent")
    for _ in range(2):
        await named.press(f"/host/neighbours/{linden}/pause")
    tell(street)
    assert street.database.look(streams.due, clock.now()) == []
    for path in ("/host/neighbours", f"/host/neighbours/{linden}", f"/host/neighbours/{linden}/sent"):
        await named.get(path)
        assert "Paused since 13:00." in named.words
    await named.post(f"/host/neighbours/{linden}/retry")
    assert named.status == 409
    await named.get(f"/host/neighbours/{linden}/sent")
    for _ in range(2):
        await named.press(f"/host/neighbours/{linden}/resume")
    assert [one.peer for one in street.database.look(streams.due, clock.now())] == [linden]


async def test_letters_in_question_are_said_where_it_waits(street, named, linden, nothing_waits):
    tell(street)
    street.database.transact(lambda uow: PeerTable.update(suspended_at=uow.now).execute(uow.db))
    street.database.transact(resting.hold, peer_id=linden)
    await named.get(f"/host/neighbours/{linden}/sent")
    assert "Their letters are in question, so nothing goes to them. Call them and compare the letters." in named.words


async def test_one_is_forgotten_and_what_is_taken_back_cannot_be(street, named, linden, nothing_waits):
    post = tell(street)
    base = f"/host/neighbours/{linden}/sent"
    await named.get(f"{base}?only=waiting")
    (link,) = re.findall(rf'href="({base}/1-[0-9]+)"', named.text)
    await named.get(link)
    proof = named.proof
    for _ in range(2):
        await named.press(f"{link}/forget", csrf=proof)
    assert "Forgotten" in named.words
    assert "Somebody here decided that it is not sent." in named.words
    street.database.transact(posts.delete, by=street.eva, post_id=post)
    await named.get(f"{base}?only=waiting")
    (link,) = re.findall(rf'href="({base}/1-[0-9]+)"', named.text)
    await named.get(link)
    assert "it cannot be forgotten" in named.words
    await named.post(f"{link}/forget", csrf=proof)
    assert named.status == 409


async def test_what_was_refused_is_sent_once_more(street, named, linden, nothing_waits):
    post = tell(street)
    attempt(street, linden, NO)
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: did not arrive" in eva.words
    await named.get(f"/host/neighbours/{linden}/sent?only=lost")
    (link,) = re.findall(rf'href="(/host/neighbours/{linden}/sent/1-[0-9]+)"', named.text)
    page = await named.get(link)
    checked(page)
    proof = named.proof
    for _ in range(2):
        await named.press(f"{link}/again", csrf=proof)
    assert "1 thing waits" in named.words
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: on its way" in eva.words
    attempt(street, linden, ARRIVED)
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: arrived" in eva.words


async def test_before_all_is_forgotten_it_is_said_what_is_lost(street, named, linden, nothing_waits):
    for _ in range(3):
        tell(street)
    page = await named.get(f"/host/neighbours/{linden}/forget")
    checked(page)
    assert "Linden never gets this." in named.words
    assert "A post: 3" in named.words
    await named.press(f"/host/neighbours/{linden}/forget")
    assert "Nothing waits. Not all of it arrived lately." in named.words
    await named.get(f"/host/neighbours/{linden}/forget")
    assert "Nothing waits that could be forgotten." in named.words


async def test_a_long_list_goes_on_page_by_page_and_names_each_once(street, named, linden, nothing_waits):
    for _ in range(70):
        tell(street)
    path, found = f"/host/neighbours/{linden}/sent?only=waiting", []
    for _ in range(3):
        await named.get(path)
        checked(named.text)
        found += re.findall(r'href="[^"]*/sent/1-([0-9]+)"', named.text)
        onward = re.search(r'href="([^"]*older=[^"]*)"', named.text)
        path = onward.group(1).replace("&amp;", "&") if onward else ""
    assert path == ""
    assert len(found) == len(set(found)) == 70
    assert found == sorted(found, key=int, reverse=True)


@pytest.mark.parametrize("path", ["sent/x", "sent/1-0", "sent/1-999", "sent/-1-1", "sent/1-1234567890"])
async def test_what_is_no_letter_is_not_there(street, named, linden, path):
    await named.get(f"/host/neighbours/{linden}/{path}")
    assert named.status == 404


async def test_an_address_with_nonsense_in_it_is_the_beginning_of_the_list(street, named, linden):
    await named.get(f"/host/neighbours/{linden}/sent?only=x&older=9-x")
    assert named.status == 200


async def test_only_who_may_agree_reads_the_list_and_presses(street, named, linden):
    tell(street)
    letter = street.database.look(
        lambda db: DeliveryTable.select().where(DeliveryTable.verb == "post.create").execute(db)[0].number
    )
    street.database.transact(lambda uow: uow.db.execute_sql("DELETE FROM access_right WHERE neighbourhood IS NULL"))
    keeper, base = await street.browser(street.ana), f"/host/neighbours/{linden}"
    await keeper.get(base)
    assert (keeper.status, "What goes to them" in keeper.words, f"{base}/sent" in keeper.text) == (200, True, False)
    proof = keeper.proof
    for path in (f"{base}/sent", f"{base}/sent/1-{letter}", f"{base}/forget"):
        await keeper.get(path)
        assert keeper.status == 403
    for path in ("retry", "pause", "resume", "forget", f"sent/1-{letter}/forget"):
        await keeper.post(f"{base}/{path}", csrf=proof)
        assert keeper.status == 403
    eva = await street.browser(street.eva)
    for path in (base, f"{base}/sent"):
        await eva.get(path)
        assert eva.status == 403


async def test_where_else_a_thing_goes_is_beside_it(street, named, linden, nothing_waits):
    tell(street)
    (row,) = street.database.look(
        lambda db: list(DeliveryTable.select().where(DeliveryTable.verb == "post.create").execute(db))
    )

    def also_to_ash(uow):
        ash = PeerTable.insert(
            host="ash.example", name="Ash", state="agreed", trust="neighbour", added_at=uow.now
        ).execute(uow.db)
        outbox.deliver(uow, ash, "post.create", row.object, row.version)

    street.database.transact(also_to_ash)
    page = await named.get(f"/host/neighbours/{linden}/sent/{row.epoch}-{row.number}")
    checked(page)
    assert "Where else it goes Ash Waits It goes out in its turn." in named.words


# -- the author -------------------------------------------------------------------------------------------------------


async def test_an_author_reads_where_their_post_has_got_to_and_nobody_else_does(
    street, named, linden, nothing_waits, clock
):
    post = tell(street)
    eva = await street.browser(street.eva)

    async def reads() -> str:
        await eva.get(f"/p/{post}")
        checked(eva.text)
        assert "linden.example" not in eva.text
        return eva.words

    assert "Where it has got to. Only you see this. Lindenquarter: on its way" in await reads()
    attempt(street, linden, SILENCE)
    assert "Lindenquarter: no answer since 13:00, we try again" in await reads()
    clock.move(timedelta(minutes=62))
    attempt(street, linden, ARRIVED)
    assert "Lindenquarter: arrived, 14:02" in await reads()
    street.database.transact(posts.edit, by=street.eva, post_id=post, text="Better said")
    assert "Lindenquarter: arrived; what changed since is on its way" in await reads()
    attempt(street, linden, NO)
    assert "Lindenquarter: arrived; what changed since did not" in await reads()
    ana = await street.browser(street.ana)
    await ana.get(f"/p/{post}")
    assert ana.status == 200
    assert "Where it has got to" not in ana.words


async def test_a_neighbourhood_of_the_same_house_has_it_at_once_and_home_is_not_said(street, named):
    places = (street.elm, street.oak)
    post = street.database.transact(posts.publish, by=street.eva, text="x", audience=Audience.NEIGHBOURS, places=places)
    here = street.database.transact(posts.publish, by=street.eva, text="y")
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{post}")
    assert "Oak: arrived, 13:00" in eva.words
    assert "Elm: arrived" not in eva.words
    await eva.get(f"/p/{here}")
    assert "Where it has got to" not in eva.words


async def test_who_asks_for_help_reads_where_the_request_has_got_to(street, named, linden, nothing_waits, clock):
    place = street.database.look(neighbourhoods.by_uri, LINDEN).id
    request = street.database.transact(
        help_requests.ask,
        by=street.eva,
        line="Who carries a table?",
        note="Second bell",
        category=HelpCategory.CARRYING,
        area="",
        until=clock.now() + timedelta(days=3),
        audience=Audience.NEIGHBOURS,
        places=(street.elm, place),
    )
    eva = await street.browser(street.eva)
    await eva.get(f"/help/{request}")
    checked(eva.text)
    assert "Lindenquarter: on its way" in eva.words
    attempt(street, linden, Result(outcome=Outcome.EXPIRED, reason="no answer for too long"))
    await eva.get(f"/help/{request}")
    assert "Lindenquarter: did not arrive" in eva.words
    await named.get(f"/host/neighbours/{linden}/sent")
    assert "News of a request for help" in named.words
    assert "table" not in named.words


async def test_a_pause_is_said_to_the_author_without_a_name(street, named, linden, nothing_waits):
    post = tell(street)
    await named.get(f"/host/neighbours/{linden}/sent")
    await named.press(f"/host/neighbours/{linden}/pause")
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: waits, those who look after this place paused it" in eva.words
    await named.press(f"/host/neighbours/{linden}/forget")
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: did not arrive" in eva.words


async def test_of_an_answer_it_is_said_where_it_has_not_arrived_and_only_while_that_is_so(
    street, named, linden, nothing_waits
):
    post = tell(street)
    attempt(street, linden, ARRIVED)
    eva = await street.browser(street.eva)
    await eva.get(f"/p/{post}")
    await eva.press(f"/p/{post}/answer", **{"answer-text": "One thing more", "text": "One thing more"})
    assert eva.words.count("Lindenquarter: arrived") == 1
    assert "Lindenquarter: on its way" in eva.words
    ana = await street.browser(street.ana)
    await ana.get(f"/p/{post}")
    assert "Lindenquarter: on its way" not in ana.words
    attempt(street, linden, ARRIVED)
    await eva.get(f"/p/{post}")
    assert "Lindenquarter: on its way" not in eva.words
    checked(eva.text)
