"""The ways of letters, for who keeps a place: what became of ours there, and of theirs here. Never what they say.

/host/neighbours/{peer}/path            the last that they were sent; with ?letter=KEY our half of the way of one
    sent as a form                      both halves: they are asked what became of it
/host/neighbours/{peer}/arrivals        what they sent and was not taken in, and why
    sent as a form                      a dry run of one
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.http.paths import Fate, Sending, Told
from fedhood.adapters.web import path_words, peer_words
from fedhood.adapters.web.host_agreed import number
from fedhood.adapters.web.host_test import found, tools
from fedhood.adapters.web.languages import N_
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aiohttp import web

    from fedhood.adapters.http.paths import Arrived, Kept, Path, Reason, Rehearsal, Sent
    from fedhood.adapters.web.visit import Visit
    from fedhood.core.peers import Peer

_LETTER = re.compile(r"[A-Za-z0-9._~:=-]{1,400}", re.ASCII)
_ON_A_PAGE = 20
_HAPPENED = N_("It happened here, and was to be told to them.")
_SIGNED = N_("It was signed.")
_CAME = N_("It arrived.")
_TRIES = N_("Tries: %(n)s.")
_ANSWER = N_("Last answer: %(answer)s.")
_AGAIN = N_("Tried again: %(when)s.")

Row = dict[str, Any]


# -- what became of ours -----------------------------------------------------------------------------------------------


async def show(visit: Visit) -> web.StreamResponse:
    """What they were sent last, or our half of the way of one letter. Raises NotFound."""
    peer = await found(visit)
    letter = visit.request.query.get("letter", "")
    if letter:
        return _path_page(visit, peer, await tools(visit).path(peer, _checked(letter)))
    return visit.page(
        "host/letters_sent.html",
        peer=peer,
        name=peer_words.name_of(peer),
        rows=[_letter(visit, one) for one in await tools(visit).letters(peer)],
    )


async def ask(visit: Visit) -> web.StreamResponse:
    """The whole way of a letter: they are asked what became of it there. Raises NotFound, TooMany."""
    peer = await found(visit)
    letter = _checked((await visit.form()).get("letter", ""))
    visit.count(Bucket.TESTS)
    return _path_page(visit, peer, await tools(visit).whole_path(peer, letter))


def _checked(letter: str) -> str:
    if _LETTER.fullmatch(letter) is None:
        raise NotFound
    return letter


def _letter(visit: Visit, sent: Sent) -> Row:
    look, said, _ = path_words.SENT[sent.state]
    return {
        "matter": visit.words.gettext(path_words.matter(sent.verb)),
        "when": sent.ordered_at,
        "look": look,
        "said": visit.words.gettext(said),
        "href": f"?letter={sent.key}" if sent.key else "",
    }


def _path_page(visit: Visit, peer: Peer, path: Path) -> web.Response:
    sent = path.sent
    return visit.page(
        "host/path.html",
        path=f"/host/neighbours/{peer.id}/path?letter={sent.key}",
        peer=peer,
        name=peer_words.name_of(peer),
        matter=visit.words.gettext(path_words.matter(sent.verb)),
        key=sent.key,
        ours=_here(visit, sent),
        theirs=_there(visit, path),
        may_ask=path.told in {Told.NOT_ASKED, Told.UNREACHED} and sent.attempts > 0,
    )


def _here(visit: Visit, sent: Sent) -> list[Row]:
    look, said, advice = path_words.SENT[sent.state]
    rows = [_row(visit, sent.ordered_at, "done", _HAPPENED)]
    if sent.made_at is not None:
        rows.append(_row(visit, sent.made_at, "done", _SIGNED))
    more: list[str] = []
    if sent.attempts:
        more.append(visit.words.gettext(_TRIES, n=sent.attempts))
    answer = str(sent.last_status or (sent.last_error or "").partition(":")[0])
    if sent.attempts and answer:
        more.append(visit.words.gettext(_ANSWER, answer=answer))
    more += _again(visit, sent.again_at)
    if sent.state is not Sending.WAITING or sent.again_at is not None:
        more.append(visit.words.gettext(advice))
    rows.append(_row(visit, sent.done_at, look, said, more))
    return rows


def _there(visit: Visit, path: Path) -> list[Row]:
    if path.told is Told.TOLD and path.arrived is not None:
        arrived = path.arrived
        came = _CAME if arrived.way is None else path_words.WAYS[arrived.way]
        return [_row(visit, arrived.arrived_at, "done", came), _fate(visit, arrived)]
    untold = {
        Told.NOTHING: ("late", path_words.NOT_TOLD),
        Told.UNREACHED: ("no", path_words.UNREACHED),
        Told.NOT_ASKED: ("wait", path_words.NOT_ASKED),
    }
    if path.told is Told.NOT_ASKED and path.sent.attempts:
        return []
    look, said = untold[path.told]
    return [_row(visit, None, look, said)]


def _fate(visit: Visit, arrived: Arrived) -> Row:
    look, said = path_words.FATES[arrived.fate]
    more = [] if arrived.reason is None else _why(visit, arrived.reason)
    return _row(visit, arrived.settled_at, look, said, [*more, *_again(visit, arrived.again_at)])


def _why(visit: Visit, reason: Reason) -> list[str]:
    return [visit.words.gettext(sentence) for sentence in path_words.REASONS[reason]]


def _again(visit: Visit, moment: datetime | None) -> list[str]:
    if moment is None or moment <= visit.now:
        return []
    return [visit.words.gettext(_AGAIN, when=visit.words.moment(moment, visit.now))]


def _row(visit: Visit, when: datetime | None, look: str, said: str, more: Sequence[str] = ()) -> Row:
    return {
        "when": when,
        "at": visit.words.moment(when, visit.now) if when is not None else "",
        "look": look,
        "said": visit.words.gettext(said),
        "more": list(more),
    }


# -- what was not taken in here ----------------------------------------------------------------------------------------


async def arrivals(visit: Visit) -> web.StreamResponse:
    """What they sent and was not taken in, a page of it, and why. Raises NotFound."""
    return await _arrivals_page(visit, await found(visit), None, None)


async def rehearse(visit: Visit) -> web.StreamResponse:
    """A dry run of one of these. Raises NotFound, Invalid, TooMany."""
    peer = await found(visit)
    which = number((await visit.form()).get("arrival", ""))
    visit.count(Bucket.TESTS)
    return await _arrivals_page(visit, peer, which, await tools(visit).rehearse(peer, which))


async def _arrivals_page(visit: Visit, peer: Peer, which: int | None, came: Rehearsal | None) -> web.Response:
    listed = await tools(visit).untaken(peer, visit.before)
    return visit.page(
        "host/arrivals.html",
        path=f"/host/neighbours/{peer.id}/arrivals" if came is not None else "",
        peer=peer,
        name=peer_words.name_of(peer),
        which=which,
        came=None if came is None else _came(visit, came),
        rows=[_kept(visit, one) for one in listed] if came is None else [],
        older=f"?older={listed[-1].id}" if came is None and len(listed) == _ON_A_PAGE else "",
    )


def _kept(visit: Visit, kept: Kept) -> Row:
    """One that was not taken in; what is put off for its sender's clock or another's silence shows when it goes on."""
    arrived = kept.arrived
    row = _fate(visit, arrived)
    return row | {
        "id": kept.id,
        "when": arrived.arrived_at,
        "at": visit.words.moment(arrived.arrived_at, visit.now),
        "may_try": arrived.fate is not Fate.UNDERSTOOD,
    }


def _came(visit: Visit, came: Rehearsal) -> Row:
    look, said, advice = path_words.ENDINGS[came.ending]
    return {
        "look": look,
        "said": visit.words.gettext(said),
        "more": [*(_why(visit, came.reason) if came.reason is not None else [visit.words.gettext(advice)])],
        "code": came.code,
        "facts": came.facts,
        "tables": came.tables,
    }
