"""The guard that keeps every test on this machine."""

import asyncio
import socket

import pytest

from tests.support.egress import GUARD, Egress, is_here

pytestmark = pytest.mark.leaves_this_machine


@pytest.mark.parametrize(
    "host", ["localhost", "elm.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""]
)
def test_this_machine_is_here(host: str):
    assert is_here(host)


@pytest.mark.parametrize("host", ["elm.example", "192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "0.0.0.0"])
def test_another_machine_is_not(host: str):
    assert not is_here(host)


def test_a_connection_elsewhere_is_refused_and_remembered():
    with socket.socket() as opened, pytest.raises(Egress):
        opened.connect(("192.0.2.1", 443))
    assert GUARD.take() == ["socket.connect 192.0.2.1"]


async def test_so_is_one_on_the_event_loop():
    with pytest.raises(Egress):
        await asyncio.open_connection("2001:db8::1", 443)
    assert GUARD.take() == ["socket.connect 2001:db8::1"]


def test_a_datagram_elsewhere_is_refused():
    with socket.socket(type=socket.SOCK_DGRAM) as opened, pytest.raises(Egress):
        opened.sendto(b"?", ("192.0.2.1", 53))


def test_no_name_server_is_asked():
    with pytest.raises(Egress):
        socket.getaddrinfo("elm.example", 443)
