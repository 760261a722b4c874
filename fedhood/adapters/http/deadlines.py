"""The patience of our own server: a client that is slow on purpose is shown out.

aiohttp's server waits an hour for a request to begin and for ever for its body. `RUNNER_OPTIONS` bounds the first
(`keepalive_timeout` runs from the moment of connecting, or of the last answer, until a whole request head is there),
`body_deadline` bounds the second.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

KEEPALIVE_SECONDS = 15.0
LINGERING_SECONDS = 2.0
BODY_IDLE_SECONDS = 10.0
BODY_TOTAL_SECONDS = 60.0
MAX_HEAD_BYTES = 8 * 1024
MAX_BODY_BYTES = 64 * 1024
MAX_INBOX_BYTES = 1024 * 1024
MAX_STRANGERS_BYTES = 64 * 1024  # of a letter from a server that was never a neighbour

RUNNER_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "keepalive_timeout": KEEPALIVE_SECONDS,
        # How long what a client still sends after its answer is read and thrown away, so that it can read the answer.
        "lingering_time": LINGERING_SECONDS,
        "max_line_size": MAX_HEAD_BYTES,
        "max_field_size": MAX_HEAD_BYTES,
        "max_headers": 64,
    }
)
"""For `web.AppRunner(app, **RUNNER_OPTIONS)`. Seconds and bytes; `max_headers` is a count of lines."""

_TICKS = 5


class _Watch:
    """Looks at a body now and then and ends the wait when it came too slowly.

    Bytes as they came from the network are counted, so neither chunk extensions nor a body that inflates slowly pass
    for progress. Looking by timer costs nothing per byte; it ends the wait at most a fifth of `idle` late.
    """

    def __init__(self, request: web.Request, scope: asyncio.Timeout, *, idle: float, total: float) -> None:
        self._content = request.content
        self._scope = scope
        self._idle = idle
        self._total = total
        self._step = min(idle, total) / _TICKS
        self._seen = 0
        self._quiet = 0.0
        self._spent = 0.0
        self._timer = asyncio.get_running_loop().call_later(self._step, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._content.is_eof():
            return
        seen = self._content.total_raw_bytes
        self._spent += self._step
        self._quiet = self._quiet + self._step if seen == self._seen else 0.0
        self._seen = seen
        # Steps are fractions: a thousandth of one is no reason to wait for another.
        slack = self._step / 1000
        if self._quiet + slack >= self._idle or self._spent + slack >= self._total:
            self._scope.reschedule(0.0)
            return
        self._timer = asyncio.get_running_loop().call_later(self._step, self._look)


def body_deadline(*, idle: float = BODY_IDLE_SECONDS, total: float = BODY_TOTAL_SECONDS) -> Middleware:
    """The middleware that answers 408 and closes when a body makes no progress for `idle` seconds or takes `total`.

    It also answers 431 to a request head above 8 KiB. The handler is cancelled where it waits; once the body is there
    it may take as long as it likes. Put it outermost, or no inner middleware's own waiting for the body is covered.
    """

    @web.middleware
    async def deadline(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _head_bytes(request) > MAX_HEAD_BYTES:
            raise _closing(web.HTTPRequestHeaderFieldsTooLarge(text="request head too large"))
        if not request.body_exists or request.content.is_eof():
            return await handler(request)
        scope = asyncio.timeout(None)
        try:
            async with scope:
                watch = _Watch(request, scope, idle=idle, total=total)
                try:
                    return await handler(request)
                finally:
                    watch.stop()
        except TimeoutError:
            if not scope.expired():
                raise
        raise _closing(web.HTTPRequestTimeout(text="the request body did not arrive in time"))

    return deadline


def _head_bytes(request: web.Request) -> int:
    """How long the request line and the headers were, about: separators are counted as they usually are."""
    line = len(request.method) + len(request.raw_path) + len(" HTTP/1.1\r\n") + 1
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)


def _closing(refusal: web.HTTPException) -> web.HTTPException:
    """The refusal, and the connection ends with it."""
    refusal.force_close()
    return refusal
