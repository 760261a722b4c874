"""The reading side: one query a page for the posts, one a kind for what belongs to them; visibility applied once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peewee import SQL, fn

from fedhood.core import accounts, city_messages, help_requests, interactions, neighbourhoods, posts, relations
from fedhood.core.city_messages.tables import CityMessagePlaceTable, CityMessageTable
from fedhood.core.posts import PlaceTable, PostTable
from fedhood.core.timelines.model import Entry, Filter
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.posts import Post

PAGE = 20
_NEWEST = (1 << 63) - 1


# told to the viewer's place, and read there: not parted, not hidden from it
_READ_HERE = (PlaceTable.place == hole("place"), ~PlaceTable.parted, ~PlaceTable.hidden)


def _seen(*conditions: Any) -> tuple[Any, ...]:
    """What is true of every post on a list, and what this list adds."""
    return (
        PostTable.root.is_null(),
        PostTable.deleted_at.is_null(),
        PostTable.hidden_at.is_null() | (PostTable.author == hole("account")),
        ~PostTable.author.in_(relations.blocked_query(hole("account"))),
        *conditions,
    )


def _by_place(*conditions: Any) -> Compiled:
    """Posts that a place may read, newest first, along an index on (place, post)."""
    return Compiled(
        lambda: (
            PlaceTable.select(*posts.COLUMNS)
            .join(PostTable, on=(PostTable.id == PlaceTable.post))
            .where(*_READ_HERE, PlaceTable.post < hole("before"), *_seen(*conditions))
            .order_by(PlaceTable.post.desc())
            .limit(hole("limit"))
        )
    )


def _by_category(category: posts.Category, *conditions: Any) -> Compiled:
    """Posts of one category, newest first, along the index on (category, id): few of them, however many posts."""
    here = PlaceTable.select(PlaceTable.post).where(*_READ_HERE, PlaceTable.post == PostTable.id)
    return Compiled(
        lambda: (
            PostTable.select(*posts.COLUMNS)
            .where(
                PostTable.category == category.value,
                PostTable.id < hole("before"),
                fn.EXISTS(here),
                *_seen(*conditions),
            )
            .order_by(PostTable.id.desc())
            .limit(hole("limit"))
        )
    )


_FEEDS: dict[Filter, Compiled] = {
    Filter.ALL: _by_place(),
    Filter.HERE: _by_place(~PlaceTable.next_door),
    Filter.HELP: _by_category(posts.Category.HELP),
    Filter.NEXT_DOOR: _by_place(PlaceTable.next_door),
    Filter.LOST_FOUND: _by_category(posts.Category.LOST_FOUND),
    Filter.CITY: _by_category(posts.Category.CITY),
}
# along the index of what is shown and not over: what is urgent first, then what began last
_FROM_CITY = Compiled(
    lambda: (
        PostTable.select(*posts.COLUMNS)
        .join(CityMessagePlaceTable, on=(CityMessagePlaceTable.post == PostTable.id))
        .join(CityMessageTable, on=(CityMessageTable.id == CityMessagePlaceTable.message))
        .where(
            CityMessagePlaceTable.place == hole("place"),
            CityMessageTable.deleted_at.is_null(),
            CityMessageTable.shown_at.is_null(is_null=False),
            CityMessageTable.ends_at > hole("now"),
            fn.EXISTS(PlaceTable.select(PlaceTable.post).where(*_READ_HERE, PlaceTable.post == PostTable.id)),
            *_seen(),
        )
        .order_by(CityMessageTable.urgent.desc(), CityMessageTable.begins_at.desc(), CityMessageTable.id.desc())
        .limit(hole("limit"))
    )
)
_BOARD = Compiled(
    lambda: (
        PostTable.select(*posts.COLUMNS)
        .where(
            PostTable.id.in_(help_requests.live_query()),
            PostTable.id < hole("before"),
            fn.EXISTS(PlaceTable.select(PlaceTable.post).where(*_READ_HERE, PlaceTable.post == PostTable.id)),
            *_seen(),
        )
        .order_by(PostTable.id.desc())
        .limit(hole("limit"))
    )
)
_PUBLIC = Compiled(
    lambda: (
        PostTable.select(*posts.COLUMNS)
        .where(
            PostTable.neighbourhood == hole("home"),
            # as a literal, or the partial index on what is public is not used
            PostTable.audience == SQL("'public'"),
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
    return _listed(db, _FEEDS[filter], viewer, before, limit)


def _listed(db: peewee.Database, query: Compiled, viewer: Viewer, before: int | None, limit: int) -> list[Entry]:
    account, home = posts.resident(viewer)
    rows = query.rows(db, place=home, before=before or _NEWEST, account=account, limit=limit)
    return _entries(db, [posts.post_of(row, ()) for row in rows], viewer)


def public(
    db: peewee.Database, *, neighbourhood: int, viewer: Viewer, before: int | None = None, limit: int = PAGE
) -> list[Entry]:
    """What a neighbourhood of ours says to anyone on the internet, newest first; with `before`, older than that."""
    rows = _PUBLIC.rows(db, home=neighbourhood, before=before or _NEWEST, limit=limit)
    found = [posts.post_of(row, ()) for row in rows]
    return _entries(db, [post for post in found if posts.may_see(db, post, viewer)], viewer)


def from_city(db: peewee.Database, *, viewer: Viewer, now: datetime, limit: int = PAGE) -> list[Entry]:
    """What our city tells a resident's neighbourhood at this moment: what is urgent first, then the newest.

    Nothing of who is our city no longer. Raises Unauthenticated.
    """
    account, home = posts.resident(viewer)
    rows = _FROM_CITY.rows(db, place=home, now=milliseconds(now), account=account, limit=limit)
    found = _entries(db, [posts.post_of(row, ()) for row in rows], viewer)
    speakers = {entry.city.peer: city_messages.speaks(db, entry.city) for entry in found if entry.city is not None}
    return [entry for entry in found if entry.city is not None and speakers[entry.city.peer]]


def city_spoke(db: peewee.Database, *, viewer: Viewer) -> bool:
    """Whether there is anything of the city's that a resident may read, over or not. Raises Unauthenticated."""
    account, home = posts.resident(viewer)
    return bool(list(_FEEDS[Filter.CITY].rows(db, place=home, before=_NEWEST, account=account, limit=1)))


def board(db: peewee.Database, *, viewer: Viewer, before: int | None = None, limit: int = PAGE) -> list[Entry]:
    """The help board: live requests that this resident may read, newest first."""
    return _listed(db, _BOARD, viewer, before, limit)


def entry(db: peewee.Database, *, post_id: int, viewer: Viewer) -> Entry:
    """One post, for who may see it. Raises NotFound."""
    return _entries(db, [posts.get(db, post_id=post_id, viewer=viewer)], viewer)[0]


def of_thread(db: peewee.Database, *, request_id: int, viewer: Viewer) -> Entry:
    """A request as one of the two of its private thread still has it, whoever may read it by now. Raises NotFound."""
    if help_requests.thread_of(db, request_id=request_id, viewer=viewer) is None:
        raise NotFound
    return _entries(db, [posts.row(db, post_id=request_id)], viewer)[0]


def thread(db: peewee.Database, *, root: int, viewer: Viewer) -> list[Entry]:
    """The answers to a post that this viewer may see, oldest first. Raises NotFound."""
    return _entries(db, posts.thread(db, root=root, viewer=viewer), viewer)


def _entries(db: peewee.Database, found: Sequence[Post], viewer: Viewer) -> list[Entry]:
    if not found:
        return []
    ids = [post.id for post in found]
    places = posts.places_of(db, {post.thread for post in found})
    shared = city_messages.shared_now(db, [post.id for post in found if post.root is not None])
    cities = {one.message: city_messages.row(db, one.message).author for one in shared.values()}
    authors = accounts.many(db, {post.author for post in found} | set(cities.values()))
    told = city_messages.by_posts(db, [post.id for post in found if post.kind is posts.Kind.CITY])
    # what a city says is read in more places than this copy of it
    places |= {post: tuple(sorted({*places.get(post, ()), *one.places})) for post, one in told.items()}
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
            city=told.get(post.id),
            shared=shared.get(post.id),
            shared_with=authors[cities[shared[post.id].message]] if post.id in shared else None,
            my_thanks=post.id in thanked,
            my_offer=mine.get(post.id),
            offers_waiting=waiting.get(post.id, 0),
        )
        for post in found
    ]
