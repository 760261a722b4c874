"""`fedhood peers test|trace|arrivals|replay`: what can be found out about neighbours and letters, at the machine.

The sentences are those of the pages, in English.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

from fedhood.adapters.http.findings import Outcome
from fedhood.adapters.http.paths import Path, Told
from fedhood.adapters.web import host_findings, path_words
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.core import peers as servers
from fedhood.diagnosis import Diagnosis
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
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


# -- what became of what we sent ---------------------------------------------------------------------------------------


@click.command()
@click.argument("what", metavar="ID|HOST")
@as_json
@pass_given
def trace(given: Given, what: str, *, as_json: bool) -> None:
    """Say what became of an activity of ours (its ID, or the last part of it), here and where it went.

    The other side is asked; it tells of nothing but what this server sent it. With a HOST: the last twenty that it was
    sent, as far as this server knows.
    """
    from fedhood.cli.beside import beside  # noqa: PLC0415 - it reads half of the server

    with beside(given.settings()) as federation:
        host = federation.database.look(_host, what)
        if host is not None:
            paths = [
                (host, Path(sent=one, told=Told.NOT_ASKED)) for one in asyncio.run(Diagnosis(federation).letters(host))
            ]
        else:
            paths = asyncio.run(_paths(federation, what.removeprefix(federation.addresses.activity(""))))
    if as_json:
        click.echo(json.dumps([_path(peer, one) for peer, one in paths], ensure_ascii=False))
        return
    if not paths:
        click.echo(f"Nothing was sent to {what} yet.")
    for peer, one in paths:
        for line in _lines(peer, one, asked=host is None):
            click.echo(line)


async def _paths(federation: Federation, key: str) -> list[tuple[Peer, Path]]:
    """The whole way of an activity to each server that it goes to. Raises NotFound."""
    diagnosis = Diagnosis(federation)
    receivers = federation.database.look(_receivers, key)
    if not receivers:
        raise NotFound(f"this server neither knows a host {key}, nor sent or is to send anything of this name")
    async with federation.client:
        return [(peer, await diagnosis.whole_path(peer, key)) for peer in receivers]


def _host(db: peewee.Database, what: str) -> Peer | None:
    try:
        return servers.by_host(db, servers.host_of(what))
    except Invalid:
        return None


def _receivers(db: peewee.Database, key: str) -> list[Peer]:
    from fedhood.adapters.activitypub import outgoing  # noqa: PLC0415 - rarely needed

    return [servers.get(db, one.peer) for one in outgoing.of_key(db, key)]


def _lines(peer: Peer, path: Path, *, asked: bool) -> Iterator[str]:
    sent, arrived = path.sent, path.arrived
    yield f"{sent.key or '(not made yet)'} to {peer.host}: {path_words.matter(sent.verb)}"
    yield f"  {instant(sent.ordered_at)}  here: It happened here, and was to be told to them."
    tries = (
        f" Tries: {sent.attempts}; last answer: {sent.last_status or sent.last_error or 'none'}."
        if sent.attempts
        else ""
    )
    yield f"  {_at(sent.done_at)}  here: {path_words.SENT[sent.state][1]}{tries}"
    if sent.again_at is not None:
        yield f"  {instant(sent.again_at)}  here: It is tried again."
    if arrived is None:
        untold = {Told.NOT_ASKED: path_words.NOT_ASKED, Told.NOTHING: path_words.NOT_TOLD}
        if asked:
            yield f"  {_at(None)}  there: {untold.get(path.told, path_words.UNREACHED)}"
        return
    came = "It arrived." if arrived.way is None else path_words.WAYS[arrived.way]
    yield f"  {instant(arrived.arrived_at)}  there: {came}"
    why = "" if arrived.reason is None else " " + " ".join(path_words.REASONS[arrived.reason])
    yield f"  {_at(arrived.settled_at)}  there: {path_words.FATES[arrived.fate][1]}{why}"
    if arrived.again_at is not None:
        yield f"  {instant(arrived.again_at)}  there: It is tried again."


def _at(moment: datetime | None) -> str:
    return " " * 20 if moment is None else instant(moment)


def _path(peer: Peer, path: Path) -> dict[str, Any]:
    return {"host": peer.host, "told": path.told.value, "sent": _plain(path.sent), "arrived": _plain(path.arrived)}


def _plain(value: Any) -> Any:
    """A value of ours as JSON has it: moments as the wire writes them, no number of a neighbour's."""
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: _plain(one) for name, one in fields.items() if name != "peer"}
    return value if value is None or isinstance(value, str | int | tuple) else instant(value)


# -- what was not taken in here ----------------------------------------------------------------------------------------


@click.command()
@click.argument("host")
@click.option("--before", type=int, help="Those before this number: the next page.")
@as_json
@pass_given
def arrivals(given: Given, host: str, before: int | None, *, as_json: bool) -> None:
    """List the last twenty that HOST sent and that were not taken in here, with their numbers, and why."""
    from fedhood.cli.beside import beside  # noqa: PLC0415 - it reads half of the server

    with beside(given.settings()) as federation:
        kept = asyncio.run(Diagnosis(federation).untaken(federation.database.look(_find, host), before))
    if as_json:
        click.echo(json.dumps([_plain(one) for one in kept], ensure_ascii=False))
        return
    if not kept:
        click.echo(f"Everything that {host} sent was taken in." if before is None else "There is no more.")
    for one in kept:
        arrived = one.arrived
        why = "" if arrived.reason is None else " " + " ".join(path_words.REASONS[arrived.reason])
        click.echo(f"{one.id}  {instant(arrived.arrived_at)}  {path_words.FATES[arrived.fate][1]}{why}")


@click.command()
@click.argument("number", type=int)
@as_json
@pass_given
def replay(given: Given, number: int, *, as_json: bool) -> None:
    """Read once more what arrived under this NUMBER (`fedhood peers arrivals`), in a dry run.

    It changes nothing and asks nobody. It says what would come of it now: which facts would be stated, and which tables
    written. What it says is not shown.
    """
    from fedhood.adapters.activitypub.replay import rehearse  # noqa: PLC0415 - rarely needed
    from fedhood.cli.beside import beside  # noqa: PLC0415 - it reads half of the server

    with beside(given.settings()) as federation:
        came = asyncio.run(rehearse(federation, number))
    if as_json:
        click.echo(json.dumps(_plain(came)))
        return
    _, said, advice = path_words.ENDINGS[came.ending]
    click.echo(" ".join([said, *(path_words.REASONS[came.reason] if came.reason is not None else (advice,))]))
    if came.code:
        click.echo(f"In the log: {came.code}")
    for kind, count in came.facts:
        click.echo(f"would be remembered: {kind} ({count})")
    for table, how, count in came.tables:
        click.echo(f"would be written: {table} {how} ({count})")
    click.echo("Nothing of this has happened.")


def _find(db: peewee.Database, host: str) -> Peer:
    from fedhood.cli.known import find  # noqa: PLC0415 - that module reads this one

    return find(db, host)


COMMANDS = (test, trace, arrivals, replay)
