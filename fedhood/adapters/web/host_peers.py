"""The neighbourhoods next door, for who looks after this one: found, compared by their letters, agreed, ended."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from fedhood.adapters.web import forms
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.keys import OUR_LETTERS
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.render import Words
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Permission, Viewer
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.peers import Peer, PeerState, Trust
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from fedhood.kernel.settings import Profile
from fedhood.kernel.urls import Addresses


async def show_all(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours`: each with its state in words, who reads whom, and a field for one more."""
    return await _page(visit, "", Errors())


async def _page(visit: Visit, typed: str, errors: Errors, *, status: int = 200) -> web.Response:
    known = await visit.database.read(peers.all_peers)
    ours = await visit.database.read(neighbourhoods.ours)
    return visit.page(
        "host/peers.html",
        status=status,
        path="/host/neighbours",
        named=visit.settings.host,
        city=visit.settings.profile is Profile.CITY,
        may_agree=await _may_agree(visit),
        peers=[
            _row(peer, visit.words, visit.settings.profile, agreed_too=await _agreed_too(visit, peer))
            for peer in known
            if not _is_taken_away(peer)
        ],
        pairs_here=[
            (our, await visit.database.read(neighbourhoods.readers_of, our.id))
            for our in ours
            if access.may(visit.viewer, Permission.PEER, our.id)
        ],
        ours=ours,
        typed=typed,
        errors=errors,
    )


def _is_taken_away(peer: Peer) -> bool:
    """Whether this is an address at which nobody was ever found, and that nobody looks for any more."""
    return peer.state is PeerState.ENDED and peer.actor_uri is None


async def _may_agree(visit: Visit) -> bool:
    """Whether the viewer may agree with other places: who keeps one neighbourhood of several decides for none."""
    return visit.account in await visit.database.read(peers.keepers)


async def _agreed_too(visit: Visit, peer: Peer) -> bool:
    """Whether the other side has said yes as well."""
    return await visit.database.read(peers.agreement, peer.id, ours=False) is not None


def _row(peer: Peer, words: Words, ours: Profile, *, agreed_too: bool) -> dict[str, Any]:
    kind, said = _state(peer, words, ours, agreed_too=agreed_too)
    return {
        "name": _name(peer),
        "host": peer.host,
        "href": f"/host/neighbours/{peer.id}",
        "kind": kind,
        "said": said,
        "trouble": _trouble(peer, words),
    }


_UNREADABLE = N_("The answer from this address could not be understood.")
_TROUBLE = {
    "unreachable": N_("Nobody answers at this address. Is it written right?"),
    "timeout": N_("Nobody answered in time."),
    "tls": N_("No safe connection could be made to this address."),
    "not-fedhood": N_("Somebody answers at this address, but it is no place like this one."),
}


def _trouble(peer: Peer, words: Words) -> str:
    """Why a place is not found yet; empty while nothing is wrong."""
    if peer.state is not PeerState.LOOKING or not peer.last_error:
        return ""
    return words.gettext(_TROUBLE.get(peer.last_error, _UNREADABLE))


# what the other side asks to be, before anybody presses a button: said by a neighbourhood, and by a city
_ASKS: dict[tuple[Profile, Trust], str] = {
    (Profile.NEIGHBOURHOOD, Trust.NEIGHBOUR): N_(
        "They ask to be a neighbour: each of you reads what the other shows next door."
    ),
    (Profile.NEIGHBOURHOOD, Trust.CITY): N_(
        "They ask to be the city: they get the figures of each quarter, may write to everybody here, and read nothing."
    ),
    (Profile.CITY, Trust.CITY): N_(
        "They hand the figures of each quarter in to you; you may write to everybody there. You read nothing of theirs."
    ),
}

_SAID: dict[PeerState, tuple[str, str]] = {
    PeerState.LOOKING: ("wait", N_("We are looking for them.")),
    PeerState.FOUND: ("open", N_("Found. Call each other and compare the letters.")),
    PeerState.ASKED_US: ("open", N_("They ask to be your neighbours. Compare the letters.")),
    PeerState.AGREED: ("done", N_("You are neighbours.")),
    PeerState.REFUSED: ("no", N_("One of the two said no.")),
    PeerState.ENDED: ("late", N_("This has ended.")),
}


_ASKED_FOR_FIGURES: dict[Profile, str] = {
    Profile.NEIGHBOURHOOD: N_("They ask to be your city. Compare the letters."),
    Profile.CITY: N_("They would like to hand their figures in to you. Compare the letters."),
}
_BLOCKED = N_("You hear nothing of them any more.")

# between a city and a neighbourhood nobody is a neighbour: what each page says of the other
_AGREED_WITH_CITY: dict[Profile, tuple[str, str]] = {
    Profile.NEIGHBOURHOOD: ("done", N_("This is the city. It gets figures, may write to you, and reads nothing.")),
    Profile.CITY: ("done", N_("They hand their figures in to you.")),
}


def _name(peer: Peer) -> str:
    """What the other place is called, without the word by which its machine tells itself apart."""
    return peer.name.removesuffix(" (server)") or peer.host


def _state(peer: Peer, words: Words, ours: Profile, *, agreed_too: bool) -> tuple[str, str]:
    """(look, words): where the two stand, and whose turn it is. `agreed_too`: the other side has said yes as well."""
    pressed = peer.state is PeerState.FOUND and peer.confirmed_at is not None
    if pressed or (peer.state is PeerState.AGREED and not agreed_too):
        return "wait", words.gettext("You pressed. We wait for them to press too.")
    if peer.trust is Trust.BLOCKED:
        return "no", words.gettext(_BLOCKED)
    kind, said = _SAID[peer.state]
    if peer.trust is Trust.CITY and peer.state is PeerState.AGREED:
        kind, said = _AGREED_WITH_CITY[ours]
    elif peer.trust is Trust.CITY and peer.state is PeerState.ASKED_US:
        said = _ASKED_FOR_FIGURES[ours]
    return kind, words.gettext(said)


async def add(visit: Visit) -> web.StreamResponse:
    """An address is pasted; the worker looks for it."""
    typed = (await visit.form()).get("host", "")
    # a city asks for reports and speaks; it is nobody's neighbour and reads nothing
    trust = Trust.CITY if visit.settings.profile is Profile.CITY else Trust.NEIGHBOUR
    our_host = Addresses(visit.settings.base_url).host
    try:
        peer_id = await visit.database.write(peers.propose, by=visit.viewer, host=typed, our_host=our_host, trust=trust)
    except Invalid as refused:
        return await _page(visit, typed, forms.errors_of(refused, visit.words, otherwise="host"), status=422)
    return go(f"/host/neighbours/{peer_id}")


async def here(visit: Visit) -> web.StreamResponse:
    """Two neighbourhoods of this house: whether the one reads what the other shows next door."""
    form = await visit.form()
    ours = {str(one.id): one for one in await visit.database.read(neighbourhoods.ours)}
    writer, reader = ours.get(form.get("writer", "")), ours.get(form.get("reader", ""))
    if writer is None or reader is None or writer.id == reader.id:
        raise Invalid(code="form")
    await visit.database.write(_pair, by=visit.viewer, writer=writer, reader=reader, on=form.get("on") == "yes")
    return go("/host/neighbours")


def _pair(uow: UnitOfWork, *, by: Viewer, writer: Neighbourhood, reader: Neighbourhood, on: bool) -> None:
    access.require(by, Permission.PEER, writer.id)
    change = neighbourhoods.pair if on else neighbourhoods.unpair
    change(uow, writer=writer.id, reader=reader.id)


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/{peer}`: both letters, to be read aloud, and the button."""
    return await _peer_page(visit, await _peer(visit), Errors())


async def _peer(visit: Visit) -> Peer:
    number = visit.request.match_info["peer"]
    if len(number) > 9:
        raise NotFound
    return await visit.database.read(peers.get, int(number))


async def _peer_page(visit: Visit, peer: Peer, errors: Errors, *, status: int = 200) -> web.Response:
    ours = await visit.database.read(neighbourhoods.ours)
    kind, said = _state(peer, visit.words, visit.settings.profile, agreed_too=await _agreed_too(visit, peer))
    may = await _may_agree(visit)
    asks_still = peer.confirmed_at is None
    asks = may and peer.state in {PeerState.FOUND, PeerState.ASKED_US} and bool(peer.fingerprint)
    asks_to_be = _ASKS.get((visit.settings.profile, peer.trust), "") if asks else ""
    return visit.page(
        "host/peer.html",
        status=status,
        path=f"/host/neighbours/{peer.id}",
        peer=peer,
        name=_name(peer),
        kind=kind,
        said=said,
        our_letters=await visit.request.app[OUR_LETTERS].read(),
        their_letters=peer.fingerprint or "",
        may_confirm=asks and peer.confirmed_at is None,
        asks_to_be=visit.words.gettext(asks_to_be) if asks_to_be else "",
        may_block=may and peer.state in _MAY_BE_BLOCKED and peer.trust is not Trust.BLOCKED,
        may_unblock=may and peer.trust is Trust.BLOCKED,
        may_end=may and (peer.state is PeerState.AGREED or (peer.state is PeerState.FOUND and not asks_still)),
        may_forget=may and peer.state is PeerState.LOOKING,
        trouble=_trouble(peer, visit.words),
        reads=_reads_along(peer),
        pairs=[
            (f"pair-{our.id}-{number}", our.name, group["name"])
            for our in ours
            for number, group in enumerate((peer.offered_groups or []) if _reads_along(peer) else [])
        ],
        readers=[(our.name, names) for our in ours if (names := await _readers(visit, our, peer))],
        errors=errors,
    )


def _reads_along(peer: Peer) -> bool:
    """Whether the two would read each other: between a city and a neighbourhood nobody does."""
    return peer.trust is not Trust.CITY


_MAY_BE_BLOCKED = frozenset({PeerState.FOUND, PeerState.ASKED_US, PeerState.AGREED, PeerState.ENDED})


async def _readers(visit: Visit, our: Neighbourhood, peer: Peer) -> list[str]:
    """The neighbourhoods of a peer that read one of ours."""
    found = await visit.database.read(neighbourhoods.readers_of, our.id)
    return [reader.name for reader in found if reader.peer == peer.id]


async def match(visit: Visit) -> web.StreamResponse:
    """The letters were read aloud, and they match: which of ours is read by which of theirs."""
    peer = await _peer(visit)
    form = await visit.form()
    ours = await visit.database.read(neighbourhoods.ours)
    pairs: list[tuple[int, str]] | None = None
    if peer.offered_groups and _reads_along(peer):
        pairs = [
            (our.id, group["uri"])
            for our in ours
            for number, group in enumerate(peer.offered_groups)
            if f"pair-{our.id}-{number}" in form
        ]
        if not pairs:
            errors = Errors({"pairs": visit.words.gettext("Choose at least one who reads along.")})
            return await _peer_page(visit, peer, errors, status=422)
    await visit.database.write(
        peers.confirm,
        by=visit.viewer,
        peer_id=peer.id,
        pairs=pairs,
        fingerprint=form.get("letters", ""),
        trust=next((one for one in Trust if one.value == form.get("trust")), None),
    )
    return go(f"/host/neighbours/{peer.id}")


async def differ(visit: Visit) -> web.StreamResponse:
    """The letters differ, or this is nobody to be neighbours with."""
    peer = await _peer(visit)
    act = peers.reject if peer.state is PeerState.ASKED_US else peers.end
    await visit.database.write(act, by=visit.viewer, peer_id=peer.id)
    return go("/host/neighbours" if peer.actor_uri is None else f"/host/neighbours/{peer.id}")


async def block(visit: Visit) -> web.StreamResponse:
    """Nothing more is heard of them, not even their asking; what was agreed ends."""
    peer = await _peer(visit)
    await _do(visit, peers.block, peer)
    return go(f"/host/neighbours/{peer.id}")


async def unblock(visit: Visit) -> web.StreamResponse:
    """They may ask again; nothing is agreed by it."""
    peer = await _peer(visit)
    await _do(visit, peers.unblock, peer)
    return go(f"/host/neighbours/{peer.id}")


async def _do(visit: Visit, act: Callable[..., None], peer: Peer) -> None:
    """Pressed twice, it is the same."""
    try:
        await visit.database.write(act, by=visit.viewer, peer_id=peer.id)
    except Conflict as refused:
        if refused.code != "so-already":
            raise
