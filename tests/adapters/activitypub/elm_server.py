"""A server next door that says what a test wants, and one that asks it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from fedhood.adapters.activitypub import actors, proofs, remote
from fedhood.adapters.activitypub.asking import ACTIVITY_JSON
from fedhood.adapters.activitypub.federation import Federation
from fedhood.core import neighbourhoods
from fedhood.kernel.engine import Database
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub.shapes import federation_of, secrets
from tests.support.clocks import NOON

GROUP = "/ap/groups/elm"
Document = dict[str, Any]


@dataclass
class Elm:
    """A server next door that says what a test wants."""

    addresses: Addresses
    documents: dict[str, Document] = field(default_factory=dict)
    answers: dict[str, web.Response] = field(default_factory=dict)
    media_type: str = ACTIVITY_JSON
    requests: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if request.path in self.answers:
            return self.answers[request.path]
        if request.path not in self.documents:
            return web.Response(status=404)
        media_type = "application/json" if request.path.startswith("/.well-known") else self.media_type
        body = json.dumps(self.documents[request.path]).encode()
        return web.Response(body=body, headers={"Content-Type": media_type})

    @property
    def group(self) -> str:
        return self.addresses.base + GROUP

    def vouch(self, document: Document) -> Document:
        """The document with a fresh proof by this server's key."""
        key = secrets("elm_instance").ed25519
        return proofs.sign(document, key, verification_method=self.addresses.instance_key, created=NOON)

    def change(self, change: Callable[[Document], object]) -> None:
        """Change the Group's document and vouch for it again."""
        document = self.documents[GROUP]
        change(document)
        self.documents[GROUP] = self.vouch(document)


@asynccontextmanager
async def asking_as_oak(database: Database) -> AsyncIterator[Federation]:
    """Oak, with its client open. It has no server."""
    federation = federation_of(database, host="oak.localhost:1")
    federation.key_cache[actors.INSTANCE] = secrets("oak_instance")
    async with federation.client:
        yield federation


@asynccontextmanager
async def serving_elm(database: Database) -> AsyncIterator[Elm]:
    """Elm, as it introduces itself and its neighbourhood."""
    here = Elm(Addresses(""))
    app = web.Application()
    app.router.add_get("/{path:.*}", here.answer)
    async with TestServer(app) as server:
        here.addresses = Addresses(f"http://elm.localhost:{server.port}")
        place = await database.write(neighbourhoods.create, name="Elm District", key="elm")
        for path, ref, name in (
            ("/ap/instance", actors.INSTANCE, "elm_instance"),
            (GROUP, actors.group(place), "elm_group"),
        ):
            here.documents[path] = await database.read(
                actors.document, here.addresses, ref, secrets(name), secrets("elm_instance"), NOON
            )
        here.documents["/.well-known/nodeinfo"] = {
            "links": [{"rel": remote.NODEINFO_ACTOR, "href": here.addresses.instance}]
        }
        yield here
