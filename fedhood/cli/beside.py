"""A command that asks other servers, beside the running one: the same database and keys, used here and now."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.http.client import Client
from fedhood.app import USER_AGENT
from fedhood.cli.opened import opened
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Invalid
from fedhood.kernel.urls import Addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import peewee

    from fedhood.kernel.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class _Beside(Database):
    """A database that is not started: the running server's writer is the only one that may tidy its file."""

    single_process = False

    def __init__(self, opened_here: Database) -> None:
        super().__init__(clock=opened_here.clock, new_id=opened_here.new_id, consequences=opened_here._consequences)  # noqa: SLF001 - it is one
        self._here = opened_here

    async def start(self) -> None:
        """Nothing is started."""

    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Here and now."""
        return self._here.look(query, *args, **kwargs)

    survey = read

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Here and now."""
        return self._here.transact(use_case, *args, **kwargs)

    def transact(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same."""
        return self._here.transact(use_case, *args, **kwargs)

    def look(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same."""
        return self._here.look(query, *args, **kwargs)

    def release(self) -> None:
        """Whoever opened it closes it."""

    async def close(self) -> None:
        """Whoever opened it closes it."""


@contextmanager
def beside(settings: Settings) -> Iterator[Federation]:
    """The server's place among the others, its client not opened yet.

    Raises Invalid for a server that has no name, and what `opened` raises.
    """
    if not settings.host:
        raise Invalid("this server has no name (the setting host), so it speaks to nobody")
    with opened(settings) as database:
        yield Federation(
            database=_Beside(database),
            client=Client(user_agent=USER_AGENT, loopback_names=settings.loopback_names),
            addresses=Addresses(settings.base_url),
            settings=settings,
            clock=database.clock,
        )
