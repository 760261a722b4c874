"""An actor elsewhere introduces itself anew: other names, other keys, and who may say so (K9)."""

from typing import Any

import pytest

from fedhood.adapters.activitypub import keys, proofs
from fedhood.adapters.activitypub.keys import KeyPair
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.core.peers.tables import PeerTable
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import (
    Here,
    actor_document,
    here,
    keep,
    letter,
    pair_of,
    proved,
    request,
    understand_next,
)
from tests.adapters.activitypub.test_inbox import ALICE, GROUP, INSTANCE, INSTANCE_INBOX, PEER_INBOX, problem, send

pytestmark = pytest.mark.both_databases

OTHER = KeyPair(rsa=golden.rsa("alice"), ed25519=golden.ed25519("alice"))


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


def renewed(uri: str, kind: str, *, vouching: str | None = INSTANCE, **also: Any) -> dict[str, Any]:
    """The document of an actor that has other keys, vouched for by its server."""
    document = actor_document(uri, kind) | also
    document["publicKey"]["publicKeyPem"] = keys.public_pem(OTHER.rsa)
    document["assertionMethod"][0]["publicKeyMultibase"] = keys.multikey(OTHER.ed25519)
    if vouching is None:
        return document
    secret = pair_of(vouching).ed25519
    return proofs.sign(document, secret, verification_method=f"{vouching}#ed25519-key", created=next_door.TEN)


def update(document: dict[str, Any], **also: Any) -> dict[str, Any]:
    """An Update of an actor, signed by the key that it had before."""
    uri = document["id"]
    activity = {"@context": [], "id": f"{uri}/updates/1", "type": "Update", "actor": uri, "object": document}
    return proved(activity | also)


def kept(oak: Here, uri: str) -> Any:
    (row,) = [row for row in oak.rows(RemoteActorTable) if row.uri == uri]
    return row


def peer(oak: Here) -> Any:
    (row,) = oak.rows(PeerTable)
    return row


async def test_a_neighbour_has_another_name_and_other_keys(oak) -> None:
    assert await oak.arrive(update(renewed(ALICE, "Person", name="Alice Kozijn")), scoped=False) == "understood"
    row = kept(oak, ALICE)
    assert (row.name, row.multikey) == ("Alice Kozijn", keys.multikey(OTHER.ed25519))
    assert row.public_key_pem == keys.public_pem(OTHER.rsa)
    assert oak.web.asked == []


async def test_so_has_a_neighbourhood(oak) -> None:
    assert await oak.arrive(update(renewed(GROUP, "Group")), scoped=False) == "understood"
    assert kept(oak, GROUP).multikey == keys.multikey(OTHER.ed25519)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (renewed(ALICE, "Person", vouching=None), "refused proof-missing"),
        (renewed(ALICE, "Person", vouching=ALICE), "refused proof-owner"),
        (renewed(ALICE, "Person", vouching="https://pine.example/ap/instance"), "refused proof-owner"),
        (renewed(ALICE, "Person") | {"name": "Mallory"}, "refused proof-signature"),
    ],
)
async def test_whom_their_server_does_not_vouch_for_stays_who_they_were(oak, document, reason) -> None:
    before = kept(oak, ALICE).multikey
    assert await oak.arrive(update(document), scoped=False) == reason
    assert kept(oak, ALICE).multikey == before


async def test_nobody_introduces_somebody_else(oak) -> None:
    activity = update(renewed(ALICE, "Person")) | {"actor": GROUP, "id": f"{GROUP}/updates/1"}
    assert await oak.arrive(proved(activity), scoped=False) == "refused author"


async def test_who_introduces_themselves_signs_with_the_key_that_is_known(oak) -> None:
    document = renewed(ALICE, "Person")
    activity = {key: value for key, value in update(document).items() if key != "proof"}
    forged = proofs.sign(activity, OTHER.ed25519, verification_method=f"{ALICE}#ed25519-key", created=next_door.TEN)
    assert await oak.arrive(forged, scoped=False) == "parked proof-of-another-key"


# -- a server ----------------------------------------------------------------------------------------------------------


async def test_a_server_whose_old_key_says_so_has_other_keys_and_is_a_neighbour_still(oak) -> None:
    before = peer(oak)
    assert await oak.arrive(update(renewed(INSTANCE, "Application", vouching=None)), scoped=False) == "understood"
    after = peer(oak)
    assert after.multikey == keys.multikey(OTHER.ed25519)
    assert after.public_key_pem == keys.public_pem(OTHER.rsa)
    assert after.fingerprint == keys.fingerprint(INSTANCE, after.multikey) != before.fingerprint
    assert (after.state, after.agreed_at, after.confirmed_at) == ("agreed", before.agreed_at, before.confirmed_at)
    assert oak.web.asked == []
    # whom the old key vouched for is still known, and what is scoped goes on
    assert await oak.arrive(proved(letter("13"))) == "understood"


async def test_a_server_whose_new_key_alone_says_so_is_not_believed(oak) -> None:
    before = peer(oak).multikey
    document = renewed(INSTANCE, "Application", vouching=None)
    activity = {key: value for key, value in update(document).items() if key != "proof"}
    method = f"{INSTANCE}#ed25519-key"
    forged = proofs.sign(activity, OTHER.ed25519, verification_method=method, created=next_door.TEN)
    assert await oak.arrive(forged, scoped=False) == "refused proof-signature"
    assert peer(oak).multikey == before


async def test_nobody_of_a_server_is_the_server(oak) -> None:
    document = renewed(GROUP, "Application", vouching=None)
    assert await oak.arrive(update(document), scoped=False) == "refused peering-actor"


async def test_a_blocked_server_changes_nothing(oak) -> None:
    oak.database.transact(lambda uow: PeerTable.update(trust="blocked").execute(uow.db))
    assert await oak.arrive(update(renewed(INSTANCE, "Application", vouching=None)), scoped=False) == "refused blocked"


# -- at the door -------------------------------------------------------------------------------------------------------


async def test_a_servers_news_about_itself_is_not_dropped_at_the_door(oak, aiohttp_client) -> None:
    door = await aiohttp_client(oak.app())
    news = update(renewed(INSTANCE, "Application", vouching=None))
    assert (await send(door, request(oak, INSTANCE_INBOX, news))).status == 202
    (row,) = oak.rows(InboundTable)
    assert row.state == "waiting"


@pytest.mark.parametrize("uri", [GROUP, INSTANCE])
async def test_who_may_have_other_keys_in_a_moment_is_asked_to_come_again(oak, aiohttp_client, uri) -> None:
    door = await aiohttp_client(oak.app())
    kind = "Group" if uri == GROUP else "Application"
    news = update(renewed(uri, kind, vouching=INSTANCE if uri == GROUP else None))
    oak.database.transact(keep, news, scoped=False, peer=oak.world.peer)
    path, activity = (PEER_INBOX, proved(letter("13"))) if uri == GROUP else (INSTANCE_INBOX, _agreement())
    arguments = {"key": OTHER.rsa}
    await problem(await send(door, request(oak, path, activity, **arguments)), 503, "not-yet")
    assert await understand_next(oak.federation)
    assert (await send(door, request(oak, path, activity, **arguments))).status == 202
    assert oak.web.asked == []


def _agreement() -> dict[str, Any]:
    return proved(letter("53") | {"id": f"{INSTANCE}/update"})
