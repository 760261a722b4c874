"""A neighbour, as another neighbour sees them: name, place, since when; and the way not to meet them."""

from aiohttp import web

from fedhood.adapters.web import views
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import accounts, help_requests, neighbourhoods, relations
from fedhood.core.accounts import Account, AccountState
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, NotFound, Unauthenticated
from fedhood.kernel.settings import Profile

_CITY = "city"


async def by_handle(visit: Visit) -> web.StreamResponse:
    """`/@{handle}`: somebody of one's own neighbourhood. Handles can be guessed, so next door they find nobody.

    A neighbourhood and the city bear such an address too, and lead anybody to their own pages.
    """
    handle = visit.request.match_info["handle"]
    if visit.settings.profile is Profile.CITY and handle == _CITY:
        return go("/metrics/v1/", status=302)
    if await visit.database.read(neighbourhoods.by_key, handle) is not None:
        return go(urls.neighbourhood(handle), status=302)
    if visit.viewer.account is None:
        raise Unauthenticated
    if not visit.viewer.is_resident:
        raise Forbidden
    found = await visit.database.read(accounts.by_handle, handle)
    if found is None or found.peer is not None or found.neighbourhood != visit.home.id:
        raise NotFound
    return await _page(visit, found)


async def by_key(visit: Visit) -> web.StreamResponse:
    """`/people/{key}`: somebody whose words one has read, wherever they live."""
    return await _page(visit, await _found(visit))


async def _found(visit: Visit) -> Account:
    found = await visit.database.read(accounts.by_key, visit.request.match_info["key"])
    if found is None:
        raise NotFound
    return found


async def _page(visit: Visit, person: Account) -> web.Response:
    if person.state is not AccountState.ACTIVE or (person.neighbourhood is None and person.visitor is None):
        raise NotFound
    place = None
    if person.neighbourhood is not None:
        place = await visit.database.read(neighbourhoods.get, person.neighbourhood)
    blocked = await visit.database.read(relations.blocked_by, visit.account)
    return visit.page(
        "person.html",
        person=views.person(person, visit.words),
        first_name=views.first_name(person.name),
        key=person.key,
        place=place,
        next_door=place is not None and place.id != visit.home.id,
        # when we first heard of somebody elsewhere says nothing about since when they live there
        since=visit.words.month(person.joined_at) if person.peer is None else "",
        me=person.id == visit.account,
        blocked=person.id in blocked,
    )


async def block(visit: Visit) -> web.StreamResponse:
    """From now on the two do not meet here; nobody is told."""
    person = await _found(visit)
    await visit.database.write(help_requests.block, by=visit.viewer, other=person.id)
    return go(f"/people/{person.key}")


async def unblock(visit: Visit) -> web.StreamResponse:
    """One's own block is lifted."""
    person = await _found(visit)
    await visit.database.write(relations.unblock, by=visit.viewer, other=person.id)
    return go("/account#blocked" if (await visit.form()).get("from") == "account" else f"/people/{person.key}")
