"""How a test says which published vulnerability it is about: the ids stand in its own name."""

from __future__ import annotations

import pytest

from tests.hostile.ids import ROWS


def published(row: str, *only: str):
    """This test shows that a row's vulnerability is not here; of a row with several ids, `only` these."""
    named = only or ROWS[row].ids
    unknown = set(named) - set(ROWS[row].ids)
    assert not unknown, f"{row} has no {unknown}"
    parameter = pytest.param((row, named), id="-".join(dict.fromkeys([row, *named])).replace(" ", "_"))
    return pytest.mark.parametrize("published", [parameter], indirect=True)


def still_open(reason: str):
    """The defence is not there yet: the test fails, and says so on the day when it is."""
    return pytest.mark.xfail(strict=True, reason=reason)
