"""Who asks, and what they may do."""

from __future__ import annotations

import dataclasses
import enum
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.kernel.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from datetime import datetime

IDLE = timedelta(days=14)
LONGEST = timedelta(days=30)
LINK_LASTS = timedelta(days=2)
PASSPHRASE_FRESH = timedelta(hours=1)
MOST_SESSIONS = 20


class Role(enum.StrEnum):
    """What somebody was made, in a neighbourhood or on the whole server."""

    MODERATOR = "moderator"
    CLERK = "clerk"


class Permission(enum.StrEnum):
    """What a use case asks for; never a role's name."""

    MODERATE = "moderate"
    INVITE = "invite"
    PEER = "peer"
    SET_UP = "set-up"
    COUNT = "count"
    SPEAK = "speak"


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.MODERATOR: frozenset({Permission.MODERATE, Permission.INVITE, Permission.PEER, Permission.SET_UP}),
    Role.CLERK: frozenset({Permission.COUNT, Permission.SPEAK, Permission.PEER, Permission.SET_UP}),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks: nobody, a resident, or another server (`peer`) under its agreement.

    A right with neighbourhood None holds on the whole server.
    """

    account: int | None = None
    neighbourhood: int | None = None
    name: str = ""
    language: str = ""
    rights: frozenset[tuple[Role, int | None]] = frozenset()
    session: int | None = None
    csrf: str = ""
    passphrase_at: datetime | None = None
    peer: int | None = None

    @property
    def is_resident(self) -> bool:
        """Whether this is somebody who lives in a neighbourhood of ours."""
        return self.account is not None and self.neighbourhood is not None


NOBODY = Viewer()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session just opened. The token is told this once and kept only as a hash."""

    token: str
    csrf: str
    account: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where somebody is signed in."""

    id: int
    label: str
    created_at: datetime
    seen_at: datetime


def allows(role: Role, permission: Permission) -> bool:
    """Whether a role brings a permission with it."""
    return permission in _GRANTS[role]


def covers(mine: frozenset[tuple[Role, int | None]], theirs: frozenset[tuple[Role, int | None]]) -> bool:
    """Whether whoever has the first rights may do all that the others bring with them."""
    return all((role, None) in mine or (role, where) in mine for role, where in theirs)


def may(viewer: Viewer, permission: Permission, neighbourhood: int | None) -> bool:
    """Whether this viewer may do this in a neighbourhood; with None, on the whole server."""
    return any(allows(role, permission) and (where is None or where == neighbourhood) for role, where in viewer.rights)


def require(viewer: Viewer, permission: Permission, neighbourhood: int | None) -> None:
    """Raise Unauthenticated for nobody, Forbidden for who may not."""
    if viewer.account is None:
        raise Unauthenticated
    if not may(viewer, permission, neighbourhood):
        raise Forbidden
