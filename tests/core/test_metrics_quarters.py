"""Quarters: where they begin and end, and when a report is expected."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.core.metrics import Period, period, period_of
from fedhood.kernel.errors import Invalid

BRUSSELS = ZoneInfo("Europe/Brussels")
Q4 = Period(2026, 4, BRUSSELS)

moments = st.integers(0, 40 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from([BRUSSELS, ZoneInfo("UTC"), ZoneInfo("Pacific/Auckland"), ZoneInfo("America/New_York")])


def test_the_fourth_quarter_of_2026_in_brussels():
    assert (Q4.id, Q4.first_day, Q4.last_day) == ("2026-Q4", date(2026, 10, 1), date(2026, 12, 31))
    assert Q4.start == datetime(2026, 9, 30, 22, tzinfo=UTC)  # summer time
    assert Q4.end == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert Q4.cut_off == datetime(2027, 1, 15, 3, tzinfo=UTC)  # four in the night
    assert Q4.due == datetime(2027, 1, 15, 23, tzinfo=UTC)
    assert Q4.missing_at == Q4.due + timedelta(days=14)


def test_a_quarter_that_ends_in_winter_time_is_cut_off_by_the_local_clock_in_summer_time():
    spring = Period(2026, 1, BRUSSELS)
    assert spring.end == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert spring.cut_off == datetime(2026, 4, 15, 2, tzinfo=UTC)


def test_it_is_closed_from_the_cut_off_on_and_not_a_moment_before():
    assert Q4.closed_before(Q4.cut_off)
    assert not Q4.closed_before(Q4.cut_off - timedelta(milliseconds=1))


@given(moments, zones)
def test_every_moment_lies_in_exactly_one_quarter(moment, zone):
    found = period_of(moment, zone)
    assert found.start <= moment < found.end
    assert found.preceding().end == found.start
    assert found.following().start == found.end
    assert found.following().preceding() == found
    assert period(found.id, zone) == found


@pytest.mark.parametrize(
    "id", ["", "2026", "2026-Q0", "2026-Q5", "2026-Q44", "26-Q4", "2026-q4", " 2026-Q4", "٢٠٢٦-Q4"]
)
def test_what_is_no_quarter_is_refused(id):
    with pytest.raises(Invalid) as refused:
        period(id, BRUSSELS)
    assert refused.value.code == "period"
