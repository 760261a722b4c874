"""How an answer is said to the city: directly, by its author, for the neighbourhood where they live (golden file 19).

    Create | Update | Delete by the Person, to /ap/city ─ Note | Tombstone

Only of an answer that its author lets the city read; it goes under an id of its own, which says nothing of the post.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, outbox_city, vocabulary
from fedhood.adapters.activitypub.actors import person
from fedhood.adapters.activitypub.posts import group_uri, key_of, ordered_at, person_uri
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.core import accounts, city_messages, posts
from fedhood.core.help_requests import Sent
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.core.city_messages import Shared
    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.urls import Addresses

Said = tuple[str, Saying]


def create(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """An answer, in the version that was let out first. Raises NotFound, Gone when it was taken back."""
    shared = _shared(db, delivery)
    note = _note(db, addresses, shared, delivery.version)
    return _said(db, addresses, delivery, shared, "Create", note, at=shared.shared_at)


def update(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """An answer in the version that an edit made. Raises NotFound, Gone."""
    shared, at = _shared(db, delivery), ordered_at(db, delivery)
    note = {**_note(db, addresses, shared, delivery.version), "updated": instant(at)}
    return _said(db, addresses, delivery, shared, "Update", note, at=at)


def delete(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The city may read an answer no longer. Raises NotFound."""
    shared = city_messages.shared_row(db, delivery.object)
    at = shared.ended_at or ordered_at(db, delivery)
    thing = {
        "id": addresses.note(shared.id),
        "type": "Tombstone",
        "formerType": "Note",
        "deleted": instant(at),
    }
    return _said(db, addresses, delivery, shared, "Delete", thing, at=at)


def _shared(db: peewee.Database, delivery: Delivery) -> Shared:
    shared = city_messages.shared_row(db, delivery.object)
    if shared.ended_at is not None:
        raise Gone
    return shared


def _note(db: peewee.Database, addresses: Addresses, shared: Shared, version: int) -> dict[str, Any]:
    post = posts.at_version(db, post_id=shared.post, version=version)
    message = city_messages.row(db, shared.message).uri or ""
    return {
        "id": addresses.note(shared.id),
        "type": "Note",
        "attributedTo": person_uri(db, addresses, shared.author),
        "published": instant(shared.shared_at),
        "to": [_city(db, shared)],
        "cc": [],
        **vocabulary.texts(post.text, post.language),
        "inReplyTo": message,
        "context": message.replace("/ap/notes/", "/ap/contexts/"),
        "fhScope": vocabulary.DIRECT,
        "directMessage": True,
        "sensitive": False,
    }


def _city(db: peewee.Database, shared: Shared) -> str:
    uri = accounts.get(db, city_messages.row(db, shared.message).author).uri
    if uri is None:
        raise NotFound
    return uri


def _said(
    db: peewee.Database,
    addresses: Addresses,
    delivery: Delivery,
    shared: Shared,
    act: str,
    thing: dict[str, Any],
    *,
    at: datetime,
) -> Said:
    key = key_of(delivery)
    home = posts.row(db, post_id=shared.post).neighbourhood
    document = {
        "@context": contexts.SCOPED,
        "id": addresses.activity(key),
        "type": act,
        "actor": person_uri(db, addresses, shared.author),
        "published": instant(at),
        "to": [_city(db, shared)],
        "cc": [],
        "fhScope": vocabulary.DIRECT,
        "fhFrom": group_uri(db, addresses, home),
        "object": thing,
    }
    return key, Saying(person(shared.author), document)


def still_said(db: peewee.Database, shared_id: int, version: int) -> bool:
    """Whether the city may read an answer, and it says what it said in that version."""
    shared = city_messages.shared_row(db, shared_id)
    post = posts.row(db, post_id=shared.post)
    if shared.ended_at is not None or post.deleted_at is not None:
        return False
    return posts.at_version(db, post_id=post.id, version=version).text == post.text


def settled(uow: UnitOfWork, delivery: Delivery, sent: Sent) -> None:
    """How far the last word about an answer got, for its author."""
    city_messages.told(uow, shared_id=delivery.object, state=sent)


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    outbox_city.ANSWER: create,
    outbox_city.ANSWER_UPDATE: update,
    outbox_city.ANSWER_DELETE: delete,
}
