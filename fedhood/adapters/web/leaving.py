"""What is one's own, to take along; and going for good."""

import json

from aiohttp import web

from fedhood.adapters.web import door, session
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, help_requests, timelines
from fedhood.core.access import Permission
from fedhood.kernel.errors import Conflict


async def data(visit: Visit) -> web.StreamResponse:
    """`/account/data`: everything one said and did here, as a file."""
    kept = await visit.database.survey(timelines.own_data, viewer=visit.viewer)
    return web.Response(
        content_type="application/json",
        charset="utf-8",
        text=json.dumps(kept, ensure_ascii=False, indent=2) + "\n",
        headers={"Content-Disposition": 'attachment; filename="fedhood.json"', "Cache-Control": "no-store"},
    )


async def leave_page(visit: Visit) -> web.StreamResponse:
    """`/account/leave`: what happens when somebody goes, before they do."""
    return await _page(visit, Errors())


async def _page(visit: Visit, errors: Errors, *, alone: bool = False, status: int = 200) -> web.Response:
    keepers = await visit.database.read(access.holders, Permission.MODERATE, visit.viewer.neighbourhood)
    return visit.page(
        "leave.html",
        status=status,
        path="/account/leave",
        has_passphrase=await visit.database.read(access.passphrase_hash, visit.account) is not None,
        alone=alone or keepers == [visit.account],
        errors=errors,
    )


async def leave(visit: Visit) -> web.StreamResponse:
    """Somebody goes, and takes their words with them."""
    errors = await door.wrong_passphrase(visit, (await visit.form()).get("passphrase", ""))
    if errors:
        return await _page(visit, errors, status=422)
    try:
        await visit.database.write(help_requests.farewell, by=visit.viewer)
    except Conflict as refused:
        if refused.code != "last-moderator":
            raise
        return await _page(visit, Errors(), alone=True, status=409)
    response = go("/goodbye")
    session.close_door(visit.request, response)
    return response


async def goodbye(visit: Visit) -> web.StreamResponse:
    """`/goodbye`: said once somebody has gone."""
    return visit.page("goodbye.html")
