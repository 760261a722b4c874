"""Homes and the codes that let people in."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.errors import Invalid
from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

SHEET_CODE_LASTS = timedelta(days=21)
OWN_CODE_LASTS = timedelta(days=7)
MOST_MEMBERS = 8
MOST_CODES = 200
CODE_LENGTH = 10
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})


def shown(code: str) -> str:
    """A code as it is printed: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def read(text: str) -> str:
    """A code as somebody typed it: case, spaces and hyphens do not matter, nor O for 0, I and L for 1.

    Raises Invalid for what no code looks like.
    """
    code = re.sub(r"[\s\-–]", "", text.upper()).translate(_MISREAD)
    if len(code) != CODE_LENGTH or not set(code) <= set(ALPHABET):
        raise Invalid("a code has ten letters and digits", code="code-unknown", field="code")
    return code


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet of codes just made: told this once, for the codes are kept only as hashes."""

    id: int
    number: int
    neighbourhood: int
    codes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SheetState:
    """What became of a sheet of codes: how many it had, and how many of them let a home in."""

    id: int
    number: int
    made_at: datetime
    codes: int
    used: int
    cancelled_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdFounded(Fact):
    """The first account of a home was made."""

    kind: ClassVar[str] = "household.founded"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountJoined(Fact):
    """Somebody lives in a home from now on."""

    kind: ClassVar[str] = "account.joined"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountLeft(Fact):
    """Somebody lives there no longer."""

    kind: ClassVar[str] = "account.left"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdMerged(Fact):
    """Two households turned out to be one home; `household` is the one that goes on."""

    kind: ClassVar[str] = "household.merged"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionDay(Fact):
    """Somebody of a home was here on a local day; `day` is its ISO date."""

    kind: ClassVar[str] = "session.day"
    day: str
