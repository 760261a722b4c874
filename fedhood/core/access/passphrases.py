"""Passphrases: checked with Argon2id, 19 MiB and two passes (OWASP's minimum, about 20 ms), never in a transaction."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fedhood.core.access.words import WORDS
from fedhood.kernel.errors import Invalid

LEAST = 15
MOST = 128
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# what a name without a passphrase is checked against, so that the answer takes as long
_NOBODYS = _HASHER.hash(secrets.token_urlsafe(16))


def propose_passphrase(language: str) -> str:
    """Four plain words of the language, at least 32 bits of chance, for people to keep or to change."""
    words = WORDS.get(language, WORDS["en"])
    return " ".join(secrets.choice(words) for _ in range(4))


def hash_passphrase(passphrase: str) -> str:
    """The hash to keep. Raises Invalid for fewer than 15 or more than 128 characters. Takes about 20 ms."""
    if len(passphrase) < LEAST:
        raise Invalid("a passphrase has at least 15 characters", code="too-short", field="passphrase", least=LEAST)
    over = len(passphrase) - MOST
    if over > 0:
        raise Invalid("a passphrase has at most 128 characters", code="too-long", field="passphrase", over=over)
    return _HASHER.hash(passphrase)


def verify(kept: str | None, passphrase: str) -> bool:
    """Whether this is the passphrase; with no hash kept it never is, and takes as long."""
    try:
        _HASHER.verify(kept or _NOBODYS, passphrase[: MOST * 4])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
