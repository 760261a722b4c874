"""How it is said to people on other software: yes or no to who follows, and what everyone may read.

    Accept | Reject by the Group ─ Follow
    Announce by the Group ─ the address of a Note          (it is looked up there, as anybody may)
    Create | Update | Delete by the Person ─ Note | Tombstone

Shapes: golden files 12, 12b, 12c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, outbox_followers, posts, vocabulary
from fedhood.adapters.activitypub.actors import group, person
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.core import neighbourhoods, visitors
from fedhood.core import posts as core_posts
from fedhood.core.posts import Audience, Post
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Gone, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.kernel.urls import Addresses

Said = tuple[str, Saying]


def _answer(act: str) -> Callable[[peewee.Database, Addresses, Delivery], Said]:
    def said(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
        """Yes or no to a Follow. Raises NotFound, Gone when it was answered anew since."""
        follower = visitors.row(db, delivery.object)
        if follower.version != delivery.version:
            raise Gone
        uri = addresses.group(neighbourhoods.get(db, follower.neighbourhood).key)
        key = _key(delivery)
        document = {
            "@context": contexts.PLAIN,
            "id": addresses.activity(key),
            "type": act,
            "actor": uri,
            "to": [follower.actor],
            "object": {"id": follower.follow, "type": "Follow", "actor": follower.actor, "object": uri},
        }
        return key, Saying(group(follower.neighbourhood), document)

    return said


def announce(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A neighbourhood announces a post of a resident, by its address alone. Raises NotFound, Gone."""
    post = core_posts.at_version(db, post_id=delivery.object, version=delivery.version)
    announced = announcement(db, addresses, post, delivery.version)
    return _key(delivery), Saying(group(post.neighbourhood), announced, introduces=(person(post.author),))


def announcement(db: peewee.Database, addresses: Addresses, post: Post, version: int) -> dict[str, Any]:
    """The Announce of a public post. Raises Invalid for any other: a mistake of ours, stopped before it leaves."""
    if post.audience is not Audience.PUBLIC:
        raise Invalid("what is not for everyone was about to be said to everyone", code="leak")
    home = addresses.group(neighbourhoods.get(db, post.neighbourhood).key)
    return {
        "@context": contexts.PLAIN,
        "id": addresses.activity(outbox_followers.key_of(outbox_followers.POST, post.id, version)),
        "type": "Announce",
        "actor": home,
        "published": instant(post.published_at),
        "to": [vocabulary.PUBLIC],
        "cc": [f"{home}/followers"],
        "object": posts.note_uri(addresses, post),
    }


def create(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A resident's answer to somebody on other software. Raises NotFound, Gone."""
    post = core_posts.at_version(db, post_id=delivery.object, version=delivery.version)
    note = posts.note_document(db, addresses, replace(post, edited_at=None))
    return _by_author(db, addresses, delivery, post, act="Create", thing=note, at=post.published_at)


def update(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A post or an answer in the version that an edit made. Raises NotFound, Gone."""
    post = core_posts.at_version(db, post_id=delivery.object, version=delivery.version)
    at = posts.ordered_at(db, delivery)
    note = posts.note_document(db, addresses, replace(post, edited_at=post.edited_at or at))
    return _by_author(db, addresses, delivery, post, act="Update", thing=note, at=at)


def delete(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The removal of a post or an answer. Raises NotFound."""
    post = core_posts.row(db, post_id=delivery.object)
    at = post.deleted_at or posts.ordered_at(db, delivery)
    tombstone = posts.tombstone(addresses, post, at)
    return _by_author(db, addresses, delivery, post, act="Delete", thing=tombstone, at=at)


def _by_author(
    db: peewee.Database,
    addresses: Addresses,
    delivery: Delivery,
    post: Post,
    *,
    act: str,
    thing: dict[str, Any],
    at: datetime,
) -> Said:
    """What its author did with a public post, in the author's own name. Raises Gone when the thread went."""
    root = posts.root_of(db, post)
    if root.deleted_at is not None and act != "Delete":
        raise Gone
    if root.audience is not Audience.PUBLIC:
        raise Invalid("what is not for everyone was about to be said to everyone", code="leak")
    reach = posts.reach_of(db, addresses, post, root)
    key = _key(delivery)
    document = {
        "@context": contexts.PUBLIC_POST if post.root is None else contexts.PUBLIC_COMMENT,
        "id": addresses.activity(key),
        "type": act,
        "actor": posts.person_uri(db, addresses, post.author),
        "published": instant(at),
        **reach.on_activity(),
        "audience": reach.home,
        "object": thing,
    }
    return key, Saying(person(post.author), document)


def _key(delivery: Delivery) -> str:
    return outbox_followers.key_of(delivery.verb, delivery.object, delivery.version)


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    outbox_followers.ACCEPT: _answer("Accept"),
    outbox_followers.REJECT: _answer("Reject"),
    outbox_followers.POST: announce,
    outbox_followers.EDIT: update,
    outbox_followers.DELETE: delete,
    outbox_followers.ANSWER: create,
}
