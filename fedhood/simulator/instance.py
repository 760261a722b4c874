"""One server of a demo, in a process of its own: `python -m fedhood.simulator.instance FILE`.

The file is a JSON object of settings, those included that `fedhood serve` refuses: loopback names, a shared clock.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fedhood.adapters.activitypub import proofs
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


def break_proofs() -> None:
    """From now on the reports of this process carry a proof that does not hold: a faulty neighbour, for the demo."""
    sound = proofs.sign

    def unsound(document: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        signed = sound(document, *args, **kwargs)
        if document.get("type") == "MetricsReport":
            signed["name"] = f"{signed['name']} "  # one space that nobody signed
        return signed

    proofs.sign = unsound


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if told["broken_proofs"]:
        break_proofs()
    serve(settings_of(told))
