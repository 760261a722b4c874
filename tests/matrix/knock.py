"""One who asks, and what came back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from yarl import URL

from fedhood.adapters.activitypub import signatures
from fedhood.adapters.http.keys import LIMITER
from fedhood.adapters.http.limits import Bucket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.support.world import Place

PAGE = "text/html"
ACTIVITY = "application/activity+json"
LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
WIRE = ("/ap/", "/.well-known/", "/nodeinfo/")
# what differs between two answers that say the same
_OF_THE_MOMENT = {"date", "x-request-id"}
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Key:
    """The key of a server, and the name it goes by."""

    uri: str
    rsa: RSAPrivateKey


@dataclass
class Viewer:
    """Somebody at one of the servers: with a cookie, with a key, or with neither."""

    name: str
    at: str
    cookie: str = "mat=a-doormat-of-one-who-is-not-in"
    csrf: str = ""
    key: Key | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def told_beyond(self, path: str) -> bytes:
        """What may hold a word that should not be there: all of it but the address, which who asked has told us."""
        hay = b"\n".join((*(value.encode() for _, value in self.headers), self.body))
        for asked in _spellings(path):
            hay = hay.replace(asked, b"")
        return hay.lower()

    def as_of(self, path: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """What must be the same for what is hidden and what never was.

        A door that asks one to sign in, or stays shut for all, may repeat the address that was asked for.
        """
        if self.status not in {401, 403}:
            return self.status, self.headers, self.body
        kept = tuple((name, value) for name, value in self.headers if name != "content-length")
        body = self.body
        for asked in _spellings(path):
            body = body.replace(asked, b"HERE")
        return self.status, kept, body


def _spellings(path: str) -> set[bytes]:
    """An address as it was asked for, and as it stands in a link."""
    return {path.encode(), quote(path).encode()}


@dataclass
class Door:
    """The way into one server. Every request comes from an address of its own, so that nobody is told to wait."""

    place: Place
    session: aiohttp.ClientSession
    _asked: int = field(default=0)

    async def ask(
        self,
        viewer: Viewer,
        method: str,
        path: str,
        *,
        accept: str = PAGE,
        fields: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        self._asked += 1
        if self._asked % 500 == 0:
            self._forgive()
        address = f"198.18.{self._asked // 250 % 250}.{self._asked % 250 + 1}"
        headers = {
            "Host": self.place.host,
            "Accept": accept,
            "Accept-Language": "en",
            "Cookie": viewer.cookie,
            "X-Forwarded-For": address,
        }
        if viewer.key is not None:
            headers |= self._signed(viewer.key, method, path, body)
        if fields is not None:
            headers |= {"Origin": f"http://{self.place.host}", "Sec-Fetch-Site": "same-origin"}
        elif body is not None:
            headers["Content-Type"] = ACTIVITY
        port = self.place.host.rpartition(":")[2]
        async with self.session.request(
            method,
            URL(f"http://127.0.0.1:{port}{path}", encoded=True),
            headers=headers,
            data=body if fields is None else {"csrf": viewer.csrf, **fields},
            allow_redirects=False,
        ) as response:
            kept = sorted((k.lower(), v) for k, v in response.headers.items() if k.lower() not in _OF_THE_MOMENT)
            return Answer(response.status, tuple(kept), await response.read())

    def _forgive(self) -> None:
        """Nobody asks as often as we do: no door is to stay shut for that."""
        runner = self.place.server._runner
        assert runner is not None
        paid_at = runner.app[LIMITER]._paid_at
        for known in [one for one in paid_at if one[0] is Bucket.SIGNED_IN]:
            del paid_at[known]

    def _signed(self, key: Key, method: str, path: str, body: bytes | None) -> dict[str, str]:
        return signatures.sign_request(
            method=method,
            target=path,
            host=self.place.host,
            body=body,
            key_id=key.uri,
            key=key.rsa,
            date=self.place.server.clock.now(),
        )

    async def proof_of_a_stranger(self, viewer: Viewer) -> str:
        """What stands in our forms for one who is not signed in."""
        found = _CSRF.search((await self.ask(viewer, "GET", "/sign-in")).body.decode())
        assert found is not None
        return found.group(1)


def is_wire(path: str) -> bool:
    return path.startswith(WIRE)
