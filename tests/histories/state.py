"""What can be seen of a server, in words that do not depend on ids, moments or the order in which things arrived.

What was taken back is not there, whether it was ever told or not; so is what stands below it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fedhood.core import posts
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    import peewee

    from tests.histories.houses import House
    from tests.histories.life import Life

Picture = dict[str, Any]


def rows(house: House, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows as they are in the database."""

    def read(db: peewee.Database) -> list[dict[str, Any]]:
        cursor = db.execute_sql(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return house.read(read)  # type: ignore[no-any-return]


class Glass:
    """One server, looked at: what its ids mean."""

    def __init__(self, life: Life, house: House) -> None:
        self.life = life
        self.house = house
        self.posts = life.book.labels(life.world, house, "post")
        self.offers = life.book.labels(life.world, house, "offer")
        self.talks = life.book.labels(life.world, house, "talk")
        self.places = {row["id"]: row["key"].capitalize() for row in rows(house, "SELECT id, key FROM neighbourhood")}
        self.people = {row["id"]: life.who(house, row) for row in rows(house, "SELECT id, key, uri FROM account")}
        self._posts = {row["id"]: row for row in rows(house, "SELECT * FROM post")}

    def is_there(self, post_id: int) -> bool:
        """Whether neither a post nor the root of its thread was taken away."""
        row = self._posts[post_id]
        root = self._posts[row["root"] or post_id]
        return row["deleted_at"] is None and root["deleted_at"] is None

    # -- parts ---------------------------------------------------------------------------------------------------------

    def shown_posts(self) -> Picture:
        shown: Picture = {}
        places: dict[int, list[dict[str, Any]]] = {}
        for row in rows(self.house, "SELECT * FROM post_place"):
            places.setdefault(row["post"], []).append(row)
        for post_id, row in self._posts.items():
            if not self.is_there(post_id):
                continue
            told = places.get(post_id, [])
            of_root = places.get(row["root"] or post_id, [])
            shown[f"post {self.posts[post_id]}"] = {
                "text": row["text"],
                "author": self.people[row["author"]],
                "kind": (row["kind"], row["audience"], row["category"], row["language"]),
                "home": self.places[row["neighbourhood"]],
                "places": sorted(self.places[one["place"]] for one in of_root),
                "parted": sorted(self.places[one["place"]] for one in of_root if one["parted"]),
                "hidden": row["hidden_at"] is not None,
                "hidden in": sorted(self.places[one["place"]] for one in told if one["hidden"]),
                "answers": self._answered(row),
                "counts": (row["thanks"], row["replies"]),
            }
        return shown

    def _answered(self, row: dict[str, Any]) -> str | None:
        """The answer that is answered; None for the root, and for what was removed, perhaps before it was told."""
        parent = self._posts.get(row["parent"])
        is_answer = parent is not None and parent["root"] is not None and self.is_there(parent["id"])
        return self.posts[row["parent"]] if is_answer else None

    def requests(self) -> Picture:
        notes = {row["post"]: row["text"] for row in rows(self.house, "SELECT * FROM help_note")}
        return {
            f"request {self.posts[row['post']]}": {
                "state": row["state"],
                "revision": row["revision"],
                "category": row["category"],
                "area": row["area"],
                "outcome": row["outcome"],
                "helper": self.offers.get(row["offer"]),
                "note": notes.get(row["post"]),
            }
            for row in rows(self.house, "SELECT * FROM help_request")
            if self.is_there(row["post"])
        }

    def all_offers(self) -> Picture:
        return {
            f"offer {self.offers[row['id']]}": {
                "state": (row["state"], row["reason"]) if self.is_there(row["request"]) else self._ended(row["state"]),
                "helper": (self.people[row["helper"]], self.places[row["neighbourhood"]]),
                "text": row["text"],
                "sent": row["sent"],
            }
            for row in rows(self.house, "SELECT * FROM help_offer")
            if self._was_accepted(self.offers[row["id"]]) or not self._was_withdrawn(self.offers[row["id"]])
        }

    def _was_accepted(self, offer: str) -> bool:
        return any(talk.about == offer for talk in self.life.book.of("talk"))

    def _ended(self, state: str) -> tuple[str, None]:
        """How an offer ended whose request is gone: it did, whatever was heard first."""
        return ("over" if state in {"refused", "lapsed"} else state, None)

    def _was_withdrawn(self, offer: str) -> bool:
        """Whether who offered took it back, perhaps before it was said or while it was answered."""
        thing = self.life.book.things.get(offer)
        return thing is None or self.life.is_withdrawn(thing)

    def all_talks(self) -> Picture:
        said: dict[int, list[Any]] = {}
        for row in rows(self.house, "SELECT * FROM private_message WHERE text != ''"):
            said.setdefault(row["thread"], []).append(
                (row["text"], self.people[row["author"]], row["part"], row["sent"])
            )
        met: dict[int, list[Any]] = {}
        for row in rows(self.house, "SELECT * FROM meeting"):
            met.setdefault(row["thread"], []).append((self.people[row["account"]], row["answer"]))
        return {
            f"talk {self.talks[row['id']]}": {
                "of": (self.people[row["asker"]], self.people[row["helper"]], self.offers[row["offer"]]),
                "over": row["ended_at"] is not None,
                "left by": self.people.get(row["left_by"]),
                "erased": row["erased_at"] is not None,
                "said": sorted(said.get(row["id"], [])),
                "met": sorted(met.get(row["id"], [])),
            }
            for row in rows(self.house, "SELECT * FROM private_thread")
        }

    def thanks(self) -> Picture:
        given: dict[str, list[str]] = {}
        for row in rows(self.house, "SELECT * FROM thanks"):
            if self.is_there(row["post"]):
                given.setdefault(f"thanks {self.posts[row['post']]}", []).append(self.people[row["account"]])
        return {label: sorted(names) for label, names in given.items()}

    def told(self) -> Picture:
        """What people heard: of things that are still there, and how often."""
        heard: dict[str, Counter[Any]] = {}
        for row in rows(self.house, "SELECT * FROM notification"):
            about = self._what(row["kind"], row["object"])
            if about is not None and not self._is_taken_back(row["kind"], about, self.people.get(row["actor"])):
                told = heard.setdefault(f"told {self.people[row['account']]}", Counter())
                told[row["kind"], about, self.people.get(row["actor"])] += 1
        return {name: sorted(told.items(), key=repr) for name, told in heard.items()}

    def _what(self, kind: str, about: int) -> str | None:
        if kind.startswith(("peer-", "link", "keeper")):
            return ""
        if kind.startswith("report"):
            return "report"
        return self.posts[about] if self.is_there(about) else None

    def _is_taken_back(self, kind: str, about: str, actor: str | None) -> bool:
        """Whether what somebody heard of may have been taken back before it was said."""
        book = self.life.book
        if kind in {"offer", "offer-taken-back"}:
            mine = [offer for offer in book.of("offer") if (offer.about, offer.by) == (about, actor)]
            return any(self.life.is_withdrawn(offer) for offer in mine)
        if kind == "message" and actor in self.life.left:
            return True
        if kind == "reply":
            mine = [one for one in book.of("reply") if (one.root, one.by) == (about, actor)]
            return any(not self._is_at_home(label) for one in mine for label in (one.label, one.about))
        return kind == "thanks" and actor not in self.thanks().get(f"thanks {about}", [])

    def reports(self) -> Picture:
        filed = [
            (
                self.places[row["neighbourhood"]],
                self.people.get(row["reporter"]),
                self.people[row["reported"]],
                self.posts.get(row["post"]),
                self.talks.get(row["thread"]),
                (row["reason"], row["text"], row["state"], row["answer"]),
            )
            for row in rows(self.house, "SELECT * FROM report")
            if self._is_at_home(self.life.reported.get(row["text"]))
        ]
        return {"reports": sorted(filed, key=repr)}

    def _is_at_home(self, label: str | None) -> bool:
        if label is None:  # about what two said to each other
            return True
        thing = self.life.book.things[label]
        home = self.life.world.houses[thing.house]
        gone = "SELECT 1 FROM post WHERE id IN (?, ?) AND deleted_at IS NOT NULL"
        return not rows(home, gone, thing.id, self.life.book.things[thing.root].id)

    def relations(self) -> Picture:
        blocked = rows(self.house, "SELECT * FROM block")
        peers = rows(self.house, "SELECT * FROM peer")
        pairs = rows(self.house, 'SELECT writer, reader FROM pair WHERE "until" IS NULL')
        granted = rows(self.house, "SELECT peer, ours, scopes FROM agreement")
        names = {row["id"]: row["host"].partition(".")[0] for row in peers}
        return {
            "blocked": sorted((self.people[row["account"]], self.people[row["other"]]) for row in blocked),
            "peers": sorted((names[row["id"]], row["state"], row["trust"]) for row in peers),
            "pairs": sorted((self.places[row["writer"]], self.places[row["reader"]]) for row in pairs),
            "granted": sorted((names[row["peer"]], row["ours"], row["scopes"]) for row in granted),
        }

    def readers(self) -> Picture:
        """Which residents may see what is there, by the one rule."""
        seen: Picture = {}
        for post_id, row in self._posts.items():
            if self.is_there(post_id):
                seen[f"seen {self.posts[post_id]}"] = [
                    person.name for person in self.life.residents(self.house.name) if self._sees(person.viewer, row)
                ]
        return seen

    def _sees(self, viewer: Any, row: dict[str, Any]) -> bool:
        try:
            self.house.read(posts.get, post_id=row["id"], viewer=viewer)
        except NotFound:
            return False
        return True

    def picture(self) -> Picture:
        """All of it."""
        parts = (
            self.shown_posts,
            self.requests,
            self.all_offers,
            self.all_talks,
            self.thanks,
            self.told,
            self.reports,
            self.relations,
            self.readers,
        )
        return {name: value for part in parts for name, value in part().items()}


def picture(life: Life) -> Picture:
    """All servers, as far as they can be seen."""
    return {
        f"{house.name}: {name}": value
        for house in life.world.houses.values()
        for name, value in Glass(life, house).picture().items()
    }


def differences(wanted: Picture, found: Picture) -> list[str]:
    """What is not as it should be, a line each."""
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        before, after = wanted.get(name), found.get(name)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            lines += [f"{name} {key}: {before[key]!r} != {after[key]!r}" for key in before if before[key] != after[key]]
        else:
            lines.append(f"{name}: {before!r} != {after!r}")
    return lines
