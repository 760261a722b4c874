"""What things are called, so that two runs of one history can be compared: ids differ, labels do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fedhood.core.help_requests.tables import OfferTable, PrivateThreadTable
from fedhood.core.posts.tables import PostTable

if TYPE_CHECKING:
    import peewee

    from tests.histories.houses import House
    from tests.histories.world import World


@dataclass(frozen=True)
class Thing:
    """Something that somebody made: a post, a request, a reply, an offer, a talk. `root` is its thread's label."""

    label: str
    kind: str
    house: str
    id: int
    by: str
    root: str
    about: str = ""


@dataclass
class Book:
    """All that was made in one run."""

    things: dict[str, Thing] = field(default_factory=dict)
    _labels: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def enter(self, thing: Thing) -> None:
        self.things[thing.label] = thing
        self._labels[thing.house, _SHELF[thing.kind], thing.id] = thing.label

    def of(self, *kinds: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind in kinds]

    def label(self, house: str, shelf: str, id: int) -> str:
        """What is called so at its home."""
        return self._labels.get((house, shelf, id), f"unknown {shelf}")

    def id_at(self, world: World, house: House, label: str) -> int | None:
        """What a thing is called on one server, None where it is not."""
        thing = self.things[label]
        if thing.house == house.name:
            return thing.id
        return house.read(_ID_OF[_SHELF[thing.kind]], uri_of(world.houses[thing.house], thing))  # type: ignore[no-any-return]

    def labels(self, world: World, house: House, shelf: str) -> dict[int, str]:
        """What is on one server, by its id there."""
        homes = {home.addresses.base: home.name for home in world.houses.values()}
        found: dict[int, str] = house.read(_ALL[shelf])
        return {id: self._named(homes, house.name, shelf, id, uri) for id, uri in found.items()}

    def _named(self, homes: dict[str, str], house: str, shelf: str, id: int, uri: str | None) -> str:
        if uri is None:
            return self.label(house, shelf, id)
        base, _, _ = uri.partition("/ap/")
        return self.label(homes[base], shelf, int("".join(filter(str.isdigit, uri.rpartition("/")[2]))))


_SHELF = {"post": "post", "request": "post", "reply": "post", "offer": "offer", "talk": "talk"}


def uri_of(home: House, thing: Thing) -> str:
    """The address by which a thing is known elsewhere."""
    match _SHELF[thing.kind]:
        case "post":
            return home.addresses.note(thing.id)
        case "offer":
            return home.addresses.activity(f"offer-{thing.id}")
        case _:
            return home.addresses.agreement(str(thing.id))


_TABLES = {"post": PostTable, "offer": OfferTable, "talk": PrivateThreadTable}


def _finder(shelf: str):
    sql = f'SELECT id FROM "{_TABLES[shelf]._meta.table_name}" WHERE uri = ?'

    def find(db: peewee.Database, uri: str) -> int | None:
        row = db.execute_sql(sql, (uri,)).fetchone()
        return None if row is None else int(row[0])

    return find


def _lister(shelf: str):
    sql = f'SELECT id, uri FROM "{_TABLES[shelf]._meta.table_name}"'

    def listed(db: peewee.Database) -> dict[int, str | None]:
        return dict(db.execute_sql(sql).fetchall())

    return listed


_ID_OF = {shelf: _finder(shelf) for shelf in _TABLES}
_ALL = {shelf: _lister(shelf) for shelf in _TABLES}
