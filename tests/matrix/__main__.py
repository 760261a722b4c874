"""`python -m tests.matrix`: the whole matrix. Ends with `N cells, 0 differences`, or with 1."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import tempfile
from pathlib import Path

import aiohttp

from fedhood.core import neighbourhoods
from fedhood.kernel import log
from tests.matrix import deeds, doing, expected, routes, scene, travels, trying, walk
from tests.matrix.tally import Tally
from tests.support.egress import GUARD

_SENTINEL = "the matrix begins"


async def run(folder: Path) -> Tally:
    """Everything, in a folder that is empty. What differs is in the answer."""
    written = io.StringIO()
    with contextlib.redirect_stderr(written):
        log.set_up("text")
    log.logger().info(_SENTINEL)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        world = await scene.build(folder, session)
        try:
            tally = Tally(world.secrets)
            await _ask(world, tally)
            tally.check(
                "things looked for in the log", "UNPROVED nothing is logged", good=_SENTINEL in written.getvalue()
            )
            await travels.check(world, tally, written.getvalue())
        finally:
            await world.close()
    for attempt in GUARD.take():
        tally.differ(f"LEFT this machine: {attempt}")
    return tally


async def _ask(world: scene.Scene, tally: Tally) -> None:
    for site in world.sites:
        for name in routes.uncovered(site.router, deeds.KNOWN):
            tally.differ(f"UNCOVERED {name} at {site.name}")
        tally.count("routes of the real tables", len(routes.all_of(site.router)))
    for site in world.sites:
        await walk.everything(site, [one for one in site.viewers if one.name not in expected.LATER], tally)
    for site in world.sites:
        await trying.everything(site, tally)
    await doing.everything(world, tally)
    await _unpair(world)
    await walk.everything(world.elm, [world.elm.who(expected.UNPAIRED)], tally, only="/ap/")
    await doing.part(world, tally)
    await walk.everything(world.elm, [world.elm.who(expected.FORMER)], tally, only="/ap/")
    tally.prove(_proved(world))


async def _unpair(world: scene.Scene) -> None:
    """Elm shows Oak nothing any more; the servers are still on speaking terms."""
    elm = world.elm.place
    for reader in await elm.database.read(neighbourhoods.readers_of, elm.homes["Elm"]):
        if reader.peer is not None:
            await elm.database.write(neighbourhoods.unpair, writer=elm.homes["Elm"], reader=reader.id)


def _proved(world: scene.Scene) -> set[str]:
    """What nobody may find was there, as it left."""
    sent = b"\n".join(world.sent)
    return {thing for thing, one in expected.THINGS.items() if one.canary.encode() in sent}


def main() -> int:
    GUARD.install()
    with tempfile.TemporaryDirectory(prefix="fedhood-matrix-") as folder:
        tally = asyncio.run(run(Path(folder)))
    width = max(len(what) for what in tally.cells)
    lines = [f"{what.ljust(width)}  {number:>8}" for what, number in tally.cells.items()]
    lines += [f"{sentence} · to {', '.join(whom)}" for sentence, whom in tally.differences.items()]
    lines.append(f"{sum(tally.cells.values())} cells, {tally.differing} differences")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
