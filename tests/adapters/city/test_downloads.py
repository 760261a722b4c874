"""Reports under their own addresses: the same bytes for ever, and nothing before they were handed in."""

import pytest
from aiohttp import web

from fedhood.adapters import city
from fedhood.adapters.http import middleware
from fedhood.adapters.http.keys import DATABASE, SETTINGS
from fedhood.core import metrics
from fedhood.kernel.settings import Settings
from tests.core.quarter import Q4, ZONE, settle

PATH = "/metrics/v1/reports/elm/2026-Q4/1"


@pytest.fixture
async def client(running, clock, aiohttp_client):
    clock.set(Q4.cut_off)
    life = settle(running)
    life.posted(life.home())
    await running.write(metrics.compile_due, time_zone=ZONE, rehearsal=True)

    async def no_page(_request, _refusal):
        raise AssertionError("a machine asks here")

    app = web.Application(middlewares=[middleware.headers, middleware.refusing(no_page)])
    app[DATABASE], app[SETTINGS] = running, Settings()
    app.add_routes(city.routes())
    return await aiohttp_client(app)


async def test_a_report_that_was_not_handed_in_is_not_there(client):
    for path in (PATH, PATH.replace("elm", "oak"), PATH + "0", PATH.replace("Q4", "Q5")):
        assert (await client.get(path)).status == 404


async def test_a_report_is_given_as_it_was_signed_with_its_digest_as_etag(client, running):
    (report,) = await running.read(metrics.issued)
    await running.write(metrics.handed_in, report_id=report.id, document=b'{"a":1}', digest="zA")
    answer = await client.get(PATH)
    assert (answer.status, await answer.read(), answer.headers["ETag"]) == (200, b'{"a":1}', '"zA"')
    assert "immutable" in answer.headers["Cache-Control"]
    again = await client.get(PATH, headers={"If-None-Match": '"zA"'})
    assert (again.status, await again.read()) == (304, b"")
