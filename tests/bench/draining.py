"""Ten thousand letters wait, and a fifth of the servers are dead: how long until the living ones have theirs.

Half of the dead refuse the connection, half accept it and never answer. All letters wait when the server starts.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fedhood.core import posts
from fedhood.core.posts import Audience
from tests.bench.many_servers import Sink, found
from tests.bench.rows import Row
from tests.bench.running import serving
from tests.support.world import free_port

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = 200
DEAD = 40
POSTS = 50
AT_MOST = 10.0  # seconds for 99 of 100
_PATIENCE = 120.0


class Silent(asyncio.Protocol):
    """Takes every connection, and says nothing ever."""


def measured(folder: Path, servers: int = SERVERS, dead: int = DEAD, written: int = POSTS) -> Row:
    """The row. Raises AssertionError when a letter to the living does not arrive."""
    folder.mkdir()
    return asyncio.run(_measure(folder, servers, dead, written))


async def _measure(folder: Path, servers: int, dead: int, written: int) -> Row:
    arrived: list[float] = []
    loop = asyncio.get_running_loop()
    sink = await loop.create_server(lambda: Sink(arrived), "127.0.0.1", 0, backlog=2 * servers)
    silent = await loop.create_server(Silent, "127.0.0.1", 0, backlog=2 * servers)
    living, mute = (one.sockets[0].getsockname()[1] for one in (sink, silent))
    refusing = free_port()
    every = servers // dead
    ports = [living if number % every else (mute if number // every % 2 else refusing) for number in range(servers)]

    def write(uow, by) -> None:
        for number in range(written):
            posts.publish(uow, by=by, text=f"For all, {number}", audience=Audience.PUBLIC)

    settings, _ = found(folder, ports, write)
    count = (servers - dead) * written
    with serving(settings, folder) as _:
        began = time.perf_counter()
        while len(arrived) < count:
            assert time.perf_counter() - began < _PATIENCE, f"{len(arrived)} of {count} arrived"
            await asyncio.sleep(0.02)
    sink.close()
    silent.close()
    took = arrived[int(count * 0.99)] - began
    return Row(
        f"{servers * written:,} letters, {dead} of {servers} servers dead: 99 % of the living have theirs",
        took,
        "s",
        AT_MOST,
        True,
        f"all {arrived[count - 1] - began:.1f} s; {count / (arrived[count - 1] - began):,.0f}/s",
    )
