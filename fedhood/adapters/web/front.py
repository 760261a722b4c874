"""The first page, for who is signed in and for who is not, and the page of a neighbourhood."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from fedhood.adapters.web import views
from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.posts import audiences
from fedhood.adapters.web.render import Person, initials, tint
from fedhood.adapters.web.visit import Visit, go
from fedhood.core import access, neighbourhoods, timelines
from fedhood.core.access import Permission
from fedhood.core.help_requests import State
from fedhood.core.neighbourhoods import Neighbourhood
from fedhood.core.timelines import Entry, Filter
from fedhood.kernel import urls
from fedhood.kernel.errors import NotFound

PAGE = 20
_WINDOWS = 4
_LIVE = 3 * _WINDOWS  # among which four still look for somebody
_LATEST = 3
_NOBODY_YET = N_("Nobody has written yet. The first words are usually short.")
_NONE_OF_THIS_KIND = N_("Nothing of this kind has been written yet.")


async def first(visit: Visit) -> web.StreamResponse:
    """`/`: everything in one's places, or what this place is."""
    if visit.viewer.is_resident:
        return visit.page("home.html", **await home_values(visit))
    if visit.viewer.session is not None:
        counts = access.may(visit.viewer, Permission.COUNT, None)
        return go("/city" if counts else "/host")
    ours = await visit.database.read(neighbourhoods.ours)
    only = visit.visitor.home
    latest: list[Entry] = []
    if only is not None:
        latest = await visit.database.read(timelines.public, neighbourhood=only.id, viewer=visit.viewer, limit=_LATEST)
    return visit.page(
        "welcome.html",
        ours=ours,
        posts=[views.card(entry, visit.viewer, visit.words, short=True) for entry in latest],
        key=only.key if only is not None else "",
    )


async def home_values(visit: Visit) -> dict[str, Any]:
    """What the home page shows: the composer, the filters, a page of posts, the lit windows."""
    chosen_filter = _filter(visit)
    entries = await visit.database.read(
        timelines.feed, viewer=visit.viewer, filter=chosen_filter, before=visit.before, limit=PAGE + 1
    )
    top = await _from_city(visit, chosen_filter)
    shown = {entry.post.id for entry in top}
    listed = [*top, *(entry for entry in entries[:PAGE] if entry.post.id not in shown)]
    lit = await visit.database.read(timelines.board, viewer=visit.viewer, limit=_LIVE)
    offered = await audiences(visit)
    return {
        "person": me(visit),
        "options": views.options(offered, visit.home, visit.words),
        "filters": await _filters(visit, chosen_filter),
        "posts": [views.card(entry, visit.viewer, visit.words, short=True) for entry in listed],
        "empty": visit.words.gettext(_NOBODY_YET if chosen_filter is Filter.ALL else _NONE_OF_THIS_KIND),
        "older": older(entries, f"/?show={chosen_filter.value}&"),
        "windows": [window(entry, visit) for entry in lit if _is_open(entry)][:_WINDOWS],
    }


async def _from_city(visit: Visit, chosen: Filter) -> list[Entry]:
    """What the city says now, for the top of the first page."""
    if visit.before is not None or chosen not in {Filter.ALL, Filter.CITY}:
        return []
    return await visit.database.read(timelines.from_city, viewer=visit.viewer, now=visit.now)


def _is_open(entry: Entry) -> bool:
    """Whether a request still looks for somebody: where someone is coming, nobody needs to be called."""
    return entry.help is not None and entry.help.state is State.OPEN


def me(visit: Visit) -> Person:
    """Who is signed in, as a house front."""
    return Person(name=visit.viewer.name, initials=initials(visit.viewer.name), tint=tint(visit.account))


def window(entry: Entry, visit: Visit) -> tuple[str, str, str]:
    """A lit window: address, line, until when."""
    until = visit.words.day_and_hour(entry.help.until, visit.now) if entry.help is not None else ""
    return urls.help_request(entry.post.id), entry.post.text, until


def _filter(visit: Visit) -> Filter:
    try:
        return Filter(visit.request.query.get("show", Filter.ALL.value))
    except ValueError:
        return Filter.ALL


async def _filters(visit: Visit, chosen: Filter) -> list[tuple[str, str, bool]]:
    """The chips over the list; that of the city once it has spoken."""
    _ = visit.words.gettext
    spoke = await visit.database.read(timelines.city_spoke, viewer=visit.viewer)
    city = ((Filter.CITY, "/?show=city", _("The city")),) if spoke else ()
    names = (
        (Filter.ALL, "/", _("All")),
        (Filter.HELP, "/?show=help", _("Help")),
        *city,
        (Filter.NEXT_DOOR, "/?show=next-door", _("Next door")),
        (Filter.LOST_FOUND, "/?show=lost-found", _("Lost and found")),
    )
    return [(href, name, filter_ is chosen) for filter_, href, name in names]


def older(entries: list[Entry], address: str) -> str:
    """The address of the next page, when there is one: one more than a page was read."""
    if len(entries) <= PAGE:
        return ""
    return f"{address}older={entries[PAGE - 1].post.id}"


async def place(visit: Visit) -> web.StreamResponse:
    """`/n/{key}`: a neighbourhood of this house. Its residents read all of it, everyone else what is public."""
    found = await visit.database.read(neighbourhoods.by_key, visit.request.match_info["key"])
    if found is None:
        raise NotFound
    here = visit.viewer.neighbourhood == found.id
    entries = await _entries_of(visit, found, here=here)
    shown = visit if here else Visit(visit.request, replace(visit.visitor, home=visit.visitor.home or found))
    return shown.page(
        "place.html",
        place=found,
        here_lives=here,
        posts=[views.card(entry, visit.viewer, visit.words, short=True) for entry in entries[:PAGE]],
        older=older(entries, f"{urls.neighbourhood(found.key)}?") if here else "",
        readers=[reader.name for reader in await visit.database.read(neighbourhoods.readers_of, found.id)]
        if here
        else [],
    )


async def _entries_of(visit: Visit, found: Neighbourhood, *, here: bool) -> list[Entry]:
    if here:
        return await visit.database.read(
            timelines.feed, viewer=visit.viewer, filter=Filter.HERE, before=visit.before, limit=PAGE + 1
        )
    return await visit.database.read(timelines.public, neighbourhood=found.id, viewer=visit.viewer)
