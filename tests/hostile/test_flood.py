"""Two hundred bad requests a second: what a resident notices, and what they cost, measured (`flood`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile import flood

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.long
async def test_a_resident_does_not_notice_two_hundred_bad_requests_a_second(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    figures = await flood.measure(tmp_path)
    request.node.user_properties += [("figure", str(one)) for one in figures]
    for one in figures:
        assert one.pages >= 20
        assert one.good, str(one)
    at_rest, *flooded = figures
    assert at_rest.answers == {}
    for one in flooded:
        # that it was a flood, and that nothing of it was taken
        assert sum(one.answers.values()) > flood.RATE * flood.SECONDS * 0.8
        assert set(one.answers) <= {0, 400, 401, 403, 413, 429}
