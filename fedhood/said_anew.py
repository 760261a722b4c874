"""What is said once more because it could not be said before: hidden, or to somebody who was no neighbour then.

Who has it already changes nothing by it: receivers know what they have seen by its id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import outbox
from fedhood.core import help_requests, neighbourhoods, posts

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork

# of what was said longer ago nobody needs the latest word
_REMEMBERED = timedelta(days=30)


def of_a_post(uow: UnitOfWork, post_id: int) -> None:
    """A post or an answer is shown again: it, and what was answered while it was hidden."""
    post = posts.row(uow.db, post_id=post_id)
    if post.root is not None or post.uri is None:
        _say(uow, post)
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


def to_a_neighbour(uow: UnitOfWork, peer: int) -> None:
    """Two have agreed: what changed since they parted, if they were neighbours before."""
    for theirs in neighbourhoods.of_peer(uow.db, peer):
        for ours in neighbourhoods.ours(uow.db):
            if neighbourhoods.may_read(uow.db, writer=ours.id, reader=theirs.id):
                _say_changes(uow, ours.id, theirs.id)


def _say_changes(uow: UnitOfWork, writer: int, reader: int) -> None:
    for post in posts.told(uow.db, writer=writer, reader=reader, since=uow.now - _REMEMBERED):
        if post.kind is posts.Kind.HELP:
            revision = help_requests.request_row(uow.db, post.id).revision
            outbox.help_changed(uow, post_id=post.id, revision=revision)
        elif post.edited_at is not None:
            outbox.post_edited(uow, post_id=post.id, version=post.version)
