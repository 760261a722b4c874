"""The life of a request at its home: asked, resolved, withdrawn, run out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.core import posts
from fedhood.core.help_requests import elsewhere, store
from fedhood.core.help_requests.model import (
    LONGEST,
    MOST_AREA,
    MOST_LINE,
    MOST_NOTE,
    HelpAsked,
    HelpCategory,
    HelpExpired,
    HelpOfferLapsed,
    HelpRequest,
    HelpResolved,
    HelpWithdrawn,
    Offer,
    OfferState,
    Outcome,
    PrivateThread,
    State,
    may_follow,
)
from fedhood.core.help_requests.offers import WHY, refuse
from fedhood.core.help_requests.reading import household_of, own
from fedhood.core.help_requests.tables import OfferTable
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork


MIRROR_GRACE = timedelta(hours=1)


def ask(
    uow: UnitOfWork,
    *,
    by: Viewer,
    line: str,
    note: str = "",
    category: HelpCategory,
    area: str = "",
    until: datetime,
    audience: posts.Audience = posts.Audience.NEIGHBOURHOOD,
    places: Iterable[int] = (),
    language: str = "",
) -> int:
    """A resident asks the neighbourhood for help. The line is read by the audience, the note by nobody yet.

    `until` is at most 14 days ahead. Returns the id of the post that tells it.
    Raises Unauthenticated, Invalid (line, note, area, until, who).
    """
    posts.resident(by)
    line = texts.words(line, field="line", most=MOST_LINE)
    note = texts.words(note, field="note", most=MOST_NOTE, least=0)
    area = texts.one_line(area, field="area", most=MOST_AREA, least=0)
    if not uow.now < until <= uow.now + LONGEST:
        raise Invalid("until must lie within the next 14 days", code="until", field="until")
    if audience in {posts.Audience.CITY, posts.Audience.PUBLIC}:
        raise Invalid("a request for help is for neighbours", code="places", field="who")
    post_id = posts.publish(
        uow,
        by=by,
        text=line,
        audience=audience,
        places=places,
        category=posts.Category.HELP,
        language=language,
        kind=posts.Kind.HELP,
    )
    request = HelpRequest(
        post=post_id,
        state=State.OPEN,
        revision=1,
        category=category,
        area=area,
        until=until,
        asked_at=uow.now,
        closed_at=None,
        outcome=None,
        offer=None,
    )
    store.insert(uow.db, request, uow.now)
    store.set_note(uow.db, post_id, note)
    uow.record(
        HelpAsked(
            neighbourhood=by.neighbourhood, household=household_of(uow, by.account), object=post_id, category=category
        )
    )
    return post_id


def edit_note(uow: UnitOfWork, *, by: Viewer, request_id: int, text: str) -> None:
    """The asker changes the note, as long as nobody was given it. Raises NotFound, Invalid, Conflict."""
    _, request = own(uow.db, request_id, by)
    text = texts.words(text, field="note", most=MOST_NOTE, least=0)
    if request.state is not State.OPEN:
        raise Conflict(code="not-open")
    store.set_note(uow.db, request_id, text)


def resolve(uow: UnitOfWork, *, by: Viewer, request_id: int, outcome: Outcome) -> None:
    """The asker says that it is over, and how it ended. Raises NotFound, Conflict."""
    post, request = own(uow.db, request_id, by)
    revision = _close(uow, request, State.RESOLVED, outcome=outcome)
    accepted = _accepted(uow, request)
    thread = _thread_of(uow.db, accepted)
    uow.record(
        HelpResolved(
            neighbourhood=post.neighbourhood,
            household=household_of(uow, post.author),
            other_household=household_of(uow, accepted.helper) if accepted else None,
            object=post.id,
            outcome=outcome.value,
            revision=revision,
            asker=post.author,
            thread=thread.id if thread else None,
            helper=accepted.helper if accepted else None,
        )
    )
    _refuse_waiting(uow, post, State.RESOLVED)


def _accepted(uow: UnitOfWork, request: HelpRequest) -> Offer | None:
    return store.offer(uow.db, request.offer) if request.offer is not None else None


def _thread_of(db: peewee.Database, accepted: Offer | None) -> PrivateThread | None:
    if accepted is None:
        return None
    return next((one for one in store.threads_of_offer(db, accepted.id)), None)


def withdraw(uow: UnitOfWork, *, by: Viewer, request_id: int) -> None:
    """The asker takes the request back; whoever offered is told. Raises NotFound, Conflict."""
    post, request = own(uow.db, request_id, by)
    removed(uow, post=post, request=request)


def removed(uow: UnitOfWork, *, post: Post, request: HelpRequest) -> None:
    """End a request that is wanted no longer, or whose post goes."""
    revision = _close(uow, request, State.WITHDRAWN)
    accepted = _accepted(uow, request)
    uow.record(
        HelpWithdrawn(
            neighbourhood=post.neighbourhood,
            household=household_of(uow, post.author),
            object=post.id,
            revision=revision,
            asker=post.author,
            helper=accepted.helper if accepted else None,
        )
    )
    _refuse_waiting(uow, post, State.WITHDRAWN)


def _close(uow: UnitOfWork, request: HelpRequest, to: State, *, outcome: Outcome | None = None) -> int:
    if not may_follow(request.state, to):
        raise Conflict(code="closed")
    revision = store.change(uow.db, request, to=to, at=uow.now, offer=request.offer, outcome=outcome)
    if revision is None:
        raise Conflict(code="closed")
    if request.offer is not None:
        store.end_thread(uow.db, request.offer, uow.now)
    return revision


def _refuse_waiting(uow: UnitOfWork, post: Post, state: State) -> None:
    """Say no to whoever still waits. After the change was said: next door it is what tells them why."""
    refuse(uow, post, store.waiting(uow.db, post.id), WHY[state])


def expire_due(uow: UnitOfWork) -> int:
    """End what has run out: requests whose time passed, offers that waited 72 hours. How many.

    A request of another server gets an hour longer: its home says so itself, as long as it is there.
    """
    ended = 0
    for request in store.overdue(uow.db, uow.now):
        post = posts.row(uow.db, post_id=request.post)
        if post.deleted_at is not None:
            continue
        if post.uri is not None:
            if request.until + MIRROR_GRACE <= uow.now:
                elsewhere.run_out(uow, post=post, request=request)
                ended += 1
            continue
        revision = _close(uow, request, State.EXPIRED)
        accepted = _accepted(uow, request)
        uow.record(
            HelpExpired(
                neighbourhood=post.neighbourhood,
                household=household_of(uow, post.author),
                object=post.id,
                revision=revision,
                asker=post.author,
                helper=accepted.helper if accepted else None,
            )
        )
        _refuse_waiting(uow, post, State.EXPIRED)
        ended += 1
    for late in store.offers(uow.db, OfferTable.state == OfferState.WAITING, OfferTable.expires_at <= uow.now):
        if store.answer(uow.db, late, OfferState.LAPSED, at=uow.now):
            uow.record(HelpOfferLapsed(object=late.request, offer=late.id, helper=late.helper))
            ended += 1
    return ended
