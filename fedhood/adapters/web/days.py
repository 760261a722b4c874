"""Notes once a day that somebody was here: their session lives on, and the figures know an active household."""

from dataclasses import dataclass, field
from datetime import date

from aiohttp import web

from fedhood.adapters.web.visit import Visit
from fedhood.core import access, households


@dataclass(slots=True)
class Today:
    """Which sessions were noted already today. A cache only: whatever it forgets, the rows say the same."""

    day: date = date.min
    noted: set[int] = field(default_factory=set)


TODAY = web.AppKey("today", Today)


async def note_day(visit: Visit) -> None:
    """The first page that a resident asks for on a day of the neighbourhood's calendar is noted."""
    session = visit.viewer.session
    today = visit.request.app[TODAY]
    day = visit.now.astimezone(visit.zone).date()
    if day != today.day:
        today.day, today.noted = day, set()
    if session is None or session in today.noted:
        return
    today.noted.add(session)
    await visit.database.write(access.seen, session=session)
    await visit.database.write(households.seen_today, by=visit.viewer, day=day)
