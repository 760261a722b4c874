"""Servers that are nothing to us, but for somebody there who speaks to the whole city that we are of too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core.peers.model import MOST_HEARD, Peer, PeerState, Trust
from fedhood.core.peers.store import by_host
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import NotFound, TooMany

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork


def heard_of(
    uow: UnitOfWork, *, host: str, name: str, actor_uri: str, multikey: str, public_key_pem: str, fingerprint: str
) -> Peer:
    """Somebody of a server that is nothing to us speaks to the whole city: what it shows of itself today.

    A server with which more is under way, or was, stays as it is. Raises TooMany beyond 1,000 of these.
    """
    known = by_host(uow.db, host)
    if known is not None and known.state is not PeerState.HEARD:
        return known
    if known is None:
        heard = PeerTable.select().where(PeerTable.state == PeerState.HEARD.value)
        if heard.count(uow.db) >= MOST_HEARD:
            raise TooMany("too many servers are heard of", retry_after=86400)
        PeerTable.insert(
            host=host, state=PeerState.HEARD.value, trust=Trust.UNKNOWN.value, added_at=uow.now
        ).on_conflict_ignore().execute(uow.db)
    PeerTable.update(
        name=name[:120],
        actor_uri=actor_uri,
        multikey=multikey,
        public_key_pem=public_key_pem,
        fingerprint=fingerprint,
        looked_at=uow.now,
    ).where(PeerTable.host == host, PeerTable.state == PeerState.HEARD.value).execute(uow.db)
    found = by_host(uow.db, host)
    if found is None:
        raise NotFound
    return found
