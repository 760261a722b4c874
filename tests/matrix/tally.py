"""What was compared, and what differed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.matrix import expected, knock
from tests.matrix.expected import THINGS

if TYPE_CHECKING:
    from tests.matrix.knock import Answer, Viewer

_NEEDLES = {thing: one.canary.encode() for thing, one in THINGS.items()}


@dataclass
class Tally:
    secrets: dict[str, str]
    cells: dict[str, int] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)  # a sentence, and the viewers it holds for
    found: dict[tuple[str, str], str] = field(default_factory=dict)  # thing, viewer -> where first

    def count(self, what: str, number: int = 1) -> None:
        self.cells[what] = self.cells.get(what, 0) + number

    def differ(self, sentence: str, viewer: str = "nobody in particular") -> None:
        whom = self.differences.setdefault(sentence, [])
        if viewer not in whom:
            whom.append(viewer)

    def check(self, what: str, sentence: str, viewer: str = "nobody in particular", *, good: bool) -> None:
        """One cell."""
        self.count(what)
        if not good:
            self.differ(sentence, viewer)

    @property
    def differing(self) -> int:
        """How many cells differ, those that say the same of the same viewer counted once."""
        return sum(len(whom) for whom in self.differences.values())

    def look(self, viewer: Viewer, method: str, path: str, answer: Answer) -> None:
        """One answer: each thing is in it only for who may see it. What is shown once is in none."""
        hay = answer.told_beyond(path)
        whose = self.whose(viewer, path)
        for thing, needle in _NEEDLES.items():
            if needle in hay:
                self.found.setdefault((thing, viewer.name), path)
                if not THINGS[thing].may_see(whose, path):
                    self.differ(f"LEAK {method} {path} ({answer.status}) shows “{thing}”", viewer.name)
        for name, code in self.secrets.items():
            if code.lower().encode() in hay:
                self.differ(f"LEAK {method} {path} ({answer.status}) shows “{name}”", viewer.name)
        self.count("things looked for in answers", len(_NEEDLES) + len(self.secrets))
        self.check(
            "answers that are no fault of the server",
            f"FAULT {method} {path} answers {answer.status}",
            viewer.name,
            good=answer.status < 500,
        )

    @staticmethod
    def whose(viewer: Viewer, path: str) -> str:
        """As whom a viewer counts there: a cookie opens no address of the wire, a signature no page."""
        if (viewer.key is not None) == knock.is_wire(path):
            return viewer.name
        return expected.STRANGERS[viewer.at]

    def prove(self, proved: set[str]) -> None:
        """Who may see something has seen it; and what nobody may see any more was there."""
        for thing, one in THINGS.items():
            for viewer in sorted(one.seen):
                self.check(
                    "things seen by who may",
                    f"UNSEEN “{thing}” is nowhere",
                    viewer,
                    good=(thing, viewer) in self.found,
                )
            if not one.seen:
                self.check("things seen by who may", f"UNPROVED “{thing}” was never there", good=thing in proved)
