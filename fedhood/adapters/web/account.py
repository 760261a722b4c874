"""What is one's own: the language, the passphrase, where one is signed in, a code for those one lives with."""

from typing import Any
from urllib.parse import urlencode

import peewee
from aiohttp import web

from fedhood.adapters.web import door, forms, session
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import LANGUAGES, N_
from fedhood.adapters.web.passphrases import PASSPHRASES
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, households, relations
from fedhood.core.access import Permission
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Invalid

_SAID = {
    "passphrase": N_("Your passphrase is saved. Everywhere else you are signed out."),
    "relieved": N_("You look after this place no longer. Thank you for having done it."),
}


async def show(visit: Visit) -> web.StreamResponse:
    """`/account`: all of it on one page."""
    return await _page(visit, Errors())


async def _page(visit: Visit, errors: Errors, *, status: int = 200, **more: Any) -> web.Response:
    me = await visit.database.read(accounts.get, visit.account)
    kept = await visit.database.read(access.passphrase_hash, visit.account)
    said = visit.request.query.get("said", "")
    onward = more.pop("onward", _onward(visit.request.query.get("next", "")))
    values: dict[str, Any] = {
        "me": me,
        "reads_in": me.language or visit.language.code,
        "has_passphrase": kept is not None,
        "asks_old": kept is not None and visit.viewer.passphrase_at is not None,
        "proposed": access.propose_passphrase(visit.language.code),
        "sessions": await visit.database.read(access.sessions_of, visit.account),
        "this_session": visit.viewer.session,
        "looks_after": access.may(visit.viewer, Permission.MODERATE, visit.viewer.neighbourhood),
        "counts": access.may(visit.viewer, Permission.COUNT, None),
        "code": "",
        "onward": onward,
        "said": visit.words.gettext(_SAID[said]) if said in _SAID else "",
        "blocked": await visit.database.read(_blocked, account=visit.account),
        "typed": "",
        "errors": errors,
    }
    once = bool(more.get("code"))
    path = f"/account?{urlencode({'next': onward})}" if onward else "/account"
    return visit.page("account.html", status=status, path=path, once=once, **(values | more))


def _onward(path: str) -> str:
    """The page that asked for a passphrase; empty for none."""
    return forms.safe_path(path) if path else ""


def _blocked(db: peewee.Database, *, account: int) -> list[accounts.Account]:
    """Whom somebody blocked, by name; who has left since needs no lifting."""
    known = accounts.many(db, relations.blocked_by(db, account)).values()
    return sorted((one for one in known if one.name), key=lambda one: one.name.casefold())


async def language(visit: Visit) -> web.StreamResponse:
    """The language of the pages, wherever one signs in."""
    code = (await visit.form()).get("language", "")
    if code not in LANGUAGES:
        raise Invalid(code="form", field="language")
    await visit.database.write(accounts.speak, account=visit.account, language=code)
    response = go("/account")
    session.keep_language(visit.request, response, "")
    return response


async def passphrase(visit: Visit) -> web.StreamResponse:
    """A new passphrase; everybody else who is signed in as this person is out.

    The old one is asked first, unless one came by a one-time link: those are for who forgot it.
    """
    form = await visit.form()
    typed = form.get("passphrase", "")
    onward = _onward(form.get("next", ""))
    kept = await visit.database.read(access.passphrase_hash, visit.account)
    if kept is not None and visit.viewer.passphrase_at is not None:
        wrong = await door.wrong_passphrase(visit, form.get("old", ""))
        if wrong:
            errors = Errors({"old": wrong.get("passphrase")})
            return await _page(visit, errors, status=422, typed=typed, onward=onward)
    try:
        fresh = await visit.request.app[PASSPHRASES].hashed(typed)
    except Invalid as refused:
        return await _page(visit, forms.errors_of(refused, visit.words), status=422, typed=typed, onward=onward)
    await visit.database.write(_change, account=visit.account, kept=fresh, session=visit.viewer.session or 0)
    return go(onward or "/account?said=passphrase")


def _change(uow: UnitOfWork, *, account: int, kept: str, session: int) -> None:
    """The new passphrase counts as given in this session."""
    access.set_passphrase(uow, account=account, hash=kept, but=session)
    access.renew_passphrase(uow, session=session)


async def sign_out_elsewhere(visit: Visit) -> web.StreamResponse:
    """Every other browser is out."""
    await visit.database.write(access.close_all, account=visit.account, but=visit.viewer.session)
    return go("/account#sessions")


async def make_code(visit: Visit) -> web.StreamResponse:
    """A code for somebody one lives with: shown this once, and kept nowhere in a form that can be read."""
    code = await visit.database.write(households.make_own_code, by=visit.viewer)
    return await _page(visit, Errors(), code=households.shown(code))
