"""The life of a help request, and of an offer.

                    ┌────────── release ──────────┐
                    ▼                             │
    ask ──────▶   OPEN  ──── accept an offer ──▶ CLAIMED
                   │ │ │                         │ │ │
          resolve ─┘ │ └─ until has passed       │ │ └─ until has passed ──▶ EXPIRED
                     └─ withdraw                 │ └─ withdraw ───────────▶ WITHDRAWN
                                                 └─ resolve ──────────────▶ RESOLVED

    offer ──▶ WAITING ──▶ ACCEPTED | REFUSED | WITHDRAWN (taken back) | LAPSED (72 hours)
                          ACCEPTED ──▶ WITHDRAWN (dropped out) | REFUSED (let go)

Any number of offers may wait; accepting one refuses the others. Only the home of a request decides about it: next door
a mirror follows, by revision. Closed states are final.
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

MOST_LINE = 200
MOST_NOTE = 2000
MOST_OFFER = 500
MOST_AREA = 80
LONGEST = timedelta(days=14)
OFFER_WAITS = timedelta(hours=72)


class State(enum.StrEnum):
    """Where a request stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


LIVE = frozenset({State.OPEN, State.CLAIMED})
_ALLOWED: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.CLAIMED, State.RESOLVED, State.WITHDRAWN, State.EXPIRED}),
    State.CLAIMED: frozenset({State.OPEN, State.RESOLVED, State.WITHDRAWN, State.EXPIRED}),
    State.RESOLVED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
}


def may_follow(before: State, after: State) -> bool:
    """Whether a request may go from one state straight to another."""
    return after in _ALLOWED[before]


class HelpCategory(enum.StrEnum):
    """What kind of help."""

    CARRYING = "carrying"
    ERRAND = "errand"
    COMPANY = "company"
    REPAIR = "repair"
    TRANSPORT = "transport"
    ANIMALS = "animals"
    PAPERS = "papers"
    OTHER = "other"


class OfferState(enum.StrEnum):
    """Where an offer stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Outcome(enum.StrEnum):
    """How a request ended, in the asker's words."""

    WITH_NEIGHBOUR = "with-neighbour"
    OTHERWISE = "otherwise"
    NO_LONGER_NEEDED = "no-longer-needed"


class Sent(enum.StrEnum):
    """How far something got that must reach another neighbourhood's server."""

    SENDING = "sending"
    TROUBLE = "trouble"
    ARRIVED = "arrived"
    FAILED = "failed"


class Met(enum.StrEnum):
    """An answer to "did you meet?"."""

    YES = "yes"
    NO = "no"
    RATHER_NOT = "rather-not"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpRequest:
    """The promise that a post tells."""

    post: int
    state: State
    revision: int
    category: HelpCategory
    area: str
    until: datetime
    asked_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    offer: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Somebody said "I can help"."""

    id: int
    request: int
    helper: int
    neighbourhood: int
    text: str
    state: OfferState
    reason: str | None
    offered_at: datetime
    answered_at: datetime | None
    expires_at: datetime
    uri: str | None
    sent: Sent | None
    sent_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PrivateThread:
    """The private thread of an asker and the accepted helper."""

    id: int
    offer: int
    request: int
    asker: int
    helper: int
    uri: str | None
    opened_at: datetime
    ended_at: datetime | None
    left_by: int | None
    erased_at: datetime | None

    def other(self, account: int) -> int:
        """The one of the two that this account is not."""
        return self.helper if account == self.asker else self.asker


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a private thread; `part` is `note` for the request's note, handed over."""

    id: int
    thread: int
    author: int
    part: str
    text: str
    at: datetime
    uri: str | None
    sent: Sent | None
    sent_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpAsked(Fact):
    """A resident of ours asked for help."""

    kind: ClassVar[str] = "help.asked"
    category: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpOffered(Fact):
    """Somebody offered help to a request of ours; the first tells how long the first answer took."""

    kind: ClassVar[str] = "help.offered"
    offer: int
    asker: int
    helper: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpOfferSent(Fact):
    """A resident of ours offered help to a request of another server."""

    kind: ClassVar[str] = "help.offer-sent"
    offer: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpOfferTakenBack(Fact):
    """An offer was taken back before it was answered. `sent`: the request is another server's."""

    kind: ClassVar[str] = "help.offer-taken-back"
    offer: int
    asker: int
    helper: int
    sent: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpOfferRefused(Fact):
    """An offer to a request of ours was refused, and why."""

    kind: ClassVar[str] = "help.offer-refused"
    offer: int
    asker: int
    helper: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpOfferLapsed(Fact):
    """An offer waited 72 hours without an answer."""

    kind: ClassVar[str] = "help.offer-lapsed"
    offer: int
    helper: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpClaimed(Fact):
    """An offer was accepted: somebody is coming."""

    kind: ClassVar[str] = "help.claimed"
    offer: int
    thread: int
    revision: int
    asker: int
    helper: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpReleased(Fact):
    """The helper dropped out or was let go: the request is open again."""

    kind: ClassVar[str] = "help.released"
    offer: int
    revision: int
    asker: int
    helper: int
    by_helper: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpResolved(Fact):
    """The asker said how it ended."""

    kind: ClassVar[str] = "help.resolved"
    outcome: str
    revision: int
    asker: int
    thread: int | None
    helper: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpWithdrawn(Fact):
    """A request was taken back; `helper` is who had been accepted."""

    kind: ClassVar[str] = "help.withdrawn"
    revision: int
    asker: int
    helper: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpExpired(Fact):
    """The time of a request has passed; `helper` is who had been accepted."""

    kind: ClassVar[str] = "help.expired"
    revision: int
    asker: int
    helper: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpMirrored(Fact):
    """A request of another server arrived. No measure counts it."""

    kind: ClassVar[str] = "help.mirrored"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpMirrorChanged(Fact):
    """A request of another server is in another state now; `helper` is our resident who had been accepted."""

    kind: ClassVar[str] = "help.mirror-changed"
    state: str
    asker: int
    helper: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferAccepted(Fact):
    """The other server said: your resident's offer is accepted."""

    kind: ClassVar[str] = "help.offer-accepted-there"
    offer: int
    asker: int
    helper: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferRefused(Fact):
    """The other server said no to an offer of our resident, or let a helper of ours go."""

    kind: ClassVar[str] = "help.offer-refused-there"
    offer: int
    asker: int
    helper: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MessageSaid(Fact):
    """One of the two said something in private."""

    kind: ClassVar[str] = "help.message-said"
    thread: int
    author: int
    to: int
    part: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MessageArrived(Fact):
    """Something said in private arrived from another server."""

    kind: ClassVar[str] = "help.message-arrived"
    thread: int
    author: int
    to: int
    part: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HelpConfirmed(Fact):
    """The asker next door said that our resident's help came."""

    kind: ClassVar[str] = "help.confirmed"
    thread: int
    asker: int
    helper: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MeetingAnswered(Fact):
    """One side answered whether the two met."""

    kind: ClassVar[str] = "meeting.answered"
    thread: int
    answer: str
