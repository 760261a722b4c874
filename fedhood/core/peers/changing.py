"""What changes while an agreement stands: who reads whom, how much is granted at all, and until when."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core import access
from fedhood.core.access import Permission
from fedhood.core.peers.model import (
    ENDS_SOON,
    GRANTS,
    NEIGHBOURS,
    VALID,
    Agreement,
    PeerChanged,
    PeerEnding,
    PeerRenewed,
    PeerState,
    Trust,
)
from fedhood.core.peers.reads import settle
from fedhood.core.peers.service import chosen, keeper, remember_offered
from fedhood.core.peers.store import agreement, change, change_agreement, ending, get, warned
from fedhood.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fedhood.core.access import Viewer
    from fedhood.core.peers.model import Peer
    from fedhood.kernel.database import UnitOfWork

# on the wire a moment has whole seconds, and of two changes the later one has to be seen to be later
_APART = timedelta(seconds=1)


def change_readers(
    uow: UnitOfWork,
    *,
    by: Viewer | None,
    peer_id: int,
    writer: int,
    readers: Iterable[str],
    was: Iterable[int] | None = None,
) -> None:
    """A moderator says which neighbourhoods of a peer (addresses) read what one of ours shows next door.

    It is for who may agree for that neighbourhood of ours; None is whoever keeps the machine. One that reads along from
    now on is told what is published from now on; one that does no more is told nothing more, and is shown nothing of
    what it was told. `was`: the readers (ids) that the moderator saw.

    Raises Unauthenticated, Forbidden, NotFound, Invalid (a neighbourhood that is not there); Conflict when nothing is
    shown next door to this peer (`not-agreed`), or somebody else was faster (`changed`).
    """
    if by is not None:
        access.require(by, Permission.PEER, writer)
    peer, granted = _standing(uow, peer_id)
    if NEIGHBOURS not in granted.scopes:
        raise Conflict("nothing is shown next door to this server", code="not-agreed")
    remember_offered(uow, peer)
    named = {(writer, uri) for uri in readers}
    wanted = set(chosen(uow, peer, named))
    if len(wanted) != len(named):
        raise Invalid("not all of these neighbourhoods are there", code="pairs", field="readers")
    now = {pair for pair in granted.pairs if pair[0] == writer}
    if was is not None and wanted != now and set(was) != {reader for _, reader in now}:
        raise Conflict("somebody else changed it meanwhile", code="changed")
    _put(uow, peer, granted, dataclasses.replace(granted, pairs=tuple(sorted({*granted.pairs} - now | wanted))))


def grant(
    uow: UnitOfWork,
    *,
    by: Viewer | None,
    peer_id: int,
    trust: Trust,
    pairs: Iterable[tuple[int, str]] | None = None,
    fingerprint: str | None = None,
) -> None:
    """A moderator lets a neighbour have no more than what is for everyone, or makes them a neighbour again.

    To have more, the letters are compared again: `fingerprint` are those that were read out, `pairs` as in `confirm`.
    What they may have no longer is not sent any more; what is taken back is told to them all the same.

    Raises Unauthenticated, Forbidden, NotFound, Invalid for another trust; Conflict when it is so already
    (`so-already`), when nothing is agreed with a neighbour (`not-agreed`), when their letters differ (`key-changed`).
    """
    keeper(uow, by)
    peer, granted = _standing(uow, peer_id)
    either = {Trust.NEIGHBOUR, Trust.FEDIVERSE}
    if trust not in either:
        raise Invalid("nobody becomes that", code="trust", field="trust")
    if granted.trust not in either:
        raise Conflict("this is no neighbour", code="not-agreed")
    if trust is granted.trust:
        raise Conflict(code="so-already")
    if trust is Trust.NEIGHBOUR:
        _check_letters(peer, fingerprint)
    remember_offered(uow, peer)
    changed = dataclasses.replace(
        granted,
        trust=trust,
        scopes=GRANTS[trust],
        pairs=chosen(uow, peer, pairs) if NEIGHBOURS in GRANTS[trust] else (),
    )
    change(uow, peer_id, trust=trust.value)
    _put(uow, peer, granted, changed)


def renew(uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
    """A moderator says yes for another year, in the last month of an agreement. Nothing else of it changes.

    The other side says its own yes. Raises Unauthenticated, Forbidden, NotFound; Conflict before the last month, or
    when somebody else was faster (`so-already`), when nothing is agreed (any more) (`not-agreed`), and while their
    letters are in question (`key-changed`).
    """
    keeper(uow, by)
    peer, granted = _standing(uow, peer_id)
    _check_letters(peer, None)
    longer = dataclasses.replace(granted, valid_until=uow.now + VALID, updated_at=later(uow.now, granted.updated_at))
    if granted.valid_until > uow.now + ENDS_SOON or not change_agreement(uow, peer.id, granted, longer):
        raise Conflict("it does not end within a month", code="so-already")
    uow.record(PeerRenewed(object=peer.id))


def warn_due(uow: UnitOfWork) -> int:
    """Tell once of each peer that what was agreed with it ends within a month. Returns of how many it was told."""
    soon = uow.now + ENDS_SOON
    told: dict[int, list[bool]] = {}
    for peer_id, is_told in ending(uow.db, soon):
        told.setdefault(peer_id, []).append(is_told)
    fresh = [peer_id for peer_id, each in told.items() if not all(each)]
    for peer_id in fresh:
        warned(uow, peer_id, soon)
    # the yes of the other side often ends a few days later: it was told with the first
    first = [peer_id for peer_id in fresh if not any(told[peer_id])]
    for peer_id in first:
        uow.record(PeerEnding(object=peer_id))
    return len(first)


def _check_letters(peer: Peer, fingerprint: str | None) -> None:
    """Raises Conflict unless these are their letters (None: whichever they are), and not in question."""
    if peer.suspended_at is not None:
        raise Conflict("their letters are in question; compare them first", code="key-changed")
    if fingerprint is not None and fingerprint != peer.fingerprint:
        raise Conflict("these are no longer their letters", code="key-changed")


def _standing(uow: UnitOfWork, peer_id: int) -> tuple[Peer, Agreement]:
    """A peer and what we grant it. Raises NotFound, Conflict when nothing is agreed now."""
    peer = get(uow.db, peer_id)
    granted = agreement(uow.db, peer_id, ours=True)
    if peer.state is not PeerState.AGREED or granted is None or granted.valid_until <= uow.now:
        raise Conflict("nothing is agreed with this server", code="not-agreed")
    return peer, granted


def _put(uow: UnitOfWork, peer: Peer, granted: Agreement, changed: Agreement) -> None:
    """Put another agreement in the place of the one that stands; the same again changes nothing. Raises Conflict."""
    before, after = {*granted.scopes, *granted.pairs}, {*changed.scopes, *changed.pairs}
    if before == after:
        return
    changed = dataclasses.replace(changed, updated_at=later(uow.now, granted.updated_at))
    if not change_agreement(uow, peer.id, granted, changed):
        raise Conflict("somebody else changed it meanwhile", code="changed")
    settle(uow, peer.id)
    uow.record(PeerChanged(object=peer.id, by_us=True, more=bool(after - before), less=bool(before - after)))


def later(now: datetime, before: datetime) -> datetime:
    """Now, or a second after the last change where that has not passed yet."""
    return max(now, before + _APART)
