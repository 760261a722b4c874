"""C: what a document is, is said by its media type, and by nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest

from fedhood.adapters.web.routes import ROUTES
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, SHARED, number
from tests.hostile.wire import Line, request

if TYPE_CHECKING:
    from tests.hostile.peer import Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROFILE = '"https://www.w3.org/ns/activitystreams"'
NO_ACTIVITY = (
    "text/html", "text/plain", "application/json", "image/png", "application/octet-stream", "application/ld+json",
    f"application/ld+json; profile={PROFILE[:-1]}x\"", "application/jrd+json", "application/activity+jsonx", "x",
    "text/html; application/activity+json", "application/activity+json, text/html", "multipart/form-data; boundary=x",
    "application/activity+json; charset=utf-16", "application /activity+json", "", "application/x-www-form-urlencoded",
)  # fmt: skip


@published("C1")
async def test_what_is_served_as_something_else_is_no_actor(street: Street, evil: Peer) -> None:
    before = street.digest()
    for kind in NO_ACTIVITY:
        person = f"{evil.base}/ap/people/{number()}"
        evil.world.documents[person] = evil.vouched(evil.actor(person, "Person"))
        evil.world.media_types[person] = kind
        said = evil.proved(evil.activity(number(), "Like", actor=person, object=f"{street.base}/ap/notes/1"))
        assert await street.deliver(evil, said, SHARED) == "401 actor-media-type", kind
        stranger = street.stranger()
        stranger.world.media_types[stranger.instance] = kind
        asked = stranger.follow(number(), street.instance)
        assert await street.deliver(stranger, asked, INSTANCE_INBOX) == "401 actor-media-type", kind
    assert street.digest() == before


@published("C1")
async def test_what_arrives_as_something_else_is_no_activity(street: Street, evil: Peer) -> None:
    note = evil.note(number(), [evil.group, street.group])
    said = evil.announced(evil.created(note), number=number())
    before = street.digest()
    for kind in NO_ACTIVITY:
        letter = evil.letter(street.host, PEER_INBOX, said, content_type=kind or "application/octet-stream")
        assert (await street.send(letter)).status == 415, kind
    assert street.fate(said) == "nowhere"
    assert street.digest() == before
    kind = f"application/ld+json;charset=UTF-8; profile={PROFILE}"
    assert (await street.send(evil.letter(street.host, PEER_INBOX, said, content_type=kind))).status == 202


@published("C4")
async def test_what_cannot_be_read_is_refused_before_it_is_held(street: Street, evil: Peer) -> None:
    kinds = ("multipart/form-data; boundary=x", "text/plain", "application/json")
    await asyncio.gather(*(_refused_at_once(street, evil, kind) for kind in kinds))


async def _refused_at_once(street: Street, evil: Peer, kind: str) -> None:
    letter = evil.letter(street.host, PEER_INBOX, b"x" * (1 << 20), content_type=kind)
    head, _, _ = letter.raw().partition(b"\r\n\r\n")
    line = await Line.open(street.port)
    line.writer.write(head + b"\r\n\r\n" + b"x" * 1024)
    reply = await line.answer()
    assert reply.status == 415
    # what still comes is thrown away, and not for long
    line.writer.write(b"x" * 1024)
    async with asyncio.timeout(10):
        while await line.reader.read(1 << 16):
            pass
    await line.close()


_IDS = re.compile(r"\{[^}]*\}")


@published("C5")
async def test_json_by_another_name_changes_nothing_for_who_is_signed_in(street: Street) -> None:
    cookie = await street.cookie()
    before = oracles.digest(street.oak, but=frozenset({"session"}))
    body = json.dumps({"text": "C-CANARY", "csrf": "x", "name": "x", "host": "evil.example"}).encode()
    doors = [_IDS.sub("1", route.path) for route in ROUTES if route.method == "POST"]
    assert len(doors) > 40
    for door in doors:
        for kind, from_where in (
            ("text/plain", "cross-site"),
            ("text/plain", "same-origin"),
            ("application/json", "same-origin"),
            ("application/x-www-form-urlencoded", "cross-site"),
            ("application/x-www-form-urlencoded", "same-origin"),
        ):
            lines = [
                ("Host", street.host), ("Cookie", cookie), ("Content-Type", kind), ("Sec-Fetch-Site", from_where),
                ("Origin", "https://evil.example" if from_where == "cross-site" else street.base),
            ]  # fmt: skip
            reply = await street.send(request("POST", door, lines, body))
            assert 400 <= reply.status < 500, (door, kind, reply.status)
            assert reply.headers.get("access-control-allow-origin") is None
    assert oracles.digest(street.oak, but=frozenset({"session"})) == before


HEADERS = (
    "Accept", "Accept-Charset", "Accept-Datetime", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie",
    "DNT", "Expect-CT", "Forwarded", "From", "Front-End-Https", "If-Match", "If-Modified-Since", "If-None-Match",
    "Origin", "Pragma", "Proxy-Host", "Range", "Referer", "Sec-Fetch-Site", "Sec-GPC", "Signature", "TE",
    "True-Client-IP", "Upgrade-Insecure-Requests", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Server",
    "X-HTTP-Method-Override", "X-Host", "X-Method-Override", "X-Original-URL", "X-Real-IP", "X-Rewrite-URL",
)  # fmt: skip
CANARY = "c6-canary.example"
PAGES = (
    "/", "/about", "/rules", "/about/policy", "/n/oak", "/sign-in", "/nowhere", "/ap/instance", "/ap/groups/oak",
    "/.well-known/nodeinfo", "/nodeinfo/2.1", "/.well-known/webfinger?resource=acct:oak@HOST",
)  # fmt: skip


@published("C6")
@pytest.mark.parametrize("path", PAGES)
async def test_no_header_changes_what_a_cache_would_show_to_others(street: Street, path: str) -> None:
    assert len(HEADERS) >= 40
    path = path.replace("HOST", street.host)
    plain = await street.get(path)
    for name in HEADERS:
        line = await street.line()
        for value in (CANARY, "nl", f"https://{CANARY}/", "application/activity+json"):
            raw = request("GET", path, [("Host", street.host), (name, value)])
            reply = await line.ask(raw)
            assert CANARY.encode() not in reply.body, (name, value)
            assert CANARY not in str({k: v for k, v in reply.headers.items() if k != "vary"}), (name, value)
            kept = "no-store" not in reply.headers.get("cache-control", "no-store")
            if (reply.status, reply.body) != (plain.status, plain.body):
                plain = await line.ask(request("GET", path, [("Host", street.host)]))  # it may be another second by now
                reply = await line.ask(raw)
            differs = (reply.status, reply.body) != (plain.status, plain.body)
            varies = {one.strip().lower() for one in reply.headers.get("vary", "").split(",")}
            assert not (kept and differs) or name.lower() in varies, (name, value)
        await line.close()
