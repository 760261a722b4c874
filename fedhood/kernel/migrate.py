"""Brings a database to the schema that this program needs, before anything else opens it.

All that is pending runs in one transaction on both engines: what fails leaves everything as it was, a power cut
included, for the engine's own journal undoes it. (Migrating a copy and putting it in the file's place would need
journal files to be removed at the right moment, which no file system promises.) Before an existing file is changed a
whole copy of it is put into `data_dir/backups`; of a PostgreSQL database whoever runs it makes one.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import peewee
from playhouse.migrations import MigrationError, Runner

from fedhood.kernel.errors import Invalid
from fedhood.kernel.sqlite import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fedhood.kernel.settings import Settings

MIGRATIONS = Path(__file__).parents[1] / "migrations"
HISTORY = "schema_migration"
_LOCK_NUMBER = 0x6665_6468_6F6F_64  # "fedhood", for pg_advisory_lock


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What was done: the migrations that were applied, oldest first, and the copy that was kept of the file before."""

    applied: tuple[str, ...] = ()
    backup: Path | None = None


def database_file(settings: Settings) -> Path:
    """Where the SQLite database of these settings is."""
    return settings.data_dir / "fedhood.db"


def up(settings: Settings, *, now: datetime, directory: Path = MIGRATIONS) -> Migrated:
    """Apply what is pending; `now` names the copy. Whoever comes second waits, and finds nothing left to do.

    Raises Invalid with code `schema-newer` when the database was made by a newer program, and `schema-failed` when a
    migration failed; the database is then as it was.
    """
    if settings.database:
        return _up_postgres(settings.database, directory)
    return _up_file(settings, now, directory)


def pending(db: peewee.Database, directory: Path = MIGRATIONS) -> tuple[str, ...]:
    """The migrations that this database still needs, oldest first.

    Raises Invalid with code `schema-newer` when it has one that this program does not know.
    """
    rows = Runner(db, str(directory), HISTORY).status()
    unknown = [row.name for row in rows if row.path is None]
    if unknown:
        raise Invalid(
            f"the database was made by a newer fedhood (it has {', '.join(unknown)}); run that one",
            code="schema-newer",
        )
    return tuple(row.name for row in rows if not row.applied)


def _up_file(settings: Settings, now: datetime, directory: Path) -> Migrated:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = database_file(settings)
    with _alone(settings.data_dir / "migrate.lock"):
        file.touch(mode=0o600)
        db = open_file(file)
        with db.connection_context():
            wanted = pending(db, directory)
            if not wanted:
                return Migrated()
            backup = None
            if db.get_tables():
                backup = settings.data_dir / "backups" / f"before-{wanted[-1]}-{now:%Y%m%dT%H%M%S}.db"
                copy_to(db, backup)
            db.execute_sql("PRAGMA foreign_keys = 0")  # a table that is built anew must not take its children along
            return Migrated(applied=_apply(db, directory, "IMMEDIATE"), backup=backup)


def _up_postgres(dsn: str, directory: Path) -> Migrated:
    db = peewee.PostgresqlDatabase(dsn, prefer_psycopg3=True)
    with db.connection_context():
        db.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK_NUMBER,))  # goes with the connection
        return Migrated(applied=_apply(db, directory) if pending(db, directory) else ())


def _apply(db: peewee.Database, directory: Path, *lock_type: str) -> tuple[str, ...]:
    try:
        with db.atomic(*lock_type):
            return tuple(Runner(db, str(directory), HISTORY).up())
    except (peewee.PeeweeException, MigrationError) as failure:
        raise Invalid(
            f"the database could not be brought to the new schema and is as it was: {failure}", code="schema-failed"
        ) from failure


def copy_to(db: peewee.SqliteDatabase, target: Path) -> None:
    """A whole copy of a database as it stands, made beside everybody who uses it and on the disk when this returns."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    db.execute_sql("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
