"""Migrations build exactly what the tables say, one transaction at a time, and never leave half of one behind."""

import dataclasses
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peewee
import pytest

from fedhood.kernel import migrate
from fedhood.kernel.errors import Invalid
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import open_file
from tests.support.clocks import NOON
from tests.support.databases import create_tables
from tests.support.write_migration import FIRST, source

SECOND = """
import peewee

def up(migrator, db):
    migrator.migrate(migrator.add_column("instance", "comment", peewee.TextField(default="")))
"""
FAILS = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE half (id INTEGER)")
    db.execute_sql("INSERT INTO instance (name, value) VALUES ('half', 'way')")
    db.execute_sql("SELECT nothing FROM nowhere")
"""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where migrations are tried: settings of an empty database, and a way to look at it."""

    settings: Settings
    connect: Callable[[], peewee.Database]

    def up(self, directory: Path = migrate.MIGRATIONS) -> migrate.Migrated:
        return migrate.up(self.settings, now=NOON, directory=directory)

    def run(self, statement: str) -> list[Any]:
        db = self.connect()
        with db.connection_context():
            cursor = db.execute_sql(statement)
            return cursor.fetchall() if cursor.description else []

    def schema(self) -> Any:
        db = self.connect()
        with db.connection_context():
            return described(db)


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest, tmp_path: Path):
    if engine == "sqlite":
        settings = Settings(data_dir=tmp_path / "data")
        yield Place(settings, lambda: open_file(migrate.database_file(settings)))
    else:
        with request.getfixturevalue("postgres_server").empty() as dsn:
            settings = Settings(data_dir=tmp_path / "data", database=dsn)
            yield Place(settings, lambda: peewee.PostgresqlDatabase(dsn, prefer_psycopg3=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real first migration, and room for more."""
    made = tmp_path / "migrations"
    made.mkdir()
    shutil.copy(FIRST, made)
    return made


def described(db: peewee.Database) -> dict[tuple[str, ...], Any]:
    """Every table, column and index of a database as the engine itself writes it down, but the history."""
    if isinstance(db, peewee.SqliteDatabase):
        rows = db.execute_sql("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        return {(row[0], row[1]): row[3] for row in rows if row[2] != migrate.HISTORY}
    columns = db.execute_sql(
        "SELECT table_name, column_name, data_type, is_nullable, column_default, ordinal_position "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    ).fetchall()
    indexes = db.execute_sql("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    return {row[:2]: row[2:] for row in [*columns, *indexes.fetchall()] if row[0] != migrate.HISTORY}


@pytest.mark.both_databases
def test_the_migrations_build_exactly_what_the_tables_say(place: Place, engine: str):
    place.up()
    migrated = place.schema()
    db = place.connect()
    with db.connection_context(), db.atomic() as transaction:
        for table in db.get_tables():
            db.execute_sql(f'DROP TABLE "{table}" CASCADE' if engine == "postgres" else f'DROP TABLE "{table}"')
        create_tables(db)
        assert described(db) == migrated
        transaction.rollback()


def test_the_first_migration_is_what_the_tables_give():
    assert FIRST.read_text("utf-8") == source(), "until the first release: python -m tests.support.write_migration"


def test_no_migration_knows_the_program():
    for file in migrate.MIGRATIONS.glob("*.py"):
        assert "fedhood" not in file.read_text("utf-8").partition('"""\n')[2]


@pytest.mark.both_databases
def test_a_new_database_gets_every_migration_once(place: Place):
    assert place.up() == migrate.Migrated(applied=tuple(sorted(file.stem for file in migrate.MIGRATIONS.glob("0*.py"))))
    assert place.up() == migrate.Migrated()
    assert place.run("SELECT count(*) FROM post") == [(0,)]


@pytest.mark.both_databases
def test_a_later_migration_keeps_what_is_there(place: Place, folder: Path):
    place.up(folder)
    place.run("INSERT INTO instance (name, value) VALUES ('host', '\"elm.example\"')")
    (folder / "0002_second.py").write_text(SECOND)
    assert place.up(folder).applied == ("0002_second",)
    assert place.run("SELECT name, value, comment FROM instance") == [("host", '"elm.example"', "")]


@pytest.mark.both_databases
def test_a_failed_migration_leaves_everything_as_it_was(place: Place, folder: Path):
    place.up(folder)
    before = place.schema()
    (folder / "0002_second.py").write_text(SECOND)
    (folder / "0003_fails.py").write_text(FAILS)
    with pytest.raises(Invalid) as refused:
        place.up(folder)
    assert refused.value.code == "schema-failed"
    assert place.schema() == before
    assert place.run(f"SELECT name FROM {migrate.HISTORY}") == [("0001_first",)]
    assert place.run("SELECT * FROM instance") == []


@pytest.mark.both_databases
def test_a_newer_schema_is_refused_and_untouched(place: Place, folder: Path):
    (folder / "0002_second.py").write_text(SECOND)
    place.up(folder)
    before = place.schema()
    (folder / "0002_second.py").unlink()
    (folder / "0002_another.py").write_text(FAILS)
    with pytest.raises(Invalid) as refused:
        place.up(folder)
    assert refused.value.code == "schema-newer"
    assert "0002_second" in refused.value.detail
    assert place.schema() == before


@pytest.mark.both_databases
def test_of_several_at_once_one_migrates_and_the_others_wait(place: Place):
    done: list[migrate.Migrated] = []
    threads = [threading.Thread(target=lambda: done.append(place.up())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(each.applied) for each in done) == [False, False, False, True]


def test_an_existing_file_is_copied_before_it_is_changed(place: Place, folder: Path):
    assert place.up(folder).backup is None
    place.run("INSERT INTO instance (name, value) VALUES ('host', '1')")
    (folder / "0002_second.py").write_text(SECOND)
    backup = place.up(folder).backup
    assert backup is not None
    assert backup.parent == place.settings.data_dir / "backups"
    kept = peewee.SqliteDatabase(str(backup))
    with kept.connection_context():
        assert kept.execute_sql("SELECT * FROM instance").fetchall() == [("host", "1")]
        assert kept.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nobody_else_on_the_machine_can_read_the_files(place: Place, folder: Path):
    place.up(folder)
    (folder / "0002_second.py").write_text(SECOND)
    backup = place.up(folder).backup
    assert backup is not None
    data = place.settings.data_dir
    assert [path.stat().st_mode & 0o777 for path in (data, backup.parent)] == [0o700, 0o700]
    assert [path.stat().st_mode & 0o777 for path in (migrate.database_file(place.settings), backup)] == [0o600, 0o600]
