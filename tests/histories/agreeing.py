"""Whether every server says what the home of each thing says, once all is quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.histories.state import Glass, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.houses import House
    from tests.histories.life import Life

# how an offer may stand at the home of its request, and where its helper lives: who takes it back while it is answered
# has taken it back, and whether it waited too long each finds out by itself
_CROSSED = {("refused", "withdrawn"), ("lapsed", "withdrawn"), ("accepted", "withdrawn"), ("waiting", "lapsed")}
_CROSSED |= {(there, here) for here, there in _CROSSED if {here, there} == {"waiting", "lapsed"}}


@dataclass
class _Side:
    """One server's rows, by label."""

    house: House
    glass: Glass
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    talks: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, life: Life, house: House) -> _Side:
        glass = Glass(life, house)
        named = {"posts": ("post", "id", glass.posts), "requests": ("help_request", "post", glass.posts)}
        named |= {"offers": ("help_offer", "id", glass.offers), "talks": ("private_thread", "id", glass.talks)}
        found = {
            part: {names[row[key]]: row for row in rows(house, f"SELECT * FROM {table}")}
            for part, (table, key, names) in named.items()
        }
        return cls(house, glass, **found)


def disagreements(life: Life) -> list[str]:
    """Where a server and the home of a thing say different things, a line each."""
    sides = {name: _Side.of(life, house) for name, house in life.world.houses.items()}
    found = []
    for name, home in sides.items():
        for other, there in sides.items():
            if name != other:
                found += [f"{name} → {other}: {line}" for line in _Compared(life, home, there).lines()]
    return found


class _Compared:
    """What is at home in one server, as another one has it."""

    def __init__(self, life: Life, home: _Side, there: _Side) -> None:
        self.life, self.home, self.there = life, home, there
        self.blocked = {frozenset(pair) for pair in life.blocked}
        self.agreed = all(
            (other, "agreed", 2) in {one[:3] for one in life.agreed(here)}
            for here, other in ((home.house.name, there.house.name), (there.house.name, home.house.name))
        )
        self.pairs = {
            (home.glass.places[row["writer"]], home.glass.places[row["reader"]])
            for row in rows(home.house, 'SELECT writer, reader FROM pair WHERE "until" IS NULL')
        }

    def lines(self) -> Iterator[str]:
        for label, thing in self.life.book.things.items():
            if thing.house == self.home.house.name and thing.kind in {"post", "request", "reply"}:
                yield from self._post(label)
            if thing.kind == "offer" and thing.house == self.there.house.name:
                yield from self._offer(label)
        yield from self._thanks()

    # -- posts ---------------------------------------------------------------------------------------------------------

    def _is_gone(self, side: _Side, label: str) -> bool:
        row = side.posts.get(label)
        root = side.posts.get(self.life.book.things[label].root)
        return row is None or root is None or row["deleted_at"] is not None or root["deleted_at"] is not None

    def _is_hidden(self, label: str) -> bool:
        root = self.life.book.things[label].root
        homes = [self.home, *([self.there] if root in self.there.posts else [])]
        return any(side.posts[one]["hidden_at"] for side in homes for one in (label, root) if one in side.posts)

    def _post(self, label: str) -> Iterator[str]:
        here, there = self.home.posts[label], self.there.posts.get(label)
        if self._is_gone(self.home, label):
            if not self._is_gone(self.there, label) and here["deleted_at"] is not None:
                yield f"{label} was removed and is still read"
            return
        if not self.agreed or self._is_hidden(label) or not self._is_for(label):
            return
        if there is None or there["deleted_at"] is not None:
            if not self._may_be_missing(label):
                yield f"{label} did not arrive"
        elif there["text"] != here["text"]:
            yield f"{label} says {there['text']!r} instead of {here['text']!r}"
        elif label in self.home.requests:
            yield from self._request(label)

    def _is_for(self, label: str) -> bool:
        """Whether there somebody reads it: a place of its root, as the home of the root knows it, paired now."""
        thing = self.life.book.things[label]
        root = self.life.book.things[thing.root]
        if root.house == self.there.house.name:
            return True
        if root.house != self.home.house.name:
            return False  # the home of the thread passes it on
        told = rows(self.home.house, "SELECT place FROM post_place WHERE post = ?", root.id)
        writer = self.home.glass.places[self.home.posts[root.label]["neighbourhood"]]
        theirs = {self.home.glass.places[row["place"]] for row in told}
        theirs = {place for place in theirs if self.life.world.town.places[place] == self.there.house.name}
        return any((writer, place) in self.pairs for place in theirs)

    def _may_be_missing(self, label: str) -> bool:
        """Whether an answer was not taken, since one of those it concerns had blocked the other, or went."""
        thing = self.life.book.things[label]
        if thing.kind != "reply":
            return False
        above = {thing.about, thing.root}
        people = {self.life.book.things[one].by for one in above}
        gone = any(self._is_gone(self.there, one) for one in above)
        return gone or any(frozenset({thing.by, one}) in self.blocked for one in people)

    # -- help ----------------------------------------------------------------------------------------------------------

    def _request(self, label: str) -> Iterator[str]:
        here, there = self.home.requests[label], self.there.requests[label]
        for name in ("state", "revision", "area", "until"):
            if here[name] != there[name] and not (name == "until" and here[name] // 1000 == there[name] // 1000):
                yield f"{label} has {name} {there[name]!r} instead of {here[name]!r}"

    def _offer(self, label: str) -> Iterator[str]:
        """`home` is that of the request, `there` where the helper lives."""
        thing = self.life.book.things[label]
        if self.life.book.things[thing.about].house != self.home.house.name:
            return
        asked, made = self.home.offers.get(label), self.there.offers[label]
        if not self.agreed or self._is_gone(self.home, thing.about):
            return
        if frozenset({thing.by, self.life.book.things[thing.about].by}) in self.blocked:
            return
        if asked is None:
            # what waits when two part is not sent
            lost = {"failed", "sending"} if self.life.has_parted else {"failed"}
            if made["state"] not in {"withdrawn", "lapsed"} and made["sent"] not in lost:
                yield f"{label} did not arrive and is {made['state']}"
        elif asked["state"] != made["state"] and (asked["state"], made["state"]) not in _CROSSED:
            yield f"{label} is {made['state']} instead of {asked['state']}"
        yield from self._talk(label)

    def _talk(self, offer: str) -> Iterator[str]:
        label = next((one.label for one in self.life.book.of("talk") if one.about == offer), None)
        if label is None or self.there.offers[offer]["state"] == "withdrawn":
            return
        here, there = self.home.talks[label], self.there.talks.get(label)
        if there is None:
            yield f"{label} did not arrive"
        elif (here["ended_at"] is None) != (there["ended_at"] is None):
            yield f"{label} is over on one side only"
        elif here["left_by"] is None and there["left_by"] is None and here["erased_at"] is None:
            said = [
                sorted(
                    row["text"]
                    for row in rows(side.house, "SELECT text FROM private_message WHERE thread = ?", row["id"])
                )
                for side, row in ((self.home, here), (self.there, there))
            ]
            if said[0] != said[1]:
                yield f"in {label} was said {said[1]} instead of {said[0]}"

    # -- thanks --------------------------------------------------------------------------------------------------------

    def _thanks(self) -> Iterator[str]:
        """Of the people over there, for what is at home here."""
        if not self.agreed:
            return
        theirs = {person.name for person in self.life.residents(self.there.house.name)}
        here, there = self.home.glass.thanks(), self.there.glass.thanks()
        for label, thing in self.life.book.things.items():
            if thing.house != self.home.house.name or thing.kind not in {"post", "request", "reply"}:
                continue
            if self._is_gone(self.home, label) or self._is_gone(self.there, label) or self._is_hidden(label):
                continue
            counted, given = (set(one.get(f"thanks {label}", [])) & theirs for one in (here, there))
            for who in counted ^ given:
                if frozenset({who, thing.by}) not in self.blocked:
                    yield f"thanks of {who} for {label} are {'not ' if who in given else ''}counted"
