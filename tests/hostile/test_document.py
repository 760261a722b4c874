"""The page about all this says what the tests say."""

from __future__ import annotations

from tests.hostile import verdicts
from tests.hostile.ids import KINDS, NOT_OURS, ROWS


def test_the_page_is_written_from_the_tests() -> None:
    written = verdicts.DOCUMENT.read_text("utf-8")
    assert written == verdicts.document(), "run: python -m tests.hostile document"


def test_every_id_has_a_test_or_a_reason_and_never_both() -> None:
    found = verdicts.collected()
    without = [one for one, verdict in found.items() if not verdict.tests and not verdict.because]
    assert without == []
    both = [one for one, verdict in found.items() if verdict.tests and verdict.because]
    assert both == []


def test_the_list_of_ids_is_whole() -> None:
    counts = {letter: len([name for name in ROWS if name[0] == letter]) for letter in KINDS}
    assert counts == {"A": 20, "B": 11, "C": 6, "D": 17, "E": 6, "F": 12, "R": 7}
    assert all(len(set(row.ids)) == len(row.ids) >= 1 for row in ROWS.values())
    assert all(set(reasons) <= set(ROWS[name].ids) for name, reasons in NOT_OURS.items())


def test_a_reason_says_when_it_would_be_ours() -> None:
    assert all("; ours with" in reason for reasons in NOT_OURS.values() for reason in reasons.values())
