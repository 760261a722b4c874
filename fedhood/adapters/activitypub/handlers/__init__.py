"""Which kind of activity is understood how: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.adapters.activitypub.handlers import (
    city_messages,
    help_requests,
    interactions,
    introductions,
    moderation,
    peering,
    people,
    posts,
    reports,
    visitors,
)
from fedhood.adapters.activitypub.handlers.contract import Context, Handler

if TYPE_CHECKING:
    from fedhood.kernel.engine import UnitOfWork

__all__ = ["HANDLERS", "OF_VISITORS", "Context", "Handler", "kind_of"]


def _by_scope(otherwise: Handler, **scopes: Handler) -> Handler:
    """What one kind of activity is depends on its scope: a Note that comes by itself is private words, the city's, or
    else an answer.
    """

    def chosen(activity: dict[str, Any]) -> Handler:
        return scopes.get(str(activity.get("fhScope")), otherwise)

    def verify(activity: dict[str, Any]) -> None:
        chosen(activity).verify(activity)

    def needs(activity: dict[str, Any]) -> list[str]:
        return chosen(activity).needs(activity)

    def receive(uow: UnitOfWork, context: Context) -> None:
        chosen(context.activity).receive(uow, context)

    return Handler(verify=verify, needs=needs, receive=receive)


HANDLERS: dict[tuple[str, str], Handler] = {
    **posts.HANDLERS,
    **interactions.HANDLERS,
    **help_requests.HANDLERS,
    **moderation.HANDLERS,
    **peering.PEERING,
    **people.HANDLERS,
    **introductions.HANDLERS,
    **reports.HANDLERS,
    ("Create", "Note"): _by_scope(posts.REPLY, direct=help_requests.MESSAGE, city=city_messages.CREATED),
    ("Update", "Note"): _by_scope(posts.HANDLERS["Update", "Note"], city=city_messages.UPDATED),
    ("Delete", "Tombstone"): _by_scope(posts.HANDLERS["Delete", "Tombstone"], city=city_messages.DELETED),
}


# what people on other software say, who are vouched for by nobody
OF_VISITORS = visitors.HANDLERS


def kind_of(activity: dict[str, Any]) -> tuple[str, str]:
    """An activity's place in the table: its type, and the type of what it is about.

    The second is empty where that is given by its address alone, or is a list. An answer says by its scope what it
    answers: a `direct` Accept or Reject of an address is about an Offer. Who deletes their own address leaves.
    """
    about = activity.get("object")
    inner = about.get("type") if isinstance(about, dict) else ""
    kind = activity.get("type")
    if kind in {"Accept", "Reject"} and isinstance(about, str) and activity.get("fhScope") == vocabulary.DIRECT:
        inner = "Offer"
    if kind == "Delete" and about == activity.get("actor"):
        return people.LEFT
    if kind in {"Accept", "Reject"} and isinstance(about, str) and "fhDigest" in activity:
        inner = reports.REPORT
    return str(kind), inner if isinstance(inner, str) else ""
