"""How posts of other neighbourhoods arrive and change, and how all that somebody wrote goes, here or there."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core.posts import service, store
from fedhood.core.posts.model import (
    MOST_CHARACTERS,
    Audience,
    Category,
    Kind,
    Post,
    PostMirrored,
    ReplyMirrorDeleted,
    ReplyMirrored,
    ReplyMirrorEdited,
)
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fedhood.kernel.database import UnitOfWork


AHEAD = timedelta(hours=24)  # how far another clock may be believed


def believed(moment: datetime, now: datetime) -> datetime:
    """A moment that another server's clock tells: of two of them it says which came later, unless it is far ahead."""
    return moment if moment <= now + AHEAD else now


def mirror(
    uow: UnitOfWork,
    *,
    uri: str,
    kind: Kind,
    audience: Audience,
    neighbourhood: int,
    author: int,
    places: Iterable[int],
    text: str,
    language: str,
    category: Category,
    published_at: datetime,
) -> int:
    """Keep a post of another neighbourhood. The same address again changes nothing. Returns our id for it."""
    known = store.by_uri(uow.db, uri)
    if known is not None:
        return known.id
    post = Post(
        id=uow.new_id(),
        kind=kind,
        audience=audience,
        neighbourhood=neighbourhood,
        author=author,
        root=None,
        parent=None,
        category=category,
        text=texts.words(text, field="text", most=MOST_CHARACTERS),
        language=language,
        published_at=min(published_at, uow.now),
        edited_at=None,
        deleted_at=None,
        hidden_at=None,
        version=1,
        thanks=0,
        replies=0,
        uri=uri,
        places=tuple(sorted(set(places))),
    )
    store.insert(uow.db, post)
    uow.record(PostMirrored(object=post.id))
    return post.id


def mirror_reply(
    uow: UnitOfWork,
    *,
    uri: str,
    root: int,
    parent: int,
    author: int,
    text: str,
    language: str,
    published_at: datetime,
    neighbourhood: int | None = None,
) -> int:
    """Keep somebody's answer from elsewhere; it is read by whom its root is read. Idempotent by its address."""
    known = store.by_uri(uow.db, uri)
    if known is not None:
        return known.id
    first = service.row(uow.db, post_id=root)
    answered = service.row(uow.db, post_id=parent)
    if first.deleted_at is not None or answered.thread != first.id:
        raise NotFound
    answer = dataclasses.replace(
        first,
        id=uow.new_id(),
        kind=Kind.NOTE,
        author=author,
        neighbourhood=neighbourhood or first.neighbourhood,
        root=first.id,
        parent=answered.id,
        category=Category.OTHER,
        text=texts.words(text, field="text", most=MOST_CHARACTERS),
        language=language,
        published_at=min(published_at, uow.now),
        edited_at=None,
        hidden_at=None,
        version=1,
        thanks=0,
        replies=0,
        uri=uri,
    )
    store.insert(uow.db, answer)
    store.count(uow.db, first.id, replies=1)
    uow.record(ReplyMirrored(object=answer.id, post=first.id, to=answered.author))
    return answer.id


def mirror_edit(uow: UnitOfWork, *, post_id: int, text: str, language: str, edited_at: datetime) -> None:
    """Take over a newer text of another server's post; an older one than ours changes nothing.

    Which is newer is told by the clock there. It may go before ours, and what it says is kept: of two edits that
    arrive the wrong way round the later one stays.
    """
    post = service.row(uow.db, post_id=post_id)
    if post.deleted_at is not None or (post.edited_at is not None and edited_at <= post.edited_at):
        return
    text = texts.words(text, field="text", most=MOST_CHARACTERS)
    if text == post.text:
        return
    if not store.rewrite(uow.db, post, text=text, language=language, at=believed(edited_at, uow.now)):
        raise Conflict
    root = _root_of_ours(uow, post)
    if root is not None:
        uow.record(ReplyMirrorEdited(object=post.id, post=root, version=post.version + 1))


def mirror_delete(uow: UnitOfWork, *, post_id: int, deleted_at: datetime) -> None:
    """Forget what another server's post said. Again is the same."""
    post = service.row(uow.db, post_id=post_id)
    removed = store.remove(uow.db, post, at=min(deleted_at, uow.now), by_moderator=False)
    root = _root_of_ours(uow, post) if removed else None
    if root is not None:
        uow.record(ReplyMirrorDeleted(object=post.id, post=root))


def _root_of_ours(uow: UnitOfWork, post: Post) -> int | None:
    """The root of an answer from elsewhere in a thread of ours; None for any other post."""
    if post.root is None or post.uri is None:
        return None
    return None if service.row(uow.db, post_id=post.root).uri is not None else post.root


def forget(uow: UnitOfWork, *, account: int) -> None:
    """Remove all that somebody wrote, the newest first; of ours everyone who got it is told."""
    for post in store.written_by(uow.db, account):
        if post.uri is None:
            service.remove(uow, post, by_moderator=False)
        else:
            mirror_delete(uow, post_id=post.id, deleted_at=uow.now)
