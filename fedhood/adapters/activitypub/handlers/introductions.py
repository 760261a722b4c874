"""An actor elsewhere introduces itself anew: with another name, or with other keys that its old one announces (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import remote
from fedhood.adapters.activitypub.handlers import reading
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import peers
from fedhood.core.peers import Trust
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

PEOPLE = ("Person", "Group", "Organization", "Service")
SERVER = "Application"


def verify(activity: dict[str, Any]) -> None:
    """Nobody introduces somebody else. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    if reading.embedded(activity).get("id") != actor:
        raise Invalid("an actor introduces itself alone", code="author")


def needs_actor(activity: dict[str, Any]) -> list[str]:
    """Who introduces themselves, as we know them so far."""
    return [reading.text(activity, "actor")]


def needs_nobody(_activity: dict[str, Any]) -> list[str]:
    """A server's word holds by the key that people compared, whatever it shows today."""
    return []


def receive(uow: UnitOfWork, context: Context) -> None:
    """Keep what an actor of a neighbour says of itself, if its server vouches for it. Raises Invalid, Forbidden."""
    remote.believe(uow, _neighbour(context), reading.embedded(context.activity))


def receive_server(uow: UnitOfWork, context: Context) -> None:
    """A server has other keys, and the key that people compared says so: what was agreed stays.

    Raises Invalid, Forbidden.
    """
    peer = _neighbour(context)
    there = remote.read_instance(reading.embedded(context.activity))
    if there.uri != peer.actor_uri:
        raise Forbidden("only a server's instance actor speaks for it", code="peering-actor")
    peers.key_announced(
        uow,
        peer_id=peer.id,
        multikey=there.multikey,
        public_key_pem=there.public_key_pem,
        fingerprint=there.fingerprint,
    )


def _neighbour(context: Context) -> Peer:
    peer = context.peer
    if peer is None or peer.trust is Trust.BLOCKED or not peer.may_take_back:
        raise Forbidden("this server is no neighbour", code="peering-required")
    return peer


HANDLERS: dict[tuple[str, str], Handler] = {
    **{
        ("Update", kind): Handler(verify=verify, needs=needs_actor, receive=receive, changes_belief=True)
        for kind in PEOPLE
    },
    ("Update", SERVER): Handler(verify=verify, needs=needs_nobody, receive=receive_server, changes_belief=True),
}
