"""The server's database, opened beside it for one command."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fedhood import consequences
from fedhood.cli.words import in_words
from fedhood.kernel import migrate
from fedhood.kernel.clock import Clock
from fedhood.kernel.database import open_database
from fedhood.kernel.errors import Invalid
from fedhood.kernel.ids import SLOTS, IdMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedhood.kernel.engine import Database
    from fedhood.kernel.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, not started: `transact` and `look`. The server may run beside it.

    Raises Invalid when there is none of this program's schema, and for what the machine or the database refuses.
    """
    with in_words(settings), _opened(settings) as database:
        yield database


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    if not settings.database and not migrate.database_file(settings).exists():
        raise Invalid(f"there is no database in {settings.data_dir}; fedhood serve makes one", code="no-database")
    clock = Clock()
    database = open_database(
        settings,
        clock=clock,
        new_id=IdMaker(clock, SLOTS - 1),  # servers take theirs from the other end
        consequences=consequences.follow,
    )
    try:
        if database.look(migrate.pending):
            raise Invalid("the database is of an older fedhood; fedhood serve renews it", code="schema-older")
        yield database
    finally:
        asyncio.run(database.close())
