"""A neighbour's server is away, or lost some of its memory, and afterwards knows what it missed: in order, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood import backup
from fedhood.adapters.activitypub import catch_up, deliver
from fedhood.adapters.activitypub.tables import DeliveryTable, HeardTable, HostTable, InboundTable
from fedhood.core import posts
from fedhood.core.posts import Audience
from fedhood.kernel.clock import write_offset
from tests.stories.test_next_door import next_door
from tests.support.world import make_neighbours, place, reopen, settle


class Street:
    """Elm and Oak, who agreed, on one clock that can be set."""

    def __init__(self, elm, oak, ana, bob, hands):
        self.elm, self.oak, self.ana, self.bob, self._hands = elm, oak, ana, bob, hands
        self.ahead = timedelta()
        self.running = {"elm", "oak"}

    async def stop(self, name: str) -> None:
        self.running.discard(name)
        await getattr(self, name).close()

    async def start(self, name: str) -> None:
        setattr(self, name, await reopen(getattr(self, name)))
        self.running.add(name)

    def later(self, by: timedelta) -> None:
        self.ahead += by
        write_offset(self._hands, self.ahead)

    async def tell(self, text: str) -> None:
        places = await next_door(self.elm, self.ana)
        await self.elm.database.write(
            posts.publish, by=self.ana, text=text, audience=Audience.NEIGHBOURS, places=places
        )

    async def read_in_oak(self) -> list[str]:
        return self.oak.database.look(
            lambda db: [row.text for row in posts.PostTable.select().order_by(posts.PostTable.id).execute(db)]
        )


@pytest.fixture
async def street(tmp_path):
    hands = tmp_path / "hands"
    write_offset(hands, timedelta())
    elm = await place(tmp_path, "elm", "Elm", clock_offset=hands)
    oak = await place(tmp_path, "oak", "Oak", clock_offset=hands)
    ana = await elm.resident("Ana Dakkapel", moderator=True)
    bob = await oak.resident("Bob Vensterbank", moderator=True)
    await make_neighbours(elm, oak, ana, bob)
    street = Street(elm, oak, ana, bob, hands)
    yield street
    for name in list(street.running):
        await street.stop(name)


async def test_who_was_away_for_fifteen_days_gets_all_of_it_in_order_and_once(street):
    await street.stop("oak")
    told = []
    for day in range(15):
        told += [f"Day {day}, {when}" for when in ("morning", "evening")]
        for text in told[-2:]:
            await street.tell(text)
        for _ in range(2):
            await settle(street.elm)
            street.later(timedelta(hours=12))
    (host,) = street.elm.database.look(lambda db: list(HostTable.select().execute(db)))
    assert host.failed_days >= 7  # parked: it was tried once a day
    await street.start("oak")
    await street.oak.database.write(catch_up.ask_everybody)
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == told
    waiting = street.elm.database.look(
        lambda db: DeliveryTable.select().where(DeliveryTable.state == "waiting").count(db)
    )
    assert waiting == 0


async def test_a_letter_that_was_lost_is_asked_for_before_the_next_one_is_read(street):
    await street.tell("First")
    await settle(street.elm, street.oak)
    await street.tell("Lost on the way")
    await street.elm.database.write(
        lambda uow: DeliveryTable.update(state="expired").where(DeliveryTable.state == "waiting").execute(uow.db)
    )
    await street.tell("Last")
    await deliver.pump(street.elm.server.federation, street.elm.server.clock.now())
    (heard,) = street.oak.database.look(lambda db: list(HeardTable.select().execute(db)))
    assert heard.behind
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == ["First", "Lost on the way", "Last"]
    (heard,) = street.oak.database.look(lambda db: list(HeardTable.select().execute(db)))
    assert not heard.behind
    assert heard.ask_at is None


async def test_who_cannot_be_asked_holds_up_what_came_later_for_a_while_only(street):
    await street.tell("First")
    await settle(street.elm, street.oak)
    await street.tell("Lost on the way")
    await street.elm.database.write(
        lambda uow: DeliveryTable.update(state="expired").where(DeliveryTable.state == "waiting").execute(uow.db)
    )
    await street.tell("Last")
    await deliver.pump(street.elm.server.federation, street.elm.server.clock.now())
    await street.stop("elm")
    for wait in (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5)):
        await settle(street.oak)
        assert await street.read_in_oak() == ["First"]
        street.later(wait)
    street.later(timedelta(minutes=5))
    await settle(street.oak)
    assert await street.read_in_oak() == ["First", "Last"]
    await street.start("elm")
    street.later(timedelta(hours=12))
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == ["First", "Last", "Lost on the way"]


async def test_after_a_restore_what_was_heard_since_the_backup_is_asked_for(street, tmp_path):
    await street.tell("Before the backup")
    await settle(street.elm, street.oak)
    settings = street.oak.server.settings
    backup.make(settings, tmp_path / "oak.tar", settings_file=None, now=street.oak.server.clock.now())
    await street.tell("After the backup")
    await settle(street.elm, street.oak)
    await street.stop("oak")
    settings.data_dir.rename(tmp_path / "lost")
    backup.restore(settings, tmp_path / "oak.tar", now=street.elm.server.clock.now())
    await street.start("oak")
    assert await street.read_in_oak() == ["Before the backup"]
    await street.oak.database.write(catch_up.ask_everybody)
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == ["Before the backup", "After the backup"]


async def test_a_neighbour_who_was_restored_counts_anew_and_nothing_is_missed(street, tmp_path):
    settings = street.elm.server.settings
    backup.make(settings, tmp_path / "elm.tar", settings_file=None, now=street.elm.server.clock.now())
    await street.tell("Forgotten by Elm")
    await settle(street.elm, street.oak)
    await street.stop("elm")
    settings.data_dir.rename(tmp_path / "lost")
    backup.restore(settings, tmp_path / "elm.tar", now=street.oak.server.clock.now())
    await street.start("elm")
    for text in ("One", "Two"):
        await street.tell(text)
        await settle(street.elm, street.oak)
    # whoever acts anew has a new key, which is asked for once the old one is five minutes old
    for wait in (timedelta(minutes=2), timedelta(minutes=20)):
        street.later(wait)
        await settle(street.elm, street.oak)
    assert sorted(await street.read_in_oak()) == ["Forgotten by Elm", "One", "Two"]
    (heard,) = street.oak.database.look(lambda db: list(HeardTable.select().execute(db)))
    assert heard.epoch > 1
    assert (heard.upto, heard.behind) == (2, False)


async def test_what_was_taken_back_is_not_in_the_stream_any_more(street):
    await street.stop("oak")
    await street.tell("Said too early")
    (post,) = street.elm.database.look(lambda db: list(posts.PostTable.select().execute(db)))
    await settle(street.elm)
    await street.elm.database.write(posts.delete, by=street.ana, post_id=post.id)
    await street.start("oak")
    await street.oak.database.write(catch_up.ask_everybody)
    await settle(street.oak, street.elm)
    bodies = street.oak.database.look(lambda db: [bytes(row.body) for row in InboundTable.select().execute(db)])
    assert not any(b"too early" in body for body in bodies)


async def test_what_was_said_better_meanwhile_arrives_too(street):
    await street.stop("oak")
    await street.tell("Market on Satruday")
    await settle(street.elm)
    (post,) = street.elm.database.look(lambda db: list(posts.PostTable.select().execute(db)))
    await street.elm.database.write(posts.edit, by=street.ana, post_id=post.id, text="Market on Saturday")
    await street.start("oak")
    for _ in range(2):  # the second time it says that it has what it read the first time
        await street.oak.database.write(catch_up.ask_everybody)
        await settle(street.oak)
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == ["Market on Saturday"]


async def test_who_asks_for_what_comes_after_a_number_of_another_epoch_has_not_said_that_it_has_the_rest(street):
    await street.stop("oak")
    await street.tell("Waiting")
    await settle(street.elm)
    await street.start("oak")
    await street.oak.database.write(lambda uow: HeardTable.update(epoch=9, upto=10_000, ask_at=uow.now).execute(uow.db))
    await settle(street.oak, street.elm)
    assert await street.read_in_oak() == ["Waiting"]
