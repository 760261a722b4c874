"""The room where what has an ActivityPub id of ours is served: actors to anyone, the rest to whom it is meant for.

What may not be seen answers with the bytes of what never was. A scoped thing is shown to one asker alone: the instance
actor of a peer that hosts a place of it and is granted that pair now, which proves itself by signing the GET.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import (
    actors,
    city_answers,
    city_messages,
    contexts,
    discovery,
    hub,
    outbox,
    outbox_city,
    outbox_followers,
    outbox_hub,
    people,
    proofs,
    signed_requests,
    vocabulary,
)
from fedhood.adapters.activitypub.actors import PROOF_KEY, ActorRef
from fedhood.adapters.activitypub.asking import ACTIVITY_JSON, LD_JSON
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.key_finding import pinned_key
from fedhood.adapters.activitypub.posts import note_document
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable
from fedhood.adapters.http import refusals, strict_json
from fedhood.core import accounts, help_requests, neighbourhoods, peers, posts
from fedhood.core.peers import Peer, PeerState, Trust
from fedhood.core.posts import Audience, Kind, Post
from fedhood.kernel import ids, urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid, NotFound, Unauthenticated
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.signed_requests import Claim

_VARY = {"Vary": "Accept, Signature, Signature-Input"}
_FOR_ONE = {**_VARY, "Cache-Control": "private, no-store"}
_FOR_ALL = {**_VARY, "Cache-Control": "max-age=180"}
_REMOVED = {**_VARY, "Cache-Control": "max-age=3600"}


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [
        web.get("/ap/instance", instance),
        web.get("/ap/groups/{key}", group),
        web.get("/ap/people/{key}", person),
        web.get("/ap/metrics", metrics),
        web.get("/ap/city", city),
        web.get("/ap/notes/{id}", note),
        web.get("/ap/activities/{key}", activity),
    ]


# -- actors ----------------------------------------------------------------------------------------------------------


async def instance(request: web.Request) -> web.Response:
    """The instance actor, to anyone: two servers that both ask for signatures must be able to begin somewhere."""
    return await _actor(request, actors.INSTANCE)


async def group(request: web.Request) -> web.Response:
    """A neighbourhood of ours, or the hub of a city. Raises NotFound."""
    federation = request.app[FEDERATION]
    if is_hub(request):
        return await _actor(request, actors.HUB)
    place = await federation.database.read(neighbourhoods.by_key, request.match_info["key"])
    if place is None:
        raise NotFound
    return await _actor(request, actors.group(place.id))


def is_hub(request: web.Request) -> bool:
    """Whether an address below `/ap/groups/` is that of the hub, which a city's server alone has."""
    is_city = request.app[FEDERATION].settings.profile is Profile.CITY
    return is_city and request.match_info["key"] == urls.HUB_KEY


async def person(request: web.Request) -> web.Response:
    """A resident who has acted beyond this server, or is leaving it. Raises NotFound for all others, as for nobody."""
    ref = await request.app[FEDERATION].database.read(_person_ref, request.match_info["key"])
    return await _actor(request, ref)


async def metrics(request: web.Request) -> web.Response:
    """The actor that hands in figures. Raises NotFound on a city's server."""
    if request.app[FEDERATION].settings.profile is Profile.CITY:
        raise NotFound
    return await _actor(request, actors.METRICS)


async def city(request: web.Request) -> web.Response:
    """The actor that receives figures. Raises NotFound on a neighbourhood's server."""
    if request.app[FEDERATION].settings.profile is not Profile.CITY:
        raise NotFound
    return await _actor(request, actors.CITY)


async def _actor(request: web.Request, ref: ActorRef) -> web.Response:
    federation = request.app[FEDERATION]
    own = await actors.ensure_keys(federation, ref)
    vouching = await actors.ensure_keys(federation, actors.INSTANCE)
    document = await federation.database.read(
        actors.document, federation.addresses, ref, own, vouching, federation.clock.now()
    )
    return _said(request, document, _FOR_ALL)


def _person_ref(db: peewee.Database, key: str) -> ActorRef:
    account = accounts.by_key(db, key)
    if account is not None and people.is_taking_leave(db, account):
        return actors.person(account.id)
    return actors.person(discovery.known_person(db, account).id)


# -- posts and activities --------------------------------------------------------------------------------------------


async def note(request: web.Request) -> web.Response:
    """A post of ours, to whom it is meant for; 410 with a Tombstone when it was removed and the asker may know."""
    return await _guarded(request, _note)


async def activity(request: web.Request) -> web.Response:
    """The bytes of an activity of ours: to anyone when it is public, else to a peer that is in its ledger."""
    return await _guarded(request, _activity)


async def _guarded(
    request: web.Request,
    answer: Callable[[peewee.Database, web.Request, Federation, Peer | None], web.Response],
) -> web.Response:
    federation = request.app[FEDERATION]
    try:
        asking = await federation.database.read(signer, request, federation)
        return await federation.database.read(answer, request, federation, asking)
    except NotFound:
        return _never_was()


async def for_peer(
    request: web.Request, answer: Callable[[Federation, web.Request, Peer], Awaitable[web.Response]]
) -> web.Response:
    """What is for one peer alone; to everybody else the answer is that of what never was."""
    federation = request.app[FEDERATION]
    try:
        asking = await federation.database.read(signer, request, federation)
        if asking is None:
            raise NotFound
        return await answer(federation, request, asking)
    except NotFound:
        return _never_was()


def for_one(request: web.Request, document: dict[str, Any]) -> web.Response:
    """A document that is kept by nobody on its way."""
    return _said(request, document, _FOR_ONE)


def for_all(request: web.Request, document: dict[str, Any]) -> web.Response:
    """A document for anyone, that may be kept on its way for as long as a post."""
    return _said(request, document, _FOR_ALL)


def _never_was() -> web.Response:
    response = refusals.problem(refusals.refusal_with(404))
    response.headers.update(_FOR_ONE)
    return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A peer whose instance actor signed a GET, and that signature."""

    peer: Peer
    claim: Claim


def signer(db: peewee.Database, request: web.Request, federation: Federation) -> Peer | None:
    """The peer whose instance actor signed this GET; None without a signature, or with one that does not hold.

    A peer whose key is in question is like anybody. Raises NotFound for a blocked peer: to it there is nothing here.
    """
    found = asker(db, request, federation)
    return None if found is None else found.peer


def asker(db: peewee.Database, request: web.Request, federation: Federation) -> Asker | None:
    """As `signer`, and how it signed."""
    headers = list(request.headers.items())
    try:
        for claim in signed_requests.read(headers):
            asking = peers.by_host(db, urls.authority(claim.key_id))
            key = None if asking is None else pinned_key(asking, claim.key_id)
            if asking is not None and key is not None:
                received = Request(
                    method=request.method, base=federation.addresses.base, target=request.raw_path, headers=headers
                )
                claim.check(received, body=None, now=federation.clock.now()).verify_with(key)
                break
        else:
            return None
    except (Invalid, Unauthenticated):
        return None
    if asking.trust is Trust.BLOCKED:
        raise NotFound
    return Asker(peer=asking, claim=claim) if asking.suspended_at is None else None


def _note(db: peewee.Database, request: web.Request, federation: Federation, asking: Peer | None) -> web.Response:
    number = ids.parse(request.match_info["id"])
    if city_messages.is_ours(db, number):
        return _city_note(db, request, federation, asking, number)
    post = posts.row(db, post_id=number)
    if not _may_have(db, post, asking, federation.clock.now()):
        raise NotFound
    public = post.audience is Audience.PUBLIC
    if post.deleted_at is not None:
        gone = _tombstone(federation.addresses.note(post.id), post.deleted_at)
        return _said(request, gone, _REMOVED if public else _FOR_ONE, status=410)
    document = {
        "@context": contexts.PUBLIC_POST if public else contexts.SCOPED,
        **note_document(db, federation.addresses, post),
    }
    return _said(request, _proved(db, federation, post, document), _FOR_ALL if public else _FOR_ONE)


def _city_note(
    db: peewee.Database, request: web.Request, federation: Federation, asking: Peer | None, number: int
) -> web.Response:
    """What the city told neighbourhoods, to the servers of those neighbourhoods alone."""
    now = federation.clock.now()
    message = city_messages.told(db, number, None if asking is None else asking.id, now)
    if asking is None or asking.state is not PeerState.AGREED or message is None:
        raise NotFound
    if message.deleted_at is not None:
        gone = _tombstone(federation.addresses.note(number), message.deleted_at)
        return _said(request, gone, _FOR_ONE, status=410)
    document = {"@context": contexts.SCOPED, **city_messages.note_document(db, federation.addresses, message)}
    pair = actors.stored_keys(db, actors.CITY)
    if pair is not None:
        created, method = message.edited_at or message.published_at, federation.addresses.city + PROOF_KEY
        document = proofs.sign(document, pair.ed25519, verification_method=method, created=created)
    return _said(request, document, _FOR_ONE)


def _may_have(db: peewee.Database, post: Post, asking: Peer | None, now: datetime) -> bool:
    """Whether a post of ours may be given to this peer (None: to anyone)."""
    root = post if post.root is None else posts.row(db, post_id=post.root)
    hidden = post.hidden_at is not None or root.hidden_at is not None
    if post.uri is not None or hidden or (root is not post and root.deleted_at is not None):
        return False
    if post.audience is Audience.PUBLIC:
        return True
    return asking is not None and asking.state is PeerState.AGREED and asking.id in _readers(db, post, root, now)


def _readers(db: peewee.Database, post: Post, root: Post, now: datetime) -> list[int]:
    """The peers that may have a scoped thread, or our answers in another's: those alone go to its home, or the hub."""
    if post.audience is Audience.CITY:
        return outbox.readers(db, post, now)
    if root.uri is None:
        return outbox.readers(db, root, now)
    home = neighbourhoods.get(db, root.neighbourhood).peer
    granted = home is not None and vocabulary.NEIGHBOURS in peers.grants(db, peer_id=home, ours=True, now=now)
    return [home] if home is not None and granted else []


def _proved(db: peewee.Database, federation: Federation, post: Post, document: dict[str, Any]) -> dict[str, Any]:
    """The document with its author's proof, where the author has a key; a GET makes nobody known."""
    pair = actors.stored_keys(db, actors.person(post.author))
    if pair is None:
        return document
    author = actors.uri_of(db, federation.addresses, actors.person(post.author))
    return proofs.sign(
        document, pair.ed25519, verification_method=author + PROOF_KEY, created=post.edited_at or post.published_at
    )


def _tombstone(uri: str, at: datetime) -> dict[str, Any]:
    return {
        "@context": contexts.TOMBSTONE,
        "id": uri,
        "type": "Tombstone",
        "formerType": "Note",
        "deleted": instant(at),
    }


def _activity(db: peewee.Database, request: web.Request, federation: Federation, asking: Peer | None) -> web.Response:
    key = request.match_info["key"]
    rows = list(ActivityTable.select(ActivityTable.body).where(ActivityTable.key == key).execute(db))
    if not rows or not _still_said(db, key, asking, federation.clock.now()):
        raise NotFound
    body = bytes(rows[0].body)
    if _is_public(body):
        return _bytes(request, body, _FOR_ALL)
    if asking is None or asking.state is not PeerState.AGREED or not _was_sent(db, asking.id, key):
        raise NotFound
    return _bytes(request, body, _FOR_ONE)


def _is_public(body: bytes) -> bool:
    addressed = strict_json.loads_object(body).get("to")
    return isinstance(addressed, list) and proofs.PUBLIC in addressed


# of what no post tells: whether it was not taken back, in this version
_STILL_SAID: dict[str, Callable[[peewee.Database, int, int], bool]] = {
    **dict.fromkeys(outbox_city.ANSWERED, city_answers.still_said),
    **dict.fromkeys(outbox_hub.SAID, hub.still_said),
}


def _still_said(db: peewee.Database, key: str, asking: Peer | None, now: datetime) -> bool:
    """Whether what an activity said may be given out now. The bytes are kept; the words may have been taken back."""
    rows = DeliveryTable.select(DeliveryTable.verb, DeliveryTable.object, DeliveryTable.version)
    for row in rows.where(DeliveryTable.activity == key).limit(1).execute(db):
        if row.verb in (*outbox.SAID, *outbox_followers.SAID):
            # who was to get these words reads them in their place in the stream, and then what they say now
            was_sent = asking is not None and asking.state is PeerState.AGREED and _was_sent(db, asking.id, key)
            return _is_read(db, row.object, asking, now) and (was_sent or _says_the_same(db, row.object, row.version))
        if row.verb in outbox_city.SAID:
            told = city_messages.told(db, row.object, None if asking is None else asking.id, now)
            return told is not None and told.deleted_at is None and told.version == row.version
        if row.verb in _STILL_SAID:
            return _STILL_SAID[row.verb](db, row.object, row.version)
        if row.verb == "message.create":  # erased some time after the end
            return help_requests.message_row(db, row.object).text != ""
        return True
    return False


def _says_the_same(db: peewee.Database, post_id: int, version: int) -> bool:
    """Whether a post says what it said in that version."""
    post = posts.row(db, post_id=post_id)
    return post.kind is Kind.HELP or posts.at_version(db, post_id=post_id, version=version).text == post.text


def _is_read(db: peewee.Database, post_id: int, asking: Peer | None, now: datetime) -> bool:
    """Whether a post is there, unhidden, for who asks."""
    post = posts.row(db, post_id=post_id)
    root = post if post.root is None else posts.row(db, post_id=post.root)
    if any(one.deleted_at is not None or one.hidden_at is not None for one in (post, root)):
        return False
    if root.audience is Audience.PUBLIC:
        return True
    return asking is not None and asking.id in _readers(db, post, root, now)


def _was_sent(db: peewee.Database, peer: int, key: str) -> bool:
    query = DeliveryTable.select().where(DeliveryTable.peer == peer, DeliveryTable.activity == key)
    return bool(query.exists(db))


# -- saying it -------------------------------------------------------------------------------------------------------


def _said(
    request: web.Request, document: dict[str, Any], headers: dict[str, str], *, status: int = 200
) -> web.Response:
    return _bytes(request, strict_json.dumps(document), headers, status=status)


def _bytes(request: web.Request, body: bytes, headers: dict[str, str], *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, headers={**headers, "Content-Type": _media_type(request)})


def _media_type(request: web.Request) -> str:
    """The form that was asked for by name; a browser gets JSON too, for here there are no pages."""
    accepted = ",".join(request.headers.getall("Accept", [])).lower()
    if "application/ld+json" in accepted and ACTIVITY_JSON not in accepted:
        return LD_JSON
    return ACTIVITY_JSON
