"""Offers of help, answers and private words between two people of two servers (golden files 21–23, 26, 26b, 29a, 29b).

All of it is `direct`: signed by the person, to exactly one resident of ours, for a neighbourhood that the request was
told to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, help_requests, posts
from fedhood.core.posts import Kind
from fedhood.kernel.errors import Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.help_requests import Offer, PrivateThread
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork

_NOTE_PART = "note"
_INTENT = "#primary"


def needs_actor(activity: dict[str, Any]) -> list[str]:
    """The person whose word it is."""
    return [reading.text(activity, "actor")]


def _acting(uow: UnitOfWork, context: Context, root: Post) -> tuple[Peer, Neighbourhood]:
    """The server and the neighbourhood of who acts, with the grant that private words need. Raises Forbidden."""
    peer = acting.granted(uow, context, vocabulary.DIRECT)
    return peer, acting.acting_for(uow, context, peer, root)


def _recipient(uow: UnitOfWork, context: Context) -> int:
    return acting.our_person(uow.db, context.addresses, reading.direct(context.activity)).id


def _to(uow: UnitOfWork, context: Context, account: int) -> None:
    """Raises Forbidden when it is for anyone but this resident of ours."""
    if _recipient(uow, context) != account:
        raise Forbidden("it is for somebody else than whom it concerns", code="recipient")


def _by(uow: UnitOfWork, context: Context, account: int, peer: Peer) -> None:
    """Raises Forbidden when it was said by anyone but this account."""
    if not acting.is_by(uow.db, account, context.signer_uri, peer):
        raise Forbidden("it is said by somebody else than whom it concerns", code="author")


# -- offers to requests of ours ----------------------------------------------------------------------------------------


def verify_offer(activity: dict[str, Any]) -> None:
    """An offer to one asker for one request. Raises Invalid."""
    reading.direct(activity)
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.optional_content(activity)
    _wanted(reading.embedded(activity))


def _wanted(agreement: dict[str, Any]) -> str:
    """The Note id of the request that an agreement would satisfy. Raises Invalid."""
    intent = reading.text(reading.embedded(agreement, "stipulates"), "satisfies")
    if not intent.endswith(_INTENT):
        raise Invalid("it does not name what a request asks for", code="intent")
    return intent.removesuffix(_INTENT)


def receive_offer(uow: UnitOfWork, context: Context) -> None:
    """A neighbour next door says "I can help" to a request of ours."""
    activity = context.activity
    if threads.came_too_late(uow, context, reading.text(activity, "id")):
        return
    post = acting.find_post(uow.db, context.addresses, _wanted(reading.embedded(activity)))
    if post.kind is not Kind.HELP or post.uri is not None:
        raise NotFound("no request of ours is called that", code="request-unknown")
    peer, home = _acting(uow, context, post)
    _to(uow, context, post.author)
    helper = acting.their_person(uow, context, peer, context.signer_uri, home.id)
    help_requests.offer_arrived(
        uow,
        uri=reading.text(activity, "id"),
        request_id=post.id,
        helper=helper,
        neighbourhood=home.id,
        text=reading.optional_content(activity),
    )


def verify_undo(activity: dict[str, Any]) -> None:
    """The same person takes the offer back, or drops out (A5). Raises Invalid."""
    reading.direct(activity)
    offer = reading.embedded(activity)
    actor = reading.text(activity, "actor")
    if offer.get("actor", actor) != actor:
        raise Invalid("nobody takes back what somebody else offered", code="author")
    reading.same_origin(reading.text(offer, "id"), actor)


def receive_undo(uow: UnitOfWork, context: Context) -> None:
    """A neighbour next door takes an offer back, or drops out; heard from a former neighbour too."""
    offered = help_requests.offer_by_uri(uow.db, reading.text(reading.embedded(context.activity), "id"))
    if offered is None:  # if it is still to be read, it is not to be any more
        uri = reading.text(reading.embedded(context.activity), "id")
        forgetting.never_mind(uow, uri, signer=context.signer_uri, but=reading.text(context.activity, "id"))
        return
    post = posts.row(uow.db, post_id=offered.request)
    _by(uow, context, offered.helper, acting.heard(context, vocabulary.DIRECT))
    _to(uow, context, post.author)
    help_requests.offer_undone(uow, offer_id=offered.id)


# -- answers to offers of ours -----------------------------------------------------------------------------------------


def verify_answer(activity: dict[str, Any]) -> None:
    """A yes or no to one helper, about one offer. Raises Invalid."""
    reading.direct(activity)
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.named(activity.get("object"))


def verify_accept(activity: dict[str, Any]) -> None:
    """A yes, with the agreement that both will speak under. Raises Invalid."""
    verify_answer(activity)
    agreement = reading.embedded(activity, "result")
    reading.authored(activity, agreement)
    _wanted(agreement)


def receive_accept(uow: UnitOfWork, context: Context) -> None:
    """The asker next door chose our resident."""
    offered, post = _answered(uow, context, acting.granted(uow, context, vocabulary.DIRECT))
    acting.acting_for(uow, context, acting.granted(uow, context, vocabulary.DIRECT), post)
    agreement = reading.embedded(context.activity, "result")
    if _wanted(agreement) != post.uri:
        raise Forbidden("the agreement is about another request", code="request-unknown")
    help_requests.offer_accepted(uow, offer_id=offered.id, agreement_uri=reading.text(agreement, "id"))


def receive_reject(uow: UnitOfWork, context: Context) -> None:
    """The asker next door says no, or lets our resident go; heard from a former neighbour too."""
    offered, _ = _answered(uow, context, acting.heard(context, vocabulary.DIRECT))
    help_requests.offer_refused(uow, offer_id=offered.id)


def _answered(uow: UnitOfWork, context: Context, peer: Peer) -> tuple[Offer, Post]:
    """The offer of our resident that its asker answers, and the mirrored request. Raises Forbidden, NotFound."""
    uri = reading.named(context.activity.get("object"))
    number = acting.our_number(context.addresses.activity("offer-"), uri)
    offered = None if number is None else _offer(uow, number)
    if offered is None or offered.uri is not None:
        raise acting.orphan("the offer that this is about is not here")
    post = posts.row(uow.db, post_id=offered.request)
    if post.uri is None:
        raise Forbidden("the request is ours", code="request-unknown")
    _by(uow, context, post.author, peer)
    _to(uow, context, offered.helper)
    return offered, post


def _offer(uow: UnitOfWork, number: int) -> Offer | None:
    try:
        return help_requests.offer_row(uow.db, number)
    except NotFound:
        return None


# -- private words -----------------------------------------------------------------------------------------------------


def verify_message(activity: dict[str, Any]) -> None:
    """Words of one person to one person, under their agreement. Raises Invalid."""
    note = reading.direct_thing(activity)
    reading.content(note)
    reading.text(note, "context")
    if note.get("fhPart", _NOTE_PART) != _NOTE_PART:
        raise Invalid("the note is the only part that is known", code="part")


def receive_message(uow: UnitOfWork, context: Context) -> None:
    """The other one of two says something, or hands over the note of the request."""
    note = reading.direct_thing(context.activity)
    thread = _thread(uow, context, reading.text(note, "context"))
    author = accounts.by_uri(uow.db, context.signer_uri)
    if author is None or author.id not in {thread.asker, thread.helper}:
        raise Forbidden("it is said by neither of the two", code="author")
    peer, _ = _acting(uow, context, posts.row(uow.db, post_id=thread.request))
    _by(uow, context, author.id, peer)
    _to(uow, context, thread.other(author.id))
    kept = help_requests.message_arrived(
        uow,
        uri=reading.text(note, "id"),
        thread_id=thread.id,
        author=author.id,
        part=str(note.get("fhPart", "")),
        text=reading.content(note),
    )
    if kept is None:  # nobody reads it
        forgetting.not_kept(uow, reading.text(context.activity, "id"))


def verify_confirmation(activity: dict[str, Any]) -> None:
    """The asker's word to the helper that help came. Raises Invalid."""
    reading.text(reading.direct_thing(activity), "context")


def receive_confirmation(uow: UnitOfWork, context: Context) -> None:
    """The asker next door says that our resident's help came."""
    thread = _thread(uow, context, reading.text(reading.direct_thing(context.activity), "context"))
    peer, _ = _acting(uow, context, posts.row(uow.db, post_id=thread.request))
    _by(uow, context, thread.asker, peer)
    _to(uow, context, thread.helper)
    help_requests.confirmed(uow, thread_id=thread.id)


def _thread(uow: UnitOfWork, context: Context, uri: str) -> PrivateThread:
    """The private thread of this agreement, named by the asker's server. Raises NotFound with the code `orphan`."""
    number = acting.our_number(context.addresses.agreement(""), uri)
    found = help_requests.thread_by_uri(uow.db, uri) if number is None else _our_thread(uow, number)
    if found is None:
        raise acting.orphan("the agreement that this is about is not here")
    return found


def _our_thread(uow: UnitOfWork, number: int) -> PrivateThread | None:
    try:
        thread = help_requests.thread_row(uow.db, number)
    except NotFound:
        return None
    return thread if thread.uri is None else None


HANDLERS: dict[tuple[str, str], Handler] = {
    ("Offer", "Agreement"): Handler(verify=verify_offer, needs=needs_actor, receive=receive_offer),
    ("Undo", "Offer"): Handler(verify=verify_undo, needs=needs_actor, receive=receive_undo),
    ("Accept", "Offer"): Handler(verify=verify_accept, needs=needs_actor, receive=receive_accept),
    ("Reject", "Offer"): Handler(verify=verify_answer, needs=needs_actor, receive=receive_reject),
    ("Create", "Document"): Handler(verify=verify_confirmation, needs=needs_actor, receive=receive_confirmation),
}
MESSAGE = Handler(verify=verify_message, needs=needs_actor, receive=receive_message)
