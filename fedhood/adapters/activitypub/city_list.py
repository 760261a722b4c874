"""The room of a city's list of neighbourhoods: published by the city's server, read by those who follow it.

    GET /ap/city/neighbourhoods      to anybody; its address stands in the instance actor (fhNeighbourhoodList)

The list is one document, signed by the city's instance key (FEP-8b32), that anybody may pass on. It is believed by its
proof under the key that people compared with the city's, never by where it was found. Shape: golden file 57,
`schemas/neighbourhood-list-1.json`.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import actors, asking, contexts, keys, proofs, remote
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.canonical import canonicalise
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.handlers import reading
from fedhood.adapters.http import strict_json
from fedhood.core import metrics, peers
from fedhood.core.peers import Listed, PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import FedhoodError, Invalid, NotFound, RemoteFailure
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from datetime import datetime

    import peewee
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.core.peers import Peer, PublishedList
    from fedhood.kernel.urls import Addresses

SCHEMA = "neighbourhood-list-1"

_TYPE = "NeighbourhoodList"
_VERSION = "1.0"


# -- publishing --------------------------------------------------------------------------------------------------------


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [web.get("/ap/city/neighbourhoods", neighbourhoods)]


async def neighbourhoods(request: web.Request) -> web.Response:
    """The list that this city publishes. Raises NotFound on a neighbourhood's server, and before there is one."""
    federation = request.app[FEDERATION]
    if federation.settings.profile is not Profile.CITY:
        raise NotFound
    published, name = await federation.database.read(_published, federation.addresses)
    pair = await actors.ensure_keys(federation, actors.INSTANCE)
    # the same bytes for the same list: it is signed at the moment since when it says this
    document = await asyncio.to_thread(
        proofs.sign,
        write(federation.addresses, name, published),
        pair.ed25519,
        verification_method=federation.addresses.instance_key,
        created=published.updated_at,
    )
    headers = {"Content-Type": asking.ACTIVITY_JSON, "Cache-Control": "max-age=600"}
    return web.Response(body=strict_json.dumps(document), headers=headers)


def _published(db: peewee.Database, addresses: Addresses) -> tuple[PublishedList, str]:
    found = peers.published(db)
    if found is None:
        raise NotFound
    return found, metrics.city_name(db) or addresses.host


def write(addresses: Addresses, name: str, published: PublishedList) -> dict[str, Any]:
    """The list without its proof."""
    return {
        "@context": contexts.NEIGHBOURHOOD_LIST,
        "id": addresses.city_list,
        "type": _TYPE,
        "schemaVersion": _VERSION,
        "attributedTo": addresses.instance,
        "name": name,
        "updated": instant(published.updated_at),
        "neighbourhoods": [
            {
                "host": entry.host,
                "name": entry.name,
                "instance": entry.actor_uri,
                "keyFingerprint": entry.fingerprint,
                "groups": list(entry.groups),
            }
            for entry in published.entries
        ],
    }


# -- reading -----------------------------------------------------------------------------------------------------------


async def read(federation: Federation, peer_id: int) -> None:
    """Read the list of a city that is followed here, and keep what it says. What went wrong is kept for the page.

    Raises NotFound for no peer.
    """
    peer = await federation.database.read(peers.get, peer_id)
    if await federation.database.read(peers.followed_list, peer_id) is None:
        return
    try:
        _check_city(peer)
        document = await _fetch(federation, peer)
        updated_at, digest, entries = await asyncio.to_thread(
            believe, document, peer, federation.clock.now(), loopback=federation.settings.loopback_names
        )
        await federation.database.write(
            peers.list_arrived,
            peer_id=peer_id,
            our_host=federation.addresses.host,
            entries=entries,
            updated_at=updated_at,
            digest=digest,
        )
    except (Invalid, RemoteFailure) as failure:
        await federation.database.write(peers.list_missed, peer_id=peer_id, reason=failure.code)


def _check_city(peer: Peer) -> None:
    if peer.state is not PeerState.AGREED or peer.trust is not Trust.CITY:
        raise Invalid("nothing is agreed with this city", code="not-agreed")
    if peer.suspended_at is not None:
        raise Invalid("its key is in question", code="key-in-question")


async def _fetch(federation: Federation, peer: Peer) -> dict[str, Any]:
    """The list as its server gives it. Raises Invalid, `no-list` when it publishes none, RemoteFailure."""
    introduction = await remote.instance_actor(federation, peer.host)
    url = introduction.get("fhNeighbourhoodList")
    if not isinstance(url, str) or urls.origin(url) != urls.origin(peer.actor_uri or ""):
        raise Invalid("it publishes no list", code="no-list")
    answer = await federation.client.get(url, accept=asking.ACCEPT, redirects=0)
    if answer.status >= 500 or answer.status in {408, 425, 429}:
        raise RemoteFailure("the server cannot answer now", code="bad-answer", status=answer.status)
    if answer.status != 200 or not asking.is_activity(answer.headers.get("Content-Type", "")):
        raise Invalid("it publishes no list", code="no-list", status=answer.status)
    document = strict_json.loads_object(answer.body)
    if document.get("id") != url:
        raise Invalid("the list has another id than its address", code="list-id")
    return document


def believe(
    document: dict[str, Any], peer: Peer, now: datetime, *, loopback: bool
) -> tuple[datetime, str, list[Listed]]:
    """Since when a list says what it says, its digest, and its entries, if the pinned key of the city signed it.

    Raises Invalid: `schema`, `list-owner`, `list-entry`, and what `proofs.verify` says.
    """
    from fedhood.kernel import schemas  # noqa: PLC0415 - large, and no server needs it at its start

    schemas.check(SCHEMA, document)
    if peer.actor_uri is None or peer.multikey is None or document["attributedTo"] != peer.actor_uri:
        raise Invalid("it is somebody else's list", code="list-owner")
    pinned = keys.load_multikey(peer.multikey)

    def find_key(method: str) -> Ed25519PublicKey | None:
        return pinned if method == f"{peer.actor_uri}{PROOF_KEY}" else None

    proofs.verify(document, find_key, owner=peer.actor_uri, now=now)
    entries = [_entry(one, loopback=loopback) for one in document["neighbourhoods"]]
    if len({entry.host for entry in entries}) != len(entries):
        raise Invalid("a server stands on the list twice", code="list-entry")
    said = {name: document[name] for name in ("name", "updated", "neighbourhoods")}
    return _moment(document["updated"]), hashlib.sha256(canonicalise(said)).hexdigest(), entries


def _moment(text: str) -> datetime:
    moment = reading.moment_of({"updated": text}, "updated")
    if moment is None:
        raise Invalid("/updated: no moment", code="schema", field="/updated")
    return moment


def _entry(one: dict[str, Any], *, loopback: bool) -> Listed:
    """Raises Invalid for an entry whose addresses are not of one public server."""
    try:
        host = peers.host_of(one["host"])
    except FedhoodError as refusal:
        raise Invalid("an entry has no host", code="list-entry") from refusal
    home = f"{'http' if loopback else 'https'}://{host}"
    if host != one["host"] or (":" in host and not loopback):
        raise Invalid("an entry has no public host", code="list-entry")
    if any(urls.origin(uri) != home for uri in (one["instance"], *one["groups"])):
        raise Invalid("an entry names what is not its own", code="list-entry")
    return Listed(
        host=host,
        name=one["name"],
        actor_uri=one["instance"],
        fingerprint=one["keyFingerprint"],
        groups=tuple(one["groups"]),
    )
