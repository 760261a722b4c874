"""Queries that are rendered to text once and then run again and again: for what is hot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import peewee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def is_postgres(db: peewee.Database) -> bool:
    """Whether this connection speaks to PostgreSQL."""
    return isinstance(db, peewee.PostgresqlDatabase)


class _Hole:
    """A named place for a parameter in a compiled statement."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def hole(name: str) -> Any:
    """A named place for a parameter, to be used in a `Compiled` query where a value would stand."""
    return peewee.Value(_Hole(name), converter=False)


class _Among(peewee.ColumnBase):
    """`field` is one of a list: an array on PostgreSQL, a JSON list on SQLite."""

    def __init__(self, field: Any, name: str) -> None:
        self._field = field
        self._value = hole(name)

    def __sql__(self, context: Any) -> Any:
        context.sql(self._field)
        if context.state.param == "%s":
            return context.literal(" = ANY(").sql(self._value).literal(")")
        return context.literal(" IN (SELECT value FROM json_each(").sql(self._value).literal("))")


def among(field: Any, name: str) -> Any:
    """A condition for a `Compiled` query: the field is one of the integers given under this name."""
    return _Among(field, name)


class Compiled:
    """A peewee query, rendered to text once per engine and then run with fresh parameters.

    Building the text is what costs (359 of 600 µs for a timeline of twenty); the statement cache of the driver does
    the rest. Parameters are plain database values: moments as milliseconds.
    """

    __slots__ = ("_build", "_ready")

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._ready: dict[type[peewee.Database], tuple[str, list[tuple[str | None, Any]]]] = {}

    def _statement(self, db: peewee.Database) -> tuple[str, list[tuple[str | None, Any]]]:
        kind = type(db)
        if kind not in self._ready:
            sql, parameters = self._build().bind(db).sql()
            self._ready[kind] = (
                sql,
                [(p.name, None) if isinstance(p, _Hole) else (None, p) for p in parameters],
            )
        return self._ready[kind]

    def run(self, db: peewee.Database, **values: Any) -> Any:
        """Execute, and give the driver's cursor."""
        sql, places = self._statement(db)
        if not is_postgres(db):
            for name, value in values.items():
                if isinstance(value, list):
                    values[name] = f"[{','.join(map(str, value))}]"
        return db.execute_sql(sql, [values[name] if name is not None else value for name, value in places])

    def rows(self, db: peewee.Database, **values: Any) -> list[tuple[Any, ...]]:
        """All rows, as plain tuples of database values."""
        rows: list[tuple[Any, ...]] = self.run(db, **values).fetchall()
        return rows

    def row(self, db: peewee.Database, **values: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        found: Iterable[Any] | None = self.run(db, **values).fetchone()
        return None if found is None else tuple(found)
