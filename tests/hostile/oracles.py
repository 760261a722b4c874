"""What must not have happened: a changed row, a connection, a letter that was understood."""

from __future__ import annotations

import contextlib
import hashlib
import resource
import socket
import sqlite3
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.all_tables import TABLES
from tests.support.egress import GUARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import Place

# what arrived is kept with what became of it; how sending goes is no effect of anything
_NO_EFFECT = frozenset({"inbound", "host", "heard"})


def digest(place: Place, *, but: frozenset[str] = frozenset()) -> dict[str, str]:
    """A hash of every table, but of those that only say what arrived."""
    db = sqlite3.connect(f"file:{place.server.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        return {name: _hash(db, name) for table in TABLES if (name := table._meta.table_name) not in _NO_EFFECT | but}
    finally:
        db.close()


def _hash(db: sqlite3.Connection, name: str) -> str:
    hashed = hashlib.sha256()
    for row in sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))):
        hashed.update(row.encode())
    return hashed.hexdigest()


def arrived(place: Place) -> list[tuple[str, str]]:
    """Every letter that was kept: its id, and its fate as `refused places-differ`."""
    return [(uri, fate) for uri, fate in _fates(place).items()]


def fate(place: Place, uri: str) -> str:
    """What became of a letter: `nowhere` when it was never kept."""
    return _fates(place).get(uri, "nowhere")


def _fates(place: Place) -> dict[str, str]:
    db = sqlite3.connect(f"file:{place.server.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        found = db.execute(f"SELECT uri, state, reason FROM {InboundTable._meta.table_name} ORDER BY id")
        return {uri: f"{state} {(reason or '').partition(':')[0]}".strip() for uri, state, reason in found}
    finally:
        db.close()


# -- connections -------------------------------------------------------------------------------------------------------


@dataclass
class Connections:
    """Every connection that this process tried since it began to watch, in whatever library."""

    tried: list[tuple[str, int]] = field(default_factory=list)
    installed: bool = False
    watching: bool = False

    def install(self) -> None:
        """Watch this process for the rest of its life: an audit hook cannot be taken back."""
        if not self.installed:
            self.installed = True
            sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event == "socket.connect":
            opened, address = arguments[0], arguments[1]
            if opened.family in {socket.AF_INET, socket.AF_INET6}:
                self.tried.append((str(address[0]), int(address[1])))


CONNECTIONS = Connections()


@contextlib.contextmanager
def connections() -> Iterator[list[tuple[str, int]]]:
    """The addresses that are connected to meanwhile. Those off this machine are refused, and are in the list too."""
    CONNECTIONS.install()
    CONNECTIONS.tried, CONNECTIONS.watching = [], True
    GUARD.take()
    try:
        yield CONNECTIONS.tried
    finally:
        CONNECTIONS.watching = False


# -- what is kept ------------------------------------------------------------------------------------------------------

# bytes as they came, and as they were said, are kept whole and thrown away in time
_BYTES = frozenset({"inbound", "activity"})


def tables_with(place: Place, text: str) -> list[str]:
    """The tables in which these words stand somewhere, but those of bytes that came or were said."""
    db = sqlite3.connect(f"file:{place.server.settings.data_dir / 'fedhood.db'}?mode=ro", uri=True)
    try:
        names = [table._meta.table_name for table in TABLES]
        return [
            name
            for name in names
            if name not in _BYTES and any(text in str(row) for row in db.execute(f'SELECT * FROM "{name}"'))
        ]
    finally:
        db.close()


def resident_mib() -> float:
    """Memory that this process occupies, in MiB."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file, a question to the kernel
        return int(file.read().split()[1]) * resource.getpagesize() / (1 << 20)
