"""The room where it is remembered by which scheme other servers want their requests signed (`knocking`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import knocking
from fedhood.adapters.activitypub.knocking import How, Known
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import KnownSchemeTable
from fedhood.core import peers
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.knocking import Plan
    from fedhood.adapters.http.client import Answer
    from fedhood.kernel.engine import UnitOfWork

_OF_HOST = Compiled(
    lambda: KnownSchemeTable.select(KnownSchemeTable.scheme, KnownSchemeTable.how, KnownSchemeTable.learnt_at).where(
        KnownSchemeTable.host == hole("host")
    )
)


async def knock(
    federation: Federation,
    host: str,
    attempt: Callable[[Plan], Awaitable[Answer]],
    *,
    capabilities: Sequence[str] | None = None,
) -> Answer:
    """The answer of a host to a request that `attempt` sends, signed as the plan says: once, or twice if it is refused.

    Of two answers it is the one that counts (`knocking.counts`).

    `capabilities` are the host's as far as the caller knows them; None looks among the servers that we know. What
    `attempt` raises is raised.
    """
    known, said = await federation.database.read(_known, host)
    first = knocking.plan(known, said if capabilities is None else capabilities, federation.clock.now())
    answer = await attempt(first)
    again = knocking.second(first, answer.status)
    if again is None:
        return answer
    other = await attempt(again)
    learnt = knocking.answered(known, again, other.status, federation.clock.now())
    if learnt is not None and knocking.is_news(known, learnt):
        await federation.database.write(remember, host, learnt)
    return other if knocking.counts(answer.status, other.status) else answer


def heard(uow: UnitOfWork, *, host: str, scheme: Scheme) -> None:
    """A request of this host was verified. Written down once a day at most."""
    known = of_host(uow.db, host)
    learnt = knocking.heard(known, scheme, uow.now)
    if learnt is not None and knocking.is_news(known, learnt):
        remember(uow, host, learnt)


def of_host(db: peewee.Database, host: str) -> Known | None:
    """What was learnt about a host, however long ago."""
    row = _OF_HOST.row(db, host=host)
    return None if row is None else Known(scheme=Scheme(row[0]), how=How(row[1]), learnt_at=from_milliseconds(row[2]))


def remember(uow: UnitOfWork, host: str, learnt: Known) -> None:
    """Write down what was learnt about a host, in place of what was known before."""
    KnownSchemeTable.insert(
        host=host, scheme=learnt.scheme.value, how=learnt.how.value, learnt_at=learnt.learnt_at
    ).on_conflict(
        conflict_target=[KnownSchemeTable.host],
        preserve=[KnownSchemeTable.scheme, KnownSchemeTable.how, KnownSchemeTable.learnt_at],
    ).execute(uow.db)


def forget_old(uow: UnitOfWork, before: datetime) -> int:
    """Delete what was learnt before this moment: it holds no longer. Returns how many rows."""
    deleted: int = KnownSchemeTable.delete().where(KnownSchemeTable.learnt_at < before).execute(uow.db)
    return deleted


def _known(db: peewee.Database, host: str) -> tuple[Known | None, Sequence[str]]:
    peer = peers.by_host(db, host)
    return of_host(db, host), (peer.capabilities or []) if peer is not None else []
