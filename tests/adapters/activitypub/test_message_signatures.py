"""RFC 9421 by its own examples and by the recorded requests: what is read of a signature, and whose it is."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import message_signatures, signed_requests
from fedhood.adapters.activitypub.signature_rules import Request, SignatureError
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.signed_messages import (
    ALICE,
    ALICE_ED25519,
    ALICE_URI,
    BODY,
    ED25519,
    FIELDS,
    GET,
    NOW,
    OAK,
    POST,
    SECONDS,
    USUAL,
    VECTORS,
    Headers,
    headers_of,
    made,
    parsed,
    refusal,
    verify,
)

# -- what was recorded -------------------------------------------------------------------------------------------------


def test_the_recorded_requests_verify() -> None:
    verify(headers_of(POST))
    verify(headers_of(ED25519), key=ALICE_ED25519)
    verify(
        headers_of(GET),
        method="GET",
        base="https://elm.example",
        target="/ap/notes/01JDNBR?page=1",
        body=None,
        key=OAK,
        actor="https://oak.example/ap/instance",
    )


@pytest.mark.parametrize("vector", [POST, ED25519])
def test_what_is_checked_before_the_key_is_the_recorded_base(vector: dict[str, Any]) -> None:
    (signature,) = parsed(headers_of(vector))
    request = Request(method="POST", base="https://oak.example", target="/ap/inbox", headers=headers_of(vector))
    checked = message_signatures.check(signature, request, body=BODY, now=NOW)
    assert checked.message == vector["signature_base"].encode()
    assert signature.covered == USUAL


@pytest.mark.parametrize(("vector", "key", "name"), [(POST, ALICE, "rsa"), (ED25519, ALICE_ED25519, "ed25519")])
def test_signing_again_gives_the_recorded_headers_to_the_byte(vector: dict[str, Any], key: Any, name: str) -> None:
    again = message_signatures.sign_request(
        method="POST",
        base="https://oak.example",
        target="/ap/inbox",
        body=BODY,
        key_id=golden.test_key("alice")[f"{name}_key_id"],
        key=key,
        date=NOW,
    )
    # what asks for it before it looks at a signature gets the older digest too
    assert again.pop("Digest") == VECTORS["positive"]["cavage_post_rsa"]["headers"]["Digest"]
    assert again == vector["headers"]


def test_signing_a_get_again_gives_the_recorded_headers_to_the_byte() -> None:
    again = message_signatures.sign_request(
        method="GET",
        base="https://elm.example",
        target="/ap/notes/01JDNBR?page=1",
        body=None,
        key_id=golden.test_key("oak_instance")["rsa_key_id"],
        key=OAK,
        date=NOW,
    )
    assert again == {name: value for name, value in GET["headers"].items() if name != "Accept"}


@given(st.binary(max_size=50), st.text("abc/?=&", max_size=10), st.integers(0, 3600), st.booleans())
def test_what_we_sign_we_verify(body: bytes, tail: str, seconds: int, rsa: bool) -> None:
    key, date = ALICE if rsa else ALICE_ED25519, NOW + timedelta(seconds=seconds)
    again = message_signatures.sign_request(
        method="POST", base="https://oak.example", target=f"/{tail}", body=body, key_id="k", key=key, date=date
    )
    verify(list(again.items()), target=f"/{tail}", body=body, now=date, key=key)


# -- RFC 9421, appendix B.2 --------------------------------------------------------------------------------------------

EXAMPLE_TARGET = "/foo?param=Value&Pet=dog"
EXAMPLE = Request(
    method="POST",
    base="https://example.com",
    target=EXAMPLE_TARGET,
    headers=(
        ("Host", "example.com"),
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        (
            "Content-Digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("Content-Length", "18"),
    ),
)
EXAMPLE_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""


def example(described: str, value: str = "") -> message_signatures.Signature:
    (signature,) = message_signatures.parse([f"sig={described}"], [f"sig=:{value}:"])
    return signature


def base_of(signature: message_signatures.Signature) -> str:
    return message_signatures.signature_base(signature.covered, signature.parameters, EXAMPLE).decode()


def test_the_rfcs_own_ed25519_signature_is_made_and_verified_to_the_byte() -> None:
    value = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    signature = example(
        '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
        ';keyid="test-key-ed25519"',
        value,
    )
    message = message_signatures.signature_base(signature.covered, signature.parameters, EXAMPLE)
    assert message.decode() == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@method": POST\n'
        '"@path": /foo\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"content-length": 18\n'
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    secret = load_pem_private_key(EXAMPLE_KEY.encode(), None)
    assert isinstance(secret, Ed25519PrivateKey)
    assert base64.b64encode(secret.sign(message)).decode() == value
    message_signatures.Checked(signature=signature, message=message).verify_with(secret.public_key())


def test_the_rfcs_minimal_example_covers_nothing_but_its_parameters() -> None:
    signature = example('();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"')
    assert base_of(signature) == (
        '"@signature-params": ();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"'
    )


def test_the_rfcs_full_example_has_the_rfcs_base() -> None:
    covered = '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length")'
    assert base_of(example(f'{covered};created=1618884473;keyid="test-key-rsa-pss"')) == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@method": POST\n'
        '"@path": /foo\n'
        '"@query": ?param=Value&Pet=dog\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        f'"content-digest": {EXAMPLE.headers[3][1]}\n'
        '"content-length": 18\n'
        f'"@signature-params": {covered};created=1618884473;keyid="test-key-rsa-pss"'
    )


def test_the_rfcs_selective_and_shared_secret_examples_are_nothing_for_us() -> None:
    now = datetime.fromtimestamp(1_618_884_480, NOW.tzinfo)
    for described in (
        '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss"',
        '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
        '("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    ):
        with pytest.raises(SignatureError) as caught:
            message_signatures.check(example(described), EXAMPLE, body=b'{"hello": "world"}', now=now)
        assert caught.value.code == "signature-covered"


def test_the_rfcs_content_digest_is_that_of_its_body() -> None:
    now = datetime.fromtimestamp(1_618_884_480, NOW.tzinfo)
    signature = example('("@method" "@target-uri" "content-digest");created=1618884473;keyid="k"')
    message_signatures.check(signature, EXAMPLE, body=b'{"hello": "world"}', now=now)


# -- R1: what it says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("described", "value", "code"),
    [
        ('sig1=("@method"', "sig1=:AA==:", "signature-syntax"),
        ('sig1=("@method")', 'keyId="a",signature="b"', "signature-syntax"),
        ('sig1=("@method")', "sig2=:AA==:", "signature-syntax"),
        ('sig1=("@method"), sig2=()', "sig1=:AA==:", "signature-syntax"),
        ('sig1=("@method")', "sig1=:AA==:, sig2=:AA==:", "signature-syntax"),
        ('sig1=("@method")', 'sig1="AA=="', "signature-syntax"),
        ('sig1=("@method")', "sig1=(:AA==:)", "signature-syntax"),
        ('sig1="@method"', "sig1=:AA==:", "signature-syntax"),
        ("sig1", "sig1=:AA==:", "signature-syntax"),
        ("sig1=(@method)", "sig1=:AA==:", "signature-syntax"),
        ("sig1=(method)", "sig1=:AA==:", "signature-syntax"),
        ("", "", "signature-labels"),
        (", ".join(f"s{n}=()" for n in range(5)), ", ".join(f"s{n}=::" for n in range(5)), "signature-labels"),
        ("sig1=(), sig1=()", "sig1=:AA==:", "signature-duplicate-parameter"),
        ("sig1=()", "sig1=:AA==:, sig1=:AA==:", "signature-duplicate-parameter"),
        ('sig1=();keyid="a";keyid="b"', "sig1=:AA==:", "signature-duplicate-parameter"),
        ("sig1=();created=1;created=1", "sig1=:AA==:", "signature-duplicate-parameter"),
    ],
)
def test_a_header_outside_the_grammar_is_refused(described: str, value: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        message_signatures.parse([described], [value])
    assert caught.value.code == code


@pytest.mark.parametrize(
    "parameter", ["keyid=word", "keyid=?1", "alg=?1", "tag=1", 'created="1"', "created=1.5", "created", "expires=?0"]
)
def test_a_parameter_of_another_kind_proves_nothing(parameter: str) -> None:
    with pytest.raises(SignatureError) as caught:
        message_signatures.parse([f"sig1=();{parameter}"], ["sig1=:AA==:"])
    assert caught.value.code == "signature-parameters"


def test_headers_that_a_proxy_split_are_joined() -> None:
    one, two = made(label="a"), made(label="b")
    inputs = [value for headers in (one, two) for name, value in headers if name == "Signature-Input"]
    values = [value for headers in (one, two) for name, value in headers if name == "Signature"]
    assert [signature.label for signature in message_signatures.parse(inputs, values)] == ["a", "b"]


def test_what_was_signed_is_the_parameters_as_they_were_written() -> None:
    spaced = f'created={SECONDS};  keyid="{ALICE_URI}#main-key";x'
    verify(made(parameters=spaced))


# -- R2: whose it is ---------------------------------------------------------------------------------------------------


def both(first: Headers, second: Headers) -> list[tuple[str, str]]:
    return [*first, *(line for line in second if line[0].lower() in FIELDS)]


def by(name: str, **also: Any) -> list[tuple[str, str]]:
    parameters = f'created={SECONDS};keyid="{golden.test_key(name)["actor"]}#main-key"'
    return made(parameters=parameters, label=name.replace("_", "-"), **also)


def test_of_two_signatures_the_actors_counts_and_no_other() -> None:
    by_oak, by_alice = by("oak_instance", key=OAK), by("alice")
    verify(both(by_oak, by_alice))
    verify(both(by_alice, by_oak))
    verify(both(by_oak, by_alice), actor="https://oak.example/ap/instance", key=OAK)
    forged = [(name, value.replace("alice=:", "alice=:AAAA")) for name, value in by_alice]
    assert refusal(both(by_oak, forged)) == "signature-mismatch"


def test_where_none_is_the_actors_the_first_counts() -> None:
    first, second = by("oak_instance", key=OAK), by("bob")
    assert (
        signed_requests.choose(signed_requests.read(both(first, second)), ALICE_URI).key_id
        == golden.test_key("oak_instance")["rsa_key_id"]
    )


@pytest.mark.parametrize(
    ("key_id", "belongs"),
    [
        (f"{ALICE_URI}#main-key", True),
        (f"{ALICE_URI}/main-key", True),
        (ALICE_URI, True),
        (f"{ALICE_URI}2#main-key", False),
        ("https://elm.example/ap/people/#x", False),
    ],
)
def test_a_key_is_an_actors_by_its_address(key_id: str, belongs: bool) -> None:
    assert signed_requests.belongs_to(key_id, ALICE_URI) is belongs


def test_a_signature_for_another_purpose_is_passed_over() -> None:
    usual = f'created={SECONDS};keyid="{ALICE_URI}#main-key"'
    other = made(parameters=f'{usual};tag="web-bot-auth"', label="other")
    assert refusal(other) == "signature-tag"
    verify(both(other, made(parameters=f'{usual};tag="activitypub"')))


def test_a_signature_without_a_key_is_passed_over() -> None:
    nameless = made(parameters=f"created={SECONDS}", label="other")
    assert refusal(nameless) == "signature-parameters"
    assert refusal(made(parameters=f'created={SECONDS};keyid=""')) == "signature-parameters"
    verify(both(nameless, made()))


def test_a_signature_of_an_unknown_algorithm_is_passed_over_where_there_is_another() -> None:
    usual = f'created={SECONDS};keyid="{ALICE_URI}#main-key"'
    other = made(parameters=f'{usual};alg="ecdsa-p256-sha256"', label="other")
    verify(both(other, made()))
    assert refusal(other) == "signature-algorithm"
