"""Who reads from other software: what is remembered of them, and what happens with their following."""

from __future__ import annotations

import dataclasses
import enum
from typing import ClassVar

from fedhood.kernel.facts import Fact

# of one neighbourhood: altogether, of one server, and of one server that has no shared inbox (a letter for each)
MOST_FOLLOWERS = 5000
MOST_OF_A_HOST = 2000
MOST_INBOXES = 20


class Standing(enum.StrEnum):
    """Whether somebody follows, or was told that they may not."""

    FOLLOWS = "follows"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A person on other software who follows a neighbourhood of ours.

    `follow` is the address of their Follow, `inbox` their own, `endpoint` where posts go: the shared inbox of their
    server where it has one. `version` counts how often they were answered.
    """

    id: int
    neighbourhood: int
    actor: str
    peer: int
    inbox: str
    endpoint: str
    follow: str
    standing: Standing
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Followed(Fact):
    """Somebody on other software follows a neighbourhood. No measure counts it."""

    kind: ClassVar[str] = "visitor.followed"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FollowRefused(Fact):
    """Somebody on other software may not follow a neighbourhood, or may no longer."""

    kind: ClassVar[str] = "visitor.refused"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VisitorsRefused(Fact):
    """A neighbourhood receives no visitors any more."""

    kind: ClassVar[str] = "visitors.refused"
