"""The engine a city grows into: psycopg 3, a pool of connections, the same synchronous functions in eight threads.

Writes run at READ COMMITTED, one transaction a call, and are repeated twice on deadlock or serialization failure.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import peewee
from playhouse.pool import PooledPostgresqlDatabase

from fedhood.kernel.engine import Database, UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel import facts
    from fedhood.kernel.clock import Clock
    from fedhood.kernel.ids import IdMaker

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
_REPEATS = 2
_WORTH_REPEATING = {"40001", "40P01"}  # serialization_failure, deadlock_detected


class PostgresDatabase(Database):
    """A PostgreSQL database, named by its DSN."""

    single_process = False

    def __init__(
        self,
        dsn: str,
        *,
        clock: Clock,
        new_id: IdMaker,
        consequences: Callable[[UnitOfWork, facts.Fact], None],
    ) -> None:
        super().__init__(clock=clock, new_id=new_id, consequences=consequences)
        self._db = PooledPostgresqlDatabase(dsn, max_connections=THREADS + 4, prefer_psycopg3=True)
        self._pool = ThreadPoolExecutor(THREADS, "fedhood-postgres")

    async def start(self) -> None:
        """Connections open with their first use."""

    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a read in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: self.look(query, *args, **kwargs))

    survey = read

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a use case in a thread and a transaction."""
        result, wake = await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: self._transact(lambda uow: use_case(uow, *args, **kwargs))
        )
        if wake:
            self.on_wake()
        return result

    def transact(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write`, here and now."""
        result, wake = self._transact(lambda uow: use_case(uow, *args, **kwargs))
        if wake:
            self.on_wake()
        return result

    def _transact(self, run: Callable[[UnitOfWork], T]) -> tuple[T, bool]:
        for attempt in range(_REPEATS + 1):
            with self._db.connection_context():
                try:
                    with self._db.atomic():
                        uow = self._unit(self._db)
                        result = run(uow)
                except peewee.OperationalError as failure:
                    state = getattr(failure.__cause__ or failure.__context__, "sqlstate", None)
                    if state not in _WORTH_REPEATING or attempt == _REPEATS:
                        raise
                else:
                    return result, uow.wake
        raise AssertionError("unreachable")  # pragma: no cover

    def look(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`read`, here and now, in a read-only transaction."""
        with self._db.connection_context(), self._db.atomic():
            self._db.execute_sql("SET TRANSACTION READ ONLY")
            return query(self._db, *args, **kwargs)

    def release(self) -> None:
        """Close every connection; the pool's threads are not started."""
        self._db.close_all()

    async def close(self) -> None:
        """Close every thread's connection: PostgreSQL would not let a database go otherwise."""
        self._pool.shutdown()
        self._db.close_all()
