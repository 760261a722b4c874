"""The letterbox over real HTTP: what is taken with 202, and the problem that everybody else is told (V, C, K rules)."""

import asyncio
import io
import json
from datetime import timedelta

import pytest
from aiohttp import web

from fedhood.adapters.activitypub.tables import ActorKeyTable, InboundTable, RemoteActorTable
from fedhood.adapters.http.limits import LIMITS, Bucket, Limit, Limiter
from fedhood.adapters.http.refusals import problem as problem_of
from fedhood.adapters.http.refusals import refusal_of
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import FedhoodError
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import Here, actor_document, here, letter, pair_of, proved, request

ALICE = f"https://elm.example/ap/people/{next_door.ALICE}"
GROUP = "https://elm.example/ap/groups/elm"
INSTANCE = "https://elm.example/ap/instance"
PEER_INBOX, SHARED, INSTANCE_INBOX = "/ap/instance/peer-inbox", "/ap/inbox", "/ap/instance/inbox"


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


@pytest.fixture
async def door(oak, aiohttp_client):
    return await aiohttp_client(oak.app())


async def send(door, arguments: dict):
    return await door.post(arguments.pop("path"), **arguments)


async def problem(answer, status: int, code: str) -> dict:
    body = await answer.json(content_type="application/problem+json")
    assert (answer.status, body["type"]) == (status, f"https://w3id.org/fedhood/problem/{code}"), body
    assert body["status"] == status
    return body


# -- taken -------------------------------------------------------------------------------------------------------------


async def test_what_is_signed_is_kept_as_the_bytes_that_came(oak, door) -> None:
    body = json.dumps(proved(letter("13")), indent=3).encode()
    answer = await send(door, request(oak, PEER_INBOX, body, by=GROUP))
    assert answer.status == 202
    (row,) = oak.rows(InboundTable)
    assert bytes(row.body) == body
    assert (row.peer, row.signer, row.scoped, row.state) == (oak.world.peer, GROUP, True, "waiting")


async def test_what_is_kept_wakes_the_worker(oak, door) -> None:
    woken = asyncio.Event()
    oak.database.on_wake = woken.set
    await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
    await asyncio.wait_for(woken.wait(), 5)


async def test_what_came_before_is_taken_again_and_kept_once(oak, door) -> None:
    for _ in range(2):
        answer = await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
        assert answer.status == 202
    assert len(oak.rows(InboundTable)) == 1


async def test_an_id_that_is_known_helps_nobody_without_a_signature(oak, door) -> None:
    await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    del arguments["headers"]["Signature"]
    await problem(await send(door, arguments), 401, "signature-missing")


async def test_what_is_public_comes_to_the_shared_inbox(oak, door) -> None:
    answer = await send(door, request(oak, SHARED, proved(letter("11"))))
    assert answer.status == 202
    assert oak.rows(InboundTable)[0].scoped is False


async def test_a_neighbourhood_has_an_inbox(oak, door) -> None:
    assert (await send(door, request(oak, "/ap/groups/oak/inbox", proved(letter("11"))))).status == 202


async def test_a_resident_has_an_inbox_after_acting_beyond_this_server(oak, door) -> None:
    path = f"/ap/people/{next_door.BOB}/inbox"
    oak.database.transact(
        lambda uow: ActorKeyTable.insert(kind="person", owner=oak.world.bob, pem=b"-", made_at=uow.now).execute(uow.db)
    )
    assert (await send(door, request(oak, path, proved(letter("11"))))).status == 202


@pytest.mark.parametrize("path", ["/ap/groups/nowhere/inbox", f"/ap/people/{next_door.BOB}/inbox"])
async def test_who_is_not_to_be_found_has_no_inbox(oak, aiohttp_client, path) -> None:
    app = oak.app()
    app.middlewares.append(refusing_to_machines)
    door = await aiohttp_client(app)
    assert (await send(door, request(oak, path, proved(letter("11"))))).status == 404


@web.middleware
async def refusing_to_machines(request, handler):
    try:
        return await handler(request)
    except FedhoodError as error:
        return problem_of(refusal_of(error))


# -- the envelope ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/ld+json", ""])
async def test_another_media_type_is_refused(oak, door, kind) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"]["Content-Type"] = kind
    await problem(await send(door, arguments), 415, "media-type")


async def test_a_content_encoding_is_refused(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"]["Content-Encoding"] = "identity"
    await problem(await send(door, arguments), 415, "content-encoding")


async def test_a_letter_of_more_than_a_megabyte_is_refused_by_its_label(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, b"")
    arguments["data"] = io.BytesIO(b" " * (1024 * 1024 + 1))
    await problem(await send(door, arguments), 413, "too-large")


async def test_a_letter_of_more_than_a_megabyte_without_a_label_is_refused(oak, door) -> None:
    async def chunks():
        for _ in range(17):
            yield b" " * 65536

    arguments = request(oak, PEER_INBOX, b"")
    arguments["data"] = chunks()
    await problem(await send(door, arguments), 413, "too-large")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "json-syntax"),
        (b"[]", "json-not-object"),
        (b'{"a":1,"a":2}', "json-duplicate-name"),
        (b'{"id":"https://elm.example/1","type":"Like"}', "activity-members"),
        (b'{"id":"https://elm.example/1","type":["Like"],"actor":"https://elm.example/2"}', "activity-members"),
        (b'{"id":"http://elm.example/1","type":"Like","actor":"https://elm.example/2"}', "activity-address"),
        (b'{"id":"https://elm.example:8443/1","type":"Like","actor":"https://elm.example/2"}', "activity-address"),
        (b'{"id":"https://a@elm.example/1","type":"Like","actor":"https://elm.example/2"}', "activity-address"),
        (b'{"id":"https://elm.example./1","type":"Like","actor":"https://elm.example/2"}', "activity-address"),
        (b'{"id":"https://192.0.2.1/1","type":"Like","actor":"https://elm.example/2"}', "activity-address"),
        (b'{"@graph":[],"id":"https://elm.example/1","type":"Like","actor":"https://elm.example/2"}', "rearranged"),
        (b'{"\\u0040base":1,"id":"https://elm.example/1","type":"Like","actor":"https://elm.example/2"}', "rearranged"),
        (
            b'{"\\u0040\\u006eest":1,"id":"https://elm.example/1","type":"A","actor":"https://elm.example/2"}',
            "rearranged",
        ),
    ],
)
async def test_what_cannot_be_read_is_refused(oak, door, body, code) -> None:
    await problem(await send(door, request(oak, PEER_INBOX, body, by=ALICE)), 400, code)


# -- signatures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Digest", "SHA-256=AAAA", "signature-digest"),
        ("Host", "pine.example", "signature-host"),
        ("Date", "Tue, 24 Nov 2026 12:00:01 GMT", "signature-mismatch"),
    ],
)
async def test_a_signature_for_something_else_is_refused(oak, door, header, value, code) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"][header] = value
    await problem(await send(door, arguments), 401, code)
    assert oak.rows(InboundTable) == []


@pytest.mark.parametrize(("minutes", "status"), [(-64, 202), (-66, 401), (59, 202), (61, 401)])
async def test_clocks_may_differ_by_an_hour(oak, door, clock, minutes, status) -> None:
    date = clock.now() + timedelta(minutes=minutes)
    assert (await send(door, request(oak, PEER_INBOX, proved(letter("13")), date=date))).status == status


async def test_a_header_with_a_parameter_twice_is_refused(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")))
    arguments["headers"]["Signature"] += ',keyId="x"'
    await problem(await send(door, arguments), 400, "signature-duplicate-parameter")


async def test_who_signs_is_who_acts(oak, door) -> None:
    arguments = request(oak, PEER_INBOX, proved(letter("13")), by=ALICE)
    await problem(await send(door, arguments), 403, "signer-is-not-the-actor")


async def test_a_key_of_another_server_than_the_actors_is_refused(oak, door) -> None:
    activity = letter("13") | {"actor": "https://pine.example/ap/groups/pine"}
    await problem(await send(door, request(oak, PEER_INBOX, proved(activity), by=GROUP)), 403, "origin")


async def test_an_id_of_another_server_than_the_actors_is_refused(oak, door) -> None:
    activity = letter("13") | {"id": "https://pine.example/ap/activities/1"}
    await problem(await send(door, request(oak, PEER_INBOX, proved(activity))), 403, "origin")


async def test_too_many_bad_signatures_close_the_door_for_a_while(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.BAD_SIGNATURES: Limit(rate=2, per=60)}
    door = await aiohttp_client(oak.app(Limiter(now=lambda: 0.0, limits=limits)))
    for _ in range(2):
        arguments = request(oak, PEER_INBOX, proved(letter("13")))
        arguments["headers"]["Digest"] = "SHA-256=AAAA"
        assert (await send(door, arguments)).status == 401
    answer = await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
    await problem(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_strangers_are_counted_by_address_and_peers_by_host(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.INBOX_UNKNOWN: Limit(rate=1, per=60), Bucket.INBOX_PEER: Limit(rate=2, per=60)}
    door = await aiohttp_client(oak.app(Limiter(now=lambda: 0.0, limits=limits)))
    stranger = "https://pine.example/ap/people/1"
    activity = {"id": f"{stranger}#a", "type": "Offer", "actor": stranger, "object": "x"}
    assert [(await send(door, request(oak, SHARED, activity))).status for _ in range(2)] == [403, 429]
    friends = [(await send(door, request(oak, PEER_INBOX, proved(letter("13"))))).status for _ in range(3)]
    assert friends == [202, 202, 429]


async def test_who_leaves_in_a_neighbours_name_without_a_signature_that_holds_is_counted(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.UNPROVED: Limit(rate=2, per=60)}
    door = await aiohttp_client(oak.app(Limiter(now=lambda: 0.0, limits=limits)))
    ghost = "https://elm.example/ap/people/ghost"
    gone = {"id": f"{ghost}/gone", "type": "Delete", "actor": ghost, "object": ghost}
    assert [(await send(door, request(oak, SHARED, gone))).status for _ in range(3)] == [202, 202, 429]


# -- keys --------------------------------------------------------------------------------------------------------------


def forget(place: Here) -> None:
    place.database.transact(lambda uow: RemoteActorTable.delete().execute(uow.db))


async def test_a_key_that_is_not_known_is_fetched_and_must_be_vouched_for(oak, door) -> None:
    forget(oak)
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    assert (await send(door, request(oak, PEER_INBOX, proved(letter("13"))))).status == 202
    assert oak.web.asked == [GROUP]


async def test_a_key_that_nobody_vouches_for_is_refused_and_not_asked_for_again(oak, door) -> None:
    forget(oak)
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", None)
    await problem(await send(door, request(oak, PEER_INBOX, proved(letter("13")))), 401, "proof-missing")
    await problem(await send(door, request(oak, PEER_INBOX, proved(letter("13")))), 401, "key-unknown")
    assert oak.web.asked == [GROUP]


async def test_a_key_that_cannot_be_fetched_now_is_asked_for_later(oak, door) -> None:
    forget(oak)
    oak.web.down = True
    answer = await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
    await problem(answer, 503, "key-unreachable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_new_key_is_looked_for_once_in_five_minutes(oak, door, clock) -> None:
    def stale(uow) -> None:
        RemoteActorTable.update(public_key_pem=golden.test_key("alice")["rsa_public_pem"]).execute(uow.db)

    oak.database.transact(stale)
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    await problem(await send(door, request(oak, PEER_INBOX, proved(letter("13")))), 401, "signature-mismatch")
    assert oak.web.asked == []
    clock.move(timedelta(minutes=6))
    assert (await send(door, request(oak, PEER_INBOX, proved(letter("13"))))).status == 202
    assert oak.web.asked == [GROUP]


# -- who may speak here ------------------------------------------------------------------------------------------------


def become(place: Here, **values) -> None:
    place.database.transact(lambda uow: PeerTable.update(**values).execute(uow.db))


async def test_a_stranger_is_told_how_to_become_a_neighbour(oak, door) -> None:
    stranger = "https://pine.example/ap/people/1"
    activity = {"id": f"{stranger}/said/1", "type": "Offer", "actor": stranger, "object": "https://oak.example/x"}
    body = await problem(await send(door, request(oak, SHARED, activity)), 403, "peering-required")
    recorded = json.loads(json.dumps(golden.document("75")["body"]).replace("elm.example", "oak.example"))
    assert body == recorded


async def test_a_blocked_server_is_refused_before_anything_is_read(oak, door) -> None:
    become(oak, trust="blocked")
    await problem(await send(door, request(oak, PEER_INBOX, b"{", by=GROUP)), 403, "blocked")


def follow() -> dict:
    """50, but asked of oak by a server that nobody knows."""
    names = {"elm.example": "OAK", "oak.example": "pine.example", "/groups/oak": "/groups/pine"}
    return letter("50", **names, OAK="oak.example")


async def test_a_stranger_may_ask_to_be_a_neighbour(oak, door) -> None:
    pine = "https://pine.example/ap/instance"
    oak.web.documents |= {
        "https://pine.example/.well-known/nodeinfo": {
            "links": [{"rel": "https://www.w3.org/ns/activitystreams#Application", "href": pine}]
        },
        pine: actor_document(pine, "Application"),
    }
    assert (await send(door, request(oak, INSTANCE_INBOX, proved(follow())))).status == 202
    (row,) = oak.rows(InboundTable)
    assert (row.peer, row.signer) == (0, pine)


async def test_where_twenty_wait_for_an_answer_one_more_is_told_to_come_again(oak, door) -> None:
    def wait(uow) -> None:
        for number in range(20):
            PeerTable.insert(
                host=f"n{number}.example{number}", state="asked-us", trust="neighbour", added_at=uow.now
            ).execute(uow.db)

    oak.database.transact(wait)
    answer = await send(door, request(oak, INSTANCE_INBOX, proved(follow())))
    await problem(answer, 429, "too-many-requests")
    assert oak.web.asked == []


async def test_a_stranger_asks_at_the_instances_inbox_alone(oak, door) -> None:
    await problem(await send(door, request(oak, SHARED, proved(follow()))), 403, "peering-required")
    elsewhere = follow() | {"object": "https://oak.example/ap/groups/oak"}
    await problem(await send(door, request(oak, INSTANCE_INBOX, proved(elsewhere))), 403, "peering-required")
    assert oak.web.asked == []


async def test_who_has_not_agreed_yet_has_no_peer_inbox(oak, door) -> None:
    become(oak, state="found")
    await problem(await send(door, request(oak, PEER_INBOX, proved(letter("13")))), 403, "peering-required")


async def test_who_has_just_said_yes_is_asked_to_come_again_in_a_moment(oak, door) -> None:
    become(oak, state="found")
    oak.database.transact(_said_yes, oak.world.peer)
    answer = await send(door, request(oak, PEER_INBOX, proved(letter("13"))))
    await problem(answer, 503, "not-yet")
    assert answer.headers["Retry-After"] == "5"


def _said_yes(uow, peer: int) -> None:
    values = {"uri": "https://elm.example/yes", "peer": peer, "signer": INSTANCE, "scoped": False, "body": b"{}"}
    InboundTable.insert(**values, received_at=uow.now, state="waiting", next_at=uow.now).execute(uow.db)


async def test_what_comes_to_the_peer_inbox_says_its_scope(oak, door) -> None:
    bare = letter("13")
    del bare["fhScope"]
    await problem(await send(door, request(oak, PEER_INBOX, proved(bare))), 422, "scope-missing")


@pytest.mark.parametrize("path", [SHARED, INSTANCE_INBOX, "/ap/groups/oak/inbox"])
async def test_what_is_scoped_comes_to_no_other_inbox(oak, door, path) -> None:
    await problem(await send(door, request(oak, path, proved(letter("13")))), 422, "wrong-inbox")


async def test_who_is_not_known_and_left_is_not_looked_for(oak, door) -> None:
    ghost = "https://elm.example/ap/people/ghost"
    gone = {"id": f"{ghost}/gone", "type": "Delete", "actor": ghost, "object": ghost}
    assert (await send(door, request(oak, SHARED, gone))).status == 202
    assert (oak.rows(InboundTable), oak.web.asked) == ([], [])


def test_the_servers_next_door_have_keys_of_their_own() -> None:
    assert pair_of(ALICE).ed25519.private_bytes_raw() != pair_of(GROUP).ed25519.private_bytes_raw()
