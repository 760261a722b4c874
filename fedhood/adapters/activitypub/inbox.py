"""The letterbox: what arrives is checked, kept as the bytes that came, and understood later by the worker.

Checks stand in the order in which they cost: how often this sender tried, the envelope, the size, the JSON, the names
in it, whether its server may speak here, and last the signature, for which another server may have to be asked. A
sender is told why it was refused (`problems`); one that was not refused is told nothing but 202.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from fedhood.adapters.activitypub import (
    admission,
    arrivals,
    asking,
    discovery,
    documents,
    forgetting,
    forwarded,
    hearing,
    keeping,
    knocking,
    problems,
    proofs,
    signed_requests,
)
from fedhood.adapters.activitypub.admission import Arrived
from fedhood.adapters.activitypub.arrivals import Letter
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.key_finding import Delivered, KeyFinder, Remembered
from fedhood.adapters.activitypub.problems import Refused
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.deadlines import MAX_INBOX_BYTES, MAX_STRANGERS_BYTES
from fedhood.adapters.http.guard import BadUrl, checked_url
from fedhood.adapters.http.keys import LIMITER
from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.http.middleware import client
from fedhood.adapters.http.paths import Way
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
        """A neighbourhood's inbox, or that of a city's hub. Raises NotFound."""
        federation = request.app[FEDERATION]
        if documents.is_hub(request):
            return await self.public(request)
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
        is_known = any(one is not None and one.may_take_back for one in sender.peers.values())
        most = MAX_INBOX_BYTES if is_known else MAX_STRANGERS_BYTES
        arrived = _read_names(await _body(request, most), federation)
        admission.check_scope(arrived.document, scoped=scoped)
        claim, peer = sender.of(arrived.actor)
        # what is scoped, and what servers say to each other, comes from their own hand alone
        carrier = peer if admission.is_neighbour(peer) and not (scoped or at_instance) else None
        await admission.check_origins(federation, claim, arrived, carrier)
        visits = not (scoped or at_instance) and admission.is_of_a_visitor(
            peer, arrived.document, federation.addresses.instance
        )
        await admission.check_policy(federation, peer, arrived, at_instance=at_instance, visits=visits)
        if await federation.database.read(admission.says_nothing, arrived, visits=visits):
            # nothing follows from it, so it need not be proved; who uses a neighbour's name for it is counted
            request[_PROVED] = not admission.is_neighbour(peer)
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
            farewell=arrived.document["type"] == "Delete" and admission.is_about_oneself(arrived),
            visits=visits,
        )
        signer = await self._finder.verify(federation, checked, delivered)
        if signer != arrived.actor and carrier is None:
            raise _another()
        request[_PROVED] = True
        if peer is not None and peer.state is PeerState.AGREED:
            request.app[LIMITER].check(Bucket.INBOX_PEER, peer.host)
        if visits:
            request.app[LIMITER].check(Bucket.INBOX_VISITORS, urls.authority(arrived.actor))
        by_themselves = signer == arrived.actor
        news = self._is_news(peer, claim, federation.clock.now())
        place = hearing.place_of(request.headers.get(hearing.HEADER))
        letter = Letter(
            uri=arrived.uri,
            actor=arrived.actor,
            scoped=scoped,
            about=arrivals.about_of(arrived.document),
            body=arrived.body,
            way=Way(claim.scheme.value),
        )
        if by_themselves:
            federation.fresh.put(arrived.uri, arrived.body, arrived.document)
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


def _too_large(most: int = MAX_INBOX_BYTES) -> Refused:
    return Refused(413, "too-large", f"An activity takes at most {most} bytes.")


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
        raise admission.blocked()
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


def _another() -> Refused:
    return Refused(403, "signer-is-not-the-actor", "What somebody else signed is not taken here.")


async def _body(request: web.Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
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
