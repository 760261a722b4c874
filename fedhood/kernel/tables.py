"""What every table shares: moments, JSON, and the class of data that each column carries.

Tables stay unbound, so that two instances can live in one process: a query is run with `.execute(db)`. Every column is
wrapped in exactly one of `p0` … `p4`; a test fails on one that is not.

| class | what | may leave the server |
|---|---|---|
| P0 | public, or the machine's own book-keeping | yes |
| P1 | what a neighbourhood reads | only to the places of its audience |
| P2 | personal: who is who, who asked, who blocked whom | only to named recipients |
| P3 | safety: street, door, phone, health | never, but the note, to the accepted helper |
| P4 | secrets: hashes, keys, codes | never |
"""

import enum
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import peewee

from fedhood.kernel.clock import from_milliseconds, milliseconds


class DataClass(enum.IntEnum):
    """How far a column may travel."""

    P0 = 0
    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4


F = TypeVar("F", bound=peewee.Field)

# kept beside the fields, by identity: peewee copies a field's attributes around
_CLASSES: dict[int, tuple[peewee.Field, DataClass]] = {}


def _mark(field: F, data_class: DataClass) -> F:
    _CLASSES[id(field)] = (field, data_class)
    return field


def data_class(field: peewee.Field) -> DataClass | None:
    """The class of data that a column carries, None when nobody said."""
    marked = _CLASSES.get(id(field))
    return None if marked is None else marked[1]


def p0(field: F) -> F:
    """Mark a column as public or book-keeping."""
    return _mark(field, DataClass.P0)


def p1(field: F) -> F:
    """Mark a column as what a neighbourhood reads."""
    return _mark(field, DataClass.P1)


def p2(field: F) -> F:
    """Mark a column as personal."""
    return _mark(field, DataClass.P2)


def p3(field: F) -> F:
    """Mark a column as safety."""
    return _mark(field, DataClass.P3)


def p4(field: F) -> F:
    """Mark a column as a secret."""
    return _mark(field, DataClass.P4)


class Table(peewee.Model):
    """A table of ours: singular name, unbound."""

    class Meta:
        legacy_table_names = False


def json_text(value: Any) -> str | None:
    """A small JSON value as it is kept; nothing for None."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if TYPE_CHECKING:
    _V = TypeVar("_V")

    class MomentField(peewee.Field[_V]):
        """See below."""

        @overload
        def __new__(cls, *, null: Literal[True], **kwargs: Any) -> "MomentField[datetime | None]": ...
        @overload
        def __new__(cls, *, null: Literal[False] = ..., **kwargs: Any) -> "MomentField[datetime]": ...
        def __new__(cls, **kwargs: Any) -> Any:
            """See below."""

    class JsonField(peewee.Field[Any]):
        """See below."""

        def __new__(cls, **kwargs: Any) -> "JsonField": ...

else:

    class MomentField(peewee.BigIntegerField):
        """A moment, kept as whole milliseconds since 1970 UTC; an aware datetime in Python."""

        def db_value(self, value):
            """To the database."""
            return milliseconds(value) if isinstance(value, datetime) else value

        def python_value(self, value):
            """From the database."""
            return None if value is None else from_milliseconds(value)

    class JsonField(peewee.TextField):
        """A small JSON value, kept as compact text: read whole, never searched in."""

        def db_value(self, value):
            """To the database."""
            return json_text(value)

        def python_value(self, value):
            """From the database."""
            return None if value is None else json.loads(value)
