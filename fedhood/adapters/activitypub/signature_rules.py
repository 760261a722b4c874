"""What holds for every signed request, whichever scheme it is signed by: what is covered, how long, by which key."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from fedhood.kernel.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.hashes import SHA512

PublicKey: TypeAlias = RSAPublicKey | Ed25519PublicKey

CONTENT_TYPE = "application/activity+json"
OLDEST = timedelta(minutes=65)
NEWEST = timedelta(minutes=60)
LONGEST_HEADER = 8192
MOST_COVERED = 32

_WITHOUT_BODY = frozenset({"GET", "HEAD"})
# fields that a proxy may split or join without changing what they say (RFC 9110, 5.3)
_JOINABLE = frozenset({"accept", "accept-encoding", "accept-language", "cache-control", "content-digest"})


class SignatureError(Unauthenticated):
    """A request's signature is incomplete or does not hold; `code` says by which rule."""

    default_code = "signature-invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was received: its target raw, every header, repeated ones repeated.

    `base` is scheme and authority that we answer for, from the configuration: what a proxy says of them is not asked.
    """

    method: str
    base: str
    target: str
    headers: Sequence[tuple[str, str]]

    @property
    def authority(self) -> str:
        """Host and port that we answer for, in lower case."""
        return self.base.partition("://")[2]


class Checked(Protocol):
    """A signed request in which everything holds that can be known without the key."""

    @property
    def key_id(self) -> str:
        """The address of the key that is said to have signed."""

    def verify_with(self, key: PublicKey) -> None:
        """Pass if the key made this signature; the key's type chooses the algorithm. Raises `SignatureError`."""


def needs_digest(method: str) -> bool:
    """Whether a request of this method has a body that has to be signed for."""
    return method.upper() not in _WITHOUT_BODY


def lines_of(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of every header by its lower-case name, in the order in which they came."""
    lines: dict[str, list[str]] = {}
    for name, value in headers:
        lines.setdefault(name.lower(), []).append(value.strip(" \t"))
    return lines


def covered_value(lines: Mapping[str, list[str]], name: str) -> str:
    """The one value of a covered header. Raises `SignatureError`, code `signature-header`.

    It occurs exactly once: where two readers could each take another line, nothing was signed. Of a few fields a
    proxy may make two lines.
    """
    found = lines.get(name, [])
    if not found or (len(found) > 1 and name not in _JOINABLE):
        raise SignatureError("a covered header is missing or repeated", code="signature-header", header=name)
    value = ", ".join(found)
    if "\n" in value:
        raise SignatureError("a covered header holds a line break", code="signature-header", header=name)
    return value


def check_moments(moments: Iterable[datetime], now: datetime) -> None:
    """Raises `SignatureError` for what was signed too long ago (`signature-stale`) or later (`signature-future`)."""
    for moment in moments:
        if moment < now - OLDEST:
            raise SignatureError("the request was signed too long ago", code="signature-stale")
        if moment > now + NEWEST:
            raise SignatureError("the request was signed in the future", code="signature-future")


def check_expiry(expires: datetime, now: datetime) -> None:
    """Raises `SignatureError`, code `signature-expired`."""
    if expires < now:
        raise SignatureError("the signature has expired", code="signature-expired")


def moment(seconds: int) -> datetime:
    """A moment as signatures name it, in seconds since 1970. Raises `SignatureError` for one beyond all calendars."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise SignatureError("a time in the signature does not exist", code="signature-parameters") from error


def strict_base64(text: str, *, code: str) -> bytes:
    """The bytes of base64 with its padding and nothing between. Raises `SignatureError` with this code."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureError("a value is not base64", code=code) from error


def is_made_with(key: PublicKey, value: bytes, message: bytes, hashed: SHA256 | SHA512 | None = None) -> bool:
    """Whether this key made this signature of this message: Ed25519, or RSA PKCS#1 v1.5 over `hashed` (SHA-256)."""
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(value, message)
        else:
            key.verify(value, message, PKCS1v15(), hashed or SHA256())
    except InvalidSignature:
        return False
    return True
