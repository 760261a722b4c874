"""Identifiers: time-ordered numbers for things that travel, opaque keys for things that must not be counted.

A 63-bit id is `milliseconds since 2025 (41 bits) | process slot (6 bits) | sequence (16 bits)`. Ids of one process
only grow, even when the clock steps back; the process slot keeps two processes apart (it is a row in the database).
On every wire an id is a decimal string, for clients sort ids by length and then as text.
"""

import re
import secrets
import threading
from datetime import UTC, datetime

from fedhood.kernel.clock import Clock, milliseconds
from fedhood.kernel.errors import NotFound

_SINCE = milliseconds(datetime(2025, 1, 1, tzinfo=UTC))
_SLOT_BITS = 6
_SEQUENCE_BITS = 16
SLOTS = 1 << _SLOT_BITS
_DECIMAL = re.compile(r"[1-9][0-9]{0,18}")
_LIMIT = (1 << 63) - 1
# Crockford's alphabet without letters that are misread aloud: no I, L, O, U
_KEY_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class IdMaker:
    """Makes 63-bit ids for one process. Safe to call from several threads."""

    def __init__(self, clock: Clock, slot: int = 0) -> None:
        if not 0 <= slot < SLOTS:
            raise ValueError(f"a process slot is between 0 and {SLOTS - 1}")
        self._clock = clock
        self._slot = slot
        self._last = 0
        self._sequence = 0
        self._lock = threading.Lock()

    def use(self, slot: int) -> None:
        """Make ids with another slot from now on."""
        self._slot = slot

    def __call__(self) -> int:
        """The next id: greater than every id this process made before."""
        with self._lock:
            now = max(milliseconds(self._clock.now()) - _SINCE, 1)
            if now > self._last:
                self._last, self._sequence = now, 0
            else:
                self._sequence += 1
                if self._sequence >> _SEQUENCE_BITS:  # 65,536 within one millisecond: borrow the next one
                    self._last, self._sequence = self._last + 1, 0
            return self._last << (_SLOT_BITS + _SEQUENCE_BITS) | self._slot << _SEQUENCE_BITS | self._sequence


def parse(text: str) -> int:
    """Read an id from an address or a form. Raises NotFound for anything that no id of ours looks like."""
    if not _DECIMAL.fullmatch(text):
        raise NotFound
    value = int(text)
    if value > _LIMIT:
        raise NotFound
    return value


def new_key() -> str:
    """An opaque key of 80 random bits for a public address that must not tell how many there are."""
    number = secrets.randbits(80)
    return "".join(_KEY_ALPHABET[number >> shift & 31] for shift in range(75, -5, -5))
