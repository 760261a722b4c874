"""A quarter is counted once, after its cut-off, in a rehearsal alone; then it is handed in and answered."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedhood.core import metrics
from fedhood.core.metrics import IssuedState, ReceiptArrived, ReportCompiled, ReportRefused
from fedhood.kernel.errors import Conflict, NotFound
from tests.core.quarter import NOON, Q4, ZONE, Life, settle

MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def life(database, clock) -> Life:
    clock.set(Q4.start + timedelta(days=10))
    made = settle(database)
    home = made.home()
    made.posted(home)
    return made


def compile_due(life: Life, *, rehearsal: bool = True) -> list[int]:
    return life.database.transact(metrics.compile_due, time_zone=ZONE, rehearsal=rehearsal)


def issued(life: Life):
    return life.database.look(metrics.issued)


@pytest.mark.both_databases
def test_a_quarter_is_counted_once_however_often_it_is_asked(life, clock, consequences):
    clock.set(Q4.cut_off)
    (report_id,) = compile_due(life)
    assert compile_due(life) == []
    (report,) = issued(life)
    assert (report.id, report.period, report.sequence, report.revision) == (report_id, "2026-Q4", 1, 1)
    assert report.state is IssuedState.COMPILED
    assert (report.households, report.households_source, report.households_on) == (1450, "Statbel", "2026-01-01")
    compiled = [fact for fact in consequences.facts if isinstance(fact, ReportCompiled)]
    assert [(fact.object, fact.neighbourhood) for fact in compiled] == [(report_id, life.place)]


def test_never_before_the_cut_off(life, clock):
    for moment in (NOON, Q4.end, Q4.cut_off - MOMENT):
        clock.set(moment)
        assert compile_due(life) == []


@given(hours=st.lists(st.integers(0, 400 * 24), min_size=1, max_size=8))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_clock_does_no_unfinished_quarter_is_counted_and_none_is_skipped(life, clock, hours):
    for hour in hours:
        clock.set(Q4.start + timedelta(hours=hour))
        compile_due(life)
    reports = issued(life)
    assert [report.sequence for report in reports] == list(range(1, len(reports) + 1))
    expected = Q4
    for report in reports:
        when = metrics.period_from(report)
        assert when == expected
        assert when.closed_before(report.compiled_at)
        expected = when.following()


def test_outside_a_rehearsal_nothing_is_ever_counted(life, clock, consequences):
    clock.set(Q4.cut_off + timedelta(days=400))
    assert compile_due(life, rehearsal=False) == []
    assert issued(life) == []
    assert not any(isinstance(fact, ReportCompiled) for fact in consequences.facts)


def test_a_neighbourhood_is_counted_from_the_quarter_of_its_first_day_on_and_no_quarter_is_left_out(life, clock):
    clock.set(Q4.cut_off + timedelta(days=190))
    compile_due(life)
    assert [(one.period, one.sequence) for one in issued(life)] == [("2026-Q4", 1), ("2027-Q1", 2), ("2027-Q2", 3)]
    assert [life.database.look(metrics.report_before, one) for one in issued(life)] == [None, *issued(life)[:2]]


def test_a_neighbourhood_in_which_nothing_ever_happened_reports_nothing(database, clock):
    empty = settle(database)
    clock.set(Q4.cut_off)
    assert compile_due(empty) == []


def test_without_an_official_number_of_households_there_is_no_report(database, clock):
    vague = settle(database, households=None)
    vague.posted(vague.home())
    clock.set(Q4.cut_off)
    assert compile_due(vague) == []


def test_what_happens_after_it_was_counted_changes_nothing(life, clock):
    clock.set(Q4.cut_off)
    compile_due(life)
    before = issued(life)[0].observations
    life.posted(life.home())
    compile_due(life)
    assert issued(life)[0].observations == before


def test_a_report_says_all_cells_with_their_caps_and_names_what_is_not_counted(life, clock):
    clock.set(Q4.cut_off)
    compile_due(life)
    said = issued(life)[0].observations
    assert [(one.measure, one.cell, one.value, one.cap) for one in said if one.value is not None] == [
        ("households.status", "dormant", 0, 1),
        ("households.status", "seen", 0, 1),
        ("households.status", "contributing", 1, 1),
        ("posts.total", "", 1, 3),
        ("interactions.kind", "comment", 0, 20),
        ("interactions.kind", "like", 0, 20),
        ("help.outcome", "resolved", 0, 1),
        ("help.outcome", "not-resolved", 0, 1),
    ]
    rest = [one for one in said if one.value is None]
    assert {(one.status, one.reason) for one in rest} == {("not-collected", "module-off")}
    assert {one.measure for one in said} == {one.name for one in metrics.MEASURES}


# -- what becomes of it ------------------------------------------------------------------------------------------------


@pytest.fixture
def report(life, clock) -> int:
    clock.set(Q4.cut_off)
    return compile_due(life)[0]


def write(life, use_case, report, **values):
    life.database.transact(use_case, report_id=report, **values)


def test_it_is_handed_in_and_the_city_has_it(life, report, consequences):
    assert [one.id for one in life.database.look(metrics.waiting)] == [report]
    write(life, metrics.handed_in, report, document=b"{}", digest="zA")
    assert life.database.look(metrics.waiting) == []
    assert issued(life)[0].state is IssuedState.HANDED_IN
    for _ in range(2):
        write(life, metrics.receipt, report, digest="zA")
    found = issued(life)[0]
    assert (found.state, found.digest, found.document) == (IssuedState.RECEIVED, "zA", b"{}")
    assert sum(isinstance(fact, ReceiptArrived) for fact in consequences.facts) == 1


def test_a_receipt_may_come_before_we_noted_that_it_was_handed_in(life, report):
    write(life, metrics.receipt, report, digest="zA")
    write(life, metrics.handed_in, report, document=b"{}", digest="zA")
    assert issued(life)[0].state is IssuedState.RECEIVED


def test_the_city_says_no_and_later_yes(life, report, consequences):
    write(life, metrics.handed_in, report, document=b"{}", digest="zA")
    write(life, metrics.refused, report, digest="zA", reason="area: not on the city's list")
    assert (issued(life)[0].state, issued(life)[0].reason) == (IssuedState.REFUSED, "area: not on the city's list")
    assert any(isinstance(fact, ReportRefused) for fact in consequences.facts)
    write(life, metrics.receipt, report, digest="zA")
    assert (issued(life)[0].state, issued(life)[0].reason) == (IssuedState.RECEIVED, "")


@pytest.mark.parametrize("use_case", [metrics.receipt, metrics.refused, metrics.handed_in])
def test_an_answer_to_other_bytes_is_no_answer(life, report, use_case):
    write(life, metrics.handed_in, report, document=b"{}", digest="zA")
    more = {metrics.receipt: {}, metrics.refused: {"reason": ""}, metrics.handed_in: {"document": b"[]"}}[use_case]
    with pytest.raises(Conflict):
        write(life, use_case, report, digest="zB", **more)


def test_there_is_no_answer_to_a_report_that_never_was(life):
    with pytest.raises(NotFound):
        write(life, metrics.receipt, 99, digest="zA")
