"""Peers and agreements as they are kept."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fedhood.core import neighbourhoods
from fedhood.core.peers.model import BY_BOTH, Agreement, Peer, PeerState, Trust
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, among, hole
from fedhood.kernel.errors import NotFound
from fedhood.kernel.tables import JsonField, MomentField

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork

_FIELDS = tuple(Peer.__dataclass_fields__)
_COLUMNS = tuple(getattr(PeerTable, name) for name in _FIELDS)
_JSON = tuple(name for name in _FIELDS if isinstance(getattr(PeerTable, name), JsonField))
_MOMENTS = tuple(name for name in _FIELDS if isinstance(getattr(PeerTable, name), MomentField))
_BY_ID = Compiled(lambda: PeerTable.select(*_COLUMNS).where(PeerTable.id == hole("id")))
_BY_HOST = Compiled(lambda: PeerTable.select(*_COLUMNS).where(PeerTable.host == hole("host")))
_ALL = Compiled(
    lambda: PeerTable.select(*_COLUMNS).where(PeerTable.state != PeerState.STRANGER.value).order_by(PeerTable.id)
)


@lru_cache(maxsize=256)  # the row of who speaks is read for everything they say; a row that says the same is the same
def _of(row: tuple[Any, ...]) -> Peer:
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in _MOMENTS:
        values[name] = None if values[name] is None else from_milliseconds(values[name])
    return Peer(**{**values, "state": PeerState(values["state"]), "trust": Trust(values["trust"])})


def get(db: peewee.Database, peer_id: int) -> Peer:
    """One peer. Raises NotFound."""
    row = _BY_ID.row(db, id=peer_id)
    if row is None:
        raise NotFound
    return _of(row)


def by_host(db: peewee.Database, host: str) -> Peer | None:
    """The peer with this host."""
    row = _BY_HOST.row(db, host=host)
    return None if row is None else _of(row)


def all_peers(db: peewee.Database) -> list[Peer]:
    """All servers that we know, in the order in which we met them; those that only visitors come from are left out."""
    return [_of(row) for row in _ALL.rows(db)]


def is_known_outside(db: peewee.Database) -> bool:
    """Whether any other server knows this one: one next door, or one that visitors come from."""
    return bool(PeerTable.select().exists(db))


_AGREEMENT = Compiled(
    lambda: AgreementTable.select(
        AgreementTable.trust,
        AgreementTable.scopes,
        AgreementTable.valid_until,
        AgreementTable.updated_at,
        AgreementTable.pairs,
    ).where(AgreementTable.peer == hole("peer"), AgreementTable.ours == hole("ours"))
)
_GRANTED = Compiled(
    lambda: (
        AgreementTable.select(AgreementTable.peer, AgreementTable.scopes)
        .where(
            among(AgreementTable.peer, "peers"),
            AgreementTable.ours == hole("ours"),
            AgreementTable.valid_until > hole("now"),
        )
        .order_by(AgreementTable.peer)
    )
)


def agreement(db: peewee.Database, peer_id: int, *, ours: bool) -> Agreement | None:
    """What we granted a peer (`ours`), or it granted us."""
    row = _AGREEMENT.row(db, peer=peer_id, ours=ours)
    if row is None:
        return None
    return Agreement(
        trust=Trust(row[0]),
        scopes=tuple(json.loads(row[1])),
        valid_until=from_milliseconds(row[2]),
        updated_at=from_milliseconds(row[3]),
        pairs=tuple((writer, reader) for writer, reader in json.loads(row[4] or "[]")),
    )


def granted(db: peewee.Database, among_peers: Iterable[int], *, scope: str, now: datetime) -> list[int]:
    """Those of these peers whom we grant a scope at this moment, by id."""
    rows = _GRANTED.rows(db, peers=list(among_peers), ours=True, now=milliseconds(now))
    return [peer for peer, scopes in rows if scope in json.loads(scopes)]


def grants(db: peewee.Database, *, peer_id: int, ours: bool, now: datetime | None = None) -> frozenset[str]:
    """The scopes that we granted a peer (`ours`), or it granted us; none after the agreement ran out.

    What needs the word of both (neighbours, direct) counts only while the other side, if it has said anything, grants
    it too.
    """
    known = _in_force(db, peer_id, ours=ours, now=now)
    if known is None:
        return frozenset()
    other = _in_force(db, peer_id, ours=not ours, now=now)
    alone = frozenset() if other is None else BY_BOTH.difference(other.scopes)
    return frozenset(known.scopes) - alone


def _in_force(db: peewee.Database, peer_id: int, *, ours: bool, now: datetime | None) -> Agreement | None:
    known = agreement(db, peer_id, ours=ours)
    return None if known is None or (now is not None and known.valid_until <= now) else known


def hosting(db: peewee.Database, places: Iterable[int]) -> dict[int, list[int]]:
    """Which peers host which of these neighbourhoods."""
    found_at: dict[int, list[int]] = {}
    for one in neighbourhoods.many(db, places).values():
        if one.peer is not None:
            found_at.setdefault(one.peer, []).append(one.id)
    return found_at


# -- writing ----------------------------------------------------------------------------------------------------------


def change(uow: UnitOfWork, peer_id: int, **values: Any) -> None:
    """Write some columns of a peer."""
    PeerTable.update(**values).where(PeerTable.id == peer_id).execute(uow.db)


def move(uow: UnitOfWork, peer_id: int, among: set[PeerState], to: PeerState) -> bool:
    """Take a peer from one of these states to another; false when it is in none of them, or another was faster."""
    states = [state.value for state in among]
    moved: int = (
        PeerTable.update(state=to.value).where(PeerTable.id == peer_id, PeerTable.state.in_(states)).execute(uow.db)
    )
    return bool(moved)


def keep_agreement(uow: UnitOfWork, peer_id: int, known: Agreement, *, ours: bool) -> None:
    """What one side grants the other from now on, whatever it granted before."""
    same_end = (AgreementTable.peer == peer_id, AgreementTable.ours == ours)
    before = AgreementTable.select().where(*same_end, AgreementTable.valid_until == known.valid_until)
    warned_at = next((row.warned_at for row in before.execute(uow.db)), None)
    drop_agreement(uow, peer_id, ours=ours)
    AgreementTable.insert(peer=peer_id, ours=ours, warned_at=warned_at, **_values(known)).execute(uow.db)


def change_agreement(uow: UnitOfWork, peer_id: int, known: Agreement, changed: Agreement) -> bool:
    """Put one agreement of ours in place of the one that we know; false when another was faster."""
    same = (AgreementTable.peer == peer_id, AgreementTable.ours, AgreementTable.updated_at == known.updated_at)
    values = _values(changed)
    if changed.valid_until != known.valid_until:
        values["warned_at"] = None
    return bool(AgreementTable.update(**values).where(*same).execute(uow.db))


def _values(known: Agreement) -> dict[str, Any]:
    return {
        "trust": known.trust.value,
        "scopes": list(known.scopes),
        "pairs": [list(pair) for pair in known.pairs],
        "valid_until": known.valid_until,
        "updated_at": known.updated_at,
    }


def drop_agreement(uow: UnitOfWork, peer_id: int, *, ours: bool) -> None:
    """One side grants the other nothing."""
    AgreementTable.delete().where(AgreementTable.peer == peer_id, AgreementTable.ours == ours).execute(uow.db)


def run_out(db: peewee.Database, now: datetime) -> list[tuple[int, bool]]:
    """The agreements whose time is over: peer, and whether it is what we granted."""
    rows = AgreementTable.select().where(AgreementTable.valid_until <= now).order_by(AgreementTable.id)
    return [(row.peer, row.ours) for row in rows.execute(db)]


def ending(db: peewee.Database, before: datetime) -> list[tuple[int, bool]]:
    """The agreements that end before a moment: peer, and whether that was told."""
    rows = AgreementTable.select().where(AgreementTable.valid_until <= before).order_by(AgreementTable.id)
    return [(row.peer, row.warned_at is not None) for row in rows.execute(db)]


def warned(uow: UnitOfWork, peer_id: int, before: datetime) -> None:
    """It is told from now on that what was agreed with a peer ends before that moment."""
    AgreementTable.update(warned_at=uow.now).where(
        AgreementTable.peer == peer_id, AgreementTable.valid_until <= before, AgreementTable.warned_at.is_null()
    ).execute(uow.db)


_SUSPENDED = Compiled(
    lambda: PeerTable.select(PeerTable.id).where(
        PeerTable.id == hole("peer"), PeerTable.suspended_at.is_null(is_null=False)
    )
)


def is_suspended(db: peewee.Database, peer_id: int) -> bool:
    """Whether a peer's key is in question: nothing goes to it but peering and what is taken back."""
    return _SUSPENDED.row(db, peer=peer_id) is not None


_NEXT = Compiled(
    lambda: (
        PeerTable.update(stream_next=PeerTable.stream_next + 1)
        .where(among(PeerTable.id, "peers"))
        .returning(PeerTable.id, PeerTable.stream_epoch, PeerTable.stream_next, PeerTable.suspended_at)
    )
)


_SOME = Compiled(
    lambda: (
        PeerTable.update(stream_next=PeerTable.stream_next + hole("count"))
        .where(among(PeerTable.id, "peers"))
        .returning(PeerTable.id, PeerTable.stream_epoch, PeerTable.stream_next)
    )
)


def some_in_streams(uow: UnitOfWork, wanted: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Epoch, and the first of as many numbers as are wanted in the stream of each of these peers. Raises NotFound."""
    by_count: dict[int, list[int]] = {}
    for peer, count in wanted.items():
        by_count.setdefault(count, []).append(peer)
    found = {
        peer: (epoch, after - count)
        for count, some in sorted(by_count.items())
        for peer, epoch, after in _SOME.rows(uow.db, peers=some, count=count)
    }
    if found.keys() != wanted.keys():
        raise NotFound
    return found


def next_in_streams(uow: UnitOfWork, peers: Collection[int]) -> list[tuple[int, int, int, bool]]:
    """Peer, epoch and number of the next thing that each of these is sent, and whether its key is in question.

    The numbers are raised in the peers' own rows. Raises NotFound when one is not there.
    """
    rows = _NEXT.rows(uow.db, peers=list(peers))
    if len(rows) != len(set(peers)):
        raise NotFound
    return [(peer, epoch, number - 1, suspended is not None) for peer, epoch, number, suspended in sorted(rows)]
