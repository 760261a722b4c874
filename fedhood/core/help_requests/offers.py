"""Offers: made, taken back, accepted, refused; the helper who drops out or is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import posts, relations
from fedhood.core.help_requests import store
from fedhood.core.help_requests.model import (
    LIVE,
    MOST_OFFER,
    OFFER_WAITS,
    HelpClaimed,
    HelpOffered,
    HelpOfferRefused,
    HelpOfferSent,
    HelpOfferTakenBack,
    HelpReleased,
    Offer,
    OfferState,
    PrivateThread,
    Sent,
    State,
)
from fedhood.core.help_requests.reading import household_of, is_reachable, own, seen
from fedhood.core.help_requests.tables import OfferTable
from fedhood.core.help_requests.talk import hand_over, mark_left, party
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork


RELEASED = "released"
WHY = {
    State.CLAIMED: "someone-else",
    State.RESOLVED: "resolved",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
    State.OPEN: "declined",
}


def offer(uow: UnitOfWork, *, by: Viewer, request_id: int, text: str = "") -> int:
    """A resident says "I can help". To a request of another server it is sent, and the answer awaited.

    Returns the offer's id. Raises Unauthenticated, NotFound, Forbidden (one's own request), Invalid, Conflict (no
    longer open, offered already, the asker's server is one that we have not agreed with).
    """
    helper, neighbourhood = posts.resident(by)
    post, request = seen(uow.db, request_id, by)
    text = texts.words(text, field="text", most=MOST_OFFER, least=0)
    if post.author == helper:
        raise Forbidden(code="own-request")
    if not post.is_told_to(neighbourhood):
        raise NotFound
    if request.state is not State.OPEN:
        raise Conflict(code="not-open")
    if any(waiting.helper == helper for waiting in store.waiting(uow.db, request_id)):
        raise Conflict(code="offered-already")
    if not is_reachable(uow.db, post.author, uow.now):
        raise Conflict("their neighbourhood is not next door", code="parted")
    elsewhere = post.uri is not None
    new = _new_offer(uow, request_id, helper, neighbourhood, text, sent=Sent.SENDING if elsewhere else None)
    household = household_of(uow, helper)
    if elsewhere:
        uow.record(HelpOfferSent(neighbourhood=neighbourhood, household=household, object=request_id, offer=new.id))
    else:
        _tell_offered(uow, post, new, household)
    return new.id


def _new_offer(
    uow: UnitOfWork,
    request_id: int,
    helper: int,
    neighbourhood: int,
    text: str,
    *,
    sent: Sent | None = None,
    uri: str | None = None,
) -> Offer:
    new = Offer(
        id=uow.new_id(),
        request=request_id,
        helper=helper,
        neighbourhood=neighbourhood,
        text=text,
        state=OfferState.WAITING,
        reason=None,
        offered_at=uow.now,
        answered_at=None,
        expires_at=uow.now + OFFER_WAITS,
        uri=uri,
        sent=sent,
        sent_at=None,
    )
    store.insert_offer(uow.db, new)
    return new


def _tell_offered(uow: UnitOfWork, post: Post, new: Offer, household: int | None) -> None:
    uow.record(
        HelpOffered(
            neighbourhood=post.neighbourhood,
            household=household_of(uow, post.author),
            other_household=household,
            object=post.id,
            offer=new.id,
            asker=post.author,
            helper=new.helper,
        )
    )


def offer_arrived(
    uow: UnitOfWork, *, uri: str, request_id: int, helper: int, neighbourhood: int, text: str
) -> int | None:
    """A neighbour next door offers help to a request of ours. Idempotent by its address.

    To a request that is open no more the answer is no, at once. None: one of the two blocked the other, and nobody is
    told. Raises NotFound, Invalid, Conflict while another offer of the same helper waits.
    """
    known = next(iter(store.offers(uow.db, OfferTable.uri == uri)), None)
    if known is not None:
        return known.id
    post = posts.row(uow.db, post_id=request_id)
    request = store.request(uow.db, request_id)
    if request is None or post.uri is not None or post.deleted_at is not None or neighbourhood not in post.places:
        raise NotFound
    if relations.is_blocked(uow.db, post.author, helper):
        return None
    if any(waiting.helper == helper for waiting in store.waiting(uow.db, request_id)):
        raise Conflict("one offer of theirs waits already", code="offered-already")
    text = texts.words(text, field="text", most=MOST_OFFER, least=0)
    new = _new_offer(uow, request_id, helper, neighbourhood, text, uri=uri)
    if request.state is State.OPEN:
        _tell_offered(uow, post, new, None)
    else:
        refuse(uow, post, [new], WHY[request.state])
    return new.id


def take_back(uow: UnitOfWork, *, by: Viewer, offer_id: int) -> None:
    """A helper takes an offer back, or drops out after it was accepted and before it is over.

    Raises NotFound, Conflict.
    """
    offered = store.offer(uow.db, offer_id)
    if offered is None or by.account is None or offered.helper != by.account:
        raise NotFound
    post = posts.row(uow.db, post_id=offered.request)
    if offered.state is OfferState.ACCEPTED and post.uri is None:
        drop_out(uow, offered, by_helper=True)
        return
    if offered.state not in {OfferState.WAITING, OfferState.ACCEPTED}:
        raise Conflict(code="answered")
    request = store.request(uow.db, offered.request)
    if offered.state is OfferState.ACCEPTED and (request is None or request.state not in LIVE):
        raise Conflict(code="not-claimed")
    undo(uow, post, offered)


def undo(uow: UnitOfWork, post: Post, offered: Offer) -> None:
    """Take an offer back that nobody here has accepted."""
    if not store.answer(uow.db, offered, OfferState.WITHDRAWN, at=uow.now):
        raise Conflict(code="answered")
    store.end_thread(uow.db, offered.id, uow.now, left_by=offered.helper)
    uow.record(
        HelpOfferTakenBack(
            object=post.id,
            offer=offered.id,
            asker=post.author,
            helper=offered.helper,
            sent=post.uri is not None,
        )
    )


def accept(uow: UnitOfWork, *, by: Viewer, offer_id: int) -> int:
    """The asker chooses a helper: the private thread of the two opens with the note, the others are told.

    Returns the thread's id. Raises NotFound, Conflict (somebody else was chosen, the offer is gone).
    """
    offered = store.offer(uow.db, offer_id)
    if offered is None:
        raise NotFound
    post, request = own(uow.db, offered.request, by)
    if relations.is_blocked(uow.db, post.author, offered.helper):
        raise NotFound
    if not is_reachable(uow.db, offered.helper, uow.now):
        raise Conflict("their neighbourhood is next door no longer", code="parted")
    if request.state is not State.OPEN or offered.state is not OfferState.WAITING:
        raise Conflict(code="not-open")
    revision = store.change(uow.db, request, to=State.CLAIMED, at=uow.now, offer=offered.id)
    if revision is None or not store.answer(uow.db, offered, OfferState.ACCEPTED, at=uow.now):
        raise Conflict(code="not-open")
    thread = PrivateThread(
        id=uow.new_id(),
        offer=offered.id,
        request=post.id,
        asker=post.author,
        helper=offered.helper,
        uri=None,
        opened_at=uow.now,
        ended_at=None,
        left_by=None,
        erased_at=None,
    )
    store.open_thread(uow.db, thread)
    uow.record(
        HelpClaimed(
            neighbourhood=post.neighbourhood,
            household=household_of(uow, post.author),
            other_household=household_of(uow, offered.helper),
            object=post.id,
            offer=offered.id,
            thread=thread.id,
            revision=revision,
            asker=post.author,
            helper=offered.helper,
        )
    )
    hand_over(uow, thread, store.note(uow.db, post.id))
    refuse(uow, post, store.waiting(uow.db, post.id), "someone-else")
    return thread.id


def decline(uow: UnitOfWork, *, by: Viewer, offer_id: int) -> None:
    """The asker says no to one offer. Raises NotFound, Conflict."""
    offered = store.offer(uow.db, offer_id)
    if offered is None:
        raise NotFound
    post, _ = own(uow.db, offered.request, by)
    if offered.state is not OfferState.WAITING or not refuse(uow, post, [offered], "declined"):
        raise Conflict(code="answered")


def refuse(uow: UnitOfWork, post: Post, offered: list[Offer], reason: str) -> bool:
    """Say no to offers that wait, each helper is told. Whether any was still waiting."""
    refused = [one for one in offered if store.answer(uow.db, one, OfferState.REFUSED, at=uow.now, reason=reason)]
    for one in refused:
        uow.record(
            HelpOfferRefused(
                neighbourhood=post.neighbourhood,
                object=post.id,
                offer=one.id,
                asker=post.author,
                helper=one.helper,
                reason=reason,
            )
        )
    return bool(refused)


def release(uow: UnitOfWork, *, by: Viewer, request_id: int) -> None:
    """The asker lets the chosen helper go: the request is open again. Raises NotFound, Conflict."""
    _, request = own(uow.db, request_id, by)
    accepted = store.offer(uow.db, request.offer) if request.offer is not None else None
    if request.state is not State.CLAIMED or accepted is None:
        raise Conflict(code="not-claimed")
    drop_out(uow, accepted, by_helper=False)


def leave(uow: UnitOfWork, *, by: Viewer, thread_id: int) -> None:
    """One of the two wants to hear no more of it: what they had arranged ends with it, and the other one is told.

    Raises NotFound.
    """
    thread = party(uow.db, thread_id, by)
    arranged = store.offer(uow.db, thread.offer)
    if thread.ended_at is None and arranged is not None and arranged.state is OfferState.ACCEPTED:
        if by.account == thread.helper:
            take_back(uow, by=by, offer_id=arranged.id)
        else:
            drop_out(uow, arranged, by_helper=False)
    mark_left(uow, thread, by.account)


def block(uow: UnitOfWork, *, by: Viewer, other: int) -> None:
    """Somebody will not meet somebody: what the two had arranged ends first, and that alone is told.

    Raises Unauthenticated, Invalid, NotFound.
    """
    if by.account is None:
        raise Unauthenticated
    for thread in store.threads_between(uow.db, by.account, other):
        if thread.ended_at is None and thread.erased_at is None:
            leave(uow, by=by, thread_id=thread.id)
    relations.block(uow, by=by, other=other)


def drop_out(uow: UnitOfWork, accepted: Offer, *, by_helper: bool) -> None:
    """The agreement of asker and helper ends before the help came, and their conversation with it.

    Raises Conflict when it had ended already.
    """
    post = posts.row(uow.db, post_id=accepted.request)
    request = store.request(uow.db, accepted.request)
    if request is None or request.state is not State.CLAIMED or request.offer != accepted.id:
        raise Conflict(code="not-claimed")
    revision = store.change(uow.db, request, to=State.OPEN, at=uow.now)
    to = OfferState.WITHDRAWN if by_helper else OfferState.REFUSED
    if revision is None or not store.answer(uow.db, accepted, to, at=uow.now, reason=RELEASED):
        raise Conflict(code="not-claimed")
    store.end_thread(uow.db, accepted.id, uow.now, left_by=accepted.helper if by_helper else post.author)
    uow.record(
        HelpReleased(
            neighbourhood=post.neighbourhood,
            household=household_of(uow, post.author),
            object=post.id,
            offer=accepted.id,
            revision=revision,
            asker=post.author,
            helper=accepted.helper,
            by_helper=by_helper,
        )
    )
