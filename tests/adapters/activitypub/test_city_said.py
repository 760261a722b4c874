"""What the city says: in the recorded shape, once to each server of a chosen place, and shown to that server alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from fedhood.adapters.activitypub import (
    actors,
    documents,
    keys,
    making,
    outbox_city,
    proofs,
    sayings,
    signatures,
    streams,
)
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable
from fedhood.adapters.http.middleware import refusing
from fedhood.core import city_messages
from fedhood.core.access import Role, Viewer
from fedhood.core.city_messages import CityMessageEdited, CityMessageSent, CityMessageWithdrawn, Said
from fedhood.core.city_messages.tables import CityMessageTable
from fedhood.core.help_requests import Sent
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel.engine import Database
from fedhood.kernel.errors import Gone
from fedhood.kernel.settings import Profile
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import add_peer, add_place, at, comparable, deliveries, whole
from tests.adapters.activitypub.shapes import federation_of, secrets
from tests.adapters.activitypub.test_actors import keep_keys
from tests.adapters.activitypub.test_discovery import page
from tests.support.clocks import FakeClock

EIGHT = at("2026-11-23T08:00:00")
CLERK = Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))
ADDRESSES = Addresses("https://city.example")
SCOPES = ("public", "city", "aggregate", "direct")
WATER = {
    "nl": Said(title="Water onderbroken", text="Dinsdag geen water in de Iepenstraat van 8 tot 12 uur."),
    "fr": Said(title="Coupure d’eau", text="Pas d’eau rue de l’Orme mardi de 8 à 12 heures."),
}
NEXT = {"nl": Said(title="Toch water", text="Het gaat niet door.")}


@dataclass
class City:
    database: Database
    clock: FakeClock
    places: dict[str, int]
    peers: dict[str, int]

    def write(self, *names: str, **also: Any) -> int:
        values = {
            "said": WATER,
            "begins_at": at("2026-11-24T07:00:00"),
            "ends_at": at("2026-11-24T11:00:00"),
            "urgent": False,
            **also,
        }
        return self.database.transact(
            city_messages.write, by=CLERK, places=[self.places[name] for name in names], **values
        )

    def edit(self, message: int, **also: Any) -> None:
        values = {"said": NEXT, "begins_at": None, "ends_at": at("2026-11-24T11:00:00"), "urgent": False, **also}
        self.database.transact(city_messages.edit, by=CLERK, message_id=message, **values)

    def said(self, number: int = -1) -> dict[str, Any]:
        delivery = self.database.look(deliveries)[number]
        return whole(self.database.look(sayings.say, ADDRESSES, delivery)[1])

    def may_go(self, number: int = -1) -> bool:
        return self.database.look(streams.may_go, self.database.look(deliveries)[number], self.clock.now())


@pytest.fixture
def city(database, clock, consequences) -> City:
    consequences.then = _follow
    clock.set(EIGHT)
    return database.transact(_build, database, clock)


def _follow(uow, fact) -> None:
    if isinstance(fact, CityMessageSent):
        outbox_city.said(uow, message_id=fact.object)
    elif isinstance(fact, CityMessageEdited):
        outbox_city.said_better(uow, message_id=fact.object, version=fact.version)
    elif isinstance(fact, CityMessageWithdrawn):
        outbox_city.took_back(uow, message_id=fact.object)


def _build(uow, database: Database, clock: FakeClock) -> City:
    peers, places = {}, {}
    for name in ("elm", "oak", "ash"):
        peers[name] = add_peer(uow, f"{name}.example", scopes=SCOPES)
        places[name] = add_place(uow, name, peer=peers[name])
    places["birch"] = add_place(uow, "birch", peer=peers["elm"], base="https://elm.example")
    PeerTable.update(trust="city").execute(uow.db)
    return City(database, clock, places, peers)


def names(message: int) -> dict[str, str]:
    return {str(message): "01JDMSG"}


def test_a_message_is_said_as_recorded(city) -> None:
    message = city.write("elm", "oak")
    assert comparable(city.said(), names(message)) == comparable(golden.document("18"))


def test_the_city_itself_signs_it(city) -> None:
    city.write("elm")
    key, saying = city.database.look(sayings.say, ADDRESSES, city.database.look(deliveries)[0])
    assert (saying.actor, saying.inner) == (actors.CITY, None)
    assert saying.document["id"] == ADDRESSES.activity(key)


def test_each_server_gets_it_once_and_no_other_does(city) -> None:
    message = city.write("elm", "birch", "oak")
    rows = [(one.peer, one.verb, one.object) for one in city.database.look(deliveries)]
    assert rows == [(city.peers["elm"], "city.create", message), (city.peers["oak"], "city.create", message)]
    # the same bytes for both
    first, second = city.said(0), city.said(1)
    assert first == second
    assert len(first["to"]) == 3


def test_a_message_said_better_keeps_its_readers_and_says_when(city) -> None:
    message = city.write("elm", "oak")
    city.clock.set(EIGHT + timedelta(hours=1))
    city.edit(message, urgent=True)
    said = city.said()
    assert (said["type"], said["fhScope"], said["to"]) == ("Update", "city", city.said(0)["to"])
    assert said["object"]["updated"] == "2026-11-23T09:00:00Z"
    assert said["object"]["contentMap"] == {"nl": "<p>Het gaat niet door.</p>"}
    assert said["object"]["fhUrgent"] is True
    # the first letter, not sent yet, still says what was said first
    assert city.said(0)["object"]["contentMap"].keys() == {"nl", "fr"}
    assert "updated" not in city.said(0)["object"]


def test_a_message_taken_back_leaves_a_tombstone_and_no_words(city) -> None:
    message = city.write("elm")
    city.clock.set(EIGHT + timedelta(hours=2))
    city.database.transact(city_messages.withdraw, by=CLERK, message_id=message)
    said = city.said()
    assert (said["type"], said["object"]) == (
        "Delete",
        {
            "id": ADDRESSES.note(message),
            "type": "Tombstone",
            "formerType": "Note",
            "deleted": "2026-11-23T10:00:00Z",
        },
    )
    assert (said["to"], said["fhScope"]) == (["https://elm.example/ap/groups/elm"], "city")
    with pytest.raises(Gone):
        city.said(0)


def test_what_the_agreement_does_not_cover_any_more_does_not_go_but_its_removal_does(city) -> None:
    message = city.write("elm")
    assert city.may_go()
    city.database.transact(lambda uow: AgreementTable.update(scopes=["public"]).execute(uow.db))
    assert not city.may_go()
    city.database.transact(city_messages.withdraw, by=CLERK, message_id=message)
    assert city.may_go()


def test_who_is_not_offered_cannot_be_told(city) -> None:
    offered = city.database.look(city_messages.offered, now=city.clock.now())
    assert [one.key for one in offered] == ["ash", "birch", "elm", "oak"]
    one_way = (AgreementTable.peer == city.peers["ash"], ~AgreementTable.ours)
    city.database.transact(lambda uow: AgreementTable.delete().where(*one_way).execute(uow.db))
    city.database.transact(
        lambda uow: PeerTable.update(trust="neighbour").where(PeerTable.id == city.peers["oak"]).execute(uow.db)
    )
    offered = city.database.look(city_messages.offered, now=city.clock.now())
    assert [one.key for one in offered] == ["birch", "elm"]


def test_the_clerk_reads_how_far_it_got(city) -> None:
    message = city.write("elm", "birch", "oak")
    delivery = city.database.look(deliveries)[0]
    city.database.transact(streams.OUTCOMES["city.create"], delivery, Sent.ARRIVED)
    found = city.database.look(city_messages.row, message)
    far = {one.key: state for one, state in city.database.look(city_messages.how_far, found)}
    assert far == {"elm": Sent.ARRIVED, "birch": Sent.ARRIVED, "oak": Sent.SENDING}


async def test_bytes_are_signed_by_the_city_and_go_when_it_is_taken_back(running, city) -> None:
    federation = federation_of(running, host="city.example", profile=Profile.CITY)
    for ref, name in ((actors.CITY, "city"), (actors.INSTANCE, "city_instance")):
        federation.key_cache[ref] = secrets(name)
    message = city.write("elm")
    made = await making.made(federation, running.look(deliveries)[0])
    assert made.signer == actors.CITY
    assert b"https://city.example/ap/city#ed25519-key" in made.body
    await running.write(city_messages.withdraw, by=CLERK, message_id=message)
    assert running.look(lambda db: ActivityTable.select().count(db)) == 0
    assert running.look(lambda db: DeliveryTable.select().count(db)) == 2
    assert running.look(lambda db: CityMessageTable.select().count(db)) == 1


# -- who may fetch it --------------------------------------------------------------------------------------------------


@pytest.fixture
async def ask(running, city, aiohttp_client):
    """Ask the city's server for an address as the instance actor of another; nobody without a name."""
    federation = federation_of(running, host="city.example", profile=Profile.CITY)
    for ref, name in ((actors.CITY, "city"), (actors.INSTANCE, "city_instance")):
        running.transact(keep_keys, ref, name)
    for name in ("elm", "oak"):
        pem = keys.public_pem(secrets(f"{name}_instance").rsa)
        running.transact(lambda uow, key=name, pem=pem: _know_key(uow, city.peers[key], pem))
    app = web.Application(middlewares=[refusing(page)])
    app[FEDERATION] = federation
    app.router.add_routes(documents.routes())
    client = await aiohttp_client(app)

    async def asked(path: str, by: str = "") -> tuple[int, bytes]:
        headers = {"Accept": "application/activity+json"}
        if by:
            headers |= signatures.sign_request(
                method="GET",
                target=path,
                host="city.example",
                body=None,
                key_id=f"https://{by}.example/ap/instance#main-key",
                key=secrets(f"{by}_instance").rsa,
                date=city.clock.now(),
            )
        answer = await client.get(path, headers=headers)
        return answer.status, await answer.read()

    asked.federation = federation
    return asked


def _know_key(uow, peer: int, pem: str) -> None:
    PeerTable.update(public_key_pem=pem).where(PeerTable.id == peer).execute(uow.db)


async def test_a_message_is_shown_to_the_servers_it_was_for_and_to_nobody_else(city, ask) -> None:
    message = city.write("elm")
    path = f"/ap/notes/{message}"
    status, body = await ask(path, "elm")
    document = json.loads(body)
    assert (status, document["fhScope"], document["id"]) == (200, "city", ADDRESSES.note(message))
    key = secrets("city").ed25519.public_key()
    proofs.verify(document, lambda _: key, owner=ADDRESSES.city, now=city.clock.now())
    missing = await ask("/ap/notes/999", "oak")
    assert missing[0] == 404
    assert await ask(path, "oak") == await ask(path) == missing
    city.database.transact(lambda uow: AgreementTable.update(scopes=["public"]).execute(uow.db))
    assert await ask(path, "elm") == missing


async def test_of_a_message_that_was_taken_back_its_readers_alone_see_that_there_was_one(city, ask) -> None:
    message = city.write("elm")
    city.database.transact(city_messages.withdraw, by=CLERK, message_id=message)
    assert (await ask(f"/ap/notes/{message}", "elm"))[0] == 410
    assert (await ask(f"/ap/notes/{message}", "oak"))[0] == 404


async def test_a_letter_is_given_out_again_only_while_it_says_what_holds(city, ask) -> None:
    message = city.write("elm")
    made = await making.made(ask.federation, city.database.look(deliveries)[0])
    path = f"/ap/activities/{made.key}"
    assert await ask(path, "elm") == (200, made.body)
    assert (await ask(path, "oak"))[0] == (await ask(path))[0] == 404
    city.edit(message)
    assert (await ask(path, "elm"))[0] == 404
