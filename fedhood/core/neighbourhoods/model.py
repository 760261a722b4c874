"""What a neighbourhood is."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from fedhood.kernel.facts import Fact


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """A neighbourhood, ours (`peer` is None) or another server's.

    `households` is the official count of private households, with its source and date (ISO), where somebody gave it.
    `visitors`: whether people on other software may follow it and answer there.
    """

    id: int
    key: str
    name: str
    languages: tuple[str, ...]
    households: int | None
    households_source: str
    households_on: str
    rules: str
    peer: int | None
    uri: str | None
    version: int
    visitors: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paired(Fact):
    """From now on one neighbourhood reads what another shares with neighbours."""

    kind: ClassVar[str] = "neighbourhood.paired"
    writer: int
    reader: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parted(Fact):
    """From now on one neighbourhood reads nothing of another."""

    kind: ClassVar[str] = "neighbourhood.parted"
    writer: int
    reader: int
