"""Mounts the pages on an application: the order of what is asked before a handler runs, and how refusals are shown."""

import re
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from aiohttp import web

from fedhood.adapters.http import middleware
from fedhood.adapters.http.keys import CLOCK, DATABASE, LIMITER, SETTINGS
from fedhood.adapters.http.limits import Limiter
from fedhood.adapters.http.refusals import Refusal
from fedhood.adapters.web import forms, session
from fedhood.adapters.web.days import TODAY, Today, note_day
from fedhood.adapters.web.keys import DIAGNOSIS, LEDGER, OUR_LETTERS, RENDERER, Diagnosis, OurLetters
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.passphrases import PASSPHRASES, Passphrases, is_stale
from fedhood.adapters.web.render import Renderer
from fedhood.adapters.web.routes import ROUTES, Route, Who
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access
from fedhood.core.access import Permission
from fedhood.core.deliveries import Ledger
from fedhood.kernel.clock import Clock
from fedhood.kernel.database import Database
from fedhood.kernel.errors import Forbidden, Unauthenticated
from fedhood.kernel.settings import Settings

# what somebody may have written at length, and loses if a page swallows it
_PAGE_OF = re.compile(r"/(p|help)/[0-9]+(/talk)?(?=/|$)")
_WRITTEN = ("line", "text", "note", "answer", "rules", *(f"text-{one}" for one in LANGUAGES))


def add_to(
    app: web.Application,
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    zone: ZoneInfo,
    ledger: Ledger,
    letters: Callable[[], Awaitable[str]] | None = None,
    diagnosis: Diagnosis | None = None,
) -> None:
    """Put everything that pages need into an application: keys, middlewares, routes.

    `ledger` says what became of what goes to other places, and lets somebody do something about it.
    `letters` gives the 24 letters that a neighbour's moderator compares; without it none are shown. `diagnosis` finds
    out about neighbours; without it nothing can be tested.
    """
    app[DATABASE] = database
    app[SETTINGS] = settings
    app[CLOCK] = clock
    app[LIMITER] = Limiter()
    app[RENDERER] = Renderer(zone)
    app[TODAY] = Today()
    app[PASSPHRASES] = Passphrases()
    app[OUR_LETTERS] = OurLetters(letters)
    app[LEDGER] = ledger
    app[DIAGNOSIS] = diagnosis
    app.middlewares.append(middleware.headers)
    app.middlewares.append(middleware.refusing(error_page))
    for route in ROUTES:
        handler = _answering(route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)


def _answering(route: Route) -> middleware.Handler:
    """Who may, how often, whether the form is ours; then the handler."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if route.path.startswith("/static/"):
            return await route.handler(Visit(request, session.nobody()))
        visit = Visit(request, await session.visitor(request))
        middleware.limit(request, visit.viewer.account)
        if request.method not in session.SAFE:
            fields = await forms.read(request)
            _require(route.who, visit)
            session.check(request, visit.visitor, fields.get("csrf", ""))
        else:
            _require(route.who, visit)
        if visit.viewer.is_resident:
            await note_day(visit)
        if route.who in _PERMISSIONS and is_stale(visit, visit.viewer):
            return go(_again(request))
        response = await route.handler(visit)
        pressed = session.asked_language(request)
        if pressed:
            session.keep_language(request, response, pressed)
        return response

    return answer


def _require(who: Who, visit: Visit) -> None:
    """Raises Unauthenticated, Forbidden."""
    if who is Who.ANYONE:
        return
    if visit.viewer.account is None:
        raise Unauthenticated
    permission = _PERMISSIONS.get(who)
    if permission is None:
        if who is Who.RESIDENT and not visit.viewer.is_resident:
            raise Forbidden
    elif not any(access.may(visit.viewer, permission, place) for place in (visit.viewer.neighbourhood, None)):
        raise Forbidden


_PERMISSIONS = {Who.KEEPER: Permission.PEER, Who.MODERATOR: Permission.MODERATE, Who.CLERK: Permission.COUNT}


def _again(request: web.Request) -> str:
    """Where the passphrase is asked again, and then back to the page: a form that was sent begins anew."""
    return f"/again?next={request.path if request.method in session.SAFE else '/host'}"


def _back(request: web.Request, status: int) -> str:
    """The page on which something was refused: the one that was asked for, or that of the post or request acted on."""
    if status not in {403, 409, 422}:
        return ""
    if request.method in session.SAFE:
        return request.path
    found = _PAGE_OF.match(request.path)
    return found.group() if status == 409 and found else ""


async def error_page(request: web.Request, refusal: Refusal) -> web.StreamResponse:
    """A refusal as a page that says what to do next, and gives back what was typed."""
    visit = Visit(request, await session.visitor_or_nobody(request))
    typed = forms.already_read(request)
    response = visit.page(
        "error.html",
        status=refusal.status,
        old_form=refusal.code == "not-our-form",
        # the same bytes for every address: a page that is not there tells nothing, not even what was asked for
        path="/",
        seconds=refusal.retry_after if refusal.status in {429, 503} else 0,
        back=_back(request, refusal.status),
        next=request.path if refusal.status == 401 and request.method in session.SAFE else "",
        kept=[typed[name] for name in _WRITTEN if typed.get(name, "").strip()] if session.is_from_here(request) else [],
    )
    response.headers.update(refusal.headers)
    return response
