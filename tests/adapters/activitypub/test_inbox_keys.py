"""The letterbox and keys that are not at hand: whom it asks, how often, and what it says meanwhile (K1 to K9)."""

import asyncio
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import keys, proofs
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.adapters.http.limits import LIMITS, Bucket, Limit, Limiter
from fedhood.core.peers.tables import PeerTable
from tests.adapters.activitypub import golden, next_door
from tests.adapters.activitypub.arriving import (
    Here,
    actor_document,
    here,
    know,
    letter,
    pair_of,
    proved,
    request,
    understand_next,
)
from tests.adapters.activitypub.test_inbox import ALICE, GROUP, INSTANCE, PEER_INBOX, SHARED, forget, problem, send

KEY = f"{GROUP}/main-key"
ELSEWHERE = "https://elm.example/keys/7"


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


@pytest.fixture
async def door(oak, aiohttp_client):
    return await aiohttp_client(oak.app())


def by_key(oak: Here, key_id: str = KEY) -> dict:
    return request(oak, PEER_INBOX, proved(letter("13")), key_id=key_id)


def group(*, key_id: str = f"{GROUP}#main-key", **key) -> dict:
    """Elm's neighbourhood with another key than usual, vouched for again."""
    plain = actor_document(GROUP, "Group")
    plain["publicKey"] |= {"id": key_id, **key}
    secret = pair_of(INSTANCE).ed25519
    return proofs.sign(plain, secret, verification_method=f"{INSTANCE}#ed25519-key", created=next_door.TEN)


# -- where a key leads -------------------------------------------------------------------------------------------------


async def test_a_keys_own_address_may_show_a_part_of_its_owner(oak, door) -> None:
    forget(oak)
    whole = group(key_id=KEY)
    part = {"id": GROUP, "type": "Group", "preferredUsername": "elm", "publicKey": whole["publicKey"]}
    oak.web.documents |= {KEY: part, GROUP: whole}
    assert (await send(door, by_key(oak))).status == 202
    assert oak.web.asked == [KEY, GROUP]
    (row,) = oak.rows(InboundTable)
    assert row.signer == GROUP
    again = proved(letter("13") | {"id": "https://elm.example/ap/activities/again"})
    assert (await send(door, request(oak, PEER_INBOX, again, key_id=KEY))).status == 202
    assert oak.web.asked == [KEY, GROUP]


async def test_what_else_a_part_of_an_owner_says_is_left_aside(oak, door) -> None:
    forget(oak)
    stolen = keys.public_pem(golden.rsa("alice"))
    part = {"id": GROUP, "type": "Group", "publicKey": {"id": KEY, "owner": GROUP, "publicKeyPem": stolen}}
    oak.web.documents |= {KEY: part, GROUP: group(key_id=KEY)}
    arguments = request(oak, PEER_INBOX, proved(letter("13")), key_id=KEY, key=golden.rsa("alice"))
    await problem(await send(door, arguments), 401, "signature-mismatch")


async def test_a_key_elsewhere_on_the_server_is_its_owners_when_both_say_so(oak, door) -> None:
    forget(oak)
    whole = group(key_id=ELSEWHERE)
    oak.web.documents |= {ELSEWHERE: whole["publicKey"], GROUP: whole}
    assert (await send(door, by_key(oak, ELSEWHERE))).status == 202


async def test_a_key_whose_owner_does_not_list_it_is_nobodys(oak, door) -> None:
    forget(oak)
    oak.web.documents |= {ELSEWHERE: group(key_id=ELSEWHERE)["publicKey"], GROUP: group()}
    await problem(await send(door, by_key(oak, ELSEWHERE)), 401, "key-unknown")


async def test_a_key_that_an_actor_lists_and_that_names_another_owner_is_not_theirs(oak, door) -> None:
    forget(oak)
    oak.web.documents |= {ELSEWHERE: {**group(key_id=ELSEWHERE)["publicKey"], "owner": ALICE}}
    oak.web.documents |= {GROUP: group(key_id=ELSEWHERE), ALICE: actor_document(ALICE, "Person", INSTANCE)}
    await problem(await send(door, by_key(oak, ELSEWHERE)), 401, "key-unknown")


async def test_a_key_of_an_owner_on_another_server_is_not_believed(oak, door) -> None:
    forget(oak)
    oak.web.documents[ELSEWHERE] = {**group(key_id=ELSEWHERE)["publicKey"], "owner": "https://pine.example/actor"}
    await problem(await send(door, by_key(oak, ELSEWHERE)), 401, "actor-origin")
    assert oak.web.asked == [ELSEWHERE]


async def test_a_document_about_another_key_is_not_kept_under_this_one(oak, door) -> None:
    forget(oak)
    oak.web.documents |= {ELSEWHERE: group(key_id=KEY)["publicKey"], GROUP: group(key_id=KEY)}
    await problem(await send(door, by_key(oak, ELSEWHERE)), 401, "key-document")
    assert oak.rows(RemoteActorTable) == []


async def test_an_actor_cannot_bring_the_key_of_somebody_else(oak, door) -> None:
    forget(oak)
    oak.web.documents[GROUP] = group(owner=ALICE)
    await problem(await send(door, by_key(oak, f"{GROUP}#main-key")), 401, "actor-key")


async def test_who_signs_at_another_address_is_still_who_acts(oak, door) -> None:
    oak.database.transact(
        lambda uow: RemoteActorTable.update(key_uri=KEY).where(RemoteActorTable.uri == ALICE).execute(uow.db)
    )
    arguments = request(oak, PEER_INBOX, proved(letter("13")), key_id=KEY, key=pair_of(ALICE).rsa)
    await problem(await send(door, arguments), 403, "signer-is-not-the-actor")


async def test_a_key_that_changes_hands_has_one_owner(oak, door) -> None:
    oak.database.transact(
        lambda uow: RemoteActorTable.update(key_uri=ELSEWHERE).where(RemoteActorTable.uri == ALICE).execute(uow.db)
    )
    oak.database.transact(lambda uow: RemoteActorTable.update(fetched_at=next_door.NINE).execute(uow.db))
    become(oak, confirmed_at=next_door.TEN)
    whole = group(key_id=ELSEWHERE)
    oak.web.documents |= {ELSEWHERE: whole["publicKey"], GROUP: whole}
    assert (await send(door, by_key(oak, ELSEWHERE))).status == 202
    assert [row.uri for row in oak.rows(RemoteActorTable) if row.key_uri == ELSEWHERE] == [GROUP]


def become(place: Here, **values) -> None:
    place.database.transact(lambda uow: PeerTable.update(**values).execute(uow.db))


# -- how often it asks -------------------------------------------------------------------------------------------------


async def test_who_waits_for_the_same_key_waits_for_one_answer(oak, door) -> None:
    forget(oak)
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    letters = [proved(letter("13") | {"id": f"https://elm.example/ap/activities/{n}"}) for n in range(8)]
    answers = await asyncio.gather(*[send(door, request(oak, PEER_INBOX, one)) for one in letters])
    assert {answer.status for answer in answers} == {202}
    assert oak.web.asked == [GROUP]


async def test_a_new_key_is_looked_for_once_in_five_minutes_even_if_nobody_answers(oak, door, clock) -> None:
    clock.move(timedelta(minutes=6))
    oak.web.down = True

    def forged() -> dict:
        return request(oak, PEER_INBOX, proved(letter("13")), key=golden.rsa("alice"))

    await problem(await send(door, forged()), 503, "key-unreachable")
    await problem(await send(door, forged()), 401, "signature-mismatch")
    assert oak.web.asked == [GROUP]
    # the key that is known goes on being good
    assert (await send(door, request(oak, PEER_INBOX, proved(letter("13"))))).status == 202
    clock.move(timedelta(minutes=6))
    await problem(await send(door, forged()), 503, "key-unreachable")
    assert oak.web.asked == [GROUP, GROUP]


async def test_a_missing_key_is_not_asked_for_again_for_ten_minutes(oak, door, clock) -> None:
    forget(oak)
    await problem(await send(door, by_key(oak, f"{GROUP}#main-key")), 401, "actor-missing")
    clock.move(timedelta(minutes=9))
    await problem(await send(door, by_key(oak, f"{GROUP}#main-key")), 401, "key-unknown")
    assert oak.web.asked == [GROUP]
    clock.move(timedelta(minutes=2))
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    assert (await send(door, by_key(oak, f"{GROUP}#main-key"))).status == 202


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_server_in_trouble_is_no_reason_to_refuse_for_good(oak, door, status) -> None:
    forget(oak)
    oak.web.status = status
    answer = await send(door, by_key(oak, f"{GROUP}#main-key"))
    await problem(answer, 503, "key-unreachable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_who_names_keys_that_are_not_there_makes_us_ask_a_few_times_and_no_more(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.KEYS_MISSED: Limit(rate=2, per=300)}
    seconds = [0.0]
    door = await aiohttp_client(oak.app(Limiter(now=lambda: seconds[0], limits=limits)))
    codes = []
    for number in range(5):
        ghost = f"https://elm.example/ap/people/{number}"
        activity = proved(letter("11") | {"actor": ghost, "id": f"{ghost}/1"}, inner=False)
        answer = await send(door, request(oak, SHARED, activity))
        codes.append(answer.status)
    assert codes == [401, 401, 503, 503, 503]
    assert answer.headers["Retry-After"] == "150"
    assert len(oak.web.asked) == 2
    # whose key is known is heard all the same
    assert (await send(door, request(oak, PEER_INBOX, proved(letter("13"))))).status == 202
    seconds[0] = 151.0
    oak.web.documents[ghost] = actor_document(ghost, "Person", INSTANCE)
    assert (await send(door, request(oak, SHARED, activity))).status == 202


async def test_a_stranger_who_is_somebody_else_counts_as_missed(oak, aiohttp_client) -> None:
    limits = {**LIMITS, Bucket.KEYS_MISSED: Limit(rate=1, per=300)}
    door = await aiohttp_client(oak.app(Limiter(now=lambda: 0.0, limits=limits)))
    pine = "https://pine.example/ap/instance"
    oak.web.documents |= {
        "https://pine.example/.well-known/nodeinfo": {
            "links": [{"rel": "https://www.w3.org/ns/activitystreams#Application", "href": pine}]
        },
        pine: actor_document(pine, "Application"),
    }
    for number, status in enumerate((403, 503)):
        person = f"https://pine.example/ap/people/{number}"
        follow = {"id": f"{person}/1", "type": "Follow", "actor": person, "object": "https://oak.example/ap/instance"}
        assert (await send(door, request(oak, "/ap/instance/inbox", follow))).status == status


# -- who is no more ----------------------------------------------------------------------------------------------------


def farewell(uri: str) -> dict:
    return proved({"@context": [], "id": f"{uri}#delete", "type": "Delete", "actor": uri, "object": uri})


async def test_who_is_gone_is_refused(oak, door) -> None:
    forget(oak)
    oak.web.status = 410
    for _ in range(2):
        await problem(await send(door, by_key(oak, f"{GROUP}#main-key")), 401, "actor-gone")
    assert oak.web.asked == [GROUP]


async def test_the_last_word_of_who_is_gone_is_heard_from_whom_we_knew(oak, door, clock) -> None:
    """Their server keeps the key no longer; it says itself that they are gone, and the word has a proof of its own."""
    oak.database.transact(
        lambda uow: RemoteActorTable.update(public_key_pem=golden.test_key("bob")["rsa_public_pem"]).execute(uow.db)
    )
    clock.move(timedelta(minutes=6))
    oak.web.status = 410
    for _ in range(2):
        assert (await send(door, request(oak, SHARED, farewell(ALICE)))).status == 202
    other = proved(letter("11") | {"actor": ALICE, "id": "https://elm.example/ap/activities/x"}, inner=False)
    await problem(await send(door, request(oak, SHARED, other)), 401, "actor-gone")
    while await understand_next(oak.federation):
        pass
    assert [row.state for row in oak.rows(InboundTable)] == ["understood"]


async def test_nobody_says_the_last_word_for_another(oak, door, clock) -> None:
    oak.database.transact(lambda uow: know(uow, oak.world.peer, f"{ALICE}2"))
    clock.move(timedelta(minutes=6))
    oak.web.status = 410
    arguments = request(oak, SHARED, farewell(ALICE), by=f"{ALICE}2", key=golden.rsa("alice"))
    await problem(await send(door, arguments), 401, "actor-gone")


# -- a server's own key ------------------------------------------------------------------------------------------------


def from_the_server(oak: Here, **also) -> dict:
    activity = proved(letter("53") | {"id": f"{INSTANCE}/update"})
    return request(oak, "/ap/instance/inbox", activity, **also)


async def test_another_key_of_a_server_than_the_compared_one_is_looked_at_once_and_never_taken(oak, door) -> None:
    changed = actor_document(INSTANCE, "Application")
    changed["publicKey"]["publicKeyPem"] = golden.test_key("alice")["rsa_public_pem"]
    oak.web.documents[INSTANCE] = changed
    signed_anew = {"key": golden.rsa("alice")}
    await problem(await send(door, from_the_server(oak, **signed_anew)), 401, "key-changed")
    await problem(await send(door, from_the_server(oak, **signed_anew)), 401, "signature-mismatch")
    assert oak.web.asked == [INSTANCE]
    assert (await send(door, from_the_server(oak))).status == 202
    (peer,) = oak.rows(PeerTable)
    assert peer.public_key_pem == keys.public_pem(pair_of(INSTANCE).rsa)


async def test_a_wrong_signature_in_a_servers_name_is_a_wrong_signature(oak, door) -> None:
    oak.web.documents[INSTANCE] = actor_document(INSTANCE, "Application")
    known = oak.rows(RemoteActorTable)
    await problem(await send(door, from_the_server(oak, key=golden.rsa("alice"))), 401, "signature-mismatch")
    assert [row.uri for row in oak.rows(RemoteActorTable)] == [row.uri for row in known]
