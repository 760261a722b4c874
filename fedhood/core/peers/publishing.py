"""The list of neighbourhoods that a city publishes: of those that it agreed with, as a clerk put them on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fedhood.core import neighbourhoods
from fedhood.core.peers.changing import later
from fedhood.core.peers.model import (
    MOST_LISTED,
    MOST_LISTED_GROUPS,
    Listed,
    Peer,
    PeerState,
    PublishedList,
    Trust,
)
from fedhood.core.peers.service import keeper
from fedhood.core.peers.store import all_peers, get
from fedhood.core.peers.tables import PublishedListTable
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled
from fedhood.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork

_SERVER = " (server)"
_HELD = "peers.list"
_LATEST = Compiled(
    lambda: (
        PublishedListTable.select(PublishedListTable.entries, PublishedListTable.updated_at)
        .order_by(PublishedListTable.id.desc())
        .limit(1)
    )
)


def published(db: peewee.Database) -> PublishedList | None:
    """The list as it is published; None before anything ever was."""
    row = _LATEST.row(db)
    if row is None:
        return None
    entries = tuple(Listed(**{**one, "groups": tuple(one["groups"])}) for one in json.loads(row[0]))
    return PublishedList(entries=entries, updated_at=from_milliseconds(row[1]))


def entry_of(db: peewee.Database, peer: Peer) -> Listed | None:
    """What the list would say of a server today; None for one that is not agreed with under a key that stands."""
    stands = peer.state is PeerState.AGREED and peer.trust is not Trust.BLOCKED and peer.suspended_at is None
    if not stands or peer.actor_uri is None or peer.fingerprint is None:
        return None
    told = {group["uri"] for group in peer.offered_groups or []}
    known = {one.uri for one in neighbourhoods.of_peer(db, peer.id) if one.uri is not None}
    return Listed(
        host=peer.host,
        name=peer.name.removesuffix(_SERVER) or peer.host,
        actor_uri=peer.actor_uri,
        fingerprint=peer.fingerprint,
        groups=tuple(sorted(told | known)),
    )


def put_on_list(uow: UnitOfWork, *, by: Viewer | None, peers: Iterable[int] | None = None) -> None:
    """A clerk puts servers on the list as they are today, or what has changed of them; None is all that may be on it.

    The same again publishes nothing anew. Raises Unauthenticated, Forbidden, NotFound; Conflict for one that is not
    agreed with, or whose letters are in question (`not-agreed`); Invalid (`too-long`) beyond 1,000 servers or 2,000
    neighbourhoods.
    """
    keeper(uow, by)
    uow.hold(_HELD)
    known = all_peers(uow.db) if peers is None else [get(uow.db, peer) for peer in peers]
    fresh = {peer.host: entry_of(uow.db, peer) for peer in known}
    if peers is not None and None in fresh.values():
        raise Conflict("nothing is agreed with this server", code="not-agreed")
    entries = _entries(uow.db) | {host: entry for host, entry in fresh.items() if entry is not None}
    _publish(uow, by, entries)


def take_off_list(uow: UnitOfWork, *, by: Viewer | None, host: str) -> None:
    """A clerk takes a server off the list; one that is not on it changes nothing. Raises Unauthenticated, Forbidden."""
    keeper(uow, by)
    uow.hold(_HELD)
    _publish(uow, by, {one: entry for one, entry in _entries(uow.db).items() if one != host})


def _entries(db: peewee.Database) -> dict[str, Listed]:
    known = published(db)
    return {} if known is None else {entry.host: entry for entry in known.entries}


def _publish(uow: UnitOfWork, by: Viewer | None, entries: dict[str, Listed]) -> None:
    known = published(uow.db)
    listed = tuple(entries[host] for host in sorted(entries))
    if listed == (() if known is None else known.entries):
        return
    groups = sum(len(entry.groups) for entry in listed)
    if len(listed) > MOST_LISTED or groups > MOST_LISTED_GROUPS:
        raise Invalid("the list is too long", code="too-long", field="list", over=len(listed) - MOST_LISTED)
    PublishedListTable.delete().execute(uow.db)
    PublishedListTable.insert(
        entries=[_as_json(entry) for entry in listed],
        updated_at=uow.now if known is None else later(uow.now, known.updated_at),
        published_by=None if by is None else by.account,
    ).execute(uow.db)


def _as_json(entry: Listed) -> dict[str, Any]:
    return {
        "host": entry.host,
        "name": entry.name,
        "actor_uri": entry.actor_uri,
        "fingerprint": entry.fingerprint,
        "groups": list(entry.groups),
    }
