"""The only place that asks the time.

Every process reads one `Clock`. A demo and the tests may share an offset between processes through a file of eight
bytes (a signed count of microseconds, little-endian); `fedhood serve` never passes one.
"""

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_MICROSECOND = timedelta(microseconds=1)


class Clock:
    """Wall-clock time in UTC. Without an offset file it is the machine's own."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._shared: mmap.mmap | None = None
        if offset_file is not None:
            with offset_file.open("r+b") as file:
                self._shared = mmap.mmap(file.fileno(), 8)

    def now(self) -> datetime:
        """This moment, timezone-aware, UTC, microseconds kept."""
        real = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - this is the room that may
        return real if self._shared is None else real + self.offset()

    def offset(self) -> timedelta:
        """How far this clock stands from the machine's."""
        if self._shared is None:
            return timedelta()
        (microseconds,) = struct.unpack("<q", self._shared[:8])
        return timedelta(microseconds=microseconds)

    def close(self) -> None:
        """Let go of the shared offset."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None


def write_offset(offset_file: Path, offset: timedelta) -> None:
    """Set the offset that all clocks over this file share from now on, at once and whole."""
    raw = struct.pack("<q", offset // _MICROSECOND)
    if offset_file.exists():
        with offset_file.open("r+b") as file, mmap.mmap(file.fileno(), 8) as shared:
            shared[:8] = raw
    else:
        offset_file.write_bytes(raw)


def monotonic() -> float:
    """Seconds that only grow, for measuring how long something took."""
    return time.monotonic()


def instant(moment: datetime) -> str:
    """The wire form of a moment: RFC 3339, UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(moment: datetime) -> int:
    """A moment as whole milliseconds since 1970, UTC: the form in which the database keeps it."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The moment that `milliseconds` wrote down."""
    return _EPOCH + timedelta(milliseconds=value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
