"""`make hostile`: every published vulnerability of the federated web is tried on this server.

`python -m tests.hostile` ends with `N ids, 0 open`; `python -m tests.hostile document` writes docs/security-tests.md.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from typing import Any

import pytest

from tests.hostile import verdicts
from tests.hostile.ids import NOT_OURS
from tests.hostile.ids import verdicts as all_ids

# one of the three waits most of the time, for those who are slow on purpose
_OPTIONS = ("tests/hostile", "--hostile", "-n", "3", "--dist", "load", "--maxschedchunk", "1", "-q", "--no-header")


class Tally:
    """Hears how every test went, in whichever process."""

    def __init__(self) -> None:
        self.went: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.figures: list[str] = []
        self.others: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test, or its setting up, has ended."""
        if report.when != "call" and report.outcome == "passed":
            return
        properties: list[tuple[str, Any]] = report.user_properties
        self.figures += [value for name, value in properties if name == "figure"]
        about = [value for name, value in properties if name == "published"]
        went = "open" if hasattr(report, "wasxfail") else report.outcome
        for ids, row in about:
            for one in ids:
                self.went[row, one].append(went)
        if not about and went != "passed":
            self.others.append(f"{went}: {report.nodeid}")

    def open_ids(self) -> list[tuple[str, str]]:
        """The ids of which some test failed, or none was run, and that nobody has excused."""
        return [
            (row, one)
            for row, one in all_ids()
            if one not in NOT_OURS.get(row, {}) and set(self.went[row, one]) != {"passed"}
        ]


def run() -> int:
    """Run all tests and say what is open. Returns 0 when nothing is."""
    tally, began = Tally(), time.monotonic()
    status = pytest.main(list(_OPTIONS), plugins=[tally])
    print(*tally.figures, sep="\n")
    print(*tally.others, *(f"open: {row} {one}" for row, one in tally.open_ids()), sep="\n")
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{len(all_ids())} ids, {len(tally.open_ids())} open")
    return int(status != 0 or bool(tally.open_ids()) or bool(tally.others))


def main() -> int:
    if sys.argv[1:] == ["document"]:
        verdicts.DOCUMENT.write_text(verdicts.document(), encoding="utf-8")
        return 0
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
