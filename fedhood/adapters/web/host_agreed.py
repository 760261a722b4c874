"""What stands with another place, and what may be changed while it stands: who reads whom, how much, for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from fedhood.adapters.web import peer_words
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Permission
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.peers import ENDS_SOON, NEIGHBOURS, Agreement, Peer, Trust
from fedhood.kernel.errors import Conflict, Invalid, NotFound

_MOST_BOXES = 90


async def find(visit: Visit) -> Peer:
    """The place that the address names. Raises NotFound."""
    digits = visit.request.match_info["peer"]
    if len(digits) > 9:
        raise NotFound
    return await visit.database.read(peers.get, int(digits))


async def may_agree(visit: Visit) -> bool:
    """Whether the viewer may agree with other places: who keeps one neighbourhood of several decides for none."""
    return visit.account in await visit.database.read(peers.keepers)


# -- what stands -------------------------------------------------------------------------------------------------------


async def values(visit: Visit, peer: Peer, theirs: Agreement | None) -> dict[str, Any]:
    """What the page of a place says and offers while an agreement with it stands."""
    granted = await visit.database.read(peers.agreement, peer.id, ours=True)
    ours = {one.id: one for one in await visit.database.read(neighbourhoods.ours)}
    there = {one.id: one for one in await visit.database.read(neighbourhoods.of_peer, peer.id)}
    in_force = await visit.database.read(neighbourhoods.pairs_with, peer.id)
    may = await may_agree(visit)
    shows = granted is not None and NEIGHBOURS in granted.scopes
    return {
        "shown": _told(in_force, ours, there),
        "read": _told(in_force, there, ours),
        "cards": [
            _card(our, _theirs(peer, there), granted)
            for our in ours.values()
            if granted is not None and shows and access.may(visit.viewer, Permission.PEER, our.id)
        ],
        **_ends(visit, granted, theirs, may=may and peer.suspended_at is None),
        "missed": visit.words.date(peer.missed_at, visit.now) if peer.missed_at is not None else "",
        "in_question": peer.suspended_at is not None,
        "may_match": may and peer.suspended_at is not None,
        "is_less": peer_words.is_less(peer, theirs),
        "may_less": may and shows,
        "may_again": may and peer.trust is Trust.FEDIVERSE and peer.suspended_at is None,
    }


def _ends(visit: Visit, granted: Agreement | None, theirs: Agreement | None, *, may: bool) -> dict[str, Any]:
    """Until when either side said yes, and whose turn it is in the last month."""
    soon = visit.now + ENDS_SOON
    ours_ends = granted is not None and granted.valid_until <= soon
    return {
        "until": visit.words.date(granted.valid_until) if granted is not None else "",
        "may_renew": may and ours_ends,
        "their_end": visit.words.date(theirs.valid_until)
        if theirs is not None and theirs.valid_until <= soon and not ours_ends
        else "",
    }


def _told(
    in_force: set[tuple[int, int]], writers: dict[int, Neighbourhood], readers: dict[int, Neighbourhood]
) -> list[tuple[str, list[str]]]:
    """(who shows, those who read it) for each that is read."""
    found = [
        (
            one.name,
            sorted(readers[reader].name for writer, reader in in_force if writer == one.id and reader in readers),
        )
        for one in writers.values()
    ]
    return [(name, names) for name, names in found if names]


def _card(our: Neighbourhood, theirs: list[tuple[str, str, int]], granted: Agreement) -> dict[str, Any]:
    """One of ours with a box for each of theirs, ticked for those who read along now."""
    now = {reader for writer, reader in granted.pairs if writer == our.id}
    return {
        "id": our.id,
        "name": our.name,
        "was": " ".join(str(reader) for reader in sorted(now)),
        "boxes": [
            (f"reader-{our.id}-{number}", uri, name, known in now) for number, (uri, name, known) in enumerate(theirs)
        ],
    }


def _theirs(peer: Peer, there: dict[int, Neighbourhood]) -> list[tuple[str, str, int]]:
    """(address, name, our number for it, 0 for none yet) of each neighbourhood of theirs, by name."""
    known = {one.uri or "": (one.name, one.id) for one in there.values()}
    told = {group["uri"]: (group["name"], 0) for group in peer.offered_groups or []}
    found = [(uri, name, number) for uri, (name, number) in (told | known).items()]
    return sorted(found, key=lambda one: (one[1], one[0]))[:_MOST_BOXES]


# -- what is changed ---------------------------------------------------------------------------------------------------


async def readers(visit: Visit) -> web.StreamResponse:
    """Who of theirs reads what one of ours shows next door."""
    peer = await find(visit)
    form = await visit.form()
    writer = number(form.get("writer", ""))
    await visit.database.write(
        peers.change_readers,
        by=visit.viewer,
        peer_id=peer.id,
        writer=writer,
        readers=[uri for name, uri in form.items() if name.startswith(f"reader-{writer}-")],
        was=[number(one) for one in form.get("was", "").split()],
    )
    return go(f"/host/neighbours/{peer.id}")


def number(text: str) -> int:
    """A number that a form of ours carries. Raises Invalid."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(code="form")
    return int(text)


async def less(visit: Visit) -> web.StreamResponse:
    """From now on they have no more than what is for everyone."""
    peer = await find(visit)
    await once(visit, peers.grant, peer, trust=Trust.FEDIVERSE)
    return go(f"/host/neighbours/{peer.id}")


async def again(visit: Visit) -> web.StreamResponse:
    """The letters were compared once more: they are a neighbour again, and those read along who are chosen now."""
    peer = await find(visit)
    form = await visit.form()
    pairs = await chosen(visit, peer, form) if await choices(visit, peer) else None
    letters = form.get("letters", "")
    await once(visit, peers.grant, peer, trust=Trust.NEIGHBOUR, pairs=pairs, fingerprint=letters)
    return go(f"/host/neighbours/{peer.id}")


async def choices(visit: Visit, peer: Peer) -> list[tuple[str, str, str, str]]:
    """(field, address, ours, theirs) for each who might read whom; none beyond what a form holds: then all do."""
    ours = await visit.database.read(neighbourhoods.ours)
    found = [
        (f"pair-{our.id}-{number}", group["uri"], our.name, group["name"])
        for our in ours
        for number, group in enumerate((peer.offered_groups or []) if peer_words.reads_along(peer) else [])
    ]
    return found if len(found) <= _MOST_BOXES else []


async def renew(visit: Visit) -> web.StreamResponse:
    """A yes for another year."""
    peer = await find(visit)
    await once(visit, peers.renew, peer)
    return go(f"/host/neighbours/{peer.id}")


async def key(visit: Visit) -> web.StreamResponse:
    """Their letters were in question; they were read aloud, and they match."""
    peer = await find(visit)
    await once(visit, peers.confirm_key, peer, fingerprint=(await visit.form()).get("letters", ""))
    return go(f"/host/neighbours/{peer.id}")


async def look(visit: Visit) -> web.StreamResponse:
    """What do they show now?"""
    peer = await find(visit)
    await once(visit, peers.look, peer)
    return go(f"/host/neighbours/{peer.id}")


async def chosen(visit: Visit, peer: Peer, form: Mapping[str, str]) -> list[tuple[int, str]]:
    """Which of ours is read by which of theirs (address), as it was ticked; what they do not offer is not chosen."""
    ours = await visit.database.read(neighbourhoods.ours)
    theirs = {group["uri"] for group in peer.offered_groups or []}
    return [
        (our.id, uri)
        for our in ours
        for name, uri in form.items()
        if name.startswith(f"pair-{our.id}-") and uri in theirs
    ]


async def once(visit: Visit, act: Callable[..., None], peer: Peer, **how: Any) -> None:
    """Do something about a place; pressed twice, it is the same."""
    try:
        await visit.database.write(act, by=visit.viewer, peer_id=peer.id, **how)
    except Conflict as refused:
        if refused.code != "so-already":
            raise
