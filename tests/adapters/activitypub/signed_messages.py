"""Requests that are signed by RFC 9421: the recorded ones, and any that some other server might send."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from fedhood.adapters.activitypub import message_signatures, signed_requests
from fedhood.adapters.activitypub.signature_rules import Request, SignatureError
from tests.adapters.activitypub import golden

VECTORS = golden.document("90")
BODY = VECTORS["body_utf8"].encode()
NOW = datetime.fromisoformat(VECTORS["verify_at"])
SECONDS = int(NOW.timestamp())
POST = VECTORS["positive"]["rfc9421_post_rsa"]
ED25519 = VECTORS["positive"]["rfc9421_post_ed25519"]
GET = VECTORS["positive"]["rfc9421_get_rsa_with_query"]
ALICE = golden.rsa("alice")
ALICE_ED25519 = golden.ed25519("alice")
ALICE_URI = golden.test_key("alice")["actor"]
OAK = golden.rsa("oak_instance")
USUAL = ("@method", "@target-uri", "@authority", "content-digest", "content-type")

Headers = Sequence[tuple[str, str]]


def headers_of(vector: dict[str, Any], **changes: str) -> list[tuple[str, str]]:
    changed = {name.replace("_", "-").lower(): value for name, value in changes.items()}
    return [(name, changed.get(name.lower(), value)) for name, value in vector["headers"].items()]


def parsed(headers: Headers) -> tuple[message_signatures.Signature, ...]:
    inputs, values = ([value for name, value in headers if name.lower() == one] for one in FIELDS)
    return message_signatures.parse(inputs, values)


FIELDS = ("signature-input", "signature")


def verify(
    headers: Headers,
    *,
    method: str = "POST",
    base: str = "https://oak.example",
    target: str = "/ap/inbox",
    body: bytes | None = BODY,
    key: Any = ALICE,
    now: datetime = NOW,
    actor: str = ALICE_URI,
) -> None:
    claim = signed_requests.choose(signed_requests.read(headers), actor)
    request = Request(method=method, base=base, target=target, headers=headers)
    checked = claim.check(request, body=body, now=now)
    assert checked.key_id == claim.key_id
    checked.verify_with(key if isinstance(key, Ed25519PublicKey) else key.public_key())


def refusal(headers: Headers, **changes: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        verify(headers, **changes)
    return caught.value.code


def made(
    covered: str = '"@method" "@target-uri" "content-digest"',
    parameters: str = f'created={SECONDS};keyid="{ALICE_URI}#main-key"',
    *,
    label: str = "sig1",
    sent: Headers = (),
    key: Any = ALICE,
    method: str = "POST",
    target: str = "/ap/inbox",
) -> list[tuple[str, str]]:
    """A request signed over exactly this, as some other server might; the base is written here once more by hand."""
    headers = [
        ("Host", "oak.example"),
        ("Content-Digest", POST["headers"]["Content-Digest"]),
        ("Content-Type", "application/activity+json"),
        *sent,
    ]
    derived = {
        '"@method"': method,
        '"@target-uri"': f"https://oak.example{target}",
        '"@authority"': "oak.example",
        '"@scheme"': "https",
        '"@path"': target.partition("?")[0],
        '"@query"': f"?{target.partition('?')[2]}",
        '"@request-target"': target,
    }
    lines = []
    for name in covered.split():
        found = [value for one, value in headers if f'"{one.lower()}"' == name]
        lines.append(f"{name}: {derived.get(name, ', '.join(found))}")
    text = "\n".join([*lines, f'"@signature-params": ({covered});{parameters}']).encode()
    raw = key.sign(text) if isinstance(key, Ed25519PrivateKey) else key.sign(text, PKCS1v15(), SHA256())
    return [
        *headers,
        ("Signature-Input", f"{label}=({covered});{parameters}"),
        ("Signature", f"{label}=:{base64.b64encode(raw).decode()}:"),
    ]
