"""The city's side of the quarter: who is expected, what was handed in, whether it counts, how the quarter stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import peewee

from fedhood.core import access, peers
from fedhood.core.access import Permission
from fedhood.core.metrics import store
from fedhood.core.metrics.model import (
    CAPS,
    MAY_COME_RIGHT,
    AreaRow,
    AreaState,
    Overview,
    ReceivedState,
    ReportReceived,
    ReportRefusedHere,
    Verdict,
    Why,
)
from fedhood.core.metrics.quarters import period, period_of
from fedhood.core.metrics.tables import CityAreaTable, CityAreaVersionTable, ReceivedReportTable
from fedhood.kernel import state
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fedhood.core.access import Viewer
    from fedhood.core.metrics.model import Area, AreaEntry, Cell, Handed, Observation, ReceivedReport
    from fedhood.core.metrics.quarters import Period
    from fedhood.kernel.database import UnitOfWork

_NAME = "city.name"
_MOST_REASON = 300


# -- the city's list ---------------------------------------------------------------------------------------------------


def set_up_areas(uow: UnitOfWork, *, by: Viewer, name: str, entries: Iterable[AreaEntry]) -> None:
    """The clerk says what the city is called and which neighbourhoods it expects reports from.

    The list is replaced whole; a line with the same host and name is the same neighbourhood, and so is the only one of
    a host under a new name. What the list said before is kept: old quarters are read with it. Reports that were
    refused for what the list said are looked at again. Raises Unauthenticated, Forbidden, Invalid (name, no entry).
    """
    access.require(by, Permission.SET_UP, None)
    name = texts.one_line(name, field="name", most=80)
    entries = list(entries)
    if not entries:
        raise Invalid("the list is empty", code="missing", field="areas")
    state.write(uow, name=_NAME, value=name)
    known = list(CityAreaTable.select().order_by(CityAreaTable.id).execute(uow.db))
    kept = [_keep(uow, entry, _same(known, entry, entries)) for entry in entries]
    off = (CityAreaTable.is_listed, CityAreaTable.id.not_in(kept))
    for gone in CityAreaTable.select().where(*off).execute(uow.db):
        _end_version(uow, gone.id)
    CityAreaTable.update(is_listed=False).where(*off).execute(uow.db)
    _look_again(uow, ReceivedReportTable.why.in_([Why.AREA.value, Why.HOUSEHOLDS.value]))


def name_city(uow: UnitOfWork, *, name: str) -> None:
    """A city server is founded: what the city is called. The list follows. Raises Invalid."""
    state.write(uow, name=_NAME, value=texts.one_line(name, field="name", most=80))


def _same(known: list[CityAreaTable], entry: AreaEntry, entries: list[AreaEntry]) -> CityAreaTable | None:
    """The neighbourhood that a line means, if we know it."""
    there = [area for area in known if area.host == entry.host]
    for area in there:
        if _plain(area.name) == _plain(entry.name):
            return area
    listed = [area for area in there if area.is_listed]
    renamed = len(listed) == 1 and sum(one.host == entry.host for one in entries) == 1
    return listed[0] if renamed else None


def _plain(name: str) -> str:
    """A name without what a typing hand or a spreadsheet changes in it."""
    return " ".join(name.replace("\u2019", "'").casefold().split())


def _keep(uow: UnitOfWork, entry: AreaEntry, area: CityAreaTable | None) -> int:
    """Write a line down. Returns the neighbourhood's number."""
    said = {
        "name": entry.name,
        "households": entry.households,
        "source": entry.source,
        "counted_on": entry.counted_on,
    }
    if area is None:
        made: int = CityAreaTable.insert(host=entry.host, added_at=uow.now, is_listed=True, **said).execute(uow.db)
        CityAreaVersionTable.insert(area=made, since=uow.now, **said).execute(uow.db)
        return made
    number: int = area.id
    if not area.is_listed or any(getattr(area, name) != value for name, value in said.items()):
        _end_version(uow, number)
        CityAreaVersionTable.insert(area=number, since=uow.now, **said).execute(uow.db)
        CityAreaTable.update(is_listed=True, **said).where(CityAreaTable.id == number).execute(uow.db)
    return number


def _end_version(uow: UnitOfWork, area: int) -> None:
    CityAreaVersionTable.update(until=uow.now).where(
        CityAreaVersionTable.area == area, CityAreaVersionTable.until.is_null()
    ).execute(uow.db)


def city_name(db: peewee.Database) -> str:
    """What the city is called; empty before it is set up."""
    return str(state.read(db, _NAME) or "")


def areas(db: peewee.Database) -> list[Area]:
    """The neighbourhoods that reports are expected from, by name."""
    return store.areas(db)


# -- what is handed in -------------------------------------------------------------------------------------------------


def receive(uow: UnitOfWork, *, peer: int, handed: Handed) -> Verdict:
    """A report arrives from a peer, signed and in form. Does it count?

    It does for a neighbourhood of the city's list, after the cut-off of its quarter, when it follows the report before
    it in the neighbourhood's own chain and names no more households than there are. The same bytes again are the same
    report; two different ones for one place in the chain refuse each other. Raises NotFound (peer).
    """
    known = _known(uow.db, handed.uri, handed.digest)
    if known is None:
        report_id = _insert(uow, peer, handed.uri, handed.digest, handed.raw, handed)
    elif known.state is ReceivedState.REFUSED and known.why in MAY_COME_RIGHT | {Why.SCHEMA, Why.SIGNATURE}:
        report_id = known.id
        _change(uow, report_id, handed=store.handed_json(handed))
    else:
        return _verdict_of(known)
    _judge(uow, report_id, peer, handed, is_new=known is None)
    return _verdict_of(store.received(uow.db, ReceivedReportTable.id == report_id)[0])


def refuse(
    uow: UnitOfWork, *, peer: int, uri: str, raw: bytes, digest: str, why: Why, reason: str, period: str = ""
) -> Verdict:
    """A report arrives that is not signed as it must be, or not in form; `period` is what it says, if that can be read.

    It is kept with its reason, and the neighbourhood is told. The same bytes again change nothing.
    """
    known = _known(uow.db, uri, digest)
    if known is not None:
        return _verdict_of(known)
    report_id = _insert(uow, peer, uri, digest, raw, None, period=period)
    candidates = store.areas(uow.db, CityAreaTable.host == peers.get(uow.db, peer).host)
    if len(candidates) == 1:
        _change(uow, report_id, area=candidates[0].id)
    _refuse(uow, report_id, peer, why, reason, is_told=True)
    return Verdict(report=report_id, digest=digest, why=why, reason=reason)


def _known(db: peewee.Database, uri: str, digest: str) -> ReceivedReport | None:
    same = (ReceivedReportTable.uri == uri, ReceivedReportTable.digest == digest)
    return next(iter(store.received(db, *same)), None)


def _insert(
    uow: UnitOfWork, peer: int, uri: str, digest: str, raw: bytes, handed: Handed | None, *, period: str = ""
) -> int:
    made: int = ReceivedReportTable.insert(
        peer=peer,
        uri=uri,
        digest=digest,
        period=handed.period if handed is not None else period,
        sequence=None if handed is None else handed.sequence,
        revision=None if handed is None else handed.revision,
        state=ReceivedState.REFUSED.value,
        received_at=uow.now,
        document=raw,
        handed=None if handed is None else store.handed_json(handed),
    ).execute(uow.db)
    return made


def _verdict_of(report: ReceivedReport) -> Verdict:
    return Verdict(report=report.id, digest=report.digest, why=report.why, reason=report.reason)


def _judge(uow: UnitOfWork, report_id: int, peer: int, handed: Handed, *, is_new: bool) -> None:
    """Write down whether a report counts, and tell who handed it in what they do not know yet."""
    area = _area_of(uow.db, peer, handed)
    if area is None:
        _refuse(uow, report_id, peer, Why.AREA, "area: not on the city's list", is_told=is_new)
        return
    _change(uow, report_id, area=area.id, period=handed.period, sequence=handed.sequence, revision=handed.revision)
    why, reason = _fault(uow, area, handed)
    if why is not None:
        _refuse(uow, report_id, peer, why, f"{why.value}: {reason}", is_told=is_new)
        return
    CityAreaTable.update(area_uri=handed.area_uri).where(CityAreaTable.id == area.id).execute(uow.db)
    _change(uow, report_id, state=ReceivedState.ACCEPTED.value, why=None, reason="")
    uow.record(ReportReceived(object=report_id, peer=peer))
    _look_again(uow, ReceivedReportTable.area == area.id, ReceivedReportTable.why == Why.GAP.value)


def _refuse(uow: UnitOfWork, report_id: int, peer: int, why: Why, reason: str, *, is_told: bool) -> None:
    reason = reason[:_MOST_REASON]
    _change(uow, report_id, state=ReceivedState.REFUSED.value, why=why.value, reason=reason)
    if is_told:
        uow.record(ReportRefusedHere(object=report_id, peer=peer, why=why.value))


def _change(uow: UnitOfWork, report_id: int, **values: Any) -> None:
    ReceivedReportTable.update(**values).where(ReceivedReportTable.id == report_id).execute(uow.db)


def _look_again(uow: UnitOfWork, *conditions: Any) -> None:
    """What was wrong may be right now, in the order of the chain."""
    waiting = store.received(uow.db, ReceivedReportTable.state == ReceivedState.REFUSED.value, *conditions)
    for report in sorted(waiting, key=lambda one: (one.sequence or 0, one.id)):
        # the one before may have brought this one in already
        (now,) = store.received(uow.db, ReceivedReportTable.id == report.id)
        if now.handed is not None and now.state is ReceivedState.REFUSED:
            _judge(uow, now.id, now.peer, now.handed, is_new=False)


def _area_of(db: peewee.Database, peer: int, handed: Handed) -> Area | None:
    """The listed neighbourhood that a report is about: by the id it had before, else by name, else the only one."""
    there = store.areas(db, CityAreaTable.host == peers.get(db, peer).host)
    for area in there:
        if area.area_uri == handed.area_uri:
            return area
    fresh = [area for area in there if area.area_uri is None]
    named = [area for area in fresh if area.name.casefold() == handed.area_name.casefold()]
    if named:
        return named[0]
    return fresh[0] if len(fresh) == len(there) == 1 else None


# -- does it count? ----------------------------------------------------------------------------------------------------


def _fault(uow: UnitOfWork, area: Area, handed: Handed) -> tuple[Why | None, str]:
    """What speaks against a report of this area, and why; (None, "") when nothing does."""
    wrong_time = _wrong_time(handed, uow.now)
    if wrong_time:
        return Why.PERIOD, wrong_time
    connected = sum(one.value or 0 for one in handed.observations if one.measure == "households.status")
    if connected > area.households:
        return Why.HOUSEHOLDS, f"{connected} are connected, the city's list knows {area.households}"
    here = store.received(uow.db, ReceivedReportTable.area == area.id)
    counted = [one for one in here if one.state is ReceivedState.ACCEPTED]
    return _broken_chain(uow, here, counted, handed) or _wrong_revision(counted, handed) or (None, "")


def _wrong_time(handed: Handed, now: datetime) -> str:
    try:
        when = period(handed.period, ZoneInfo(handed.time_zone))
    except (Invalid, ValueError, ZoneInfoNotFoundError):
        return "no quarter of a time zone"
    if (handed.first_day, handed.last_day) != (when.first_day.isoformat(), when.last_day.isoformat()):
        return f"{handed.period} has other days"
    return "" if when.closed_before(now) else f"{handed.period} is not over"


def _broken_chain(
    uow: UnitOfWork, here: list[ReceivedReport], counted: list[ReceivedReport], handed: Handed
) -> tuple[Why, str] | None:
    others = [one for one in here if one.sequence == handed.sequence and one.digest != handed.digest]
    fork = [one for one in others if one.state is ReceivedState.ACCEPTED or one.why is Why.FORK]
    if fork:
        for one in fork:
            if one.state is ReceivedState.ACCEPTED:
                _refuse(uow, one.id, one.peer, Why.FORK, f"fork: there are two reports {one.sequence}", is_told=True)
        return Why.FORK, f"there are two reports {handed.sequence}"
    last = max(counted, key=lambda one: one.sequence or 0, default=None)
    expected = 1 if last is None else (last.sequence or 0) + 1
    if handed.sequence != expected:
        return Why.GAP, f"report {expected} is expected, this is {handed.sequence}"
    before = None if last is None else (last.uri, last.digest)
    if handed.previous != before:
        return Why.GAP, "it follows another report than the one that is here"
    return None


def _wrong_revision(counted: list[ReceivedReport], handed: Handed) -> tuple[Why, str] | None:
    same = [one for one in counted if one.period == handed.period]
    if handed.revision == 1:
        return (Why.TWICE, f"{handed.period} was reported before") if same else None
    last = max(same, key=lambda one: one.revision or 0, default=None)
    if last is None or (last.revision, last.uri) != (handed.revision - 1, handed.supersedes):
        return Why.REVISION, "it corrects a report that is not here"
    return None


# -- how the quarter stands --------------------------------------------------------------------------------------------


def received_row(db: peewee.Database, report_id: int) -> ReceivedReport | None:
    """One report that was handed in."""
    return next(iter(store.received(db, ReceivedReportTable.id == report_id)), None)


def periods(db: peewee.Database, *, time_zone: str, now: datetime) -> list[Period]:
    """The quarters that can be asked for, newest first: from the one in which the list was begun until this one."""
    zone = ZoneInfo(time_zone)
    listed = store.areas(db)
    newest = period_of(now, zone)
    oldest = period_of(min((area.added_at for area in listed), default=now), zone)
    found = [newest]
    while found[-1].start > oldest.start:
        found.append(found[-1].preceding())
    return found


def overview(db: peewee.Database, *, period: Period, now: datetime) -> Overview:
    """How a quarter stands: one row for each neighbourhood of the list, and the totals of those that reported.

    The list is that of the day when what had not come counted as missing: later changes of it are for later quarters.
    """
    handed_in = store.received(db, ReceivedReportTable.period == period.id)
    reported = {one.area for one in handed_in if one.area is not None}
    expected = store.areas_at(db, min(now, period.missing_at), also=reported)
    rows = tuple(_row(area, [one for one in handed_in if one.area == area.id], period, now) for area in expected)
    totals: dict[Cell, int] = {}
    for row in rows:
        for one in row.figures:
            totals[one.measure, one.cell] = totals.get((one.measure, one.cell), 0) + (one.value or 0)
    strangers = sorted({peers.get(db, one.peer).host for one in handed_in if one.area is None})
    return Overview(period=period, rows=rows, totals=totals, unlisted=tuple(strangers))


def _row(area: Area, reports: list[ReceivedReport], period: Period, now: datetime) -> AreaRow:
    counted = [one for one in reports if one.state is ReceivedState.ACCEPTED]
    if counted:
        newest = max(counted, key=lambda one: one.revision or 0)
        return AreaRow(area=area, state=AreaState.REPORTED, at=newest.received_at, figures=_figures(newest))
    if reports:
        latest = reports[-1]
        return AreaRow(area=area, state=AreaState.REFUSED, at=latest.received_at, why=latest.why, reason=latest.reason)
    if now < period.due:
        return AreaRow(area=area, state=AreaState.NOT_DUE)
    return AreaRow(area=area, state=AreaState.MISSING if now >= period.missing_at else AreaState.LATE)


def _figures(report: ReceivedReport) -> tuple[Observation, ...]:
    """The figures that have a value and a place in our table of measures; a newer reporter may say more."""
    if report.handed is None:
        return ()
    return tuple(one for one in report.handed.observations if one.value is not None and one.measure in CAPS)
