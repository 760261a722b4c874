import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fedhood.adapters.activitypub import keys
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden


def refusal(pem: str) -> str:
    with pytest.raises(Invalid) as caught:
        keys.load_rsa_public(pem)
    return caught.value.code


@pytest.fixture(scope="module")
def pair() -> keys.KeyPair:
    return keys.generate()


def test_a_pair_survives_being_stored(pair: keys.KeyPair) -> None:
    stored = keys.from_pem(keys.to_pem(pair))
    assert keys.public_pem(stored.rsa) == keys.public_pem(pair.rsa)
    assert keys.multikey(stored.ed25519) == keys.multikey(pair.ed25519)


def test_a_printed_pair_shows_no_secret(pair: keys.KeyPair) -> None:
    assert repr(pair) == "KeyPair()"


def test_half_a_pair_or_a_swapped_one_is_not_a_stored_pair(pair: keys.KeyPair) -> None:
    raw = keys.to_pem(pair)
    first, second = raw.split(b"-----END PRIVATE KEY-----\n")[:2]
    end = b"-----END PRIVATE KEY-----\n"
    for broken in (first + end, second + end + first + end, raw + raw, b"", raw.replace(b"M", b"!", 1)):
        with pytest.raises(Invalid) as caught:
            keys.from_pem(broken)
        assert caught.value.code == "key-pem"


def test_a_public_key_is_read_in_both_forms_that_servers_send(pair: keys.KeyPair) -> None:
    public = pair.rsa.public_key()
    pkcs1 = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    for pem in (keys.public_pem(public), pkcs1, f"\n{pkcs1.strip()} ", pkcs1.replace("\n", "\r\n")):
        assert keys.load_rsa_public(pem) == public


def test_the_published_keys_are_those_of_the_actor_documents() -> None:
    for number, name in (("01", "elm_instance"), ("02", "elm_group"), ("05", "alice"), ("60", "elm_metrics")):
        actor, published = golden.document(number), golden.test_key(name)
        pem = actor["publicKey"]["publicKeyPem"]
        assert keys.public_pem(keys.load_rsa_public(pem)) == pem == published["rsa_public_pem"]
        (method,) = actor["assertionMethod"]
        assert keys.multikey(golden.ed25519(name)) == method["publicKeyMultibase"]
        assert keys.multikey(keys.load_multikey(method["publicKeyMultibase"])) == method["publicKeyMultibase"]


def test_a_weak_or_a_costly_key_is_refused() -> None:
    assert refusal(keys.public_pem(generate_rsa(public_exponent=65537, key_size=1024))) == "key-strength"
    assert refusal(_pkcs1((1 << 8200) + 1, 65537)) == "key-strength"


def test_an_even_exponent_is_refused() -> None:
    assert refusal(_pkcs1((1 << 2048) - 1, 65536)) in {"key-strength", "key-pem"}


def test_what_is_not_an_rsa_key_is_refused(pair: keys.KeyPair) -> None:
    ec = generate_private_key(SECP256R1()).public_key()
    ed = pair.ed25519.public_key()
    for key in (ec, ed):
        assert refusal(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()) == "key-pem"
    for pem in (
        "",
        "é",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        " " * 9000,
        keys.to_pem(pair).decode(),
    ):
        assert refusal(pem) == "key-pem"


@pytest.mark.parametrize(("number", "name"), [("50", "oak_instance"), ("51", "elm_instance")])
def test_the_fingerprint_is_the_one_that_was_recorded(number: str, name: str) -> None:
    follow = golden.document(number)
    part = follow["fhPeering"] if number == "50" else follow["result"]
    published = golden.test_key(name)
    made = keys.fingerprint(published["actor"], published["ed25519_public_multibase"])
    assert made == part["fhKeyFingerprint"]


def test_the_fingerprint_binds_the_key_to_the_actor() -> None:
    key = golden.test_key("alice")["ed25519_public_multibase"]
    assert keys.fingerprint("https://a.example/ap", key) != keys.fingerprint("https://b.example/ap", key)


def _pkcs1(modulus: int, exponent: int) -> str:
    # written by hand: no library makes such a key
    numbers = b"".join(_der(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in (modulus, exponent))
    body = base64.encodebytes(_der(0x30, numbers)).decode()
    return f"-----BEGIN RSA PUBLIC KEY-----\n{body}-----END RSA PUBLIC KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    size = len(content).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + content if len(content) > 255 else bytes([tag, len(content)]) + content
