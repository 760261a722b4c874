"""Codes for homes: a sheet is made, printed, and perhaps cancelled. Codes are shown once."""

from typing import Any

import peewee
from aiohttp import web

from fedhood.adapters.web import forms
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, households, neighbourhoods
from fedhood.core.access import Permission, Viewer
from fedhood.core.households import Sheet, SheetState
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Conflict, Invalid, NotFound

_USUAL = "20"


async def places(visit: Visit) -> list[Neighbourhood]:
    """The neighbourhoods of this house that the viewer moderates."""
    ours = await visit.database.read(neighbourhoods.ours)
    return [one for one in ours if access.may(visit.viewer, Permission.INVITE, one.id)]


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/codes`: how many codes, for which neighbourhood."""
    return await _page(visit, {}, Errors())


async def _page(
    visit: Visit, form: dict[str, str], errors: Errors, *, made: int = 0, status: int = 200
) -> web.Response:
    mine = await places(visit)
    sheets = [(one.name, await visit.database.read(_sheets, viewer=visit.viewer, place=one.id)) for one in mine]
    return visit.page(
        "host/codes.html",
        status=status,
        path="/host/codes",
        places=[(str(one.id), one.name) for one in mine],
        place=form.get("place", "") or str(visit.viewer.neighbourhood or ""),
        count=form.get("count", _USUAL),
        sheets=sheets,
        known=_newest([sheet for _, some in sheets for sheet in some]),
        made=made,
        errors=errors,
    )


def _sheets(db: peewee.Database, *, viewer: Viewer, place: int) -> list[SheetState]:
    return households.sheets(db, viewer=viewer, neighbourhood=place)


def _newest(sheets: list[SheetState]) -> str:
    """By which a form is known that was sent before: whatever sheet came since came by it."""
    return str(max((one.id for one in sheets), default=0))


def qr_code(address: str) -> str:
    """An address as a picture for a telephone, within the page itself."""
    import segno  # noqa: PLC0415 - 230 KB that a server at rest does not need

    return str(segno.make(address, micro=False, error="m").svg_data_uri(scale=5, border=3, light="white"))


async def make(visit: Visit) -> web.StreamResponse:
    """A sheet is made and shown, ready to print."""
    form = await visit.form()
    mine = {str(one.id): one for one in await places(visit)}
    place = mine.get(form.get("place", "")) or (next(iter(mine.values())) if len(mine) == 1 else None)
    if place is None:
        raise NotFound
    count = form.get("count", "")
    try:
        if not (count.isascii() and count.isdigit() and len(count) <= 3):
            raise Invalid(code="count", field="count")
        sheet = await visit.database.write(
            _make,
            by=visit.viewer,
            neighbourhood=place.id,
            count=int(count),
            known=form.get("known", ""),
            places=[one.id for one in mine.values()],
        )
    except Conflict as refused:
        return await _page(visit, {}, Errors(), made=int(refused.facts["number"]), status=409)
    except Invalid as refused:
        return await _page(visit, form, forms.errors_of(refused, visit.words, otherwise="count"), status=422)
    address = f"{visit.own_address}/join"
    values: dict[str, Any] = {"sheet": sheet, "place": place, "address": address, "picture": qr_code(address)}
    return visit.page(
        "host/sheet.html",
        path="/host/codes",
        once=True,
        codes=[households.shown(code) for code in sheet.codes],
        **values,
    )


def _make(uow: UnitOfWork, *, by: Viewer, neighbourhood: int, count: int, known: str, places: list[int]) -> Sheet:
    """A sheet, however often the form is sent: loading the page anew would make another that nobody prints."""
    there = [sheet for place in places for sheet in _sheets(uow.db, viewer=by, place=place)]
    if known and known != _newest(there):
        newest = max(there, key=lambda one: one.id, default=None)
        raise Conflict(code="sent-before", number=0 if newest is None else newest.number)
    return households.make_sheet(uow, by=by, neighbourhood=neighbourhood, count=count)


async def cancel(visit: Visit) -> web.StreamResponse:
    """No code of a sheet lets anybody in any more."""
    number = visit.request.match_info["sheet"]
    if len(number) > 9:
        raise NotFound
    await visit.database.write(households.cancel_sheet, by=visit.viewer, sheet_id=int(number))
    return go("/host/codes")
