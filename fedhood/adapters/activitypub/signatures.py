"""The room where requests between servers are signed and checked: draft-cavage-http-signatures-12 over bytes."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from fedhood.adapters.activitypub import signature_rules
from fedhood.adapters.activitypub.signature_rules import (
    CONTENT_TYPE,
    LONGEST_HEADER,
    MOST_COVERED,
    PublicKey,
    SignatureError,
    covered_value,
    is_made_with,
    strict_base64,
)
from fedhood.kernel.errors import Invalid

_EXPIRY_GRACE = timedelta(seconds=60)
_DERIVED = frozenset({"(request-target)", "(created)", "(expires)"})

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - the grammar's word for it, not a secret
_SCHEME = re.compile(rf"signature +(?={_TOKEN})", re.IGNORECASE)
_PARAMETER = re.compile(
    rf'(?P<name>{_TOKEN})[ \t]*+=[ \t]*+(?:"(?P<quoted>(?:[\t !#-\[\]-~]|\\[\t -~])*+)"|(?P<token>{_TOKEN}))'
)
_SEPARATOR = re.compile(r"[ \t]*+(?:,[ \t]*+)++|[ \t]*+$")
_ESCAPED = re.compile(r"\\(.)")
_INTEGER = re.compile(r"[0-9]{1,11}")
_IMF_FIXDATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
    r"[0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a `Signature` header says, before any of it is believed.

    `covered` holds lower-case names in signing order; `created` and `expires` are seconds since 1970, UTC.
    """

    key_id: str
    algorithm: str | None
    covered: tuple[str, ...]
    value: bytes
    created: int | None
    expires: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A signed request in which everything holds that can be known without the key."""

    signature: Signature
    messages: tuple[bytes, ...]

    @property
    def key_id(self) -> str:
        """The address of the key that is said to have signed."""
        return self.signature.key_id

    def verify_with(self, key: PublicKey) -> None:
        """Pass if the key made this signature. The key's type chooses the algorithm, never the message alone.

        Raises `SignatureError`: `signature-algorithm` when the message claims RSA for an Ed25519 key, else
        `signature-mismatch`.
        """
        if isinstance(key, Ed25519PublicKey) and self.signature.algorithm == "rsa-sha256":
            raise SignatureError("the algorithm does not fit the key", code="signature-algorithm")
        if not any(_made(key, self.signature, message) for message in self.messages):
            raise SignatureError("the signature does not match the request", code="signature-mismatch")


def sign_request(
    *, method: str, target: str, host: str, body: bytes | None, key_id: str, key: RSAPrivateKey, date: datetime
) -> dict[str, str]:
    """The headers to send with a request so that every server known to us accepts it.

    `target` is path and query as they will stand in the request line, `host` the authority without a default port.
    A request with a body gets `Digest` and `Content-Type` too, and both are covered. To be called for every attempt:
    a signature is stale after minutes.
    """
    headers = {"Host": host, "Date": format_datetime(date.astimezone(UTC).replace(microsecond=0), usegmt=True)}
    if body is not None:
        hashed = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        headers["Digest"] = f"SHA-256={hashed}"  # some servers compare this prefix letter by letter
        headers["Content-Type"] = CONTENT_TYPE
    lines = [f"(request-target): {method.lower()} {target}"]
    lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
    signature = base64.b64encode(key.sign("\n".join(lines).encode(), PKCS1v15(), SHA256())).decode("ascii")
    covered = " ".join(["(request-target)", *(name.lower() for name in headers)])
    # some servers split at commas and do not trim, some insist on `algorithm`, some refuse hs2019
    headers["Signature"] = f'keyId="{key_id}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}"'
    return headers


def parse(header: str) -> Signature:
    """Read a `Signature` header: RFC 7235 auth-params, with or without the scheme's name before them.

    Raises `Invalid` when it is not well formed (`signature-syntax`) or names a parameter twice
    (`signature-duplicate-parameter`), `SignatureError` when it says too little (`signature-parameters`) or covers an
    empty, repeating or too long list (`signature-covered`).
    """
    parameters = _parameters(header)
    if not parameters.get("keyid") or not parameters.get("signature"):
        raise SignatureError("the signature names no key or has no value", code="signature-parameters")
    algorithm = parameters.get("algorithm")
    covered = tuple(parameters.get("headers", "date").lower().split(" "))
    if len(covered) > MOST_COVERED or len(set(covered)) != len(covered) or "" in covered:
        raise SignatureError("the list of covered headers is not usable", code="signature-covered")
    return Signature(
        key_id=parameters["keyid"],
        algorithm=None if algorithm is None else algorithm.lower(),
        covered=covered,
        value=strict_base64(parameters["signature"], code="signature-parameters"),
        created=_seconds(parameters.get("created")),
        expires=_seconds(parameters.get("expires")),
    )


def check(
    signature: Signature,
    *,
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None,
    authorities: Collection[str],
    now: datetime,
) -> Checked:
    """Everything about a signed request but the key itself, so that no key is fetched for a request that fails anyway.

    `target` is the raw request target, `headers` every header as received, repeated ones repeated; `authorities` are
    the lower-case authorities that we answer for, from the configuration. A GET or HEAD needs no digest.

    Raises `SignatureError`: `signature-algorithm`, `signature-covered`, `signature-header` (a covered header is
    missing or repeated), `signature-host`, `signature-date`, `signature-stale`, `signature-future`,
    `signature-expired`, `signature-digest`.
    """
    _check_coverage(signature, needs_digest=signature_rules.needs_digest(method))
    values = _covered_values(signature, headers)
    if values["host"].lower() not in authorities:
        raise SignatureError("the request was signed for another server", code="signature-host")
    _check_times(signature, values, now)
    if "digest" in values:
        _check_digest(values["digest"], body or b"")
    path, query, _ = target.partition("?")
    # some senders leave the query out of what they sign
    targets = (target, path) if query else (target,)
    return Checked(
        signature=signature, messages=tuple(_message(signature, values, f"{method.lower()} {one}") for one in targets)
    )


def verify(
    signature: Signature,
    *,
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None,
    authorities: Collection[str],
    key: PublicKey,
    now: datetime,
) -> None:
    """`check` and `Checked.verify_with` in one, for a key that is at hand."""
    checked = check(
        signature, method=method, target=target, headers=headers, body=body, authorities=authorities, now=now
    )
    checked.verify_with(key)


def _parameters(header: str) -> dict[str, str]:
    if len(header) > LONGEST_HEADER:
        raise Invalid("the signature header is too long", code="signature-syntax")
    text = header.strip(" \t")
    scheme = _SCHEME.match(text)
    position = scheme.end() if scheme else 0
    found: dict[str, str] = {}
    while position < len(text):
        parameter = _PARAMETER.match(text, position)
        separator = _SEPARATOR.match(text, parameter.end()) if parameter else None
        if parameter is None or separator is None:
            raise Invalid("the signature header is not a list of parameters", code="signature-syntax")
        name = parameter["name"].lower()
        if name in found:
            raise Invalid("the signature header names a parameter twice", code="signature-duplicate-parameter")
        quoted = parameter["quoted"]
        found[name] = parameter["token"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        position = separator.end()
    return found


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None:
        raise SignatureError("a time in the signature is not a whole number", code="signature-parameters")
    return int(text)


def _check_coverage(signature: Signature, *, needs_digest: bool) -> None:
    covered = signature.covered
    if signature.algorithm not in {None, "rsa-sha256", "hs2019"}:
        raise SignatureError("the algorithm is not accepted", code="signature-algorithm")
    needed = {"(request-target)", "host"} | ({"digest"} if needs_digest else set())
    if not needed.issubset(covered) or not {"date", "(created)"}.intersection(covered):
        raise SignatureError("the signature does not cover enough of the request", code="signature-covered")
    for name, value in (("(created)", signature.created), ("(expires)", signature.expires)):
        if name in covered and (signature.algorithm != "hs2019" or value is None):
            raise SignatureError(f"{name} cannot be covered here", code="signature-covered")


def _covered_values(signature: Signature, headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    lines = signature_rules.lines_of(headers)
    return {name: covered_value(lines, name) for name in signature.covered if name not in _DERIVED}


def _check_times(signature: Signature, values: dict[str, str], now: datetime) -> None:
    moments = [_date(values["date"])] if "date" in values else []
    if "(created)" in signature.covered and signature.created is not None:
        moments.append(signature_rules.moment(signature.created))
    signature_rules.check_moments(moments, now)
    # looked at even where it is not covered: a forged one can only make us refuse
    if signature.expires is not None:
        signature_rules.check_expiry(signature_rules.moment(signature.expires), now - _EXPIRY_GRACE)


def _date(text: str) -> datetime:
    if _IMF_FIXDATE.fullmatch(text) is None:
        raise SignatureError("the date is not in the form of RFC 9110", code="signature-date")
    try:
        return parsedate_to_datetime(text)
    except ValueError as error:
        raise SignatureError("the date does not exist", code="signature-date") from error


def _check_digest(text: str, body: bytes) -> None:
    members = [member.strip(" \t").partition("=") for member in text.split(",")]
    claimed = [value for name, _, value in members if name.lower() == "sha-256"]
    actual = hashlib.sha256(body).digest()
    # every one of them has to match: which one another server would believe is not known
    if not claimed or not all(
        hmac.compare_digest(strict_base64(value, code="signature-digest"), actual) for value in claimed
    ):
        raise SignatureError("the digest is not that of the body", code="signature-digest")


def _message(signature: Signature, values: dict[str, str], request_target: str) -> bytes:
    derived = {
        "(request-target)": request_target,
        "(created)": str(signature.created),
        "(expires)": str(signature.expires),
    }
    lines = [f"{name}: {derived[name] if name in _DERIVED else values[name]}" for name in signature.covered]
    # as aiohttp decoded it, so that the bytes are those received
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _made(key: PublicKey, signature: Signature, message: bytes) -> bool:
    hashes = (SHA256(), SHA512()) if signature.algorithm == "hs2019" else (SHA256(),)
    return any(is_made_with(key, signature.value, message, one) for one in hashes)
