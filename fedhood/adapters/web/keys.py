"""Where the parts that pages need are kept in an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from fedhood.adapters.http.keys import CLOCK, DATABASE, LIMITER, SETTINGS
from fedhood.adapters.web.render import Renderer
from fedhood.core.deliveries import Ledger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fedhood.adapters.http.findings import Finding
    from fedhood.adapters.http.paths import Kept, Path, Rehearsal, Sent
    from fedhood.core.peers import Peer

__all__ = [
    "CLOCK",
    "DATABASE",
    "DIAGNOSIS",
    "LEDGER",
    "LIMITER",
    "OUR_LETTERS",
    "RENDERER",
    "SETTINGS",
    "Diagnosis",
    "OurLetters",
]

RENDERER = web.AppKey("renderer", Renderer)


class OurLetters:
    """The letters of this server's own key, handed in by who puts it together: the pages do not know the wire."""

    def __init__(self, letters: Callable[[], Awaitable[str]] | None) -> None:
        self._letters = letters

    async def read(self) -> str:
        """24 letters in fours; empty for a server that has no name and so no neighbours."""
        return await self._letters() if self._letters is not None else ""


class Diagnosis(Protocol):
    """What can be found out about neighbours and letters, handed in as well."""

    async def test(self, peer: Peer) -> list[Finding]:
        """Test a neighbour, within twenty seconds. Raises Conflict (`test-under-way`): one test at a time."""

    async def letters(self, peer: Peer) -> list[Sent]:
        """The twenty that a neighbour was sent last, or is to get."""

    async def path(self, peer: Peer, key: str) -> Path:
        """The way of a letter of ours as far as it is known here. Raises NotFound for one that is not sent there."""

    async def whole_path(self, peer: Peer, key: str) -> Path:
        """The same, and what the neighbour says became of it there. Raises NotFound."""

    async def untaken(self, peer: Peer, before: int | None) -> list[Kept]:
        """A page of what a neighbour sent and was not taken in, the last first, below a number if one is given."""

    async def rehearse(self, peer: Peer, number: int) -> Rehearsal:
        """A dry run of something that this neighbour sent. Raises NotFound."""


# None on a server that has no name and so no neighbours
DIAGNOSIS: web.AppKey[Diagnosis | None] = web.AppKey("diagnosis")
OUR_LETTERS = web.AppKey("our_letters", OurLetters)

# what became of letters; the wire keeps it, and the pages do not know the wire
LEDGER: web.AppKey[Ledger] = web.AppKey("ledger", Ledger)
