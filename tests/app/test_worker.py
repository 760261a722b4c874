import asyncio

import pytest

from tests.support.world import place


@pytest.mark.parametrize("ticks", range(8))
async def test_a_worker_that_is_woken_as_it_is_stopped_stops(tmp_path, ticks: int) -> None:
    elm = await place(tmp_path, "elm", "Elm")
    worker = elm.server.worker
    try:
        await worker.start()
        for _ in range(20):
            await asyncio.sleep(0)
        worker.wake()
        for _ in range(ticks):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await worker.stop()
    finally:
        await elm.close()
