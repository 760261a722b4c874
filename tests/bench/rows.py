"""A line of what was measured, beside the bar that it is held against, and how a process is looked at."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
from pathlib import Path


@dataclasses.dataclass
class Row:
    what: str
    value: float
    unit: str
    bar: float | None = None
    at_most: bool = True
    beside: str = ""

    def line(self, scale: float) -> str:
        verdict = ""
        if self.bar is not None:
            bar = self.bar * (scale if self.at_most else 1 / scale) if self.unit in {"ms", "s", "/s"} else self.bar
            good = self.value <= bar if self.at_most else self.value >= bar
            verdict = f"{'≤' if self.at_most else '≥'} {bar:,.2f} {'ok' if good else 'MISSED'}"
        return f"{self.what:<58} {self.value:>12,.2f} {self.unit:<4} {verdict:<22} {self.beside}"


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_port(port: int) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.005)
