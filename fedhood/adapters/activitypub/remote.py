"""The room of other servers' actors: fetched, checked, and believed only when their server's key vouches for them.

A peer's instance key was compared by two people (its fingerprint covers it). Every other actor document of that peer
must carry a proof by exactly this key, so that a domain in other hands cannot bring people of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, keys, proofs, signatures
from fedhood.adapters.activitypub.actors import MAIN_KEY, PROOF_KEY
from fedhood.adapters.activitypub.tables import RemoteActorTable
from fedhood.adapters.http import strict_json
from fedhood.kernel import text, urls
from fedhood.kernel.errors import Invalid, RemoteFailure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import peewee
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.adapters.http.client import Answer
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

ACTIVITY_JSON = "application/activity+json"
LD_JSON = f'application/ld+json; profile="{proofs.PUBLIC.partition("#")[0]}"'
ACCEPT = f"{ACTIVITY_JSON}, {LD_JSON}"
NODEINFO_ACTOR = "https://www.w3.org/ns/activitystreams#Application"

_KINDS = frozenset({"Application", "Group", "Organization", "Person", "Service"})
_LONGEST_NAME = 60
_MOST_KEYS = 10
_MOST_LINKS = 20
_MOST_CAPABILITIES = 50
_TRY_LATER = frozenset({408, 425, 429})


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


def is_activity(content_type: str) -> bool:
    """Whether a media type is one that ActivityPub documents are served under, parameters in any order.

    Anything else is refused even if it parses: an upload must not become an actor (GHSA-jhrq-qvrm-qr36).
    """
    parsed = Message()
    parsed["Content-Type"] = content_type
    if str(parsed.get_param("charset", "utf-8")).lower() != "utf-8":
        return False
    kind = parsed.get_content_type()
    profile = str(parsed.get_param("profile", ""))
    return kind == ACTIVITY_JSON or (
        kind == "application/ld+json" and "https://www.w3.org/ns/activitystreams" in profile.split()
    )


async def instance_actor(federation: Federation, host: str) -> dict[str, Any]:
    """The instance actor document of a server, found by its NodeInfo (FEP-2677) and fetched without a signature.

    It is checked (`read_instance`) but vouched for by nobody: people compare its fingerprint before it counts.
    Raises Invalid when the host runs nothing that we can speak with (`no-nodeinfo`, `not-federated`, `actor-…`,
    `key-…`), RemoteFailure when it may be worth trying again.
    """
    scheme = "http" if federation.settings.loopback_names else "https"
    found = await federation.client.get(f"{scheme}://{host}/.well-known/nodeinfo", accept="application/json")
    _check_status(found, missing="no-nodeinfo")
    uri = _instance_link(strict_json.loads_object(found.body))
    if urls.origin(uri) != f"{scheme}://{host}":
        raise Invalid("the server names an actor that is not its own", code="actor-origin")
    document = await _document(federation, uri, None)
    read_instance(document)
    return document


def read_instance(document: dict[str, Any]) -> RemoteInstance:
    """An instance actor document as a value.

    Raises Invalid: `actor-kind` when it is no Application, `actor-inbox`, `actor-key`, and what `keys` says of keys.
    """
    uri = _text(document, "id", code="actor-id")
    if document.get("type") != "Application":
        raise Invalid("not an instance actor", code="actor-kind")
    _, pem = _rsa_key(document, uri)
    _, multikey = _proof_key(document, uri)
    endpoints = document.get("endpoints")
    return RemoteInstance(
        uri=uri,
        name=_name(document),
        inbox=_same_origin(_text(document, "inbox", code="actor-inbox"), uri),
        shared_inbox=_inbox_or_none(endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None, uri),
        peer_inbox=_inbox_or_none(document.get("fhPeerInbox"), uri),
        multikey=multikey,
        public_key_pem=pem,
        fingerprint=keys.fingerprint(uri, multikey),
        capabilities=_capabilities(document),
    )


async def fetch(federation: Federation, peer: Peer, uri: str) -> RemoteActor:
    """An actor of a peer: fetched with our instance's signature, checked (K3 to K6), kept.

    Its document must be served as an ActivityPub document under its own id, on the origin of the peer's instance
    actor, with keys that it owns, and carry a proof by the peer's pinned key. The instance actor itself must still
    have that key (`key-changed` otherwise: people compare again).

    Raises Invalid when any of this does not hold or the actor is gone (`actor-missing`, `actor-gone`), RemoteFailure
    when the peer cannot be asked now.
    """
    uri = uri.partition("#")[0]
    if peer.actor_uri is None or peer.multikey is None:
        raise Invalid("this server's key is not known yet", code="actor-unvouched")
    if not urls.origin(uri) or urls.origin(uri) != urls.origin(peer.actor_uri):
        raise Invalid("the actor is not of this server", code="actor-origin")
    signing = await actors.ensure_keys(federation, actors.INSTANCE)
    document = await _document(federation, uri, signing)
    now = federation.clock.now()
    _check_vouched(document, peer.actor_uri, peer.multikey, now)
    actor = _actor(document, peer.id, uri, now)
    await federation.database.write(_remember, actor)
    return actor


def by_uri(db: peewee.Database, uri: str) -> RemoteActor | None:
    """The actor with this id, as it was when it was last fetched."""
    return _one(RemoteActorTable.select().where(RemoteActorTable.uri == uri).execute(db))


def by_key(db: peewee.Database, key_uri: str) -> RemoteActor | None:
    """The actor whose requests are signed with this key."""
    return _one(RemoteActorTable.select().where(RemoteActorTable.key_uri == key_uri).execute(db))


# -- asking ----------------------------------------------------------------------------------------------------------


def signed_headers(federation: Federation, signing: KeyPair, url: str) -> dict[str, str]:
    """The headers that make a GET of this URL our instance actor's, at this moment."""
    origin = urls.origin(url)
    return signatures.sign_request(
        method="GET",
        target=url.removeprefix(origin).partition("#")[0] or "/",
        host=urls.authority(url),
        body=None,
        key_id=federation.addresses.instance + MAIN_KEY,
        key=signing.rsa,
        date=federation.clock.now(),
    )


async def _document(federation: Federation, uri: str, signing: KeyPair | None) -> dict[str, Any]:
    """The document with this id, and no other (K3, K4)."""
    home = urls.origin(uri)

    def headers_for(url: str) -> Mapping[str, str]:
        # only at home: nobody else is told what we ask for, nor in whose name
        return signed_headers(federation, signing, url) if signing and urls.origin(url) == home else {}

    answer = await federation.client.get(uri, accept=ACCEPT, headers_for=headers_for)
    if urls.origin(answer.url) != home:
        raise Invalid("redirected to another server", code="actor-origin")
    _check_status(answer, missing="actor-missing")
    if not is_activity(answer.headers.get("Content-Type", "")):
        raise Invalid("not served as an ActivityPub document", code="actor-media-type")
    document = strict_json.loads_object(answer.body)
    proofs.refuse_rearranging(document)
    if document.get("id") != uri:
        raise Invalid("the document has another id than its address", code="actor-id")
    return document


def _check_status(answer: Answer, *, missing: str) -> None:
    if answer.status == 200:
        return
    if answer.status == 410:
        raise Invalid("it is gone", code="actor-gone")
    if answer.status >= 500 or answer.status in _TRY_LATER:
        raise RemoteFailure("the server cannot answer now", code="bad-answer", status=answer.status)
    raise Invalid("there is none", code=missing, status=answer.status)


def _instance_link(nodeinfo: dict[str, Any]) -> str:
    links = nodeinfo.get("links")
    for link in links[:_MOST_LINKS] if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == NODEINFO_ACTOR and isinstance(link.get("href"), str):
            return str(link["href"])
    raise Invalid("the server names no instance actor", code="not-federated")


# -- checking --------------------------------------------------------------------------------------------------------


def _check_vouched(document: dict[str, Any], instance: str, multikey: str, now: datetime) -> None:
    if document["id"] == instance:
        if _proof_key(document, instance)[1] != multikey:
            raise Invalid("the server has another key than the one that was compared", code="key-changed")
        return
    pinned = keys.load_multikey(multikey)

    def find_key(method: str) -> Ed25519PublicKey | None:
        return pinned if method == instance + PROOF_KEY else None

    proofs.verify(document, find_key, owner=instance, now=now)


def _actor(document: dict[str, Any], peer: int, uri: str, now: datetime) -> RemoteActor:
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Invalid("not an actor", code="actor-kind")
    key_uri, pem = _rsa_key(document, uri)
    proof_key_uri, multikey = _proof_key(document, uri)
    return RemoteActor(
        uri=uri,
        peer=peer,
        kind=kind,
        name=_name(document),
        inbox=_same_origin(_text(document, "inbox", code="actor-inbox"), uri),
        key_uri=key_uri,
        public_key_pem=pem,
        proof_key_uri=proof_key_uri,
        multikey=multikey,
        fetched_at=now,
    )


def _rsa_key(document: dict[str, Any], uri: str) -> tuple[str, str]:
    """Id and PEM of the key that signs this actor's requests; its owner is the actor."""
    for key in _objects(document.get("publicKey")):
        key_uri, pem = key.get("id"), key.get("publicKeyPem")
        if key.get("owner") == uri and _is_key_of(key_uri, uri) and isinstance(pem, str):
            keys.load_rsa_public(pem)
            return str(key_uri), pem
    raise Invalid("the actor has no key of its own to sign requests with", code="actor-key")


def _proof_key(document: dict[str, Any], uri: str) -> tuple[str, str]:
    """Id and Multikey of the key that signs this actor's documents; its controller is the actor."""
    for key in _objects(document.get("assertionMethod")):
        key_uri, multikey = key.get("id"), key.get("publicKeyMultibase")
        if key.get("controller") == uri and _is_key_of(key_uri, uri) and isinstance(multikey, str):
            keys.load_multikey(multikey)
            return str(key_uri), multikey
    raise Invalid("the actor has no key of its own to sign documents with", code="actor-key")


def _is_key_of(key_uri: Any, uri: str) -> bool:
    return isinstance(key_uri, str) and key_uri.startswith(f"{uri}#")


def _objects(value: Any) -> list[dict[str, Any]]:
    members = value if isinstance(value, list) else [value]
    return [member for member in members[:_MOST_KEYS] if isinstance(member, dict)]


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


def _remember(uow: UnitOfWork, actor: RemoteActor) -> None:
    values = {name: getattr(actor, name) for name in _COLUMNS}
    RemoteActorTable.insert(values).on_conflict(
        conflict_target=[RemoteActorTable.uri],
        preserve=[getattr(RemoteActorTable, name) for name in _COLUMNS[1:]],
    ).execute(uow.db)


def forget_name(uow: UnitOfWork, uri: str) -> None:
    """Keep of an actor the keys alone: their last word may come twice."""
    RemoteActorTable.update(name="").where(RemoteActorTable.uri == uri).execute(uow.db)


def _one(rows: Any) -> RemoteActor | None:
    for row in rows:
        return RemoteActor(**{name: getattr(row, name) for name in _COLUMNS})
    return None
