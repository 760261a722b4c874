"""The letterbox: what arrives is checked, kept as the bytes that came, and understood later by the worker.

Checks stand in the order in which they cost: how often this sender tried, the envelope, the size, the JSON, the names
in it, whether its server may speak here, and last the signature, for which another server may have to be asked. A
sender is told why it was refused (`problems`); one that was not refused is told nothing but 202.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import (
    arrivals,
    asking,
    discovery,
    forgetting,
    forwarded,
    hearing,
    keeping,
    knocking,
    problems,
    proofs,
    remote,
    signed_requests,
)
from fedhood.adapters.activitypub.arrivals import Letter
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.key_finding import SOON, Delivered, KeyFinder, Remembered
from fedhood.adapters.activitypub.problems import Refused
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.deadlines import MAX_INBOX_BYTES
from fedhood.adapters.http.guard import BadUrl, checked_url
from fedhood.adapters.http.keys import LIMITER
from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.http.middleware import client
from fedhood.core import accounts, neighbourhoods, peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, NotFound, TooMany, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.signed_requests import Claim
    from fedhood.adapters.http.limits import Limiter
    from fedhood.core.peers import Peer

_PROVED = web.RequestKey("proved", bool)

_ROUND_TABLE = frozenset({"Follow", "Accept", "Reject", "Undo", "Update"})  # what peering is talked about with
_ABOUT_ONESELF = frozenset({"Delete", "Update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who delivers, as far as the envelope says: nothing of it is believed before the signature holds.

    There is at least one claim, and most often one; `peers` are the servers of their keys, by host.
    """

    address: str
    claims: tuple[Claim, ...]
    peers: Mapping[str, Peer | None]

    def of(self, actor: str) -> tuple[Claim, Peer | None]:
        """The claim that counts for what this actor says, and the server of its key."""
        claim = signed_requests.choose(self.claims, actor)
        return claim, self.peers.get(urls.authority(claim.key_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """An activity with its bytes, and the names in it that were looked at."""

    body: bytes
    document: dict[str, Any]
    uri: str
    actor: str


class Inboxes:
    """The inboxes of one server."""

    def __init__(self) -> None:
        self._finder = KeyFinder()
        self._heard = Remembered(knocking.WORTH_NOTING)

    async def public(self, request: web.Request) -> web.Response:
        """The shared inbox, and those of actors of ours: for what is not scoped. Answers 202, or a problem."""
        return await _answered(request, self._public)

    async def instance(self, request: web.Request) -> web.Response:
        """The instance actor's inbox, where servers speak about being neighbours."""
        return await _answered(request, self._instance)

    async def peer(self, request: web.Request) -> web.Response:
        """The peer inbox: for what is scoped, from servers that we agreed with."""
        return await _answered(request, self._peer)

    async def group(self, request: web.Request) -> web.Response:
        """A neighbourhood's inbox. Raises NotFound."""
        federation = request.app[FEDERATION]
        if await federation.database.read(neighbourhoods.by_key, request.match_info["key"]) is None:
            raise NotFound
        return await self.public(request)

    async def person(self, request: web.Request) -> web.Response:
        """A resident's inbox, for one who has acted beyond this server. Raises NotFound for all others."""
        await request.app[FEDERATION].database.read(_known_person, request.match_info["key"])
        return await self.public(request)

    async def _public(self, request: web.Request) -> None:
        await self._take(request, at_instance=False, scoped=False)

    async def _instance(self, request: web.Request) -> None:
        await self._take(request, at_instance=True, scoped=False)

    async def _peer(self, request: web.Request) -> None:
        await self._take(request, at_instance=False, scoped=True)

    async def _take(self, request: web.Request, *, at_instance: bool, scoped: bool) -> None:
        federation = request.app[FEDERATION]
        _check_type(request)
        sender = await _sender(request, federation)
        arrived = _read_names(await _body(request), federation)
        _check_scope(arrived.document, scoped=scoped)
        claim, peer = sender.of(arrived.actor)
        # what is scoped, and what servers say to each other, comes from their own hand alone
        carrier = peer if _is_neighbour(peer) and not (scoped or at_instance) else None
        await _check_origins(federation, claim, arrived, carrier)
        await _check_policy(federation, peer, arrived, at_instance=at_instance)
        if await federation.database.read(_says_nothing, arrived):
            request[_PROVED] = True  # nothing follows from it, so it need not be proved
            return
        checked = claim.check(_received(request, federation), body=arrived.body, now=federation.clock.now())
        if carrier is None and "#" in claim.key_id and not signed_requests.belongs_to(claim.key_id, arrived.actor):
            raise _another()
        delivered = Delivered(
            limiter=request.app[LIMITER],
            address=sender.address,
            peer=peer,
            actor=arrived.actor,
            removal=forgetting.is_removal(arrived.document),
            farewell=arrived.document["type"] == "Delete" and _is_about_oneself(arrived),
        )
        signer = await self._finder.verify(federation, checked, delivered)
        if signer != arrived.actor and carrier is None:
            raise _another()
        request[_PROVED] = True
        if peer is not None and peer.state is PeerState.AGREED:
            request.app[LIMITER].check(Bucket.INBOX_PEER, peer.host)
        by_themselves = signer == arrived.actor
        news = self._is_news(peer, claim, federation.clock.now())
        place = hearing.place_of(request.headers.get(hearing.HEADER))
        letter = Letter(
            uri=arrived.uri,
            actor=arrived.actor,
            scoped=scoped,
            about=arrivals.about_of(arrived.document),
            body=arrived.body,
        )
        drop = not by_themselves and forwarded.is_hopeless(arrived.document)
        await federation.database.write(
            keeping.keep, peer, None if drop else letter, news, place, by_themselves=by_themselves
        )

    def _is_news(self, peer: Peer | None, claim: Claim, now: datetime) -> Scheme | None:
        """The scheme by which a neighbour signs, if it is worth looking whether that is known: once a day."""
        if peer is None or claim.scheme is Scheme.CAVAGE or self._heard.get(peer.host, now) is not None:
            return None
        self._heard.put(peer.host, "", now)
        return claim.scheme


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    inboxes = Inboxes()
    return [
        web.post("/ap/inbox", inboxes.public),
        web.post("/ap/instance/inbox", inboxes.instance),
        web.post("/ap/instance/peer-inbox", inboxes.peer),
        web.post("/ap/groups/{key}/inbox", inboxes.group),
        web.post("/ap/people/{key}/inbox", inboxes.person),
        web.post("/ap/metrics/inbox", inboxes.public),
        web.post("/ap/city/inbox", inboxes.public),
    ]


async def _answered(request: web.Request, take: Callable[[web.Request], Awaitable[None]]) -> web.Response:
    """202, or the problem; a signature that does not hold is counted for the address."""
    limiter, address = request.app[LIMITER], client(request)
    request[_PROVED] = False
    try:
        limiter.peek(Bucket.BAD_SIGNATURES, address)
        await take(request)
    except Unauthenticated as error:
        _count(limiter, Bucket.BAD_SIGNATURES, address)
        return problems.response(Refused(401, error.code, f"The signature is not accepted: {error.detail}."))
    except Invalid as error:
        return problems.response(Refused(400, error.code, f"The activity cannot be read: {error.detail}."))
    except TooMany as error:
        wait = int(error.facts["retry_after"])
        return problems.response(Refused(429, "too-many-requests", "Please wait.", retry_after=wait))
    except Refused as refused:
        if refused.status == 401:
            _count(limiter, Bucket.BAD_SIGNATURES, address)
        return problems.response(refused)
    finally:
        if not request[_PROVED]:
            _count(limiter, Bucket.UNPROVED, address)
    return web.Response(status=202)


def _count(limiter: Limiter, bucket: Bucket, address: str) -> None:
    with contextlib.suppress(TooMany):  # others of this address were faster: the next one is turned away
        limiter.check(bucket, address)


def _known_person(db: peewee.Database, key: str) -> None:
    discovery.known_person(db, accounts.by_key(db, key))


# -- the envelope (V1 to V3, V9) ---------------------------------------------------------------------------------------


def _check_type(request: web.Request) -> None:
    if not asking.is_activity(request.headers.get("Content-Type", "")):
        raise Refused(415, "media-type", "Activities are sent as application/activity+json.")
    if "Content-Encoding" in request.headers:
        raise Refused(415, "content-encoding", "Activities are sent without a content encoding.")
    if request.content_length is not None and request.content_length > MAX_INBOX_BYTES:
        raise _too_large()


def _too_large() -> Refused:
    return Refused(413, "too-large", f"An activity takes at most {MAX_INBOX_BYTES} bytes.")


async def _sender(request: web.Request, federation: Federation) -> Sender:
    """Who claims to deliver. Whoever is not an agreed peer is counted by address, before anything costs.

    Who claims to be one is counted when that turns out to be untrue (`_answered`), and waits like everybody else then.
    """
    address = client(request)
    claims = signed_requests.read(list(request.headers.items()))
    hosts = dict.fromkeys(urls.authority(claim.key_id) for claim in claims)
    found = {host: await federation.database.read(peers.by_host, host) if host else None for host in hosts}
    if found and all(peer is not None and peer.state is PeerState.AGREED for peer in found.values()):
        request.app[LIMITER].peek(Bucket.UNPROVED, address)
    else:
        request.app[LIMITER].check(Bucket.INBOX_UNKNOWN, address)
    if not claims:
        raise Refused(401, "signature-missing", "A delivery carries one Signature header.")
    if any(peer is not None and peer.trust is Trust.BLOCKED for peer in found.values()):
        raise _blocked()
    usable = tuple(claim for claim in claims if _is_address(claim.key_id, federation))
    if not usable:
        raise Refused(401, "key-address", "The key is not named by an https address.")
    return Sender(address=address, claims=usable, peers=found)


def _received(request: web.Request, federation: Federation) -> Request:
    """The request as its signature sees it: in the name that we answer for, whatever stands between."""
    return Request(
        method=request.method,
        base=federation.addresses.base,
        target=request.raw_path,
        headers=list(request.headers.items()),
    )


def _blocked() -> Refused:
    return Refused(403, "blocked", "This server is blocked here.")


def _another() -> Refused:
    return Refused(403, "signer-is-not-the-actor", "What somebody else signed is not taken here.")


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_INBOX_BYTES:
            raise _too_large()
    return bytes(body)


# -- what it says (V4 to V7) -------------------------------------------------------------------------------------------


def _read_names(body: bytes, federation: Federation) -> Arrived:
    document = strict_json.loads_object(body)
    proofs.refuse_rearranging(document, body)
    actor = document.get("actor")
    actor = actor.get("id") if isinstance(actor, dict) else actor
    uri = document.get("id")
    if not isinstance(document.get("type"), str) or not isinstance(actor, str) or not isinstance(uri, str):
        raise Invalid("type, actor or id is missing", code="activity-members")
    if not _is_address(uri, federation) or not _is_address(actor, federation):
        raise Invalid("id and actor are https addresses", code="activity-address")
    return Arrived(body=body, document=document, uri=uri, actor=actor)


def _is_address(uri: str, federation: Federation) -> bool:
    try:
        checked = checked_url(uri, loopback=federation.settings.loopback_names)
    except BadUrl:
        return False
    # as it will be compared later: two spellings of one name are one name
    return checked == uri.partition("#")[0]


def _check_scope(document: dict[str, Any], *, scoped: bool) -> None:
    scope = document.get("fhScope")
    if scoped and (not isinstance(scope, str) or scope in {"", "public"}):
        raise Refused(422, "scope-missing", "What comes to the peer inbox says its fhScope.")
    if not scoped and scope not in {None, "public"}:
        raise Refused(422, "wrong-inbox", "What is scoped comes to the peer inbox.")


async def _check_origins(federation: Federation, claim: Claim, arrived: Arrived, carrier: Peer | None) -> None:
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
    if urls.origin(arrived.uri) != home or not _is_neighbour(carrier) or not _is_neighbour(author):
        raise Refused(403, "origin", "Key, actor and id of an activity are of one server.")


def _is_neighbour(peer: Peer | None) -> bool:
    return peer is not None and peer.state is PeerState.AGREED


async def _check_policy(federation: Federation, peer: Peer | None, arrived: Arrived, *, at_instance: bool) -> None:
    """Whether this server may say this here (V6). Raises Refused."""
    if peer is not None and peer.state is PeerState.AGREED:
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
    if not asks and not speaks:
        raise problems.peering_required(federation.addresses.instance)


async def _check_not_blocked(federation: Federation, uri: str) -> None:
    other = await federation.database.read(peers.by_host, urls.authority(uri))
    if other is not None and other.trust is Trust.BLOCKED:
        raise _blocked()


def _has_more_to_say(db: peewee.Database, peer: int) -> bool:
    waiting = InboundTable.select().where(InboundTable.peer == peer, InboundTable.state == arrivals.WAITING)
    return bool(waiting.exists(db))


def _is_about_oneself(arrived: Arrived) -> bool:
    about = arrived.document.get("object")
    return (about.get("id") if isinstance(about, dict) else about) == arrived.actor


def _says_nothing(db: peewee.Database, arrived: Arrived) -> bool:
    """Whether somebody unknown says that they left or changed: nothing here follows from it (V7)."""
    if arrived.document.get("type") not in _ABOUT_ONESELF or not _is_about_oneself(arrived):
        return False
    home = peers.by_host(db, urls.authority(arrived.actor))
    known = remote.by_uri(db, arrived.actor) or accounts.by_uri(db, arrived.actor)
    return known is None and (home is None or home.actor_uri != arrived.actor)
