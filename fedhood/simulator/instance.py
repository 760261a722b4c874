"""One server of a demo, in a process of its own: `python -m fedhood.simulator.instance FILE`.

The file is a JSON object of settings, those included that `fedhood serve` refuses: loopback names, a shared clock.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fedhood.app import serve
from fedhood.kernel.settings import Profile, Settings


def settings_of(values: dict[str, Any]) -> Settings:
    """The settings of a demo server."""
    return Settings(
        data_dir=Path(values["data_dir"]),
        listen=values["listen"],
        host=values["host"],
        profile=Profile(values["profile"]),
        loopback_names=True,
        rehearsal=True,
        clock_offset=Path(values["clock_offset"]),
    )


if __name__ == "__main__":
    serve(settings_of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
