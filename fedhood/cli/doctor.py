"""`fedhood doctor`: what is well, what is worth a look, what is bad. It changes nothing and asks no network.

Of neighbours it says how they were found by the running server, the last time that it sent something.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import shutil
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import click
import peewee

from fedhood.adapters.activitypub import causes, deliveries
from fedhood.adapters.activitypub.standing import of_tomorrow, unreached
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.words import words_for
from fedhood.core import peers
from fedhood.core.deliveries import Cause
from fedhood.core.peers import PeerState
from fedhood.kernel import migrate
from fedhood.kernel.clock import Clock
from fedhood.kernel.errors import FedhoodError, Invalid
from fedhood.kernel.jobs import JobState, JobTable
from fedhood.kernel.sqlite import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedhood.kernel.settings import Settings

ROOM = 1 << 30  # bytes that should be free
LATELY = timedelta(days=7)
_SAFE_SQLITE = (3, 51, 3)


class Outcome(enum.StrEnum):
    """How one thing stands."""

    WELL = "ok"
    LOOK = "look"
    ILL = "bad"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    detail: str


@click.command()
@as_json
@pass_given
@click.pass_context
def doctor(ctx: click.Context, given: Given, *, as_json: bool) -> None:
    """Say what is well and what is not. The exit code is 1 when something is bad."""
    findings = list(examine(given))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            click.echo(f"{finding.outcome:<4}  {finding.name}: {finding.detail}")
    ctx.exit(any(finding.outcome is Outcome.ILL for finding in findings))


def examine(given: Given) -> Iterator[Finding]:
    """Look at one thing after the other; nothing can be said of the rest when the settings cannot be read."""
    try:
        settings = given.settings()
    except FedhoodError as refusal:
        yield Finding("settings", Outcome.ILL, refusal.detail)
        return
    yield Finding("settings", Outcome.WELL, f"{given.file}" if given.file.exists() else "no file, all defaults")
    yield _name(settings)
    checks: list[Callable[[Settings], Finding]] = [_folder, _room, _schema]
    if not settings.database:
        checks += [_sqlite, _file]
    for check in [*checks, _jobs, _neighbours, _clock]:
        try:
            yield check(settings)
        except (peewee.PeeweeException, OSError, Invalid) as failure:
            yield Finding(check.__name__.strip("_"), Outcome.ILL, words_for(failure, settings) or str(failure))
            if check is _schema and settings.database:
                return  # nobody answers there: once is enough


def _name(settings: Settings) -> Finding:
    if settings.host:
        return Finding("name", Outcome.WELL, settings.base_url)
    return Finding("name", Outcome.LOOK, "no host is set: residents only, no neighbours")


def _folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    if not folder.exists():
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            return Finding("folder", Outcome.ILL, f"data_dir: {folder.absolute()} cannot be made inside {above}")
        return Finding("folder", Outcome.LOOK, f"{folder.absolute()} is not there yet; fedhood serve makes it")
    if not folder.is_dir():
        return Finding("folder", Outcome.ILL, f"data_dir: {folder.absolute()} is a file, and should be a folder")
    if folder.stat().st_mode & 0o077:
        return Finding("folder", Outcome.ILL, f"others may read it; shut it with: chmod 700 {folder.absolute()}")
    if not os.access(folder, os.W_OK):
        return Finding("folder", Outcome.ILL, f"this user may not write into {folder.absolute()}; run as its owner")
    return Finding("folder", Outcome.WELL, f"{folder.absolute()}")


def _room(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    while not folder.is_dir():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        return Finding(
            "room", Outcome.ILL, f"{free >> 20} MiB free on the disk of {folder}; make room, {ROOM >> 20} MiB"
        )
    return Finding("room", Outcome.WELL, f"{free >> 20} MiB free")


def _sqlite(_settings: Settings) -> Finding:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _SAFE_SQLITE:
        return Finding("sqlite", Outcome.LOOK, f"{version}; let no other program open the database while it is served")
    return Finding("sqlite", Outcome.WELL, version)


def _connect(settings: Settings) -> peewee.Database | None:
    """A database to look at, None when there is none yet."""
    if settings.database:
        return peewee.PostgresqlDatabase(settings.database, prefer_psycopg3=True)
    file = migrate.database_file(settings)
    return open_file(file, read_only=True) if file.exists() else None


def _schema(settings: Settings) -> Finding:
    db = _connect(settings)
    if db is None:
        return Finding("schema", Outcome.LOOK, "no database yet; fedhood serve makes it")
    with db.connection_context():
        pending = migrate.pending(db)
    if pending:
        return Finding("schema", Outcome.LOOK, f"fedhood serve will apply {', '.join(pending)}")
    return Finding("schema", Outcome.WELL, "the database is as this program needs it")


def _file(settings: Settings) -> Finding:
    db = _connect(settings)
    if db is None:
        return Finding("file", Outcome.LOOK, "no database yet")
    with db.connection_context():
        said = [row[0] for row in db.execute_sql("PRAGMA quick_check(5)").fetchall()]
    if said == ["ok"]:
        return Finding("file", Outcome.WELL, "the database is whole")
    return Finding("file", Outcome.ILL, f"the database is damaged; restore a backup: {'; '.join(said)}")


def _jobs(settings: Settings) -> Finding:
    db = _connect(settings)
    if db is None:
        return Finding("jobs", Outcome.LOOK, "no database yet")
    with db.connection_context():
        if "job" not in db.get_tables():
            return Finding("jobs", Outcome.LOOK, "no table of jobs yet")
        given_up = JobTable.select().where(JobTable.state == JobState.DISCARDED).count(db)
    if given_up:
        return Finding("jobs", Outcome.LOOK, f"{given_up} given up after many tries; the log of the server says why")
    return Finding("jobs", Outcome.WELL, "none was given up")


# why something waits for a server: what it means, and whose turn it is
WHY = {
    Cause.NO_SUCH_NAME: "its name is not known; its entry in the DNS is missing, or it has another name now",
    Cause.NO_NAME_SERVER: "its name is not known, for this machine's name server does not answer; "
    "look after that first",
    Cause.CERTIFICATE_LAPSED: "its certificate has lapsed; whoever hosts it must renew it",
    Cause.CERTIFICATE_UNKNOWN: "nobody whom we trust vouches for its certificate; either its proxy shows a wrong one, "
    "or this machine knows no authorities (on Debian or Ubuntu: sudo apt install ca-certificates)",
    Cause.CERTIFICATE_NAME: "its certificate is of another name; whoever hosts it must look at its proxy",
    Cause.CERTIFICATE_TOO_NEW: "its certificate does not hold yet; is the clock of this machine right?",
    Cause.NO_SAFE_CONNECTION: "no safe connection can be made to it",
    Cause.UNREACHABLE: "nobody answers at its address; its machine or its proxy is off, or a firewall stands between",
    Cause.TIMEOUT: "it did not answer in time",
    Cause.FORBIDDEN_ADDRESS: "its name leads to an address that is not public, so nothing was sent there",
    Cause.STRANGE_ANSWER: "its answer could not be understood; perhaps something else answers at its address",
    Cause.NO_INBOX: "it is not known yet where it takes what is meant for it",
    Cause.CLOCK_SLOW: "it says that our clock is slow, or its own is fast; set both right",
    Cause.CLOCK_FAST: "it says that our clock is fast, or its own is slow; set both right",
    Cause.BROKEN_THERE: "something goes wrong there; whoever hosts it must look at its log and at the room on its disk",
    Cause.STOPPED: "its proxy answers, and fedhood behind it does not; whoever hosts it must start it",
    Cause.TOO_MUCH_AT_ONCE: "it gets too much at once and asks us to wait; there is nothing to do",
    Cause.LATER: "it asks us to come back later; there is nothing to do",
    Cause.NOT_RECOGNISED: "it does not recognise our signature; can this server be reached from outside, for its key?",
    Cause.OUR_KEY_IN_QUESTION: "it sees another key of ours than the one that was compared; read the letters out again",
    Cause.FAULT: "this server failed to send it; its log says why",
}


def _neighbours(settings: Settings) -> Finding:
    db = _connect(settings)
    if db is None:
        return Finding("neighbours", Outcome.LOOK, "no database yet")
    with db.connection_context():
        if not {"peer", "host", "delivery"} <= set(db.get_tables()):
            return Finding("neighbours", Outcome.LOOK, "no table of neighbours yet")
        known = [one for one in peers.all_peers(db) if one.state is PeerState.AGREED]
        sentences = [
            f"{one.host} is not reached since {one.since:%Y-%m-%d %H:%M} UTC ({one.waiting} waiting): "
            f"{_why(one.reason)}"
            for one in unreached(db)
        ]
        sentences += [
            f"{one.host} is not found: {_why(one.last_error)}"
            for one in peers.all_peers(db)
            if one.state is PeerState.LOOKING and one.last_error
        ]
        now = Clock().now()
        for one in known:
            sending = deliveries.standing(db, one.id, now)
            if sending.paused_at is not None:
                since = f"{sending.paused_at:%Y-%m-%d %H:%M} UTC ({sending.waiting} waiting)"
                sentences.append(f"{one.host} is paused since {since}; it goes on with fedhood peers resume {one.host}")
            if sending.refusing:
                sentences.append(
                    f"{one.host} refused the last three things or more; see fedhood peers letters {one.host}"
                )
    if sentences:
        return Finding("neighbours", Outcome.LOOK, "; ".join(sentences))
    return Finding("neighbours", Outcome.WELL, f"{len(known)} agreed, and none of them is out of reach")


def _why(reason: str) -> str:
    """What a reason means; the reason itself when it is one that nobody foresaw."""
    return WHY[causes.of_reason(reason)] if causes.is_known(reason) and causes.of_reason(reason) in WHY else reason


def _clock(settings: Settings) -> Finding:
    db = _connect(settings)
    if db is None:
        return Finding("clock", Outcome.LOOK, "no database yet")
    now = Clock().now()
    with db.connection_context():
        early = of_tomorrow(db, now - LATELY) if "inbound" in db.get_tables() else {}
    if early:
        hosts = ", ".join(f"{count} from {host}" for host, count in sorted(early.items()))
        return Finding(
            "clock",
            Outcome.LOOK,
            f"it is {now:%Y-%m-%d %H:%M} UTC here; of what came lately some was not taken, for it is of a later time "
            f"({hosts}). Either this clock is slow or theirs is fast; set it right",
        )
    return Finding("clock", Outcome.WELL, f"it is {now:%Y-%m-%d %H:%M} UTC here, and no neighbour contradicts")
