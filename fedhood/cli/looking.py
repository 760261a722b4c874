"""`fedhood peers test`: what can be found out about a neighbour and about letters, from the machine itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from fedhood.adapters.http.findings import Outcome
from fedhood.adapters.web import host_findings
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.diagnosis import Diagnosis
from fedhood.kernel.clock import instant

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.findings import Finding
    from fedhood.core.peers import Peer


@click.command()
@click.argument("host")
@as_json
@pass_given
@click.pass_context
def test(ctx: click.Context, given: Given, host: str, *, as_json: bool) -> None:
    """Test the way to HOST: its name, address, certificate, what runs there, whether it knows us, and its clock.

    It takes up to 20 seconds and changes nothing. The exit code is 1 when something is bad.
    """
    from fedhood.cli.beside import beside  # noqa: PLC0415 - it reads half of the server

    with beside(given.settings()) as federation:
        findings = asyncio.run(_test(federation, federation.database.look(_find, host)))
    if as_json:
        click.echo(json.dumps([_finding(one) for one in findings], ensure_ascii=False))
    else:
        for one in findings:
            said = _finding(one)
            click.echo(
                f"{one.outcome:<4}  {one.step}: {' '.join(part for part in (said['said'], said['advice']) if part)}"
            )
    ctx.exit(any(one.outcome is Outcome.ILL for one in findings))


async def _test(federation: Federation, peer: Peer) -> list[Finding]:
    async with federation.client:
        return await Diagnosis(federation).test(peer)


def _finding(finding: Finding) -> dict[str, Any]:
    said, advice = host_findings.SAID[finding.found]
    return {
        "step": finding.step.value,
        "outcome": finding.outcome.value,
        "found": finding.found.value,
        "said": said % host_findings.facts_of(finding, _day),
        "advice": advice,
    }


def _day(moment: datetime) -> str:
    return instant(moment)


def _find(db: peewee.Database, host: str) -> Peer:
    from fedhood.cli.peers import find  # noqa: PLC0415 - that module reads this one

    return find(db, host)


COMMANDS = (test,)
