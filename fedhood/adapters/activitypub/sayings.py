"""Which verb of a delivery is said how: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from fedhood.adapters.activitypub import (
    city_answers,
    city_messages,
    followers,
    help_requests,
    hub,
    moderation,
    peering,
    people,
    posts,
    reports,
)
from fedhood.kernel.errors import Gone

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.adapters.activitypub.saying import Delivery, Saying
    from fedhood.kernel.urls import Addresses

ROTATED = "peer.rotate"


def _said_when_it_happened(_db: peewee.Database, _addresses: Addresses, _delivery: Delivery) -> NoReturn:
    """Bytes that only who had the old keys could make: without them there is nothing to say. Raises Gone."""
    raise Gone("what announced these keys is not kept any more")


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], tuple[str, Saying]]] = {
    **posts.SAYINGS,
    **help_requests.SAYINGS,
    **moderation.SAYINGS,
    **people.SAYINGS,
    **peering.SAYINGS,
    **reports.SAYINGS,
    ROTATED: _said_when_it_happened,
    **city_messages.SAYINGS,
    **followers.SAYINGS,
    **city_answers.SAYINGS,
    **hub.SAYINGS,
}
# what is said to many in the same bytes: its key follows from the verb, the thing and its version alone
ALIKE = frozenset({*posts.ALIKE, *help_requests.ALIKE, *city_messages.SAYINGS})


def say(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """The last part of an activity's id, and the activity itself without proofs.

    Raises NotFound or Gone for what can be said no more, Invalid for what may not be.
    """
    return SAYINGS[delivery.verb](db, addresses, delivery)
