"""People made, found, renamed, remembered from elsewhere, erased."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from fedhood.core import neighbourhoods
from fedhood.core.accounts.model import Account, AccountErased, AccountState
from fedhood.core.accounts.tables import AccountTable
from fedhood.kernel import text as texts
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, among, hole
from fedhood.kernel.errors import Conflict, NotFound
from fedhood.kernel.ids import new_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

    from fedhood.kernel.database import UnitOfWork

MOST_NAME = 60
# words that would let somebody speak as more than a neighbour
_RESERVED = frozenset({"admin", "administrator", "moderator", "city", "figures", "fedhood", "instance", "root", "help"})
_COLUMNS = (
    AccountTable.id,
    AccountTable.key,
    AccountTable.handle,
    AccountTable.name,
    AccountTable.neighbourhood,
    AccountTable.peer,
    AccountTable.uri,
    AccountTable.language,
    AccountTable.state,
    AccountTable.joined_at,
    AccountTable.version,
    AccountTable.visitor,
)


def create(uow: UnitOfWork, *, name: str, neighbourhood: int | None, language: str) -> int:
    """Somebody lives here from now on. The handle is made of the name. Raises Invalid, NotFound (neighbourhood)."""
    name = texts.one_line(name, field="name", most=MOST_NAME)
    if neighbourhood is not None:
        neighbourhoods.get(uow.db, neighbourhood)
    made: int = AccountTable.insert(
        key=new_key(),
        handle=_free_handle(uow.db, name),
        name=name,
        neighbourhood=neighbourhood,
        language=language,
        state=AccountState.ACTIVE.value,
        joined_at=uow.now,
    ).execute(uow.db)
    return made


def _free_handle(db: peewee.Database, name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24].strip("-") or "neighbour"
    taken = {one.key for one in neighbourhoods.ours(db)} | _RESERVED
    number, handle = 1, base
    while handle in taken or by_handle(db, handle) is not None:
        number += 1
        handle = f"{base}-{number}"
    return handle


def remember(
    uow: UnitOfWork, *, peer: int, uri: str, name: str, neighbourhood: int | None, visitor: str | None = None
) -> int:
    """Keep somebody who lives elsewhere, or their new name. Returns our id. Raises Conflict for another peer's.

    `visitor`: what somebody on other software is called there. Who was erased stays without a name.
    """
    name = texts.one_line(name, field="name", most=MOST_NAME, least=0)
    known = by_uri(uow.db, uri)
    if known is None:
        made: int = AccountTable.insert(
            key=new_key(),
            name=name,
            neighbourhood=neighbourhood,
            peer=peer,
            uri=uri,
            visitor=visitor,
            state=AccountState.ACTIVE.value,
            joined_at=uow.now,
        ).execute(uow.db)
        return made
    if known.peer != peer:
        raise Conflict(code="another-peers")
    if known.state is AccountState.ERASED:
        return known.id
    if (name, visitor) != (known.name, known.visitor) or (
        neighbourhood is not None and neighbourhood != known.neighbourhood
    ):
        AccountTable.update(
            name=name,
            neighbourhood=neighbourhood or known.neighbourhood,
            visitor=visitor,
            version=AccountTable.version + 1,
        ).where(AccountTable.id == known.id).execute(uow.db)
    return known.id


def speak(uow: UnitOfWork, *, account: int, language: str) -> None:
    """Somebody reads the pages in another language."""
    _change(uow, account, language=language)


def erase(uow: UnitOfWork, *, account: int) -> None:
    """Empty the account: no name, no handle; the row stays so that counts do not change. Idempotent."""
    found = get(uow.db, account)
    if found.state is not AccountState.ERASED:
        _change(
            uow,
            account,
            name="",
            handle=None,
            visitor=found.visitor and "",
            language="",
            state=AccountState.ERASED.value,
        )
        uow.record(AccountErased(neighbourhood=found.neighbourhood, object=account))


def _change(uow: UnitOfWork, account: int, **values: Any) -> None:
    AccountTable.update(version=AccountTable.version + 1, **values).where(AccountTable.id == account).execute(uow.db)


_MANY = Compiled(lambda: AccountTable.select(*_COLUMNS).where(among(AccountTable.id, "ids")))
_BY_URI = Compiled(lambda: AccountTable.select(*_COLUMNS).where(AccountTable.uri == hole("uri")))
_BY_HANDLE = Compiled(lambda: AccountTable.select(*_COLUMNS).where(AccountTable.handle == hole("handle")))
_BY_KEY = Compiled(lambda: AccountTable.select(*_COLUMNS).where(AccountTable.key == hole("key")))


def _of(row: tuple[Any, ...] | None) -> Account | None:
    if row is None:
        return None
    return Account(
        id=row[0],
        key=row[1],
        handle=row[2],
        name=row[3],
        neighbourhood=row[4],
        peer=row[5],
        uri=row[6],
        language=row[7],
        state=AccountState(row[8]),
        joined_at=from_milliseconds(row[9]),
        version=row[10],
        visitor=row[11],
    )


def many(db: peewee.Database, ids: Iterable[int]) -> dict[int, Account]:
    """These people, by id."""
    found = (_of(row) for row in _MANY.rows(db, ids=list(ids)))
    return {one.id: one for one in found if one is not None}


def get(db: peewee.Database, account: int) -> Account:
    """One person. Raises NotFound."""
    found = many(db, [account]).get(account)
    if found is None:
        raise NotFound
    return found


def by_uri(db: peewee.Database, uri: str) -> Account | None:
    """Somebody elsewhere, by address."""
    return _of(_BY_URI.row(db, uri=uri))


def by_handle(db: peewee.Database, handle: str) -> Account | None:
    """A resident, by handle."""
    return _of(_BY_HANDLE.row(db, handle=handle))


def by_key(db: peewee.Database, key: str) -> Account | None:
    """A person, by the opaque key of their address."""
    return _of(_BY_KEY.row(db, key=key))


def of_peer(db: peewee.Database, peer: int) -> list[Account]:
    """Everybody of a peer whom we know, by id; those who left too."""
    rows = AccountTable.select(AccountTable.id).where(AccountTable.peer == peer).execute(db)
    return sorted(many(db, [row.id for row in rows]).values(), key=lambda one: one.id)


def residents(db: peewee.Database, neighbourhood: int) -> list[Account]:
    """Who lives in a neighbourhood of ours, by name."""
    return sorted(many(db, living_in(db, neighbourhood)).values(), key=lambda one: one.name.casefold())


def living_in(db: peewee.Database, neighbourhood: int) -> list[int]:
    """The accounts of who lives in a neighbourhood of ours."""
    here = (
        AccountTable.neighbourhood == neighbourhood,
        AccountTable.peer.is_null(),
        AccountTable.state == AccountState.ACTIVE.value,
    )
    return [account for (account,) in AccountTable.select(AccountTable.id).where(*here).tuples().execute(db)]
