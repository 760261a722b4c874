"""A resident's browser: https to a name that is looked up, from an address of its own."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING

from fedhood.simulator.visitor import Visitor

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT = 20.0


class Phone(Visitor):
    """A browser at `host` that trusts one authority. Its cookies are its own, and so is its address."""

    def __init__(self, host: str, *, trusts: Path, address: str) -> None:
        super().__init__(host)
        self._context = ssl.create_default_context(cafile=str(trusts))
        self._address = address

    @property
    def address(self) -> str:
        """From where it asks."""
        return self._address

    @property
    def cookies(self) -> dict[str, str]:
        """What it keeps, by name."""
        return dict(self._cookies)

    def _origin(self) -> str:
        return f"https://{self._authority}"

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(
            self._authority, timeout=_TIMEOUT, context=self._context, source_address=(self._address, 0)
        )
