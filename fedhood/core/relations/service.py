"""Blocks: made and lifted, unannounced, in force both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import accounts
from fedhood.core.relations.tables import BlockTable
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Invalid, Unauthenticated

if TYPE_CHECKING:
    import peewee

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork

_EITHER = Compiled(
    lambda: (
        BlockTable.select(BlockTable.id)
        .where(
            ((BlockTable.account == hole("one")) & (BlockTable.other == hole("two")))
            | ((BlockTable.account == hole("two")) & (BlockTable.other == hole("one")))
        )
        .limit(1)
    )
)


def block(uow: UnitOfWork, *, by: Viewer, other: int) -> None:
    """Somebody will not meet somebody; nobody is told. Idempotent. Raises Unauthenticated, Invalid, NotFound."""
    if by.account is None:
        raise Unauthenticated
    if by.account == other:
        raise Invalid("nobody blocks themselves", code="oneself")
    accounts.get(uow.db, other)
    BlockTable.insert(account=by.account, other=other, at=uow.now).on_conflict_ignore().execute(uow.db)


def unblock(uow: UnitOfWork, *, by: Viewer, other: int) -> None:
    """Lift one's own block. Idempotent. Raises Unauthenticated."""
    if by.account is None:
        raise Unauthenticated
    BlockTable.delete().where(BlockTable.account == by.account, BlockTable.other == other).execute(uow.db)


def forget(uow: UnitOfWork, *, account: int) -> None:
    """Somebody is gone for good: nobody needs to keep out of their way."""
    BlockTable.delete().where((BlockTable.account == account) | (BlockTable.other == account)).execute(uow.db)


def is_blocked(db: peewee.Database, one: int, two: int) -> bool:
    """Whether either of two people blocked the other."""
    return _EITHER.row(db, one=one, two=two) is not None


def blocked_query(account: Any) -> Any:
    """A subquery of the accounts that must not meet this one: an id, or a hole of a compiled query."""
    mine = BlockTable.select(BlockTable.other).where(BlockTable.account == account)
    theirs = BlockTable.select(BlockTable.account).where(BlockTable.other == account)
    return mine.union_all(theirs)


_EITHER_WAY = Compiled(lambda: blocked_query(hole("account")))


def blocked_either_way(db: peewee.Database, account: int) -> set[int]:
    """The accounts that must not meet this one."""
    return {row[0] for row in _EITHER_WAY.rows(db, account=account)}


def blocked_by(db: peewee.Database, account: int) -> list[int]:
    """Whom somebody blocked, for the page where it can be lifted."""
    rows = BlockTable.select(BlockTable.other).where(BlockTable.account == account).order_by(BlockTable.id)
    return [row.other for row in rows.execute(db)]
