"""One request of one visitor: what every page needs to answer it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from fedhood.adapters.http.guard import is_loopback
from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import forms, session
from fedhood.adapters.web.keys import CLOCK, DATABASE, LIMITER, RENDERER, SETTINGS
from fedhood.adapters.web.render import Frame
from fedhood.core import access
from fedhood.core.access import Permission
from fedhood.kernel.errors import Unauthenticated
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from fedhood.adapters.web.languages import Language
    from fedhood.adapters.web.render import Words
    from fedhood.adapters.web.session import Visitor
    from fedhood.core.access import Viewer
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.kernel.database import Database
    from fedhood.kernel.settings import Settings


class Who(enum.Enum):
    """For whom a page is. A keeper is a moderator or a clerk; what is theirs is nobody else's, residents' included.

    A clerk of a city may live in no neighbourhood of this house: signed in, but no resident.
    """

    ANYONE = "anyone"
    SIGNED_IN = "signed-in"
    RESIDENT = "resident"
    KEEPER = "keeper"
    MODERATOR = "moderator"
    CLERK = "clerk"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request together with who asks."""

    request: web.Request
    visitor: Visitor

    @property
    def viewer(self) -> Viewer:
        """Who asks."""
        return self.visitor.viewer

    @property
    def account(self) -> int:
        """The account of who is signed in. Raises Unauthenticated."""
        if self.viewer.account is None:
            raise Unauthenticated
        return self.viewer.account

    @property
    def home(self) -> Neighbourhood:
        """The neighbourhood of who is signed in. Raises Unauthenticated."""
        if self.viewer.neighbourhood is None or self.visitor.home is None:
            raise Unauthenticated
        return self.visitor.home

    @property
    def language(self) -> Language:
        """The reader's language."""
        return self.visitor.language

    @property
    def words(self) -> Words:
        """Sentences in the reader's language."""
        return self.request.app[RENDERER].words(self.language)

    @property
    def zone(self) -> ZoneInfo:
        """Where the clock on the church tower stands."""
        return self.request.app[RENDERER].zone

    @property
    def now(self) -> datetime:
        """This moment."""
        return self.request.app[CLOCK].now()

    @property
    def own_address(self) -> str:
        """The address of this place for a link that is handed to somebody: the public one, or the one asked at."""
        return self.settings.base_url or f"{self.request.scheme}://{self.request.host}"

    @property
    def is_here_alone(self) -> bool:
        """Whether the own address leads nowhere from any other machine."""
        name = (urlsplit(self.own_address).hostname or "").rstrip(".")
        return not self.settings.base_url and (name == "localhost" or is_loopback(name))

    @property
    def database(self) -> Database:
        """The seam to the core."""
        return self.request.app[DATABASE]

    @property
    def settings(self) -> Settings:
        """What the host decided."""
        return self.request.app[SETTINGS]

    @property
    def before(self) -> int | None:
        """Below which id the page of a list begins, from `?older=`; None at the top."""
        older = self.request.query.get("older", "")
        return int(older) if older.isascii() and older.isdigit() and len(older) < 19 and int(older) else None

    async def form(self) -> dict[str, str]:
        """The fields that were sent."""
        return await forms.read(self.request)

    def count(self, bucket: Bucket, key: str = "") -> None:
        """Count a try, for the account when no other key is given. Raises TooMany."""
        self.request.app[LIMITER].check(bucket, key or str(self.account))

    def page(
        self, template: str, *, status: int = 200, path: str = "", once: bool = False, **values: Any
    ) -> web.Response:
        """A whole page. `path` is where it can be read again, when that is not the address that was asked for.

        `once`: it cannot be read again.
        """
        response = web.Response(
            status=status,
            content_type="text/html",
            charset="utf-8",
            text=self.text(template, path=path, once=once, status=status, **values),
        )
        session.lay_doormat(self.request, response)
        return response

    def text(self, template: str, *, path: str = "", once: bool = False, **values: Any) -> str:
        """The text of a page."""
        home = self.visitor.home
        frame = Frame(
            place=home.name if home is not None else "",
            path=path or _without_language(self.request),
            signed_in=self.viewer.is_resident,
            unread=self.visitor.unread,
            clerk=access.may(self.viewer, Permission.COUNT, None),
            for_city=self.settings.profile is Profile.CITY,
            here_alone=self.is_here_alone,
            once=once,
            csrf=self.visitor.proof,
        )
        return self.request.app[RENDERER].render(template, self.language, frame=frame, now=self.now, **values)


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


def _without_language(request: web.Request) -> str:
    """This address, so that the links to other languages stay on it."""
    return str(request.rel_url.without_query_params("lang"))


def go(path: str, *, status: int = 303) -> web.Response:
    """On to another page after something was done: the browser asks for it anew."""
    return web.Response(status=status, headers={"Location": path})
