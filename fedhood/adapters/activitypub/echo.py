"""How a neighbour is seen from here, for its own eyes: the time, and what arrived of its request.

    GET /ap/peerings/HOST/echo      signed by HOST's instance actor; to everybody else there is no such address

    {"id": …, "time": "2026-11-24T12:00:00Z",
     "request": {"method": "GET", "target": "/ap/…", "scheme": "rfc9421", "keyId": …, "date": …}}

It says nothing that the asker did not say itself, but for the time. The asking side is `probing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import asking, documents
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.keys import LIMITER
from fedhood.adapters.http.limits import Bucket
from fedhood.core.peers import PeerState
from fedhood.kernel import urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid, NotFound, RemoteFailure

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.documents import Asker
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.client import Answer
    from fedhood.core.peers import Peer

JSON = "application/json"

_LONGEST = 2048
_FOR_ONE = {"Cache-Control": "private, no-store", "Content-Type": JSON}


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [web.get("/ap/peerings/{host}/echo", echo)]


async def echo(request: web.Request) -> web.Response:
    """How the asking peer is seen. Raises NotFound for all others, as for what never was; TooMany."""
    federation = request.app[FEDERATION]
    asker = await own(request)
    own_address = f"{federation.addresses.peering(asker.peer.host)}/echo"
    return said(
        {
            "id": own_address,
            "time": instant(federation.clock.now()),
            "request": {
                "method": request.method,
                "target": request.raw_path,
                "scheme": asker.claim.scheme.value,
                "keyId": asker.claim.key_id,
                "date": request.headers.get("Date", ""),
            },
        }
    )


# -- what every address about a neighbour's own letters has in common --------------------------------------------------


async def own(request: web.Request) -> Asker:
    """The neighbour that asks for what is its own. Raises NotFound for everybody else, TooMany for who asks too often.

    The refusal is the one of any address that never was, to the letter.
    """
    federation = request.app[FEDERATION]
    asker = await federation.database.read(documents.asker, request, federation)
    if asker is None or asker.peer.state is not PeerState.AGREED or request.match_info["host"] != asker.peer.host:
        raise NotFound
    request.app[LIMITER].check(Bucket.PEER_ASKS, asker.peer.host)
    return asker


def said(document: dict[str, Any]) -> web.Response:
    """A document that is no ActivityPub object, and is kept by nobody on its way."""
    return web.Response(body=strict_json.dumps(document), headers=_FOR_ONE)


# -- asking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """How a neighbour sees us: its time, and by which scheme and key it knew our request."""

    time: datetime
    scheme: str
    key_id: str


def address(federation: Federation, peer: Peer, what: str) -> str:
    """An address of a peer about our own letters to it. Raises Invalid while its addresses are not known."""
    home = urls.origin(peer.actor_uri or "")
    if not home:
        raise Invalid("its addresses are not known yet", code="not-found-yet")
    return f"{urls.Addresses(home).peering(federation.addresses.host)}/{what}"


async def ask(federation: Federation, peer: Peer) -> Answer:
    """What a peer answers to us at its echo, whatever that is. Raises Invalid, RemoteFailure."""
    return await asking.signed(federation, address(federation, peer, "echo"), accept=JSON)


def read(answer: Answer) -> Echo:
    """The answer of an echo as a value. Raises RemoteFailure for what is none."""
    document = found(answer)
    request = document.get("request")
    time = moment(document, "time")
    if not isinstance(request, dict) or time is None:
        raise RemoteFailure("this is no echo", code="bad-answer")
    return Echo(time=time, scheme=text(request, "scheme"), key_id=text(request, "keyId"))


def found(answer: Answer) -> dict[str, Any]:
    """The document in an answer about our own letters. Raises RemoteFailure for what is none."""
    if answer.status != 200 or len(answer.body) > _LONGEST:
        raise RemoteFailure("it is not what was asked for", code="bad-answer", status=answer.status)
    try:
        document = strict_json.loads_object(answer.body)
    except Invalid as broken:
        raise RemoteFailure("it is not what was asked for", code="bad-answer") from broken
    if document.get("id") != answer.url:
        raise RemoteFailure("it has another id than its address", code="bad-answer")
    return document


def text(document: dict[str, Any], name: str) -> str:
    """A member that is a text, empty for none. What may be shown of it is the caller's to know."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def moment(document: dict[str, Any], name: str) -> datetime | None:
    """A member that is a moment, None for none. Raises RemoteFailure for what is something else."""
    if document.get(name) is None:
        return None
    try:
        return datetime.strptime(text(document, name), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as broken:
        raise RemoteFailure("it says a time that is none", code="bad-answer") from broken
