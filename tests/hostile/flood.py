"""What a resident notices of two hundred bad requests a second, and what they cost the server, in figures.

The server is a process of its own with a thousand posts; the resident opens the first page again and again; the flood
is what a hostile peer has: signatures that do not hold, JSON that is none, letters that are too large.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedhood.simulator import story
from fedhood.simulator.town import Resident, Town, until
from tests.bench.__main__ import _grow
from tests.hostile.peer import Peer, other_rsa, underworld
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX
from tests.hostile.wire import Line, fresh_address, request, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedhood.simulator.town import House

RATE = 200  # a second
SECONDS = 4
MOST_P95 = 0.5  # seconds
MOST_MEMORY = 350.0  # MiB
POSTS = 1_000
BOB = Resident(name="Bob Vensterbank", language="nl", keeper=True)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How it was: the page for a resident in seconds, the server's memory at its highest in MiB, what was answered."""

    what: str
    p50: float
    p95: float
    slowest: float
    pages: int
    memory: float
    cpu: float
    answers: dict[int, int]

    @property
    def good(self) -> bool:
        return self.p95 <= MOST_P95 and self.memory <= MOST_MEMORY

    def __str__(self) -> str:
        answers = ", ".join(f"{count} × {status or 'hung up'}" for status, count in sorted(self.answers.items()))
        return (
            f"{self.what:<34} page p50 {self.p50 * 1000:6.1f} ms  p95 {self.p95 * 1000:6.1f} ms"
            f" (≤ {MOST_P95 * 1000:.0f})  slowest {self.slowest * 1000:6.1f} ms  of {self.pages}"
            f"  memory {self.memory:5.1f} MiB (≤ {MOST_MEMORY:.0f})"
            f"  CPU {self.cpu * 100:3.0f} %  {answers or 'no flood'}"
        )


def highest_memory(pid: int) -> float:
    """The most memory that a process has occupied so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise LookupError


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def bad_requests(host: str, evil: Peer) -> Iterator[bytes]:
    """What is wrong in every way in turn, without an end."""
    note = evil.note("flood", [evil.group, f"http://{host}/ap/groups/oak"])
    said = evil.announced(evil.created(note), number="flood")
    letter = evil.letter(host, PEER_INBOX, said)
    stranger = Peer(evil.world, f"nobody.localhost:{evil.world.port}")
    asks = stranger.follow("follow", f"http://{host}/ap/instance")
    kinds = (
        letter.but(key=other_rsa()).raw(),
        letter.raw(body=b'{"x":' + b"[" * 30_000),
        evil.letter(host, PEER_INBOX, b"\x00garbage" * 8_000, by=evil.group).raw(),
        evil.letter(host, PEER_INBOX, b'{"a":1,' * 20_000, by=evil.group).raw(),
        evil.letter(host, PEER_INBOX, b" " * ((1 << 20) + 1), by=evil.group).raw(),
        stranger.letter(host, INSTANCE_INBOX, asks, key=other_rsa()).raw(),
        letter.but(value=b"x" * 256).raw(),
        letter.but(digest="SHA-256=AAAA").raw(),
    )
    return itertools.cycle(kinds)


async def flood(port: int, raws: Iterator[bytes], over: asyncio.Event, address: Any, answers: dict[int, int]) -> None:
    """Send bad requests at the rate, each on a connection of its own, until it is over."""
    loop = asyncio.get_running_loop()
    began, sent, tasks = loop.time(), 0, set()

    async def one(raw: bytes) -> None:
        try:
            status = (await send(port, raw, address=address())).status
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        answers[status] = answers.get(status, 0) + 1

    while not over.is_set():
        while sent < (loop.time() - began) * RATE:
            task = loop.create_task(one(next(raws)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 0.01)
    await asyncio.gather(*tasks)


async def read_pages(house: House, seconds: float) -> list[float]:
    """The resident opens the first page again and again; how long each took."""
    port = int(house.settings.host.rpartition(":")[2])
    lines = [("Host", house.settings.host), ("Cookie", f"sid={house.tokens[BOB.name]}")]
    raw, loop = request("GET", "/", lines), asyncio.get_running_loop()
    line = await Line.open(port, address="127.0.0.1")
    took: list[float] = []
    began = loop.time()
    while loop.time() - began < seconds:
        before = time.perf_counter()
        assert (await line.ask(raw)).status == 200
        took.append(time.perf_counter() - before)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.02)
    await line.close()
    return sorted(took)


async def befriend(house: House, evil: Peer) -> None:
    """The hostile server asks, Bob says on a page that the letters match, and it says yes too."""
    bob, host, port = house.visitors[BOB.name], house.settings.host, int(house.settings.host.rpartition(":")[2])
    base = f"http://{host}"
    asked = evil.follow("follow", f"{base}/ap/instance")
    assert (await send(port, evil.letter(host, INSTANCE_INBOX, asked).raw())).status == 202
    page = await asyncio.to_thread(until, functools.partial(story.match_form, bob), "the button that says: they match")
    await asyncio.to_thread(story.say_they_match, bob, page)
    follow = await asyncio.to_thread(until, functools.partial(_follow_of, evil), "Oak asks, too")
    yes = evil.accept("accept", follow, [(evil.group, f"{base}/ap/groups/oak")])
    assert (await send(port, evil.letter(host, INSTANCE_INBOX, yes).raw())).status == 202


def _follow_of(evil: Peer) -> dict[str, Any]:
    return next((said for url, said in evil.world.received if said["type"] == "Follow" and evil.base in url), {})


async def measure(folder: Path, seconds: float = SECONDS) -> list[Figures]:
    """At rest, under a flood from one address of an agreed peer, and from as many addresses as there are requests."""
    with Town(folder) as town:
        house = town.build("oak", name="Oak", languages=("en",), households_there=100, people=(BOB,))
        _grow(house.settings.data_dir, town.clock, POSTS)
        await asyncio.to_thread(town.wait_until_open)
        assert house.process is not None
        async with underworld() as world:
            evil = world.peer("flooder")
            await befriend(house, evil)
            port = int(house.settings.host.rpartition(":")[2])
            found = [await _one("at rest", house, seconds / 2, None, port, None)]
            raws = bad_requests(house.settings.host, evil)
            alone = fresh_address()
            found.append(await _one(f"{RATE}/s from one address", house, seconds, raws, port, lambda: alone))
            found.append(await _one(f"{RATE}/s, each from another one", house, seconds, raws, port, fresh_address))
    return found


async def _one(
    what: str, house: House, seconds: float, raws: Iterator[bytes] | None, port: int, address: Any
) -> Figures:
    assert house.process is not None
    answers: dict[int, int] = collections.defaultdict(int)
    over = asyncio.Event()
    flooding = asyncio.create_task(flood(port, raws, over, address, answers)) if raws is not None else None
    cpu, began = cpu_seconds(house.process.pid), time.perf_counter()
    took = await read_pages(house, seconds)
    cpu, began = cpu_seconds(house.process.pid) - cpu, time.perf_counter() - began
    over.set()
    if flooding is not None:
        await flooding
    return Figures(
        what=what,
        p50=took[len(took) // 2],
        p95=took[int(len(took) * 0.95)],
        slowest=took[-1],
        pages=len(took),
        memory=highest_memory(house.process.pid),
        cpu=cpu / began,
        answers=dict(answers),
    )
