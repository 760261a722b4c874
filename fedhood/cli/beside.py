"""A command that asks other servers, beside the running one: the same database and keys, used here and now."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.http.client import Client
from fedhood.app import USER_AGENT
from fedhood.cli.opened import opened
from fedhood.kernel.errors import Invalid
from fedhood.kernel.through import Through
from fedhood.kernel.urls import Addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import peewee

    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class _Beside(Through):
    """A database that is not started: the running server's writer is the only one that may tidy its file."""

    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Here and now."""
        return self.behind.look(query, *args, **kwargs)

    async def survey(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Here and now."""
        return self.behind.look(query, *args, **kwargs)

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Here and now."""
        return self.behind.transact(use_case, *args, **kwargs)


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
