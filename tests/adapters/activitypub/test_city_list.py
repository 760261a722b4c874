"""The city's list as a document: written as recorded, and believed by the city's key alone."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, city_list, contexts, keys, proofs
from fedhood.core import metrics, peers
from fedhood.core.peers import Listed, Peer, PublishedList
from fedhood.core.peers.tables import PublishedListTable
from fedhood.kernel import schemas
from fedhood.kernel.engine import Database
from fedhood.kernel.errors import Invalid
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import add_peer
from tests.adapters.activitypub.shapes import secrets
from tests.support.clocks import NOON

CITY = Addresses("https://city.example")
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOW = AT + timedelta(minutes=1)
Document = dict[str, Any]


def letters(host: str, name: str) -> str:
    return keys.fingerprint(f"https://{host}/ap/instance", golden.test_key(name)["ed25519_public_multibase"])


def entry(host: str, name: str, key: str, *groups: str) -> Listed:
    return Listed(
        host=host,
        name=name,
        actor_uri=f"https://{host}/ap/instance",
        fingerprint=letters(host, key),
        groups=tuple(f"https://{host}/ap/groups/{group}" for group in groups),
    )


ENTRIES = (
    entry("elm.example", "Elm District", "elm_instance", "birch", "elm"),
    entry("oak.example", "Oak", "oak_instance", "oak"),
)


@pytest.fixture
def city(database: Database) -> Peer:
    """The city's server as Elm has pinned it."""
    peer = database.transact(add_peer, "city.example")
    key = golden.test_key("city_instance")["ed25519_public_multibase"]
    database.transact(lambda uow: uow.db.execute_sql(f"UPDATE peer SET multikey = '{key}', trust = 'city'"))
    return database.look(peers.get, peer)


def signed(document: Document, key: str = "city_instance") -> Document:
    method = f"{document['attributedTo']}#ed25519-key"
    return proofs.sign(document, golden.ed25519(key), verification_method=method, created=AT)


def changed(**values: Any) -> Document:
    return signed({**golden.document("57"), **values})


def with_entry(**values: Any) -> Document:
    document = golden.document("57")
    document["neighbourhoods"][1].update(values)
    return signed(document)


def believe(document: Document, city: Peer, **how: Any) -> tuple[datetime, str, list[Listed]]:
    return city_list.believe(document, city, how.get("now", NOW), loopback=how.get("loopback", False))


def refusal(document: Document, city: Peer, **how: Any) -> str:
    with pytest.raises(Invalid) as refused:
        believe(document, city, **how)
    return refused.value.code


def test_a_list_is_written_as_recorded_and_has_the_form_of_its_schema() -> None:
    made = city_list.write(CITY, "Gent", PublishedList(entries=ENTRIES, updated_at=AT))
    recorded = golden.document("57")
    assert signed(made) == recorded
    assert made["@context"] == contexts.NEIGHBOURHOOD_LIST
    schemas.check(city_list.SCHEMA, recorded)


def test_a_list_that_the_pinned_key_signed_is_believed(city: Peer) -> None:
    updated_at, digest, entries = believe(golden.document("57"), city)
    assert (updated_at, entries) == (AT, list(ENTRIES))
    again = believe(signed(golden.document("57")), city)
    assert again[1] == digest
    assert believe(changed(name="Ghent"), city)[1] != digest


def test_a_list_of_nobody_is_a_list(city: Peer) -> None:
    assert believe(changed(neighbourhoods=[]), city)[2] == []


def test_not_a_letter_of_a_list_changes_unseen(city: Peer) -> None:
    for change in (
        lambda one: one["neighbourhoods"][1].update(keyFingerprint=letters("oak.example", "elm_instance")),
        lambda one: one["neighbourhoods"][1].update(name="Oaks"),
        lambda one: one["neighbourhoods"].pop(),
        lambda one: one["neighbourhoods"].reverse(),
        lambda one: one.update(updated="2026-12-02T09:00:00Z"),
        lambda one: one["proof"].update(created="2026-12-01T09:00:01Z"),
    ):
        document = deepcopy(golden.document("57"))
        change(document)
        assert refusal(document, city) == "proof-signature"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (signed(golden.document("57"), "elm_instance"), "proof-signature"),
        ({name: said for name, said in golden.document("57").items() if name != "proof"}, "schema"),
        (changed(attributedTo="https://elm.example/ap/instance"), "list-owner"),
        (changed(type="Note"), "schema"),
        (changed(schemaVersion="2.0"), "schema"),
        (changed(updated="2026-12-01"), "schema"),
        (changed(updated="2026-13-41T09:00:00Z"), "schema"),
        (changed(neighbourhoods=golden.document("57")["neighbourhoods"][:1] * 2), "list-entry"),
        (changed(neighbourhoods=golden.document("57")["neighbourhoods"] * 501), "schema"),
        (with_entry(host="192.0.2.7"), "list-entry"),
        (with_entry(host="OAK.example"), "list-entry"),
        (with_entry(host="oak.localhost:8080"), "list-entry"),
        (with_entry(instance="https://evil.example/ap/instance"), "list-entry"),
        (with_entry(groups=["https://elm.example/ap/groups/elm"]), "list-entry"),
        (with_entry(groups=["javascript:alert(1)"]), "schema"),
        (with_entry(groups=[f"https://oak.example/ap/groups/{n}" for n in range(101)]), "schema"),
        (with_entry(keyFingerprint="AAAA"), "schema"),
        (with_entry(name=""), "schema"),
        (with_entry(name="x" * 121), "schema"),
    ],
)
def test_what_is_no_list_of_this_city_is_refused(document: Document, code: str, city: Peer) -> None:
    assert refusal(document, city) == code


def test_a_proof_from_the_future_is_refused(city: Peer) -> None:
    assert refusal(golden.document("57"), city, now=AT - timedelta(hours=1)) == "proof-future"


def test_the_largest_list_there_may_be_is_read_and_stays_below_the_limits(city: Peer) -> None:
    """A thousand servers with two thousand neighbourhoods, in one document of 1 MiB and 10,000 values."""
    from fedhood.adapters.http import strict_json  # noqa: PLC0415 - this test alone looks at the bytes

    key = letters("oak.example", "oak_instance")
    many = [
        Listed(
            host=f"neighbourhood-{number}.example",
            name="x" * 80,
            actor_uri=f"https://neighbourhood-{number}.example/ap/instance",
            fingerprint=key,
            groups=tuple(f"https://neighbourhood-{number}.example/ap/groups/{one * 10}" for one in "ab"),
        )
        for number in range(1000)
    ]
    body = strict_json.dumps(signed(city_list.write(CITY, "Gent", PublishedList(entries=tuple(many), updated_at=AT))))
    assert len(body) < 1 << 20
    assert believe(strict_json.loads_object(body), city)[2] == many


def test_a_city_that_publishes_says_where(database: Database) -> None:
    pair = secrets("city_instance")

    def introduction() -> Document:
        return database.look(actors.document, CITY, actors.INSTANCE, pair, pair, NOON)

    assert "fhNeighbourhoodList" not in introduction()
    database.transact(lambda uow: PublishedListTable.insert(entries=[], updated_at=NOON).execute(uow.db))
    assert "fhNeighbourhoodList" not in introduction(), "it is no city"
    database.transact(metrics.name_city, name="Gent")
    assert introduction()["fhNeighbourhoodList"] == "https://city.example/ap/city/neighbourhoods"
    terms = introduction()["@context"][-1]
    assert terms.pop("fhNeighbourhoodList") == {"@id": "fh:neighbourhoodList", "@type": "@id"}
    assert terms == contexts.INSTANCE[-1]
