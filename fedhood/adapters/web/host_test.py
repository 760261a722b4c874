"""A neighbour is tested by who keeps a place here: a button, and what was found, with one advice each.

The test runs while the page is waited for, twenty seconds at most, and one at a time. Whoever was never found cannot be
tested: a name that nobody answers at would tell which names mean machines of this house.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from fedhood.adapters.http.limits import Bucket
from fedhood.adapters.web import host_agreed, host_findings, peer_words
from fedhood.adapters.web.keys import DIAGNOSIS
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.http.findings import Finding
    from fedhood.adapters.web.keys import Diagnosis
    from fedhood.adapters.web.visit import Visit
    from fedhood.core.peers import Peer


async def show(visit: Visit) -> web.StreamResponse:
    """`/host/neighbours/{peer}/test`: what the test does, and the button. Raises NotFound."""
    return _page(visit, await found(visit), None)


async def test(visit: Visit) -> web.StreamResponse:
    """The test, and what it found. Raises NotFound, TooMany."""
    peer = await found(visit)
    visit.count(Bucket.TESTS)
    try:
        return _page(visit, peer, await tools(visit).test(peer))
    except Conflict:
        return _page(visit, peer, None, status=409)


async def found(visit: Visit) -> Peer:
    """The place that the address names, if it was ever found. Raises NotFound."""
    peer = await host_agreed.find(visit)
    if peer.actor_uri is None:
        raise NotFound
    return peer


def tools(visit: Visit) -> Diagnosis:
    """What finds out about neighbours. Raises NotFound on a server that can have none."""
    known = visit.request.app[DIAGNOSIS]
    if known is None:
        raise NotFound
    return known


def _page(visit: Visit, peer: Peer, findings: list[Finding] | None, *, status: int = 200) -> web.Response:
    words = visit.words
    whole = host_findings.ALL_WELL if host_findings.is_well(findings or []) else host_findings.NOT_ALL_WELL
    return visit.page(
        "host/test.html",
        status=status,
        path=f"/host/neighbours/{peer.id}/test",
        peer=peer,
        name=peer_words.name_of(peer),
        busy=status == 409,
        whole=words.gettext(whole) if findings is not None else "",
        rows=[_row(visit, one) for one in findings or []],
    )


def _row(visit: Visit, finding: Finding) -> tuple[str, str, str, str]:
    """(what was looked at, look, what was found, advice)."""
    words = visit.words
    said, advice = host_findings.SAID[finding.found]
    return (
        words.gettext(host_findings.STEPS[finding.step]),
        host_findings.LOOKS[finding.outcome],
        words.gettext(said, **host_findings.facts_of(finding, words.date)),
        words.gettext(advice) if advice else "",
    )
