"""Who is said to have signed a request, by either scheme, and whether that holds as far as it shows without the key."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import message_signatures, signatures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.adapters.activitypub.signature_rules import Checked, Request


class Scheme(enum.StrEnum):
    """How a request is signed: by draft-cavage-http-signatures-12, or by RFC 9421."""

    CAVAGE = "cavage"
    RFC9421 = "rfc9421"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One signature of a request, read and not yet believed. `key_id` is the address of its key, as it was written."""

    scheme: Scheme
    key_id: str
    signature: signatures.Signature | message_signatures.Signature

    def check(self, request: Request, *, body: bytes | None, now: datetime) -> Checked:
        """Everything but the key. Raises `SignatureError`."""
        if isinstance(self.signature, message_signatures.Signature):
            return message_signatures.check(self.signature, request, body=body, now=now)
        return signatures.check(
            self.signature,
            method=request.method,
            target=request.target,
            headers=request.headers,
            body=body,
            authorities={request.authority},
            now=now,
        )


def read(headers: Sequence[tuple[str, str]]) -> tuple[Claim, ...]:
    """The signatures that may count, none for a request without one.

    With a `Signature-Input` it is signed by RFC 9421 or not at all: what fails there is not tried by the older scheme.
    The older one has a single header. Raises `Invalid` for what is not well formed, `SignatureError` for what says too
    little.
    """
    inputs, values = (_lines(headers, name) for name in ("signature-input", "signature"))
    if inputs:
        return tuple(
            Claim(scheme=Scheme.RFC9421, key_id=one.key_id or "", signature=one)
            for one in message_signatures.usable(message_signatures.parse(inputs, values))
        )
    if len(values) != 1:
        return ()
    older = signatures.parse(values[0])
    return (Claim(scheme=Scheme.CAVAGE, key_id=older.key_id, signature=older),)


def choose(claims: Sequence[Claim], actor: str) -> Claim:
    """The one of several (at least one) that counts for what this actor says: theirs, or else the first."""
    return next((one for one in claims if belongs_to(one.key_id, actor)), claims[0])


def belongs_to(key_id: str, actor: str) -> bool:
    """Whether a key's address is within an actor's: `actor#key`, as nearly everybody writes it, or `actor/key`."""
    return key_id.partition("#")[0] == actor or key_id.startswith(f"{actor}/")


def _lines(headers: Sequence[tuple[str, str]], wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]
