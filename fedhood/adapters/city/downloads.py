"""Reports of this server under the addresses that name them: the same bytes for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from fedhood.adapters.http.keys import DATABASE
from fedhood.core import metrics
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.core.metrics import IssuedReport

_YEAR = 365 * 24 * 60 * 60
_LONGEST = 80


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [web.get("/metrics/v1/reports/{area}/{period}/{revision:[1-9][0-9]{0,3}}", report)]


async def report(request: web.Request) -> web.Response:
    """A report as it was handed in to the city; its ETag is the digest that the city's receipt names.

    Raises NotFound, also for one that was counted and not handed in yet.
    """
    named = request.match_info
    found = await request.app[DATABASE].read(
        _handed_in, area=named["area"], period=named["period"], revision=int(named["revision"])
    )
    headers = {"ETag": f'"{found.digest}"', "Cache-Control": f"public, max-age={_YEAR}, immutable"}
    if any(tag.value == found.digest for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.document, content_type="application/json", headers=headers)


def _handed_in(db: peewee.Database, *, area: str, period: str, revision: int) -> IssuedReport:
    found = metrics.report_at(db, area=area[:_LONGEST], period=period[:_LONGEST], revision=revision)
    if found is None or found.document is None:
        raise NotFound
    return found
