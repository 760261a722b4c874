"""What arrives about requests of other servers, and about our residents' offers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import posts
from fedhood.core.help_requests import offers, store
from fedhood.core.help_requests.model import (
    LIVE,
    HelpCategory,
    HelpConfirmed,
    HelpMirrorChanged,
    HelpMirrored,
    HelpOfferLapsed,
    HelpRequest,
    Message,
    Offer,
    OfferAccepted,
    OfferRefused,
    OfferState,
    Outcome,
    PrivateThread,
    Sent,
    State,
    may_follow,
)
from fedhood.core.help_requests.tables import (
    MessageTable,
    OfferTable,
    PrivateThreadTable,
)
from fedhood.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork


def mirror(
    uow: UnitOfWork,
    *,
    uri: str,
    author: int,
    neighbourhood: int,
    places: Iterable[int],
    text: str,
    language: str,
    category: HelpCategory,
    area: str,
    until: datetime,
    state: State,
    revision: int,
    published_at: datetime,
) -> int:
    """Keep a request of another neighbourhood. The same address again changes nothing. Returns our id for its post."""
    known = posts.by_uri(uow.db, uri)
    if known is not None:
        return known.id
    post_id = posts.mirror(
        uow,
        uri=uri,
        kind=posts.Kind.HELP,
        audience=posts.Audience.NEIGHBOURS,
        neighbourhood=neighbourhood,
        author=author,
        places=places,
        text=text,
        language=language,
        category=posts.Category.HELP,
        published_at=published_at,
    )
    request = HelpRequest(
        post=post_id,
        state=state,
        revision=revision,
        category=category,
        area=area,
        until=until,
        asked_at=min(published_at, uow.now),
        closed_at=None,
        outcome=None,
        offer=None,
    )
    store.insert(uow.db, request, uow.now)
    uow.record(HelpMirrored(object=post_id))
    return post_id


def mirror_state(
    uow: UnitOfWork,
    *,
    post_id: int,
    state: State,
    revision: int,
    area: str,
    until: datetime,
) -> None:
    """Follow the home of a request. An older revision, or the same again, changes nothing.

    What ran out here without its home's word (`run_out`) ends as its home says after all; it does not begin anew.
    Raises NotFound, Conflict for a change that the life of a request does not know.
    """
    post = posts.row(uow.db, post_id=post_id)
    request = store.request(uow.db, post_id)
    if request is None or post.uri is None:
        raise NotFound
    said, _ = store.state_at(uow.db, post_id, request.revision) or (request.state, None)
    if revision <= request.revision or said not in LIVE:
        return
    if state is not said and not may_follow(said, state):
        raise Conflict(code="transition")
    to = state if request.state in LIVE or state not in LIVE else request.state
    store.change(
        uow.db,
        request,
        to=to,
        said=state,
        at=uow.now,
        revision=revision,
        outcome=request.outcome,  # how it ended may have been heard before
        area=area,
        until=until,
    )
    if to is not request.state or to in LIVE:
        _state_follows(uow, post, to)


def run_out(uow: UnitOfWork, *, post: Post, request: HelpRequest) -> None:
    """The time of a request has passed and its home has not said so: it may be gone, or speak to us no more.

    Offers of ours lapse; a late yes still opens the thread. The revision stays that of the last word from there.
    """
    store.run_out(uow.db, request, uow.now)
    for waiting in store.waiting(uow.db, post.id):
        if store.answer(uow.db, waiting, OfferState.LAPSED, at=uow.now):
            uow.record(HelpOfferLapsed(object=post.id, offer=waiting.id, helper=waiting.helper))
    _state_follows(uow, post, State.EXPIRED)


def _state_follows(uow: UnitOfWork, post: Post, state: State) -> None:
    mine = store.offers(uow.db, OfferTable.request == post.id, OfferTable.state == OfferState.ACCEPTED)
    if state not in LIVE:
        for accepted in mine:
            store.end_thread(uow.db, accepted.id, uow.now)
    helper = mine[0].helper if mine else None
    uow.record(HelpMirrorChanged(object=post.id, state=state.value, asker=post.author, helper=helper))


def mirror_removed(uow: UnitOfWork, *, post_id: int, deleted_at: datetime) -> None:
    """The home of a request removed it: whatever waited for it here ends. Again is the same. Raises NotFound."""
    request = request_row(uow.db, post_id)
    if request.state in LIVE:
        mirror_state(
            uow,
            post_id=post_id,
            state=State.WITHDRAWN,
            revision=request.revision + 1,
            area="",
            until=request.until,
        )
        for waiting in store.waiting(uow.db, post_id):
            offer_refused(uow, offer_id=waiting.id)
    posts.mirror_delete(uow, post_id=post_id, deleted_at=deleted_at)


def offer_undone(uow: UnitOfWork, *, offer_id: int) -> None:
    """A neighbour next door takes an offer back, or drops out. Once answered otherwise, or over, it changes nothing."""
    offered = _offer(uow.db, offer_id)
    post = posts.row(uow.db, post_id=offered.request)
    if offered.state is OfferState.ACCEPTED:
        if request_row(uow.db, post.id).state is State.CLAIMED:
            offers.drop_out(uow, offered, by_helper=True)
    elif offered.state is OfferState.WAITING:
        offers.undo(uow, post, offered)


def offer_accepted(uow: UnitOfWork, *, offer_id: int, agreement_uri: str) -> None:
    """The other server says that our resident's offer is accepted: the private thread opens here too.

    Of a request that is over by what we know it opens as one that has ended: it closes, and is erased, like any other.
    Of an offer that was taken back meanwhile, or refused since, it opens as one that was left: there as here nothing
    more is said in it.
    """
    offered = _offer(uow.db, offer_id)
    post = posts.row(uow.db, post_id=offered.request)
    if offered.state in {OfferState.WAITING, OfferState.LAPSED}:
        if not store.answer(uow.db, offered, OfferState.ACCEPTED, at=uow.now):
            raise Conflict
        is_over = request_row(uow.db, post.id).state not in LIVE
        _open_thread(uow, offered, post, agreement_uri, ended_at=uow.now if is_over else None)
        uow.record(OfferAccepted(object=post.id, offer=offered.id, asker=post.author, helper=offered.helper))
    elif not store.threads_of_offer(uow.db, offered.id):
        left_by = offered.helper if offered.state is OfferState.WITHDRAWN else post.author
        _open_thread(uow, offered, post, agreement_uri, ended_at=uow.now, left_by=left_by)


def _open_thread(
    uow: UnitOfWork, offered: Offer, post: Post, uri: str, *, ended_at: datetime | None, left_by: int | None = None
) -> None:
    store.open_thread(
        uow.db,
        PrivateThread(
            id=uow.new_id(),
            offer=offered.id,
            request=post.id,
            asker=post.author,
            helper=offered.helper,
            uri=uri,
            opened_at=uow.now,
            ended_at=ended_at,
            left_by=left_by,
            erased_at=None,
        ),
    )


def offer_refused(uow: UnitOfWork, *, offer_id: int) -> None:
    """The other server says no to our resident's offer, or lets a helper of ours go.

    Its word carries no reason; what we know of the request tells it: the change of state comes before the refusals.
    """
    offered = _offer(uow.db, offer_id)
    if offered.state not in {OfferState.WAITING, OfferState.ACCEPTED, OfferState.LAPSED}:
        return
    post = posts.row(uow.db, post_id=offered.request)
    let_go = offered.state is OfferState.ACCEPTED
    reason = offers.RELEASED if let_go else offers.WHY[request_row(uow.db, post.id).state]
    if not store.answer(uow.db, offered, OfferState.REFUSED, at=uow.now, reason=reason):
        raise Conflict
    store.end_thread(uow.db, offered.id, uow.now, left_by=post.author if let_go else None)
    uow.record(OfferRefused(object=post.id, offer=offered.id, asker=post.author, helper=offered.helper, reason=reason))


def confirmed(uow: UnitOfWork, *, thread_id: int) -> None:
    """The asker next door says that help came: it ended as they say, which their change of state leaves open.

    Either may be heard first.
    """
    thread = thread_row(uow.db, thread_id)
    store.set_outcome(uow.db, thread.request, Outcome.WITH_NEIGHBOUR)
    store.end_thread(uow.db, thread.offer, uow.now)
    uow.record(HelpConfirmed(object=thread.request, thread=thread.id, asker=thread.asker, helper=thread.helper))


def sent(uow: UnitOfWork, *, kind: str, id: int, state: Sent) -> None:
    """Note how far an offer or a message got. Trouble keeps the moment at which it began."""
    table = OfferTable if kind == "offer" else MessageTable
    changed = table.update(sent=state.value, sent_at=uow.now).where(table.id == id)
    if state is Sent.TROUBLE:
        changed = changed.where(table.sent != Sent.TROUBLE.value)
    changed.execute(uow.db)


def _offer(db: peewee.Database, offer_id: int) -> Offer:
    offered = store.offer(db, offer_id)
    if offered is None:
        raise NotFound
    return offered


def request_row(db: peewee.Database, post_id: int) -> HelpRequest:
    """A request whoever asks, for consequences and the wire. Raises NotFound."""
    request = store.request(db, post_id)
    if request is None:
        raise NotFound
    return request


def offer_row(db: peewee.Database, offer_id: int) -> Offer:
    """An offer whoever asks, for consequences and the wire. Raises NotFound."""
    return _offer(db, offer_id)


def offer_by_uri(db: peewee.Database, uri: str) -> Offer | None:
    """The offer of another server's resident with this address."""
    return next(iter(store.offers(db, OfferTable.uri == uri)), None)


def thread_row(db: peewee.Database, thread_id: int) -> PrivateThread:
    """A private thread whoever asks, for consequences and the wire. Raises NotFound."""
    thread = store.thread(db, thread_id)
    if thread is None:
        raise NotFound
    return thread


def thread_by_uri(db: peewee.Database, uri: str) -> PrivateThread | None:
    """The private thread that another server named with this address."""
    return next(iter(store.threads(db, PrivateThreadTable.uri == uri)), None)


def message_row(db: peewee.Database, message_id: int) -> Message:
    """A private message whoever asks, for its one serialiser. Raises NotFound."""
    for message in store.messages(db, MessageTable.id == message_id):
        return message
    raise NotFound


def state_at(db: peewee.Database, post_id: int, revision: int) -> tuple[State, datetime]:
    """The state of a request at a revision, and since when. Raises NotFound."""
    found = store.state_at(db, post_id, revision)
    if found is None:
        raise NotFound
    return found
