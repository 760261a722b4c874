"""Servers that mean no good: every name on one socket of this machine, with real keys, saying whatever a test wants."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedhood.adapters.activitypub import actors, contexts, keys, proofs
from fedhood.adapters.activitypub.keys import KeyPair
from fedhood.adapters.activitypub.remote import NODEINFO_ACTOR
from fedhood.adapters.http.deadlines import RUNNER_OPTIONS
from fedhood.kernel.clock import Clock, instant
from tests.hostile.wire import ACTIVITY_JSON, Letter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Document = dict[str, Any]


@cache
def _rsa(number: int = 0):
    """An RSA key is dear, so who does not need one alone shares the first."""
    return number, keys.generate().rsa


@cache
def pair_of(uri: str) -> KeyPair:
    """The secrets of an actor: the Ed25519 one its own, the RSA one its server's."""
    return KeyPair(rsa=_rsa()[1], ed25519=Ed25519PrivateKey.from_private_bytes(uri.encode().ljust(32, b".")[-32:]))


def other_rsa():
    """An RSA key that nobody here is known by."""
    return _rsa(1)[1]


@dataclass
class Underworld:
    """All hostile servers: one socket, told apart by the name that is asked for.

    `documents` and `answers` are by address, `below` by how an address begins.
    """

    port: int = 0
    documents: dict[str, Document] = field(default_factory=dict)
    answers: dict[str, Callable[[web.Request], web.StreamResponse]] = field(default_factory=dict)
    below: dict[str, Callable[[web.Request], web.StreamResponse]] = field(default_factory=dict)
    media_types: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    received: list[tuple[str, Document]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        url = f"http://{request.host}{request.path_qs}"
        if request.method == "POST":
            self.received.append((url, json.loads(await request.read())))
            return web.Response(status=202)
        self.asked.append(url)
        if "Signature" in request.headers:
            self.signed.append(url)
        if url in self.answers:
            return self.answers[url](request)
        for prefix, answer in self.below.items():
            if url.startswith(prefix):
                return answer(request)
        if url not in self.documents:
            return web.Response(status=404)
        kind = "application/json" if request.path.startswith("/.well-known/") else ACTIVITY_JSON
        body = json.dumps(self.documents[url]).encode()
        return web.Response(body=body, headers={"Content-Type": self.media_types.get(url, kind)})

    def peer(self, name: str) -> Peer:
        """A server of this name, with a neighbourhood and two people."""
        made = Peer(self, f"{name}.localhost:{self.port}")
        made.introduce()
        return made

    def asked_of(self, host: str) -> list[str]:
        """What was asked of one of them, in order."""
        return [url for url in self.asked if url.startswith(f"http://{host}/")]


@asynccontextmanager
async def underworld() -> AsyncIterator[Underworld]:
    made = Underworld()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, **RUNNER_OPTIONS)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Peer:
    """One hostile server: what it is called, what it says of itself, how it signs."""

    world: Underworld
    host: str

    @property
    def base(self) -> str:
        return f"http://{self.host}"

    @property
    def instance(self) -> str:
        return f"{self.base}/ap/instance"

    @property
    def group(self) -> str:
        return f"{self.base}/ap/groups/{self.host.partition('.')[0]}"

    @property
    def mallory(self) -> str:
        return f"{self.base}/ap/people/mallory"

    @property
    def trent(self) -> str:
        """Another resident of the same server."""
        return f"{self.base}/ap/people/trent"

    def introduce(self) -> None:
        """Publish the documents by which others know this server."""
        documents = self.world.documents
        documents[f"{self.base}/.well-known/nodeinfo"] = {"links": [{"rel": NODEINFO_ACTOR, "href": self.instance}]}
        documents[self.instance] = self.actor(self.instance, "Application") | {
            "fhPeerInbox": f"{self.base}/ap/instance/peer-inbox",
            "endpoints": {"sharedInbox": f"{self.base}/ap/inbox"},
            "implements": [{"type": "Link", "href": actors.CAP_SCOPES}],
        }
        for uri, kind in ((self.group, "Group"), (self.mallory, "Person"), (self.trent, "Person")):
            documents[uri] = self.vouched(self.actor(uri, kind))

    def actor(self, uri: str, kind: str) -> Document:
        """What an actor document of this server says, before anybody vouches for it."""
        pair, name = pair_of(uri), uri.rpartition("/")[2]
        return {
            "@context": contexts.PERSON,
            "id": uri,
            "type": kind,
            "preferredUsername": name,
            "name": name,
            "inbox": f"{uri}/inbox",
            "outbox": f"{uri}/outbox",
            "publicKey": {"id": f"{uri}#main-key", "owner": uri, "publicKeyPem": keys.public_pem(pair.rsa)},
            "assertionMethod": [
                {
                    "id": f"{uri}#ed25519-key",
                    "type": "Multikey",
                    "controller": uri,
                    "publicKeyMultibase": keys.multikey(pair.ed25519),
                }
            ],
        }

    def vouched(self, document: Document) -> Document:
        """The document with this server's word for it."""
        return self.proved(document, by=self.instance)

    def proved(self, document: Document, *, by: str = "") -> Document:
        """The document with a proof by its actor, or by somebody else."""
        by = by or document["actor"]
        return proofs.sign(
            document, pair_of(by).ed25519, verification_method=f"{by}#ed25519-key", created=Clock().now()
        )

    @property
    def fingerprint(self) -> str:
        return keys.fingerprint(self.instance, keys.multikey(pair_of(self.instance).ed25519))

    def letter(self, host: str, path: str, activity: Document | bytes, *, by: str = "", **parts: Any) -> Letter:
        """A letter for a server, signed by the activity's actor or by somebody else of this one."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        by = by or (activity["actor"] if isinstance(activity, dict) else self.instance)
        defaults: dict[str, Any] = {"key_id": f"{by}#main-key", "key": pair_of(by).rsa}
        return Letter(**{"path": path, "host": host, "body": body, **defaults, **parts})

    def asking(self, host: str, path: str, *, by: str = "") -> Letter:
        """A signed GET."""
        by = by or self.instance
        return Letter(
            method="GET",
            path=path,
            host=host,
            body=None,
            key_id=f"{by}#main-key",
            key=pair_of(by).rsa,
            covered=("(request-target)", "host", "date"),
            fields=(("Accept", ACTIVITY_JSON),),
        )

    # -- what it says --------------------------------------------------------------------------------------------------

    def activity(self, number: str, kind: str, **members: Any) -> Document:
        """An activity with an id of this server, without a proof."""
        return {
            "@context": members.pop("context", contexts.SCOPED),
            "id": f"{self.base}/ap/activities/{number}",
            "type": kind,
            "published": instant(Clock().now()),
            **members,
        }

    def follow(self, number: str, instance: str, **proposal: Any) -> Document:
        """It asks to be a neighbour."""
        asked = {
            "type": "PeeringProposal",
            "fhProtocol": "1",
            "fhRequestedTrust": "neighbour",
            "fhNeighbourhoods": [self.group],
            "fhPeerInbox": f"{self.base}/ap/instance/peer-inbox",
            "fhKeyFingerprint": self.fingerprint,
            "fhPolicy": f"{self.base}/about/policy",
            **proposal,
        }
        said = self.activity(
            number, "Follow", context=contexts.PEERING, actor=self.instance, object=instance, fhPeering=asked
        )
        return self.proved(said)

    def accept(self, number: str, follow: Document, pairs: list[tuple[str, str]], **agreement: Any) -> Document:
        """It says yes to a Follow, and grants everything."""
        granted = {
            "id": f"{self.base}/ap/peerings/{number}",
            "type": "PeeringAgreement",
            "attributedTo": self.instance,
            "fhProtocol": "1",
            "fhGrantedTrust": "neighbour",
            "fhGrantedScopes": ["public", "neighbours", "direct"],
            "fhPairs": [{"fhFrom": ours, "fhTo": theirs} for ours, theirs in pairs],
            "fhPeerInbox": f"{self.base}/ap/instance/peer-inbox",
            "fhKeyFingerprint": self.fingerprint,
            "fhValidUntil": "2099-01-01T00:00:00Z",
            **agreement,
        }
        said = self.activity(
            number, "Accept", context=contexts.PEERING, actor=self.instance, object=follow, result=granted
        )
        return self.proved(said)

    def note(self, number: str, to: list[str], *, author: str = "", **members: Any) -> Document:
        """A Note of one of its people, for these neighbourhoods."""
        return {
            "id": f"{self.base}/ap/notes/{number}",
            "type": "Note",
            "attributedTo": author or self.mallory,
            "published": instant(Clock().now()),
            "to": to,
            "cc": [],
            "audience": to[0],
            "content": f"<p>Said by nobody good, {number}.</p>",
            "fhScope": "neighbours",
            **members,
        }

    def created(self, note: Document, *, kind: str = "Create", actor: str = "", number: str = "") -> Document:
        """What its author did with a Note, proved by the author."""
        name = number or f"{kind.lower()}-{str(note['id']).rpartition('/')[2]}"
        about = {name: note[name] for name in ("to", "cc", "fhScope", "audience") if name in note}
        return self.proved(self.activity(name, kind, actor=actor or note["attributedTo"], **about, object=note))

    def announced(self, inner: Document, *, number: str = "", **members: Any) -> Document:
        """Its neighbourhood announces what somebody did."""
        said = self.activity(
            number or f"announce-{str(inner.get('id')).rpartition('/')[2]}",
            "Announce",
            actor=self.group,
            to=inner.get("to", []),
            cc=[],
            fhScope=inner.get("fhScope", "neighbours"),
            object=inner,
        )
        return self.proved(said | members)
