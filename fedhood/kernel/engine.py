"""What a use case is handed, and what every database engine offers: the seam between asynchronous and synchronous.

    await db.write(help_requests.offer, by=viewer, request_id=…)     one transaction, durable when it returns
    await db.read(timelines.neighbourhood, viewer=viewer)            indexed reads, about 1 ms at most
    await db.survey(metrics.compile, …)                              long reads, never on the event loop

The lane is chosen at the call; the engine decides where it runs. `transact` and `look` do the same here and now, for
the command line and for tests.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from fedhood.kernel import facts
from fedhood.kernel.compiled import is_postgres

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.kernel.clock import Clock
    from fedhood.kernel.ids import IdMaker

P = ParamSpec("P")
T = TypeVar("T")
Consequences = "Callable[[UnitOfWork, facts.Fact], None]"


class UnitOfWork:
    """One transaction, one moment, one place to state facts."""

    __slots__ = ("_consequences", "_new_id", "db", "now", "wake")

    def __init__(
        self,
        db: peewee.Database,
        now: datetime,
        new_id: Callable[[], int],
        consequences: Callable[[UnitOfWork, facts.Fact], None],
    ) -> None:
        self.db = db
        self.now = now
        self.wake = False
        self._new_id = new_id
        self._consequences = consequences

    def new_id(self) -> int:
        """A fresh 63-bit id."""
        return self._new_id()

    def record(self, fact: facts.Fact) -> None:
        """Keep the fact, and let all that follows from it happen in this transaction."""
        facts.keep(self.db, fact, self.now)
        self._consequences(self, fact)

    def hold(self, name: str) -> None:
        """Let nobody else who holds this name act until this transaction ends. One who writes alone holds everything.

        For what two processes might do to one thing at once that is not there yet, and so has no row to be locked.
        """
        if is_postgres(self.db):
            self.db.execute_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])

    def wake_worker(self) -> None:
        """There is something to do outside once this transaction is durable."""
        self.wake = True


class Database(abc.ABC):
    """A database of ours, whatever the engine."""

    # one process a database: what an earlier one held can be taken over at once
    single_process = True

    def __init__(
        self, *, clock: Clock, new_id: IdMaker, consequences: Callable[[UnitOfWork, facts.Fact], None]
    ) -> None:
        self.clock = clock
        self.new_id = new_id
        self._consequences = consequences
        self.on_wake: Callable[[], None] = _nothing

    def _unit(self, db: peewee.Database) -> UnitOfWork:
        return UnitOfWork(db, self.clock.now(), self.new_id, self._consequences)

    @abc.abstractmethod
    async def start(self) -> None:
        """Open what the lanes need, on the loop that is running."""

    @abc.abstractmethod
    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short read. It cannot write."""

    @abc.abstractmethod
    async def survey(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long read beside everything else. It cannot write."""

    @abc.abstractmethod
    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a use case in a transaction; when this returns the transaction is on the disk.

        Raises what the use case raises (nothing of it is kept then), or Overloaded when too much is waiting.
        """

    @abc.abstractmethod
    def transact(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write`, here and now."""

    @abc.abstractmethod
    def look(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read`, here and now."""

    @abc.abstractmethod
    def release(self) -> None:
        """Close the connections of this thread, for who used `transact` and `look` alone."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish what waits and close every connection."""


def _nothing() -> None:
    pass
