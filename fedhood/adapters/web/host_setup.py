"""Looking after the place: where to find what, and setting it up when nobody lives here yet."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

import peewee
from aiohttp import web

from fedhood.adapters.http import middleware
from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import forms, session
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.passphrases import PASSPHRASES
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, households, metrics, neighbourhoods
from fedhood.core.access import NewSession, Permission, Role
from fedhood.kernel import state
from fedhood.kernel import text as texts
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Conflict, Gone, Invalid, NotFound
from fedhood.kernel.settings import Profile

_NAME = "set-up-token"
_MOST_DIGITS, _MOST_HOUSEHOLDS = 7, 1_000_000
_MOST_PLACE, _MOST_SOURCE, _MOST_NAME = 80, 200, 60


async def overview(visit: Visit) -> web.StreamResponse:
    """`/host`: what there is to do, for who may do it."""
    moderates = any(
        access.may(visit.viewer, Permission.MODERATE, place) for place in (visit.viewer.neighbourhood, None)
    )
    return visit.page("host/overview.html", moderates=moderates)


# --- Set-up -----------------------------------------------------------------------------------------------------------


def new_set_up_token(uow: UnitOfWork) -> str | None:
    """The token of `/setup/{token}`, made anew; None when somebody lives here already. Kept as a hash only."""
    if _is_looked_after(uow.db):
        return None
    token = token_urlsafe(24)
    state.write(uow, name=_NAME, value=sha256(token.encode()).hexdigest())
    return token


def _is_looked_after(db: peewee.Database) -> bool:
    return bool(neighbourhoods.ours(db) or access.holders(db, Permission.SET_UP, None))


def _check(db: peewee.Database, *, token: str) -> None:
    """Raises Gone for every token once somebody looks after the place, NotFound for one that is not today's."""
    kept = state.read(db, _NAME)
    given = sha256(token.encode("utf-8", "replace")).hexdigest()
    if _is_looked_after(db):
        raise Gone
    if not isinstance(kept, str) or not compare_digest(kept, given):
        raise NotFound


async def set_up_page(visit: Visit) -> web.StreamResponse:
    """`/setup/{token}`: the questions, for who started the server and read the address there."""
    visit.count(Bucket.SIGN_IN_ADDRESS, middleware.client(visit.request))
    try:
        await visit.database.read(_check, token=visit.request.match_info["token"])
    except Gone:
        return _is_over(visit)
    return _set_up_page(visit, {}, Errors())


def _set_up_page(visit: Visit, form: Mapping[str, str], errors: Errors, *, status: int = 200) -> web.Response:
    return visit.page(
        "host/set_up.html",
        status=status,
        token=visit.request.match_info["token"],
        city=visit.settings.profile is Profile.CITY,
        form=form,
        reads_in=form.get("language", "") or visit.language.code,
        proposed=access.propose_passphrase(visit.language.code),
        errors=errors,
    )


async def set_up(visit: Visit) -> web.StreamResponse:
    """The neighbourhood, its first moderator, and their passphrase: all of it or nothing."""
    visit.count(Bucket.SIGN_IN_ADDRESS, middleware.client(visit.request))
    token = visit.request.match_info["token"]
    form = await visit.form()
    try:
        await visit.database.read(_check, token=token)
        kept, errors = await _read(visit, form)
        if errors:
            return _set_up_page(visit, form, errors, status=422)
        begin = _begin_city if visit.settings.profile is Profile.CITY else _begin
        opened = await visit.database.write(begin, token=token, form=form, kept=kept)
    except (Invalid, Conflict) as refused:
        field = {"key": "place", "name": "name"}.get(refused.field or "", refused.field or "place")
        errors = Errors({field: forms.errors_of(refused, visit.words).get(refused.field or "text")})
        return _set_up_page(visit, form, errors, status=422)
    except Gone:
        return _is_over(visit)
    response = go("/city/set-up" if visit.settings.profile is Profile.CITY else "/host")
    session.open_door(visit.request, response, opened.token)
    return response


def _is_over(visit: Visit) -> web.Response:
    """The address was used, by whoever looks after the place now; as little there as one that never was."""
    return visit.page("host/set_up_over.html", status=404, path="/")


async def _read(visit: Visit, form: Mapping[str, str]) -> tuple[str, Errors]:
    """The hash of the passphrase, and all that is wrong with the form at once, field by field."""
    source = form.get("households_source", "")
    checks: tuple[Callable[[], object], ...] = (
        lambda: texts.one_line(form.get("place", ""), field="place", most=_MOST_PLACE),
        lambda: _number(form.get("households", "")),
        lambda: texts.one_line(source, field="households_source", most=_MOST_SOURCE, least=0),
        lambda: texts.one_line(form.get("name", ""), field="name", most=_MOST_NAME),
    )
    kept, errors = "", Errors()
    for check in checks:
        try:
            check()
        except Invalid as refused:
            errors.sentences |= forms.errors_of(refused, visit.words).sentences
    try:
        kept = await visit.request.app[PASSPHRASES].hashed(form.get("passphrase", ""))
    except Invalid as refused:
        errors.sentences |= forms.errors_of(refused, visit.words).sentences
    return kept, errors


def _begin(uow: UnitOfWork, *, token: str, form: Mapping[str, str], kept: str) -> NewSession:
    _check(uow.db, token=token)
    language = form.get("language", "") if form.get("language") in LANGUAGES else "en"
    try:
        place = neighbourhoods.create(
            uow,
            name=form.get("place", ""),
            languages=(language,),
            households=_number(form.get("households", "")),
            households_source=form.get("households_source", ""),
            households_on=form.get("households_on", ""),
        )
    except Invalid as refused:
        field = "place" if refused.field == "name" else refused.field
        raise Invalid(refused.detail, code=refused.code, field=field, **refused.facts) from refused
    account = accounts.create(uow, name=form.get("name", ""), neighbourhood=place, language=language)
    households.admit(uow, account=account, household=households.found(uow, neighbourhood=place))
    return _open(uow, account, Role.MODERATOR, kept)


def _begin_city(uow: UnitOfWork, *, token: str, form: Mapping[str, str], kept: str) -> NewSession:
    """A city has no neighbourhood of its own: its first clerk makes the list of those that report."""
    _check(uow.db, token=token)
    language = form.get("language", "") if form.get("language") in LANGUAGES else "en"
    try:
        metrics.name_city(uow, name=form.get("place", ""))
    except Invalid as refused:
        raise Invalid(refused.detail, code=refused.code, field="place", **refused.facts) from refused
    account = accounts.create(uow, name=form.get("name", ""), neighbourhood=None, language=language)
    return _open(uow, account, Role.CLERK, kept)


def _open(uow: UnitOfWork, account: int, role: Role, kept: str) -> NewSession:
    access.give(uow, account=account, role=role, neighbourhood=None, by=None)
    access.set_passphrase(uow, account=account, hash=kept)
    state.write(uow, name=_NAME, value="")
    return access.open_session(uow, account=account, with_passphrase=True)


def _number(text: str) -> int | None:
    """A count as people write it, with spaces or dots between thousands. Raises Invalid."""
    digits = "".join(sign for sign in text if sign not in " .,’\u00a0\u202f")
    if not digits:
        return None
    known = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
    if not (known and 1 <= int(digits) <= _MOST_HOUSEHOLDS):
        raise Invalid(code="households", field="households")
    return int(digits)
