import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import keys, proofs, signatures
from fedhood.adapters.activitypub.signature_rules import NEWEST, OLDEST
from fedhood.adapters.http import strict_json
from tests.adapters.activitypub import golden

VECTORS = golden.document("90")
BODY = VECTORS["body_utf8"].encode()
NOW = datetime.fromisoformat(VECTORS["verify_at"])
POST = VECTORS["positive"]["cavage_post_rsa"]
GET = VECTORS["positive"]["cavage_get_rsa"]
ALICE = golden.rsa("alice")
ALICE_PUBLIC = ALICE.public_key()
OAK = golden.rsa("oak_instance")
COVERED = ("(request-target)", "host", "date", "digest", "content-type")

Headers = Sequence[tuple[str, str]]


def headers_of(vector: dict[str, Any], **changes: str) -> list[tuple[str, str]]:
    changed = {name.replace("_", "-").lower(): value for name, value in changes.items()}
    return [(name, changed.get(name.lower(), value)) for name, value in vector["headers"].items()]


def verify(
    headers: Headers,
    *,
    method: str = "POST",
    target: str = "/ap/inbox",
    body: bytes | None = BODY,
    authority: str = "oak.example",
    key: RSAPublicKey | Ed25519PublicKey = ALICE_PUBLIC,
    now: datetime = NOW,
) -> None:
    (header,) = (value for name, value in headers if name == "Signature")
    signatures.verify(
        signatures.parse(header),
        method=method,
        target=target,
        headers=headers,
        body=body,
        authorities={authority},
        key=key,
        now=now,
    )


def refusal(headers: Headers, **changes: Any) -> str:
    with pytest.raises(signatures.SignatureError) as caught:
        verify(headers, **changes)
    return caught.value.code


def signed(
    lines: dict[str, str],
    *,
    algorithm: str | None = "hs2019",
    with_hash: SHA256 | SHA512 | None = None,
    more: str = "",
    sent: Headers = (),
) -> list[tuple[str, str]]:
    """A request signed over exactly these lines, as some other server might."""
    text = "\n".join(f"{name}: {value}" for name, value in lines.items()).encode()
    raw = ALICE.sign(text, PKCS1v15(), with_hash or SHA256())
    claimed = "" if algorithm is None else f'algorithm="{algorithm}",'
    header = f'keyId="k",{claimed}{more}headers="{" ".join(lines)}",signature="{base64.b64encode(raw).decode()}"'
    own = [(name, value) for name, value in lines.items() if not name.startswith("(")]
    return [*own, *sent, ("Signature", header)]


def lines(**changes: str | None) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "(request-target)": "post /ap/inbox",
        "host": "oak.example",
        "date": POST["headers"]["Date"],
        "digest": POST["headers"]["Digest"],
    }
    usual |= {
        {"target": "(request-target)", "created": "(created)", "expires": "(expires)"}.get(n, n): v
        for n, v in changes.items()
    }
    return {name: value for name, value in usual.items() if value is not None}


def test_the_recorded_requests_verify() -> None:
    verify(headers_of(POST))
    verify(
        headers_of(GET),
        method="GET",
        target="/ap/notes/01JDNBR",
        body=None,
        authority="elm.example",
        key=OAK.public_key(),
    )


def test_what_is_checked_before_the_key_is_the_recorded_signing_string() -> None:
    parsed = signatures.parse(POST["headers"]["Signature"])
    checked = signatures.check(
        parsed,
        method="POST",
        target="/ap/inbox",
        headers=headers_of(POST),
        body=BODY,
        authorities={"oak.example"},
        now=NOW,
    )
    assert checked.messages == (POST["signing_string"].encode(),)
    assert parsed.key_id == golden.test_key("alice")["rsa_key_id"]
    assert parsed.covered == COVERED
    checked.verify_with(ALICE_PUBLIC)


def test_signing_again_gives_the_recorded_headers_to_the_byte() -> None:
    made = signatures.sign_request(
        method="POST",
        target="/ap/inbox",
        host="oak.example",
        body=BODY,
        key_id=golden.test_key("alice")["rsa_key_id"],
        key=ALICE,
        date=NOW,
    )
    assert made == POST["headers"]
    fetched = signatures.sign_request(
        method="GET",
        target="/ap/notes/01JDNBR",
        host="elm.example",
        body=None,
        key_id=golden.test_key("oak_instance")["rsa_key_id"],
        key=OAK,
        date=NOW,
    )
    assert fetched == {name: value for name, value in GET["headers"].items() if name != "Accept"}


@given(st.binary(max_size=50), st.text("abc/?=&", max_size=10), st.integers(0, 3600))
def test_what_we_sign_we_verify(body: bytes, tail: str, seconds: int) -> None:
    date = NOW + timedelta(seconds=seconds)
    made = signatures.sign_request(
        method="POST", target=f"/{tail}", host="oak.example", body=body, key_id="k", key=ALICE, date=date
    )
    verify(list(made.items()), target=f"/{tail}", body=body, now=date)


def test_one_changed_byte_of_the_body_is_refused() -> None:
    assert refusal(headers_of(POST), body=BODY[:-1] + b" ") == "signature-digest"
    assert refusal(headers_of(POST), body=None) == "signature-digest"


@pytest.mark.parametrize(
    ("now", "code"),
    [("2026-11-22T10:05:03+00:00", "signature-stale"), ("2026-11-22T07:59:00+00:00", "signature-future")],
)
def test_a_request_from_another_hour_is_refused(now: str, code: str) -> None:
    assert refusal(headers_of(POST), now=datetime.fromisoformat(now)) == code


def test_the_window_reaches_from_65_minutes_back_to_60_ahead() -> None:
    verify(headers_of(POST), now=NOW + OLDEST)
    verify(headers_of(POST), now=NOW - NEWEST)


def test_a_request_to_one_server_cannot_be_replayed_at_another() -> None:
    assert refusal(headers_of(POST), authority="elm.example") == "signature-host"
    assert refusal(headers_of(POST, host="elm.example"), authority="elm.example") == "signature-mismatch"


def test_the_host_is_compared_without_regard_to_case() -> None:
    verify(signed(lines(host="Oak.Example")))


@pytest.mark.parametrize("left_out", ["target", "host", "date", "digest"])
def test_a_signature_that_covers_too_little_is_refused(left_out: str) -> None:
    assert refusal(signed(lines(**{left_out: None}))) == "signature-covered"


def test_a_signature_over_the_date_alone_is_refused() -> None:
    header = POST["headers"]["Signature"].replace(f'headers="{" ".join(COVERED)}",', "")
    assert signatures.parse(header).covered == ("date",)
    assert refusal(headers_of(POST, signature=header)) == "signature-covered"


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "rsa-sha1", "none", "", "rsa-sha512", "ed25519"])
def test_any_other_algorithm_is_refused(algorithm: str) -> None:
    header = POST["headers"]["Signature"].replace("rsa-sha256", algorithm)
    assert refusal(headers_of(POST, signature=header)) == "signature-algorithm"


@pytest.mark.parametrize("algorithm", ["hs2019", "rsa-sha256", "RSA-SHA256", None])
def test_the_accepted_names_of_the_algorithm_pass(algorithm: str | None) -> None:
    verify(signed(lines(), algorithm=algorithm))


def test_hs2019_with_an_rsa_key_may_mean_sha_512() -> None:
    verify(signed(lines(), with_hash=SHA512()))
    assert refusal(signed(lines(), with_hash=SHA512(), algorithm="rsa-sha256")) == "signature-mismatch"
    assert refusal(signed(lines(), with_hash=SHA512(), algorithm=None)) == "signature-mismatch"


def test_the_type_of_the_key_decides_and_not_the_message() -> None:
    secret = golden.ed25519("alice")
    text = "\n".join(f"{name}: {value}" for name, value in lines().items()).encode()
    value = base64.b64encode(secret.sign(text)).decode()
    for algorithm, expected in (("hs2019", None), ("rsa-sha256", "signature-algorithm")):
        header = f'keyId="k",algorithm="{algorithm}",headers="{" ".join(lines())}",signature="{value}"'
        headers = headers_of(POST, signature=header)
        if expected is None:
            verify(headers, key=secret.public_key())
        else:
            assert refusal(headers, key=secret.public_key()) == expected
        assert refusal(headers) == "signature-mismatch"


def test_another_key_does_not_match() -> None:
    assert refusal(headers_of(POST), key=OAK.public_key()) == "signature-mismatch"
    assert refusal(signed(lines()), key=golden.ed25519("alice").public_key()) == "signature-mismatch"


@pytest.mark.parametrize(
    "digest",
    [
        "MD5=1B2M2Y8AsgTpgAmY7PhCfg==",
        "SHA-256=",
        "SHA-256",
        "",
        "SHA-256=GuZ8ud7+43aUYrdTj14OExSsjCOq3NPdd8PjTVRaCsU",
        "SHA-256=GuZ8ud7-43aUYrdTj14OExSsjCOq3NPdd8PjTVRaCsU=",
        "SHA-256=Gu Z8ud7+43aUYrdTj14OExSsjCOq3NPdd8PjTVRaCsU=",
        f"{POST['headers']['Digest']},sha-256={base64.b64encode(b'0' * 32).decode()}",
        f"sha-256={base64.b64encode(b'0' * 32).decode()},{POST['headers']['Digest']}",
        f"sha-256={base64.b64encode(hashlib.sha256(BODY).digest()[:31]).decode()}",
        "SHA-256=é",
    ],
)
def test_a_digest_without_a_right_sha_256_is_refused(digest: str) -> None:
    assert refusal(headers_of(POST, digest=digest)) == "signature-digest"


def test_a_digest_of_an_unknown_kind_beside_the_right_one_is_no_matter() -> None:
    verify(signed(lines(digest=f"unixsum=30637, {POST['headers']['Digest'].replace('SHA', 'sha')}")))


@pytest.mark.parametrize("name", ["Host", "Date", "Digest", "Content-Type"])
def test_a_covered_header_occurs_exactly_once(name: str) -> None:
    headers = headers_of(POST)
    (line,) = (line for line in headers if line[0] == name)
    assert refusal([*headers, line]) == "signature-header"
    assert refusal([one for one in headers if one != line]) == "signature-header"


def test_a_covered_list_header_that_a_proxy_split_is_joined() -> None:
    whole = signed(lines() | {"accept": "text/html, application/json"})
    apart = [line for line in whole if line[0] != "accept"] + [("Accept", "text/html"), ("accept", " application/json")]
    verify(apart)


def test_a_header_cannot_smuggle_in_a_line() -> None:
    smuggled = signed(lines() | {"x-note": "a\nb"})
    assert refusal(smuggled) == "signature-header"


def test_a_changed_covered_header_or_target_or_method_does_not_match() -> None:
    assert refusal(headers_of(POST, content_type="application/ld+json")) == "signature-mismatch"
    assert refusal(headers_of(POST), target="/ap/inbox/") == "signature-mismatch"
    assert refusal(headers_of(POST), method="PUT") == "signature-mismatch"
    assert refusal(headers_of(POST, date="Sun, 22 Nov 2026 09:00:03 GMT")) == "signature-mismatch"


def test_a_query_may_be_left_out_of_what_is_signed_but_not_changed() -> None:
    with_query = signed(lines(target="post /ap/inbox?page=1"))
    verify(with_query, target="/ap/inbox?page=1")
    verify(signed(lines()), target="/ap/inbox?page=1")
    assert refusal(with_query, target="/ap/inbox?page=2") == "signature-mismatch"
    assert refusal(with_query) == "signature-mismatch"


def test_created_stands_in_for_the_date_where_it_is_covered() -> None:
    seconds = int(NOW.timestamp())
    verify(signed(lines(date=None, created=str(seconds)), more=f"created={seconds},"))
    verify(signed(lines(date=None, created=str(seconds)), more=f'created="{seconds}",'))
    for wrong in (seconds - 3901, seconds + 3601):
        code = "signature-stale" if wrong < seconds else "signature-future"
        assert refusal(signed(lines(date=None, created=str(wrong)), more=f"created={wrong},")) == code


def test_created_and_expires_are_covered_only_with_hs2019_and_a_number() -> None:
    seconds = int(NOW.timestamp())
    for name in ("created", "expires"):
        both = lines(**{name: str(seconds)})
        for algorithm in ("rsa-sha256", None):
            assert refusal(signed(both, algorithm=algorithm, more=f"{name}={seconds},")) == "signature-covered"
        assert refusal(signed(both)) == "signature-covered"
        for wrong in ("1.5", "-1", '""', "soon", "9" * 12):
            assert refusal(signed(both, more=f"{name}={wrong},")) == "signature-parameters"


def test_a_signature_ends_a_minute_after_it_expires() -> None:
    seconds = int(NOW.timestamp())
    verify(signed(lines(expires=str(seconds - 60)), more=f"expires={seconds - 60},"))
    assert refusal(signed(lines(expires=str(seconds - 61)), more=f"expires={seconds - 61},")) == "signature-expired"
    assert refusal(signed(lines(), more=f"expires={seconds - 61},")) == "signature-expired"


@pytest.mark.parametrize(
    "date",
    ["", "now", "Sun, 22 Nov 2026 09:00:02 +0000", "Sun, 31 Feb 2026 09:00:02 GMT", "Sunday, 22-Nov-26 09:00:02 GMT"],
)
def test_a_date_in_another_form_is_refused(date: str) -> None:
    assert refusal(headers_of(POST, date=date)) == "signature-date"


def test_an_unknown_derived_name_is_a_missing_header() -> None:
    assert refusal(signed(lines() | {"(status)": "200"})) == "signature-header"


@given(st.integers(0, 255), st.integers(1, 255))
def test_any_changed_byte_of_the_signature_breaks_it(position: int, change: int) -> None:
    parsed = signatures.parse(POST["headers"]["Signature"])
    value = bytearray(parsed.value)
    value[position] ^= change
    with pytest.raises(signatures.SignatureError) as caught:
        signatures.verify(
            replace(parsed, value=bytes(value)),
            method="POST",
            target="/ap/inbox",
            headers=headers_of(POST),
            body=BODY,
            authorities={"oak.example"},
            key=ALICE_PUBLIC,
            now=NOW,
        )
    assert caught.value.code == "signature-mismatch"


def test_a_header_of_undecodable_bytes_is_signed_as_received() -> None:
    raw = b"caf\xe9".decode("utf-8", "surrogateescape")
    text = "\n".join(f"{name}: {value}" for name, value in (lines() | {"x-note": raw}).items())
    value = base64.b64encode(ALICE.sign(text.encode("utf-8", "surrogateescape"), PKCS1v15(), SHA256())).decode()
    header = f'keyId="k",headers="{" ".join(lines())} x-note",signature="{value}"'
    verify([*headers_of(POST, signature=header), ("X-Note", raw)])


def test_a_signer_who_speaks_for_somebody_else_is_known_by_the_key_and_has_no_proof() -> None:
    bob = golden.test_key("bob")["actor"]
    forged = strict_json.loads_object(BODY) | {"actor": bob}
    body = strict_json.dumps(forged)
    made = signatures.sign_request(
        method="POST",
        target="/ap/inbox",
        host="oak.example",
        body=body,
        key_id=golden.test_key("alice")["rsa_key_id"],
        key=ALICE,
        date=NOW,
    )
    verify(list(made.items()), body=body)
    assert signatures.parse(made["Signature"]).key_id.partition("#")[0] != bob
    with pytest.raises(proofs.ProofError):
        proofs.verify(forged, golden.PUBLIC_KEYS.get, owner=bob, now=NOW)


def test_every_recorded_mutation_of_this_kind_of_signature_has_a_test_here() -> None:
    ours = [one for one in VECTORS["negative_mutations"] if one["from"].startswith("cavage")]
    assert len(ours) == 9


def test_a_key_as_other_servers_publish_it_verifies() -> None:
    verify(headers_of(POST), key=keys.load_rsa_public(golden.test_key("alice")["rsa_public_pem"]))
