"""The room where requests between servers are signed and checked by the newer scheme: RFC 9421, message signatures.

The older one is in `signatures`. What the two share is in `signature_rules`. A body is covered by its `Content-Digest`
(RFC 9530).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from fedhood.adapters.activitypub import signature_rules, structured_fields
from fedhood.adapters.activitypub.signature_rules import CONTENT_TYPE, MOST_COVERED, Request, SignatureError
from fedhood.adapters.activitypub.structured_fields import InnerList, Item
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from fedhood.adapters.activitypub.signature_rules import PublicKey
    from fedhood.adapters.activitypub.structured_fields import BareItem, Member

_Value = TypeVar("_Value")

# how servers tell each other that they read this (FEP-844e)
CAPABILITY = "https://datatracker.ietf.org/doc/html/rfc9421"
CAPABILITY_ED25519 = f"{CAPABILITY}#name-eddsa-using-curve-edwards25"

RSA = "rsa-v1_5-sha256"
ED25519 = "ed25519"
TAG = "activitypub"
LABEL = "sig1"
MOST_LABELS = 4
LONGEST_LIFE = timedelta(hours=12)

_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "sha-256": lambda body: hashlib.sha256(body).digest(),
    "sha-512": lambda body: hashlib.sha512(body).digest(),
}
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_WHERE = frozenset({"@scheme", "@authority", "@path", "@query"})  # together as good as `@target-uri`


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says about one of its signatures, before any of it is believed.

    `parameters` is the inner list as it was received, to the letter. `covered` holds names in signing order; one that
    is not a plain name (it has parameters of its own) is there with them, and is refused later.
    """

    label: str
    covered: tuple[str, ...]
    parameters: str
    value: bytes
    key_id: str | None
    algorithm: str | None
    created: int | None
    expires: int | None
    tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A signed request in which everything holds that can be known without the key."""

    signature: Signature
    message: bytes

    @property
    def key_id(self) -> str:
        """The address of the key that is said to have signed."""
        return self.signature.key_id or ""

    def verify_with(self, key: PublicKey) -> None:
        """Pass if the key made this signature. The key's type chooses the algorithm, never the message.

        Raises `SignatureError`: `signature-algorithm` when the message names another one, else `signature-mismatch`.
        """
        fitting = ED25519 if isinstance(key, Ed25519PublicKey) else RSA
        if self.signature.algorithm not in {None, fitting}:
            raise SignatureError("the algorithm does not fit the key", code="signature-algorithm")
        if not signature_rules.is_made_with(key, self.signature.value, self.message):
            raise SignatureError("the signature does not match the request", code="signature-mismatch")


def sign_request(
    *,
    method: str,
    base: str,
    target: str,
    body: bytes | None,
    key_id: str,
    key: RSAPrivateKey | Ed25519PrivateKey,
    date: datetime,
) -> dict[str, str]:
    """The headers to send with a request so that every server known to us that reads RFC 9421 accepts it.

    `base` is scheme and authority without a default port, `target` path and query as they will stand in the request
    line. A request with a body gets `Content-Digest` and `Content-Type`, both covered. `Date` and `Digest` are sent
    too, uncovered: some servers ask for them before they look at any signature. To be called for every attempt.
    """
    covered = ["@method", "@target-uri", "@authority"]
    headers = {
        "Host": base.partition("://")[2],
        "Date": format_datetime(date.astimezone(UTC).replace(microsecond=0), usegmt=True),
    }
    if body is not None:
        hashed = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        headers |= {"Digest": f"SHA-256={hashed}", "Content-Digest": f"sha-256=:{hashed}:"}
        headers["Content-Type"] = CONTENT_TYPE
        covered += ["content-digest", "content-type"]
    algorithm = ED25519 if isinstance(key, Ed25519PrivateKey) else RSA
    names = " ".join(f'"{name}"' for name in covered)
    parameters = f'({names});created={int(date.timestamp())};keyid="{key_id}";alg="{algorithm}"'
    request = Request(method=method, base=base, target=target, headers=list(headers.items()))
    message = signature_base(tuple(covered), parameters, request)
    raw = key.sign(message) if isinstance(key, Ed25519PrivateKey) else key.sign(message, PKCS1v15(), SHA256())
    headers["Signature-Input"] = f"{LABEL}={parameters}"
    headers["Signature"] = f"{LABEL}=:{base64.b64encode(raw).decode('ascii')}:"
    return headers


# -- reading (R1, R2) --------------------------------------------------------------------------------------------------


def parse(inputs: Sequence[str], values: Sequence[str]) -> tuple[Signature, ...]:
    """Read the `Signature-Input` and `Signature` lines of a request: at least one signature, at most four.

    Raises `Invalid`: `signature-syntax` for what is not well formed or has a label in one header alone,
    `signature-labels` for none or too many, `signature-duplicate-parameter` for a label or a parameter given twice.
    """
    described, made = _dictionary(inputs), _dictionary(values)
    if not 0 < len(described) <= MOST_LABELS:
        raise Invalid(f"a request carries between one and {MOST_LABELS} signatures", code="signature-labels")
    if described.keys() != made.keys():
        raise Invalid("a signature is only in one of its two headers", code="signature-syntax")
    return tuple(_signature(label, described[label], made[label]) for label in described)


def usable(signatures: Sequence[Signature]) -> tuple[Signature, ...]:
    """The signatures that may count, at least one. Raises `SignatureError`.

    Those for another purpose (`signature-tag`) or without a key (`signature-parameters`) are passed over, and those of
    an algorithm that is not known here as long as there are others.
    """
    meant = [one for one in signatures if one.tag in {None, TAG}]
    if not meant:
        raise SignatureError("the signature was made for another purpose", code="signature-tag")
    named = [one for one in meant if one.key_id]
    if not named:
        raise SignatureError("the signature names no key", code="signature-parameters")
    return tuple([one for one in named if one.algorithm in {None, RSA, ED25519}] or named)


def _dictionary(lines: Sequence[str]) -> dict[str, Member]:
    try:
        pairs = structured_fields.parse_dictionary(", ".join(lines))
    except Invalid as error:
        raise Invalid("the signature headers are not dictionaries", code="signature-syntax") from error
    return _once(pairs)


def _once(pairs: Sequence[tuple[str, _Value]]) -> dict[str, _Value]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("the signature headers name something twice", code="signature-duplicate-parameter")
    return found


def _signature(label: str, described: Member, made: Member) -> Signature:
    if not isinstance(described, InnerList) or not isinstance(made, Item) or not isinstance(made.value, bytes):
        raise Invalid("a signature is a list of names and some bytes", code="signature-syntax")
    if not all(isinstance(one.value, str) for one in described.items):
        raise Invalid("what is covered is named by strings", code="signature-syntax")
    parameters = _once(described.parameters)
    return Signature(
        label=label,
        # what has parameters of its own is no name of a component: it keeps its quotes and is known by nobody
        covered=tuple(one.text if one.parameters else str(one.value) for one in described.items),
        parameters=described.text,
        value=made.value,
        key_id=_text(parameters, "keyid"),
        algorithm=_text(parameters, "alg"),
        created=_seconds(parameters, "created"),
        expires=_seconds(parameters, "expires"),
        tag=_text(parameters, "tag"),
    )


def _text(parameters: Mapping[str, BareItem], name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise SignatureError(f"{name} is not a string", code="signature-parameters")
    return value


def _seconds(parameters: Mapping[str, BareItem], name: str) -> int | None:
    value = parameters.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise SignatureError(f"{name} is not a whole number of seconds", code="signature-parameters")
    return value


# -- checking (R3 to R6, R8) -------------------------------------------------------------------------------------------


def check(signature: Signature, request: Request, *, body: bytes | None, now: datetime) -> Checked:
    """Everything about a signed request but the key itself, so that no key is fetched for a request that fails anyway.

    A GET or HEAD needs no digest. Raises `SignatureError`: `signature-parameters`, `signature-covered`,
    `signature-header` (a covered header is missing or repeated), `signature-host`, `signature-stale`,
    `signature-future`, `signature-expired`, `signature-digest`.
    """
    if not signature.key_id:
        raise SignatureError("the signature names no key", code="signature-parameters")
    _check_coverage(signature.covered, needs_digest=signature_rules.needs_digest(request.method))
    _check_times(signature, now)
    lines = signature_rules.lines_of(request.headers)
    if "host" in signature.covered:
        host = signature_rules.covered_value(lines, "host")
        if host.lower() != request.authority:
            raise SignatureError("the request was signed for another server", code="signature-host")
    if "content-digest" in signature.covered:
        _check_digest(signature_rules.covered_value(lines, "content-digest"), body or b"")
    return Checked(signature=signature, message=signature_base(signature.covered, signature.parameters, request))


def signature_base(covered: Sequence[str], parameters: str, request: Request) -> bytes:
    """What is signed of a request (RFC 9421, 2.5); `parameters` stands in it to the letter.

    Raises `SignatureError`, code `signature-header`, for a covered header that is missing or repeated.
    """
    lines = signature_rules.lines_of(request.headers)
    written = [
        f'"{name}": {_DERIVED[name](request) if name in _DERIVED else signature_rules.covered_value(lines, name)}'
        for name in covered
    ]
    written.append(f'"@signature-params": {parameters}')
    # as aiohttp decoded it, so that the bytes are those received
    return "\n".join(written).encode("utf-8", "surrogateescape")


def _check_coverage(covered: Sequence[str], *, needs_digest: bool) -> None:
    if len(covered) > MOST_COVERED or max(Counter(covered).values(), default=0) > 1:
        raise SignatureError("the list of what is covered is not usable", code="signature-covered")
    if not all(name in _DERIVED or _is_field(name) for name in covered):
        raise SignatureError("something is covered that is not understood here", code="signature-covered")
    where = "@target-uri" in covered or _WHERE.issubset(covered)
    if "@method" not in covered or not where or (needs_digest and "content-digest" not in covered):
        raise SignatureError("the signature does not cover enough of the request", code="signature-covered")


def _is_field(name: str) -> bool:
    """Whether this is the name of a header as it is covered: in small letters, without parameters."""
    return _FIELD.fullmatch(name) is not None


def _check_times(signature: Signature, now: datetime) -> None:
    if signature.created is None:
        raise SignatureError("the signature does not say when it was made", code="signature-parameters")
    created = signature_rules.moment(signature.created)
    signature_rules.check_moments([created], now)
    expires = created + LONGEST_LIFE
    if signature.expires is not None:
        expires = min(expires, signature_rules.moment(signature.expires))
    if expires < created:
        raise SignatureError("the signature ends before it begins", code="signature-expired")
    signature_rules.check_expiry(expires, now)


def _check_digest(text: str, body: bytes) -> None:
    try:
        members = _once(structured_fields.parse_dictionary(text))
    except Invalid as error:
        raise SignatureError("the content digest cannot be read", code="signature-digest") from error
    known = [(_DIGESTS[name], member) for name, member in members.items() if name in _DIGESTS]
    # every one of them has to match: which one another server would believe is not known
    if not known or not all(_is_digest(member, digest(body)) for digest, member in known):
        raise SignatureError("the content digest is not that of the body", code="signature-digest")


def _is_digest(member: Member, actual: bytes) -> bool:
    claimed = member.value if isinstance(member, Item) else None
    return isinstance(claimed, bytes) and hmac.compare_digest(claimed, actual)


# -- what is covered that is no header (RFC 9421, 2.2) -----------------------------------------------------------------


def _scheme(request: Request) -> str:
    return request.base.partition("://")[0]


def _path(request: Request) -> str:
    return request.target.partition("?")[0] or "/"


def _query(request: Request) -> str:
    return "?" + request.target.partition("?")[2]


_DERIVED: dict[str, Callable[[Request], str]] = {
    "@method": lambda request: request.method,
    "@target-uri": lambda request: request.base + request.target,
    "@authority": lambda request: request.authority,
    "@scheme": _scheme,
    "@path": _path,
    "@query": _query,
    "@request-target": lambda request: request.target,
}
