"""The town that every history begins with: servers that are neighbours, and people of whom nobody has said anything.

It is built once, by real peering, and copied for each run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fedhood.core import access, accounts, households, neighbourhoods, peers
from fedhood.core.access import Role, Viewer
from fedhood.kernel.clock import from_milliseconds
from tests.histories.houses import House, HouseClock, InlineSqlite, PostOffice, SharedClock, run
from tests.support.clocks import NOON
from tests.support.databases import make_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fedhood.kernel.database import UnitOfWork

# server → its neighbourhoods → who lives there; the first of a server keeps it
TOWNS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "two": {
        "elm": {"Elm": ("mo", "ana", "ada", "aram")},
        "oak": {"Oak": ("pim", "bob", "bea"), "Lime": ("lou", "lea")},
    },
    "three": {
        "elm": {"Elm": ("mo", "ana", "ada")},
        "oak": {"Oak": ("pim", "bob", "bea")},
        "ash": {"Ash": ("rik", "cas", "cleo")},
    },
}
SKEWS = (timedelta(0), timedelta(minutes=3), timedelta(minutes=-4))


@dataclass(frozen=True)
class Person:
    """Somebody, and where they live."""

    name: str
    house: str
    viewer: Viewer


@dataclass(frozen=True)
class Town:
    """What is copied: a file for each server, and who is who."""

    files: dict[str, bytes]
    people: dict[str, Person]
    places: dict[str, str]  # neighbourhood → its server
    keepers: dict[str, str]  # server → who keeps it


@dataclass
class World:
    """Servers at work."""

    town: Town
    clock: SharedClock
    post_office: PostOffice
    houses: dict[str, House] = field(default_factory=dict)

    def house_of(self, person: str) -> House:
        return self.houses[self.town.people[person].house]

    def viewer(self, person: str) -> Viewer:
        return self.town.people[person].viewer

    def close(self) -> None:
        for house in self.houses.values():
            house.database.release()


def open_world(
    town: Town, folder: Path, *, post_office: PostOffice | None = None, skews: Iterable[timedelta] = SKEWS[:1]
) -> World:
    """A fresh copy of a town. `skews`: how wrong each server's clock is, over and over."""
    # some time after they agreed: a clock that goes behind must not go back
    world = World(town, SharedClock(NOON + timedelta(hours=1)), post_office or PostOffice())
    wrong = itertools.cycle(skews)
    for slot, (name, content) in enumerate(town.files.items()):
        file = folder / name / "fedhood.db"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        _open_house(world, name, file, slot, next(wrong))
    return world


def _open_house(world: World, name: str, file: Path, slot: int, skew: timedelta) -> House:
    house = House(name, file, HouseClock(world.clock, skew), world.post_office, slot)
    house.database._writer_db.connect(reuse_if_open=True)
    world.houses[name] = world.post_office.houses[house.host] = house
    return house


# -- building it -------------------------------------------------------------------------------------------------------


def build(kind: str, folder: Path) -> Town:
    """The town of this kind, made in a folder."""
    return run(_build(TOWNS[kind], folder / kind))


async def _build(plan: dict[str, dict[str, tuple[str, ...]]], folder: Path) -> Town:
    world = World(Town({}, {}, {}, {}), SharedClock(), PostOffice())
    for slot, (name, places) in enumerate(plan.items()):
        file = folder / name / "fedhood.db"
        file.parent.mkdir(parents=True)
        make_file(file)
        house = _open_house(world, name, file, slot, timedelta(0))
        _settle_in(world, house, places)
    for one, other in itertools.combinations(world.houses.values(), 2):
        await make_neighbours(world, one.name, other.name)
    files = {}
    for name, house in world.houses.items():
        assert isinstance(house.database, InlineSqlite)
        files[name] = house.database.copied()
        house.database.release()
    return Town(files, world.town.people, world.town.places, world.town.keepers)


def _settle_in(world: World, house: House, places: dict[str, tuple[str, ...]]) -> None:
    made = [house.write(neighbourhoods.create, name=place, languages=("en",)) for place in places]
    for one, other in itertools.permutations(made, 2):
        house.write(neighbourhoods.pair, writer=one, reader=other)
    for place, neighbourhood in zip(places, made, strict=True):
        world.town.places[place] = house.name
        for name in places[place]:
            keeps = world.town.keepers.setdefault(house.name, name) == name
            viewer = house.write(_move_in, name=name, neighbourhood=neighbourhood, keeps=keeps)
            world.town.people[name] = Person(name, house.name, viewer)


def _move_in(uow: UnitOfWork, *, name: str, neighbourhood: int, keeps: bool) -> Viewer:
    account = accounts.create(uow, name=name, neighbourhood=neighbourhood, language="en")
    households.admit(uow, account=account, household=households.found(uow, neighbourhood=neighbourhood))
    if keeps:
        access.give(uow, account=account, role=Role.MODERATOR, neighbourhood=None, by=None)
    rights = access.rights_of(uow.db, account)
    return Viewer(account=account, neighbourhood=neighbourhood, name=name, language="en", rights=rights)


def keeper(world: World, house: str) -> Viewer:
    return world.viewer(world.town.keepers[house])


def peer_at(world: World, house: str, other: str) -> peers.Peer | None:
    """What one server knows of another."""
    found: peers.Peer | None = world.houses[house].read(peers.by_host, world.houses[other].host)
    return found


async def make_neighbours(world: World, one: str, other: str) -> None:
    """Two who keep servers find each other, and both press "they match"."""
    first, second = world.houses[one], world.houses[other]
    theirs = first.write(peers.propose, by=keeper(world, one), host=second.host)
    await settle(world)
    ours = peer_at(world, other, one)
    assert ours is not None
    second.write(peers.confirm, by=keeper(world, other), peer_id=ours.id, pairs=None)
    await settle(world)
    first.write(peers.confirm, by=keeper(world, one), peer_id=theirs, pairs=None)
    await settle(world)


async def settle(world: World) -> None:
    """Let everybody do what is due, until nobody has anything left to do at this moment."""
    for _ in range(2000):
        if not any([await house.step() for house in world.houses.values()]):
            return
    raise AssertionError("the servers never came to rest")


_DUE = (
    "SELECT MIN(COALESCE(host.next_at, 0)) FROM delivery LEFT JOIN host ON host.peer = delivery.peer"
    " WHERE state = 'waiting'",
    # of each server the first that waits is read first, unless something before it is asked for
    "SELECT MIN(next_at) FROM (SELECT next_at, ROW_NUMBER() OVER ("
    "PARTITION BY peer, CASE peer WHEN 0 THEN signer END ORDER BY epoch, number, id) AS place"
    " FROM inbound WHERE state = 'waiting' AND peer NOT IN (SELECT peer FROM heard WHERE behind)) WHERE place = 1",
    "SELECT MIN(next_at) FROM inbound WHERE state = 'forwarded'",
    "SELECT MIN(ask_at) FROM heard",
    "SELECT MIN(MAX(due_at, COALESCE(leased_until, 0))) FROM job WHERE id IN"
    " (SELECT MIN(id) FROM job WHERE state != 'discarded' GROUP BY ordering_key)",
)
_DUE_PARKED = "SELECT MIN(next_at) FROM inbound WHERE state = 'parked'"


def next_due(world: World, *, parked: bool) -> datetime | None:
    """When a server has something to do next, None when nobody ever has. `parked`: what was put off as well."""
    moments = []
    for house in world.houses.values():
        for sql in (*_DUE, *([_DUE_PARKED] if parked else [])):
            found = house.read(lambda db, sql=sql: db.execute_sql(sql).fetchone()[0])
            if found is not None:
                moments.append(from_milliseconds(found + 1) - house.clock.skew)
    return min(moments, default=None)
