"""`fedhood accounts …`: for people who lost their way in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.opened import opened
from fedhood.core import access, neighbourhoods
from fedhood.core import accounts as people
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.core.accounts import Account


@click.group()
def accounts() -> None:
    """People who lost their way in."""


@accounts.command()
@click.argument("name")
@as_json
@pass_given
def link(given: Given, name: str, *, as_json: bool) -> None:
    """Print a new one-time link that signs NAME in (a handle, or a name that only one resident has)."""
    settings = given.settings()
    with opened(settings) as database:
        account = database.look(_find, name)
        token = database.transact(access.make_link, account=account.id, by=None)
    address = f"{settings.base_url or f'http://{settings.listen}'}/link/{token}"
    click.echo(json.dumps({"account": account.handle, "link": address}) if as_json else address)


def _find(db: peewee.Database, name: str) -> Account:
    """The resident whom NAME means. Raises NotFound, or Conflict when it means several."""
    found = people.by_handle(db, name.removeprefix("@"))
    if found is not None and found.peer is None:
        return found
    everybody = [account for place in neighbourhoods.ours(db) for account in people.residents(db, place.id)]
    named = [account for account in everybody if account.name.casefold() == name.casefold()]
    if not named:
        raise NotFound(f"nobody here is called {name}")
    if len(named) > 1:
        raise Conflict(f"several are called {name}; use a handle: {', '.join(str(each.handle) for each in named)}")
    return named[0]
