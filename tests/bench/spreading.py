"""A post for everybody goes to two hundred servers: how long until the last of them has it.

The server is a process of its own, and a resident writes on the page. The two hundred are names of this machine, of
which each keeps a stream of its own; who answers for all of them is this process, which does nothing else. Beside it
stands the ceiling of the same run: as many requests, signed likewise, from a bare aiohttp client.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fedhood.simulator.visitor import Visitor
from tests.bench.many_servers import Sink, found
from tests.bench.rows import Row
from tests.bench.running import serving

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = 200
AT_MOST = 0.3  # seconds until the last has it
TIMES = 2.5  # what the bare client takes
ROUNDS = 3
_PATIENCE = 60.0  # seconds


def measured(folder: Path, servers: int = SERVERS) -> list[Row]:
    """The rows."""
    folder.mkdir()
    return asyncio.run(_measure(folder, servers))


async def _measure(folder: Path, servers: int) -> list[Row]:
    arrived: list[float] = []
    sink = await asyncio.get_running_loop().create_server(lambda: Sink(arrived), "127.0.0.1", 0, backlog=2 * servers)
    port = sink.sockets[0].getsockname()[1]
    settings, token = found(folder, [port] * servers)
    bare = await _bare(servers, port, arrived)
    took = []
    with serving(settings, folder) as _:
        visitor = Visitor(settings.host, token)
        for number in range(ROUNDS + 1):
            arrived.clear()
            began = time.perf_counter()
            answer = await asyncio.to_thread(
                visitor.submit, "/compose", {"text": f"For all, {number}", "who": "public"}
            )
            assert answer.status == 200, answer.status
            took.append(await _last(arrived, servers) - began)
    sink.close()
    # the first one makes keys and opens connections
    best = min(took[1:])
    return [
        Row(f"ceiling: bare signed aiohttp client to {servers} servers", bare, "s"),
        Row(
            f"a post for everybody on {servers} servers, until the last has it",
            best,
            "s",
            AT_MOST,
            True,
            f"{best / bare:.2f} × bare (≤ {TIMES}); the very first {took[0]:.2f} s",
        ),
    ]


async def _last(arrived: list[float], count: int) -> float:
    until = time.perf_counter() + _PATIENCE
    while len(arrived) < count:
        assert time.perf_counter() < until, f"{len(arrived)} of {count} arrived"
        await asyncio.sleep(0.002)
    return arrived[count - 1]


async def _bare(servers: int, port: int, arrived: list[float]) -> float:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bare_client", str(servers), str(port), str(ROUNDS + 1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    took = []
    for _ in range(ROUNDS + 1):
        await asyncio.to_thread(process.stdout.readline)
        arrived.clear()
        began = time.perf_counter()
        process.stdin.write(b"go\n")
        process.stdin.flush()
        took.append(await _last(arrived, servers) - began)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    return min(took[1:])
