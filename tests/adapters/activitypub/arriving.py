"""A server next door with real keys, whose letters arrive here: signed, delivered, understood."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fedhood.adapters.activitypub import (
    arrivals,
    asking,
    inbox,
    keys,
    message_signatures,
    proofs,
    signatures,
    understand,
)
from fedhood.adapters.activitypub.federation import FEDERATION, Federation
from fedhood.adapters.activitypub.keys import KeyPair
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.adapters.http.client import Answer
from fedhood.adapters.http.keys import LIMITER, SETTINGS
from fedhood.adapters.http.limits import Limiter
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import RemoteFailure
from fedhood.kernel.settings import Settings
from tests.adapters.activitypub import golden, next_door


async def understand_next(federation: Federation) -> bool:
    """Read what is due. Whether there was anything."""
    return await understand.pump(federation)


PATHS = {"instance": "/ap/instance", "metrics": "/ap/metrics"}


@cache
def _rsa():
    return keys.generate().rsa


@cache
def pair_of(uri: str) -> KeyPair:
    """The keys of an actor elsewhere; an RSA key is dear, so all share one under names of their own."""
    return KeyPair(rsa=_rsa(), ed25519=Ed25519PrivateKey.from_private_bytes(uri.encode().ljust(32, b".")[-32:]))


@dataclass
class Web:
    """What other servers answer: documents by address, and every address that was asked."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    down: bool = False
    status: int = 404

    async def get(self, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        if self.down:
            raise RemoteFailure("cannot be reached", code="unreachable")
        document = self.documents.get(url)
        headers: Mapping[str, str] = {"Content-Type": asking.ACTIVITY_JSON}
        if document is None:
            return Answer(status=self.status, headers=headers, body=b"", url=url)
        return Answer(status=200, headers=headers, body=json.dumps(document).encode(), url=url)


@dataclass
class Here:
    """This server (elm or oak), and the one next door that writes to it."""

    federation: Federation
    world: next_door.World
    web: Web
    theirs: str

    @property
    def database(self) -> Database:
        return self.federation.database

    @property
    def host(self) -> str:
        return self.federation.addresses.host

    def note(self, number: int) -> str:
        return self.federation.addresses.note(number)

    def app(self, limiter: Limiter | None = None) -> web.Application:
        app = web.Application()
        app[FEDERATION] = self.federation
        app[SETTINGS] = self.federation.settings
        app[LIMITER] = Limiter() if limiter is None else limiter
        app.add_routes(inbox.routes())
        return app

    async def arrive(self, activity: dict[str, Any], *, scoped: bool = True, peer: int | None = None) -> str:
        """Keep an activity as the inbox does, let it be understood, and say what became of it."""
        row = await self.database.write(keep, activity, scoped=scoped, peer=self.world.peer if peer is None else peer)
        assert await understand_next(self.federation)
        return self.fate(row)

    def fate(self, row: int) -> str:
        """State and code of the reason, as `refused places-differ`."""
        return self.database.look(_fate, row)

    def rows(self, table: Any) -> list[Any]:
        return list(self.database.look(lambda db: list(table.select().execute(db))))


def keep(uow: UnitOfWork, activity: dict[str, Any], *, scoped: bool, peer: int) -> int:
    made: int = InboundTable.insert(
        uri=activity["id"],
        peer=peer,
        signer=activity["actor"],
        about=arrivals.about_of(activity),
        scoped=scoped,
        body=json.dumps(activity).encode(),
        received_at=uow.now,
        state="waiting",
        next_at=uow.now,
    ).execute(uow.db)
    return made


def _fate(db, row: int) -> str:
    (kept,) = InboundTable.select().where(InboundTable.id == row).execute(db)
    code = (kept.reason or "").partition(":")[0]
    return f"{kept.state} {code}".strip()


def here(database: Database, name: str = "oak") -> Here:
    """This server called `name`, agreed and paired with the other of elm and oak, all of whose actors are known."""
    world = next_door.build(database, here=name)
    theirs = f"https://{'elm' if name == 'oak' else 'oak'}.example"
    people = {"oak": ["/ap/groups/elm", f"/ap/people/{next_door.ALICE}"]}.get(
        name, ["/ap/groups/oak", f"/ap/people/{next_door.BOB}", f"/ap/people/{next_door.ROL}"]
    )
    database.transact(_introduce, world.peer, theirs, people)
    known = Web()
    federation = Federation(
        database=database,
        client=known,  # type: ignore[arg-type]
        addresses=world.addresses,
        settings=Settings(host=f"{name}.example"),
        clock=database.clock,
    )
    return Here(federation=federation, world=world, web=known, theirs=theirs)


def _introduce(uow: UnitOfWork, peer: int, base: str, paths: list[str]) -> None:
    instance = pair_of(f"{base}/ap/instance")
    PeerTable.update(
        multikey=keys.multikey(instance.ed25519),
        public_key_pem=keys.public_pem(instance.rsa),
        fingerprint=keys.fingerprint(f"{base}/ap/instance", keys.multikey(instance.ed25519)),
    ).where(PeerTable.id == peer).execute(uow.db)
    for path in paths:
        know(uow, peer, base + path)


def know(uow: UnitOfWork, peer: int, uri: str, *, kind: str = "", name: str = "") -> None:
    """An actor that was fetched before, and vouched for."""
    kind = kind or ("Group" if "/groups/" in uri else "Person")
    pair = pair_of(uri)
    RemoteActorTable.insert(
        uri=uri,
        peer=peer,
        kind=kind,
        name=name or uri.rpartition("/")[2],
        inbox=f"{uri}/inbox",
        key_uri=f"{uri}#main-key",
        public_key_pem=keys.public_pem(pair.rsa),
        proof_key_uri=f"{uri}#ed25519-key",
        multikey=keys.multikey(pair.ed25519),
        fetched_at=uow.now,
    ).execute(uow.db)


def actor_document(uri: str, kind: str, vouching: str | None = None, *, now=next_door.TEN) -> dict[str, Any]:
    """The document of an actor elsewhere, vouched for by its server unless that is None."""
    pair = pair_of(uri)
    document = {
        "@context": ["https://www.w3.org/ns/activitystreams"],
        "id": uri,
        "type": kind,
        "preferredUsername": uri.rpartition("/")[2],
        "name": uri.rpartition("/")[2],
        "inbox": f"{uri}/inbox",
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
    if vouching is None:
        return document
    return proofs.sign(document, pair_of(vouching).ed25519, verification_method=f"{vouching}#ed25519-key", created=now)


# -- letters -----------------------------------------------------------------------------------------------------------


def letter(number: str, **names: str) -> dict[str, Any]:
    """A recorded activity without its proofs; `names` replaces what the recorded things are called."""
    text = json.dumps(_unproved(golden.document(number)))
    for old, new in names.items():
        text = text.replace(old, new)
    made: dict[str, Any] = json.loads(text)
    return made


def _unproved(value: Any) -> Any:
    if isinstance(value, list):
        return [_unproved(one) for one in value]
    if isinstance(value, dict):
        return {name: _unproved(one) for name, one in value.items() if name != "proof"}
    return value


def proved(activity: dict[str, Any], *, inner: bool = True, created=next_door.TEN) -> dict[str, Any]:
    """The activity with the proof of its actor, and what it announces with that of its own."""
    activity = copy.deepcopy(activity)
    about = activity.get("object")
    if inner and activity["type"] == "Announce" and isinstance(about, dict):
        activity["object"] = _prove(about, created)
    return _prove(activity, created)


def _prove(activity: dict[str, Any], created) -> dict[str, Any]:
    actor = activity["actor"]
    return proofs.sign(activity, pair_of(actor).ed25519, verification_method=f"{actor}#ed25519-key", created=created)


def request(
    there: Here,
    path: str,
    activity: dict[str, Any] | bytes,
    *,
    by: str = "",
    date=None,
    scheme: Scheme = Scheme.CAVAGE,
    key_id: str = "",
    key: Any = None,
) -> dict[str, Any]:
    """Arguments of a POST with the signature of the activity's actor (or of `by`)."""
    body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
    signer = by or (activity["actor"] if isinstance(activity, dict) else f"{there.theirs}/ap/instance")
    usual = {
        "method": "POST",
        "target": path,
        "body": body,
        "key_id": key_id or f"{signer}#main-key",
        "key": key or pair_of(signer).rsa,
        "date": date or there.federation.clock.now(),
    }
    if scheme is Scheme.RFC9421:
        headers = message_signatures.sign_request(base=f"https://{there.host}", **usual)
    else:
        headers = signatures.sign_request(host=there.host, **usual)
    return {"path": path, "data": body, "headers": {**headers, "Host": there.host}}
