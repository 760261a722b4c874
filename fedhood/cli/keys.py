"""`fedhood keys …`: other keys for this server, one of its neighbourhoods or a resident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fedhood.adapters.activitypub import actors
from fedhood.cli import accounts, neighbourhoods
from fedhood.cli.door import Given, pass_given
from fedhood.cli.opened import opened
from fedhood.kernel import jobs
from fedhood.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.actors import ActorRef
    from fedhood.kernel.database import UnitOfWork


@click.group()
def keys() -> None:
    """The keys with which this server signs what it sends to its neighbours.

    All of it works while the server runs.
    """


@keys.command()
@click.option("--neighbourhood", metavar="KEY", help="Of this neighbourhood, instead of the server.")
@click.option("--resident", metavar="NAME", help="Of this resident, instead of the server.")
@pass_given
def renew(given: Given, neighbourhood: str | None, resident: str | None) -> None:
    """Exchange keys for new ones, and have the neighbours told.

    Use this when somebody may have got hold of a backup. Neighbours who hear of it go on as before. When the server's
    own keys are renewed, its 24 letters change; a neighbour who is not told in two weeks has to compare them again.
    """
    if neighbourhood is not None and resident is not None:
        raise Invalid("one at a time: a neighbourhood or a resident")
    settings = given.settings()
    if not settings.host:
        raise Invalid("this server has no name (the setting host), so it speaks to nobody and has no keys")
    with opened(settings) as database:
        whose = database.transact(_renew, neighbourhood=neighbourhood, resident=resident)
    click.echo(f"The keys of {whose} are renewed while the server runs, within a minute.")


def _renew(uow: UnitOfWork, *, neighbourhood: str | None, resident: str | None) -> str:
    """Have the worker do it. Whose keys they are. Raises NotFound, Conflict for who has none yet."""
    ref, whose = _which(uow, neighbourhood=neighbourhood, resident=resident)
    if not actors.has_keys(uow.db, ref):
        raise Conflict(f"{whose} has not spoken to anybody elsewhere, and has no keys yet")
    jobs.add(uow, "keys.renew", ordering_key="keys.renew", actor=ref.kind.value, owner=ref.owner)
    return whose


def _which(uow: UnitOfWork, *, neighbourhood: str | None, resident: str | None) -> tuple[ActorRef, str]:
    if neighbourhood is not None:
        place = neighbourhoods.find(uow.db, neighbourhood)
        return actors.group(place.id), place.name
    if resident is not None:
        account = accounts.find(uow.db, resident)
        return actors.person(account.id), account.name
    return actors.INSTANCE, "this server"
