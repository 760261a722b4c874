"""Databases for tests: every table of the program, made from the tables themselves and not by a migration."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import peewee

from fedhood.all_tables import TABLES
from fedhood.kernel.facts import is_postgres
from fedhood.kernel.sqlite import open_file


def create_tables(db: peewee.Database, tables: Iterable[Any] = TABLES) -> None:
    """Make these tables and their indexes; what only SQLite knows is left out on PostgreSQL."""
    for table in tables:
        manager = peewee.SchemaManager(table, database=db)
        meta = table._meta
        without_rowid, meta.without_rowid = meta.without_rowid, meta.without_rowid and not is_postgres(db)
        try:
            manager.create_table(safe=False)
        finally:
            meta.without_rowid = without_rowid
        for index in meta.fields_to_index():
            db.execute_sql(index_statement(db, table, index))


def index_statement(db: peewee.Database, table: Any, index: Any) -> str:
    """The statement that makes an index, its values written out."""
    context = peewee.SchemaManager(table, database=db)._create_context()
    sql, parameters = context.sql(peewee.ValueLiterals(index.safe(_safe=False))).query()
    assert not parameters, sql
    return sql


def make_file(path: Path) -> None:
    """A database file with all tables and nothing in them, its log folded in."""
    db = open_file(path)
    with db.connection_context():
        with db.atomic():
            create_tables(db)
        db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
