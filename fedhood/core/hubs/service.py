"""Taking part in a city's hub, and leaving it: on the neighbourhood's side and on the city's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Permission
from fedhood.core.hubs.model import (
    OURS,
    Hub,
    HubAsked,
    HubJoined,
    HubLeft,
    HubMemberJoined,
    Member,
    Standing,
)
from fedhood.core.hubs.tables import HubMemberTable
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.peers import Peer
    from fedhood.kernel.database import UnitOfWork

SCOPE = "city"
# asked with every page that has a box to write in
_JOINED = Compiled(
    lambda: (
        HubMemberTable.select(HubMemberTable.hub)
        .where(
            HubMemberTable.place == hole("place"),
            HubMemberTable.hub != OURS,
            HubMemberTable.standing == Standing.JOINED.value,
        )
        .order_by(HubMemberTable.id)
    )
)


# -- in a neighbourhood ------------------------------------------------------------------------------------------------


def ask(uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: int) -> None:
    """Who keeps a neighbourhood of ours asks a city to pass on what is said to all of it. Again is the same.

    `by` None is whoever keeps the machine. Raises Unauthenticated, Forbidden, NotFound.
    """
    _keeper(by, place)
    peer = peers.get(uow.db, peer_id)
    if not _is_our_city(uow.db, peer, uow.now) or neighbourhoods.get(uow.db, place).peer is not None:
        raise Forbidden("this is not our city today", code="not-the-city")
    hub = neighbourhoods.remember(uow, peer=peer.id, uri=_uri(peer), key=urls.HUB_KEY, name=_city_name(peer))
    known = _one(uow.db, hub, place)
    if known is not None and known.standing is not Standing.LEFT:
        return
    asked = _stand(uow, known, hub=hub, place=place, standing=Standing.ASKED)
    uow.record(HubAsked(neighbourhood=place, object=asked.id, version=asked.version))


def leave(uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: int) -> None:
    """Who keeps a neighbourhood of ours takes it out of a city's hub. Again is the same.

    Raises Unauthenticated, Forbidden, NotFound.
    """
    _keeper(by, place)
    hub = of_peer(uow.db, peer_id)
    known = None if hub is None else _one(uow.db, hub.id, place)
    if known is not None and known.standing is not Standing.LEFT:
        _leave(uow, known, tell=True)


def _keeper(by: Viewer | None, place: int) -> None:
    if by is not None:
        access.require(by, Permission.PEER, place)


def _leave(uow: UnitOfWork, known: Member, *, tell: bool) -> None:
    left = _stand(uow, known, hub=known.hub, place=known.place, standing=Standing.LEFT)
    uow.record(HubLeft(neighbourhood=left.place, object=left.id, hub=left.hub, version=left.version, tell=tell))


def accepted(uow: UnitOfWork, *, member_id: int) -> None:
    """A hub said yes to one of ours. Again, or after we left, is nothing."""
    known = member(uow.db, member_id)
    asked = (HubMemberTable.id == member_id, HubMemberTable.standing == Standing.ASKED.value)
    if HubMemberTable.update(standing=Standing.JOINED.value, since=uow.now).where(*asked).execute(uow.db):
        uow.record(HubJoined(neighbourhood=known.place, object=known.id, hub=known.hub))


def of_peer(db: peewee.Database, peer_id: int) -> Hub | None:
    """The hub of a city, where one of ours has ever asked it."""
    peer = peers.get(db, peer_id)
    found = neighbourhoods.by_uri(db, _uri(peer)) if peer.actor_uri is not None else None
    if found is None or found.peer != peer_id:
        return None
    return Hub(id=found.id, peer=peer_id, uri=found.uri or "", name=found.name)


def standing(db: peewee.Database, *, peer_id: int, place: int) -> Standing | None:
    """How far one of ours came with the hub of a city; None when it never asked."""
    hub = of_peer(db, peer_id)
    known = None if hub is None else _one(db, hub.id, place)
    return None if known is None else known.standing


def joined_by(db: peewee.Database, place: int, *, now: datetime) -> list[Hub]:
    """The hubs that a neighbourhood of ours can say something to today."""
    found = [hub for (number,) in _JOINED.rows(db, place=place) if (hub := _hub(db, number)) is not None]
    return [hub for hub in found if _is_our_city(db, peers.get(db, hub.peer), now)]


def asked_at(db: peewee.Database, hub: int) -> list[Member]:
    """Those of ours that asked a hub and have no answer yet."""
    return [one for one in _members(db, HubMemberTable.hub == hub) if one.standing is Standing.ASKED]


def takes_part(db: peewee.Database, *, hub: Hub, place: int, now: datetime) -> bool:
    """Whether a neighbourhood of ours can say something to this hub today."""
    return any(one.id == hub.id for one in joined_by(db, place, now=now))


def taking_part(db: peewee.Database, hub: int) -> list[int]:
    """The neighbourhoods of ours that read what comes through a hub."""
    return [one.place for one in _members(db, HubMemberTable.hub == hub) if one.standing is Standing.JOINED]


def in_places(db: peewee.Database, places: Iterable[int]) -> Hub | None:
    """The hub among the places of a post."""
    for place in sorted(places):
        hub = _hub(db, place)
        if hub is not None:
            return hub
    return None


# -- at the city -------------------------------------------------------------------------------------------------------


def member_asks(uow: UnitOfWork, *, place: int, uri: str) -> None:
    """At the city: a neighbourhood of a peer asks to take part (`uri`: its asking), and does from now on.

    Asked again, it hears the same yes again.
    """
    known = _one(uow.db, OURS, place)
    joined = _stand(uow, known, hub=OURS, place=place, standing=Standing.JOINED, uri=uri)
    uow.record(HubMemberJoined(object=joined.id, version=joined.version))


def left_by(uow: UnitOfWork, *, place: int) -> None:
    """At the city: a neighbourhood of a peer takes part no more. Again is the same."""
    known = _one(uow.db, OURS, place)
    if known is not None and known.standing is Standing.JOINED:
        _stand(uow, known, hub=OURS, place=place, standing=Standing.LEFT)


def is_member(db: peewee.Database, place: int) -> bool:
    """At the city: whether a neighbourhood takes part now."""
    known = _one(db, OURS, place)
    return known is not None and known.standing is Standing.JOINED


def members_at(db: peewee.Database, *, now: datetime) -> list[int]:
    """At the city: the peers that host somebody who takes part and are granted it at this moment, by id."""
    places = [one.place for one in _members(db, HubMemberTable.hub == OURS) if one.standing is Standing.JOINED]
    return sorted(peers.granted(db, peers.hosting(db, places), scope=SCOPE, now=now))


# -- on both sides -----------------------------------------------------------------------------------------------------


def peer_ended(uow: UnitOfWork, *, peer_id: int) -> None:
    """What was agreed with a server has ended: so has taking part, ours there or theirs here."""
    hub = of_peer(uow.db, peer_id)
    if hub is not None:
        for one in _members(uow.db, HubMemberTable.hub == hub.id):
            if one.standing is not Standing.LEFT:
                _leave(uow, one, tell=False)
    for place in neighbourhoods.of_peer(uow.db, peer_id):
        left_by(uow, place=place.id)


def member(db: peewee.Database, member_id: int) -> Member:
    """A membership, whatever became of it. Raises NotFound."""
    for found in _members(db, HubMemberTable.id == member_id):
        return found
    raise NotFound


def _is_our_city(db: peewee.Database, peer: Peer, now: datetime) -> bool:
    """Whether this is our city, and each grants the other its words."""
    if peer.trust is not Trust.CITY or peer.state is not PeerState.AGREED:
        return False
    return all(SCOPE in peers.grants(db, peer_id=peer.id, ours=ours, now=now) for ours in (True, False))


def _uri(peer: Peer) -> str:
    return (peer.actor_uri or "").removesuffix("/ap/instance") + urls.HUB


def _city_name(peer: Peer) -> str:
    return peer.name.removesuffix(" (server)") or peer.host


def _hub(db: peewee.Database, place: int) -> Hub | None:
    found = neighbourhoods.many(db, [place]).get(place)
    if found is None or found.peer is None or found.uri is None or not found.uri.endswith(urls.HUB):
        return None
    return Hub(id=found.id, peer=found.peer, uri=found.uri, name=found.name)


def _one(db: peewee.Database, hub: int, place: int) -> Member | None:
    return next(iter(_members(db, HubMemberTable.hub == hub, HubMemberTable.place == place)), None)


def _members(db: peewee.Database, *conditions: object) -> list[Member]:
    rows = HubMemberTable.select().where(*conditions).order_by(HubMemberTable.id).execute(db)
    return [
        Member(
            id=row.id,
            hub=row.hub,
            place=row.place,
            standing=Standing(row.standing),
            version=row.version,
            uri=row.uri,
        )
        for row in rows
    ]


def _stand(
    uow: UnitOfWork, known: Member | None, *, hub: int, place: int, standing: Standing, uri: str | None = None
) -> Member:
    values = {"standing": standing.value, "since": uow.now, "uri": uri}
    if known is None:
        made = HubMemberTable.insert(hub=hub, place=place, **values).execute(uow.db)
        return member(uow.db, made)
    change = HubMemberTable.update(version=HubMemberTable.version + 1, **values)
    change.where(HubMemberTable.id == known.id).execute(uow.db)
    return member(uow.db, known.id)
