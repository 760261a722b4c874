"""What became of a letter where it arrived, for the eyes of the neighbour that sent it, and of nobody else.

    GET /ap/peerings/HOST/trace/KEY      signed by HOST's instance actor; KEY is the last part of the activity's id

    {"id": …, "activity": …, "time": …, "arrived": …, "way": "rfc9421", "fate": "parked", "reason": "missing",
     "attempts": 2, "settled": null, "again": …}

Only what HOST itself sent since we agreed with it is told of; the answer about anything else is that of what never was.
`fate`, `reason` and `way` are closed lists (`paths`). No word of what was said is in it.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from fedhood.adapters.activitypub import asking, echo, reasons
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http.paths import Arrived, Fate, Reason, Way
from fedhood.kernel import urls
from fedhood.kernel.clock import from_milliseconds, instant
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import NotFound, RemoteFailure

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.core.peers import Peer

# as our own are made: verb, number or host, digest, moment
_KEY = re.compile(r"[A-Za-z0-9._~:=-]{1,400}", re.ASCII)
_TRIED_AGAIN = frozenset({Fate.WAITING, Fate.PARKED})
_MOST_ATTEMPTS = 1_000_000
_ARRIVED = Compiled(
    lambda: InboundTable.select(
        InboundTable.peer,
        InboundTable.received_at,
        InboundTable.way,
        InboundTable.state,
        InboundTable.reason,
        InboundTable.attempts,
        InboundTable.next_at,
    ).where(InboundTable.uri == hole("uri"))
)
_Listed = TypeVar("_Listed", bound=StrEnum)


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [web.get("/ap/peerings/{host}/trace/{key}", trace)]


async def trace(request: web.Request) -> web.Response:
    """What became of one letter of the asking peer. Raises NotFound for all else, TooMany."""
    federation = request.app[FEDERATION]
    asker = await echo.own(request)
    key = request.match_info["key"]
    if _KEY.fullmatch(key) is None:
        raise NotFound
    uri = urls.Addresses(urls.origin(asker.peer.actor_uri or "")).activity(key)
    known = await federation.database.read(arrived, uri, asker.peer)
    if known is None:
        raise NotFound
    return echo.said(
        {
            "id": f"{federation.addresses.peering(asker.peer.host)}/trace/{key}",
            "activity": uri,
            "time": instant(federation.clock.now()),
            "arrived": instant(known.arrived_at),
            "way": known.way,
            "fate": known.fate.value,
            "reason": known.reason,
            "attempts": known.attempts,
            "settled": _instant(known.settled_at),
            "again": _instant(known.again_at),
        }
    )


def arrived(db: peewee.Database, uri: str, sender: Peer) -> Arrived | None:
    """What became here of an activity of this peer; None for one that it did not send since we agreed with it."""
    row = _ARRIVED.row(db, uri=uri)
    # before that the name may have been in other hands
    if row is None or row[0] != sender.id or sender.agreed_at is None or from_milliseconds(row[1]) < sender.agreed_at:
        return None
    return half(received_at=row[1], way=row[2], state=row[3], reason=row[4], attempts=row[5], next_at=row[6])


def half(*, received_at: int, way: str, state: str, reason: str | None, attempts: int, next_at: int) -> Arrived:
    """What a row says of an arrival; moments in milliseconds."""
    fate, moment = Fate(state), from_milliseconds(next_at)
    goes_on = fate in _TRIED_AGAIN
    return Arrived(
        arrived_at=from_milliseconds(received_at),
        way=Way(way) if way else None,
        fate=fate,
        reason=reasons.of(reason) if fate is not Fate.UNDERSTOOD else None,
        attempts=attempts,
        settled_at=None if goes_on else moment,
        again_at=moment if goes_on and attempts else None,
    )


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


# -- asking ------------------------------------------------------------------------------------------------------------


async def ask(federation: Federation, peer: Peer, key: str) -> Arrived | None:
    """What a peer says became of an activity of ours there; None when it tells nothing.

    It tells nothing of what it does not know or knows no more, and of nothing when its software is too old for it.
    Raises Invalid, RemoteFailure.
    """
    url = echo.address(federation, peer, f"trace/{key}")
    answer = await asking.signed(federation, url, accept=echo.JSON)
    if answer.status == 404:
        return None
    document = echo.found(answer)
    arrived_at = echo.moment(document, "arrived")
    attempts = document.get("attempts")
    if document.get("activity") != federation.addresses.activity(key) or arrived_at is None:
        raise RemoteFailure("it is not what was asked for", code="bad-answer")
    if not isinstance(attempts, int) or not 0 <= attempts < _MOST_ATTEMPTS:
        raise RemoteFailure("it is not what was asked for", code="bad-answer")
    fate = _one_of(Fate, document, "fate")
    if fate is None:
        raise RemoteFailure("it says a fate that there is none of", code="bad-answer")
    return Arrived(
        arrived_at=arrived_at,
        way=_one_of(Way, document, "way"),
        fate=fate,
        reason=(_one_of(Reason, document, "reason") or Reason.OTHER) if document.get("reason") else None,
        attempts=attempts,
        settled_at=echo.moment(document, "settled"),
        again_at=echo.moment(document, "again"),
    )


def _one_of(listed: type[_Listed], document: dict[str, Any], name: str) -> _Listed | None:
    """A word of a closed list, None for any other."""
    return next((one for one in listed if one.value == document.get(name)), None)
