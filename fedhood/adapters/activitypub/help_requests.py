"""How help is said to other servers: the request to its places, and offers, answers and private words to one person.

The line and its state travel as a post does. All the rest is `direct`: signed by the person, to the person, through
the peer inbox. The note of a request leaves in one way only, as the first private message after an acceptance.
Shapes: golden files 20–29b.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, posts, vocabulary
from fedhood.adapters.activitypub.actors import person
from fedhood.adapters.activitypub.posts import Said
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.core import accounts, help_requests
from fedhood.core import posts as core_posts
from fedhood.core.access import NOBODY
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.help_requests import Offer, PrivateThread
    from fedhood.kernel.urls import Addresses


# -- the line and its state --------------------------------------------------------------------------------------------


def request_said(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A request as it was at the revision that the delivery names: a Create at the first, then an Update.

    Raises NotFound, Gone.
    """
    now = help_requests.request_row(db, delivery.object)
    state, at = help_requests.state_at(db, delivery.object, delivery.version)
    request = replace(now, state=state, revision=delivery.version)
    post = core_posts.row(db, post_id=delivery.object)
    if post.deleted_at is not None:
        raise Gone
    if delivery.verb == "help.create":
        post = replace(core_posts.at_version(db, post_id=post.id, version=1), edited_at=None)
        note = posts.note_document(db, addresses, post, request=request)
        return posts.said(db, addresses, delivery, post, act="Create", thing=note, at=post.published_at)
    note = posts.note_document(db, addresses, replace(post, edited_at=at), request=request)
    return posts.said(db, addresses, delivery, post, act="Update", thing=note, at=at)


# -- offers and answers ------------------------------------------------------------------------------------------------


def offer_key(offer_id: int) -> str:
    """The last part of the id of an Offer of ours."""
    return f"offer-{offer_id}"


def offer_uri(addresses: Addresses, offer: Offer) -> str:
    """The id of an Offer, here or elsewhere."""
    return offer.uri or addresses.activity(offer_key(offer.id))


def agreement_uri(addresses: Addresses, thread: PrivateThread) -> str:
    """The id of what asker and helper agreed, named by the asker's server."""
    return thread.uri or addresses.agreement(str(thread.id))


def offer(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A resident's "I can help", to the asker next door. Raises NotFound, Gone when it was taken back."""
    offered = help_requests.offer_row(db, delivery.object)
    if offered.state is help_requests.OfferState.WITHDRAWN:
        raise Gone
    post = core_posts.row(db, post_id=offered.request)
    wanted = vocabulary.intent_of(posts.note_uri(addresses, post))
    key = offer_key(offered.id)
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Offer",
        by=(offered.helper, offered.neighbourhood),
        to=post.author,
        at=offered.offered_at,
        **_words(db, offered.text, offered.helper),
        object={"type": "Agreement", "stipulates": _commitment(wanted)},
    )


def offer_undone(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A resident takes an offer back, or drops out. Raises NotFound."""
    offered = help_requests.offer_row(db, delivery.object)
    post = core_posts.row(db, post_id=offered.request)
    key = f"{offer_key(offered.id)}-undo"
    undone = {
        "id": addresses.activity(offer_key(offered.id)),
        "type": "Offer",
        "actor": posts.person_uri(db, addresses, offered.helper),
    }
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Undo",
        by=(offered.helper, offered.neighbourhood),
        to=post.author,
        at=posts.ordered_at(db, delivery),
        object=undone,
    )


def offer_accepted(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The asker's yes, with the agreement that their private thread is named by. Raises NotFound."""
    offered = help_requests.offer_row(db, delivery.object)
    post = core_posts.row(db, post_id=offered.request)
    thread = help_requests.thread_of(db, request_id=post.id, viewer=_as(offered.helper))
    if thread is None or thread.offer != offered.id:
        raise NotFound
    agreed = agreement_uri(addresses, thread)
    wanted = vocabulary.intent_of(posts.note_uri(addresses, post))
    key = posts.key_of(delivery)
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Accept",
        by=(post.author, post.neighbourhood),
        to=offered.helper,
        at=posts.ordered_at(db, delivery),
        result={
            "id": agreed,
            "type": "Agreement",
            "attributedTo": posts.person_uri(db, addresses, post.author),
            "stipulates": {"id": f"{agreed}#primary", **_commitment(wanted)},
        },
        object=offer_uri(addresses, offered),
    )


def offer_refused(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The asker's no. It carries no words: nobody wrote any. Raises NotFound."""
    offered = help_requests.offer_row(db, delivery.object)
    post = core_posts.row(db, post_id=offered.request)
    key = posts.key_of(delivery)
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Reject",
        by=(post.author, post.neighbourhood),
        to=offered.helper,
        at=posts.ordered_at(db, delivery),
        object=offer_uri(addresses, offered),
    )


def _commitment(wanted: str) -> dict[str, Any]:
    return {"type": "Commitment", "satisfies": wanted, "resourceQuantity": vocabulary.one_unit()}


# -- private words -----------------------------------------------------------------------------------------------------


def message(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """What one of the two said in private; the note of the request is the first of it.

    Raises NotFound, Gone when its words were erased.
    """
    said = help_requests.message_row(db, delivery.object)
    if not said.text:
        raise Gone
    thread = help_requests.thread_row(db, said.thread)
    author = posts.person_uri(db, addresses, said.author)
    to = posts.person_uri(db, addresses, thread.other(said.author))
    note = {
        "id": addresses.note(said.id),
        "type": "Note",
        "attributedTo": author,
        "published": instant(said.at),
        "to": [to],
        "cc": [],
        **_words(db, said.text, said.author),
        "context": agreement_uri(addresses, thread),
        **_answering(db, addresses, said),
        "fhScope": vocabulary.DIRECT,
        "directMessage": True,
        "sensitive": False,
    }
    key = posts.key_of(delivery)
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Create",
        by=_side(db, thread, said.author),
        to=thread.other(said.author),
        at=said.at,
        object=note,
    )


def _answering(db: peewee.Database, addresses: Addresses, said: help_requests.Message) -> dict[str, str]:
    """`fhPart` on the note of the request; on other words what they answer: the last that the other one said."""
    if said.part:
        return {"fhPart": said.part}
    before = [
        one
        for one in help_requests.messages(db, thread_id=said.thread, viewer=_as(said.author))
        if one.author != said.author and one.id < said.id
    ]
    return {"inReplyTo": before[-1].uri or addresses.note(before[-1].id)} if before else {}


def confirmation(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The asker's word that the help came, to the helper. Raises NotFound."""
    thread = help_requests.thread_row(db, delivery.object)
    at = posts.ordered_at(db, delivery)
    receipt = {
        "id": addresses.receipt(str(thread.id)),
        "type": "Document",
        "attributedTo": posts.person_uri(db, addresses, thread.asker),
        "name": "Help received",
        "context": agreement_uri(addresses, thread),
        "published": instant(at),
        "to": [posts.person_uri(db, addresses, thread.helper)],
        "fhScope": vocabulary.DIRECT,
    }
    key = posts.key_of(delivery)
    return key, _direct(
        db,
        addresses,
        key=key,
        act="Create",
        by=_side(db, thread, thread.asker),
        to=thread.helper,
        at=at,
        object=receipt,
    )


def _side(db: peewee.Database, thread: PrivateThread, account: int) -> tuple[int, int]:
    """One of the two, and the neighbourhood that they act for."""
    if account == thread.asker:
        return account, core_posts.row(db, post_id=thread.request).neighbourhood
    return account, help_requests.offer_row(db, thread.offer).neighbourhood


def _as(account: int) -> Viewer:
    """One of the two, reading what is theirs."""
    return replace(NOBODY, account=account)


def _words(db: peewee.Database, text: str, author: int) -> dict[str, Any]:
    """A private text in the language of who wrote it; nothing at all for an empty one."""
    return vocabulary.texts(text, accounts.get(db, author).language) if text else {}


def _direct(
    db: peewee.Database,
    addresses: Addresses,
    *,
    key: str,
    act: str,
    by: tuple[int, int],
    to: int,
    at: datetime,
    **members: Any,
) -> Saying:
    """An activity of one person to one person. `by` is the account and the neighbourhood that it acts for."""
    account, neighbourhood = by
    return Saying(
        person(account),
        {
            "@context": contexts.SCOPED,
            "id": addresses.activity(key),
            "type": act,
            "actor": posts.person_uri(db, addresses, account),
            "published": instant(at),
            "to": [posts.person_uri(db, addresses, to)],
            "cc": [],
            "fhScope": vocabulary.DIRECT,
            "fhFrom": posts.group_uri(db, addresses, neighbourhood),
            **members,
        },
    )


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    "help.create": request_said,
    "help.update": request_said,
    "help.delete": posts.delete,
    "offer.send": offer,
    "offer.undo": offer_undone,
    "offer.accept": offer_accepted,
    "offer.reject": offer_refused,
    "message.create": message,
    "help.confirm": confirmation,
}
# their keys are `key_of` the delivery: the same to everybody
ALIKE = ("help.create", "help.update", "help.delete")
