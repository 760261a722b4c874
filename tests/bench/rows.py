"""A line of what was measured, beside the bar that it is held against."""

from __future__ import annotations

import dataclasses


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
