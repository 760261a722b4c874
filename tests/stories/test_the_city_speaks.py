"""A city writes to some neighbourhoods: who reads it, when, in which language, and who never does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.core import access, accounts, city_messages, notifications, peers, posts, timelines
from fedhood.core.access import Role
from fedhood.core.city_messages import Said
from fedhood.core.help_requests import Sent
from fedhood.core.notifications import Kind
from fedhood.core.peers import Trust
from fedhood.core.timelines import Filter
from fedhood.kernel.clock import write_offset
from fedhood.kernel.settings import Profile
from tests.support.world import place, settle

WATER = {
    "nl": Said(title="Water onderbroken", text="Dinsdag geen water van 8 tot 12 uur."),
    "fr": Said(title="Coupure d’eau", text="Pas d’eau mardi de 8 à 12 heures."),
}


class Town:
    """Elm's server hosts Elm and Birch, Oak's hosts Oak; both agreed with the city."""

    def __init__(self, city, elm, oak, offset):
        self.city, self.elm, self.oak, self.offset = city, elm, oak, offset
        self.people = {}

    async def settle(self):
        await settle(self.city, self.elm, self.oak)

    def wait(self, how_long):
        self.gone = getattr(self, "gone", timedelta()) + how_long
        write_offset(self.offset, self.gone)

    @property
    def now(self):
        return self.city.server.clock.now()

    async def places(self, *names):
        offered = await self.city.database.read(city_messages.offered, now=self.now)
        found = {one.name: one.id for one in offered}
        return [found[name] for name in names]

    async def write(self, *names, begins=None, lasts=timedelta(days=2), urgent=False, said=WATER):
        number = await self.city.database.write(
            city_messages.write,
            by=self.people["lore"],
            said=said,
            places=await self.places(*names),
            begins_at=begins,
            ends_at=(begins or self.now) + lasts,
            urgent=urgent,
        )
        await self.settle()
        return number

    async def show(self):
        for one in (self.elm, self.oak):
            await one.database.write(city_messages.show_due)
        await self.settle()

    async def top(self, name):
        at, viewer = self.at(name), self.people[name]
        found = await at.database.read(timelines.from_city, viewer=viewer, now=self.now)
        return [entry.city.said[entry.city.language_for("fr")].title for entry in found]

    async def feed(self, name, filter=Filter.ALL):
        found = await self.at(name).database.read(timelines.feed, viewer=self.people[name], filter=filter)
        return [entry.post.text.partition("\n")[0] for entry in found]

    def at(self, name):
        return self.oak if name == "joris" else self.elm

    async def news(self, name):
        told = await self.at(name).database.read(notifications.latest, account=self.people[name].account)
        return [one.kind for one in told if one.kind is Kind.CITY_URGENT]


def _clerk(uow):
    account = accounts.create(uow, name="Lore Stadhuis", neighbourhood=None, language="nl")
    access.give(uow, account=account, role=Role.CLERK, neighbourhood=None, by=None)
    session = access.open_session(uow, account=account, with_passphrase=True)
    return access.viewer_of(uow.db, token=session.token, now=uow.now)


@pytest.fixture
async def town(tmp_path):
    offset = tmp_path / "offset"
    write_offset(offset, timedelta())
    city = await place(tmp_path, "mechelen", profile=Profile.CITY, clock_offset=offset)
    elm = await place(tmp_path, "elm", "Elm", "Birch", clock_offset=offset)
    oak = await place(tmp_path, "oak", "Oak", clock_offset=offset)
    made = Town(city, elm, oak, offset)
    lore = await city.database.write(_clerk)
    mia = await elm.resident("Mia", "Elm", moderator=True)
    made.people = {
        "lore": lore,
        "mia": mia,
        "ana": await elm.resident("Ana", "Elm"),
        "bea": await elm.resident("Bea", "Birch"),
        "joris": await oak.resident("Joris", "Oak", moderator=True),
    }
    for house, keeper in ((elm, mia), (oak, made.people["joris"])):
        await join(city, house, lore, keeper)
    yield made
    for one in (city, elm, oak):
        await one.close()


async def join(city, house, clerk, keeper):
    """The clerk finds a server, letters are compared, both press."""
    theirs = await city.database.write(peers.propose, by=clerk, host=house.host, trust=Trust.CITY)
    await settle(city, house)
    ours = await house.database.read(peers.by_host, city.host)
    await house.database.write(peers.confirm, by=keeper, peer_id=ours.id)
    await settle(city, house)
    await city.database.write(peers.confirm, by=clerk, peer_id=theirs)
    await settle(city, house)


async def test_only_the_chosen_neighbourhoods_read_it(town):
    await town.write("Elm")
    assert await town.feed("ana") == ["Water onderbroken"]
    assert await town.top("ana") == ["Coupure d’eau"]
    assert await town.feed("bea") == await town.feed("joris") == []
    assert await town.top("bea") == await town.top("joris") == []


async def test_one_server_gets_one_delivery_for_all_of_its_neighbourhoods(town):
    sent = []
    post = town.city.server.client.post

    async def heard(url, *, body, headers):
        sent.append(url)
        return await post(url, body=body, headers=headers)

    town.city.server.client.post = heard
    message = await town.write("Elm", "Birch", "Oak")
    assert len(sent) == 2
    assert await town.feed("ana") == await town.feed("bea") == await town.feed("joris") == ["Water onderbroken"]
    found = await town.city.database.read(city_messages.get, viewer=town.people["lore"], message_id=message)
    far = await town.city.database.read(city_messages.how_far, found)
    assert [(one.name, state) for one, state in far] == [(name, Sent.ARRIVED) for name in ("Birch", "Elm", "Oak")]


async def test_it_appears_when_it_begins_and_leaves_the_top_when_it_ends(town):
    await town.write("Elm", begins=town.now + timedelta(days=1), lasts=timedelta(hours=4), urgent=True)
    await town.show()
    assert await town.feed("ana") == await town.top("ana") == await town.news("ana") == []
    town.wait(timedelta(days=1, minutes=1))
    await town.show()
    assert await town.feed("ana") == ["Water onderbroken"]
    assert await town.top("ana") == ["Coupure d’eau"]
    assert await town.news("ana") == [Kind.CITY_URGENT]
    town.wait(timedelta(hours=4))
    await town.show()
    assert await town.top("ana") == []
    assert await town.feed("ana", Filter.CITY) == ["Water onderbroken"]


async def test_urgent_ones_come_first_and_are_told_the_others_are_not(town):
    await town.write("Elm", "Oak", urgent=True)
    await town.write("Elm", said={"fr": Said(title="Marché", text="Le marché est dimanche.")})
    assert await town.top("ana") == ["Coupure d’eau", "Marché"]
    assert await town.news("ana") == await town.news("mia") == await town.news("joris") == [Kind.CITY_URGENT]
    assert await town.news("bea") == []


async def test_a_message_said_better_and_taken_back(town):
    message = await town.write("Elm", "Oak")
    better = {"nl": Said(title="Geen water", text="Dinsdag van 9 tot 13 uur.")}
    await town.city.database.write(
        city_messages.edit,
        by=town.people["lore"],
        message_id=message,
        said=better,
        begins_at=None,
        ends_at=town.now + timedelta(days=1),
        urgent=True,
    )
    await town.settle()
    assert await town.feed("ana") == await town.feed("joris") == ["Geen water"]
    assert await town.top("ana") == ["Geen water"]
    assert await town.news("ana") == [Kind.CITY_URGENT]
    await town.city.database.write(city_messages.withdraw, by=town.people["lore"], message_id=message)
    await town.settle()
    assert await town.feed("ana") == await town.feed("joris") == await town.top("ana") == []
    kept = await town.elm.database.read(_all_words)
    assert b"water" not in kept.lower()


def _all_words(db):
    tables = [row[0] for row in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    cells = [cell for one in tables for row in db.execute_sql(f'SELECT * FROM "{one}"').fetchall() for cell in row]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)


async def test_what_is_answered_under_it_never_leaves_the_neighbourhood(town):
    sent = []
    post = town.elm.server.client.post

    async def heard(url, *, body, headers):
        sent.append(body)
        return await post(url, body=body, headers=headers)

    await town.write("Elm", "Birch", "Oak")
    town.elm.server.client.post = heard
    ana, mia = town.people["ana"], town.people["mia"]
    (entry,) = await town.elm.database.read(timelines.feed, viewer=ana)
    await town.elm.database.write(posts.reply, by=ana, to=entry.post.id, text="And the school?")
    await town.settle()
    assert sent == []
    assert [one.text for one in await town.elm.database.read(posts.thread, root=entry.post.id, viewer=mia)] == [
        "And the school?"
    ]
    (theirs,) = await town.elm.database.read(timelines.feed, viewer=town.people["bea"])
    assert await town.elm.database.read(posts.thread, root=theirs.post.id, viewer=town.people["bea"]) == []


async def test_a_city_that_is_ours_no_longer_is_not_at_the_top_and_shows_nothing_new(town):
    later = town.now + timedelta(hours=1)
    message = await town.write("Elm")
    await town.write("Elm", begins=later, said={"nl": Said(title="Later", text="Dit komt nooit.")})
    city = await town.elm.database.read(peers.by_host, town.city.host)
    await town.elm.database.write(peers.end, by=town.people["mia"], peer_id=city.id)
    await town.settle()
    town.wait(timedelta(hours=2))
    await town.show()
    assert await town.top("ana") == []
    assert await town.feed("ana") == ["Water onderbroken"]
    assert await town.city.database.read(city_messages.offered, now=town.now) == [
        one for one in await town.city.database.read(city_messages.offered, now=town.now) if one.name == "Oak"
    ]
    # what it takes back is taken back all the same
    await town.city.database.write(city_messages.withdraw, by=town.people["lore"], message_id=message)
    await town.settle()
    assert await town.feed("ana") == []
