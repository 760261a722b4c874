"""Who may see a post: the one rule.

| audience | resident of a place | resident elsewhere here | peer that hosts a place | other peer | nobody |
|---|---|---|---|---|---|
| NEIGHBOURHOOD | yes | no | no | no | no |
| NEIGHBOURS | yes | no | while the agreement holds | no | no |
| CITY | yes | no | no | no | no |
| PUBLIC | yes | yes | yes | yes | yes |

A deleted post is seen by nobody, a hidden one by its author and by its moderators; one that is hidden in a place, or
whose neighbourhood that place reads no more, is not for its residents. Two people of whom one blocked the other do not
see each other's posts. A reply is seen by whom its root is seen. The rule has two forms: an answer for
one post, and a condition for a query. A test compares them over generated worlds.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from fedhood.core import access, neighbourhoods, relations
from fedhood.core.access import Permission, Viewer
from fedhood.core.posts.model import Audience, Post
from fedhood.core.posts.tables import PlaceTable, PostTable

if TYPE_CHECKING:
    import peewee


class Standing(enum.Enum):
    """How a viewer stands to the places of a post."""

    RESIDENT_OF_A_PLACE = enum.auto()
    PEER_OF_A_PLACE = enum.auto()
    STRANGER = enum.auto()


_RULE: dict[tuple[Audience, Standing], bool] = {
    (Audience.NEIGHBOURHOOD, Standing.RESIDENT_OF_A_PLACE): True,
    (Audience.NEIGHBOURHOOD, Standing.PEER_OF_A_PLACE): False,
    (Audience.NEIGHBOURHOOD, Standing.STRANGER): False,
    (Audience.NEIGHBOURS, Standing.RESIDENT_OF_A_PLACE): True,
    (Audience.NEIGHBOURS, Standing.PEER_OF_A_PLACE): True,
    (Audience.NEIGHBOURS, Standing.STRANGER): False,
    (Audience.CITY, Standing.RESIDENT_OF_A_PLACE): True,
    (Audience.CITY, Standing.PEER_OF_A_PLACE): False,
    (Audience.CITY, Standing.STRANGER): False,
    (Audience.PUBLIC, Standing.RESIDENT_OF_A_PLACE): True,
    (Audience.PUBLIC, Standing.PEER_OF_A_PLACE): True,
    (Audience.PUBLIC, Standing.STRANGER): True,
}


def may_see(db: peewee.Database, post: Post, viewer: Viewer) -> bool:
    """Whether this viewer may know that this post exists."""
    if post.deleted_at is not None:
        return False
    if post.hidden_at is not None and not _may_see_hidden(post, viewer):
        return False
    if viewer.is_resident and viewer.neighbourhood in post.hidden_in and not _looks_after_home(viewer):
        return False
    if not _RULE[post.audience, standing(db, post, viewer)]:
        return False
    return viewer.account is None or not relations.is_blocked(db, viewer.account, post.author)


def standing(db: peewee.Database, post: Post, viewer: Viewer) -> Standing:
    """How this viewer stands to the places of this post."""
    if viewer.is_resident and post.is_told_to(viewer.neighbourhood):
        return Standing.RESIDENT_OF_A_PLACE
    if viewer.peer is not None and any(
        neighbourhoods.get(db, place).peer == viewer.peer
        and neighbourhoods.may_read(db, writer=post.neighbourhood, reader=place)
        for place in post.places
    ):
        return Standing.PEER_OF_A_PLACE
    return Standing.STRANGER


def _looks_after_home(viewer: Viewer) -> bool:
    return access.may(viewer, Permission.MODERATE, viewer.neighbourhood)


def _may_see_hidden(post: Post, viewer: Viewer) -> bool:
    return viewer.account == post.author or access.may(viewer, Permission.MODERATE, post.neighbourhood)


def condition(viewer: Viewer) -> Any:
    """The same rule for people, as a condition on PostTable for roots."""
    audience: Any = PostTable.audience == Audience.PUBLIC
    if viewer.is_resident:
        here = PlaceTable.select(PlaceTable.post).where(PlaceTable.place == viewer.neighbourhood)
        audience |= PostTable.id.in_(here.where(~PlaceTable.parted))
        if not access.may(viewer, Permission.MODERATE, viewer.neighbourhood):
            audience &= PostTable.id.not_in(here.where(PlaceTable.hidden))
    seen: Any = PostTable.deleted_at.is_null() & audience
    shown: Any = PostTable.hidden_at.is_null()
    if viewer.account is not None:
        shown |= PostTable.author == viewer.account
        watched = {place for role, place in viewer.rights if access.allows(role, Permission.MODERATE)}
        if None in watched:
            shown = True
        elif watched:
            shown |= PostTable.neighbourhood.in_(sorted(place for place in watched if place is not None))
        seen &= ~PostTable.author.in_(relations.blocked_query(viewer.account))
    return seen if shown is True else seen & shown
