"""What goes to another place, for who looks after this one: what arrived, what waits and why, and what to do about it.

Nobody's words are here, and nobody's name: whoever looks after the server is no reader of what goes between others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fedhood.adapters.web import host_agreed, host_letter_words, peer_words
from fedhood.adapters.web.keys import LEDGER
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import peers
from fedhood.core.deliveries import Fate, Letter, Place, Which
from fedhood.kernel.errors import Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from fedhood.core.deliveries import Ledger, Standing
    from fedhood.core.peers import Peer

_PAGE = 30
_PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})", re.ASCII)
_FILTERS: tuple[tuple[Which, str], ...] = (
    (Which.ALL, N_("All of it")),
    (Which.WAITING, N_("What waits")),
    (Which.LOST, N_("What did not arrive")),
)


def _ledger(visit: Visit) -> Ledger:
    return visit.request.app[LEDGER]


def _address(peer_id: int) -> str:
    return f"/host/neighbours/{peer_id}/sent"


# -- how it goes -------------------------------------------------------------------------------------------------------


async def summary(visit: Visit, peer: Peer) -> dict[str, Any]:
    """How sending to a place goes: what stands on its page, and over the list of what went there."""
    found: Standing = await visit.database.read(_ledger(visit).standing, peer.id, visit.now)
    words, now = visit.words, visit.now
    kind, said = host_letter_words.state_of(found, words, now)
    explains = found.is_in_trouble or found.paused_at is not None or (found.waiting > 0 and not found.refusing)
    may = await host_agreed.may_agree(visit)
    return {
        "peer": peer.id,
        "href": _address(peer.id) if may else "",
        "kind": kind,
        "said": said,
        "lines": host_letter_words.counts(found, words, now),
        "why": host_letter_words.why(found.verdict, words) if explains else "",
        "advice": host_letter_words.advice(found.verdict, words) if explains else "",
        "next_try": host_letter_words.next_try(found.verdict, words, now),
        "parked": found.parked and found.is_in_trouble,
        "refusing": found.refusing,
        "may_retry": may and found.is_in_trouble and found.paused_at is None,
        "may_pause": may and found.paused_at is None,
        "may_resume": may and found.paused_at is not None,
        "may_forget": may and found.forgettable > 0,
    }


async def trouble_of(visit: Visit, peer: Peer) -> dict[str, str] | None:
    """What goes wrong with sending to a place, for the list of places; None while all is well."""
    found: Standing = await visit.database.read(_ledger(visit).standing, peer.id, visit.now)
    wrong = host_letter_words.wrong_with(found, visit.words, visit.now)
    if wrong is None:
        return None
    next_try = host_letter_words.next_try(found.verdict, visit.words, visit.now)
    return {"kind": wrong[0], "said": wrong[1], "next_try": next_try}


# -- letters -----------------------------------------------------------------------------------------------------------


async def _kept(visit: Visit) -> Peer:
    """The place that the address names, for who may agree with it. Raises Forbidden, NotFound."""
    peer = await host_agreed.find(visit)
    if not await host_agreed.may_agree(visit):
        raise Forbidden
    return peer


def _place(text: str) -> Place | None:
    found = _PLACE.fullmatch(text)
    return None if found is None else Place(int(found.group(1)), int(found.group(2)))


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/{peer}/sent`: what went there, newest first; `?only=waiting`, `?only=lost`."""
    peer = await _kept(visit)
    which = next((one for one, _ in _FILTERS if one.value == visit.request.query.get("only")), Which.ALL)
    found: list[Letter] = await visit.database.read(
        _ledger(visit).listed,
        peer.id,
        visit.now,
        which=which,
        before=_place(visit.request.query.get("older", "")),
        limit=_PAGE + 1,
    )
    shown = found[:_PAGE]
    base, only = _address(peer.id), f"only={which.value}&" if which is not Which.ALL else ""
    last = shown[-1].place if len(found) > _PAGE else None
    return visit.page(
        "host/sent.html",
        path=base,
        name=peer_words.name_of(peer),
        sending=await summary(visit, peer),
        filters=[
            (base if one is Which.ALL else f"{base}?only={one.value}", visit.words.gettext(said), one is which)
            for one, said in _FILTERS
        ],
        letters=[_line(visit, one) for one in shown],
        older=f"{base}?{only}older={last.epoch}-{last.number}" if last is not None else "",
    )


def _line(visit: Visit, letter: Letter) -> dict[str, Any]:
    kind, fate = host_letter_words.FATES[letter.verdict.fate]
    return {
        "what": visit.words.gettext(host_letter_words.MATTERS[letter.matter]),
        "written": letter.at,
        "href": f"{_address(letter.peer)}/{letter.place.epoch}-{letter.place.number}",
        "kind": kind,
        "fate": visit.words.gettext(fate),
        "at": visit.words.moment(letter.verdict.at, visit.now) if letter.verdict.at is not None else "",
        "why": host_letter_words.why(letter.verdict, visit.words),
    }


async def one(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/{peer}/sent/{place}`: one thing, why it waits, what to do, and where else it goes."""
    peer = await _kept(visit)
    place = _named(visit)
    letter: Letter = await visit.database.read(_ledger(visit).letter, peer.id, place, visit.now)
    others: list[Letter] = await visit.database.read(_ledger(visit).same, peer.id, place, visit.now)
    names = {peer.id: peer_words.name_of(peer) for peer in await visit.database.read(peers.all_peers)}
    return visit.page(
        "host/sent_one.html",
        name=peer_words.name_of(peer),
        letter=_line(visit, letter),
        advice=host_letter_words.advice(letter.verdict, visit.words),
        next_try=host_letter_words.next_try(letter.verdict, visit.words, visit.now),
        forget=f"{_address(peer.id)}/{place.epoch}-{place.number}/forget" if letter.may_forget else "",
        again=f"{_address(peer.id)}/{place.epoch}-{place.number}/again" if letter.may_again else "",
        always_told=letter.verdict.fate is Fate.WAITING and not letter.may_forget,
        others=[(names.get(one.peer, ""), _line(visit, one)) for one in others],
        back=_address(peer.id),
    )


def _named(visit: Visit) -> Place:
    place = _place(visit.request.match_info["place"])
    if place is None:
        raise NotFound
    return place


# -- what is done about it ---------------------------------------------------------------------------------------------


async def _do(visit: Visit, act: Callable[..., None]) -> web.StreamResponse:
    peer = await host_agreed.find(visit)
    await visit.database.write(act, by=visit.viewer, peer_id=peer.id)
    return go(_address(peer.id))


async def retry(visit: Visit) -> web.StreamResponse:
    """They are tried now."""
    return await _do(visit, _ledger(visit).retry)


async def pause(visit: Visit) -> web.StreamResponse:
    """Nothing goes to them until it is let go on."""
    return await _do(visit, _ledger(visit).pause)


async def resume(visit: Visit) -> web.StreamResponse:
    """It goes on."""
    return await _do(visit, _ledger(visit).resume)


async def forget(visit: Visit) -> web.StreamResponse:
    """One thing that waits is not sent; pressed twice, it is the same."""
    peer = await host_agreed.find(visit)
    place = _named(visit)
    try:
        await visit.database.write(_ledger(visit).forget, by=visit.viewer, peer_id=peer.id, place=place)
    except Conflict as refused:
        if refused.code != "settled":
            raise
    return go(f"{_address(peer.id)}/{place.epoch}-{place.number}")


async def again(visit: Visit) -> web.StreamResponse:
    """What did not arrive is sent once more; pressed twice, it is the same."""
    peer = await host_agreed.find(visit)
    place = _named(visit)
    try:
        await visit.database.write(_ledger(visit).again, by=visit.viewer, peer_id=peer.id, place=place)
    except Conflict as refused:
        if refused.code != "not-again":
            raise
    return go(_address(peer.id))


async def ask_forget_all(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/{peer}/forget`: what would be lost, before it is."""
    peer = await _kept(visit)
    waiting = await visit.database.read(_ledger(visit).what_waits, peer.id)
    return visit.page(
        "host/forget.html",
        peer=peer.id,
        name=peer_words.name_of(peer),
        what=[
            (visit.words.gettext(host_letter_words.MATTERS[matter]), number)
            for matter, number in sorted(waiting.items())
        ],
        back=_address(peer.id),
    )


async def forget_all(visit: Visit) -> web.StreamResponse:
    """Nothing of what waits is sent, but for what is taken back and what belongs to the agreement."""
    peer = await host_agreed.find(visit)
    while await visit.database.write(_ledger(visit).forget_all, by=visit.viewer, peer_id=peer.id):
        pass
    return go(_address(peer.id))
