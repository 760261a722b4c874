"""Which kind of activity is understood how: one table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.adapters.activitypub.handlers import (
    city_answers,
    city_messages,
    help_requests,
    hub,
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
from fedhood.kernel import urls

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.engine import UnitOfWork

__all__ = ["HANDLERS", "OF_VISITORS", "Context", "Handler", "kind_of"]


def _one_of(choose: Callable[[dict[str, Any]], Handler]) -> Handler:
    """The handler that an activity itself chooses: one kind of activity says several things."""

    def verify(activity: dict[str, Any]) -> None:
        choose(activity).verify(activity)

    def needs(activity: dict[str, Any]) -> list[str]:
        return choose(activity).needs(activity)

    def receive(uow: UnitOfWork, context: Context) -> None:
        choose(context.activity).receive(uow, context)

    return Handler(verify=verify, needs=needs, receive=receive)


def _by_scope(otherwise: Handler, **scopes: Handler) -> Handler:
    """A Note that comes by itself is private words, the city's, or else an answer to a post: its scope says which."""
    return _one_of(lambda activity: scopes.get(str(activity.get("fhScope")), otherwise))


def _city(citys: Handler, residents: Handler) -> Handler:
    """What is for a city is its own word, to neighbourhoods that it chose, or a resident's, to all that take part."""
    return _one_of(lambda activity: residents if hub.is_for_hub(activity) else citys)


def _through_hub(otherwise: Handler, passed_on: Handler) -> Handler:
    """A neighbourhood announces what is its own, a hub what somebody said to the whole city."""
    return _one_of(lambda activity: passed_on if hub.is_for_hub(activity) else otherwise)


def _taking_part(kind: tuple[str, str], here: Handler) -> Handler:
    """A Follow and what follows from it: servers speak of being neighbours, neighbourhoods of taking part in a hub."""
    peers = peering.PEERING[kind]
    chosen = _one_of(lambda activity: here if hub.is_about_hub(activity) else peers)
    return replace(chosen, changes_belief=True)


def _direct(activity: dict[str, Any]) -> Handler:
    """Private words are for one person, who has an agreement with their author, or for a city, which has none."""
    to = activity.get("to")
    readers = to if isinstance(to, list) else [to]
    is_for_city = any(isinstance(one, str) and one.endswith(urls.CITY) for one in readers)
    return city_answers.SAID if is_for_city else help_requests.MESSAGE


HANDLERS: dict[tuple[str, str], Handler] = {
    **posts.HANDLERS,
    **interactions.HANDLERS,
    **help_requests.HANDLERS,
    **moderation.HANDLERS,
    **peering.PEERING,
    **people.HANDLERS,
    **introductions.HANDLERS,
    **reports.HANDLERS,
    ("Create", "Note"): _by_scope(posts.REPLY, direct=_one_of(_direct), city=_city(city_messages.CREATED, hub.SAID)),
    ("Update", "Note"): _by_scope(
        posts.HANDLERS["Update", "Note"], direct=city_answers.SAID, city=_city(city_messages.UPDATED, hub.SAID)
    ),
    ("Delete", "Tombstone"): _by_scope(
        posts.HANDLERS["Delete", "Tombstone"],
        direct=city_answers.DELETED,
        city=_city(city_messages.DELETED, hub.SAID),
    ),
    people.LEFT: _through_hub(people.HANDLERS[people.LEFT], hub.FAREWELL),
    ("Announce", "Create"): _through_hub(posts.HANDLERS["Announce", "Create"], hub.CREATED),
    ("Announce", "Update"): _through_hub(posts.HANDLERS["Announce", "Update"], hub.UPDATED),
    ("Announce", "Delete"): _through_hub(posts.HANDLERS["Announce", "Delete"], hub.DELETED),
    ("Follow", ""): _taking_part(("Follow", ""), hub.FOLLOWED),
    ("Accept", "Follow"): _taking_part(("Accept", "Follow"), hub.ACCEPTED),
    ("Undo", "Follow"): _taking_part(("Undo", "Follow"), hub.LEFT),
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
