"""How others find out who is here, and who is not told of."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from fedhood.adapters.activitypub import actors, discovery
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.http.middleware import refusing
from fedhood.adapters.http.refusals import Refusal, problem
from fedhood.core import accounts, neighbourhoods
from fedhood.kernel.engine import Database
from fedhood.kernel.errors import NotFound
from fedhood.kernel.settings import Profile
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.shapes import federation_of
from tests.adapters.activitypub.test_actors import keep_keys, settle_in

ELM = Addresses("https://elm.example")

Visitor = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]


def found(database: Database, resource: str, profile: Profile = Profile.NEIGHBOURHOOD) -> dict[str, Any]:
    return database.look(discovery.descriptor, ELM, resource, profile=profile)


async def page(request: web.Request, refusal: Refusal) -> web.StreamResponse:
    _ = request
    return problem(refusal)


def application(database: Database, profile: Profile = Profile.NEIGHBOURHOOD) -> web.Application:
    app = web.Application(middlewares=[refusing(page)])
    app[FEDERATION] = federation_of(database, profile=profile)
    app.router.add_routes(discovery.routes())
    return app


@pytest.mark.parametrize("resource", ["acct:elm@elm.example", "https://elm.example/", "acct:elm.example@elm.example"])
def test_a_resource_is_described_as_recorded(resource: str, database: Database) -> None:
    settle_in(database)
    assert found(database, resource) == golden.document("06")[resource]


def test_a_resident_who_acted_beyond_this_server_is_described_as_recorded(database: Database) -> None:
    _, alice = settle_in(database)
    database.transact(keep_keys, actors.person(alice), "alice")
    key = database.look(accounts.get, alice).key
    recorded = golden.document("06")["acct:alice@elm.example"]
    here = found(database, "acct:alice@elm.example")
    assert str(here).replace(key, "01JDA1ALICE") == str(recorded)
    assert found(database, f"https://elm.example/ap/people/{key}") == here
    assert found(database, "https://elm.example/@alice") == here


def test_a_resident_who_never_acted_beyond_this_server_is_not_told_of(database: Database) -> None:
    _, alice = settle_in(database)
    key = database.look(accounts.get, alice).key
    for resource in ("acct:alice@elm.example", f"https://elm.example/ap/people/{key}", "https://elm.example/@alice"):
        with pytest.raises(NotFound):
            found(database, resource)


def test_who_left_is_not_told_of(database: Database) -> None:
    _, alice = settle_in(database)
    database.transact(keep_keys, actors.person(alice), "alice")
    key = database.look(accounts.get, alice).key
    database.transact(accounts.erase, account=alice)
    for resource in ("acct:alice@elm.example", f"https://elm.example/ap/people/{key}"):
        with pytest.raises(NotFound):
            found(database, resource)


def test_case_does_not_matter_in_a_handle(database: Database) -> None:
    settle_in(database)
    assert found(database, "acct:ELM@Elm.Example") == found(database, "acct:elm@elm.example")


@pytest.mark.parametrize(
    "resource",
    [
        "",
        "elm@elm.example",
        "acct:elm",
        "acct:elm@oak.example",
        "acct:nobody@elm.example",
        "acct:@elm.example",
        "https://oak.example/",
        "https://elm.example.evil.example/ap/groups/elm",
        "https://elm.example/ap/groups/oak",
        "https://elm.example/ap/people/",
        "https://elm.example/help/1",
        "acct:city@elm.example",
    ],
)
def test_what_is_not_here_is_not_found(resource: str, database: Database) -> None:
    settle_in(database)
    with pytest.raises(NotFound):
        found(database, resource)


def test_a_neighbourhood_hands_figures_in_and_a_city_receives_them(database: Database) -> None:
    assert found(database, "acct:figures@elm.example")["aliases"] == [ELM.metrics]
    assert found(database, "acct:city@elm.example", Profile.CITY)["aliases"] == [ELM.city]
    with pytest.raises(NotFound):
        found(database, "acct:figures@elm.example", Profile.CITY)


async def test_webfinger_speaks_jrd_to_every_origin(running: Database, aiohttp_client: Visitor) -> None:
    await running.write(neighbourhoods.create, name="Elm District", key="elm")
    visitor = await aiohttp_client(application(running))
    answer = await visitor.get("/.well-known/webfinger", params={"resource": "acct:elm@elm.example"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/jrd+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert await answer.json(content_type=None) == golden.document("06")["acct:elm@elm.example"]


async def test_webfinger_refuses_what_names_nothing_and_does_not_find_nobody(
    running: Database, aiohttp_client: Visitor
) -> None:
    visitor = await aiohttp_client(application(running))
    for query, status in (
        ("", 422),
        ("?resource=acct:a@elm.example&resource=acct:b@elm.example", 422),
        ("?resource=acct:nobody@elm.example", 404),
    ):
        assert (await visitor.get(f"/.well-known/webfinger{query}")).status == status


async def test_nodeinfo_counts_nobody(running: Database, aiohttp_client: Visitor) -> None:
    await running.write(neighbourhoods.create, name="Elm District", key="elm")
    visitor = await aiohttp_client(application(running))
    recorded = golden.document("07")
    links = await visitor.get("/.well-known/nodeinfo")
    assert await links.json() == recorded["/.well-known/nodeinfo"]
    answer = await visitor.get("/nodeinfo/2.1")
    assert answer.headers["Content-Type"].startswith("application/json; profile=")
    told = await answer.json()
    told["software"]["version"] = recorded["/nodeinfo/2.1"]["software"]["version"]
    assert told == recorded["/nodeinfo/2.1"]
