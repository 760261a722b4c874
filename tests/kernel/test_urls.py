"""Every address of ours, and what may be said about an address of others."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.kernel import urls
from fedhood.kernel.urls import Addresses

ELM = Addresses("https://elm.example")


def made() -> list[str]:
    """Every address that a server can make, each with plausible parts."""
    values = {"key": "abc123", "post_id": 7, "root_id": 7, "host": "oak.example", "area": "elm", "period": "2026-Q3"}
    found = []
    for name, member in inspect.getmembers(Addresses):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found.append(getattr(ELM, name))
        else:
            parameters = [each for each in inspect.signature(member).parameters if each != "self"]
            found.append(getattr(ELM, name)(*(values.get(each, 1) for each in parameters)))
    return [each for each in found if each != ELM.host]


@pytest.mark.parametrize("address", made())
def test_an_id_is_lower_case_without_port_and_query(address: str):
    assert re.fullmatch(r"https://elm\.example/(ap|metrics/v1)/[a-z0-9A-Z./-]+(#[a-z0-9-]+)?", address)
    assert urls.origin(address) == "https://elm.example"
    assert urls.authority(address) == "elm.example"


def test_no_two_things_have_one_address():
    assert len(set(made())) == len(made())


def test_a_server_without_a_name_has_no_host():
    assert Addresses("").host == ""


def test_on_loopback_the_port_is_part_of_the_name():
    assert Addresses("http://elm.localhost:8081").host == "elm.localhost:8081"


def test_pages_have_short_addresses():
    assert urls.post(7) == "/p/7"
    assert urls.help_request(7) == "/help/7"
    assert urls.neighbourhood("elm") == "/n/elm"
    assert urls.person("ana") == "/@ana"


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://Elm.Example/x", "https://elm.example"),
        ("https://elm.example:8443/x#y", "https://elm.example:8443"),
        ("http://elm.localhost:8081", "http://elm.localhost:8081"),
        ("https://elm.example@evil.example/", ""),
        ("https://:secret@evil.example/", ""),
        ("https:///x", ""),
        ("ftp://elm.example/", ""),
        ("//elm.example/", ""),
        ("acct:ana@elm.example", ""),
        ("", ""),
        ("https://[::1", ""),
        ("https://[elm]/", ""),
    ],
)
def test_the_origin_of_an_address(uri: str, origin: str):
    assert urls.origin(uri) == origin


@given(st.text())
def test_whatever_comes_has_an_origin_or_none(uri: str):
    found = urls.origin(uri)
    assert found == "" or found == found.lower()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("oak.example", "oak.example"),
        ("a.b.oak.example", "oak.example"),
        ("oak.co.uk", "oak.co.uk"),
        ("a.b.oak.co.uk", "oak.co.uk"),
        ("co.uk", "co.uk"),
        ("oak.com.example", "com.example"),
        ("street.oak.be", "oak.be"),
        ("oak.localhost:8080", "oak.localhost"),
    ],
)
def test_what_somebody_registered_is_the_end_of_a_host(host, name):
    assert urls.registered_name(host) == name
