"""Finding each other, agreeing, and going separate ways."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fedhood.core import access, neighbourhoods
from fedhood.core.access import Permission, Viewer
from fedhood.core.peers.model import (
    GRANTS,
    MOST_OF_ONE_NAME,
    MOST_PENDING,
    NEIGHBOURS,
    VALID,
    Agreement,
    Peer,
    PeerAgreed,
    PeerAsked,
    PeerAskedAgain,
    PeerChanged,
    PeerFound,
    PeerGranted,
    PeerReplaced,
    PeerState,
    Trust,
    host_of,
)
from fedhood.core.peers.reads import settle
from fedhood.core.peers.store import agreement, by_host, change, get, keep_agreement, move
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel import jobs, urls
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooMany

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork


_NOT_WAITING = frozenset({PeerState.HEARD, PeerState.REFUSED, PeerState.ENDED, PeerState.STRANGER})


def keepers(db: peewee.Database) -> list[int]:
    """The accounts that may agree with other servers for this one."""
    return access.holders(db, Permission.PEER, _kept(db))


def keeper(uow: UnitOfWork, by: Viewer | None) -> None:
    """Raises Unauthenticated, Forbidden for who may not agree for this server. None is whoever keeps the machine."""
    if by is not None:
        access.require(by, Permission.PEER, _kept(uow.db))


def _kept(db: peewee.Database) -> int | None:
    """Where somebody must have the right to agree for this server: in its one neighbourhood, or on all of it.

    An agreement is one of servers: who keeps one neighbourhood of several has no word in it for the others.
    """
    ours = neighbourhoods.ours(db)
    return ours[0].id if len(ours) == 1 else None


def propose(
    uow: UnitOfWork, *, by: Viewer | None, host: str, our_host: str = "", trust: Trust = Trust.NEIGHBOUR
) -> int:
    """A moderator names a server next door; we look it up and ask it. Returns its id.

    Raises Unauthenticated, Forbidden, Invalid (host, our own).
    """
    keeper(uow, by)
    host = host_of(host)
    if host == our_host:
        raise Invalid("this is your own address", code="own-host", field="host")
    known = by_host(uow.db, host)
    if known is None:
        peer_id: int = PeerTable.insert(
            host=host, state=PeerState.LOOKING.value, trust=trust.value, added_at=uow.now
        ).execute(uow.db)
    else:
        peer_id = known.id
        if known.state in _NOT_WAITING:
            change(
                uow,
                peer_id,
                state=PeerState.LOOKING.value,
                trust=trust.value,
                our_follow_uri=None,
                their_follow_uri=None,
            )
    jobs.add(uow, "peer.discover", ordering_key=f"peer.{peer_id}", peer=peer_id)
    return peer_id


def host_of_visitors(uow: UnitOfWork, *, host: str, shared_inbox: str) -> int:
    """The server that somebody on other software is at home at, remembered so that they can be sent something.

    `shared_inbox`: where what is for no one person there goes. Returns its id.
    """
    PeerTable.insert(
        host=host,
        state=PeerState.STRANGER.value,
        trust=Trust.UNKNOWN.value,
        shared_inbox=shared_inbox,
        added_at=uow.now,
    ).on_conflict_ignore().execute(uow.db)
    known = by_host(uow.db, host)
    if known is None:
        raise NotFound
    if known.is_of_strangers and known.shared_inbox != shared_inbox:
        change(uow, known.id, shared_inbox=shared_inbox)
    return known.id


def found(
    uow: UnitOfWork,
    *,
    peer_id: int,
    name: str,
    actor_uri: str,
    inbox: str,
    shared_inbox: str | None,
    peer_inbox: str,
    multikey: str,
    public_key_pem: str,
    fingerprint: str,
    capabilities: list[str],
) -> None:
    """We looked a server up. Another key than the one somebody confirmed is refused: Conflict."""
    peer = get(uow.db, peer_id)
    _check_key(peer, multikey)
    change(
        uow,
        peer_id,
        agreed_at=peer.agreed_at if peer.multikey == multikey else None,
        name=name[:120],
        actor_uri=actor_uri,
        inbox=inbox,
        shared_inbox=shared_inbox,
        peer_inbox=peer_inbox,
        multikey=multikey,
        public_key_pem=public_key_pem,
        fingerprint=fingerprint,
        capabilities=capabilities,
        last_error=None,
    )
    if move(uow, peer_id, {PeerState.LOOKING}, PeerState.FOUND):
        uow.record(PeerFound(object=peer_id))


def _check_key(peer: Peer, multikey: str) -> None:
    if peer.confirmed_at is not None and peer.multikey not in {None, multikey}:
        raise Conflict("this server has another key now", code="key-changed")


def not_found(uow: UnitOfWork, *, peer_id: int, reason: str) -> None:
    """Looking a server up failed; the reason is shown while we go on trying."""
    change(uow, peer_id, last_error=reason[:200])


def asked(
    uow: UnitOfWork,
    *,
    host: str,
    name: str,
    actor_uri: str,
    inbox: str,
    shared_inbox: str | None,
    peer_inbox: str,
    multikey: str,
    public_key_pem: str,
    fingerprint: str,
    capabilities: list[str],
    follow_uri: str,
    trust: Trust,
    groups: list[dict[str, str]],
) -> int:
    """A server asks to be our neighbour. Agreed at once when somebody here had said that the letters match.

    One that is our neighbour already hears the same yes again, and is granted no more by it.

    `groups` are its neighbourhoods: uri, key, name. Returns its id. Raises Invalid (a trust nobody asks for,
    a neighbourhood on another server), Forbidden when it is blocked, TooMany beyond 20 strangers
    that wait, or 3 under one registered name, Conflict when it comes with another key than the one that was confirmed.
    """
    if trust not in {Trust.NEIGHBOUR, Trust.CITY}:
        raise Invalid("a server asks to be a neighbour or the city", code="trust")
    _check_own(host, (group["uri"] for group in groups))
    known = by_host(uow.db, host)
    if known is None or (known.state in _NOT_WAITING and known.agreed_key is None):
        uow.hold("peers.strangers")
        known = by_host(uow.db, host)
        check_room(uow.db, host)
    if known is None:
        peer_id: int = PeerTable.insert(
            host=host, state=PeerState.ASKED_US.value, trust=trust.value, added_at=uow.now
        ).execute(uow.db)
        known = get(uow.db, peer_id)
    if known.trust is Trust.BLOCKED:
        raise Forbidden(code="blocked")
    _check_key(known, multikey)
    if known.state is PeerState.AGREED:
        # what was granted stays as it is: for more, or for longer, a moderator is asked
        change(uow, known.id, their_follow_uri=follow_uri, offered_groups=groups)
        uow.record(PeerAskedAgain(object=known.id))
        return known.id
    change(
        uow,
        known.id,
        agreed_at=known.agreed_at if known.multikey == multikey else None,
        name=name[:120],
        actor_uri=actor_uri,
        inbox=inbox,
        shared_inbox=shared_inbox,
        peer_inbox=peer_inbox,
        multikey=multikey,
        public_key_pem=public_key_pem,
        fingerprint=fingerprint,
        capabilities=capabilities,
        their_follow_uri=follow_uri,
        offered_groups=groups,
        trust=(trust if known.confirmed_at is None else known.trust).value,
    )
    move(uow, known.id, {PeerState.LOOKING, *_NOT_WAITING}, PeerState.ASKED_US)
    # read again: a moderator may have confirmed while we waited for the row
    if get(uow.db, known.id).confirmed_at is not None:
        _agree(uow, known.id)
    else:
        uow.record(PeerAsked(object=known.id))
    return known.id


def check_room(db: peewee.Database, host: str) -> None:
    """Pass if one more stranger may wait for an answer. Raises TooMany: 20 do, or three under its registered name."""
    stranger = (PeerTable.state == PeerState.ASKED_US.value, PeerTable.agreed_key.is_null())
    waiting = [urls.registered_name(row.host) for row in PeerTable.select(PeerTable.host).where(*stranger).execute(db)]
    if len(waiting) >= MOST_PENDING or waiting.count(urls.registered_name(host)) >= MOST_OF_ONE_NAME:
        raise TooMany("too many servers wait for an answer", retry_after=86400)


def _check_own(host: str, uris: Iterable[str]) -> None:
    """A server speaks for its own neighbourhoods alone."""
    if any(urls.authority(uri) != host for uri in uris):
        raise Invalid("this neighbourhood is on another server", code="group-elsewhere")


def confirm(
    uow: UnitOfWork,
    *,
    by: Viewer | None,
    peer_id: int,
    pairs: list[tuple[int, str]] | None = None,
    fingerprint: str | None = None,
    trust: Trust | None = None,
) -> None:
    """A moderator read the letters out on the phone, and they match.

    `pairs` names which neighbourhood of ours (id) is read by which of theirs (address); None: all by all. If they have
    not asked us yet, it is remembered until they do. `fingerprint` and `trust`: the letters that were read out, and
    what the other is to become, where the caller can say. Raises Unauthenticated, Forbidden, NotFound, Conflict: not
    looked up yet, confirmed by another moderator, or by now they have other letters or ask to be something else.
    """
    keeper(uow, by)
    peer = get(uow.db, peer_id)
    if peer.fingerprint is None or peer.state not in {PeerState.FOUND, PeerState.ASKED_US, PeerState.AGREED}:
        raise Conflict(code="not-found-yet")
    if fingerprint is not None and fingerprint != peer.fingerprint:
        raise Conflict("these are no longer their letters", code="key-changed")
    if trust is not None and trust is not peer.trust:
        raise Conflict("they ask to be something else by now", code="trust-changed")
    confirmed = (
        PeerTable.update(
            confirmed_at=uow.now,
            confirmed_by=None if by is None else by.account,
            chosen_pairs=None if pairs is None else [list(one) for one in pairs],
        )
        .where(PeerTable.id == peer_id, PeerTable.confirmed_at.is_null())
        .execute(uow.db)
    )
    if not confirmed:
        raise Conflict(code="confirmed")
    # read again: their asking may have come in while we waited for the row
    if get(uow.db, peer_id).their_follow_uri is not None:
        _agree(uow, peer_id)


def _agree(uow: UnitOfWork, peer_id: int) -> None:
    """Grant what the trust grants: remember their neighbourhoods, pair ours with them."""
    peer = get(uow.db, peer_id)
    if peer.is_other_hand:
        _begin_anew(uow, peer)
    remember_offered(uow, peer)
    pairs = None if peer.chosen_pairs is None else [(our, uri) for our, uri in peer.chosen_pairs]
    granted = Agreement(
        trust=peer.trust,
        scopes=GRANTS[peer.trust],
        valid_until=uow.now + VALID,
        updated_at=uow.now,
        pairs=chosen(uow, peer, pairs) if NEIGHBOURS in GRANTS[peer.trust] else (),
    )
    keep_agreement(uow, peer_id, granted, ours=True)
    ask_too = peer.our_follow_uri is None and peer.state is PeerState.ASKED_US
    change(uow, peer_id, state=PeerState.AGREED.value, agreed_at=uow.now, agreed_key=peer.multikey)
    settle(uow, peer_id)
    uow.record(PeerAgreed(object=peer_id, ask_too=ask_too))


def _begin_anew(uow: UnitOfWork, peer: Peer) -> None:
    """Who is agreed with now has another key than who was agreed with under this name: nothing of before is theirs.

    Their neighbourhoods are others under the same addresses, so that what was told to the former ones, or by them, is
    not read by anybody through this agreement.
    """
    fresh = neighbourhoods.replace(uow, peer=peer.id)
    theirs = agreement(uow.db, peer.id, ours=False)
    if theirs is not None:
        pairs = tuple(sorted((fresh[writer], reader) for writer, reader in theirs.pairs))
        keep_agreement(uow, peer.id, dataclasses.replace(theirs, pairs=pairs), ours=False)
    uow.record(PeerReplaced(object=peer.id))


def their_agreement(
    uow: UnitOfWork,
    *,
    peer_id: int,
    trust: Trust,
    scopes: Iterable[str],
    pairs: list[tuple[str, int]],
    valid_until: datetime,
    updated_at: datetime,
) -> None:
    """What the other side granted us; an older word than the one we have changes nothing.

    `pairs`: their neighbourhood (address) is read by ours (id). Raises NotFound, Conflict when the two go separate
    ways, Invalid for a neighbourhood on another server.
    """
    peer = get(uow.db, peer_id)
    if peer.state not in {PeerState.FOUND, PeerState.ASKED_US, PeerState.AGREED}:
        raise Conflict(code="not-agreed")
    _check_own(peer.host, (uri for uri, _ in pairs))
    known = agreement(uow.db, peer_id, ours=False)
    if known is not None and updated_at < known.updated_at:
        return
    ours = {one.id for one in neighbourhoods.ours(uow.db)}
    named = {uri: _theirs(uow, peer_id, uri) for uri, our in pairs if our in ours}
    granted = Agreement(
        trust=trust,
        scopes=tuple(scopes),
        valid_until=valid_until,
        updated_at=updated_at,
        pairs=tuple(sorted({(named[uri], our) for uri, our in pairs if our in ours})),
    )
    keep_agreement(uow, peer_id, granted, ours=False)
    settle(uow, peer_id)
    if known is None:
        uow.record(PeerGranted(object=peer_id))
    elif (more := _granted(granted) - _granted(known)) | (less := _granted(known) - _granted(granted)):
        uow.record(PeerChanged(object=peer_id, by_us=False, more=bool(more), less=bool(less)))


def _granted(known: Agreement) -> set[str | tuple[int, int]]:
    """All that an agreement lets somebody have."""
    return {*known.scopes, *(known.pairs if NEIGHBOURS in known.scopes else ())}


def _theirs(uow: UnitOfWork, peer_id: int, uri: str) -> int:
    """A neighbourhood of theirs, known by the end of its address until they tell its name."""
    known = neighbourhoods.by_uri(uow.db, uri)
    if known is not None and known.peer == peer_id:
        return known.id
    key = uri.rpartition("/")[2][:40]
    return neighbourhoods.remember(uow, peer=peer_id, uri=uri, key=key, name=key)


def remember_offered(uow: UnitOfWork, peer: Peer) -> None:
    """Keep the neighbourhoods that a peer said it has."""
    for group in peer.offered_groups or []:
        neighbourhoods.remember(uow, peer=peer.id, uri=group["uri"], key=group["key"], name=group["name"])


def chosen(uow: UnitOfWork, peer: Peer, pairs: Iterable[tuple[int, str]] | None) -> tuple[tuple[int, int], ...]:
    """Pairs of ours (id) with theirs (address) as ids, without those that are not there; None is all by all."""
    ours = {one.id for one in neighbourhoods.ours(uow.db)}
    theirs = {one.uri: one.id for one in neighbourhoods.of_peer(uow.db, peer.id)}
    if pairs is None:
        return tuple(sorted((our, there) for our in ours for there in theirs.values()))
    return tuple(sorted({(our, theirs[uri]) for our, uri in pairs if our in ours and uri in theirs}))


def asked_them(uow: UnitOfWork, *, peer_id: int, follow_uri: str) -> None:
    """Our asking has this address."""
    change(uow, peer_id, our_follow_uri=follow_uri)
