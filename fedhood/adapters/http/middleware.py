"""What holds for every answer: its number, its headers, how a refusal is said, whose address is counted."""

import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import web
from aiohttp.typedefs import Middleware

from fedhood.adapters.http.keys import LIMITER, SETTINGS
from fedhood.adapters.http.limits import Bucket, address_key
from fedhood.adapters.http.refusals import Refusal, problem, refusal_of, refusal_with
from fedhood.kernel.errors import FedhoodError, NotFound
from fedhood.kernel.ids import new_key

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Speaker = Callable[[web.Request, Refusal], Awaitable[web.StreamResponse]]
REQUEST_ID = web.RequestKey("request_id", str)

_log = logging.getLogger(__name__)
# Under these addresses machines ask; everything else is a page for people.
_FOR_MACHINES = ("/ap/", "/.well-known/", "/nodeinfo/", "/metrics/", "/api/", "/oauth/")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), interest-cohort=()",
}
_EVERY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Server": "fedhood",
}
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Number the request and set the headers of security on its answer. Outermost.

    An answer that says nothing about caching is not stored anywhere: it may depend on who asked.
    """
    request[REQUEST_ID] = new_key()
    response = await handler(request)
    response.headers.update(_EVERY_HEADERS)
    response.headers["X-Request-Id"] = request[REQUEST_ID]
    response.headers.setdefault("Cache-Control", "no-store")
    if request.app[SETTINGS].base_url.startswith("https://"):
        response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    if response.content_type == "text/html":
        response.headers.update(_PAGE_HEADERS)
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _check_address(request: web.Request) -> None:
    if "\0" in request.path + request.query_string:  # not every database takes one
        raise NotFound


def refusing(page: Speaker) -> Middleware:
    """A middleware that says every refusal and every fault: as problem+json to machines, by `page` to people."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_address(request)
            return await handler(request)
        except FedhoodError as error:
            refusal = refusal_of(error)
        except ConnectionError:  # who asked has hung up: there is nobody to answer, and nothing went wrong here
            refusal = refusal_with(400)
        except web.HTTPException as answer:
            if answer.status < 400:
                raise
            refusal = refusal_with(answer.status)
        except Exception:  # noqa: BLE001 - one of the two places where anything is caught: it is logged, and said
            _log.exception("request.failed request=%s", request[REQUEST_ID])
            refusal = refusal_with(500)
        if request.path.startswith(_FOR_MACHINES):
            return problem(refusal)
        return await page(request, refusal)

    return refuse


def limit(request: web.Request, account: int | None) -> None:
    """Count this request, for the account or, when nobody is signed in, for the address. Raises TooMany."""
    limiter = request.app[LIMITER]
    if account is None:
        limiter.check(Bucket.ANONYMOUS, client(request))
    else:
        limiter.check(Bucket.SIGNED_IN, str(account))


def client(request: web.Request) -> str:
    """The key under which the client's address is counted (`limits.address_key`).

    `X-Forwarded-For` is believed only from a trusted proxy, and only as far as trusted proxies wrote it: the last
    address in it that is not a proxy's own.
    """
    proxies = _networks(request.app[SETTINGS].trusted_proxies)
    remote = request.remote or ""
    hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]
    while hops and _is_among(remote, proxies):
        remote = hops.pop()
    return address_key(remote)


@lru_cache(maxsize=8)
def _networks(addresses: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(address, strict=False) for address in addresses)


@lru_cache(maxsize=1024)
def _is_among(remote: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(remote)
    except ValueError:
        return False
    return any(address in network for network in networks)
