"""Following, leaving, and being turned away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.core import neighbourhoods, peers
from fedhood.core.visitors.model import (
    MOST_FOLLOWERS,
    MOST_INBOXES,
    MOST_OF_A_HOST,
    Followed,
    Follower,
    FollowRefused,
    Standing,
    VisitorsRefused,
)
from fedhood.core.visitors.tables import FOLLOWS, FollowerTable
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.kernel.database import UnitOfWork

REFUSED_FOR = timedelta(days=30)


def follow(uow: UnitOfWork, *, neighbourhood: int, actor: str, host: str, inbox: str, endpoint: str, uri: str) -> int:
    """Somebody on other software follows a neighbourhood of ours: the same person again is answered again.

    They are refused where no visitors are received, and beyond 5,000 in one neighbourhood, 2,000 of one host, or 20 of
    a host without a shared inbox. Returns the id of what is remembered of them. Raises NotFound.
    """
    place = neighbourhoods.get(uow.db, neighbourhood)
    peer = peers.host_of_visitors(uow, host=host, shared_inbox=endpoint)
    uow.hold(f"followers.{neighbourhood}")
    known = by_actor(uow.db, actor=actor, neighbourhood=neighbourhood)
    may = place.visitors and (
        (known is not None and known.standing is Standing.FOLLOWS)
        or _has_room(uow.db, neighbourhood, peer, is_shared=endpoint != inbox)
    )
    said: dict[str, Any] = {
        "peer": peer,
        "inbox": inbox,
        "endpoint": endpoint,
        "follow": uri,
        "standing": (Standing.FOLLOWS if may else Standing.REFUSED).value,
        "at": uow.now,
    }
    version = 1 if known is None else known.version + 1
    if known is None:
        follower = uow.new_id()
        FollowerTable.insert(id=follower, neighbourhood=neighbourhood, actor=actor, **said).execute(uow.db)
    else:
        follower = known.id
        FollowerTable.update(version=version, **said).where(FollowerTable.id == follower).execute(uow.db)
    fact = Followed if may else FollowRefused
    uow.record(fact(neighbourhood=neighbourhood, object=follower, version=version))
    return follower


def _has_room(db: peewee.Database, neighbourhood: int, peer: int, *, is_shared: bool) -> bool:
    here = FollowerTable.select().where(FollowerTable.neighbourhood == neighbourhood, FOLLOWS)
    of_host = here.where(FollowerTable.peer == peer)
    if here.count(db) >= MOST_FOLLOWERS or of_host.count(db) >= MOST_OF_A_HOST:
        return False
    return is_shared or of_host.where(FollowerTable.endpoint == FollowerTable.inbox).count(db) < MOST_INBOXES


def unfollow(uow: UnitOfWork, *, actor: str, neighbourhood: int | None = None, uri: str = "") -> None:
    """Somebody follows no longer: this neighbourhood, or what they once followed by this address. Idempotent."""
    theirs = FollowerTable.delete().where(FollowerTable.actor == actor)
    if neighbourhood is None:
        theirs.where(FollowerTable.follow == uri).execute(uow.db)
    else:
        theirs.where(FollowerTable.neighbourhood == neighbourhood).execute(uow.db)


def forget(uow: UnitOfWork, *, actor: str) -> None:
    """Somebody is no more."""
    FollowerTable.delete().where(FollowerTable.actor == actor).execute(uow.db)


def forget_inbox(uow: UnitOfWork, *, inbox: str) -> None:
    """An inbox is gone for good, and with it whose it was, or whose posts went there."""
    FollowerTable.delete().where((FollowerTable.endpoint == inbox) | (FollowerTable.inbox == inbox)).execute(uow.db)


def forget_host(uow: UnitOfWork, *, peer: int) -> None:
    """A server is blocked here, or has not been there for a long time."""
    FollowerTable.delete().where(FollowerTable.peer == peer).execute(uow.db)


def receive(uow: UnitOfWork, *, neighbourhood: int, on: bool) -> bool:
    """From now on a neighbourhood receives visitors, or none any more: who follows is turned away.

    False when it is so already.
    """
    if neighbourhoods.get(uow.db, neighbourhood).visitors is on:
        return False
    neighbourhoods.receive_visitors(uow, neighbourhood=neighbourhood, on=on)
    if not on:
        uow.hold(f"followers.{neighbourhood}")
        FollowerTable.update(standing=Standing.REFUSED.value, version=FollowerTable.version + 1, at=uow.now).where(
            FollowerTable.neighbourhood == neighbourhood, FOLLOWS
        ).execute(uow.db)
        uow.record(VisitorsRefused(neighbourhood=neighbourhood))
    return True


def forget_refused(uow: UnitOfWork) -> int:
    """Forget who was refused 30 days ago. Returns how many."""
    old = (FollowerTable.standing == peewee.SQL("'refused'"), FollowerTable.at < uow.now - REFUSED_FOR)
    forgotten: int = FollowerTable.delete().where(*old).execute(uow.db)
    return forgotten


_COLUMNS = tuple(getattr(FollowerTable, name) for name in Follower.__dataclass_fields__)
_BY_ID = Compiled(lambda: FollowerTable.select(*_COLUMNS).where(FollowerTable.id == hole("id")))
_BY_ACTOR = Compiled(
    lambda: FollowerTable.select(*_COLUMNS).where(
        FollowerTable.actor == hole("actor"), FollowerTable.neighbourhood == hole("neighbourhood")
    )
)
_READS = Compiled(
    lambda: (
        FollowerTable.select(FollowerTable.id)
        .where(
            FollowerTable.neighbourhood == hole("neighbourhood"),
            FOLLOWS,
            FollowerTable.peer == hole("peer"),
            FollowerTable.endpoint == hole("endpoint"),
        )
        .limit(1)
    )
)


def _of(row: tuple[Any, ...] | None) -> Follower | None:
    if row is None:
        return None
    values = dict(zip(Follower.__dataclass_fields__, row, strict=True))
    return Follower(**{**values, "standing": Standing(values["standing"])})


def row(db: peewee.Database, follower: int) -> Follower:
    """What is remembered of one follower. Raises NotFound."""
    found = _of(_BY_ID.row(db, id=follower))
    if found is None:
        raise NotFound
    return found


def by_actor(db: peewee.Database, *, actor: str, neighbourhood: int) -> Follower | None:
    """What is remembered of this person as a follower of this neighbourhood."""
    return _of(_BY_ACTOR.row(db, actor=actor, neighbourhood=neighbourhood))


def follows_any(db: peewee.Database, actor: str) -> bool:
    """Whether anything is remembered of this person as a follower."""
    return bool(FollowerTable.select().where(FollowerTable.actor == actor).exists(db))


def is_read_at(db: peewee.Database, *, neighbourhood: int, peer: int, endpoint: str) -> bool:
    """Whether somebody whose posts go there follows this neighbourhood."""
    return _READS.row(db, neighbourhood=neighbourhood, peer=peer, endpoint=endpoint) is not None


def refused(db: peewee.Database, neighbourhood: int, *, since: datetime) -> list[Follower]:
    """Who was turned away from a neighbourhood, at a moment or later."""
    away = FollowerTable.select(*_COLUMNS).where(
        FollowerTable.neighbourhood == neighbourhood,
        FollowerTable.standing == peewee.SQL("'refused'"),
        FollowerTable.at >= since,
    )
    return [one for row in away.tuples().execute(db) if (one := _of(row)) is not None]
