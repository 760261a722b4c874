"""What residents let the city read, as it arrives there: directly, signed by who wrote it (golden file 19)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, outbox_city, vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import city_messages, neighbourhoods
from fedhood.core.peers import Trust
from fedhood.kernel.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.city_messages import CityMessage
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork


def verify(activity: dict[str, Any]) -> None:
    """Words of one person to one reader, under something that was said. Raises Invalid."""
    note = reading.direct_thing(activity)
    reading.content(note)
    reading.text(note, "inReplyTo")


def verify_deleted(activity: dict[str, Any]) -> None:
    """Such words, taken back by who said them. Raises Invalid."""
    reading.direct(activity)
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    reading.same_origin(reading.named(activity.get("object")), actor)


def needs_author(activity: dict[str, Any]) -> list[str]:
    """The person whose word it is."""
    return [reading.text(activity, "actor")]


def receive(uow: UnitOfWork, context: Context) -> None:
    """A resident lets us, the city, read an answer, or says it better. What came before may never have come.

    Of what comes when it was taken back already, or its message was, nothing is kept. Raises Forbidden, NotFound.
    """
    threads.unless_removed(_take_in)(uow, context)
    outbox_city.forget_person(uow, context.signer_uri)


def _take_in(uow: UnitOfWork, context: Context) -> None:
    note = reading.direct_thing(context.activity)
    uri = reading.text(note, "id")
    message, peer, place = _answered(uow, context, reading.text(note, "inReplyTo"))
    if threads.came_too_late(uow, context, uri):
        return
    values = {"text": reading.content(note), "language": reading.language(note), "name": _name(context, peer)}
    known = city_messages.answer_by_uri(uow.db, uri)
    if known is None:
        said_at = reading.moment_of(note, "published") or uow.now
        city_messages.arrived(
            uow,
            uri=uri,
            message=message,
            person=context.signer_uri,
            place=place,
            published_at=said_at,
            **values,
        )
        return
    if (known.person, known.message, known.place) != (context.signer_uri, message.id, place):
        raise Forbidden("only its author changes an answer, and nothing but its words", code="author")
    if context.activity.get("type") == "Update":
        city_messages.said_better(uow, answer=known, at=reading.moment_of(note, "updated") or uow.now, **values)


def _answered(uow: UnitOfWork, context: Context, uri: str) -> tuple[CityMessage, Peer, int]:
    """The message of ours that is answered, the sender, and the neighbourhood for which it is.

    Raises Forbidden for whom it was not said to, NotFound for what we did not say.
    """
    peer = acting.granted(uow, context, vocabulary.DIRECT)
    if reading.direct(context.activity) != context.addresses.city or peer.trust is not Trust.CITY:
        raise Forbidden("this is said to a city that we are not", code="recipient")
    number = acting.our_number(f"{context.addresses.base}/ap/notes/", uri)
    message = None if number is None else city_messages.find(uow.db, number)
    if message is None or message.uri is not None:
        raise NotFound("no message of ours is called that", code="message-unknown")
    home = reading.text(context.activity, "fhFrom")
    reading.same_origin(home, context.signer_uri)
    place = neighbourhoods.by_uri(uow.db, home)
    if place is None or place.peer != peer.id or place.id not in message.places:
        raise Forbidden("who answers does it for a neighbourhood that this was not said to", code="not-a-place")
    return message, peer, place.id


def _name(context: Context, peer: Peer) -> str:
    vouched = context.fetched.get(context.signer_uri, {})
    if vouched.get("kind") != "Person" or vouched.get("peer") != peer.id:
        raise Forbidden("their server does not vouch for this person", code="person-unvouched")
    return str(vouched.get("name") or "")[: acting.MOST_PERSON]


def receive_deleted(uow: UnitOfWork, context: Context) -> None:
    """A resident lets us read an answer no longer; heard from former neighbourhoods too. Again is the same."""
    acting.heard(context, vocabulary.DIRECT)
    uri = reading.named(context.activity.get("object"))
    known = city_messages.answer_by_uri(uow.db, uri)
    if known is None:
        but = reading.text(context.activity, "id")
        forgetting.never_mind(uow, uri, signer=context.signer_uri, but=but)
    elif known.person != context.signer_uri:
        raise Forbidden("only who said it takes it back", code="author")
    else:
        city_messages.taken_back(uow, answer=known)
        forgetting.heard_about(uow, [uri])
    outbox_city.forget_person(uow, context.signer_uri)


SAID = Handler(verify=verify, needs=needs_author, receive=receive)
DELETED = Handler(verify=verify_deleted, needs=needs_author, receive=receive_deleted)
