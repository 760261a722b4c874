"""A city's messages: what a clerk may write, what becomes of it in a neighbourhood, and what never leaves there."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fedhood.core import (
    accounts,
    city_messages,
    interactions,
    moderation,
    neighbourhoods,
    notifications,
    posts,
    timelines,
)
from fedhood.core.access import NOBODY, Role, Viewer
from fedhood.core.city_messages import CityMessageShown, CityMessageUrgent, Said, Stage
from fedhood.core.moderation import Reason, ReportFiled
from fedhood.core.notifications import Kind
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated
from tests.support.people import neighbourhood, resident

pytestmark = pytest.mark.both_databases

CLERK = Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))
WATER = {"fr": Said(title="Coupure d’eau", text="Mardi."), "nl": Said(title="Geen water", text="Dinsdag.")}
DAY = timedelta(days=1)


def add_city(uow, host: str = "city.example", *, state: str = "agreed", scopes=("public", "city", "direct")) -> int:
    peer = PeerTable.insert(host=host, state=state, trust="city", added_at=uow.now).execute(uow.db)
    for ours in (True, False):
        AgreementTable.insert(
            peer=peer, ours=ours, trust="city", scopes=list(scopes), valid_until=uow.now + 365 * DAY, updated_at=uow.now
        ).execute(uow.db)
    return peer


# -- at the city -------------------------------------------------------------------------------------------------------


@pytest.fixture
def places(database):
    """Neighbourhoods of two servers that agreed with this city, and of one that did not finish."""
    found = {}
    for host, state, names in (
        ("elm", "agreed", ("Elm", "Birch")),
        ("oak", "agreed", ("Oak",)),
        ("ash", "found", ("Ash",)),
    ):
        peer = database.transact(add_city, f"{host}.example", state=state)
        for name in names:
            uri = f"https://{host}.example/ap/groups/{name.lower()}"
            found[name] = database.transact(neighbourhoods.remember, peer=peer, uri=uri, key=name.lower(), name=name)
    return found


def write(database, places, *, by=CLERK, said=WATER, begins_at=None, ends_at=None, urgent=False):
    ends_at = ends_at or database.clock.now() + DAY
    return database.transact(
        city_messages.write, by=by, said=said, places=places, begins_at=begins_at, ends_at=ends_at, urgent=urgent
    )


def test_only_who_agreed_is_offered(database, places):
    offered = database.look(city_messages.offered, now=database.clock.now())
    assert [one.name for one in offered] == ["Birch", "Elm", "Oak"]
    assert database.look(city_messages.offered, now=database.clock.now() + 400 * DAY) == []


def test_a_message_says_itself_in_one_order_whatever_was_typed_first(database, places):
    number = write(database, [places["Elm"], places["Oak"]], said={**WATER, "de": Said(title=" ", text="")})
    found = database.look(city_messages.get, viewer=CLERK, message_id=number)
    assert list(found.said) == ["nl", "fr"]
    assert found.main == "nl"
    assert found.places == tuple(sorted([places["Elm"], places["Oak"]]))
    assert found.begins_at == database.clock.now()
    assert [found.language_for(reader) for reader in ("fr", "nl", "de")] == ["fr", "nl", "nl"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"said": {}}, "title-nl"),
        ({"said": {"fr": Said(title="", text="x")}}, "title-fr"),
        ({"said": {"fr": Said(title="x", text=" ")}}, "text-fr"),
        ({"said": {"de": Said(title="x" * 121, text="x")}}, "title-de"),
        ({"said": {"en": Said(title="x", text="x" * 4001)}}, "text-en"),
        ({"said": {"it": Said(title="x", text="x")}}, "title-nl"),
        ({"ends": None}, "ends"),
        ({"ends": timedelta(0)}, "ends"),
        ({"begins": 2 * DAY, "ends": DAY}, "ends"),
        ({"ends": 400 * DAY}, "ends"),
        ({"begins": 400 * DAY, "ends": 401 * DAY}, "ends"),
        ({"places": ()}, "places"),
        ({"places": ("Ash",)}, "places"),
        ({"places": ("Elm", "Ash")}, "places"),
    ],
)
def test_what_does_not_fit_is_refused_beside_its_field(database, places, values, field):
    now = database.clock.now()
    with pytest.raises(Invalid) as refused:
        database.transact(
            city_messages.write,
            by=CLERK,
            said=values.get("said", WATER),
            places=[places[name] for name in values.get("places", ("Elm",))],
            begins_at=now + values["begins"] if "begins" in values else None,
            ends_at=None if values.get("ends", DAY) is None else now + values.get("ends", DAY),
            urgent=False,
        )
    assert refused.value.field == field


def test_only_a_clerk_writes_reads_and_takes_back(database, places):
    number = write(database, [places["Elm"]])
    nobody, moderator = NOBODY, Viewer(account=2, neighbourhood=1, rights=frozenset({(Role.MODERATOR, None)}))
    for viewer, refusal in ((nobody, Unauthenticated), (moderator, Forbidden)):
        with pytest.raises(refusal):
            write(database, [places["Elm"]], by=viewer)
        with pytest.raises(refusal):
            database.look(city_messages.written, viewer=viewer)
        with pytest.raises(refusal):
            database.look(city_messages.get, viewer=viewer, message_id=number)
        with pytest.raises(refusal):
            database.transact(city_messages.withdraw, by=viewer, message_id=number)
        with pytest.raises(refusal):
            edit(database, number, by=viewer)


def edit(database, number, *, by=CLERK, said=WATER, begins_at=None, ends_at=None, urgent=False):
    ends_at = ends_at or database.clock.now() + DAY
    database.transact(
        city_messages.edit, by=by, message_id=number, said=said, begins_at=begins_at, ends_at=ends_at, urgent=urgent
    )


def test_an_edit_keeps_what_was_said_for_what_was_already_sent(database, places, clock):
    number = write(database, [places["Elm"]])
    clock.move(timedelta(minutes=1))
    edit(database, number, said={"de": Said(title="Wasser", text="Kommt.")}, urgent=True)
    first = database.look(city_messages.at_version, number, 1)
    second = database.look(city_messages.at_version, number, 2)
    assert (list(first.said), first.urgent, first.edited_at) == (["nl", "fr"], False, None)
    assert (list(second.said), second.urgent) == (["de"], True)
    now = database.look(city_messages.get, viewer=CLERK, message_id=number)
    assert (now.version, list(now.said), now.places) == (2, ["de"], (places["Elm"],))


def test_an_edit_that_changes_nothing_is_none(database, places, consequences):
    number = write(database, [places["Elm"]])
    told = len(consequences.facts)
    edit(database, number)
    assert len(consequences.facts) == told


def test_a_beginning_that_has_passed_stays(database, places, clock):
    number = write(database, [places["Elm"]])
    begun = clock.now()
    clock.move(timedelta(minutes=1))
    edit(database, number, begins_at=clock.now() + DAY, ends_at=clock.now() + 2 * DAY)
    assert database.look(city_messages.row, number).begins_at == begun
    later = write(database, [places["Elm"]], begins_at=clock.now() + DAY, ends_at=clock.now() + 2 * DAY)
    edit(database, later, begins_at=clock.now() + DAY / 2, ends_at=clock.now() + 2 * DAY)
    assert database.look(city_messages.row, later).begins_at == clock.now() + DAY / 2


def test_what_was_taken_back_says_nothing_any_more(database, places):
    number = write(database, [places["Elm"]])
    edit(database, number, said={"de": Said(title="Wasser", text="Kommt.")})
    database.transact(city_messages.withdraw, by=CLERK, message_id=number)
    found = database.look(city_messages.get, viewer=CLERK, message_id=number)
    assert (found.said, found.stage(database.clock.now())) == ({}, Stage.WITHDRAWN)
    for version in (1, 2):
        with pytest.raises(Gone):
            database.look(city_messages.at_version, number, version)
    with pytest.raises(NotFound):
        edit(database, number)
    with pytest.raises(Conflict):
        database.transact(city_messages.withdraw, by=CLERK, message_id=number)


async def test_of_two_who_take_it_back_at_once_one_does(running, places):
    number = write(running, [places["Elm"]])
    tries = [running.write(city_messages.withdraw, by=CLERK, message_id=number) for _ in range(2)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "NoneType"]


async def test_of_two_who_change_it_at_once_both_are_kept_in_order_or_one_is_refused(running, places):
    number = write(running, [places["Elm"]])
    said = [{"nl": Said(title=one, text=one)} for one in ("een", "twee")]
    ends = running.clock.now() + DAY
    same = {"by": CLERK, "message_id": number, "begins_at": None, "ends_at": ends, "urgent": False}
    done = await asyncio.gather(
        *(running.write(city_messages.edit, said=one, **same) for one in said), return_exceptions=True
    )
    kept = [one for one in done if one is None]
    assert all(one is None or isinstance(one, Conflict) for one in done)
    assert running.look(city_messages.row, number).version == 1 + len(kept)


def test_what_was_written_is_listed_newest_first_a_page_at_a_time(database, places):
    numbers = [write(database, [places["Elm"]], said={"nl": Said(title=str(one), text="x")}) for one in range(3)]
    first = database.look(city_messages.written, viewer=CLERK, limit=2)
    assert [one.id for one in first] == numbers[:0:-1]
    rest = database.look(city_messages.written, viewer=CLERK, before=first[-1].id, limit=2)
    assert [one.id for one in rest] == numbers[:1]


# -- in a neighbourhood ------------------------------------------------------------------------------------------------


@pytest.fixture
def street(database):
    elm, birch = neighbourhood(database, "Elm"), neighbourhood(database, "Birch")
    peer = database.transact(add_city)
    city = database.transact(
        accounts.remember, peer=peer, uri="https://city.example/ap/city", name="Mechelen", neighbourhood=None
    )
    return {"elm": elm, "birch": birch, "peer": peer, "city": city}


def arrive(database, street, *homes, number=1, begins=timedelta(0), lasts=DAY, urgent=False, said=WATER):
    now = database.clock.now()
    return database.transact(
        city_messages.mirror,
        uri=f"https://city.example/ap/notes/{number}",
        peer=street["peer"],
        author=street["city"],
        groups=["https://elm.example/ap/groups/elm"],
        places=[street[home] for home in homes],
        said=said,
        begins_at=now + begins,
        ends_at=now + begins + lasts,
        urgent=urgent,
        published_at=now,
    )


def top(database, viewer):
    return [one.city.id for one in database.look(timelines.from_city, viewer=viewer, now=database.clock.now())]


def test_each_neighbourhood_has_a_copy_of_its_own_and_others_have_none(database, street):
    ana, bea = resident(database, "Ana", street["elm"]), resident(database, "Bea", street["birch"])
    number = arrive(database, street, "elm")
    (entry,) = database.look(timelines.feed, viewer=ana)
    assert (entry.city.id, entry.author.name, entry.post.places) == (number, "Mechelen", ())
    assert database.look(timelines.feed, viewer=bea) == []
    for viewer in (bea, NOBODY, Viewer(peer=street["peer"])):
        with pytest.raises(NotFound):
            database.look(posts.get, post_id=entry.post.id, viewer=viewer)


def test_nothing_is_there_before_it_begins(database, street, clock):
    ana = resident(database, "Ana", street["elm"])
    arrive(database, street, "elm", begins=DAY, urgent=True)
    assert database.transact(city_messages.show_due) == 0
    assert database.look(timelines.feed, viewer=ana) == []
    clock.move(DAY)
    assert database.transact(city_messages.show_due) == 1
    assert database.transact(city_messages.show_due) == 0
    assert len(database.look(timelines.feed, viewer=ana)) == 1


def test_what_is_urgent_comes_first_then_what_began_last(database, street, clock):
    ana = resident(database, "Ana", street["elm"])
    first = arrive(database, street, "elm", number=1)
    clock.move(timedelta(minutes=1))
    urgent = arrive(database, street, "elm", number=2, urgent=True, lasts=timedelta(hours=1))
    clock.move(timedelta(minutes=1))
    last = arrive(database, street, "elm", number=3)
    assert top(database, ana) == [urgent, last, first]
    clock.move(timedelta(hours=1))
    assert top(database, ana) == [last, first]


def test_urgent_is_told_once_and_again_when_it_becomes_so(database, street, consequences, clock):
    number = arrive(database, street, "elm", "birch")
    shown = [one for one in consequences.facts if isinstance(one, CityMessageShown)]
    assert [(one.neighbourhood, one.urgent) for one in shown] == [(street["elm"], False), (street["birch"], False)]
    clock.move(timedelta(minutes=1))
    message = database.look(city_messages.row, number)
    same = {"said": WATER, "begins_at": message.begins_at, "ends_at": message.ends_at, "urgent": True}
    for _ in range(2):
        clock.move(timedelta(minutes=1))
        database.transact(
            lambda uow: city_messages.mirror_edit(
                uow, message=city_messages.row(uow.db, number), edited_at=uow.now, **same
            )
        )
    told = [one for one in consequences.facts if isinstance(one, CityMessageUrgent)]
    assert [one.neighbourhood for one in told] == [street["elm"], street["birch"]]


def test_one_that_comes_too_late_is_there_and_nobody_is_told(database, street, consequences):
    ana = resident(database, "Ana", street["elm"])
    arrive(database, street, "elm", begins=-2 * DAY, lasts=DAY, urgent=True)
    (shown,) = [one for one in consequences.facts if isinstance(one, CityMessageShown)]
    assert not shown.urgent
    assert top(database, ana) == []
    assert len(database.look(timelines.feed, viewer=ana)) == 1


def test_everybody_of_the_neighbourhood_is_told_and_not_twice_while_unread(database, street):
    people = [resident(database, name, street["elm"]).account for name in ("Ana", "Eva", "Mia")]
    for _ in range(2):
        database.transact(
            notifications.tell_all, accounts=people, kind=Kind.CITY_URGENT, object=5, actor=street["city"]
        )
    told = [database.look(notifications.latest, account=one) for one in people]
    assert [[one.kind for one in news] for news in told] == [[Kind.CITY_URGENT]] * 3
    database.transact(notifications.read_all, account=people[0], up_to=told[0][0].id)
    database.transact(notifications.tell_all, accounts=people, kind=Kind.CITY_URGENT, object=5, actor=street["city"])
    assert [len(database.look(notifications.latest, account=one)) for one in people] == [2, 1, 1]


def test_an_answer_is_read_in_the_own_neighbourhood_alone(database, street):
    ana, bea = resident(database, "Ana", street["elm"]), resident(database, "Bea", street["birch"])
    arrive(database, street, "elm", "birch")
    (entry,) = database.look(timelines.feed, viewer=ana)
    answer = database.transact(posts.reply, by=ana, to=entry.post.id, text="And the school?")
    kept = database.look(posts.row, post_id=answer)
    assert (kept.audience, kept.neighbourhood, kept.places) == (
        posts.Audience.NEIGHBOURHOOD,
        street["elm"],
        (street["elm"],),
    )
    for viewer in (bea, NOBODY, Viewer(peer=street["peer"])):
        with pytest.raises(NotFound):
            database.look(posts.get, post_id=answer, viewer=viewer)
    (theirs,) = database.look(timelines.feed, viewer=bea)
    assert theirs.post.id != entry.post.id
    assert database.look(posts.thread, root=theirs.post.id, viewer=bea) == []


def test_nobody_thanks_a_city_edits_or_removes_its_words(database, street):
    ana = resident(database, "Ana", street["elm"], moderator=True)
    arrive(database, street, "elm")
    (entry,) = database.look(timelines.feed, viewer=ana)
    with pytest.raises(Forbidden):
        database.transact(interactions.thank, by=ana, post_id=entry.post.id)
    with pytest.raises(Forbidden):
        database.transact(posts.edit, by=ana, post_id=entry.post.id, text="x")
    with pytest.raises(Forbidden):
        database.transact(posts.delete, by=ana, post_id=entry.post.id)


def test_moderators_hide_it_in_their_own_neighbourhood(database, street):
    mia = resident(database, "Mia", street["elm"], moderator=True)
    ana, bea = resident(database, "Ana", street["elm"]), resident(database, "Bea", street["birch"])
    arrive(database, street, "elm", "birch")
    (entry,) = database.look(timelines.feed, viewer=ana)
    (theirs,) = database.look(timelines.feed, viewer=bea)
    with pytest.raises(NotFound):
        database.transact(moderation.hide, by=mia, post_id=theirs.post.id)
    database.transact(moderation.hide, by=mia, post_id=entry.post.id)
    assert top(database, ana) == []
    assert len(top(database, bea)) == 1
    assert [one.id for one in database.look(moderation.hidden_posts, viewer=mia, neighbourhood=street["elm"])] == [
        entry.post.id
    ]
    database.transact(moderation.restore, by=mia, post_id=entry.post.id)
    assert len(top(database, ana)) == 1


def test_a_complaint_about_it_stays_here(database, street, consequences):
    ana = resident(database, "Ana", street["elm"])
    arrive(database, street, "elm")
    (entry,) = database.look(timelines.feed, viewer=ana)
    database.transact(moderation.report, by=ana, post_id=entry.post.id, reason=Reason.OTHER, text="Wrong street")
    (filed,) = [one for one in consequences.facts if isinstance(one, ReportFiled)]
    assert not filed.elsewhere


def test_who_speaks_for_a_city_and_leaves_takes_all_of_it_along(database, street):
    ana = resident(database, "Ana", street["elm"])
    shown = arrive(database, street, "elm")
    coming = arrive(database, street, "elm", number=2, begins=DAY)
    database.transact(city_messages.forget, author=street["city"])
    assert database.look(timelines.feed, viewer=ana) == []
    assert [database.look(city_messages.row, one).said for one in (shown, coming)] == [{}, {}]
