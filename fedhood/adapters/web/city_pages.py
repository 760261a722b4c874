"""The city's pages: how a quarter stands, neighbourhood by neighbourhood, and the list that it is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.web import forms
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import go
from fedhood.core import access, metrics
from fedhood.core.access import Permission
from fedhood.core.metrics import AreaEntry, AreaState, Why
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from fedhood.adapters.web.render import Words
    from fedhood.adapters.web.visit import Visit
    from fedhood.core.metrics import AreaRow, Overview, Period

_NEW = ("new-name", "new-host", "new-households", "new-source", "new-date")


# -- how a quarter stands ----------------------------------------------------------------------------------------------


async def overview(visit: Visit) -> web.StreamResponse:
    """`/city`: the quarter that ended last, or the one that `?period=` names."""
    access.require(visit.viewer, Permission.COUNT, None)
    known = await visit.database.read(metrics.periods, time_zone=visit.zone.key, now=visit.now)
    chosen = _chosen(known, visit)
    found = await visit.database.read(metrics.overview, period=chosen, now=visit.now)
    return visit.page(
        "city/overview.html",
        city=await visit.database.read(metrics.city_name),
        rehearsal=visit.settings.rehearsal,
        period=_said(chosen, visit.words),
        periods=[
            (f"/city?period={one.id}", _said(one, visit.words), one.id == chosen.id) for one in known if len(known) > 1
        ],
        found=found,
        tiles=_tiles(found, visit.words) if found.reported else [],
        rows=[_row(row, found.period, visit.words) for row in found.rows],
        inside=[row.area.name for row in found.rows if row.state is AreaState.REPORTED],
    )


def _chosen(known: list[Period], visit: Visit) -> Period:
    asked = visit.request.query.get("period", "")
    over = [one for one in known if one.end <= visit.now]
    return next((one for one in known if one.id == asked), (over or known)[0])


_QUARTERS = (
    N_("January to March %(year)s"),
    N_("April to June %(year)s"),
    N_("July to September %(year)s"),
    N_("October to December %(year)s"),
)


def _said(period: Period, words: Words) -> str:
    return words.gettext(_QUARTERS[period.quarter - 1], year=period.year)


def _tiles(found: Overview, words: Words) -> list[tuple[str, str, str]]:
    """(title, number, what it is of) for each total."""
    _, totals = words.gettext, found.totals
    status = {cell: totals.get(("households.status", cell), 0) for cell in ("dormant", "seen", "contributing")}
    resolved = totals.get(("help.outcome", "resolved"), 0)
    asked = resolved + totals.get(("help.outcome", "not-resolved"), 0)
    of = _("of %(number)s households in these neighbourhoods", number=words.number(found.households_reported))
    most = _("at most %(number)s of one household are counted", number=metrics.CAPS["posts.total"])
    figures = (
        (_("Connected households"), sum(status.values()), of),
        (_("Households that came by"), status["seen"] + status["contributing"], ""),
        (_("Households that took part"), status["contributing"], ""),
        (_("Messages"), totals.get(("posts.total", ""), 0), most),
        (_("Answers"), totals.get(("interactions.kind", "comment"), 0), _both(words)),
        (_("Thanks"), totals.get(("interactions.kind", "like"), 0), _both(words)),
        (_("Asked for help"), asked, _("the first time in the quarter, for each household")),
        (_("Helped by a neighbour"), resolved, _("within 14 days")),
    )
    return [(title, words.number(number), detail) for title, number, detail in figures]


def _both(words: Words) -> str:
    return words.gettext(
        "at most %(number)s of one household are counted, answers and thanks together",
        number=metrics.CAPS["interactions.kind"],
    )


_MARKS: dict[AreaState, tuple[str, str]] = {
    AreaState.REPORTED: ("done", N_("Reported")),
    AreaState.LATE: ("late", N_("Late")),
    AreaState.MISSING: ("gap", N_("Missing")),
    AreaState.REFUSED: ("no", N_("Refused")),
    AreaState.NOT_DUE: ("wait", N_("Not due yet")),
}
_WHY: dict[Why, str] = {
    Why.SIGNATURE: N_("the signature does not match the known key; the neighbourhood was told"),
    Why.SCHEMA: N_("the report has not the agreed form; the neighbourhood was told"),
    Why.AREA: N_("this neighbourhood is not on your list"),
    Why.PERIOD: N_("it is about a time that is not over, or no quarter; the neighbourhood was told"),
    Why.HOUSEHOLDS: N_("it counts more households than your list knows; is the number on your list right?"),
    Why.REVISION: N_("it corrects a report that is not here; the neighbourhood was told"),
    Why.TWICE: N_("this quarter was reported before; the first report stays"),
    Why.GAP: N_("the report before it is not here; this one is counted as soon as that one comes"),
    Why.FORK: N_("two different reports say that they are the same one; neither is counted, call the neighbourhood"),
}


def _row(row: AreaRow, period: Period, words: Words) -> dict[str, Any]:
    kind, said = _MARKS[row.state]
    return {
        "name": row.area.name,
        "kind": kind,
        "said": words.gettext(said),
        "why": _why(row, period, words),
        "detail": row.reason if row.why is Why.SCHEMA else "",
        "households": row.area.households,
        "source": row.area.source,
        "counted_on": row.area.counted_on,
    }


def _why(row: AreaRow, period: Period, words: Words) -> str:
    due = words.date(period.due)
    match row.state:
        case AreaState.REPORTED:
            return words.gettext("came on %(date)s", date=words.date(row.at or period.due))
        case AreaState.REFUSED:
            return words.gettext(_WHY[row.why]) if row.why is not None else ""
        case AreaState.LATE:
            return words.gettext("was expected on %(date)s, nothing came so far", date=due)
        case AreaState.MISSING:
            return words.gettext("was expected on %(date)s, and never came", date=due)
        case AreaState.NOT_DUE:
            return words.gettext("is expected on %(date)s", date=due)


# -- the list ----------------------------------------------------------------------------------------------------------


async def set_up(visit: Visit) -> web.StreamResponse:
    """`/city/set-up`: the name of the city and its list, as they are."""
    access.require(visit.viewer, Permission.SET_UP, None)
    areas = await visit.database.read(metrics.areas)
    entries = [
        AreaEntry(name=one.name, host=one.host, households=one.households, source=one.source, counted_on=one.counted_on)
        for one in areas
    ]
    return _set_up_page(
        visit,
        {
            "name": await visit.database.read(metrics.city_name),
            "areas": metrics.write_list(entries) if entries else "",
        },
        Errors(),
    )


async def save_set_up(visit: Visit) -> web.StreamResponse:
    """The form is sent: the list as a whole, and one more neighbourhood when its fields are filled in."""
    access.require(visit.viewer, Permission.SET_UP, None)
    form = await visit.form()
    if form.get("file", "").strip():
        form["areas"] = form["file"]
    try:
        entries = _entries(form)
        await visit.database.write(metrics.set_up_areas, by=visit.viewer, name=form.get("name", ""), entries=entries)
    except Invalid as refused:
        return _set_up_page(visit, form, _errors(refused, visit.words), status=422)
    return go("/city")


def _entries(form: dict[str, str]) -> list[AreaEntry]:
    """The lines of the list, and the one that was typed field by field. Raises Invalid."""
    pasted, typed = form.get("areas", ""), [form.get(name, "").strip() for name in _NEW]
    found = metrics.read_list(pasted) if pasted.strip() or not any(typed) else []
    if not any(typed):
        return found
    try:
        added = metrics.read_list(_line(typed))
    except Invalid as refused:
        raise Invalid(refused.detail, code=refused.code, field=_field_of(refused.code)) from refused
    if any((one.host, one.name.casefold()) == (added[0].host, added[0].name.casefold()) for one in found):
        raise Invalid("on the list already", code="areas-twice", field="new-name")
    return [*found, *added]


def _line(fields: Iterable[str]) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)


def _field_of(code: str) -> str:
    name = f"new-{code.removeprefix('areas-')}"
    return name if name in _NEW else "new-name"


_WRONG = {
    "areas-columns": N_("There must be five parts: name, address, households, where the number is from, date."),
    "areas-name": N_("The name is missing or too long."),
    "areas-host": N_("This is no address, such as elm.example."),
    "areas-households": N_("Households is a whole number, 1 or more."),
    "areas-source": N_("Where the number is from is missing or too long."),
    "areas-date": N_("A date is written as 2026-01-01 or 1/01/2026."),
    "areas-twice": N_("This neighbourhood is on the list already."),
}


def _errors(refused: Invalid, words: Words) -> Errors:
    if refused.code not in _WRONG:
        return forms.errors_of(refused, words, otherwise="areas")
    said = words.gettext(_WRONG[refused.code])
    if "line" in refused.facts:
        said = words.gettext("Line %(line)s: %(what)s", line=refused.facts["line"], what=said)
    return Errors({refused.field or "areas": said})


def _set_up_page(visit: Visit, form: dict[str, str], errors: Errors, *, status: int = 200) -> web.Response:
    return visit.page(
        "city/set_up.html",
        status=status,
        path="/city/set-up",
        name=form.get("name", ""),
        areas=form.get("areas", ""),
        new={name.removeprefix("new-"): form.get(name, "") for name in _NEW},
        errors=errors,
    )


# -- what is public ----------------------------------------------------------------------------------------------------


async def figures(visit: Visit) -> web.StreamResponse:
    """`/metrics/v1/`: what this place tells a city, for anybody who wants to know."""
    issued = await visit.database.read(metrics.issued) if visit.settings.rehearsal else []
    return visit.page(
        "city/figures.html",
        rehearsal=visit.settings.rehearsal,
        reports=[
            {
                "name": one.area_name,
                "period": _said(metrics.period_from(one), visit.words),
                "href": f"/metrics/v1/reports/{one.area_key}/{one.period}/{one.revision}",
            }
            for one in reversed(issued)
            if one.document is not None
        ],
    )
