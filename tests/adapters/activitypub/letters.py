"""What tests of letters do: publish, send everything, look at what arrived."""

import json
from typing import Any

import peewee

from fedhood.adapters.activitypub import deliver, outbox
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.kernel.engine import UnitOfWork
from tests.adapters.activitypub.next_door import (
    World,
    add_post,
)
from tests.adapters.http.remote import ok

ACCEPTED = ok(status="202 Accepted")


async def send_all(federation: Federation) -> None:
    while await deliver.pump(federation, federation.clock.now()):
        pass


def publish(uow: UnitOfWork, world: World, post_id: int, **also: Any) -> int:
    add_post(uow, post_id, world.alice, world.elm, (world.elm, world.oak), **also)
    outbox.post_published(uow, post_id=post_id, version=1)
    return post_id


def body_of(request: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return document


def rows(db: peewee.Database) -> list[tuple[int, str, int, int | None]]:
    query = DeliveryTable.select().order_by(DeliveryTable.peer, DeliveryTable.number)
    return [(one.number, one.state, one.attempts, one.last_status) for one in query.execute(db)]


def host(db: peewee.Database) -> HostTable:
    (found,) = HostTable.select().execute(db)
    return found
