"""Whether a neighbourhood takes part where residents speak to the whole city: for who keeps it, on the city's page."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedhood.adapters.web import host_agreed
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, hubs, neighbourhoods
from fedhood.core.access import Permission
from fedhood.core.hubs import Standing
from fedhood.core.peers import Peer, PeerState, Trust
from fedhood.kernel.settings import Profile

_SAID: dict[Standing | None, tuple[str, str]] = {
    None: ("late", N_("Takes no part")),
    Standing.ASKED: ("wait", N_("You asked. We wait for the city’s answer.")),
    Standing.JOINED: ("done", N_("Takes part")),
    Standing.LEFT: ("late", N_("Takes no part")),
}


async def choices(visit: Visit, peer: Peer) -> list[dict[str, Any]]:
    """Each of ours that the viewer keeps, and how it stands with this city; none where the other is no city of ours."""
    if visit.settings.profile is Profile.CITY or peer.trust is not Trust.CITY or peer.state is not PeerState.AGREED:
        return []
    kept = [
        one
        for one in await visit.database.read(neighbourhoods.ours)
        if access.may(visit.viewer, Permission.PEER, one.id)
    ]
    return [
        _choice(visit, one.id, one.name, await visit.database.read(hubs.standing, peer_id=peer.id, place=one.id))
        for one in kept
    ]


def _choice(visit: Visit, place: int, name: str, standing: Standing | None) -> dict[str, Any]:
    look, said = _SAID[standing]
    return {
        "id": place,
        "name": name,
        "look": look,
        "said": visit.words.gettext(said),
        "joined": standing is Standing.JOINED,
        "standing": standing not in {None, Standing.LEFT},
    }


async def change(visit: Visit) -> web.StreamResponse:
    """One of ours takes part from now on, or no more."""
    peer = await host_agreed.find(visit)
    form = await visit.form()
    act = hubs.ask if form.get("on") == "yes" else hubs.leave
    place = host_agreed.number(form.get("place", ""))
    await visit.database.write(act, by=visit.viewer, peer_id=peer.id, place=place)
    return go(f"/host/neighbours/{peer.id}")
