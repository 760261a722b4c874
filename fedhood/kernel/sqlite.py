"""The embedded engine: reads on the event loop, surveys in two threads, one writer thread with group commit.

The writer takes a waiting unit, begins, runs every unit in a savepoint, drains up to 64 that wait, commits once and
only then tells all of them. It is also the only one that checkpoints: SQLite before 3.51.3 may damage its log when a
second connection does. `synchronous=FULL`: what was answered survives a power cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import peewee

from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedhood.kernel import facts
    from fedhood.kernel.clock import Clock
    from fedhood.kernel.ids import IdMaker

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 64
BACKLOG = 2000
MOST_LOG = 8 << 20  # bytes of log after which the writer checkpoints in the midst of work
_QUIET = 0.5  # seconds without work after which it does so in any case
_COMMON = {
    "journal_mode": "wal",
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "mmap_size": 1 << 28,
    "cache_size": -8000,
    "wal_autocheckpoint": 0,
}


def open_file(path: Path, *, read_only: bool = False) -> peewee.SqliteDatabase:
    """A connection maker for one database file, with the settings that every connection must have."""
    own = {"query_only": 1} if read_only else {"synchronous": "full", "secure_delete": 1}
    return peewee.SqliteDatabase(str(path), pragmas={**_COMMON, **own}, cached_statements=512, timeout=5)


class _Unit:
    """A use case that waits for the writer."""

    __slots__ = ("failure", "future", "result", "run")

    def __init__(self, run: Callable[[UnitOfWork], Any], future: asyncio.Future[Any]) -> None:
        self.run = run
        self.future = future
        self.result: Any = None
        self.failure: BaseException | None = None


class SqliteDatabase(Database):
    """One file, one process."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        new_id: IdMaker,
        consequences: Callable[[UnitOfWork, facts.Fact], None],
        backlog: int = BACKLOG,
    ) -> None:
        super().__init__(clock=clock, new_id=new_id, consequences=consequences)
        self.path = path
        self._log = path.with_name(path.name + "-wal")
        self._writer_db = open_file(path)
        self._reader_db = open_file(path, read_only=True)
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._backlog = backlog
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._direct = threading.Lock()

    async def start(self) -> None:
        """Start the writer and open the connections."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write_for_ever, name="fedhood-writer", daemon=True)
        self._thread.start()
        await self.write(_touch)  # the file and its log exist before a reader looks
        self._reader_db.connect(reuse_if_open=True)

    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a short read, at once, on the event loop."""
        return query(self._reader_db, *args, **kwargs)

    async def survey(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long read in a thread of its own connection."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                2, "fedhood-survey", initializer=lambda: self._reader_db.connect(reuse_if_open=True)
            )
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: query(self._reader_db, *args, **kwargs)
        )

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Queue for the writer and wait until the commit is on the disk."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        unit = _Unit(lambda uow: use_case(uow, *args, **kwargs), future)
        if self._queue.qsize() >= self._backlog:
            raise Overloaded(retry_after=5)
        self._queue.put(unit)
        return await future

    def transact(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one use case in its own transaction on this thread's connection."""
        db = self._writer_db
        with self._direct:
            db.connect(reuse_if_open=True)
            db.execute_sql("BEGIN IMMEDIATE")
            unit = self._unit(db)
            try:
                result = use_case(unit, *args, **kwargs)
            except BaseException:
                db.execute_sql("ROLLBACK")
                raise
            db.execute_sql("COMMIT")
        if unit.wake:
            self.on_wake()
        return result

    def look(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a read on this thread's read-only connection."""
        self._reader_db.connect(reuse_if_open=True)
        return query(self._reader_db, *args, **kwargs)

    async def close(self) -> None:
        """Let the writer finish what waits, then close every connection."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
            self._thread = None
        if self._pool is not None:
            for done in [self._pool.submit(_close, self._reader_db) for _ in range(2)]:
                await asyncio.wrap_future(done)
            self._pool.shutdown()
            self._pool = None
        self.release()

    def release(self) -> None:
        """Close this thread's connections."""
        _close(self._reader_db)
        _close(self._writer_db)

    # -- the writer's thread ------------------------------------------------------------------------------------------

    def _write_for_ever(self) -> None:
        db = self._writer_db
        db.connect(reuse_if_open=True)
        going = True
        while going:
            unit = self._next(db)
            if unit is None:
                break
            batch = [unit]
            try:
                going, wake = self._write_batch(db, batch)
            except Exception as failure:  # noqa: BLE001 - a failing BEGIN or COMMIT must answer everyone who waits
                with contextlib.suppress(peewee.DatabaseError):
                    db.execute_sql("ROLLBACK")
                for waiting in batch:
                    waiting.failure = waiting.failure or failure
                wake = False
            self._tell(batch, wake=wake)
            if self._log_is_long():
                _checkpoint(db, "TRUNCATE")
        _checkpoint(db, "TRUNCATE")
        _close(db)

    def _next(self, db: peewee.SqliteDatabase) -> _Unit | None:
        """The next unit; while nobody waits, the quiet is used to checkpoint."""
        try:
            return self._queue.get(timeout=_QUIET)
        except queue.Empty:
            _checkpoint(db, "PASSIVE")
            return self._queue.get()

    def _log_is_long(self) -> bool:
        with contextlib.suppress(OSError):
            return self._log.stat().st_size > MOST_LOG
        return False

    def _write_batch(self, db: peewee.SqliteDatabase, batch: list[_Unit]) -> tuple[bool, bool]:
        """Run the first unit and all that wait (64 at most) in one transaction: (go on, wake the worker)."""
        db.execute_sql("BEGIN IMMEDIATE")
        position, wake, going = 0, False, True
        while position < len(batch):
            wake |= self._run(db, batch[position])
            position += 1
            if position == len(batch) and going and position < BATCH:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    going = False
                else:
                    batch.append(waiting)
        db.execute_sql("COMMIT")
        return going, wake

    def _run(self, db: peewee.SqliteDatabase, unit: _Unit) -> bool:
        uow = self._unit(db)
        db.execute_sql("SAVEPOINT unit")
        try:
            unit.result = unit.run(uow)
        except Exception as failure:  # noqa: BLE001 - it is handed to the caller, who waits for it
            unit.failure = failure
            db.execute_sql("ROLLBACK TO unit")
        db.execute_sql("RELEASE unit")
        return uow.wake and unit.failure is None

    def _tell(self, batch: list[_Unit], *, wake: bool) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_settle, batch, self.on_wake if wake else None)


def _settle(batch: list[_Unit], on_wake: Callable[[], None] | None) -> None:
    for unit in batch:
        if unit.future.done():
            continue
        if unit.failure is None:
            unit.future.set_result(unit.result)
        else:
            unit.future.set_exception(unit.failure)
    if on_wake is not None:
        on_wake()


def _checkpoint(db: peewee.SqliteDatabase, mode: str) -> None:
    with contextlib.suppress(peewee.DatabaseError):  # a reader may hold it back; the next quiet moment tries again
        db.execute_sql(f"PRAGMA wal_checkpoint({mode})").fetchall()


def _touch(uow: UnitOfWork) -> None:
    uow.db.execute_sql("SELECT 1").fetchall()


def _close(db: peewee.SqliteDatabase) -> None:
    if not db.is_closed():
        db.close()
