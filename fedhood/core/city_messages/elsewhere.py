"""How a city's messages arrive, change, and are shown: one copy for each neighbourhood of ours that a message is for.

A copy is a post of that neighbourhood alone, of the kind CITY. What residents answer under it is theirs: it is read in
their own neighbourhood and has no form on the wire. No copy is there before its message begins.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fedhood.core import neighbourhoods, peers, posts
from fedhood.core.city_messages import store
from fedhood.core.city_messages.model import (
    MOST_LANGUAGES,
    MOST_TEXT,
    MOST_TITLE,
    CityMessage,
    CityMessageShown,
    CityMessageUrgent,
    Said,
)
from fedhood.core.city_messages.tables import CityMessageTable
from fedhood.core.peers import PeerState, Trust
from fedhood.core.posts import Audience, Category, Kind
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork


def mirror(
    uow: UnitOfWork,
    *,
    uri: str,
    peer: int,
    author: int,
    groups: Iterable[str],
    places: Iterable[int],
    said: Mapping[str, Said],
    begins_at: datetime,
    ends_at: datetime,
    urgent: bool,
    published_at: datetime,
    edited_at: datetime | None = None,
) -> int:
    """Keep a message of our city, and show it if it has begun. The same address again changes nothing.

    `author` is the account that stands for the city, `groups` all neighbourhoods that it names, `places` those of
    ours; `edited_at` is set when what was said before that moment never came here. Returns our id for it. Raises
    Invalid.
    """
    known = store.by_uri(uow.db, uri)
    if known is not None:
        return known.id
    message = CityMessage(
        id=uow.new_id(),
        uri=uri,
        peer=peer,
        author=author,
        said=_checked(said),
        begins_at=begins_at,
        ends_at=ends_at,
        urgent=urgent,
        published_at=min(published_at, uow.now),
        edited_at=edited_at,
        shown_at=None,
        deleted_at=None,
        version=1,
        groups=tuple(groups),
        places=tuple(sorted(set(places))),
    )
    store.insert(uow, message)
    if message.begins_at <= uow.now:
        _show(uow, message)
    return message.id


def mirror_edit(
    uow: UnitOfWork,
    *,
    message: CityMessage,
    said: Mapping[str, Said],
    begins_at: datetime,
    ends_at: datetime,
    urgent: bool,
    edited_at: datetime,
) -> None:
    """Take over a newer version of a message of our city; an older one than ours changes nothing. Raises Invalid."""
    # moments on the wire are whole seconds: of two in the same one it is the later to come
    if message.deleted_at is not None or edited_at < (message.edited_at or message.published_at):
        return
    changed = dataclasses.replace(
        message,
        said=_checked(said),
        begins_at=begins_at,
        ends_at=ends_at,
        urgent=urgent,
        edited_at=edited_at,
        version=message.version + 1,
    )
    store.rewrite(uow, message, changed)
    if message.shown_at is None:
        if changed.begins_at <= uow.now:
            _show(uow, changed)
        return
    for post in message.posts:
        main = changed.main
        text = changed.said[main].plain
        posts.mirror_edit(uow, post_id=post, text=text, language=main, edited_at=uow.now)
        if urgent and not message.urgent and uow.now < ends_at:
            uow.record(CityMessageUrgent(neighbourhood=_home(uow, post), object=post, message=message.id))


def _home(uow: UnitOfWork, post: int) -> int:
    return posts.row(uow.db, post_id=post).neighbourhood


def mirror_withdraw(uow: UnitOfWork, *, message: CityMessage, at: datetime) -> None:
    """Forget what a message of our city said, wherever it is read. Again is the same."""
    if store.remove(uow, message.id, at=min(at, uow.now)):
        for post in message.posts:
            posts.mirror_delete(uow, post_id=post, deleted_at=at)


def said_by(db: peewee.Database, author: int) -> list[CityMessage]:
    """What an account that stands for a city said here."""
    return store.find(db, CityMessageTable.author == author, CityMessageTable.uri.is_null(is_null=False))


def show_due(uow: UnitOfWork) -> int:
    """Show the messages that have begun, in each neighbourhood that they are for. Returns how many."""
    coming = (
        CityMessageTable.deleted_at.is_null(),
        CityMessageTable.shown_at.is_null(),
        CityMessageTable.uri.is_null(is_null=False),
        CityMessageTable.begins_at <= uow.now,
    )
    due = [one for one in store.find(uow.db, *coming) if speaks(uow.db, one)]
    for message in sorted(due, key=lambda one: (one.begins_at, one.id)):
        _show(uow, message)
    return len(due)


def speaks(db: peewee.Database, message: CityMessage) -> bool:
    """Whether the city that said this is our city still."""
    peer = None if message.peer is None else peers.get(db, message.peer)
    return peer is not None and peer.trust is Trust.CITY and peer.state is PeerState.AGREED


def _show(uow: UnitOfWork, message: CityMessage) -> None:
    if not store.mark_shown(uow, message.id):
        return
    main = message.main
    for place in message.places:
        post = posts.mirror(
            uow,
            uri=f"{message.uri}#{neighbourhoods.get(uow.db, place).key}",
            kind=Kind.CITY,
            audience=Audience.NEIGHBOURHOOD,
            neighbourhood=place,
            author=message.author,
            places=[place],
            text=message.said[main].plain,
            language=main,
            category=Category.CITY,
            published_at=max(message.published_at, message.begins_at),
        )
        store.keep_copy(uow, message.id, place, post)
        still = message.urgent and uow.now < message.ends_at
        uow.record(CityMessageShown(neighbourhood=place, object=post, message=message.id, urgent=still))


def _checked(said: Mapping[str, Said]) -> dict[str, Said]:
    """What arrived, bounded: a title may be missing, a text may not. Raises Invalid."""
    if not said or len(said) > MOST_LANGUAGES:
        raise Invalid("it is said in no language, or in too many", code="languages")
    return {
        language: Said(
            title=texts.one_line(one.title, field="title", most=MOST_TITLE, least=0),
            text=texts.words(one.text, field="text", most=MOST_TEXT),
        )
        for language, one in said.items()
    }
