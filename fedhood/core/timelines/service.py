"""The reading side: one query a page for the posts, one a kind for what belongs to them; visibility applied once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import accounts, help_requests, interactions, neighbourhoods, posts, relations
from fedhood.core.posts import PlaceTable, PostTable
from fedhood.core.timelines.model import Entry, Filter
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.posts import Post

PAGE = 20
_NEWEST = (1 << 63) - 1


def _feed(*conditions: Any) -> Compiled:
    """Root posts that a place may read, newest first, by the index on (place, post)."""
    return Compiled(
        lambda: (
            PlaceTable.select(*posts.COLUMNS)
            .join(PostTable, on=(PostTable.id == PlaceTable.post))
            .where(
                PlaceTable.place == hole("place"),
                PlaceTable.post < hole("before"),
                PostTable.deleted_at.is_null(),
                PostTable.hidden_at.is_null() | (PostTable.author == hole("account")),
                ~PostTable.author.in_(relations.blocked_query(hole("account"))),
                *conditions,
            )
            .order_by(PlaceTable.post.desc())
            .limit(hole("limit"))
        )
    )


_FEEDS: dict[Filter, Compiled] = {
    Filter.ALL: _feed(),
    Filter.HERE: _feed(PostTable.neighbourhood == hole("home")),
    Filter.HELP: _feed(PostTable.kind == posts.Kind.HELP.value),
    Filter.NEXT_DOOR: _feed(PostTable.neighbourhood != hole("home")),
    Filter.LOST_FOUND: _feed(PostTable.category == posts.Category.LOST_FOUND.value),
}
_PUBLIC = Compiled(
    lambda: (
        PostTable.select(*posts.COLUMNS)
        .where(
            PostTable.neighbourhood == hole("home"),
            PostTable.audience == posts.Audience.PUBLIC.value,
            PostTable.root.is_null(),
            PostTable.deleted_at.is_null(),
            PostTable.hidden_at.is_null(),
            PostTable.id < hole("before"),
        )
        .order_by(PostTable.id.desc())
        .limit(hole("limit"))
    )
)


def feed(
    db: peewee.Database,
    *,
    viewer: Viewer,
    filter: Filter = Filter.ALL,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Entry]:
    """What a resident may read, newest first: the own neighbourhood and what those next door share with it.

    `before` is the id of the last post of the page before. Raises Unauthenticated for who lives nowhere here.
    """
    account, home = posts.resident(viewer)
    values: dict[str, Any] = {"place": home, "before": before or _NEWEST, "account": account, "limit": limit}
    if filter in {Filter.HERE, Filter.NEXT_DOOR}:
        values["home"] = home
    return _entries(db, [posts.post_of(row, ()) for row in _FEEDS[filter].rows(db, **values)], viewer)


def public(db: peewee.Database, *, neighbourhood: int, viewer: Viewer, limit: int = PAGE) -> list[Entry]:
    """What a neighbourhood of ours says to anyone on the internet, newest first."""
    rows = _PUBLIC.rows(db, home=neighbourhood, before=_NEWEST, limit=limit)
    found = [posts.post_of(row, ()) for row in rows]
    return _entries(db, [post for post in found if posts.may_see(db, post, viewer)], viewer)


def board(db: peewee.Database, *, viewer: Viewer, before: int | None = None, limit: int = PAGE) -> list[Entry]:
    """The help board: live requests that this resident may read first read newest, the ended ones left out."""
    entries = feed(db, viewer=viewer, filter=Filter.HELP, before=before, limit=limit * 3)
    return [entry for entry in entries if entry.help is not None and help_requests.is_live(entry.help)][:limit]


def entry(db: peewee.Database, *, post_id: int, viewer: Viewer) -> Entry:
    """One post, for who may see it. Raises NotFound."""
    return _entries(db, [posts.get(db, post_id=post_id, viewer=viewer)], viewer)[0]


def thread(db: peewee.Database, *, root: int, viewer: Viewer) -> list[Entry]:
    """The answers to a post that this viewer may see, oldest first. Raises NotFound."""
    return _entries(db, posts.thread(db, root=root, viewer=viewer), viewer)


def _entries(db: peewee.Database, found: Sequence[Post], viewer: Viewer) -> list[Entry]:
    if not found:
        return []
    ids = [post.id for post in found]
    places = posts.places_of(db, {post.thread for post in found})
    authors = accounts.many(db, {post.author for post in found})
    wanted = {post.neighbourhood for post in found}.union(*places.values())
    known = neighbourhoods.many(db, wanted)
    helps = help_requests.many(db, [post.id for post in found if post.kind is posts.Kind.HELP])
    mine, waiting = help_requests.standing_of(db, list(helps), viewer.account) if helps else ({}, {})
    thanked = interactions.thanked_by(db, viewer.account, ids)
    return [
        Entry(
            post=post,
            author=authors[post.author],
            home=known[post.neighbourhood],
            places=tuple(known[place] for place in places.get(post.thread, ())),
            help=helps.get(post.id),
            my_thanks=post.id in thanked,
            my_offer=mine.get(post.id),
            offers_waiting=waiting.get(post.id, 0),
        )
        for post in found
    ]
