"""What is served under our ids, to whom, and that what may not be seen looks like what never was."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedhood.adapters.activitypub import actors, contexts, documents, keys, message_signatures, proofs, signatures
from fedhood.adapters.activitypub.asking import ACTIVITY_JSON, LD_JSON
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.tables import ActivityTable, ActorKeyTable, DeliveryTable
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.middleware import refusing
from fedhood.core import accounts, neighbourhoods, posts
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.core.posts.tables import PostTable, VersionTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.settings import Profile
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.next_door import ALICE, TEN, World, add_peer, add_post, build
from tests.adapters.activitypub.shapes import federation_of, secrets
from tests.adapters.activitypub.test_actors import keep_keys
from tests.adapters.activitypub.test_discovery import page
from tests.support.clocks import FakeClock

Visitor = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
SCOPED, PUBLIC, HOME_ONLY, MISSING = 1001, 1002, 1003, 9999


@dataclass
class Elm:
    """Elm's server with a few posts, and who asks it."""

    visitor: TestClient[web.Request, web.Application]
    database: Database
    world: World
    clock: FakeClock

    async def get(self, path: str, *, by: str = "", accept: str = ACTIVITY_JSON, **also: Any) -> tuple[int, Any, bytes]:
        """Status, headers and body; `by` names the server whose instance actor signs."""
        headers = {"Accept": accept}
        if by:
            headers |= self.signed(path, by, **also)
        answer = await self.visitor.get(path, headers=headers)
        return answer.status, answer.headers, await answer.read()

    def signed(self, path: str, by: str, *, key: str = "", host: str = "elm.example", part: str = "") -> dict[str, str]:
        base = f"https://{by}.example"
        return signatures.sign_request(
            method="GET",
            target=path,
            host=host,
            body=None,
            key_id=part or f"{base}/ap/instance#main-key",
            key=secrets(key or f"{by}_instance").rsa,
            date=self.clock.now(),
        )

    def signed_anew(self, path: str, by: str, *, ed25519: bool = False, query: str = "") -> dict[str, str]:
        """By RFC 9421, with either key of the instance actor."""
        pair = secrets(f"{by}_instance")
        return message_signatures.sign_request(
            method="GET",
            base="https://elm.example",
            target=path + query,
            body=None,
            key_id=f"https://{by}.example/ap/instance{'#ed25519-key' if ed25519 else '#main-key'}",
            key=pair.ed25519 if ed25519 else pair.rsa,
            date=self.clock.now(),
        )

    async def change(self, change: Callable[[UnitOfWork], object]) -> None:
        await self.database.write(change)


def fill(uow: UnitOfWork, world: World) -> None:
    add_post(uow, SCOPED, world.alice, world.elm, (world.elm, world.oak))
    add_post(uow, PUBLIC, world.alice, world.elm, (), audience="public")
    add_post(uow, HOME_ONLY, world.alice, world.elm, (world.elm,), audience="neighbourhood")
    ash = add_peer(uow, "ash.example")
    for peer, name in ((world.peer, "oak"), (ash, "ash")):
        pair = secrets(f"{name}_instance")
        shown = {"public_key_pem": keys.public_pem(pair.rsa), "multikey": keys.multikey(pair.ed25519)}
        PeerTable.update(**shown).where(PeerTable.id == peer).execute(uow.db)
    keep_keys(uow, actors.INSTANCE, "elm_instance")


@pytest.fixture
async def elm(running: Database, aiohttp_client: Visitor, clock: FakeClock) -> Elm:
    world = build(running)
    await running.write(fill, world)
    clock.set(TEN)
    return Elm(await aiohttp_client(application(running)), running, world, clock)


def application(database: Database, profile: Profile = Profile.NEIGHBOURHOOD) -> web.Application:
    app = web.Application(middlewares=[refusing(page)])
    app[FEDERATION] = federation_of(database, profile=profile)
    app.router.add_routes(documents.routes())
    return app


def note(post_id: int) -> str:
    return f"/ap/notes/{post_id}"


# -- actors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ap/instance", "/ap/groups/elm", "/ap/metrics"])
async def test_an_actor_is_shown_to_anyone_and_vouched_for(path: str, elm: Elm) -> None:
    status, headers, body = await elm.get(path)
    document = strict_json.loads_object(body)
    assert (status, headers["Content-Type"]) == (200, ACTIVITY_JSON)
    assert headers["Vary"] == "Accept, Signature, Signature-Input"
    assert document["id"] == f"https://elm.example{path}"
    if path != "/ap/instance":
        owner = elm.world.addresses.instance
        proofs.verify(document, lambda _: secrets("elm_instance").ed25519.public_key(), owner=owner, now=TEN)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (ACTIVITY_JSON, ACTIVITY_JSON),
        (LD_JSON, LD_JSON),
        (f"{ACTIVITY_JSON}, {LD_JSON}", ACTIVITY_JSON),
        ("*/*", ACTIVITY_JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", ACTIVITY_JSON),
    ],
)
async def test_a_document_comes_in_the_form_that_was_asked_for(accept: str, media_type: str, elm: Elm) -> None:
    status, headers, _ = await elm.get("/ap/instance", accept=accept)
    assert (status, headers["Content-Type"]) == (200, media_type)


async def test_a_resident_is_shown_once_they_acted_beyond_this_server(elm: Elm) -> None:
    missing = await elm.get("/ap/people/nobody")
    hidden = await elm.get(f"/ap/people/{ALICE}")
    assert (missing[0], missing[2]) == (hidden[0], hidden[2])
    assert hidden[0] == 404
    assert await elm.database.read(lambda db: ActorKeyTable.select().count(db)) == 1
    await elm.database.write(keep_keys, actors.person(elm.world.alice), "alice")
    status, _, body = await elm.get(f"/ap/people/{ALICE}")
    assert (status, strict_json.loads_object(body)["type"]) == (200, "Person")


async def test_who_left_and_who_lives_elsewhere_is_not_shown(elm: Elm) -> None:
    for account in (elm.world.alice, elm.world.bob):
        await elm.database.write(keep_keys, actors.person(account), "alice")
    await elm.database.write(accounts.erase, account=elm.world.alice)
    bob = (await elm.database.read(accounts.get, elm.world.bob)).key
    for key in (ALICE, bob):
        assert (await elm.get(f"/ap/people/{key}"))[0] == 404


@pytest.mark.parametrize("path", ["/ap/groups/oak", "/ap/groups/ash", "/ap/city"])
async def test_an_actor_that_is_not_ours_is_not_found(path: str, elm: Elm) -> None:
    assert (await elm.get(path))[0] == 404


async def test_a_city_has_an_actor_that_receives_and_none_that_hands_in(
    running: Database, aiohttp_client: Visitor
) -> None:
    visitor = await aiohttp_client(application(running, Profile.CITY))
    assert (await visitor.get("/ap/city")).status == 200
    assert (await visitor.get("/ap/metrics")).status == 404


# -- posts -------------------------------------------------------------------------------------------------------------


async def test_a_public_post_is_for_anyone(elm: Elm) -> None:
    status, headers, body = await elm.get(note(PUBLIC))
    document = strict_json.loads_object(body)
    assert (status, document["type"], document["fhScope"]) == (200, "Note", "public")
    assert document["@context"] == contexts.PUBLIC_POST
    assert "private" not in headers["Cache-Control"]


async def test_a_scoped_post_is_for_a_neighbour_that_signs(elm: Elm) -> None:
    status, headers, body = await elm.get(note(SCOPED), by="oak")
    document = strict_json.loads_object(body)
    assert (status, document["fhScope"]) == (200, "neighbours")
    assert document["id"] == f"https://elm.example{note(SCOPED)}"
    assert document["@context"] == contexts.SCOPED
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Vary"] == "Accept, Signature, Signature-Input"


async def test_a_post_that_is_served_alone_carries_its_authors_proof(elm: Elm) -> None:
    await elm.database.write(keep_keys, actors.person(elm.world.alice), "alice")
    document = strict_json.loads_object((await elm.get(note(PUBLIC)))[2])
    author = elm.world.addresses.person(ALICE)

    def key_of_alice(method: str) -> Ed25519PublicKey | None:
        return secrets("alice").ed25519.public_key() if method == f"{author}#ed25519-key" else None

    proofs.verify(document, key_of_alice, owner=author, now=TEN)


async def test_what_may_not_be_seen_looks_like_what_never_was(elm: Elm) -> None:
    status, headers, body = await elm.get(note(MISSING))
    assert status == 404
    seen = [
        await elm.get(note(SCOPED)),
        await elm.get(note(SCOPED), by="ash"),
        await elm.get(note(HOME_ONLY), by="oak"),
        await elm.get(note(HOME_ONLY)),
        await elm.get("/ap/notes/0"),
        await elm.get("/ap/notes/abc"),
        await elm.get("/ap/activities/nothing"),
    ]
    for other_status, other_headers, other_body in seen:
        assert (other_status, other_body) == (status, body)
        assert {name: other_headers[name] for name in other_headers if name != "Date"} == {
            name: headers[name] for name in headers if name != "Date"
        }


@pytest.mark.parametrize("ed25519", [False, True])
async def test_the_newer_scheme_proves_who_asks_as_well(elm: Elm, ed25519: bool) -> None:
    path = note(SCOPED)
    assert (await elm.visitor.get(path, headers=elm.signed_anew(path, "oak", ed25519=ed25519))).status == 200
    for headers, target in (
        (elm.signed_anew(path, "ash", ed25519=ed25519), path),
        (elm.signed_anew(note(PUBLIC), "oak", ed25519=ed25519), path),
        (elm.signed_anew(path, "oak", ed25519=ed25519, query="?page=1"), f"{path}?page=2"),
        ({**elm.signed_anew(path, "oak", ed25519=ed25519), "Signature": "sig1=:AAAA:"}, path),
        ({**elm.signed(path, "oak"), "Signature-Input": "sig1=()"}, path),
    ):
        assert (await elm.visitor.get(target, headers=headers)).status == 404
    elm.clock.move(timedelta(hours=2))
    stale = elm.signed_anew(path, "oak", ed25519=ed25519)
    elm.clock.move(timedelta(hours=2))
    assert (await elm.visitor.get(path, headers=stale)).status == 404


@pytest.mark.parametrize(
    "forged",
    [
        {"key": "ash_instance"},
        {"host": "oak.example"},
        {"part": "https://oak.example/ap/groups/oak#main-key"},
        {"part": "https://elsewhere.example/ap/instance#main-key"},
        {"part": "no key"},
    ],
)
async def test_a_signature_that_does_not_hold_is_no_signature(forged: dict[str, str], elm: Elm) -> None:
    assert (await elm.get(note(SCOPED), by="oak", **forged))[0] == 404


async def test_a_signature_for_another_post_or_of_yesterday_is_no_signature(elm: Elm) -> None:
    headers = elm.signed(note(PUBLIC), "oak")
    assert (await elm.visitor.get(note(SCOPED), headers=headers)).status == 404
    headers = elm.signed(note(SCOPED), "oak")
    assert (await elm.visitor.get(note(SCOPED), headers=headers)).status == 200
    assert (await elm.visitor.get(note(SCOPED), headers={**headers, "Signature": "x"})).status == 404
    elm.clock.move(timedelta(hours=2))
    assert (await elm.visitor.get(note(SCOPED), headers=headers)).status == 404


def unpair(elm: Elm) -> Callable[[UnitOfWork], object]:
    return lambda uow: neighbourhoods.unpair(uow, writer=elm.world.elm, reader=elm.world.oak)


@pytest.mark.parametrize(
    "change",
    [
        unpair,
        lambda _: lambda uow: PeerTable.update(state="ended").execute(uow.db),
        lambda _: lambda uow: PeerTable.update(state="asked-us").execute(uow.db),
        lambda _: lambda uow: PeerTable.update(trust="blocked").execute(uow.db),
        lambda _: lambda uow: AgreementTable.update(scopes=["public"]).where(AgreementTable.ours).execute(uow.db),
        lambda _: lambda uow: AgreementTable.update(valid_until=TEN).where(AgreementTable.ours).execute(uow.db),
        lambda _: lambda uow: PostTable.update(hidden_at=TEN).execute(uow.db),
    ],
    ids=["unpaired", "ended", "asked", "blocked", "downgraded", "expired", "hidden"],
)
async def test_a_grant_counts_as_it_is_now(change: Callable[[Elm], Any], elm: Elm) -> None:
    assert (await elm.get(note(SCOPED), by="oak"))[0] == 200
    await elm.change(change(elm))
    assert (await elm.get(note(SCOPED), by="oak"))[0] == 404


async def test_to_a_blocked_server_even_public_posts_are_missing(elm: Elm) -> None:
    await elm.change(lambda uow: PeerTable.update(trust="blocked").execute(uow.db))
    assert (await elm.get(note(PUBLIC), by="oak"))[0] == 404
    assert (await elm.get(note(PUBLIC)))[0] == 200


async def test_another_servers_post_is_not_served_here(elm: Elm) -> None:
    await elm.change(
        lambda uow: add_post(
            uow, 1004, elm.world.bob, elm.world.oak, (), audience="public", uri="https://oak.example/ap/notes/1"
        )
    )
    assert (await elm.get(note(1004)))[0] == 404


async def test_our_answer_in_a_thread_next_door_is_for_the_home_of_the_thread(elm: Elm) -> None:
    def add(uow: UnitOfWork) -> None:
        places = (elm.world.elm, elm.world.oak)
        add_post(uow, 1004, elm.world.bob, elm.world.oak, places, uri="https://oak.example/ap/notes/1")
        add_post(uow, 1005, elm.world.alice, elm.world.elm, (), root=1004, parent=1004)

    await elm.change(add)
    status, _, body = await elm.get(note(1005), by="oak")
    assert (status, strict_json.loads_object(body)["inReplyTo"]) == (200, "https://oak.example/ap/notes/1")
    assert (await elm.get(note(1005), by="ash"))[0] == 404


async def test_an_answer_is_gone_with_its_root(elm: Elm) -> None:
    await elm.change(lambda uow: add_post(uow, 1006, elm.world.alice, elm.world.elm, (), root=SCOPED, parent=SCOPED))
    assert (await elm.get(note(1006), by="oak"))[0] == 200
    await elm.change(lambda uow: PostTable.update(deleted_at=TEN).where(PostTable.id == SCOPED).execute(uow.db))
    assert (await elm.get(note(1006), by="oak"))[0] == 404


async def test_a_removed_post_leaves_a_tombstone_to_those_who_could_read_it(elm: Elm) -> None:
    recorded = golden.document("74")
    for post_id in (SCOPED, PUBLIC):
        await elm.database.write(posts.mirror_delete, post_id=post_id, deleted_at=TEN)
    status, headers, body = await elm.get(note(PUBLIC))
    left = strict_json.loads_object(body)
    assert status == recorded["status"]
    assert {name: headers[name] for name in recorded["headers"]} == recorded["headers"]
    assert left == {**recorded["body"], "id": f"https://elm.example{note(PUBLIC)}", "deleted": "2026-11-22T10:00:00Z"}
    assert (await elm.get(note(SCOPED)))[0] == 404
    status, headers, _ = await elm.get(note(SCOPED), by="oak")
    assert (status, headers["Cache-Control"]) == (410, "private, no-store")


# -- activities --------------------------------------------------------------------------------------------------------


def keep_activity(uow: UnitOfWork, key: str, body: dict[str, Any], peer: int, about: int = SCOPED) -> None:
    ActivityTable.insert(
        key=key, signer_kind="instance", signer=0, body=strict_json.dumps(body), made_at=uow.now
    ).execute(uow.db)
    DeliveryTable.insert(
        peer=peer,
        number=1,
        epoch=1,
        verb="post.create",
        object=about,
        version=1,
        state="done",
        activity=key,
        at=uow.now,
    ).execute(uow.db)


async def test_an_activity_is_for_whom_it_was_sent_to_byte_for_byte(elm: Elm) -> None:
    document = golden.document("13")
    await elm.database.write(keep_activity, "one", document, elm.world.peer)
    status, headers, body = await elm.get("/ap/activities/one", by="oak")
    assert (status, body) == (200, strict_json.dumps(document))
    assert headers["Cache-Control"] == "private, no-store"
    assert (await elm.get("/ap/activities/one", by="ash"))[0] == 404
    assert (await elm.get("/ap/activities/one"))[0] == 404
    await elm.change(lambda uow: PeerTable.update(state="ended").execute(uow.db))
    assert (await elm.get("/ap/activities/one", by="oak"))[0] == 404


async def test_a_public_activity_is_for_anyone(elm: Elm) -> None:
    await elm.database.write(keep_activity, "two", golden.document("10"), elm.world.peer, PUBLIC)
    assert (await elm.get("/ap/activities/two"))[0] == 200


@pytest.mark.parametrize(
    "change", [{"deleted_at": TEN}, {"hidden_at": TEN}, {"text": "something else", "version": 2}], ids=str
)
async def test_words_that_were_taken_back_are_not_given_out_as_an_activity(elm: Elm, change: dict[str, Any]) -> None:
    await elm.database.write(keep_activity, "one", golden.document("10"), elm.world.peer, PUBLIC)
    await elm.change(lambda uow: keep_version(uow, PUBLIC))
    await elm.change(lambda uow: PostTable.update(**change).where(PostTable.id == PUBLIC).execute(uow.db))
    assert (await elm.get("/ap/activities/one"))[0] == 404


async def test_who_was_sent_words_that_were_said_better_since_reads_both_in_order(elm: Elm) -> None:
    await elm.database.write(keep_activity, "one", golden.document("13"), elm.world.peer)
    await elm.change(lambda uow: keep_version(uow, SCOPED))
    await elm.change(
        lambda uow: PostTable.update(text="something else", version=2).where(PostTable.id == SCOPED).execute(uow.db)
    )
    assert (await elm.get("/ap/activities/one", by="oak"))[0] == 200
    assert (await elm.get("/ap/activities/one", by="ash"))[0] == 404
    await elm.change(lambda uow: PostTable.update(hidden_at=TEN).where(PostTable.id == SCOPED).execute(uow.db))
    assert (await elm.get("/ap/activities/one", by="oak"))[0] == 404


def keep_version(uow: UnitOfWork, post_id: int) -> None:
    VersionTable.insert(post=post_id, version=1, text="what it said first", language="en", until=TEN).execute(uow.db)
