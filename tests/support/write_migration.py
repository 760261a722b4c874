"""Writes the first migration anew from the tables as they are: `python -m tests.support.write_migration`.

Only until the first release. From then on a change of a table comes with a migration of its own, written by hand.
"""

from pathlib import Path
from typing import Any

import peewee

from fedhood.all_tables import TABLES
from fedhood.kernel.migrate import MIGRATIONS
from tests.support.databases import index_statement

FIRST = MIGRATIONS / "0001_first.py"

HEAD = '''"""The first schema: frozen copies of the tables, which import nothing of fedhood and never change."""

import peewee


class _Table(peewee.Model):
    class Meta:
        legacy_table_names = False
'''

UP = '''


def up(_migrator: object, db: peewee.Database) -> None:
    """Make every table, then the indexes that a column's own declaration cannot say."""
    sqlite = isinstance(db, peewee.SqliteDatabase)
    for table in TABLES:
        table._meta.without_rowid = sqlite and table in WITHOUT_ROWID
        manager = peewee.SchemaManager(table, database=db)
        manager.create_table(safe=False)
        manager.create_indexes(safe=False)
    for statement in INDEXES:
        db.execute_sql(statement)
'''


def source(tables: tuple[type[Any], ...] = TABLES) -> str:
    """The text of the migration."""
    parts = [HEAD, *(_class(table) for table in tables), ""]
    parts.append(_tuple("TABLES", [_name(table) for table in tables]))
    parts.append(_tuple("WITHOUT_ROWID", [_name(table) for table in tables if table._meta.without_rowid]))
    parts.append(_tuple("INDEXES", [repr(statement) for table in tables for statement in _statements(table)]))
    return "\n".join(parts) + UP


def _name(table: type[Any]) -> str:
    return "".join(part.capitalize() for part in table._meta.table_name.split("_"))


def _class(table: type[Any]) -> str:
    meta = table._meta
    lines = ["", f"class {_name(table)}(_Table):"]
    lines += [f"    {field.column_name} = {_field(field)}" for field in meta.sorted_fields]
    lines += ["", "    class Meta:", f"        table_name = {meta.table_name!r}"]
    if meta.composite_key:
        lines.append(f"        primary_key = peewee.CompositeKey{tuple(meta.primary_key.field_names)!r}")
    plain = tuple(index for index in meta.indexes if isinstance(index, tuple | list))
    if plain:
        lines.append(f"        indexes = {plain!r}")
    return "\n".join([*lines, ""])


def _field(field: peewee.Field) -> str:
    base = next(each for each in type(field).__mro__ if each.__module__ == "peewee")
    arguments = []
    if field.primary_key and not isinstance(field, peewee.AutoField):
        arguments.append("primary_key=True")
    arguments += [f"{name}=True" for name in ("null", "unique", "index") if getattr(field, name)]
    return f"peewee.{base.__name__}({', '.join(arguments)})"


def _statements(table: type[Any]) -> list[str]:
    db = peewee.SqliteDatabase(":memory:")
    return [index_statement(db, table, index) for index in table._meta.indexes if isinstance(index, peewee.Node)]


def _tuple(name: str, values: list[str]) -> str:
    return "\n".join([f"{name} = (", *(f"    {value}," for value in values), ")"])


def main(target: Path = FIRST) -> None:
    """Write it."""
    target.write_text(source(), encoding="utf-8")
    print(target)  # noqa: T201 - a program that a developer calls


if __name__ == "__main__":
    main()
