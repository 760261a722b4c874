"""Learns what the neighbourhoods of a new neighbour are called, from documents that its key vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import remote
from fedhood.core import neighbourhoods, peers

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation


async def meet(federation: Federation, peer_id: int) -> None:
    """Ask for each neighbourhood that a peer named, and remember its name. Raises Invalid, RemoteFailure."""
    peer = await federation.database.read(peers.get, peer_id)
    for known in await federation.database.read(neighbourhoods.of_peer, peer_id):
        if known.uri is not None:
            group = await remote.fetch(federation, peer, known.uri)
            await federation.database.write(
                neighbourhoods.remember,
                peer=peer_id,
                uri=known.uri,
                key=known.key,
                name=group.name or known.name,
            )
