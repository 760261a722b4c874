"""Which addresses and URLs are never asked: the tables of the registries, and every way to wrap one in another."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

import aiohappyeyeballs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.http.guard import BadUrl, ForbiddenAddress, checked_url, is_loopback, is_public, socket_factory
from fedhood.kernel.errors import RemoteFailure


def words(text: str) -> list[str]:
    return text.split()


SPECIAL = words("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.169.254
169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1
192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::7f00:1 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 2620:4f:8000::1 3fff::1 3fff:fff::1
5f00::1 fc00::1 fd12:3456:789a::1 fe80::1 fec0::1 ff02::1 ff0e::1 4000::1
""")
PUBLIC = words("1.1.1.1 8.8.8.8 193.0.6.139 2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:81b::200e")
NO_ADDRESSES = ("", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.1.1.1 ", "1.1.1.1:443", "[::1]")

any_v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
private_v4 = st.sampled_from(
    ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
).flatmap(
    lambda network: st.integers(0, ip_network(network).num_addresses - 1).map(
        lambda offset: IPv4Address(int(ip_network(network).network_address) + offset)
    )
)


def stream(address: str, port: int = 443) -> tuple[int, int, int, str, tuple[str, int]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))


@pytest.mark.parametrize("address", SPECIAL)
def test_a_special_address_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_the_table_of_special_addresses_is_long_and_without_repeats() -> None:
    assert len(SPECIAL) == len(set(SPECIAL)) >= 60


@pytest.mark.parametrize("address", [*PUBLIC, "::ffff:8.8.8.8"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_neither_public_nor_loopback(address: str) -> None:
    assert not is_public(address)
    assert not is_loopback(address)


@given(private_v4)
def test_a_private_address_stays_private_when_mapped(inner: IPv4Address) -> None:
    assert not is_public(inner)
    assert not is_public(IPv6Address(0xFFFF << 32 | int(inner)))


@given(any_v4)
def test_a_mapped_address_is_as_public_as_the_one_inside(inner: IPv4Address) -> None:
    assert is_public(IPv6Address(0xFFFF << 32 | int(inner))) == is_public(inner)


@given(any_v4, st.integers(0, 2**32 - 1), st.integers(0, 2**80 - 1))
def test_no_address_that_carries_another_is_public(inner: IPv4Address, server: int, rest: int) -> None:
    carried = int(inner)
    assert not is_public(IPv6Address(carried)), "IPv4-compatible"
    assert not is_public(IPv6Address(0x64FF9B << 96 | carried)), "NAT64"
    assert not is_public(IPv6Address(0x64FF9B0001 << 80 | carried)), "local NAT64"
    assert not is_public(IPv6Address(0x2002 << 112 | carried << 80 | rest)), "6to4"
    assert not is_public(IPv6Address(0x20010000 << 96 | server << 64 | (carried ^ 0xFFFFFFFF))), "Teredo"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%lo"])
def test_no_socket_is_made_for_an_address_that_is_not_public(address: str) -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        socket_factory(loopback_allowed=False)(stream(address))
    assert isinstance(refused.value, RemoteFailure)
    assert (refused.value.code, refused.value.facts["address"]) == ("forbidden-address", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1", "2606:4700:4700::1111", "::"])
def test_only_this_machine_can_be_reached_when_loopback_is_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        socket_factory(loopback_allowed=True)(stream(address))


def test_a_socket_is_made_for_what_may_be_reached() -> None:
    with socket_factory(loopback_allowed=False)(stream("8.8.8.8")) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)
    with socket_factory(loopback_allowed=True)(stream("127.0.0.1")) as made:
        assert made.family == socket.AF_INET


@pytest.mark.parametrize(
    ("family", "kind", "address"),
    [
        (socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)),
        (socket.AF_INET, socket.SOCK_RAW, ("8.8.8.8", 0)),
        (socket.AF_UNIX, socket.SOCK_STREAM, ("/run/docker.sock",)),
        (socket.AF_INET, socket.SOCK_STREAM, ()),
    ],
)
def test_only_tcp_sockets_are_made(family: int, kind: int, address: tuple[object, ...]) -> None:
    with pytest.raises(ForbiddenAddress):
        socket_factory(loopback_allowed=False)((family, kind, 0, "", address))


async def test_each_attempt_of_a_race_is_checked_and_the_allowed_address_wins() -> None:
    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        made = await aiohappyeyeballs.start_connection(
            [stream("10.0.0.1", port), stream("fe80::1", port), stream("127.0.0.1", port)],
            happy_eyeballs_delay=0.25,
            socket_factory=socket_factory(loopback_allowed=True),
        )
        with made:
            assert made.getpeername() == ("127.0.0.1", port)


async def test_a_race_of_forbidden_addresses_ends_with_the_refusal_itself() -> None:
    with pytest.raises(ForbiddenAddress):
        await aiohappyeyeballs.start_connection(
            [stream("10.0.0.1"), stream("::1"), stream("192.168.0.1")],
            happy_eyeballs_delay=0.25,
            socket_factory=socket_factory(loopback_allowed=False),
        )


BAD_EVERYWHERE = words("""
http:// https:///x https:x.example //x.example/ /x x.example ftp://x.example/ file:///etc/passwd data:,x gopher://x.example/
local_file:///etc/passwd javascript:alert(1) https://user@x.example/ https://user:word@x.example/ https://@x.example/
https://x.example\\@evil.example/ https://x.example/\\evil https://x.example:/ https://x.example:0/
https://x.example:65536/ https://x.exa%6dple/ https://[::1 https://::1/ https://bücher.example/ https://x.example/ü
""")
BAD_OUTSIDE = words("""
http://x.example/ https://x.example:443/ https://x.example:8443/ https://127.0.0.1/ https://[::1]/
https://[::ffff:127.0.0.1]/ https://2130706433/ https://0x7f000001/ https://127.1/ https://0177.0.0.1/ https://127.0.0.0x1/
https://localhost/ https://x.example./ https://.example/ https://x..example/ https://-x.example/ https://x.-example/
""")


@pytest.mark.parametrize(
    "url",
    [
        *BAD_EVERYWHERE,
        "",
        " https://x.example/",
        "https://x.example/a b",
        "ht\ntps://x.example/",
        "https://x.example/\r\n",
    ],
)
def test_what_is_no_plain_url_is_refused_everywhere(url: str) -> None:
    for loopback in (False, True):
        with pytest.raises(BadUrl) as refused:
            checked_url(url, loopback=loopback)
        assert refused.value.code == "bad-url"


@pytest.mark.parametrize("url", [*BAD_OUTSIDE, f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/"])
def test_what_does_not_name_a_server_on_the_open_internet_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        checked_url(url, loopback=False)


@pytest.mark.parametrize(
    ("given_url", "asked"),
    [
        ("https://x.example/a%2Fb/%7Ec?q=%41&r=+#main-key", "https://x.example/a%2Fb/%7Ec?q=%41&r=+"),
        ("HTTPS://X.Example/Path", "https://x.example/Path"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://a_b.x-y.example?q", "https://a_b.x-y.example?q"),
        ("https://x.example/users/a@b.example", "https://x.example/users/a@b.example"),
    ],
)
def test_a_good_url_is_asked_as_it_is_written_without_its_fragment(given_url: str, asked: str) -> None:
    assert checked_url(given_url, loopback=False) == asked


@pytest.mark.parametrize(
    "url", ["http://a.localhost:8080/x", "http://127.0.0.1:1/", "http://[::1]:1/", "https://a.localhost/"]
)
def test_a_demo_may_ask_its_own_machine(url: str) -> None:
    assert checked_url(url, loopback=True) == url
