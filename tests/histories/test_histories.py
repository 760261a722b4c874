"""A few of the generated histories, each from its own seed; `make histories` goes through two thousand."""

from __future__ import annotations

import pytest

from fedhood.adapters.activitypub import actors
from tests.histories.__main__ import told
from tests.histories.verdict import Court

SEEDS = range(1000, 1008)


@pytest.fixture(scope="module")
def court(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actors, "_fresh_pem", actors._fresh_pem)
        yield Court(tmp_path_factory.mktemp("histories"))


def test_whatever_letters_meet_with_both_sides_end_as_in_order(court):
    for seed in SEEDS:
        verdict = court.judge(seed)
        assert not verdict.differs, told(verdict)
