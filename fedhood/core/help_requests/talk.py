"""The private thread of an asker and the accepted helper: the note handed over, hour and door settled, and after it
"did you meet?". It closes to new messages some days after the end; later its words are erased, the state stays.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core import accounts, households, relations
from fedhood.core.help_requests import store
from fedhood.core.help_requests.model import (
    MeetingAnswered,
    Message,
    MessageArrived,
    MessageSaid,
    Met,
    PrivateThread,
    Sent,
)
from fedhood.core.help_requests.reading import is_reachable
from fedhood.core.help_requests.tables import (
    HelpRequestTable,
    MeetingTable,
    MessageTable,
    NoteTable,
    PrivateThreadTable,
)
from fedhood.kernel import state
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.kernel.database import UnitOfWork

MOST_MESSAGE = 2000
CLOSE_DAYS = 14
ERASE_DAYS = 90
_PROMISE = "thread-days"


def promise(uow: UnitOfWork, *, close_days: int, erase_days: int) -> None:
    """The host decides how many days after its end a thread closes, and its words are erased. Kept as a row: the
    pages say it, and every process must hold to it.
    """
    state.write(uow, name=_PROMISE, value=[close_days, erase_days])


def _promised(db: peewee.Database) -> tuple[timedelta, timedelta]:
    closes, erased = state.read(db, _PROMISE) or (CLOSE_DAYS, ERASE_DAYS)
    return timedelta(days=closes), timedelta(days=erased)


def hand_over(uow: UnitOfWork, thread: PrivateThread, note: str) -> None:
    """Give the note of a request to the helper who was chosen: the only way a note ever takes."""
    if note:
        _keep(uow, thread, thread.asker, part="note", text=note)


def say(uow: UnitOfWork, *, by: Viewer, thread_id: int, text: str) -> int:
    """One of the two says something. Returns the message's id.

    Raises NotFound, Invalid, Conflict (closed, or one of the two has left).
    """
    thread = party(uow.db, thread_id, by)
    text = texts.words(text, field="text", most=MOST_MESSAGE)
    if not may_say(uow.db, thread=thread, now=uow.now, by=by.account):
        raise Conflict(code="closed")
    return _keep(uow, thread, by.account or 0, part="", text=text)


def may_say(db: peewee.Database, *, thread: PrivateThread, now: datetime, by: int | None = None) -> bool:
    """Whether a new message may still be said in a thread, and with `by` whether it would reach the other one.

    A block looks like one that was left.
    """
    if thread.erased_at is not None or is_left(db, thread=thread):
        return False
    if by is not None and not is_reachable(db, thread.other(by), now):
        return False
    return thread.ended_at is None or now <= thread.ended_at + _promised(db)[0]


def _keep(uow: UnitOfWork, thread: PrivateThread, author: int, *, part: str, text: str) -> int:
    to = thread.other(author)
    elsewhere = accounts.get(uow.db, to).peer is not None
    message = Message(
        id=uow.new_id(),
        thread=thread.id,
        author=author,
        part=part,
        text=text,
        at=uow.now,
        uri=None,
        sent=Sent.SENDING if elsewhere else None,
        sent_at=None,
    )
    store.insert_message(uow.db, message)
    uow.record(MessageSaid(object=message.id, thread=thread.id, author=author, to=to, part=part))
    return message.id


def message_arrived(uow: UnitOfWork, *, uri: str, thread_id: int, author: int, part: str, text: str) -> int | None:
    """The other one said something on another server. Idempotent by its address.

    None: the thread takes no more words, or one of the two blocked the other; nobody is told. Raises NotFound.
    """
    known = next(iter(store.messages(uow.db, MessageTable.uri == uri)), None)
    if known is not None:
        return known.id
    thread = store.thread(uow.db, thread_id)
    if thread is None or author not in {thread.asker, thread.helper}:
        raise NotFound
    if part == "note" and author != thread.asker:
        raise NotFound
    if not may_say(uow.db, thread=thread, now=uow.now):
        return None
    message = Message(
        id=uow.new_id(),
        thread=thread.id,
        author=author,
        part=part,
        text=texts.words(text, field="text", most=MOST_MESSAGE),
        at=uow.now,
        uri=uri,
        sent=None,
        sent_at=None,
    )
    store.insert_message(uow.db, message)
    uow.record(MessageArrived(object=message.id, thread=thread.id, author=author, to=thread.other(author), part=part))
    return message.id


def mark_left(uow: UnitOfWork, thread: PrivateThread, account: int | None) -> None:
    """One of the two says and hears nothing more in it. Whoever left first is the one who did."""
    PrivateThreadTable.update(left_by=account).where(
        PrivateThreadTable.id == thread.id, PrivateThreadTable.left_by.is_null()
    ).execute(uow.db)


def is_left(db: peewee.Database, *, thread: PrivateThread) -> bool:
    """Whether one of the two has left; a block looks the same."""
    return thread.left_by is not None or relations.is_blocked(db, thread.asker, thread.helper)


def met(uow: UnitOfWork, *, by: Viewer, thread_id: int, answer: Met) -> None:
    """One of the two says whether they met; the last answer stands. Raises NotFound, Conflict (not over yet)."""
    thread = party(uow.db, thread_id, by)
    if thread.ended_at is None:
        raise Conflict(code="not-over")
    account = by.account or 0
    own = (MeetingTable.thread == thread.id, MeetingTable.account == account)
    MeetingTable.delete().where(*own).execute(uow.db)
    MeetingTable.insert(thread=thread.id, account=account, answer=answer.value, at=uow.now).execute(uow.db)
    uow.record(
        MeetingAnswered(
            neighbourhood=by.neighbourhood,
            household=households.household_of(uow.db, account),
            other_household=households.household_of(uow.db, thread.other(account)),
            object=thread.request,
            thread=thread.id,
            answer=answer.value,
        )
    )


def my_answer(db: peewee.Database, *, thread_id: int, viewer: Viewer) -> Met | None:
    """What this viewer answered to "did you meet?"."""
    rows = MeetingTable.select().where(MeetingTable.thread == thread_id, MeetingTable.account == viewer.account)
    for row in rows.execute(db):
        return Met(row.answer)
    return None


def erase_due(uow: UnitOfWork) -> int:
    """Erase the words of threads that ended long ago, and the notes of requests that did. How many threads."""
    old = store.threads(
        uow.db, PrivateThreadTable.ended_at <= uow.now - _promised(uow.db)[1], PrivateThreadTable.erased_at.is_null()
    )
    for thread in old:
        MessageTable.update(text="").where(MessageTable.thread == thread.id).execute(uow.db)
        NoteTable.delete().where(NoteTable.post == thread.request).execute(uow.db)
        PrivateThreadTable.update(erased_at=uow.now).where(PrivateThreadTable.id == thread.id).execute(uow.db)
    closed = HelpRequestTable.select(HelpRequestTable.post).where(
        HelpRequestTable.closed_at <= uow.now - _promised(uow.db)[1]
    )
    NoteTable.delete().where(NoteTable.post.in_(closed)).execute(uow.db)
    return len(old)


def forget_note(uow: UnitOfWork, *, post_id: int) -> None:
    """The post of a request is gone: nobody is to be given its note any more."""
    NoteTable.delete().where(NoteTable.post == post_id).execute(uow.db)


def party(db: peewee.Database, thread_id: int, viewer: Viewer) -> PrivateThread:
    """A private thread of this viewer's. Raises NotFound for anyone else's."""
    thread = store.thread(db, thread_id)
    if thread is None or viewer.account is None or viewer.account not in {thread.asker, thread.helper}:
        raise NotFound
    return thread


def thread_of(db: peewee.Database, *, request_id: int, viewer: Viewer) -> PrivateThread | None:
    """The newest private thread of this viewer about a request."""
    mine = store.threads(db, PrivateThreadTable.request == request_id)
    return next((one for one in mine if viewer.account in {one.asker, one.helper}), None)


def messages(db: peewee.Database, *, thread_id: int, viewer: Viewer) -> list[Message]:
    """What the two said, oldest first, to one of the two alone. Raises NotFound."""
    party(db, thread_id, viewer)
    return store.messages(db, MessageTable.thread == thread_id)
