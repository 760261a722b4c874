"""Rights given and taken, sessions opened and closed, one-time links, passphrases, tries that are counted."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.core import accounts
from fedhood.core.access.model import (
    IDLE,
    LINK_LASTS,
    LONGEST,
    MOST_SESSIONS,
    NewSession,
    Permission,
    Role,
    Session,
    Viewer,
    allows,
)
from fedhood.core.access.tables import AttemptTable, LinkTable, PassphraseTable, RightTable, SessionTable
from fedhood.core.accounts import AccountState
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork


_LONGEST_WINDOW = timedelta(days=2)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


# -- rights -----------------------------------------------------------------------------------------------------------


def give(uow: UnitOfWork, *, account: int, role: Role, neighbourhood: int | None, by: int | None) -> None:
    """Somebody may do more from now on; links made before for who could do less open no more. Idempotent."""
    if (role, neighbourhood) not in rights_of(uow.db, account):
        LinkTable.delete().where(LinkTable.account == account, LinkTable.used_at.is_null()).execute(uow.db)
        RightTable.insert(
            account=account, role=role.value, neighbourhood=neighbourhood, since=uow.now, given_by=by
        ).execute(uow.db)


def take(uow: UnitOfWork, *, account: int, role: Role, neighbourhood: int | None) -> None:
    """Somebody may do less from now on; the row stays, with its end. Idempotent."""
    where = RightTable.neighbourhood.is_null() if neighbourhood is None else RightTable.neighbourhood == neighbourhood
    RightTable.update(until=uow.now).where(
        RightTable.account == account, RightTable.role == role.value, where, RightTable.until.is_null()
    ).execute(uow.db)


_RIGHTS = Compiled(
    lambda: RightTable.select(RightTable.role, RightTable.neighbourhood).where(
        RightTable.account == hole("account"), RightTable.until.is_null()
    )
)


def rights_of(db: peewee.Database, account: int) -> frozenset[tuple[Role, int | None]]:
    """What somebody may do now."""
    return frozenset((Role(role), where) for role, where in _RIGHTS.rows(db, account=account))


def permissions(db: peewee.Database, *, account: int, neighbourhood: int) -> frozenset[Permission]:
    """What somebody may do in a neighbourhood now."""
    here = [role for role, where in rights_of(db, account) if where in {None, neighbourhood}]
    return frozenset(permission for permission in Permission for role in here if allows(role, permission))


def holders(db: peewee.Database, permission: Permission, neighbourhood: int | None) -> list[int]:
    """The accounts that may do this in a neighbourhood; with None, on the whole server."""
    rows = RightTable.select().where(RightTable.until.is_null()).order_by(RightTable.account).execute(db)
    found = [
        row.account for row in rows if allows(Role(row.role), permission) and row.neighbourhood in {None, neighbourhood}
    ]
    return list(dict.fromkeys(found))


def others_who_may(uow: UnitOfWork, *, account: int, permission: Permission, neighbourhood: int) -> list[int]:
    """Who else may do this in a neighbourhood. It stays so until the end of this transaction.

    Every right that counts is held: of two holders who give theirs up at once, the second sees that the first is gone.
    """
    here = RightTable.neighbourhood.is_null() | (RightTable.neighbourhood == neighbourhood)
    RightTable.update(since=RightTable.since).where(RightTable.until.is_null(), here).execute(uow.db)
    return [one for one in holders(uow.db, permission, neighbourhood) if one != account]


# -- sessions ---------------------------------------------------------------------------------------------------------


def open_session(uow: UnitOfWork, *, account: int, label: str = "", with_passphrase: bool = False) -> NewSession:
    """Sign somebody in. Beyond twenty sessions the oldest ends. Raises NotFound, Gone (erased)."""
    if accounts.get(uow.db, account).state is not AccountState.ACTIVE:
        raise Gone
    token, csrf = secrets.token_urlsafe(24), secrets.token_urlsafe(18)
    SessionTable.insert(
        token_hash=_hashed(token),
        account=account,
        csrf=csrf,
        label=label[:120],
        created_at=uow.now,
        seen_at=uow.now,
        passphrase_at=uow.now if with_passphrase else None,
    ).execute(uow.db)
    old = SessionTable.select(SessionTable.id).where(SessionTable.account == account)
    surplus = [row.id for row in old.order_by(SessionTable.id.desc()).offset(MOST_SESSIONS).limit(100).execute(uow.db)]
    if surplus:
        SessionTable.delete().where(SessionTable.id.in_(surplus)).execute(uow.db)
    return NewSession(token=token, csrf=csrf, account=account)


_SESSION = Compiled(
    lambda: SessionTable.select(
        SessionTable.id,
        SessionTable.account,
        SessionTable.csrf,
        SessionTable.passphrase_at,
    ).where(
        SessionTable.token_hash == hole("token"),
        SessionTable.seen_at > hole("idle"),
        SessionTable.created_at > hole("oldest"),
    )
)


def viewer_of(db: peewee.Database, *, token: str, now: datetime) -> Viewer | None:
    """Who is signed in with this token; None when nobody is, or not any more."""
    row = _SESSION.row(db, token=_hashed(token), idle=milliseconds(now - IDLE), oldest=milliseconds(now - LONGEST))
    if row is None:
        return None
    account = accounts.get(db, row[1])
    if account.state is not AccountState.ACTIVE:
        return None
    return Viewer(
        account=account.id,
        neighbourhood=account.neighbourhood,
        name=account.name,
        language=account.language,
        rights=rights_of(db, account.id),
        session=row[0],
        csrf=row[2],
        passphrase_at=None if row[3] is None else from_milliseconds(row[3]),
    )


def seen(uow: UnitOfWork, *, session: int) -> None:
    """Somebody is still there: the session's rest begins anew."""
    SessionTable.update(seen_at=uow.now).where(SessionTable.id == session).execute(uow.db)


def renew_passphrase(uow: UnitOfWork, *, session: int) -> None:
    """The passphrase was given again in this session."""
    SessionTable.update(passphrase_at=uow.now).where(SessionTable.id == session).execute(uow.db)


def sessions_of(db: peewee.Database, account: int) -> list[Session]:
    """Where somebody is signed in, last seen first."""
    rows = SessionTable.select().where(SessionTable.account == account).order_by(SessionTable.seen_at.desc())
    return [
        Session(id=row.id, label=row.label, created_at=row.created_at, seen_at=row.seen_at) for row in rows.execute(db)
    ]


def close_session(uow: UnitOfWork, *, account: int, session: int) -> None:
    """End one of somebody's own sessions. Idempotent."""
    SessionTable.delete().where(SessionTable.id == session, SessionTable.account == account).execute(uow.db)


def close_all(uow: UnitOfWork, *, account: int, but: int | None = None) -> None:
    """End all of somebody's sessions, but perhaps this one."""
    SessionTable.delete().where(SessionTable.account == account, SessionTable.id != (but or 0)).execute(uow.db)


# -- one-time links ---------------------------------------------------------------------------------------------------


def make_link(uow: UnitOfWork, *, account: int, by: int | None, valid: timedelta = LINK_LASTS) -> str:
    """The token of a link that signs somebody in once; earlier ones end. Told this once. Raises NotFound."""
    accounts.get(uow.db, account)
    LinkTable.delete().where(LinkTable.account == account, LinkTable.used_at.is_null()).execute(uow.db)
    token = secrets.token_urlsafe(24)
    LinkTable.insert(
        token_hash=_hashed(token), account=account, made_by=by, made_at=uow.now, expires_at=uow.now + valid
    ).execute(uow.db)
    return token


def link_opens(db: peewee.Database, *, token: str, now: datetime) -> bool:
    """Whether a link would sign somebody in now."""
    for row in LinkTable.select().where(LinkTable.token_hash == _hashed(token)).execute(db):
        usable = row.used_at is None and row.expires_at > now
        return usable and accounts.get(db, row.account).state is AccountState.ACTIVE
    return False


def use_link(uow: UnitOfWork, *, token: str, label: str = "") -> NewSession:
    """Sign in with a one-time link. Raises NotFound for one that is unknown, used or too old."""
    for row in LinkTable.select().where(LinkTable.token_hash == _hashed(token)).execute(uow.db):
        used = (
            LinkTable.update(used_at=uow.now)
            .where(LinkTable.id == row.id, LinkTable.used_at.is_null(), LinkTable.expires_at > uow.now)
            .execute(uow.db)
        )
        if used:
            return open_session(uow, account=row.account, label=label)
    raise NotFound


# -- passphrases ------------------------------------------------------------------------------------------------------


def set_passphrase(uow: UnitOfWork, *, account: int, hash: str, but: int | None = None) -> None:
    """Keep the hash of a new passphrase; every other session ends."""
    PassphraseTable.delete().where(PassphraseTable.account == account).execute(uow.db)
    PassphraseTable.insert(account=account, hash=hash, set_at=uow.now).execute(uow.db)
    close_all(uow, account=account, but=but)


def passphrase_hash(db: peewee.Database, account: int) -> str | None:
    """The hash that a passphrase is checked against."""
    for row in PassphraseTable.select().where(PassphraseTable.account == account).execute(db):
        return str(row.hash)
    return None


# -- gone for good ----------------------------------------------------------------------------------------------------


def forget(uow: UnitOfWork, *, account: int) -> None:
    """Nobody signs in to this account any more: no session, link or passphrase is left, and every right has ended."""
    close_all(uow, account=account)
    LinkTable.delete().where(LinkTable.account == account).execute(uow.db)
    PassphraseTable.delete().where(PassphraseTable.account == account).execute(uow.db)
    RightTable.update(until=uow.now).where(RightTable.account == account, RightTable.until.is_null()).execute(uow.db)


# -- tries ------------------------------------------------------------------------------------------------------------


def tries_left(db: peewee.Database, *, bucket: str, most: int, window: timedelta, now: datetime) -> int:
    """How many tries a bucket has left in its window."""
    row = _attempt(db, bucket)
    return most if row is None or row.since <= now - window else max(0, most - row.tries)


def count_try(uow: UnitOfWork, *, bucket: str, window: timedelta) -> int:
    """Count one failed try and say how many there were in this window. It raises nothing: the count must stay."""
    # in statements that wait for each other's row: two processes never count the same number
    AttemptTable.insert(bucket=bucket, tries=0, since=uow.now).on_conflict_ignore().execute(uow.db)
    AttemptTable.update(tries=0, since=uow.now).where(
        AttemptTable.bucket == bucket, AttemptTable.since <= uow.now - window
    ).execute(uow.db)
    AttemptTable.update(tries=AttemptTable.tries + 1).where(AttemptTable.bucket == bucket).execute(uow.db)
    row = _attempt(uow.db, bucket)
    return 1 if row is None else int(row.tries)


def forget_tries(uow: UnitOfWork, *, bucket: str) -> None:
    """It went well: the count begins anew."""
    AttemptTable.delete().where(AttemptTable.bucket == bucket).execute(uow.db)


def forget_old_tries(uow: UnitOfWork) -> int:
    """What was tried more than two days ago counts no more, in whatever window. How many."""
    deleted: int = AttemptTable.delete().where(AttemptTable.since < uow.now - _LONGEST_WINDOW).execute(uow.db)
    return deleted


def _attempt(db: peewee.Database, bucket: str) -> Any:
    return next(iter(AttemptTable.select().where(AttemptTable.bucket == bucket).execute(db)), None)
