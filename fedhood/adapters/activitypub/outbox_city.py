"""What follows beyond this server from what the city says: the part of `outbox` that is the city's.

One delivery for each server that hosts a neighbourhood that was chosen, however many of its own are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.outbox import DROPPED, deliver
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import city_messages, peers

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.city_messages import CityMessage
    from fedhood.kernel.database import UnitOfWork

CREATE, UPDATE, DELETE = "city.create", "city.update", "city.delete"
SAID = (CREATE, UPDATE)


def readers(db: peewee.Database, message: CityMessage, now: datetime) -> list[int]:
    """The peers that host a place of a message of ours and are granted the city's words at this moment, by id."""
    return peers.granted(db, city_messages.hosts_of(db, message), scope=vocabulary.CITY, now=now)


def said(uow: UnitOfWork, *, message_id: int) -> None:
    """A clerk wrote: the servers of the chosen neighbourhoods get it."""
    for peer in readers(uow.db, city_messages.row(uow.db, message_id), uow.now):
        deliver(uow, peer, CREATE, message_id, 1)


def said_better(uow: UnitOfWork, *, message_id: int, version: int) -> None:
    """A message says something else: the same servers get it."""
    for peer in readers(uow.db, city_messages.row(uow.db, message_id), uow.now):
        deliver(uow, peer, UPDATE, message_id, version)


def took_back(uow: UnitOfWork, *, message_id: int) -> None:
    """A message was taken back: everyone who got it is told, whatever the agreement is now."""
    for peer in _told(uow.db, message_id, SAID):
        deliver(uow, peer, DELETE, message_id)
    forgetting.said_about(uow, [message_id], SAID)


def _told(db: peewee.Database, about: int, verbs: tuple[str, ...]) -> list[int]:
    """The peers that were told of something, or still may be: the ledger, whatever the grants are now."""
    rows = DeliveryTable.select(DeliveryTable.peer).where(
        DeliveryTable.object == about, DeliveryTable.verb.in_(verbs), DeliveryTable.state != DROPPED
    )
    return sorted({row.peer for row in rows.execute(db)})
