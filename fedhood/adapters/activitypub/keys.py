"""The room where key material is made, kept as PEM, and read from other servers' actor documents."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from fedhood.adapters.activitypub import multibase
from fedhood.kernel.errors import Invalid

_PEM_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----")
_ONE_PUBLIC_PEM = re.compile(
    r"-----BEGIN (?P<kind>(?:RSA )?PUBLIC KEY)-----[A-Za-z0-9+/=\s]+-----END (?P=kind)-----", re.ASCII
)
_LONGEST_PEM = 8192  # a key of 8192 bits takes about 1,500
_MOST_READ = 4096  # keys in memory, some two kilobytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """The two secrets of a local actor: RSA signs requests, Ed25519 signs documents."""

    rsa: RSAPrivateKey = field(repr=False)
    ed25519: Ed25519PrivateKey = field(repr=False)


def generate() -> KeyPair:
    """Fresh secrets: RSA of 2048 bits, which every server reads, and Ed25519. Takes tens of milliseconds."""
    return KeyPair(rsa=generate_private_key(public_exponent=65537, key_size=2048), ed25519=Ed25519PrivateKey.generate())


def to_pem(pair: KeyPair) -> bytes:
    """Both secrets as PKCS#8 PEM, RSA first, one after the other. Not encrypted: whoever stores it guards it."""
    return b"".join(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in (pair.rsa, pair.ed25519)
    )


def from_pem(raw: bytes) -> KeyPair:
    """The secrets that `to_pem` wrote. Only for what we stored ourselves: the RSA key's arithmetic is not re-proved.

    Raises `Invalid` with the code `key-pem` when the bytes are not two such keys.
    """
    try:
        # the proof that a stored key is sound costs 38 ms each time and says nothing new
        rsa, ed25519 = (
            load_pem_private_key(block, password=None, unsafe_skip_rsa_key_validation=True)
            for block in _PEM_BLOCK.findall(raw)
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("not a stored pair of keys", code="key-pem") from error
    if not isinstance(rsa, RSAPrivateKey) or not isinstance(ed25519, Ed25519PrivateKey):
        raise Invalid("not an RSA and an Ed25519 key", code="key-pem")
    return KeyPair(rsa=rsa, ed25519=ed25519)


def public_pem(rsa: RSAPrivateKey | RSAPublicKey) -> str:
    """The public half as SPKI PEM, for `publicKeyPem` of an actor document."""
    public = rsa.public_key() if isinstance(rsa, RSAPrivateKey) else rsa
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def multikey(ed25519: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public half as a Multikey, for `publicKeyMultibase` of an actor document (FEP-521a)."""
    public = ed25519.public_key() if isinstance(ed25519, Ed25519PrivateKey) else ed25519
    return multibase.encode_ed25519_public(public.public_bytes_raw())


def load_multikey(text: str) -> Ed25519PublicKey:
    """The Ed25519 key of a `publicKeyMultibase`. Raises `Invalid` with the code `multibase` or `multikey`."""
    return Ed25519PublicKey.from_public_bytes(multibase.decode_ed25519_public(text))


def load_rsa_public(pem: str) -> RSAPublicKey:
    """The RSA key of a `publicKeyPem`, SPKI or PKCS#1, 2048 to 8192 bits, exponent odd and at least 3.

    Raises `Invalid`: `key-pem` when it is no RSA key in PEM, `key-strength` when it is too weak or too costly.
    """
    if len(pem) > _LONGEST_PEM:
        raise Invalid("the PEM is too long for a public key", code="key-pem")
    if _ONE_PUBLIC_PEM.fullmatch(pem.strip()) is None:  # what reads PEM skips what stands around it
        raise Invalid("not one public key in PEM and nothing else", code="key-pem")
    try:
        key = load_pem_public_key(pem.strip().encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("not a public key in PEM", code="key-pem") from error
    if not isinstance(key, RSAPublicKey):
        raise Invalid("not an RSA key", code="key-pem")
    exponent = key.public_numbers().e
    if not 2048 <= key.key_size <= 8192 or exponent < 3 or exponent % 2 == 0:
        raise Invalid("the RSA key is too weak or too large", code="key-strength", bits=key.key_size)
    return key


@lru_cache(maxsize=_MOST_READ)
def cached_rsa_public(pem: str) -> RSAPublicKey:
    """`load_rsa_public`, remembered for what was read lately: the same few keys sign nearly all that arrives."""
    return load_rsa_public(pem)


@lru_cache(maxsize=_MOST_READ)
def cached_multikey(text: str) -> Ed25519PublicKey:
    """`load_multikey`, remembered likewise."""
    return load_multikey(text)


def fingerprint(actor_id: str, key: str) -> str:
    """What two operators read to each other before peering: 24 base32 letters in fours, 120 bits.

    It binds the instance actor's id to the Multikey `key`, so that neither can be exchanged alone.
    """
    hashed = hashlib.sha256(f"fedhood-peer-v1\n{actor_id}\n{key}".encode()).digest()
    letters = base64.b32encode(hashed).decode("ascii")[:24]
    return "-".join(letters[start : start + 4] for start in range(0, 24, 4))
