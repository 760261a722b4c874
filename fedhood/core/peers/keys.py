"""Whether a server that was agreed with is still the same: its key as people compared it, and the one that it shows.

pinned ──another is shown──▶ in question: nothing goes either way, but what is taken back ──letters compared──▶ pinned
   │                                                                                     └──"not them"──▶ ended
   └──the pinned key says that there is another──▶ pinned, the other one
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core.peers.model import (
    PeerKeyAnnounced,
    PeerKeyChanged,
    PeerKeyConfirmed,
    PeerState,
    Trust,
)
from fedhood.core.peers.service import keeper
from fedhood.core.peers.store import change, get
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel import jobs
from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork

LOOK_EVERY = timedelta(hours=6)
LOOK_AGAIN = timedelta(minutes=1)
# a tick looks at so many at most; the others have their turn an hour later
MOST_LOOKS = 200


def key_seen_changed(uow: UnitOfWork, *, peer_id: int, multikey: str, public_key_pem: str, fingerprint: str) -> None:
    """A server that we agreed with shows another key than the pinned one, which has not said so.

    From now on nothing goes either way but peering itself and what is taken back, until somebody has compared letters
    again (`confirm_key`). The pinned key stays. The same key again changes nothing. Raises NotFound.
    """
    peer = get(uow.db, peer_id)
    if peer.state is not PeerState.AGREED or peer.trust is Trust.BLOCKED or multikey == peer.multikey:
        return
    change(uow, peer_id, missed_at=None, last_error=None)
    other = {"multikey": multikey, "public_key_pem": public_key_pem, "fingerprint": fingerprint}
    if peer.suspended_at is not None and peer.other_key == other:
        return
    change(uow, peer_id, suspended_at=peer.suspended_at or uow.now, other_key=other)
    uow.record(PeerKeyChanged(object=peer_id))


def key_announced(uow: UnitOfWork, *, peer_id: int, multikey: str, public_key_pem: str, fingerprint: str) -> None:
    """A server has another key, and the pinned one says so: nobody has to compare anew, and what was agreed goes on.

    The caller has checked that it was the pinned key that said it. If the other key had been seen before its
    announcement came, what rested goes on; a third key stays in question. The same key again changes nothing. Raises
    NotFound.
    """
    peer = get(uow.db, peer_id)
    if (multikey, public_key_pem) == (peer.multikey, peer.public_key_pem):
        return
    lifted = peer.other_key is not None and peer.other_key["multikey"] == multikey
    change(uow, peer_id, multikey=multikey, public_key_pem=public_key_pem, fingerprint=fingerprint)
    if peer.agreed_key == peer.multikey:
        change(uow, peer_id, agreed_key=multikey)
    if lifted:
        change(uow, peer_id, suspended_at=None, other_key=None)
    if peer.state is PeerState.AGREED and multikey != peer.multikey:
        uow.record(PeerKeyAnnounced(object=peer_id, lifted=lifted))


def confirm_key(uow: UnitOfWork, *, by: Viewer | None, peer_id: int, fingerprint: str) -> None:
    """A moderator called them, and these letters match: the key that they show is theirs, and all goes on.

    Raises Unauthenticated, Forbidden, NotFound; Conflict when no key is in question (any more) (`so-already`), or they
    show other letters by now (`key-changed`).
    """
    keeper(uow, by)
    peer = get(uow.db, peer_id)
    if peer.suspended_at is None:
        raise Conflict("their letters are not in question", code="so-already")
    if fingerprint != peer.shown_fingerprint:
        raise Conflict("these are no longer their letters", code="key-changed")
    other = peer.other_key
    renewed = {} if other is None else {**other, "agreed_key": other["multikey"], "agreed_at": uow.now}
    confirmed = (
        PeerTable.update(
            suspended_at=None,
            other_key=None,
            confirmed_at=uow.now,
            confirmed_by=None if by is None else by.account,
            **renewed,
        )
        .where(PeerTable.id == peer_id, PeerTable.suspended_at == peer.suspended_at)
        .execute(uow.db)
    )
    if not confirmed:
        raise Conflict("somebody else was faster", code="so-already")
    uow.record(PeerKeyConfirmed(object=peer_id, renewed=other is not None))


# -- looking -----------------------------------------------------------------------------------------------------------


def seen(uow: UnitOfWork, *, peer_id: int, name: str) -> None:
    """We looked a server up that we agreed with, and it shows the pinned key. What was in question stays so.

    That it shows a key does not prove that it has it; only somebody on the telephone does.
    """
    peer = get(uow.db, peer_id)
    change(uow, peer_id, name=name[:120] or peer.name, other_key=None, missed_at=None, last_error=None)


def missed(uow: UnitOfWork, *, peer_id: int, reason: str) -> None:
    """We looked a server up that we agreed with, and did not find it at its address, for this reason."""
    peer = get(uow.db, peer_id)
    change(uow, peer_id, missed_at=peer.missed_at or uow.now, last_error=reason[:200])


def look_due(uow: UnitOfWork) -> int:
    """Four times a day, have each server that we agreed with looked up: has it still its key? Returns how many."""
    due = _to_look_at(uow.db, uow.now - LOOK_EVERY)
    for peer_id in due:
        _look(uow, peer_id)
    return len(due)


def look_soon(uow: UnitOfWork, *, peer_id: int) -> None:
    """A server signs with another key, or no longer knows us: have it looked up now, once a minute at most."""
    peer = get(uow.db, peer_id)
    if peer.state is PeerState.AGREED and (peer.looked_at is None or peer.looked_at <= uow.now - LOOK_AGAIN):
        _look(uow, peer_id)


def look(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator wants to know how it is now. Raises Unauthenticated, Forbidden, NotFound."""
    keeper(uow, by)
    look_soon(uow, peer_id=peer_id)


def _look(uow: UnitOfWork, peer_id: int) -> None:
    change(uow, peer_id, looked_at=uow.now)
    jobs.add(uow, "peer.look", ordering_key=f"peer.{peer_id}", peer=peer_id)


def _to_look_at(db: peewee.Database, before: datetime) -> list[int]:
    rows = (
        PeerTable.select(PeerTable.id)
        .where(
            PeerTable.state == PeerState.AGREED.value,
            PeerTable.trust != Trust.BLOCKED.value,
            PeerTable.looked_at.is_null() | (PeerTable.looked_at <= before),
        )
        .order_by(PeerTable.looked_at, PeerTable.id)
        .limit(MOST_LOOKS)
    )
    return [row.id for row in rows.execute(db)]
