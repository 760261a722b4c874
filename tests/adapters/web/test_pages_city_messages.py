"""The city's voice on pages: a clerk writes, says it better and takes it back; residents read it as the city's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from fedhood.adapters.web.languages import LANGUAGES
from fedhood.core import access, accounts, city_messages, moderation, neighbourhoods
from fedhood.core.access import Role
from fedhood.core.city_messages import Said
from fedhood.core.city_messages.tables import SharedAnswerTable
from fedhood.core.help_requests import Sent
from fedhood.kernel.settings import Profile, Settings
from tests.adapters.web.browser import BRUSSELS, Browser, site
from tests.adapters.web.test_pages_every import MACHINERY, checked
from tests.core.test_city_messages import add_city

FORM = "/city/messages/new"
DAY = timedelta(days=1)


@pytest.fixture
async def clerk(running, clock, aiohttp_client):
    """A clerk at a city with which Elm, Oak and Birch agreed."""
    client = await aiohttp_client(site(running, clock, Settings(profile=Profile.CITY, rehearsal=True)))
    account = running.transact(_clerk)
    opened = running.transact(access.open_session, account=account, with_passphrase=True)
    browser = Browser(client)
    client.session.cookie_jar.update_cookies({"sid": opened.token}, client.make_url("/"))
    browser.places = {name: running.transact(_place, name) for name in ("Elm", "Oak", "Birch")}
    browser.database = running
    return browser


def _clerk(uow) -> int:
    account = accounts.create(uow, name="Cleo", neighbourhood=None, language="en")
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=None)
    return account


def _place(uow, name: str) -> int:
    peer = add_city(uow, f"{name.lower()}.example")
    uri = f"https://{name.lower()}.example/ap/groups/{name.lower()}"
    return neighbourhoods.remember(uow, peer=peer, uri=uri, key=name.lower(), name=name)


def field(moment) -> str:
    return moment.astimezone(BRUSSELS).strftime("%Y-%m-%dT%H:%M")


def filled(clerk, *names: str, **also: str) -> dict[str, str]:
    typed = {f"place-{clerk.places[name]}": "yes" for name in names}
    typed |= {"title-nl": "Geen water", "text-nl": "Dinsdag.", "title-fr": "", "text-fr": ""}
    typed["ends"] = field(clerk.database.clock.now() + 2 * DAY)
    return typed | also


async def written(clerk, *names: str, **also: str) -> str:
    """The page of a message that was written by the form."""
    await clerk.get(FORM)
    await clerk.press(FORM, **filled(clerk, *names, **also))
    found = re.search(r'href="(/city/messages/[0-9]+)/edit"', clerk.text)
    assert found is not None
    return found.group(1)


def kept(clerk) -> list[city_messages.CityMessage]:
    viewer = access.Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))
    return clerk.database.look(city_messages.written, viewer=viewer)


# -- the clerk ---------------------------------------------------------------------------------------------------------


async def test_a_clerk_writes_to_some_by_name(clerk):
    page = checked(await clerk.get(FORM))
    assert {f"place-{one}" for one in clerk.places.values()} <= set(page.every("name"))
    path = await written(clerk, "Elm", "Birch", **{"title-fr": "Pas d’eau", "text-fr": "Mardi.\n\nDésolés."})
    checked(clerk.text)
    (message,) = kept(clerk)
    assert path == f"/city/messages/{message.id}"
    assert message.places == tuple(sorted([clerk.places["Elm"], clerk.places["Birch"]]))
    assert message.said == {
        "nl": Said(title="Geen water", text="Dinsdag."),
        "fr": Said(title="Pas d’eau", text="Mardi.\n\nDésolés."),
    }
    assert not message.urgent
    assert "Oak" not in clerk.words
    assert clerk.words.count("On its way") == 2


async def test_or_to_all_of_them(clerk):
    await written(clerk, "Elm", all="yes", urgent="yes")
    (message,) = kept(clerk)
    assert message.places == tuple(sorted(clerk.places.values()))
    assert message.urgent
    assert "Urgent" in clerk.words


async def test_the_clock_of_the_form_is_that_of_the_city(clerk):
    await written(clerk, "Elm", begins="2026-12-01T08:00", ends="2026-12-01T12:30")
    (message,) = kept(clerk)
    assert (message.begins_at.isoformat(), message.ends_at.isoformat()) == (
        "2026-12-01T07:00:00+00:00",
        "2026-12-01T11:30:00+00:00",
    )
    assert "From Tuesday 1 December, 8:00 until 12:30" in clerk.words


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"place-0": "yes"}, "Choose at least one neighbourhood."),
        ({"ends": ""}, "There is nothing here yet."),
        ({"ends": "yesterday"}, "This is no moment."),
        ({"begins": "soon"}, "This is no moment."),
        ({"ends": "2020-01-01T00:00"}, "The end comes after the beginning."),
        ({"ends": "2040-01-01T00:00"}, "A message begins within a year"),
        ({"title-nl": "", "text-nl": ""}, "There is nothing here yet."),
        ({"title-fr": "Sans texte"}, "There is nothing here yet."),
        ({"text-nl": "x" * 4003}, "This was too long by 3 characters. Nothing is lost."),
    ],
)
async def test_what_does_not_fit_is_said_beside_its_field_and_nothing_is_lost(clerk, typed, said):
    await clerk.get(FORM)
    form = filled(clerk, *([] if "place-0" in typed else ["Elm"]), **typed)
    page = checked(await clerk.post(FORM, **form))
    assert clerk.status == 422
    assert said in clerk.words
    for name, value in form.items():
        if value and not name.startswith("place-"):
            assert value in page.every("value") or value in clerk.text
    assert kept(clerk) == []


async def test_what_was_typed_is_given_back_when_the_form_is_not_ours_any_more(clerk):
    await clerk.get(FORM)
    await clerk.post(FORM, csrf="old", **filled(clerk, "Elm", **{"text-fr": "Tout ce que j’ai écrit"}))
    assert clerk.status == 403
    assert "Tout ce que j’ai écrit" in clerk.words


async def test_sent_twice_it_is_written_once(clerk):
    await clerk.get(FORM)
    form, proof = filled(clerk, "Elm", once="a-form"), clerk.proof
    await clerk.post(FORM, csrf=proof, **form)
    await clerk.post(FORM, csrf=proof, **form)
    assert (clerk.status, clerk.where) == (303, "/city/messages")
    assert len(kept(clerk)) == 1


async def test_a_clerk_says_it_better_to_the_same_readers(clerk):
    path = await written(clerk, "Elm", begins=field(clerk.database.clock.now() + DAY))
    page = checked(await clerk.get(f"{path}/edit"))
    assert "Geen water" in page.every("value")
    assert not [name for name in page.every("name") if name.startswith("place-")]
    again = filled(clerk, "Oak", **{"title-de": "Kein Wasser", "text-de": "Am Dienstag."})
    await clerk.press(f"{path}/edit", **again)
    (message,) = kept(clerk)
    assert (message.version, message.places) == (2, (clerk.places["Elm"],))
    assert list(message.said) == ["nl", "de"]
    await clerk.get(f"{path}/edit")
    await clerk.post(f"{path}/edit", **filled(clerk, ends=""))
    assert clerk.status == 422
    checked(clerk.text)


async def test_a_clerk_takes_it_back_after_a_question(clerk):
    path = await written(clerk, "Elm", urgent="yes")
    checked(await clerk.get(f"{path}/withdraw"))
    proof = clerk.proof
    await clerk.press(f"{path}/withdraw")
    checked(clerk.text)
    assert "Taken back" in clerk.words
    assert "Geen water" not in clerk.words
    checked(await clerk.get(f"{path}/withdraw"))
    await clerk.press(f"{path}/withdraw", csrf=proof)
    checked(await clerk.get(path))
    assert "Geen water" not in clerk.words
    assert f'href="{path}/edit"' not in clerk.text
    await clerk.get(f"{path}/edit")
    assert clerk.status == 404


async def test_the_clerk_reads_how_far_it_got_and_no_number_of_readers(clerk):
    path = await written(clerk, "Elm", "Oak", "Birch")
    (message,) = kept(clerk)
    for name, state in (("Elm", Sent.ARRIVED), ("Oak", Sent.TROUBLE), ("Birch", Sent.FAILED)):
        peer = clerk.database.look(neighbourhoods.get, clerk.places[name]).peer
        clerk.database.transact(city_messages.sent, message_id=message.id, peer=peer, state=state)
    await clerk.get(path)
    rows = re.findall(r"<tr>.*?</tr>", clerk.text, re.DOTALL)
    assert [("Arrived" in row, "keep trying" in row, "stopped trying" in row) for row in rows] == [
        (False, False, True),
        (True, False, False),
        (False, True, False),
    ]


async def test_without_a_neighbourhood_there_is_nobody_to_write_to(running, clerk):
    checked(await clerk.get("/city/messages"))
    assert "You have not written anything yet." in clerk.words
    running.transact(lambda uow: uow.db.execute_sql("DELETE FROM agreement"))
    checked(await clerk.get("/city/messages"))
    assert FORM not in clerk.text


async def test_the_list_goes_on(clerk):
    for number in range(21):
        clerk.database.transact(_write, clerk.places["Elm"], str(number))
    await clerk.get("/city/messages")
    older = re.search(r'href="(/city/messages\?older=[0-9]+)"', clerk.text)
    checked(await clerk.get(older.group(1)))
    assert len(re.findall(r"<article", clerk.text)) == 1


def _write(uow, place: int, title: str) -> int:
    by = access.Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))
    said = {"nl": Said(title=title, text="x")}
    return city_messages.write(
        uow, by=by, said=said, places=[place], begins_at=None, ends_at=uow.now + DAY, urgent=False
    )


async def test_the_address_that_neighbourhoods_know_leads_the_clerk_to_the_message(clerk):
    path = await written(clerk, "Elm")
    number = path.rpartition("/")[2]
    await clerk.get(f"/p/{number}")
    assert (clerk.status, clerk.where) == (303, path)
    stranger = Browser(clerk.client)
    clerk.client.session.cookie_jar.clear()
    await stranger.get(f"/p/{number}")
    assert stranger.status == 404


@pytest.mark.parametrize("code", list(LANGUAGES))
async def test_every_page_of_the_voice_keeps_to_the_rules_in_every_language(clerk, code):
    path = await written(clerk, "Elm", urgent="yes")
    for one in (FORM, "/city/messages", path, f"{path}/edit", f"{path}/withdraw"):
        text = await clerk.get(f"{one}?lang={code}")
        checked(text)
        assert f'<html lang="{code}"' in text
        assert not MACHINERY.search(clerk.words), MACHINERY.search(clerk.words)


async def test_on_a_neighbourhoods_server_nobody_speaks_for_a_city(street, running):
    running.transact(access.give, account=street.ana.account, role=Role.CLERK, neighbourhood=None, by=None)
    ana, eva = await street.browser(street.ana), await street.browser(street.eva)
    for path in ("/city/messages", FORM, "/city/messages/1", "/city/messages/1/edit", "/city/messages/1/withdraw"):
        await ana.get(path)
        assert ana.status == 404
        await eva.get(path)
        assert eva.status == 403


# -- who lives there ---------------------------------------------------------------------------------------------------


@pytest.fixture
def city(street, running):
    peer = running.transact(add_city)
    return running.transact(
        accounts.remember, peer=peer, uri="https://city.example/ap/city", name="Mechelen", neighbourhood=None
    )


WATER = {
    "nl": Said(title="Geen water", text="Dinsdag van 8 tot 12 uur."),
    "fr": Said(title="Pas d’eau", text="Mardi de 8 à 12 heures. https://mechelen.example/eau"),
}


def arrives(street, city, *, said=WATER, urgent=False, number=1, groups=1, homes=()) -> int:
    now = street.database.clock.now()
    return street.database.transact(
        city_messages.mirror,
        uri=f"https://city.example/ap/notes/{number}",
        peer=street.database.look(accounts.get, city).peer,
        author=city,
        groups=[f"https://elm.example/ap/groups/{one}" for one in range(groups)],
        places=homes or [street.elm],
        said=said,
        begins_at=now,
        ends_at=now + DAY,
        urgent=urgent,
        published_at=now,
    )


async def test_a_resident_reads_it_in_their_language_as_the_citys(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    page = checked(await eva.get("/?lang=fr"))
    assert "Avis de la Ville de Mechelen" in eva.words
    assert "Pas d’eau" in eva.words
    assert "Geen water" not in eva.words
    assert "card-city" in eva.text
    assert 'class="gable tower"' in eva.text
    assert [attrs for tag, attrs in page.tags if attrs.get("href") == "https://mechelen.example/eau"]
    checked(await eva.get("/?lang=de"))
    assert "Geen water" in eva.words
    assert '<h2 class="line" id="by-' in eva.text
    assert 'dir="auto" lang="nl"' in eva.text
    bob = await street.browser(street.bob)
    assert "Geen water" not in await bob.get("/")


async def test_urgent_is_said_in_words_and_stands_first(street, city):
    arrives(street, city, urgent=True)
    street.database.clock.move(timedelta(minutes=1))
    arrives(street, city, number=2, said={"en": Said(title="Market", text="On Sunday.")})
    eva = await street.browser(street.eva)
    checked(await eva.get("/?lang=nl"))
    assert eva.words.index("Dringend") < eva.words.index("Geen water") < eva.words.index("Market")
    assert eva.words.count("Dringend") == 1
    assert eva.words.count("Geen water") == 1


async def test_over_it_is_one_message_among_others(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    street.database.clock.move(2 * DAY)
    await eva.get("/compose")
    await eva.press("/compose", text="Good morning", who="neighbourhood")
    await eva.get("/?lang=nl")
    assert eva.words.index("Good morning") < eva.words.index("Geen water")
    await eva.get("/?show=city")
    assert "Geen water" in eva.words
    assert "Good morning" not in eva.words


async def test_the_chip_of_the_city_is_there_once_it_has_spoken(street, city):
    eva = await street.browser(street.eva)
    await eva.get("/")
    assert "show=city" not in eva.text
    arrives(street, city)
    await eva.get("/")
    assert "show=city" in eva.text


async def test_its_page_has_answers_of_the_neighbourhood_and_no_thanks(street, city):
    arrives(street, city, groups=4, homes=[street.elm, street.oak])
    eva = await street.browser(street.eva)
    await eva.get("/?lang=en")
    path = re.search(r'href="(/p/[0-9]+)"', eva.text).group(1)
    checked(await eva.get(path))
    assert "Can be read by: Elm and Oak and 2 more neighbourhoods" in eva.words
    assert "Can be read by: Elm only" in eva.words
    assert "/thanks" not in eva.text
    await eva.press(f"{path}/answer", text="And the school?")
    checked(eva.text)
    assert "And the school?" in eva.words
    bob = await street.browser(street.bob)
    await bob.get(path)
    assert bob.status == 404
    await bob.get("/")
    theirs = re.search(r'href="(/p/[0-9]+)"', bob.text).group(1)
    await bob.get(theirs)
    assert "And the school?" not in bob.text
    for page in (f"{path}/edit", f"{path}/delete"):
        await eva.get(page)
        assert eva.status == 403
    await eva.post(f"{path}/thanks")
    assert eva.status == 403


async def test_urgent_news_leads_there(street, city):
    arrives(street, city, urgent=True)
    street.database.transact(_tell, street, city)
    eva = await street.browser(street.eva)
    checked(await eva.get("/notifications?lang=en"))
    assert "The city of Mechelen has something urgent to tell you." in eva.words
    await eva.get(re.search(r'href="(/p/[0-9]+)"', eva.text).group(1))
    assert "Geen water" in eva.words


def _tell(uow, street, city) -> None:
    from fedhood.core import notifications, posts  # noqa: PLC0415 - one test alone needs them

    (post,) = posts.ids_by(uow.db, city)
    notifications.tell_all(
        uow,
        accounts=[street.eva.account],
        kind=notifications.Kind.CITY_URGENT,
        object=post,
        actor=city,
    )


async def test_a_complaint_about_it_names_the_city_whole(street, city):
    street.database.transact(
        lambda uow: accounts.remember(
            uow,
            peer=accounts.get(uow.db, city).peer,
            uri="https://city.example/ap/city",
            name="Sint Niklaas",
            neighbourhood=None,
        )
    )
    arrives(street, city)
    eva = await street.browser(street.eva)
    await eva.get("/")
    path = re.search(r'href="(/p/[0-9]+)"', eva.text).group(1)
    checked(await eva.get(f"{path}/report?lang=en"))
    assert "You report what Sint Niklaas wrote" in eva.words
    await eva.press(f"{path}/report", reason="other", text="Wrong street")
    (report,) = street.database.look(moderation.open_reports, viewer=street.ana, neighbourhood=street.elm)
    assert report.text == "Wrong street"
    ana = await street.browser(street.ana)
    checked(await ana.get("/host/reports"))
    await ana.press(f"/host/reports/{report.id}/hide")
    await eva.get("/?lang=nl")
    assert "Geen water" not in eva.words


# -- letting the city read an answer -----------------------------------------------------------------------------------


async def its_page(browser) -> str:
    await browser.get("/?lang=en")
    return re.search(r'href="(/p/[0-9]+)"', browser.text).group(1)


def answer_of(browser) -> str:
    return re.search(r'href="(/p/[0-9]+)/edit"', browser.text).group(1)


def shares(street) -> list[bool]:
    """Of each answer that was ever let out, whether the city may read it now."""
    rows = street.database.look(lambda db: list(SharedAnswerTable.select().order_by(SharedAnswerTable.id).execute(db)))
    return [one.ended_at is None for one in rows]


async def test_the_tick_is_not_set_and_says_what_it_means(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    page = checked(await eva.get(path))
    (tick,) = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name") == "city"]
    assert "checked" not in tick
    assert "The city of Mechelen may read this" in eva.words
    assert "it also goes to city.example" in eva.words
    assert "with your name and your neighbourhood" in eva.words
    await eva.press(f"{path}/answer", text="Among us")
    assert shares(street) == []
    assert "Elm only" in eva.words


async def test_ticked_everybody_reads_that_the_city_does_too(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    await eva.press(f"{path}/answer", text="And the school?", city="yes")
    checked(eva.text)
    assert shares(street) == [True]
    assert "Elm and the city of Mechelen" in eva.words
    assert "On its way to the city." in eva.words
    ana = await street.browser(street.ana)
    await ana.get(path)
    assert "Elm and the city of Mechelen" in ana.words
    assert "On its way" not in ana.words


async def test_what_does_not_fit_keeps_the_tick(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    page = checked(await eva.post(f"{path}/answer", text=" ", city="yes"))
    assert eva.status == 422
    (tick,) = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name") == "city"]
    assert "checked" in tick
    assert shares(street) == []


async def test_the_tick_is_taken_away_and_set_again_where_the_words_are_changed(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    await eva.press(f"{path}/answer", text="And the school?", city="yes")
    own = answer_of(eva)
    page = checked(await eva.get(f"{own}/edit"))
    (tick,) = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name") == "city"]
    assert "checked" in tick
    await eva.press(f"{own}/edit", text="And the school?")
    assert shares(street) == [False]
    assert "the city of Mechelen may read" not in eva.words.partition("And the school?")[0]
    await eva.get(f"{own}/edit")
    await eva.press(f"{own}/edit", text="And the school, at 20?", city="yes")
    assert shares(street) == [False, True]
    await eva.get(f"{own}/edit")
    await eva.press(f"{own}/edit", text="And the school, at 22?", city="yes")
    assert shares(street) == [False, True]


async def test_where_it_cannot_be_told_there_is_no_tick_but_one_that_is_set_can_go(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    await eva.press(f"{path}/answer", text="And the school?", city="yes")
    own = answer_of(eva)
    street.database.transact(lambda uow: uow.db.execute_sql("DELETE FROM agreement"))
    page = checked(await eva.get(path))
    assert "city" not in page.every("name")
    await eva.press(f"{path}/answer", text="Another word", city="no")
    page = checked(await eva.get(f"{own}/edit"))
    assert "city" in page.every("name")
    await eva.press(f"{own}/edit", text="And the school?")
    assert shares(street) == [False]


async def test_a_tick_that_cannot_be_kept_any_more_loses_no_word(street, city):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    street.database.transact(lambda uow: uow.db.execute_sql("DELETE FROM agreement"))
    checked(await eva.post(f"{path}/answer", text="And the school?", city="yes"))
    assert eva.status == 422
    assert "Nothing was sent" in eva.words
    assert "And the school?" in eva.text
    assert shares(street) == []


async def test_under_a_neighbours_word_there_is_nothing_to_tick(street, city):
    arrives(street, city)
    ana, eva = await street.browser(street.ana), await street.browser(street.eva)
    await ana.get("/compose")
    await ana.press("/compose", text="Dag buren", who="neighbourhood")
    path = re.search(r'action="(/p/[0-9]+)/answer"', ana.text).group(1)
    page = checked(await eva.get(path))
    assert "city" not in page.every("name")
    await eva.press(f"{path}/answer", text="Hello", city="yes")
    assert shares(street) == []
    own = answer_of(eva)
    page = checked(await eva.get(f"{own}/edit"))
    assert "city" not in page.every("name")
    await eva.press(f"{own}/edit", text="Hello there", city="yes")
    assert shares(street) == []


@pytest.mark.parametrize("code", list(LANGUAGES))
async def test_the_pages_with_the_tick_keep_to_the_rules_in_every_language(street, city, code):
    arrives(street, city)
    eva = await street.browser(street.eva)
    path = await its_page(eva)
    await eva.get(path)
    await eva.press(f"{path}/answer", text="And the school?", city="yes")
    own = answer_of(eva)
    for one in (path, f"{own}/edit"):
        checked(await eva.get(f"{one}?lang={code}"))
        assert not MACHINERY.search(eva.words)


async def test_the_clerk_reads_what_was_let_out_with_name_and_place_and_cannot_answer(clerk):
    path = await written(clerk, "Elm", "Oak")
    (message,) = kept(clerk)
    assert "Nobody let you read an answer so far." in clerk.words
    clerk.database.transact(
        city_messages.arrived,
        uri="https://elm.example/ap/notes/9",
        message=message,
        person="https://elm.example/ap/people/eva",
        name="Eva Stoep",
        place=clerk.places["Elm"],
        text="Et l’école <b>?",
        language="fr",
        published_at=clerk.database.clock.now(),
    )
    checked(await clerk.get(path))
    assert "Eva Stoep Elm just now Et l’école <b>?" in clerk.words
    assert 'lang="fr"' in clerk.text
    assert "You cannot answer here." in clerk.words
    assert "/answer" not in clerk.text
    checked(await clerk.get("/city/messages"))
    assert "Somebody answered you." in clerk.words
    assert "Eva" not in clerk.words
