"""The queries on posts: the hot ones compiled once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from fedhood.core.posts.model import Audience, Category, Kind, Post, Standing
from fedhood.core.posts.tables import PlaceTable, PostTable, VersionTable
from fedhood.kernel.clock import from_milliseconds, milliseconds
from fedhood.kernel.database import Compiled, among, hole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import peewee

COLUMNS = (
    PostTable.id,
    PostTable.kind,
    PostTable.audience,
    PostTable.neighbourhood,
    PostTable.author,
    PostTable.root,
    PostTable.parent,
    PostTable.category,
    PostTable.text,
    PostTable.language,
    PostTable.published_at,
    PostTable.edited_at,
    PostTable.deleted_at,
    PostTable.hidden_at,
    PostTable.version,
    PostTable.thanks,
    PostTable.replies,
    PostTable.uri,
)

_BY_ID = Compiled(lambda: PostTable.select(*COLUMNS).where(PostTable.id == hole("id")))
_BY_URI = Compiled(lambda: PostTable.select(*COLUMNS).where(PostTable.uri == hole("uri")))
_PLACES = Compiled(
    lambda: (
        PlaceTable.select(PlaceTable.post, PlaceTable.place, PlaceTable.parted, PlaceTable.hidden)
        .where(among(PlaceTable.post, "posts"))
        .order_by(PlaceTable.post, PlaceTable.place)
    )
)
_STANDING = Compiled(
    lambda: PostTable.select(
        PostTable.id, PostTable.root, PostTable.audience, PostTable.neighbourhood, PostTable.hidden_at, PostTable.uri
    ).where(PostTable.id == hole("id"))
)
_TOLD_IN = Compiled(
    lambda: (
        PlaceTable.select(PlaceTable.place)
        .where(PlaceTable.post == hole("post"), among(PlaceTable.place, "places"))
        .limit(1)
    )
)
_INSERT = Compiled(
    lambda: PostTable.insert(
        {
            PostTable.id: hole("id"),
            PostTable.kind: hole("kind"),
            PostTable.audience: hole("audience"),
            PostTable.neighbourhood: hole("neighbourhood"),
            PostTable.author: hole("author"),
            PostTable.root: hole("root"),
            PostTable.parent: hole("parent"),
            PostTable.category: hole("category"),
            PostTable.text: hole("text"),
            PostTable.language: hole("language"),
            PostTable.published_at: hole("published_at"),
            PostTable.deleted_by_moderator: hole("no"),
            PostTable.version: 1,
            PostTable.thanks: 0,
            PostTable.replies: 0,
            PostTable.uri: hole("uri"),
        }
    )
)
_INSERT_PLACE = Compiled(
    lambda: PlaceTable.insert(
        {
            PlaceTable.place: hole("place"),
            PlaceTable.post: hole("post"),
            PlaceTable.next_door: hole("next_door"),
            PlaceTable.parted: hole("no"),
            PlaceTable.hidden: hole("no"),
        }
    )
)


def post_of(row: Sequence[Any], places: tuple[int, ...]) -> Post:
    """A row of COLUMNS as a value."""
    return Post(
        id=row[0],
        kind=Kind(row[1]),
        audience=Audience(row[2]),
        neighbourhood=row[3],
        author=row[4],
        root=row[5],
        parent=row[6],
        category=Category(row[7]),
        text=row[8],
        language=row[9],
        published_at=from_milliseconds(row[10]),
        edited_at=_moment(row[11]),
        deleted_at=_moment(row[12]),
        hidden_at=_moment(row[13]),
        version=row[14],
        thanks=row[15],
        replies=row[16],
        uri=row[17],
        places=places,
    )


def _moment(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)


def by_id(db: peewee.Database, post_id: int) -> Post | None:
    """The post with this id, whatever its state."""
    return _with_places(db, _BY_ID.row(db, id=post_id))


def by_uri(db: peewee.Database, uri: str) -> Post | None:
    """The mirrored post with this address."""
    return _with_places(db, _BY_URI.row(db, uri=uri))


def standing(db: peewee.Database, post_id: int) -> Standing | None:
    """What has to be known of a post before it may be said, without its places: there may be hundreds."""
    row = _STANDING.row(db, id=post_id)
    if row is None:
        return None
    return Standing(
        id=row[0], root=row[1], audience=Audience(row[2]), neighbourhood=row[3], hidden=row[4] is not None, uri=row[5]
    )


def told_in(db: peewee.Database, root: int, places: Iterable[int]) -> bool:
    """Whether this root was told to one of these places, whether it is still read there or not."""
    return _TOLD_IN.row(db, post=root, places=list(places)) is not None


def _with_places(db: peewee.Database, row: tuple[Any, ...] | None) -> Post | None:
    if row is None:
        return None
    return _placed(db, row[5] or row[0], [row])[0]


def _placed(db: peewee.Database, root: int, rows: Sequence[Sequence[Any]]) -> list[Post]:
    """Rows of one thread as values, with what is known of its places; an answer has none but those that hid it."""
    known = _PLACES.rows(db, posts=list({root, *(row[0] for row in rows)}))
    places = tuple(place for post, place, *_ in known if post == root)
    parted = tuple(place for post, place, is_parted, _ in known if post == root and is_parted)
    return [
        dataclasses.replace(
            post_of(row, places),
            parted=parted,
            hidden_in=tuple(place for post, place, _, hidden in known if hidden and post in {root, row[0]}),
        )
        for row in rows
    ]


def places_of(db: peewee.Database, roots: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The places in which each of these root posts is read now: told to them, and not parted since."""
    found: dict[int, list[int]] = {}
    for post, place, parted, _ in _PLACES.rows(db, posts=list(roots)):
        if not parted:
            found.setdefault(post, []).append(place)
    return {post: tuple(places) for post, places in found.items()}


def hide_in(db: peewee.Database, post: Post, place: int, *, hidden: bool) -> bool:
    """Hide a post or an answer from one place, or show it there again. False: it was so already.

    An answer has a row of a place only while that place hides it.
    """
    if post.root is not None and hidden:
        added = PlaceTable.insert(place=place, post=post.id, next_door=True, hidden=True).on_conflict_ignore()
        return place not in post.hidden_in and added.execute(db) is not None
    here = (PlaceTable.post == post.id, PlaceTable.place == place, PlaceTable.hidden == (not hidden))
    if post.root is not None:
        return bool(PlaceTable.delete().where(*here).execute(db))
    return bool(PlaceTable.update(hidden=hidden).where(*here).execute(db))


def all_hidden(db: peewee.Database) -> list[Post]:
    """What is hidden anywhere on this server, the newest first; along the indexes of what is hidden."""
    everywhere = PostTable.select(PostTable.id).where(PostTable.hidden_at.is_null(is_null=False))
    somewhere = PlaceTable.select(PlaceTable.post).where(PlaceTable.hidden)
    ids = {row.id for row in everywhere.execute(db)} | {row.post for row in somewhere.execute(db)}
    found = (by_id(db, post_id) for post_id in sorted(ids, reverse=True))
    return [post for post in found if post is not None and post.deleted_at is None]


def told(db: peewee.Database, *, writer: int, reader: int, since: datetime) -> list[Post]:
    """The posts that one neighbourhood told another from a moment on, oldest first."""
    rows = (
        PostTable.select(PostTable.id)
        .join(PlaceTable, on=(PlaceTable.post == PostTable.id))
        .where(
            PlaceTable.place == reader,
            PostTable.neighbourhood == writer,
            PostTable.root.is_null(),
            PostTable.deleted_at.is_null(),
            PostTable.published_at >= since,
        )
        .order_by(PostTable.id)
    )
    found = (by_id(db, row.id) for row in rows.execute(db))
    return [post for post in found if post is not None]


def answers_to(db: peewee.Database, *, neighbourhood: int, since: datetime) -> list[Post]:
    """The answers of ours in threads that began in another neighbourhood, from a moment on, oldest first."""
    root = PostTable.alias()
    rows = (
        PostTable.select(PostTable.id)
        .join(root, on=(root.id == PostTable.root))
        .where(
            root.neighbourhood == neighbourhood,
            root.deleted_at.is_null(),
            PostTable.uri.is_null(),
            PostTable.deleted_at.is_null(),
            PostTable.published_at >= since,
        )
        .order_by(PostTable.id)
    )
    found = (by_id(db, row.id) for row in rows.execute(db))
    return [post for post in found if post is not None]


def part(db: peewee.Database, *, writer: int, reader: int, parted: bool) -> None:
    """What one neighbourhood told another is read there no longer, or again."""
    told = PostTable.select(PostTable.id).where(PostTable.neighbourhood == writer)
    PlaceTable.update(parted=parted).where(
        PlaceTable.place == reader, PlaceTable.next_door, PlaceTable.parted == (not parted), PlaceTable.post.in_(told)
    ).execute(db)


def part_from_city(db: peewee.Database, *, hub: int, reader: int, parted: bool) -> None:
    """What others said to a whole city is read in one of its neighbourhoods no longer, or again."""
    through = PlaceTable.alias()
    told = through.select(through.post).where(through.place == hub)
    PlaceTable.update(parted=parted).where(
        PlaceTable.place == reader, PlaceTable.next_door, PlaceTable.parted == (not parted), PlaceTable.post.in_(told)
    ).execute(db)


def insert(db: peewee.Database, post: Post) -> None:
    """Keep a new post; the places of a root are kept with it."""
    _INSERT.run(
        db,
        id=post.id,
        kind=post.kind.value,
        audience=post.audience.value,
        neighbourhood=post.neighbourhood,
        author=post.author,
        root=post.root,
        parent=post.parent,
        category=post.category.value,
        text=post.text,
        language=post.language,
        published_at=milliseconds(post.published_at),
        no=False,
        uri=post.uri,
    )
    if post.root is None:
        for place in post.places:
            _INSERT_PLACE.run(db, place=place, post=post.id, next_door=place != post.neighbourhood, no=False)


def rewrite(db: peewee.Database, post: Post, *, text: str, language: str, at: datetime) -> bool:
    """Put another text in place of this version of a post, keeping the old. False: somebody was faster."""
    changed = (
        PostTable.update(text=text, language=language, edited_at=at, version=PostTable.version + 1)
        .where(PostTable.id == post.id, PostTable.version == post.version)
        .execute(db)
    )
    if changed:
        VersionTable.insert(
            post=post.id, version=post.version, text=post.text, language=post.language, until=at
        ).execute(db)
    return bool(changed)


def remove(db: peewee.Database, post: Post, *, at: datetime, by_moderator: bool) -> bool:
    """Empty a post and every earlier version of it. False: it was gone already."""
    changed = (
        PostTable.update(text="", deleted_at=at, deleted_by_moderator=by_moderator, version=PostTable.version + 1)
        .where(PostTable.id == post.id, PostTable.deleted_at.is_null())
        .execute(db)
    )
    VersionTable.delete().where(VersionTable.post == post.id).execute(db)
    if changed and post.root is not None:
        count(db, post.root, replies=-1)
    return bool(changed)


def hide(db: peewee.Database, post_id: int, *, at: datetime | None) -> bool:
    """Hide a post from all but its moderators, or show it again. False: it was so already."""
    now_hidden = PostTable.hidden_at.is_null(is_null=at is not None)
    return bool(
        PostTable.update(hidden_at=at, version=PostTable.version + 1)
        .where(PostTable.id == post_id, now_hidden)
        .execute(db)
    )


def count(db: peewee.Database, post_id: int, *, thanks: int = 0, replies: int = 0) -> None:
    """Move the counts that stand on a post."""
    PostTable.update(thanks=PostTable.thanks + thanks, replies=PostTable.replies + replies).where(
        PostTable.id == post_id
    ).execute(db)


def version_text(db: peewee.Database, post_id: int, version: int) -> tuple[str, str] | None:
    """Text and language of an earlier version; None when it says what the post says now.

    Versions rise without another text too (hidden, shown again, a restore): a text is kept with the last that had it.
    """
    later = VersionTable.select().where(VersionTable.post == post_id, VersionTable.version >= version)
    for row in later.order_by(VersionTable.version).limit(1).execute(db):
        return row.text, row.language
    return None


def version_since(db: peewee.Database, post_id: int, version: int) -> datetime | None:
    """When a version's text came in place of the one before; None for the first."""
    before = VersionTable.select().where(VersionTable.post == post_id, VersionTable.version < version)
    for row in before.order_by(VersionTable.version.desc()).limit(1).execute(db):
        since: datetime = row.until
        return since
    return None


_REPLIES = Compiled(lambda: PostTable.select(*COLUMNS).where(PostTable.root == hole("root")).order_by(PostTable.id))


def replies_of(db: peewee.Database, root: int) -> list[Post]:
    """All answers of a thread, oldest first, whatever their state."""
    return _placed(db, root, list(_REPLIES.rows(db, root=root)))


def ids_by(db: peewee.Database, account: int) -> list[int]:
    """The posts and answers that somebody ever wrote, the newest first, whatever their state."""
    rows = PostTable.select(PostTable.id).where(PostTable.author == account).order_by(PostTable.id.desc())
    return [row.id for row in rows.execute(db)]


def written_by(db: peewee.Database, account: int) -> list[Post]:
    """The posts and answers of somebody that were not removed, the newest first."""
    found = (by_id(db, post_id) for post_id in ids_by(db, account))
    return [post for post in found if post is not None and post.deleted_at is None]
