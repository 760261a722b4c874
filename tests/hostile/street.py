"""Where the hostile peers are let loose: Oak, a good neighbour Elm, and as many bad ones as a test wants."""

from __future__ import annotations

import asyncio
import itertools
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fedhood.core import access, accounts, neighbourhoods, peers, posts, timelines
from fedhood.core.posts import Audience
from tests.hostile import oracles
from tests.hostile.wire import Line, Reply, fresh_address, request, send
from tests.support.world import make_neighbours, place, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fedhood.core.access import Viewer
    from tests.hostile.peer import Document, Peer, Underworld
    from tests.hostile.wire import Letter
    from tests.support.world import Place

PEER_INBOX, SHARED, INSTANCE_INBOX = "/ap/instance/peer-inbox", "/ap/inbox", "/ap/instance/inbox"
_numbers = itertools.count(1)


def name() -> str:
    """A name that no hostile server has yet."""
    return f"evil{next(_numbers)}"


def number() -> str:
    """A name that nothing has yet."""
    return f"n{next(_numbers)}"


def said_to_oak(street: Street, evil: Peer, **members: Any) -> Document:
    """What a hostile server's neighbourhood says to Oak of a Note by mallory, changed as a test wants."""
    note = evil.note(number(), [evil.group, street.group]) | members
    return evil.announced(evil.created(note), number=number())


@dataclass
class Street:
    """Oak, where Bob looks after things; Elm, where Alice lives and writes; and the underworld."""

    oak: Place
    elm: Place
    bob: Viewer
    alice: Viewer
    underworld: Underworld
    _token: str = ""
    _bob_key: str = ""

    @property
    def host(self) -> str:
        return self.oak.host

    @property
    def port(self) -> int:
        return int(self.oak.host.rpartition(":")[2])

    @property
    def base(self) -> str:
        return f"http://{self.oak.host}"

    @property
    def instance(self) -> str:
        return f"{self.base}/ap/instance"

    @property
    def group(self) -> str:
        return f"{self.base}/ap/groups/oak"

    # -- neighbours ----------------------------------------------------------------------------------------------------

    def stranger(self) -> Peer:
        """A hostile server that nobody here has heard of."""
        return self.underworld.peer(name())

    async def neighbour(self) -> Peer:
        """A hostile server that was agreed with: it asked, Bob said that the letters match, and it said yes too."""
        peer = self.stranger()
        await befriend(peer, self.oak, self.bob)
        # its first words make Oak ask for the keys of who says them
        said = peer.announced(peer.created(peer.note("first", [peer.group, self.group])))
        assert await self.deliver(peer, said) == "understood"
        return peer

    async def told(self, text: str, audience: Audience = Audience.NEIGHBOURS) -> posts.Post:
        """Alice at Elm tells her neighbours something; how Oak keeps it."""
        readers = await self.elm.database.read(posts.offered, neighbourhood=self.alice.neighbourhood)
        (oak,) = [one for one in readers if one.names == ("Oak",)]
        places = oak.places if audience is Audience.NEIGHBOURS else ()
        await self.elm.database.write(posts.publish, by=self.alice, text=text, audience=audience, places=places)
        await settle(self.elm, self.oak)
        feed = await self.oak.database.read(timelines.feed, viewer=self.bob)
        found = await self.row(next(entry.post.uri for entry in feed if entry.post.text == text) or "")
        assert found is not None
        return found

    async def speak_up(self) -> str:
        """Bob answers Alice, so that others may know of him; the last part of his id."""
        if not self._bob_key:
            post = await self.told("Does anybody answer?")
            await self.oak.database.write(posts.reply, by=self.bob, to=post.id, text="I do")
            await settle(self.oak, self.elm)
            self._bob_key = (await self.oak.database.read(accounts.get, self.bob.account)).key
        return self._bob_key

    # -- the wire ------------------------------------------------------------------------------------------------------

    async def send(self, letter: Letter | bytes, *, address: str | None = None) -> Reply:
        """Deliver a letter to Oak, from an address of this machine that was not used before."""
        return await send(self.port, letter if isinstance(letter, bytes) else letter.raw(), address=address)

    async def deliver(self, peer: Peer, activity: Document, path: str = PEER_INBOX, **parts: Any) -> str:
        """Deliver an activity, let Oak read it, and say what became of it: `401 origin`, `refused author`."""
        reply = await self.send(peer.letter(self.host, path, activity, **parts))
        if reply.status != 202:
            return f"{reply.status} {reply.code}"
        await self.settle()
        return oracles.fate(self.oak, activity["id"])

    async def get(self, path: str, *lines: tuple[str, str]) -> Reply:
        """Ask Oak for something, as anybody."""
        return await send(self.port, request("GET", path, [("Host", self.host), *lines]))

    async def line(self) -> Line:
        """A connection to Oak from an address of its own."""
        return await Line.open(self.port, address=fresh_address())

    # -- pages ---------------------------------------------------------------------------------------------------------

    async def page(self, path: str, *lines: tuple[str, str]) -> Reply:
        """A page of Oak as Bob is shown it."""
        return await self.get(path, ("Cookie", await self.cookie()), *lines)

    async def cookie(self) -> str:
        """Bob's, from a session that he has just opened with his passphrase."""
        if not self._token:
            opened = await self.oak.database.write(
                access.open_session, account=self.bob.account, label="test", with_passphrase=True
            )
            self._token = opened.token
        return f"sid={self._token}"

    async def form(self, shown: str, path: str, **fields: str) -> Reply:
        """Bob fills in a form that stands on a page, and sends it."""
        proof = re.search(r'name="csrf" value="([^"]+)"', (await self.page(shown)).text)
        assert proof is not None, shown
        body = urlencode({"csrf": proof[1], **fields}).encode()
        lines = [
            ("Host", self.host),
            ("Cookie", await self.cookie()),
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        return await self.send(request("POST", path, lines, body))

    # -- what is so afterwards -----------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Let Oak do all that waits, however much it is."""
        for _ in range(20_000):
            if not await self.oak.server.worker.step():
                return
        raise AssertionError("Oak never came to rest")

    def digest(self, *but: str) -> dict[str, str]:
        return oracles.digest(self.oak, but=frozenset(but))

    def fate(self, activity: Document) -> str:
        return oracles.fate(self.oak, activity["id"])

    async def row(self, uri: str) -> posts.Post | None:
        """A mirrored post as Oak has it."""
        return await self.oak.database.read(posts.by_uri, uri)

    async def feed(self) -> list[str]:
        """What Bob reads."""
        return [entry.post.text for entry in await self.oak.database.read(timelines.feed, viewer=self.bob)]


async def befriend(peer: Peer, at: Place, by: Viewer) -> None:
    """A hostile server asks one of ours to be neighbours; who looks after ours believes it."""
    here, port = at.server.addresses, int(at.host.rpartition(":")[2])
    place = await at.database.read(neighbourhoods.ours)
    asked = peer.follow("follow", here.instance)
    assert (await send(port, peer.letter(at.host, INSTANCE_INBOX, asked).raw())).status == 202
    await settle(at)
    theirs = await at.database.read(peers.by_host, peer.host)
    assert theirs is not None
    await at.database.write(peers.confirm, by=by, peer_id=theirs.id, pairs=None)
    await settle(at)
    follow = next(
        said
        for url, said in peer.world.received
        if said["type"] == "Follow" and url.startswith(peer.base) and said["actor"] == here.instance
    )
    yes = peer.accept("accept", follow, [(peer.group, here.group(one.key)) for one in place])
    assert (await send(port, peer.letter(at.host, INSTANCE_INBOX, yes).raw())).status == 202
    await settle(at)
    agreed = await at.database.read(peers.by_host, peer.host)
    assert agreed is not None
    assert agreed.state is peers.PeerState.AGREED


@asynccontextmanager
async def open_street(
    folder: Path, underworld: Underworld, *, clock_offset: Path | None = None
) -> AsyncIterator[Street]:
    oak = await place(folder, "oak", "Oak", clock_offset=clock_offset)
    elm = await place(folder, "elm", "Elm", clock_offset=clock_offset)
    bob = await oak.resident("Bob Vensterbank", moderator=True)
    alice = await elm.resident("Alice Dakkapel", moderator=True)
    await make_neighbours(elm, oak, alice, bob)
    try:
        yield Street(oak=oak, elm=elm, bob=bob, alice=alice, underworld=underworld)
    finally:
        await asyncio.gather(oak.close(), elm.close())
