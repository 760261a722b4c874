"""The room where the ledger is read for people: what became of each letter, and how sending to a host goes.

Whoever looks after a server learns what a letter is about in a word, and when it was written; whose it is and what it
says stays where the audience is. What may be done about letters is in `handling`.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import causes, streams
from fedhood.adapters.activitypub.hosts import PARKED_AFTER
from fedhood.adapters.activitypub.outbox import HELD, SAID, WAITING, goes_on
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.adapters.activitypub.troubles import REFUSING_AFTER
from fedhood.core import peers
from fedhood.core.deliveries import Cause, Fate, Letter, Matter, Place, Standing, Verdict, Which
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# how many letters are looked back at to say how many of them arrived
LATELY = 500
_AGAIN = frozenset({"refused", "expired", causes.FORGOTTEN})
_LOST = ("refused", "expired", "dropped", causes.FORGOTTEN)

_COLUMNS = (
    DeliveryTable.peer,
    DeliveryTable.epoch,
    DeliveryTable.number,
    DeliveryTable.verb,
    DeliveryTable.object,
    DeliveryTable.version,
    DeliveryTable.attempts,
    DeliveryTable.activity,
    DeliveryTable.state,
    DeliveryTable.last_error,
    DeliveryTable.at,
    DeliveryTable.done_at,
)
_HOST = Compiled(
    lambda: HostTable.select(
        HostTable.failures,
        HostTable.next_at,
        HostTable.last_ok,
        HostTable.last_error,
        HostTable.trouble_since,
        HostTable.failed_days,
        HostTable.paused_at,
        HostTable.refusals,
    ).where(HostTable.peer == hole("peer"))
)
_NEVER_SENT = (0, None, None, None, None, 0, None, 0)


class Host:
    """How sending to one host goes, as its row says it."""

    def __init__(self, db: peewee.Database, peer_id: int) -> None:
        row = _HOST.row(db, peer=peer_id) or _NEVER_SENT
        self.failures, self.last_error, self.failed_days, self.refusals = row[0], row[3], row[5], row[7]
        self.next_at, self.last_ok, self.trouble_since, self.paused_at = (_moment(row[place]) for place in (1, 2, 4, 6))

    def verdict(self, now: datetime, *, held: bool = False) -> Verdict:
        """What is to be said of something that waits for this host. `held`: it was put aside."""
        since = self.trouble_since if self.failures else None
        if self.paused_at is not None:
            return Verdict(fate=Fate.WAITING, cause=Cause.PAUSED, since=since)
        if held:
            return Verdict(fate=Fate.WAITING, cause=Cause.KEY_IN_QUESTION, since=since)
        if not self.failures:
            return Verdict(fate=Fate.WAITING, cause=Cause.IN_TURN, next_try=now)
        next_try = max(self.next_at or now, now)
        return Verdict(fate=Fate.WAITING, cause=causes.of_reason(self.last_error), next_try=next_try, since=since)


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)


# -- letters -----------------------------------------------------------------------------------------------------------


def _page(*conditions: Any) -> Compiled:
    place = peewee.Tuple(DeliveryTable.epoch, DeliveryTable.number)
    return Compiled(
        lambda: (
            DeliveryTable.select(*_COLUMNS)
            .where(DeliveryTable.peer == hole("peer"), place < peewee.Tuple(hole("epoch"), hole("number")), *conditions)
            .order_by(DeliveryTable.epoch.desc(), DeliveryTable.number.desc())
            .limit(hole("limit"))
        )
    )


def is_in(state: str) -> tuple[Any, ...]:
    """A state as a literal, with the condition of the index that holds it: or the partial index is not used."""
    one = DeliveryTable.state == peewee.SQL(f"'{state}'")
    return (one,) if state == WAITING else (one, peewee.SQL("state NOT IN ('waiting', 'done')"))


# each state has its own part of an index; a list of several is merged from them
_ALL = _page()
_OF_STATE = {state: _page(*is_in(state)) for state in (WAITING, HELD, *_LOST)}
_PAGES: dict[Which, tuple[Compiled, ...]] = {
    Which.ALL: (_ALL,),
    Which.WAITING: (_OF_STATE[WAITING], _OF_STATE[HELD]),
    Which.LOST: tuple(_OF_STATE[state] for state in _LOST),
}
_BEYOND = Place(2**31 - 1, 2**31 - 1)
_ONE = Compiled(
    lambda: DeliveryTable.select(*_COLUMNS).where(
        DeliveryTable.peer == hole("peer"),
        DeliveryTable.epoch == hole("epoch"),
        DeliveryTable.number == hole("number"),
    )
)
_ABOUT = Compiled(
    lambda: (
        DeliveryTable.select(*_COLUMNS)
        .where(DeliveryTable.object == hole("object"))
        .order_by(DeliveryTable.peer, DeliveryTable.epoch, DeliveryTable.number)
    )
)


def listed(
    db: peewee.Database, peer_id: int, now: datetime, *, which: Which, before: Place | None, limit: int
) -> list[Letter]:
    """The letters of a peer, the newest first, below a place."""
    top = before or _BEYOND
    parts = [query.rows(db, peer=peer_id, epoch=top.epoch, number=top.number, limit=limit) for query in _PAGES[which]]
    rows = itertools.islice(heapq.merge(*parts, key=lambda row: (-row[1], -row[2])), limit)
    host = Host(db, peer_id)
    return [_letter(row, host, now) for row in rows]


def letter(db: peewee.Database, peer_id: int, place: Place, now: datetime) -> Letter:
    """One letter. Raises NotFound."""
    row = row_of(db, peer_id, place)
    return dataclasses.replace(_letter(row, Host(db, peer_id), now), may_again=may_again(db, row, now))


def may_again(db: peewee.Database, row: tuple[Any, ...], now: datetime) -> bool:
    """Whether a post, an answer or a request did not arrive, was not said anew since, and may still be read there."""
    if row[8] not in _AGAIN or row[3] not in SAID:
        return False
    said = [
        one
        for one in _ABOUT.rows(db, object=row[4])
        if (one[0], one[3]) == (row[0], row[3]) and one[8] in {WAITING, HELD, "done"} and one[1:3] > row[1:3]
    ]
    try:
        return not said and streams.may_go(db, delivery_of(row), now)
    except (NotFound, Gone):
        return False


def row_of(db: peewee.Database, peer_id: int, place: Place) -> tuple[Any, ...]:
    """One row of the ledger. Raises NotFound."""
    row = _ONE.row(db, peer=peer_id, epoch=place.epoch, number=place.number)
    if row is None:
        raise NotFound
    return row


def same(db: peewee.Database, peer_id: int, place: Place, now: datetime) -> list[Letter]:
    """The same thing as it goes to other peers, by peer. Raises NotFound."""
    verb, about, version = row_of(db, peer_id, place)[3:6]
    found = {
        row[0]: row
        for row in _ABOUT.rows(db, object=about)
        if row[0] != peer_id and (row[3], row[5]) == (verb, version)
    }
    return [_letter(row, Host(db, peer), now) for peer, row in found.items()]


def told(db: peewee.Database, post_id: int, now: datetime) -> dict[int, Sequence[Verdict]]:
    """What became of a post or request of ours, by peer: of each version that was to go there, the oldest first."""
    found: dict[int, list[Verdict]] = {}
    hosts: dict[int, Host] = {}
    for row in _ABOUT.rows(db, object=post_id):
        peer, verb = row[0], row[3]
        if verb in SAID:
            host = hosts.setdefault(peer, Host(db, peer))
            found.setdefault(peer, []).append(_verdict(row, host, now))
    return {peer: tuple(verdicts) for peer, verdicts in found.items()}


def _letter(row: tuple[Any, ...], host: Host, now: datetime) -> Letter:
    return Letter(
        peer=row[0],
        place=Place(row[1], row[2]),
        matter=causes.matter_of(row[3]),
        at=from_milliseconds(row[10]),
        attempts=row[6],
        verdict=_verdict(row, host, now),
        may_forget=may_forget(row),
    )


def may_forget(row: tuple[Any, ...]) -> bool:
    """Whether a letter waits, and is one that somebody may decide not to send: what is taken back is always told."""
    return row[8] in {WAITING, HELD} and not goes_on(row[3])


def _verdict(row: tuple[Any, ...], host: Host, now: datetime) -> Verdict:
    state, reason, done_at = row[8], row[9], _moment(row[11])
    fate = causes.FATES[state]
    if fate is Fate.WAITING:
        return host.verdict(now, held=state == HELD)
    return Verdict(fate=fate, cause=None if fate is Fate.ARRIVED else causes.of_reason(reason), at=done_at)


# -- how it goes -------------------------------------------------------------------------------------------------------


def _how_much(state: str) -> Compiled:
    """How much is in a state, and since when, by verb."""
    since = peewee.fn.MIN(DeliveryTable.at)
    return Compiled(
        lambda: (
            DeliveryTable.select(DeliveryTable.verb, peewee.fn.COUNT(DeliveryTable.number), since)
            .where(DeliveryTable.peer == hole("peer"), *is_in(state))
            .group_by(DeliveryTable.verb)
        )
    )


_UNSENT = (_how_much(WAITING), _how_much(HELD))
_LATELY = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.state)
        .where(DeliveryTable.peer == hole("peer"))
        .order_by(DeliveryTable.epoch.desc(), DeliveryTable.number.desc())
        .limit(LATELY)
    )
)


def standing(db: peewee.Database, peer_id: int, now: datetime) -> Standing:
    """How sending to a peer goes."""
    host = Host(db, peer_id)
    waiting, held = (query.rows(db, peer=peer_id) for query in _UNSENT)
    unsent = [*waiting, *held]
    lately = [causes.FATES[state] for (state,) in _LATELY.rows(db, peer=peer_id)]
    return Standing(
        peer=peer_id,
        waiting=sum(number for _, number, _ in unsent),
        oldest=min((from_milliseconds(at) for _, _, at in unsent), default=None),
        of_last=len(lately),
        arrived=lately.count(Fate.ARRIVED),
        lost=sum(fate not in {Fate.ARRIVED, Fate.WAITING} for fate in lately),
        last_ok=host.last_ok,
        verdict=host.verdict(now, held=bool(held) or peers.is_suspended(db, peer_id)),
        paused_at=host.paused_at,
        parked=host.failed_days >= PARKED_AFTER,
        refusing=host.refusals >= REFUSING_AFTER,
        forgettable=sum(number for verb, number, _ in unsent if not goes_on(verb)),
    )


def what_waits(db: peewee.Database, peer_id: int) -> dict[Matter, int]:
    """What `forget_all` would drop now, counted by what it is about."""
    found: Counter[Matter] = Counter()
    for query in _UNSENT:
        for verb, number, _ in query.rows(db, peer=peer_id):
            if not goes_on(verb):
                found[causes.matter_of(verb)] += number
    return dict(found)


def forgettable(db: peewee.Database, peer_id: int) -> list[str]:
    """The verbs of what waits for a peer and need not be said."""
    return sorted({verb for query in _UNSENT for verb, _, _ in query.rows(db, peer=peer_id) if not goes_on(verb)})


def delivery_of(row: tuple[Any, ...]) -> Delivery:
    """A row of the ledger as what is sent."""
    return Delivery(*row[:8])
