"""What it is to take part in a city's hub.

(nothing) ──ask──▶ ASKED ──the hub accepts──▶ JOINED ──leave, or the agreement ends──▶ LEFT ──ask──▶ ASKED
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

# words and changes of one neighbourhood that go through a hub, and that another server takes from it, in 24 hours
MOST_A_DAY = 200
MOST_ASKED_A_DAY = 2000  # servers that a hub may make us ask who somebody is
OURS = 0  # the hub of this server, where it is the city's


class Standing(enum.StrEnum):
    """How far a neighbourhood came with a hub."""

    ASKED = "asked"
    JOINED = "joined"
    LEFT = "left"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A city's hub, seen from a neighbourhood: `id` is our number for it as a place, `name` that of the city."""

    id: int
    peer: int
    uri: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A neighbourhood (`place`) at a hub; `hub` is 0 at the city. Each asking and each leaving raises `version`.

    `uri` is the asking as an activity: at the city the one that came.
    """

    id: int
    hub: int
    place: int
    standing: Standing
    version: int
    uri: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """At the city: something that goes through, by addresses alone. `act` is Create, Update or Delete.

    `uri` is the activity, `about` the Note, `actor` who said it, for the neighbourhood `place` of a peer.
    """

    id: int
    uri: str
    about: str
    actor: str
    peer: int
    place: int
    act: str
    at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubAsked(Fact):
    """A neighbourhood of ours asks to take part in a city's hub; `object` is its membership."""

    kind: ClassVar[str] = "hub.asked"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubJoined(Fact):
    """A neighbourhood of ours takes part in a city's hub (`hub`, as a place)."""

    kind: ClassVar[str] = "hub.joined"
    hub: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubLeft(Fact):
    """A neighbourhood of ours takes part no more. `tell`: the city does not know it yet."""

    kind: ClassVar[str] = "hub.left"
    hub: int
    version: int
    tell: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubMemberJoined(Fact):
    """At the city: a neighbourhood takes part; `object` is its membership."""

    kind: ClassVar[str] = "hub.member-joined"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubPassed(Fact):
    """At the city: something is to be passed on; `object` is its passage. No measure counts it."""

    kind: ClassVar[str] = "hub.passed"
