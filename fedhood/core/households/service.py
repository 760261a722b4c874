"""Homes founded and joined by code, left and merged."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from fedhood.core import access, accounts
from fedhood.core.access import Permission, Viewer
from fedhood.core.households.model import (
    ALPHABET,
    CODE_LENGTH,
    MOST_CODES,
    MOST_MEMBERS,
    OWN_CODE_LASTS,
    SHEET_CODE_LASTS,
    AccountJoined,
    AccountLeft,
    HouseholdFounded,
    HouseholdMerged,
    SessionDay,
    Sheet,
    SheetState,
    read,
)
from fedhood.core.households.tables import CodeTable, HouseholdTable, MembershipTable, SheetTable
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    import peewee

    from fedhood.kernel.database import UnitOfWork

_HOUSEHOLD_OF = Compiled(
    lambda: (
        MembershipTable.select(MembershipTable.household)
        .where(MembershipTable.account == hole("account"), MembershipTable.until.is_null())
        .limit(1)
    )
)


def household_of(db: peewee.Database, account: int) -> int | None:
    """The home somebody lives in now."""
    row = _HOUSEHOLD_OF.row(db, account=account)
    return None if row is None else int(row[0])


def members(db: peewee.Database, household: int) -> list[int]:
    """The accounts that live in a home now."""
    rows = MembershipTable.select(MembershipTable.account).where(
        MembershipTable.household == household, MembershipTable.until.is_null()
    )
    return [row.account for row in rows.order_by(MembershipTable.id).execute(db)]


def connected_on(db: peewee.Database, neighbourhood: int, moment: datetime) -> set[int]:
    """The homes of a neighbourhood in which somebody had an account at a moment."""
    rows = (
        MembershipTable.select(MembershipTable.household)
        .join(HouseholdTable, on=(HouseholdTable.id == MembershipTable.household))
        .where(
            HouseholdTable.neighbourhood == neighbourhood,
            MembershipTable.since <= moment,
            MembershipTable.until.is_null() | (MembershipTable.until > moment),
        )
        .distinct()
    )
    return {row.household for row in rows.execute(db)}


def found(uow: UnitOfWork, *, neighbourhood: int) -> int:
    """A home that nobody lives in yet. Its id."""
    made: int = HouseholdTable.insert(neighbourhood=neighbourhood, since=uow.now).execute(uow.db)
    uow.record(HouseholdFounded(neighbourhood=neighbourhood, household=made))
    return made


def admit(uow: UnitOfWork, *, account: int, household: int) -> None:
    """Somebody lives in this home from now on. Raises Conflict when eight do already, or they live in another."""
    if household_of(uow.db, account) is not None:
        raise Conflict("they live in a home already", code="lives-elsewhere")
    if len(members(uow.db, household)) >= MOST_MEMBERS:
        raise Conflict("eight people live there already", code="household-full")
    MembershipTable.insert(account=account, household=household, since=uow.now).execute(uow.db)
    neighbourhood = accounts.get(uow.db, account).neighbourhood
    uow.record(AccountJoined(neighbourhood=neighbourhood, household=household, object=account))


# -- codes ------------------------------------------------------------------------------------------------------------


def _hashed(code: str) -> bytes:
    return hashlib.sha256(f"household-code {code}".encode()).digest()


def _new_code(
    uow: UnitOfWork, *, by: int, neighbourhood: int, lasts: timedelta, sheet: int | None, household: int | None
) -> str:
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    CodeTable.insert(
        code_hash=_hashed(code),
        neighbourhood=neighbourhood,
        sheet=sheet,
        household=household,
        made_by=by,
        made_at=uow.now,
        expires_at=uow.now + lasts,
    ).execute(uow.db)
    return code


def make_sheet(uow: UnitOfWork, *, by: Viewer, neighbourhood: int, count: int) -> Sheet:
    """A sheet of codes, one a home, valid for 21 days. It is told this once.

    Raises Unauthenticated, Forbidden, Invalid (1 to 200 codes).
    """
    access.require(by, Permission.INVITE, neighbourhood)
    if not 1 <= count <= MOST_CODES:
        raise Invalid("a sheet has between 1 and 200 codes", code="count", field="count")
    number = 1 + SheetTable.select().where(SheetTable.neighbourhood == neighbourhood).count(uow.db)
    sheet: int = SheetTable.insert(
        neighbourhood=neighbourhood, number=number, made_by=by.account, made_at=uow.now
    ).execute(uow.db)
    codes = tuple(
        _new_code(
            uow,
            by=by.account or 0,
            neighbourhood=neighbourhood,
            lasts=SHEET_CODE_LASTS,
            sheet=sheet,
            household=None,
        )
        for _ in range(count)
    )
    return Sheet(id=sheet, number=number, neighbourhood=neighbourhood, codes=codes)


def cancel_sheet(uow: UnitOfWork, *, by: Viewer, sheet_id: int) -> None:
    """No code of this sheet lets anyone in any more. Raises NotFound for another neighbourhood's sheet."""
    row = next(iter(SheetTable.select().where(SheetTable.id == sheet_id).execute(uow.db)), None)
    if row is None or not access.may(by, Permission.INVITE, row.neighbourhood):
        raise NotFound
    SheetTable.update(cancelled_at=uow.now).where(SheetTable.id == sheet_id).execute(uow.db)
    CodeTable.update(cancelled_at=uow.now).where(CodeTable.sheet == sheet_id, CodeTable.used_at.is_null()).execute(
        uow.db
    )


def sheets(db: peewee.Database, *, viewer: Viewer, neighbourhood: int) -> list[SheetState]:
    """The sheets of a neighbourhood, newest first, for who may let homes in. Raises Unauthenticated, Forbidden."""
    access.require(viewer, Permission.INVITE, neighbourhood)
    made = SheetTable.select().where(SheetTable.neighbourhood == neighbourhood).order_by(SheetTable.id.desc())
    rows = list(made.execute(db))
    codes: dict[int, list[bool]] = {row.id: [] for row in rows}
    for code in CodeTable.select().where(CodeTable.sheet.in_(list(codes))).execute(db):
        codes[code.sheet].append(code.used_at is not None)
    return [
        SheetState(
            id=row.id,
            number=row.number,
            made_at=row.made_at,
            codes=len(codes[row.id]),
            used=sum(codes[row.id]),
            cancelled_at=row.cancelled_at,
        )
        for row in rows
    ]


def make_own_code(uow: UnitOfWork, *, by: Viewer) -> str:
    """A code for somebody of the own home, valid for seven days. Raises Unauthenticated, Forbidden, Conflict."""
    if by.account is None or by.neighbourhood is None:
        raise Unauthenticated
    household = household_of(uow.db, by.account)
    if household is None:
        raise Forbidden
    if len(members(uow.db, household)) >= MOST_MEMBERS:
        raise Conflict("eight people live there already", code="household-full")
    return _new_code(
        uow,
        by=by.account,
        neighbourhood=by.neighbourhood,
        lasts=OWN_CODE_LASTS,
        sheet=None,
        household=household,
    )


def check_code(db: peewee.Database, *, code: str, now: datetime) -> int:
    """The neighbourhood that a code lets into. Raises Invalid for one that is unknown, used, cancelled or too old."""
    row = _code(db, code, now)
    if row.used_at is not None:
        raise _unknown()
    neighbourhood: int = row.neighbourhood
    return neighbourhood


def _code(db: peewee.Database, code: str, now: datetime) -> CodeTable:
    row: CodeTable
    for row in CodeTable.select().where(CodeTable.code_hash == _hashed(read(code))).execute(db):
        if row.cancelled_at is None and row.expires_at > now:
            return row
    raise _unknown()


def _unknown() -> Invalid:
    return Invalid("that code does not fit", code="code-unknown", field="code")


def join(uow: UnitOfWork, *, code: str, name: str, language: str) -> int:
    """Somebody comes in with a code: the first of a home founds it. Returns the account's id.

    Raises Invalid (code, name), Conflict when the code was used, or the home is full.
    """
    row = _code(uow.db, code, uow.now)
    used = CodeTable.update(used_at=uow.now).where(CodeTable.id == row.id, CodeTable.used_at.is_null()).execute(uow.db)
    if not used:
        raise Conflict(code="code-used", field="code")
    account = accounts.create(uow, name=name, neighbourhood=row.neighbourhood, language=language)
    household = row.household if row.household is not None else found(uow, neighbourhood=row.neighbourhood)
    admit(uow, account=account, household=household)
    return account


# -- leaving, merging, being here -------------------------------------------------------------------------------------


def leave(uow: UnitOfWork, *, account: int) -> None:
    """Somebody lives in no home of ours any more; the home stays."""
    household = household_of(uow.db, account)
    MembershipTable.update(until=uow.now).where(
        MembershipTable.account == account, MembershipTable.until.is_null()
    ).execute(uow.db)
    if household is not None:
        neighbourhood = accounts.get(uow.db, account).neighbourhood
        uow.record(AccountLeft(neighbourhood=neighbourhood, household=household, object=account))


def merge(uow: UnitOfWork, *, by: Viewer, keep: int, other: int) -> None:
    """A moderator says that two households are one home. Raises NotFound, Unauthenticated, Forbidden, Conflict."""
    rows = {row.id: row for row in HouseholdTable.select().where(HouseholdTable.id.in_([keep, other])).execute(uow.db)}
    if len(rows) != 2 or rows[keep].neighbourhood != rows[other].neighbourhood:
        raise NotFound
    access.require(by, Permission.MODERATE, rows[keep].neighbourhood)
    merged = (
        HouseholdTable.update(merged_into=keep)
        .where(HouseholdTable.id == other, HouseholdTable.merged_into.is_null())
        .execute(uow.db)
    )
    if not merged or rows[keep].merged_into is not None:
        raise Conflict("one of them is part of another home already", code="merged")
    movers = members(uow.db, other)
    if len(movers) + len(members(uow.db, keep)) > MOST_MEMBERS:
        raise Conflict(f"one home has at most {MOST_MEMBERS} people here", code="too-many")
    MembershipTable.update(until=uow.now).where(
        MembershipTable.household == other, MembershipTable.until.is_null()
    ).execute(uow.db)
    for account in movers:
        MembershipTable.insert(account=account, household=keep, since=uow.now).execute(uow.db)
    CodeTable.update(household=keep).where(CodeTable.household == other, CodeTable.used_at.is_null()).execute(uow.db)
    uow.record(HouseholdMerged(neighbourhood=rows[keep].neighbourhood, household=keep, other_household=other))


def seen_today(uow: UnitOfWork, *, by: Viewer, day: date) -> None:
    """A resident is here on this local day. The caller sees to it that this is said about once a day."""
    if by.account is not None and by.neighbourhood is not None:
        uow.record(
            SessionDay(
                neighbourhood=by.neighbourhood,
                household=household_of(uow.db, by.account),
                day=day.isoformat(),
            )
        )
