"""The one way out: what it sends, whom it asks, where it follows and how much it takes."""

import gzip
import tracemalloc
import zlib
from contextlib import AsyncExitStack

import pytest

from fedhood.adapters.http.client import MAX_GET_BYTES, MAX_POST_ANSWER_BYTES, Client
from tests.adapters.http.remote import Remote, header, ok, refused, resolving_to, served, to

# What is sent


async def test_a_get_sends_the_target_untouched_and_asks_for_gzip_only(remote: Remote, client: Client) -> None:
    remote.answers = [ok(b"{}", headers="Content-Type: application/json\r\n")]
    answer = await client.get(remote.url("/a%2Fb/%7Euser?x=%41&y=+#main-key"), accept="application/json")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"{}", "application/json")
    assert answer.url == remote.url("/a%2Fb/%7Euser?x=%41&y=+")
    request = remote.requests[0]
    assert request.startswith(b"GET /a%2Fb/%7Euser?x=%41&y=+ HTTP/1.1\r\n")
    assert header(request, "accept-encoding") == ["gzip"]
    assert header(request, "accept") == ["application/json"]
    assert header(request, "user-agent") == ["fedhood/test"]
    assert header(request, "host") == [f"remote.localhost:{remote.port}"]


async def test_a_post_sends_exactly_its_bytes_and_headers(remote: Remote, client: Client) -> None:
    remote.answers = [ok(status="202 Accepted")]
    body = b'{"a":"\xc3\xbc\\u00fc"}\x00\xff'
    answer = await client.post(remote.url("/inbox"), body=body, headers={"Content-Type": "application/activity+json"})
    assert answer.status == 202
    request = remote.requests[0]
    assert request.partition(b"\r\n\r\n")[2] == body
    assert header(request, "content-type") == ["application/activity+json"]
    assert header(request, "content-length") == [str(len(body))]
    assert header(request, "transfer-encoding") == []


async def test_a_cookie_is_never_sent_back(remote: Remote, client: Client) -> None:
    remote.answers = [ok(headers="Set-Cookie: a=b; Path=/\r\n"), ok()]
    for _ in range(2):
        await client.get(remote.url(), accept="*/*")
    assert header(remote.requests[1], "cookie") == []


async def test_a_proxy_named_in_the_environment_is_not_used(
    remote: Remote, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    remote.answers = [ok(b"direct")]
    assert (await client.get(remote.url(), accept="*/*")).body == b"direct"


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\x00b"])
async def test_a_header_with_a_control_character_never_leaves(remote: Remote, client: Client, value: str) -> None:
    with pytest.raises(ValueError, match="not a header"):
        await client.get(remote.url(), accept="*/*", headers={"X-A": value})
    with pytest.raises(ValueError, match="not a header"):
        await client.post(remote.url(), body=b"", headers={"X-A": value})
    assert remote.connections == 0


async def test_a_client_that_was_not_started_says_so() -> None:
    client = Client(user_agent="fedhood/test", loopback_names=True)
    with pytest.raises(RuntimeError, match="not started"):
        await client.get("http://a.localhost/", accept="*/*")
    await client.close()


# Addresses


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://localhost/", "http://remote.example/"]
)
async def test_outside_a_demo_no_literal_or_plain_http_is_asked(outside: Client, url: str) -> None:
    assert await refused(outside.get(url, accept="*/*")) == "bad-url"
    assert await refused(outside.post(url, body=b"")) == "bad-url"


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("::1",), ("::ffff:127.0.0.1",), ("10.0.0.1", "::1"), ("127.0.0.1", "192.168.0.1", "fe80::1")],
)
async def test_a_name_that_means_a_private_address_is_forbidden(
    outside: Client, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    resolving_to(monkeypatch, *addresses)
    assert await refused(outside.get("https://rebind.example/", accept="*/*")) == "forbidden-address"
    assert await refused(outside.post("https://rebind.example/", body=b"")) == "forbidden-address"
    assert await refused(outside.greet("https://rebind.example/")) == "forbidden-address"
    assert set(await outside.addresses("https://rebind.example/")) == set(addresses)


async def test_a_demo_reaches_its_own_machine_in_every_spelling(remote: Remote, client: Client) -> None:
    remote.script = lambda _: ok(b"here")
    for host in ("localhost", "a.b.localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
        answer = await client.get(f"http://{host}:{remote.port}/", accept="*/*")
        assert answer.body == b"here"


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://8.8.8.8/", "http://[2606:4700:4700::1111]/"])
async def test_a_demo_reaches_nothing_but_its_own_machine(client: Client, url: str) -> None:
    assert await refused(client.get(url, accept="*/*")) == "forbidden-address"


async def test_a_demo_asks_no_name_server(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "127.0.0.1")
    assert await refused(client.get("http://remote.example/", accept="*/*")) == "unreachable"


# Redirects


async def test_redirects_are_followed_and_the_last_url_is_told(remote: Remote, client: Client) -> None:
    remote.answers = [to("/b"), to("c?d"), to(remote.url("/e")), ok(b"end")]
    answer = await client.get(remote.url("/a"), accept="*/*")
    assert (answer.body, answer.url) == (b"end", remote.url("/e"))


async def test_the_fourth_redirect_is_one_too_many(remote: Remote, client: Client) -> None:
    remote.answers = [to(f"/{number}") for number in range(50)]
    assert await refused(client.get(remote.url("/a"), accept="*/*")) == "redirects"
    assert len(remote.requests) == 4


@pytest.mark.parametrize("circle", [["/a"], ["/b", "/a"], ["/a#again"]])
async def test_a_circle_of_redirects_is_left_at_once(remote: Remote, client: Client, circle: list[str]) -> None:
    remote.answers = [to(step) for step in circle]
    assert await refused(client.get(remote.url("/a"), accept="*/*")) == "redirects"
    assert len(remote.requests) == len(circle)


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://10.0.0.1/", "forbidden-address"),
        ("http://[::ffff:169.254.169.254]/", "forbidden-address"),
        ("http://0x7f000001/", "unreachable"),
        ("https://remote.localhost/", "redirects"),
        ("data:text/plain,x", "bad-url"),
        ("file:///etc/passwd", "bad-url"),
        ("http://user:word@remote.localhost/", "bad-url"),
        ("http://[::1", "bad-url"),
        ("/\\evil", "bad-url"),
    ],
)
async def test_each_hop_is_checked_like_the_first(remote: Remote, client: Client, location: str, code: str) -> None:
    remote.answers = [to(location)]
    assert await refused(client.get(remote.url(), accept="*/*")) == code
    assert len(remote.requests) == 1


async def test_outside_a_demo_a_redirect_to_this_machine_is_refused(
    outside: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def redirected(_target: str, _headers: object) -> str:
        return "https://127.0.0.1/"

    monkeypatch.setattr(outside, "_fetch", redirected)
    assert await refused(outside.get("https://remote.example/", accept="*/*")) == "bad-url"


async def test_a_redirect_without_a_location_and_a_redirected_post_are_answers(remote: Remote, client: Client) -> None:
    remote.answers = [ok(status="302 Found"), to("/b", "307 Temporary Redirect")]
    assert (await client.get(remote.url(), accept="*/*")).status == 302
    answer = await client.post(remote.url(), body=b"x")
    assert (answer.status, answer.headers["Location"]) == (307, "/b")
    assert len(remote.requests) == 2


async def test_every_hop_is_signed_anew_and_no_header_follows_to_another_origin(
    world: AsyncExitStack, remote: Remote, client: Client
) -> None:
    other = await served(world)
    there = other.url("/c", name="other.localhost")
    remote.answers, other.answers = [to("/b"), to(there)], [ok()]
    await client.get(
        remote.url("/a"),
        accept="x/y",
        headers={"Authorization": "secret"},
        headers_for=lambda url: {"Signature": f"for {url}"},
    )
    first, second = remote.requests
    assert header(first, "signature") == [f"for {remote.url('/a')}"]
    assert header(second, "signature") == [f"for {remote.url('/b')}"]
    assert header(second, "authorization") == ["secret"]
    assert header(other.requests[0], "signature") == [f"for {there}"]
    assert header(other.requests[0], "accept") == ["x/y"]
    assert header(other.requests[0], "authorization") == []


# Size


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


async def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_too_large(remote: Remote, client: Client) -> None:
    remote.answers = [ok(bytes(MAX_GET_BYTES)), ok(bytes(MAX_GET_BYTES + 1))]
    assert len((await client.get(remote.url(), accept="*/*")).body) == MAX_GET_BYTES
    assert await refused(client.get(remote.url(), accept="*/*")) == "too-large"


async def test_a_body_without_a_length_is_counted_too(remote: Remote, client: Client) -> None:
    remote.answers = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + bytes(2 * MAX_GET_BYTES)]
    assert await refused(client.get(remote.url(), accept="*/*")) == "too-large"


async def test_a_packed_body_is_unpacked(remote: Remote, client: Client) -> None:
    remote.answers = [ok(gzip.compress(b"plain"), headers="Content-Encoding: gzip\r\n")]
    assert (await client.get(remote.url(), accept="*/*")).body == b"plain"


async def test_a_bomb_is_counted_unpacked_and_never_held(remote: Remote, client: Client) -> None:
    remote.answers = [ok(bomb(64), headers="Content-Encoding: gzip\r\n")]
    tracemalloc.start()
    try:
        assert await refused(client.get(remote.url(), accept="*/*")) == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x"])
async def test_an_encoding_nobody_asked_for_is_a_bad_answer(remote: Remote, client: Client, encoding: str) -> None:
    remote.answers = [ok(b"x", headers=f"Content-Encoding: {encoding}\r\n")]
    assert await refused(client.get(remote.url(), accept="*/*")) == "bad-answer"


async def test_a_long_answer_to_a_post_is_cut_not_failed(remote: Remote, client: Client) -> None:
    remote.answers = [ok(b"x" * (1 << 20), status="202 Accepted")]
    answer = await client.post(remote.url(), body=b"{}")
    assert (answer.status, answer.body) == (202, b"x" * MAX_POST_ANSWER_BYTES)
