"""`fedhood accounts …`: a way back in for who lost it, and who looks after a neighbourhood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.opened import opened
from fedhood.core import accounts as people
from fedhood.core import moderation, neighbourhoods
from fedhood.kernel.errors import Conflict, Invalid, NotFound
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    import peewee

    from fedhood.core.accounts import Account
    from fedhood.kernel.database import UnitOfWork


@click.group()
def accounts() -> None:
    """A way back in for a resident, and who looks after a neighbourhood.

    NAME is a handle (the part after the @ of somebody's page), or a name that only one resident has. All of it works
    while the server runs.
    """


@accounts.command()
@click.argument("name")
@as_json
@pass_given
def link(given: Given, name: str, *, as_json: bool) -> None:
    """Print a one-time link that signs NAME in.

    NAME is a handle, or a name that only one resident has. The link works once, for two days; earlier ones end. Give it
    to nobody else: it opens their account.
    """
    settings = given.settings()
    with opened(settings) as database:
        account = database.look(find, name)
        token = database.transact(moderation.link_from_outside, account=account.id)
    address = f"{settings.base_url or settings.local_url}/link/{token}"
    click.echo(json.dumps({"account": account.handle, "link": address}) if as_json else address)


@accounts.command()
@click.argument("name")
@click.option("--everywhere", is_flag=True, help="Of the whole server, and of its agreements with others.")
@pass_given
def entrust(given: Given, name: str, *, everywhere: bool) -> None:
    """Make NAME a moderator: somebody who looks after their neighbourhood.

    NAME is a handle, or a name that only one resident has. A moderator lets people in, makes sign-in links, reads
    reports and hides what should not stand there. Use this when nobody else can, for instance because the only
    moderator has left.
    """
    settings = given.settings()
    if settings.profile is Profile.CITY:
        raise Invalid(
            "profile: this is a city's server, which has clerks and no moderators; fedhood accounts link lets a clerk "
            "in again"
        )
    with opened(settings) as database:
        account, place = database.transact(_entrust, name=name, everywhere=everywhere)
    click.echo(f"{account.name} (@{account.handle}) looks after {place or 'every neighbourhood on this server'} now.")


def _entrust(uow: UnitOfWork, *, name: str, everywhere: bool) -> tuple[Account, str]:
    """The resident, and the name of their neighbourhood, empty for all. Raises NotFound, Conflict."""
    account = find(uow.db, name)
    if account.neighbourhood is None:
        raise Conflict(f"{account.name} lives in no neighbourhood here")
    moderation.entrust_from_outside(uow, account=account.id, everywhere=everywhere)
    return account, "" if everywhere else neighbourhoods.get(uow.db, account.neighbourhood).name


def find(db: peewee.Database, name: str) -> Account:
    """The resident whom NAME means. Raises NotFound, or Conflict when it means several."""
    found = people.by_handle(db, name.removeprefix("@"))
    if found is not None and found.peer is None:
        return found
    everybody = [account for place in neighbourhoods.ours(db) for account in people.residents(db, place.id)]
    named = [account for account in everybody if account.name.casefold() == name.casefold()]
    if not named:
        raise NotFound(f"nobody here is called {name}; a handle is the part after the @ of somebody's page")
    if len(named) > 1:
        raise Conflict(f"several are called {name}; use a handle: {', '.join(str(each.handle) for each in named)}")
    return named[0]
