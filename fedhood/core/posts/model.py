"""What a post is: who may read it, what it tells, and what is remembered of it."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, ClassVar

from fedhood.kernel.facts import Fact

if TYPE_CHECKING:
    from datetime import datetime

MOST_CHARACTERS = 5000


class Audience(enum.StrEnum):
    """How far a post reaches. Which neighbourhoods exactly are its places, fixed when it is published."""

    NEIGHBOURHOOD = "neighbourhood"
    NEIGHBOURS = "neighbours"
    CITY = "city"
    PUBLIC = "public"


class Kind(enum.StrEnum):
    """What a post tells."""

    NOTE = "note"
    HELP = "help"
    CITY = "city"


class Category(enum.StrEnum):
    """What a post is about."""

    OTHER = "other"
    QUESTION = "question"
    GIVE_LEND = "give-lend"
    LOST_FOUND = "lost-found"
    PUBLIC_WORKS = "public-works"
    HELP = "help"
    CITY = "city"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post as it stands; `uri` is None for one of ours.

    `places` are those of its root. Of them it is not read in those of `parted`, with which its neighbourhood reads
    nothing any more, nor in those of `hidden_in`, whose moderators hid it there.
    """

    id: int
    kind: Kind
    audience: Audience
    neighbourhood: int
    author: int
    root: int | None
    parent: int | None
    category: Category
    text: str
    language: str
    published_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    hidden_at: datetime | None
    version: int
    thanks: int
    replies: int
    uri: str | None
    places: tuple[int, ...]
    parted: tuple[int, ...] = ()
    hidden_in: tuple[int, ...] = ()

    def is_told_to(self, place: int | None) -> bool:
        """Whether it was told to a place, and the two neighbourhoods still read each other."""
        return place in self.places and place not in self.parted

    def hidden_in_all(self, places: tuple[int, ...]) -> bool:
        """Whether it is hidden in every one of these places."""
        return set(places) <= set(self.hidden_in)

    @property
    def thread(self) -> int:
        """The post that the thread began with."""
        return self.root or self.id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What has to be known of a post before it may be said to somebody."""

    id: int
    root: int | None
    audience: Audience
    neighbourhood: int
    hidden: bool
    uri: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One answer to "who can read this?": an audience, its places, and the names of the places next door."""

    audience: Audience
    places: tuple[int, ...]
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostPublished(Fact):
    """A resident of ours published a post."""

    kind: ClassVar[str] = "post.published"
    category: str
    audience: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostEdited(Fact):
    """A post of ours says something else now."""

    kind: ClassVar[str] = "post.edited"
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostDeleted(Fact):
    """A post of ours was removed, by its author or by a moderator."""

    kind: ClassVar[str] = "post.deleted"
    by_moderator: bool
    is_reply: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Replied(Fact):
    """A resident of ours answered a post; the other household is that of who was answered, where it is ours."""

    kind: ClassVar[str] = "reply.published"
    post: int
    to: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PostMirrored(Fact):
    """A post of another neighbourhood's server arrived. No measure counts it."""

    kind: ClassVar[str] = "post.mirrored"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMirrored(Fact):
    """Somebody elsewhere answered. When the thread is ours, we tell its places."""

    kind: ClassVar[str] = "reply.mirrored"
    post: int
    to: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMirrorEdited(Fact):
    """Somebody elsewhere says an answer in a thread of ours better. We tell its places."""

    kind: ClassVar[str] = "reply.mirror-edited"
    post: int
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMirrorDeleted(Fact):
    """Somebody elsewhere took an answer in a thread of ours away. We tell its places."""

    kind: ClassVar[str] = "reply.mirror-deleted"
    post: int
