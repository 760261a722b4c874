"""A resident lets the city read one answer, and takes it back: what the city has, and what it never had."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import outbox_city
from fedhood.adapters.activitypub.tables import ActivityTable, RemoteActorTable
from fedhood.core import city_messages, help_requests, peers, posts, timelines
from fedhood.core.city_messages import ANSWERS_KEPT, MOST_OF_ONE
from fedhood.core.city_messages.tables import SharedAnswerTable
from fedhood.core.help_requests import Sent
from fedhood.core.peers.tables import AgreementTable
from fedhood.kernel.errors import Conflict, Forbidden, Invalid
from tests.stories.test_the_city_speaks import _all_words, town

__all__ = ["town"]

ASKED = "En de school op nummer twintig?"
_ENDED = SharedAnswerTable.ended_at.is_null(is_null=False)
SCHOOL, BAKER = b"school op nummer", b"bakker op de hoek"


async def answer(town, name="ana", text=ASKED, *, shared=True):
    at, by = town.at(name), town.people[name]
    (entry,) = await at.database.read(timelines.feed, viewer=by)
    number = await at.database.write(city_messages.reply, by=by, to=entry.post.id, text=text, shared=shared)
    await town.settle()
    return number


async def read(town, message):
    return [(one.name, one.text) for one in await heard_by(town, message)]


async def heard_by(town, number, **page):
    message = await town.city.database.read(city_messages.row, number)
    return await town.city.database.read(city_messages.answers, viewer=town.people["lore"], message=message, **page)


async def at_the_city(town):
    return (await town.city.database.read(_all_words)).lower()


async def people_known(town):
    """The names of the people whose documents the city's server holds."""
    return await town.city.database.read(
        lambda db: [row.name for row in RemoteActorTable.select().where(RemoteActorTable.kind == "Person").execute(db)]
    )


async def test_what_is_not_ticked_stays_and_what_is_ticked_is_read_with_its_author(town):
    message = await town.write("Elm", "Oak")
    await answer(town, "mia", "De bakker op de hoek ook?", shared=False)
    number = await answer(town)
    assert await read(town, message) == [("Ana", ASKED)]
    (heard,) = await heard_by(town, message)
    (elm,) = await town.places("Elm")
    assert (heard.place, heard.language) == (elm, "en")
    kept = await at_the_city(town)
    assert SCHOOL in kept
    assert BAKER not in kept
    assert await people_known(town) == ["Ana"]
    # nor is it told by what number the neighbours know it
    assert str(number).encode() not in kept
    shared = await town.elm.database.read(city_messages.shared_now, [number])
    assert shared[number].sent is Sent.ARRIVED


async def test_what_is_said_better_or_removed_is_so_at_the_city_too(town):
    message = await town.write("Elm")
    ana = town.people["ana"]
    number = await answer(town)
    await town.elm.database.write(
        city_messages.edit_answer, by=ana, post_id=number, text="En de bakker op de hoek?", shared=True
    )
    await town.settle()
    assert await read(town, message) == [("Ana", "En de bakker op de hoek?")]
    await town.elm.database.write(posts.delete, by=ana, post_id=number)
    await town.settle()
    assert await read(town, message) == []
    kept = await at_the_city(town)
    assert SCHOOL not in kept
    assert BAKER not in kept
    assert await people_known(town) == []


async def test_without_the_tick_the_city_forgets_and_the_neighbours_go_on_reading(town):
    message = await town.write("Elm")
    ana, mia = town.people["ana"], town.people["mia"]
    number = await answer(town)
    await town.elm.database.write(
        city_messages.edit_answer, by=ana, post_id=number, text="De bakker op de hoek", shared=False
    )
    await town.settle()
    assert await read(town, message) == []
    kept = await at_the_city(town)
    assert SCHOOL not in kept
    assert BAKER not in kept
    (entry,) = await town.elm.database.read(timelines.feed, viewer=mia)
    thread = await town.elm.database.read(posts.thread, root=entry.post.id, viewer=mia)
    assert [one.text for one in thread] == ["De bakker op de hoek"]
    # ticked again, the city reads what it says now
    await town.elm.database.write(city_messages.share, by=ana, post_id=number)
    await town.settle()
    assert await read(town, message) == [("Ana", "De bakker op de hoek")]


async def test_taken_back_before_it_was_sent_it_never_leaves(town):
    sent = []
    post = town.elm.server.client.post

    async def heard(url, *, body, headers):
        sent.append(body)
        return await post(url, body=body, headers=headers)

    await town.write("Elm")
    town.elm.server.client.post = heard
    ana = town.people["ana"]
    (entry,) = await town.elm.database.read(timelines.feed, viewer=ana)
    number = await town.elm.database.write(city_messages.reply, by=ana, to=entry.post.id, text=ASKED, shared=True)
    await town.elm.database.write(city_messages.unshare, by=ana, post_id=number)
    await town.settle()
    assert not any(SCHOOL in body for body in sent)


async def test_a_moderator_who_removes_an_answer_removes_it_at_the_city(town):
    message = await town.write("Elm")
    number = await answer(town)
    await town.elm.database.write(posts.delete, by=town.people["mia"], post_id=number)
    await town.settle()
    assert await read(town, message) == []


async def test_who_leaves_for_good_leaves_the_city_too(town):
    message = await town.write("Elm")
    await answer(town)
    await town.elm.database.write(help_requests.farewell, by=town.people["ana"])
    await town.settle()
    assert await read(town, message) == []
    assert SCHOOL not in await at_the_city(town)
    assert [name for name in await people_known(town) if name] == []


async def test_a_message_taken_back_takes_its_answers_along(town):
    message = await town.write("Elm")
    await answer(town)
    await town.city.database.write(city_messages.withdraw, by=town.people["lore"], message_id=message)
    assert await read(town, message) == []
    assert SCHOOL not in await at_the_city(town)
    await town.settle()
    assert await town.elm.database.read(lambda db: SharedAnswerTable.select().where(~_ENDED).count(db)) == 0
    assert SCHOOL not in await said_bytes(town), "nor is it kept ready for the city where it was said"


async def said_bytes(town):
    """Everything that Elm's server keeps of what it sent."""
    kept = await town.elm.database.read(lambda db: [bytes(row.body) for row in ActivityTable.select().execute(db)])
    return b"".join(kept).lower()


async def test_what_is_taken_back_is_kept_ready_nowhere(town):
    message = await town.write("Elm")
    number = await answer(town)
    assert SCHOOL in await said_bytes(town)
    await town.elm.database.write(city_messages.unshare, by=town.people["ana"], post_id=number)
    await town.settle()
    assert await read(town, message) == []
    assert SCHOOL not in await at_the_city(town)
    assert SCHOOL not in await said_bytes(town)


async def test_what_arrives_after_its_message_was_taken_back_is_not_kept(town):
    message = await town.write("Elm")
    (entry,) = await town.elm.database.read(timelines.feed, viewer=town.people["ana"])
    more = {"to": entry.post.id, "text": ASKED, "shared": True}
    await town.elm.database.write(city_messages.reply, by=town.people["ana"], **more)
    await town.city.database.write(city_messages.withdraw, by=town.people["lore"], message_id=message)
    await town.settle()
    assert SCHOOL not in await at_the_city(town)
    assert await people_known(town) == []


async def test_when_the_agreement_ends_the_city_reads_no_answer_and_one_can_still_be_taken_back(town):
    message = await town.write("Elm", "Oak")
    number = await answer(town)
    peer = (await town.elm.database.read(city_messages.by_posts, [await copy_of(town)])).popitem()[1].peer
    await town.elm.database.write(peers.end, by=None, peer_id=peer)
    await town.settle()
    assert await read(town, message) == []
    known = await town.city.database.read(city_messages.row, message)
    assert await town.city.database.read(city_messages.answered, [known]) == set()
    assert SCHOOL in await at_the_city(town), "it was said, and not taken back"
    # what is said from then on does not leave
    (entry,) = await town.elm.database.read(timelines.feed, viewer=town.people["ana"])
    more = {"to": entry.post.id, "text": "De bakker op de hoek", "shared": True}
    with pytest.raises(Invalid, match="cannot be told"):
        await town.elm.database.write(city_messages.reply, by=town.people["ana"], **more)
    await town.elm.database.write(city_messages.unshare, by=town.people["ana"], post_id=number)
    await town.settle()
    assert SCHOOL not in await at_the_city(town)


async def test_changed_when_the_city_cannot_be_told_it_is_taken_back_there(town):
    await town.write("Elm")
    number = await answer(town)
    peer = (await town.elm.database.read(city_messages.by_posts, [await copy_of(town)])).popitem()[1].peer
    await town.elm.database.write(peers.end, by=None, peer_id=peer)
    await town.settle()
    change = {"text": "De bakker op de hoek?", "shared": True}
    await town.elm.database.write(city_messages.edit_answer, by=town.people["ana"], post_id=number, **change)
    await town.settle()
    kept = await at_the_city(town)
    assert SCHOOL not in kept
    assert BAKER not in kept
    assert await town.elm.database.read(city_messages.shared_now, [number]) == {}


async def copy_of(town):
    (entry,) = await town.elm.database.read(timelines.feed, viewer=town.people["ana"])
    return entry.post.id


async def test_the_city_reads_twenty_answers_of_one_person_a_page_at_a_time(town):
    message = await town.write("Elm")
    for number in range(MOST_OF_ONE):
        await answer(town, text=f"Vraag {number}")
    with pytest.raises(Invalid, match="enough"):
        await answer(town, text="Nog een vraag")
    newest = await heard_by(town, message, limit=15)
    assert [one.text for one in newest] == [f"Vraag {number}" for number in range(19, 4, -1)]
    rest = await heard_by(town, message, before=newest[-1].id, limit=15)
    assert [one.text for one in rest] == [f"Vraag {number}" for number in range(4, -1, -1)]
    await town.elm.database.write(city_messages.unshare, by=town.people["ana"], post_id=await first_answer(town))
    await answer(town, text="Nog een vraag")
    assert (await heard_by(town, message, limit=1))[0].text == "Nog een vraag"


async def first_answer(town):
    (entry,) = await town.elm.database.read(timelines.feed, viewer=town.people["ana"])
    return (await town.elm.database.read(posts.thread, root=entry.post.id, viewer=town.people["ana"]))[0].id


async def test_the_city_keeps_an_answer_for_a_while_after_the_end(town):
    message = await town.write("Elm", lasts=timedelta(hours=1))
    await answer(town)
    town.wait(ANSWERS_KEPT)
    await town.city.database.write(outbox_city.answers_over)
    assert await read(town, message) == [("Ana", ASKED)]
    town.wait(timedelta(hours=2))
    await town.city.database.write(outbox_city.answers_over)
    assert await read(town, message) == []
    assert SCHOOL not in await at_the_city(town)
    (entry,) = await town.elm.database.read(timelines.feed, viewer=town.people["ana"])
    assert not await town.elm.database.read(city_messages.may_share, entry.city, now=town.now), (
        "what would be gone at once is not offered"
    )


@pytest.mark.parametrize("ours", [True, False])
async def test_where_private_words_are_not_agreed_nothing_is_offered(town, ours):
    await town.write("Elm")
    ana = town.people["ana"]
    (entry,) = await town.elm.database.read(timelines.feed, viewer=ana)
    assert await town.elm.database.read(city_messages.may_share, entry.city, now=town.now)
    await town.elm.database.write(
        lambda uow: AgreementTable.update(scopes=["public", "city"]).where(AgreementTable.ours == ours).execute(uow.db)
    )
    assert not await town.elm.database.read(city_messages.may_share, entry.city, now=town.now)
    with pytest.raises(Invalid, match="cannot be told"):
        await answer(town)
    thread = await town.elm.database.read(posts.thread, root=entry.post.id, viewer=ana)
    assert thread == [], "what cannot be done as it was asked is not done by half"


async def test_only_ones_own_answer_to_a_city_is_shared_and_only_once(town):
    await town.write("Elm")
    ana, mia = town.people["ana"], town.people["mia"]
    number = await answer(town)
    with pytest.raises(Conflict):
        await town.elm.database.write(city_messages.share, by=ana, post_id=number)
    with pytest.raises(Forbidden):
        await town.elm.database.write(city_messages.share, by=mia, post_id=number)
    with pytest.raises(Forbidden):
        await town.elm.database.write(city_messages.unshare, by=mia, post_id=number)
    (entry,) = await town.elm.database.read(timelines.feed, viewer=ana)
    with pytest.raises(Forbidden):
        await town.elm.database.write(city_messages.share, by=ana, post_id=entry.post.id)
    plain = await town.elm.database.write(posts.publish, by=ana, text="Dag buren")
    under = await town.elm.database.write(posts.reply, by=ana, to=plain, text="Nog iets")
    for one in (plain, under):
        with pytest.raises(Forbidden):
            await town.elm.database.write(city_messages.share, by=ana, post_id=one)
    await town.elm.database.write(city_messages.unshare, by=ana, post_id=number)
    with pytest.raises(Conflict):
        await town.elm.database.write(city_messages.unshare, by=ana, post_id=number)
