"""What became of what another server is to get: closed lists, so that each has its words on every page.

Nothing here names who wrote, or what. Whoever looks after a server is no reader of what goes between neighbourhoods.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Fate(enum.StrEnum):
    """What became of one letter."""

    ARRIVED = "arrived"
    WAITING = "waiting"
    REFUSED = "refused"  # by the other side, for good
    NOT_SENT = "not-sent"  # by us, for good
    FORGOTTEN = "forgotten"  # by somebody here, for good


class Cause(enum.StrEnum):
    """Why a letter waits, or did not arrive. Each has words and an advice; a server's own words are none of them."""

    # it waits for nothing but its turn
    IN_TURN = "in-turn"
    # somebody here, or a person's word, is waited for
    PAUSED = "paused"
    KEY_IN_QUESTION = "key-in-question"
    # the other server is not reached
    NO_SUCH_NAME = "no-such-name"
    NO_NAME_SERVER = "no-name-server"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden-address"
    TIMEOUT = "timeout"
    CERTIFICATE_LAPSED = "certificate-lapsed"
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    CERTIFICATE_NAME = "certificate-name"
    CERTIFICATE_TOO_NEW = "certificate-too-new"
    NO_SAFE_CONNECTION = "no-safe-connection"
    STRANGE_ANSWER = "strange-answer"
    NO_INBOX = "no-inbox"
    # it answers "later"
    STOPPED = "stopped"
    BROKEN_THERE = "broken-there"
    TOO_MUCH_AT_ONCE = "too-much-at-once"
    LATER = "later"
    NOT_RECOGNISED = "not-recognised"
    OUR_KEY_IN_QUESTION = "our-key-in-question"
    CLOCK_SLOW = "clock-slow"
    CLOCK_FAST = "clock-fast"
    # it answers "no"
    NOT_ALLOWED = "not-allowed"
    NOT_FOUND = "not-found"
    GONE = "gone"
    TOO_LARGE = "too-large"
    NOT_UNDERSTOOD = "not-understood"
    # we do not send it
    TOO_OLD = "too-old"
    ENDED = "ended"
    NOT_COVERED = "not-covered"
    TAKEN_BACK = "taken-back"
    NOT_TO_BE_SAID = "not-to-be-said"
    FAULT = "fault"
    FORGOTTEN = "forgotten"


class Matter(enum.StrEnum):
    """What a letter is about, as far as it is told to whoever looks after a server."""

    POST = "post"
    ANSWER = "answer"
    REQUEST = "request"
    THANKS = "thanks"
    BETWEEN_TWO = "between-two"
    TAKEN_BACK = "taken-back"
    REPORT = "report"
    FIGURES = "figures"
    CITY = "city"
    PEERING = "peering"
    FOLLOWING = "following"


class Which(enum.StrEnum):
    """Which letters of a peer are listed."""

    ALL = "all"
    WAITING = "waiting"
    LOST = "lost"  # refused, not sent, forgotten


class Place(NamedTuple):
    """The place of a letter in the stream to its peer."""

    epoch: int
    number: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a letter. `at`: when that was settled. `cause`: None for what arrived.

    `next_try`: of what waits, when it is tried again; None while that depends on somebody. `since`: since when its
    server gives no answer.
    """

    fate: Fate
    cause: Cause | None = None
    at: datetime | None = None
    next_try: datetime | None = None
    since: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One thing that a peer is to get. `may_forget`: somebody may decide that it is not sent.

    `may_again`: it did not arrive, and may be sent once more; looked for of a single one alone, not in lists.
    """

    peer: int
    place: Place
    matter: Matter
    at: datetime
    attempts: int
    verdict: Verdict
    may_forget: bool
    may_again: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How sending to a peer goes.

    `waiting` counts what it is still to get, what was put aside included; `oldest` is when the first of it was written.
    `arrived` and `lost` count among the last `of_last` letters. `verdict` is that of the first that waits, or would be.
    `parked`: nothing but failures on seven days, so that it is tried once a day. `refusing`: it said no to the last
    three or more. `forgettable` counts what `forget_all` would drop.
    """

    peer: int
    waiting: int
    oldest: datetime | None
    of_last: int
    arrived: int
    lost: int
    last_ok: datetime | None
    verdict: Verdict
    paused_at: datetime | None
    parked: bool
    refusing: bool
    forgettable: int

    @property
    def is_in_trouble(self) -> bool:
        """Whether its server gave no answer the last time, or one that says "later"."""
        return self.verdict.since is not None
