"""Where the parts that pages need are kept in an application."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from fedhood.adapters.http.keys import CLOCK, DATABASE, LIMITER, SETTINGS
from fedhood.adapters.web.render import Renderer
from fedhood.core.deliveries import Ledger

__all__ = ["CLOCK", "DATABASE", "LEDGER", "LIMITER", "OUR_LETTERS", "RENDERER", "SETTINGS", "OurLetters"]

RENDERER = web.AppKey("renderer", Renderer)


class OurLetters:
    """The letters of this server's own key, handed in by who puts it together: the pages do not know the wire."""

    def __init__(self, letters: Callable[[], Awaitable[str]] | None) -> None:
        self._letters = letters

    async def read(self) -> str:
        """24 letters in fours; empty for a server that has no name and so no neighbours."""
        return await self._letters() if self._letters is not None else ""


OUR_LETTERS = web.AppKey("our_letters", OurLetters)

# what became of letters; the wire keeps it, and the pages do not know the wire
LEDGER: web.AppKey[Ledger] = web.AppKey("ledger", Ledger)
