"""One run of a history: a world, what was made in it, and what its people see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.core import accounts, posts
from fedhood.kernel.errors import NotFound
from tests.histories.book import Book
from tests.histories.state import rows
from tests.histories.world import peer_at

if TYPE_CHECKING:
    from tests.histories.book import Thing
    from tests.histories.houses import House
    from tests.histories.world import Person, World


# after it every offer that waits has lapsed, and every request that is to run out has
PAUSE = timedelta(hours=80)


@dataclass
class Life:
    """What happens to the people of a world."""

    world: World
    book: Book = field(default_factory=Book)
    left: set[str] = field(default_factory=set)
    reported: dict[str, str] = field(default_factory=dict)  # a complaint's words → what it is about
    blocked: list[tuple[str, str]] = field(default_factory=list)
    has_parted: bool = False
    pauses: int = 0
    pause: timedelta = PAUSE

    def __post_init__(self) -> None:
        self._names: dict[str, str] = {}
        for person in self.world.town.people.values():
            home = self.world.houses[person.house]
            account = home.read(accounts.get, person.viewer.account)
            self._names[home.addresses.person(account.key)] = person.name

    # -- people --------------------------------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        return self.world.town.people[name]

    def house(self, name: str) -> House:
        """Where somebody lives."""
        return self.world.house_of(name)

    def residents(self, house: str) -> list[Person]:
        return [person for person in self.world.town.people.values() if person.house == house]

    def who(self, house: House, row: dict[str, Any]) -> str:
        """Whom a row of an account is about."""
        return self._names[row["uri"] or house.addresses.person(row["key"])]

    def account_at(self, house: House, name: str) -> int | None:
        """What somebody is called on a server; None where nobody knows them."""
        person = self.person(name)
        if person.house == house.name:
            return person.viewer.account
        home = self.world.houses[person.house]
        key = home.read(accounts.get, person.viewer.account).key
        found = house.read(accounts.by_uri, home.addresses.person(key))
        return None if found is None else found.id

    def place_at(self, house: House, place: str) -> int:
        """What a neighbourhood is called on a server."""
        found: int = rows(house, "SELECT id FROM neighbourhood WHERE key = ?", place.lower())[0]["id"]
        return found

    # -- things --------------------------------------------------------------------------------------------------------

    def at(self, person: str, label: str) -> int | None:
        """What a thing is called where somebody lives."""
        return self.book.id_at(self.world, self.house(person), label)

    def is_seen(self, person: str, label: str) -> bool:
        """Whether somebody may see a post."""
        post_id = self.at(person, label)
        if post_id is None:
            return False
        try:
            self.house(person).read(posts.get, post_id=post_id, viewer=self.person(person).viewer)
        except NotFound:
            return False
        return True

    def state_of(self, person: str, label: str) -> Any:
        """How a request stands where somebody lives: its state and revision, None where it is not, or was removed."""
        sql = (
            "SELECT state, revision FROM help_request JOIN post ON post.id = post WHERE post = ? AND deleted_at IS NULL"
        )
        found = rows(self.house(person), sql, self.at(person, label))
        return tuple(found[0].values()) if found else None

    def offer_of(self, person: str, label: str) -> Any:
        """How an offer stands where somebody lives."""
        found = rows(self.house(person), "SELECT state FROM help_offer WHERE id = ?", self.at(person, label))
        return found[0]["state"] if found else None

    def talk_of(self, person: str, label: str) -> Any:
        """How a talk stands where somebody lives, and all that was said in it."""
        house, talk = self.house(person), self.at(person, label)
        found = rows(house, "SELECT ended_at, left_by FROM private_thread WHERE id = ?", talk)
        said = rows(house, "SELECT text FROM private_message WHERE thread = ? ORDER BY text", talk)
        return [*(value is not None for row in found for value in row.values()), *(row["text"] for row in said)]

    def about(self, person: str, request: str) -> Any:
        """All that somebody sees of a request: its state, what was offered, what was said."""
        made = [one for one in self.book.of("offer") if one.about == request and not self.is_withdrawn(one)]
        offers = {one.label: self.offer_of(person, one.label) for one in made}
        talks = sorted(one.label for one in self.book.of("talk") if one.root == request)
        return (
            self.state_of(person, request),
            # what was taken back may never have been said
            sorted((label, state) for label, state in offers.items() if state not in {None, "withdrawn"}),
            [(one, self.talk_of(person, one)) for one in talks],
        )

    def offers_by(self, person: str, request: str) -> Any:
        """How somebody's own offers for a request stand."""
        mine = sorted(one.label for one in self.book.of("offer") if (one.about, one.by) == (request, person))
        return [(one, self.offer_of(person, one)) for one in mine]

    def agreed(self, house: str) -> list[tuple[str, str, int]]:
        """With whom a server has agreed, and how far."""
        known = []
        for other in self.world.houses:
            peer = peer_at(self.world, house, other) if other != house else None
            if peer is not None:
                granted = rows(self.world.houses[house], "SELECT id FROM agreement WHERE peer = ?", peer.id)
                known.append((other, peer.state.value, len(granted), peer.confirmed_at is not None))
        return known

    def all_agreed(self) -> bool:
        """Whether every server has agreed with every other."""
        return all(
            (state, granted) == ("agreed", 2)
            for house in self.world.houses
            for _, state, granted, _ in self.agreed(house)
        )

    def is_withdrawn(self, offer: Thing) -> bool:
        """Whether an offer was taken back before it was answered."""
        sql = "SELECT 1 FROM help_offer WHERE id = ? AND state = 'withdrawn' AND reason IS NULL"
        return bool(rows(self.world.houses[offer.house], sql, offer.id))

    def is_quiet(self) -> bool:
        """Whether nothing is under way."""
        return not any(rows(house, sql) for house in self.world.houses.values() for sql in _UNDER_WAY)


_UNDER_WAY = (
    "SELECT 1 FROM delivery WHERE state = 'waiting' LIMIT 1",
    "SELECT 1 FROM inbound WHERE state IN ('waiting', 'parked') LIMIT 1",
    "SELECT 1 FROM heard WHERE behind OR ask_at IS NOT NULL LIMIT 1",
    "SELECT 1 FROM job WHERE state != 'discarded' LIMIT 1",
)
