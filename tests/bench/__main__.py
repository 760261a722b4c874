"""`make bench`: what the issue of speed is about, measured in one run beside the ceilings of that run.

Absolute bars hold on a machine where a bare aiohttp hello-world reaches 15,000 requests a second on one core; on a
slower one they are scaled by that ratio. Quote the ratios: machines are shared and noisy.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fedhood import consequences
from fedhood.core import neighbourhoods, posts
from fedhood.core.peers import GRANTS, Trust
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts import Audience
from fedhood.kernel import migrate
from fedhood.kernel.clock import Clock
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import SqliteDatabase
from fedhood.simulator import story
from fedhood.simulator.town import Town, until
from tests.bench import arriving, catching_up
from tests.bench.rows import Row, cpu_seconds, wait_for_port
from tests.support.people import settle_in

REFERENCE = 15_000  # hello-world requests a second on one core, where the absolute bars hold as they are
TEXT = "Les dernières pommes du jardin partagé sont tombées cette nuit. Trois cageots sous l’auvent, servez-vous. " * 2
HELLO = """
import asyncio
from aiohttp import web
async def hello(request): return web.Response(text="x" * 430)
app = web.Application(); app.router.add_get("/", hello)
web.run_app(app, host="127.0.0.1", port=int(__import__("sys").argv[1]), print=None)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError


async def load(port: int, request: bytes, count: int, connections: int = 8) -> float:
    """Send a request again and again over kept connections; how many seconds it took. Every answer must be 200."""

    async def one(times: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(times):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(next(x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")).split(b":")[1])
            await reader.readexactly(length)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one(count // connections) for _ in range(connections)))
    return time.perf_counter() - begun


def hello_world() -> tuple[float, float]:
    """Requests a second and CPU milliseconds each, best of three."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", HELLO, str(port)])
    try:
        wait_for_port(port)
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        asyncio.run(load(port, request, 800))
        best = (0.0, 0.0)
        for _ in range(3):
            cpu = cpu_seconds(process.pid)
            asyncio.run(load(port, request, 8000))
            used = cpu_seconds(process.pid) - cpu
            best = max(best, (8000 / used, used / 8000 * 1000))
        return best
    finally:
        process.terminate()
        process.wait()


def raw_commits(folder: Path) -> float:
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=wal")
    db.execute("PRAGMA synchronous=full")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    begun = time.perf_counter()
    for _ in range(1000):
        db.execute("INSERT INTO t (text) VALUES (?)", [TEXT])
    took = time.perf_counter() - begun
    db.close()
    return 1000 / took


def open_base(folder: Path, clock: Clock) -> SqliteDatabase:
    settings = Settings(data_dir=folder)
    folder.mkdir(parents=True, exist_ok=True)
    migrate.up(settings, now=clock.now())
    return SqliteDatabase(folder / "fedhood.db", clock=clock, new_id=IdMaker(clock), consequences=consequences.follow)


def found(uow):
    """A neighbourhood with five agreed neighbours, and sixty-four residents."""
    home = neighbourhoods.create(uow, name="Elm")
    places = []
    for number in range(5):
        peer = PeerTable.insert(
            host=f"n{number}.example",
            state="agreed",
            trust="neighbour",
            added_at=uow.now,
            peer_inbox=f"https://n{number}.example/ap/instance/peer-inbox",
            their_follow_uri="x",
            our_follow_uri="y",
        ).execute(uow.db)
        for ours in (True, False):
            AgreementTable.insert(
                peer=peer,
                ours=ours,
                trust="neighbour",
                scopes=list(GRANTS[Trust.NEIGHBOUR]),
                valid_until=uow.now.replace(year=uow.now.year + 1),
                updated_at=uow.now,
            ).execute(uow.db)
        uri = f"https://n{number}.example/ap/groups/n{number}"
        there = neighbourhoods.remember(uow, peer=peer, uri=uri, key=f"n{number}", name=f"N {number}")
        neighbourhoods.pair(uow, writer=home, reader=there)
        neighbourhoods.pair(uow, writer=there, reader=home)
        places.append(there)
    return home, places, [settle_in(uow, name=f"R {number}", home=home) for number in range(64)]


def publish(uow, *, by, number, places):
    shared = number % 5 == 0
    return posts.publish(
        uow,
        by=by,
        text=TEXT,
        audience=Audience.NEIGHBOURS if shared else Audience.NEIGHBOURHOOD,
        places=places if shared else (),
    )


def fill(uow, *, people, places, first, count):
    for number in range(first, first + count):
        publish(uow, by=people[number % len(people)], number=number, places=places)


async def publish_together(database, people, places, count: int) -> float:
    numbers = iter(range(count))

    async def writer(by) -> None:
        for number in numbers:
            await database.write(publish, by=by, number=number, places=places)

    begun = time.perf_counter()
    await asyncio.gather(*(writer(by) for by in people))
    return count / (time.perf_counter() - begun)


async def _publishing(database, people, places, rows: list[Row], ceiling: float) -> None:
    await database.start()
    for total in (1_000, 100_000):
        have = await database.read(lambda db: posts.PostTable.select().count(db))
        while have < total:
            step = min(2_000, total - have)
            await database.write(fill, people=people, places=places, first=have, count=step)
            have += step
        rate = max([await publish_together(database, people, places, 2_000) for _ in range(3)])
        rows.append(
            Row(
                f"durable posts a second, 64 writers, at {total:,}",
                rate,
                "/s",
                1_000,
                False,
                f"{rate / ceiling:.2f} × raw commits",
            )
        )
    await database.close()


def publishing(folder: Path, clock: Clock, ceiling: float, rows: list[Row]) -> None:
    database = open_base(folder, clock)
    _, places, people = database.transact(found)
    database.release()
    asyncio.run(_publishing(database, people, places, rows, ceiling))


def disk(folder: Path, clock: Clock, rows: list[Row]) -> None:
    database = open_base(folder, clock)
    _, places, people = database.transact(found)
    for first in range(0, 20_000, 500):
        database.transact(fill, people=people, places=places, first=first, count=500)
    size = sum(file.stat().st_size for file in folder.glob("fedhood.db*"))
    rows.append(Row("disk of 20,000 posts, log included", size / 2**20, "MiB", 40))
    database.release()


def pages(folder: Path, hello_ms: float, rows: list[Row]) -> None:
    with Town(folder) as town:
        scene = story.build(town)
        house = scene.elm
        token = house.tokens[story.ELM[0]]
        request = (
            f"GET / HTTP/1.1\r\nHost: {house.settings.host}\r\nCookie: sid={token}\r\nAccept-Language: fr\r\n\r\n"
        ).encode()
        port = int(house.settings.listen.rpartition(":")[2])
        clock = Clock()
        for total in (1_000, 100_000):
            _grow(house.settings.data_dir, clock, total)
            scene.at_elm().submit("/compose", {"text": TEXT, "who": "neighbourhood"})
            log = house.settings.data_dir / "fedhood.db-wal"
            until(lambda log=log: log.stat().st_size < 9 << 20, "the writer has put the log away")
            asyncio.run(load(port, request, 40))
            best = 1e9
            for _ in range(3):
                cpu = cpu_seconds(house.process.pid)
                asyncio.run(load(port, request, 240))
                best = min(best, (cpu_seconds(house.process.pid) - cpu) / 240 * 1000)
            rows.append(
                Row(
                    f"CPU of the page of 20 posts, signed in, at {total:,}",
                    best,
                    "ms",
                    2.0,
                    True,
                    f"{best / hello_ms:.0f} × hello-world",
                )
            )


def _grow(folder: Path, clock: Clock, total: int) -> None:
    """Write into the file beside the running server, as the command line does."""
    database = SqliteDatabase(
        folder / "fedhood.db", clock=clock, new_id=IdMaker(clock, 62), consequences=lambda uow, fact: None
    )
    home = database.look(neighbourhoods.ours)[0].id
    people = [
        dataclasses.replace(viewer, language="fr")
        for viewer in database.transact(lambda uow: [settle_in(uow, name=f"B {n}", home=home) for n in range(8)])
    ]
    have = database.look(lambda db: posts.PostTable.select().count(db))
    while have < total:
        step = min(2_000, total - have)
        database.transact(lambda uow, step=step: [posts.publish(uow, by=people[n % 8], text=TEXT) for n in range(step)])
        have += step
    database.release()


def next_door(folder: Path, rows: list[Row]) -> None:
    with Town(folder) as town:
        scene = story.build(town)
        for _, step in story.STEPS[:4]:
            step(scene)
        page = scene.at_oak().get(scene.mirror)
        assert page.status == 200
        begun = time.perf_counter()
        scene.at_oak().submit(f"{scene.mirror}/offer", {"text": "J"}, form_on=scene.mirror)
        until(lambda: scene.at_elm().get("/notifications").says("Joris"), "the asker is told")
        rows.append(Row("“I can help” next door until the asker is told", time.perf_counter() - begun, "s", 0.5))


def start_up(folder: Path, rows: list[Row]) -> None:
    times, sizes = [], []
    # a host installs what is in requirements/run.lock: no PostgreSQL driver, and no rich, which the tests' tools bring
    # along; peewee and structlog would load them at import
    bare = folder / "bare"
    bare.mkdir()
    for driver in ("psycopg", "psycopg2", "rich"):
        (bare / f"{driver}.py").write_text("raise ImportError\n")
    for number in range(3):
        port = free_port()
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "fedhood"), "serve"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(bare),
                "FEDHOOD_DATA_DIR": str(folder / f"start-{number}"),
                "FEDHOOD_LISTEN": f"127.0.0.1:{port}",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_port(port)
            asyncio.run(load(port, b"GET /about HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 1, 1))
            times.append(time.perf_counter() - begun)
            time.sleep(1.5)
            sizes.append(rss_mib(process.pid))
        finally:
            process.terminate()
            process.wait()
    rows.append(Row("fedhood serve: start until the first page", min(times), "s", 1.0))
    rows.append(Row("fedhood serve: memory at rest", min(sizes), "MiB", 80 * 1e6 / 2**20))


def main() -> int:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fedhood-bench-") as name:
        folder = Path(name)
        clock = Clock()
        rate, hello_ms = hello_world()
        commits = raw_commits(folder)
        rows += [
            Row("ceiling: aiohttp hello-world, one core", rate, "/s"),
            Row("ceiling: aiohttp hello-world, CPU each", hello_ms, "ms"),
            Row("ceiling: raw SQLite commits, synchronous=FULL", commits, "/s"),
        ]
        start_up(folder, rows)
        (folder / "door").mkdir()
        next_door(folder / "door", rows)
        disk(folder / "disk", clock, rows)
        (folder / "pages").mkdir()
        pages(folder / "pages", hello_ms, rows)
        publishing(folder / "publish", clock, commits, rows)
        rows.append(catching_up.measured(folder / "away"))
        rows += arriving.measured(folder / "arriving")
    scale = max(1.0, REFERENCE / rate)
    for row in rows:
        print(row.line(scale if not row.what.startswith("ceiling") else 1.0))
    if "--json" in sys.argv:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
    return int(any("MISSED" in row.line(scale) for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
