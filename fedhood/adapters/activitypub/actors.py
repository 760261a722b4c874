"""The room of our own actors: their addresses, their keys, and the documents that introduce them.

A server has one instance actor; a neighbourhood is a Group, a resident a Person, and the two that exchange figures
are a Service (`/ap/metrics`) and, on a city's server, an Organization (`/ap/city`). The instance actor's Ed25519 key
is the one whose fingerprint operators compare; it vouches, by a proof, for every other document.
"""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, former_keys, keys, message_signatures, proofs
from fedhood.adapters.activitypub.tables import ActorKeyTable
from fedhood.core import accounts, metrics, neighbourhoods, peers
from fedhood.kernel import urls
from fedhood.kernel.clock import instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.urls import Addresses

MAIN_KEY = "#main-key"
PROOF_KEY = "#ed25519-key"
METRICS_HANDLE = "figures"
CITY_HANDLE = "city"

_MOST_CACHED_KEYS = 2000
_READ_AGAIN = timedelta(minutes=1)

CAP_SCOPES = "https://w3id.org/fedhood/cap/scopes-v1"
CAP_HELP = "https://w3id.org/fedhood/cap/help-v1"
# FEP-844e; only what the code does today
IMPLEMENTS: tuple[tuple[str, str], ...] = (
    (message_signatures.CAPABILITY, "RFC-9421: HTTP Message Signatures"),
    (message_signatures.CAPABILITY_ED25519, "RFC-9421 signatures using the Ed25519 algorithm"),
    ("https://w3id.org/fep/8b32", "FEP-8b32: Object Integrity Proofs (eddsa-jcs-2022)"),
    (CAP_SCOPES, "fedhood scoped audiences v1"),
    (CAP_HELP, "fedhood help requests v1"),
)


RETIRED_FOR = timedelta(days=30)


class ActorKind(enum.StrEnum):
    """The kinds of actor that a server of ours can have."""

    INSTANCE = "instance"
    GROUP = "group"
    PERSON = "person"
    METRICS = "metrics"
    CITY = "city"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class ActorRef:
    """One actor of ours: `owner` is the id of the neighbourhood or account, 0 for the server's own."""

    kind: ActorKind
    owner: int = 0


INSTANCE = ActorRef(ActorKind.INSTANCE)
METRICS = ActorRef(ActorKind.METRICS)
CITY = ActorRef(ActorKind.CITY)
HUB = ActorRef(ActorKind.HUB)


def group(neighbourhood: int) -> ActorRef:
    """A neighbourhood of ours as an actor."""
    return ActorRef(ActorKind.GROUP, neighbourhood)


def person(account: int) -> ActorRef:
    """A resident of ours as an actor."""
    return ActorRef(ActorKind.PERSON, account)


def uri_of(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> str:
    """The actor's id. Raises NotFound for a neighbourhood or an account that does not exist."""
    match ref.kind:
        case ActorKind.INSTANCE:
            return addresses.instance
        case ActorKind.METRICS:
            return addresses.metrics
        case ActorKind.CITY:
            return addresses.city
        case ActorKind.HUB:
            return addresses.hub
        case ActorKind.GROUP:
            return addresses.group(neighbourhoods.get(db, ref.owner).key)
        case ActorKind.PERSON:
            return addresses.person(accounts.get(db, ref.owner).key)


def stored_keys(db: peewee.Database, ref: ActorRef) -> KeyPair | None:
    """The actor's secrets, None while it has never acted beyond this server."""
    row = _row(db, ref)
    return None if row is None else keys.from_pem(bytes(row.pem))


def has_keys(db: peewee.Database, ref: ActorRef) -> bool:
    """Whether the actor has ever acted beyond this server; until then nobody outside is told of it."""
    return _row(db, ref) is not None


async def ensure_keys(federation: Federation, ref: ActorRef) -> KeyPair:
    """The actor's secrets, made and kept at the first call.

    Two at once get the same: the one that is stored first wins. Making an RSA key takes tens of milliseconds, in a
    thread beside the loop.
    """
    cached, until = federation.key_cache.get(ref), federation.keys_until.get(ref)
    if cached is not None and (until is None or until > federation.clock.now()):
        return cached
    found = await federation.database.read(stored_keys, ref)
    if found is None:
        pem = await asyncio.to_thread(_fresh_pem)
        found = keys.from_pem(await federation.database.write(_keep, ref, pem))
    if len(federation.key_cache) >= _MOST_CACHED_KEYS:
        oldest = next(iter(federation.key_cache))
        del federation.key_cache[oldest]
        federation.keys_until.pop(oldest, None)
    federation.key_cache[ref] = found
    if not federation.database.single_process:
        federation.keys_until[ref] = federation.clock.now() + _READ_AGAIN
    return found


async def pair_for(federation: Federation, ref: ActorRef, peer_id: int, *, epoch: int = 0, number: int = 0) -> KeyPair:
    """The actor's secrets for a letter at this place of a peer's stream: those before, up to the news (`rotation`)."""
    pem = await federation.database.read(_before, ref, peer_id, epoch, number)
    return await ensure_keys(federation, ref) if pem is None else keys.from_pem(pem)


def document(
    db: peewee.Database, addresses: Addresses, ref: ActorRef, keys: KeyPair, instance_keys: KeyPair, now: datetime
) -> dict[str, Any]:
    """The document that introduces an actor of ours, vouched for by the instance's key (FEP-8b32).

    The instance actor's own carries no proof: its key is compared by people. Raises NotFound when there is no such
    neighbourhood or account.
    """
    made = _WRITERS[ref.kind](db, addresses, ref)
    uri = made["id"]
    made |= _key_members(uri, keys)
    if ref.kind is ActorKind.INSTANCE:
        return made
    method = addresses.instance_key
    made = proofs.sign(made, instance_keys.ed25519, verification_method=method, created=now)
    for former in _retired(db, INSTANCE, now):
        # whoever has not heard of the server's new key yet
        made = proofs.add(made, former.ed25519, verification_method=method, created=now)
    return made


def _before(db: peewee.Database, ref: ActorRef, peer_id: int, epoch: int, number: int) -> bytes | None:
    return former_keys.before(db, ref.kind.value, ref.owner, peer=peer_id, epoch=epoch, number=number)


def _retired(db: peewee.Database, ref: ActorRef, now: datetime) -> list[KeyPair]:
    return [keys.from_pem(pem) for pem in former_keys.retired(db, ref.kind.value, ref.owner, since=now - RETIRED_FOR)]


def _row(db: peewee.Database, ref: ActorRef) -> ActorKeyTable | None:
    query = ActorKeyTable.select().where(ActorKeyTable.kind == ref.kind.value, ActorKeyTable.owner == ref.owner)
    rows: list[ActorKeyTable] = list(query.execute(db))
    return rows[0] if rows else None


def _fresh_pem() -> bytes:
    return keys.to_pem(keys.generate())


def _keep(uow: UnitOfWork, ref: ActorRef, pem: bytes) -> bytes:
    """Insert, or read what another was faster to insert."""
    ActorKeyTable.insert(kind=ref.kind.value, owner=ref.owner, pem=pem, made_at=uow.now).on_conflict_ignore().execute(
        uow.db
    )
    row = _row(uow.db, ref)
    return pem if row is None else bytes(row.pem)


def _key_members(uri: str, pair: KeyPair) -> dict[str, Any]:
    return {
        "publicKey": {"id": uri + MAIN_KEY, "owner": uri, "publicKeyPem": keys.public_pem(pair.rsa)},
        "assertionMethod": [
            {
                "id": uri + PROOF_KEY,
                "type": "Multikey",
                "controller": uri,
                "publicKeyMultibase": keys.multikey(pair.ed25519),
            }
        ],
    }


def _implements() -> list[dict[str, str]]:
    return [{"type": "Link", "href": href, "name": name} for href, name in IMPLEMENTS]


def _members(
    db: peewee.Database,
    addresses: Addresses,
    ref: ActorRef,
    *,
    context: contexts.Context,
    kind: str,
    uri: str,
    handle: str,
    name: str,
    about: str,
    page: str,
) -> dict[str, Any]:
    """What every actor document begins with."""
    made: dict[str, Any] = {
        "@context": context,
        "id": uri,
        "type": kind,
        "preferredUsername": handle,
        "webfinger": f"{handle}@{addresses.host}",
        "name": name,
        "summary": f"<p>{escape(about)}</p>",
        "inbox": f"{uri}/inbox",
        "outbox": f"{uri}/outbox",
        "followers": f"{uri}/followers",
        "following": f"{uri}/following",
        "url": addresses.base + page,
        "endpoints": {"sharedInbox": addresses.shared_inbox},
    }
    row = _row(db, ref)
    if row is not None:
        # by the day: the moment would tell when somebody first did something beyond this server
        made["published"] = instant(row.made_at.replace(hour=0, minute=0, second=0, microsecond=0))
    return made


def _generator(addresses: Addresses) -> dict[str, Any]:
    return {"generator": {"id": addresses.instance, "type": "Application", "implements": _implements()}}


def _manners(*, approves: bool, discoverable: bool) -> dict[str, bool]:
    return {"manuallyApprovesFollowers": approves, "discoverable": discoverable, "indexable": False}


def server_name(db: peewee.Database, addresses: Addresses) -> str:
    """What this server is called: as its neighbourhood when it has one, as its city, else by its host."""
    ours = neighbourhoods.ours(db)
    return ours[0].name if len(ours) == 1 else metrics.city_name(db) or addresses.host


def _instance(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    publishes = peers.published(db) is not None and metrics.city_name(db) != ""
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.INSTANCE_WITH_LIST if publishes else contexts.INSTANCE,
        kind="Application",
        uri=addresses.instance,
        handle=addresses.host,
        name=f"{server_name(db, addresses)} (server)",
        about=(
            f"Instance actor of {addresses.host}. "
            "Signs fetches, peers with other neighbourhood servers, sends moderation reports."
        ),
        page=urls.person(addresses.host),
    )
    made |= _manners(approves=True, discoverable=False)
    made |= {"fhPeerInbox": addresses.peer_inbox, "implements": _implements()}
    return made | {"fhNeighbourhoodList": addresses.city_list} if publishes else made


def _group(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    place = neighbourhoods.get(db, ref.owner)
    uri = addresses.group(place.key)
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.ACTOR,
        kind="Group",
        uri=uri,
        handle=place.key,
        name=place.name,
        about=f"Neighbourhood group: {place.name}.",
        page=urls.person(place.key),
    )
    made |= _manners(approves=False, discoverable=True)
    made |= {"attributedTo": f"{uri}/moderators", "featured": f"{uri}/featured", "fhMembers": f"{uri}/members"}
    return made | _generator(addresses)


def _person(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    account = accounts.get(db, ref.owner)
    handle = account.handle or account.key
    home = "" if account.neighbourhood is None else f"{neighbourhoods.get(db, account.neighbourhood).name}."
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.PERSON,
        kind="Person",
        uri=addresses.person(account.key),
        handle=handle,
        name=account.name,
        about=home,
        page=urls.person(handle),
    )
    made |= _manners(approves=False, discoverable=False)
    return made | _generator(addresses)


def _metrics(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.SERVICE,
        kind="Service",
        uri=addresses.metrics,
        handle=METRICS_HANDLE,
        name=f"{server_name(db, addresses)}, figures",
        about="Four times a year, totals about the neighbourhood.",
        page="/metrics/v1/",
    )
    del made["following"]  # it hands in and follows nobody
    made |= _manners(approves=True, discoverable=False)
    return made | _generator(addresses)


def _city(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.ORGANIZATION,
        kind="Organization",
        uri=addresses.city,
        handle=CITY_HANDLE,
        name=server_name(db, addresses),
        about="Speaks to neighbourhoods and receives their reports.",
        page=urls.person(CITY_HANDLE),
    )
    made |= _manners(approves=False, discoverable=True)
    return made | _generator(addresses)


def _hub(db: peewee.Database, addresses: Addresses, ref: ActorRef) -> dict[str, Any]:
    made = _members(
        db,
        addresses,
        ref,
        context=contexts.HUB,
        kind="Group",
        uri=addresses.hub,
        handle=urls.HUB_KEY,
        name=f"{server_name(db, addresses)}, city-wide",
        about="Passes on to all neighbourhoods that take part what a resident says to the whole city.",
        page=urls.person(urls.HUB_KEY),
    )
    made |= _manners(approves=True, discoverable=True)
    made |= {"attributedTo": f"{addresses.hub}/moderators", "fhMemberInstances": f"{addresses.hub}/instances"}
    return made | _generator(addresses)


_WRITERS: dict[ActorKind, Callable[[peewee.Database, Addresses, ActorRef], dict[str, Any]]] = {
    ActorKind.INSTANCE: _instance,
    ActorKind.GROUP: _group,
    ActorKind.PERSON: _person,
    ActorKind.METRICS: _metrics,
    ActorKind.CITY: _city,
    ActorKind.HUB: _hub,
}
