"""Who counts for the city: by name, one more is invited, helped back in, or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.web import forms
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.host_people import link_page
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.visit import go
from fedhood.core import access, accounts, moderation
from fedhood.core.access import Permission
from fedhood.kernel.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    import peewee
    from aiohttp import web

    from fedhood.adapters.web.visit import Visit
    from fedhood.core.access import Viewer
    from fedhood.core.accounts import Account
    from fedhood.kernel.database import UnitOfWork

PAGE = "/city/clerks"


async def show(visit: Visit) -> web.StreamResponse:
    """`/city/clerks`: their names, and a form for one more."""
    return await _page(visit, {}, Errors())


async def _page(
    visit: Visit, form: dict[str, str], errors: Errors, *, refused: str = "", status: int = 200
) -> web.Response:
    clerks = await visit.database.read(_clerks)
    return visit.page(
        "city/clerks.html",
        status=status,
        path=PAGE,
        clerks=sorted(clerks, key=lambda one: one.name.casefold()),
        me=visit.account,
        name=form.get("name", ""),
        reads_in=form.get("language", "") or visit.language.code,
        known=_newest(clerks),
        refused=refused,
        errors=errors,
    )


def _clerks(db: peewee.Database) -> list[Account]:
    return list(accounts.many(db, access.holders(db, Permission.COUNT, None)).values())


def _newest(clerks: list[Account]) -> str:
    """By which a form is known that was sent before: whoever came since came by it."""
    return str(max((one.id for one in clerks), default=0))


async def invite(visit: Visit) -> web.StreamResponse:
    """One more clerk; the link with which they come in is shown once, however often the form is sent."""
    form = await visit.form()
    language = form.get("language", "") if form.get("language") in LANGUAGES else visit.language.code
    try:
        token = await visit.database.write(
            _invite, by=visit.viewer, name=form.get("name", ""), language=language, known=form.get("known", "")
        )
    except Invalid as refused:
        return await _page(visit, form, forms.errors_of(refused, visit.words, otherwise="name"), status=422)
    except Conflict:
        said = visit.words.gettext("Somebody was invited since you opened this page. Look at the names first.")
        return await _page(visit, form, Errors(), refused=said, status=409)
    return link_page(visit, form.get("name", "").strip(), token, back=PAGE)


async def renew(visit: Visit) -> web.StreamResponse:
    """A new link for a clerk who lost theirs; an earlier one ends."""
    clerk = await _clerk(visit)
    token = await visit.database.write(moderation.renew_clerk_link, by=visit.viewer, account=clerk.id)
    return link_page(visit, clerk.name, token, back=PAGE)


async def dismiss(visit: Visit) -> web.StreamResponse:
    """A clerk works with the figures no longer, and is signed out."""
    clerk = await _clerk(visit)
    try:
        await visit.database.write(moderation.dismiss_clerk, by=visit.viewer, account=clerk.id)
    except Conflict as refused:
        if refused.code != "last-clerk":
            raise
        said = visit.words.gettext("Somebody has to work with the figures. First let somebody else do it too.")
        return await _page(visit, {}, Errors(), refused=said, status=409)
    return go("/" if clerk.id == visit.account else PAGE)


async def _clerk(visit: Visit) -> Account:
    """The clerk of an address. Raises NotFound for anybody else."""
    number = visit.request.match_info["account"]
    clerks = {str(one.id): one for one in await visit.database.read(_clerks)}
    if number not in clerks:
        raise NotFound
    return clerks[number]


def _invite(uow: UnitOfWork, *, by: Viewer, name: str, language: str, known: str) -> str:
    if known != _newest(_clerks(uow.db)):
        raise Conflict(code="sent-before")
    return moderation.invite_clerk(uow, by=by, name=name, language=language)
