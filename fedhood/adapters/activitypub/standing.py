"""How it stands with each server that we send to, for who hosts this one. It is read beside the running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import peewee

from fedhood.adapters.activitypub.outbox import WAITING
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable, InboundTable
from fedhood.core import peers
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """A server that did not take what was sent last.

    `reason` is a code of `Client` (`no-such-name`, `certificate-lapsed` …), or `answered STATUS: WORD` in the other
    side's own word. `waiting` counts what it is still to get.
    """

    host: str
    since: datetime
    reason: str
    waiting: int


def unreached(db: peewee.Database) -> list[Unreached]:
    """The servers that something waits for and that could not be reached the last time, longest first."""
    waiting = (
        DeliveryTable.select(DeliveryTable.peer, peewee.fn.COUNT(DeliveryTable.number))
        .where(DeliveryTable.state == WAITING)
        .group_by(DeliveryTable.peer)
    )
    counts: dict[int, int] = dict(waiting.tuples().execute(db))
    in_trouble = HostTable.select().where(HostTable.failures > 0).order_by(HostTable.trouble_since)
    # where visitors come from nobody has to be called
    next_door = {peer.id: peer.host for peer in peers.all_peers(db)}
    return [
        Unreached(
            host=next_door[row.peer],
            since=row.trouble_since,
            reason=row.last_error or "",
            waiting=counts[row.peer],
        )
        for row in in_trouble.execute(db)
        if row.peer in counts and row.peer in next_door
    ]


def of_tomorrow(db: peewee.Database, since: datetime) -> dict[str, int]:
    """How much came, by the host that sent it, that was signed later than our clock says it is: one of two is wrong."""
    too_new = (
        InboundTable.select(InboundTable.peer, peewee.fn.COUNT(InboundTable.id))
        .where(InboundTable.received_at >= since, InboundTable.reason.startswith("proof-future"))
        .group_by(InboundTable.peer)
    )
    return {_host(db, peer): count for peer, count in too_new.tuples().execute(db)}


def _host(db: peewee.Database, peer: int) -> str:
    try:
        return peers.get(db, peer).host
    except NotFound:
        return "a server that is not known"
