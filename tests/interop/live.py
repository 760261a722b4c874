"""Fedify and fedhood as live peers of each other: `python -m tests.interop.live`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp

from fedhood.adapters.activitypub import actors, knocking
from fedhood.adapters.activitypub.knocking import Plan
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.core import moderation, posts, timelines
from fedhood.core.posts import Audience
from tests.interop import fetched
from tests.support.egress import GUARD
from tests.support.world import place, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.world import Place

BOUND = 45.0  # seconds for all of it, once Fedify is here
PATIENCE = 10.0  # seconds until something has arrived
SECRET = "zilverreiger"  # stands in what stays among neighbours


class Broken(Exception):
    """A step that does not hold."""


@dataclass
class Fedify:
    """The other server, by the orders that it takes."""

    process: asyncio.subprocess.Process
    base: str = ""
    number: int = 0

    async def __call__(self, order: str, **given: Any) -> Any:
        self.number += 1
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"id": self.number, "order": order, **given}).encode() + b"\n")
        await self.process.stdin.drain()
        return await self.answer()

    async def answer(self) -> Any:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        if not line:
            raise Broken("Fedify broke off")
        said = json.loads(line)
        if "error" in said:
            raise Broken(said["error"])
        return said["answer"]


@contextlib.asynccontextmanager
async def fedify() -> AsyncIterator[Fedify]:
    process = await asyncio.create_subprocess_exec(
        *fetched.node(),
        "fedify_server.mjs",
        cwd=fetched.HERE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    peer = Fedify(process)
    try:
        peer.base = (await peer.answer())["base"]
        yield peer
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class Street:
    """Both servers, the resident, and what was seen to hold."""

    elm: Place
    there: Fedify
    ana: Any
    session: aiohttp.ClientSession
    held: list[str] = field(default_factory=list)

    @property
    def group(self) -> str:
        return self.elm.server.addresses.group("elm")

    def holds(self, what: str, condition: object) -> None:
        if not condition:
            raise Broken(what)
        self.held.append(what)

    async def heard(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """What Fedify took of one kind, once there are so many."""

        async def enough() -> list[dict[str, Any]] | None:
            found = [one for one in (await self.there("heard"))["heard"] if one["kind"] == kind]
            return found if len(found) >= count else None

        return await self.wait_for(f"{count} {kind}", enough)

    async def wait_for(self, what: str, ask: Callable[[], Any]) -> Any:
        until = monotonic() + PATIENCE
        while monotonic() < until:
            await settle(self.elm)
            found = await ask()
            if found:
                return found
            await asyncio.sleep(0.02)
        said = await self.there("heard")
        raise Broken(f"it never came: {what}; refused there: {said['refused']}; heard: {said['heard']}")

    async def say(self, text: str, audience: Audience = Audience.PUBLIC) -> int:
        return await self.elm.database.write(posts.publish, by=self.ana, text=text, audience=audience)

    def note(self, post: int) -> str:
        return self.elm.server.addresses.note(post)

    async def thread(self, root: int) -> list[timelines.Entry]:
        return await self.elm.database.read(timelines.thread, root=root, viewer=self.ana)

    async def thanks(self, post: int) -> int:
        return (await self.elm.database.read(posts.row, post_id=post)).thanks

    async def page(self, path: str, language: str) -> str:
        url = f"http://127.0.0.1:{self.elm.host.rpartition(':')[2]}{path}"
        headers = {"Host": self.elm.host, "Accept-Language": language}
        async with self.session.get(url, headers=headers) as answer:
            return await answer.text()


async def _story(street: Street) -> None:
    there = street.there
    me = (await there("me"))["actor"]
    before = await street.say("Said before anybody listened")
    await street.say(f"A {SECRET} among neighbours", Audience.NEIGHBOURHOOD)

    found = await there("find", handle=f"@elm@{street.elm.host}")
    street.holds("its handle finds the neighbourhood", (found["id"], found["type"]) == (street.group, "Group"))
    street.holds("its outbox lists what everyone may read", found["listed"] == [street.note(before)])
    counted = [one["total"] for one in found["collections"].values()]
    street.holds("its collections count nobody", set(counted) == {None})

    follow = await there("follow", whom=f"@elm@{street.elm.host}")
    (accept,) = await street.heard("Accept")
    street.holds("who follows is told yes", (accept["actor"], accept["object"]) == (street.group, follow))

    post = await street.say("Street party on Sunday")
    (announce,) = await street.heard("Announce")
    street.holds("a public post arrives", announce["object"] == street.note(post))
    street.holds("and is looked up there", announce["content"] == "<p>Street party on Sunday</p>")
    street.holds(
        "with who wrote it", (announce["author"] or "").startswith(f"{street.elm.server.addresses.base}/ap/people/")
    )
    author = announce["author"]

    await street.elm.database.write(posts.edit, by=street.ana, post_id=post, text="Street party on Monday")
    (update,) = await street.heard("Update")
    street.holds("an edit arrives", update["content"] == "<p>Street party on Monday</p>")

    about = {"note": street.note(post), "author": author}
    await there("answer", number=1, content="<p>I bring <b>cake</b></p>", **about)
    (visit,) = await street.wait_for("the answer", lambda: street.thread(post))
    street.holds("an answer is read here", visit.post.text == "I bring cake")
    host = there.base.partition("//")[2]
    street.holds("as who it is from", (visit.author.name, visit.author.visitor) == ("Mo Elsewhere", f"mo@{host}"))
    for language, word in _VISITOR.items():
        page = await street.page(f"/p/{post}", language)
        street.holds(f"and on the page as a visitor's ({language})", word in page and f"mo@{host}" in page)

    like = await there("like", **about)
    await street.wait_for("the thanks", lambda: street.thanks(post))
    await there("unlike", like=like, author=author)

    async def none_left() -> bool:
        return await street.thanks(post) == 0

    street.holds("thanks are counted, and taken back", await street.wait_for("no thanks", none_left))

    reply = await street.elm.database.write(posts.reply, by=street.ana, to=visit.post.id, text="Lovely, thank you")
    (create,) = await street.heard("Create")
    street.holds("a resident's answer arrives there", create["content"] == "<p>Lovely, thank you</p>")
    street.holds("for who was answered", create["mentions"] == [me] and create["answers"] == f"{me}/notes/1")

    await there("change", number=1, content="<p>I bring pie</p>", **about)

    async def pie() -> bool:
        return next(entry.post.text for entry in await street.thread(post)) == "I bring pie"

    street.holds("an answer that changes is read anew", await street.wait_for("pie", pie))
    await there("remove", number=1, author=author)

    async def mine_alone() -> bool:
        return [entry.post.id for entry in await street.thread(post)] == [reply]

    street.holds("and is gone when it is taken away", await street.wait_for("nothing of it", mine_alone))

    await street.elm.database.write(posts.delete, by=street.ana, post_id=post)
    (delete, *_) = await street.heard("Delete")
    street.holds("a removal arrives", delete["object"] == street.note(post))

    await there("unfollow", whom=street.group, follow=follow)
    await settle(street.elm)
    await street.elm.database.write(posts.publish, by=street.ana, text="Nobody listens", audience=Audience.PUBLIC)
    await there("follow", whom=street.group)
    await street.heard("Accept", 2)
    again = await street.say("Somebody listens again")
    street.holds(
        "between unfollowing and following nothing comes",
        [one["object"] for one in await street.heard("Announce", 2)] == [street.note(post), street.note(again)],
    )
    home = street.elm.homes["Elm"]
    await street.elm.database.write(moderation.receive_visitors, by=street.ana, neighbourhood=home, on=False)
    street.holds("where visitors are refused that is told", await street.heard("Reject"))
    said = await there("heard")
    street.holds("all that was delivered was verified there", said["refused"] == [])
    street.holds("what is among neighbours stays", SECRET not in json.dumps(said))
    street.holds("what is changed on its way is refused there", await _forged(street, there.base, signed=True) == 401)
    here = f"http://127.0.0.1:{street.elm.host.rpartition(':')[2]}"
    street.holds("what nobody signed is refused here", await _forged(street, here, signed=False) == 401)


async def _forged(street: Street, base: str, *, signed: bool) -> int:
    """The status of the answer to a word that was changed after it was signed, or never was signed."""
    federation = street.elm.server.federation
    assert federation is not None
    home = actors.group(street.elm.homes["Elm"])
    who = street.group if signed else "http://elsewhere.localhost:9/users/mo"
    said = {"@context": "https://www.w3.org/ns/activitystreams", "id": f"{who}/forged", "type": "Create"}
    said |= {"actor": who, "object": {"id": f"{who}/note", "type": "Note", "attributedTo": who, "content": "yes"}}
    body = json.dumps(said).encode()
    headers = knocking.sign(
        Plan(scheme=Scheme.CAVAGE),
        method="POST",
        url=f"{base}/inbox",
        body=body,
        signer=who,
        pair=await actors.ensure_keys(federation, home),
        date=federation.clock.now(),
    )
    if not signed:
        headers = {"Content-Type": headers["Content-Type"], "Host": street.elm.host}
    path = "/inbox" if signed else "/ap/inbox"
    url = f"http://127.0.0.1:{base.rpartition(':')[2]}{path}"
    async with street.session.post(url, data=body.replace(b"yes", b"no!"), headers=headers) as answer:
        return answer.status


_VISITOR = {
    "en": "Visitor from elsewhere, not a neighbour",
    "nl": "Bezoeker van elders, geen buur",
    "fr": "Visiteur d’ailleurs, pas un voisin",
    "de": "Besuch von anderswo, niemand aus der Nachbarschaft",
}


async def run(folder: Path) -> list[str]:
    """The whole story. Raises Broken."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session, fedify() as there:
        elm = await place(folder, "elm", "Elm")
        try:
            street = Street(elm, there, await elm.resident("Ana Dakkapel", moderator=True), session)
            await _story(street)
            return street.held
        finally:
            await elm.close()


def main() -> int:
    """Fetch Fedify where it is not, then play, and say in plain words what came of it."""
    try:
        fetched.fetch()
    except fetched.Missing as missing:
        print(missing, file=sys.stderr)  # noqa: T201
        return 2
    GUARD.install()
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="fedhood-interop-") as folder:
        try:
            held = asyncio.run(asyncio.wait_for(run(Path(folder)), BOUND))
        except (Broken, TimeoutError, fetched.Missing) as broken:
            print(f"Fedify and fedhood do not get on: {broken or 'it took too long'}")  # noqa: T201
            return 1
    for one in held:
        print(f"  {one}")  # noqa: T201
    for attempt in GUARD.take():
        print(f"Fedify and fedhood do not get on: {attempt} left this machine")  # noqa: T201
        return 1
    took = monotonic() - began
    print(f"Fedify and fedhood get on: {len(held)} things hold both ways, in {took:.0f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
