"""A resident speaks to the whole city: its hub passes on, reads nothing, and can neither add a word nor change one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.core import help_requests, hubs, moderation, peers, posts, timelines
from fedhood.core.hubs import Standing
from fedhood.core.peers import PeerState
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Unauthenticated
from tests.stories.test_the_city_speaks import _all_words, join, town
from tests.support.world import make_neighbours, place, settle

__all__ = ["town"]

CLEANUP = "Wie doet mee aan de grote schoonmaak?"


async def take_part(town, *names, leave=False):
    """Who keeps a neighbourhood asks the city's hub, or leaves it."""
    keepers = {"Elm": "mia", "Birch": "mia", "Oak": "joris"}
    for name in names:
        at, by = town.at(keepers[name]), town.people[keepers[name]]
        city = await at.database.read(peers.by_host, town.city.host)
        act = hubs.leave if leave else hubs.ask
        await at.database.write(act, by=by, peer_id=city.id, place=at.homes[name])
        await town.settle()


async def offered(town, name):
    at, by = town.at(name), town.people[name]
    found = await at.database.read(posts.offered, neighbourhood=by.neighbourhood, now=town.now)
    return [one for one in found if one.audience is Audience.CITY]


async def say(town, name="ana", text=CLEANUP):
    (city,) = await offered(town, name)
    at = town.at(name)
    number = await at.database.write(
        posts.publish, by=town.people[name], text=text, audience=Audience.CITY, places=city.places
    )
    await town.settle()
    return number


async def at_the_city(town):
    return (await town.city.database.read(_all_words)).lower()


async def test_it_reaches_all_that_take_part_and_nobody_else(town):
    assert await offered(town, "ana") == []
    await take_part(town, "Elm", "Oak")
    (city,) = await offered(town, "ana")
    assert len(city.names) == 1
    await say(town)
    assert await town.feed("ana") == await town.feed("joris") == [CLEANUP]
    assert await town.feed("bea") == [], "Birch, on the same server, takes no part"
    (entry,) = await town.oak.database.read(timelines.feed, viewer=town.people["joris"])
    assert (entry.author.name, entry.home.name) == ("Ana", "Elm")
    assert entry.post.audience is Audience.CITY


async def test_two_on_one_server_need_no_round_trip(town):
    await take_part(town, "Elm", "Birch")
    (city,) = await offered(town, "ana")
    await town.elm.database.write(
        posts.publish, by=town.people["ana"], text=CLEANUP, audience=Audience.CITY, places=city.places
    )
    assert await town.feed("bea") == [CLEANUP]
    await town.settle()
    assert await town.feed("bea") == [CLEANUP]
    assert await town.feed("joris") == []


async def test_who_is_nobodys_neighbour_is_believed_by_their_own_server(town):
    await take_part(town, "Elm", "Oak")
    await say(town)
    heard = await town.oak.database.read(peers.by_host, town.elm.host)
    assert heard.state is PeerState.HEARD
    # and may become a neighbour as anybody, later
    await make_neighbours(town.oak, town.elm, town.people["joris"], town.people["mia"])
    agreed = await town.oak.database.read(peers.by_host, town.elm.host)
    assert agreed.state is PeerState.AGREED
    await say(town, text="Zaterdag om tien")
    assert await town.feed("joris") == ["Zaterdag om tien", CLEANUP]


async def test_it_is_said_better_and_taken_back_everywhere(town):
    await take_part(town, "Elm", "Oak")
    number = await say(town)
    ana = town.people["ana"]
    await town.elm.database.write(posts.edit, by=ana, post_id=number, text="Zaterdag om tien aan het plein")
    await town.settle()
    assert await town.feed("joris") == ["Zaterdag om tien aan het plein"]
    await town.elm.database.write(posts.delete, by=ana, post_id=number)
    await town.settle()
    assert await town.feed("joris") == []
    for kept in (await at_the_city(town), (await town.oak.database.read(_all_words)).lower()):
        assert b"schoonmaak" not in kept
        assert b"aan het plein" not in kept


async def thread_of(town, name):
    at, by = town.at(name), town.people[name]
    (entry,) = await at.database.read(timelines.feed, viewer=by)
    return entry.post.id, [one.text for one in await at.database.read(posts.thread, root=entry.post.id, viewer=by)]


async def test_answers_go_through_the_hub_and_are_read_by_all_who_read_the_post(town):
    await take_part(town, "Elm", "Birch", "Oak")
    await say(town)
    root, _ = await thread_of(town, "joris")
    answer = await town.oak.database.write(posts.reply, by=town.people["joris"], to=root, text="Wij komen")
    await town.settle()
    here, _ = await thread_of(town, "ana")
    await town.elm.database.write(posts.reply, by=town.people["ana"], to=here, text="Fijn")
    await town.settle()
    for name in ("ana", "bea", "joris"):
        assert (await thread_of(town, name))[1] == ["Wij komen", "Fijn"]
    await town.oak.database.write(posts.edit, by=town.people["joris"], post_id=answer, text="Wij komen met tien")
    await town.settle()
    assert (await thread_of(town, "bea"))[1] == ["Wij komen met tien", "Fijn"]
    await town.oak.database.write(posts.delete, by=town.people["joris"], post_id=answer)
    await town.settle()
    assert (await thread_of(town, "ana"))[1] == ["Fijn"]


async def test_who_leaves_the_hub_reads_it_no_more_and_what_they_said_can_still_be_taken_back(town):
    await take_part(town, "Elm", "Birch", "Oak")
    mine = await say(town, "bea", "Van Birch")
    await say(town)
    await take_part(town, "Birch", leave=True)
    assert await town.feed("bea") == ["Van Birch"], "what others said is shown no longer"
    assert await offered(town, "bea") == []
    await say(town, text="Nog iets")
    assert await town.feed("bea") == ["Van Birch"]
    assert await town.feed("joris") == ["Nog iets", CLEANUP, "Van Birch"]
    await town.elm.database.write(posts.edit, by=town.people["bea"], post_id=mine, text="Van Birch, anders")
    await town.settle()
    assert await town.feed("joris") == ["Nog iets", CLEANUP, "Van Birch"], "nothing more is passed on"
    await town.elm.database.write(posts.delete, by=town.people["bea"], post_id=mine)
    await town.settle()
    assert await town.feed("joris") == ["Nog iets", CLEANUP]
    # who takes part again reads what was said to them before, and what is new
    await take_part(town, "Birch")
    assert await town.feed("bea") == [CLEANUP]


async def test_a_server_whose_last_neighbourhood_left_is_sent_nothing(town):
    await take_part(town, "Elm", "Oak")
    await take_part(town, "Oak", leave=True)
    await say(town)
    assert await town.feed("joris") == []
    assert CLEANUP.encode() not in await town.oak.database.read(_all_words)
    elm = await town.city.database.read(peers.by_host, town.elm.host)
    assert await town.city.database.read(hubs.members_at, now=town.now) == [elm.id]


@pytest.mark.parametrize("by_city", [True, False])
async def test_when_the_agreement_with_the_city_ends_so_does_taking_part(town, by_city):
    await take_part(town, "Elm", "Oak")
    mine = await say(town)
    there = await say(town, "joris", "Uit Oak")
    at, other = (town.city, town.elm) if by_city else (town.elm, town.city)
    peer = await at.database.read(peers.by_host, other.host)
    await at.database.write(peers.end, by=None, peer_id=peer.id)
    await town.settle()
    assert await offered(town, "ana") == []
    assert await town.feed("ana") == [CLEANUP]
    oak = await town.city.database.read(peers.by_host, town.oak.host)
    assert await town.city.database.read(hubs.members_at, now=town.now) == [oak.id]
    await say(town, "joris", "Nog uit Oak")
    assert await town.feed("ana") == [CLEANUP]
    # what was said before is taken back all the same, both ways
    await town.elm.database.write(posts.delete, by=town.people["ana"], post_id=mine)
    await town.oak.database.write(posts.delete, by=town.people["joris"], post_id=there)
    await town.settle()
    assert await town.feed("joris") == ["Nog uit Oak"]
    for house in (town.elm, town.city):
        assert b"Uit Oak" not in await house.database.read(_all_words)


async def test_the_hub_reads_nothing(town):
    await take_part(town, "Elm", "Oak")
    await say(town)
    kept = await town.city.database.read(_words_by_table)
    assert {table for table, words in kept.items() if b"schoonmaak" in words} == {"activity", "inbound"}
    assert not any(b"Ana" in words for words in kept.values()), "nor who speaks, by name"
    with pytest.raises(Unauthenticated):
        await town.city.database.read(timelines.feed, viewer=town.people["lore"])


def _words_by_table(db):
    tables = [row[0] for row in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {
        table: b"\n".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in db.execute_sql(f'SELECT * FROM "{table}"').fetchall()
            for value in row
        )
        for table in tables
    }


async def test_asked_once_more_and_left_twice_is_the_same(town):
    await take_part(town, "Elm")
    await take_part(town, "Elm")
    city = await town.elm.database.read(peers.by_host, town.city.host)
    elm = town.elm.homes["Elm"]
    assert await town.elm.database.read(hubs.standing, peer_id=city.id, place=elm) is Standing.JOINED
    await take_part(town, "Elm", leave=True)
    await take_part(town, "Elm", leave=True)
    assert await town.elm.database.read(hubs.standing, peer_id=city.id, place=elm) is Standing.LEFT
    assert await town.city.database.read(hubs.members_at, now=town.now) == []


async def test_a_server_that_was_off_for_days_gets_it_when_it_is_back(town, tmp_path):
    await take_part(town, "Elm", "Oak")
    (city,) = await offered(town, "ana")
    await town.elm.database.write(
        posts.publish, by=town.people["ana"], text=CLEANUP, audience=Audience.CITY, places=city.places
    )
    await settle(town.city, town.elm)
    town.wait(timedelta(days=3))
    await town.settle()
    assert await town.feed("joris") == [CLEANUP]


async def test_a_third_server_that_joined_later_reads_what_is_said_from_then_on(town, tmp_path):
    await take_part(town, "Elm", "Oak")
    await say(town)
    fir = await place(tmp_path, "fir", "Fir", clock_offset=town.offset)
    try:
        kim = await fir.resident("Kim", "Fir", moderator=True)
        await join(town.city, fir, town.people["lore"], kim)
        peer = await fir.database.read(peers.by_host, town.city.host)
        await fir.database.write(hubs.ask, by=kim, peer_id=peer.id, place=fir.homes["Fir"])
        await settle(town.city, fir)
        root, _ = await thread_of(town, "joris")
        await town.oak.database.write(posts.reply, by=town.people["joris"], to=root, text="Wij komen")
        await say(town, "joris", "Uit Oak")
        await settle(town.city, fir, town.elm, town.oak)
        assert [one.post.text for one in await fir.database.read(timelines.feed, viewer=kim)] == ["Uit Oak"]
    finally:
        await fir.close()


@pytest.mark.parametrize("days", [0, 3])
async def test_who_leaves_for_good_leaves_the_whole_city(town, days):
    await take_part(town, "Elm", "Oak")
    await say(town)
    root, _ = await thread_of(town, "joris")
    await town.oak.database.write(posts.reply, by=town.people["joris"], to=root, text="Wij komen")
    await town.settle()
    here, _ = await thread_of(town, "ana")
    await town.elm.database.write(posts.reply, by=town.people["ana"], to=here, text="Tot zondag bij de schoonmaak")
    await town.settle()
    town.wait(timedelta(days=days))
    await town.elm.database.write(help_requests.farewell, by=town.people["ana"])
    await town.settle()
    assert await town.feed("joris") == []
    for house in (town.city, town.oak):
        kept = await house.database.read(_all_words)
        assert b"schoonmaak" not in kept.lower()
        assert b"Ana" not in kept


async def test_a_post_hidden_at_home_goes_and_comes_back_when_it_is_shown(town):
    await take_part(town, "Elm", "Oak")
    number = await say(town)
    mia = town.people["mia"]
    await town.elm.database.write(moderation.hide, by=mia, post_id=number)
    await town.settle()
    await town.elm.database.write(moderation.restore, by=mia, post_id=number)
    await town.settle()
    assert await town.feed("joris") == [CLEANUP]
