"""The worker: the only one who goes out. It sends what waits, understands what arrived, does durable jobs."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import deliver, groups, peering, understand
from fedhood.kernel import jobs
from fedhood.kernel.errors import FedhoodError
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.kernel.database import Database

LONGEST_REST = 1.0  # seconds; a row that becomes due is seen within this

JobHandler = "Callable[[Federation, jobs.Job], Awaitable[None]]"


async def _discover(federation: Federation, job: jobs.Job) -> None:
    await peering.discover(federation, int(job.details["peer"]))


async def _meet(federation: Federation, job: jobs.Job) -> None:
    await groups.meet(federation, int(job.details["peer"]))


JOBS: dict[str, Callable[[Federation, jobs.Job], Awaitable[None]]] = {
    "peer.discover": _discover,
    "peer.meet": _meet,
}


class Worker:
    """One a process. `federation` is None on a server without a name: then there is nobody outside."""

    def __init__(self, database: Database, federation: Federation | None) -> None:
        self._database = database
        self._federation = federation
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        database.on_wake = self.wake

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    async def start(self) -> None:
        """Take up what an earlier process left, and work from now on."""
        if self._database.single_process:
            await self._database.write(jobs.release_all)
            await self._database.write(deliver.release_all)
        self._task = asyncio.create_task(self._work(), name="fedhood-worker")

    async def stop(self) -> None:
        """Finish the step that is under way."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._federation is not None:
            await deliver.stop(self._federation)

    async def _work(self) -> None:
        while True:
            self._awake.clear()
            if not await self._try_step():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), LONGEST_REST)

    async def _try_step(self) -> bool:
        try:
            return await self.step()
        except Exception:  # noqa: BLE001 - one of the two places: a fault is written down and the worker lives on
            logger().error("worker.failed", traceback=traceback.format_exc())
            return False

    async def step(self) -> bool:
        """Do one round of everything that is due. Whether there was anything."""
        if self._federation is None:
            return False
        understood = await understand.understand_one(self._federation)
        sent = await deliver.pump(self._federation, self._database.clock.now())
        worked = await self._job(self._federation)
        return understood or sent or worked

    async def _job(self, federation: Federation) -> bool:
        if not await self._database.read(jobs.waiting, self._database.clock.now()):
            return False
        job = await self._database.write(jobs.lease)
        if job is None:
            return False
        try:
            await JOBS[job.kind](federation, job)
        except FedhoodError as refusal:
            await self._database.write(jobs.fail, job, f"{refusal.code}: {refusal.detail}")
        else:
            await self._database.write(jobs.complete, job.id)
        return True
