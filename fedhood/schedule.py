"""The clock of all periodic work. APScheduler only ticks; whether something is due is asked of the server's own clock
and of a row, so that a demo's clock counts and two processes do not both run it.
"""

from __future__ import annotations

import traceback
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from fedhood.adapters.activitypub import handling, outbox_city, purge
from fedhood.core import access, city_messages, help_requests, metrics, peers
from fedhood.kernel import state
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.database import Database, UnitOfWork
    from fedhood.kernel.settings import Settings

# name, how often, use case: each is one transaction and finds its own work
TASKS: tuple[tuple[str, timedelta, Callable[[UnitOfWork], object]], ...] = (
    ("help.expire", timedelta(minutes=1), help_requests.expire_due),
    ("city.show", timedelta(minutes=1), city_messages.show_due),
    ("city.answers", timedelta(hours=6), outbox_city.answers_over),
    ("help.erase", timedelta(hours=6), help_requests.erase_due),
    ("access.tries", timedelta(hours=6), access.forget_old_tries),
    ("peers.lapse", timedelta(hours=1), peers.lapse_due),
    ("peers.warn", timedelta(hours=1), peers.warn_due),
    ("peers.look", timedelta(hours=1), peers.look_due),
    ("peers.lists", timedelta(hours=1), peers.read_lists_due),
    ("wire.paused", timedelta(hours=6), handling.expire_paused),
    ("wire.purge", timedelta(hours=6), purge.purge_due),
)


def _compile(settings: Settings) -> Callable[[UnitOfWork], object]:
    return partial(metrics.compile_due, time_zone=settings.time_zone, rehearsal=settings.rehearsal)


class Schedule:
    """Ticks every few seconds until it is stopped."""

    def __init__(self, database: Database, *, settings: Settings, slot: int, tick: float = 5.0) -> None:
        self._database = database
        self._tasks = (*TASKS, ("metrics.compile", timedelta(minutes=1), _compile(settings)))
        self._slot = slot
        self._scheduler = AsyncIOScheduler()
        self._scheduler.add_job(
            self._tick, "interval", seconds=tick, coalesce=True, max_instances=1, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _tick(self) -> None:
        try:
            await self.run_due()
        except Exception:  # noqa: BLE001 - a tick that fails must not stop the clock; the fault is written down
            logger().error("schedule.failed", traceback=traceback.format_exc())

    async def run_due(self) -> None:
        """Run what is due now."""
        if await self._database.write(state.is_due, name=f"slot.{self._slot}", every=timedelta(minutes=1)):
            await self._database.write(state.claim_slot, held=self._slot)
        for name, every, use_case in self._tasks:
            if await self._database.write(state.is_due, name=name, every=every):
                await self._database.write(use_case)
