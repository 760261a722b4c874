"""`fedhood neighbourhoods …`: which there are on this server, one more, and which of them read each other."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from fedhood.adapters.web.languages import LANGUAGES
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.opened import opened
from fedhood.core import access, accounts
from fedhood.core import neighbourhoods as places
from fedhood.core.access import Permission
from fedhood.kernel.clock import Clock
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import peewee

    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.kernel.database import UnitOfWork


@click.group()
def neighbourhoods() -> None:
    """The neighbourhoods of this server, and which of them read each other.

    All of it works while the server runs.
    """


# -- list -------------------------------------------------------------------------------------------------------------


@neighbourhoods.command("list")
@as_json
@pass_given
def show(given: Given, *, as_json: bool) -> None:
    """List the neighbourhoods of this server.

    Of each it says the key, the name, and who reads what it shares with neighbours. A * marks a neighbourhood of
    another server; with those one agrees in the browser.
    """
    with opened(given.settings()) as database:
        listed = database.look(_listed)
    if as_json:
        click.echo(json.dumps([_as_json(place, readers) for place, readers in listed], ensure_ascii=False))
        return
    if not listed:
        click.echo("There is no neighbourhood on this server yet.")
    for place, readers in listed:
        names = ", ".join(reader.name + ("" if reader.peer is None else "*") for reader in readers)
        households = "households not counted" if place.households is None else f"{place.households} households"
        click.echo(
            f"{place.key}: {place.name}; {', '.join(place.languages)}; {households}; read by {names or 'no other'}"
        )


_Listed = list[tuple["Neighbourhood", list["Neighbourhood"]]]


def _listed(db: peewee.Database) -> _Listed:
    """Ours by name, each with those that read what it shares."""
    return [(place, places.readers_of(db, place.id)) for place in places.ours(db)]


def _as_json(place: Neighbourhood, readers: list[Neighbourhood]) -> dict[str, Any]:
    return {
        "key": place.key,
        "name": place.name,
        "languages": place.languages,
        "households": place.households,
        "read_by": [{"key": reader.key, "name": reader.name, "ours": reader.peer is None} for reader in readers],
    }


# -- add --------------------------------------------------------------------------------------------------------------


def _day(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    """A day as the database keeps it, empty for none."""
    if not given:
        return ""
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise click.BadParameter(f"{given!r} is no day; write year, month and day, such as 2026-01-31") from None
    if day > Clock().now().date():
        raise click.BadParameter(f"{given} is still to come; a count is of a day that has been")
    return day.isoformat()


@neighbourhoods.command()
@click.argument("name")
@click.option(
    "--key",
    help="What stands for it in addresses, in small letters, digits and hyphens; made of the name unless given. It "
    "never changes.",
)
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.Choice(list(LANGUAGES)),
    help="A language that is read there; may be given several times, the first is the one of its pages. Without it: "
    "en.",
)
@click.option(
    "--households",
    type=click.IntRange(1, 1_000_000),
    help="How many households there are by the official count; with --source and --date.",
)
@click.option("--source", default="", help="Who counted them, such as: Statbel.")
@click.option("--date", "counted_on", metavar="DAY", callback=_day, help="Of which day the count is: 2026-01-31.")
@as_json
@pass_given
def add(
    given: Given,
    name: str,
    key: str | None,
    languages: Sequence[str],
    households: int | None,
    source: str,
    counted_on: str,
    *,
    as_json: bool,
) -> None:
    """Put one more neighbourhood on this server, called NAME.

    It reads nothing of the others, and they nothing of it, until `fedhood neighbourhoods agree`.
    """
    given_together = {households is not None, bool(source), bool(counted_on)}
    if len(given_together) > 1:
        raise click.UsageError("--households, --source and --date belong together: a count that says whose it is.")
    settings = given.settings()
    if settings.profile is Profile.CITY:
        raise Invalid(
            "profile: this is a city's server, which has no neighbourhoods of its own; those that report to it are "
            "listed in the browser"
        )
    with opened(settings) as database:
        made = database.transact(
            _add,
            name=name,
            key=key,
            languages=languages or ("en",),
            households=households,
            source=source,
            counted_on=counted_on,
        )
    if as_json:
        click.echo(json.dumps({"key": made.key, "name": made.name}, ensure_ascii=False))
        return
    click.echo(f"{made.name} is on this server now. Its key is {made.key}, its page /n/{made.key}")
    click.echo("Nobody lives there yet: whoever looks after the whole server can print codes for its households.")


def _add(
    uow: UnitOfWork,
    *,
    name: str,
    key: str | None,
    languages: Sequence[str],
    households: int | None,
    source: str,
    counted_on: str,
) -> Neighbourhood:
    """Raises Invalid, Conflict."""
    # the set-up ends once there is a neighbourhood: made here first, nobody could ever sign in
    if not places.ours(uow.db) and not access.holders(uow.db, Permission.SET_UP, None):
        raise Invalid(
            "nobody looks after this server yet. Open the address that fedhood serve prints and set the first "
            "neighbourhood up there; then add more here",
            code="not-set-up",
        )
    try:
        made = places.create(
            uow,
            name=name,
            key=key,
            languages=languages,
            households=households,
            households_source=source,
            households_on=counted_on,
        )
    except Invalid as refusal:
        if refusal.code != "key":
            raise
        raise Invalid(_no_key(key), code="key", field="key") from refusal
    except Conflict as refusal:
        raise Conflict(
            "there is a neighbourhood with that key on this server already; give this one another with --key",
            code=refusal.code,
            field="key",
        ) from refusal
    place = places.get(uow.db, made)
    if accounts.by_handle(uow.db, place.key) is not None:  # both would be found under @KEY
        raise Conflict(f"a resident is called @{place.key}; give the neighbourhood another key with --key", field="key")
    return place


def _no_key(key: str | None) -> str:
    if key is None:
        return "no key can be made of that name; give one with --key, in small letters, digits and hyphens"
    return f"{key!r} is no key: at most 40 small letters, digits and hyphens, a letter or digit at both ends"


# -- agree, part ------------------------------------------------------------------------------------------------------


@neighbourhoods.command()
@click.argument("a")
@click.argument("b")
@pass_given
def agree(given: Given, a: str, b: str) -> None:
    """Let A and B read what the other shares with neighbours.

    A and B are two neighbourhoods of this server, each by its key or its name. What either shares with its own
    residents alone stays there.
    """
    one, other = _both(given, a, b, places.pair)
    click.echo(f"{one.name} and {other.name} are neighbours: each reads what the other shares with neighbours.")


@neighbourhoods.command()
@click.argument("a")
@click.argument("b")
@pass_given
def part(given: Given, a: str, b: str) -> None:
    """Let A and B read nothing of each other any more.

    What either had read of the other is shown to it no longer. `fedhood neighbourhoods agree` undoes this.
    """
    one, other = _both(given, a, b, places.unpair)
    click.echo(f"{one.name} and {other.name} read nothing of each other now.")


def _both(given: Given, a: str, b: str, use_case: Callable[..., None]) -> tuple[Neighbourhood, Neighbourhood]:
    with opened(given.settings()) as database:
        return database.transact(_both_ways, a=a, b=b, each_way=use_case)


def _both_ways(
    uow: UnitOfWork, *, a: str, b: str, each_way: Callable[..., None]
) -> tuple[Neighbourhood, Neighbourhood]:
    """Raises NotFound, Conflict (a name of several), Invalid (one and the same)."""
    one, other = find(uow.db, a), find(uow.db, b)
    if one.id == other.id:
        raise Invalid(f"{a} and {b} are one and the same neighbourhood, {one.name}", code="pair")
    each_way(uow, writer=one.id, reader=other.id)
    each_way(uow, writer=other.id, reader=one.id)
    return one, other


def find(db: peewee.Database, words: str) -> Neighbourhood:
    """The neighbourhood of ours with this key, or this name. Raises NotFound, or Conflict for a name of several."""
    ours = places.ours(db)
    named = [one for one in ours if one.key == words] or [
        one for one in ours if one.name.casefold() == words.casefold()
    ]
    if not named:
        there = ", ".join(f"{one.name} ({one.key})" for one in ours) or "none"
        raise NotFound(f"no neighbourhood of this server is called {words}; there are: {there}")
    if len(named) > 1:
        raise Conflict(f"several are called {words}; use a key: {', '.join(one.key for one in named)}")
    return named[0]
