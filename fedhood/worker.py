"""The worker: the only one who goes out. It sends what waits, understands what arrived, does durable jobs."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import (
    catch_up,
    city_list,
    deliver,
    forwarded,
    groups,
    hosts,
    peering,
    rotation,
    understand,
)
from fedhood.adapters.activitypub.actors import ActorKind, ActorRef
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


async def _look(federation: Federation, job: jobs.Job) -> None:
    await peering.look(federation, int(job.details["peer"]))


async def _read_list(federation: Federation, job: jobs.Job) -> None:
    await city_list.read(federation, int(job.details["peer"]))


async def _meet(federation: Federation, job: jobs.Job) -> None:
    await groups.meet(federation, int(job.details["peer"]))


async def _renew_keys(federation: Federation, job: jobs.Job) -> None:
    await rotation.rotate(federation, ActorRef(ActorKind(str(job.details["actor"])), int(job.details["owner"])))


JOBS: dict[str, Callable[[Federation, jobs.Job], Awaitable[None]]] = {
    "peer.discover": _discover,
    "peer.look": _look,
    "peer.list": _read_list,
    "peer.meet": _meet,
    "keys.renew": _renew_keys,
}


async def reading(federation: Federation) -> bool:
    """Begin to read what arrived. Whether anything was begun."""
    return bool(await understand.begin(federation))


async def brought_by_others(federation: Federation) -> bool:
    """Find out whether what came by another hand is its author's word. Whether there was anything."""
    return await forwarded.prove_one(federation)


async def sending(federation: Federation) -> bool:
    """Begin to send what waits. Whether anything was begun."""
    return bool(await deliver.begin(federation, federation.clock.now()))


async def catching_up(federation: Federation) -> bool:
    """Ask one neighbour for what was missed. Whether anybody was to be asked."""
    return await catch_up.ask_one(federation)


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


WORK: tuple[Work, ...] = (reading, brought_by_others, sending, catching_up, durable_jobs)


async def _read_and_wait(federation: Federation) -> bool:
    return await understand.pump(federation)


async def _send_and_wait(federation: Federation) -> bool:
    return await deliver.pump(federation, federation.clock.now())


# the same for who steps by hand: what is begun is waited for
STEPS: tuple[Work, ...] = (_read_and_wait, brought_by_others, _send_and_wait, catching_up, durable_jobs)


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
            await self._database.write(hosts.release_all)
        await self._database.write(catch_up.ask_everybody)
        if self._federation is not None:
            self._tasks = [asyncio.create_task(self._work(kind), name=f"fedhood-{kind}") for kind in WORK]

    async def stop(self) -> None:
        """Finish the steps that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._bells = [], []
        if self._federation is not None:
            await understand.stop(self._federation)
            await deliver.stop(self._federation)

    async def step(self) -> bool:
        """Do one round of everything that is due, for who steps by hand. Whether there was anything."""
        if self._federation is None:
            return False
        return any([await kind(self._federation) for kind in STEPS])

    async def _work(self, kind: Work) -> None:
        bell = asyncio.Event()
        self._bells.append(bell)
        while True:
            bell.clear()
            if not await self._try(kind):
                # not `wait_for`: it loses a cancellation that comes together with the bell (CPython 86296)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_REST):
                        await bell.wait()

    async def _try(self, kind: Work) -> bool:
        if self._federation is None:
            return False
        try:
            return await kind(self._federation)
        except Exception:  # noqa: BLE001 - one of the two places: a fault is written down and the worker lives on
            logger().error("worker.failed", traceback=traceback.format_exc())
            return False
