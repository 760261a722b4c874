"""What came by another hand than its author's counts by the author's word alone, or not at all (A2)."""

import copy
import json
from datetime import timedelta
from typing import Any

import pytest

from fedhood.adapters.activitypub import forwarded, proofs
from fedhood.adapters.activitypub.forwarded import MOST_WAITING, ONLY_PROVED, RETRIES
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.core import posts
from fedhood.core.peers.tables import PeerTable
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import (
    Here,
    actor_document,
    here,
    keep,
    know,
    letter,
    pair_of,
    proved,
    request,
    understand_next,
)
from tests.adapters.activitypub.test_inbox import (
    ALICE,
    GROUP,
    INSTANCE,
    INSTANCE_INBOX,
    PEER_INBOX,
    SHARED,
    problem,
    refusing_to_machines,
    send,
)

PINE = "https://pine.example/ap/groups/pine"
NOTE = "https://elm.example/ap/notes/01JDPUB"
OTHERS = sorted(ONLY_PROVED)


@pytest.fixture
def oak(running) -> Here:
    place = here(running, "oak")
    peer = running.transact(next_door.add_peer, "pine.example")
    running.transact(know, peer, PINE)
    return place


@pytest.fixture
async def door(oak, aiohttp_client):
    return await aiohttp_client(oak.app())


def brought(oak: Here, activity: dict[str, Any], *, by: str = PINE, path: str = SHARED) -> dict[str, Any]:
    return request(oak, path, activity, by=by)


def announced(**changes: Any) -> dict[str, Any]:
    """A public post of Elm, with both proofs; changes are made to the Announce before it is proved."""
    return proved(letter("11") | changes)


def unproved(activity: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in activity.items() if name != "proof"}


def tampered(activity: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(activity)
    changed["object"]["object"]["content"] = "<p>Sent by somebody else</p>"
    return changed


async def settle(oak: Here) -> list[str]:
    """Prove and understand all that is due; what became of each row."""
    while await forwarded.prove_one(oak.federation) or await understand_next(oak.federation):
        pass
    return fates(oak)


def fates(oak: Here) -> list[str]:
    rows = sorted(oak.rows(InboundTable), key=lambda row: row.id)
    return [f"{row.state} {(row.reason or '').partition(':')[0]}".strip() for row in rows]


def text(oak: Here) -> str | None:
    found = oak.database.look(posts.by_uri, NOTE)
    return None if found is None else found.text


ORIGINAL = "Book swap at the library this weekend. #elmdistrict"


# -- the author's word -------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("by", [PINE, INSTANCE, ALICE])
async def test_what_its_author_proved_counts_whoever_brings_it(oak, door, by) -> None:
    assert (await send(door, brought(oak, announced(), by=by))).status == 202
    assert fates(oak) == ["forwarded"]
    assert await settle(oak) == ["understood"]
    (row,) = oak.rows(InboundTable)
    assert (row.uri, row.signer, row.peer, row.scoped) == (announced()["id"], GROUP, oak.world.peer, False)
    assert json.loads(bytes(row.body)) == announced()
    assert text(oak) == ORIGINAL
    assert oak.web.asked == []


async def test_what_is_not_proved_counts_as_its_authors_server_gives_it_out(oak, door) -> None:
    oak.web.documents[announced()["id"]] = announced()
    assert (await send(door, brought(oak, tampered(unproved(announced()))))).status == 202
    assert await settle(oak) == ["understood"]
    assert text(oak) == ORIGINAL
    assert oak.web.asked == [announced()["id"]]


async def test_so_does_what_was_changed_on_the_way(oak, door) -> None:
    oak.web.documents[announced()["id"]] = announced()
    changed = announced() | {"cc": ["https://pine.example/somebody"]}
    await send(door, brought(oak, changed))
    assert await settle(oak) == ["understood"]
    (row,) = oak.rows(InboundTable)
    assert json.loads(bytes(row.body)) == announced()


@pytest.mark.parametrize("activity", [unproved(announced()), announced() | {"cc": ["https://pine.example/x"]}])
async def test_what_neither_holds_nor_is_to_be_had_is_dropped(oak, door, activity) -> None:
    assert (await send(door, brought(oak, activity))).status == 202
    (fate,) = await settle(oak)
    assert fate == "refused actor-missing"
    assert text(oak) is None


async def test_what_its_server_gives_out_is_by_the_same_author_and_for_all(oak, door) -> None:
    uri = announced()["id"]
    for other, code in (
        (proved(letter("11") | {"actor": ALICE}, inner=False), "author"),
        (proved(letter("13") | {"id": uri}), "proof-missing"),
        (proved(letter("11") | {"type": "Undo"}), "proof-missing"),
        (announced() | {"id": f"{uri}x"}, "actor-id"),
    ):
        oak.database.transact(lambda uow: InboundTable.delete().execute(uow.db))
        oak.web.documents[uri] = other
        await send(door, brought(oak, unproved(announced())))
        assert await settle(oak) == [f"refused {code}"]


async def test_what_binds_two_counts_with_its_authors_proof(oak, door) -> None:
    bob = f"https://oak.example/ap/people/{next_door.BOB}"
    undo = proved(
        letter("42", **{bob: ALICE, "https://oak.example/ap/activities": "https://elm.example/ap/activities"})
    )
    assert (await send(door, brought(oak, undo))).status == 202
    assert await forwarded.prove_one(oak.federation)
    (row,) = oak.rows(InboundTable)
    assert (row.uri, row.state, row.signer, row.peer) == (undo["id"], "waiting", ALICE, oak.world.peer)


@pytest.mark.parametrize("kind", OTHERS)
async def test_what_binds_two_is_dropped_without_its_authors_proof(oak, door, kind) -> None:
    activity = unproved(announced()) | {"type": kind}
    oak.web.documents[activity["id"]] = activity
    assert (await send(door, brought(oak, activity))).status == 202
    assert (fates(oak), oak.web.asked) == ([], [])
    forged = announced() | {"type": kind}
    assert (await send(door, brought(oak, forged))).status == 202
    assert await settle(oak) == ["refused proof-signature"]
    assert oak.web.asked == []


async def test_an_author_who_is_not_known_is_asked_for_and_vouched_for(oak, door) -> None:
    oak.database.transact(lambda uow: RemoteActorTable.delete().where(RemoteActorTable.uri == GROUP).execute(uow.db))
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    await send(door, brought(oak, announced()))
    assert await settle(oak) == ["understood"]
    assert oak.web.asked == [GROUP]


async def test_an_author_whose_key_is_old_news_is_looked_at_again(oak, door, clock) -> None:
    other = golden.test_key("bob")["ed25519_public_multibase"]
    oak.database.transact(
        lambda uow: RemoteActorTable.update(multikey=other).where(RemoteActorTable.uri == GROUP).execute(uow.db)
    )
    clock.move(timedelta(minutes=6))
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    await send(door, brought(oak, announced()))
    assert await settle(oak) == ["understood"]


async def test_a_server_may_be_the_author(oak, door) -> None:
    flag = {"@context": [], "id": f"{INSTANCE}/flags/1", "type": "Flag", "actor": INSTANCE, "object": [NOTE]}
    await send(door, brought(oak, proved(flag)))
    assert await forwarded.prove_one(oak.federation)
    assert fates(oak) == ["waiting"]


# -- in nobody's way ---------------------------------------------------------------------------------------------------


async def test_a_forgery_does_not_keep_out_what_its_author_sends(oak, door) -> None:
    await send(door, brought(oak, tampered(unproved(announced()))))
    assert (await send(door, request(oak, SHARED, announced()))).status == 202
    assert sorted(await settle(oak)) == ["refused actor-missing", "understood"]
    assert text(oak) == ORIGINAL


async def test_what_came_from_its_author_is_not_looked_at_again(oak, door) -> None:
    await send(door, request(oak, SHARED, announced()))
    assert (await send(door, brought(oak, tampered(unproved(announced()))))).status == 202
    assert fates(oak) == ["waiting"]


async def test_what_came_twice_counts_once(oak, door) -> None:
    for by in (PINE, PINE, INSTANCE):
        await send(door, brought(oak, announced(), by=by))
    assert fates(oak) == ["forwarded", "forwarded"]
    await send(door, request(oak, SHARED, announced()))
    assert await settle(oak) == ["understood"]


async def test_what_its_author_took_back_is_not_looked_into(oak, door) -> None:
    await send(door, brought(oak, announced()))
    removal = letter("17b")
    for part in (removal, removal["object"]):
        part |= {"to": [proofs.PUBLIC], "fhScope": "public"}
        part.pop("fhFrom", None)
    removal["object"]["object"] |= {"id": NOTE, "fhScope": "public"}
    row = oak.database.transact(keep, proved(removal), scoped=False, peer=oak.world.peer)
    assert await understand_next(oak.federation)
    assert oak.fate(row) == "understood"
    assert fates(oak)[0] == "refused taken-back"
    assert not await forwarded.prove_one(oak.federation)


async def test_a_server_that_does_not_answer_is_asked_again_for_a_while(oak, door, clock) -> None:
    oak.web.down = True
    await send(door, brought(oak, unproved(announced())))
    for wait in RETRIES:
        assert await settle(oak) == ["forwarded unreachable"]
        clock.move(wait)
    assert await settle(oak) == ["dead unreachable"]
    assert len(oak.web.asked) == len(RETRIES) + 1


async def test_a_fault_of_ours_does_not_stop_what_comes_after(oak, door, monkeypatch) -> None:
    await send(door, brought(oak, announced()))
    other = announced(id="https://elm.example/ap/activities/other")
    await send(door, brought(oak, other))

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(forwarded.strict_json, "loads_object", broken)
        with pytest.raises(ZeroDivisionError):
            await forwarded.prove_one(oak.federation)
    assert fates(oak) == ["forwarded fault", "forwarded"]
    assert await settle(oak) == ["forwarded fault", "understood"]


async def test_no_more_than_a_thousand_of_one_server_wait_to_be_proved(oak, aiohttp_client) -> None:
    app = oak.app()
    app.middlewares.append(refusing_to_machines)
    door = await aiohttp_client(app)

    def fill(uow) -> None:
        for number in range(MOST_WAITING):
            keep(uow, announced() | {"id": f"{number}"}, scoped=False, peer=oak.world.peer)
        InboundTable.update(state="forwarded").execute(uow.db)

    oak.database.transact(fill)
    answer = await send(door, brought(oak, announced(), by=INSTANCE))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert (await send(door, brought(oak, announced(), by=PINE))).status == 202


# -- not by another hand -----------------------------------------------------------------------------------------------


async def test_what_is_scoped_comes_from_its_author_alone(oak, door) -> None:
    arguments = brought(oak, proved(letter("13")), by=ALICE, path=PEER_INBOX)
    await problem(await send(door, arguments), 403, "signer-is-not-the-actor")
    await problem(await send(door, brought(oak, proved(letter("13")), path=PEER_INBOX)), 403, "origin")
    await problem(await send(door, brought(oak, proved(letter("13")), path=SHARED)), 422, "wrong-inbox")
    assert fates(oak) == []


async def test_what_servers_say_to_each_other_comes_from_them_alone(oak, door) -> None:
    accept = proved(letter("51"))
    await problem(await send(door, brought(oak, accept, path=INSTANCE_INBOX)), 403, "origin")
    arguments = brought(oak, accept, by=ALICE, path=INSTANCE_INBOX)
    await problem(await send(door, arguments), 403, "signer-is-not-the-actor")


async def test_who_carries_has_signed_for_it(oak, door) -> None:
    arguments = request(oak, SHARED, announced(), by=PINE, key=golden.rsa("alice"))
    await problem(await send(door, arguments), 401, "signature-mismatch")


def become(host: str, **values: Any) -> Any:
    return lambda uow: PeerTable.update(**values).where(PeerTable.host == host).execute(uow.db)


@pytest.mark.parametrize("host", ["elm.example", "pine.example"])
async def test_author_and_carrier_are_neighbours(oak, door, host) -> None:
    await send(door, brought(oak, announced()))
    oak.database.transact(become(host, state="ended"))
    assert (await send(door, brought(oak, announced(id=f"{GROUP}/2")))).status == 403
    assert await settle(oak) == ["refused actor-unvouched"]
    oak.database.transact(become(host, trust="blocked"))
    await problem(await send(door, brought(oak, announced(id=f"{GROUP}/3"))), 403, "blocked")


@pytest.mark.parametrize("actor", ["https://elsewhere.example/actor", "https://oak.example/ap/groups/oak"])
async def test_who_is_of_no_neighbour_is_not_brought_nor_who_is_of_here(oak, door, actor) -> None:
    activity = proved(letter("11") | {"actor": actor, "id": f"{actor}/1"}, inner=False)
    await problem(await send(door, brought(oak, activity)), 403, "origin")


async def test_an_id_of_another_server_than_the_actors_is_refused(oak, door) -> None:
    activity = announced(id="https://pine.example/ap/activities/1")
    await problem(await send(door, brought(oak, activity)), 403, "origin")


def test_the_servers_next_door_have_keys_of_their_own() -> None:
    assert pair_of(PINE).ed25519.private_bytes_raw() != pair_of(GROUP).ed25519.private_bytes_raw()
