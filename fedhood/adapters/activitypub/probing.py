"""A neighbour is tested: from its name to its clock, step by step, in the way in which letters go there.

Every step uses the same guarded way out as all that is sent. Whatever does not answer is waited for eight seconds, and
for all steps together twenty. Nothing is written down but by which scheme it wants requests signed, as ever.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from fedhood.adapters.activitypub import actors, asking, echo, remote
from fedhood.adapters.http import guard, strict_json
from fedhood.adapters.http.findings import Finding, Found, Outcome, Step
from fedhood.core.peers import PeerState
from fedhood.kernel import urls
from fedhood.kernel.clock import monotonic
from fedhood.kernel.errors import FedhoodError, RemoteFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.client import Answer
    from fedhood.core.peers import Peer
    from fedhood.kernel.clock import Clock

LONGEST = 20.0  # seconds for everything
STEP = 8.0  # seconds for one thing that is waited for
CERTIFICATE_SOON = 14  # days; Caddy renews a month before the end
SAME = timedelta(seconds=60)
HARMLESS = timedelta(minutes=10)  # from then on what is said is read later
REFUSED = timedelta(minutes=60)  # from then on signatures are refused

_MOST_NAMED = 4
_BY_CODE: dict[str, Found] = {
    "timeout": Found.LATE,
    "unreachable": Found.LOST,
    "no-such-name": Found.LOST,
    "no-name-server": Found.LOST,
    **{one.value: one for one in Found if one.value.startswith("certificate-")},
    "tls": Found.TLS,
    "forbidden-address": Found.FORBIDDEN_ADDRESS,
    "not-federated": Found.NO_NODEINFO,
    "actor-missing": Found.NO_ACTOR,
    "actor-gone": Found.NO_ACTOR,
}
_NAMES = {"timeout": Found.NAME_LATE, "no-name-server": Found.NO_NAME_SERVER}
_PROXY = frozenset({502, 503, 504})


@dataclass(slots=True, kw_only=True)
class _Test:
    """One test under way.

    `ahead`: by how much their clock was before ours, by the `Date` of each answer; `echoed`: by the time in their echo.
    """

    federation: Federation
    peer: Peer
    base: str
    addresses: tuple[str, ...] = ()
    ahead: list[timedelta] = field(default_factory=list)
    echoed: timedelta | None = None

    @property
    def clock(self) -> Clock:
        return self.federation.clock

    def hear(self, answer: Answer, asked_at: datetime) -> None:
        """What the time was there, by the `Date` of an answer that comes from no store on the way."""
        if "Age" not in answer.headers:
            try:
                said = parsedate_to_datetime(answer.headers.get("Date", ""))
            except ValueError:
                return
            self.ahead.append(self.compared(said if said.tzinfo else said.replace(tzinfo=UTC), asked_at))

    def compared(self, said: datetime, asked_at: datetime) -> timedelta:
        """How far a time that was said in whole seconds is ahead of the middle of asking and hearing it."""
        return said + timedelta(milliseconds=500) - (asked_at + (self.clock.now() - asked_at) / 2)


async def probe(federation: Federation, peer: Peer, *, longest: float = LONGEST) -> list[Finding]:
    """Test one neighbour: a finding for each step, in order. It takes at most `longest` seconds, and raises nothing."""
    scheme = "http" if federation.settings.loopback_names else "https"
    home = urls.origin(peer.actor_uri or "") or f"{scheme}://{peer.host}"
    test = _Test(federation=federation, peer=peer, base=home)
    until = monotonic() + longest
    findings: list[Finding] = []
    instead: Found | None = None
    for steps, look, needed in _PLAN:
        left = until - monotonic()
        if instead is None and left <= 0:
            instead = Found.OUT_OF_TIME
        if instead is not None:
            findings += [Finding(step=step, found=instead) for step in steps]
            continue
        found = await _looked(look, test, steps[0], min(STEP, left))
        reached = {one.step for one in found}
        findings += found + [Finding(step=step, found=Found.NOT_TRIED) for step in steps if step not in reached]
        if needed and any(one.outcome is Outcome.ILL for one in found):
            instead = Found.NOT_TRIED
    return findings


async def _looked(
    look: Callable[[_Test], Awaitable[list[Finding]]], test: _Test, step: Step, seconds: float
) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await look(test)
    except TimeoutError:
        return [Finding(step=step, found=Found.LATE)]
    except FedhoodError as failure:
        return [Finding(step=step, found=_of(failure))]


def _of(failure: FedhoodError) -> Found:
    status = failure.facts.get("status")
    if failure.code not in _BY_CODE and isinstance(status, int):
        return _of_status(status)
    return _BY_CODE.get(failure.code, Found.STRANGE_ANSWER)


def _of_status(status: int) -> Found:
    if status in _PROXY:
        return Found.PROXY_ALONE
    if status == 429:
        return Found.TOO_OFTEN
    return Found.THEIR_FAULT if status >= 500 else Found.STRANGE_ANSWER


# -- the way there -----------------------------------------------------------------------------------------------------


async def _name(test: _Test) -> list[Finding]:
    try:
        test.addresses = await test.federation.client.addresses(test.base)
    except RemoteFailure as failure:
        return [Finding(step=Step.NAME, found=_NAMES.get(failure.code, Found.NO_SUCH_NAME))]
    return [
        Finding(step=Step.NAME, found=Found.NAME_KNOWN, facts={"addresses": ", ".join(test.addresses[:_MOST_NAMED])})
    ]


async def _address(test: _Test) -> list[Finding]:
    may = guard.is_loopback if test.federation.settings.loopback_names else guard.is_public
    good = [may(one) for one in test.addresses]
    found = Found.ADDRESS_GOOD if all(good) else Found.ADDRESS_MIXED if any(good) else Found.FORBIDDEN_ADDRESS
    return [Finding(step=Step.ADDRESS, found=found)]


async def _connection(test: _Test) -> list[Finding]:
    try:
        until = await test.federation.client.greet(test.base)
    except RemoteFailure as failure:
        found = _BY_CODE.get(failure.code, Found.LOST)
        if found in {Found.LOST, Found.LATE}:
            late = found is Found.LATE
            return [Finding(step=Step.CONNECTION, found=Found.CONNECTION_LATE if late else Found.UNREACHABLE)]
        return [_connected(), Finding(step=Step.CERTIFICATE, found=found)]
    if until is None:
        return [_connected(), Finding(step=Step.CERTIFICATE, found=Found.NO_CERTIFICATE)]
    soon = until - test.clock.now() < timedelta(days=CERTIFICATE_SOON)
    holds = Found.CERTIFICATE_SOON if soon else Found.CERTIFICATE_GOOD
    return [_connected(), Finding(step=Step.CERTIFICATE, found=holds, facts={"until": until})]


def _connected() -> Finding:
    return Finding(step=Step.CONNECTION, found=Found.CONNECTED)


# -- who is there ------------------------------------------------------------------------------------------------------


async def _nodeinfo(test: _Test) -> list[Finding]:
    asked_at = test.clock.now()
    answer = await test.federation.client.get(f"{test.base}/.well-known/nodeinfo", accept=echo.JSON)
    test.hear(answer, asked_at)
    if answer.status != 200:
        missing = answer.status in {404, 410}
        return [Finding(step=Step.NODEINFO, found=Found.NO_NODEINFO if missing else _of_status(answer.status))]
    named = remote.instance_link(strict_json.loads_object(answer.body))
    same = named == test.peer.actor_uri or test.peer.actor_uri is None
    return [Finding(step=Step.NODEINFO, found=Found.NODEINFO_GOOD if same else Found.OTHER_INSTANCE)]


async def _actor(test: _Test) -> list[Finding]:
    signing = await actors.ensure_keys(test.federation, actors.INSTANCE)
    uri = test.peer.actor_uri or urls.Addresses(test.base).instance
    shown = remote.read_instance(await asking.document(test.federation, uri, signing))
    same = test.peer.multikey in {None, shown.multikey}
    return [Finding(step=Step.ACTOR, found=Found.ACTOR_GOOD if same else Found.KEY_OTHER)]


async def _webfinger(test: _Test) -> list[Finding]:
    resource = quote(f"acct:{test.peer.host}@{test.peer.host}", safe="")
    answer = await test.federation.client.get(
        f"{test.base}/.well-known/webfinger?resource={resource}", accept="application/jrd+json"
    )
    if answer.status != 200:
        missing = answer.status in {404, 410}
        return [Finding(step=Step.WEBFINGER, found=Found.NO_WEBFINGER if missing else _of_status(answer.status))]
    links = strict_json.loads_object(answer.body).get("links")
    named = [
        link.get("href")
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict) and link.get("rel") == "self"
    ]
    good = (test.peer.actor_uri or urls.Addresses(test.base).instance) in named
    return [Finding(step=Step.WEBFINGER, found=Found.WEBFINGER_GOOD if good else Found.WEBFINGER_OTHER)]


async def _echo(test: _Test) -> list[Finding]:
    """How they see us. One that has no echo is asked whether it keeps a stream for us: then its software is older."""
    if test.peer.state is not PeerState.AGREED:
        return [Finding(step=Step.ECHO, found=Found.NOT_AGREED)]
    asked_at = test.clock.now()
    answer = await echo.ask(test.federation, test.peer)
    if answer.status == 200:
        heard = echo.read(answer)
        test.echoed = test.compared(heard.time, asked_at)
        scheme = "RFC 9421" if heard.scheme == "rfc9421" else "draft-cavage-12"
        return [Finding(step=Step.ECHO, found=Found.ECHO_GOOD, facts={"scheme": scheme})]
    if answer.status != 404:
        return [Finding(step=Step.ECHO, found=_of_status(answer.status))]
    stream = await asking.signed(test.federation, echo.address(test.federation, test.peer, "stream"))
    return [Finding(step=Step.ECHO, found=Found.ECHO_OLDER if stream.status == 200 else Found.ECHO_STRANGER)]


async def _clock(test: _Test) -> list[Finding]:
    ahead = test.echoed if test.echoed is not None else test.ahead[-1] if test.ahead else None
    if ahead is None:
        return [Finding(step=Step.CLOCK, found=Found.NO_TIME)]
    far = abs(ahead)
    minutes = max(1, round(far / timedelta(minutes=1)))
    if far <= SAME:
        return [Finding(step=Step.CLOCK, found=Found.CLOCK_SAME)]
    if far <= HARMLESS:
        found = Found.CLOCK_NEAR
    elif far <= REFUSED:
        found = Found.CLOCK_AHEAD if ahead > timedelta() else Found.CLOCK_BEHIND
    else:
        found = Found.CLOCK_FAR_AHEAD if ahead > timedelta() else Found.CLOCK_FAR_BEHIND
    return [Finding(step=Step.CLOCK, found=found, facts={"minutes": minutes})]


# the steps that a look covers, the look, and whether nothing after it makes sense without it
_PLAN: tuple[tuple[tuple[Step, ...], Callable[[_Test], Awaitable[list[Finding]]], bool], ...] = (
    ((Step.NAME,), _name, True),
    ((Step.ADDRESS,), _address, True),
    ((Step.CONNECTION, Step.CERTIFICATE), _connection, True),
    ((Step.NODEINFO,), _nodeinfo, False),
    ((Step.ACTOR,), _actor, False),
    ((Step.WEBFINGER,), _webfinger, False),
    ((Step.ECHO,), _echo, False),
    ((Step.CLOCK,), _clock, False),
)
