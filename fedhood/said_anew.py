"""What is said once more because it could not be said before: hidden, or to somebody who was no neighbour then.

Who has it already changes nothing by it: receivers know what they have seen by its id. What came while its sender was
no neighbour is read again, too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, outbox, outbox_followers
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import help_requests, interactions, neighbourhoods, posts
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork

# of what was said longer ago nobody needs the latest word
_REMEMBERED = timedelta(days=30)
_NOT_TAKEN = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.object, DeliveryTable.version)
        .where(
            DeliveryTable.peer == hole("peer"),
            DeliveryTable.verb == "thanks.give",
            DeliveryTable.state.in_(("dropped", "refused")),
            DeliveryTable.at >= hole("since"),
        )
        .distinct()
    )
)
_GOT = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.number)
        .where(
            DeliveryTable.object == hole("object"),
            DeliveryTable.peer == hole("peer"),
            DeliveryTable.verb.in_(("post.create", "help.create", "reply.announce", "reply.send")),
            DeliveryTable.state.in_(("waiting", "done", "forgotten")),
        )
        .limit(1)
    )
)


def of_a_post(uow: UnitOfWork, post_id: int) -> None:
    """A post or an answer is shown again: it, and what was answered while it was hidden."""
    post = posts.row(uow.db, post_id=post_id)
    if post.root is not None or post.uri is None:
        _say(uow, post)
    outbox_followers.post_shown(uow, post_id=post.id)
    if post.root is None:
        for answer in posts.replies_of(uow.db, post.id):
            _say(uow, answer)


def _say(uow: UnitOfWork, post: posts.Post) -> None:
    if post.deleted_at is not None or post.hidden_at is not None:
        return
    if post.kind is posts.Kind.HELP:
        revision = help_requests.request_row(uow.db, post.id).revision
        for said in sorted({1, revision}):
            outbox.help_changed(uow, post_id=post.id, revision=said)
        return
    if post.root is not None:
        outbox.replied(uow, reply_id=post.id)
    else:
        outbox.post_published(uow, post_id=post.id, version=post.version)
    if post.edited_at is not None:
        outbox.post_edited(uow, post_id=post.id, version=post.version)


def with_a_neighbour(uow: UnitOfWork, peer: int) -> None:
    """Both have agreed: what each could not say to the other before, or would not hear."""
    to_a_neighbour(uow, peer)
    forgetting.read_again(uow, peer)


def to_a_neighbour(uow: UnitOfWork, peer: int) -> None:
    """Both have agreed: what was said before the other would hear it, and what changed since they parted."""
    since = uow.now - _REMEMBERED
    for theirs in neighbourhoods.of_peer(uow.db, peer):
        for post in (*_told(uow.db, theirs.id, since), *posts.answers_to(uow.db, neighbourhood=theirs.id, since=since)):
            _say_what_is_new(uow, peer, post)
    for post_id, account in _NOT_TAKEN.rows(uow.db, peer=peer, since=milliseconds(since)):
        if interactions.thanked_by(uow.db, account, [post_id]):
            outbox.thanked(uow, post_id=post_id, account=account)


def _told(db: peewee.Database, reader: int, since: datetime) -> Iterator[posts.Post]:
    """What ours told a neighbourhood that may read it, each with its answers."""
    for writer in neighbourhoods.ours(db):
        if neighbourhoods.may_read(db, writer=writer.id, reader=reader):
            for post in posts.told(db, writer=writer.id, reader=reader, since=since):
                yield post
                yield from posts.replies_of(db, post.id)


def _say_what_is_new(uow: UnitOfWork, peer: int, post: posts.Post) -> None:
    if _has_got(uow.db, peer, post):
        _say_change(uow, post)
    else:
        _say(uow, post)


def _has_got(db: peewee.Database, peer: int, post: posts.Post) -> bool:
    """Whether a peer knows a post, or is about to: what it did not take when it was no neighbour does not count.

    What somebody decided not to send is not said anew by itself either.
    """
    return _GOT.row(db, peer=peer, object=post.id) is not None


def _say_change(uow: UnitOfWork, post: posts.Post) -> None:
    if post.deleted_at is not None:
        return
    if post.kind is posts.Kind.HELP:
        revision = help_requests.request_row(uow.db, post.id).revision
        outbox.help_changed(uow, post_id=post.id, revision=revision)
    elif post.edited_at is not None:
        outbox.post_edited(uow, post_id=post.id, version=post.version)
