"""What is said of every published id: by which tests it is shown, why it is not ours, or that it is open.

It is read from the tests themselves, so that `docs/security-tests.md` can be written from it and compared with it.
"""

from __future__ import annotations

import importlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.ids import KINDS, NOT_OURS, ROWS, verdicts

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "security-tests.md"

_HEAD = """# Published vulnerabilities, and what stands against them here

Every line is about something that went wrong in another server of the federated web, or in what such servers are made
of, and that somebody published. `make hostile` plays a hostile peer over real sockets for each and ends with
`N ids, 0 open`; the letters are those of the tests' names. The wire is what these are about; pages, accounts and
data have tests of their own.

This page is written by `python -m tests.hostile document` from the tests, and a test compares the two.
"""
_MEANING = """
*tested*: the named tests of `tests/hostile/` show that it does not happen here. *open*: a test shows that it does, and
fails on the day when it no longer does. *not ours*: there is nothing here in which it could happen yet.
"""


@dataclass
class Verdict:
    """The tests of one id, and what is still open in them."""

    tests: list[str] = field(default_factory=list)
    opens: list[str] = field(default_factory=list)
    because: str = ""

    def __str__(self) -> str:
        if self.because:
            return f"not ours, because {self.because}"
        named = ", ".join(f"`{name}`" for name in self.tests)
        if self.opens:
            return f"open: {'; '.join(dict.fromkeys(self.opens))} ({named})"
        return f"tested ({named})" if named else "open: no test"


def collected() -> dict[tuple[str, str], Verdict]:
    """What is known of each row and id, from the marks of all tests."""
    found = {one: Verdict(because=NOT_OURS.get(one[0], {}).get(one[1], "")) for one in verdicts()}
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.hostile.{path.stem}")
        for name, test in vars(module).items():
            for row, ids in _about(test):
                for one in ids:
                    verdict = found[row, one]
                    verdict.tests.append(name)
                    verdict.opens += _still_open(test)
    return found


def _marks(test: Any) -> list[Any]:
    return [mark for mark in getattr(test, "pytestmark", []) if hasattr(mark, "name")] if callable(test) else []


def _about(test: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [
        parameter.values[0]
        for mark in _marks(test)
        if mark.name == "parametrize" and mark.args[0] == "published"
        for parameter in mark.args[1]
    ]


def _still_open(test: Any) -> list[str]:
    """Why a test, or one of its cases, is expected to fail."""
    marks = _marks(test)
    cases = [case for mark in marks if mark.name == "parametrize" for case in mark.args[1] if hasattr(case, "marks")]
    own = [*marks, *itertools.chain(*(case.marks for case in cases))]
    return [mark.kwargs["reason"] for mark in own if getattr(mark, "name", "") == "xfail"]


def document() -> str:
    """The page."""
    found = collected()
    parts = [_HEAD]
    for letter, heading in KINDS.items():
        lines = [f"\n## {letter}. {heading}\n", "| | published as | what happened | here |", "|---|---|---|---|"]
        for name, row in ROWS.items():
            if name[0] != letter:
                continue
            for said, ids in itertools.groupby(row.ids, key=lambda one, name=name: str(found[name, one])):
                lines.append(f"| {name} | {', '.join(ids)} | {row.what} | {said} |")
        parts.append("\n".join(lines) + "\n")
    parts.insert(1, _MEANING)
    return "".join(parts)
