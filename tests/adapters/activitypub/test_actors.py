"""Who we are to others: addresses, keys that are made once, documents in the recorded shapes."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedhood.adapters.activitypub import actors, keys, proofs
from fedhood.adapters.activitypub.actors import ActorKind, ActorRef
from fedhood.adapters.activitypub.tables import ActorKeyTable
from fedhood.core import accounts, neighbourhoods
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import NotFound
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.shapes import federation_of, secrets, shape
from tests.support.clocks import NOON

ELM = Addresses("https://elm.example")
MADE = datetime(2026, 11, 1, 15, 30, 12, tzinfo=UTC)


def settle_in(database: Database) -> tuple[int, int]:
    elm = database.transact(neighbourhoods.create, name="Elm District", key="elm")
    return elm, database.transact(accounts.create, name="Alice", neighbourhood=elm, language="en")


def keep_keys(uow: UnitOfWork, ref: ActorRef, name: str) -> None:
    pem = keys.to_pem(secrets(name))
    ActorKeyTable.insert(kind=ref.kind.value, owner=ref.owner, pem=pem, made_at=MADE).execute(uow.db)


def document_of(database: Database, ref: ActorRef, name: str) -> dict[str, Any]:
    database.transact(keep_keys, ref, name)
    return database.look(actors.document, ELM, ref, secrets(name), secrets("elm_instance"), NOON)


def key_of_elm(method: str) -> Ed25519PublicKey | None:
    return secrets("elm_instance").ed25519.public_key() if method == ELM.instance_key else None


def test_the_instance_introduces_itself_in_the_recorded_shape(database: Database) -> None:
    settle_in(database)
    recorded = golden.document("01")
    made = document_of(database, actors.INSTANCE, "elm_instance")
    assert shape(made) == shape(recorded)
    assert made["@context"] == recorded["@context"]
    same = set(made) - {"publicKey"}
    assert {name: made[name] for name in same} == {name: recorded[name] for name in same}


@pytest.mark.parametrize(
    ("number", "kind", "name"),
    [
        ("02", ActorKind.GROUP, "elm_group"),
        ("05", ActorKind.PERSON, "alice"),
        ("60", ActorKind.METRICS, "elm_metrics"),
    ],
)
def test_an_actor_introduces_itself_in_the_recorded_shape(
    number: str, kind: ActorKind, name: str, database: Database
) -> None:
    elm, alice = settle_in(database)
    owners = {ActorKind.GROUP: elm, ActorKind.PERSON: alice}
    made = document_of(database, ActorRef(kind, owners.get(kind, 0)), name)
    recorded = golden.document(number)
    assert shape(made) == shape(recorded)
    assert made["@context"] == recorded["@context"]
    assert made["proof"]["@context"] == recorded["@context"]
    for member in ("type", "preferredUsername", "webfinger", "name", "url", "published", "discoverable"):
        assert made[member] == recorded[member], member


def test_the_city_is_an_organization_in_the_recorded_shape(database: Database) -> None:
    made = document_of(database, actors.CITY, "city")
    recorded = golden.document("03")
    assert shape(made) == shape(recorded)
    assert made["@context"] == recorded["@context"]
    assert (made["id"], made["type"]) == ("https://elm.example/ap/city", "Organization")
    assert made["inbox"] == "https://elm.example/ap/city/inbox"
    for member in ("preferredUsername", "published", "manuallyApprovesFollowers", "discoverable"):
        assert made[member] == recorded[member], member


def test_the_hub_of_a_city_is_a_group_in_the_recorded_shape(database: Database) -> None:
    made = document_of(database, actors.HUB, "city_hub")
    recorded = golden.document("04")
    assert shape(made) == shape(recorded)
    assert made["@context"] == recorded["@context"]
    assert (made["id"], made["type"]) == ("https://elm.example/ap/groups/citywide", "Group")
    for member in ("preferredUsername", "published", "manuallyApprovesFollowers", "discoverable"):
        assert made[member] == recorded[member], member


def test_only_what_the_code_does_today_is_named(database: Database) -> None:
    settle_in(database)
    made = document_of(database, actors.INSTANCE, "elm_instance")
    assert [link["href"] for link in made["implements"]] == [
        "https://datatracker.ietf.org/doc/html/rfc9421",
        "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25",
        "https://w3id.org/fep/8b32",
        "https://w3id.org/fedhood/cap/scopes-v1",
        "https://w3id.org/fedhood/cap/help-v1",
    ]


def test_the_instance_vouches_for_a_resident_and_for_nothing_that_was_changed_since(database: Database) -> None:
    _, alice = settle_in(database)
    made = document_of(database, actors.person(alice), "alice")
    proofs.verify(made, key_of_elm, owner=ELM.instance, now=NOON)
    with pytest.raises(proofs.ProofError) as refusal:
        proofs.verify({**made, "name": "Mallory"}, key_of_elm, owner=ELM.instance, now=NOON)
    assert refusal.value.code == "proof-signature"


def test_nobody_learns_at_what_moment_a_resident_first_acted_beyond_this_server(database: Database) -> None:
    _, alice = settle_in(database)
    assert document_of(database, actors.person(alice), "alice")["published"] == "2026-11-01T00:00:00Z"


def test_a_name_cannot_put_markup_into_a_document(database: Database) -> None:
    elm = database.transact(neighbourhoods.create, name="Elm <b>& Oak", key="elm")
    assert document_of(database, actors.group(elm), "elm_group")["summary"].count("<") == 2


def test_each_kind_of_actor_has_its_address(database: Database) -> None:
    elm, alice = settle_in(database)
    key = database.look(accounts.get, alice).key
    refs = [actors.INSTANCE, actors.METRICS, actors.CITY, actors.group(elm), actors.person(alice)]
    assert [database.look(actors.uri_of, ELM, ref) for ref in refs] == [
        "https://elm.example/ap/instance",
        "https://elm.example/ap/metrics",
        "https://elm.example/ap/city",
        "https://elm.example/ap/groups/elm",
        f"https://elm.example/ap/people/{key}",
    ]
    with pytest.raises(NotFound):
        database.look(actors.uri_of, ELM, actors.group(999))


async def test_two_who_make_the_keys_of_an_actor_at_once_get_the_same(running: Database) -> None:
    here, there = federation_of(running), federation_of(running)
    first, second = await asyncio.gather(
        actors.ensure_keys(here, actors.INSTANCE), actors.ensure_keys(there, actors.INSTANCE)
    )
    assert keys.to_pem(first) == keys.to_pem(second)
    assert await running.read(lambda db: ActorKeyTable.select().count(db)) == 1


async def test_keys_are_made_once_and_then_read(running: Database) -> None:
    made = await actors.ensure_keys(federation_of(running), actors.METRICS)
    again = federation_of(running)
    read = await actors.ensure_keys(again, actors.METRICS)
    assert keys.to_pem(read) == keys.to_pem(made)
    assert await actors.ensure_keys(again, actors.METRICS) is read


async def test_who_has_never_acted_beyond_this_server_has_no_keys(running: Database) -> None:
    assert await running.read(actors.stored_keys, actors.person(1)) is None
    assert not await running.read(actors.has_keys, actors.person(1))


async def test_secrets_that_were_read_are_kept_in_memory_up_to_a_bound(
    running: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors, "_MOST_CACHED_KEYS", 2)
    federation = federation_of(running)
    for ref in (actors.INSTANCE, actors.METRICS, actors.CITY):
        await actors.ensure_keys(federation, ref)
    assert list(federation.key_cache) == [actors.METRICS, actors.CITY]
