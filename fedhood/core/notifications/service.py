"""Telling people, and what they have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import fn

from fedhood.core import relations
from fedhood.core.notifications.model import SAFETY, Kind, Notification
from fedhood.core.notifications.tables import NotificationTable
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

    from fedhood.kernel.database import UnitOfWork

_AT_ONCE = 500

_SAME = Compiled(
    lambda: (
        NotificationTable.select(NotificationTable.id)
        .where(
            NotificationTable.account == hole("account"),
            NotificationTable.kind == hole("kind"),
            NotificationTable.object == hole("object"),
            (NotificationTable.actor == hole("actor")) | (NotificationTable.actor.is_null() & (hole("none") == 1)),
            NotificationTable.read_at.is_null(),
        )
        .limit(1)
    )
)
_INSERT = Compiled(
    lambda: NotificationTable.insert(
        {
            NotificationTable.account: hole("account"),
            NotificationTable.kind: hole("kind"),
            NotificationTable.object: hole("object"),
            NotificationTable.actor: hole("actor"),
            NotificationTable.at: hole("at"),
        }
    )
)


def tell(
    uow: UnitOfWork,
    *,
    account: int,
    kind: Kind,
    object: int,
    actor: int | None = None,
) -> None:
    """Somebody is to hear of something: never of their own doing, not twice while unread, never across a block.

    What was done to their account or rights (`SAFETY`) they hear whoever did it.
    """
    if actor == account:
        return
    if actor is not None and kind not in SAFETY and relations.is_blocked(uow.db, actor, account):
        return
    same = {"account": account, "kind": kind.value, "object": object, "actor": actor}
    if _SAME.row(uow.db, **same, none=int(actor is None)) is None:
        _INSERT.run(uow.db, **same, at=milliseconds(uow.now))


def tell_all(uow: UnitOfWork, *, accounts: Iterable[int], kind: Kind, object: int, actor: int) -> None:
    """Many are to hear of one thing, in a few statements; who did not read it yet is not told twice."""
    same = (
        NotificationTable.kind == kind.value,
        NotificationTable.object == object,
        NotificationTable.read_at.is_null(),
    )
    # `unread`, along which this is looked for, is short
    told = {row.account for row in NotificationTable.select(NotificationTable.account).where(*same).execute(uow.db)}
    row = {"kind": kind.value, "object": object, "actor": actor, "at": uow.now}
    rows = [{"account": account, **row} for account in accounts if account not in told]
    for start in range(0, len(rows), _AT_ONCE):
        NotificationTable.insert_many(rows[start : start + _AT_ONCE]).execute(uow.db)


def forget(uow: UnitOfWork, *, account: int) -> None:
    """Somebody is gone for good: what they were told goes too."""
    NotificationTable.delete().where(NotificationTable.account == account).execute(uow.db)


def _met(account: Any) -> Any:
    blocked = NotificationTable.actor.in_(relations.blocked_query(account))
    return NotificationTable.actor.is_null() | NotificationTable.kind.in_(sorted(SAFETY)) | ~blocked


def latest(db: peewee.Database, *, account: int, limit: int = 30, before: int | None = None) -> list[Notification]:
    """What somebody was told, newest first, without those whom they blocked or who blocked them."""
    query = NotificationTable.select().where(NotificationTable.account == account, _met(account))
    if before is not None:
        query = query.where(NotificationTable.id < before)
    return [
        Notification(
            id=row.id,
            account=row.account,
            kind=Kind(row.kind),
            object=row.object,
            actor=row.actor,
            at=row.at,
            read_at=row.read_at,
        )
        for row in query.order_by(NotificationTable.id.desc()).limit(limit).execute(db)
    ]


_UNREAD = Compiled(
    lambda: NotificationTable.select(fn.COUNT(NotificationTable.id)).where(
        NotificationTable.account == hole("account"), NotificationTable.read_at.is_null(), _met(hole("account"))
    )
)


def unread(db: peewee.Database, account: int) -> int:
    """How much of it was not read yet, without those whom they blocked or who blocked them."""
    row = _UNREAD.row(db, account=account)
    return 0 if row is None else int(row[0])


def read_all(uow: UnitOfWork, *, account: int, up_to: int) -> None:
    """Everything up to this one has been read."""
    NotificationTable.update(read_at=uow.now).where(
        NotificationTable.account == account, NotificationTable.id <= up_to, NotificationTable.read_at.is_null()
    ).execute(uow.db)
