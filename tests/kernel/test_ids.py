"""Ids only grow, are never given twice, and are read strictly."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.kernel import ids
from fedhood.kernel.clock import Clock
from fedhood.kernel.errors import NotFound
from tests.support.clocks import FakeClock

SPAN = (datetime(2024, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001 - Hypothesis adds the zone itself


def test_ids_grow_while_time_stands_still_and_goes_on(clock):
    new_id = ids.IdMaker(clock)
    made = [new_id() for _ in range(1000)]
    clock.move(timedelta(milliseconds=1))
    made += [new_id() for _ in range(1000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize("back", [timedelta(milliseconds=1), timedelta(hours=1), timedelta(days=400)])
def test_ids_grow_when_the_clock_is_set_back(clock, back: timedelta):
    new_id = ids.IdMaker(clock)
    before = [new_id() for _ in range(3)]
    clock.move(-back)
    after = [new_id() for _ in range(3)]
    assert before + after == sorted({*before, *after})


def test_ids_grow_past_all_that_a_millisecond_holds(clock):
    new_id = ids.IdMaker(clock)
    made = [new_id() for _ in range((1 << 16) + 10)]
    assert made == sorted(set(made))


def test_ids_of_several_threads_are_never_the_same():
    new_id = ids.IdMaker(Clock())
    made: list[list[int]] = [[] for _ in range(8)]
    threads = [threading.Thread(target=lambda own=own: own.extend(new_id() for _ in range(5000))) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for own in made for each in own}) == 40_000
    assert all(own == sorted(own) for own in made)


def test_two_processes_of_one_moment_make_different_ids(clock):
    first, second = ids.IdMaker(clock, 1), ids.IdMaker(clock, 2)
    assert not {first() for _ in range(500)} & {second() for _ in range(500)}


@pytest.mark.parametrize("slot", [-1, ids.SLOTS])
def test_there_is_no_such_slot(clock, slot: int):
    with pytest.raises(ValueError, match="slot"):
        ids.IdMaker(clock, slot)


@given(st.datetimes(*SPAN, timezones=st.just(UTC)), st.integers(0, ids.SLOTS - 1))
def test_an_id_is_a_positive_number_of_63_bits_and_reads_back(moment: datetime, slot: int):
    made = ids.IdMaker(FakeClock(moment), slot)()
    assert 0 < made < 1 << 63
    assert ids.parse(str(made)) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "01",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e3",
        "0x1",
        "1_000",
        "\u0661",
        "\uff11",
        "abc",
        "9" * 19,
        "1" * 20,
    ],
)
def test_what_no_id_looks_like_is_not_found(text: str):
    with pytest.raises(NotFound):
        ids.parse(text)


def test_the_largest_id_is_read():
    assert ids.parse(str((1 << 63) - 1)) == (1 << 63) - 1
    with pytest.raises(NotFound):
        ids.parse(str(1 << 63))


def test_a_key_tells_nothing():
    keys = {ids.new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{16}", key) for key in keys)
