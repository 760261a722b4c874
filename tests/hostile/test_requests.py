"""D: where no request may go, whoever asks for it and however it is wrapped."""

from __future__ import annotations

import ast
import functools
import re
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from aiohttp import web

from fedhood.adapters.http import guard
from fedhood.adapters.http.guard import BadUrl, checked_url
from fedhood.core import peers
from tests.architecture.test_one_client import BROWSER, CLIENT, ROOT, offences
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.open_world import names, nobody_answers
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, number
from tests.support.world import settle

if TYPE_CHECKING:
    from tests.hostile.open_world import OpenWorld
    from tests.hostile.peer import Document, Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")
INSIDE = ("10.0.0.1", "169.254.169.254", "192.168.1.1", "[fe80::1]", "[::ffff:10.0.0.1]", "0.0.0.0")


async def looked_up(street: Street, host: str) -> str | None:
    """Bob names a server; why it was not found."""
    peer = await street.oak.database.write(peers.propose, by=street.bob, host=host)
    await street.settle()
    return (await street.oak.database.read(peers.get, peer)).last_error


def to(location: str) -> Any:
    return lambda _request: web.Response(status=302, headers={"Location": location})


@published("D2")
async def test_looking_a_server_up_follows_three_redirects_of_its_own_kind(street: Street) -> None:
    async def led(location: str) -> tuple[str | None, list[str]]:
        evil = street.stranger()
        answers, known = evil.world.answers, f"{evil.base}/.well-known/nodeinfo"
        answers[known] = to(location.replace("SELF", evil.base))
        for step in range(60):
            answers[f"{evil.base}/{step}"] = to(f"{evil.base}/{step + 1}")
        return await looked_up(street, evil.host), evil.world.asked_of(evil.host)

    with nobody_answers() as tried:
        for location, why, hops in (
            ("SELF/.well-known/nodeinfo", "redirects", 1),
            ("SELF/0", "redirects", 4),
            ("https://elsewhere.localhost/", "redirects", 1),
            ("ftp://elsewhere.localhost/", "bad-url", 1),
            ("file:///etc/passwd", "bad-url", 1),
            ("data:application/json,{}", "bad-url", 1),
            *((f"http://{inside}/.well-known/nodeinfo", "forbidden-address", 1) for inside in INSIDE),
        ):
            found, asked = await led(location)
            assert (found, len(asked)) == (why, hops), location
    assert set(tried) <= {"127.0.0.1"}


@published("D4")
async def test_nodeinfo_names_an_actor_of_its_own_server_or_none(street: Street) -> None:
    other = street.stranger()
    for href in (
        other.instance, "http://10.0.0.1/ap/instance", "data:application/json,{}", "http://127.0.0.1:1/x",
        "http://x@evil.localhost/", "/ap/instance", "", None, {"href": "x"}, ["x"],
    ):  # fmt: skip
        evil = street.stranger()
        known = f"{evil.base}/.well-known/nodeinfo"
        evil.world.documents[known]["links"][0]["href"] = href
        with oracles.connections() as tried:
            assert await looked_up(street, evil.host) in {"actor-origin", "not-federated"}, href
        assert {port for _, port in tried} == {evil.world.port}
        assert evil.world.asked_of(evil.host) == [known]
    assert evil.world.asked_of(other.host) == []


@published("D5")
async def test_a_signed_request_is_led_nowhere_else(street: Street, evil: Peer) -> None:
    other = street.stranger()
    for target in (*(f"http://{inside}/x" for inside in INSIDE), f"{other.base}/x"):
        person = f"{evil.base}/ap/people/{number()}"
        evil.world.answers[person] = to(target)
        said = evil.proved(evil.activity(number(), "Like", actor=person, object=f"{street.base}/ap/notes/1"))
        with nobody_answers() as tried:
            outcome = await street.deliver(evil, said, "/ap/inbox")
        assert outcome.startswith(("401", "503")), target
        assert set(tried) <= {"127.0.0.1"}
        assert person in evil.world.signed
    assert f"{other.base}/x" not in evil.world.signed
    assert f"{other.base}/x" in evil.world.asked


@published("D8")
async def test_a_part_of_an_address_stays_a_part(street: Street, evil: Peer) -> None:
    for part in ("a&b=c", "a?b=c", "a#b", "a;b", "a%0d%0aX: y", 'a"b', "a%26next=//evil.example"):
        shown = await street.get(f"/p/{quote(part, safe='%')}/edit")
        assert shown.status == 401
        links = [unescape(link) for link in re.findall(r'href="(/sign-in[^"]*)"', shown.text)]
        onward = [value for link in links for value in parse_qs(urlsplit(link).query).get("next", [])]
        assert onward, part
        assert all(list(parse_qs(urlsplit(link).query)) in ([], ["next"]) for link in links)
        assert all(one.startswith("/p/") and one.endswith("/edit") for one in onward), onward
    # an address that another server gives is asked as it stands, or not at all
    strange = f"{evil.base}/ap/people/x?a=b&c=%2F..%2F"
    evil.world.documents[strange] = evil.vouched(evil.actor(strange, "Person"))
    said = evil.proved(evil.activity(number(), "Like", actor=strange, object=f"{street.base}/ap/notes/1"))
    await street.deliver(evil, said, "/ap/inbox")
    assert evil.world.asked[-1] == strange
    asked = len(evil.world.asked)
    for broken in ("x\r\nX-Y: z", "x y", "x\ty", "x\u00e9", "x\\y", "x\x7f"):
        uri = f"{evil.base}/ap/people/{broken}"
        for members in ({"id": uri, "actor": evil.mallory}, {"actor": uri}):
            said = evil.activity(number(), "Like", object=f"{street.base}/ap/notes/1") | members
            assert await street.deliver(evil, said, "/ap/inbox", by=evil.mallory) == "400 activity-address", broken
    assert len(evil.world.asked) == asked


@published("D9")
async def test_a_letter_with_a_thousand_addresses_causes_no_thousand_requests(street: Street, evil: Peer) -> None:
    other = street.stranger()
    many = [f"{other.base}/x/{step}" for step in range(1_000)]
    note = evil.note(number(), [evil.group, street.group]) | {
        "tag": [{"type": "Mention", "href": one} for one in many[:200]],
        "attachment": [{"type": "Document", "url": one, "mediaType": "image/png"} for one in many[200:400]],
        "replies": {"type": "Collection", "items": many[400:500], "first": many[500]},
        "icon": [{"type": "Image", "url": one} for one in many[501:600]],
        "inReplyToAtomUri": many[600],
        "content": "".join(f'<p><a href="{one}">x</a></p>' for one in many[700:900]),
    }
    asked = len(evil.world.asked)
    with oracles.connections() as tried:
        assert await street.deliver(evil, evil.announced(evil.created(note), number=number())) == "understood"
        for name in ("to", "cc", "bto", "audience", "object", "target", "result", "instrument"):
            said = evil.activity(number(), "Like", actor=evil.mallory, object=f"{street.base}/ap/notes/1")
            await street.deliver(evil, evil.proved(said | {name: many[:99]}), "/ap/inbox")
        await street.settle()
    assert len(evil.world.asked) - asked <= 3
    assert evil.world.asked_of(other.host) == []
    assert len([port for _, port in tried if port != street.port]) <= 3


async def trouble(outside: OpenWorld, host: str, addresses: tuple[str, ...]) -> str:
    """What Bob's server says of an address that he typed and that means these."""
    with names(addresses), nobody_answers() as tried:
        peer = await outside.oak.database.write(peers.propose, by=outside.bob, host=host)
        await settle(outside.oak)
    assert not [one for one in tried if one not in addresses or not guard.is_public(one)]
    return (await outside.oak.database.read(peers.get, peer)).last_error or ""


@published("D10")
async def test_nobody_aims_the_servers_requests_at_what_is_near_it(outside: OpenWorld) -> None:
    assert await trouble(outside, f"{number()}.example", ("8.8.8.8",)) == "unreachable"
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "192.168.0.1"):
        assert await trouble(outside, f"{number()}.example", (address,)) == "forbidden-address"


@published("D10")
async def test_what_is_near_and_what_is_nowhere_read_the_same(outside: OpenWorld) -> None:
    from fedhood.adapters.web import peer_words  # noqa: PLC0415 - the page's own table is what is asked

    table = peer_words._TROUBLE
    assert table.get("forbidden-address", peer_words._UNREADABLE) == table["unreachable"]
    _ = outside


@published("D12")
async def test_one_module_opens_connections_and_no_other_can() -> None:
    modules = [path for path in ROOT.rglob("*.py") if path not in {CLIENT, BROWSER}]
    assert len(modules) > 100
    assert {path.name: names for path in modules if (names := offences(path.read_text("utf-8")))} == {}
    assert not any(
        isinstance(node, ast.Attribute) and node.attr in {"smtplib", "imaplib", "ftplib", "telnetlib"}
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


@published("D13")
async def test_every_connection_of_a_server_is_of_a_socket_that_the_guard_made(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []
    client = street.oak.server.client

    def watched(open_socket: Any, info: Any) -> Any:
        opened = open_socket(info)
        made.append((info[4][0], info[4][1]))
        return opened

    for pool in (client._asking, client._saying):
        connector = pool.connector
        monkeypatch.setattr(connector, "_socket_factory", functools.partial(watched, connector._socket_factory))
    with oracles.connections() as tried:
        evil = await street.neighbour()
        post = await street.told("Heard by all")
        await street.oak.database.write(peers.propose, by=street.bob, host=street.stranger().host)
        await street.settle()
        await street.page(f"/p/{post.id}")
    outgoing = [one for one in tried if one[1] not in {street.port, int(street.elm.host.rpartition(":")[2])}]
    assert outgoing
    assert sorted(outgoing) == sorted(one for one in made if one[1] == evil.world.port)


NO_URLS = (
    " https://x.example/", "https://x.example/ ", "\thttps://x.example/", "\x00https://x.example/", "ht\ntps://x.example/",
    "https://x\n.example/", "https://x.example/\r\nX: y", "local_file:///etc/passwd", "local-file:///etc/passwd",
    "file:///etc/passwd", "FILE:///etc/passwd", "url:file:///etc/passwd", "ftp://x.example/", "gopher://x.example/",
    "dict://x.example/", "jar:https://x.example/", "https:x.example", "https:/x.example/", "https:///x.example/",
    "https:\\\\x.example\\", "https://x.example\\@y.example/", "http://x.example/", "//x.example/", "https://x.example:8443/",
)  # fmt: skip


@published("D17")
async def test_what_is_no_plain_address_is_none(street: Street, evil: Peer) -> None:
    before = street.digest()
    for url in NO_URLS:
        with pytest.raises(BadUrl):
            checked_url(url, loopback=False)
    for url in (one.replace("x.example", evil.host) for one in NO_URLS if one != "http://x.example/"):
        said: Document = evil.activity(number(), "Like", actor=url, object=f"{street.base}/ap/notes/1")
        for members in ({"actor": url}, {"id": url, "actor": evil.mallory}):
            letter = evil.letter(street.host, PEER_INBOX, said | members, by=evil.mallory)
            reply = await street.send(letter)
            assert reply.status in {400, 403}, url
        key_id = "".join(sign for sign in url if sign.isprintable())
        if key_id == url:
            letter = evil.letter(street.host, INSTANCE_INBOX, said, by=evil.mallory, key_id=f"{url}#main-key")
            assert (await street.send(letter)).status in {400, 401, 403}, url
    assert street.digest() == before
