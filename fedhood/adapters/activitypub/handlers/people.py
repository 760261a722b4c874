"""Somebody next door left for good (golden file 45): nothing of theirs stays but that there was somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, remote
from fedhood.adapters.activitypub.handlers import reading
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, city_messages, help_requests, posts
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork


def verify_left(activity: dict[str, Any]) -> None:
    """Nobody says that somebody else has left. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    if reading.named(activity.get("object")) != actor:
        raise Invalid("only they themselves say that they left", code="author")


def needs_actor(activity: dict[str, Any]) -> list[str]:
    """The person who leaves."""
    return [reading.text(activity, "actor")]


def receive_left(uow: UnitOfWork, context: Context) -> None:
    """Forget somebody next door: their name, what they wrote, what they said in private. Again is the same.

    It needs no grant: a removal is heard whatever is agreed. Raises Forbidden for a person of another server.
    """
    _forget_answers(uow, context)
    forget(uow, context.signer_uri, peer=context.peer)


def forget(uow: UnitOfWork, uri: str, *, peer: Peer | None) -> None:
    """Forget somebody of this server. Raises Forbidden for a person of another one."""
    who = accounts.by_uri(uow.db, uri)
    if who is None:
        return
    if peer is None or who.peer != peer.id:
        raise Forbidden("this person is of another server", code="author")
    wrote = (posts.row(uow.db, post_id=post_id).uri for post_id in posts.ids_by(uow.db, who.id))
    forgetting.heard_about(uow, [uri for uri in wrote if uri is not None])
    forgetting.heard_from(uow, uri)
    city_messages.forget(uow, author=who.id)
    help_requests.left_elsewhere(uow, account=who.id)
    remote.forget_name(uow, uri)


def _forget_answers(uow: UnitOfWork, context: Context) -> None:
    """At the city: all that they let it read."""
    gone = city_messages.person_left(uow, person=context.signer_uri)
    if gone:
        forgetting.heard_about(uow, gone)
        forgetting.heard_from(uow, context.signer_uri)
        remote.forget_name(uow, context.signer_uri)


LEFT = ("Delete", "Person")
HANDLERS: dict[tuple[str, str], Handler] = {
    LEFT: Handler(verify=verify_left, needs=needs_actor, receive=receive_left),
}
