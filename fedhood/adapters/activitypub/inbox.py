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

from fedhood.adapters.activitypub import arrivals, discovery, forgetting, hearing, problems, proofs, remote, signatures
from fedhood.adapters.activitypub.arrivals import Letter
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.key_finding import KeyFinder
from fedhood.adapters.activitypub.problems import Refused
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
    from collections.abc import Awaitable, Callable

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.signatures import Signature
    from fedhood.adapters.http.limits import Limiter
    from fedhood.core.peers import Peer

_PROVED = web.RequestKey("proved", bool)
SOON = 5  # seconds until what came before has been understood
IN_QUESTION = 600  # seconds until two people may have spoken with each other

_ROUND_TABLE = frozenset({"Follow", "Accept", "Reject", "Undo", "Update"})  # what peering is talked about with
_ABOUT_ONESELF = frozenset({"Delete", "Update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who delivers, as far as the envelope says: nothing of it is believed before the signature holds."""

    address: str
    signature: Signature
    peer: Peer | None


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
        await _check_policy(federation, sender, arrived, at_instance=at_instance)
        if await federation.database.read(_says_nothing, arrived):
            request[_PROVED] = True  # nothing follows from it, so it need not be proved
            return
        checked = signatures.check(
            sender.signature,
            method=request.method,
            target=request.raw_path,
            headers=_headers(request),
            body=arrived.body,
            authorities={federation.addresses.host},
            now=federation.clock.now(),
        )
        removal = forgetting.is_removal(arrived.document)
        await self._finder.verify(federation, checked, peer=sender.peer, actor=arrived.actor, removal=removal)
        request[_PROVED] = True
        if sender.peer is not None and sender.peer.state is PeerState.AGREED:
            request.app[LIMITER].check(Bucket.INBOX_PEER, sender.peer.host)
        await federation.database.write(
            arrivals.delivered,
            Letter(
                uri=arrived.uri,
                actor=arrived.actor,
                scoped=scoped,
                about=arrivals.about(arrived.document),
                body=arrived.body,
            ),
            peer=0 if sender.peer is None else sender.peer.id,
            place=hearing.place_of(request.headers.get(hearing.HEADER)),
        )


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
    if not remote.is_activity(request.headers.get("Content-Type", "")):
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
    signature = _signature(request)
    host = urls.authority(signature.key_id) if signature is not None else ""
    peer = await federation.database.read(peers.by_host, host) if host else None
    if peer is None or peer.state is not PeerState.AGREED:
        request.app[LIMITER].check(Bucket.INBOX_UNKNOWN, address)
    else:
        request.app[LIMITER].peek(Bucket.UNPROVED, address)
    if signature is None:
        raise Refused(401, "signature-missing", "A delivery carries one Signature header.")
    if peer is not None and peer.trust is Trust.BLOCKED:
        raise _blocked()
    if not _is_address(signature.key_id, federation):
        raise Refused(401, "key-address", "The key is not named by an https address.")
    return Sender(address=address, signature=signature, peer=peer)


def _signature(request: web.Request) -> Signature | None:
    """The one signature of a delivery, read and not yet checked; None without one. Raises Refused, Invalid."""
    lines = request.headers.getall("Signature", [])
    newer = "Signature-Input" in request.headers
    if len(lines) != 1 and not newer:
        return None
    try:
        return signatures.parse(lines[0] if len(lines) == 1 else "")
    except (Invalid, Unauthenticated):
        if not newer:
            raise
    raise Refused(
        401,
        "signature-scheme",
        "Signatures of draft-cavage-http-signatures-12 (rsa-sha256) are understood here, those of RFC 9421 not yet.",
    )


def _blocked() -> Refused:
    return Refused(403, "blocked", "This server is blocked here.")


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_INBOX_BYTES:
            raise _too_large()
    return bytes(body)


def _headers(request: web.Request) -> list[tuple[str, str]]:
    return list(request.headers.items())


# -- what it says (V4 to V7) -------------------------------------------------------------------------------------------


def _read_names(body: bytes, federation: Federation) -> Arrived:
    document = strict_json.loads_object(body)
    proofs.refuse_rearranging(document)
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


async def _check_policy(federation: Federation, sender: Sender, arrived: Arrived, *, at_instance: bool) -> None:
    """Whether this server may say this here (V6, K1, A3). Raises Refused."""
    for uri in (arrived.actor, arrived.uri):
        if urls.origin(uri) != urls.origin(sender.signature.key_id):
            await _check_not_blocked(federation, uri)
            raise Refused(403, "origin", "Key, actor and id of an activity are of one server.")
    peer = sender.peer
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
        raise _blocked()


def _has_more_to_say(db: peewee.Database, peer: int) -> bool:
    waiting = InboundTable.select().where(InboundTable.peer == peer, InboundTable.state == arrivals.WAITING)
    return bool(waiting.exists(db))


def _says_nothing(db: peewee.Database, arrived: Arrived) -> bool:
    """Whether somebody unknown says that they left or changed: nothing here follows from it (V7)."""
    about = arrived.document.get("object")
    about = about.get("id") if isinstance(about, dict) else about
    if arrived.document.get("type") not in _ABOUT_ONESELF or about != arrived.actor:
        return False
    return remote.by_uri(db, arrived.actor) is None and accounts.by_uri(db, arrived.actor) is None
