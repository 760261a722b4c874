"""What a hostile peer puts on the wire: bytes of its own, over a socket of its own, signed by itself.

Nothing here uses the server's own client or signer: every header can be left out, repeated or lied about, and every
request may come from another address of this machine, so that one test's misbehaviour is not counted for another's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from fedhood.kernel.clock import Clock

ACTIVITY_JSON: Final = "application/activity+json"
COVERED: Final = ("(request-target)", "host", "date", "digest", "content-type")
_PATIENCE = 30.0
_addresses = itertools.count(2)


def fresh_address() -> str:
    """An address of this machine from which nothing has come yet."""
    number = next(_addresses)
    return f"127.7.{number // 250 % 250}.{number % 250 + 2}"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The last part of the problem's type, or nothing."""
        try:
            return str(json.loads(self.body)["type"]).rpartition("/")[2]
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def date(moment: datetime | None = None) -> str:
    """A moment as HTTP writes it; now, if none is given."""
    return format_datetime((moment or Clock().now()).astimezone(UTC).replace(microsecond=0), usegmt=True)


def digest(body: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A POST to an inbox as draft-cavage signs it. Every part may be replaced before it is signed or after.

    `fields` are further header lines; `covered` names what the signature covers, `signed` what the signer believes of
    a header in place of what is sent.
    """

    path: str
    host: str
    body: bytes | None
    key_id: str
    key: RSAPrivateKey
    date: str = field(default_factory=date)
    digest: str | None = ""
    content_type: str = ACTIVITY_JSON
    covered: tuple[str, ...] = COVERED
    algorithm: str | None = "rsa-sha256"
    method: str = "POST"
    fields: tuple[tuple[str, str], ...] = ()
    signed: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    value: bytes | None = None

    def lines(self) -> list[tuple[str, str]]:
        """The header lines but for the signature."""
        found = [("Host", self.host), ("Date", self.date)]
        if self.body is not None:
            found.append(("Content-Type", self.content_type))
            found.append(("Digest", digest(self.body) if self.digest == "" else self.digest or ""))
        return [(name, value) for name, value in [*found, *self.fields] if value]

    def message(self) -> bytes:
        """What is signed."""
        known = {name.lower(): value for name, value in self.lines()} | dict(self.signed)
        known.setdefault("(request-target)", f"{self.method.lower()} {self.path}")
        for name, value in self.parameters:
            known.setdefault(f"({name})", value)
        return "\n".join(f"{name}: {known.get(name, '')}" for name in self.covered).encode()

    def made(self) -> bytes:
        """The signature's value."""
        return self.value if self.value is not None else self.key.sign(self.message(), PKCS1v15(), SHA256())

    def signature(self) -> str:
        """The `Signature` header."""
        members = [("keyId", self.key_id)]
        members += [("algorithm", self.algorithm)] if self.algorithm is not None else []
        members += [("headers", " ".join(self.covered)), ("signature", base64.b64encode(self.made()).decode())]
        quoted = [f'{name}="{value}"' for name, value in members]
        return ",".join([*quoted, *(f"{name}={value}" for name, value in self.parameters)])

    def raw(self, *, signature: str | None = None, body: bytes | None = None) -> bytes:
        """The request, with this header in place of the signature and these bytes in place of the body."""
        said = self.signature() if signature is None else signature
        sent = self.body if body is None else body
        return request(self.method, self.path, [*self.lines(), *([("Signature", said)] if said else [])], sent)

    def but(self, **parts: Any) -> Letter:
        """The same letter with other parts."""
        return replace(self, **parts)


def request(method: str, path: str, lines: list[tuple[str, str]], body: bytes | None = None) -> bytes:
    """The bytes of a request; its length is said truthfully when there is a body."""
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("utf-8", "surrogateescape") + (body or b"")


@dataclass
class Line:
    """One connection to a server, kept open as long as the server likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int, *, address: str | None = None) -> Line:
        """Connect from an address of this machine, a fresh one if none is given."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(address or fresh_address(), 0), limit=1 << 24
        )
        return cls(reader, writer)

    async def ask(self, raw: bytes) -> Reply:
        """Send a request and wait for its answer."""
        self.writer.write(raw)
        return await self.answer()

    async def answer(self) -> Reply:
        """The next answer. Raises IncompleteReadError when the server hangs up instead."""
        async with asyncio.timeout(_PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status = int(first.split(" ")[1])
            body = await self._body(headers)
        return Reply(status=status, headers=headers, body=body)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.readexactly(int(headers.get("content-length", 0)))
        found = b""
        while size := int(await self.reader.readline(), 16):
            found += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return found

    async def close(self) -> None:
        self.writer.close()


async def send(port: int, raw: bytes, *, address: str | None = None) -> Reply:
    """One request on a connection of its own."""
    line = await Line.open(port, address=address)
    try:
        return await line.ask(raw)
    finally:
        await line.close()
