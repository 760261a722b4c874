"""Puts a server together: settings, database, pages, the wire, the worker, the clock."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sys
from typing import IO, TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from fedhood import consequences
from fedhood.adapters import city
from fedhood.adapters.activitypub import actors, keys
from fedhood.adapters.activitypub import site as wire
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.ledger import Letters
from fedhood.adapters.http.client import Client
from fedhood.adapters.http.deadlines import MAX_BODY_BYTES, RUNNER_OPTIONS, body_deadline
from fedhood.adapters.web import host_setup
from fedhood.adapters.web import site as pages
from fedhood.core import help_requests, peers
from fedhood.diagnosis import Diagnosis
from fedhood.kernel import log, memory, migrate, state
from fedhood.kernel.clock import Clock
from fedhood.kernel.database import Database, open_database
from fedhood.kernel.errors import Invalid
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.urls import Addresses
from fedhood.schedule import Schedule
from fedhood.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.settings import Settings

USER_AGENT = "fedhood/0.1"
SWITCH_INTERVAL = 0.0005  # seconds


class Server:
    """One server in this process. Several may live side by side, each with its own settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock_offset)
        self.new_id = IdMaker(self.clock)
        self.addresses = Addresses(settings.base_url)
        self.database: Database = open_database(
            settings, clock=self.clock, new_id=self.new_id, consequences=consequences.follow
        )
        self.client = Client(user_agent=USER_AGENT, loopback_names=settings.loopback_names)
        self.federation = (
            Federation(
                database=self.database,
                client=self.client,
                addresses=self.addresses,
                settings=settings,
                clock=self.clock,
            )
            if settings.host
            else None
        )
        self.worker = Worker(self.database, self.federation)
        self.slot = 0
        self._schedule: Schedule | None = None
        self._runner: web.AppRunner | None = None
        self._lock: IO[bytes] | None = None

    async def start(self, *, working: bool = True) -> None:
        """Open the database and listen. `working` false: tests let the worker step by hand."""
        if self.database.single_process:
            self._lock = _lock_folder(self.settings.data_dir)
        migrate.up(self.settings, now=self.clock.now())
        await self.database.start()
        self.slot = await self.database.write(state.claim_slot, alone=self.database.single_process)
        self.new_id.use(self.slot)
        await self.database.write(_keep_host, host=self.settings.host)
        await self.database.write(
            help_requests.promise,
            close_days=self.settings.thread_close_days,
            erase_days=self.settings.thread_erase_days,
        )
        await self.client.start()
        self._runner = web.AppRunner(self._application(), **RUNNER_OPTIONS)
        await self._runner.setup()
        host, _, port = self.settings.listen.rpartition(":")
        await web.TCPSite(self._runner, host.strip("[]"), int(port)).start()
        if working:
            await self.worker.start()
            self._schedule = Schedule(self.database, settings=self.settings, slot=self.slot)
            self._schedule.start()

    async def set_up_address(self) -> str | None:
        """Where the first moderator sets the place up; None once somebody lives here. Told this once a start."""
        token = await self.database.write(host_setup.new_set_up_token)
        base = self.addresses.base or self.settings.local_url
        return None if token is None else f"{base}/setup/{token}"

    async def _letters(self) -> str:
        """The letters by which a neighbour's moderator knows this server."""
        if self.federation is None:
            return ""
        pair = await actors.ensure_keys(self.federation, actors.INSTANCE)
        return keys.fingerprint(self.addresses.instance, keys.multikey(pair.ed25519))

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[body_deadline()], client_max_size=MAX_BODY_BYTES)
        pages.add_to(
            app,
            database=self.database,
            settings=self.settings,
            clock=self.clock,
            zone=ZoneInfo(self.settings.time_zone),
            ledger=Letters(),
            letters=self._letters,
            diagnosis=Diagnosis(self.federation) if self.federation is not None else None,
        )
        if self.federation is not None:
            wire.add_to(app, self.federation)
            app.add_routes(city.routes())
        return app

    async def close(self) -> None:
        """Answer what is under way, then stop."""
        if self._schedule is not None:
            self._schedule.stop()
        await self.worker.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.client.close()
        await self.database.write(state.give_slot_back, held=self.slot)
        await self.database.close()
        self.clock.close()
        if self._lock is not None:
            self._lock.close()


def _lock_folder(folder: Path) -> IO[bytes]:
    """Hold a folder for this process until it ends, by whatever end. Raises Invalid when another one serves from it."""
    lock = (folder / "server.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Invalid(f"another fedhood serves from {folder} already", code="folder-taken") from None
    return lock


def _keep_host(uow: UnitOfWork, *, host: str) -> None:
    """The host is fixed with the first neighbour who knows it. Raises Invalid for another one."""
    kept = state.read(uow.db, "host")
    if kept == host or (not kept and not host):
        return
    if kept and peers.is_known_outside(uow.db):
        raise Invalid(f"neighbours know this server as {kept}; its host can no longer be changed", code="host-fixed")
    state.write(uow, name="host", value=host)


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop."""
    log.set_up(settings.log_format)
    # loop and writer hand the interpreter to each other many times a request; neither waits 5 ms for the other
    sys.setswitchinterval(SWITCH_INTERVAL)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    server = Server(settings)
    await server.start()
    memory.give_back()
    log.logger().info("serving", at=f"http://{settings.listen}", host=settings.host or None)
    address = await server.set_up_address()
    if address is not None:
        sys.stdout.write(f"\nNobody lives here yet. Set the place up at\n\n  {address}\n\n")
        sys.stdout.flush()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopping.set)
    try:
        await stopping.wait()
    finally:
        await server.close()
