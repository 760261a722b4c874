"""Passphrases are hashed beside the event loop, two at most at a time: each takes 20 ms and 19 MiB."""

import asyncio

from aiohttp import web

from fedhood.adapters.web.visit import Visit
from fedhood.core import access
from fedhood.core.access import PASSPHRASE_FRESH, Viewer


class Passphrases:
    """The two places at the bench."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(2)

    async def hashed(self, passphrase: str) -> str:
        """The hash to keep. Raises Invalid (too short, too long)."""
        async with self._places:
            return await asyncio.to_thread(access.hash_passphrase, passphrase)

    async def fits(self, kept: str | None, passphrase: str) -> bool:
        """Whether this is the passphrase; without a hash it takes as long, and never is."""
        async with self._places:
            return await asyncio.to_thread(access.verify, kept, passphrase)


PASSPHRASES = web.AppKey("passphrases", Passphrases)


def is_stale(visit: Visit, viewer: Viewer) -> bool:
    """Whether the passphrase was last given so long ago that it is asked again before a moderator acts."""
    given = viewer.passphrase_at
    return given is None or visit.now - given > PASSPHRASE_FRESH
