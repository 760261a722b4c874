"""How a city's hub speaks, and how neighbourhoods speak to it (FEP-1b12).

    Follow by a Group ─▶ Accept by the hub ─▶ Undo of the Follow
    Announce by the hub ─ Create | Update | Delete by a Person, exactly as it was signed ─ Note | Tombstone

What is announced the hub does not read: it stands among what arrived and goes on as it came. Shapes: golden files 04,
14 and 15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, contexts, outbox_hub, vocabulary
from fedhood.adapters.activitypub.posts import group_uri, ordered_at
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json
from fedhood.core import hubs
from fedhood.kernel import urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Gone

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.core.hubs import Member
    from fedhood.kernel.urls import Addresses

Said = tuple[str, Saying]
MEMBERS = "/instances"  # the collection of who takes part, which an activity for the whole city is addressed to


def members_of(hub: str) -> str:
    """Whom something for the whole city is addressed to, by the hub's id."""
    return hub + MEMBERS


# -- taking part -------------------------------------------------------------------------------------------------------


def follow_key(member_id: int, version: int) -> str:
    """The last part of the id of an asking of ours."""
    return f"hub-follow-{member_id}-{version}"


def follow(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A neighbourhood of ours asks to take part. Raises NotFound."""
    member = hubs.member(db, delivery.object)
    key = follow_key(member.id, delivery.version)
    document = _follow(db, addresses, member, delivery.version)
    at = instant(ordered_at(db, delivery))
    return key, Saying(
        actors.group(member.place),
        {"@context": contexts.PLAIN, **document, "to": [document["object"]], "cc": [], "published": at},
    )


def _follow(db: peewee.Database, addresses: Addresses, member: Member, version: int) -> dict[str, Any]:
    return {
        "id": addresses.activity(follow_key(member.id, version)),
        "type": "Follow",
        "actor": group_uri(db, addresses, member.place),
        "object": group_uri(db, addresses, member.hub),
    }


def undo(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A neighbourhood of ours takes part no more. Raises NotFound."""
    member = hubs.member(db, delivery.object)
    key = f"hub-undo-{member.id}-{delivery.version}"
    asked = _follow(db, addresses, member, delivery.version - 1)
    document = {
        "@context": contexts.PLAIN,
        "id": addresses.activity(key),
        "type": "Undo",
        "actor": asked["actor"],
        "to": [asked["object"]],
        "cc": [],
        "published": instant(ordered_at(db, delivery)),
        "object": asked,
    }
    return key, Saying(actors.group(member.place), document)


def accept(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The hub's yes. Raises NotFound, Gone when it was asked anew or left since."""
    member = hubs.member(db, delivery.object)
    if member.version != delivery.version or member.uri is None:
        raise Gone
    key = f"hub-accept-{member.id}-{delivery.version}"
    place = group_uri(db, addresses, member.place)
    document = {
        "@context": contexts.PLAIN,
        "id": addresses.activity(key),
        "type": "Accept",
        "actor": addresses.hub,
        "to": [place],
        "cc": [],
        "published": instant(ordered_at(db, delivery)),
        "object": {"id": member.uri, "type": "Follow", "actor": place, "object": addresses.hub},
    }
    return key, Saying(actors.HUB, document)


# -- passing on --------------------------------------------------------------------------------------------------------


def announce(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """What somebody said to the whole city, as it was signed. Raises NotFound, Gone when it is kept no more."""
    passage = hubs.passage(db, delivery.object)
    key = f"announce-hub-{passage.id}"
    document = {
        "@context": contexts.SCOPED,
        "id": addresses.activity(key),
        "type": "Announce",
        "actor": addresses.hub,
        "published": instant(passage.at),
        "to": [members_of(addresses.hub)],
        "cc": [],
        "fhScope": vocabulary.CITY,
        "directMessage": False,
        "object": _as_it_came(db, passage.uri),
    }
    return key, Saying(actors.HUB, document)


def _as_it_came(db: peewee.Database, uri: str) -> dict[str, Any]:
    for row in InboundTable.select(InboundTable.body).where(InboundTable.uri == uri).execute(db):
        if row.body:
            return strict_json.loads_object(bytes(row.body))
    raise Gone


def still_said(db: peewee.Database, passage_id: int, _version: int) -> bool:
    """Whether something that went through was not taken back since; each change of it is one of its own."""
    passage = hubs.passage(db, passage_id)
    return not any(one.act == "Delete" for one in hubs.about(db, passage.about))


def hub_of(peer_actor: str) -> str:
    """The hub of the city whose instance actor this is."""
    return urls.origin(peer_actor) + urls.HUB


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    outbox_hub.FOLLOW: follow,
    outbox_hub.UNDO: undo,
    outbox_hub.ACCEPT: accept,
    outbox_hub.CREATE: announce,
    outbox_hub.UPDATE: announce,
    outbox_hub.DELETE: announce,
}
