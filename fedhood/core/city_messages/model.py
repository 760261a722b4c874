"""What a city tells chosen neighbourhoods: in some languages, from one moment until another, urgent or not.

COMING ──its beginning──▶ NOW ──its end──▶ OVER
   └──────────┴───────────withdrawn──────────┴──▶ WITHDRAWN
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.core.help_requests import Sent

# in this order a message says itself; the first that it has is its main language
LANGUAGES = ("nl", "fr", "de", "en")
MOST_TITLE = 120
MOST_TEXT = 4000
MOST_LANGUAGES = 10
LONGEST = timedelta(days=366)
ANSWERS_KEPT = timedelta(days=90)  # after the end of their message, at the city
MOST_OF_ONE = 20  # answers of one person that a city reads under one message


class Stage(enum.Enum):
    """Where a message is in its life."""

    COMING = enum.auto()
    NOW = enum.auto()
    OVER = enum.auto()
    WITHDRAWN = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message in one language."""

    title: str
    text: str

    @property
    def plain(self) -> str:
        """Title and text as one text, for wherever a post is shown as any other."""
        return f"{self.title}\n\n{self.text}" if self.title else self.text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessage:
    """A message of a city, in its newest version or in an earlier one; `uri` and `peer` are None where we are the city.

    `author` is the clerk who wrote it, or the account that stands for the city here. `groups` are the addresses of all
    neighbourhoods that it names, known only where it arrived; `places` are those of them that are known here. `posts`
    are its copies: one in each place of ours, once it is shown. What was withdrawn says nothing any more.
    """

    id: int
    uri: str | None
    peer: int | None
    author: int
    said: dict[str, Said]
    begins_at: datetime
    ends_at: datetime
    urgent: bool
    published_at: datetime
    edited_at: datetime | None
    shown_at: datetime | None
    deleted_at: datetime | None
    version: int
    groups: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    posts: tuple[int, ...] = ()

    @property
    def main(self) -> str:
        """The language in which it says itself to who reads none of its languages; empty when it says nothing."""
        return next(iter(self.said), "")

    def language_for(self, reader: str) -> str:
        """The language of those it has that fits a reader best."""
        if reader in self.said:
            return reader
        return next((one for one in self.said if one.partition("-")[0] == reader), self.main)

    def stage(self, now: datetime) -> Stage:
        """Where it is in its life at this moment."""
        if self.deleted_at is not None:
            return Stage.WITHDRAWN
        if now < self.begins_at:
            return Stage.COMING
        return Stage.NOW if now < self.ends_at else Stage.OVER


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """An answer that its author lets the city read: `id` is what the city knows it by, `post` what it is here."""

    id: int
    post: int
    message: int
    author: int
    shared_at: datetime
    ended_at: datetime | None
    sent: Sent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityAnswer:
    """At the city: what somebody answered and lets it read, with their name and where they live (`place`)."""

    id: int
    uri: str
    message: int
    person: str
    name: str
    place: int
    text: str
    language: str
    published_at: datetime
    edited_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShared(Fact):
    """A resident of ours lets the city read an answer (`object`)."""

    kind: ClassVar[str] = "city-answer.shared"
    shared: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnshared(Fact):
    """The city is to read an answer (`object`) no longer: its author said so, or it is gone."""

    kind: ClassVar[str] = "city-answer.unshared"
    shared: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessageSent(Fact):
    """A clerk of ours wrote to neighbourhoods."""

    kind: ClassVar[str] = "city-message.sent"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessageEdited(Fact):
    """A clerk of ours says it better."""

    kind: ClassVar[str] = "city-message.edited"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessageWithdrawn(Fact):
    """A clerk of ours took a message back."""

    kind: ClassVar[str] = "city-message.withdrawn"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessageShown(Fact):
    """A message of our city is to be read in a neighbourhood of ours; `object` is its copy there."""

    kind: ClassVar[str] = "city-message.shown"
    message: int
    urgent: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CityMessageUrgent(Fact):
    """A message that is read in a neighbourhood of ours became urgent; `object` is its copy there."""

    kind: ClassVar[str] = "city-message.urgent"
    message: int
