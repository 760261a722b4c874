"""RFC 9421 rule by rule: when it was signed, what of it, for whom, with which body and which key."""

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import message_signatures
from fedhood.adapters.activitypub.signature_rules import NEWEST, OLDEST, Request, SignatureError
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub.signed_messages import (
    ALICE,
    ALICE_ED25519,
    ALICE_URI,
    BODY,
    ED25519,
    GET,
    NOW,
    OAK,
    POST,
    SECONDS,
    VECTORS,
    headers_of,
    made,
    parsed,
    refusal,
    verify,
)

# -- R3: when ----------------------------------------------------------------------------------------------------------


def at(created: int, more: str = "") -> list[tuple[str, str]]:
    return made(parameters=f'created={created};keyid="{ALICE_URI}#main-key"{more}')


def test_a_signature_that_does_not_say_when_it_was_made_is_refused() -> None:
    assert refusal(made(parameters=f'keyid="{ALICE_URI}#main-key"')) == "signature-parameters"


def test_the_window_reaches_from_65_minutes_back_to_60_ahead() -> None:
    verify(headers_of(POST), now=NOW + OLDEST)
    verify(headers_of(POST), now=NOW - NEWEST)
    assert refusal(headers_of(POST), now=NOW + OLDEST + timedelta(seconds=1)) == "signature-stale"
    assert refusal(headers_of(POST), now=NOW - NEWEST - timedelta(seconds=1)) == "signature-future"


@pytest.mark.parametrize("created", [0, -1, 999_999_999_999_999, -999_999_999_999_999])
def test_a_moment_beyond_all_calendars_is_refused(created: int) -> None:
    assert refusal(at(created)) in {"signature-stale", "signature-parameters"}


def test_a_signature_does_not_outlive_its_end() -> None:
    verify(at(SECONDS, f";expires={SECONDS}"))
    assert refusal(at(SECONDS - 9, f";expires={SECONDS - 1}")) == "signature-expired"


def test_a_signature_does_not_end_before_it_begins() -> None:
    assert refusal(at(SECONDS + 30, f";expires={SECONDS + 20}")) == "signature-expired"


def test_a_long_life_is_cut_to_twelve_hours() -> None:
    verify(at(SECONDS, f";expires={SECONDS + 10**9}"))
    assert message_signatures.LONGEST_LIFE > OLDEST  # so that the window ends it before


# -- R4: what is covered -----------------------------------------------------------------------------------------------

ENOUGH = '"@method" "@target-uri" "content-digest"'


@pytest.mark.parametrize("left_out", ENOUGH.split())
def test_a_signature_that_covers_too_little_is_refused(left_out: str) -> None:
    assert refusal(made(ENOUGH.replace(left_out, ""))) == "signature-covered"


def test_a_get_needs_no_digest_and_may_have_one() -> None:
    verify(made('"@method" "@target-uri"', method="GET"), method="GET", body=None)
    with_digest = made('"@method" "@target-uri" "content-digest"', method="GET")
    assert refusal(with_digest, method="GET", body=None) == "signature-digest"


def test_the_four_parts_of_an_address_are_as_good_as_the_whole() -> None:
    parts = ["@scheme", "@authority", "@path", "@query"]
    verify(made(" ".join(f'"{name}"' for name in ["@method", "content-digest", *parts])))
    for left_out in parts:
        names = " ".join(f'"{name}"' for name in ["@method", "content-digest", *parts] if name != left_out)
        assert refusal(made(names)) == "signature-covered"


def test_the_query_is_covered_with_its_question_mark() -> None:
    names = '"@method" "content-digest" "@scheme" "@authority" "@path" "@query"'
    verify(made(names, target="/ap/inbox?page=1"), target="/ap/inbox?page=1")
    assert refusal(made(names, target="/ap/inbox?page=1"), target="/ap/inbox?page=2") == "signature-mismatch"


@pytest.mark.parametrize(
    "name",
    [
        '"@status"',
        '"@query-param";name="a"',
        '"@signature-params"',
        '"@something"',
        '"content-type";sf',
        '"content-type";bs',
        '"content-type";tr',
        '"@method";req',
        '"content-digest";key="sha-256"',
        '"Content-Type"',
        '"content type"',
        '""',
    ],
)
def test_what_is_not_understood_cannot_be_covered(name: str) -> None:
    described = f'sig1=({ENOUGH} {name});created={SECONDS};keyid="{ALICE_URI}#main-key"'
    changed = [(one, described if one == "Signature-Input" else value) for one, value in made()]
    assert refusal(changed) == "signature-covered"


def test_nothing_is_covered_twice_nor_too_much() -> None:
    assert refusal(made(f'{ENOUGH} "@method"')) == "signature-covered"
    many = " ".join(f'"x-{number}"' for number in range(30))
    assert refusal(made(f"{ENOUGH} {many}")) == "signature-covered"


@pytest.mark.parametrize("host", ["elm.example", "oak.example:8443", "oak.example.", ""])
def test_a_covered_host_is_ours(host: str) -> None:
    headers = made(f'{ENOUGH} "host"')
    assert refusal([(name, host if name == "Host" else value) for name, value in headers]) == "signature-host"
    verify(headers)


def test_a_covered_header_occurs_exactly_once() -> None:
    headers = made(f'{ENOUGH} "content-type"')
    line = ("Content-Type", "application/activity+json")
    assert refusal([*headers, line]) == "signature-header"
    assert refusal([one for one in headers if one != line]) == "signature-header"


def test_a_header_cannot_smuggle_in_a_line() -> None:
    assert refusal(made(f'{ENOUGH} "x-note"', sent=[("X-Note", "a\nb")])) == "signature-header"


# -- R5: where it went -------------------------------------------------------------------------------------------------


def test_a_request_to_one_server_cannot_be_replayed_at_another() -> None:
    assert refusal(headers_of(POST), base="https://elm.example") == "signature-mismatch"
    assert refusal(headers_of(POST, host="elm.example"), base="https://elm.example") == "signature-mismatch"


def test_what_a_proxy_says_of_the_request_is_not_asked() -> None:
    told = [("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.example"), ("Forwarded", "proto=http")]
    verify([*headers_of(POST, host="127.0.0.1:8080"), *told])


@pytest.mark.parametrize(
    "change",
    [
        {"target": "/ap/inbox/"},
        {"target": "/ap/inbox?"},
        {"target": "https://oak.example/ap/inbox"},
        {"method": "PUT"},
        {"method": "post"},
        {"base": "http://oak.example"},
    ],
)
def test_another_address_or_method_does_not_match(change: dict[str, str]) -> None:
    assert refusal(headers_of(POST), **change) == "signature-mismatch"


def test_another_page_of_what_was_asked_for_does_not_match() -> None:
    asked = {"method": "GET", "base": "https://elm.example", "body": None, "key": OAK}
    assert refusal(headers_of(GET), target="/ap/notes/01JDNBR?page=2", **asked) == "signature-mismatch"
    assert refusal(headers_of(GET), target="/ap/notes/01JDNBR", **asked) == "signature-mismatch"


# -- R6: the body ------------------------------------------------------------------------------------------------------


def digest(name: str, body: bytes = BODY) -> str:
    hashed = hashlib.new(name.replace("-", ""), body).digest()
    return f"{name}=:{base64.b64encode(hashed).decode()}:"


def with_digest(value: str) -> list[tuple[str, str]]:
    text = (
        f'"@method": POST\n"@target-uri": https://oak.example/ap/inbox\n"content-digest": {value}\n'
        f'"@signature-params": ({ENOUGH});created={SECONDS};keyid="k"'
    ).encode()
    raw = base64.b64encode(ALICE.sign(text, PKCS1v15(), SHA256())).decode()
    return [
        ("Content-Digest", value),
        ("Signature-Input", f'sig1=({ENOUGH});created={SECONDS};keyid="k"'),
        ("Signature", f"sig1=:{raw}:"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        digest("sha-256"),
        digest("sha-512"),
        f"{digest('sha-512')}, {digest('sha-256')}",
        f"md5=:AAAA:, {digest('sha-256')}",
        f"{digest('sha-256')};q=1",
    ],
)
def test_each_known_digest_is_as_good_as_the_other(value: str) -> None:
    verify(with_digest(value))


@pytest.mark.parametrize(
    "value",
    [
        digest("sha-256", BODY + b" "),
        digest("sha-512", BODY + b" "),
        f"{digest('sha-256')}, {digest('sha-512', b'')}",
        f"{digest('sha-256', b'')}, {digest('sha-512')}",
        f"{digest('sha-256')}, {digest('sha-256', b'')}",
        f"{digest('sha-256', b'')}, {digest('sha-256')}",
        digest("sha-1"),
        digest("sha-256").replace("sha-256", "SHA-256"),
        digest("sha-256").replace(":", '"'),
        digest("sha-256").replace("=:", "=(:") + ")",
        digest("sha-256")[:-5] + "=:",
        "sha-256",
        "sha-256=::",
        VECTORS["positive"]["cavage_post_rsa"]["headers"]["Digest"],
    ],
)
def test_a_digest_that_is_not_that_of_the_body_is_refused(value: str) -> None:
    assert refusal(with_digest(value)) == "signature-digest"


def test_one_changed_byte_of_the_body_is_refused() -> None:
    assert refusal(headers_of(POST), body=BODY[:-1] + b" ") == "signature-digest"
    assert refusal(headers_of(POST), body=None) == "signature-digest"


# -- R7: the key decides -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "key", "code"),
    [
        ("ed25519", ALICE, "signature-algorithm"),
        ("rsa-pss-sha512", ALICE, "signature-algorithm"),
        ("hmac-sha256", ALICE, "signature-algorithm"),
        ("RSA-v1_5-sha256", ALICE, "signature-algorithm"),
        ("", ALICE, "signature-algorithm"),
        ("rsa-v1_5-sha256", ALICE_ED25519, "signature-algorithm"),
        ("rsa-v1_5-sha256", ALICE, None),
        ("ed25519", ALICE_ED25519, None),
        (None, ALICE_ED25519, None),
        (None, ALICE, None),
    ],
)
def test_the_type_of_the_key_decides_and_not_the_message(algorithm: str | None, key: Any, code: str | None) -> None:
    named = "" if algorithm is None else f';alg="{algorithm}"'
    headers = made(parameters=f'created={SECONDS};keyid="k"{named}', key=key)
    if code is None:
        verify(headers, key=key)
    else:
        assert refusal(headers, key=key) == code


def test_another_key_does_not_match() -> None:
    assert refusal(headers_of(POST), key=OAK) == "signature-mismatch"
    assert refusal(made(), key=ALICE_ED25519) == "signature-mismatch"


# -- R8 and R9: to the byte --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", [POST, ED25519])
def test_every_changed_letter_of_what_is_signed_breaks_it(vector: dict[str, Any]) -> None:
    """Each letter of the three covered headers and of what describes the signature, one at a time."""
    key = ALICE if vector is POST else ALICE_ED25519
    tried = 0
    for header in ("Content-Digest", "Content-Type", "Signature-Input"):
        text = vector["headers"][header]
        for position in range(len(text)):
            changed = chr(ord(text[position]) ^ 1)
            headers = headers_of(vector, **{header: text[:position] + changed + text[position + 1 :]})
            with pytest.raises((Invalid, SignatureError)):
                verify(headers, key=key)
            tried += 1
    assert tried > 240


@given(st.data())
def test_any_changed_byte_of_the_body_or_the_signature_breaks_it(data: st.DataObject) -> None:
    change = data.draw(st.integers(1, 255))
    position = data.draw(st.integers(0, len(BODY) - 1))
    body = bytearray(BODY)
    body[position] ^= change
    assert refusal(headers_of(POST), body=bytes(body)) == "signature-digest"
    (signature,) = parsed(headers_of(ED25519))
    value = bytearray(signature.value)
    value[data.draw(st.integers(0, len(value) - 1))] ^= change
    request = Request(method="POST", base="https://oak.example", target="/ap/inbox", headers=headers_of(ED25519))
    checked = message_signatures.check(replace(signature, value=bytes(value)), request, body=BODY, now=NOW)
    with pytest.raises(SignatureError) as caught:
        checked.verify_with(ALICE_ED25519.public_key())
    assert caught.value.code == "signature-mismatch"


def test_a_header_of_undecodable_bytes_is_signed_as_received() -> None:
    raw = b"caf\xe9".decode("utf-8", "surrogateescape")
    request = Request(method="POST", base="https://oak.example", target="/", headers=[("X-Note", raw)])
    written = message_signatures.signature_base(("x-note",), '("x-note");created=1', request)
    assert written.startswith(b'"x-note": caf\xe9\n')


def test_a_signature_of_the_older_scheme_does_not_stand_in() -> None:
    older = VECTORS["positive"]["cavage_post_rsa"]["headers"]
    with pytest.raises(Invalid) as caught:
        message_signatures.parse([POST["headers"]["Signature-Input"]], [older["Signature"]])
    assert caught.value.code == "signature-syntax"
