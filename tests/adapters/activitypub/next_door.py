"""Elm and Oak as the recorded documents know them, seen from one of the two, and what is compared of a document."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import peewee

from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core.accounts.tables import AccountTable
from fedhood.core.help_requests.tables import HelpRequestTable, RevisionTable
from fedhood.core.neighbourhoods.tables import NeighbourhoodTable, PairTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts.tables import PlaceTable, PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.urls import Addresses

ALICE, BOB, ROL = "01JDA1ALICE", "01JDB0BOB", "01JDC4ROL"
SCOPES = ("public", "neighbours", "direct")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NINE = at("2026-11-22T09:00:00")
TEN = at("2026-11-22T10:00:00")


@dataclass(frozen=True)
class World:
    """Ids as one of the two servers gave them."""

    addresses: Addresses
    peer: int
    elm: int
    oak: int
    alice: int
    bob: int
    rol: int


def add_peer(uow: UnitOfWork, host: str, *, base: str = "", scopes: tuple[str, ...] = SCOPES) -> int:
    base = base or f"https://{host}"
    peer: int = PeerTable.insert(
        host=host,
        state="agreed",
        trust="neighbour",
        actor_uri=f"{base}/ap/instance",
        inbox=f"{base}/ap/instance/inbox",
        shared_inbox=f"{base}/ap/inbox",
        peer_inbox=f"{base}/ap/instance/peer-inbox",
        their_follow_uri=f"{base}/ap/activities/follow",
        added_at=NINE,
    ).execute(uow.db)
    for ours in (True, False):
        AgreementTable.insert(
            peer=peer,
            ours=ours,
            trust="neighbour",
            scopes=list(scopes),
            valid_until=NINE + timedelta(days=365),
            updated_at=NINE,
        ).execute(uow.db)
    return peer


def add_place(uow: UnitOfWork, key: str, *, peer: int | None = None, base: str = "") -> int:
    place: int = NeighbourhoodTable.insert(
        key=key,
        name=key.title(),
        languages=["en"],
        peer=peer,
        uri=f"{base or f'https://{key}.example'}/ap/groups/{key}" if peer else None,
        created_at=NINE,
    ).execute(uow.db)
    return place


def add_person(uow: UnitOfWork, key: str, place: int, *, peer: int | None = None, base: str = "") -> int:
    person: int = AccountTable.insert(
        key=key,
        handle=None if peer else key[-5:].strip("0123456789").lower(),
        name=key,
        neighbourhood=place,
        peer=peer,
        uri=f"{base}/ap/people/{key}" if peer else None,
        language="en",
        state="active",
        joined_at=NINE,
    ).execute(uow.db)
    return person


def pair(uow: UnitOfWork, writer: int, reader: int) -> None:
    PairTable.insert(writer=writer, reader=reader, since=NINE).execute(uow.db)


def _build(uow: UnitOfWork, here: str, base: str, there: str) -> World:
    peer = add_peer(uow, there.partition("//")[2], base=there)
    elm = add_place(uow, "elm", peer=None if here == "elm" else peer, base=there)
    oak = add_place(uow, "oak", peer=None if here == "oak" else peer, base=there)
    pair(uow, elm, oak)
    pair(uow, oak, elm)
    for writer, reader in ((elm, oak), (oak, elm)):
        ours = writer == (elm if here == "elm" else oak)
        AgreementTable.update(pairs=[[writer, reader]]).where(AgreementTable.ours == ours).execute(uow.db)
    foreign_elm = None if here == "elm" else peer
    foreign_oak = None if here == "oak" else peer
    return World(
        addresses=Addresses(base),
        peer=peer,
        elm=elm,
        oak=oak,
        alice=add_person(uow, ALICE, elm, peer=foreign_elm, base=there),
        bob=add_person(uow, BOB, oak, peer=foreign_oak, base=there),
        rol=add_person(uow, ROL, oak, peer=foreign_oak, base=there),
    )


def build(database: Database, here: str = "elm", *, there: str = "") -> World:
    """The world as elm (or oak) has it, agreed and paired with the other."""
    other = "oak" if here == "elm" else "elm"
    base = f"http://{here}.localhost:1" if there else f"https://{here}.example"
    return database.transact(_build, here, base, there or f"https://{other}.example")


def add_post(uow: UnitOfWork, post_id: int, author: int, place: int, places: tuple[int, ...], **also: Any) -> int:
    values = {
        "kind": "note",
        "audience": "neighbours",
        "category": "other",
        "text": "Water main work on the Elm/Oak border tomorrow 8-12.",
        "language": "en",
        "published_at": NINE,
        **also,
    }
    PostTable.insert(id=post_id, author=author, neighbourhood=place, **values).execute(uow.db)
    for one in places:
        PlaceTable.insert(post=post_id, place=one, next_door=one != place).execute(uow.db)
    return post_id


def add_request(uow: UnitOfWork, post_id: int, world: World, **also: Any) -> int:
    post = {"kind": "help", "category": "help", "published_at": TEN, **also}
    post.setdefault("text", "Need a lift on Tuesday morning, about an hour.")
    add_post(uow, post_id, world.alice, world.elm, (world.elm, world.oak), **post)
    HelpRequestTable.insert(
        post=post_id,
        state="open",
        revision=1,
        category="transport",
        area="Elm Street north",
        until=at("2026-11-25T00:00:00"),
        asked_at=TEN,
    ).execute(uow.db)
    RevisionTable.insert(post=post_id, revision=1, state="open", at=TEN).execute(uow.db)
    return post_id


def deliveries(db: peewee.Database) -> list[Delivery]:
    """Every row, in order."""
    rows = DeliveryTable.select().order_by(DeliveryTable.peer, DeliveryTable.epoch, DeliveryTable.number)
    return [
        Delivery(one.peer, one.epoch, one.number, one.verb, one.object, one.version, one.attempts, one.activity)
        for one in rows.execute(db)
    ]


def whole(saying: Saying) -> dict[str, Any]:
    """A saying as it will be sent, without proofs."""
    if saying.inner is None:
        return saying.document
    return {**saying.document, "object": whole(saying.inner)}


def comparable(document: dict[str, Any], names: dict[str, str] | None = None) -> dict[str, Any]:
    """A document without proofs, without the ids of its own activities, and with other names for its things.

    When a neighbourhood announces is left out too: the recorded ones took a second to do it.
    """
    text = json.dumps(document)
    for name, other in (names or {}).items():
        text = text.replace(name, other)
    plain = _plain(json.loads(text))
    if plain["type"] == "Announce":
        del plain["published"]
    return plain


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    plain = {name: member for name, member in value.items() if name != "proof"}
    if "/ap/activities/" in str(plain.get("id")):
        del plain["id"]
    if isinstance(plain.get("object"), dict):
        plain["object"] = _plain(plain["object"])
    return plain
