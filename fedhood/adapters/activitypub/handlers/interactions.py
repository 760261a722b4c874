"""Thanks of neighbours, given and taken back: they go to the home of the post alone, which keeps the count.

Shapes: golden files 41, 42, 43, 49.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, interactions, neighbourhoods
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork


def verify_like(activity: dict[str, Any]) -> None:
    """Thanks for one thing, to the places of a thread or, for a public post, to its author. Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.named(activity.get("object"))
    _scope(activity)


def verify_undo(activity: dict[str, Any]) -> None:
    """The same person takes the same thanks back (A5). Raises Invalid."""
    verify_like(activity)
    like = reading.embedded(activity)
    if reading.text(like, "actor") != reading.text(activity, "actor"):
        raise Invalid("nobody takes back what somebody else gave", code="author")
    reading.named(like.get("object"))


def _scope(activity: dict[str, Any]) -> str:
    if reading.scope(activity) == vocabulary.NEIGHBOURS:
        reading.text(activity, "fhFrom")
        reading.to_places(activity)
        return vocabulary.NEIGHBOURS
    if reading.scope(activity) not in {"", vocabulary.PUBLIC_SCOPE}:
        raise Invalid("thanks have the scope of what they are for", code="scope")
    return vocabulary.PUBLIC_SCOPE


def needs_actor(activity: dict[str, Any]) -> list[str]:
    """The person whose thanks they are."""
    return [reading.text(activity, "actor")]


def receive_like(uow: UnitOfWork, context: Context) -> None:
    """Somebody next door says thanks for something of ours."""
    uri = reading.text(context.activity, "id")
    if threads.came_too_late(uow, context, uri):
        return
    post = acting.find_post(uow.db, context.addresses, reading.named(context.activity.get("object")))
    peer, home = _acting(uow, context, post)
    account = acting.their_person(uow, context, peer, context.signer_uri, home.id)
    given_at = reading.moment_of(context.activity, "published") or uow.now
    interactions.mirror_thanks(uow, post_id=post.id, account=account, uri=uri, given_at=given_at)


def receive_undo(uow: UnitOfWork, context: Context) -> None:
    """Somebody next door takes thanks back. What was never given is not there to be taken."""
    like = reading.embedded(context.activity)
    post = acting.find_post(uow.db, context.addresses, reading.named(like.get("object")))
    acting.heard(context, _scope(context.activity))
    account = accounts.by_uri(uow.db, context.signer_uri)
    # the thanks may still be to be read
    uri = reading.text(like, "id") if "id" in like else ""
    forgetting.never_mind(uow, uri, signer=context.signer_uri, but=reading.text(context.activity, "id"))
    if account is not None:
        at = reading.moment_of(context.activity, "published") or uow.now
        interactions.mirror_take_back(uow, post_id=post.id, account=account.id, uri=uri, at=at)


def _acting(uow: UnitOfWork, context: Context, post: Post) -> tuple[Peer, Neighbourhood]:
    """Who thanks, and for which neighbourhood they act. Raises Forbidden (L5, L8)."""
    scope = _scope(context.activity)
    peer = acting.granted(uow, context, scope)
    root = acting.root_of(uow.db, post)
    if post.uri is not None:
        raise Forbidden("thanks go to the home of what they are for", code="not-the-home")
    if root.audience is Audience.NEIGHBOURHOOD or vocabulary.scope_of(root.audience) != scope:
        raise Forbidden("it has another scope than its thread", code="scope-changed")
    if scope == vocabulary.NEIGHBOURS:
        acting.same_places(uow.db, context.addresses, reading.to_places(context.activity), root)
        return peer, acting.acting_for(uow, context, peer, root)
    # which other places its home told, another's public post does not say: any of that server will do
    told = root.places if root.uri is None else [one.id for one in neighbourhoods.of_peer(uow.db, peer.id)]
    for place in neighbourhoods.many(uow.db, told).values():
        if place.peer == peer.id:
            return peer, place
    raise Forbidden("no neighbourhood of this server was told", code="not-a-place")


HANDLERS: dict[tuple[str, str], Handler] = {
    ("Like", ""): Handler(verify=verify_like, needs=needs_actor, receive=receive_like),
    ("Undo", "Like"): Handler(verify=verify_undo, needs=needs_actor, receive=receive_undo),
}
