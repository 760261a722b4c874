"""A server that somebody at the command line means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import peers as servers
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.core.peers import Peer


def find(db: peewee.Database, host: str) -> Peer:
    """The server with this host. Raises Invalid for what is no host, NotFound."""
    found = servers.by_host(db, servers.host_of(host))
    if found is None:
        there = ", ".join(one.host for one in servers.all_peers(db)) or "none"
        raise NotFound(f"this server knows no {host}; it knows: {there}")
    return found
