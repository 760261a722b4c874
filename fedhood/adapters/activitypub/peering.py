"""The room where two servers agree to be neighbours: what we say of it, and how we find the other.

    Follow (a proposal) ─▶ Accept (an agreement) | Reject ─▶ Update (another agreement) ─▶ Undo of the Follow

Each side follows the other: an agreement is what one side grants. All of it is said by the instance actors. Shapes:
golden files 50 to 56.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, contexts, keys, remote
from fedhood.adapters.activitypub.posts import ordered_at
from fedhood.adapters.activitypub.saying import Saying
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import neighbourhoods, peers
from fedhood.core.peers import Peer, Trust
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid, NotFound, RemoteFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.saying import Delivery
    from fedhood.kernel.urls import Addresses

PROTOCOL = "1"
PROPOSAL = "PeeringProposal"
AGREEMENT = "PeeringAgreement"
SCOPES = ("public", "neighbours", "city", "aggregate", "direct")

_FOLLOW = "peer.follow"


# -- finding -----------------------------------------------------------------------------------------------------------


async def discover(federation: Federation, peer_id: int) -> None:
    """Look a server up that somebody named: its NodeInfo, its instance actor, the letters to compare.

    What went wrong is kept for the page that shows it. Raises NotFound, Conflict (another key than the confirmed one),
    and RemoteFailure or Invalid as `remote.instance_actor` does, `not-fedhood` for a server of another kind; the job
    is tried again, for a volunteer's server may be off, or not yet set up.
    """
    peer = await federation.database.read(peers.get, peer_id)
    # whoever hears from us next looks us up
    await actors.ensure_keys(federation, actors.INSTANCE)
    try:
        there = remote.read_instance(await remote.instance_actor(federation, peer.host))
        peer_inbox = peer_inbox_of(there)
    except (Invalid, RemoteFailure) as failure:
        await federation.database.write(peers.not_found, peer_id=peer_id, reason=failure.code)
        raise
    await federation.database.write(
        peers.found,
        peer_id=peer_id,
        name=there.name,
        actor_uri=there.uri,
        inbox=there.inbox,
        shared_inbox=there.shared_inbox,
        peer_inbox=peer_inbox,
        multikey=there.multikey,
        public_key_pem=there.public_key_pem,
        fingerprint=there.fingerprint,
        capabilities=list(there.capabilities),
    )


def peer_inbox_of(there: remote.RemoteInstance) -> str:
    """Where scoped things may go. Raises Invalid for a server that does not say that it keeps to scopes (L4)."""
    if there.peer_inbox is None or actors.CAP_SCOPES not in there.capabilities:
        raise Invalid("the server does not keep to scopes", code="not-fedhood")
    return there.peer_inbox


# -- saying ------------------------------------------------------------------------------------------------------------


def follow(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """We ask to be neighbours (50), or as a city or a city's (55). A city hosts no neighbourhood that it could name.

    Raises NotFound.
    """
    peer = peers.get(db, delivery.peer)
    is_city = peer.trust is Trust.CITY
    proposal: dict[str, Any] = {
        "type": PROPOSAL,
        "fhProtocol": PROTOCOL,
        "fhRequestedTrust": (Trust.CITY if is_city else Trust.NEIGHBOUR).value,
    }
    groups = [addresses.group(one.key) for one in neighbourhoods.ours(db)]
    if groups or not is_city:
        proposal["fhNeighbourhoods"] = groups
    proposal |= {
        "fhPeerInbox": addresses.peer_inbox,
        "fhKeyFingerprint": our_fingerprint(db, addresses),
        "fhPolicy": f"{addresses.base}/about/policy",
    }
    return _said(db, addresses, delivery, peer, {"type": "Follow", "object": _actor_of(peer), "fhPeering": proposal})


def accept(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """We agree to their Follow, and grant so much (51, 56). Raises NotFound when there is no agreement any more."""
    peer = peers.get(db, delivery.peer)
    answer = {"object": _their_follow(addresses, peer), "result": _agreement(db, addresses, peer)}
    return _said(db, addresses, delivery, peer, {"type": "Accept", **answer})


def reject(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """We do not agree to their Follow (52). Raises NotFound when they took it back."""
    peer = peers.get(db, delivery.peer)
    answer = {"object": _their_follow(addresses, peer), "fhReason": "unknown-operator"}
    return _said(db, addresses, delivery, peer, {"type": "Reject", **answer})


def update(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """We grant something else from now on (53, 53b): the whole agreement as it stands. Raises NotFound."""
    peer = peers.get(db, delivery.peer)
    changed = _agreement(db, addresses, peer)
    granted = peers.agreement(db, peer.id, ours=True)
    if granted is None:
        raise NotFound
    if "neighbours" not in granted.scopes and granted.trust is not Trust.CITY:
        changed["fhReason"] = "policy-change"
    changed["updated"] = instant(granted.updated_at)
    return _said(db, addresses, delivery, peer, {"type": "Update", "object": changed})


def undo(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """We take our Follow back: neighbours no longer (54). Raises NotFound when we never asked."""
    peer = peers.get(db, delivery.peer)
    ours = our_follow(db, addresses, peer)
    if ours is None:
        raise NotFound
    inner = {"id": ours, "type": "Follow", "actor": addresses.instance, "object": _actor_of(peer)}
    return _said(db, addresses, delivery, peer, {"type": "Undo", "object": inner})


def our_follow(db: peewee.Database, addresses: Addresses, peer: Peer) -> str | None:
    """The id of the Follow with which we last asked this peer, sent or still waiting."""
    asked = (
        DeliveryTable.select(DeliveryTable.epoch, DeliveryTable.number)
        .where(DeliveryTable.peer == peer.id, DeliveryTable.verb == _FOLLOW, DeliveryTable.state != "dropped")
        .order_by(DeliveryTable.epoch.desc(), DeliveryTable.number.desc())
        .limit(1)
    )
    for row in asked.execute(db):
        return addresses.activity(_key(_FOLLOW, peer, row.epoch, row.number))
    return None


def our_fingerprint(db: peewee.Database, addresses: Addresses) -> str:
    """The letters that the other operator compares. Raises NotFound before this server has made its key."""
    own = actors.stored_keys(db, actors.INSTANCE)
    if own is None:
        raise NotFound("this server has no key yet")
    return keys.fingerprint(addresses.instance, keys.multikey(own.ed25519))


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], tuple[str, Saying]]] = {
    _FOLLOW: follow,
    "peer.accept": accept,
    "peer.reject": reject,
    "peer.update": update,
    "peer.undo": undo,
}


def _said(
    db: peewee.Database, addresses: Addresses, delivery: Delivery, peer: Peer, members: dict[str, Any]
) -> tuple[str, Saying]:
    """An activity of our instance actor for theirs."""
    key = _key(delivery.verb, peer, delivery.epoch, delivery.number)
    head = {
        "@context": contexts.PEERING,
        "id": addresses.activity(key),
        "type": members["type"],
        "actor": addresses.instance,
        "to": [_actor_of(peer)],
        "published": instant(ordered_at(db, delivery)),
    }
    return key, Saying(actors.INSTANCE, head | members)


def _key(verb: str, peer: Peer, epoch: int, number: int) -> str:
    # by the place in the stream, which the peer sees anyway: asking twice, or agreeing again, is another activity
    return f"{verb.replace('.', '-')}-{peer.host}-{epoch}-{number}"


def _actor_of(peer: Peer) -> str:
    if peer.actor_uri is None:
        raise NotFound
    return peer.actor_uri


def _their_follow(addresses: Addresses, peer: Peer) -> dict[str, str]:
    if peer.their_follow_uri is None:
        raise NotFound
    return {"id": peer.their_follow_uri, "type": "Follow", "actor": _actor_of(peer), "object": addresses.instance}


def _agreement(db: peewee.Database, addresses: Addresses, peer: Peer) -> dict[str, Any]:
    granted = peers.agreement(db, peer.id, ours=True)
    if granted is None:
        raise NotFound
    return {
        "id": addresses.peering(peer.host),
        "type": AGREEMENT,
        "attributedTo": addresses.instance,
        "fhProtocol": PROTOCOL,
        "fhGrantedTrust": granted.trust.value,
        "fhGrantedScopes": [scope for scope in SCOPES if scope in granted.scopes],
        "fhPairs": _pairs(db, addresses, peer),
        "fhPeerInbox": addresses.peer_inbox,
        "fhKeyFingerprint": our_fingerprint(db, addresses),
        "fhValidUntil": instant(granted.valid_until),
    }


def _pairs(db: peewee.Database, addresses: Addresses, peer: Peer) -> list[dict[str, str]]:
    """Which neighbourhood of ours is read by which of theirs, now."""
    return [
        {"fhFrom": addresses.group(writer.key), "fhTo": reader.uri}
        for writer in neighbourhoods.ours(db)
        for reader in neighbourhoods.readers_of(db, writer.id)
        if reader.peer == peer.id and reader.uri is not None
    ]
