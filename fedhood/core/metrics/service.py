"""A neighbourhood's side of the quarter: it is counted once, handed in, and answered by the city."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fedhood.core import neighbourhoods
from fedhood.core.metrics import store
from fedhood.core.metrics.count import count
from fedhood.core.metrics.model import (
    IssuedReport,
    IssuedState,
    ReceiptArrived,
    ReportCompiled,
    ReportRefused,
    observations,
)
from fedhood.core.metrics.quarters import period, period_of
from fedhood.core.metrics.tables import IssuedReportTable
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.core.metrics.quarters import Period
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.kernel.database import UnitOfWork

_MOST_REASON = 300


def compile_due(uow: UnitOfWork, *, time_zone: str, rehearsal: bool) -> list[int]:
    """Count every quarter whose cut-off has passed and that was not counted yet, once, for each of our neighbourhoods.

    A neighbourhood is counted from the quarter on in which something first happened there, and only while its official
    number of households, with source and date, is known: a report without a denominator is none. Without `rehearsal`
    nothing is ever counted, for these figures have no protection. Returns the new reports' ids.
    """
    if not rehearsal:
        return []
    made: list[int] = []
    for place in neighbourhoods.ours(uow.db):
        due = _next_period(uow.db, place.id, ZoneInfo(time_zone))
        while due is not None and due.closed_before(uow.now) and _has_households(place):
            made.append(_compile(uow, place, due))
            due = due.following()
    return made


def _has_households(place: Neighbourhood) -> bool:
    return bool(place.households and place.households_source and place.households_on)


def _next_period(db: peewee.Database, neighbourhood: int, zone: ZoneInfo) -> Period | None:
    """The quarter to be counted next; None where nothing ever happened."""
    last = store.last_sequence(db, neighbourhood)
    if last is not None:
        return period(last.period, zone).following()
    began = store.first_fact_at(db, neighbourhood)
    return None if began is None else period_of(began, zone)


def _compile(uow: UnitOfWork, place: Neighbourhood, due: Period) -> int:
    last = store.last_sequence(uow.db, place.id)
    counted = count(uow.db, neighbourhood=place.id, period=due)
    report_id: int = IssuedReportTable.insert(
        neighbourhood=place.id,
        period=due.id,
        revision=1,
        sequence=1 if last is None else last.sequence + 1,
        time_zone=due.zone.key,
        area_key=place.key,
        area_name=place.name,
        households=place.households,
        households_source=place.households_source,
        households_on=place.households_on,
        observations=store.figures_json(observations(counted)),
        state=IssuedState.COMPILED.value,
        compiled_at=uow.now,
    ).execute(uow.db)
    uow.record(ReportCompiled(neighbourhood=place.id, object=report_id))
    return report_id


# -- what becomes of it ------------------------------------------------------------------------------------------------


def handed_in(uow: UnitOfWork, *, report_id: int, document: bytes, digest: str) -> None:
    """The city's server took the report. Its canonical bytes are kept; the same again changes nothing.

    Raises NotFound, Conflict when other bytes were handed in before.
    """
    report = report_row(uow.db, report_id)
    if report.digest not in {None, digest}:
        raise Conflict("other bytes were handed in before", code="digest")
    state = IssuedState.HANDED_IN if report.state is IssuedState.COMPILED else report.state
    _change(uow, report_id, document=document, digest=digest, state=state.value)


def receipt(uow: UnitOfWork, *, report_id: int, digest: str) -> None:
    """The city has the report; a receipt may also follow on a refusal. Raises NotFound, Conflict (other bytes)."""
    if _answer(uow, report_id, digest, IssuedState.RECEIVED, ""):
        uow.record(ReceiptArrived(neighbourhood=report_row(uow.db, report_id).neighbourhood, object=report_id))


def refused(uow: UnitOfWork, *, report_id: int, digest: str, reason: str) -> None:
    """The city does not take the report, and says why. Raises NotFound, Conflict (other bytes)."""
    if _answer(uow, report_id, digest, IssuedState.REFUSED, reason[:_MOST_REASON]):
        uow.record(ReportRefused(neighbourhood=report_row(uow.db, report_id).neighbourhood, object=report_id))


def _answer(uow: UnitOfWork, report_id: int, digest: str, state: IssuedState, reason: str) -> bool:
    """Whether the answer tells anything new."""
    report = report_row(uow.db, report_id)
    if report.digest not in {None, digest}:
        raise Conflict("this is an answer to other bytes", code="digest")
    if (report.state, report.reason) == (state, reason):
        return False
    _change(uow, report_id, state=state.value, reason=reason, digest=digest, answered_at=uow.now)
    return True


def _change(uow: UnitOfWork, report_id: int, **values: Any) -> None:
    IssuedReportTable.update(**values).where(IssuedReportTable.id == report_id).execute(uow.db)


# -- reading -----------------------------------------------------------------------------------------------------------


def report_row(db: peewee.Database, report_id: int) -> IssuedReport:
    """One report of ours. Raises NotFound."""
    for report in store.issued(db, IssuedReportTable.id == report_id):
        return report
    raise NotFound


def report_at(db: peewee.Database, *, area: str, period: str, revision: int) -> IssuedReport | None:
    """The report of ours with this address; `area` is the neighbourhood's key."""
    here = (
        IssuedReportTable.area_key == area,
        IssuedReportTable.period == period,
        IssuedReportTable.revision == revision,
    )
    return next(iter(store.issued(db, *here)), None)


def report_before(db: peewee.Database, report: IssuedReport) -> IssuedReport | None:
    """The report that this one follows in its neighbourhood's chain; None for the first."""
    before = (
        IssuedReportTable.neighbourhood == report.neighbourhood,
        IssuedReportTable.sequence == report.sequence - 1,
    )
    return next(iter(store.issued(db, *before)), None)


def period_from(report: IssuedReport) -> Period:
    """The quarter that a report is about."""
    return period(report.period, ZoneInfo(report.time_zone))


def issued(db: peewee.Database) -> list[IssuedReport]:
    """All reports of ours, oldest first."""
    return store.issued(db)


def waiting(db: peewee.Database) -> list[IssuedReport]:
    """The reports that nobody was given yet, oldest first: for a city that joins later."""
    return store.issued(db, IssuedReportTable.state == IssuedState.COMPILED.value)
