"""The door: signing in by name and passphrase or by a one-time link, joining with a code, going out."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import peewee
from aiohttp import web

from fedhood.adapters.http import middleware
from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import forms, session
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.passphrases import PASSPHRASES
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, accounts, households, neighbourhoods
from fedhood.core.access import NewSession
from fedhood.core.accounts import AccountState
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Conflict, Gone, Invalid, NotFound, TooMany

_MOST_TRIES = 10
_WINDOW = timedelta(hours=1)
_CODE_TRIES = 5
_CODE_WINDOW = timedelta(hours=1)


# --- By name and passphrase ---------------------------------------------------------------------------------------


async def sign_in_page(visit: Visit) -> web.StreamResponse:
    """`/sign-in`: for who is in already, on to where they wanted to go."""
    onward = forms.safe_path(visit.request.query.get("next", "/"))
    if visit.viewer.session is not None:
        return go(onward)
    return _sign_in_page(visit, onward)


def _sign_in_page(
    visit: Visit, onward: str, *, name: str = "", errors: Errors | None = None, status: int = 200
) -> web.Response:
    return visit.page(
        "sign_in.html", status=status, onward=onward, name=name, errors=errors or Errors(), path="/sign-in"
    )


async def sign_in(visit: Visit) -> web.StreamResponse:
    """The form is sent. Whether the name or the passphrase was wrong is not told, nor by how long it takes."""
    form = await visit.form()
    name, onward = form.get("name", "").strip(), forms.safe_path(form.get("next", "/"))
    visit.count(Bucket.SIGN_IN_ADDRESS, middleware.client(visit.request))
    account, kept = await visit.database.survey(_find, name=name)
    bucket = _bucket("sign-in", str(account) if account is not None else name.casefold())
    left = await visit.database.read(access.tries_left, bucket=bucket, most=_MOST_TRIES, window=_WINDOW, now=visit.now)
    if left == 0:
        raise TooMany("too many tries", retry_after=int(_WINDOW.total_seconds()))
    passphrases = visit.request.app[PASSPHRASES]
    if not await passphrases.fits(kept, form.get("passphrase", "")) or account is None:
        await visit.database.write(access.count_try, bucket=bucket, window=_WINDOW)
        errors = Errors({"name": visit.words.gettext("This name and this passphrase do not belong together.")})
        return _sign_in_page(visit, onward, name=name, errors=errors, status=422)
    opened = await visit.database.write(_come_in, account=account, label=_label(visit), bucket=bucket)
    return _welcome(visit, opened, onward)


def _find(db: peewee.Database, *, name: str) -> tuple[int | None, str | None]:
    """The account of a handle or a name, and the hash of its passphrase; a name that two people bear is nobody's."""
    found = accounts.by_handle(db, name.removeprefix("@").casefold())
    people = [found] if found is not None else _named(db, name)
    active = [one for one in people if one.state is AccountState.ACTIVE and one.peer is None]
    if len(active) != 1:
        return None, None
    return active[0].id, access.passphrase_hash(db, active[0].id)


def _named(db: peewee.Database, name: str) -> list[accounts.Account]:
    wanted = name.casefold()
    return [
        one
        for place in neighbourhoods.ours(db)
        for one in accounts.residents(db, place.id)
        if one.name.casefold() == wanted
    ]


def _come_in(uow: UnitOfWork, *, account: int, label: str, bucket: str) -> NewSession:
    """A session, and the tries before it forgiven."""
    access.forget_tries(uow, bucket=bucket)
    return access.open_session(uow, account=account, label=label, with_passphrase=True)


def _bucket(what: str, key: str) -> str:
    """Where failed tries are counted; a name that was typed is kept as a hash only."""
    return f"{what}:{sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _label(visit: Visit) -> str:
    """What the list of sessions calls this browser: the program and the machine, as far as it says."""
    agent = visit.request.headers.get("User-Agent", "")
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    machine = next((name for sign, name in _MACHINES if sign in agent), "")
    return ", ".join(part for part in (browser, machine) if part)


_BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_MACHINES = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def _welcome(visit: Visit, opened: NewSession, onward: str) -> web.Response:
    response = go(onward)
    session.open_door(visit.request, response, opened.token)
    return response


async def sign_out(visit: Visit) -> web.StreamResponse:
    """This browser forgets who was here."""
    if visit.viewer.session is not None:
        await visit.database.write(access.close_session, account=visit.account, session=visit.viewer.session)
    response = go("/")
    session.close_door(visit.request, response)
    return response


# --- The passphrase once more ---------------------------------------------------------------------------------------


async def again_page(visit: Visit) -> web.StreamResponse:
    """`/again`: before a moderator acts, the passphrase is asked once more when it was given long ago."""
    onward = forms.safe_path(visit.request.query.get("next", "/host"))
    has_one = await visit.database.read(access.passphrase_hash, visit.account) is not None
    return visit.page("again.html", onward=onward, has_one=has_one, errors=Errors())


async def again(visit: Visit) -> web.StreamResponse:
    """The passphrase is given once more."""
    form = await visit.form()
    onward = forms.safe_path(form.get("next", "/host"))
    errors = await wrong_passphrase(visit, form.get("passphrase", ""))
    if errors:
        return visit.page("again.html", status=422, path="/again", onward=onward, has_one=True, errors=errors)
    await visit.database.write(access.renew_passphrase, session=visit.viewer.session or 0)
    return go(onward)


async def wrong_passphrase(visit: Visit, given: str) -> Errors:
    """What is wrong with the passphrase of who is signed in; nothing when it fits. Raises TooMany."""
    bucket = _bucket("sign-in", str(visit.account))
    if not await visit.database.read(access.tries_left, bucket=bucket, most=_MOST_TRIES, window=_WINDOW, now=visit.now):
        raise TooMany("too many tries", retry_after=int(_WINDOW.total_seconds()))
    kept = await visit.database.read(access.passphrase_hash, visit.account)
    if await visit.request.app[PASSPHRASES].fits(kept, given):
        await visit.database.write(access.forget_tries, bucket=bucket)
        return Errors()
    await visit.database.write(access.count_try, bucket=bucket, window=_WINDOW)
    return Errors({"passphrase": visit.words.gettext("This is not your passphrase.")})


# --- By a one-time link ---------------------------------------------------------------------------------------------


async def link_page(visit: Visit) -> web.StreamResponse:
    """`/link/{token}`: a button. A program that looks at links before people do uses nothing up."""
    token = visit.request.match_info["token"]
    opens = await visit.database.read(access.link_opens, token=token, now=visit.now)
    return visit.page("link.html", status=200 if opens else 404, token=token, wrong=not opens)


async def link(visit: Visit) -> web.StreamResponse:
    """The button is pressed: the link is used up, this browser signed in."""
    visit.count(Bucket.SIGN_IN_ADDRESS, middleware.client(visit.request))
    token = visit.request.match_info["token"]
    try:
        opened = await visit.database.write(access.use_link, token=token, label=_label(visit))
    except (NotFound, Gone):
        return visit.page("link.html", status=404, token="", wrong=True)
    has_one = await visit.database.read(access.passphrase_hash, opened.account) is not None
    return _welcome(visit, opened, "/" if has_one else "/account#passphrase-card")


# --- With a code ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """What somebody typed who wants to come in."""

    code: str
    name: str
    language: str
    passphrase: str


async def join_page(visit: Visit) -> web.StreamResponse:
    """`/join`: the code, first of all."""
    return _join_page(visit, _Newcomer("", "", visit.language.code, ""), Errors(), step=1)


def _join_page(visit: Visit, who: _Newcomer, errors: Errors, *, step: int, status: int = 200) -> web.Response:
    return visit.page(
        "join.html",
        status=status,
        path="/join",
        step=step,
        code=who.code,
        name=who.name,
        reads_in=who.language or visit.language.code,
        passphrase=who.passphrase,
        proposed=access.propose_passphrase(visit.language.code) if step == 2 else "",
        errors=errors,
    )


async def join(visit: Visit) -> web.StreamResponse:
    """The code is sent, and after it who comes: name, language, passphrase."""
    form = await visit.form()
    who = _Newcomer(
        code=form.get("code", "").strip(),
        name=form.get("name", ""),
        language=form.get("language", "") if form.get("language") in LANGUAGES else visit.language.code,
        passphrase=form.get("passphrase", ""),
    )
    try:
        households.read(who.code)
        await _check_code(visit, who.code)
    except Invalid as refused:
        return _join_page(visit, who, forms.errors_of(refused, visit.words, otherwise="code"), step=1, status=422)
    if "passphrase" not in form:
        return _join_page(visit, who, Errors(), step=2)
    try:
        kept = await visit.request.app[PASSPHRASES].hashed(who.passphrase)
        opened = await visit.database.write(_move_in, who=who, kept=kept, label=_label(visit))
    except (Invalid, Conflict) as refused:
        step = 1 if refused.field == "code" or isinstance(refused, Conflict) else 2
        errors = forms.errors_of(refused, visit.words, otherwise="code" if step == 1 else "name")
        return _join_page(visit, who, errors, step=step, status=422)
    return _welcome(visit, opened, "/")


async def _check_code(visit: Visit, code: str) -> None:
    """Raises Invalid (`code`) with the tries that are left, TooMany when there are none."""
    bucket = _bucket("code", middleware.client(visit.request))
    left = await visit.database.read(
        access.tries_left, bucket=bucket, most=_CODE_TRIES, window=_CODE_WINDOW, now=visit.now
    )
    if left == 0:
        raise TooMany("too many codes", retry_after=int(_CODE_WINDOW.total_seconds()))
    try:
        await visit.database.read(households.check_code, code=code, now=visit.now)
    except Invalid as refused:
        visit.count(Bucket.CODE_TRIES, middleware.client(visit.request))
        tries = await visit.database.write(access.count_try, bucket=bucket, window=_CODE_WINDOW)
        raise Invalid(
            "this code does not fit", code="code", field="code", left=max(0, _CODE_TRIES - tries)
        ) from refused


def _move_in(uow: UnitOfWork, *, who: _Newcomer, kept: str, label: str) -> NewSession:
    """Somebody lives here from now on, has a passphrase, and is signed in: all of it or nothing."""
    account = households.join(uow, code=who.code, name=who.name, language=who.language)
    access.set_passphrase(uow, account=account, hash=kept)
    return access.open_session(uow, account=account, label=label, with_passphrase=True)
