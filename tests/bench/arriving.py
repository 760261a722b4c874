"""Fifty neighbours write at once: how many signed activities a second are accepted, kept and understood.

The server is a process of its own; the neighbours are addresses of this machine (127.0.0.x), each with one connection
over which it sends its posts in order. Their keys are known before, since each has said one thing, and every request is
signed before the clock starts. It stops when the last post can be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import actors, hearing
from fedhood.adapters.activitypub.hearing import Place
from fedhood.adapters.http import strict_json
from fedhood.core import neighbourhoods
from fedhood.kernel.sqlite import open_file
from tests.bench.rows import Row, cpu_seconds
from tests.bench.running import serving
from tests.hostile.peer import Peer, underworld
from tests.hostile.street import PEER_INBOX, befriend
from tests.hostile.wire import Line
from tests.support.world import place

if TYPE_CHECKING:
    from pathlib import Path

    from fedhood.kernel.settings import Settings

HOSTS = 50
EACH = 120
AT_LEAST = 1_000  # a second
_PATIENCE = 120.0  # seconds


def measured(folder: Path, hosts: int = HOSTS, each: int = EACH) -> list[Row]:
    """The rows. Raises AssertionError when anything was refused, or is missing."""
    folder.mkdir()
    return asyncio.run(_measure(folder, hosts, each))


async def _measure(folder: Path, hosts: int, each: int) -> list[Row]:
    async with underworld() as world:
        oak = await place(folder, "oak", "Oak")
        bob = await oak.resident("Bob", moderator=True)
        await actors.ensure_keys(oak.server.federation, actors.INSTANCE)
        (home,) = await oak.database.read(neighbourhoods.ours)
        group = oak.server.addresses.group(home.key)
        writers = [world.peer(f"host{number}") for number in range(hosts)]
        for writer in writers:
            await befriend(writer, oak, bob)
        settings = oak.server.settings
        await oak.close()
        letters = [[_letter(writer, group, settings, n) for n in range(each + 1)] for writer in writers]
        with serving(settings, folder) as process:
            port = int(settings.host.rpartition(":")[2])
            lines = [await Line.open(port, address=f"127.0.0.{2 + number}") for number in range(hosts)]
            # the first words of each make Oak ask who says them
            await asyncio.gather(*(_say(line, said[:1]) for line, said in zip(lines, letters, strict=True)))
            database = folder / "oak" / "fedhood.db"
            await _read(database, hosts)
            asked = len(world.asked)
            cpu = cpu_seconds(process.pid)
            began = time.perf_counter()
            await asyncio.gather(*(_say(line, said[1:]) for line, said in zip(lines, letters, strict=True)))
            accepted = time.perf_counter() - began
            await _read(database, hosts * (each + 1))
            took = time.perf_counter() - began
            cpu = cpu_seconds(process.pid) - cpu
            asked = len(world.asked) - asked
            for line in lines:
                await line.close()
    count = hosts * each
    return [
        Row(
            f"signed activities a second from {hosts} hosts, understood",
            count / took,
            "/s",
            AT_LEAST,
            False,
            f"accepted {count / accepted:,.0f}/s; {cpu / count * 1000:.2f} ms CPU each",
        ),
        Row("key fetches a host meanwhile", asked / hosts, "", 1),
    ]


def _letter(writer: Peer, group: str, settings: Settings, number: int) -> bytes:
    note = writer.note(f"n{number}", [writer.group, group])
    said = writer.announced(writer.created(note), number=f"a{number}")
    stream = hearing.header_of(Place(epoch=1, number=number + 1))
    body = strict_json.dumps(said)
    return writer.letter(settings.host, PEER_INBOX, body, by=writer.group, fields=((hearing.HEADER, stream),)).raw()


async def _say(line: Line, letters: list[bytes]) -> None:
    for letter in letters:
        reply = await line.ask(letter)
        if reply.status != 202:
            raise AssertionError(f"{reply.status} {reply.text}")


async def _read(path: Path, count: int) -> None:
    """Wait until this many posts can be read."""
    database, until = open_file(path, read_only=True), time.perf_counter() + _PATIENCE
    database.connect()
    with contextlib.closing(database):
        while (have := database.execute_sql("SELECT count(*) FROM post").fetchone()[0]) < count:
            if time.perf_counter() > until:
                fates = database.execute_sql("SELECT state, reason, count(*) FROM inbound GROUP BY 1, 2").fetchall()
                raise AssertionError(f"{have} of {count} were understood: {fates}")
            await asyncio.sleep(0.05)
