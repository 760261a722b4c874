"""One seed, from beginning to end: what was done, and whether it ended as it must, whatever the letters met with.

mixed up   the same acts again in bad weather: every row that somebody can come to see is as in the in-order run
handed     what one server was told at the end, handed to a twin of it in another order and some of it twice
at once    everybody acts without waiting for letters: every server says what the home of each thing says
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fedhood.kernel.errors import FedhoodError
from tests.histories.agreeing import disagreements
from tests.histories.at_once import all_at_once
from tests.histories.history import Plan, in_order
from tests.histories.houses import hand_out_keys, run
from tests.histories.mixed import mixed_up
from tests.histories.replay import heard_anew
from tests.histories.sound import faults
from tests.histories.state import differences, picture
from tests.histories.world import TOWNS, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.histories.acts import Act
    from tests.histories.history import History
    from tests.histories.world import Town

PATIENCE = 60.0  # seconds in which a smaller story is looked for
LUCK = 4  # weathers in which it is tried


@dataclass(frozen=True)
class Verdict:
    """`story` is all that was done, a line each; `differs` what is not as it must be."""

    plan: Plan
    activities: int
    story: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)


class Court:
    """Where histories are made and judged: a folder for their databases, and the towns that they begin with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        hand_out_keys()
        self.towns = {kind: build(kind, folder / "towns") for kind in TOWNS}

    def town(self, plan: Plan) -> Town:
        return self.towns[plan.town]

    def judge(self, seed: int) -> Verdict:
        """The verdict on a seed; of a history that differs with the smallest story that was found to differ as well."""
        plan = Plan.of(seed)
        history: History = self._aside(in_order, plan, self.town(plan))
        differs = self._found(history)
        if differs:
            return _told(*self._smallest(history, differs))
        done, differs = self._at_once(plan)
        if differs:
            return self._shortest_at_once(plan)
        return Verdict(plan, len(history.acts) + len(history.tail) + len(done))

    def _aside(self, make, *inputs, **more):
        """Run something in a folder that is gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            return run(make(*inputs, folder, **more))
        finally:
            shutil.rmtree(folder)

    def _found(self, history: History, luck: int = 0) -> list[str]:
        """What is wrong with a history, in order, in bad weather, or handed over once more."""
        return history.faults or self._mixed(history, luck) or self._handed(history)

    def _handed(self, history: History) -> list[str]:
        for luck in range(LUCK):
            differs = self._aside(heard_anew, history, luck=luck)
            if differs:
                return [f"handed: {one}" for one in differs]
        return []

    def _mixed(self, history: History, luck: int) -> list[str]:
        async def compared(folder: Path) -> list[str]:
            life = await mixed_up(history, self.town(history.plan), folder, luck=luck)
            try:
                return [*differences(history.end, picture(life)), *faults(life, history.acts)]
            finally:
                life.world.close()

        try:
            found: list[str] = self._aside(compared)
        except AssertionError as failure:
            found = [f"{type(failure).__name__}: {failure}"]
        return found

    def _at_once(self, plan: Plan) -> tuple[Sequence[Act], list[str]]:
        async def compared(folder: Path) -> tuple[Sequence[Act], list[str]]:
            life, done = await all_at_once(plan, self.town(plan), folder)
            try:
                return done, [f"at once: {one}" for one in (*disagreements(life), *faults(life, done))]
            finally:
                life.world.close()

        judged: tuple[Sequence[Act], list[str]] = self._aside(compared)
        return judged

    # -- the smallest story --------------------------------------------------------------------------------------------

    def _smallest(self, history: History, differs: list[str]) -> tuple[History, list[str]]:
        """The same with every act left out, many at a time and then fewer, without which it still differs."""
        until = time.monotonic() + PATIENCE
        size = len(history.acts) // 2
        while size and time.monotonic() < until:
            start = 0
            while start < len(history.acts) and time.monotonic() < until:
                kept = history.acts[:start] + history.acts[start + size :]
                shorter = self._again(history.plan, kept)
                found = shorter and next(filter(None, (self._found(shorter, luck) for luck in range(LUCK))), None)
                if shorter and found:
                    history, differs = shorter, found
                else:
                    start += size
            size //= 2
        return history, differs

    def _again(self, plan: Plan, acts: Sequence[Act]) -> History | None:
        """Some of the acts; None when they cannot be done without the others."""
        try:
            found: History = self._aside(in_order, plan, self.town(plan), acts=acts)
        except (AssertionError, FedhoodError, LookupError):
            return None
        return found

    def _shortest_at_once(self, plan: Plan) -> Verdict:
        """The same up to the first act with which it differs."""
        for acts in range(1, plan.acts + 1):
            done, differs = self._at_once(replace(plan, acts=acts))
            if differs:
                return Verdict(plan, len(done), [str(act) for act in done], differs)
        raise AssertionError("it differs, and then it does not")


def _told(history: History, differs: list[str]) -> Verdict:
    return Verdict(history.plan, len(history.acts), str(history).splitlines(), differs)
