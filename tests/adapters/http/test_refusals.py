"""Refusals: one translation into statuses, and how everybody's answers are numbered, guarded and counted."""

import json

import pytest
from aiohttp import web

from fedhood.adapters.http import middleware
from fedhood.adapters.http.keys import LIMITER, SETTINGS
from fedhood.adapters.http.limits import Bucket, Limit, Limiter
from fedhood.adapters.http.refusals import problem, refusal_of
from fedhood.kernel import errors
from fedhood.kernel.settings import Settings


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Invalid(), 422),
        (errors.Unauthenticated(), 401),
        (errors.Forbidden(), 403),
        (errors.NotFound(), 404),
        (errors.Gone(), 410),
        (errors.Conflict(), 409),
        (errors.TooMany(), 429),
        (errors.Overloaded(), 503),
        (errors.RemoteFailure(), 502),
        (errors.FedhoodError(), 500),
    ],
)
def test_every_error_has_one_status(error, status):
    assert refusal_of(error).status == status


def test_no_error_is_without_a_status_of_its_own():
    kinds = errors.FedhoodError.__subclasses__()
    assert len({refusal_of(kind()).status for kind in kinds}) == len(kinds)


def test_what_is_hidden_reads_like_what_is_missing():
    hidden = errors.NotFound("not for you", code="hidden", field="id")
    assert problem(refusal_of(hidden)).body == problem(refusal_of(errors.NotFound())).body


def test_a_limit_says_when_to_come_back():
    assert problem(refusal_of(errors.TooMany(retry_after=90))).headers["Retry-After"] == "90"
    assert int(problem(refusal_of(errors.Overloaded())).headers["Retry-After"]) > 0
    assert "Retry-After" not in problem(refusal_of(errors.Conflict())).headers


def test_machines_are_told_a_stable_code():
    said = json.loads(problem(refusal_of(errors.Invalid("too long", code="too-long"))).body)
    assert said == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "too long",
        "code": "too-long",
    }


async def _broken(_request):
    raise ValueError("P4-SECRET")


async def _page(request):
    middleware.limit(request, None)
    return web.Response(text=middleware.client(request), content_type="text/html")


async def _refused(_request):
    raise errors.Conflict("somebody else", code="not-open")


async def _say(_request, refusal):
    return web.Response(status=refusal.status, text="a page", content_type="text/html")


@pytest.fixture
def ask(aiohttp_client):
    """Ask an application with these settings for a path."""

    async def client(**settings):
        app = web.Application(middlewares=[middleware.headers, middleware.refusing(_say)])
        app[SETTINGS] = Settings(**settings)
        app[LIMITER] = Limiter(now=lambda: 0.0, limits={Bucket.ANONYMOUS: Limit(rate=3, per=60)})
        for path, handler in {"/": _page, "/broken": _broken, "/ap/broken": _broken, "/ap/refused": _refused}.items():
            app.router.add_get(path, handler)
        return await aiohttp_client(app)

    return client


async def test_a_page_carries_every_header_of_security(ask):
    answer = await (await ask()).get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"] == "fedhood"
    assert answer.headers["X-Request-Id"]
    assert "Strict-Transport-Security" not in answer.headers


async def test_a_server_with_a_name_insists_on_https(ask):
    answer = await (await ask(host="elm.example")).get("/")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


async def test_a_fault_is_logged_and_tells_nothing(ask, caplog):
    client = await ask()
    page, document = await client.get("/broken"), await client.get("/ap/broken")
    assert (page.status, document.status) == (500, 500)
    assert "P4-SECRET" not in await page.text() + await document.text()
    assert page.headers["X-Request-Id"] in caplog.text


async def test_machines_get_a_problem_and_people_a_page(ask):
    client = await ask()
    refused, missing, page = await client.get("/ap/refused"), await client.get("/ap/none"), await client.get("/none")
    assert refused.content_type == missing.content_type == "application/problem+json"
    assert (await refused.json())["code"] == "not-open"
    assert missing.status == 404
    assert await page.text() == "a page"


async def test_an_address_that_asks_too_often_is_told_to_wait(ask):
    client = await ask()
    assert [(await client.get("/")).status for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (("127.0.0.1",), ["203.0.113.7"], "203.0.113.7"),
        (("127.0.0.1",), ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (("127.0.0.1", "203.0.113.7"), ["198.51.100.1", "203.0.113.7"], "198.51.100.1"),
        (("127.0.0.0/8",), ["203.0.113.7"], "203.0.113.7"),
        (("10.0.0.1",), ["203.0.113.7"], "127.0.0.1"),
        (("127.0.0.1",), ["nonsense"], "unknown"),
        (("127.0.0.1",), [], "127.0.0.1"),
    ],
)
async def test_only_a_trusted_proxy_says_who_asks(ask, proxies, forwarded, counted):
    client = await ask(trusted_proxies=proxies)
    answer = await client.get("/", headers=[("X-Forwarded-For", line) for line in forwarded])
    assert await answer.text() == counted
