"""What is known of the path of a letter: the closed lists that both sides of it, and the words for people, share. Pure.

    made ──▶ sent (tried, answered) ──▶ arrived ──▶ taken in
    └────────── our half ──────────┘    └── their half ──┘

No part of it holds a word of what was said.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Fate(enum.StrEnum):
    """What became of a letter where it arrived."""

    WAITING = "waiting"
    UNDERSTOOD = "understood"
    REFUSED = "refused"
    IGNORED = "ignored"
    PARKED = "parked"
    DEAD = "dead"


class Reason(enum.StrEnum):
    """Why a letter was not taken in where it arrived, as far as its sender may know it."""

    CLOCK = "clock"  # it was signed by a clock that runs before the reader's
    MISSING = "missing"  # what it speaks about is not there (yet)
    REMOVED = "removed"  # it, or what it speaks about, was taken back
    LATE = "late"  # what it speaks about has gone on without it
    NOT_AGREED = "not-agreed"  # the agreement does not cover it
    NOT_THEIRS = "not-theirs"  # it does what is another's to do, or contradicts what is known
    PROOF = "proof"  # it is not proved to be the word of who is said to say it
    KEY = "key"  # the key that it was proved with is not the one that counts (yet)
    SILENCE = "silence"  # another server has to be asked, and does not answer
    UNREADABLE = "unreadable"  # it is not of the form that it should have
    UNKNOWN_KIND = "unknown-kind"  # it is of a kind that is not known there
    FULL = "full"  # there was no room for it
    FAULT = "fault"  # something went wrong there
    OTHER = "other"


class Way(enum.StrEnum):
    """How something came, and so by what its sender was known.

    Delivered, signed by either scheme; asked for at its own server; or brought by another neighbour, and proved.
    """

    CAVAGE = "cavage"
    RFC9421 = "rfc9421"
    ASKED = "asked"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """The half of a path that is where the letter arrived.

    `settled_at`: when its fate was decided; `again_at`: when it is tried again, None where it is not; `way` is None
    for what came before that was written down.
    """

    arrived_at: datetime
    way: Way | None
    fate: Fate
    reason: Reason | None
    attempts: int
    settled_at: datetime | None
    again_at: datetime | None


class Sending(enum.StrEnum):
    """What became of a letter where it was sent."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    DROPPED = "dropped"
    HELD = "held"  # until two people have compared letters again
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The half of a path that is where the letter was made.

    `peer` is our number of the server that it goes to, `key` the last part of its address (None until its bytes are
    made), `verb` what it is. `ordered_at`: when what it tells happened; `made_at`: when its bytes were made.
    `last_status` and `last_error`: what came of the last attempt; `done_at`: when it was settled; `again_at`: when it
    is tried next, None when nothing holds it up or it is settled.
    """

    peer: int
    epoch: int
    number: int
    verb: str
    key: str | None
    state: Sending
    attempts: int
    last_status: int | None
    last_error: str | None
    ordered_at: datetime
    made_at: datetime | None
    done_at: datetime | None
    again_at: datetime | None


class Told(enum.StrEnum):
    """How far the other side was heard about a letter."""

    NOT_ASKED = "not-asked"
    TOLD = "told"
    NOTHING = "nothing"  # it does not know it (any more), or is too old to say
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The whole way of a letter of ours to one neighbour; `arrived` is there when it was told."""

    sent: Sent
    told: Told
    arrived: Arrived | None = None


class Ending(enum.StrEnum):
    """What would come of something that arrived, if it were read now."""

    TAKEN_IN = "taken-in"
    PUT_OFF = "put-off"  # tried again for a while
    REFUSED = "refused"
    IGNORED = "ignored"
    ASKS = "asks"  # another server would have to be asked first, and in a dry run nobody is
    FAULT = "fault"
    NOT_KEPT = "not-kept"  # its bytes are not here any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that arrived, as it is kept: its number here, and what became of it."""

    id: int
    arrived: Arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a dry run of something that arrived came to. Nothing of it has happened.

    `code`: why not, in the word of the log. `facts`: the kinds of facts that would be stated, with how many; `tables`:
    what would be done to which table, with to how many rows.
    """

    ending: Ending
    reason: Reason | None = None
    code: str = ""
    facts: tuple[tuple[str, int], ...] = ()
    tables: tuple[tuple[str, str, int], ...] = ()
