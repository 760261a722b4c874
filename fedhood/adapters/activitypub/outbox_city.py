"""What follows beyond this server from what the city says: the part of `outbox` that is the city's.

One delivery for each server that hosts a neighbourhood that was chosen, however many of its own are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.outbox import DROPPED, deliver
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import city_messages, peers, posts

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.city_messages import CityMessage, Shared
    from fedhood.kernel.database import UnitOfWork

CREATE, UPDATE, DELETE = "city.create", "city.update", "city.delete"
SAID = (CREATE, UPDATE)
ANSWER, ANSWER_UPDATE, ANSWER_DELETE = "answer.create", "answer.update", "answer.delete"
ANSWERED = (ANSWER, ANSWER_UPDATE)


def readers(db: peewee.Database, message: CityMessage, now: datetime) -> list[int]:
    """The peers that host a place of a message of ours and are granted the city's words at this moment, by id."""
    return peers.granted(db, city_messages.hosts_of(db, message), scope=vocabulary.CITY, now=now)


def said(uow: UnitOfWork, *, message_id: int) -> None:
    """A clerk wrote: the servers of the chosen neighbourhoods get it."""
    for peer in readers(uow.db, city_messages.row(uow.db, message_id), uow.now):
        deliver(uow, peer, CREATE, message_id, 1)


def said_better(uow: UnitOfWork, *, message_id: int, version: int) -> None:
    """A message says something else: the same servers get it."""
    for peer in readers(uow.db, city_messages.row(uow.db, message_id), uow.now):
        deliver(uow, peer, UPDATE, message_id, version)


def took_back(uow: UnitOfWork, *, message_id: int) -> None:
    """A message was taken back: everyone who got it is told, whatever the agreement is now. Its answers go with it."""
    answers_over(uow)
    for peer in _told(uow.db, message_id, SAID):
        deliver(uow, peer, DELETE, message_id)
    forgetting.said_about(uow, [message_id], SAID)


# -- what residents let the city read ----------------------------------------------------------------------------------


def answer_shared(uow: UnitOfWork, *, shared_id: int) -> None:
    """A resident lets the city read an answer."""
    shared = city_messages.shared_row(uow.db, shared_id)
    _to_the_city(uow, shared, ANSWER, posts.row(uow.db, post_id=shared.post).version)


def answer_edited(uow: UnitOfWork, *, post_id: int, version: int) -> None:
    """An answer says something else: a city that reads it is told, and one that cannot be told reads it no more."""
    shared = city_messages.shared_now(uow.db, [post_id]).get(post_id)
    if shared is None:
        return
    if not city_messages.may_share(uow.db, city_messages.row(uow.db, shared.message), now=uow.now):
        city_messages.ended(uow, post_id=post_id)
        return
    _to_the_city(uow, shared, ANSWER_UPDATE, version)
    city_messages.changed(uow, shared_id=shared.id)


def _to_the_city(uow: UnitOfWork, shared: Shared, verb: str, version: int) -> None:
    city = city_messages.row(uow.db, shared.message).peer
    if city is not None:
        deliver(uow, city, verb, shared.id, version)


def answer_gone(uow: UnitOfWork, *, shared_id: int) -> None:
    """The city is to have an answer no longer: it is told, whatever the agreement is now."""
    for peer in _told(uow.db, shared_id, ANSWERED):
        deliver(uow, peer, ANSWER_DELETE, shared_id)
    forgetting.said_about(uow, [shared_id], ANSWERED)


def answers_over(uow: UnitOfWork) -> int:
    """At the city: what people let it read goes with its message, or some time after. Returns how many went."""
    gone = city_messages.erase_answers(uow)
    forgetting.heard_about(uow, [one.uri for one in gone])
    for person in {one.person for one in gone}:
        forget_person(uow, person)
    return len(gone)


def forget_person(uow: UnitOfWork, person: str) -> None:
    """At the city: of somebody of whom it may read nothing any more, not even the name is kept."""
    if not city_messages.has_answers_of(uow.db, person):
        forgetting.actor(uow, person)


def _told(db: peewee.Database, about: int, verbs: tuple[str, ...]) -> list[int]:
    """The peers that were told of something, or still may be: the ledger, whatever the grants are now."""
    rows = DeliveryTable.select(DeliveryTable.peer).where(
        DeliveryTable.object == about, DeliveryTable.verb.in_(verbs), DeliveryTable.state != DROPPED
    )
    return sorted({row.peer for row in rows.execute(db)})
