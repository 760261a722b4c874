"""F8, F9, R4, R6, R7: what is broken, or turns in a circle, stops nothing that is behind it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from contextlib import AsyncExitStack
from random import Random  # noqa: TID251 - the same shapes each time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.adapters.http import strict_json
from fedhood.core import help_requests, peers, posts
from fedhood.core.peers.tables import PeerTable
from fedhood.core.posts import Audience
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.arriving import letter
from tests.adapters.http.remote import ok, served
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, SHARED, befriend, number, open_street
from tests.support.world import settle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.peer import Document, Peer, Underworld
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def evil(street: Street) -> Peer:
    """A neighbour of both."""
    peer = await street.neighbour()
    await befriend(peer, street.elm, street.alice)
    return peer


async def bob_tells(street: Street, text: str) -> int:
    """Bob tells everybody whom he can."""
    offered = await street.oak.database.read(posts.offered, neighbourhood=street.bob.neighbourhood)
    places = max(offered, key=lambda one: len(one.places)).places
    post: int = await street.oak.database.write(
        posts.publish, by=street.bob, text=text, audience=Audience.NEIGHBOURS, places=places
    )
    await settle(street.oak, street.elm)
    return post


def answer(street: Street, evil: Peer, to: list[str], post: int, **members: Any) -> Document:
    """Mallory answers something of Bob's, to everybody who was told of it."""
    note = evil.note(number(), to, inReplyTo=f"{street.base}/ap/notes/{post}", **members)
    said = evil.created(note) | {"fhFrom": evil.group}
    return evil.proved({name: said[name] for name in said if name != "proof"})


ODD = (
    "plain", "<script>alert(1)</script>", "a\u202eb\u2066c", "\u0300" * 200, "\U0001f1f3\U0001f1f1" * 50,
    "a\u0085b\u2028c",
    "\ufeff\ufffe\uffff", "&amp;lt;&#0;&#xD800;&#x110000;", "<p>" * 900, "]]>-->", "\\u0000", "{{ 7*7 }}", "%s%n",
    "a" * 4_990, "\u00e9" * 4_000, "<br>" * 500, "\r\n\t x", "<a href='x'>y</a><svg><math><style>z", "1e999 NaN",
)  # fmt: skip


@published("F8")
async def test_whatever_is_accepted_can_be_said_on(street: Street, evil: Peer) -> None:
    root = await bob_tells(street, "Say whatever you like")
    heard = next(
        said for url, said in reversed(evil.world.received) if said["type"] == "Announce" and url.startswith(evil.base)
    )
    to = heard["to"]
    assert len(to) >= 3
    accepted = 0
    for odd in ODD:
        said = answer(street, evil, to, root, content=f"<p>x {odd}</p>", contentMap={"en": odd})
        assert await street.deliver(evil, said) in {"understood", "refused too-long"}, odd
        await settle(street.oak, street.elm)
        here = await street.row(said["object"]["id"])
        there = await street.elm.database.read(posts.by_uri, said["object"]["id"])
        assert (here is None) == (there is None), odd
        if here is not None and there is not None:
            accepted += 1
            assert there.text == here.text, odd
    assert accepted > len(ODD) - 3
    # what went on is what every reader reads
    for url, said in evil.world.received:
        if url.startswith(evil.base):
            assert strict_json.loads_object(json.dumps(said).encode()) == said
    waiting = await street.oak.database.read(
        lambda db: DeliveryTable.select().where(DeliveryTable.state == "waiting").count(db)
    )
    assert waiting == 0
    await bob_tells(street, "Still heard after all that")
    assert "Still heard after all that" in [
        one.text for one in await street.elm.database.read(lambda db: list(posts.PostTable.select().execute(db)))
    ]


KINDS = ("11", "13", "17a", "17b", "20", "21", "24", "26", "26b", "28", "29a", "40", "41", "42", "44", "45", "47", "49")
WRONG: tuple[Any, ...] = (None, True, 7, -1, 2**53 - 1, 1.5, "", "x", [], [[]], {}, {"id": 7}, [None], ["x"] * 200)


def recorded(street: Street, evil: Peer, which: str) -> Document:
    """A recorded letter, as evil's people would write it to Oak."""
    actor = golden.document(which)["actor"]
    theirs, ours = ("elm", "oak") if "elm.example" in actor else ("oak", "elm")
    place = evil.host.partition(".")[0]
    names = {
        f"https://{theirs}.example/ap/groups/{theirs}": f"{evil.base}/ap/groups/{place}",
        f"https://{ours}.example/ap/groups/{ours}": street.group,
        f"https://{theirs}.example": evil.base,
        f"https://{ours}.example": street.base,
        "01JDA1ALICE": "mallory",
        "01JDB0BOB": "mallory",
        "01JDC4ROL": "mallory",
    }
    return letter(which, **names)


def members(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member of a document but its contexts."""
    if isinstance(value, dict):
        inner = [members(one, (*path, name)) for name, one in value.items() if name != "@context"]
        own = [(*path, name) for name in value if name != "@context"]
        return [*own, *itertools.chain(*inner)]
    if isinstance(value, list):
        return list(itertools.chain(*(members(one, (*path, at)) for at, one in enumerate(value))))
    return []


def bent(document: Document, chance: Random) -> Document:
    """The document with a member of another shape, or without it, or with one more."""
    made: Document = json.loads(json.dumps(document))
    way = chance.choice(members(made))
    place: Any = made
    for step in way[:-1]:
        place = place[step]
    if chance.random() < 0.15:
        del place[way[-1]]
    else:
        wrong = [one for one in WRONG if way[-1] != "type" or not isinstance(one, list | dict)]  # that is the next test
        place[way[-1]] = chance.choice(wrong)
    return made


async def bend(street: Street, evil: Peer, count: int) -> dict[str, int]:
    """Deliver so many bent letters, all with sound signatures and proofs; what became of how many."""
    chance = Random(f"bent {count}")
    known = [recorded(street, evil, which) for which in KINDS]
    outcomes: dict[str, int] = {}
    letters = []
    for step in range(count):
        said = bent(known[step % len(known)], chance)
        if not isinstance(said.get("id"), str) or not said["id"].startswith(evil.base):
            continue
        said["id"] = f"{evil.base}/ap/activities/{number()}"
        inner = said.get("object")
        try:
            if isinstance(inner, dict) and said.get("type") == "Announce":
                said["object"] = evil.proved(inner)
            said = evil.proved(said)
        except (KeyError, TypeError, AttributeError):
            continue  # nobody to prove it
        if not isinstance(said["actor"], str) or not said["actor"].startswith(evil.base):
            continue
        path = PEER_INBOX if said.get("fhScope", "public") != "public" else SHARED
        letters.append((said, path))
    for said, path in letters:
        reply = await street.send(evil.letter(street.host, path, said))
        assert reply.status in {202, 400, 401, 403, 422, 503}, (reply.status, said)
        outcomes[str(reply.status)] = outcomes.get(str(reply.status), 0) + 1
    await street.settle()
    fates = dict(oracles.arrived(street.oak))
    for said, _ in letters:
        fate = fates.get(said["id"], "nowhere")
        assert not fate.endswith("fault"), said
        outcomes[fate] = outcomes.get(fate, 0) + 1
    return outcomes


@published("F9")
async def test_a_letter_of_any_shape_is_no_fault_and_stops_nothing(street: Street, evil: Peer) -> None:
    outcomes = await bend(street, evil, 300)
    assert outcomes["202"] > 100
    note = evil.note(number(), [evil.group, street.group], content="<p>Behind them all</p>")
    assert await street.deliver(evil, evil.announced(evil.created(note), number=number())) == "understood"


@published("F9")
@pytest.mark.long
async def test_a_thousand_letters_of_any_shape_are_no_fault(street: Street, evil: Peer) -> None:
    assert (await bend(street, evil, 1_000))["202"] > 500


@published("F9")
@pytest.mark.parametrize("kind", [[], {}, ["Create"], {"id": "Create"}], ids=repr)
async def test_a_type_that_is_no_word_is_refused(street: Street, evil: Peer, kind: Any) -> None:
    note = evil.note(number(), [evil.group, street.group])
    inner = evil.created(note)
    for said in (
        evil.announced(evil.proved(inner | {"type": kind}), number=number()),
        evil.announced(evil.proved(inner | {"object": note | {"type": kind}}), number=number()),
        evil.proved(inner | {"object": note | {"type": kind}, "id": f"{evil.base}/ap/activities/{number()}"}),
    ):
        # nobody has tried the signature yet
        reply = await street.send(evil.letter(street.host, PEER_INBOX, said, value=b"no signature at all"))
        assert reply.status in {400, 401, 422}
        reply = await street.send(evil.letter(street.host, PEER_INBOX, said))
        assert reply.status in {202, 400, 422}


@published("F9")
async def test_one_that_cannot_be_read_among_a_hundred_stops_none_of_the_others(street: Street, evil: Peer) -> None:
    notes = [evil.note(number(), [evil.group, street.group], content=f"<p>Of a hundred {n}</p>") for n in range(100)]
    said = [evil.announced(evil.created(note), number=number()) for note in notes]
    poison = said[37]
    poison["object"] = poison["object"] | {"object": {"type": "Note", "content": 7}}
    said[37] = evil.proved({name: poison[name] for name in poison if name != "proof"})
    line = await street.line()
    for one in said:
        assert (await line.ask(evil.letter(street.host, PEER_INBOX, one).raw())).status == 202
    await line.close()
    await street.settle()
    fates = [street.fate(one) for one in said]
    assert fates[37].startswith("refused")
    assert fates.count("understood") == 99


# -- inboxes that are none ---------------------------------------------------------------------------------------------

BAD_INBOXES = (
    "/in\nbox", "/in box", "/in\tbox", "/\u00e9", "/\\x", "/x" * 2_500, "/%", "/?a=b&c=d#e", "/ap/../../x", "//x", "",
)  # fmt: skip


@published("R4")
async def test_an_inbox_that_is_none_stops_no_letter_to_the_others(hostile_world: Underworld, tmp_path: Path) -> None:
    async with open_street(tmp_path, hostile_world) as street:
        bad: list[Peer] = []
        for path in BAD_INBOXES:
            evil = street.stranger()
            document = hostile_world.documents[evil.instance]
            document["inbox"] = f"{evil.base}{path}"
            document["fhPeerInbox"] = f"{evil.base}{path}"
            document["endpoints"] = {"sharedInbox": f"{evil.base}{path}"}
            asked = evil.follow("follow", street.instance, fhPeerInbox=f"{evil.base}{path}")
            if await street.deliver(evil, asked, INSTANCE_INBOX) == "understood":
                theirs = await street.oak.database.read(peers.by_host, evil.host)
                await street.oak.database.write(peers.confirm, by=street.bob, peer_id=theirs.id, pairs=None)
                bad.append(evil)
        assert len(bad) > len(BAD_INBOXES) // 2
        good = [await street.neighbour() for _ in range(4)]
        post = await bob_tells(street, "Heard by all who have an inbox")
        assert post
        heard = {
            url.partition("/ap/")[0]
            for url, said in hostile_world.received
            if said["type"] == "Announce" and "Heard by all who" in str(said)
        }
        assert {one.base for one in good} <= heard
        feed = await street.elm.database.read(lambda db: [one.text for one in posts.PostTable.select().execute(db)])
        assert "Heard by all who have an inbox" in feed


GARBAGE: tuple[bytes, ...] = (
    b"", b"\x00" * 100, b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/9.9 abc\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 202 A\r\nX: \x00\x01\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
    ok(b"<html>", headers="Content-Type: text/html\r\n"), b"HTTP/1.1 99999 x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"HTTP/1.1 301 x\r\nLocation: \xff\r\n\r\n",
    b"HTTP/1.1 429 x\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 x\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
)  # fmt: skip


@published("R4")
@pytest.mark.long
async def test_an_inbox_that_answers_with_anything_stops_no_letter_to_the_others(
    hostile_world: Underworld, tmp_path: Path
) -> None:
    async with AsyncExitStack() as world, open_street(tmp_path, hostile_world) as street:
        good = await street.neighbour()
        for answered in GARBAGE:
            evil = await street.neighbour()
            theirs = await street.oak.database.read(peers.by_host, evil.host)
            sink = await served(world)
            sink.script = lambda _, answered=answered: answered or None
            there = sink.url("/inbox", name=evil.host.partition(":")[0])
            await street.oak.database.write(_move_inbox, peer=theirs.id, url=there)
        post = await bob_tells(street, "Heard beside garbage")
        assert post
        assert any("Heard beside garbage" in str(said) for url, said in hostile_world.received if good.base in url)
        assert (await street.get("/about")).status == 200


def _move_inbox(uow: Any, *, peer: int, url: str) -> None:
    PeerTable.update(peer_inbox=url, inbox=url, shared_inbox=url).where(PeerTable.id == peer).execute(uow.db)


# -- circles -----------------------------------------------------------------------------------------------------------


@published("R6", "Mastodon #17041")
async def test_what_refers_to_itself_comes_to_an_end(street: Street, evil: Peer) -> None:
    names = ("inReplyTo", "replies", "tag", "context", "audience", "attributedTo", "likes", "shares", "quote")
    await street.settle()  # what was put off before is done
    for name in names:
        note = evil.note(number(), [evil.group, street.group])
        note[name] = note["id"]
        began = time.process_time()
        outcome = await street.deliver(evil, evil.announced(evil.created(note), number=number()))
        assert time.process_time() - began < 1
        assert outcome.split(" ")[0] in {"understood", "refused", "parked"}, name
    for circle in (2, 3):
        notes = [evil.note(number(), [evil.group, street.group]) for _ in range(circle)]
        for at, note in enumerate(notes):
            note["inReplyTo"] = notes[(at + 1) % circle]["id"]
        for note in notes:
            outcome = await street.deliver(evil, evil.announced(evil.created(note), number=number()))
            assert outcome.startswith("parked")
    said = evil.announced(evil.created(evil.note(number(), [evil.group, street.group])), number=number())
    itself = {name: said[name] for name in said if name != "proof"} | {"object": said["id"]}
    assert (await street.deliver(evil, evil.proved(itself))).split(" ")[0] in {"ignored", "refused"}
    gone = evil.proved(evil.activity(number(), "Delete", actor=evil.mallory, object={"id": "x"}))
    gone["object"] = gone["id"]
    assert (await street.deliver(evil, evil.proved(gone), SHARED)).split(" ")[0] in {"ignored", "refused"}


@published("R6", "Mastodon #9292")
async def test_fifty_who_leave_at_once_all_leave(hostile_world: Underworld, tmp_path: Path) -> None:
    async with open_street(tmp_path, hostile_world) as street:
        leaving = [await street.oak.resident(f"Guest {step}") for step in range(50)]
        root = await street.oak.database.write(posts.publish, by=street.bob, text="Who was here?")
        for who in leaving:
            await street.oak.database.write(posts.reply, by=who, to=root, text=f"L-CANARY {who.account}")
        began = time.process_time()
        await asyncio.gather(*(street.oak.database.write(help_requests.farewell, by=who) for who in leaving))
        await street.settle()
        assert time.process_time() - began < 10
        assert oracles.tables_with(street.oak, "L-CANARY") == []


@published("R7")
async def test_a_collection_is_nobody_to_whom_anything_is_said(street: Street, evil: Peer) -> None:
    asked = len(evil.world.asked)
    nested = {"type": "Collection", "items": [{"type": "Collection", "items": [street.group] * 50}]}
    for to in (
        [f"{evil.mallory}/followers"], [evil.group, f"{street.group}/members"], [evil.group, nested], nested,
        [evil.group, street.group, f"{street.base}/ap/people/x/followers"], [[evil.group, street.group]],
    ):  # fmt: skip
        note = evil.note(number(), [evil.group, street.group]) | {"to": to}
        said = evil.announced(evil.created(note), number=number(), to=to)
        outcome = await street.deliver(evil, said)
        kept = await street.row(note["id"])
        assert (kept is not None) == (outcome == "understood")
        if kept is not None:
            # those that are known are the places of the post; what is beside them is nobody
            assert isinstance(to, list)
            assert all(isinstance(one, str) for one in to)
            places = await street.oak.database.read(posts.places_of, [kept.id])
            assert len(places[kept.id]) == 2
    assert len(evil.world.asked) - asked <= 3
