"""`make histories`: generated histories whose letters are shuffled, doubled, late and lost end as those in order do.

`python -m tests.histories [--count 2000] [--seed 0]` goes through so many seeds from the first one on;
`--only SEED` tells one of them. Ends with `N histories, N activities, 0 differ`.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import structlog

from tests.histories.verdict import Court, Verdict

PROCESSES = 2
MEMORY = Path("/dev/shm")  # nobody pulls a plug here (`make crash`), and waiting for a disk is half of the time
MOST_SHOWN = 3  # rows that differ, of each history
EVERY = 20.0  # seconds between two lines of progress


def verdicts(seeds: range) -> Iterator[Verdict]:
    """Of all seeds, in their order; several processes find them, from towns that were built before they began."""
    with tempfile.TemporaryDirectory(prefix="fedhood-histories-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        court = Court(Path(folder))
        forked = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(min(PROCESSES, len(seeds)), mp_context=forked, initializer=_prepare) as processes:
            yield from processes.map(court.judge, seeds)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears of who gives up


def told(verdict: Verdict) -> str:
    """What a history was, and what is not as it must be."""
    rest = len(verdict.differs) - MOST_SHOWN
    lines = [f"seed {verdict.plan.seed} differs ({verdict.plan})", *verdict.story]
    lines += [f"  {one}" for one in verdict.differs[:MOST_SHOWN]]
    return "\n".join([*lines, *([f"  and {rest} more"] if rest > 0 else [])])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.histories")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", type=int, metavar="SEED", help="tell this one")
    chosen = parser.parse_args(arguments)
    first, count = (chosen.seed, chosen.count) if chosen.only is None else (chosen.only, 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    began = said = time.monotonic()
    histories = activities = differ = 0
    for verdict in verdicts(range(first, first + count)):
        histories += 1
        activities += verdict.activities
        if verdict.differs:
            differ += 1
            print(told(verdict), flush=True)
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            print(f"{histories} of {count}, {differ} differ, {said - began:.0f} s", flush=True)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{histories} histories, {activities} activities, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
