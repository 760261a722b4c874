"""E: redirects, of others and of our own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web

from fedhood.adapters.http.client import MAX_GET_BYTES, Client, Timeouts
from fedhood.core import access
from tests.adapters.http.remote import header, ok, refused, served, to
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.street import number
from tests.hostile.wire import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.adapters.http.remote import Remote
    from tests.hostile.peer import Peer
    from tests.hostile.street import Street, number

pytestmark = pytest.mark.asyncio(loop_scope="session")
PASSPHRASE = "garden bicycle lamp north"


@pytest_asyncio.fixture(loop_scope="session")
async def pair() -> AsyncIterator[tuple[Remote, Remote]]:
    """Two servers that say bytes."""
    async with AsyncExitStack() as world:
        yield await served(world), await served(world)


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[Client]:
    quick = Timeouts(connect=2.0, read=2.0, get=0.5, post=2.0)
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=quick) as made:
        yield made


@published("E1")
@pytest.mark.parametrize("circle", [1, 2, 50])
async def test_redirects_come_to_an_end(street: Street, evil: Peer, circle: int) -> None:
    person = f"{evil.base}/ap/people/{number()}"
    steps = [person, *(f"{person}/{step}" for step in range(1, circle))]
    for here, there in zip(steps, [*steps[1:], steps[0]], strict=True):
        evil.world.answers[here] = lambda _, there=there: web.Response(status=301, headers={"Location": there})
    asked, began = len(evil.world.asked), asyncio.get_running_loop().time()
    said = evil.proved(evil.activity(number(), "Like", actor=person, object=f"{street.base}/ap/notes/1"))
    assert (await street.deliver(evil, said, "/ap/inbox")).startswith(("401", "503"))
    assert len(evil.world.asked) - asked == min(circle, 4)
    assert asyncio.get_running_loop().time() - began < 5


@published("E2")
async def test_where_a_redirect_ends_is_the_server_of_the_id(street: Street, evil: Peer) -> None:
    other = await street.neighbour()
    before = street.digest("remote_actor", "job")
    for there in (f"{other.base}/ap/people/copy", f"{evil.base}/ap/people/copy"):
        person = f"{evil.base}/ap/people/{number()}"
        evil.world.answers[person] = lambda _, there=there: web.Response(status=302, headers={"Location": there})
        evil.world.documents[there] = evil.vouched(evil.actor(person, "Person"))
        said = evil.proved(evil.activity(number(), "Like", actor=person, object=f"{street.base}/ap/notes/1"))
        outcome = await street.deliver(evil, said, "/ap/inbox")
        at_home = there.startswith(evil.base)
        # of the same server it is that server's own document, and its id is the address that was asked
        assert outcome.startswith("parked" if at_home else "401 actor-origin"), outcome
        # an id that another server gives itself
        evil.world.documents[there] = evil.vouched(evil.actor(there, "Person"))
        person = f"{evil.base}/ap/people/{number()}"
        evil.world.answers[person] = lambda _, there=there: web.Response(status=302, headers={"Location": there})
        said = evil.proved(evil.activity(number(), "Like", actor=person, object=f"{street.base}/ap/notes/1"))
        assert await street.deliver(evil, said, "/ap/inbox") == f"401 {'key-document' if at_home else 'actor-origin'}"
    assert street.digest("remote_actor", "job") == before


@published("E3")
async def test_all_hops_together_are_small_and_quick(pair: tuple[Remote, Remote], client: Client) -> None:
    remote, _ = pair
    big = b"x" * (MAX_GET_BYTES + 1)
    remote.answers = [to("/b"), ok(big)]
    assert await refused(client.get(remote.url("/a"), accept="*/*")) == "too-large"
    # what stands beside a redirect is not read at all
    remote.answers = [
        ok(big * 4, status="302 Found", headers="Location: /b\r\n"),
        ok(big * 4, status="302 Found", headers="Location: /c\r\n"),
        ok(b"end"),
    ]
    assert (await client.get(remote.url("/a"), accept="*/*")).body == b"end"
    waits = asyncio.Event()

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n")
        while not waits.is_set():
            writer.write(b"X: y\r\n")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waits.wait(), 0.05)

    remote.speak = drip
    began = asyncio.get_running_loop().time()
    assert await refused(client.get(remote.url("/a"), accept="*/*")) in {"timeout", "bad-answer"}
    assert asyncio.get_running_loop().time() - began < 2
    waits.set()
    assert Timeouts() == Timeouts(connect=5.0, read=10.0, get=20.0, post=30.0)
    assert MAX_GET_BYTES == 1024 * 1024


@published("E4")
async def test_what_opens_a_door_here_is_not_carried_to_another(pair: tuple[Remote, Remote], client: Client) -> None:
    one, other = pair
    secrets = {"Authorization": "Bearer x", "Cookie": "sid=x", "Signature": "x", "X-Api-Key": "x"}
    for there in (other.url("/b", name="other.localhost"), other.url("/b"), one.url("/b", name="sub.remote.localhost")):
        one.answers, other.answers = [to(there), ok()], [ok()]
        await client.get(one.url("/a"), accept="*/*", headers=secrets)
        last = (other.requests or one.requests)[-1]
        for name in secrets:
            assert header(last, name.lower()) == [], (there, name)
        assert header(one.requests[0], "authorization") == ["Bearer x"]
        one.requests.clear()
        other.requests.clear()
    # a redirected POST is an answer: its body and its signature go nowhere else
    one.answers = [to(other.url("/b"), "307 Temporary Redirect")]
    assert (await client.post(one.url("/a"), body=b"secret", headers=secrets)).status == 307
    assert other.requests == []


ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\t//evil.example",
    "/\n/evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", "/%2f%2fevil.example",
    "%2f%2fevil.example", "/.//evil.example", "/..//evil.example", "//evil.example/%2f..", "http:/\\evil.example",
    "evil.example", "@evil.example", ".evil.example", "/\u00a0/evil.example", "/\\/evil.example", "",
)  # fmt: skip
ONWARD = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


def is_here(location: str) -> bool:
    """Whether every browser understands this as an address of the same site."""
    return ONWARD.fullmatch(location) is not None


@published("E5")
async def test_we_lead_nobody_elsewhere(street: Street, dora: str) -> None:
    before = oracles.digest(street.oak)
    for path in (
        *ELSEWHERE[:11],
        "/web//evil.example",
        "/static//evil.example",
        "/n//evil.example",
        "/p//evil.example/",
    ):
        if not path.startswith("/") or not path.isprintable():
            continue
        reply = await street.get(path)
        assert not 300 <= reply.status < 400 or is_here(reply.headers["location"]), path
    assert oracles.digest(street.oak) == before
    for there in ELSEWHERE:
        page = await street.get("/sign-in?" + urlencode({"next": there}))
        (onward,) = re.findall(r'name="next" value="([^"]*)"', page.text)
        assert is_here(onward), (there, onward)
        for shown, path, fields in (
            ("/account", "/account/language", {"language": "en", "next": there}),
            ("/account", "/again", {"passphrase": "x", "next": there}),
        ):
            reply = await street.form(shown, path, **fields)
            assert not 300 <= reply.status < 400 or is_here(reply.headers["location"]), (there, reply.headers)
        opened = await _signed_in(street, dora, there)
        assert is_here(opened), (there, opened)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dora(street: Street) -> str:
    """A resident who signs in with a passphrase."""
    viewer = await street.oak.resident("Dora Dakgoot")
    hashed = access.hash_passphrase(PASSPHRASE)
    await street.oak.database.write(access.set_passphrase, account=viewer.account, hash=hashed)
    return "Dora Dakgoot"


async def _signed_in(street: Street, name: str, there: str) -> str:
    """Where a resident is led who signs in and had this in mind."""
    page = await street.get("/sign-in")
    proof = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert proof is not None
    body = urlencode({"csrf": proof[1], "name": name, "passphrase": PASSPHRASE, "next": there}).encode()
    lines = [
        ("Host", street.host),
        ("Cookie", page.headers["set-cookie"].partition(";")[0]),
        ("Sec-Fetch-Site", "same-origin"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    reply = await street.send(request("POST", "/sign-in", lines, body))
    assert reply.status == 303, reply.text
    return reply.headers["location"]


@published("E6")
async def test_a_post_of_others_is_read_here_and_leads_nobody_away(street: Street, evil: Peer) -> None:
    note = evil.note(number(), [evil.group, street.group], url=f"{evil.base}/p/1")
    assert await street.deliver(evil, evil.announced(evil.created(note), number=number())) == "understood"
    post: Any = await street.row(note["id"])
    for path in (f"/p/{post.id}", f"/help/{post.id}"):
        reply = await street.page(path)
        assert not 300 <= reply.status < 400 or is_here(reply.headers["location"])
        assert "http-equiv" not in reply.text.lower()
    assert (await street.page(f"/p/{post.id}")).status == 200
    as_activity = await street.page(f"/p/{post.id}", ("Accept", "application/activity+json"))
    assert not 300 <= as_activity.status < 400
