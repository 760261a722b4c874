"""What must be true of every server in the end, whatever happened on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.histories.acts_help import secret
from tests.histories.state import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.histories.acts import Act
    from tests.histories.houses import House
    from tests.histories.life import Life

_WAITING = {
    "waits to be sent": "SELECT verb, object FROM delivery WHERE state = 'waiting'",
    "waits to be read": "SELECT uri, reason FROM inbound WHERE state IN ('waiting', 'parked')",
    "waits to be asked for": "SELECT peer, last_error FROM heard WHERE behind OR ask_at IS NOT NULL",
    "waits to be done": "SELECT kind, last_error FROM job WHERE state != 'discarded' OR kind != 'peer.meet'",
}
# why something that arrived, or was sent, may have come to nothing: the code of the reason, and what it means
EXPLAINED = {
    "removed": "it speaks of what was removed meanwhile",
    "taken-back": "it was taken back before it was read",
    "resident-unknown": "whom it concerned has left",
    "actor-missing": "who said it has left, and nothing of it was told here before",
}
# while two do not agree; what is to be heard later is said anew when they do
PARTED = {
    "peering-required": "it was said to who was a neighbour, and is read by who is none",
    "scope-not-granted": "the same, of who agreed again and not yet to this",
    "actor-unvouched": "it was said by somebody of a server that this one has parted from",
    "not-agreed": "a yes came to who had parted again",
    "not-paired": "it was said for a neighbourhood that is none next door any more",
}


def faults(life: Life, acts: Iterable[Act], *, of: str = "") -> list[str]:
    """What is not as it must be, a line each; with `of` on that server alone."""
    done = list(acts)
    houses = [house for house in life.world.houses.values() if of in {"", house.name}]
    found = [line for house in houses for line in (*_left_over(house), *_dead_letters(house, parted=life.has_parted))]
    for house in houses:
        kept = house.database.copied()
        found += [f"{house.name}: still has {words!r}" for words in _gone(life, done) if _has(house, kept, words)]
        found += [
            f"{house.name}: was told {words!r}" for words in _not_for(life, done, house) if words.encode() in kept
        ]
    return found


def _has(house: House, kept: bytes, words: str) -> bool:
    """Whether a server has these words. What it could not prove, since who said it had left, keeps them a while."""
    said = words.encode()
    unproved = rows(house, "SELECT body FROM inbound WHERE state = 'refused' AND reason LIKE 'actor-missing%'")
    return kept.count(said) > sum(one["body"].count(said) for one in unproved)


def _left_over(house: House) -> list[str]:
    return [f"{house.name}: {what}: {row}" for what, sql in _WAITING.items() for row in rows(house, sql)]


def _dead_letters(house: House, *, parted: bool) -> list[str]:
    """What was refused, or given up, without a reason that is known."""
    known = EXPLAINED | (PARTED if parted else {})
    letters = rows(house, "SELECT uri, state, reason FROM inbound WHERE state IN ('refused', 'dead', 'ignored')")
    letters = [one for one in letters if (one["reason"] or "").partition(":")[0] not in known]
    sent = rows(
        house,
        "SELECT verb, object, state, last_error FROM delivery WHERE state IN ('refused', 'expired')"
        " AND last_error != 'answered 403'",  # said before they agreed too; it is said anew then
    )
    return [f"{house.name}: {one}" for one in (*letters, *sent)]


def _gone(life: Life, acts: list[Act]) -> Iterator[str]:
    """All that was said by who left, and in what was removed: no server has a byte of it."""
    removed = {act.on for act in acts if act.kind == "remove"}
    helped = {life.book.things[act.on].root for act in acts if act.kind == "accept"}
    for act in acts:
        taken = act.by in life.left and act.kind not in {"report", "complain"}
        if taken or (act.makes in removed and act.kind in {"tell", "reply", "ask"}) or _rewrites(act, removed):
            yield act.words
        # what was handed over is one of the words of two people
        request = act.makes if act.kind == "ask" else act.on
        if act.kind in {"ask", "note"} and (act.by in life.left or request in removed - helped):
            yield secret(act)


def _rewrites(act: Act, removed: set[str]) -> bool:
    return act.kind == "edit" and act.on in removed


def _not_for(life: Life, acts: list[Act], house: House) -> Iterator[str]:
    """What was said to one neighbourhood of another server, and the notes of requests that nobody here helps with."""
    chosen = [life.book.things[act.on] for act in acts if act.kind == "accept"]
    helpers = {(offer.root, offer.house) for offer in chosen}
    for act in acts:
        if life.person(act.by).house == house.name:
            continue
        if act.kind in {"tell", "ask"} and act.more[0] == "neighbourhood":
            yield act.words
        if act.kind in {"ask", "note"} and (act.makes if act.kind == "ask" else act.on, house.name) not in helpers:
            yield secret(act)
