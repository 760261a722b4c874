"""Fedify and fedhood about each other's signatures: `python -m tests.interop`."""

from __future__ import annotations

import base64
import copy
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fedhood.adapters.activitypub import knocking, proofs, signed_requests
from fedhood.adapters.activitypub.key_documents import KeyKind
from fedhood.adapters.activitypub.keys import KeyPair
from fedhood.adapters.activitypub.knocking import Plan
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import FedhoodError
from tests.adapters.activitypub import golden
from tests.interop import fetched

Document = dict[str, Any]

NOW = datetime(2026, 11, 22, 9, 0, 2, tzinfo=UTC)
BODY = golden.document("90")["body_utf8"]
INBOX = "https://oak.example/ap/inbox"
NOTE = "https://elm.example/ap/notes/01JDNBR"
ALICE = golden.test_key("alice")["actor"]
OAK = golden.test_key("oak_instance")["actor"]
PLANS = {
    "cavage": Plan(scheme=Scheme.CAVAGE),
    "rfc9421": Plan(scheme=Scheme.RFC9421),
    "rfc9421-ed25519": Plan(scheme=Scheme.RFC9421, key=KeyKind.ED25519),
}
SPECS = {Scheme.CAVAGE: "draft-cavage-http-signatures-12", Scheme.RFC9421: "rfc9421"}
# Fedify 2.3.6 looks for keys of requests under `publicKey` alone, where an Ed25519 key has no place
NOT_THERE_YET = frozenset({"rfc9421-ed25519"})


def main() -> int:
    """Compare, and say what does not agree. How many there are."""
    try:
        fetched.fetch()
        checks = list(_checks())
    except fetched.Missing as missing:
        print(missing, file=sys.stderr)  # noqa: T201
        return 2
    wrong = [name for name, holds in checks if not holds]
    for name in wrong:
        print(f"differs: {name}")  # noqa: T201
    print(f"Fedify and fedhood: {len(checks)} compared, {len(wrong)} differ")  # noqa: T201
    return min(len(wrong), 1)


def _checks() -> Iterator[tuple[str, bool]]:
    ours, proofs_of_ours = _our_requests(), _our_proofs()
    theirs = _their_orders()
    said = fetched.run(
        "fedify.mjs",
        {
            "documents": {actor: _actor(name) for name, actor in _actors()},
            "requests": ours,
            "proofs": [{"name": name, "document": document} for name, document in proofs_of_ours.items()],
            "sign": theirs,
            "prove": [_order_of_proof(number) for number in ("10", "22")],
        },
    )
    for request in ours:
        verified = said["requests"][request["name"]]
        yield f"Fedify on our {request['name']}", verified == request["expected"]
    for name, document in proofs_of_ours.items():
        yield f"Fedify on our proof of {name}", said["proofs"][name] == _owners(document)
    for order in theirs:
        for what, holds in _their_request(order, said["sign"][order["name"]]):
            yield f"we on Fedify's {order['name']}{what}", holds
    for name, document in said["prove"].items():
        yield f"we on Fedify's proof of {name}", _holds(lambda one=document: _prove(one))
        changed = {**document, "published": "2026-11-23T09:00:00Z"}
        yield f"we on Fedify's proof of {name}, changed", not _holds(lambda one=changed: _prove(one))


# -- what we sign ------------------------------------------------------------------------------------------------------


def _our_requests() -> list[Document]:
    made = []
    for kind, plan in PLANS.items():
        for method, url, name, actor in (("POST", INBOX, "alice", ALICE), ("GET", NOTE, "oak_instance", OAK)):
            body = BODY if method == "POST" else None
            headers = knocking.sign(
                plan,
                method=method,
                url=url,
                body=None if body is None else body.encode(),
                signer=actor,
                pair=_pair(name),
                date=NOW,
            )
            key_id = actor + ("#ed25519-key" if plan.key is KeyKind.ED25519 else "#main-key")
            expected = None if kind in NOT_THERE_YET else key_id
            usual = {"method": method, "url": url, "headers": headers, "now": instant(NOW)}
            made.append({**usual, "name": f"{kind} {method}", "body": body, "expected": expected})
            elsewhere = {**usual, "url": url.replace("/ap/", "/ap/x/"), "body": body, "expected": None}
            made.append({**elsewhere, "name": f"{kind} {method}, sent elsewhere"})
            if body is not None:
                made.append({**usual, "name": f"{kind} POST, changed", "body": body + " ", "expected": None})
    return made


def _our_proofs() -> dict[str, Document]:
    """Every document with a proof, recorded ones and what is in them, and one that is made now."""
    found = {f"{number}{where}": part for number in golden.names() for where, part in _parts(golden.document(number))}
    activity = {name: value for name, value in golden.document("10").items() if name != "proof"}
    method = f"{ALICE}#ed25519-key"
    found["fresh"] = proofs.sign(activity, golden.ed25519("alice"), verification_method=method, created=NOW)
    return found


def _parts(value: Any, where: str = "") -> Iterator[tuple[str, Document]]:
    if isinstance(value, dict):
        if "proof" in value:
            yield where, value
        for name, member in value.items():
            yield from _parts(member, f"{where}.{name}")


def _owners(document: Document) -> list[str | None]:
    listed = document["proof"] if isinstance(document["proof"], list) else [document["proof"]]
    return [proof["verificationMethod"].partition("#")[0] for proof in listed]


# -- what Fedify signs -------------------------------------------------------------------------------------------------


def _their_orders() -> list[Document]:
    raw = golden.rsa("alice").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    usual = {"now": instant(NOW), "keyId": f"{ALICE}#main-key", "pkcs8": base64.b64encode(raw).decode()}
    return [
        {**usual, "name": f"{scheme.value} {method} {url}", "spec": spec, "method": method, "url": url, "body": body}
        for scheme, spec in SPECS.items()
        for method, url, body in (("POST", INBOX, BODY), ("GET", NOTE, None), ("GET", f"{NOTE}?page=1", None))
    ]


def _their_request(order: Document, headers: dict[str, str]) -> Iterator[tuple[str, bool]]:
    base, _, path = order["url"].partition(".example")
    body = None if order["body"] is None else order["body"].encode()
    host = f"{base}.example".partition("//")[2]

    def verify(body: bytes | None = body, path: str = path) -> None:
        lines = list({"host": host, **headers}.items())
        (claim,) = signed_requests.read(lines)
        request = Request(method=order["method"], base=f"{base}.example", target=path, headers=lines)
        checked = claim.check(request, body=body, now=NOW)
        checked.verify_with(golden.rsa("alice").public_key())

    yield "", _holds(verify)
    yield ", sent elsewhere", not _holds(lambda: verify(path="/ap/elsewhere"))
    if body is not None:
        yield ", changed", not _holds(lambda: verify(body=body + b" "))


def _order_of_proof(number: str) -> Document:
    document = {name: value for name, value in golden.document(number).items() if name != "proof"}
    raw = golden.ed25519("alice")
    parts = {"d": raw.private_bytes_raw(), "x": raw.public_key().public_bytes_raw()}
    letters = {name: base64.urlsafe_b64encode(value).decode().rstrip("=") for name, value in parts.items()}
    jwk = {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "ext": True, "key_ops": ["sign"], **letters}
    return {
        "name": number,
        "document": copy.deepcopy(document),
        "keyId": f"{ALICE}#ed25519-key",
        "jwk": jwk,
        "now": instant(NOW),
    }


def _prove(document: Document) -> None:
    owner = ALICE if document.get("actor") == ALICE else str(document.get("actor"))
    proofs.verify(document, lambda _: golden.ed25519("alice").public_key(), owner=owner, now=NOW)


def _holds(call: Callable[[], object]) -> bool:
    try:
        call()
    except FedhoodError:
        return False
    return True


# -- who they are ------------------------------------------------------------------------------------------------------


def _actors() -> Iterator[tuple[str, str]]:
    for name in golden.test_key_names():
        yield name, golden.test_key(name)["actor"]


def _actor(name: str) -> Document:
    """The document of a test actor, short."""
    key = golden.test_key(name)
    uri = key["actor"]
    return {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            "https://w3id.org/security/v1",
            "https://www.w3.org/ns/cid/v1",
        ],
        "id": uri,
        "type": "Person" if "/people/" in uri else "Application",
        "preferredUsername": uri.rpartition("/")[2],
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": key["rsa_public_pem"]},
        "assertionMethod": [
            {
                "id": f"{uri}#ed25519-key",
                "type": "Multikey",
                "controller": uri,
                "publicKeyMultibase": key["ed25519_public_multibase"],
            }
        ],
    }


def _pair(name: str) -> KeyPair:
    return KeyPair(rsa=golden.rsa(name), ed25519=golden.ed25519(name))


if __name__ == "__main__":
    sys.exit(main())
