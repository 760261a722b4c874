"""What follows beyond this server from what has to do with a city's hub: the part of `outbox` that is the hub's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting
from fedhood.adapters.activitypub.outbox import DROPPED, deliver
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import hubs, neighbourhoods

if TYPE_CHECKING:
    import peewee

    from fedhood.core.hubs import Passage
    from fedhood.kernel.database import UnitOfWork

FOLLOW, UNDO, ACCEPT = "hub.follow", "hub.undo", "hub.accept"
CREATE, UPDATE, DELETE = "hub.create", "hub.update", "hub.delete"
SAID = (CREATE, UPDATE)
_VERBS = {"Create": CREATE, "Update": UPDATE, "Delete": DELETE}


def asked(uow: UnitOfWork, *, member_id: int, version: int) -> None:
    """A neighbourhood of ours asks a hub to take part."""
    _to_the_city(uow, FOLLOW, member_id, version)


def left(uow: UnitOfWork, *, member_id: int, version: int) -> None:
    """A neighbourhood of ours takes part no more."""
    _to_the_city(uow, UNDO, member_id, version)


def _to_the_city(uow: UnitOfWork, verb: str, member_id: int, version: int) -> None:
    peer = neighbourhoods.get(uow.db, hubs.member(uow.db, member_id).hub).peer
    if peer is not None:
        deliver(uow, peer, verb, member_id, version)


def member_joined(uow: UnitOfWork, *, member_id: int, version: int) -> None:
    """At the city: a neighbourhood hears that it takes part."""
    peer = neighbourhoods.get(uow.db, hubs.member(uow.db, member_id).place).peer
    if peer is not None:
        deliver(uow, peer, ACCEPT, member_id, version)


def passed(uow: UnitOfWork, *, passage_id: int) -> None:
    """At the city: all who take part get it, but for the server that it came from; a removal, all who got the thing."""
    one = hubs.passage(uow.db, passage_id)
    to = told(uow.db, one) if one.act == "Delete" else hubs.members_at(uow.db, now=uow.now)
    for peer in to:
        if peer != one.peer:
            deliver(uow, peer, _VERBS[one.act], one.id)
    if one.act == "Delete":
        said = _said(uow.db, one)
        forgetting.said_about(uow, [known.id for known in said], SAID)
        forgetting.heard_about(uow, {known.about for known in said} | {one.about})


def _said(db: peewee.Database, removal: Passage) -> list[Passage]:
    """What went through of what is removed: of a thing, or of somebody who left, all of theirs."""
    left = removal.about == removal.actor
    known = hubs.passed_by(db, removal.actor) if left else hubs.about(db, removal.about)
    return [one for one in known if one.act != "Delete"]


def told(db: peewee.Database, removal: Passage) -> list[int]:
    """The peers that got a thing, or still may: the ledger, whoever takes part now."""
    said = [known.id for known in _said(db, removal)]
    rows = DeliveryTable.select(DeliveryTable.peer).where(
        DeliveryTable.object.in_(said), DeliveryTable.verb.in_(SAID), DeliveryTable.state != DROPPED
    )
    return sorted({row.peer for row in rows.execute(db)})
