"""What people on other software say to us: they follow, answer, give thanks, change their minds, and leave.

They sign for themselves, and nobody vouches for them. So they are heard about public threads that began here, where
visitors are received, and about nothing else. Shapes: golden files 12b, 40, 41, 42, 45.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, strangers, vocabulary
from fedhood.adapters.activitypub.handlers import acting, people, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, help_requests, interactions, neighbourhoods, peers, posts, relations, visitors
from fedhood.core.posts import Audience, Kind
from fedhood.kernel.errors import Forbidden, Invalid, NotFound, TooMany

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork

MOST_ANSWERS = 20  # of one visitor in one thread


def _nobody(_: dict[str, Any]) -> list[str]:
    return []


def _verify_own(activity: dict[str, Any]) -> None:
    """What somebody says is of their own server, and about one thing. Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.named(activity.get("object"))


# -- following ---------------------------------------------------------------------------------------------------------


def receive_follow(uow: UnitOfWork, context: Context) -> None:
    """Somebody wants to follow a neighbourhood of ours. Raises Forbidden for anything else that is followed."""
    group = _group_of(uow, context, context.activity)
    if group is None:
        raise Forbidden("neighbourhoods are followed, and nothing else here", code="not-a-group")
    who = context.fetched[context.signer_uri]
    visitors.follow(
        uow,
        neighbourhood=group.id,
        actor=context.signer_uri,
        host=who["host"],
        inbox=who["inbox"],
        endpoint=who["shared_inbox"] or who["inbox"],
        uri=reading.text(context.activity, "id"),
    )


def _group_of(uow: UnitOfWork, context: Context, follow: dict[str, Any]) -> Neighbourhood | None:
    return acting.our_group(uow.db, context.addresses, reading.named(follow.get("object")))


def verify_undo(activity: dict[str, Any]) -> None:
    """The same person takes the same thing back (A5). Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    done = reading.embedded(activity)
    if reading.named(done.get("actor")) != reading.text(activity, "actor"):
        raise Invalid("nobody takes back what somebody else did", code="author")
    reading.named(done.get("object"))


def receive_unfollow(uow: UnitOfWork, context: Context) -> None:
    """Somebody follows a neighbourhood no longer."""
    group = _group_of(uow, context, reading.embedded(context.activity))
    if group is not None:
        visitors.unfollow(uow, actor=context.signer_uri, neighbourhood=group.id)


def receive_undo_by_address(uow: UnitOfWork, context: Context) -> None:
    """Somebody takes back what they name by its address alone: their following, if it is that."""
    visitors.unfollow(uow, actor=context.signer_uri, uri=reading.named(context.activity.get("object")))


# -- answers -----------------------------------------------------------------------------------------------------------


def verify_answer(activity: dict[str, Any]) -> None:
    """An answer by its author, for everyone. Raises Invalid, also for what is not public or answers nothing."""
    note = reading.embedded(activity)
    reading.authored(activity, note)
    if reading.scope(activity) or reading.scope(note) not in {"", vocabulary.PUBLIC_SCOPE}:
        raise Invalid("what is scoped is between neighbours", code="scope")
    if vocabulary.PUBLIC not in {*reading.addressed(note), *reading.addressed(note, "cc")}:
        raise Invalid("it is not for everyone", code="not-public")
    if "inReplyTo" not in note:
        raise Invalid("it answers nothing", code="no-answer")
    reading.text(note, "inReplyTo")
    reading.content(note)


def receive_answer(uow: UnitOfWork, context: Context) -> None:
    """Somebody on other software answers in a public thread of ours. Raises Forbidden, NotFound, TooMany."""
    note = reading.embedded(context.activity)
    uri = reading.text(note, "id")
    if threads.came_too_late(uow, context, uri):
        return
    answered, root = _public_thing(uow, context, reading.text(note, "inReplyTo"))
    author = _account(uow, context)
    if any(relations.is_blocked(uow.db, one, author) for one in {root.author, answered.author} - {author}):
        return  # a block is never told, neither way
    given = sum(one.author == author and one.uri != uri for one in posts.replies_of(uow.db, root.id))
    if given >= MOST_ANSWERS:
        raise TooMany("one visitor answers twenty times in one thread", retry_after=86400)
    posts.mirror_reply(
        uow,
        uri=uri,
        root=root.id,
        parent=answered.id,
        author=author,
        text=_words(note),
        language=reading.language(note),
        published_at=reading.moment_of(note, "published") or uow.now,
    )


def receive_changed(uow: UnitOfWork, context: Context) -> None:
    """Somebody says their answer better. Raises NotFound for what is not here, Forbidden."""
    note = reading.embedded(context.activity)
    post = _own_answer(uow, context, reading.text(note, "id"))
    if post is None:
        raise NotFound("the answer that this is about is not here", code="unknown")
    _public_thing(uow, context, reading.text(note, "inReplyTo"))
    edited_at = reading.moment_of(note, "updated") or uow.now
    posts.mirror_edit(uow, post_id=post.id, text=_words(note), language=reading.language(note), edited_at=edited_at)


def receive_removed(uow: UnitOfWork, context: Context) -> None:
    """Somebody takes an answer away: heard whether visitors are received or not. Again is the same."""
    uri = reading.named(context.activity.get("object"))
    reading.same_origin(uri, context.signer_uri)
    # it may still be to be read
    forgetting.never_mind(uow, uri, signer=context.signer_uri, but=reading.text(context.activity, "id"))
    post = _own_answer(uow, context, uri)
    if post is not None and post.deleted_at is None:
        posts.mirror_delete(uow, post_id=post.id, deleted_at=uow.now)
    forgetting.heard_about(uow, [uri])


def _own_answer(uow: UnitOfWork, context: Context, uri: str) -> Post | None:
    post = posts.by_uri(uow.db, uri)
    if post is not None and accounts.get(uow.db, post.author).uri != context.signer_uri:
        raise Forbidden("only its author changes a post", code="author")
    return post


def _words(note: dict[str, Any]) -> str:
    """What it says; a warning that stands before it is said first."""
    warning = vocabulary.text_of(note["summary"]) if isinstance(note.get("summary"), str) else ""
    said = reading.content(note)
    return f"{warning}\n\n{said}" if warning else said


def _public_thing(uow: UnitOfWork, context: Context, uri: str) -> tuple[Post, Post]:
    """What is answered or thanked for, and the root of its thread: public, shown, ours, and open to visitors.

    Raises Forbidden for anything else that is here, in the same way as for what never was.
    """
    post = acting.known_post(uow.db, context.addresses, uri)
    root = None if post is None else post if post.root is None else posts.row(uow.db, post_id=post.root)
    if post is None or root is None or root.uri is not None or root.audience is not Audience.PUBLIC:
        raise Forbidden("it is about nothing that everyone may read here", code="not-ours")
    if root.kind is not Kind.NOTE or any(one.hidden_at or one.deleted_at for one in (post, root)):
        raise Forbidden("it is about nothing that everyone may read here", code="not-ours")
    if not neighbourhoods.get(uow.db, root.neighbourhood).visitors:
        raise Forbidden("no visitors are received there", code="no-visitors")
    return post, root


def _account(uow: UnitOfWork, context: Context) -> int:
    """Who visits, remembered under the name that they have there."""
    who = context.fetched[context.signer_uri]
    peer = peers.host_of_visitors(uow, host=who["host"], shared_inbox=who["shared_inbox"] or who["inbox"])
    return accounts.remember(
        uow, peer=peer, uri=context.signer_uri, name=who["name"], neighbourhood=None, visitor=who["handle"]
    )


# -- thanks ------------------------------------------------------------------------------------------------------------


def receive_like(uow: UnitOfWork, context: Context) -> None:
    """Somebody gives thanks for something of ours. Raises Forbidden, NotFound."""
    uri = reading.text(context.activity, "id")
    if threads.came_too_late(uow, context, uri):
        return
    post, _ = _public_thing(uow, context, reading.named(context.activity.get("object")))
    if post.uri is not None:
        raise Forbidden("thanks go to the home of what they are for", code="not-the-home")
    given_at = reading.moment_of(context.activity, "published") or uow.now
    interactions.mirror_thanks(uow, post_id=post.id, account=_account(uow, context), uri=uri, given_at=given_at)


def receive_unlike(uow: UnitOfWork, context: Context) -> None:
    """Somebody takes thanks back. What was never given is not there to be taken."""
    like = reading.embedded(context.activity)
    uri = reading.text(like, "id") if "id" in like else ""
    forgetting.never_mind(uow, uri, signer=context.signer_uri, but=reading.text(context.activity, "id"))
    post = acting.known_post(uow.db, context.addresses, reading.named(like.get("object")))
    account = accounts.by_uri(uow.db, context.signer_uri)
    if post is not None and account is not None:
        at = reading.moment_of(context.activity, "published") or uow.now
        interactions.mirror_take_back(uow, post_id=post.id, account=account.id, uri=uri, at=at)


# -- themselves --------------------------------------------------------------------------------------------------------


def verify_news(activity: dict[str, Any]) -> None:
    """Nobody says that somebody else changed. Raises Invalid."""
    _verify_own(activity)
    if reading.named(activity.get("object")) != reading.text(activity, "actor"):
        raise Invalid("only they themselves say that they changed", code="author")


def receive_news(uow: UnitOfWork, context: Context) -> None:
    """Somebody is called something else now. Their document was asked for anew before."""
    if accounts.by_uri(uow.db, context.signer_uri) is not None:
        _account(uow, context)


def receive_left(uow: UnitOfWork, context: Context) -> None:
    """Somebody is no more: they follow nothing, and nothing that they wrote is kept."""
    visitors.forget(uow, actor=context.signer_uri)
    who = accounts.by_uri(uow.db, context.signer_uri)
    if who is not None:
        wrote = (posts.row(uow.db, post_id=post_id).uri for post_id in posts.ids_by(uow.db, who.id))
        forgetting.heard_about(uow, [uri for uri in wrote if uri is not None])
        help_requests.left_elsewhere(uow, account=who.id)
    forgetting.heard_from(uow, context.signer_uri)
    strangers.forget(uow, context.signer_uri)


_FOLLOW = Handler(verify=_verify_own, needs=_nobody, receive=receive_follow)
_LIKE = Handler(verify=_verify_own, needs=_nobody, receive=receive_like)
_REMOVED = Handler(verify=_verify_own, needs=_nobody, receive=receive_removed)
_NEWS = Handler(verify=verify_news, needs=_nobody, receive=receive_news)

HANDLERS: dict[tuple[str, str], Handler] = {
    ("Follow", ""): _FOLLOW,
    ("Follow", "Group"): _FOLLOW,
    ("Undo", "Follow"): Handler(verify=verify_undo, needs=_nobody, receive=receive_unfollow),
    ("Undo", "Like"): Handler(verify=verify_undo, needs=_nobody, receive=receive_unlike),
    ("Undo", ""): Handler(verify=_verify_own, needs=_nobody, receive=receive_undo_by_address),
    ("Create", "Note"): Handler(verify=verify_answer, needs=_nobody, receive=receive_answer),
    ("Update", "Note"): Handler(verify=verify_answer, needs=_nobody, receive=receive_changed),
    ("Delete", "Tombstone"): _REMOVED,
    ("Delete", "Note"): _REMOVED,
    ("Delete", ""): _REMOVED,
    ("Like", ""): _LIKE,
    ("Like", "Note"): _LIKE,
    **{("Update", kind): _NEWS for kind in ("Application", "Group", "Organization", "Person", "Service")},
    people.LEFT: Handler(verify=people.verify_left, needs=_nobody, receive=receive_left),
}
