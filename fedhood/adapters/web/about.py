"""The pages at the foot of every page: what this is, the rules, privacy, accessibility."""

from aiohttp import web

from fedhood.adapters.web.linked import text_html
from fedhood.adapters.web.visit import Visit
from fedhood.core import access, accounts
from fedhood.core.access import Permission


async def about(visit: Visit) -> web.StreamResponse:
    """`/about`: what this place is; residents also read who looks after it."""
    names: list[str] = []
    if visit.viewer.is_resident:
        keepers = await visit.database.read(access.holders, Permission.MODERATE, visit.home.id)
        people = await visit.database.read(accounts.many, keepers)
        names = sorted(one.name for one in people.values() if one.name)
    return visit.page("page_about.html", neighbours=names)


async def rules(visit: Visit) -> web.StreamResponse:
    """`/rules`: the neighbourhood's own words, or a few that go without saying."""
    home = visit.visitor.home
    return visit.page("page_rules.html", rules=text_html(home.rules) if home is not None and home.rules else "")


async def privacy(visit: Visit) -> web.StreamResponse:
    """`/about/policy`: what is kept, who sees it, for how long; the address that peers are told (`fhPolicy`)."""
    settings = visit.settings
    return visit.page("page_privacy.html", close_days=settings.thread_close_days, erase_days=settings.thread_erase_days)


async def accessibility(visit: Visit) -> web.StreamResponse:
    """`/accessibility`: the statement."""
    return visit.page("page_accessibility.html")
