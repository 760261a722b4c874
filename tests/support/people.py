"""Neighbourhoods and residents for tests that need no server."""

from __future__ import annotations

from fedhood.core import access, accounts, households, neighbourhoods
from fedhood.core.access import Role, Viewer
from fedhood.kernel.engine import Database, UnitOfWork


def neighbourhood(database: Database, name: str) -> int:
    return database.transact(neighbourhoods.create, name=name)


def neighbours(database: Database, one: int, other: int) -> None:
    """Both may read what the other shares."""
    database.transact(neighbourhoods.pair, writer=one, reader=other)
    database.transact(neighbourhoods.pair, writer=other, reader=one)


def resident(database: Database, name: str, home: int, *, moderator: bool = False) -> Viewer:
    return database.transact(settle_in, name=name, home=home, moderator=moderator)


def settle_in(uow: UnitOfWork, *, name: str, home: int, moderator: bool = False) -> Viewer:
    account = accounts.create(uow, name=name, neighbourhood=home, language="en")
    households.admit(uow, account=account, household=households.found(uow, neighbourhood=home))
    if moderator:
        access.give(uow, account=account, role=Role.MODERATOR, neighbourhood=home, by=None)
    return viewer(uow.db, account, home)


def viewer(db, account: int, home: int) -> Viewer:
    return Viewer(
        account=account,
        neighbourhood=home,
        name=accounts.get(db, account).name,
        language="en",
        rights=access.rights_of(db, account),
    )
