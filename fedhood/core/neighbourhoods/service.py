"""Neighbourhoods founded here, remembered from elsewhere, and which reads which."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from fedhood.core.neighbourhoods.model import Neighbourhood, Paired, Parted
from fedhood.core.neighbourhoods.tables import NeighbourhoodTable, PairTable
from fedhood.kernel import text as texts
from fedhood.kernel import urls
from fedhood.kernel.database import Compiled, among, hole
from fedhood.kernel.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import peewee

    from fedhood.kernel.database import UnitOfWork

_KEY = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_COLUMNS = (
    NeighbourhoodTable.id,
    NeighbourhoodTable.key,
    NeighbourhoodTable.name,
    NeighbourhoodTable.languages,
    NeighbourhoodTable.households,
    NeighbourhoodTable.households_source,
    NeighbourhoodTable.households_on,
    NeighbourhoodTable.rules,
    NeighbourhoodTable.peer,
    NeighbourhoodTable.uri,
    NeighbourhoodTable.version,
    NeighbourhoodTable.visitors,
)


def create(
    uow: UnitOfWork,
    *,
    name: str,
    key: str | None = None,
    languages: Sequence[str] = ("en",),
    households: int | None = None,
    households_source: str = "",
    households_on: str = "",
) -> int:
    """Found a neighbourhood on this server. Its key is in addresses and never changes.

    Raises Invalid (name, key, households), Conflict when the key is taken.
    """
    name = texts.one_line(name, field="name", most=80)
    key = key or _key_from(name)
    if not _KEY.fullmatch(key):
        raise Invalid("a key is small letters, digits and hyphens", code="key", field="key")
    if households is not None and not 1 <= households <= 1_000_000:
        raise Invalid("a neighbourhood has between 1 and 1,000,000 households", code="households", field="households")
    if key == urls.HUB_KEY or by_key(uow.db, key) is not None:  # that of a city's hub, wherever it is
        raise Conflict("this key is taken", code="key-taken", field="key")
    made: int = NeighbourhoodTable.insert(
        key=key,
        name=name,
        languages=list(languages),
        households=households,
        households_source=texts.one_line(households_source, field="households_source", most=200, least=0),
        households_on=households_on,
        created_at=uow.now,
    ).execute(uow.db)
    return made


def _key_from(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")


def remember(uow: UnitOfWork, *, peer: int, uri: str, key: str, name: str) -> int:
    """Keep a neighbourhood of a peer, or its new name. Returns our id for it."""
    name = texts.one_line(name, field="name", most=80)
    known = by_uri(uow.db, uri)
    if known is None:
        made: int = NeighbourhoodTable.insert(
            key=key, name=name, languages=[], peer=peer, uri=uri, created_at=uow.now
        ).execute(uow.db)
        return made
    if known.peer != peer:
        raise Conflict(code="another-peers")
    if known.name != name:
        NeighbourhoodTable.update(name=name, version=NeighbourhoodTable.version + 1).where(
            NeighbourhoodTable.id == known.id
        ).execute(uow.db)
    return known.id


def replace(uow: UnitOfWork, *, peer: int) -> dict[int, int]:
    """Somebody else answers under a peer's name: its neighbourhoods are others from now on, under the same addresses.

    What was told to the former ones, or by them, stays theirs. Returns our id for each new one by that of the old.
    """
    for writer, reader in pairs_with(uow.db, peer):
        unpair(uow, writer=writer, reader=reader)
    former = of_peer(uow.db, peer)
    NeighbourhoodTable.update(replaced_at=uow.now).where(NeighbourhoodTable.id.in_([one.id for one in former])).execute(
        uow.db
    )
    return {one.id: remember(uow, peer=peer, uri=one.uri or "", key=one.key, name=one.key) for one in former}


def set_rules(uow: UnitOfWork, *, neighbourhood: int, rules: str) -> None:
    """Write the house rules of a neighbourhood of ours."""
    rules = texts.words(rules, field="rules", most=5000, least=0)
    NeighbourhoodTable.update(rules=rules, version=NeighbourhoodTable.version + 1).where(
        NeighbourhoodTable.id == neighbourhood
    ).execute(uow.db)


def receive_visitors(uow: UnitOfWork, *, neighbourhood: int, on: bool) -> None:
    """From now on people on other software may follow a neighbourhood of ours, or may no longer."""
    NeighbourhoodTable.update(visitors=on, version=NeighbourhoodTable.version + 1).where(
        NeighbourhoodTable.id == neighbourhood
    ).execute(uow.db)


_MANY = Compiled(lambda: NeighbourhoodTable.select(*_COLUMNS).where(among(NeighbourhoodTable.id, "ids")))
_BY_URI = Compiled(
    lambda: NeighbourhoodTable.select(*_COLUMNS).where(
        NeighbourhoodTable.uri == hole("uri"), NeighbourhoodTable.replaced_at.is_null()
    )
)
_OURS = Compiled(
    lambda: (
        NeighbourhoodTable.select(*_COLUMNS).where(NeighbourhoodTable.peer.is_null()).order_by(NeighbourhoodTable.name)
    )
)
_READERS = Compiled(
    lambda: (
        NeighbourhoodTable.select(*_COLUMNS)
        .join(PairTable, on=(PairTable.reader == NeighbourhoodTable.id))
        .where(PairTable.writer == hole("writer"), PairTable.until.is_null())
        .order_by(NeighbourhoodTable.name, NeighbourhoodTable.id)
    )
)
_READERS_AT = Compiled(
    lambda: (
        NeighbourhoodTable.select(*_COLUMNS)
        .join(PairTable, on=(PairTable.reader == NeighbourhoodTable.id))
        .where(PairTable.writer == hole("writer"), PairTable.until.is_null(), NeighbourhoodTable.peer == hole("peer"))
        .order_by(NeighbourhoodTable.name, NeighbourhoodTable.id)
    )
)
_PAIR = Compiled(
    lambda: PairTable.select(PairTable.id).where(
        PairTable.writer == hole("writer"), PairTable.reader == hole("reader"), PairTable.until.is_null()
    )
)


def _of(row: tuple[Any, ...]) -> Neighbourhood:
    languages: list[str] = json.loads(row[3])
    return Neighbourhood(
        id=row[0],
        key=row[1],
        name=row[2],
        languages=tuple(languages),
        households=row[4],
        households_source=row[5],
        households_on=row[6],
        rules=row[7],
        peer=row[8],
        uri=row[9],
        version=row[10],
        visitors=bool(row[11]),
    )


def ours(db: peewee.Database) -> list[Neighbourhood]:
    """The neighbourhoods of this server, by name."""
    return [_of(row) for row in _OURS.rows(db)]


def many(db: peewee.Database, ids: Iterable[int]) -> dict[int, Neighbourhood]:
    """These neighbourhoods, by id."""
    return {row[0]: _of(row) for row in _MANY.rows(db, ids=list(ids))}


def get(db: peewee.Database, neighbourhood: int) -> Neighbourhood:
    """One neighbourhood. Raises NotFound."""
    found = many(db, [neighbourhood]).get(neighbourhood)
    if found is None:
        raise NotFound
    return found


def by_key(db: peewee.Database, key: str) -> Neighbourhood | None:
    """The neighbourhood of ours with this key."""
    return next((one for one in ours(db) if one.key == key), None)


def by_uri(db: peewee.Database, uri: str) -> Neighbourhood | None:
    """The neighbourhood of a peer with this address."""
    row = _BY_URI.row(db, uri=uri)
    return None if row is None else _of(row)


def pair(uow: UnitOfWork, *, writer: int, reader: int) -> None:
    """From now on `reader` may read what `writer` shares with neighbours. Idempotent. Raises Invalid for one alone."""
    if writer == reader:
        raise Invalid("a neighbourhood is no neighbour of itself", code="pair")
    if not may_read(uow.db, writer=writer, reader=reader):
        PairTable.insert(writer=writer, reader=reader, since=uow.now).execute(uow.db)
        uow.record(Paired(writer=writer, reader=reader))


def unpair(uow: UnitOfWork, *, writer: int, reader: int) -> None:
    """From now on `reader` is told nothing more by `writer`, and is shown nothing of what it was told. Idempotent."""
    ended = (
        PairTable.update(until=uow.now)
        .where(PairTable.writer == writer, PairTable.reader == reader, PairTable.until.is_null())
        .execute(uow.db)
    )
    if ended:
        uow.record(Parted(writer=writer, reader=reader))


def may_read(db: peewee.Database, *, writer: int, reader: int) -> bool:
    """Whether `reader` may now read what `writer` shares with neighbours."""
    return _PAIR.row(db, writer=writer, reader=reader) is not None


def readers_of(db: peewee.Database, writer: int, *, peer: int | None = None) -> list[Neighbourhood]:
    """Those who may now read what `writer` shares with neighbours, by name; with `peer` those of them that it hosts."""
    if peer is not None:
        return [_of(row) for row in _READERS_AT.rows(db, writer=writer, peer=peer)]
    return [_of(row) for row in _READERS.rows(db, writer=writer)]


def pairs_with(db: peewee.Database, peer: int) -> set[tuple[int, int]]:
    """Which of ours (or of a peer's) is read now by which of that peer's (or of ours): writer, reader."""
    theirs = [one.id for one in of_peer(db, peer)]
    either = PairTable.writer.in_(theirs) | PairTable.reader.in_(theirs)
    rows = PairTable.select(PairTable.writer, PairTable.reader).where(either, PairTable.until.is_null()).execute(db)
    return {(row.writer, row.reader) for row in rows}


def of_peer(db: peewee.Database, peer: int) -> list[Neighbourhood]:
    """The neighbourhoods of a peer that we know, without those that others have taken the place of."""
    here = (NeighbourhoodTable.peer == peer, NeighbourhoodTable.replaced_at.is_null())
    rows = NeighbourhoodTable.select(NeighbourhoodTable.id).where(*here).execute(db)
    return sorted(many(db, [row.id for row in rows]).values(), key=lambda one: one.id)
