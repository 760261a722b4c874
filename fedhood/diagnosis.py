"""Puts the tools of diagnosis together: for the pages of a running server, and for a command beside it.

What they need is read when somebody asks for it: most servers are well most of the time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.findings import Finding
    from fedhood.core.peers import Peer


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
