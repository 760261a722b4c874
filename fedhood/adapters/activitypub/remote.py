"""The room of other servers' actors: fetched, checked, and believed only when their server's key vouches for them.

A peer's instance key was compared by two people (its fingerprint covers it). Every other actor document of that peer
must carry a proof by exactly this key, so that a domain in other hands cannot bring people of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, asking, key_documents, keys, proofs, signed_requests
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.key_documents import KeyKind
from fedhood.adapters.activitypub.tables import RemoteActorTable
from fedhood.adapters.http import strict_json
from fedhood.kernel import text, urls
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from datetime import datetime

    import peewee
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.key_documents import ListedKey
    from fedhood.adapters.activitypub.signature_rules import PublicKey
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

NODEINFO_ACTOR = "https://www.w3.org/ns/activitystreams#Application"

_KINDS = frozenset({"Application", "Group", "Organization", "Person", "Service"})
_LONGEST_NAME = 60
_MOST_LINKS = 20
_MOST_CAPABILITIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteActor:
    """An actor of a peer that the peer's own key vouches for; `peer` is our id of that server."""

    uri: str
    peer: int
    kind: str
    name: str
    inbox: str
    key_uri: str
    public_key_pem: str
    proof_key_uri: str
    multikey: str
    fetched_at: datetime

    def key(self, key_uri: str) -> PublicKey | None:
        """The key of this actor that has this address, for signing requests: either of the two may."""
        if key_uri == self.key_uri:
            return keys.cached_rsa_public(self.public_key_pem)
        return keys.cached_multikey(self.multikey) if key_uri == self.proof_key_uri else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteInstance:
    """What another server's instance actor says of itself. `fingerprint` is what two people compare."""

    uri: str
    name: str
    inbox: str
    shared_inbox: str | None
    peer_inbox: str | None
    multikey: str
    public_key_pem: str
    fingerprint: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The key of a peer that was compared, and the instance actor that vouches with it for all others there."""

    peer: int
    instance: str
    multikey: str


_MEMBERS = tuple(field.name for field in fields(RemoteActor))


def members(actor: RemoteActor) -> dict[str, Any]:
    """What is known of an actor, by the names of `RemoteActor`'s members."""
    return {name: getattr(actor, name) for name in _MEMBERS}


async def instance_actor(federation: Federation, host: str) -> dict[str, Any]:
    """The instance actor document of a server, found by its NodeInfo (FEP-2677) and fetched without a signature.

    It is checked (`read_instance`) but vouched for by nobody: people compare its fingerprint before it counts.
    Raises Invalid when the host runs nothing that we can speak with (`no-nodeinfo`, `not-federated`, `actor-…`,
    `key-…`), RemoteFailure when it may be worth trying again.
    """
    scheme = "http" if federation.settings.loopback_names else "https"
    found = await federation.client.get(f"{scheme}://{host}/.well-known/nodeinfo", accept="application/json")
    asking.check_status(found, missing="no-nodeinfo")
    uri = instance_link(strict_json.loads_object(found.body))
    if urls.origin(uri) != f"{scheme}://{host}":
        raise Invalid("the server names an actor that is not its own", code="actor-origin")
    document = await asking.document(federation, uri, None)
    read_instance(document)
    return document


def read_instance(document: dict[str, Any]) -> RemoteInstance:
    """An instance actor document as a value.

    Raises Invalid: `actor-kind` when it is no Application, `actor-inbox`, `actor-key`, and what `keys` says of keys.
    """
    uri = _text(document, "id", code="actor-id")
    if document.get("type") != "Application":
        raise Invalid("not an instance actor", code="actor-kind")
    listed = _keys_of(document, uri)
    multikey = key_documents.first(listed, KeyKind.ED25519).text
    endpoints = document.get("endpoints")
    return RemoteInstance(
        uri=uri,
        name=_name(document),
        inbox=_same_origin(_text(document, "inbox", code="actor-inbox"), uri),
        shared_inbox=_inbox_or_none(endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None, uri),
        peer_inbox=_inbox_or_none(document.get("fhPeerInbox"), uri),
        multikey=multikey,
        public_key_pem=key_documents.first(listed, KeyKind.RSA).text,
        fingerprint=keys.fingerprint(uri, multikey),
        capabilities=_capabilities(document),
    )


def listed_key(document: dict[str, Any], key_uri: str) -> PublicKey:
    """The key with this address that an actor document lists as its own. Raises Invalid."""
    for key in _keys_of(document, _text(document, "id", code="actor-id")):
        if key.uri == key_uri:
            return key_documents.load(key.kind, key.text)
    raise Invalid("the actor does not list this key", code="key-unknown")


async def fetch(federation: Federation, peer: Peer, uri: str) -> RemoteActor:
    """An actor of a peer: fetched with our instance's signature, checked (K3 to K6), kept.

    Its document must be served as an ActivityPub document under its own id, on the origin of the peer's instance
    actor, with keys that it owns, and carry a proof by the peer's pinned key. The instance actor itself must still
    have that key (`key-changed` otherwise: people compare again).

    Raises Invalid when any of this does not hold or the actor is gone (`actor-missing`, `actor-gone`), RemoteFailure
    when the peer cannot be asked now.
    """
    uri = uri.partition("#")[0]
    pinned = _pinned(peer, uri)
    document = await asking.document(federation, uri, await actors.pair_for(federation, actors.INSTANCE, peer.id))
    return await _believed(federation, pinned, document, uri)


async def fetch_by_key(federation: Federation, peer: Peer, key_uri: str) -> RemoteActor:
    """The actor of a peer whose key has this address, as `fetch`: the address leads to the actor, or to the key.

    A document of a key names its owner, who is asked next and has to list the key (K5). Raises as `fetch` does, and
    Invalid with `key-document` or `key-unknown`.
    """
    uri = key_uri.partition("#")[0]
    pinned = _pinned(peer, uri)
    signing = await actors.pair_for(federation, actors.INSTANCE, peer.id)
    document, _ = await asking.answered(federation, uri, signing)
    if document.get("id") != uri or "owner" in document or "controller" in document:
        uri = key_documents.owner_of(document, key_uri)
        if not urls.origin(uri) or urls.origin(uri) != urls.origin(key_uri):
            raise Invalid("the key is of another server than its owner", code="actor-origin")
        document = await asking.document(federation, uri, signing)
    actor = await _believed(federation, pinned, document, uri, key_uri=key_uri)
    if actor.key(key_uri) is None:
        raise Invalid("the actor does not list this key", code="key-unknown")
    return actor


async def _believed(
    federation: Federation, pinned: Pinned, document: dict[str, Any], uri: str, *, key_uri: str | None = None
) -> RemoteActor:
    """What a document says of an actor, once its server vouches for it; kept."""
    now = federation.clock.now()
    _check_vouched(document, pinned, now)
    actor = _actor(document, pinned.peer, uri, now, key_uri=key_uri)
    await federation.database.write(_remember, actor)
    return actor


async def check_unchanged(federation: Federation, peer: Peer) -> None:
    """Pass if a peer's instance actor shows the keys that were compared. Nothing of what it shows is kept.

    Raises Invalid, code `key-changed` for others, RemoteFailure.
    """
    pinned = _pinned(peer, peer.actor_uri or "")
    signing = await actors.pair_for(federation, actors.INSTANCE, peer.id)
    document = await asking.document(federation, pinned.instance, signing)
    _check_vouched(document, pinned, federation.clock.now())
    if read_instance(document).public_key_pem != peer.public_key_pem:
        raise Invalid("the server has another key than the one that was compared", code="key-changed")


def believe(uow: UnitOfWork, peer: Peer, document: dict[str, Any]) -> None:
    """Keep what a document that was brought to us says of an actor of a peer, if the peer's key vouches for it.

    Raises Invalid as `fetch` does.
    """
    uri = _text(document, "id", code="actor-id")
    pinned = _pinned(peer, uri)
    proofs.refuse_rearranging(document)
    _check_vouched(document, pinned, uow.now)
    _remember(uow, _actor(document, peer.id, uri, uow.now))


def by_uri(db: peewee.Database, uri: str) -> RemoteActor | None:
    """The actor with this id, as it was when it was last fetched."""
    return _one(_BY_URI.row(db, uri=uri))


def by_key(db: peewee.Database, key_uri: str) -> RemoteActor | None:
    """The actor whose requests are signed with this key."""
    named = by_uri(db, key_uri.partition("#")[0])
    if named is not None and named.key(key_uri) is not None:
        return named
    return _one(_BY_KEY.row(db, key=key_uri))


# -- asking ----------------------------------------------------------------------------------------------------------


def instance_link(nodeinfo: dict[str, Any]) -> str:
    """The instance actor that a server's NodeInfo names (FEP-2677). Raises Invalid."""
    links = nodeinfo.get("links")
    for link in links[:_MOST_LINKS] if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == NODEINFO_ACTOR and isinstance(link.get("href"), str):
            return str(link["href"])
    raise Invalid("the server names no instance actor", code="not-federated")


# -- checking --------------------------------------------------------------------------------------------------------


def _pinned(peer: Peer, uri: str) -> Pinned:
    """What vouches for an actor of this peer. Raises Invalid for one that it cannot vouch for."""
    if peer.actor_uri is None or peer.multikey is None:
        raise Invalid("this server's key is not known yet", code="actor-unvouched")
    if not urls.origin(uri) or urls.origin(uri) != urls.origin(peer.actor_uri):
        raise Invalid("the actor is not of this server", code="actor-origin")
    return Pinned(peer=peer.id, instance=peer.actor_uri, multikey=peer.multikey)


def _check_vouched(document: dict[str, Any], pinned: Pinned, now: datetime) -> None:
    instance = pinned.instance
    if document["id"] == instance:
        if key_documents.first(_keys_of(document, instance), KeyKind.ED25519).text != pinned.multikey:
            raise Invalid("the server has another key than the one that was compared", code="key-changed")
        return

    def find_key(method: str) -> Ed25519PublicKey | None:
        return keys.cached_multikey(pinned.multikey) if method == instance + PROOF_KEY else None

    proofs.verify(document, find_key, owner=instance, now=now)


def _actor(document: dict[str, Any], peer: int, uri: str, now: datetime, *, key_uri: str | None = None) -> RemoteActor:
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Invalid("not an actor", code="actor-kind")
    listed = _keys_of(document, uri, key_uri=key_uri)
    for_requests = key_documents.first(listed, KeyKind.RSA, wanted=key_uri)
    for_proofs = key_documents.first(listed, KeyKind.ED25519, wanted=key_uri)
    return RemoteActor(
        uri=uri,
        peer=peer,
        kind=kind,
        name=_name(document),
        inbox=_same_origin(_text(document, "inbox", code="actor-inbox"), uri),
        key_uri=for_requests.uri,
        public_key_pem=for_requests.text,
        proof_key_uri=for_proofs.uri,
        multikey=for_proofs.text,
        fetched_at=now,
    )


def _keys_of(document: dict[str, Any], uri: str, *, key_uri: str | None = None) -> list[ListedKey]:
    """The keys that are an actor's: listed, and at its own address, or at the one that led here by its own document."""
    return [
        key
        for key in key_documents.listed(document, uri)
        if signed_requests.belongs_to(key.uri, uri) or key.uri == key_uri
    ]


def _text(document: dict[str, Any], name: str, *, code: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise Invalid(f"{name} is missing", code=code)
    return value


def _same_origin(address: str, uri: str) -> str:
    if not urls.origin(uri) or urls.origin(address) != urls.origin(uri):
        raise Invalid("the inbox is on another server", code="actor-inbox")
    return address


def _inbox_or_none(address: Any, uri: str) -> str | None:
    return _same_origin(address, uri) if isinstance(address, str) else None


def _name(document: dict[str, Any]) -> str:
    name = document.get("name") or document.get("preferredUsername")
    if not isinstance(name, str):
        return ""
    return text.one_line(name[: 4 * _LONGEST_NAME], field="name", most=1000, least=0)[:_LONGEST_NAME].strip()


def _capabilities(document: dict[str, Any]) -> tuple[str, ...]:
    """What the server says that it does (FEP-844e), as addresses."""
    listed = document.get("implements")
    links = listed[:_MOST_CAPABILITIES] if isinstance(listed, list) else []
    found = (link.get("href") if isinstance(link, dict) else link for link in links)
    return tuple(href for href in found if isinstance(href, str))


# -- keeping ---------------------------------------------------------------------------------------------------------

_COLUMNS = (
    "uri",
    "peer",
    "kind",
    "name",
    "inbox",
    "key_uri",
    "public_key_pem",
    "proof_key_uri",
    "multikey",
    "fetched_at",
)


_SELECTED = [getattr(RemoteActorTable, name) for name in _COLUMNS]
# asked for every request that arrives
_BY_URI = Compiled(lambda: RemoteActorTable.select(*_SELECTED).where(RemoteActorTable.uri == hole("uri")))
_BY_KEY = Compiled(lambda: RemoteActorTable.select(*_SELECTED).where(RemoteActorTable.key_uri == hole("key")))


def _remember(uow: UnitOfWork, actor: RemoteActor) -> None:
    values = {name: getattr(actor, name) for name in _COLUMNS}
    # a key has one owner: a server that gives it to another of its actors takes it from the one before
    RemoteActorTable.delete().where(
        RemoteActorTable.key_uri == actor.key_uri, RemoteActorTable.uri != actor.uri
    ).execute(uow.db)
    RemoteActorTable.insert(values).on_conflict(
        conflict_target=[RemoteActorTable.uri],
        preserve=[getattr(RemoteActorTable, name) for name in _COLUMNS[1:]],
    ).execute(uow.db)


def forget_name(uow: UnitOfWork, uri: str) -> None:
    """Keep of an actor the keys alone: their last word may come twice."""
    RemoteActorTable.update(name="").where(RemoteActorTable.uri == uri).execute(uow.db)


@lru_cache(maxsize=256)  # asked for with everything that they say; a row that says the same is the same
def _one(row: tuple[Any, ...] | None) -> RemoteActor | None:
    if row is None:
        return None
    *values, fetched_at = row
    return RemoteActor(**dict(zip(_COLUMNS, [*values, from_milliseconds(fetched_at)], strict=True)))
