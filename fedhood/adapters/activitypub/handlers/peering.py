"""How another server's word on being neighbours is understood: only from its instance actor, only for ours."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import peering, remote
from fedhood.adapters.activitypub.handlers import acting, reading
from fedhood.adapters.activitypub.handlers.contract import Context, Handler
from fedhood.core import neighbourhoods, peers
from fedhood.core.peers import Peer, PeerState, Trust
from fedhood.kernel import jobs, urls
from fedhood.kernel.errors import Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.adapters.activitypub.remote import RemoteInstance
    from fedhood.kernel.engine import UnitOfWork

MOST_GROUPS = 100
MOST_PAIRS = 1000

_ASKABLE = frozenset({Trust.NEIGHBOUR.value, Trust.CITY.value})
_GRANTABLE = _ASKABLE | {Trust.FEDIVERSE.value}
_GROUP_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LONGEST_AGREEMENT = timedelta(days=2 * 366)
_AHEAD = timedelta(hours=24)  # how far another clock may be believed (A10)


def needs_sender(activity: dict[str, Any]) -> list[str]:
    """The instance actor as it introduces itself today. Its neighbourhoods are vouched for when they first speak."""
    return [reading.text(activity, "actor")]


# -- they ask ----------------------------------------------------------------------------------------------------------


def verify_follow(activity: dict[str, Any]) -> None:
    """A proposal in the words of this protocol, about neighbourhoods of the sender's own (50, 55). Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    reading.text(activity, "object")
    proposal = _of_kind(activity.get("fhPeering"), peering.PROPOSAL)
    _verify_trust(proposal.get("fhRequestedTrust"), _ASKABLE)
    reading.same_origin(reading.text(proposal, "fhPeerInbox"), actor)
    reading.text(proposal, "fhKeyFingerprint")
    for uri in _groups(proposal):
        reading.same_origin(uri, actor)


def receive_follow(uow: UnitOfWork, context: Context) -> None:
    """Another server asks to be a neighbour; asked again after an agreement, it gets our Accept again.

    Raises Invalid, Forbidden; TooMany and Conflict as `peers.asked` does.
    """
    activity = context.activity
    if activity["object"] != context.addresses.instance:
        raise Invalid("it asks somebody else", code="peering-object")
    if context.peer is not None and context.peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is blocked", code="blocked")
    there = _instance_of(context)
    proposal = activity["fhPeering"]
    if proposal["fhKeyFingerprint"] != there.fingerprint:
        raise Invalid("it names other letters than those of its key", code="fingerprint")
    if proposal["fhPeerInbox"] != peering.peer_inbox_of(there):
        raise Invalid("it names another peer inbox than its actor", code="peering-inbox")
    peers.asked(
        uow,
        host=urls.authority(there.uri),
        name=there.name,
        actor_uri=there.uri,
        inbox=there.inbox,
        shared_inbox=there.shared_inbox,
        peer_inbox=proposal["fhPeerInbox"],
        multikey=there.multikey,
        public_key_pem=there.public_key_pem,
        fingerprint=there.fingerprint,
        capabilities=list(there.capabilities),
        follow_uri=activity["id"],
        trust=Trust(proposal["fhRequestedTrust"]),
        groups=[_offered(uow, uri) for uri in _groups(proposal)],
    )


def _instance_of(context: Context) -> RemoteInstance:
    """The sender as it introduces itself. Raises Invalid."""
    document = context.fetched.get(context.signer_uri)
    if document is None:
        raise Invalid("who asks is not known", code="actor-unknown")
    there = remote.read_instance(document)
    if there.uri != context.signer_uri:
        raise Invalid("only a server's instance actor asks", code="peering-actor")
    return there


def _groups(proposal: dict[str, Any]) -> list[str]:
    """The Group ids that a proposal offers. Raises Invalid."""
    offered = proposal.get("fhNeighbourhoods", [])
    listed = offered if isinstance(offered, list) else [offered]
    if len(listed) > MOST_GROUPS or not all(isinstance(uri, str) for uri in listed):
        raise Invalid("its neighbourhoods are no list of addresses", code="peering-groups")
    for uri in listed:
        _group_key(uri)
    return list(dict.fromkeys(listed))


def _group_key(uri: str) -> str:
    key = uri.rpartition("/")[2]
    if _GROUP_KEY.fullmatch(key) is None:
        raise Invalid("the address of a neighbourhood ends with its key", code="peering-groups")
    return key


def _offered(uow: UnitOfWork, uri: str) -> dict[str, str]:
    """A neighbourhood as it is offered: by the name we know, else by its key: its document is not vouched for yet."""
    known = neighbourhoods.by_uri(uow.db, uri)
    key = _group_key(uri)
    return {"uri": uri, "key": key, "name": known.name if known else key.replace("-", " ").capitalize()}


# -- they answer -------------------------------------------------------------------------------------------------------


def verify_accept(activity: dict[str, Any]) -> None:
    """An agreement of the sender's, in answer to a Follow (51, 56). Raises Invalid."""
    _verify_answer(activity)
    _verify_agreement(activity.get("result"), reading.text(activity, "actor"))


def verify_reject(activity: dict[str, Any]) -> None:
    """A refusal of a Follow (52). Raises Invalid."""
    _verify_answer(activity)


def receive_accept(uow: UnitOfWork, context: Context) -> None:
    """Another server agreed, and says what it grants us. Raises Invalid, Forbidden, NotFound (we did not ask)."""
    peer = _speaking(context)
    _check_ours(uow, context, peer)
    _take_in(uow, context, peer, context.activity["result"])


def receive_reject(uow: UnitOfWork, context: Context) -> None:
    """Another server does not agree, or no longer. Again is the same. Raises Forbidden, NotFound (we did not ask)."""
    peer = _speaking(context)
    _check_ours(uow, context, peer)
    if peer.state is not PeerState.REFUSED:
        peers.rejected(uow, peer_id=peer.id)


def _verify_answer(activity: dict[str, Any]) -> None:
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    answered = _of_kind(activity.get("object"), "Follow")
    if reading.text(answered, "object") != actor:
        raise Invalid("it answers what was asked of somebody else", code="peering-object")


def _check_ours(uow: UnitOfWork, context: Context, peer: Peer) -> None:
    """Raises NotFound unless what is answered is our Follow: by its id, or by who asked whom (A5)."""
    ours = peering.our_follow(uow.db, context.addresses, peer)
    answered = context.activity["object"]
    if ours is None or (answered.get("id") != ours and answered.get("actor") != context.addresses.instance):
        raise NotFound("we did not ask", code="not-asked")


# -- they change their mind --------------------------------------------------------------------------------------------


def verify_update(activity: dict[str, Any]) -> None:
    """Another agreement in place of the sender's last (53, 53b). Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    _verify_agreement(activity.get("object"), actor)
    if reading.moment_of(activity["object"], "updated") is None:
        raise Invalid("a changed agreement says when it changed", code="peering-updated")


def receive_update(uow: UnitOfWork, context: Context) -> None:
    """Another server grants us something else; what is not newer than what we know changes nothing.

    Raises Forbidden, Invalid, NotFound when nothing was agreed.
    """
    peer = _speaking(context)
    known = peers.agreement(uow.db, peer.id, ours=False)
    if known is None:
        raise NotFound("nothing was agreed that could change", code="not-agreed")
    if _said_at(uow, context, context.activity["object"]) > known.updated_at:
        _take_in(uow, context, peer, context.activity["object"])


def verify_undo(activity: dict[str, Any]) -> None:
    """The sender's own Follow, taken back (54). Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    taken_back = _of_kind(activity.get("object"), "Follow")
    if reading.text(taken_back, "actor") != actor:
        raise Invalid("only who asked takes it back", code="peering-actor")


def receive_undo(uow: UnitOfWork, context: Context) -> None:
    """Another server is no neighbour any more. Again is the same. Raises Forbidden, Invalid."""
    peer = _speaking(context)
    taken_back = context.activity["object"]
    if taken_back.get("object") != context.addresses.instance:
        raise Invalid("it was asked of somebody else", code="peering-object")
    if peer.their_follow_uri is not None and peer.state not in {PeerState.ENDED, PeerState.REFUSED}:
        peers.ended(uow, peer_id=peer.id)


# -- what all of them have in common -----------------------------------------------------------------------------------


def _of_kind(value: Any, kind: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("type") != kind:
        raise Invalid(f"there is no {kind}", code="peering-kind")
    return value


def _speaking(context: Context) -> Peer:
    """The peer whose instance actor says this. Raises Forbidden for anyone else of that server, and for strangers."""
    peer = context.peer
    if peer is None or peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is no neighbour", code="peering-required")
    if peer.actor_uri is None or context.signer_uri != peer.actor_uri:
        raise Forbidden("only a server's instance actor speaks for it", code="peering-actor")
    if _instance_of(context).multikey != peer.multikey:
        raise Forbidden("the server has another key than the one we know", code="key-changed")
    return peer


def _verify_trust(word: Any, known: frozenset[str]) -> None:
    if not isinstance(word, str) or word not in known:
        raise Invalid("what it asks or grants is not known here", code="peering-trust")


def _verify_agreement(value: Any, actor: str) -> None:
    agreement = _of_kind(value, peering.AGREEMENT)
    if reading.text(agreement, "attributedTo") != actor:
        raise Invalid("it is somebody else's agreement", code="author")
    reading.same_origin(reading.text(agreement, "id"), actor)
    reading.same_origin(reading.text(agreement, "fhPeerInbox"), actor)
    reading.text(agreement, "fhKeyFingerprint")
    _verify_trust(agreement.get("fhGrantedTrust"), _GRANTABLE)
    scopes = agreement.get("fhGrantedScopes")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Invalid("the scopes are no list of words", code="peering-scopes")
    if reading.moment_of(agreement, "fhValidUntil") is None:
        raise Invalid("an agreement ends some day", code="peering-valid-until")
    _verify_pairs(agreement.get("fhPairs"), actor)


def _verify_pairs(pairs: Any, actor: str) -> None:
    if not isinstance(pairs, list) or len(pairs) > MOST_PAIRS:
        raise Invalid("the pairs are no list", code="peering-pairs")
    for pair in pairs:
        if not isinstance(pair, dict):
            raise Invalid("a pair is no pair", code="peering-pairs")
        writer = reading.text(pair, "fhFrom")
        reading.same_origin(writer, actor)
        _group_key(writer)
        reading.text(pair, "fhTo")


def _take_in(uow: UnitOfWork, context: Context, peer: Peer, agreement: dict[str, Any]) -> None:
    """Keep what the other side grants: scopes that are known here, pairs with neighbourhoods that are here."""
    if agreement["fhKeyFingerprint"] != peer.fingerprint:
        raise Invalid("it names other letters than those of its key", code="fingerprint")
    pairs: list[tuple[str, int]] = []
    for pair in agreement["fhPairs"]:
        reader = acting.our_group(uow.db, context.addresses, pair["fhTo"])
        if reader is not None:
            neighbourhoods.remember(uow, peer=peer.id, **_offered(uow, pair["fhFrom"]))
            pairs.append((pair["fhFrom"], reader.id))
    until = reading.moment_of(agreement, "fhValidUntil") or uow.now
    peers.their_agreement(
        uow,
        peer_id=peer.id,
        trust=Trust(agreement["fhGrantedTrust"]),
        scopes=[scope for scope in dict.fromkeys(agreement["fhGrantedScopes"]) if scope in peering.SCOPES],
        pairs=pairs,
        valid_until=min(until, uow.now + _LONGEST_AGREEMENT),
        updated_at=_said_at(uow, context, agreement),
    )
    if peer.state is PeerState.AGREED:
        jobs.add(uow, "peer.meet", ordering_key=f"peer.{peer.id}", peer=peer.id)  # for their names


def _said_at(uow: UnitOfWork, context: Context, agreement: dict[str, Any]) -> datetime:
    """Since when an agreement is what it is, never far ahead of our own clock."""
    said = reading.moment_of(agreement, "updated") or reading.moment_of(context.activity, "published") or uow.now
    return min(said, uow.now + _AHEAD)


PEERING: dict[tuple[str, str], Handler] = {
    ("Follow", ""): Handler(verify=verify_follow, needs=needs_sender, receive=receive_follow, changes_belief=True),
    ("Accept", "Follow"): Handler(
        verify=verify_accept, needs=needs_sender, receive=receive_accept, changes_belief=True
    ),
    ("Reject", "Follow"): Handler(
        verify=verify_reject, needs=needs_sender, receive=receive_reject, changes_belief=True
    ),
    ("Update", peering.AGREEMENT): Handler(
        verify=verify_update, needs=needs_sender, receive=receive_update, changes_belief=True
    ),
    ("Undo", "Follow"): Handler(verify=verify_undo, needs=needs_sender, receive=receive_undo, changes_belief=True),
}
