"""How a city speaks to neighbourhoods: a Note by the city itself, addressed to the Groups that it chose.

    Create | Update | Delete by /ap/city ─ Note | Tombstone

No Group announces it: each server shows it to its own that are named. Shape: golden file 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, contexts, outbox_city, vocabulary
from fedhood.adapters.activitypub.posts import group_uri, key_of, ordered_at
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.core import city_messages
from fedhood.core.help_requests import Sent
from fedhood.kernel import urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.core.city_messages import CityMessage
    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.urls import Addresses

Said = tuple[str, Saying]


def note_document(db: peewee.Database, addresses: Addresses, message: CityMessage) -> dict[str, Any]:
    """A message as a Note, without `@context`, in all the languages that it has. Raises NotFound."""
    content = {language: vocabulary.note_html(one.text) for language, one in message.said.items()}
    titles = {language: one.title for language, one in message.said.items()}
    return {
        "id": addresses.note(message.id),
        "type": "Note",
        "attributedTo": addresses.city,
        "published": instant(message.published_at),
        **({} if message.edited_at is None else {"updated": instant(message.edited_at)}),
        "url": addresses.base + urls.post(message.id),
        "to": _groups(db, addresses, message),
        "cc": [],
        "content": content[message.main],
        "contentMap": content,
        "name": titles[message.main],
        "nameMap": titles,
        "startTime": instant(message.begins_at),
        "endTime": instant(message.ends_at),
        "fhUrgent": message.urgent,
        "fhScope": vocabulary.CITY,
        "context": addresses.context(message.id),
        "directMessage": False,
        "sensitive": False,
    }


def _groups(db: peewee.Database, addresses: Addresses, message: CityMessage) -> list[str]:
    return [group_uri(db, addresses, place) for place in message.places]


def is_ours(db: peewee.Database, number: int) -> bool:
    """Whether a Note of ours with this number is the city's word."""
    try:
        return city_messages.row(db, number).uri is None
    except NotFound:
        return False


def told(db: peewee.Database, number: int, peer: int | None, now: datetime) -> CityMessage | None:
    """A message of ours as a peer that hosts a place of it may have it now; None for any other peer, and for nobody."""
    message = city_messages.row(db, number)
    return message if peer is not None and peer in outbox_city.readers(db, message, now) else None


def tombstone(addresses: Addresses, message: CityMessage, at: datetime) -> dict[str, Any]:
    """What is left of a message that was taken back, without `@context`."""
    return {
        "id": addresses.note(message.id),
        "type": "Tombstone",
        "formerType": "Note",
        "deleted": instant(message.deleted_at or at),
    }


def create(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A message, in the version that was written first. Raises NotFound, Gone."""
    message = city_messages.at_version(db, delivery.object, delivery.version, edited_at=None)
    return _said(db, addresses, delivery, message, "Create", note_document(db, addresses, message))


def update(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A message in the version that an edit made. Raises NotFound, Gone."""
    at = ordered_at(db, delivery)
    message = city_messages.at_version(db, delivery.object, delivery.version, edited_at=at)
    return _said(db, addresses, delivery, message, "Update", note_document(db, addresses, message), at=at)


def delete(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A message was taken back. Raises NotFound."""
    message = city_messages.row(db, delivery.object)
    at = ordered_at(db, delivery)
    return _said(db, addresses, delivery, message, "Delete", tombstone(addresses, message, at), at=at)


def _said(
    db: peewee.Database,
    addresses: Addresses,
    delivery: Delivery,
    message: CityMessage,
    act: str,
    thing: dict[str, Any],
    *,
    at: datetime | None = None,
) -> Said:
    key = key_of(delivery)
    document = {
        "@context": contexts.SCOPED,
        "id": addresses.activity(key),
        "type": act,
        "actor": addresses.city,
        "published": instant(at or message.published_at),
        "to": _groups(db, addresses, message),
        "cc": [],
        "fhScope": vocabulary.CITY,
        "object": thing,
    }
    return key, Saying(actors.CITY, document)


def settled(uow: UnitOfWork, delivery: Delivery, sent: Sent) -> None:
    """How far a message got on its way to a peer, for the clerk who waits."""
    city_messages.sent(uow, message_id=delivery.object, peer=delivery.peer, state=sent)


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    outbox_city.CREATE: create,
    outbox_city.UPDATE: update,
    outbox_city.DELETE: delete,
}
