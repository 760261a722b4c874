"""Rows into values and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from fedhood.core.metrics.model import (
    Area,
    Handed,
    IssuedReport,
    IssuedState,
    Observation,
    ReceivedReport,
    ReceivedState,
    Status,
    Why,
)
from fedhood.core.metrics.tables import CityAreaTable, CityAreaVersionTable, IssuedReportTable, ReceivedReportTable
from fedhood.kernel.facts import FactTable

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

# -- figures -----------------------------------------------------------------------------------------------------------


def figures_json(figures: tuple[Observation, ...]) -> list[dict[str, Any]]:
    """Observations as JSON, what is empty left out."""
    return [
        {name: value for name, value in dataclasses.asdict(one).items() if value not in {None, ""}} for one in figures
    ]


def figures_of(kept: list[dict[str, Any]]) -> tuple[Observation, ...]:
    """Observations as they were kept."""
    return tuple(Observation(**{**one, "status": Status(one["status"])}) for one in kept)


# -- reports of ours ---------------------------------------------------------------------------------------------------


def issued(db: peewee.Database, *conditions: Any) -> list[IssuedReport]:
    """Reports of ours, oldest first."""
    rows = IssuedReportTable.select().where(*conditions or (True,)).order_by(IssuedReportTable.id)
    return [_issued_of(row) for row in rows.execute(db)]


def _issued_of(row: IssuedReportTable) -> IssuedReport:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(IssuedReport)}
    values |= {
        "state": IssuedState(row.state),
        "observations": figures_of(row.observations),
        "document": None if row.document is None else bytes(row.document),
    }
    return IssuedReport(**values)


def last_sequence(db: peewee.Database, neighbourhood: int) -> IssuedReport | None:
    """The report of a neighbourhood that was issued last."""
    reports = issued(db, IssuedReportTable.neighbourhood == neighbourhood)
    return max(reports, key=lambda report: report.sequence, default=None)


def first_fact_at(db: peewee.Database, neighbourhood: int) -> datetime | None:
    """When something happened in a neighbourhood for the first time."""
    rows = FactTable.select(FactTable.at).where(FactTable.neighbourhood == neighbourhood).order_by(FactTable.id)
    at: datetime | None = next((row.at for row in rows.limit(1).execute(db)), None)
    return at


# -- the city's list ---------------------------------------------------------------------------------------------------


def areas(db: peewee.Database, *conditions: Any) -> list[Area]:
    """The neighbourhoods of the city's list, by name."""
    rows = CityAreaTable.select().where(CityAreaTable.is_listed, *conditions).order_by(CityAreaTable.id)
    found = [
        Area(**{field.name: getattr(row, field.name) for field in dataclasses.fields(Area)}) for row in rows.execute(db)
    ]
    return sorted(found, key=lambda area: (area.name.casefold(), area.host))


def areas_at(db: peewee.Database, moment: datetime, *, also: set[int]) -> list[Area]:
    """The neighbourhoods of the city's list as it was at a moment, by name; of `also` those too that came later.

    Who reads an old quarter reads it with the households and names of its time.
    """
    known = {row.id: row for row in CityAreaTable.select().execute(db)}
    versions = list(CityAreaVersionTable.select().order_by(CityAreaVersionTable.id).execute(db))
    then = {row.area: row for row in versions if row.since <= moment and (row.until is None or row.until > moment)}
    began = {row.area: row for row in reversed(versions)}
    other = {area: began[area] for area in also if area in began and began[area].since > moment}
    found = [
        Area(
            id=row.area,
            name=row.name,
            host=known[row.area].host,
            households=row.households,
            source=row.source,
            counted_on=row.counted_on,
            area_uri=known[row.area].area_uri,
            added_at=known[row.area].added_at,
        )
        for row in {**other, **then}.values()
    ]
    return sorted(found, key=lambda area: (area.name.casefold(), area.host))


# -- what was handed in ------------------------------------------------------------------------------------------------


def received(db: peewee.Database, *conditions: Any) -> list[ReceivedReport]:
    """What was handed in, oldest first."""
    rows = ReceivedReportTable.select().where(*conditions).order_by(ReceivedReportTable.id)
    return [_received_of(row) for row in rows.execute(db)]


def _received_of(row: ReceivedReportTable) -> ReceivedReport:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(ReceivedReport)}
    raw = bytes(row.document)
    values |= {
        "state": ReceivedState(row.state),
        "why": None if row.why is None else Why(row.why),
        "document": raw,
        "handed": None if row.handed is None else _handed_of(row.handed, row.digest, raw),
    }
    return ReceivedReport(**values)


def handed_json(handed: Handed) -> dict[str, Any]:
    """All that a report said and no other column keeps."""
    kept = dataclasses.asdict(handed)
    del kept["raw"], kept["digest"]
    return kept | {"observations": figures_json(handed.observations)}


def _handed_of(kept: dict[str, Any], digest: str, raw: bytes) -> Handed:
    previous = kept["previous"]
    return Handed(
        **{
            **kept,
            "raw": raw,
            "digest": digest,
            "previous": None if previous is None else (previous[0], previous[1]),
            "observations": figures_of(kept["observations"]),
        }
    )
