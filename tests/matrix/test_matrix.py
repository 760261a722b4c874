"""The matrix itself runs by `make matrix`; here, that no route can be added without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from fedhood.app import Server
from fedhood.kernel.settings import Settings
from tests.matrix import deeds, routes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def router(tmp_path: Path):
    settings = Settings(data_dir=tmp_path, host="elm.localhost:1", loopback_names=True)
    return Server(settings)._application().router


def test_every_route_of_a_server_is_asked_for_by_the_matrix(router) -> None:
    assert routes.uncovered(router, deeds.KNOWN) == []


@pytest.mark.parametrize(
    ("method", "pattern"), [("GET", "/p/{id}/likes"), ("POST", "/p/{id}"), ("PUT", "/about"), ("POST", "/rules")]
)
def test_a_route_that_it_does_not_ask_for_is_named(router, method: str, pattern: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    router.add_route(method, pattern, answer)
    assert routes.uncovered(router, deeds.KNOWN) == [f"{method} {pattern}"]


def test_every_exception_has_its_reason() -> None:
    assert all(len(reason) > 20 for reason in routes.CARRY_NOTHING.values())
