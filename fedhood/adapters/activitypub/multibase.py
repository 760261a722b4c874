"""The room of self-describing strings: base58btc multibase, Ed25519 multikeys, SHA-256 multihashes."""

import hashlib

from fedhood.kernel.errors import Invalid

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
# a signature takes 89 letters, a key 48; reading base 58 costs the square of the length
_LONGEST = 128

_ED25519_PUBLIC = b"\xed\x01"
_ED25519_SECRET = b"\x80\x26"
_SHA2_256 = b"\x12\x20"  # the code, and 32 as the number of bytes that follow


def encode(raw: bytes) -> str:
    """Bytes in base58btc with the multibase prefix `z`."""
    number = int.from_bytes(raw, "big")
    letters: list[str] = []
    while number:
        number, value = divmod(number, 58)
        letters.append(_ALPHABET[value])
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "z" + _ALPHABET[0] * zeros + "".join(reversed(letters))


def decode(text: str) -> bytes:
    """The bytes of a base58btc multibase string of at most 128 letters.

    Raises `Invalid` with the code `multibase` for any other base, a letter outside the alphabet, or a longer string.
    """
    if not text.startswith("z") or len(text) > _LONGEST:
        raise Invalid("not a short base58btc multibase string", code="multibase")
    letters = text[1:]
    number = 0
    for letter in letters:
        value = _VALUES.get(letter)
        if value is None:
            raise Invalid("a letter is not in the base58btc alphabet", code="multibase")
        number = number * 58 + value
    zeros = len(letters) - len(letters.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_ed25519_public(raw: bytes) -> str:
    """The Multikey form (FEP-521a, multicodec 0xed01) of the 32 bytes of an Ed25519 public key."""
    return encode(_ED25519_PUBLIC + raw)


def decode_ed25519_public(text: str) -> bytes:
    """The 32 bytes of an Ed25519 public key from its Multikey form. Raises `Invalid`, code `multikey`, for others."""
    return _key_bytes(text, _ED25519_PUBLIC)


def decode_ed25519_secret(text: str) -> bytes:
    """The 32 bytes of an Ed25519 seed from its Multikey form (0x8026). Raises `Invalid`, code `multikey`."""
    return _key_bytes(text, _ED25519_SECRET)


def digest(raw: bytes) -> str:
    """The SHA-256 multihash of bytes as a multibase string, `zQm…`: how a receipt names what it is for."""
    return encode(_SHA2_256 + hashlib.sha256(raw).digest())


def _key_bytes(text: str, prefix: bytes) -> bytes:
    raw = decode(text)
    if len(raw) != 34 or not raw.startswith(prefix):
        raise Invalid("not a multikey of the expected kind", code="multikey")
    return raw[len(prefix) :]
