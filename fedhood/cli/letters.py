"""`fedhood peers letters|retry|pause|resume|forget`: what goes to another server, and what may be done about it.

It says what the pages say, in English: of a letter what it is about and when it was written, never what it says.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from fedhood.adapters.activitypub.ledger import Letters
from fedhood.adapters.web import host_letter_words
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.render import Words
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.known import find
from fedhood.cli.opened import opened
from fedhood.core import peers as servers
from fedhood.core.deliveries import Place, Which
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.core.deliveries import Letter, Standing, Verdict

_WORDS = Words(LANGUAGES["en"], ZoneInfo("UTC"))
_PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})", re.ASCII)


# -- what became of it ------------------------------------------------------------------------------------------------


@click.command()
@click.argument("host", required=False)
@click.option("--waiting", "which", flag_value=Which.WAITING.value, help="Only what waits.")
@click.option("--lost", "which", flag_value=Which.LOST.value, help="Only what was refused, not sent or forgotten.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="So many, the newest first.")
@as_json
@pass_given
def letters(given: Given, host: str | None, which: str | None, limit: int, *, as_json: bool) -> None:
    """Say how sending to HOST goes and what became of each letter; without HOST, how it goes with every server.

    Hours are those of UTC.
    """
    with opened(given.settings()) as database:
        now = database.clock.now()
        if host is None:
            overview = database.look(_overview, now)
        else:
            overview = [database.look(_of_host, host, now)]
            found = database.look(_listed, host, now, Which(which or Which.ALL), limit)
    if as_json:
        said: Any = [_standing_json(name, one) for name, one in overview]
        if host is not None:
            said = {**said[0], "letters": [_letter_json(one) for one in found]}
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    if not overview:
        click.echo("This server knows no other yet.")
    for name, one in overview:
        _say_standing(name, one, now, whole=host is not None)
    for letter in found if host is not None else ():
        click.echo(_line(letter, now))


def _overview(db: peewee.Database, now: datetime) -> list[tuple[str, Standing]]:
    return [(peer.host, Letters.standing(db, peer.id, now)) for peer in servers.all_peers(db)]


def _of_host(db: peewee.Database, host: str, now: datetime) -> tuple[str, Standing]:
    peer = find(db, host)
    return peer.host, Letters.standing(db, peer.id, now)


def _listed(db: peewee.Database, host: str, now: datetime, which: Which, limit: int) -> list[Letter]:
    return Letters.listed(db, find(db, host).id, now, which=which, before=None, limit=limit)


def _say_standing(name: str, one: Standing, now: datetime, *, whole: bool) -> None:
    said = [host_letter_words.state_of(one, _WORDS, now)[1]]
    if one.is_in_trouble or one.paused_at is not None:
        said += [host_letter_words.why(one.verdict, _WORDS), host_letter_words.advice(one.verdict, _WORDS)]
        said.append(host_letter_words.next_try(one.verdict, _WORDS, now))
    click.echo(f"{name}: {_plain(*said)}")
    for line in host_letter_words.counts(one, _WORDS, now) if whole else ():
        click.echo(_plain(line))


def _line(letter: Letter, now: datetime) -> str:
    verdict, words = letter.verdict, _WORDS
    at = f", {words.moment(verdict.at, now)}" if verdict.at is not None else ""
    fate = words.gettext(host_letter_words.FATES[verdict.fate][1])
    what = words.gettext(host_letter_words.MATTERS[letter.matter])
    place = f"{letter.place.epoch}-{letter.place.number}"
    written = f"{letter.at.astimezone(UTC):%Y-%m-%d %H:%M}"
    why = "" if verdict.cause is None else f" {words.gettext(host_letter_words.CAUSES[verdict.cause][0])}"
    return _plain(f"{place}  {written}  {what}: {fate}{at}.{why}")


def _plain(*said: str) -> str:
    """Sentences without the signs that stand for others on a page."""
    return " ".join(one.unescape() if hasattr(one, "unescape") else one for one in said if one)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "fate": verdict.fate.value,
        "cause": None if verdict.cause is None else verdict.cause.value,
        "at": _instant(verdict.at),
        "next_try": _instant(verdict.next_try),
        "since": _instant(verdict.since),
    }


def _letter_json(letter: Letter) -> dict[str, Any]:
    place = f"{letter.place.epoch}-{letter.place.number}"
    about = {"place": place, "about": letter.matter.value, "written": instant(letter.at), "attempts": letter.attempts}
    return {**about, **_verdict_json(letter.verdict), "may_forget": letter.may_forget}


def _standing_json(name: str, one: Standing) -> dict[str, Any]:
    return {
        "host": name,
        "waiting": one.waiting,
        "oldest": _instant(one.oldest),
        "of_last": one.of_last,
        "arrived": one.arrived,
        "lost": one.lost,
        "last_ok": _instant(one.last_ok),
        "paused": _instant(one.paused_at),
        "parked": one.parked,
        "refusing": one.refusing,
        "cause": None if one.verdict.cause is None else one.verdict.cause.value,
        "since": _instant(one.verdict.since),
        "next_try": _instant(one.verdict.next_try),
    }


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


# -- what is done about it --------------------------------------------------------------------------------------------


@click.command()
@click.argument("host")
@click.argument("letter", required=False)
@pass_given
def retry(given: Given, host: str, letter: str | None) -> None:
    """Try HOST now, if it rests because it did not answer. The running server does it within a second.

    With a LETTER (its place, as `letters` says it): send a post, an answer or a request once more that did not arrive.
    """
    if letter is not None:
        _do(given, host, Letters.again, place=_place(letter))
        click.echo(f"{letter} is sent to {host} once more.")
        return
    _do(given, host, Letters.retry)
    click.echo(f"{host} is tried now.")


@click.command()
@click.argument("host")
@pass_given
def pause(given: Given, host: str) -> None:
    """Let nothing go to HOST until `resume`. What it is to get waits; what it says is read as before."""
    _do(given, host, Letters.pause)
    click.echo(f"Nothing goes to {host} any more; what it is to get waits.")


@click.command()
@click.argument("host")
@pass_given
def resume(given: Given, host: str) -> None:
    """Let what waits for HOST go on."""
    _do(given, host, Letters.resume)
    click.echo(f"What waits for {host} goes on.")


@click.command()
@click.argument("host")
@click.argument("letter", required=False)
@click.option("--all", "everything", is_flag=True, help="All that waits, but for what is taken back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_given
def forget(given: Given, host: str, letter: str | None, *, everything: bool, yes: bool) -> None:
    """Do not send one LETTER to HOST (its place, as `letters` says it), or with --all nothing of what waits.

    What takes something back, and what belongs to the agreement, is told all the same.
    """
    if everything == (letter is not None):
        raise click.UsageError("Name one letter, such as 1-42, or say --all.")
    if letter is not None:
        _do(given, host, Letters.forget, place=_place(letter))
        click.echo(f"{letter} is not sent to {host}.")
        return
    with opened(given.settings()) as database:
        peer = database.look(find, host)
        waiting = database.look(Letters.what_waits, peer.id)
        for matter, number in sorted(waiting.items()):
            click.echo(f"{_plain(_WORDS.gettext(host_letter_words.MATTERS[matter]))}: {number}")
        if waiting and not yes:
            click.confirm(f"{host} never gets this. Forget it?", abort=True)
        done = 0
        while more := database.transact(Letters.forget_all, by=None, peer_id=peer.id):
            done += more
    click.echo(f"{done} of what waited for {host} will not be sent.")


def _place(text: str) -> Place:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Invalid(f"{text!r} is no place of a letter; `fedhood peers letters` says them, such as 1-42")
    return Place(int(found.group(1)), int(found.group(2)))


def _do(given: Given, host: str, act: Callable[..., None], **how: Any) -> None:
    with opened(given.settings()) as database:
        database.transact(lambda uow: act(uow, by=None, peer_id=find(uow.db, host).id, **how))


COMMANDS = (letters, retry, pause, resume, forget)
