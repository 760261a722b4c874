"""R: how much of the web one letter can make us look at, how much of it is remembered, and for how long."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from fedhood.adapters.activitypub import handlers, key_documents, key_finding, purge, remote, taking_in, vocabulary
from fedhood.adapters.activitypub.handlers import peering, reading
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import client, deadlines, limits, strict_json
from fedhood.adapters.http.keys import LIMITER
from fedhood.core import help_requests, peers, posts
from fedhood.core.peers import PeerState
from fedhood.core.peers import model as peer_model
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.clock import write_offset
from tests.adapters.activitypub import golden
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.peer import Peer, other_rsa
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, befriend, name, number, open_street, said_to_oak
from tests.hostile.wire import Letter, Line, date, fresh_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from tests.hostile.peer import Document, Underworld
    from tests.hostile.street import Street

    Turn: TypeAlias = Callable[[int], tuple[int, int, list[str]]]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@published("R1")
async def test_no_collection_is_looked_into_however_long_it_is(street: Street) -> None:
    evil = street.stranger()
    pages = [
        f"{evil.base}/ap/{kind}" for kind in ("outbox", "followers", "following", "featured", "members", "replies")
    ]

    def page(request: web.Request) -> web.Response:
        following = f"{evil.base}{request.path}?page={int(request.query.get('page', '0')) + 1}"
        body = {"id": following, "type": "OrderedCollectionPage", "next": following, "orderedItems": []}
        return web.json_response(body, content_type="application/activity+json")

    for url in pages:
        evil.world.answers[url] = page
    collections = dict(
        zip(("outbox", "followers", "following", "featured", "fhMembers", "replies"), pages, strict=True)
    )
    for uri in (evil.instance, evil.group, evil.mallory):
        document = {name: one for name, one in evil.world.documents[uri].items() if name != "proof"} | collections
        evil.world.documents[uri] = document if uri == evil.instance else evil.vouched(document)
    await befriend(evil, street.oak, street.bob)
    likes, shares, context, replies = pages[1], pages[2], pages[3], {"type": "Collection", "first": pages[-1]}
    said = said_to_oak(street, evil, replies=replies, likes=likes, shares=shares, context=context)
    assert await street.deliver(evil, said) == "understood"
    asked = {url.partition("?")[0] for url in evil.world.asked_of(evil.host)}
    assert asked == {f"{evil.base}/.well-known/nodeinfo", evil.instance, evil.group, evil.mallory}
    assert not asked & set(pages)


def _page(url: str, epoch: int, upto: int, items: list[str], **more: str) -> web.Response:
    """A page of a stream."""
    body = {"id": url, "type": "OrderedCollectionPage", "orderedItems": items, **more}
    return web.Response(
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/activity+json", "Fedhood-Stream": f"e={epoch};n={upto}"},
    )


async def miss(street: Street, evil: Peer) -> None:
    """Oak hears the first word of a stream and one much later; what is between is to be asked for."""
    for place in ("e=1;n=1", "e=1;n=2000000000"):
        letter = evil.letter(street.host, PEER_INBOX, said_to_oak(street, evil), fields=(("Fedhood-Stream", place),))
        assert (await street.send(letter)).status == 202


async def pages_asked(street: Street, turn: Turn) -> int:
    """Let Oak find out that it missed something of a peer whose stream is made by `turn`; how many pages it asks for.

    `turn` is given how often it was asked and says the epoch and the number that a page goes up to, and its items.
    After three hundred pages the peer has had enough itself.
    """
    evil = await street.neighbour()
    asked = 0

    def page(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked > 300:
            return web.Response(status=404)
        epoch, upto, items = turn(asked)
        return _page(f"{evil.base}{request.path}", epoch, upto, items, next="x")

    evil.world.below[f"{evil.base}/ap/peerings/"] = page
    await miss(street, evil)
    for _ in range(5):
        await street.oak.server.worker.step()
    return asked


@published("R1")
@pytest.mark.parametrize(
    "turn",
    [lambda step: (1, 1 + step, []), lambda step: (step, 1 + step, []), lambda step: (1 + step % 2, 1 + step, [])],
    ids=["one-at-a-time", "new-epochs", "two-epochs"],
)
async def test_a_stream_that_never_ends_is_not_read_to_its_end(street: Street, turn: Turn) -> None:
    assert await pages_asked(street, turn) <= 100


@published("R1")
@pytest.mark.parametrize(
    "turn",
    [
        lambda step: (1, 1, []),  # it never gets any further
        lambda step: (1, 2_000_000_000 - step, []),  # backwards
        lambda step: (1, 1 + step, ["http://127.0.0.1:1/x"]),  # what is another server's
        lambda step: (1, 1 + step, ["x"] * 201),
        lambda step: (1, 1 << 40, []),
    ],
    ids=["stands-still", "backwards", "elsewhere", "too-many", "too-far"],
)
async def test_a_stream_that_is_none_is_given_up(street: Street, turn: Turn) -> None:
    with oracles.connections() as tried:
        assert 1 <= await pages_asked(street, turn) <= 3
    assert 1 not in {port for _, port in tried}


@published("A1")
async def test_what_a_stream_names_is_believed_no_more_than_what_is_delivered(street: Street) -> None:
    evil = await street.neighbour()
    alice, false = street.elm.server.addresses.person("alice"), f"{evil.base}/ap/activities/false"
    good, page, named, theirs, unproved = (said_to_oak(street, evil) for _ in range(5))
    evil.world.media_types[page["id"]] = "text/html"
    del unproved["proof"]
    documents = {one["id"]: one for one in (good, page, unproved)}
    documents[named["id"]] = named | {"id": false}
    documents[theirs["id"]] = theirs | {"actor": alice}
    evil.world.documents |= documents
    url = f"{evil.base}/ap/peerings/{street.host}/stream/after/1"
    evil.world.answers[url] = lambda _: _page(url, 1, 2_000_000_000, list(documents))
    await miss(street, evil)
    await street.settle()
    fates = [street.fate(one) for one in (good, page, named, theirs, unproved)]
    assert fates == ["understood", "nowhere", "nowhere", "nowhere", "refused proof-missing"]
    assert oracles.fate(street.oak, false) == "nowhere"


@published("R2")
async def test_a_letter_that_names_ten_others_does_not_make_us_meet_them(street: Street, evil: Peer) -> None:
    hosts: list[Peer] = []

    def ten() -> list[str]:
        made = [street.stranger() for _ in range(10)]
        hosts.extend(made)
        return [one.mallory for one in made]

    def more(document: Document) -> Document:
        own = {name: one for name, one in document.items() if name != "proof"}
        return own | {"alsoKnownAs": ten(), "movedTo": ten()[0], "tag": ten(), "featured": ten()[0]}

    person = f"{evil.base}/ap/people/{number()}"
    evil.world.documents[person] = evil.vouched(more(evil.actor(person, "Person")))
    asked = len(evil.world.asked)
    with oracles.connections() as tried:
        note = evil.note(number(), [evil.group, street.group], author=person, tag=ten(), inReplyTo=ten()[0])
        note["attachment"] = [{"attributedTo": one} for one in ten()]
        said = evil.announced(evil.created(note), number=number())
        assert (await street.deliver(evil, said)).startswith("parked")
        like = evil.activity(number(), "Like", actor=person, object=ten(), to=ten(), cc=ten(), target=ten())
        await street.deliver(evil, evil.proved(like), "/ap/inbox")
        wrapped = evil.announced(evil.created(note) | {"actor": ten()[0]}, number=number())
        await street.deliver(evil, wrapped)
        asks = street.stranger()
        hosts_of_others = [one.replace("/people/mallory", "/groups/x") for one in ten()]
        proposal = asks.follow(number(), street.instance, fhNeighbourhoods=hosts_of_others, fhPeerInbox=ten()[0])
        assert (await street.deliver(asks, proposal, INSTANCE_INBOX)).startswith("refused")
        await street.settle()
    met = [url for one in hosts for url in evil.world.asked_of(one.host)]
    assert met == []
    assert len(evil.world.asked) - asked <= 8
    assert len([port for _, port in tried if port != street.port]) <= 8


@published("R5")
async def test_what_one_thing_may_cost_is_written_down_and_holds(street: Street, evil: Peer) -> None:
    assert (client.MAX_GET_BYTES, client.MAX_POST_ANSWER_BYTES) == (1 << 20, 64 << 10)
    assert (client.CONNECTIONS, client.CONNECTIONS_PER_HOST) == (64, 2)
    assert (deadlines.MAX_INBOX_BYTES, deadlines.MAX_BODY_BYTES, deadlines.MAX_HEAD_BYTES) == (
        1 << 20,
        64 << 10,
        8 << 10,
    )
    default = strict_json.DEFAULT
    assert (default.size, default.depth, default.values, default.string) == (1 << 20, 32, 10_000, 256 << 10)
    assert (vocabulary.MOST_HTML_BYTES, vocabulary.MOST_HTML_TAGS) == (64 << 10, 1_000)
    assert (reading.MOST_ADDRESSED, peering.MOST_GROUPS, peering.MOST_PAIRS) == (100, 100, 1_000)
    assert (key_documents.MOST_KEYS, remote._MOST_LINKS, remote._MOST_CAPABILITIES) == (10, 20, 50)
    assert (1_000, timedelta(days=3)) == (taking_in.MOST_PARKED, taking_in.PATIENCE)
    assert (posts.MOST_CHARACTERS, help_requests.MOST_LINE, peer_model.MOST_PENDING) == (5_000, 200, 20)
    assert limits.MOST_KEYS == 100_000
    # whom an activity makes us ask: its actors, and nobody that they name
    for kind, handler in handlers.HANDLERS.items():
        for which in golden.names():
            document = golden.document(which)
            if handlers.kind_of(document) == kind:
                assert len(handler.needs(document)) <= 3, which
    # the posts before an answer are not looked for
    with oracles.connections() as tried:
        before = said_to_oak(street, evil, inReplyTo=f"{evil.base}/ap/notes/unknown")
        assert (await street.deliver(evil, before)).startswith("parked")
    assert {port for _, port in tried} <= {street.port, evil.world.port}
    assert f"{evil.base}/ap/notes/unknown" not in evil.world.asked


# -- ten thousand hosts ------------------------------------------------------------------------------------------------


def asks(street: Street, host: str, *, body: int = 0) -> bytes:
    """A server that has nothing to say for itself asks to be a neighbour. Nobody will get to try its signature."""
    instance = f"http://{host}/ap/instance"
    said = {"id": f"http://{host}/ap/f", "type": "Follow", "actor": instance, "object": street.instance}
    if body:
        said["summary"] = "x" * body
    return Letter(
        path=INSTANCE_INBOX,
        host=street.host,
        body=json.dumps(said).encode(),
        key_id=f"{instance}#main-key",
        key=other_rsa(),
        value=b"no signature",
        date=date(street.oak.server.clock.now()),
    ).raw()


async def pour(street: Street, raws: list[bytes], *, lines: int = 4, each: int = 25) -> dict[int, int]:
    """Send these over several connections at once, an address for every few; how many answers of each status."""
    statuses: dict[int, int] = {}

    async def one(part: list[bytes]) -> None:
        for start in range(0, len(part), each):
            line = await Line.open(street.port, address=fresh_address())
            for raw in part[start : start + each]:
                status = (await line.ask(raw)).status
                statuses[status] = statuses.get(status, 0) + 1
            await line.close()

    await asyncio.gather(*(one(raws[part::lines]) for part in range(lines)))
    return statuses


class _Nothing(asyncio.Protocol):
    """A server that has nothing, and says so in as few bytes as it takes."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self._transport.close()


async def hosts_come_and_go(hostile_world: Underworld, folder: Path, count: int) -> None:
    """So many servers ask once each. What is kept of them is little, and gone after a while."""
    offset = folder / "clock"
    write_offset(offset, timedelta())
    async with open_street(folder, hostile_world, clock_offset=offset) as street:
        limiter = street.oak.server._runner.app[LIMITER]
        before = street.digest("instance", "slot", "run", "session", "job")
        known = len(limiter)
        nothing = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", 0)
        port = nothing.sockets[0].getsockname()[1]
        raws = [asks(street, f"h{step}.localhost:{port}") for step in range(count)]
        async with nothing:
            statuses = await pour(street, raws)
        assert sum(statuses.values()) == count
        assert set(statuses) <= {401, 403, 429, 503}, statuses
        await street.settle()
        rows = await street.oak.database.read(lambda db: PeerTable.select().count(db))
        assert rows == 1
        assert len(limiter) - known <= count // 5
        assert street.digest("instance", "slot", "run", "session", "job") == before
        # twenty may wait for an answer, and no more, however they ask
        waiting = [hostile_world.peer(name()) for _ in range(25)]
        for one in waiting:
            await street.deliver(one, one.follow("follow", street.instance), INSTANCE_INBOX)
        found = await street.oak.database.read(peers.all_peers)
        assert len([one for one in found if one.state is PeerState.ASKED_US]) == 20
        write_offset(offset, timedelta(days=31))
        await street.oak.database.write(purge.purge_due)
        assert await street.oak.database.read(lambda db: InboundTable.select().count(db)) == 0
        limiter._make_room(limiter._now() + 86_400)
        assert len(limiter) == 0


@published("R3")
async def test_of_a_thousand_hosts_that_ask_once_little_is_kept_and_not_for_ever(
    hostile_world: Underworld, tmp_path: Path
) -> None:
    await hosts_come_and_go(hostile_world, tmp_path, 1_000)


@published("R3")
@pytest.mark.long
async def test_of_ten_thousand_hosts_that_ask_once_little_is_kept_and_not_for_ever(
    hostile_world: Underworld, tmp_path: Path
) -> None:
    await hosts_come_and_go(hostile_world, tmp_path, 10_000)


@published("R3")
async def test_what_is_remembered_of_hosts_in_memory_has_an_end() -> None:
    moments = iter(range(10_000_000))
    limiter = limits.Limiter(now=lambda: next(moments) / 1_000)
    for step in range(limits.MOST_KEYS + 20_000):
        limiter.check(limits.Bucket.INBOX_UNKNOWN, f"h{step}.example")
        assert len(limiter) <= limits.MOST_KEYS
    assert key_finding._MOST_REMEMBERED <= 10_000
    assert key_finding.SOON


@published("R3")
async def test_strangers_fill_no_disk(hostile_world: Underworld, tmp_path: Path) -> None:
    async with open_street(tmp_path, hostile_world) as street:
        evil = hostile_world.peer(name())
        folder = street.oak.server.settings.data_dir
        before = _size(folder)
        for step in range(20):
            asked = evil.follow(f"follow{step}", street.instance) | {"summary": ["x" * 100_000] * 9}
            letter = evil.letter(street.host, INSTANCE_INBOX, evil.proved(asked | {"fhPeering": {"type": "no"}}))
            await street.send(letter)
        await street.settle()
        await street.oak.database.write(lambda uow: None)
        assert _size(folder) - before < 1 << 20


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("fedhood.db*"))
