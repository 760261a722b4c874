"""A city's list of neighbourhoods, followed here: what it says is proposed, and nothing follows by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.core.peers.model import (
    Change,
    FollowedList,
    ListChanged,
    Listed,
    PeerState,
    Proposal,
    Trust,
)
from fedhood.core.peers.parting import end
from fedhood.core.peers.service import keeper, propose
from fedhood.core.peers.store import all_peers, get
from fedhood.core.peers.tables import FollowedListTable, ListedTable, PeerTable
from fedhood.kernel import jobs
from fedhood.kernel.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fedhood.core.access import Viewer
    from fedhood.core.peers.model import Peer
    from fedhood.kernel.database import UnitOfWork

READ_EVERY = timedelta(hours=24)
READ_AGAIN = timedelta(minutes=1)
# a clock that goes before ours may not lock later lists out
AHEAD = timedelta(hours=24)


# -- following ---------------------------------------------------------------------------------------------------------


def follow_list(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator wants to know what the list of their city says. Again changes nothing.

    Raises Unauthenticated, Forbidden, NotFound, Conflict when this is not a city that we agreed with.
    """
    keeper(uow, by)
    peer = get(uow.db, peer_id)
    if peer.state is not PeerState.AGREED or peer.trust is not Trust.CITY:
        raise Conflict("this is not your city", code="not-agreed")
    FollowedListTable.insert(
        peer=peer_id, followed_at=uow.now, followed_by=None if by is None else by.account
    ).on_conflict_ignore().execute(uow.db)
    _read_soon(uow, peer_id)


def leave_list(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator does not want to know any more; what it said is forgotten. Raises Unauthenticated, Forbidden."""
    keeper(uow, by)
    forget_list(uow, peer_id)


def forget_list(uow: UnitOfWork, peer_id: int) -> None:
    """The list of a city is not followed any more."""
    FollowedListTable.delete().where(FollowedListTable.peer == peer_id).execute(uow.db)
    ListedTable.delete().where(ListedTable.peer == peer_id).execute(uow.db)


def read_list(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator wants the list read now; once a minute at most. Raises Unauthenticated, Forbidden, NotFound."""
    keeper(uow, by)
    if followed_list(uow.db, peer_id) is None:
        raise NotFound
    _read_soon(uow, peer_id)


def read_lists_due(uow: UnitOfWork) -> int:
    """Once a day, have each followed list read. Returns how many."""
    due = FollowedListTable.select(FollowedListTable.peer).where(
        FollowedListTable.asked_at.is_null() | (FollowedListTable.asked_at <= uow.now - READ_EVERY)
    )
    peers = [row.peer for row in due.order_by(FollowedListTable.peer).execute(uow.db)]
    for peer_id in peers:
        _read_soon(uow, peer_id)
    return len(peers)


def _read_soon(uow: UnitOfWork, peer_id: int) -> None:
    asked = FollowedListTable.update(asked_at=uow.now).where(
        FollowedListTable.peer == peer_id,
        FollowedListTable.asked_at.is_null() | (FollowedListTable.asked_at <= uow.now - READ_AGAIN),
    )
    if asked.execute(uow.db):
        jobs.add(uow, "peer.list", ordering_key=f"list.{peer_id}", peer=peer_id)


def followed_lists(db: peewee.Database) -> list[FollowedList]:
    """The lists that are followed here; a neighbourhood has one city as a rule."""
    rows = FollowedListTable.select().order_by(FollowedListTable.peer).execute(db)
    return [
        FollowedList(
            peer=row.peer,
            followed_at=row.followed_at,
            fetched_at=row.fetched_at,
            updated_at=row.updated_at,
            trouble=row.trouble,
        )
        for row in rows
    ]


def followed_list(db: peewee.Database, peer_id: int) -> FollowedList | None:
    """The list of this city, if it is followed."""
    return next((one for one in followed_lists(db) if one.peer == peer_id), None)


# -- what it says ------------------------------------------------------------------------------------------------------


def list_missed(uow: UnitOfWork, *, peer_id: int, reason: str) -> None:
    """The list could not be read, or is not believed, for this reason. What it said before stays."""
    FollowedListTable.update(trouble=reason[:200]).where(FollowedListTable.peer == peer_id).execute(uow.db)


def list_arrived(
    uow: UnitOfWork, *, peer_id: int, our_host: str, entries: Iterable[Listed], updated_at: datetime, digest: str
) -> None:
    """Keep what the list of a city says now, proved by its key. A list that is not followed (any more) is ignored.

    Raises Invalid for one that is older than what we read (`list-older`), is of the same moment and says something else
    (`list-other`), or comes from the future (`list-future`).
    """
    rows = list(FollowedListTable.select().where(FollowedListTable.peer == peer_id).execute(uow.db))
    if not rows:
        return
    known = rows[0]
    if known.updated_at is not None and updated_at < known.updated_at:
        raise Invalid("the list is older than the one that was read", code="list-older")
    if updated_at > uow.now + AHEAD:
        raise Invalid("the list comes from the future", code="list-future")
    if known.updated_at == updated_at and known.digest != digest:
        raise Invalid("two lists of one moment differ", code="list-other")
    FollowedListTable.update(fetched_at=uow.now, updated_at=updated_at, digest=digest, trouble=None).where(
        FollowedListTable.peer == peer_id
    ).execute(uow.db)
    if known.digest == digest:
        return
    before = set(proposals(uow.db))
    _keep(uow, peer_id, {entry.host: entry for entry in entries if entry.host != our_host})
    if set(proposals(uow.db)) - before:
        uow.record(ListChanged(object=peer_id))


def _keep(uow: UnitOfWork, peer_id: int, entries: dict[str, Listed]) -> None:
    """Write down who is on the list. Who has left it is remembered as long as we know them, others are forgotten."""
    known = {row.host: row for row in ListedTable.select().where(ListedTable.peer == peer_id).execute(uow.db)}
    for host, entry in entries.items():
        values: dict[str, Any] = {
            "name": entry.name[:120],
            "fingerprint": entry.fingerprint,
            "groups": list(entry.groups),
        }
        if host not in known:
            ListedTable.insert(peer=peer_id, host=host, listed_at=uow.now, **values).execute(uow.db)
        elif known[host].left_at is not None or any(
            getattr(known[host], name) != said for name, said in values.items()
        ):
            ListedTable.update(left_at=None, **values).where(ListedTable.id == known[host].id).execute(uow.db)
    gone = [row.id for host, row in known.items() if host not in entries and row.left_at is None]
    for start in range(0, len(gone), 500):
        ListedTable.update(left_at=uow.now).where(ListedTable.id.in_(gone[start : start + 500])).execute(uow.db)
    neighbours = PeerTable.select(PeerTable.host).where(PeerTable.state == PeerState.AGREED.value)
    ListedTable.delete().where(
        ListedTable.peer == peer_id, ListedTable.left_at.is_null(is_null=False), ListedTable.host.not_in(neighbours)
    ).execute(uow.db)


# -- what is proposed --------------------------------------------------------------------------------------------------


def proposals(db: peewee.Database) -> list[Proposal]:
    """What followed lists say that nobody here has answered: other letters first, then who left, then who joined."""
    known = {peer.host: peer for peer in all_peers(db)}
    found = [
        (one, row.answered)
        for row in ListedTable.select().order_by(ListedTable.name, ListedTable.id).execute(db)
        if (one := _proposal(row, known.get(row.host))) is not None
    ]
    order = [Change.LETTERS, Change.LEFT, Change.JOINED]
    return sorted((one for one, said in found if said != _said(one)), key=lambda one: order.index(one.change))


def _proposal(row: ListedTable, known: Peer | None) -> Proposal | None:
    """What one line of a list says beyond what we know; None for nothing."""
    change: Change | None = None
    if known is None:
        change = Change.JOINED if row.left_at is None else None
    elif known.trust is not Trust.BLOCKED and row.left_at is not None:
        change = Change.LEFT if known.state is PeerState.AGREED else None
    elif known.trust is not Trust.BLOCKED and known.fingerprint not in {None, row.fingerprint}:
        change = Change.LETTERS
    if change is None:
        return None
    return Proposal(
        city=row.peer,
        change=change,
        host=row.host,
        name=row.name,
        fingerprint=row.fingerprint,
        known=None if known is None else known.id,
    )


def _said(one: Proposal) -> str:
    """What an answer is remembered by: other letters, or leaving once more, are something else to answer."""
    return f"{one.change.value} {one.fingerprint}"


def letters_listed(db: peewee.Database, host: str) -> list[tuple[int, str]]:
    """(city, letters) for each followed list that names this host today."""
    rows = (
        ListedTable.select().where(ListedTable.host == host, ListedTable.left_at.is_null()).order_by(ListedTable.peer)
    )
    return [(row.peer, row.fingerprint) for row in rows.execute(db)]


def answer(
    uow: UnitOfWork,
    *,
    by: Viewer | None,
    city: int,
    host: str,
    change: Change,
    fingerprint: str,
    yes: bool,
    our_host: str,
) -> int | None:
    """A moderator answers a proposal. Yes to who joined: they are looked up and asked. Yes to who left: it ends.

    To other letters there is no yes: people call each other. Returns our id of the server, None when it is unknown.
    Raises Unauthenticated, Forbidden; Conflict when this is not proposed (any more) (`changed`).
    """
    keeper(uow, by)
    asked = (one for one in proposals(uow.db) if (one.city, one.host, one.change) == (city, host, change))
    found = next((one for one in asked if one.fingerprint == fingerprint), None)
    if found is None or (yes and change is Change.LETTERS):
        raise Conflict("the list does not say this any more", code="changed")
    open_still = ListedTable.answered.is_null() | (ListedTable.answered != _said(found))
    answered = (
        ListedTable.update(answered=_said(found), answered_at=uow.now, answered_by=None if by is None else by.account)
        .where(ListedTable.peer == city, ListedTable.host == host, open_still)
        .execute(uow.db)
    )
    if not answered:
        raise Conflict("somebody else answered it", code="changed")
    if yes and change is Change.JOINED:
        return propose(uow, by=by, host=host, our_host=our_host)
    if yes and found.known is not None:
        end(uow, by=by, peer_id=found.known)
    return found.known
