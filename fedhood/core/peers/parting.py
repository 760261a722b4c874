"""Saying no, ending, running out, and being heard no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core.peers.model import PeerAsked, PeerBlocked, PeerEnded, PeerRefused, PeerState, Trust
from fedhood.core.peers.reads import settle
from fedhood.core.peers.service import keeper
from fedhood.core.peers.store import change, drop_agreement, get, move, run_out
from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork


def reject(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator says no to a server that asks. Raises Unauthenticated, Forbidden, NotFound, Conflict."""
    keeper(uow, by)
    get(uow.db, peer_id)
    if not move(uow, peer_id, {PeerState.ASKED_US}, PeerState.REFUSED):
        raise Conflict(code="answered")
    uow.record(PeerRefused(object=peer_id))


def rejected(uow: UnitOfWork, *, peer_id: int) -> None:
    """They said no to us, or no longer yes."""
    was_agreed = get(uow.db, peer_id).state is PeerState.AGREED
    change(uow, peer_id, state=PeerState.REFUSED.value, confirmed_at=None, their_follow_uri=None)
    _part(uow, peer_id)
    if was_agreed:
        uow.record(PeerEnded(object=peer_id, by_us=False))


def end(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator ends an agreement, or what might have become one: nothing more is told.

    Raises Unauthenticated, Forbidden, NotFound, Conflict when it has ended.
    """
    keeper(uow, by)
    get(uow.db, peer_id)
    if move(uow, peer_id, {PeerState.LOOKING, PeerState.STRANGER}, PeerState.ENDED):
        return  # they have not heard of us yet
    if not move(uow, peer_id, {PeerState.FOUND, PeerState.ASKED_US, PeerState.AGREED}, PeerState.ENDED):
        raise Conflict(code="ended")
    ended(uow, peer_id=peer_id, by_us=True)


def block(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator wants to hear nothing more of a server, not even its asking. What was agreed ends.

    Raises Unauthenticated, Forbidden, NotFound, Conflict when it is blocked.
    """
    keeper(uow, by)
    peer = get(uow.db, peer_id)
    if peer.trust is Trust.BLOCKED:
        raise Conflict(code="so-already")
    if peer.state not in {PeerState.HEARD, PeerState.ENDED, PeerState.REFUSED}:
        end(uow, by=by, peer_id=peer_id)
    change(uow, peer_id, trust=Trust.BLOCKED.value)
    uow.record(PeerBlocked(object=peer_id))


def unblock(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator lets a server ask again. Raises Unauthenticated, Forbidden, NotFound, Conflict when it may."""
    keeper(uow, by)
    if get(uow.db, peer_id).trust is not Trust.BLOCKED:
        raise Conflict(code="so-already")
    change(uow, peer_id, trust=Trust.UNKNOWN.value)


def ended(uow: UnitOfWork, *, peer_id: int, by_us: bool = False) -> None:
    """An agreement has ended, by their word or ours."""
    change(
        uow,
        peer_id,
        state=PeerState.ENDED.value,
        confirmed_at=None,
        their_follow_uri=None,
        our_follow_uri=None,
    )
    _part(uow, peer_id)
    uow.record(PeerEnded(object=peer_id, by_us=by_us))


def _part(uow: UnitOfWork, peer_id: int) -> None:
    for ours in (True, False):
        drop_agreement(uow, peer_id, ours=ours)
    change(uow, peer_id, suspended_at=None, other_key=None, missed_at=None)
    settle(uow, peer_id)


def lapse_due(uow: UnitOfWork) -> int:
    """End what was agreed for a year and was not agreed again. What we granted, a moderator is asked anew.

    Returns how many ran out.
    """
    over = run_out(uow.db, uow.now)
    for peer_id, ours in over:
        drop_agreement(uow, peer_id, ours=ours)
        settle(uow, peer_id)
        peer = get(uow.db, peer_id)
        if ours and peer.state is PeerState.AGREED and peer.suspended_at is not None:
            ended(uow, peer_id=peer_id)  # nobody compared letters in all that time
        elif ours and move(uow, peer_id, {PeerState.AGREED}, PeerState.ASKED_US):
            # who was shown less is asked anew as what they first asked to be
            trust = Trust.NEIGHBOUR if peer.trust is Trust.FEDIVERSE else peer.trust
            change(uow, peer_id, confirmed_at=None, trust=trust.value)
            uow.record(PeerAsked(object=peer_id))
    return len(over)
