"""F: sizes, compression, depth: of what others send and of what residents type."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import re
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from fedhood.core import peers
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, befriend, number, said_to_oak
from tests.hostile.wire import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.peer import Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")
_count = itertools.count(1)


# -- what others send --------------------------------------------------------------------------------------------------


def _help(evil: Peer, **members: Any) -> dict[str, Any]:
    _ = evil
    asked = {
        "fhStatus": "open", "fhRevision": 1, "fhCategory": "carrying", "fhArea": "x", "endTime": "2027-01-01T00:00:00Z",
        "content": "<p>x</p>",
    }  # fmt: skip
    return asked | members


FIELDS: dict[str, tuple[int, Callable[[Peer, str], dict[str, Any]]]] = {
    "content": (5_000, lambda evil, text: {"content": f"<p>{text}</p>"}),
    "content of a request": (200, lambda evil, text: _help(evil, content=f"<p>{text}</p>")),
    "area": (80, lambda evil, text: _help(evil, fhArea=text)),
    "category": (20, lambda evil, text: _help(evil, fhCategory=text)),
    "language": (35, lambda evil, text: {"contentMap": {text: "<p>x</p>"}}),
    "id": (2_000, lambda evil, text: {"id": f"{evil.base}/{text}"}),
    "inReplyTo": (2_000, lambda evil, text: {"inReplyTo": f"{evil.base}/{text}"}),
    "attributedTo": (2_000, lambda evil, text: {"attributedTo": f"{evil.base}/{text}"}),
    "context": (2_000, lambda evil, text: {"context": text, "conversation": text, "url": f"{evil.base}/{text}"}),
    "summary": (20, lambda evil, text: {"summary": text, "name": text, "source": {"content": text}}),
    "tags": (20, lambda evil, text: {"tag": [{"type": "Hashtag", "name": text}] * 50, "attachment": [text] * 50}),
}


@published("F1")
@pytest.mark.parametrize("field", FIELDS)
async def test_a_member_that_is_too_long_is_cut_or_refused(street: Street, evil: Peer, field: str) -> None:
    limit, build = FIELDS[field]
    for size in (limit + 1, min(max(limit, 50) * 1_000, 900_000)):
        said = said_to_oak(street, evil, **build(evil, "Z" * size))
        began, memory = time.process_time(), oracles.resident_mib()
        await street.deliver(evil, said)
        assert time.process_time() - began < 1
        assert oracles.resident_mib() - memory < 20
        assert oracles.tables_with(street.oak, "Z" * (limit + 1)) == []


@published("F1")
async def test_a_list_that_is_too_long_is_refused(street: Street, evil: Peer) -> None:
    groups = [f"{evil.base}/ap/groups/g{step}" for step in range(2_000)]
    for count in (101, 2_000):
        to = [evil.group, street.group, *groups[: count - 2]]
        note = evil.note(number(), to)
        assert (await street.deliver(evil, evil.announced(evil.created(note), number=number()))).startswith(
            ("refused", "400")
        )
        stranger = street.stranger()
        offered = [one.replace(evil.host, stranger.host) for one in groups[:count]]
        asked = stranger.follow(number(), street.instance, fhNeighbourhoods=offered)
        # what a stranger sends is short
        refused = "refused peering-groups" if count < 2_000 else "413 too-large"
        assert await street.deliver(stranger, asked, INSTANCE_INBOX) == refused
    follow = {"id": "x", "type": "Follow", "actor": street.instance, "object": evil.instance}
    yes = evil.accept(number(), follow, [(one, street.group) for one in groups] * 2)
    assert (await street.deliver(evil, yes, INSTANCE_INBOX)).startswith(("refused", "400"))
    flagged = evil.activity(
        number(), "Flag", actor=evil.instance, to=[street.instance], fhScope="direct", object=groups[:21], content="Z"
    )
    assert (await street.deliver(evil, evil.proved(flagged))).startswith("refused")


@published("F1")
async def test_a_name_that_is_too_long_is_cut(street: Street) -> None:
    evil = street.stranger()
    longer = dict.fromkeys(("name", "preferredUsername", "summary"), "Z" * 100_000)
    evil.world.documents[evil.instance] |= longer
    evil.world.documents[evil.instance]["implements"] += ["Z" * 1_000] * 300
    for uri, kind in ((evil.group, "Group"), (evil.mallory, "Person")):
        evil.world.documents[uri] = evil.vouched(evil.actor(uri, kind) | longer)
    await befriend(evil, street.oak, street.bob)
    assert await street.deliver(evil, said_to_oak(street, evil)) == "understood"
    assert oracles.tables_with(street.oak, "Z" * 1_001) == []
    assert "remote_actor" in oracles.tables_with(street.oak, "Z" * 60)


# -- what residents type -----------------------------------------------------------------------------------------------

_FORM = re.compile(r'<form\b[^>]*\baction="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r"<(?:input|textarea|select)\b[^>]*\bname=\"([^\"]+)\"[^>]*>")
PAGES = ("/compose", "/help/new", "/account", "/host/neighbours", "/host/codes", "/host/rules", "/host/people")


@published("F2")
async def test_no_form_takes_a_word_without_an_end(street: Street) -> None:
    tried = 0
    for shown in (*PAGES, f"/p/{await _a_post(street)}", f"/p/{await _a_post(street)}/report"):
        page = await street.page(shown)
        assert page.status == 200, shown
        for action, inside in _FORM.findall(page.text):
            if "sign-out" in action or "leave" in action:
                continue
            names = [name for name in _FIELD.findall(inside) if name != "csrf"]
            for name in names:
                for size in (5_001, 60_000):
                    fields = dict.fromkeys(names, "1") | {name: "Z" * size}
                    reply = await street.form(shown, action, **fields)
                    assert oracles.tables_with(street.oak, "Z" * 5_001) == [], (shown, action, name)
                    tried += 1
            reply = await street.form(shown, action, **{f"x{step}": "1" for step in range(200)})
            # what asks for nothing needs nothing
            assert 400 <= reply.status < 500 or not names, (shown, action)
            reply = await street.form(shown, action, text="Z" * (1 << 17))
            assert reply.status == 413
    assert tried > 20


async def test_no_form_answers_that_it_is_at_fault(street: Street) -> None:
    shown = "/host/codes"
    page = await street.page(shown)
    faults = []
    for action, inside in _FORM.findall(page.text):
        names = [name for name in _FIELD.findall(inside) if name != "csrf"]
        for name in names:
            reply = await street.form(shown, action, **(dict.fromkeys(names, "1") | {name: "Z" * 5_001}))
            faults += [(action, name)] if reply.status >= 500 else []
    assert faults == []


async def _a_post(street: Street) -> int:
    post = await street.told(f"Say something {next(_count)}")
    return post.id


# -- compression -------------------------------------------------------------------------------------------------------


def bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


@published("F3")
async def test_what_unfolds_is_not_unfolded(street: Street, evil: Peer) -> None:
    packed = {
        "gzip": bomb(31), "deflate": bomb(15), "x-gzip": bomb(31), "br": b"\x5b" * 1000, "zstd": b"(\xb5/\xfd" * 100,
        "gzip, gzip": gzip.compress(bomb(31)), "GZIP": bomb(31), "identity": b"{}",
    }  # fmt: skip
    before = street.digest()
    for encoding, body in packed.items():
        memory, began = oracles.resident_mib(), time.process_time()
        letter = evil.letter(street.host, PEER_INBOX, body, by=evil.group, fields=(("Content-Encoding", encoding),))
        reply = await street.send(letter)
        assert reply.status in {400, 413, 415}, encoding
        if encoding != "identity":
            lines = [
                ("Host", street.host), ("Cookie", await street.cookie()), ("Sec-Fetch-Site", "same-origin"),
                ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Encoding", encoding),
            ]  # fmt: skip
            reply = await street.send(request("POST", "/compose", lines, body))
            assert 400 <= reply.status < 500, encoding
        assert time.process_time() - began < 2
        assert oracles.resident_mib() - memory < 8
    assert street.digest("session") == {name: before[name] for name in before if name != "session"}


@published("F4")
async def test_an_answer_in_an_encoding_that_was_not_asked_for_is_no_answer(street: Street) -> None:
    for encoding in ("br", "zstd", "gzip, br", "gzip, gzip", "compress", "x"):
        evil = street.stranger()
        known = f"{evil.base}/.well-known/nodeinfo"
        asked: list[str | None] = []

        def answer(req: Any, encoding: str = encoding, asked: list[str | None] = asked) -> Any:
            asked.append(req.headers.get("Accept-Encoding"))
            return web_answer(encoding)

        evil.world.answers[known] = answer
        peer = await street.oak.database.write(peers.propose, by=street.bob, host=evil.host)
        await street.settle()
        assert (await street.oak.database.read(peers.get, peer)).last_error == "bad-answer"
        assert asked == ["gzip"]


def web_answer(encoding: str) -> Any:
    return web.Response(body=b"\x8b\x01\x80{}\x03", headers={"Content-Encoding": encoding})


# -- depth and numbers -------------------------------------------------------------------------------------------------


async def refused_as(street: Street, evil: Peer, body: bytes) -> str:
    """Deliver these bytes, see that they are refused at once, and say by which rule."""
    began = time.process_time()
    reply = await street.send(evil.letter(street.host, PEER_INBOX, body, by=evil.group))
    assert reply.status in {400, 413}, reply.status
    assert time.process_time() - began < 0.5
    return reply.code


@published("F5", "CVE-2024-27454", "CVE-2022-31052", "CVE-2019-15542")
async def test_what_is_nested_deeply_is_refused_and_nobody_falls(street: Street, evil: Peer) -> None:
    for depth in (32, 33, 5_000, 500_000):
        nested = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        assert await refused_as(street, evil, nested) == ("json-depth" if depth < 10_000 else "json-values"), depth
    for nested in (b'{"a":' * 100_000, b"[" * 1_000_000, b'[{"a":' * 150_000, b'{"a":[' * 33 + b"1" + b"]}" * 33):
        assert await refused_as(street, evil, nested) in {"json-depth", "json-values"}
    tags = {
        100_000: "<b>" * 20_000 + "x",
        999: "<i>" * 999 + "x",
        1_001: "<i>" * 1_001 + "x",
        500: "<b><p>" * 499 + "x",
    }
    for html in tags.values():
        began = time.process_time()
        outcome = await street.deliver(evil, said_to_oak(street, evil, content=html))
        assert outcome in {"understood", "refused content-tags", "refused content-size"}
        assert outcome == ("understood" if html.count("<") <= 1_000 and len(html) <= 65_536 else outcome)
        assert time.process_time() - began < 0.5
    assert await street.deliver(evil, said_to_oak(street, evil, content=tags[100_000])) != "understood"
    assert (await street.get("/about")).status == 200


@published("F6")
async def test_a_number_of_a_million_digits_takes_no_time(street: Street, evil: Peer) -> None:
    for digits in (b"9" * 1_000_000, b"-" + b"9" * 900_000, b"9" * 4_301, b"9" * 18):
        began = time.process_time()
        assert await refused_as(street, evil, b'{"id":' + digits + b"}") == "json-integer"
        assert time.process_time() - began < 0.1
    assert await refused_as(street, evil, b'{"id":1' + b"0" * 900_000 + b".5}") in {"json-float", "json-integer"}


@published("F7")
async def test_no_number_is_no_number(street: Street, evil: Peer) -> None:
    text = json.dumps(said_to_oak(street, evil, fhRevision=77_777))
    assert text.count("77777") == 1
    for word in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e400", "9007199254740992", "01", "1.", "0x1"):
        code = await refused_as(street, evil, text.replace("77777", word).encode())
        assert code in {"json-constant", "json-float", "json-integer", "json-syntax"}, word


@published("F11")
async def test_what_a_request_asks_for_has_an_end(street: Street) -> None:
    paths = (
        "/?" + "x" * 10_000_000, "/" + "x" * 9_000, "/?" + "&".join(f"a{step}=1" for step in range(10_000)),
        "/.well-known/webfinger?resource=" + "x" * 7_000, "/p/" + "9" * 5_000, "/ap/notes/" + "9" * 4_000,
        "/help/" + "9" * 5_000, "/?page=" + "9" * 5_000,
    )  # fmt: skip
    for path in paths:
        memory = oracles.resident_mib()
        try:
            reply = await street.get(path)
            assert reply.status in {200, 400, 404, 414, 422, 431}, path[:40]
            assert reply.status != 200 or len(path) < 8_192
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it hung up before all was said
        assert oracles.resident_mib() - memory < 40  # ten megabytes are our own, twice
    assert (await street.get("/about")).status == 200


@published("F12")
async def test_no_string_holds_what_no_text_holds(street: Street, evil: Peer) -> None:
    said = said_to_oak(street, evil, summary="SUMMARY")
    before = street.digest()
    text = json.dumps(said)
    strings = sorted(set(re.findall(r'"((?:[^"\\]|\\.)*)"', text)))
    assert len(strings) > 40
    for string, broken in itertools.product(strings[::2], (r"\u0000", r"\ud800", r"\udfff", r"\ud800\ud800")):
        changed = text.replace(f'"{string}"', f'"{string}{broken}"', 1)
        expected = {"json-nul", "json-surrogate", "json-duplicate-name"}
        assert await refused_as(street, evil, changed.encode()) in expected, string
    for raw in (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf"):
        assert (await refused_as(street, evil, raw + text.encode())).startswith("json-")
        if raw != b"\xef\xbb\xbf":  # which is a character, if a useless one, further on
            assert (await refused_as(street, evil, text.encode().replace(b"SUMMARY", raw))).startswith("json-")
    assert street.digest() == before
