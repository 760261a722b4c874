"""The city's list of neighbourhoods: kept by the city's clerks, and followed by those who keep a neighbourhood."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedhood.adapters.web import host_agreed, peer_words
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import peers
from fedhood.core.peers import Change, FollowedList, Listed, Peer, PeerState, Proposal, Trust
from fedhood.kernel.errors import Conflict, Invalid
from fedhood.kernel.settings import Profile
from fedhood.kernel.urls import Addresses

PATH = "/host/neighbours/list"
_MOST_SHOWN = 50


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/list`: the list that a city publishes, or what the city's list proposes."""
    if visit.settings.profile is Profile.CITY:
        return await _published(visit)
    return await _followed(visit)


# -- a city's own ------------------------------------------------------------------------------------------------------


async def _published(visit: Visit) -> web.Response:
    found = await visit.database.read(peers.published)
    listed = {} if found is None else {one.host: one for one in found.entries}
    known = {peer.host: peer for peer in await visit.database.read(peers.all_peers)}
    shown = [known[host] for host in known if host in listed or known[host].state is PeerState.AGREED]
    rows = [await _row(visit, peer, listed.get(peer.host)) for peer in shown]
    return visit.page(
        "host/list_published.html",
        since=visit.words.date(found.updated_at) if found is not None else "",
        rows=sorted(rows, key=lambda row: str(row["name"]).casefold()),
        may=await host_agreed.may_agree(visit),
        address=Addresses(visit.settings.base_url).city_list if found is not None else "",
    )


_LISTED = ("done", N_("On your list."))
_UNLISTED = ("wait", N_("Not on your list."))
_CHANGED = ("open", N_("On your list as it was. Something has changed since."))
_LOST = ("no", N_("On your list, and nothing is agreed with them now."))


async def _row(visit: Visit, peer: Peer, entry: Listed | None) -> dict[str, Any]:
    """One server: whether the list names it, and as it is."""
    today = await visit.database.read(peers.entry_of, peer)
    if entry is None:
        kind, said = _UNLISTED
    elif today is None:
        kind, said = _LOST
    else:
        kind, said = _LISTED if today == entry else _CHANGED
    return {
        "id": peer.id,
        "host": peer.host,
        "name": peer_words.name_of(peer),
        "kind": kind,
        "said": visit.words.gettext(said),
        "may_put": today is not None and today != entry,
        "may_take": entry is not None,
    }


async def put(visit: Visit) -> web.StreamResponse:
    """One server comes on the list as it is today; without one all that are agreed with."""
    number = (await visit.form()).get("peer", "")
    which = [host_agreed.number(number)] if number else None
    await visit.database.write(peers.put_on_list, by=visit.viewer, peers=which)
    return go(PATH)


async def take(visit: Visit) -> web.StreamResponse:
    """One server is taken off the list."""
    host = (await visit.form()).get("host", "")
    await visit.database.write(peers.take_off_list, by=visit.viewer, host=host)
    return go(PATH)


# -- a neighbourhood's -------------------------------------------------------------------------------------------------


async def _followed(visit: Visit) -> web.Response:
    known = {peer.id: peer for peer in await visit.database.read(peers.all_peers)}
    cities = [peer for peer in known.values() if peer.trust is Trust.CITY and peer.state is PeerState.AGREED]
    followed = {one.peer: one for one in await visit.database.read(peers.followed_lists)}
    proposed = await visit.database.read(peers.proposals)
    return visit.page(
        "host/list_followed.html",
        may=await host_agreed.may_agree(visit),
        cities=[_city(visit, city, followed.get(city.id)) for city in cities],
        proposed=[_proposal(visit, one, known) for one in proposed[:_MOST_SHOWN]],
        more=max(0, len(proposed) - _MOST_SHOWN),
    )


_UNPROVED = N_("The list was not signed by the city, or it cannot be read. Nothing of it was taken over.")
_TROUBLE = {
    "no-list": N_("The city publishes no list."),
    "list-older": N_("The city showed an older list than the one you know. It was not read."),
    "key-in-question": N_("The letters of the city are in question. Call them first."),
    "unreachable": N_("The city does not answer now. It is tried again tomorrow."),
    "timeout": N_("The city does not answer now. It is tried again tomorrow."),
    "bad-answer": N_("The city does not answer now. It is tried again tomorrow."),
    "tls": N_("No safe connection could be made to this address."),
}


def _city(visit: Visit, city: Peer, followed: FollowedList | None) -> dict[str, Any]:
    trouble = "" if followed is None else followed.trouble or ""
    read = None if followed is None else followed.fetched_at
    return {
        "id": city.id,
        "name": peer_words.name_of(city),
        "is_followed": followed is not None,
        "read": visit.words.date(read, visit.now) if read is not None else "",
        "trouble": visit.words.gettext(_TROUBLE.get(trouble, _UNPROVED)) if trouble else "",
    }


def _proposal(visit: Visit, one: Proposal, known: dict[int, Peer]) -> dict[str, Any]:
    ours = known.get(one.known or 0)
    said = {
        Change.JOINED: N_("%(name)s stands on the list of %(city)s. Ask them to be neighbours?"),
        Change.LEFT: N_("%(name)s stands on the list of %(city)s no longer."),
        Change.LETTERS: N_("%(name)s stands on the list of %(city)s with other letters than those you know."),
    }
    return {
        "change": one.change.value,
        "city": one.city,
        "host": one.host,
        "name": one.name,
        "said": visit.words.gettext(said[one.change], name=one.name, city=peer_words.name_of(known[one.city])),
        "letters": one.fingerprint,
        "ours": (ours.fingerprint or "") if ours is not None else "",
        "href": f"/host/neighbours/{ours.id}" if ours is not None else "",
    }


async def follow(visit: Visit) -> web.StreamResponse:
    """The list of a city is followed from now on, or no longer."""
    form = await visit.form()
    act = peers.follow_list if form.get("on") == "yes" else peers.leave_list
    await visit.database.write(act, by=visit.viewer, peer_id=host_agreed.number(form.get("peer", "")))
    return go(PATH)


async def read(visit: Visit) -> web.StreamResponse:
    """The list is read now."""
    number = host_agreed.number((await visit.form()).get("peer", ""))
    await visit.database.write(peers.read_list, by=visit.viewer, peer_id=number)
    return go(PATH)


async def answer(visit: Visit) -> web.StreamResponse:
    """Somebody answers what the list proposes; what was answered meanwhile is as it is."""
    form = await visit.form()
    change = next((one for one in Change if one.value == form.get("change")), None)
    if change is None:
        raise Invalid(code="form")
    try:
        peer_id = await visit.database.write(
            peers.answer,
            by=visit.viewer,
            city=host_agreed.number(form.get("city", "")),
            host=form.get("host", ""),
            change=change,
            fingerprint=form.get("letters", ""),
            yes=form.get("answer") == "yes",
            our_host=Addresses(visit.settings.base_url).host,
        )
    except Conflict as refused:
        if refused.code != "changed":
            raise
        return go(PATH)
    is_asked = change is Change.JOINED and peer_id is not None
    return go(f"/host/neighbours/{peer_id}" if is_asked else PATH)


async def hints(visit: Visit, peer: Peer) -> list[str]:
    """What followed lists say of the letters of a server, beside those that people compare."""
    words = {
        True: N_("The list of %(city)s names the same letters. Call them all the same."),
        False: N_("The list of %(city)s names other letters. Do not press before you have called them."),
    }
    found = await visit.database.read(peers.letters_listed, peer.host) if peer.shown_fingerprint else []
    named = {city: await visit.database.read(peers.get, city) for city, _ in found}
    return [
        visit.words.gettext(words[letters == peer.shown_fingerprint], city=peer_words.name_of(named[city]))
        for city, letters in found
    ]
