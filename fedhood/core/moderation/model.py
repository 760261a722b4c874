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
class Action:
    """What a moderator did: `hide`, `restore`, `report-upheld` or `report-rejected`; `object` is the post."""

    id: int
    moderator: int | None
    action: str
    object: int | None
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
