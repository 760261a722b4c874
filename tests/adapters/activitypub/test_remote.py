"""Another server's actors: what is believed of them, and what is not."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from fedhood.adapters.activitypub import actors, asking, keys, proofs, remote, signatures
from fedhood.adapters.activitypub.asking import LD_JSON
from fedhood.adapters.activitypub.federation import Federation
from fedhood.core.peers import Peer
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Invalid, RemoteFailure
from tests.adapters.activitypub.elm_server import GROUP, Document, Elm, asking_as_oak, serving_elm
from tests.adapters.activitypub.shapes import secrets
from tests.support.clocks import NOON, FakeClock


@pytest.fixture
async def oak(running: Database) -> AsyncIterator[Federation]:
    async with asking_as_oak(running) as federation:
        yield federation


@pytest.fixture
async def elm(running: Database) -> AsyncIterator[Elm]:
    async with serving_elm(running) as server:
        yield server


def _add_peer(uow: UnitOfWork, elm: Elm) -> Peer:
    pair = secrets("elm_instance")
    made: int = PeerTable.insert(
        host=elm.addresses.host,
        state="agreed",
        trust="neighbour",
        actor_uri=elm.addresses.instance,
        multikey=keys.multikey(pair.ed25519),
        public_key_pem=keys.public_pem(pair.rsa),
        added_at=uow.now,
    ).execute(uow.db)
    (row,) = PeerTable.select().where(PeerTable.id == made).execute(uow.db)
    return Peer(**{name: getattr(row, name) for name in Peer.__dataclass_fields__})


@pytest.fixture
async def peer(elm: Elm, running: Database) -> Peer:
    return await running.write(_add_peer, elm)


async def refused(oak: Federation, peer: Peer, uri: str) -> str:
    with pytest.raises(Invalid) as refusal:
        await remote.fetch(oak, peer, uri)
    assert await oak.database.read(remote.by_uri, uri) is None
    return refusal.value.code


# -- believed ----------------------------------------------------------------------------------------------------------


async def test_an_actor_that_its_server_vouches_for_is_believed_and_kept(
    oak: Federation, elm: Elm, peer: Peer, clock: FakeClock
) -> None:
    actor = await remote.fetch(oak, peer, f"{elm.group}#main-key")
    assert (actor.uri, actor.kind, actor.name) == (elm.group, "Group", "Elm District")
    assert actor.peer == peer.id
    assert actor.inbox == f"{elm.group}/inbox"
    assert actor.key_uri == f"{elm.group}#main-key"
    assert actor.public_key_pem == keys.public_pem(secrets("elm_group").rsa)
    assert actor.proof_key_uri == f"{elm.group}#ed25519-key"
    assert actor.multikey == keys.multikey(secrets("elm_group").ed25519)
    assert actor.fetched_at == clock.now()
    database = oak.database
    assert await database.read(remote.by_uri, elm.group) == actor
    assert await database.read(remote.by_key, actor.key_uri) == actor


async def test_an_actor_that_is_fetched_again_is_kept_as_it_is_now(
    oak: Federation, elm: Elm, peer: Peer, clock: FakeClock
) -> None:
    await remote.fetch(oak, peer, elm.group)
    clock.move(timedelta(minutes=6))
    elm.change(lambda document: document.update(name="Elm and Ash"))
    await remote.fetch(oak, peer, elm.group)
    kept = await oak.database.read(remote.by_uri, elm.group)
    assert kept is not None
    assert (kept.name, kept.fetched_at) == ("Elm and Ash", clock.now())


async def test_our_instance_signs_what_it_asks_for(oak: Federation, elm: Elm, peer: Peer, clock: FakeClock) -> None:
    await remote.fetch(oak, peer, elm.group)
    (request,) = elm.requests
    signature = signatures.parse(request.headers["Signature"])
    assert signature.key_id == "http://oak.localhost:1/ap/instance#main-key"
    signatures.verify(
        signature,
        method="GET",
        target=GROUP,
        headers=list(request.headers.items()),
        body=None,
        authorities={elm.addresses.host},
        key=secrets("oak_instance").rsa.public_key(),
        now=clock.now(),
    )


async def test_the_instance_actor_itself_needs_no_proof_but_the_key_that_was_compared(
    oak: Federation, elm: Elm, peer: Peer
) -> None:
    assert (await remote.fetch(oak, peer, elm.addresses.instance)).kind == "Application"


async def test_a_long_name_is_cut_and_cleaned(oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.change(lambda document: document.update(name="\u202eElm\n" + "x" * 500))
    assert (await remote.fetch(oak, peer, elm.group)).name == f"Elm {'x' * 56}"


@pytest.mark.parametrize(
    "media_type",
    [LD_JSON, "application/activity+json; charset=UTF-8", 'application/ld+json;profile="a b"', "text/plain"],
)
def test_a_media_type_says_whether_it_is_an_activitypub_document(media_type: str) -> None:
    assert asking.is_activity(media_type) is (media_type not in {'application/ld+json;profile="a b"', "text/plain"})


# -- not believed ------------------------------------------------------------------------------------------------------


def own_word(document: Document) -> Document:
    """Vouched for by itself and not by its server."""
    key = secrets("elm_group").ed25519
    return proofs.sign(document, key, verification_method=document["id"] + "#ed25519-key", created=NOON)


def forged(document: Document) -> Document:
    """As if vouched for by its server, with another key."""
    key = secrets("rol").ed25519
    method = document["id"].replace(GROUP, "/ap/instance#ed25519-key")
    return proofs.sign(document, key, verification_method=method, created=NOON)


@pytest.mark.parametrize(
    ("tampered", "code"),
    [
        (lambda document: {**document, "name": "Mallory"}, "proof-signature"),
        (lambda document: {**document, "publicKey": {}}, "proof-signature"),
        (lambda document: {name: document[name] for name in document if name != "proof"}, "proof-missing"),
        (own_word, "proof-owner"),
        (forged, "proof-signature"),
        (lambda document: {**document, "@graph": []}, "rearranged"),
        (lambda document: {**document, "id": document["id"].replace("elm", "ash", 1)}, "actor-id"),
    ],
)
async def test_a_document_that_its_server_does_not_vouch_for_is_not_believed(
    tampered: Callable[[Document], Document], code: str, oak: Federation, elm: Elm, peer: Peer
) -> None:
    elm.documents[GROUP] = tampered(elm.documents[GROUP])
    assert await refused(oak, peer, elm.group) == code


def weaken(document: Document) -> None:
    weak = generate_private_key(public_exponent=65537, key_size=1024)
    document["publicKey"]["publicKeyPem"] = keys.public_pem(weak)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda document: document["publicKey"].update(owner=document["id"] + "x"), "actor-key"),
        (lambda document: document["publicKey"].update(id=document["id"] + "x#main-key"), "actor-key"),
        (lambda document: document.pop("publicKey"), "actor-key"),
        (lambda document: document["assertionMethod"][0].update(controller=document["id"] + "x"), "actor-key"),
        (lambda document: document["assertionMethod"][0].update(id="https://evil.example/#key"), "actor-key"),
        (lambda document: document["assertionMethod"][0].update(publicKeyMultibase="z6Mk"), "multikey"),
        (lambda document: document["publicKey"].update(publicKeyPem="no key"), "key-pem"),
        (weaken, "key-strength"),
        (lambda document: document.update(inbox="https://evil.example/inbox"), "actor-inbox"),
        (lambda document: document.update(inbox="http://[::1/inbox"), "actor-inbox"),
        (lambda document: document.pop("inbox"), "actor-inbox"),
        (lambda document: document.update(type="Note"), "actor-kind"),
        (lambda document: document.update(type=["Group"]), "actor-kind"),
    ],
)
async def test_a_server_cannot_vouch_for_what_does_not_belong_together(
    change: Callable[[Document], object], code: str, oak: Federation, elm: Elm, peer: Peer
) -> None:
    elm.change(change)
    assert await refused(oak, peer, elm.group) == code


async def test_a_document_that_lies_about_its_id_is_not_believed(oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.change(lambda document: document.update(id=f"{elm.group}x"))
    assert await refused(oak, peer, elm.group) == "actor-id"


@pytest.mark.parametrize("media_type", ["text/plain", "application/json", "application/ld+json", "text/html"])
async def test_an_upload_cannot_become_an_actor(media_type: str, oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.media_type = media_type
    assert await refused(oak, peer, elm.group) == "actor-media-type"


async def test_another_instance_key_than_the_compared_one_is_not_believed(
    oak: Federation, elm: Elm, peer: Peer
) -> None:
    other = keys.multikey(secrets("rol").ed25519)
    elm.documents["/ap/instance"]["assertionMethod"][0]["publicKeyMultibase"] = other
    assert await refused(oak, peer, elm.addresses.instance) == "key-changed"


async def test_an_actor_of_another_server_is_not_even_asked_for(oak: Federation, elm: Elm, peer: Peer) -> None:
    for uri in (elm.group.replace("elm.", "ash."), elm.group.replace("http:", "https:"), "", "http://[::1"):
        assert await refused(oak, peer, uri) == "actor-origin"
    assert elm.requests == []


# -- on the way --------------------------------------------------------------------------------------------------------


def moved(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to})


async def test_a_redirect_to_another_server_is_not_believed_and_not_signed(
    oak: Federation, elm: Elm, peer: Peer
) -> None:
    elm.answers[GROUP] = moved(elm.addresses.base.replace("elm.", "ash.") + "/elsewhere")
    elm.documents["/elsewhere"] = elm.documents[GROUP]
    assert await refused(oak, peer, elm.group) == "actor-origin"
    assert ["Signature" in request.headers for request in elm.requests] == [True, False]


async def test_a_redirect_within_the_server_is_followed_and_signed_anew(oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.answers[GROUP] = moved("/elsewhere?now=1")
    elm.documents["/elsewhere"] = elm.documents[GROUP]
    assert (await remote.fetch(oak, peer, elm.group)).uri == elm.group
    first, second = (signatures.parse(request.headers["Signature"]).value for request in elm.requests)
    assert first != second


async def test_a_redirect_to_another_actor_is_not_believed(oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.answers[GROUP] = moved("/ap/instance")
    assert await refused(oak, peer, elm.group) == "actor-id"


@pytest.mark.parametrize(("status", "code"), [(404, "actor-missing"), (403, "actor-missing"), (410, "actor-gone")])
async def test_an_actor_that_is_not_there_is_refused(
    status: int, code: str, oak: Federation, elm: Elm, peer: Peer
) -> None:
    elm.answers[GROUP] = web.Response(status=status)
    assert await refused(oak, peer, elm.group) == code


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_in_trouble_is_asked_again_later(status: int, oak: Federation, elm: Elm, peer: Peer) -> None:
    elm.answers[GROUP] = web.Response(status=status)
    with pytest.raises(RemoteFailure):
        await remote.fetch(oak, peer, elm.group)


# -- the instance actor of a server that is not known yet --------------------------------------------------------------


async def test_a_server_is_found_by_its_name_without_a_signature(oak: Federation, elm: Elm) -> None:
    document = await remote.instance_actor(oak, elm.addresses.host)
    there = remote.read_instance(document)
    assert there.uri == elm.addresses.instance
    assert there.peer_inbox == elm.addresses.peer_inbox
    assert there.shared_inbox == elm.addresses.shared_inbox
    assert there.fingerprint == keys.fingerprint(there.uri, keys.multikey(secrets("elm_instance").ed25519))
    assert actors.CAP_SCOPES in there.capabilities
    assert not any("Signature" in request.headers for request in elm.requests)


@pytest.mark.parametrize(
    ("nodeinfo", "code"),
    [
        ({"links": []}, "not-federated"),
        ({}, "not-federated"),
        ({"links": [{"rel": remote.NODEINFO_ACTOR}]}, "not-federated"),
        ({"links": [{"rel": remote.NODEINFO_ACTOR, "href": "http://evil.localhost:2/ap/instance"}]}, "actor-origin"),
        ({"links": [{"rel": remote.NODEINFO_ACTOR, "href": "http://[::1/"}]}, "actor-origin"),
    ],
)
async def test_a_server_that_names_no_actor_of_its_own_is_not_found(
    nodeinfo: Document, code: str, oak: Federation, elm: Elm
) -> None:
    elm.documents["/.well-known/nodeinfo"] = nodeinfo
    with pytest.raises(Invalid) as refusal:
        await remote.instance_actor(oak, elm.addresses.host)
    assert refusal.value.code == code


async def test_a_server_without_nodeinfo_is_not_found(oak: Federation, elm: Elm) -> None:
    del elm.documents["/.well-known/nodeinfo"]
    with pytest.raises(Invalid) as refusal:
        await remote.instance_actor(oak, elm.addresses.host)
    assert refusal.value.code == "no-nodeinfo"


async def test_only_an_application_speaks_for_a_server(oak: Federation, elm: Elm) -> None:
    elm.documents["/ap/instance"]["type"] = "Person"
    with pytest.raises(Invalid) as refusal:
        await remote.instance_actor(oak, elm.addresses.host)
    assert refusal.value.code == "actor-kind"


async def test_a_peer_inbox_on_another_server_is_refused(oak: Federation, elm: Elm) -> None:
    elm.documents["/ap/instance"]["fhPeerInbox"] = "https://evil.example/inbox"
    with pytest.raises(Invalid) as refusal:
        await remote.instance_actor(oak, elm.addresses.host)
    assert refusal.value.code == "actor-inbox"
