"""A server of other software, on one socket of this machine: people who sign with RSA alone and prove nothing."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import keys
from fedhood.adapters.http.deadlines import RUNNER_OPTIONS
from fedhood.kernel.clock import Clock, instant
from tests.hostile.wire import ACTIVITY_JSON, Letter, Reply, send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.world import Place

Document = dict[str, Any]
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@cache
def _rsa():
    """An RSA key is dear, and who shares it changes nothing here: each lists it under an address of their own."""
    return keys.generate().rsa


@dataclass
class Elsewhere:
    """The server: what it shows, what it was asked, what it was sent. `answer` is the status of what is delivered."""

    host: str = ""
    documents: dict[str, Document] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    received: list[tuple[str, Document]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    count: int = 0

    @property
    def base(self) -> str:
        return f"http://{self.host}"

    @property
    def key(self):
        """The key by which everybody there signs."""
        return _rsa()

    async def serve(self, request: web.Request) -> web.Response:
        url = f"http://{request.host}{request.path_qs}"
        if request.method == "POST":
            self.received.append((url, json.loads(await request.read())))
            self.heads.append({name.lower(): value for name, value in request.headers.items()})
            return web.Response(status=self.status.get(url, 202))
        self.asked.append(url)
        if url in self.gone:
            return web.Response(status=410)
        if url not in self.documents:
            return web.Response(status=404)
        return web.Response(body=json.dumps(self.documents[url]).encode(), headers={"Content-Type": ACTIVITY_JSON})

    def person(self, name: str, *, shared: bool = True, **members: Any) -> str:
        """Somebody there. Returns their address."""
        uri = f"{self.base}/users/{name}"
        self.documents[uri] = {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": uri,
            "type": "Person",
            "preferredUsername": name,
            "name": name.capitalize(),
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": keys.public_pem(_rsa())},
            **({"endpoints": {"sharedInbox": f"{self.base}/inbox"}} if shared else {}),
            **members,
        }
        return uri

    def said(self, actor: str, kind: str, about: Any, **members: Any) -> Document:
        """An activity of somebody there."""
        self.count += 1
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}/did/{self.count}",
            "type": kind,
            "actor": actor,
            "object": about,
            **members,
        }

    def note(self, actor: str, number: int, text: str, answers: str, **members: Any) -> Document:
        """A Note as it is written there: to everyone, with a copy to whoever was answered."""
        return {
            "id": f"{actor}/statuses/{number}",
            "type": "Note",
            "attributedTo": actor,
            "inReplyTo": answers,
            "published": instant(Clock().now()),
            "to": [PUBLIC],
            "cc": [f"{actor}/followers"],
            "content": text,
            **members,
        }

    async def tell(self, place: Place, path: str, activity: Document, *, by: str = "") -> Reply:
        """Deliver it, signed by its actor or by somebody else there."""
        signer = by or activity["actor"]
        letter = Letter(
            path=path,
            host=place.host,
            body=json.dumps(activity).encode(),
            key_id=f"{signer}#main-key",
            key=_rsa(),
        )
        return await send(int(place.host.rpartition(":")[2]), letter.raw())

    async def follow(self, place: Place, actor: str, group: str) -> Document:
        """Somebody there asks to follow."""
        follow = self.said(actor, "Follow", group)
        reply = await self.tell(place, f"{group.removeprefix(f'http://{place.host}')}/inbox", follow)
        assert reply.status == 202, reply.text
        return follow

    def of_kind(self, kind: str) -> list[Document]:
        """What was delivered of one kind, in order."""
        return [document for _, document in self.received if document["type"] == kind]


@asynccontextmanager
async def elsewhere(name: str = "elsewhere") -> AsyncIterator[Elsewhere]:
    """Open one, on a port of its own."""
    made = Elsewhere()
    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(app, access_log=None, **RUNNER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.host = f"{name}.localhost:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()
