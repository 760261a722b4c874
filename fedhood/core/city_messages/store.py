"""A city's messages as they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core.city_messages.model import CityMessage, Said
from fedhood.core.city_messages.tables import CityMessagePlaceTable, CityMessageTable, CityMessageVersionTable
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork


def find(db: peewee.Database, *conditions: Any, limit: int = 1000) -> list[CityMessage]:
    """The messages of which all this is true, the newest first, whatever their state."""
    query = CityMessageTable.select().where(*conditions).order_by(CityMessageTable.id.desc()).limit(limit)
    rows = list(query.execute(db))
    ids = [row.id for row in rows]
    said = _newest(db, ids)
    places = _places(db, ids)
    return [_of(row, said.get((row.id, row.version), {}), places.get(row.id, [])) for row in rows]


def get(db: peewee.Database, message_id: int) -> CityMessage:
    """One message, whatever its state. Raises NotFound."""
    for found in find(db, CityMessageTable.id == message_id):
        return found
    raise NotFound


def find_one(db: peewee.Database, message_id: int) -> CityMessage | None:
    """One message, whatever its state, if there is such a one."""
    return next(iter(find(db, CityMessageTable.id == message_id)), None)


def by_uri(db: peewee.Database, uri: str) -> CityMessage | None:
    """The message of a city with this address, whatever its state."""
    return next(iter(find(db, CityMessageTable.uri == uri)), None)


def by_posts(db: peewee.Database, posts: Iterable[int]) -> dict[int, CityMessage]:
    """The messages of which these posts are copies, by post."""
    wanted = list(posts)
    rows = CityMessagePlaceTable.select().where(CityMessagePlaceTable.post.in_(wanted)) if wanted else None
    copies = {} if rows is None else {row.post: row.message for row in rows.execute(db)}
    known = {one.id: one for one in find(db, CityMessageTable.id.in_(list(copies.values())))} if copies else {}
    return {post: known[message] for post, message in copies.items() if message in known}


def version_row(db: peewee.Database, message_id: int, version: int) -> CityMessageVersionTable | None:
    """What a message said in a version."""
    same = (CityMessageVersionTable.message == message_id, CityMessageVersionTable.version == version)
    return next(iter(CityMessageVersionTable.select().where(*same).execute(db)), None)


def said_of(row: CityMessageVersionTable) -> dict[str, Said]:
    """The words of a version, by language."""
    return {language: Said(title=title, text=text) for language, (title, text) in row.said.items()}


def _newest(db: peewee.Database, ids: list[int]) -> dict[tuple[int, int], dict[str, Said]]:
    if not ids:
        return {}
    joined = CityMessageVersionTable.select().join(
        CityMessageTable,
        on=(CityMessageTable.id == CityMessageVersionTable.message)
        & (CityMessageTable.version == CityMessageVersionTable.version),
    )
    rows = joined.where(CityMessageVersionTable.message.in_(ids)).execute(db)
    return {(row.message, row.version): said_of(row) for row in rows}


def _places(db: peewee.Database, ids: list[int]) -> dict[int, list[CityMessagePlaceTable]]:
    found: dict[int, list[CityMessagePlaceTable]] = {}
    if ids:
        rows = CityMessagePlaceTable.select().where(CityMessagePlaceTable.message.in_(ids))
        for row in rows.order_by(CityMessagePlaceTable.place).execute(db):
            found.setdefault(row.message, []).append(row)
    return found


def places(db: peewee.Database, message_id: int) -> list[CityMessagePlaceTable]:
    """The rows of the places of one message."""
    return _places(db, [message_id]).get(message_id, [])


def _of(row: CityMessageTable, said: dict[str, Said], rows: list[CityMessagePlaceTable]) -> CityMessage:
    return CityMessage(
        id=row.id,
        uri=row.uri,
        peer=row.peer,
        author=row.author,
        said=said,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        urgent=row.urgent,
        published_at=row.published_at,
        edited_at=row.edited_at,
        shown_at=row.shown_at,
        deleted_at=row.deleted_at,
        version=row.version,
        groups=tuple(row.groups),
        places=tuple(one.place for one in rows),
        posts=tuple(one.post for one in rows if one.post is not None),
    )


# -- writing -----------------------------------------------------------------------------------------------------------


def insert(uow: UnitOfWork, message: CityMessage, *, sent: str | None = None) -> None:
    """Keep a new message, its words and its places."""
    CityMessageTable.insert(
        id=message.id,
        uri=message.uri,
        peer=message.peer,
        author=message.author,
        groups=list(message.groups),
        urgent=message.urgent,
        begins_at=message.begins_at,
        ends_at=message.ends_at,
        published_at=message.published_at,
        edited_at=message.edited_at,
        version=message.version,
    ).execute(uow.db)
    _insert_version(uow, message)
    for place in message.places:
        CityMessagePlaceTable.insert(message=message.id, place=place, sent=sent).execute(uow.db)


def _insert_version(uow: UnitOfWork, message: CityMessage) -> None:
    CityMessageVersionTable.insert(
        message=message.id,
        version=message.version,
        said={language: [one.title, one.text] for language, one in message.said.items()},
        urgent=message.urgent,
        begins_at=message.begins_at,
        ends_at=message.ends_at,
    ).execute(uow.db)


def rewrite(uow: UnitOfWork, known: CityMessage, changed: CityMessage) -> None:
    """Put another version in place of this one, keeping the old. Raises Conflict when somebody was faster."""
    done = (
        CityMessageTable.update(
            urgent=changed.urgent,
            begins_at=changed.begins_at,
            ends_at=changed.ends_at,
            edited_at=changed.edited_at,
            version=changed.version,
        )
        .where(
            CityMessageTable.id == known.id,
            CityMessageTable.version == known.version,
            CityMessageTable.deleted_at.is_null(),
        )
        .execute(uow.db)
    )
    if not done:
        raise Conflict(code="changed")
    _insert_version(uow, changed)


def remove(uow: UnitOfWork, message_id: int, *, at: datetime) -> bool:
    """Empty a message and every version of it. False: it was gone already."""
    alive = (CityMessageTable.id == message_id, CityMessageTable.deleted_at.is_null())
    changed = CityMessageTable.update(deleted_at=at).where(*alive).execute(uow.db)
    CityMessageVersionTable.delete().where(CityMessageVersionTable.message == message_id).execute(uow.db)
    return bool(changed)


def mark_shown(uow: UnitOfWork, message_id: int) -> bool:
    """Its copies are made from now on. False: they are already."""
    once = (CityMessageTable.id == message_id, CityMessageTable.shown_at.is_null())
    return bool(CityMessageTable.update(shown_at=uow.now).where(*once).execute(uow.db))


def keep_copy(uow: UnitOfWork, message_id: int, place: int, post: int) -> None:
    """Where the copy of a message for a place is."""
    here = (CityMessagePlaceTable.message == message_id, CityMessagePlaceTable.place == place)
    CityMessagePlaceTable.update(post=post).where(*here).execute(uow.db)


def mark_sent(uow: UnitOfWork, message_id: int, places: Iterable[int], sent: str) -> None:
    """How far a message got on its way to some of its places."""
    here = (CityMessagePlaceTable.message == message_id, CityMessagePlaceTable.place.in_(list(places)))
    CityMessagePlaceTable.update(sent=sent).where(*here).execute(uow.db)
