"""No test speaks to anybody but this machine.

An audit hook sees every connection, datagram and name look-up of the process, in whatever library it is made. It
refuses what leaves the machine and remembers it, so that code which swallows the refusal fails the test all the same.
"""

import ipaddress
import socket
import sys
from typing import Any


class Egress(AssertionError):
    """Somebody tried to speak to another machine."""


class Guard:
    """What was tried since the last `take`."""

    def __init__(self) -> None:
        self._attempts: list[str] = []
        self._installed = False

    def install(self) -> None:
        """Watch this process for the rest of its life: an audit hook cannot be taken back."""
        if not self._installed:
            self._installed = True
            sys.addaudithook(self._watch)

    def take(self) -> list[str]:
        """What was tried, each said once."""
        attempts, self._attempts = self._attempts, []
        return attempts

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event in {"socket.connect", "socket.sendto"}:
            opened, address = arguments[0], arguments[1]
            if opened.family in {socket.AF_INET, socket.AF_INET6} and not is_here(address[0]):
                self._refuse(f"{event} {address[0]}")
        elif event == "socket.getaddrinfo" and not (is_here(arguments[0]) or _number(arguments[0])):
            self._refuse(f"{event} {arguments[0]}")

    def _refuse(self, attempt: str) -> None:
        self._attempts.append(attempt)
        raise Egress(f"a test may speak to this machine only: {attempt}")


def is_here(host: str | bytes | None) -> bool:
    """Whether a host, by name or by number, is this machine."""
    name = _text(host)
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    number = _number(host)
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    return number is not None and number.is_loopback


def _number(host: str | bytes | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host's text is, None for a name: only a name is asked of somebody else."""
    try:
        return ipaddress.ip_address(_text(host).partition("%")[0])
    except ValueError:
        return None


def _text(host: str | bytes | None) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""


GUARD = Guard()
