"""The room where an actor of ours gets other keys, and its neighbours hear of it from the ones before.

What waits to be sent is put into words first, under the keys that it was to be sent with. Then the keys are exchanged
in one transaction with the announcement, an `Update` of the actor that the old key signed: it stands in every stream
behind what the old keys signed and before what the new ones will. Requests to a neighbour who has not heard it yet are
signed with the old keys. For thirty days the server's own old key vouches for its actors beside the new one.

An actor's key for proofs keeps its address, so what a neighbour never heard of the actor before may not hold for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import peewee

from fedhood.adapters.activitypub import actors, contexts, keys, making, outbox, proofs
from fedhood.adapters.activitypub.actors import PROOF_KEY, ActorKind
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.sayings import ROTATED
from fedhood.adapters.activitypub.tables import ActivityTable, ActorKeyTable, DeliveryTable, RetiredKeyTable
from fedhood.adapters.activitypub.vocabulary import PUBLIC
from fedhood.adapters.http import strict_json
from fedhood.core import help_requests, peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import ids
from fedhood.kernel.clock import instant
from fedhood.kernel.database import Compiled, among, hole
from fedhood.kernel.errors import Conflict, Gone, Invalid, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.adapters.activitypub.actors import ActorRef
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.urls import Addresses

_TRIES = 5
_UNMADE = Compiled(
    lambda: DeliveryTable.select(
        DeliveryTable.peer,
        DeliveryTable.epoch,
        DeliveryTable.number,
        DeliveryTable.verb,
        DeliveryTable.object,
        DeliveryTable.version,
        DeliveryTable.attempts,
        DeliveryTable.activity,
    ).where(DeliveryTable.state == peewee.SQL("'waiting'"), DeliveryTable.activity.is_null())
)
# the ledger, as a farewell reads it: thanks stand there by the post that they are for
_GOT = Compiled(
    lambda: DeliveryTable.select(DeliveryTable.peer).where(among(DeliveryTable.object, "objects")).distinct()
)
_GOT_THANKS = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.peer)
        .where(DeliveryTable.verb == "thanks.give", DeliveryTable.version == hole("account"))
        .distinct()
    )
)


async def rotate(federation: Federation, ref: ActorRef) -> bool:
    """Give an actor of ours other keys and have its neighbours told. Whether it had any.

    Takes a millisecond for everything that waits to be sent. Raises Conflict when others are faster again and again.
    """
    database = federation.database
    row = await database.read(_pem, ref)
    if row is None:
        return False
    fresh = await asyncio.to_thread(keys.generate)
    for _ in range(_TRIES):
        unsayable = await _put_into_words(federation)
        try:
            await _exchange(federation, ref, row, fresh, unsayable)
        except Conflict:
            continue
        federation.key_cache.pop(ref, None)
        return True
    raise Conflict("the keys could not be exchanged while so much is said", code="said-meanwhile")


def forget_old(uow: UnitOfWork, before: datetime) -> int:
    """Delete the keys that were retired before this moment. Returns how many rows."""
    deleted: int = RetiredKeyTable.delete().where(RetiredKeyTable.retired_at < before).execute(uow.db)
    return deleted


def announcement(
    db: peewee.Database, addresses: Addresses, ref: ActorRef, *, key: str, old: KeyPair, fresh: KeyPair, now: datetime
) -> bytes:
    """The bytes of an `Update` of an actor of ours, which shows its new keys and which the old one signed.

    Raises NotFound when there is no such actor.
    """
    instance = fresh if ref == actors.INSTANCE else actors.stored_keys(db, actors.INSTANCE)
    if instance is None:
        raise NotFound("this server has no keys yet")
    uri = actors.uri_of(db, addresses, ref)
    document = {
        "@context": contexts.PLAIN,
        "id": addresses.activity(key),
        "type": "Update",
        "actor": uri,
        "published": instant(now),
        "to": [PUBLIC],
        "object": actors.document(db, addresses, ref, fresh, instance, now),
    }
    return strict_json.dumps(proofs.sign(document, old.ed25519, verification_method=uri + PROOF_KEY, created=now))


async def _put_into_words(federation: Federation) -> frozenset[tuple[int, int, int]]:
    """Make the bytes of all that waits; what cannot be said any more is left as it is and named."""
    unsayable: set[tuple[int, int, int]] = set()
    for delivery in await federation.database.read(_unmade):
        try:
            await making.made(federation, delivery)
        except (NotFound, Gone, Invalid):
            unsayable.add((delivery.peer, delivery.epoch, delivery.number))
    return frozenset(unsayable)


async def _exchange(
    federation: Federation, ref: ActorRef, pem: bytes, fresh: KeyPair, unsayable: frozenset[tuple[int, int, int]]
) -> None:
    old, key = keys.from_pem(pem), ids.new_key()

    def exchange(uow: UnitOfWork) -> None:
        if any((one.peer, one.epoch, one.number) not in unsayable for one in _unmade(uow.db)):
            raise Conflict("something was said meanwhile", code="said-meanwhile")
        body = announcement(uow.db, federation.addresses, ref, key=key, old=old, fresh=fresh, now=uow.now)
        mine = (ActorKeyTable.kind == ref.kind.value, ActorKeyTable.owner == ref.owner, ActorKeyTable.pem == pem)
        if not ActorKeyTable.update(pem=keys.to_pem(fresh)).where(*mine).execute(uow.db):
            raise Conflict("somebody else exchanged these keys", code="exchanged")
        RetiredKeyTable.insert(activity=key, kind=ref.kind.value, owner=ref.owner, pem=pem, retired_at=uow.now).execute(
            uow.db
        )
        ActivityTable.insert(key=key, signer_kind=ref.kind.value, signer=ref.owner, body=body, made_at=uow.now).execute(
            uow.db
        )
        _announce(uow, ref, key)

    await federation.database.write(exchange)


def _announce(uow: UnitOfWork, ref: ActorRef, key: str) -> None:
    for peer in _who_knows(uow.db, ref):
        outbox.deliver(uow, peer, ROTATED, ref.owner)
    DeliveryTable.update(activity=key).where(
        DeliveryTable.verb == ROTATED,
        DeliveryTable.object == ref.owner,
        DeliveryTable.state == outbox.WAITING,
        DeliveryTable.activity.is_null(),
    ).execute(uow.db)


def _who_knows(db: peewee.Database, ref: ActorRef) -> list[int]:
    """The neighbours that may know this actor: all of them, but of a resident those that ever got anything of theirs.

    Nobody else is told that there is such a resident.
    """
    neighbours = [
        peer.id for peer in peers.all_peers(db) if peer.state is PeerState.AGREED and peer.trust is not Trust.BLOCKED
    ]
    if ref.kind is not ActorKind.PERSON:
        return neighbours
    objects = help_requests.traces(db, account=ref.owner)
    told = {*_GOT.rows(db, objects=objects), *_GOT_THANKS.rows(db, account=ref.owner)}
    return [peer for peer in neighbours if (peer,) in told]


# -- rows --------------------------------------------------------------------------------------------------------------


def _pem(db: peewee.Database, ref: ActorRef) -> bytes | None:
    mine = (ActorKeyTable.kind == ref.kind.value, ActorKeyTable.owner == ref.owner)
    for row in ActorKeyTable.select(ActorKeyTable.pem).where(*mine).execute(db):
        return bytes(row.pem)
    return None


def _unmade(db: peewee.Database) -> list[Delivery]:
    return [Delivery(*row) for row in _UNMADE.rows(db)]
