"""What Elm tells its neighbours, and where it has got to: read by the author, and by whoever looks after Elm."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import aiohttp
import pytest
from structlog.testing import capture_logs

from fedhood import said_anew
from fedhood.adapters.activitypub import catch_up, handling
from fedhood.core import access, help_requests, notifications, peers, posts
from fedhood.core.help_requests import HelpCategory
from fedhood.core.notifications import Kind
from fedhood.core.peers import PeerState
from fedhood.core.posts import Audience
from fedhood.kernel.clock import write_offset
from fedhood.kernel.errors import Conflict
from tests.support.world import make_neighbours, place, reopen, settle

NOTE = "Rooftile Street 12, second bell"
LINE = "Who carries a wardrobe?"


class Street:
    """Elm between Oak and Ash, each on a server of its own, on one clock that can be set."""

    def __init__(self, elm, oak, ash, ana, eva, hands):
        self.elm, self.oak, self.ash, self.ana, self.eva, self._hands = elm, oak, ash, ana, eva, hands
        self.ahead = timedelta()
        self.running = {"elm", "oak", "ash"}

    async def stop(self, name: str) -> None:
        self.running.discard(name)
        await getattr(self, name).close()

    async def start(self, name: str) -> None:
        setattr(self, name, await reopen(getattr(self, name)))
        self.running.add(name)

    def later(self, by: timedelta) -> None:
        self.ahead += by
        write_offset(self._hands, self.ahead)

    async def rest(self) -> None:
        await settle(*(getattr(self, name) for name in sorted(self.running)))

    async def peer(self, name: str) -> int:
        found = await self.elm.database.read(peers.by_host, getattr(self, name).host)
        return found.id

    async def _everywhere(self) -> tuple[int, ...]:
        offered = await self.elm.database.read(posts.offered, neighbourhood=self.eva.neighbourhood)
        return max(offered, key=lambda one: len(one.places)).places

    async def tell(self, text: str) -> int:
        return await self.elm.database.write(
            posts.publish, by=self.eva, text=text, audience=Audience.NEIGHBOURS, places=await self._everywhere()
        )

    async def ask(self) -> int:
        return await self.elm.database.write(
            help_requests.ask,
            by=self.eva,
            line=LINE,
            note=NOTE,
            category=HelpCategory.CARRYING,
            area="",
            until=self.elm.server.clock.now() + timedelta(days=3),
            audience=Audience.NEIGHBOURS,
            places=await self._everywhere(),
        )

    async def page(self, viewer, path: str) -> str:
        """What somebody reads on a page of Elm's, over a real connection."""
        opened = await self.elm.database.write(access.open_session, account=viewer.account, with_passphrase=True)
        listen = self.elm.server.settings.listen
        headers = {"Host": self.elm.host, "Cookie": f"sid={opened.token}"}
        async with aiohttp.ClientSession() as session, session.get(f"http://{listen}{path}", headers=headers) as got:
            text = await got.text()
            assert got.status == 200, text
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", text)))


@pytest.fixture
async def street(tmp_path):
    hands = tmp_path / "hands"
    write_offset(hands, timedelta())
    elm, oak, ash = [
        await place(tmp_path, name, name.capitalize(), clock_offset=hands) for name in ("elm", "oak", "ash")
    ]
    ana = await elm.resident("Ana Dakkapel", moderator=True)
    eva = await elm.resident("Eva Stoep")
    for other in (oak, ash):
        await make_neighbours(elm, other, ana, await other.resident("Bob Vensterbank", moderator=True))
    await settle(elm, oak, ash)
    street = Street(elm, oak, ash, ana, eva, hands)
    yield street
    for name in list(street.running):
        await street.stop(name)


async def read_at(there) -> list[str]:
    return await there.database.read(
        lambda db: [row.text for row in posts.PostTable.select().order_by(posts.PostTable.id).execute(db)]
    )


async def test_one_neighbour_has_it_the_other_is_away_and_both_are_said_to_the_author_alone(street):
    await street.stop("oak")
    post, request = await street.tell("The medal lies under the stone"), await street.ask()
    await street.rest()
    for path in (f"/p/{post}", f"/help/{request}"):
        said = await street.page(street.eva, path)
        assert re.search(r"Ash: arrived, [^:]+:\d\d Oak: no answer since [^:]+:\d\d, we try again", said), said
        assert "Where it has got to" not in await street.page(street.ana, path)
    await street.start("oak")
    street.later(timedelta(hours=1))
    await street.rest()
    said = await street.page(street.eva, f"/p/{post}")
    assert "we try again" not in said
    assert "Oak: arrived, " in said


async def test_who_looks_after_elm_reads_why_and_whose_turn_it_is_and_not_a_word_of_what_was_written(street):
    await street.stop("oak")
    await street.tell("The medal lies under the stone")
    await street.ask()
    await street.rest()
    oak = await street.peer("oak")
    said = await street.page(street.ana, f"/host/neighbours/{oak}/sent")
    for words in ("Nobody answers at their address.", "Next try: ", "2 things wait", "A post", "News of a request"):
        assert words in said
    everywhere = [said] + [
        await street.page(street.ana, path)
        for path in (
            "/host/neighbours",
            f"/host/neighbours/{oak}",
            f"/host/neighbours/{oak}/forget",
            *(f"/host/neighbours/{oak}/sent/1-{number}" for number in await numbers(street, oak)),
        )
    ]
    for word in ("medal", "stone", "wardrobe", "Rooftile", "bell", "Eva", "Stoep"):
        assert not any(word in page for page in everywhere)


async def numbers(street, peer: int) -> list[int]:
    query = "SELECT number FROM delivery WHERE peer = ? AND state = 'waiting'"
    return await street.elm.database.read(lambda db: [row[0] for row in db.execute_sql(query, (peer,)).fetchall()])


async def test_a_pause_holds_back_even_what_is_asked_for_and_then_all_of_it_comes_in_order_and_once(street):
    oak = await street.peer("oak")
    await street.tell("Before")
    await street.rest()
    await street.elm.database.write(handling.pause, by=street.ana, peer_id=oak)
    told = [await street.tell(text) for text in ("First", "Second")]
    await street.rest()
    await street.oak.database.write(catch_up.ask_everybody)
    await street.rest()
    assert await read_at(street.oak) == ["Before"]
    assert await read_at(street.ash) == ["Before", "First", "Second"]
    assert "Oak: waits, those who look after this place paused it" in await street.page(street.eva, f"/p/{told[0]}")
    # what they say is read as before
    bob = await street.oak.resident("Bea Kozijn")
    offered = await street.oak.database.read(posts.offered, neighbourhood=bob.neighbourhood)
    places = max(offered, key=lambda one: len(one.places)).places
    await street.oak.database.write(posts.publish, by=bob, text="From Oak", audience=Audience.NEIGHBOURS, places=places)
    await street.rest()
    assert "From Oak" in await read_at(street.elm)
    await street.elm.database.write(handling.resume, by=street.ana, peer_id=oak)
    await street.rest()
    assert [text for text in await read_at(street.oak) if text != "From Oak"] == ["Before", "First", "Second"]


async def test_that_it_is_over_is_told_also_to_who_is_paused_and_so_is_what_is_taken_back(street):
    oak = await street.peer("oak")
    post = await street.tell("Before")
    await street.rest()
    await street.elm.database.write(handling.pause, by=street.ana, peer_id=oak)
    await street.elm.database.write(posts.delete, by=street.eva, post_id=post)
    await street.rest()
    assert await read_at(street.oak) == ["Before"]
    await street.elm.database.write(peers.end, by=street.ana, peer_id=oak)
    await street.rest()
    assert await read_at(street.oak) == [""]
    theirs = await street.oak.database.read(peers.by_host, street.elm.host)
    assert theirs.state is PeerState.ENDED
    with pytest.raises(Conflict):
        await street.elm.database.write(handling.pause, by=street.ana, peer_id=oak)


async def test_what_was_forgotten_is_not_had_by_asking_and_what_came_before_and_after_is(street):
    oak = await street.peer("oak")
    await street.stop("oak")
    for text in ("One", "Two"):
        await street.tell(text)
    await street.rest()
    assert await street.elm.database.write(handling.forget_all, by=street.ana, peer_id=oak) == 2
    await street.elm.database.write(said_anew.to_a_neighbour, oak)
    await street.tell("Three")
    await street.start("oak")
    await street.oak.database.write(catch_up.ask_everybody)
    street.later(timedelta(hours=1))
    await street.rest()
    assert await read_at(street.oak) == ["Three"]
    assert await read_at(street.ash) == ["One", "Two", "Three"]


async def test_a_neighbour_that_is_gone_for_nine_days_is_told_once_in_the_news_and_at_each_end_in_the_log(street):
    await street.stop("oak")
    with capture_logs() as lines:
        await street.tell("Waiting")
        for _ in range(9):
            await street.rest()
            street.later(timedelta(days=1, minutes=5))
        await street.start("oak")
        await street.rest()
    told = await street.elm.database.read(notifications.latest, account=street.ana.account)
    assert [one.kind for one in told].count(Kind.PEER_SILENT) == 1
    ours = [line["event"] for line in lines if line["event"].startswith("host.")]
    assert ours == ["host.failing", "host.parked", "host.answers"]
    assert "has not answered for a week" in await street.page(street.ana, "/notifications")
    assert "All that was meant for them has arrived." in await street.page(
        street.ana, f"/host/neighbours/{await street.peer('oak')}/sent"
    )


async def test_a_neighbour_that_ended_it_without_our_hearing_is_told_as_one_that_refuses(street):
    oak = await street.peer("oak")
    ours = await street.oak.database.read(peers.by_host, street.elm.host)
    await street.elm.database.write(handling.pause, by=street.ana, peer_id=oak)
    await street.oak.database.write(
        lambda uow: uow.db.execute_sql("UPDATE peer SET trust = 'blocked' WHERE id = ?", (ours.id,))
    )
    for text in ("One", "Two", "Three", "Four"):
        await street.tell(text)
    await street.elm.database.write(handling.resume, by=street.ana, peer_id=oak)
    await street.rest()
    told = await street.elm.database.read(notifications.latest, account=street.ana.account)
    assert [one.kind for one in told].count(Kind.PEER_REFUSING) == 1
    said = await street.page(street.ana, f"/host/neighbours/{oak}/sent?only=lost")
    assert "They refused three or more in a row." in said
    assert said.count("They do not allow it.") == 4
