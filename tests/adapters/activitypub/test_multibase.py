import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import multibase
from fedhood.adapters.activitypub.canonical import canonicalise
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden


@given(st.binary(max_size=80))
def test_bytes_survive_base58(raw: bytes) -> None:
    assert multibase.decode(multibase.encode(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [  # draft-msporny-base58, test vectors
        (b"Hello World!", "z2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "z11233QC4"),
        (b"", "z"),
    ],
)
def test_the_published_base58_vectors_hold(raw: bytes, text: str) -> None:
    assert multibase.encode(raw) == text
    assert multibase.decode(text) == raw


@pytest.mark.parametrize(
    "text", ["", "2NEpo7TZRRrLZSi2U", "mSGVsbG8", "f00", "z0", "zO", "zI", "zl", "z é", "z" + "1" * 128]
)
def test_other_bases_foreign_letters_and_long_strings_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        multibase.decode(text)
    assert caught.value.code == "multibase"


@pytest.mark.parametrize(
    "raw", [b"\xed\x01" + b"k" * 31, b"\xed\x01" + b"k" * 33, b"\xec\x01" + b"k" * 32, b"\x80\x26" + b"k" * 32, b""]
)
def test_a_key_of_another_kind_or_length_is_no_ed25519_key(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        multibase.decode_ed25519_public(multibase.encode(raw))
    assert caught.value.code == "multikey"


def test_a_public_key_is_not_taken_for_a_secret() -> None:
    with pytest.raises(Invalid):
        multibase.decode_ed25519_secret(golden.test_key("alice")["ed25519_public_multibase"])


def test_the_digest_of_a_report_is_the_one_in_its_receipt_and_in_its_refusal() -> None:
    report = golden.document("61")["object"]
    assert multibase.digest(canonicalise(report)) == golden.document("62")["fhDigest"]
    assert multibase.digest(canonicalise(report)) == golden.document("63")["fhDigest"]
