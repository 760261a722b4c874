"""A: who speaks, and for whom."""

from __future__ import annotations

import copy
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from fedhood.adapters.activitypub import contexts
from fedhood.core import posts
from fedhood.core.interactions.tables import ThanksTable
from fedhood.core.posts import Audience
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.peer import other_rsa
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, SHARED, number, said_to_oak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.peer import Document, Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")


def keyless(street: Street, evil: Peer, kind: str, **members: Any) -> Document:
    """Something of mallory's about a public thing, with proof."""
    return evil.proved(evil.activity(number(), kind, actor=evil.mallory, **members))


async def test_what_a_neighbour_says_of_its_own_is_read(street: Street, evil: Peer) -> None:
    said = said_to_oak(street, evil, content="<p>The control of all that follows</p>")
    assert await street.deliver(evil, said) == "understood"
    assert "The control of all that follows" in await street.feed()


@published("A1")
async def test_a_key_document_with_another_id_than_its_address_is_no_key(street: Street, evil: Peer) -> None:
    victim = street.elm.server.addresses.instance
    false = f"{evil.base}/ap/people/false"
    evil.world.documents[false] = evil.vouched(evil.actor(victim, "Application"))
    before = street.digest()
    said = evil.activity(number(), "Like", actor=false, object=f"{street.base}/ap/notes/1")
    assert await street.deliver(evil, said, SHARED) == "401 key-document"
    assert evil.world.asked_of(evil.host)[-1] == false
    said["actor"] = victim
    assert await street.deliver(evil, said, SHARED, key_id=f"{false}#main-key") == "403 origin"
    said["id"] = f"{street.elm.server.addresses.base}/ap/activities/a1"
    claimed = evil.letter(street.host, INSTANCE_INBOX, said, key_id=f"{victim}#main-key", key=other_rsa())
    assert (await street.send(claimed)).code == "signature-mismatch"
    assert street.digest() == before


@published("A2")
async def test_who_signs_is_who_acts(street: Street, evil: Peer) -> None:
    alice = street.elm.server.addresses.person("alice")
    before = street.digest()
    said = said_to_oak(street, evil)
    assert await street.deliver(evil, said | {"actor": alice}, by=evil.group) == "403 origin"
    assert await street.deliver(evil, said, by=evil.mallory) == "403 signer-is-not-the-actor"
    for kind in ("Follow", "Undo", "Accept", "Delete", "Flag"):
        claimed = evil.activity(number(), kind, actor=evil.instance, object=street.instance)
        # what a neighbour brings of others is taken at this door, and dropped where only a proof of theirs would count
        assert await street.deliver(evil, claimed, SHARED, by=evil.mallory) == "nowhere"
    assert street.digest() == before


@published("A3")
async def test_who_names_the_id_of_a_known_post_changes_nothing_of_it(street: Street, evil: Peer) -> None:
    theirs = await street.told("Who has seen the cat of Elm?")
    assert theirs.uri
    said = said_to_oak(street, evil, content="<p>Trent wrote this</p>", attributedTo=evil.trent)
    assert await street.deliver(evil, said) == "understood"
    trents = await street.row(said["object"]["object"]["id"])
    before = street.digest()
    public = {"to": [contexts.ACTIVITYSTREAMS + "#Public"], "fhScope": "public"}
    for changes in ({"id": theirs.uri}, {"id": theirs.uri, **public}):
        assert await street.deliver(evil, said_to_oak(street, evil, **changes)) in {
            "refused origin",
            "422 scope-missing",
        }
        open_said = said_to_oak(street, evil, **changes)
        assert await street.deliver(evil, open_said, SHARED) in {"refused origin", "422 wrong-inbox"}
    assert street.digest() == before
    # of another author on the very same server
    await street.deliver(evil, said_to_oak(street, evil, id=trents.uri, content="<p>Mallory wrote this</p>"))
    assert await street.row(trents.uri) == trents
    # under an older name that others look posts up by
    assert await street.deliver(evil, said_to_oak(street, evil, atomUri=theirs.uri)) == "understood"
    assert await street.row(theirs.uri) == theirs


@published("A4")
async def test_a_post_is_of_the_server_of_its_id_whatever_its_url_says(street: Street, evil: Peer) -> None:
    elsewhere = f"{street.elm.server.addresses.base}/p/1"
    said = said_to_oak(street, evil, url=elsewhere, content="<p>Where am I from?</p>")
    assert await street.deliver(evil, said) == "understood"
    post = await street.row(said["object"]["object"]["id"])
    page = await street.page(f"/p/{post.id}")
    assert page.status == 200
    assert street.elm.host not in page.text
    home = await street.oak.database.read(posts.get, post_id=post.id, viewer=street.bob)
    assert home.uri.startswith(evil.base)
    before = street.digest()
    for broken in (None, "", [], [said["object"]["object"]["id"]], {"id": elsewhere}, elsewhere):
        assert (await street.deliver(evil, said_to_oak(street, evil, id=broken, url=elsewhere))).startswith("refused")
    assert street.digest() == before


@published("A5")
async def test_a_signature_inside_the_document_is_nobodys_word(street: Street, evil: Peer) -> None:
    alice = street.elm.server.addresses.person("alice")
    inside = {
        "type": "RsaSignature2017",
        "creator": f"{alice}#main-key",
        "created": "2026-11-22T09:00:00Z",
        "signatureValue": "AAAA",
    }
    said = said_to_oak(street, evil) | {"signature": inside}
    asked = len(evil.world.asked)
    assert await street.deliver(evil, said | {"actor": alice}, by=evil.group) == "403 origin"
    assert await street.deliver(evil, said) == "understood"
    (post,) = [await street.row(said["object"]["object"]["id"])]
    assert post.text.startswith("Said by nobody good")
    assert len(evil.world.asked) == asked
    # without a proof it counts for nothing either
    bare = said_to_oak(street, evil) | {"signature": inside}
    del bare["proof"]
    assert await street.deliver(evil, bare) == "refused proof-missing"


REARRANGING = ("@graph", "@included", "@reverse", "@import", "@base", "@nest")


def places_in(document: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, its contexts among them."""
    if isinstance(document, dict):
        yield document
        for member in document.values():
            yield from places_in(member)
    elif isinstance(document, list):
        for member in document:
            yield from places_in(member)


@published("A6")
async def test_what_rearranges_itself_for_graph_readers_is_refused_and_no_context_is_fetched(
    street: Street, evil: Peer
) -> None:
    before, asked = street.digest(), list(evil.world.asked)
    plain = said_to_oak(street, evil)
    depth = len(list(places_in(plain)))
    for keyword, at in itertools.product(REARRANGING, range(0, depth, 5)):
        changed = copy.deepcopy(plain)
        list(places_in(changed))[at][keyword] = [{"id": evil.mallory}]
        assert await street.deliver(evil, changed) == "400 rearranged"
    renaming = copy.deepcopy(plain)
    renaming["@context"].append({"parts": "@included"})
    assert await street.deliver(evil, renaming) == "400 rearranged"
    assert street.digest() == before
    fetching = copy.deepcopy(plain)
    fetching["@context"] = [contexts.ACTIVITYSTREAMS, f"{evil.base}/context", "http://127.0.0.1:1/context"]
    with oracles.connections() as tried:
        await street.deliver(evil, evil.proved({name: fetching[name] for name in fetching if name != "proof"}))
    assert {port for _, port in tried} <= {street.port, evil.world.port}
    assert evil.world.asked == asked


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every string, number and truth value of a document, its proofs and contexts left out."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in {"proof", "@context"}:
                yield from leaves(member, (*path, name))
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from leaves(member, (*path, at))
    else:
        yield path


def changed(document: Document, path: tuple[Any, ...]) -> Document:
    """The document with another value at the end of this way."""
    made = copy.deepcopy(document)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    other = {bool: lambda: not old, int: lambda: old + 1, str: lambda: old + "x" if old else "x"}
    place[path[-1]] = other[type(old)]()
    return made


@published("A7")
async def test_no_member_lies_outside_what_is_signed(street: Street, evil: Peer) -> None:
    said = said_to_oak(street, evil, sensitive=False, replies=[{"id": f"{evil.base}/r", "n": 1}])
    ways = list(leaves(said))
    assert len(ways) > 25
    before = street.digest()
    letter = evil.letter(street.host, PEER_INBOX, said)
    line = await street.line()
    for way in ways[:28]:
        reply = await line.ask(letter.raw(body=json.dumps(changed(said, way)).encode()))
        assert (reply.status, reply.code) == (401, "signature-digest"), way
    await line.close()
    # whoever delivers signs anew: then the author's own word no longer fits
    for way in leaves(said["object"]):
        forged = evil.announced(changed(said["object"], way), number=number())
        assert (await street.deliver(evil, forged)).split(" ")[0] in {
            "refused",
            "parked",
            "ignored",
            "403",
            "400",
            "422",
        }, way
    for way in leaves({name: said[name] for name in said if name != "object"}):
        forged = changed(said, way) | ({} if way == ("id",) else {"id": f"{evil.base}/ap/activities/{number()}"})
        if way == ("actor",):
            continue  # that is A2
        assert (await street.deliver(evil, forged)).split(" ")[0] in {
            "refused",
            "parked",
            "ignored",
            "403",
            "400",
            "422",
        }, way
    assert street.digest() == before


def _delete(evil: Peer, uri: str, **members: Any) -> Document:
    about = {"id": uri, "type": "Tombstone", "formerType": "Note"}
    return evil.proved(evil.activity(number(), "Delete", actor=evil.mallory, object=about, **members))


@published("A8")
async def test_nobody_deletes_what_is_another_servers(street: Street, evil: Peer) -> None:
    theirs = await street.told("Do not delete this")
    ours = f"{street.base}/ap/notes/{theirs.id}"
    to = {"to": [evil.group, street.group], "cc": [], "fhScope": "neighbours", "audience": evil.group}
    before = street.digest("remote_actor")
    for uri in (theirs.uri, ours, street.elm.server.addresses.instance):
        scoped = _delete(evil, uri, fhFrom=evil.group, **to)
        assert (await street.deliver(evil, scoped)).split(" ")[0] in {"refused", "parked"}
        assert (await street.deliver(evil, evil.announced(_delete(evil, uri, **to), number=number()))).startswith(
            "refused"
        )
        bare = evil.proved(evil.activity(number(), "Delete", actor=evil.mallory, object=uri))
        assert (await street.deliver(evil, bare, SHARED)).split(" ")[0] in {"refused", "ignored"}
        claimed = evil.announced(_delete(evil, uri, **to) | {"actor": street.elm.server.addresses.person("x")})
        assert (await street.deliver(evil, claimed | {"id": f"{evil.base}/ap/activities/{number()}"})).startswith(
            "refused"
        )
    assert street.digest("remote_actor") == before
    assert "Do not delete this" in await street.feed()


@published("A9")
async def test_an_update_neither_rewrites_nor_makes_what_is_another_servers(street: Street, evil: Peer) -> None:
    theirs = await street.told("Do not rewrite this")
    before = street.digest()
    for uri in (theirs.uri, f"{street.elm.server.addresses.base}/ap/notes/1"):
        note = evil.note(number(), [evil.group, street.group], id=uri, updated="2027-01-01T00:00:00Z")
        update = evil.created(note, kind="Update", number=number())
        assert await street.deliver(evil, evil.announced(update, number=number())) == "refused origin"
        direct = update | {"fhFrom": evil.group}
        assert (await street.deliver(evil, evil.proved(direct))).startswith("refused")
    unknown = evil.created(evil.note(number(), [evil.group, street.group]), kind="Update", number=number())
    assert (await street.deliver(evil, evil.announced(unknown, number=number()))).startswith("parked")
    assert street.digest() == before
    assert (await street.row(theirs.uri)) == theirs


@published("A10")
async def test_an_announcement_makes_nobody_say_what_they_did_not_say(street: Street, evil: Peer) -> None:
    theirs = await street.told("Alice really said this")
    elm = street.elm.server.addresses
    before = street.digest()
    for places in ([evil.group, street.group], [elm.group("elm"), street.group]):
        note = evil.note(number(), places, id=f"{elm.base}/ap/notes/99", attributedTo=elm.person("alice"))
        inner = evil.activity(number(), "Create", actor=elm.person("alice"), object=note) | {
            name: note[name] for name in ("to", "cc", "fhScope", "audience")
        }
        for forged in (inner, inner | {"id": f"{elm.base}/ap/activities/forged"}):
            for proved in (forged, evil.proved(forged), evil.proved(forged, by=evil.instance)):
                said = evil.announced(proved, number=number())
                assert (await street.deliver(evil, said)).startswith("refused")
    by_address = evil.announced({"id": f"{elm.base}/ap/notes/99"}, number=number()) | {"object": theirs.uri}
    assert (await street.deliver(evil, evil.proved(by_address))).split(" ")[0] in {"ignored", "refused"}
    assert street.digest() == before


@published("A11")
async def test_every_door_of_the_wire_asks_for_a_signature_and_what_is_said_names_whom_it_is_for(
    street: Street, evil: Peer
) -> None:
    app = street.oak.server._runner.app
    bob = await street.speak_up()
    doors = {
        resource.canonical.replace("{key}", "oak" if "groups" in resource.canonical else bob)
        for resource in app.router.resources()
        for route in resource
        if route.method == "POST" and resource.canonical.startswith(("/ap/", "/metrics/"))
    }
    assert len(doors) >= 7
    said = json.dumps(keyless(street, evil, "Like", object=f"{street.base}/ap/notes/1", to=evil.group)).encode()
    before = street.digest()
    for door in sorted(doors):
        letter = evil.letter(street.host, door, said, by=evil.mallory)
        bare = await street.send(letter.raw(signature=""))
        assert bare.status in {401, 404}, door
        assert bare.status == 401 or "/metrics/" in door or "/city" in door
    assert street.digest() == before
    # said at Bob's door about a post of Cas's: it is Cas who is thanked
    cas = await street.oak.resident("Cas Gevel")
    post = await street.oak.database.write(posts.publish, by=cas, text="For all to read", audience=Audience.PUBLIC)
    thanks = keyless(street, evil, "Like", object=f"{street.base}/ap/notes/{post}", to=[f"{street.base}/ap/people/x"])
    await street.settle()
    assert await street.deliver(evil, thanks, f"/ap/people/{bob}/inbox") == "understood"
    rows = await street.oak.database.read(lambda db: list(ThanksTable.select().execute(db)))
    assert [one.post for one in rows] == [post]


@published("A15")
async def test_an_answer_to_what_was_never_asked_changes_nothing(street: Street, evil: Peer) -> None:
    bob = f"{street.base}/ap/people/{await street.speak_up()}"
    stranger, waiting = street.stranger(), street.stranger()
    assert await street.deliver(waiting, waiting.follow("follow", street.instance), INSTANCE_INBOX) == "understood"
    before = street.digest("remote_actor")
    for other in (waiting, stranger):
        never = {"id": f"{street.base}/ap/activities/never", "type": "Follow", "actor": street.instance}
        yes = other.accept(number(), never | {"object": other.instance}, [(other.group, street.group)])
        no = other.proved(
            other.activity(number(), "Reject", actor=other.instance, object=never | {"object": other.instance})
        )
        for answer in (yes, no):
            expected = "refused not-asked" if other is waiting else "403 peering-required"
            assert await street.deliver(other, answer, INSTANCE_INBOX) == expected
    # what was asked of Elm is not evil's to answer
    asked_elm = {
        "id": f"{street.base}/ap/activities/peer-follow-{street.elm.host}-1-1",
        "type": "Follow",
        "actor": street.instance,
        "object": street.elm.server.addresses.instance,
    }
    yes = evil.accept(number(), asked_elm, [(evil.group, street.group)])
    assert await street.deliver(evil, yes, INSTANCE_INBOX) == "refused peering-object"
    no = evil.proved(evil.activity(number(), "Reject", actor=evil.instance, object=asked_elm))
    assert await street.deliver(evil, no, INSTANCE_INBOX) == "refused peering-object"
    # nobody offered to help
    direct = {"to": [bob], "cc": [], "fhScope": "direct", "fhFrom": evil.group}
    offer = {"id": f"{street.base}/ap/activities/offer-1", "type": "Offer", "actor": bob, "object": {"id": "x"}}
    for kind, thing in itertools.product(("Accept", "Reject", "Undo"), (offer, offer["id"])):
        said = evil.proved(evil.activity(number(), kind, actor=evil.mallory, object=thing, **direct))
        assert (await street.deliver(evil, said)).split(" ")[0] in {"refused", "ignored", "parked"}
    like = {"id": f"{evil.base}/ap/likes/1", "type": "Like", "actor": evil.mallory}
    undo = evil.activity(number(), "Undo", actor=evil.mallory, object=like | {"object": f"{street.base}/ap/notes/9"})
    assert (await street.deliver(evil, evil.proved(undo), SHARED)).split(" ")[0] in {"refused", "parked"}
    assert street.digest("remote_actor") == before
