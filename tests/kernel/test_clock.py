"""One clock for all, which several processes can be told to shift."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.kernel import clock
from fedhood.kernel.clock import Clock

SPAN = (datetime(1970, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - Hypothesis adds the zone itself
OTHER = """
import sys
from pathlib import Path
from fedhood.kernel.clock import Clock, milliseconds
clock = Clock(Path(sys.argv[1]))
for _ in sys.stdin:
    print(milliseconds(clock.now()), flush=True)
"""


@pytest.fixture
def offset_file(tmp_path: Path) -> Path:
    file = tmp_path / "offset"
    clock.write_offset(file, timedelta())
    return file


def test_an_offset_reaches_every_process_at_once(offset_file: Path):
    own = Clock(offset_file)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(offset_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for offset in (timedelta(), timedelta(days=92), -timedelta(hours=3, microseconds=1)):
            clock.write_offset(offset_file, offset)
            before = own.now()
            other.stdin.write("\n")
            other.stdin.flush()
            said = clock.from_milliseconds(int(other.stdout.readline()))
            assert own.offset() == offset
            assert before - timedelta(milliseconds=1) <= said <= own.now()
        other.stdin.close()
    own.close()


def test_a_clock_that_let_go_is_the_machines_own(offset_file: Path):
    shifted = Clock(offset_file)
    clock.write_offset(offset_file, timedelta(days=400))
    assert shifted.now() - Clock().now() > timedelta(days=399)
    shifted.close()
    assert shifted.offset() == timedelta()
    assert abs(shifted.now() - Clock().now()) < timedelta(minutes=1)


def test_now_is_aware_and_in_utc():
    assert Clock().now().utcoffset() == timedelta()
    assert clock.monotonic() <= clock.monotonic()


@given(st.datetimes(*SPAN, timezones=st.just(UTC)))
def test_a_moment_is_kept_to_the_millisecond(moment: datetime):
    kept = clock.from_milliseconds(clock.milliseconds(moment))
    assert timedelta() <= moment - kept < timedelta(milliseconds=1)


def test_on_the_wire_a_moment_has_whole_seconds_and_is_utc():
    brussels = datetime.fromisoformat("2026-11-24T13:00:00.999+01:00")
    assert clock.instant(brussels) == "2026-11-24T12:00:00Z"
