"""Learns what the neighbourhoods of a new neighbour are called, from documents that its key vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import remote
from fedhood.core import neighbourhoods, peers
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation

MOST_ASKED = 100


async def meet(federation: Federation, peer_id: int) -> None:
    """Ask for the neighbourhoods that a peer named, and remember their names; one that is not there is left out.

    Raises RemoteFailure.
    """
    peer = await federation.database.read(peers.get, peer_id)
    for known in (await federation.database.read(neighbourhoods.of_peer, peer_id))[:MOST_ASKED]:
        if known.uri is None:
            continue
        try:
            group = await remote.fetch(federation, peer, known.uri)
        except Invalid:
            continue  # it is called by its key until it speaks itself
        await federation.database.write(
            neighbourhoods.remember, peer=peer_id, uri=known.uri, key=known.key, name=group.name or known.name
        )
