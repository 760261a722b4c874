"""The room where a row becomes bytes: said, signed from the inside out, kept, and never made anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, outbox, proofs, sayings
from fedhood.adapters.activitypub.actors import PROOF_KEY, ActorKind, ActorRef
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable
from fedhood.adapters.activitypub.vocabulary import PUBLIC
from fedhood.adapters.http import strict_json
from fedhood.core import posts
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Gone, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.adapters.activitypub.saying import Delivery, Saying
    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.urls import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An activity of ours as it is sent, and whose it is. `scoped`: it goes to peer inboxes alone."""

    key: str
    signer: ActorRef
    scoped: bool
    body: bytes


async def made(federation: Federation, delivery: Delivery) -> Made:
    """The bytes of a delivery: those that were kept, or fresh ones that are kept before anyone gets them.

    Raises NotFound or Gone for what can be said no more, Invalid for what must not be.
    """
    database = federation.database
    kept = None if delivery.activity is None else await database.read(_kept, delivery.activity)
    if kept is not None:
        return kept
    # of fifty streams that come upon a new post at once one says it, and the others wait
    async with federation.sayings.setdefault((delivery.verb, delivery.object, delivery.version), asyncio.Lock()):
        kept = await database.read(_said, delivery)
        if kept is not None:
            return kept
        key, saying = await database.read(sayings.say, federation.addresses, delivery)
        fresh = await database.read(_kept, key)
        if fresh is None:
            scoped = "fhScope" in saying.document
            fresh = Made(key=key, signer=saying.actor, scoped=scoped, body=await _signed(federation, saying))
        return await database.write(_keep, federation.addresses, delivery, fresh)


_KEPT = Compiled(
    lambda: ActivityTable.select(
        ActivityTable.key, ActivityTable.signer_kind, ActivityTable.signer, ActivityTable.scoped, ActivityTable.body
    ).where(ActivityTable.key == hole("key"))
)
_IS_SAID = Compiled(
    lambda: DeliveryTable.update(activity=hole("key")).where(
        DeliveryTable.peer == hole("peer"),
        DeliveryTable.epoch == hole("epoch"),
        DeliveryTable.number == hole("number"),
    )
)
# the same thing to everybody else whom it waits for: made once, it is found by all of them
_IS_SAID_ALIKE = Compiled(
    lambda: DeliveryTable.update(activity=hole("key")).where(
        DeliveryTable.object == hole("object"),
        DeliveryTable.verb == hole("verb"),
        DeliveryTable.version == hole("version"),
        DeliveryTable.activity.is_null(),
    )
)
_KEY = Compiled(
    lambda: DeliveryTable.select(DeliveryTable.activity).where(
        DeliveryTable.peer == hole("peer"),
        DeliveryTable.epoch == hole("epoch"),
        DeliveryTable.number == hole("number"),
    )
)


def _said(db: peewee.Database, delivery: Delivery) -> Made | None:
    """The bytes of a delivery, if somebody made them meanwhile."""
    row = _KEY.row(db, peer=delivery.peer, epoch=delivery.epoch, number=delivery.number)
    return None if row is None or row[0] is None else _kept(db, row[0])


def _kept(db: peewee.Database, key: str) -> Made | None:
    row = _KEPT.row(db, key=key)
    if row is None:
        return None
    return Made(key=row[0], signer=ActorRef(ActorKind(row[1]), row[2]), scoped=bool(row[3]), body=bytes(row[4]))


def _keep(uow: UnitOfWork, addresses: Addresses, delivery: Delivery, fresh: Made) -> Made:
    """Keep the bytes; when somebody was faster, theirs are the ones. Raises as `made` does."""
    kept = _kept(uow.db, fresh.key)
    if kept is None:
        _refuse_gone(uow.db, addresses, delivery)
        ActivityTable.insert(
            key=fresh.key,
            signer_kind=fresh.signer.kind.value,
            signer=fresh.signer.owner,
            scoped=fresh.scoped,
            body=fresh.body,
            made_at=uow.now,
        ).on_conflict_ignore().execute(uow.db)
        kept = _kept(uow.db, fresh.key) or fresh
    if delivery.verb in sayings.ALIKE:
        _IS_SAID_ALIKE.run(uow.db, key=fresh.key, object=delivery.object, verb=delivery.verb, version=delivery.version)
    _IS_SAID.run(uow.db, key=fresh.key, peer=delivery.peer, epoch=delivery.epoch, number=delivery.number)
    return kept


def _refuse_gone(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> None:
    """Pass if it can still be said: what was removed while it was signed would stay, for its removal has been here."""
    if delivery.verb not in outbox.SAID:
        sayings.say(db, addresses, delivery)
    elif posts.row(db, post_id=delivery.object).deleted_at is not None:
        raise Gone("it was removed meanwhile")


async def _signed(federation: Federation, saying: Saying) -> bytes:
    for one in saying.introduces:  # looked up by whoever hears this
        await actors.ensure_keys(federation, one)
    layers: list[tuple[Saying, KeyPair]] = []
    layer: Saying | None = saying
    while layer is not None:
        layers.append((layer, await actors.ensure_keys(federation, layer.actor)))
        layer = layer.inner
    # hashing and signing take about a millisecond: not on the loop
    return await asyncio.to_thread(_sign, layers, federation.clock.now())


def _sign(layers: Sequence[tuple[Saying, KeyPair]], created: datetime) -> bytes:
    inner: dict[str, Any] | None = None
    for saying, pair in reversed(layers):
        document = saying.document if inner is None else {**saying.document, "object": inner}
        inner = proofs.sign(
            document,
            pair.ed25519,
            verification_method=(document.get("actor") or document["attributedTo"]) + PROOF_KEY,
            created=created,
        )
    if inner is None:
        raise Invalid("nothing is said", code="empty")
    refuse_leak(inner)
    return strict_json.dumps(inner)


def refuse_leak(document: dict[str, Any]) -> None:
    """Pass if no part of a scoped activity is addressed to the public, and all parts name the same scope.

    Raises Invalid with the code `leak`: a mistake of ours, stopped before it leaves.
    """
    scope = document.get("fhScope")
    part: Any = document
    while scope is not None and isinstance(part, dict):
        if PUBLIC in [*part.get("to", []), *part.get("cc", [])] or part.get("fhScope", scope) != scope:
            raise Invalid("what is not for everyone was about to be said to everyone", code="leak")
        part = part.get("object")
