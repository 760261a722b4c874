"""The room where a neighbour reads again what we sent it, or could not send: its own stream, and nobody else's.

    GET /ap/peerings/HOST/stream/after/NUMBER      signed by HOST's instance actor; 404 to everybody else

A page names activities, the oldest first; each is fetched by its address, signed, in the bytes that were sent. The
header `Fedhood-Stream` says how far the page goes, and in which epoch. What may not be read any more is left out. Who
asks with the same header for what comes after a number of this epoch has all before it: that is not sent again.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import contexts, documents, hearing, hosts, making, streams
from fedhood.adapters.activitypub.hearing import Place
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core.peers import Peer, PeerState
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Gone, Invalid, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.kernel.engine import UnitOfWork

KEPT_FOR = timedelta(days=90)
ON_A_PAGE = 100

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_FINAL = ("refused", "dropped", "forgotten")
_AFTER = Compiled(
    lambda: (
        DeliveryTable.select(
            DeliveryTable.peer,
            DeliveryTable.epoch,
            DeliveryTable.number,
            DeliveryTable.verb,
            DeliveryTable.object,
            DeliveryTable.version,
            DeliveryTable.attempts,
            DeliveryTable.activity,
            DeliveryTable.state,
            DeliveryTable.at,
        )
        .where(
            DeliveryTable.peer == hole("peer"),
            DeliveryTable.epoch == hole("epoch"),
            DeliveryTable.number > hole("number"),
        )
        .order_by(DeliveryTable.number)
        .limit(hole("limit"))
    )
)


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [
        web.get("/ap/peerings/{host}/stream", stream),
        web.get("/ap/peerings/{host}/stream/after/{number}", page),
    ]


async def stream(request: web.Request) -> web.Response:
    """The stream as a collection, which has its pages alone. To its neighbour only."""
    return await documents.for_peer(request, _stream)


async def page(request: web.Request) -> web.Response:
    """What comes after a number of the stream. To its neighbour only."""
    return await documents.for_peer(request, _page)


async def _stream(federation: Federation, request: web.Request, asking: Peer) -> web.Response:
    own = _own(federation, request, asking)
    document = {"@context": contexts.ACTIVITYSTREAMS, "id": own, "type": "OrderedCollection", "first": f"{own}/after/0"}
    return documents.for_one(request, document)


async def _page(federation: Federation, request: web.Request, asking: Peer) -> web.Response:
    own = _own(federation, request, asking)
    text = request.match_info["number"]
    if _NUMBER.fullmatch(text) is None or int(text) > hearing.LARGEST:
        raise NotFound
    after, epoch = int(text), asking.stream_epoch
    said = hearing.place_of(request.headers.get(hearing.HEADER))
    has_all_before = said is not None and said.epoch == epoch and after < asking.stream_next
    await federation.database.write(_heard, peer=asking.id, epoch=epoch, upto=after if has_all_before else 0)
    # while somebody here lets nothing go there, the stream ends where it was heard; it goes on with the next letter
    is_paused = await federation.database.read(hosts.is_paused, asking.id)
    rows = [] if is_paused else await federation.database.read(_rows, asking.id, epoch, after)
    items = [uri for row in rows if (uri := await _address(federation, row)) is not None]
    is_last = len(rows) < ON_A_PAGE
    # up to the last that was ever given: what is left out at the end is not missing
    upto = rows[-1][2] if not is_last else after if is_paused else max(after, asking.stream_next - 1)
    document: dict[str, Any] = {
        "@context": contexts.ACTIVITYSTREAMS,
        "id": f"{own}/after/{after}",
        "type": "OrderedCollectionPage",
        "partOf": own,
        "orderedItems": items,
    }
    if not is_last:
        document["next"] = f"{own}/after/{upto}"
    response = documents.for_one(request, document)
    response.headers[hearing.HEADER] = hearing.header_of(Place(epoch=epoch, number=upto))
    return response


def _own(federation: Federation, request: web.Request, asking: Peer) -> str:
    """The address of who asks's own stream. Raises NotFound for any other's."""
    if asking.state is not PeerState.AGREED or request.match_info["host"] != asking.host:
        raise NotFound
    return f"{federation.addresses.peering(asking.host)}/stream"


def _heard(uow: UnitOfWork, *, peer: int, epoch: int, upto: int) -> None:
    streams.taken_over(uow, peer=peer, epoch=epoch, upto=upto)
    hosts.heard_from(uow, peer_id=peer)
    uow.wake_worker()


def _rows(db: peewee.Database, peer: int, epoch: int, after: int) -> list[tuple[Any, ...]]:
    return _AFTER.rows(db, peer=peer, epoch=epoch, number=after, limit=ON_A_PAGE)


async def _address(federation: Federation, row: tuple[Any, ...]) -> str | None:
    """Where the bytes of a letter are, made if need be; None for one that the peer is not to have (any more)."""
    delivery, state, at = Delivery(*row[:8]), row[8], row[9]
    now = federation.clock.now()
    if state in _FINAL or at < milliseconds(now - KEPT_FOR):
        return None
    try:
        if not await federation.database.read(streams.may_go, delivery, now):
            return None
        made = await making.made(federation, delivery)
    except (NotFound, Gone, Invalid):
        return None
    return federation.addresses.activity(made.key)
