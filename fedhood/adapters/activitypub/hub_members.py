"""The room of those who speak to a whole city from servers that we never agreed with: their own vouches for them.

The hub only carries. Who speaks is asked for at their own address, and the key of their server there, each time anew
after a day; nothing of it comes from the hub, so that it can add no word and change none.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, remote
from fedhood.adapters.activitypub.hub import hub_of
from fedhood.core import hubs, peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, Invalid, RemoteFailure

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.remote import RemoteActor
    from fedhood.core.peers import Peer

ASKED_AGAIN = timedelta(days=1)


def is_carried(peer: Peer | None, activity: dict[str, Any]) -> bool:
    """Whether our city's hub brings this. What is inside needs no agreement with its server, but its own proof.

    A removal is heard from the hub of a former city too.
    """
    if peer is None or peer.trust is not Trust.CITY or peer.actor_uri is None:
        return False
    heard = peer.state is PeerState.AGREED or (peer.may_take_back and forgetting.is_removal(activity))
    return heard and activity.get("type") == "Announce" and activity.get("actor") == hub_of(peer.actor_uri)


async def meet(
    federation: Federation, home: Peer | None, uri: str, *, carrier: int, removal: bool = False
) -> tuple[RemoteActor, Peer]:
    """Somebody of a server that we have no agreement with, and that server as it shows itself.

    What is taken back is believed by the key that is known, however old: who left shows none any more.
    Raises Forbidden for one that is blocked here, Invalid for another key than we knew of one with which more was under
    way, TooMany for too many of these, RemoteFailure when the `carrier` made us ask enough today, and what
    `remote.fetch` does.
    """
    if home is not None and home.trust is Trust.BLOCKED:
        raise Forbidden("this server is blocked here", code="blocked")
    known = await federation.database.read(remote.by_uri, uri)
    fresh = federation.clock.now() - ASKED_AGAIN
    if known is not None and home is not None and known.peer == home.id and (removal or known.fetched_at > fresh):
        return known, home
    if not await federation.database.write(hubs.may_ask, peer_id=carrier):
        raise RemoteFailure("their hub made us ask enough for a day", code="hub-asks-too-much")
    shown = remote.read_instance(await remote.instance_actor(federation, urls.authority(uri)))
    values: dict[str, Any] = {
        "actor_uri": shown.uri,
        "multikey": shown.multikey,
        "public_key_pem": shown.public_key_pem,
        "fingerprint": shown.fingerprint,
    }
    there = await federation.database.write(peers.heard_of, host=urls.authority(uri), name=shown.name, **values)
    if there.state is not PeerState.HEARD and there.multikey not in {None, shown.multikey}:
        raise Invalid("this server shows another key than the one we know", code="key-changed")
    there = replace(there, **values)
    return await remote.fetch(federation, there, uri), there
