"""Who somebody is."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime


class AccountState(enum.StrEnum):
    """Whether somebody may act."""

    ACTIVE = "active"
    ERASED = "erased"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person: a resident of ours (`peer` is None), or somebody elsewhere who acted here.

    `visitor`: the name under which somebody on other software is known there (`name@host`); None for everybody else.
    """

    id: int
    key: str
    handle: str | None
    name: str
    neighbourhood: int | None
    peer: int | None
    uri: str | None
    language: str
    state: AccountState
    joined_at: datetime
    version: int
    visitor: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccountErased(Fact):
    """Somebody left for good: the name is gone, the household stays."""

    kind: ClassVar[str] = "account.erased"
