"""Which verb of a delivery is said how: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import city_messages, help_requests, moderation, peering, people, posts, reports

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.adapters.activitypub.saying import Delivery, Saying
    from fedhood.kernel.urls import Addresses

SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], tuple[str, Saying]]] = {
    **posts.SAYINGS,
    **help_requests.SAYINGS,
    **moderation.SAYINGS,
    **people.SAYINGS,
    **peering.SAYINGS,
    **reports.SAYINGS,
    **city_messages.SAYINGS,
}


def say(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> tuple[str, Saying]:
    """The last part of an activity's id, and the activity itself without proofs.

    Raises NotFound or Gone for what can be said no more, Invalid for what may not be.
    """
    return SAYINGS[delivery.verb](db, addresses, delivery)
