"""The room of what arrived a moment ago, as it was read then: so that it need not be read a second time.

A cache: what is not in it is read from the bytes that were kept.
"""

from __future__ import annotations

from typing import Any

MOST = 256
LONGEST = 16 << 10  # bytes of what is kept here at all


class Fresh:
    """Documents by the id of their activity, each given out once."""

    def __init__(self) -> None:
        self._documents: dict[str, tuple[bytes, dict[str, Any]]] = {}

    def put(self, uri: str, body: bytes, document: dict[str, Any]) -> None:
        """Keep what these bytes say, unless they are long; of too many the oldest goes."""
        if len(body) > LONGEST:
            return
        if len(self._documents) >= MOST:
            del self._documents[next(iter(self._documents))]
        self._documents[uri] = (body, document)

    def take(self, uri: str, body: bytes) -> dict[str, Any] | None:
        """What exactly these bytes say, if that is known; it is forgotten here."""
        kept, document = self._documents.pop(uri, (b"", {}))
        return document if kept == body else None
