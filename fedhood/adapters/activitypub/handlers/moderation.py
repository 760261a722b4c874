"""Complaints that the moderators of another server pass on, without the name of who complained (golden file 44)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import moderation
from fedhood.core.moderation import Reason
from fedhood.kernel.errors import Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.kernel.engine import UnitOfWork

_MOST_REPORTED = 20
_MOST_WORDS = 1000


def verify_flag(activity: dict[str, Any]) -> None:
    """A complaint of a server to a server, about a person and what they wrote. Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    if reading.scope(activity) != vocabulary.DIRECT:
        raise Invalid("a complaint has the scope direct", code="scope")
    _about(activity)
    reading.optional_content(activity)


def _about(activity: dict[str, Any]) -> list[str]:
    value = activity.get("object")
    members = value if isinstance(value, list) else [value]
    if not 0 < len(members) <= _MOST_REPORTED:
        raise Invalid("a complaint is about somebody", code="member", field="object")
    return [reading.named(one) for one in members]


def needs_nobody(activity: dict[str, Any]) -> list[str]:
    """The server alone speaks, and its key is known."""
    reading.text(activity, "actor")
    return []


def receive_flag(uow: UnitOfWork, context: Context) -> None:
    """Our moderators read what those next door pass on about a resident of ours."""
    peer = acting.granted(uow, context, vocabulary.DIRECT)
    if context.signer_uri != peer.actor_uri or reading.addressed(context.activity) != (context.addresses.instance,):
        raise Forbidden("complaints go from server to server", code="recipient")
    person, *things = _about(context.activity)
    reported = acting.our_person(uow.db, context.addresses, person)
    moderation.flagged(
        uow,
        uri=reading.text(context.activity, "id"),
        reported=reported.id,
        post_id=next((found for uri in things if (found := _post_of(uow, context, uri, reported.id))), None),
        reason=_reason(context.activity.get("fhCategory")),
        text=reading.optional_content(context.activity)[:_MOST_WORDS],
    )


def _reason(said: object) -> Reason:
    """Why, if it is a reason that we know."""
    return next((reason for reason in Reason if reason.value == said), Reason.OTHER)


def _post_of(uow: UnitOfWork, context: Context, uri: str, author: int) -> int | None:
    """A post of this resident; a private thread is named too, but what was said in it stays between two."""
    try:
        post = acting.find_post(uow.db, context.addresses, uri)
    except NotFound:
        return None
    return post.id if post.author == author else None


HANDLERS: dict[tuple[str, str], Handler] = {
    ("Flag", ""): Handler(verify=verify_flag, needs=needs_nobody, receive=receive_flag),
}
