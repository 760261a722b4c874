"""What residents answer to the city: theirs, unless they let it read one, answer by answer. And what it then has.

    an answer ──share──▶ the city reads it ──unshare, or it is removed──▶ the city has it no longer

Shared again, it is another one to the city: what was taken back there is not read there later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import access, peers, posts
from fedhood.core.access import Permission
from fedhood.core.city_messages import elsewhere, store
from fedhood.core.city_messages.model import (
    ANSWERS_KEPT,
    MOST_OF_ONE,
    AnswerShared,
    AnswerUnshared,
    CityAnswer,
    CityMessage,
    Shared,
)
from fedhood.core.city_messages.tables import CityAnswerTable, CityMessageTable, SharedAnswerTable
from fedhood.core.help_requests import Sent
from fedhood.core.peers import PeerState, Trust
from fedhood.core.posts import MOST_CHARACTERS
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork

DIRECT = "direct"


# -- in the neighbourhood ----------------------------------------------------------------------------------------------


def may_share(db: peewee.Database, message: CityMessage, *, now: datetime) -> bool:
    """Whether the city can be let read an answer to this message today: it is ours, and private words are agreed."""
    if message.deleted_at is not None or message.peer is None or not elsewhere.speaks(db, message):
        return False
    if now >= message.ends_at + ANSWERS_KEPT:  # it would be gone there at once
        return False
    return all(DIRECT in peers.grants(db, peer_id=message.peer, ours=ours, now=now) for ours in (True, False))


def reply(uow: UnitOfWork, *, by: Viewer, to: int, text: str, language: str = "", shared: bool = False) -> int:
    """A resident answers under a message of the city: in the own neighbourhood, and to the city if they say so.

    Returns the answer's id. Raises what `posts.reply` and `share` do.
    """
    answer = posts.reply(uow, by=by, to=to, text=text, language=language)
    if shared:
        share(uow, by=by, post_id=answer)
    return answer


def edit(uow: UnitOfWork, *, by: Viewer, post_id: int, text: str, shared: bool) -> None:
    """A resident says an answer better, and says anew whether the city may read it.

    Raises what `posts.edit` and `share` do.
    """
    is_shared = bool(shared_now(uow.db, [post_id]))
    if is_shared and not shared:  # first: the city is not to get the new words
        unshare(uow, by=by, post_id=post_id)
    posts.edit(uow, by=by, post_id=post_id, text=text)
    if shared and not is_shared:
        share(uow, by=by, post_id=post_id)


def share(uow: UnitOfWork, *, by: Viewer, post_id: int) -> int:
    """An author lets the city read an answer under its message. Returns the id by which the city knows it.

    Raises Unauthenticated, NotFound, Forbidden (not one's own, or no answer to a city), Conflict when the city reads it
    already, Invalid when it cannot be told today, or reads as many of theirs as it may under one message.
    """
    post, message = _own(uow, by, post_id)
    if not may_share(uow.db, message, now=uow.now):
        raise Invalid("the city cannot be told today", code="city-away", field="city")
    now = (SharedAnswerTable.message == message.id, SharedAnswerTable.ended_at.is_null())
    mine = SharedAnswerTable.select().where(SharedAnswerTable.author == post.author, *now)
    if mine.count(uow.db) >= MOST_OF_ONE:
        raise Invalid("the city reads enough of one person under one message", code="city-enough", field="city")
    number = uow.new_id()
    row = {"id": number, "post": post_id, "message": message.id, "author": post.author, "shared_at": uow.now}
    added = SharedAnswerTable.insert(sent=Sent.SENDING.value, **row).on_conflict_ignore().as_rowcount().execute(uow.db)
    if not added:
        raise Conflict(code="shared")
    uow.record(AnswerShared(neighbourhood=post.neighbourhood, object=post_id, shared=number))
    return number


def unshare(uow: UnitOfWork, *, by: Viewer, post_id: int) -> None:
    """An author takes an answer back from the city; in the neighbourhood it stays.

    Raises Unauthenticated, NotFound, Forbidden, Conflict when the city does not read it.
    """
    _own(uow, by, post_id)
    if not ended(uow, post_id=post_id):
        raise Conflict(code="not-shared")


def _own(uow: UnitOfWork, by: Viewer, post_id: int) -> tuple[Post, CityMessage]:
    account, _ = posts.resident(by)
    post = posts.get(uow.db, post_id=post_id, viewer=by)
    message = store.by_posts(uow.db, [post.thread]).get(post.thread)
    if post.author != account or post.root is None or message is None:
        raise Forbidden
    return post, message


def ended(uow: UnitOfWork, *, post_id: int) -> bool:
    """The city is to have an answer no longer, for it is gone or its author says so. False: it does not have it."""
    known = shared_now(uow.db, [post_id]).get(post_id)
    if known is None:
        return False
    mine = (SharedAnswerTable.id == known.id, SharedAnswerTable.ended_at.is_null())
    change = {"ended_at": uow.now, "sent": Sent.SENDING.value}
    if not SharedAnswerTable.update(change).where(*mine).execute(uow.db):
        return False
    uow.record(AnswerUnshared(object=post_id, shared=known.id))
    return True


def withdrawn_there(uow: UnitOfWork, *, message: CityMessage, at: datetime) -> None:
    """The city took a message back, or is gone for good: nothing that was answered is for it any more either."""
    elsewhere.mirror_withdraw(uow, message=message, at=at)
    now = (SharedAnswerTable.message == message.id, SharedAnswerTable.ended_at.is_null())
    for row in list(SharedAnswerTable.select(SharedAnswerTable.post).where(*now).execute(uow.db)):
        ended(uow, post_id=row.post)


def forget(uow: UnitOfWork, *, author: int) -> None:
    """Whoever spoke for a city is gone for good, and so is what it said."""
    for message in elsewhere.said_by(uow.db, author):
        withdrawn_there(uow, message=message, at=uow.now)


def shared_now(db: peewee.Database, post_ids: Iterable[int]) -> dict[int, Shared]:
    """Those of these answers that the city may read now, by the answer."""
    wanted = list(post_ids)
    if not wanted:
        return {}
    rows = SharedAnswerTable.select().where(SharedAnswerTable.post.in_(wanted), SharedAnswerTable.ended_at.is_null())
    return {row.post: _shared(row) for row in rows.execute(db)}


def shared_row(db: peewee.Database, shared_id: int) -> Shared:
    """One answer as the city knows it, whatever its state. Raises NotFound."""
    for row in SharedAnswerTable.select().where(SharedAnswerTable.id == shared_id).execute(db):
        return _shared(row)
    raise NotFound


def shared_by(db: peewee.Database, account: int) -> list[int]:
    """All that somebody ever let the city read, by the ids that it knows."""
    rows = SharedAnswerTable.select(SharedAnswerTable.id).where(SharedAnswerTable.author == account)
    return [row.id for row in rows.order_by(SharedAnswerTable.id).execute(db)]


def told(uow: UnitOfWork, *, shared_id: int, state: Sent) -> None:
    """The worker knows more about how far the last word about an answer got."""
    SharedAnswerTable.update(sent=state.value).where(SharedAnswerTable.id == shared_id).execute(uow.db)


def changed(uow: UnitOfWork, *, shared_id: int) -> None:
    """An answer says something else, and the city is to be told."""
    told(uow, shared_id=shared_id, state=Sent.SENDING)


def _shared(row: SharedAnswerTable) -> Shared:
    return Shared(
        id=row.id,
        post=row.post,
        message=row.message,
        author=row.author,
        shared_at=row.shared_at,
        ended_at=row.ended_at,
        sent=Sent(row.sent),
    )


# -- at the city -------------------------------------------------------------------------------------------------------


def arrived(
    uow: UnitOfWork,
    *,
    uri: str,
    message: CityMessage,
    person: str,
    name: str,
    place: int,
    text: str,
    language: str,
    published_at: datetime,
) -> None:
    """Somebody lets us read what they answered. The same address again changes nothing.

    Raises NotFound for a message that was taken back, or whose answers are kept no longer; Forbidden for more of one
    person than anybody reads; Invalid.
    """
    if message.deleted_at is not None or uow.now >= message.ends_at + ANSWERS_KEPT:
        raise NotFound("the message that this answers is over", code="removed")
    theirs = CityAnswerTable.select().where(CityAnswerTable.person == person, CityAnswerTable.message == message.id)
    if theirs.count(uow.db) >= MOST_OF_ONE:
        raise Forbidden("this is more than anybody reads of one person", code="too-many")
    CityAnswerTable.insert(
        id=uow.new_id(),
        uri=uri,
        message=message.id,
        person=person,
        name=name,
        place=place,
        text=texts.words(text, field="text", most=MOST_CHARACTERS),
        language=language,
        published_at=min(published_at, uow.now),
    ).on_conflict_ignore().execute(uow.db)


def answer_by_uri(db: peewee.Database, uri: str) -> CityAnswer | None:
    """What somebody lets us read, by its address."""
    return next(iter(_find(db, CityAnswerTable.uri == uri)), None)


def said_better(uow: UnitOfWork, *, answer: CityAnswer, name: str, text: str, language: str, at: datetime) -> None:
    """Somebody says it better; an older word than ours changes nothing. Raises Invalid."""
    if answer.edited_at is not None and at < answer.edited_at:
        return
    text = texts.words(text, field="text", most=MOST_CHARACTERS)
    CityAnswerTable.update(name=name, text=text, language=language, edited_at=min(at, uow.now)).where(
        CityAnswerTable.id == answer.id
    ).execute(uow.db)


def taken_back(uow: UnitOfWork, *, answer: CityAnswer) -> None:
    """Somebody lets us read it no longer: nothing of it stays."""
    CityAnswerTable.delete().where(CityAnswerTable.id == answer.id).execute(uow.db)


def person_left(uow: UnitOfWork, *, person: str) -> list[str]:
    """Somebody is gone for good, and so is all that they let us read. Returns the addresses of it."""
    gone = [one.uri for one in _find(uow.db, CityAnswerTable.person == person)]
    CityAnswerTable.delete().where(CityAnswerTable.person == person).execute(uow.db)
    return gone


def answers(
    db: peewee.Database, *, viewer: Viewer, message: CityMessage, before: int | None = None, limit: int = 50
) -> list[CityAnswer]:
    """What people let the city read under a message of its, the newest first, for its clerks. Raises Forbidden.

    What was said under an agreement that is over is not read: it is as with what neighbours tell each other.
    """
    access.require(viewer, Permission.SPEAK, None)
    wanted = [CityAnswerTable.message == message.id, CityAnswerTable.place.in_(_agreed(db, message))]
    if before is not None:
        wanted.append(CityAnswerTable.id < before)
    return _find(db, *wanted, newest=limit)


def answered(db: peewee.Database, messages: Iterable[CityMessage]) -> set[int]:
    """Those of these messages under which there is an answer that the city may read."""
    return {
        one.id
        for one in messages
        if _find(db, CityAnswerTable.message == one.id, CityAnswerTable.place.in_(_agreed(db, one)), newest=1)
    }


def _agreed(db: peewee.Database, message: CityMessage) -> list[int]:
    """The neighbourhoods of a message whose server has us as its city still."""
    return [
        place
        for peer, hosted in peers.hosting(db, message.places).items()
        if _has_us_as_city(peers.get(db, peer))
        for place in hosted
    ]


def _has_us_as_city(peer: Peer) -> bool:
    return peer.trust is Trust.CITY and peer.state is PeerState.AGREED


def erase_answers(uow: UnitOfWork) -> list[CityAnswer]:
    """Erase what was let the city read, 90 days after its message ended, and at once when that was taken back.

    Returns what went.
    """
    over = CityMessageTable.select(CityMessageTable.id).where(
        CityMessageTable.uri.is_null(),
        CityMessageTable.deleted_at.is_null(is_null=False) | (CityMessageTable.ends_at <= uow.now - ANSWERS_KEPT),
    )
    gone = _find(uow.db, CityAnswerTable.message.in_(over))
    CityAnswerTable.delete().where(CityAnswerTable.id.in_([one.id for one in gone])).execute(uow.db)
    return gone


def has_answers_of(db: peewee.Database, person: str) -> bool:
    """Whether we may still read something of somebody's."""
    return bool(CityAnswerTable.select().where(CityAnswerTable.person == person).exists(db))


def _find(db: peewee.Database, *conditions: object, newest: int | None = None) -> list[CityAnswer]:
    order = CityAnswerTable.id if newest is None else CityAnswerTable.id.desc()
    rows = CityAnswerTable.select().where(*conditions).order_by(order).limit(newest).execute(db)
    return [
        CityAnswer(
            id=row.id,
            uri=row.uri,
            message=row.message,
            person=row.person,
            name=row.name,
            place=row.place,
            text=row.text,
            language=row.language,
            published_at=row.published_at,
            edited_at=row.edited_at,
        )
        for row in rows
    ]
