"""The worker: the only one who goes out. It sends what waits, understands what arrived, does durable jobs."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import deliver, forwarded, groups, peering, rotation, understand
from fedhood.adapters.activitypub.actors import ActorKind, ActorRef
from fedhood.adapters.activitypub.understand import Queue
from fedhood.kernel import jobs
from fedhood.kernel.errors import FedhoodError
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.kernel.database import Database

    Work = Callable[[Federation], Awaitable[bool]]

LONGEST_REST = 1.0  # seconds; a row that becomes due is seen within this


async def _discover(federation: Federation, job: jobs.Job) -> None:
    await peering.discover(federation, int(job.details["peer"]))


async def _meet(federation: Federation, job: jobs.Job) -> None:
    await groups.meet(federation, int(job.details["peer"]))


async def _renew_keys(federation: Federation, job: jobs.Job) -> None:
    await rotation.rotate(federation, ActorRef(ActorKind(str(job.details["actor"])), int(job.details["owner"])))


JOBS: dict[str, Callable[[Federation, jobs.Job], Awaitable[None]]] = {
    "peer.discover": _discover,
    "peer.meet": _meet,
    "keys.renew": _renew_keys,
}


async def neighbours(federation: Federation) -> bool:
    """Understand what servers said that we know. Whether there was anything."""
    return await understand.understand_one(federation, Queue.NEIGHBOURS)


async def strangers(federation: Federation) -> bool:
    """Understand what servers said that we do not know yet. Whether there was anything."""
    return await understand.understand_one(federation, Queue.STRANGERS)


async def put_off(federation: Federation) -> bool:
    """Try again what could not be understood before. Whether there was anything."""
    return await understand.understand_one(federation, Queue.PARKED)


async def brought_by_others(federation: Federation) -> bool:
    """Find out whether what came by another hand is its author's word. Whether there was anything."""
    return await forwarded.prove_one(federation)


async def sending(federation: Federation) -> bool:
    """Send what waits. Whether there was anything."""
    return await deliver.pump(federation, federation.clock.now())


async def durable_jobs(federation: Federation) -> bool:
    """Do the next job that is due. Whether there was one."""
    database = federation.database
    if not await database.read(jobs.waiting, database.clock.now()):
        return False
    job = await database.write(jobs.lease)
    if job is None:
        return False
    try:
        await JOBS[job.kind](federation, job)
    except FedhoodError as refusal:
        await database.write(jobs.fail, job, f"{refusal.code}: {refusal.detail}")
    except Exception as fault:
        await database.write(jobs.fail, job, f"fault: {fault!r}")
        raise
    else:
        await database.write(jobs.complete, job.id)
    return True


WORK: tuple[Work, ...] = (neighbours, strangers, put_off, brought_by_others, sending, durable_jobs)


class Worker:
    """One a process. `federation` is None on a server without a name: then there is nobody outside.

    Each kind of work goes its own way: a stranger whose server answers slowly holds up neither what neighbours said
    nor what is to be sent.
    """

    def __init__(self, database: Database, federation: Federation | None) -> None:
        self._database = database
        self._federation = federation
        self._bells: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        database.on_wake = self.wake

    def wake(self) -> None:
        """There is something to do."""
        for bell in self._bells:
            bell.set()

    async def start(self) -> None:
        """Take up what an earlier process left, and work from now on."""
        if self._database.single_process:
            await self._database.write(jobs.release_all)
            await self._database.write(deliver.release_all)
        if self._federation is not None:
            self._tasks = [asyncio.create_task(self._work(kind), name=f"fedhood-{kind}") for kind in WORK]

    async def stop(self) -> None:
        """Finish the steps that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._bells = [], []
        if self._federation is not None:
            await deliver.stop(self._federation)

    async def step(self) -> bool:
        """Do one round of everything that is due, for who steps by hand. Whether there was anything."""
        if self._federation is None:
            return False
        return any([await kind(self._federation) for kind in WORK])

    async def _work(self, kind: Work) -> None:
        bell = asyncio.Event()
        self._bells.append(bell)
        while True:
            bell.clear()
            if not await self._try(kind):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), LONGEST_REST)

    async def _try(self, kind: Work) -> bool:
        if self._federation is None:
            return False
        try:
            return await kind(self._federation)
        except Exception:  # noqa: BLE001 - one of the two places: a fault is written down and the worker lives on
            logger().error("worker.failed", traceback=traceback.format_exc())
            return False
