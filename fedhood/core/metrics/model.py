"""What is counted, and what becomes of a report: words without a database.

issued here:   COMPILED ──delivered──▶ HANDED_IN ──▶ RECEIVED | REFUSED, with why (and RECEIVED after all)
at the city:   ACCEPTED ──a second one for the same place──▶ REFUSED (fork)
               REFUSED  ──what was wrong is put right──▶ ACCEPTED
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.core.metrics.quarters import Period

# how long an asker has to say that a neighbour helped, and how soon a request can be taken back as if never asked
HELP_COUNTS = timedelta(days=14)
NEVER_ASKED = timedelta(hours=1)


# -- what is counted ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `cap` is the most that one household adds to all its cells together in a quarter.

    A measure without a cap is not counted yet: a report says so (`not-collected`, `module-off`) and has no value.
    """

    name: str
    cells: tuple[str, ...] = ()
    cap: int | None = None


# the one table of measures; what each means is said in docs/metrics.md, and a test compares the two
MEASURES: tuple[Measure, ...] = (
    Measure("households.status", ("dormant", "seen", "contributing"), cap=1),
    Measure("posts.total", cap=3),
    Measure("interactions.kind", ("comment", "like"), cap=20),
    Measure("help.outcome", ("resolved", "not-resolved"), cap=1),
    Measure("households.reached"),
    Measure("households.weekly-active"),
    Measure("posts.category"),
    Measure("help.first-response"),
    Measure("help.resolve-time"),
    Measure("connections.active"),
    Measure("connections.new"),
    Measure("meetings.confirmed"),
    Measure("meetings.attendance"),
    Measure("meetings.estimated"),
    Measure("city-message.households"),
    Measure("moderation.outcome"),
)
CAPS: dict[str, int] = {one.name: one.cap for one in MEASURES if one.cap is not None}
Cell = tuple[str, str]


class Status(enum.StrEnum):
    """What stands behind a figure."""

    NORMAL = "normal"
    ESTIMATED = "estimated"
    SUPPRESSED = "suppressed"
    NOT_COLLECTED = "not-collected"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One number of a report; `value` and `cap` are None where there is none, and `reason` says why."""

    measure: str
    cell: str = ""
    value: int | None = None
    cap: int | None = None
    status: Status = Status.NORMAL
    reason: str = ""


def observations(counted: dict[Cell, int]) -> tuple[Observation, ...]:
    """All that a report says: every cell of every measure, empty ones too, and the measures that are not counted."""
    made: list[Observation] = []
    for measure in MEASURES:
        if measure.cap is None:
            made.append(Observation(measure=measure.name, status=Status.NOT_COLLECTED, reason="module-off"))
            continue
        made += [
            Observation(measure=measure.name, cell=cell, value=counted[measure.name, cell], cap=measure.cap)
            for cell in measure.cells or ("",)
        ]
    return tuple(made)


# -- reports -----------------------------------------------------------------------------------------------------------


class IssuedState(enum.StrEnum):
    """How far a report of ours came."""

    COMPILED = "compiled"
    HANDED_IN = "handed-in"
    RECEIVED = "received"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IssuedReport:
    """A report of ours: counted once, never counted again. `document` and `digest` are known once it was handed in."""

    id: int
    neighbourhood: int
    period: str
    revision: int
    sequence: int
    time_zone: str
    area_key: str
    area_name: str
    households: int
    households_source: str
    households_on: str
    observations: tuple[Observation, ...]
    state: IssuedState
    reason: str
    compiled_at: datetime
    answered_at: datetime | None
    document: bytes | None
    digest: str | None


class ReceivedState(enum.StrEnum):
    """Whether a report that was handed in counts."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Why(enum.StrEnum):
    """Why a report does not count."""

    SIGNATURE = "signature"
    SCHEMA = "schema"
    AREA = "area"
    PERIOD = "period"
    HOUSEHOLDS = "households"
    REVISION = "revision"
    TWICE = "twice"
    GAP = "gap"
    FORK = "fork"


# these may come right by themselves: the city's list is changed, the report before arrives
MAY_COME_RIGHT = frozenset({Why.AREA, Why.PERIOD, Why.HOUSEHOLDS, Why.GAP})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A report as it was handed in: its signature holds and its form is right, nothing else is known yet.

    `raw` are the canonical bytes of the signed document, `digest` is theirs. `previous` is (address, digest).
    """

    uri: str
    raw: bytes
    digest: str
    area_uri: str
    area_name: str
    period: str
    first_day: str
    last_day: str
    time_zone: str
    sequence: int
    previous: tuple[str, str] | None
    revision: int
    supersedes: str | None
    observations: tuple[Observation, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the city says to a report: `why` is None for one that counts. `report` is the row that keeps it."""

    report: int
    digest: str
    why: Why | None
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReport:
    """A report that was handed in, as the city keeps it."""

    id: int
    peer: int
    area: int | None
    uri: str
    digest: str
    period: str
    sequence: int | None
    revision: int | None
    state: ReceivedState
    why: Why | None
    reason: str
    received_at: datetime
    document: bytes
    handed: Handed | None


# -- the city's own list -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AreaEntry:
    """One line of the city's list: a neighbourhood, where it lives on the network, and its official households."""

    name: str
    host: str
    households: int
    source: str
    counted_on: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A neighbourhood that the city expects a report from. `area_uri` is known from its first report on."""

    id: int
    name: str
    host: str
    households: int
    source: str
    counted_on: str
    area_uri: str | None
    added_at: datetime


class AreaState(enum.StrEnum):
    """How an area stands in a quarter."""

    NOT_DUE = "not-due"
    REPORTED = "reported"
    LATE = "late"
    MISSING = "missing"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AreaRow:
    """One line of the overview; `at` is when the report came, or was refused."""

    area: Area
    state: AreaState
    at: datetime | None = None
    why: Why | None = None
    reason: str = ""
    figures: tuple[Observation, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A quarter of the city. Totals are over the areas that reported, and over no others.

    `unlisted` are the hosts of reports about neighbourhoods that the city's list does not know.
    """

    period: Period
    rows: tuple[AreaRow, ...]
    totals: dict[Cell, int]
    unlisted: tuple[str, ...] = ()

    @property
    def reported(self) -> int:
        """How many areas reported."""
        return sum(row.state is AreaState.REPORTED for row in self.rows)

    @property
    def households(self) -> int:
        """The official households of all areas."""
        return sum(row.area.households for row in self.rows)

    @property
    def households_reported(self) -> int:
        """The official households of the areas that reported."""
        return sum(row.area.households for row in self.rows if row.state is AreaState.REPORTED)

    @property
    def percent(self) -> int:
        """The share of households that lives in areas that reported, rounded down: 100 means all."""
        return 100 * self.households_reported // self.households if self.households else 0


# -- facts -------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportCompiled(Fact):
    """A quarter was counted; the report waits for the city."""

    kind: ClassVar[str] = "metrics.compiled"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportReceived(Fact):
    """A neighbourhood's report counts; the neighbourhood is told."""

    kind: ClassVar[str] = "metrics.received"
    peer: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefusedHere(Fact):
    """A neighbourhood's report does not count; the neighbourhood is told why."""

    kind: ClassVar[str] = "metrics.refused-here"
    peer: int
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptArrived(Fact):
    """The city has our report."""

    kind: ClassVar[str] = "metrics.receipt"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportRefused(Fact):
    """The city does not take our report."""

    kind: ClassVar[str] = "metrics.refused"
