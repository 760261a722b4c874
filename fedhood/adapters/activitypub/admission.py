"""The room of the doorman: who may say what at which door, as far as the envelope says, before a signature is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import arrivals, forgetting, problems, remote, strangers
from fedhood.adapters.activitypub.key_finding import SOON
from fedhood.adapters.activitypub.problems import Refused
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.core import neighbourhoods, peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.signed_requests import Claim
    from fedhood.core.peers import Peer

IN_QUESTION = 600  # seconds until two people may have spoken with each other
_ROUND_TABLE = frozenset({"Follow", "Accept", "Reject", "Undo", "Update"})  # what peering is talked about with
_ABOUT_ONESELF = frozenset({"Delete", "Update"})
# what people on other software say is heard always, or where they are received; what binds two is for neighbours
_OF_VISITORS = frozenset({"Follow", "Undo", "Delete"})
_OF_WHO_IS_KNOWN = frozenset({"Undo", "Delete", "Update"})
_OF_NEIGHBOURS = frozenset({"Accept", "Reject", "Offer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An activity with its bytes, and the names in it that were looked at."""

    body: bytes
    document: dict[str, Any]
    uri: str
    actor: str


def blocked() -> Refused:
    """What a blocked server is told."""
    return Refused(403, "blocked", "This server is blocked here.")


def check_scope(document: dict[str, Any], *, scoped: bool) -> None:
    """Whether what is scoped comes to the door for it, and nothing else does. Raises Refused."""
    scope = document.get("fhScope")
    if scoped and (not isinstance(scope, str) or scope in {"", "public"}):
        raise Refused(422, "scope-missing", "What comes to the peer inbox says its fhScope.")
    if not scoped and scope not in {None, "public"}:
        raise Refused(422, "wrong-inbox", "What is scoped comes to the peer inbox.")


async def check_origins(federation: Federation, claim: Claim, arrived: Arrived, carrier: Peer | None) -> None:
    """Whether what is named belongs together (K1, A3). Raises Refused.

    Actor and id are of one server. The key is of the same, unless a neighbour (`carrier`) brings what somebody of
    another neighbour said: that is looked into later.
    """
    home = urls.origin(arrived.actor)
    if {urls.origin(arrived.uri), urls.origin(claim.key_id)} == {home}:
        return
    for uri in (arrived.actor, arrived.uri):
        await _check_not_blocked(federation, uri)
    author = await federation.database.read(peers.by_host, urls.authority(arrived.actor))
    if urls.origin(arrived.uri) != home or not is_neighbour(carrier) or not is_neighbour(author):
        raise Refused(403, "origin", "Key, actor and id of an activity are of one server.")


def is_neighbour(peer: Peer | None) -> bool:
    """Whether we agreed with this server."""
    return peer is not None and peer.state is PeerState.AGREED


def is_of_a_visitor(peer: Peer | None, document: dict[str, Any], instance: str) -> bool:
    """Whether this is the word of somebody on other software, and not of a server about being neighbours.

    `instance`: our own instance actor.
    """
    if peer is not None and not peer.is_of_strangers:
        return False
    about = document.get("object")
    named = about.get("id") if isinstance(about, dict) else about
    return document.get("type") not in _OF_NEIGHBOURS and named != instance


def _is_welcome(db: peewee.Database, document: dict[str, Any]) -> bool:
    """Whether what a visitor says is listened to: anything, as long as one neighbourhood here receives them."""
    ours = neighbourhoods.ours(db)
    return bool(ours) and (document.get("type") in _OF_VISITORS or any(one.visitors for one in ours))


async def check_policy(
    federation: Federation, peer: Peer | None, arrived: Arrived, *, at_instance: bool, visits: bool = False
) -> None:
    """Whether this server may say this here (V6); `visits`: it is the word of a visitor. Raises Refused."""
    if visits and await federation.database.read(_is_welcome, arrived.document):
        return
    if peer is not None and peer.state is PeerState.AGREED:
        _check_key_stands(peer, arrived, at_instance=at_instance)
        return
    if peer is not None and peer.may_take_back and forgetting.is_removal(arrived.document):
        return
    kind = arrived.document.get("type")
    if not at_instance or kind not in _ROUND_TABLE:
        if peer is not None and await federation.database.read(_has_more_to_say, peer.id):
            # their yes may be among what is not understood yet
            raise Refused(503, "not-yet", "What you sent before is still being read.", retry_after=SOON)
        raise problems.peering_required(federation.addresses.instance)
    asks = kind == "Follow" and arrived.document.get("object") == federation.addresses.instance
    speaks = peer is not None and peer.actor_uri == arrived.actor
    if asks and peer is None:
        await federation.database.read(peers.check_room, urls.authority(arrived.actor))
    if not asks and not speaks:
        raise problems.peering_required(federation.addresses.instance)


def _check_key_stands(peer: Peer, arrived: Arrived, *, at_instance: bool) -> None:
    """While the key of a server is in question its words wait with it, until two people have compared letters again.

    Peering goes on, and so does what is taken back. Raises Refused.
    """
    if peer.suspended_at is not None and not at_instance and not forgetting.is_removal(arrived.document):
        raise Refused(503, "key-in-question", "You show another key than the one we know.", retry_after=IN_QUESTION)


async def _check_not_blocked(federation: Federation, uri: str) -> None:
    other = await federation.database.read(peers.by_host, urls.authority(uri))
    if other is not None and other.trust is Trust.BLOCKED:
        raise blocked()


def _has_more_to_say(db: peewee.Database, peer: int) -> bool:
    waiting = InboundTable.select().where(InboundTable.peer == peer, InboundTable.state == arrivals.WAITING)
    return bool(waiting.exists(db))


def is_about_oneself(arrived: Arrived) -> bool:
    """Whether who says it is whom it is about."""
    about = arrived.document.get("object")
    return (about.get("id") if isinstance(about, dict) else about) == arrived.actor


def says_nothing(db: peewee.Database, arrived: Arrived, *, visits: bool = False) -> bool:
    """Whether somebody unknown says that they left or changed: nothing here follows from it (V7).

    Nor does it when somebody on other software of whom we know nothing takes something back, or changes it.
    """
    if visits and arrived.document.get("type") in _OF_WHO_IS_KNOWN:
        return not strangers.is_known(db, arrived.actor)
    if arrived.document.get("type") not in _ABOUT_ONESELF or not is_about_oneself(arrived):
        return False
    if "fhScope" in arrived.document:  # it is for others, and passed on: who speaks need not be known
        return False
    home = peers.by_host(db, urls.authority(arrived.actor))
    known = remote.by_uri(db, arrived.actor) is not None or strangers.is_known(db, arrived.actor)
    return not known and (home is None or home.actor_uri != arrived.actor)
