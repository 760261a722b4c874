"""What neighbours do with each other's posts, beside answering."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from fedhood.kernel.facts import Fact


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Thanked(Fact):
    """A resident of ours thanked somebody for a post."""

    kind: ClassVar[str] = "thanks.given"
    account: int
    to: int
    elsewhere: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ThanksTakenBack(Fact):
    """A resident of ours took thanks back."""

    kind: ClassVar[str] = "thanks.taken-back"
    account: int
    elsewhere: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ThanksArrived(Fact):
    """Somebody next door thanked for a post of ours. Counted there, not here."""

    kind: ClassVar[str] = "thanks.arrived"
    account: int
    to: int
