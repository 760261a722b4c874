"""Passphrases: checked with Argon2id, 19 MiB and two passes (OWASP's minimum, about 20 ms), never in a transaction."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fedhood.core.access.words import WORDS
from fedhood.kernel.errors import Invalid

LEAST = 15
MOST = 128
LEAST_SIGNS = 6  # different ones
LEAST_WORDS = 4  # different ones, when it is made of words
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# what a name without a passphrase is checked against, so that the answer takes as long
_NOBODYS = _HASHER.hash(secrets.token_urlsafe(16))


def propose_passphrase(language: str) -> str:
    """Four different plain words of the language, at least 32 bits of chance, for people to keep or to change."""
    words = WORDS.get(language, WORDS["en"])
    return " ".join(secrets.SystemRandom().sample(words, LEAST_WORDS))


def hash_passphrase(passphrase: str) -> str:
    """The hash to keep. Raises Invalid for fewer than 15 or more than 128 characters, and for what says little.

    Takes about 20 ms.
    """
    if len(passphrase) < LEAST:
        raise Invalid("a passphrase has at least 15 characters", code="too-short", field="passphrase", least=LEAST)
    over = len(passphrase) - MOST
    if over > 0:
        raise Invalid("a passphrase has at most 128 characters", code="too-long", field="passphrase", over=over)
    if _is_too_simple(passphrase):
        raise Invalid("a passphrase is more than a few signs over and over", code="too-simple", field="passphrase")
    return _HASHER.hash(passphrase)


def _is_too_simple(passphrase: str) -> bool:
    """A few signs, or a few words, over and over: as long as it may be, it is soon guessed."""
    words = passphrase.casefold().split()
    return len(set(passphrase.casefold())) < LEAST_SIGNS or (len(words) > 1 and len(set(words)) < LEAST_WORDS)


def verify(kept: str | None, passphrase: str) -> bool:
    """Whether this is the passphrase; with no hash kept it never is, and takes as long."""
    try:
        _HASHER.verify(kept or _NOBODYS, passphrase[: MOST * 4])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
