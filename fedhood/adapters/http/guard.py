"""The door for outgoing connections: which addresses and which URLs this server will ever ask."""

import re
import socket
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from fedhood.kernel.errors import RemoteFailure

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

# The IANA IPv4 special-purpose registry, and multicast and reserved space after it.
_SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# IPv6 is an allow list: whatever IANA gives a meaning tomorrow outside global unicast is refused today.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking: the protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?(?P<rest>[/?].*)?",
    re.IGNORECASE | re.ASCII,
)
_PRINTABLE = re.compile(r"[!-\[\]-~]+")  # visible ASCII without the backslash, which parsers disagree about
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label starts with a letter, so that no spelling of an IPv4 address (127.1, 0x7f.1) passes for a name.
_NAME = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")


class ForbiddenAddress(RemoteFailure, OSError):
    """The address is not one that a server on the open internet can have. Nothing was sent to it.

    It is an `OSError` because aiohttp and its happy-eyeballs race understand no other failure of a socket: they go on
    to the next address and at last raise the first one. The sentence is always the same for the same reason; the
    address stands in `facts["address"]`.
    """

    default_code = "forbidden-address"


class BadUrl(RemoteFailure):
    """The URL is not one that this server asks. Nothing was looked up and nothing was sent."""

    default_code = "bad-url"


def _parsed(address: str | IPv4Address | IPv6Address) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 address written as IPv6 (`::ffff:a.b.c.d`) unpacked; None if it is no address."""
    try:
        parsed = ip_address(address)
    except (AddressValueError, ValueError):
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_public(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether a server on the open internet can have this address.

    IPv4: everything but the IANA special-purpose networks, multicast and reserved space. IPv6: only global unicast,
    without the prefixes that are for documentation or carry another address. What is no address is not public.
    Source: the IANA special-purpose address registries.
    """
    parsed = _parsed(address)
    if parsed is None:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _SPECIAL_V4)
    return parsed in _GLOBAL_V6 and not any(parsed in network for network in _SPECIAL_V6)


def is_loopback(address: str | IPv4Address | IPv6Address) -> bool:
    """Whether the address is this machine itself: 127.0.0.0/8 or ::1, also in its IPv4-mapped form."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def socket_factory(*, loopback_allowed: bool) -> Callable[[AddrInfo], socket.socket]:
    """The maker of sockets for `aiohttp.TCPConnector(socket_factory=…)`.

    aiohttp calls it right before every connect, for names, IP literals and each attempt of a race alike, with the very
    address that is then connected to: a name that changes its mind in between gains nothing. Only public addresses
    pass; with `loopback_allowed` (demo and tests) only loopback ones. Raises ForbiddenAddress.
    """
    allowed = is_loopback if loopback_allowed else is_public

    def open_socket(info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if family not in {socket.AF_INET, socket.AF_INET6} or kind != socket.SOCK_STREAM or not address:
            raise ForbiddenAddress("only TCP connections are made", address=str(address))
        if not allowed(str(address[0])):
            raise ForbiddenAddress("the address is not one that may be connected to", address=str(address[0]))
        return socket.socket(family, kind, protocol)

    return open_socket


def checked_url(url: str, *, loopback: bool) -> str:
    """The URL exactly as it will be asked: its fragment removed, scheme and host in small letters, nothing re-encoded.

    It must be visible ASCII (a host in its IDNA form), without user or password. Without `loopback` it must be https,
    on the default port, and name a host by a full name: no address, no single label, no trailing dot. With `loopback`
    (demo and tests) http, ports and IP literals pass too. Raises BadUrl.
    """
    target = url.partition("#")[0]
    match = _URL.fullmatch(target)
    if match is None or _PRINTABLE.fullmatch(target) is None:
        raise BadUrl("not an absolute http or https URL in visible ASCII")
    scheme, host, port = match["scheme"].lower(), match["host"].lower(), match["port"] or ""
    if port and not 0 < int(port[1:]) < 65536:
        raise BadUrl("there is no such port")
    if not loopback:
        _require_open_internet(scheme, host, port)
    return f"{scheme}://{host}{port}{match['rest'] or ''}"


def _require_open_internet(scheme: str, host: str, port: str) -> None:
    """The three things that a URL of another server on the open internet has."""
    if scheme != "https":
        raise BadUrl("only https is asked")
    if port:
        raise BadUrl("only the default port is asked")
    if _NAME.fullmatch(host) is None:
        raise BadUrl("the host is not a full name in ASCII")
