"""The one translation of a refusal into a status, and its form for machines (RFC 9457)."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from fedhood.kernel.errors import (
    Conflict,
    FedhoodError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Overloaded,
    RemoteFailure,
    TooMany,
    Unauthenticated,
)

_STATUSES: tuple[tuple[type[FedhoodError], int], ...] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Gone, 410),
    (Conflict, 409),
    (TooMany, 429),
    (Overloaded, 503),
    (RemoteFailure, 502),
)
# Seconds after which a full queue has most likely been worked off.
_BREATH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a caller over HTTP is told: a status, a stable code, an English sentence, seconds until a new try (or 0)."""

    status: int
    code: str
    detail: str
    retry_after: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, where waiting helps."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


def refusal_of(error: FedhoodError) -> Refusal:
    """The refusal of one of our errors. What is hidden reads exactly like what is missing."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    if status == 404:
        return refusal_with(404)
    wait = int(error.facts.get("retry_after", 0)) if status == 429 else 0
    return Refusal(
        status=status,
        code=error.code,
        detail=error.detail,
        retry_after=wait or (_BREATH if status in {429, 503} else 0),
    )


def refusal_with(status: int) -> Refusal:
    """The refusal for a status that no error of ours stands behind: no such route, a body too big, a fault."""
    phrase = HTTPStatus(status).phrase
    return Refusal(status=status, code=phrase.lower().replace(" ", "-"), detail=phrase)


def problem(refusal: Refusal) -> web.Response:
    """The refusal as `application/problem+json`: `type` about:blank, `title`, `status`, `detail`, and our `code`."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
        "code": refusal.code,
    }
    return web.Response(
        status=refusal.status,
        headers=refusal.headers,
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/problem+json",
    )
