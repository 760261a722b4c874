"""There is one way out: no module but the client opens HTTP connections, and it reads bodies in one capped way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "fedhood"
CLIENT = ROOT / "adapters" / "http" / "client.py"
# the demo's visitor is no part of a server: a browser at loopback addresses, and nowhere else
BROWSER = ROOT / "simulator" / "visitor.py"
SESSIONS = {"ClientSession", "TCPConnector", "UnixConnector", "BaseConnector", "ClientRequest"}
MODULES = {
    "urllib.request",
    "http.client",
    "requests",
    "httpx",
    "urllib3",
    "pycurl",
    "aiohttp.client",
    "aiohttp.connector",
}
CALLS = {"aiohttp.request", "socket.create_connection", "asyncio.open_connection"}


def _names(tree: ast.AST) -> set[str]:
    """Every name, dotted as it is written, that a module mentions or imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute | ast.Name):
            found.add(ast.unparse(node))
    return found


def offences(source: str) -> set[str]:
    """What of another way out a module's source contains."""
    names = _names(ast.parse(source))
    return {name for name in names if name in MODULES | CALLS or name.rpartition(".")[2] in SESSIONS}


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession as Harmless",
        "from aiohttp import TCPConnector",
        "import aiohttp\naiohttp.request('GET', 'x')",
        "import urllib.request",
        "from urllib import request",
        "from http.client import HTTPSConnection",
        "from asyncio import open_connection",
        "def f():\n    import requests",
    ],
)
def test_another_way_out_is_noticed(source: str) -> None:
    assert offences(source)


def test_only_the_client_opens_connections() -> None:
    found = {
        str(path.relative_to(ROOT)): offences(path.read_text("utf-8"))
        for path in ROOT.rglob("*.py")
        if path not in {CLIENT, BROWSER}
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_the_client_reads_bodies_through_its_cap_only() -> None:
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(CLIENT.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert offences(CLIENT.read_text("utf-8"))
    assert "iter_any" in calls
    assert not calls & {"read", "json", "text", "readany", "readexactly", "release"}
