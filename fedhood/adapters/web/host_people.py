"""The people of a neighbourhood, for its moderators: a one-time link for who cannot come in any more."""

from aiohttp import web

from fedhood.adapters.web.host_codes import places, qr_code
from fedhood.adapters.web.visit import Visit
from fedhood.core import access, accounts
from fedhood.core.access import Permission
from fedhood.core.accounts import Account, AccountState
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import NotFound


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/people`: by neighbourhood and name. No figures: who lives here, not how many."""
    groups = [(place, await visit.database.survey(accounts.residents, place.id)) for place in await places(visit)]
    return visit.page("host/people.html", groups=groups)


async def ask_link(visit: Visit) -> web.StreamResponse:
    """Who the link is for, before it is made: earlier ones end by it."""
    return visit.page("host/link_ask.html", person=await _person(visit))


async def make_link(visit: Visit) -> web.StreamResponse:
    """The link, shown once: as an address, and as a picture for a telephone."""
    person = await _person(visit)
    token = await visit.database.write(_make, account=person.id, by=visit.account)
    address = f"{visit.own_address}/link/{token}"
    return visit.page("host/link.html", path="/host/people", person=person, address=address, picture=qr_code(address))


def _make(uow: UnitOfWork, *, account: int, by: int) -> str:
    return access.make_link(uow, account=account, by=by)


async def _person(visit: Visit) -> Account:
    """A resident whom this viewer may help; anybody else is not found."""
    number = visit.request.match_info["account"]
    if len(number) > 9:
        raise NotFound
    person = await visit.database.read(accounts.get, int(number))
    living = person.peer is None and person.state is AccountState.ACTIVE and person.neighbourhood is not None
    if not living or not access.may(visit.viewer, Permission.INVITE, person.neighbourhood):
        raise NotFound
    return person
