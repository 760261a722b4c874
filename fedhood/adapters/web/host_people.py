"""The people of a neighbourhood, for its moderators: a way back in, who looks after it too, and who shares a home."""

from typing import Any

from aiohttp import web

from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.host_codes import places, qr_code
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, moderation, neighbourhoods
from fedhood.core.access import Permission
from fedhood.core.accounts import Account, AccountState
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.kernel.errors import Conflict, FedhoodError, Forbidden, Invalid, NotFound

PAGE = "/host/people"


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/people`: by neighbourhood and name. No figures: who lives here, not how many."""
    return await _page(visit, Errors(), merged=visit.request.query.get("said") == "merged")


async def _page(
    visit: Visit, errors: Errors, *, chosen: tuple[str, str] = ("", ""), merged: bool = False, status: int = 200
) -> web.Response:
    return visit.page(
        "host/people.html",
        status=status,
        path=PAGE if errors else "",
        groups=[await _group(visit, place) for place in await places(visit)],
        me=visit.account,
        chosen=chosen,
        merged=merged,
        errors=errors,
    )


async def _group(visit: Visit, place: Neighbourhood) -> dict[str, Any]:
    """A neighbourhood, who lives there, and who of them looks after it."""
    people = await visit.database.survey(accounts.residents, place.id)
    return {
        "place": place,
        "people": people,
        "keepers": await visit.database.read(access.holders, Permission.MODERATE, place.id),
        "names": [("", visit.words.gettext("Choose somebody")), *((str(one.id), one.name) for one in people)],
    }


# --- A link -----------------------------------------------------------------------------------------------------------


async def ask_link(visit: Visit) -> web.StreamResponse:
    """Who the link is for, before it is made: earlier ones end by it."""
    return visit.page("host/link_ask.html", person=await _person(visit), refused="")


async def make_link(visit: Visit) -> web.StreamResponse:
    """The link, shown once: as an address, and as a picture for a telephone."""
    person = await _person(visit)
    try:
        token = await visit.database.write(moderation.issue_link, by=visit.viewer, account=person.id)
    except Forbidden as refused:
        said = _refusal(refused, person, visit)
        return visit.page("host/link_ask.html", status=403, person=person, refused=said)
    return link_page(visit, person.name, token, back=PAGE)


def link_page(visit: Visit, name: str, token: str, *, back: str) -> web.Response:
    """A one-time link to hand over, shown this once."""
    address = f"{visit.own_address}/link/{token}"
    picture = qr_code(address)
    return visit.page("host/link.html", path=back, once=True, name=name, address=address, picture=picture, back=back)


# --- Who looks after the place ----------------------------------------------------------------------------------------


async def ask_entrust(visit: Visit) -> web.StreamResponse:
    """What it means to look after the place, before somebody is asked to."""
    return await _keeper_page(visit, await _person(visit), "entrust")


async def entrust(visit: Visit) -> web.StreamResponse:
    """Somebody looks after the place too from now on."""
    person = await _person(visit)
    try:
        await visit.database.write(moderation.entrust, by=visit.viewer, account=person.id)
    except Conflict as refused:
        if refused.code != "so-already":
            raise
    return go(PAGE)


async def ask_relieve(visit: Visit) -> web.StreamResponse:
    """What it means that somebody looks after the place no longer, oneself included."""
    return await _keeper_page(visit, await _person(visit), "relieve")


async def relieve(visit: Visit) -> web.StreamResponse:
    """Somebody looks after the place no longer, or gives it back."""
    person = await _person(visit)
    try:
        await visit.database.write(moderation.relieve, by=visit.viewer, account=person.id)
    except (Conflict, Forbidden) as refused:
        if refused.code != "so-already":
            status = 403 if isinstance(refused, Forbidden) else 409
            return await _keeper_page(visit, person, "relieve", _refusal(refused, person, visit), status=status)
    return go("/account?said=relieved" if person.id == visit.account else PAGE)


async def _keeper_page(
    visit: Visit, person: Account, what: str, refused: str = "", *, status: int = 200
) -> web.Response:
    place = await visit.database.read(neighbourhoods.get, person.neighbourhood or 0)
    values: dict[str, Any] = {"person": person, "what": what, "place": place, "refused": refused}
    return visit.page(
        "host/keeper_ask.html",
        status=status,
        path=f"{PAGE}/{person.id}/{what}",
        me=person.id == visit.account,
        **values,
    )


_REFUSED = {
    "last-keeper": N_(
        "Somebody has to look after this place, and there is nobody else yet. First let another neighbour look after "
        "it too."
    ),
    "may-do-more": N_("%(name)s may do more here than you, so this is not yours to do."),
}


def _refusal(refused: FedhoodError, person: Account, visit: Visit) -> str:
    """The sentence for what the core refused. Raises it again when there is none."""
    if refused.code not in _REFUSED:
        raise refused
    return visit.words.gettext(_REFUSED[refused.code], name=person.name)


# --- Two homes are one ------------------------------------------------------------------------------------------------


async def choose_homes(visit: Visit) -> web.StreamResponse:
    """Two residents were chosen; nothing is done yet."""
    form = await visit.form()
    one, other = form.get("one", ""), form.get("other", "")
    if not one or not other or one == other:
        return await _wrong_choice(visit, form, visit.words.gettext("Choose two different people."))
    for text in (one, other):
        await _resident(visit, text)
    return go(f"{PAGE}/homes?one={one}&other={other}")


async def _wrong_choice(visit: Visit, form: dict[str, str], sentence: str) -> web.Response:
    place = next((one for one in await places(visit) if str(one.id) == form.get("place", "")), None)
    if place is None:
        raise Invalid(code="form")
    chosen = (form.get("one", ""), form.get("other", ""))
    return await _page(visit, Errors({f"other-{place.id}": sentence}), chosen=chosen, status=422)


async def ask_merge(visit: Visit) -> web.StreamResponse:
    """`/host/people/homes`: whose homes become one, and what that means."""
    query = visit.request.query
    if "one" not in query or "other" not in query:
        return go(f"{PAGE}#homes")
    one, other = await _resident(visit, query["one"]), await _resident(visit, query["other"])
    return visit.page("host/homes_ask.html", one=one, other=other, refused="")


async def merge_homes(visit: Visit) -> web.StreamResponse:
    """Two homes are one from now on."""
    form = await visit.form()
    one, other = await _resident(visit, form.get("one", "")), await _resident(visit, form.get("other", ""))
    try:
        await visit.database.write(moderation.merge_homes, by=visit.viewer, account=one.id, other=other.id)
    except Conflict:
        said = visit.words.gettext("They live in one home already.")
        return visit.page(
            "host/homes_ask.html",
            status=409,
            path=f"{PAGE}/homes?one={one.id}&other={other.id}",
            one=one,
            other=other,
            refused=said,
        )
    return go(f"{PAGE}?said=merged")


async def _person(visit: Visit) -> Account:
    return await _resident(visit, visit.request.match_info["account"])


async def _resident(visit: Visit, number: str) -> Account:
    """A resident whom this viewer looks after; anybody else is not found."""
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise NotFound
    person = await visit.database.read(accounts.get, int(number))
    living = person.peer is None and person.state is AccountState.ACTIVE and person.neighbourhood is not None
    if not living or not access.may(visit.viewer, Permission.INVITE, person.neighbourhood):
        raise NotFound
    return person
