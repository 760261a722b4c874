"""The room where documents are signed and believed: Data Integrity proofs, cryptosuite eddsa-jcs-2022 (FEP-8b32)."""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fedhood.adapters.activitypub import multibase
from fedhood.adapters.activitypub.canonical import canonicalise, canonicalise_parsed
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"

_MOST_PROOFS = 4
_CLOCK_SKEW = timedelta(minutes=10)
_CHOSEN = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_SHORT_PUBLIC = frozenset({"as:Public", "Public"})
_AUDIENCES = ("to", "cc", "audience")
# With these, what a JSON-LD reader sees is not what a JSON reader sees in the same signed bytes.
_REARRANGING = frozenset({"@graph", "@included", "@reverse", "@import", "@base", "@nest"})
MISMATCH = "proof-signature"
FUTURE = "proof-future"
_REARRANGING_RAW = re.compile("|".join(sorted(_REARRANGING)).encode())
_ESCAPE = b"\\u"  # a word may be written so that it is not seen


class ProofError(Invalid):
    """A document's proof is missing or does not hold; `code` says by which rule."""

    default_code = "proof-invalid"


def sign(
    document: dict[str, Any], key: Ed25519PrivateKey, *, verification_method: str, created: datetime
) -> dict[str, Any]:
    """A copy of the document with a fresh `proof` as its last member; an older proof is left out.

    `verification_method` is the key's id; `created` is kept to the second. The proof repeats the document's
    `@context`. Raises `Invalid` for what cannot be canonicalised.
    """
    unsigned = _unsigned(document)
    options: dict[str, Any] = {"@context": unsigned["@context"]} if "@context" in unsigned else {}
    options |= {
        "type": _CHOSEN["type"],
        "cryptosuite": _CHOSEN["cryptosuite"],
        "verificationMethod": verification_method,
        "proofPurpose": _CHOSEN["proofPurpose"],
        "created": instant(created),
    }
    signature = key.sign(_hash(options) + _hash(unsigned))
    return {**unsigned, "proof": {**options, "proofValue": multibase.encode(signature)}}


def add(
    document: dict[str, Any], key: Ed25519PrivateKey, *, verification_method: str, created: datetime
) -> dict[str, Any]:
    """A copy of the document with one more proof beside those that it has. Raises `Invalid` as `sign` does."""
    fresh = sign(document, key, verification_method=verification_method, created=created)["proof"]
    return {**document, "proof": [*_as_list(document["proof"]), fresh]}


def verify(
    document: dict[str, Any],
    find_key: Callable[[str], Ed25519PublicKey | None],
    *,
    owner: str,
    now: datetime,
) -> None:
    """Pass if the document carries a valid proof by a key of `owner`; a valid proof by anybody else counts nothing.

    `owner` is the actor's id whose word is asked for: the document's own actor, or the instance actor where it
    vouches for an actor document. `find_key` is asked for a key id only after that id was found to be `owner`'s, and
    answers None unless `owner`'s own document lists the key. Of up to four proofs one must hold.

    Raises `ProofError` with the code of the first proof's failure: `proof-missing`, `proof-malformed`,
    `proof-too-many`, `proof-unsupported`, `proof-owner`, `proof-origin`, `proof-key-unknown`, `proof-created`,
    `proof-future`, `proof-expired`, `proof-context`, `proof-value`, `proof-signature`; and `Invalid`
    when the document cannot be canonicalised or fails `refuse_rearranging`.
    """
    _check_origins(document, owner)
    refuse_rearranging(document, canonicalise_parsed(document))
    failure: ProofError | None = None
    for proof in _candidates(document.get("proof")):
        try:
            _verify_one(document, proof, find_key, owner=owner, now=now)
        except ProofError as error:
            failure = failure or error
        else:
            return
    raise failure or ProofError("no proof is of a kind that is understood here", code="proof-unsupported")


def refuse_rearranging(document: dict[str, Any], raw: bytes | None = None) -> None:
    """Pass if a JSON reader and a JSON-LD reader see the same document; for every document from outside.

    With the bytes that it was read from, those in which none of the words occurs are not searched value by value.

    Raises `Invalid` with the code `rearranged` for a member named `@graph`, `@included`, `@reverse`, `@import`,
    `@base` or `@nest` at any depth, and for a context that gives one of them another name.
    """
    if raw is not None and _ESCAPE not in raw and _REARRANGING_RAW.search(raw) is None:
        return
    waiting: list[tuple[Any, bool]] = [(document, False)]
    while waiting:
        value, in_context = waiting.pop()
        if isinstance(value, dict):
            if not _REARRANGING.isdisjoint(value):
                raise Invalid("the document rearranges itself for JSON-LD readers", code="rearranged")
            waiting.extend((member, in_context or name == "@context") for name, member in value.items())
        elif isinstance(value, list):
            waiting.extend((member, in_context) for member in value)
        elif in_context and isinstance(value, str) and value in _REARRANGING:
            raise Invalid("the document renames a JSON-LD keyword", code="rearranged")


def _candidates(proof: Any) -> Iterator[dict[str, Any]]:
    if proof is None:
        raise ProofError("the document carries no proof", code="proof-missing")
    proofs = proof if isinstance(proof, list) else [proof]
    if len(proofs) > _MOST_PROOFS:
        raise ProofError("the document carries too many proofs", code="proof-too-many")
    if not all(isinstance(one, dict) for one in proofs):
        raise ProofError("a proof is not an object", code="proof-malformed")
    for one in proofs:
        # made for one reader or one occasion, which is not ours
        bound = "domain" in one or "challenge" in one
        if not bound and all(one.get(name) == value for name, value in _CHOSEN.items()):
            yield one


def _verify_one(
    document: dict[str, Any],
    proof: dict[str, Any],
    find_key: Callable[[str], Ed25519PublicKey | None],
    *,
    owner: str,
    now: datetime,
) -> None:
    _check_times(proof, now)
    signature = _signature(proof)
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    unsigned = _under_proof_context(_unsigned(document), options)
    key = _owners_key(proof, find_key, owner)
    hashed_options = _hash_parsed(options)
    if _holds(key, signature, hashed_options + _hash_parsed(unsigned)):
        return
    # Fedify signs the full address of the public and sends the short one.
    widened = _with_full_public(unsigned)
    if widened != unsigned and _holds(key, signature, hashed_options + _hash_parsed(widened)):
        return
    raise ProofError("the proof does not match the document", code=MISMATCH)


def _check_times(proof: dict[str, Any], now: datetime) -> None:
    if _moment(proof.get("created")) > now + _CLOCK_SKEW:
        raise ProofError("the proof was made in the future", code=FUTURE)
    if "expires" in proof and _moment(proof["expires"]) <= now:
        raise ProofError("the proof has expired", code="proof-expired")


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise ProofError("the proof does not say when it was made", code="proof-created")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ProofError("the proof names a moment that does not exist", code="proof-created") from error


def _signature(proof: dict[str, Any]) -> bytes:
    value = proof.get("proofValue")
    if not isinstance(value, str):
        raise ProofError("the proof has no value", code="proof-value")
    try:
        raw = multibase.decode(value)
    except Invalid as error:
        raise ProofError("the proof's value is not base58btc", code="proof-value") from error
    if len(raw) != 64:
        raise ProofError("the proof's value is not an Ed25519 signature", code="proof-value")
    return raw


def _owners_key(
    proof: dict[str, Any], find_key: Callable[[str], Ed25519PublicKey | None], owner: str
) -> Ed25519PublicKey:
    method = proof.get("verificationMethod")
    if not isinstance(method, str) or method.partition("#")[0] != owner:
        raise ProofError("the proof is not by the one whose word is asked for", code="proof-owner")
    key = find_key(method)
    if key is None:
        raise ProofError("the signer does not list this key", code="proof-key-unknown")
    return key


def _under_proof_context(unsigned: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    # The signer's context may have been added to, never changed; what was signed is the signer's (vc-di-eddsa 3.3.2).
    if "@context" not in options:
        return unsigned
    signed = _as_list(options["@context"])
    if "@context" not in unsigned or _as_list(unsigned["@context"])[: len(signed)] != signed:
        raise ProofError("the document does not begin with the proof's context", code="proof-context")
    return {**unsigned, "@context": options["@context"]}


def _check_origins(document: dict[str, Any], owner: str) -> None:
    home = _origin(owner)
    if home is None:
        raise ProofError("the signer's id is not an https address", code="proof-origin")
    speaker = document.get("actor", document.get("attributedTo"))
    for named in (document.get("id"), speaker):
        first = named[0] if isinstance(named, list) and named else named
        address = first.get("id") if isinstance(first, dict) else first
        if address is not None and (not isinstance(address, str) or _origin(address) != home):
            raise ProofError("the document and its signer are not of one origin", code="proof-origin")


@lru_cache(maxsize=1024)
def _origin(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None:
        return None
    # a name that only ever means this machine (RFC 6761, 6.3): the demo's and the tests' way of having no certificate
    if parts.scheme == "http" and parts.hostname.endswith(".localhost"):
        return f"http {parts.hostname}", port or 80
    return (parts.hostname, port or 443) if parts.scheme == "https" else None


def _with_full_public(document: dict[str, Any]) -> dict[str, Any]:
    copy = dict(document)
    for name in _AUDIENCES:
        if name in copy:
            copy[name] = _full_public(copy[name])
    if isinstance(copy.get("object"), dict):
        copy["object"] = _with_full_public(copy["object"])
    return copy


def _full_public(value: Any) -> Any:
    if isinstance(value, list):
        return [_full_public(one) for one in value]
    return PUBLIC if isinstance(value, str) and value in _SHORT_PUBLIC else value


def _unsigned(document: dict[str, Any]) -> dict[str, Any]:
    # `signature` is the older kind (RsaSignature2017), which senders put beside a proof after making it
    return {name: value for name, value in document.items() if name not in {"proof", "signature"}}


def _hash(value: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonicalise(value)).digest()


def _hash_parsed(value: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonicalise_parsed(value)).digest()


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
