"""Complaints and what came of them."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

MOST_WORDS = 1000


class Reason(enum.StrEnum):
    """Why somebody complains."""

    UNKIND = "unkind"
    PRIVATE_DETAILS = "private-details"
    DANGEROUS = "dangerous"
    PROFILING = "profiling"
    SPAM = "spam"
    OTHER = "other"


class ReportState(enum.StrEnum):
    """Where a complaint stands."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A complaint, as the moderators of one neighbourhood read it."""

    id: int
    neighbourhood: int
    reporter: int | None
    reported: int
    post: int | None
    thread: int | None
    reason: Reason
    text: str
    filed_at: datetime
    state: ReportState
    answer: str
    closed_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a moderator may hide a post: everywhere here, in these places of ours, or (`log` is 0) not at all.

    `log` is the neighbourhood in whose log it stands.
    """

    log: int
    everywhere: bool
    places: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a moderator did, to which post (`object`) or for whom (`person`).

    `hide`, `restore`, `report-upheld`, `report-rejected`; `link`, `entrust`, `relieve`, `merge`; `rules`.
    """

    id: int
    moderator: int | None
    action: str
    object: int | None
    person: int | None
    reason: str
    at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiled(Fact):
    """Somebody complained. `elsewhere`: about a person of another server, whose moderators are told too."""

    kind: ClassVar[str] = "report.filed"
    report: int
    elsewhere: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportClosed(Fact):
    """The moderators answered a complaint."""

    kind: ClassVar[str] = "report.closed"
    report: int
    outcome: str
    reporter: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LinkMade(Fact):
    """A link was made that signs somebody in once; `by` is None for whoever keeps the machine."""

    kind: ClassVar[str] = "access.link-made"
    account: int
    by: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeeperNamed(Fact):
    """Somebody looks after a neighbourhood from now on; `by` is None for whoever keeps the machine."""

    kind: ClassVar[str] = "keeper.named"
    account: int
    by: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeeperRelieved(Fact):
    """Somebody looks after a neighbourhood no longer."""

    kind: ClassVar[str] = "keeper.relieved"
    account: int
    by: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostHidden(Fact):
    """A post was hidden at its home."""

    kind: ClassVar[str] = "post.hidden"
    author: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostShown(Fact):
    """A post that was hidden is read again."""

    kind: ClassVar[str] = "post.shown"
