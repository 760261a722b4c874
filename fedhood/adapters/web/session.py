"""Who asks: the cookie, the viewer behind it, and the proof that a form is one of ours."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import peewee
from aiohttp import web

from fedhood.adapters.web.keys import CLOCK, DATABASE, SETTINGS
from fedhood.adapters.web.languages import LANGUAGES, Language, choose
from fedhood.core import access, neighbourhoods, notifications
from fedhood.core.access import NOBODY, Viewer
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.kernel.clock import Clock
from fedhood.kernel.errors import FedhoodError, Forbidden

SAFE = frozenset({"GET", "HEAD"})
LANGUAGE_COOKIE = "lang"
_DAY = 24 * 60 * 60
_MONTH = 30 * _DAY  # the longest a session may last; the row decides
_YEAR = 365 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, in which language, before which street sign, and how much news a resident has not read."""

    viewer: Viewer
    language: Language
    home: Neighbourhood | None
    proof: str
    unread: int = 0


_VISITOR = web.RequestKey("visitor", Visitor)
_NEW_DOORMAT = web.RequestKey("new_doormat", str)


async def visitor(request: web.Request) -> Visitor:
    """Who asks. Looked up once a request; a cookie that opens nothing is nobody's."""
    if _VISITOR not in request:
        request[_VISITOR] = await _look_up(request)
    return request[_VISITOR]


async def _look_up(request: web.Request) -> Visitor:
    token = request.cookies.get(_name(request, "sid"), "")
    viewer, home, only, unread = await request.app[DATABASE].read(_known, token=token, clock=request.app[CLOCK])
    return Visitor(
        viewer=viewer,
        language=_language(request, viewer, home or only),
        home=home or only,
        proof=viewer.csrf if viewer.session is not None else _doormat_proof(request),
        unread=unread,
    )


def _known(
    db: peewee.Database, *, token: str, clock: Clock
) -> tuple[Viewer, Neighbourhood | None, Neighbourhood | None, int]:
    """The viewer behind a token, their neighbourhood and unread news, or the only neighbourhood of this house."""
    viewer = (access.viewer_of(db, token=token, now=clock.now()) if token else None) or NOBODY
    if viewer.neighbourhood is not None:
        unread = notifications.unread(db, viewer.account) if viewer.account is not None else 0
        return viewer, neighbourhoods.get(db, viewer.neighbourhood), None, unread
    ours = neighbourhoods.ours(db)
    return viewer, None, ours[0] if len(ours) == 1 else None, 0


def _language(request: web.Request, viewer: Viewer, here: Neighbourhood | None) -> Language:
    """What was pressed last wins over what the account says: signing in and the account's own form clear the cookie."""
    pressed = asked_language(request) or request.cookies.get(LANGUAGE_COOKIE)
    return choose(
        pressed,
        viewer.language,
        request.headers.get("Accept-Language", ""),
        otherwise=here.languages[0] if here is not None and here.languages else "en",
    )


def asked_language(request: web.Request) -> str:
    """The language whose link was just pressed; empty for none, or one that does not exist."""
    code = request.query.get("lang", "")
    return code if code in LANGUAGES else ""


def nobody() -> Visitor:
    """Whom a page is for when not even the database can be asked."""
    return Visitor(viewer=NOBODY, language=LANGUAGES["en"], home=None, proof="")


async def visitor_or_nobody(request: web.Request) -> Visitor:
    """For the page that says what went wrong: it must come out whatever it was."""
    try:
        return await visitor(request)
    except (FedhoodError, peewee.PeeweeException):
        return nobody()


# --- Forms that are ours ----------------------------------------------------------------------------------------


def check(request: web.Request, who: Visitor, sent: str) -> None:
    """Refuse what another site makes a browser send, by the browser's own word and by the token in the form.

    Raises Forbidden with code `not-our-form`.
    """
    if not is_from_here(request) or not who.proof or not hmac.compare_digest(sent.encode(), who.proof.encode()):
        raise Forbidden("this form is not ours, or too old", code="not-our-form")


def is_from_here(request: web.Request) -> bool:
    """Whether a form was sent from one of our own pages, as far as the browser says."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    own = request.app[SETTINGS].base_url
    return origin == own or urlsplit(origin).netloc.lower() == request.host.lower()


def _doormat_proof(request: web.Request) -> str:
    """The proof for forms before anyone is signed in: made from a cookie that another site can neither read nor set."""
    mat = request.cookies.get(_name(request, "mat"), "")
    if not 20 <= len(mat) <= 64:
        mat = secrets.token_urlsafe(16)
        request[_NEW_DOORMAT] = mat
    return sha256(b"fedhood form " + mat.encode()).hexdigest()


def lay_doormat(request: web.Request, response: web.StreamResponse) -> None:
    """Give the browser the cookie behind the proof, where a page has a form and nobody is signed in."""
    if _NEW_DOORMAT in request:
        _set(request, response, _name(request, "mat"), request[_NEW_DOORMAT], _DAY)


# --- Cookies ----------------------------------------------------------------------------------------------------


def open_door(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Sign this browser in: the session's token, and no language but the account's."""
    _set(request, response, _name(request, "sid"), token, _MONTH)
    _drop(request, response, _name(request, "mat"))
    _drop(request, response, LANGUAGE_COOKIE)


def close_door(request: web.Request, response: web.StreamResponse) -> None:
    """Forget the session in this browser."""
    _drop(request, response, _name(request, "sid"))


def keep_language(request: web.Request, response: web.StreamResponse, code: str) -> None:
    """Remember a language in this browser; an empty code forgets it."""
    if code:
        _set(request, response, LANGUAGE_COOKIE, code, _YEAR)
    else:
        _drop(request, response, LANGUAGE_COOKIE)


def _secure(request: web.Request) -> bool:
    return request.app[SETTINGS].base_url.startswith("https://")


def _name(request: web.Request, name: str) -> str:
    return f"__Host-{name}" if _secure(request) else name


def _set(request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=_secure(request))


def _drop(request: web.Request, response: web.StreamResponse, name: str) -> None:
    if name in request.cookies:
        response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=_secure(request))
