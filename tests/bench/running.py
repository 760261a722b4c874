"""A server with loopback names, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.kernel.clock import write_offset
from tests.bench.rows import wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedhood.kernel.settings import Settings


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server in a process of its own, as soon as it listens."""
    write_offset(folder / "clock-offset", timedelta())
    told = {
        "data_dir": str(settings.data_dir),
        "listen": settings.listen,
        "host": settings.host,
        "profile": settings.profile.value,
        "broken_proofs": False,
        "clock_offset": str(folder / "clock-offset"),
    }
    (folder / "oak.json").write_text(json.dumps(told), encoding="utf-8")
    with (folder / "oak.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fedhood.simulator.instance", str(folder / "oak.json")], stdout=log, stderr=log
        )
    try:
        wait_for_port(int(settings.listen.rpartition(":")[2]))
        yield process
    finally:
        process.terminate()
        process.wait()
