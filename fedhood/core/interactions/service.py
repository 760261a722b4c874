"""Thanks, given and taken back. The home of a post keeps the count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import accounts, households, posts, relations
from fedhood.core.interactions.model import Thanked, ThanksArrived, ThanksTakenBack
from fedhood.core.interactions.tables import ThanksTable
from fedhood.kernel.database import Compiled, among, hole
from fedhood.kernel.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork


def thank(uow: UnitOfWork, *, by: Viewer, post_id: int) -> None:
    """A resident says thanks for a post; once is enough. A city is told nothing, so nobody thanks it here, nor somebody
    elsewhere for what goes through its hub, which passes no thanks on.

    Raises Unauthenticated, NotFound, Forbidden (one's own, a city's).
    """
    account, home = posts.resident(by)
    post = posts.get(uow.db, post_id=post_id, viewer=by)
    from_city = post.kind is posts.Kind.CITY or (post.audience is posts.Audience.CITY and post.uri is not None)
    if post.author == account or from_city or not post.is_told_to(home):
        raise Forbidden
    if not _add(uow, post_id, account, None, uow.now):
        return
    uow.record(
        Thanked(
            neighbourhood=home,
            household=households.household_of(uow.db, account),
            other_household=households.household_of(uow.db, post.author),
            object=post_id,
            account=account,
            to=post.author,
            elsewhere=post.uri is not None,
        )
    )


def take_back(uow: UnitOfWork, *, by: Viewer, post_id: int) -> None:
    """A resident takes thanks back. Raises Unauthenticated, NotFound."""
    account, home = posts.resident(by)
    post = posts.get(uow.db, post_id=post_id, viewer=by)
    if not _drop(uow, post_id, account):
        return
    uow.record(
        ThanksTakenBack(
            neighbourhood=home,
            household=households.household_of(uow.db, account),
            object=post_id,
            account=account,
            elsewhere=post.uri is not None,
        )
    )


def mirror_thanks(uow: UnitOfWork, *, post_id: int, account: int, uri: str, given_at: datetime) -> None:
    """Somebody next door thanks for a post of ours. Raises NotFound; silent when one of the two blocked the other.

    Of thanks that were given again, those that were given last are kept, however they arrive.
    """
    post = posts.row(uow.db, post_id=post_id)
    if post.deleted_at is not None:
        raise NotFound
    if relations.is_blocked(uow.db, post.author, account):
        return
    given_at = posts.believed(given_at, uow.now)
    if _add(uow, post_id, account, uri, given_at):
        uow.record(ThanksArrived(object=post_id, account=account, to=post.author))
        return
    earlier = (ThanksTable.at < given_at) | ((ThanksTable.at == given_at) & (ThanksTable.uri < uri))
    ThanksTable.update(uri=uri, at=given_at).where(
        ThanksTable.post == post_id, ThanksTable.account == account, earlier
    ).execute(uow.db)


def mirror_take_back(uow: UnitOfWork, *, post_id: int, account: int, uri: str, at: datetime) -> None:
    """Somebody next door takes thanks back: those with this address, or given before; not what they gave since."""
    _drop(uow, post_id, account, (ThanksTable.uri == uri) | (ThanksTable.at < posts.believed(at, uow.now)))


def forget(uow: UnitOfWork, *, account: int) -> None:
    """Take back all thanks that somebody ever gave; what ours said elsewhere is taken back there."""
    who = accounts.get(uow.db, account)
    given = ThanksTable.select(ThanksTable.post).where(ThanksTable.account == account).order_by(ThanksTable.post)
    for post_id in [row.post for row in given.execute(uow.db)]:
        _drop(uow, post_id, account)
        if who.peer is not None:
            continue
        post = posts.row(uow.db, post_id=post_id)
        uow.record(
            ThanksTakenBack(
                neighbourhood=who.neighbourhood,
                household=households.household_of(uow.db, account),
                object=post_id,
                account=account,
                elsewhere=post.uri is not None and post.deleted_at is None,
            )
        )


def _add(uow: UnitOfWork, post_id: int, account: int, uri: str | None, at: datetime) -> bool:
    added = (
        ThanksTable.insert(post=post_id, account=account, at=at, uri=uri)
        .on_conflict_ignore()
        .as_rowcount()
        .execute(uow.db)
    )
    if added:
        posts.count(uow.db, post_id, thanks=1)
    return bool(added)


def _drop(uow: UnitOfWork, post_id: int, account: int, *which: Any) -> bool:
    theirs = (ThanksTable.post == post_id, ThanksTable.account == account, *which)
    dropped = ThanksTable.delete().where(*theirs).execute(uow.db)
    if dropped:
        posts.count(uow.db, post_id, thanks=-1)
    return bool(dropped)


_MINE = Compiled(
    lambda: ThanksTable.select(ThanksTable.post).where(
        among(ThanksTable.post, "posts"), ThanksTable.account == hole("account")
    )
)


def thanked_by(db: peewee.Database, account: int | None, post_ids: Iterable[int]) -> set[int]:
    """For which of these posts this account has said thanks."""
    if account is None:
        return set()
    return {row[0] for row in _MINE.rows(db, posts=list(post_ids), account=account)}
