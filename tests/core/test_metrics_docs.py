"""The page that explains the figures, and the table that they are counted by, say the same."""

import json
from pathlib import Path

from fedhood.core import metrics

ROOT = Path(__file__).parents[2]


def rows() -> dict[str, tuple[tuple[str, ...], int | None]]:
    """What the page says: cells and cap of each measure."""
    found = {}
    for line in (ROOT / "docs" / "metrics.md").read_text("utf-8").splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("| `") and len(parts) == 4:
            cap = None if parts[2] == "not yet" else int(parts[2])
            found[parts[0].strip("`")] = (tuple(cell.strip("`") for cell in parts[1].split()), cap)
    return found


def test_every_measure_is_explained_with_its_cells_and_its_cap():
    assert rows() == {one.name: (one.cells, one.cap) for one in metrics.MEASURES}


def test_the_schema_knows_exactly_these_measures():
    schema = json.loads((ROOT / "schemas" / "metrics-report-1.json").read_text("utf-8"))
    listed = schema["$defs"]["observation"]["properties"]["measure"]["enum"]
    assert sorted(listed) == sorted(one.name for one in metrics.MEASURES)
