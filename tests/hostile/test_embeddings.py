"""Sixty special addresses and six honest ones; every way to carry one address in another; a hundred thousand of them.

What counts is the connection: whatever a name, a redirect or a letter means, none is opened to where none may go.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from random import Random  # noqa: TID251 - the same addresses each time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fedhood.adapters.http.client import Client, Timeouts
from fedhood.kernel.errors import RemoteFailure
from tests.adapters.http.test_guard import PUBLIC, SPECIAL, stream, words
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.open_world import names, nobody_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

pytestmark = pytest.mark.asyncio(loop_scope="session")
MANY = 100_000
Address = IPv4Address | IPv6Address

# the registries once more, written differently: as numbers and their ends
_V4 = sorted(
    (int(network[0]), int(network[-1]))
    for network in map(
        IPv4Network,
        words("""
        0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
        192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
        203.0.113.0/24 224.0.0.0/3
        """),
    )
)


def may_be_reached(address: Address) -> bool:
    """What the guard is compared with: the rule in other words."""
    if isinstance(address, IPv6Address):
        groups = address.exploded.split(":")
        if groups[:6] == ["0000"] * 5 + ["ffff"]:
            return may_be_reached(IPv4Address(int(address) & 0xFFFFFFFF))
        if groups[0][0] not in "23":
            return False
        first, second = int(groups[0], 16), int(groups[1], 16)
        return not (
            (first == 0x2001 and (second < 0x200 or second == 0xDB8))
            or first == 0x2002
            or (first == 0x2620 and second == 0x4F and groups[2] == "8000")
            or (first == 0x3FFF and second < 0x1000)
        )
    return not any(low <= int(address) <= high for low, high in _V4)


_WRAPPINGS: tuple[Callable[[int, int], int], ...] = (
    lambda a, r: a,  # IPv4-compatible
    lambda a, r: 0xFFFF << 32 | a,  # IPv4-mapped
    lambda a, r: 0xFFFF << 48 | a,  # IPv4-translated
    lambda a, r: 0x64FF9B << 96 | a,  # NAT64
    lambda a, r: 0x64FF9B0001 << 80 | (r & 0xFFFFFFFFFFFF) << 32 | a,  # NAT64 of one's own
    lambda a, r: 0x2002 << 112 | a << 80 | r & (1 << 80) - 1,  # 6to4
    lambda a, r: 0x20010000 << 96 | (r & 0xFFFFFFFF) << 64 | (a ^ 0xFFFFFFFF),  # Teredo, the client
    lambda a, r: 0x20010000 << 96 | a << 64 | r & (1 << 64) - 1,  # Teredo, the server
    lambda a, r: 0xFE80 << 112 | 0x5EFE << 32 | a,  # ISATAP
    lambda a, r: 0xFC00 << 112 | (r & (1 << 88) - 1) << 32 | a,
)
_CARRYING = len(_WRAPPINGS)


def embeddings(count: int) -> Iterator[tuple[Address, bool]]:
    """Addresses, and whether it is already known from how they were made that none may be reached."""
    chance = Random("embeddings")
    for number in range(count):
        rest = chance.getrandbits(128)
        inner = chance.randint(*chance.choice(_V4)) if number % 2 else chance.getrandbits(32)
        kind = number % (_CARRYING + 3)
        if kind < _CARRYING:
            mapped = kind == 1
            yield IPv6Address(_WRAPPINGS[kind](inner, rest)), not mapped or not may_be_reached(IPv4Address(inner))
        elif kind == _CARRYING:
            yield IPv4Address(inner), not may_be_reached(IPv4Address(inner))
        elif kind == _CARRYING + 1:
            yield IPv6Address(rest), False
        else:
            yield IPv6Address(0x2 << 124 | rest >> 4), False


@pytest_asyncio.fixture(loop_scope="session")
async def client() -> AsyncIterator[Client]:
    """As a server on the open internet has it."""
    async with Client(user_agent="fedhood/test", timeouts=Timeouts(connect=2.0, read=2.0, get=5.0, post=5.0)) as made:
        yield made


async def outcome(client: Client, addresses: tuple[str, ...]) -> str:
    """What becomes of asking a name that means these addresses."""
    with names(addresses):
        try:
            await client.get("https://rebind.example/", accept="*/*")
        except RemoteFailure as failure:
            return failure.code
        finally:
            client._asking.connector.clear_dns_cache()  # the next one is another name
    raise AssertionError("somebody answered")


SIXTY = SPECIAL


async def test_the_table_has_all_sixty() -> None:
    assert len(SIXTY) >= 60
    assert len(PUBLIC) == 6
    assert not any(may_be_reached(ip_address(one)) for one in SIXTY)
    assert all(may_be_reached(ip_address(one)) for one in PUBLIC)


@pytest.mark.parametrize("address", SIXTY)
async def test_a_name_that_means_a_special_address_is_never_connected_to(client: Client, address: str) -> None:
    with nobody_answers() as tried, oracles.connections() as seen:
        assert await outcome(client, (address,)) == "forbidden-address"
        assert await outcome(client, (address, address)) == "forbidden-address"
    assert (tried, seen) == ([], [])


@pytest.mark.parametrize("address", PUBLIC)
async def test_an_honest_address_is_connected_to(client: Client, address: str) -> None:
    with nobody_answers() as tried:
        assert await outcome(client, (address,)) == "unreachable"
    assert tried == [address]


@published("D15")
async def test_where_the_standard_library_sees_nothing_special_we_do(client: Client) -> None:
    passed = [one for one in SIXTY if ip_address(one).is_global and not ip_address(one).is_multicast]
    by_hand = [
        one
        for one in SIXTY
        if not (ip_address(one).is_private or ip_address(one).is_loopback or ip_address(one).is_link_local)
    ]
    assert len(by_hand) > 10, "a list by hand would do, and this test is no use"
    with nobody_answers() as tried:
        for address in {*passed, *by_hand}:
            assert await outcome(client, (address,)) == "forbidden-address"
        for zeros in ("127.0.0.01", "0127.0.0.1", "010.8.8.8", "1.1.1.01"):  # octal to some, decimal to others
            assert await outcome(client, (zeros,)) == "forbidden-address"
    assert tried == []


@published("D3")
async def test_what_carries_an_address_to_other_networks_is_refused(client: Client) -> None:
    with nobody_answers() as tried:
        for inner in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8"):
            number = int(IPv4Address(inner))
            for wrap in (*_WRAPPINGS[:1], *_WRAPPINGS[2:]):
                assert await outcome(client, (str(IPv6Address(wrap(number, 0))),)) == "forbidden-address"
        for special in ("192.0.0.170", "198.18.0.1", "100.64.0.1", "192.88.99.1", "240.0.0.1", "255.255.255.255"):
            assert await outcome(client, (special,)) == "forbidden-address"
    assert tried == []


@published("D6")
async def test_a_private_address_is_private_in_every_other_one(client: Client) -> None:
    chance = Random("private")
    with nobody_answers() as tried:
        for low, high in _V4:
            inner = chance.randint(low, high)
            for wrap in _WRAPPINGS:
                address = str(IPv6Address(wrap(inner, chance.getrandbits(128))))
                assert await outcome(client, (address,)) == "forbidden-address", address
    assert tried == []


@published("D7")
async def test_no_address_at_all_is_refused_too(client: Client) -> None:
    with nobody_answers() as tried:
        for nothing in ("0.0.0.0", "0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0", "::0.0.0.0", "64:ff9b::"):
            assert await outcome(client, (nothing,)) == "forbidden-address"
    assert tried == []


@published("D14")
async def test_a_private_address_in_the_other_writing_is_refused(client: Client) -> None:
    with nobody_answers() as tried:
        for literal in (
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "0:0:0:0:0:ffff:7f00:1",
            "::ffff:a9fe:a9fe",
            "::127.0.0.1",
        ):
            assert await outcome(client, (literal,)) == "forbidden-address"
            with pytest.raises(RemoteFailure) as refused:
                await client.get(f"https://[{literal}]/", accept="*/*")
            assert refused.value.code == "bad-url"
    assert tried == []


@published("D16")
async def test_of_a_name_with_both_families_each_address_is_looked_at(client: Client) -> None:
    for good, bad in (("8.8.8.8", "::1"), ("2606:4700:4700::1111", "127.0.0.1"), ("1.1.1.1", "::ffff:10.0.0.1")):
        for answer in ((good, bad), (bad, good), (bad, good, bad)):
            with nobody_answers() as tried:
                assert await outcome(client, answer) in {"unreachable", "forbidden-address"}
            assert set(tried) <= {good}, answer


@published("D1")
async def test_the_address_that_is_looked_at_is_the_one_that_is_connected_to(client: Client) -> None:
    turns = [("8.8.8.8",), ("127.0.0.1",), ("8.8.4.4",), ("10.0.0.1",), ("::1",)]
    for turn in range(len(turns)):
        answers = iter(turns[turn:] + turns[:turn])
        with nobody_answers() as tried, names(lambda _, left=answers: next(left)) as asked:
            for _ in turns:
                with pytest.raises(RemoteFailure) as refused:
                    await client.get("https://rebind.example/", accept="*/*")
                assert refused.value.code in {"unreachable", "forbidden-address"}
                client._asking.connector.clear_dns_cache()
        assert set(tried) <= {"8.8.8.8", "8.8.4.4"}
        assert len(asked.asked) == len(turns)


def _opened(open_socket: Any, address: str) -> tuple[socket.socket | None, str]:
    """The socket for an address, or why there is none."""
    try:
        return open_socket(stream(address)), ""
    except RemoteFailure as refused:
        return None, refused.code


@pytest.mark.long
async def test_of_a_hundred_thousand_addresses_a_socket_is_made_only_for_what_may_be_reached(client: Client) -> None:
    open_socket = client._asking.connector._socket_factory
    assert open_socket is not None
    made = 0
    with oracles.connections() as seen:
        for address, forbidden in embeddings(MANY):
            opened, code = _opened(open_socket, str(address))
            assert (opened is not None) == may_be_reached(address), address
            assert code == ("" if opened else "forbidden-address")
            if opened is not None:
                opened.close()
                made += 1
                assert not forbidden, address
    assert MANY // 50 < made < MANY // 4
    assert seen == []


async def test_of_two_thousand_of_them_none_forbidden_is_connected_to(client: Client) -> None:
    with nobody_answers() as tried:
        for address, forbidden in embeddings(2_000):
            tried.clear()
            code = await outcome(client, (str(address),))
            assert code == ("unreachable" if may_be_reached(address) else "forbidden-address"), address
            assert tried == ([] if code == "forbidden-address" else [str(address)])
            assert not (forbidden and tried)
