"""A neighbour was away while five thousand posts were told, and comes back: how long until it has read all of them.

Both servers share one process and so one core: in life each has its own.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fedhood.core import posts
from fedhood.core.posts import Audience
from tests.bench.rows import Row
from tests.support.world import make_neighbours, place, reopen

if TYPE_CHECKING:
    from pathlib import Path

MISSED = 5_000
AT_MOST = 60.0  # seconds
AT_ONCE = 500


def measured(folder: Path) -> Row:
    """The row. Raises AssertionError when anything is missing, came twice or in another order."""
    folder.mkdir()
    return Row(f"a neighbour was away: {MISSED:,} posts read, in order", asyncio.run(_come_back(folder)), "s", AT_MOST)


async def _come_back(folder: Path) -> float:
    elm, oak = await place(folder, "elm", "Elm"), await place(folder, "oak", "Oak")
    ana, bob = await elm.resident("Ana", moderator=True), await oak.resident("Bob", moderator=True)
    await make_neighbours(elm, oak, ana, bob)
    (next_door,) = [
        one for one in await elm.database.read(posts.offered, neighbourhood=ana.neighbourhood) if one.names == ("Oak",)
    ]
    await oak.close()
    told = [f"post {number}" for number in range(MISSED)]
    for start in range(0, MISSED, AT_ONCE):
        await elm.database.write(
            lambda uow, some: [
                posts.publish(uow, by=ana, text=text, audience=Audience.NEIGHBOURS, places=next_door.places)
                for text in some
            ],
            told[start : start + AT_ONCE],
        )
    await elm.server.worker.step()  # nobody is there
    begun = time.perf_counter()
    oak = await reopen(oak)
    for one in (elm, oak):
        await one.server.worker.start()
    while len(read := oak.database.look(_texts)) < MISSED and time.perf_counter() - begun < 10 * AT_MOST:
        await asyncio.sleep(0.1)
    took = time.perf_counter() - begun
    if read != told:
        raise AssertionError(f"{len(read)} of {MISSED} were read, or not in order")
    for one in (elm, oak):
        await one.close()
    return took


def _texts(db) -> list[str]:
    return [row.text for row in posts.PostTable.select(posts.PostTable.text).order_by(posts.PostTable.id).execute(db)]
