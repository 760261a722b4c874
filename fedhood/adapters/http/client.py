"""The one way out: the only module that opens an HTTP client, and so the only one that has to be trusted with it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType, SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import ResolveResult
from yarl import URL

from fedhood.adapters.http.guard import BadUrl, ForbiddenAddress, checked_url, socket_factory
from fedhood.kernel.errors import RemoteFailure

MAX_GET_BYTES = 1024 * 1024
MAX_POST_ANSWER_BYTES = 64 * 1024
CONNECTIONS = 64  # half of them to ask, half to say something
CONNECTIONS_PER_HOST = 2

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

HeadersFor = Callable[[str], Mapping[str, str]]

# The first line that fits says what happened. Order matters: aiohttp's classes inherit from each other and OSError.
_FAILURES: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    ((TimeoutError,), "timeout", "did not answer in time"),
    ((aiohttp.ClientSSLError, ssl.SSLError, aiohttp.ServerFingerprintMismatch), "tls", "no secure connection"),
    ((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), "bad-url", "the URL cannot be asked"),
    ((aiohttp.ClientConnectionError, OSError), "unreachable", "cannot be reached"),
    ((aiohttp.ClientError,), "bad-answer", "the answer cannot be understood"),
)
# What is wrong with a certificate, by OpenSSL's X509_V_ERR_… number; and with a name, by getaddrinfo's EAI_… number.
_OF_CERTIFICATE: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        9: ("certificate-too-new", "the certificate does not hold yet"),
        10: ("certificate-lapsed", "the certificate has lapsed"),
        18: ("certificate-unknown", "nobody vouches for the certificate but itself"),
        19: ("certificate-unknown", "an authority that is not trusted vouches for the certificate"),
        20: ("certificate-unknown", "an authority that is not known vouches for the certificate"),
        21: ("certificate-unknown", "the certificate comes without those that vouch for it"),
        62: ("certificate-name", "the certificate is of another name"),
    }
)
_OF_NAME: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        socket.EAI_NONAME: ("no-such-name", "the name does not exist"),
        socket.EAI_NODATA: ("no-such-name", "the name has no address"),
        socket.EAI_AGAIN: ("no-name-server", "no name server answers"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect (TLS included; a name lookup has as long again), between two bytes, and for everything."""

    connect: float = 5.0
    read: float = 10.0
    get: float = 20.0
    post: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What another server said. `headers` ignores case; `url` is the one that answered, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class _Resolver(aiohttp.ThreadedResolver):
    """Names to addresses, in bounded time. With `loopback_names` only `.localhost` names exist, and no DNS is asked."""

    def __init__(self, *, loopback_names: bool, seconds: float) -> None:
        super().__init__()
        self._loopback_names = loopback_names
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not self._loopback_names:
            async with asyncio.timeout(self._seconds):
                return await super().resolve(host, port, family)
        if host != "localhost" and not host.endswith(".localhost"):
            raise OSError(socket.EAI_NONAME, "only .localhost names are known here")
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0),
        ]


class Client:
    """Asks other servers, and trusts no answer: capped, timed, address checked at every connect.

    Only https on the default port of a public address, by name. With `loopback_names` (demo and tests only) the
    opposite: only this machine's own loopback addresses, http and ports allowed, names ending in `.localhost` mean
    127.0.0.1. What is asked and what is said use connections of their own: anybody can make us ask servers that never
    answer, and that holds up no letter. Needs `start()` and `close()`, or `async with`. Every failure is a
    RemoteFailure, its `code` one of `bad-url`, `forbidden-address`, `unreachable`, `tls`, `timeout`, `too-large`,
    `bad-answer`, `redirects`; of a name `no-such-name`, `no-name-server`; of a certificate `certificate-lapsed`,
    `certificate-unknown`, `certificate-name`, `certificate-too-new`. A header with a control character in it is our own
    mistake and a ValueError before anything is sent.
    """

    def __init__(self, *, user_agent: str, loopback_names: bool = False, timeouts: Timeouts | None = None) -> None:
        self._user_agent = user_agent
        self._loopback = loopback_names
        self._timeouts = timeouts or Timeouts()
        self._asking: aiohttp.ClientSession | None = None
        self._saying: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connection pools, in the running loop."""
        if self._asking is None:
            self._asking = self._pool()
            self._saying = self._pool()

    def _pool(self) -> aiohttp.ClientSession:
        reuse = aiohttp.TraceConfig()
        reuse.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                socket_factory=socket_factory(loopback_allowed=self._loopback),
                resolver=_Resolver(loopback_names=self._loopback, seconds=self._timeouts.connect),
                limit=CONNECTIONS // 2,
                limit_per_host=CONNECTIONS_PER_HOST,
            ),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
            skip_auto_headers=("Content-Type",),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._timeouts.connect, sock_read=self._timeouts.read
            ),
            trace_configs=[reuse],
        )

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        pools, self._asking, self._saying = (self._asking, self._saying), None, None
        for pool in pools:
            if pool is not None:
                await pool.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(
        self,
        url: str,
        *,
        accept: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        redirects: int = 3,
        headers_for: HeadersFor | None = None,
    ) -> Answer:
        """Fetch a URL of at most 1 MiB (decompressed), following at most `redirects` redirects of the same scheme.

        `headers` go to the origin of `url` only. `headers_for` is called with each URL that is asked and gives further
        headers for that one request (a signature). The time limit covers all hops together. Any status is an Answer.
        """
        try:
            async with asyncio.timeout(self._timeouts.get):
                return await self._follow(url, {**headers, "Accept": accept}, redirects, headers_for)
        except RemoteFailure:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error) from error

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
        """Send exactly these bytes. Redirects are not followed: they are answers too.

        At most 64 KiB of the answer's body are read and the rest is dropped: the request has been answered, and a
        failure here would send it again. When a connection kept open from before turns out to be closed, the request
        is sent once more on a new one.
        """
        try:
            async with asyncio.timeout(self._timeouts.post):
                return await self._send(self._checked(url), body, headers)
        except RemoteFailure:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error) from error

    async def addresses(self, url: str) -> tuple[str, ...]:
        """Where the name in a URL leads at this moment; nothing is connected to. Raises RemoteFailure."""
        try:
            return tuple(dict.fromkeys(one["host"] for one in await self._resolved(URL(self._checked(url)))))
        except RemoteFailure:
            raise
        except OSError as error:
            known = _OF_NAME.get(error.errno or 0)
            raise RemoteFailure(known[1], code=known[0]) if known else _failure(error) from error

    async def greet(self, url: str) -> datetime | None:
        """Connect to the server of a URL, say nothing and hang up: until when its certificate holds, None over http.

        Its addresses are tried one after the other, each checked as for any connection. Raises RemoteFailure.
        """
        target, refusal = URL(self._checked(url)), OSError("the name has no address")
        try:
            async with asyncio.timeout(self._timeouts.get):
                for one in await self._resolved(target):
                    try:
                        return await self._greet(target, one)
                    except OSError as error:
                        refusal = error
            raise refusal
        except RemoteFailure:
            raise
        except OSError as error:
            raise _failure(error) from error

    async def _resolved(self, target: URL) -> list[ResolveResult]:
        resolver = _Resolver(loopback_names=self._loopback, seconds=self._timeouts.connect)
        return await resolver.resolve(target.host or "", target.port or 0, socket.AF_UNSPEC)

    async def _greet(self, target: URL, one: ResolveResult) -> datetime | None:
        loop, at = asyncio.get_running_loop(), (one["host"], one["port"])
        opened = socket_factory(loopback_allowed=self._loopback)((one["family"], socket.SOCK_STREAM, 0, "", at))
        with contextlib.closing(opened):
            opened.settimeout(0)
            async with asyncio.timeout(self._timeouts.connect):
                await loop.sock_connect(opened, at)
                if target.scheme != "https":
                    return None
                trusted = await asyncio.to_thread(ssl.create_default_context)
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, sock=opened, ssl=trusted, server_hostname=target.host
                )
                shown = transport.get_extra_info("peercert")
                transport.abort()
                return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)

    async def _follow(
        self, url: str, headers: Mapping[str, str], redirects: int, headers_for: HeadersFor | None
    ) -> Answer:
        """The answer at the end of the redirects, each hop checked like the first and never visited twice."""
        target = self._checked(url)
        first = URL(target, encoded=True)
        visited: set[str] = set()
        while True:
            visited.add(target)
            sent = _for_origin(headers, first, target) | dict(headers_for(target) if headers_for else _NO_HEADERS)
            answer = await self._fetch(target, sent)
            if isinstance(answer, Answer):
                return answer
            if len(visited) > redirects:
                raise RemoteFailure("redirected too often", code="redirects")
            target = self._checked(answer)
            if target in visited:
                raise RemoteFailure("redirected in a circle", code="redirects")
            if URL(target, encoded=True).scheme != first.scheme:
                raise RemoteFailure("redirected to another scheme", code="redirects")

    async def _fetch(self, target: str, headers: Mapping[str, str]) -> Answer | str:
        """One hop: the answer, or the URL to which it redirects. A redirect's body is not read."""
        async with _open(self._asking).get(
            URL(target, encoded=True), headers=_clean(headers), allow_redirects=False
        ) as response:
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or location is None:
                return await _answer(response, target, MAX_GET_BYTES)
            response.close()
            return _joined(target, location)

    async def _send(self, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST. Each try on a connection that was already dead uses that one up; a new one is never retried."""
        for _ in range(CONNECTIONS_PER_HOST):
            attempt = _Attempt()
            try:
                return await self._send_once(target, body, headers, attempt)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not attempt.reused or attempt.answered:
                    raise
        return await self._send_once(target, body, headers, _Attempt())

    async def _send_once(self, target: str, body: bytes, headers: Mapping[str, str], attempt: "_Attempt") -> Answer:
        async with _open(self._saying).post(
            URL(target, encoded=True),
            data=body,
            headers=_clean(headers),
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as response:
            attempt.answered = True
            return await _answer(response, target, MAX_POST_ANSWER_BYTES, truncate=True)

    def _checked(self, url: str) -> str:
        return checked_url(url, loopback=self._loopback)


def _open(pool: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
    if pool is None:
        raise RuntimeError("the client was not started, or is closed")
    return pool


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """What became known while one POST was under way."""

    reused: bool = False
    answered: bool = False


async def _note_reuse(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    """Called by aiohttp when a request goes out on a connection from the pool."""
    if isinstance(context.trace_request_ctx, _Attempt):
        context.trace_request_ctx.reused = True


async def read_capped(response: aiohttp.ClientResponse, limit: int, *, truncate: bool = False) -> bytes:
    """The body, decompressed, of at most `limit` bytes.

    A longer one is refused as `too-large`, or cut there with `truncate`; either way the connection is closed and
    nothing more is read. Compression that was not asked for is a `bad-answer`. Raises RemoteFailure.
    """
    if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise RemoteFailure("the answer is encoded in a way nobody asked for", code="bad-answer")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            if truncate:
                return bytes(body[:limit])
            raise RemoteFailure("the answer is too large", code="too-large", limit=limit)
    return bytes(body)


async def _answer(response: aiohttp.ClientResponse, url: str, limit: int, *, truncate: bool = False) -> Answer:
    body = await read_capped(response, limit, truncate=truncate)
    return Answer(status=response.status, headers=response.headers, body=body, url=url)


def _for_origin(headers: Mapping[str, str], first: URL, target: str) -> dict[str, str]:
    """The caller's headers for a hop: all of them at the first origin, elsewhere nothing but `Accept`."""
    if URL(target, encoded=True).origin() == first.origin():
        return dict(headers)
    return {"Accept": headers["Accept"]}


def _joined(base: str, location: str) -> str:
    """The URL that a `Location` means, its characters untouched. What comes out is still to be checked."""
    try:
        return str(URL(base, encoded=True).join(URL(location, encoded=True)))
    except ValueError as error:
        raise BadUrl("redirected to what is no URL") from error


def _clean(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, if no control character in them could start another header. Raises ValueError."""
    for name, value in headers.items():
        if not name.isascii() or not (name + value).isprintable():
            raise ValueError(f"not a header that can be sent: {name!r}")
    return headers


def _failure(error: BaseException) -> RemoteFailure:
    """What a failure of the network means to us. No word of the other side's gets into the sentence."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ForbiddenAddress):
        return cause
    known = None
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        known = _OF_CERTIFICATE.get(getattr(error.certificate_error, "verify_code", 0))
    elif isinstance(error, ssl.SSLCertVerificationError):
        known = _OF_CERTIFICATE.get(error.verify_code)
    elif isinstance(cause, socket.gaierror):
        known = _OF_NAME.get(cause.errno or 0)
    if known is not None:
        return RemoteFailure(known[1], code=known[0])
    for kinds, code, sentence in _FAILURES:
        if isinstance(error, kinds):
            return RemoteFailure(sentence, code=code)
    return RemoteFailure("failed in a way nobody foresaw", code="bad-answer")
