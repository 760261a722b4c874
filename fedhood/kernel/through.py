"""A database seen through something else: all that is asked of it is asked of the one behind, unless said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from fedhood.kernel.engine import Database, UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

P = ParamSpec("P")
T = TypeVar("T")


class Through(Database):
    """Another database, which is opened and closed by who has it. To be changed in part by who inherits."""

    def __init__(self, behind: Database) -> None:
        super().__init__(clock=behind.clock, new_id=behind.new_id, consequences=behind._consequences)  # noqa: SLF001
        self.behind = behind
        self.single_process = behind.single_process

    async def start(self) -> None:
        """It has been started, or is not to be."""

    async def read(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As the one behind."""
        return await self.behind.read(query, *args, **kwargs)

    async def survey(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As the one behind."""
        return await self.behind.survey(query, *args, **kwargs)

    async def write(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As the one behind."""
        return await self.behind.write(use_case, *args, **kwargs)

    def transact(self, use_case: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As the one behind."""
        return self.behind.transact(use_case, *args, **kwargs)

    def look(self, query: Callable[Concatenate[peewee.Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As the one behind."""
        return self.behind.look(query, *args, **kwargs)

    def release(self) -> None:
        """Whoever opened it closes it."""

    async def close(self) -> None:
        """Whoever opened it closes it."""
