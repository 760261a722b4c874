"""The room of those who work beside each other: tasks of one kind, one for each key, of one server in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

K = TypeVar("K")


class Crew(Generic[K]):
    """Tasks that are under way. Who may do what is a row of the database; this only knows what this process does."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], K] = {}

    def __len__(self) -> int:
        """How many are under way, those that have just ended included."""
        return len(self._tasks)

    def __iter__(self) -> Iterator[K]:
        """For whom."""
        return iter(self._tasks.values())

    def tasks(self) -> set[asyncio.Task[None]]:
        """All that are under way, those that have just ended included."""
        return set(self._tasks)

    def begin(
        self, work: Coroutine[Any, Any, None], key: K, *, then: Callable[[], None] | None = None
    ) -> asyncio.Task[None]:
        """Begin one; `then` is called when it has ended."""
        task = asyncio.create_task(work)
        if then is not None:
            task.add_done_callback(lambda _: then())
        self._tasks[task] = key
        return task

    def reap(self) -> bool:
        """Take the finished out; whether there were any. Raises what went wrong in them, together."""
        finished = [task for task in self._tasks if task.done()]
        for task in finished:
            del self._tasks[task]
        faults = [fault for task in finished if not task.cancelled() and (fault := task.exception()) is not None]
        if faults:
            raise BaseExceptionGroup("work broke off", faults)
        return bool(finished)

    async def stop(self) -> None:
        """Break off what is under way, and wait until it has ended."""
        tasks, self._tasks = list(self._tasks), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
