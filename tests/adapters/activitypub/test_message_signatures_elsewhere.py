"""What we sign by RFC 9421 another implementation verifies, and the other way about."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import message_signatures
from fedhood.adapters.activitypub.signature_rules import Request
from tests.adapters.activitypub import golden

THEN = datetime(2026, 1, 1, 12, tzinfo=UTC)
BASE = "https://oak.example"
KEYS = {
    "rsa": (golden.rsa("alice"), algorithms.RSA_V1_5_SHA256),
    "ed25519": (golden.ed25519("alice"), algorithms.ED25519),
}
KINDS = st.sampled_from(sorted(KEYS))
TARGETS = st.from_regex(r"/[a-z/]{0,9}(\?[a-z=&%20]{0,9})?", fullmatch=True).filter(lambda text: "%" not in text)


@dataclass
class Message:
    """A request as the other implementation wants it."""

    method: str
    url: str
    headers: dict[str, str]


def resolver(kind: str) -> MappingKeyResolver:
    key = KEYS[kind][0]
    return MappingKeyResolver(public_keys={"k": key.public_key()}, private_keys={"k": key})


def verified_by_them(message: Message, kind: str, body: bytes | None, components: tuple[str, ...]) -> Any:
    verifier = HTTPMessageVerifier(signature_algorithm=KEYS[kind][1], key_resolver=resolver(kind))
    (result,) = verifier.verify(message, max_age=None, body=body, require_components=components)
    return result


@given(KINDS, TARGETS, st.binary(max_size=40))
def test_they_verify_what_we_post(kind: str, target: str, body: bytes) -> None:
    headers = message_signatures.sign_request(
        method="POST", base=BASE, target=target, body=body, key_id="k", key=KEYS[kind][0], date=THEN
    )
    message = Message("POST", BASE + target, headers)
    components = ("@method", "@target-uri", "@authority", "content-digest", "content-type")
    result = verified_by_them(message, kind, body, components)
    assert (result.label, result.body) == ("sig1", body)
    with pytest.raises(InvalidSignature):
        verified_by_them(message, kind, body + b"x", components)


@given(KINDS, TARGETS)
def test_they_verify_what_we_ask_for(kind: str, target: str) -> None:
    headers = message_signatures.sign_request(
        method="GET", base=BASE, target=target, body=None, key_id="k", key=KEYS[kind][0], date=THEN
    )
    verified_by_them(Message("GET", BASE + target, headers), kind, None, ("@method", "@target-uri", "@authority"))


@given(
    KINDS,
    TARGETS,
    st.binary(max_size=40),
    st.permutations(["@method", "@target-uri", "@authority", "@path", "@query", "@scheme", "host", "content-type"]),
    st.booleans(),
    st.none() | st.just("activitypub"),
)
def test_we_verify_what_they_post(
    kind: str, target: str, body: bytes, components: list[str], alg: bool, tag: str | None
) -> None:
    message = Message("POST", BASE + target, {"Host": "oak.example", "Content-Type": "application/activity+json"})
    key, algorithm = KEYS[kind]
    HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver(kind)).sign(
        message,
        key_id="k",
        created=THEN,
        expires=THEN + timedelta(minutes=5),
        nonce="n",
        tag=tag,
        include_alg=alg,
        covered_component_ids=components,
        body=body,
    )
    (signature,) = message_signatures.parse([message.headers["Signature-Input"]], [message.headers["Signature"]])
    request = Request(method="POST", base=BASE, target=target, headers=list(message.headers.items()))
    checked = message_signatures.check(signature, request, body=body, now=THEN)
    checked.verify_with(key.public_key())
