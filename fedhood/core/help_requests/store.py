"""The queries on help requests. States change only by an UPDATE that names the state before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core.help_requests.model import (
    LIVE,
    HelpCategory,
    HelpRequest,
    Message,
    Offer,
    OfferState,
    Outcome,
    PrivateThread,
    Sent,
    State,
)
from fedhood.core.help_requests.tables import (
    HelpRequestTable,
    MessageTable,
    NoteTable,
    OfferTable,
    PrivateThreadTable,
    RevisionTable,
)
from fedhood.core.posts import Kind, PostTable
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, among

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

REQUEST_COLUMNS = (
    HelpRequestTable.post,
    HelpRequestTable.state,
    HelpRequestTable.revision,
    HelpRequestTable.category,
    HelpRequestTable.area,
    HelpRequestTable.until,
    HelpRequestTable.asked_at,
    HelpRequestTable.closed_at,
    HelpRequestTable.outcome,
    HelpRequestTable.offer,
)
_MANY = Compiled(lambda: HelpRequestTable.select(*REQUEST_COLUMNS).where(among(HelpRequestTable.post, "posts")))


def many(db: peewee.Database, posts: Iterable[int]) -> dict[int, HelpRequest]:
    """The requests that these posts tell."""
    return {row[0]: _request(row) for row in _MANY.rows(db, posts=list(posts))}


def live_query() -> Any:
    """A subquery of the posts of requests for which somebody still waits: few, by the index on the state."""
    return HelpRequestTable.select(HelpRequestTable.post).where(HelpRequestTable.state.in_([one.value for one in LIVE]))


def request(db: peewee.Database, post_id: int) -> HelpRequest | None:
    """The request that a post tells."""
    return many(db, [post_id]).get(post_id)


def requests_by(db: peewee.Database, account: int) -> list[HelpRequest]:
    """The requests that somebody ever made, the oldest first, whatever their state."""
    told = PostTable.select(PostTable.id).where(PostTable.author == account, PostTable.kind == Kind.HELP.value)
    return sorted(many(db, [row.id for row in told.execute(db)]).values(), key=lambda one: one.post)


def _request(row: tuple[Any, ...]) -> HelpRequest:
    return HelpRequest(
        post=row[0],
        state=State(row[1]),
        revision=row[2],
        category=HelpCategory(row[3]),
        area=row[4],
        until=from_milliseconds(row[5]),
        asked_at=from_milliseconds(row[6]),
        closed_at=None if row[7] is None else from_milliseconds(row[7]),
        outcome=None if row[8] is None else Outcome(row[8]),
        offer=row[9],
    )


def insert(db: peewee.Database, request: HelpRequest, at: datetime) -> None:
    """Keep a new request."""
    HelpRequestTable.insert(
        post=request.post,
        state=request.state.value,
        revision=request.revision,
        category=request.category.value,
        area=request.area,
        until=request.until,
        asked_at=request.asked_at,
    ).execute(db)
    _note_revision(db, request.post, request.revision, request.state, at)


def _note_revision(db: peewee.Database, post: int, revision: int, state: State, at: datetime) -> None:
    RevisionTable.insert(post=post, revision=revision, state=state.value, at=at).execute(db)


def change(
    db: peewee.Database,
    request: HelpRequest,
    *,
    to: State,
    at: datetime,
    offer: int | None = None,
    outcome: Outcome | None = None,
    revision: int | None = None,
    said: State | None = None,
    **also: Any,
) -> int | None:
    """Move a request from the state it was read in to another. The new revision, or None: somebody was faster.

    `said`: what its home says at that revision, where it is another.
    """
    following = revision or request.revision + 1
    closed = to not in {State.OPEN, State.CLAIMED}
    changed = (
        HelpRequestTable.update(
            state=to.value,
            revision=following,
            offer=offer,
            outcome=outcome.value if outcome else None,
            closed_at=at if closed else None,
            **also,
        )
        .where(
            HelpRequestTable.post == request.post,
            HelpRequestTable.state == request.state.value,
            HelpRequestTable.revision == request.revision,
        )
        .execute(db)
    )
    if not changed:
        return None
    _note_revision(db, request.post, following, said or to, at)
    return following


def run_out(db: peewee.Database, request: HelpRequest, at: datetime) -> None:
    """The time of a request of another server is over. What its home said last stays known."""
    HelpRequestTable.update(state=State.EXPIRED.value, closed_at=at).where(
        HelpRequestTable.post == request.post, HelpRequestTable.state == request.state.value
    ).execute(db)


def set_outcome(db: peewee.Database, post_id: int, outcome: Outcome) -> None:
    """How a request ended."""
    HelpRequestTable.update(outcome=outcome.value).where(HelpRequestTable.post == post_id).execute(db)


def state_at(db: peewee.Database, post_id: int, revision: int) -> tuple[State, datetime] | None:
    """The state that a request had at a revision, and since when."""
    for row in (
        RevisionTable.select().where(RevisionTable.post == post_id, RevisionTable.revision == revision).execute(db)
    ):
        return State(row.state), row.at
    return None


def overdue(db: peewee.Database, now: datetime) -> list[HelpRequest]:
    """Live requests whose time has passed."""
    rows = (
        HelpRequestTable.select(HelpRequestTable.post)
        .where(HelpRequestTable.state.in_([State.OPEN.value, State.CLAIMED.value]), HelpRequestTable.until <= now)
        .execute(db)
    )
    return list(many(db, [row.post for row in rows]).values())


# -- the note ---------------------------------------------------------------------------------------------------------


def note(db: peewee.Database, post_id: int) -> str:
    """The private note of a request; empty when there is none."""
    for row in NoteTable.select().where(NoteTable.post == post_id).execute(db):
        return str(row.text)
    return ""


def set_note(db: peewee.Database, post_id: int, text: str) -> None:
    """Write, change or remove the private note."""
    NoteTable.delete().where(NoteTable.post == post_id).execute(db)
    if text:
        NoteTable.insert(post=post_id, text=text).execute(db)


# -- offers -----------------------------------------------------------------------------------------------------------


def _offer(row: OfferTable) -> Offer:
    return Offer(
        id=row.id,
        request=row.request,
        helper=row.helper,
        neighbourhood=row.neighbourhood,
        text=row.text,
        state=OfferState(row.state),
        reason=row.reason,
        offered_at=row.offered_at,
        answered_at=row.answered_at,
        expires_at=row.expires_at,
        uri=row.uri,
        sent=None if row.sent is None else Sent(row.sent),
        sent_at=row.sent_at,
    )


def offers(db: peewee.Database, *conditions: Any) -> list[Offer]:
    """The offers that meet these conditions, oldest first."""
    return [_offer(row) for row in OfferTable.select().where(*conditions).order_by(OfferTable.id).execute(db)]


def offer(db: peewee.Database, offer_id: int) -> Offer | None:
    """One offer."""
    return next(iter(offers(db, OfferTable.id == offer_id)), None)


def waiting(db: peewee.Database, post_id: int) -> list[Offer]:
    """The offers of a request that wait for an answer."""
    return offers(db, OfferTable.request == post_id, OfferTable.state == OfferState.WAITING.value)


def insert_offer(db: peewee.Database, new: Offer) -> None:
    """Keep a new offer."""
    OfferTable.insert(
        id=new.id,
        request=new.request,
        helper=new.helper,
        neighbourhood=new.neighbourhood,
        text=new.text,
        state=new.state.value,
        reason=new.reason,
        offered_at=new.offered_at,
        expires_at=new.expires_at,
        uri=new.uri,
        sent=new.sent.value if new.sent else None,
        sent_at=new.sent_at,
    ).execute(db)


def answer(db: peewee.Database, offered: Offer, to: OfferState, *, at: datetime, reason: str | None = None) -> bool:
    """Move an offer from the state it was read in to another. False: somebody was faster."""
    return bool(
        OfferTable.update(state=to.value, reason=reason, answered_at=at)
        .where(OfferTable.id == offered.id, OfferTable.state == offered.state.value)
        .execute(db)
    )


# -- private threads --------------------------------------------------------------------------------------------------


def _thread(row: PrivateThreadTable) -> PrivateThread:
    return PrivateThread(
        id=row.id,
        offer=row.offer,
        request=row.request,
        asker=row.asker,
        helper=row.helper,
        uri=row.uri,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
        left_by=row.left_by,
        erased_at=row.erased_at,
    )


def threads(db: peewee.Database, *conditions: Any) -> list[PrivateThread]:
    """The private threads that meet these conditions, newest first."""
    query = PrivateThreadTable.select().where(*conditions).order_by(PrivateThreadTable.id.desc())
    return [_thread(row) for row in query.execute(db)]


def thread(db: peewee.Database, thread_id: int) -> PrivateThread | None:
    """One private thread."""
    return next(iter(threads(db, PrivateThreadTable.id == thread_id)), None)


def threads_of_offer(db: peewee.Database, offer_id: int) -> list[PrivateThread]:
    """The private thread that an accepted offer opened."""
    return threads(db, PrivateThreadTable.offer == offer_id)


def threads_between(db: peewee.Database, one: int, two: int) -> list[PrivateThread]:
    """The private threads of two people, whoever of them asked."""
    either = ((PrivateThreadTable.asker == one) & (PrivateThreadTable.helper == two)) | (
        (PrivateThreadTable.asker == two) & (PrivateThreadTable.helper == one)
    )
    return threads(db, either)


def open_thread(db: peewee.Database, new: PrivateThread) -> None:
    """Open a private thread."""
    PrivateThreadTable.insert(
        id=new.id,
        offer=new.offer,
        request=new.request,
        asker=new.asker,
        helper=new.helper,
        uri=new.uri,
        opened_at=new.opened_at,
        ended_at=new.ended_at,
        left_by=new.left_by,
    ).execute(db)


def end_thread(db: peewee.Database, offer_id: int, at: datetime, *, left_by: int | None = None) -> None:
    """The agreement of an offer has ended; `left_by`: one of the two called it off, and nothing more is said."""
    PrivateThreadTable.update(ended_at=at, left_by=left_by).where(
        PrivateThreadTable.offer == offer_id, PrivateThreadTable.ended_at.is_null()
    ).execute(db)


def _message(row: MessageTable) -> Message:
    return Message(
        id=row.id,
        thread=row.thread,
        author=row.author,
        part=row.part,
        text=row.text,
        at=row.at,
        uri=row.uri,
        sent=None if row.sent is None else Sent(row.sent),
        sent_at=row.sent_at,
    )


def messages(db: peewee.Database, *conditions: Any) -> list[Message]:
    """The private messages that meet these conditions, oldest first."""
    query = MessageTable.select().where(*conditions).order_by(MessageTable.id)
    return [_message(row) for row in query.execute(db)]


def insert_message(db: peewee.Database, new: Message) -> None:
    """Keep a private message."""
    MessageTable.insert(
        id=new.id,
        thread=new.thread,
        author=new.author,
        part=new.part,
        text=new.text,
        at=new.at,
        uri=new.uri,
        sent=new.sent.value if new.sent else None,
        sent_at=new.sent_at,
    ).execute(db)
