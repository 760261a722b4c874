"""A browser for tests: it keeps cookies, follows no redirect by itself, and fills in the forms it was shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.test_utils import TestClient

from fedhood.adapters.activitypub.ledger import Letters
from fedhood.adapters.web import add_to
from fedhood.core import access
from fedhood.kernel.settings import Settings

BRUSSELS = ZoneInfo("Europe/Brussels")
PASSPHRASE = "garden bicycle lamp north"
_PROOF = re.compile(r'name="csrf" value="([^"]+)"')
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}


def site(database, clock, settings: Settings | None = None, letters=None, diagnosis=None) -> web.Application:
    """The pages over this database."""
    app = web.Application()
    add_to(
        app,
        database=database,
        settings=settings or Settings(),
        clock=clock,
        zone=BRUSSELS,
        ledger=Letters(),
        letters=letters,
        diagnosis=diagnosis,
    )
    return app


@dataclass
class Browser:
    """One person's browser. `text` is what it shows now, `status` how it got that."""

    client: TestClient
    text: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> str:
        """Ask for a page."""
        response = await self.client.get(path, allow_redirects=False, headers=headers)
        return await self._take(response)

    async def post(
        self, path: str, *, headers: dict[str, str] | None = None, csrf: str | None = None, **fields: str
    ) -> str:
        """Send a form with the proof of the page that is shown, or with another."""
        proof = csrf if csrf is not None else self.proof
        response = await self.client.post(
            path, data={"csrf": proof, **fields}, allow_redirects=False, headers={**FROM_HERE, **(headers or {})}
        )
        return await self._take(response)

    async def press(self, path: str, **fields: str) -> str:
        """Send a form and go where it leads. It must lead somewhere."""
        await self.post(path, **fields)
        assert self.status == 303, (self.status, self.words)
        return await self.get(self.where)

    async def _take(self, response) -> str:
        self.text, self.status, self.headers = await response.text(), response.status, dict(response.headers)
        return self.text

    @property
    def where(self) -> str:
        """Where the answer leads, without the part of the page."""
        return self.headers["Location"].partition("#")[0]

    @property
    def proof(self) -> str:
        found = _PROOF.search(self.text)
        return found.group(1) if found else ""

    @property
    def words(self) -> str:
        """What is to be read on the page, without its machinery."""
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", self.text))).strip()

    def sign_in_as(self, database, viewer, *, with_passphrase: bool = True) -> Browser:
        """Put the cookie of a fresh session in."""
        opened = database.transact(access.open_session, account=viewer.account, with_passphrase=with_passphrase)
        self.client.session.cookie_jar.update_cookies({"sid": opened.token}, self.client.make_url("/"))
        return self
