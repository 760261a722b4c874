"""Quarters of a time zone, pure.

A quarter is over at `end`. Until the cut-off spam is removed, thanks are taken back and help comes; only then is it
counted, once. From `due` on the city calls a report that is not there late, from `missing_at` on missing.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

CUT_OFF_DAYS = 14
CUT_OFF_HOUR = time(4)
DUE_DAYS = 15
MISSING_DAYS = DUE_DAYS + 14

_QUARTER = re.compile(r"(20[0-9]{2})-Q([1-4])", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A calendar quarter in a time zone. All its moments are UTC, all its days local."""

    year: int
    quarter: int
    zone: ZoneInfo

    @property
    def id(self) -> str:
        """What it is called: `2026-Q4`."""
        return f"{self.year}-Q{self.quarter}"

    @property
    def first_day(self) -> date:
        """The first day."""
        return date(self.year, 3 * self.quarter - 2, 1)

    @property
    def last_day(self) -> date:
        """The last day."""
        return self.following().first_day - timedelta(days=1)

    @property
    def start(self) -> datetime:
        """The first moment."""
        return self._moment(self.first_day)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self._moment(self.following().first_day)

    @property
    def cut_off(self) -> datetime:
        """When it is counted: 14 days after the end, at four in the night. What happens later changes nothing."""
        return self._after_end(CUT_OFF_DAYS, CUT_OFF_HOUR)

    @property
    def due(self) -> datetime:
        """When the city expects the report: 15 days after the end. From then on one that is not there is late."""
        return self._after_end(DUE_DAYS)

    @property
    def missing_at(self) -> datetime:
        """When a late report counts as missing: 14 days after it was due."""
        return self._after_end(MISSING_DAYS)

    def closed_before(self, now: datetime) -> bool:
        """Whether the cut-off has passed."""
        return now >= self.cut_off

    def following(self) -> Period:
        """The next quarter."""
        return dataclasses.replace(self, year=self.year + self.quarter // 4, quarter=self.quarter % 4 + 1)

    def preceding(self) -> Period:
        """The quarter before."""
        return dataclasses.replace(self, year=self.year - (self.quarter == 1), quarter=(self.quarter - 2) % 4 + 1)

    def _after_end(self, days: int, hour: time = time()) -> datetime:
        return self._moment(self.following().first_day + timedelta(days=days), hour)

    def _moment(self, day: date, hour: time = time()) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)


def period(id: str, zone: ZoneInfo) -> Period:
    """The quarter that is called so. Raises Invalid for anything else."""
    found = _QUARTER.fullmatch(id)
    if found is None:
        raise Invalid(f"{id[:20]!r} is no quarter such as 2026-Q4", code="period")
    return Period(int(found[1]), int(found[2]), zone)


def period_of(moment: datetime, zone: ZoneInfo) -> Period:
    """The quarter that a moment lies in."""
    here = moment.astimezone(zone)
    return Period(here.year, (here.month + 2) // 3, zone)
