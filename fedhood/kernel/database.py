"""Opens the database that the settings name: a file by default, PostgreSQL where there is a DSN."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from fedhood.kernel.compiled import Compiled, among, hole
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel import facts
    from fedhood.kernel.clock import Clock
    from fedhood.kernel.ids import IdMaker
    from fedhood.kernel.settings import Settings

__all__ = ["Compiled", "Database", "UnitOfWork", "among", "hole", "open_database"]


def open_database(
    settings: Settings, *, clock: Clock, new_id: IdMaker, consequences: Callable[[UnitOfWork, facts.Fact], None]
) -> Database:
    """The database of these settings, not started. PostgreSQL's driver is imported only where it is used."""
    if settings.database:
        postgres = importlib.import_module("fedhood.kernel.postgres")
        return cast(
            "Database",
            postgres.PostgresDatabase(settings.database, clock=clock, new_id=new_id, consequences=consequences),
        )
    return SqliteDatabase(settings.data_dir / "fedhood.db", clock=clock, new_id=new_id, consequences=consequences)
