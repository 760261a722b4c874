"""Where one's own post has got to: for its author alone, by the names of places, and of no machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.web.keys import LEDGER
from fedhood.adapters.web.languages import N_
from fedhood.core.deliveries import Cause, Fate, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.adapters.web.render import Words
    from fedhood.adapters.web.visit import Visit
    from fedhood.core.timelines import Entry

_HELD = N_("%(place)s: waits until those who look after both places have talked")
_WAITING: dict[Cause | None, str] = {
    Cause.IN_TURN: N_("%(place)s: on its way"),
    Cause.PAUSED: N_("%(place)s: waits, those who look after this place paused it"),
    Cause.KEY_IN_QUESTION: _HELD,
    Cause.OUR_KEY_IN_QUESTION: _HELD,
}


async def of(visit: Visit, entry: Entry, *, but_arrived: bool = False) -> list[tuple[str, str]]:
    """(picture, words) for each place beside one's own that a post or request is meant for; to its author alone.

    `but_arrived` leaves out where it arrived, for answers: it is said only of what takes longer.
    """
    post = entry.post
    if post.author != visit.viewer.account or post.uri is not None or post.deleted_at is not None:
        return []
    beside = [place for place in entry.places if place.id != post.neighbourhood]
    if not beside:
        return []
    told = await visit.database.read(visit.request.app[LEDGER].told, post.id, visit.now)
    here = Verdict(fate=Fate.ARRIVED, at=post.published_at)
    return [
        _said(place.name, verdicts, visit.words, visit.now)
        for place in sorted(beside, key=lambda place: place.name)
        if (verdicts := (here,) if place.peer is None else told.get(place.peer, ()))
        and not (but_arrived and verdicts[-1].fate is Fate.ARRIVED)
    ]


def _said(name: str, verdicts: Sequence[Verdict], words: Words, now: datetime) -> tuple[str, str]:
    """(picture, words): how far it got to one place."""
    last = verdicts[-1]
    arrived = [one.at for one in verdicts if one.fate is Fate.ARRIVED and one.at is not None]
    if last.fate is Fate.ARRIVED and last.at is not None:
        return "check", words.gettext(
            "%(place)s: arrived, %(moment)s", place=name, moment=words.moment(arrived[0], now)
        )
    if last.fate is Fate.WAITING and arrived:
        return "wait", words.gettext("%(place)s: arrived; what changed since is on its way", place=name)
    if last.fate is Fate.WAITING and last.cause not in _WAITING and last.since is not None:
        since = words.moment(last.since, now)
        return "wait", words.gettext("%(place)s: no answer since %(moment)s, we try again", place=name, moment=since)
    if last.fate is Fate.WAITING:
        return "wait", words.gettext(_WAITING.get(last.cause, _WAITING[Cause.IN_TURN]), place=name)
    if arrived:
        return "gap", words.gettext("%(place)s: arrived; what changed since did not", place=name)
    return "gap", words.gettext("%(place)s: did not arrive", place=name)
