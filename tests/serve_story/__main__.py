"""`make serve-story`: the story, told by `fedhood serve` as it is, on machines of our own that nothing leads out of.

Ends with 0 when every step happened, 1 when one did not, and 77 (with a sentence) where such machines cannot be made.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

from fedhood.kernel.clock import monotonic
from tests.serve_story import namespaces
from tests.serve_story.namespaces import NotHere
from tests.serve_story.rig import Rig
from tests.serve_story.steps import STEPS

DONE, FAILED, NOT_HERE = 0, 1, 77
BUDGET = 120.0  # seconds


def main() -> int:
    """Leave the real machine, tell the story inside, and see that nothing is left of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.serve_story", description=__doc__)
    parser.add_argument("--without-caddy", action="store_true", help="a small relay stands in front instead of Caddy")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside is not None:
        return inside(given.inside, with_caddy=not given.without_caddy)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    with tempfile.TemporaryDirectory(prefix="fedhood-serve-story-") as folder:
        try:
            namespaces.leave()
        except NotHere as why:
            return _not_here(why)
        return _watched(folder, given.without_caddy)


def _watched(folder: str, without_caddy: bool) -> int:
    """The story, in a process that is number 1 of all that it starts: when it ends, they do."""
    words = [sys.executable, "-m", "tests.serve_story", "--inside", folder]
    story = subprocess.Popen(
        [*words, "--without-caddy"] if without_caddy else words,
        preexec_fn=namespaces.end_with_parent,  # noqa: PLW1509 - this process has one thread
    )
    try:
        return story.wait(BUDGET)
    except subprocess.TimeoutExpired:
        print(f"It took longer than {BUDGET:.0f} s and was ended", file=sys.stderr)
        return FAILED
    finally:
        story.kill()
        story.wait()


def _end(signum: int, _: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _not_here(why: Exception) -> int:
    print(
        f"Not told: machines of our own (namespaces) cannot be made here: {why}. "
        "Root can, and anybody where the kernel lets everybody make user namespaces.",
        file=sys.stderr,
    )
    return NOT_HERE


def inside(folder: Path, *, with_caddy: bool) -> int:
    """The story itself, in a network of its own."""
    begun = monotonic()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; who started us ends us
    try:
        namespaces.keep_mounts_private()
        rig = Rig(folder, with_caddy=with_caddy)
    except (NotHere, PermissionError) as why:
        return _not_here(why)
    front = "Caddy with deploy/caddy/Caddyfile" if rig.with_caddy else "a relay of our own"
    print(f"Elm, Oak and the city of Mechelen, https on 443 by {front}, names in files …", flush=True)
    for number, (title, step) in enumerate(STEPS, 1):
        try:
            happened = step(rig)
        except Exception:  # noqa: BLE001 - whatever a step meets is a step that did not happen, told with its cause
            traceback.print_exc()
            for name, text in rig.logs():
                sys.stderr.write(f"--- {name}\n{text}\n")
            print(f"{number}. {title}: DID NOT HAPPEN", file=sys.stderr)
            return FAILED
        print(f"{number}. {title}: {happened}", flush=True)
    print(f"{len(STEPS)} steps in {monotonic() - begun:.1f} s")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
