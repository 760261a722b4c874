"""The room of belief: who speaks in an activity, by which key their word is known, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, keys, proofs, remote
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.key_finding import KEY_IS_FRESH, is_settled, is_vouched
from fedhood.adapters.activitypub.proofs import MISMATCH, ProofError
from fedhood.core import peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.core.peers import Peer

TOO_FRESH = "proof-of-another-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The key by which somebody's word is known. `peer` and `fetched_at` are set where it can be fetched anew."""

    key_uri: str
    multikey: str
    peer: Peer | None = None
    fetched_at: datetime | None = None


async def believe(
    federation: Federation, activity: dict[str, Any], *, peer: Peer | None, signer: str, needs: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Pass if everything that an activity says is the word of whoever is said to say it.

    `needs` are further actors on whose word it rests. Returns what is known of each of them and of the signer, by
    address. Raises Forbidden for a blocked server, Invalid for a word that does not hold, RemoteFailure.
    """
    if peer is not None and peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is blocked here", code="blocked")
    voices: dict[str, Voice] = {}
    settled = peer is not None and is_settled(peer, removal=forgetting.is_removal(activity))
    if peer is not None and settled and peer.actor_uri is not None and peer.multikey is not None:
        voices[peer.actor_uri] = Voice(key_uri=peer.actor_uri + PROOF_KEY, multikey=peer.multikey)
    known: dict[str, dict[str, Any]] = {}
    speaking = [] if signer in voices else [signer]
    for uri in dict.fromkeys([*speaking, *needs]):
        if urls.origin(uri) != urls.origin(federation.addresses.base):
            known[uri], voice = await _meet(federation, peer, uri)
            voices.setdefault(uri, voice)  # the key that people compared goes before the one it shows today
    await _check_proofs(federation, activity, voices)
    return known


# -- who speaks --------------------------------------------------------------------------------------------------------


async def _meet(federation: Federation, peer: Peer | None, uri: str) -> tuple[dict[str, Any], Voice]:
    """What is known of an actor, asked for where it must be, and the key of its word. Raises Invalid, RemoteFailure.

    A server whose key nobody compared yet speaks for itself: its document is fetched as it is now. Everybody else is
    vouched for by their server's key, and for who is not of the sender's server we must have agreed with it; of those
    the members of `RemoteActor` are given.
    """
    home = peer if peer is not None and peer.host == urls.authority(uri) else None
    if home is None and peer is not None:
        home = await federation.database.read(peers.by_host, urls.authority(uri))
        if home is None or home.state is not PeerState.AGREED or home.trust is Trust.BLOCKED:
            raise Invalid("nobody we know vouches for this actor", code="actor-unvouched")
    if home is None or uri == home.actor_uri:
        return await _meet_server(federation, uri)
    known = await federation.database.read(remote.by_uri, uri)
    if known is None or not is_vouched(known, home):
        known = await remote.fetch(federation, home, uri)
    return remote.members(known), _voice(known, home)


def _voice(actor: remote.RemoteActor, peer: Peer) -> Voice:
    return Voice(key_uri=actor.proof_key_uri, multikey=actor.multikey, peer=peer, fetched_at=actor.fetched_at)


async def _meet_server(federation: Federation, uri: str) -> tuple[dict[str, Any], Voice]:
    document = await remote.instance_actor(federation, urls.authority(uri))
    instance = remote.read_instance(document)
    if instance.uri != uri:
        raise Invalid("only the instance actor speaks for a server", code="actor-unvouched")
    return document, Voice(key_uri=uri + PROOF_KEY, multikey=instance.multikey)


# -- whether their word holds ------------------------------------------------------------------------------------------


async def _check_proofs(federation: Federation, activity: dict[str, Any], voices: Mapping[str, Voice]) -> None:
    """The activity is its actor's word, and what it announces the word of whoever said that first. Raises Invalid.

    What comes back to us from a resident of ours is not proved again: only our own copy of it counts.
    """
    await _check_proof(federation, activity, voices)
    inner = activity.get("object")
    if activity.get("type") != "Announce" or not isinstance(inner, dict):
        return
    if urls.origin(_actor(inner)) != urls.origin(federation.addresses.base):
        await _check_proof(federation, inner, voices)


async def _check_proof(federation: Federation, document: dict[str, Any], voices: Mapping[str, Voice]) -> None:
    owner = _actor(document)
    voice = voices.get(owner)
    if voice is None:
        raise Invalid("nobody we know vouches for who speaks", code="actor-unvouched")
    now = federation.clock.now()
    try:
        _prove(document, owner, voice, now)
    except ProofError as error:
        if voice.peer is None or voice.fetched_at is None or error.code != MISMATCH:
            raise
        if voice.fetched_at > now - KEY_IS_FRESH:
            # a server that was restored makes new keys at once; we look again when we may ask again
            raise Invalid(error.detail, code=TOO_FRESH) from error
        # the actor may have another key now
        _prove(document, owner, _voice(await remote.fetch(federation, voice.peer, owner), voice.peer), now)


def _prove(document: dict[str, Any], owner: str, voice: Voice, now: datetime) -> None:
    def find_key(method: str) -> Ed25519PublicKey | None:
        return keys.cached_multikey(voice.multikey) if method == voice.key_uri else None

    proofs.verify(document, find_key, owner=owner, now=now)


def _actor(document: dict[str, Any]) -> str:
    actor = document.get("actor")
    actor = actor.get("id") if isinstance(actor, dict) else actor
    if not isinstance(actor, str):
        raise Invalid("nobody is named who did it", code="member", field="actor")
    return actor
