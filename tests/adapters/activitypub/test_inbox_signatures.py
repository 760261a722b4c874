"""The letterbox and the two schemes of signatures over real HTTP: which counts, and that neither stands in (V9, R)."""

from datetime import timedelta

import pytest
from multidict import CIMultiDict

from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http.limits import LIMITS, Bucket, Limit, Limiter
from fedhood.core.peers.tables import PeerTable
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, actor_document, here, letter, pair_of, proved, request
from tests.adapters.activitypub.test_inbox import (
    GROUP,
    INSTANCE,
    INSTANCE_INBOX,
    PEER_INBOX,
    SHARED,
    follow,
    problem,
    send,
)

PINE = "https://pine.example/ap/instance"


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


@pytest.fixture
async def door(oak, aiohttp_client):
    return await aiohttp_client(oak.app())


def ed25519(oak: Here, activity: dict, path: str = PEER_INBOX) -> dict:
    actor = activity["actor"]
    key = pair_of(actor).ed25519
    return request(oak, path, activity, scheme=Scheme.RFC9421, key_id=f"{actor}#ed25519-key", key=key)


def both(first: dict, second: dict) -> dict:
    """One request with the signatures of two; labels are those of their order."""
    headers = CIMultiDict(first["headers"])
    for name in ("Signature-Input", "Signature"):
        headers[name] = f"{first['headers'][name]}, {second['headers'][name].replace('sig1', 'sig2', 1)}"
    return {**first, "headers": headers}


# -- which counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PEER_INBOX, SHARED])
async def test_what_is_signed_by_the_newer_scheme_is_kept(oak, door, path) -> None:
    activity = proved(letter("13" if path == PEER_INBOX else "11"))
    answer = await send(door, request(oak, path, activity, scheme=Scheme.RFC9421))
    assert answer.status == 202
    (row,) = oak.rows(InboundTable)
    assert (row.peer, row.signer, row.state) == (oak.world.peer, GROUP, "waiting")


async def test_what_came_before_is_taken_again_and_kept_once_by_either_scheme(oak, door) -> None:
    for scheme in (Scheme.RFC9421, Scheme.RFC9421, Scheme.CAVAGE):
        assert (await send(door, request(oak, PEER_INBOX, proved(letter("13")), scheme=scheme))).status == 202
    assert len(oak.rows(InboundTable)) == 1


async def test_the_key_of_documents_may_sign_requests_too(oak, door) -> None:
    assert (await send(door, ed25519(oak, proved(letter("13"))))).status == 202


async def test_so_may_a_servers_own(oak, door) -> None:
    activity = proved(letter("53", **{"01JDPEER": "x"}) | {"id": f"{INSTANCE}/update"})
    assert activity["actor"] == INSTANCE
    assert (await send(door, ed25519(oak, activity, INSTANCE_INBOX))).status == 202


async def test_a_stranger_may_ask_by_the_newer_scheme(oak, door) -> None:
    oak.web.documents |= {
        "https://pine.example/.well-known/nodeinfo": {
            "links": [{"rel": "https://www.w3.org/ns/activitystreams#Application", "href": PINE}]
        },
        PINE: actor_document(PINE, "Application"),
    }
    for arguments in (
        request(oak, INSTANCE_INBOX, proved(follow()), scheme=Scheme.RFC9421),
        ed25519(oak, proved(follow()), INSTANCE_INBOX),
    ):
        assert (await send(door, arguments)).status == 202
    missing = request(oak, INSTANCE_INBOX, proved(follow()), key_id=f"{PINE}#another-key")
    await problem(await send(door, missing), 401, "key-unknown")


async def test_of_two_signatures_the_actors_counts(oak, door) -> None:
    body = proved(letter("13"))
    by_group = request(oak, PEER_INBOX, body, scheme=Scheme.RFC9421)
    by_server = request(oak, PEER_INBOX, body, by=INSTANCE, scheme=Scheme.RFC9421)
    assert (await send(door, both(by_server, by_group))).status == 202
    assert (await send(door, both(by_group, by_server))).status == 202
    forged = request(oak, PEER_INBOX, body, scheme=Scheme.RFC9421, key=pair_of("somebody else").ed25519)
    forged["headers"]["Signature-Input"] = by_group["headers"]["Signature-Input"]
    await problem(await send(door, both(by_server, forged)), 401, "signature-mismatch")


# -- neither stands in for the other -----------------------------------------------------------------------------------


async def test_what_fails_by_the_newer_scheme_is_not_tried_by_the_older(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"]["Signature-Input"] = f'sig1=("@method");created=1;keyid="{GROUP}#main-key"'
    await problem(await send(door, arguments), 400, "signature-syntax")


async def test_two_headers_of_the_older_scheme_are_no_signature(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"] = CIMultiDict([*arguments["headers"].items(), ("Signature", "again")])
    await problem(await send(door, arguments), 401, "signature-missing")


async def test_what_describes_a_signature_is_none(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")), scheme=Scheme.RFC9421)
    del arguments["headers"]["Signature"]
    await problem(await send(door, arguments), 400, "signature-syntax")


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Content-Digest", "sha-256=:AAAA:", "signature-digest"),
        ("Content-Type", 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"', "signature-mismatch"),
        ("Signature", "sig1=:AAAA:", "signature-mismatch"),
    ],
)
async def test_a_signature_for_something_else_is_refused(oak, door, header, value, code) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")), scheme=Scheme.RFC9421)
    arguments["headers"][header] = value
    await problem(await send(door, arguments), 401, code)
    assert oak.rows(InboundTable) == []


async def test_a_signature_for_another_inbox_is_refused(oak, door) -> None:
    arguments = request(oak, SHARED, proved(letter("13")), scheme=Scheme.RFC9421)
    await problem(await send(door, {**arguments, "path": PEER_INBOX}), 401, "signature-mismatch")


async def test_a_proxy_may_call_us_by_another_name_where_the_host_is_not_signed(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")), scheme=Scheme.RFC9421)
    arguments["headers"] |= {"Host": "127.0.0.1:8080", "X-Forwarded-Proto": "http"}
    assert (await send(door, arguments)).status == 202


@pytest.mark.parametrize(("minutes", "status"), [(-64, 202), (-66, 401), (59, 202), (61, 401)])
async def test_clocks_may_differ_by_an_hour(oak, door, clock, minutes, status) -> None:
    date = clock.now() + timedelta(minutes=minutes)
    arguments = request(oak, PEER_INBOX, proved(letter("13")), date=date, scheme=Scheme.RFC9421)
    assert (await send(door, arguments)).status == status


@pytest.mark.parametrize("key_id", ["acct:elm@elm.example", "http://elm.example/k", "https://192.0.2.1/k", "k"])
async def test_a_key_has_an_address(oak, door, key_id) -> None:
    for scheme in Scheme:
        arguments = request(oak, PEER_INBOX, proved(letter("13")), scheme=scheme, key_id=key_id)
        await problem(await send(door, arguments), 401, "key-address")


# -- who is counted ----------------------------------------------------------------------------------------------------


async def test_no_signature_of_a_neighbours_name_hides_a_stranger(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.INBOX_UNKNOWN: Limit(rate=1, per=60)}
    door = await aiohttp_client(oak.app(Limiter(now=lambda: 0.0, limits=limits)))
    for status in (403, 429):
        by_pine = request(
            oak, INSTANCE_INBOX, {"id": f"{PINE}/1", "type": "Like", "actor": PINE}, scheme=Scheme.RFC9421
        )
        named = request(oak, INSTANCE_INBOX, b"{}", by=GROUP, scheme=Scheme.RFC9421)
        assert (await send(door, both(by_pine, named))).status == status


async def test_one_blocked_key_among_others_is_enough_to_refuse(oak, door) -> None:
    body = proved(letter("13"))
    by_pine = request(oak, PEER_INBOX, body, by=PINE, scheme=Scheme.RFC9421)
    by_group = request(oak, PEER_INBOX, body, scheme=Scheme.RFC9421)
    oak.database.transact(_blocked)
    await problem(await send(door, both(by_group, by_pine)), 403, "blocked")


def _blocked(uow) -> None:
    peer = next_door.add_peer(uow, "pine.example")
    PeerTable.update(trust="blocked").where(PeerTable.id == peer).execute(uow.db)
