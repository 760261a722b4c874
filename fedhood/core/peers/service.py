"""Finding each other, agreeing, and going separate ways."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fedhood.core import access, neighbourhoods
from fedhood.core.access import Permission, Viewer
from fedhood.core.peers.model import (
    GRANTS,
    MOST_PENDING,
    Agreement,
    Peer,
    PeerAgreed,
    PeerAsked,
    PeerEnded,
    PeerFound,
    PeerRefused,
    PeerState,
    Trust,
)
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel import jobs
from fedhood.kernel.errors import Conflict, Invalid, NotFound, TooMany

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork

VALID = timedelta(days=365)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_LOOPBACK = re.compile(r"[a-z0-9-]{1,63}\.localhost:[1-9][0-9]{0,4}")


def host_of(pasted: str) -> str:
    """The host of an address as somebody pasted it. Raises Invalid for what is no public name."""
    text = pasted.strip().lower()
    host = urlsplit(text if "//" in text else f"//{text}").netloc
    if _LOOPBACK.fullmatch(host) or (_NAME.fullmatch(host) and not host.rpartition(".")[2].isdigit()):
        return host
    raise Invalid("this is not the address of a neighbour", code="host", field="host")


def propose(uow: UnitOfWork, *, by: Viewer, host: str, our_host: str = "", trust: Trust = Trust.NEIGHBOUR) -> int:
    """A moderator names a server next door; we look it up and ask it. Returns its id.

    Raises Unauthenticated, Forbidden, Invalid (host, our own).
    """
    access.require(by, Permission.PEER, by.neighbourhood)
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
        if known.state in {PeerState.REFUSED, PeerState.ENDED}:
            _change(uow, peer_id, state=PeerState.LOOKING.value, our_follow_uri=None)
    jobs.add(uow, "peer.discover", ordering_key=f"peer.{peer_id}", peer=peer_id)
    return peer_id


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
    if peer.confirmed_at is not None and peer.multikey not in {None, multikey}:
        raise Conflict("this server has another key now", code="key-changed")
    _change(
        uow,
        peer_id,
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
        state=(PeerState.FOUND if peer.state is PeerState.LOOKING else peer.state).value,
    )
    if peer.state is PeerState.LOOKING:
        uow.record(PeerFound(object=peer_id))


def not_found(uow: UnitOfWork, *, peer_id: int, reason: str) -> None:
    """Looking a server up failed; the reason is shown while we go on trying."""
    _change(uow, peer_id, last_error=reason[:200])


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

    `groups` are its neighbourhoods: uri, key, name. Returns its id. Raises TooMany beyond 20 that wait, Conflict when
    it comes with another key than the one that was confirmed.
    """
    known = by_host(uow.db, host)
    if known is None:
        waiting = PeerTable.select().where(PeerTable.state == PeerState.ASKED_US.value).count(uow.db)
        if waiting >= MOST_PENDING:
            raise TooMany("too many servers wait for an answer", retry_after=86400)
        peer_id: int = PeerTable.insert(
            host=host, state=PeerState.ASKED_US.value, trust=trust.value, added_at=uow.now
        ).execute(uow.db)
        known = get(uow.db, peer_id)
    elif known.confirmed_at is not None and known.multikey not in {None, multikey}:
        raise Conflict("this server has another key now", code="key-changed")
    fresh = known.state in {PeerState.LOOKING, PeerState.REFUSED, PeerState.ENDED}
    _change(
        uow,
        known.id,
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
        state=(PeerState.ASKED_US if fresh else known.state).value,
    )
    if known.confirmed_at is not None and known.state is not PeerState.ENDED:
        _agree(uow, known.id)
    else:
        uow.record(PeerAsked(object=known.id))
    return known.id


def confirm(uow: UnitOfWork, *, by: Viewer, peer_id: int, pairs: list[tuple[int, str]] | None = None) -> None:
    """A moderator read the letters out on the phone, and they match.

    `pairs` names which neighbourhood of ours (id) is read by which of theirs (address); None: all by all. If they have
    not asked us yet, it is remembered until they do. Raises Unauthenticated, Forbidden, NotFound, Conflict.
    """
    access.require(by, Permission.PEER, by.neighbourhood)
    peer = get(uow.db, peer_id)
    if peer.fingerprint is None or peer.state in {PeerState.LOOKING, PeerState.REFUSED, PeerState.ENDED}:
        raise Conflict(code="not-found-yet")
    _change(
        uow,
        peer_id,
        confirmed_at=uow.now,
        confirmed_by=by.account,
        chosen_pairs=None if pairs is None else [list(one) for one in pairs],
    )
    if peer.their_follow_uri is not None:
        _agree(uow, peer_id)


def _agree(uow: UnitOfWork, peer_id: int) -> None:
    """Grant what the trust grants: remember their neighbourhoods, pair ours with them."""
    peer = get(uow.db, peer_id)
    _keep_agreement(uow, peer_id, True, peer.trust, GRANTS[peer.trust], uow.now + VALID, uow.now)  # noqa: FBT003
    theirs = {
        group["uri"]: neighbourhoods.remember(uow, peer=peer_id, uri=group["uri"], key=group["key"], name=group["name"])
        for group in peer.offered_groups or []
    }
    if "neighbours" in GRANTS[peer.trust]:
        ours = {one.id for one in neighbourhoods.ours(uow.db)}
        chosen = peer.chosen_pairs or [[our, uri] for our in sorted(ours) for uri in theirs]
        for our, uri in chosen:
            if our in ours and uri in theirs:
                neighbourhoods.pair(uow, writer=our, reader=theirs[uri])
    ask_too = peer.our_follow_uri is None and peer.state is PeerState.ASKED_US
    _change(uow, peer_id, state=PeerState.AGREED.value)
    uow.record(PeerAgreed(object=peer_id, ask_too=ask_too))


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

    `pairs`: their neighbourhood (address) is read by ours (id).
    """
    known = agreement(uow.db, peer_id, ours=False)
    if known is not None and updated_at < known.updated_at:
        return
    _keep_agreement(uow, peer_id, False, trust, tuple(scopes), valid_until, updated_at)  # noqa: FBT003
    ours = {one.id for one in neighbourhoods.ours(uow.db)}
    wanted = set()
    for uri, our in pairs:
        theirs = neighbourhoods.by_uri(uow.db, uri)
        writer = theirs.id if theirs else _remember_by_uri(uow, peer_id, uri)
        if our in ours:
            neighbourhoods.pair(uow, writer=writer, reader=our)
            wanted.add((writer, our))
    for one in neighbourhoods.of_peer(uow.db, peer_id):
        for our in ours:
            if (one.id, our) not in wanted:
                neighbourhoods.unpair(uow, writer=one.id, reader=our)


def _remember_by_uri(uow: UnitOfWork, peer_id: int, uri: str) -> int:
    key = uri.rpartition("/")[2][:40]
    return neighbourhoods.remember(uow, peer=peer_id, uri=uri, key=key, name=key)


def _keep_agreement(
    uow: UnitOfWork,
    peer_id: int,
    ours: bool,  # noqa: FBT001
    trust: Trust,
    scopes: tuple[str, ...],
    valid_until: datetime,
    updated_at: datetime,
) -> None:
    AgreementTable.delete().where(AgreementTable.peer == peer_id, AgreementTable.ours == ours).execute(uow.db)
    AgreementTable.insert(
        peer=peer_id,
        ours=ours,
        trust=trust.value,
        scopes=list(scopes),
        valid_until=valid_until,
        updated_at=updated_at,
    ).execute(uow.db)


def reject(uow: UnitOfWork, *, by: Viewer, peer_id: int) -> None:
    """A moderator says no to a server that asks. Raises Unauthenticated, Forbidden, NotFound, Conflict."""
    access.require(by, Permission.PEER, by.neighbourhood)
    if get(uow.db, peer_id).state is not PeerState.ASKED_US:
        raise Conflict(code="answered")
    _change(uow, peer_id, state=PeerState.REFUSED.value)
    uow.record(PeerRefused(object=peer_id))


def rejected(uow: UnitOfWork, *, peer_id: int) -> None:
    """They said no to us."""
    _change(uow, peer_id, state=PeerState.REFUSED.value)
    _part(uow, peer_id)


def end(uow: UnitOfWork, *, by: Viewer, peer_id: int) -> None:
    """A moderator ends an agreement: nothing more is told. Raises Unauthenticated, Forbidden, NotFound."""
    access.require(by, Permission.PEER, by.neighbourhood)
    get(uow.db, peer_id)
    ended(uow, peer_id=peer_id, by_us=True)


def ended(uow: UnitOfWork, *, peer_id: int, by_us: bool = False) -> None:
    """An agreement has ended, by their word or ours."""
    _change(
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
    AgreementTable.delete().where(AgreementTable.peer == peer_id).execute(uow.db)
    for theirs in neighbourhoods.of_peer(uow.db, peer_id):
        for ours in neighbourhoods.ours(uow.db):
            neighbourhoods.unpair(uow, writer=theirs.id, reader=ours.id)
            neighbourhoods.unpair(uow, writer=ours.id, reader=theirs.id)


def asked_them(uow: UnitOfWork, *, peer_id: int, follow_uri: str) -> None:
    """Our asking has this address."""
    _change(uow, peer_id, our_follow_uri=follow_uri)


def next_in_stream(uow: UnitOfWork, peer_id: int) -> tuple[int, int]:
    """Epoch and number of the next thing that this peer is sent: raised in the peer's own row. Raises NotFound."""
    rows = (
        PeerTable.update(stream_next=PeerTable.stream_next + 1)
        .where(PeerTable.id == peer_id)
        .returning(PeerTable.stream_epoch, PeerTable.stream_next)
        .execute(uow.db)
    )
    for row in rows:
        return row.stream_epoch, row.stream_next - 1
    raise NotFound


# -- reading ----------------------------------------------------------------------------------------------------------

_FIELDS = tuple(Peer.__dataclass_fields__)


def _of(row: PeerTable) -> Peer:
    values: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS}
    return Peer(**{**values, "state": PeerState(row.state), "trust": Trust(row.trust)})


def _where(db: peewee.Database, *conditions: Any) -> list[Peer]:
    return [_of(row) for row in PeerTable.select().where(*conditions).order_by(PeerTable.id).execute(db)]


def get(db: peewee.Database, peer_id: int) -> Peer:
    """One peer. Raises NotFound."""
    for peer in _where(db, PeerTable.id == peer_id):
        return peer
    raise NotFound


def by_host(db: peewee.Database, host: str) -> Peer | None:
    """The peer with this host."""
    return next(iter(_where(db, PeerTable.host == host)), None)


def all_peers(db: peewee.Database) -> list[Peer]:
    """All servers that we know, in the order in which we met them."""
    return _where(db)


def agreement(db: peewee.Database, peer_id: int, *, ours: bool) -> Agreement | None:
    """What we granted a peer (`ours`), or it granted us."""
    query = AgreementTable.select().where(AgreementTable.peer == peer_id, AgreementTable.ours == ours)
    for row in query.execute(db):
        return Agreement(
            trust=Trust(row.trust),
            scopes=tuple(row.scopes),
            valid_until=row.valid_until,
            updated_at=row.updated_at,
        )
    return None


def grants(db: peewee.Database, *, peer_id: int, ours: bool, now: datetime | None = None) -> frozenset[str]:
    """The scopes that we granted a peer (`ours`), or it granted us; none after the agreement ran out."""
    known = agreement(db, peer_id, ours=ours)
    if known is None or (now is not None and known.valid_until <= now):
        return frozenset()
    return frozenset(known.scopes)


def hosting(db: peewee.Database, places: Iterable[int]) -> dict[int, list[int]]:
    """Which peers host which of these neighbourhoods."""
    found_at: dict[int, list[int]] = {}
    for one in neighbourhoods.many(db, places).values():
        if one.peer is not None:
            found_at.setdefault(one.peer, []).append(one.id)
    return found_at


def _change(uow: UnitOfWork, peer_id: int, **values: Any) -> None:
    PeerTable.update(**values).where(PeerTable.id == peer_id).execute(uow.db)
