"""The neighbourhoods next door, for who looks after this one: found, compared by their letters, agreed, ended."""

from typing import Any

from aiohttp import web

from fedhood.adapters.web import forms, host_agreed, host_hub, host_letters, host_list, peer_words
from fedhood.adapters.web.forms import Errors
from fedhood.adapters.web.keys import OUR_LETTERS
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Permission, Viewer
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.peers import Peer, PeerState, Trust
from fedhood.kernel.database import UnitOfWork
from fedhood.kernel.errors import Invalid
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
        list=host_list.PATH
        if any(peer.trust is Trust.CITY and peer.state is PeerState.AGREED for peer in known)
        else "",
        may_agree=await host_agreed.may_agree(visit),
        peers=[await _row(visit, peer) for peer in known if not _is_taken_away(peer)],
        pairs_here=[
            (our, await visit.database.read(neighbourhoods.readers_of, our.id))
            for our in ours
            if access.may(visit.viewer, Permission.PEER, our.id)
        ],
        ours=ours,
        typed=typed,
        errors=errors,
    )


def _is_with_a_city(known: list[Peer]) -> bool:
    """Whether this is the city of somebody, or has one."""
    return any(peer.trust is Trust.CITY and peer.state is PeerState.AGREED for peer in known)


def _is_taken_away(peer: Peer) -> bool:
    """Whether this is an address at which nobody was ever found, and that nobody looks for any more.

    Nor is there anything to say of a server of which no more is known than that somebody there speaks to the city.
    """
    return peer.state is PeerState.HEARD or (peer.state is PeerState.ENDED and peer.actor_uri is None)


async def _row(visit: Visit, peer: Peer) -> dict[str, Any]:
    theirs = await visit.database.read(peers.agreement, peer.id, ours=False)
    kind, said = peer_words.state_of(peer, visit.words, visit.settings.profile, theirs=theirs)
    return {
        "name": peer_words.name_of(peer),
        "host": peer.host,
        "href": f"/host/neighbours/{peer.id}",
        "kind": kind,
        "said": said,
        "trouble": peer_words.trouble_of(peer, visit.words),
        "sending": await host_letters.trouble_of(visit, peer) if peer.state is PeerState.AGREED else None,
    }


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
    return await _peer_page(visit, await host_agreed.find(visit), Errors())


async def _peer_page(visit: Visit, peer: Peer, errors: Errors, *, status: int = 200) -> web.Response:
    theirs = await visit.database.read(peers.agreement, peer.id, ours=False)
    kind, said = peer_words.state_of(peer, visit.words, visit.settings.profile, theirs=theirs)
    may = await host_agreed.may_agree(visit)
    asks = may and peer.state in {PeerState.FOUND, PeerState.ASKED_US} and bool(peer.fingerprint)
    is_pressed = peer.confirmed_at is not None
    return visit.page(
        "host/peer.html",
        status=status,
        path=f"/host/neighbours/{peer.id}",
        peer=peer,
        name=peer_words.name_of(peer),
        kind=kind,
        said=said,
        our_letters=await visit.request.app[OUR_LETTERS].read(),
        their_letters=peer.shown_fingerprint or "",
        hints=await host_list.hints(visit, peer) if asks or peer.suspended_at is not None else [],
        is_other_hand=asks and peer.is_other_hand,
        may_confirm=asks and not is_pressed,
        asks_to_be=peer_words.asks_to_be(peer, visit.words, visit.settings.profile) if asks else "",
        may_block=may and peer.state in _MAY_BE_BLOCKED and peer.trust is not Trust.BLOCKED,
        may_unblock=may and peer.trust is Trust.BLOCKED,
        may_end=may and (peer.state is PeerState.AGREED or (peer.state is PeerState.FOUND and is_pressed)),
        may_forget=may and peer.state is PeerState.LOOKING,
        may_test=peer.actor_uri is not None,
        trouble=peer_words.trouble_of(peer, visit.words),
        reads=peer_words.reads_along(peer),
        sending=await host_letters.summary(visit, peer) if peer.state is PeerState.AGREED else None,
        pairs=await host_agreed.choices(visit, peer),
        citywide=await host_hub.choices(visit, peer),
        agreed=await host_agreed.values(visit, peer, theirs) if peer.state is PeerState.AGREED else None,
        errors=errors,
    )


_MAY_BE_BLOCKED = frozenset(
    {
        # other software has no letters to be found, and visitors come from there
        PeerState.STRANGER,
        PeerState.HEARD,
        PeerState.LOOKING,
        PeerState.FOUND,
        PeerState.ASKED_US,
        PeerState.AGREED,
        PeerState.ENDED,
    }
)


async def match(visit: Visit) -> web.StreamResponse:
    """The letters were read aloud, and they match: which of ours is read by which of theirs."""
    peer = await host_agreed.find(visit)
    form = await visit.form()
    pairs: list[tuple[int, str]] | None = None
    if await host_agreed.choices(visit, peer):
        pairs = await host_agreed.chosen(visit, peer, form)
        if not pairs and await host_agreed.may_agree(visit):  # who may not is told that first
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
    peer = await host_agreed.find(visit)
    act = peers.reject if peer.state is PeerState.ASKED_US else peers.end
    await visit.database.write(act, by=visit.viewer, peer_id=peer.id)
    return go("/host/neighbours" if peer.actor_uri is None else f"/host/neighbours/{peer.id}")


async def block(visit: Visit) -> web.StreamResponse:
    """Nothing more is heard of them, not even their asking; what was agreed ends."""
    peer = await host_agreed.find(visit)
    await host_agreed.once(visit, peers.block, peer)
    return go(f"/host/neighbours/{peer.id}")


async def unblock(visit: Visit) -> web.StreamResponse:
    """They may ask again; nothing is agreed by it."""
    peer = await host_agreed.find(visit)
    await host_agreed.once(visit, peers.unblock, peer)
    return go(f"/host/neighbours/{peer.id}")
