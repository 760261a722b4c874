"""The house rules, for who looks after a neighbourhood: read over, and written anew; and whether it has visitors."""

from aiohttp import web

from fedhood.adapters.web import forms
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, moderation, neighbourhoods
from fedhood.core.access import Permission
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.kernel.errors import Conflict, Invalid, NotFound

_MOST = 5000


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/rules`: the rules of each neighbourhood that one looks after."""
    return await _page(visit, {}, Errors())


async def _page(visit: Visit, form: dict[str, str], errors: Errors, *, status: int = 200) -> web.Response:
    return visit.page(
        "host/rules.html",
        status=status,
        path="/host/rules" if errors else "",
        places=[
            (
                place,
                form.get("rules", "") if form.get("place") == str(place.id) else place.rules,
                errors.get(f"rules-{place.id}"),
            )
            for place in await _places(visit)
        ],
        said=visit.request.query.get("said", ""),
        has_name=bool(visit.settings.host),  # without one nobody finds this place
        most=_MOST,
        errors=errors,
    )


async def _places(visit: Visit) -> list[Neighbourhood]:
    ours = await visit.database.read(neighbourhoods.ours)
    return [one for one in ours if access.may(visit.viewer, Permission.MODERATE, one.id)]


async def save(visit: Visit) -> web.StreamResponse:
    """The rules of one neighbourhood are written anew."""
    form = await visit.form()
    place = await _named(visit, form)
    try:
        await visit.database.write(
            moderation.set_rules, by=visit.viewer, neighbourhood=place.id, rules=form.get("rules", "")
        )
    except Invalid as refused:
        said = forms.errors_of(refused, visit.words, otherwise="rules").get("rules")
        return await _page(visit, form, Errors({f"rules-{place.id}": said}), status=422)
    return go("/host/rules?said=saved")


async def receive_visitors(visit: Visit) -> web.StreamResponse:
    """From now on one neighbourhood receives people on other software, or none any more."""
    form = await visit.form()
    place, on = await _named(visit, form), form.get("on") == "yes"
    try:
        await visit.database.write(moderation.receive_visitors, by=visit.viewer, neighbourhood=place.id, on=on)
    except Conflict:
        return go("/host/rules")  # pressed twice, or by two: it is as it was wanted
    return go(f"/host/rules?said={'visitors' if on else 'no-visitors'}")


async def _named(visit: Visit, form: dict[str, str]) -> Neighbourhood:
    place = next((one for one in await _places(visit) if str(one.id) == form.get("place", "")), None)
    if place is None:
        raise NotFound
    return place
