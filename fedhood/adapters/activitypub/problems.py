"""How a refusal at an inbox is said: problem details (RFC 9457) with the types that other servers know (FEP-c180)."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web

TYPE = "https://w3id.org/fedhood/problem/"


class Refused(Exception):
    """A delivery is not taken. `code` is the last part of the problem's type, `retry_after` in seconds, 0 for never."""

    def __init__(self, status: int, code: str, detail: str, *, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


def peering_required(instance: str) -> Refused:
    """The answer to a server that nobody here has agreed with (golden file 75). `instance` is our instance actor."""
    return Refused(
        403,
        "peering-required",
        f"This server federates by allowlist. Ask for peering with a Follow from your instance actor to {instance}.",
    )


def response(refused: Refused) -> web.Response:
    """The refusal as `application/problem+json`: `type`, `title`, `status`, `detail`."""
    title = refused.code.replace("-", " ").capitalize() if refused.code else HTTPStatus(refused.status).phrase
    body = {"type": TYPE + refused.code, "title": title, "status": refused.status, "detail": refused.detail}
    return web.Response(
        status=refused.status,
        headers={"Retry-After": str(refused.retry_after)} if refused.retry_after else {},
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/problem+json",
    )
