"""How a resident's last word is said: a Delete of the person, to every server that ever got anything of theirs.

Shape: golden file 45.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import contexts, outbox, vocabulary
from fedhood.adapters.activitypub.actors import person
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import accounts, neighbourhoods
from fedhood.core.accounts import AccountState

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.kernel.urls import Addresses


def left(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """A resident of ours left for good. Raises NotFound."""
    key = accounts.get(db, delivery.object).key
    uri = addresses.person(key)
    document = {
        "@context": contexts.PLAIN,
        "id": f"{uri}#delete",
        "type": "Delete",
        "actor": uri,
        "to": [vocabulary.PUBLIC],
        "object": uri,
    }
    return f"person-delete-{key}", Saying(person(delivery.object), document)


def left_city(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """The same, to all who take part in a city's hub (`version`, as a place). Raises NotFound."""
    key, hub = accounts.get(db, delivery.object).key, neighbourhoods.get(db, delivery.version)
    uri, said = addresses.person(key), f"citizen-delete-{key}-{hub.id}"
    document = {
        "@context": contexts.SCOPED,
        "id": addresses.activity(said),
        "type": "Delete",
        "actor": uri,
        "to": [f"{hub.uri}/instances"],
        "cc": [],
        "fhScope": vocabulary.CITY,
        "fhFrom": addresses.instance,  # where they lived is nobody's business any more
        "audience": hub.uri,
        "object": uri,
    }
    return said, Saying(person(delivery.object), document)


def is_taking_leave(db: peewee.Database, account: accounts.Account | None) -> bool:
    """Whether somebody left whose last word has not arrived everywhere: until then their key must be found."""
    if account is None or account.peer is not None or account.state is not AccountState.ERASED:
        return False
    waiting = DeliveryTable.select().where(
        DeliveryTable.object == account.id,
        DeliveryTable.verb.in_((outbox.PERSON_DELETE, outbox.CITIZEN_DELETE)),
        DeliveryTable.state == outbox.WAITING,
    )
    return bool(waiting.exists(db))


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], tuple[str, Saying]]] = {
    outbox.PERSON_DELETE: left,
    outbox.CITIZEN_DELETE: left_city,
}
