"""What goes through a hub: known by its addresses, and counted, so that nobody floods a city."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core.hubs.model import MOST_A_DAY, MOST_ASKED_A_DAY, HubPassed, Passage
from fedhood.core.hubs.service import of_peer
from fedhood.core.hubs.tables import HubDayTable, HubPassageTable
from fedhood.kernel.errors import Forbidden, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.kernel.database import UnitOfWork

_DAYS_KEPT = 2
_NOBODY = 0  # no place has this number


def pass_on(uow: UnitOfWork, *, uri: str, about: str, actor: str, peer: int, place: int, act: str) -> None:
    """At the city: something goes to all who take part. The same activity again changes nothing."""
    number = uow.new_id()
    row = {"id": number, "uri": uri, "about": about, "actor": actor, "peer": peer, "place": place, "act": act}
    added = HubPassageTable.insert(at=uow.now, **row).on_conflict_ignore().as_rowcount().execute(uow.db)
    if added:
        uow.record(HubPassed(object=number))


def count(uow: UnitOfWork, *, hub: int, place: int) -> None:
    """One more of a neighbourhood through this hub (0: ours) today. Raises Forbidden beyond what anybody takes."""
    if not _room(uow, hub=hub, place=place, most=MOST_A_DAY):
        raise Forbidden("this is more of one neighbourhood than anybody reads in a day", code="too-many")


def may_ask(uow: UnitOfWork, *, peer_id: int) -> bool:
    """Whether a city's hub may make us ask another server once more today who somebody is."""
    hub = of_peer(uow.db, peer_id)
    return hub is not None and _room(uow, hub=hub.id, place=_NOBODY, most=MOST_ASKED_A_DAY)


def _room(uow: UnitOfWork, *, hub: int, place: int, most: int) -> bool:
    """Count one more of a day, if there is room for it."""
    today = uow.now.date()
    this = {"hub": hub, "place": place, "day": today.isoformat()}
    HubDayTable.insert(count=0, **this).on_conflict_ignore().execute(uow.db)
    here = (HubDayTable.hub == hub, HubDayTable.place == place)
    room = HubDayTable.update(count=HubDayTable.count + 1).where(
        *here, HubDayTable.day == this["day"], HubDayTable.count < most
    )
    counted = bool(room.execute(uow.db))
    before = (today - timedelta(days=_DAYS_KEPT)).isoformat()
    HubDayTable.delete().where(*here, HubDayTable.day < before).execute(uow.db)
    return counted


def passage(db: peewee.Database, passage_id: int) -> Passage:
    """Something that went through. Raises NotFound."""
    for found in _find(db, HubPassageTable.id == passage_id):
        return found
    raise NotFound


def about(db: peewee.Database, uri: str) -> list[Passage]:
    """All that went through about one Note, the oldest first."""
    return _find(db, HubPassageTable.about == uri)


def passed_by(db: peewee.Database, actor: str) -> list[Passage]:
    """All that went through of one person, the oldest first."""
    return _find(db, HubPassageTable.actor == actor)


def _find(db: peewee.Database, *conditions: object) -> list[Passage]:
    rows = HubPassageTable.select().where(*conditions).order_by(HubPassageTable.id).execute(db)
    return [
        Passage(
            id=row.id,
            uri=row.uri,
            about=row.about,
            actor=row.actor,
            peer=row.peer,
            place=row.place,
            act=row.act,
            at=row.at,
        )
        for row in rows
    ]
