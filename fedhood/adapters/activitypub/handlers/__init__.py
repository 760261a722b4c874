"""Which kind of activity is understood how: one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.adapters.activitypub.handlers import (
    help_requests,
    interactions,
    introductions,
    moderation,
    peering,
    people,
    posts,
    reports,
)
from fedhood.adapters.activitypub.handlers.contract import Context, Handler

if TYPE_CHECKING:
    from fedhood.kernel.engine import UnitOfWork

__all__ = ["HANDLERS", "Context", "Handler", "kind_of"]


def _created(activity: dict[str, Any]) -> Handler:
    """A Note that comes by itself is private words, or else an answer."""
    return help_requests.MESSAGE if activity.get("fhScope") == vocabulary.DIRECT else posts.REPLY


def _verify_created(activity: dict[str, Any]) -> None:
    _created(activity).verify(activity)


def _needs_created(activity: dict[str, Any]) -> list[str]:
    return _created(activity).needs(activity)


def _receive_created(uow: UnitOfWork, context: Context) -> None:
    _created(context.activity).receive(uow, context)


HANDLERS: dict[tuple[str, str], Handler] = {
    ("Create", "Note"): Handler(verify=_verify_created, needs=_needs_created, receive=_receive_created),
    **posts.HANDLERS,
    **interactions.HANDLERS,
    **help_requests.HANDLERS,
    **moderation.HANDLERS,
    **peering.PEERING,
    **people.HANDLERS,
    **introductions.HANDLERS,
    **reports.HANDLERS,
}


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
