"""What residents do with posts: published, answered, edited, removed, read."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core import access, households, hubs, neighbourhoods
from fedhood.core.access import Permission, Viewer
from fedhood.core.posts import store, visibility
from fedhood.core.posts.model import (
    MOST_CHARACTERS,
    Audience,
    Category,
    Kind,
    Offered,
    Post,
    PostDeleted,
    PostEdited,
    PostPublished,
    Replied,
)
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork


def offered(db: peewee.Database, *, neighbourhood: int, now: datetime | None = None) -> list[Offered]:
    """The answers to "who can read this?" that can be kept today: the own neighbourhood first, the internet last.

    Without `now` the whole city is not among them: whether its hub passes something on depends on the day.
    """
    readers = neighbourhoods.readers_of(db, neighbourhood)
    answers = [Offered(audience=Audience.NEIGHBOURHOOD, places=(neighbourhood,), names=())]
    groups = [readers, *([reader] for reader in readers if len(readers) > 1)]
    answers += [
        Offered(
            audience=Audience.NEIGHBOURS,
            places=(neighbourhood, *(reader.id for reader in group)),
            names=tuple(reader.name for reader in group),
        )
        for group in groups
        if group
    ]
    answers += [
        Offered(audience=Audience.CITY, places=_of_city(db, neighbourhood, hub.id), names=(hub.name,))
        for hub in (() if now is None else hubs.joined_by(db, neighbourhood, now=now))
    ]
    everyone = (neighbourhood, *(reader.id for reader in readers))
    answers.append(Offered(audience=Audience.PUBLIC, places=everyone, names=()))
    return answers


def _of_city(db: peewee.Database, home: int, hub: int) -> tuple[int, ...]:
    """The places of what is for a whole city: the own neighbourhood, the hub, and others of this server at it."""
    return (home, hub, *(place for place in hubs.taking_part(db, hub) if place != home))


def publish(
    uow: UnitOfWork,
    *,
    by: Viewer,
    text: str,
    audience: Audience = Audience.NEIGHBOURHOOD,
    places: Iterable[int] = (),
    category: Category = Category.OTHER,
    language: str = "",
    kind: Kind = Kind.NOTE,
) -> int:
    """A resident tells something. Who may read it is settled now and never changes.

    `places` names the neighbourhoods next door for NEIGHBOURS and the city's hub for CITY, and is ignored otherwise.
    Returns the post's id. Raises Unauthenticated, Invalid (text, places).
    """
    account, home = resident(by)
    text = texts.words(text, field="text", most=MOST_CHARACTERS)
    post = Post(
        id=uow.new_id(),
        kind=kind,
        audience=audience,
        neighbourhood=home,
        author=account,
        root=None,
        parent=None,
        category=category,
        text=text,
        language=language or by.language,
        published_at=uow.now,
        edited_at=None,
        deleted_at=None,
        hidden_at=None,
        version=1,
        thanks=0,
        replies=0,
        uri=None,
        places=_settled_places(uow, home, audience, places),
    )
    store.insert(uow.db, post)
    uow.record(
        PostPublished(
            neighbourhood=home,
            household=households.household_of(uow.db, account),
            object=post.id,
            category=category.value,
            audience=audience.value,
        )
    )
    return post.id


def resident(by: Viewer) -> tuple[int, int]:
    """Account and neighbourhood of a resident. Raises Unauthenticated for anyone else."""
    if by.account is None or by.neighbourhood is None:
        raise Unauthenticated
    return by.account, by.neighbourhood


def _settled_places(uow: UnitOfWork, home: int, audience: Audience, places: Iterable[int]) -> tuple[int, ...]:
    match audience:
        case Audience.NEIGHBOURHOOD:
            return (home,)
        case Audience.PUBLIC:
            return (home, *(reader.id for reader in neighbourhoods.readers_of(uow.db, home)))
        case Audience.CITY:
            named = [hub.id for hub in hubs.joined_by(uow.db, home, now=uow.now) if hub.id in set(places)]
            if len(named) != 1:
                raise Invalid("this city passes nothing on from here today", code="places", field="who")
            return _of_city(uow.db, home, named[0])
        case Audience.NEIGHBOURS:
            chosen = sorted(set(places) - {home})
            agreed = {reader.id for reader in neighbourhoods.readers_of(uow.db, home)}
            if not chosen or not agreed.issuperset(chosen):
                raise Invalid("not all of these neighbourhoods read yours", code="places", field="who")
            return (home, *chosen)


def reply(uow: UnitOfWork, *, by: Viewer, to: int, text: str, language: str = "") -> int:
    """A resident answers a post, to everyone who may read it and to nobody else. Returns the answer's id.

    Raises Unauthenticated, Invalid, NotFound.
    """
    account, home = resident(by)
    text = texts.words(text, field="text", most=MOST_CHARACTERS)
    parent = get(uow.db, post_id=to, viewer=by)
    root = parent if parent.root is None else get(uow.db, post_id=parent.root, viewer=by)
    if not root.is_told_to(home):  # anyone may read a public post; answering is for those it was told to
        raise Forbidden(code="not-a-place")
    answer = dataclasses.replace(
        root,
        id=uow.new_id(),
        kind=Kind.NOTE,
        author=account,
        root=root.id,
        parent=parent.id,
        category=Category.OTHER,
        text=text,
        language=language or by.language,
        published_at=uow.now,
        edited_at=None,
        hidden_at=None,
        version=1,
        thanks=0,
        replies=0,
        uri=None,
    )
    store.insert(uow.db, dataclasses.replace(answer, neighbourhood=home))
    store.count(uow.db, root.id, replies=1)
    uow.record(
        Replied(
            neighbourhood=home,
            household=households.household_of(uow.db, account),
            other_household=households.household_of(uow.db, parent.author),
            object=answer.id,
            post=root.id,
            to=parent.author,
        )
    )
    return answer.id


def edit(uow: UnitOfWork, *, by: Viewer, post_id: int, text: str) -> None:
    """An author says it better; earlier versions are kept for what was already sent.

    Raises Unauthenticated, NotFound, Forbidden, Invalid, Conflict.
    """
    account, _ = resident(by)
    post = get(uow.db, post_id=post_id, viewer=by)
    if post.author != account or post.uri is not None:
        raise Forbidden
    text = texts.words(text, field="text", most=MOST_CHARACTERS)
    if text == post.text:
        return
    if not store.rewrite(uow.db, post, text=text, language=post.language, at=_later(post, uow.now)):
        raise Conflict
    uow.record(PostEdited(neighbourhood=post.neighbourhood, object=post.id, version=post.version + 1))


def _later(post: Post, now: datetime) -> datetime:
    """When an edit counts as made: in a later second than the text before it.

    On the wire a moment has whole seconds, and receivers take the text that was said last.
    """
    before = post.edited_at or post.published_at
    return max(now, before.replace(microsecond=0) + timedelta(seconds=1))


def delete(uow: UnitOfWork, *, by: Viewer, post_id: int) -> None:
    """An author, or a moderator of the neighbourhood, removes a post; everyone who got it is told.

    Raises Unauthenticated, NotFound, Forbidden.
    """
    post = get(uow.db, post_id=post_id, viewer=by)
    if post.uri is not None:  # its home decides about it; here it can be hidden
        raise Forbidden(code="not-ours")
    by_author = by.account is not None and by.account == post.author
    if not by_author:
        access.require(by, Permission.MODERATE, post.neighbourhood)
    if not remove(uow, post, by_moderator=not by_author):
        raise NotFound


def remove(uow: UnitOfWork, post: Post, *, by_moderator: bool) -> bool:
    """Empty a post; of one of ours everyone who got it is told. False: it was gone already."""
    removed = store.remove(uow.db, post, at=uow.now, by_moderator=by_moderator)
    if removed and post.uri is None:
        uow.record(
            PostDeleted(
                neighbourhood=post.neighbourhood,
                household=households.household_of(uow.db, post.author),
                object=post.id,
                by_moderator=by_moderator,
                is_reply=post.root is not None,
            )
        )
    return removed


def get(db: peewee.Database, *, post_id: int, viewer: Viewer) -> Post:
    """A post, for somebody who may see it; a reply only while its root may be seen too.

    Raises NotFound for anyone else, in the same way as for a post that never was.
    """
    post = store.by_id(db, post_id)
    if post is None or not visibility.may_see(db, post, viewer):
        raise NotFound
    if post.root is not None:
        root = store.by_id(db, post.root)
        if root is None or not visibility.may_see(db, root, viewer):
            raise NotFound
    return post


def thread(db: peewee.Database, *, root: int, viewer: Viewer) -> list[Post]:
    """The answers of a thread that this viewer may see, oldest first. Raises NotFound when the root may not be."""
    get(db, post_id=root, viewer=viewer)
    return [post for post in store.replies_of(db, root) if visibility.may_see(db, post, viewer)]


def at_version(db: peewee.Database, *, post_id: int, version: int) -> Post:
    """A post as it was in a version, for the wire: what it said, and since when it had said that.

    Raises NotFound, or Gone when it was removed since.
    """
    post = store.by_id(db, post_id)
    if post is None:
        raise NotFound
    if post.deleted_at is not None:
        raise Gone
    if version == post.version:
        return post
    earlier = store.version_text(db, post_id, version)
    if earlier is None:
        return dataclasses.replace(post, version=version)
    since = store.version_since(db, post_id, version)
    return dataclasses.replace(post, version=version, text=earlier[0], language=earlier[1], edited_at=since)


def row(db: peewee.Database, *, post_id: int) -> Post:
    """A post whatever its state and whoever asks, for consequences and the wire. Raises NotFound."""
    post = store.by_id(db, post_id)
    if post is None:
        raise NotFound
    return post


def by_uri(db: peewee.Database, uri: str) -> Post | None:
    """The post of another server with this address, whatever its state."""
    return store.by_uri(db, uri)
