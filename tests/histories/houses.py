"""Whole servers in one process, without threads and without sockets, so that a seed tells all that happens.

The database is SQLite with the real settings, in a file; only its writer runs here and now instead of in a thread. What
a server sends are the bytes and headers that it would send; they are handed to the other server's application. Clocks
stand still until a test moves them, each with a skew of its own. Keys are made beforehand: 50 ms each.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11, RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fedhood import consequences
from fedhood.adapters.activitypub import actors, catch_up, hosts, keys, site
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.http import middleware
from fedhood.adapters.http.client import Answer
from fedhood.adapters.http.deadlines import body_deadline
from fedhood.adapters.http.keys import CLOCK, DATABASE, LIMITER, SETTINGS
from fedhood.adapters.http.limits import Limiter
from fedhood.kernel import jobs
from fedhood.kernel.clock import Clock, milliseconds
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import SqliteDatabase
from fedhood.kernel.urls import Addresses
from fedhood.worker import STEPS
from tests.support.clocks import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from random import Random

    from fedhood.worker import Work


NAMES = ("elm", "oak", "ash")
_POOL = 48


class SharedClock:
    """The time of one world: it moves when it is told to."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def move(self, by: timedelta) -> None:
        self.moment += by

    def reach(self, moment: datetime) -> None:
        self.moment = max(self.moment, moment)


class HouseClock(Clock):
    """The clock on the wall of one server, which goes right, but may be wrong by so much."""

    def __init__(self, shared: SharedClock, skew: timedelta) -> None:
        super().__init__()
        self._shared = shared
        self.skew = skew

    def now(self) -> datetime:
        return self._shared.moment + self.skew


class InlineSqlite(SqliteDatabase):
    """The embedded engine with its real settings, its writer not in a thread: every unit is its own transaction."""

    async def start(self) -> None:
        self._writer_db.connect(reuse_if_open=True)
        self._reader_db.connect(reuse_if_open=True)

    async def write(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.transact(use_case, *args, **kwargs)

    async def survey(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return query(self._reader_db, *args, **kwargs)

    def copied(self) -> bytes:
        """The whole file, its log folded in."""
        self._writer_db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self.path.read_bytes()


class _Protocol:
    """What a request wants to know of the connection that it came by: nothing."""

    ssl_context = peername = sockname = transport = None


# whether a kind of work may find anything at this moment
_MAY_FIND = dict(
    zip(
        STEPS,
        (
            "inbound WHERE state IN ('waiting', 'parked') AND next_at <= ?1",
            "inbound WHERE state = 'forwarded' AND next_at <= ?1",
            "delivery LEFT JOIN host ON host.peer = delivery.peer"
            " WHERE state = 'waiting' AND COALESCE(host.next_at, 0) <= ?1",
            "heard WHERE ask_at <= ?1",
            "job WHERE state != 'discarded' AND due_at <= ?1",
        ),
        strict=True,
    )
)
_AT_HAND = "SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {found})" for found in _MAY_FIND.values())


class House:
    """One server: a database, its worker's kinds of work, and the application that others knock at."""

    def __init__(self, name: str, file: Path, clock: HouseClock, post_office: PostOffice, slot: int) -> None:
        self.name = name
        self.slot = slot
        self.address = f"127.0.0.{slot + 1}"
        self.settings = Settings(
            data_dir=file.parent,
            listen="127.0.0.1:1",
            host=f"{name}.localhost:{8000 + slot}",
            loopback_names=True,
            rehearsal=True,
        )
        self.clock = clock
        self.new_id = IdMaker(clock, slot)
        self.database = InlineSqlite(file, clock=clock, new_id=self.new_id, consequences=consequences.follow)
        self.addresses = Addresses(self.settings.base_url)
        self._post_office = post_office
        self.start()

    @property
    def host(self) -> str:
        return self.settings.host

    def crash(self) -> None:
        """Lose all that is only in memory, and begin again as a server does."""
        self.start()
        for take_up in (jobs.release_all, hosts.release_all, catch_up.ask_everybody):
            self.write(take_up)

    def start(self) -> None:
        """Begin with nothing in memory."""
        self.federation = Federation(
            database=self.database,
            client=_WayOut(self, self._post_office),  # type: ignore[arg-type]
            addresses=self.addresses,
            settings=self.settings,
            clock=self.clock,
        )
        self.app = web.Application(middlewares=[body_deadline(), middleware.headers, middleware.refusing(_no_page)])
        self.app[DATABASE], self.app[SETTINGS], self.app[CLOCK] = self.database, self.settings, self.clock
        self.app[LIMITER] = Limiter(now=lambda: self.clock.now().timestamp())
        site.add_to(self.app, self.federation)
        self.app.freeze()

    def at_hand(self) -> list[Work]:
        """The kinds of the worker's work that may find something now; to ask them all takes most of the time."""
        now = milliseconds(self.clock.now())
        found = self.read(lambda db: db.execute_sql(_AT_HAND, (now,)).fetchone())
        return [kind for kind, is_there in zip(STEPS, found, strict=True) if is_there]

    async def step(self) -> bool:
        """One step of each kind of work. Whether there was anything."""
        return any([await kind(self.federation) for kind in self.at_hand()])

    async def work(self, chance: Random) -> bool:
        """One step of some kind of work. Whether there was anything."""
        kinds = self.at_hand()
        return bool(kinds) and await chance.choice(kinds)(self.federation)

    def write(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.database.transact(use_case, *args, **kwargs)

    def read(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.database.look(query, *args, **kwargs)

    async def answer(self, request: Letter) -> Answer:
        """What this server answers to a request that has arrived."""
        loop = asyncio.get_running_loop()
        headers = CIMultiDictProxy(CIMultiDict({"Host": self.host, **request.headers}))
        raw = tuple((name.encode(), value.encode()) for name, value in headers.items())
        url = URL(request.url, encoded=True)
        target = url.raw_path_qs
        message = RawRequestMessage(
            request.method, target, HttpVersion11, headers, raw, False, None, False, False, URL(target, encoded=True)
        )
        payload = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
        payload.feed_data(request.body)
        payload.feed_eof()
        task: Any = asyncio.current_task()
        knock = web.Request(
            message,
            payload,
            _Protocol(),
            None,
            task,
            loop,
            remote=request.source,  # type: ignore[arg-type]
        )
        response = await self.app._handle(knock)
        assert isinstance(response, web.Response)
        body = response.body if isinstance(response.body, bytes) else b""
        answered = CIMultiDict(response.headers)
        answered.setdefault("Content-Type", response.content_type)
        return Answer(status=response.status, headers=answered, body=body, url=request.url)


async def _no_page(request: web.Request, refusal: Any) -> web.Response:
    return web.Response(status=refusal.status)


@dataclass(frozen=True)
class Letter:
    """A request as it is on its way: what was sent to where, and the address that it comes from."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    source: str

    @property
    def host(self) -> str:
        return URL(self.url, encoded=True).authority


class PostOffice:
    """Carries every letter at once. Subclasses lose, copy and keep them."""

    def __init__(self) -> None:
        self.houses: dict[str, House] = {}

    async def carry(self, source: House, letter: Letter) -> Answer:
        return await self.houses[letter.host].answer(letter)


class Recorder(PostOffice):
    """Notes down what one server is told."""

    def __init__(self) -> None:
        super().__init__()
        self._host = ""
        self.heard: list[Letter] = []

    def listen_to(self, host: str) -> None:
        self._host = host

    async def carry(self, source: House, letter: Letter) -> Answer:
        if letter.method == "POST" and letter.host == self._host:
            self.heard.append(letter)
        return await super().carry(source, letter)


class _WayOut:
    """A server's client: it asks the post office instead of a socket."""

    def __init__(self, house: House, post_office: PostOffice) -> None:
        self._house = house
        self._post_office = post_office

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        return await self._post_office.carry(self._house, Letter("POST", url, headers, body, self._house.address))

    async def get(
        self,
        url: str,
        *,
        accept: str,
        headers: Mapping[str, str] | None = None,
        redirects: int = 3,
        headers_for: Callable[[str], Mapping[str, str]] | None = None,
    ) -> Answer:
        sent = {**(headers or {}), **(headers_for(url) if headers_for else {}), "Accept": accept}
        return await self._post_office.carry(self._house, Letter("GET", url, sent, b"", self._house.address))


# -- nothing happens beside anything ---------------------------------------------------------------------------------


# what else happens while something is done in a thread; set by who wants that
beside: Callable[[], object] | None = None


class _HereAndNow(ThreadPoolExecutor):
    """Does at once, on the loop, what would be done in a thread: what takes how long decides nothing."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if beside is not None:
            beside()
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as failure:  # noqa: BLE001 - it is handed to who waits for it
            done.set_exception(failure)
        return done


def run(main: Any) -> Any:
    """Run something on a loop of its own that has no threads."""

    async def alone() -> Any:
        asyncio.get_running_loop().set_default_executor(_HereAndNow(1))
        return await main

    return asyncio.run(alone())


@cache
def _made() -> Iterator[bytes]:
    return itertools.cycle([keys.to_pem(keys.generate()) for _ in range(_POOL)])


def hand_out_keys() -> None:
    """Have every server of this process take keys that are there. In one world nobody has somebody else's."""
    actors._fresh_pem = lambda: next(_made())
