"""Every table is known, every column says how far it may travel, and no file is too long to be read."""

import importlib
from pathlib import Path

import pytest

from fedhood.all_tables import TABLES
from fedhood.kernel import tables

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fedhood"
MOST_LINES = 400


def declared() -> set[type[tables.Table]]:
    """Every table that any module of the program declares."""
    for path in PACKAGE.rglob("*.py"):
        if "migrations" not in path.parts and "(Table)" in path.read_text("utf-8"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found, waiting = set(), [tables.Table]
    while waiting:
        below = [each for each in waiting.pop().__subclasses__() if each.__module__.startswith("fedhood.")]
        found.update(below)
        waiting.extend(below)
    return found


def test_every_table_is_made():
    assert {table.__name__ for table in declared() - set(TABLES)} == set(), "name it in fedhood/all_tables.py"


def test_no_table_is_named_twice():
    names = [table._meta.table_name for table in TABLES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_column_says_how_far_it_may_travel(table: type[tables.Table]):
    assert [field.name for field in table._meta.sorted_fields if tables.data_class(field) is None] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_no_table_is_bound_to_a_database(table: type[tables.Table]):
    assert table._meta.database is None


def test_no_file_is_too_long_to_be_read():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
        if "migrations" not in path.parts
    }
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
