"""Other implementations in a folder of their own, and the Node that runs them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRATCH = HERE / "node_modules"
OLDEST_NODE = 20
NEWER_NODE = ("npx", "--yes", "--package", "node@22", "--", "node")


class Missing(Exception):
    """Something that this machine needs for it is not here."""


def fetch() -> None:
    """Put into `node_modules` what `package-lock.json` names, if it is not there. No script of a package is run."""
    if shutil.which("npm") is None:
        raise Missing("npm is needed: on Debian or Ubuntu, sudo apt install npm")
    stamp = SCRATCH / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True
        )


def run(script: str, given: dict[str, Any]) -> dict[str, Any]:
    """Hand a script one JSON document, and read the one that it answers."""
    done = subprocess.run(
        [*node(), script], input=json.dumps(given).encode(), capture_output=True, cwd=HERE, check=False, timeout=300
    )
    if done.returncode != 0:
        raise Missing(f"{script} broke off:\n{done.stderr.decode()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def node() -> tuple[str, ...]:
    """The machine's Node, or one from npm where that is missing or too old."""
    node = shutil.which("node")
    if node is None:
        return NEWER_NODE
    said = subprocess.run([node, "--version"], capture_output=True, check=True).stdout.decode()
    version = re.match(r"v(\d+)", said)
    return (node,) if version and int(version[1]) >= OLDEST_NODE else NEWER_NODE
