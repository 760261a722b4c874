"""Puts the tools of diagnosis together: for the pages of a running server, and for a command beside it.

What they need is read when somebody asks for it: most servers are well most of the time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fedhood.kernel.errors import Conflict, FedhoodError, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.findings import Finding
    from fedhood.adapters.http.paths import Kept, Path, Rehearsal, Sent
    from fedhood.core.peers import Peer

PATIENCE = 10.0  # seconds for a neighbour that is asked about a letter


class Diagnosis:
    """What can be found out about neighbours and letters by one server."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        self._testing = asyncio.Lock()

    async def test(self, peer: Peer) -> list[Finding]:
        """Test a neighbour, within twenty seconds. Raises Conflict (`test-under-way`): one test at a time."""
        from fedhood.adapters.activitypub import probing  # noqa: PLC0415 - rarely needed

        if self._testing.locked():
            raise Conflict("another test is under way", code="test-under-way")
        async with self._testing:
            return await probing.probe(self._federation, peer)

    async def letters(self, peer: Peer) -> list[Sent]:
        """The twenty that a neighbour was sent last, or is to get."""
        from fedhood.adapters.activitypub import outgoing  # noqa: PLC0415 - rarely needed

        return await self._federation.database.read(outgoing.latest, peer.id)

    async def path(self, peer: Peer, key: str) -> Path:
        """The way of a letter of ours as far as it is known here. Raises NotFound for one that is not sent there."""
        from fedhood.adapters.activitypub import outgoing  # noqa: PLC0415 - rarely needed
        from fedhood.adapters.http.paths import Path, Told  # noqa: PLC0415 - rarely needed

        for sent in await self._federation.database.read(outgoing.of_key, key):
            if sent.peer == peer.id:
                return Path(sent=sent, told=Told.NOT_ASKED)
        raise NotFound("nothing of this name was sent there, or is to be")

    async def whole_path(self, peer: Peer, key: str) -> Path:
        """The same, and what the neighbour says became of it there: it is asked unless the letter never left.

        Raises NotFound.
        """
        from fedhood.adapters.activitypub import trace  # noqa: PLC0415 - rarely needed
        from fedhood.adapters.http.paths import Path, Told  # noqa: PLC0415 - rarely needed

        known = await self.path(peer, key)
        if not known.sent.attempts:
            return known
        try:
            async with asyncio.timeout(PATIENCE):
                arrived = await trace.ask(self._federation, peer, key)
        except (FedhoodError, TimeoutError):
            return Path(sent=known.sent, told=Told.UNREACHED)
        return Path(sent=known.sent, told=Told.NOTHING if arrived is None else Told.TOLD, arrived=arrived)

    async def untaken(self, peer: Peer, before: int | None) -> list[Kept]:
        """A page of what a neighbour sent and was not taken in, the last first, below a number if one is given."""
        from fedhood.adapters.activitypub import replay  # noqa: PLC0415 - rarely needed

        return await self._federation.database.read(replay.untaken, peer.id, before)

    async def rehearse(self, peer: Peer, number: int) -> Rehearsal:
        """A dry run of something that this neighbour sent: nothing of it happens. Raises NotFound."""
        from fedhood.adapters.activitypub import replay  # noqa: PLC0415 - rarely needed

        return await replay.rehearse(self._federation, number, peer=peer.id)
