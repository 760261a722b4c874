"""The room of belief: who speaks in an activity, by which key their word is known, and whether it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from fedhood.adapters.activitypub import forgetting, hub_members, keys, proofs, remote, strangers
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.key_finding import KEY_IS_FRESH, is_settled, is_vouched
from fedhood.adapters.activitypub.proofs import MISMATCH, ProofError
from fedhood.core import peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import peewee
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.remote import RemoteActor
    from fedhood.core.peers import Peer

TOO_FRESH = "proof-of-another-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The key by which somebody's word is known. `peer` and `fetched_at` are set where it can be fetched anew."""

    key_uri: str
    multikey: str
    peer: Peer | None = None
    fetched_at: datetime | None = None


class MustAsk(Exception):
    """Another server has to be asked before it can be told."""


Known: TypeAlias = dict[str, dict[str, Any]]


async def believe(
    federation: Federation, activity: dict[str, Any], *, peer: Peer | None, signer: str, needs: Iterable[str]
) -> Known:
    """Pass if everything that an activity says is the word of whoever is said to say it.

    `needs` are further actors on whose word it rests. Returns what is known of each of them and of the signer, by
    address. Raises Forbidden for a blocked server, Invalid for a word that does not hold, RemoteFailure.
    """
    voices = _pinned_voice(activity, peer)
    known: Known = {}
    for uri in _to_meet(federation.addresses.base, voices, signer, needs):
        carried = uri != signer and hub_members.is_carried(peer, activity)
        removal = forgetting.is_removal(activity)
        known[uri], voice = await _meet(federation, peer, uri, carried=carried, removal=removal)
        voices.setdefault(uri, voice)  # the key that people compared goes before the one it shows today
    for document in _to_prove(federation.addresses.base, activity):
        await _check_proof(federation, document, voices)
    return known


async def meet_visitor(federation: Federation, activity: dict[str, Any], signer: str) -> Known:
    """What is known of somebody on other software, by their address.

    Their word needs no proof: the request was signed with a key that their own document lists, and nobody else can be
    needed. Who says that they changed is asked about anew. Raises Invalid, RemoteFailure.
    """
    about = activity.get("object")
    changed = activity.get("type") == "Update" and (about.get("id") if isinstance(about, dict) else about) == signer
    seen = strangers.fetch if changed else strangers.meet
    return {signer: asdict(await seen(federation, signer))}


def believe_here(
    db: peewee.Database,
    base: str,
    activity: dict[str, Any],
    *,
    peer: Peer | None,
    signer: str,
    needs: Iterable[str],
) -> tuple[Known, dict[str, Voice]]:
    """What `believe` returns, from what is known here, and by whose keys the proofs have to be (`try_proofs`).

    Raises as `believe` does, and MustAsk when somebody who speaks is not known.
    """
    voices = _pinned_voice(activity, peer)
    known: Known = {}
    for uri in _to_meet(base, voices, signer, needs):
        if uri != signer and hub_members.is_carried(peer, activity) and _stranger(db, uri)[1]:
            raise MustAsk
        home, actor = _known(db, peer, uri)
        if home is None or actor is None:
            raise MustAsk
        known[uri] = remote.members(actor)
        voices.setdefault(uri, _voice(actor, home))
    return known, voices


def try_proofs(base: str, activity: dict[str, Any], voices: Mapping[str, Voice], now: datetime) -> None:
    """Pass if an activity is the word of these voices. Raises Invalid, and MustAsk when one may have another key now.

    Arithmetic alone: nothing is asked, neither here nor elsewhere.
    """
    for document in _to_prove(base, activity):
        owner, voice = _owner(document, voices)
        try:
            _prove(document, owner, voice, now)
        except ProofError as error:
            if voice.peer is not None and error.code == MISMATCH:
                raise MustAsk from error
            raise


def _pinned_voice(activity: dict[str, Any], peer: Peer | None) -> dict[str, Voice]:
    """The voice of the sender's server, if its key is the one that counts. Raises Forbidden for a blocked one."""
    if peer is not None and peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is blocked here", code="blocked")
    if peer is None or not is_settled(peer, removal=forgetting.is_removal(activity)):
        return {}
    if peer.actor_uri is None or peer.multikey is None:
        return {}
    return {peer.actor_uri: Voice(key_uri=peer.actor_uri + PROOF_KEY, multikey=peer.multikey)}


def _to_meet(base: str, voices: Mapping[str, Voice], signer: str, needs: Iterable[str]) -> list[str]:
    """Who else has to be known: not who is of this server."""
    speaking = [] if signer in voices else [signer]
    return [uri for uri in dict.fromkeys([*speaking, *needs]) if urls.origin(uri) != urls.origin(base)]


# -- who speaks --------------------------------------------------------------------------------------------------------


async def _meet(
    federation: Federation, peer: Peer | None, uri: str, *, carried: bool = False, removal: bool = False
) -> tuple[dict[str, Any], Voice]:
    """What is known of an actor, asked for where it must be, and the key of its word. Raises Invalid, RemoteFailure.

    A server whose key nobody compared yet speaks for itself: its document is fetched as it is now. Everybody else is
    vouched for by their server's key, and for who is not of the sender's server we must have agreed with it; of those
    the members of `RemoteActor` are given. Who is `carried` by a city's hub is vouched for by their own server.
    """
    if carried and peer is not None:
        stranger, is_one = await federation.database.read(_stranger, uri)
        if is_one:
            actor, there = await hub_members.meet(federation, stranger, uri, carrier=peer.id, removal=removal)
            return remote.members(actor), _voice(actor, there)
    home, known = await federation.database.read(_known, peer, uri)
    if home is None:
        return await _meet_server(federation, uri)
    if known is None:
        known = await remote.fetch(federation, home, uri)
    return remote.members(known), _voice(known, home)


def _stranger(db: peewee.Database, uri: str) -> tuple[Peer | None, bool]:
    """The server of an actor as far as it is known, and whether nothing is agreed with it."""
    home = peers.by_host(db, urls.authority(uri))
    return home, home is None or home.state is not PeerState.AGREED or home.trust is Trust.BLOCKED


def _known(db: peewee.Database, peer: Peer | None, uri: str) -> tuple[Peer | None, RemoteActor | None]:
    """The server that vouches for an actor, None where it speaks for itself; the actor, if known. Raises Invalid."""
    home = peer if peer is not None and peer.host == urls.authority(uri) else None
    if home is None and peer is not None:
        home = peers.by_host(db, urls.authority(uri))
        if home is None or home.state is not PeerState.AGREED or home.trust is Trust.BLOCKED:
            raise Invalid("nobody we know vouches for this actor", code="actor-unvouched")
    if home is None or uri == home.actor_uri:
        return None, None
    known = remote.by_uri(db, uri)
    return home, known if known is not None and is_vouched(known, home) else None


def _voice(actor: remote.RemoteActor, peer: Peer) -> Voice:
    return Voice(key_uri=actor.proof_key_uri, multikey=actor.multikey, peer=peer, fetched_at=actor.fetched_at)


async def _meet_server(federation: Federation, uri: str) -> tuple[dict[str, Any], Voice]:
    document = await remote.instance_actor(federation, urls.authority(uri))
    instance = remote.read_instance(document)
    if instance.uri != uri:
        raise Invalid("only the instance actor speaks for a server", code="actor-unvouched")
    return document, Voice(key_uri=uri + PROOF_KEY, multikey=instance.multikey)


# -- whether their word holds ------------------------------------------------------------------------------------------


def _to_prove(base: str, activity: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The activity is its actor's word, and what it announces the word of whoever said that first. Raises Invalid.

    What comes back to us from a resident of ours is not proved again: only our own copy of it counts.
    """
    yield activity
    inner = activity.get("object")
    if activity.get("type") != "Announce" or not isinstance(inner, dict):
        return
    if urls.origin(_actor(inner)) != urls.origin(base):
        yield inner


async def _check_proof(federation: Federation, document: dict[str, Any], voices: Mapping[str, Voice]) -> None:
    owner, voice = _owner(document, voices)
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


def _owner(document: dict[str, Any], voices: Mapping[str, Voice]) -> tuple[str, Voice]:
    owner = _actor(document)
    voice = voices.get(owner)
    if voice is None:
        raise Invalid("nobody we know vouches for who speaks", code="actor-unvouched")
    return owner, voice


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
