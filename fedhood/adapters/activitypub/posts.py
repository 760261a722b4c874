"""How a post is said to other servers: as a Note, by its author, announced by its neighbourhood.

    Announce by the Group ─ Create | Update | Delete by the Person ─ Note | Tombstone

The neighbourhood of the root announces: what its residents say, and the answers that neighbours sent to it. An answer
to another server's post goes to that server alone, without an Announce. Shapes: golden files 10, 11, 13, 17a, 17b,
40–42, 47–49.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, passed_on, vocabulary
from fedhood.adapters.activitypub.actors import group, person
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import accounts, help_requests, hubs, neighbourhoods, posts
from fedhood.core.posts import Audience, Kind, Post
from fedhood.kernel import urls
from fedhood.kernel.clock import instant, milliseconds
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import peewee

    from fedhood.core.help_requests import HelpRequest
    from fedhood.kernel.urls import Addresses

Said = tuple[str, Saying]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """To whom a post and all that is done to it is said; `home` is the Group that announces it."""

    scope: str
    to: list[str]
    cc: list[str]
    home: str

    @property
    def is_public(self) -> bool:
        """Whether anyone may read it."""
        return self.scope == vocabulary.PUBLIC_SCOPE

    def on_activity(self) -> dict[str, Any]:
        """The members of an activity that say it; only what is scoped names its scope there."""
        members: dict[str, Any] = {"to": self.to, "cc": self.cc}
        return members if self.is_public else {**members, "fhScope": self.scope}


# -- who is called what ------------------------------------------------------------------------------------------------


def group_uri(db: peewee.Database, addresses: Addresses, neighbourhood: int) -> str:
    """The Group of a neighbourhood, here or elsewhere. Raises NotFound."""
    place = neighbourhoods.get(db, neighbourhood)
    return place.uri or addresses.group(place.key)


def person_uri(db: peewee.Database, addresses: Addresses, account: int) -> str:
    """The Person of an account, here or elsewhere. Raises NotFound."""
    who = accounts.get(db, account)
    return who.uri or addresses.person(who.key)


def note_uri(addresses: Addresses, post: Post) -> str:
    """The id of a post, here or elsewhere."""
    return post.uri or addresses.note(post.id)


def context_uri(addresses: Addresses, root: Post) -> str:
    """The thread of a root; another server's is called as its Note, in the way all of us name threads."""
    return addresses.context(root.id) if root.uri is None else root.uri.replace("/ap/notes/", "/ap/contexts/")


def ordered_at(db: peewee.Database, delivery: Delivery) -> datetime:
    """The moment of the transaction that ordered a delivery. Raises NotFound."""
    rows = DeliveryTable.select(DeliveryTable.at).where(
        DeliveryTable.peer == delivery.peer,
        DeliveryTable.epoch == delivery.epoch,
        DeliveryTable.number == delivery.number,
    )
    for row in rows.execute(db):
        at: datetime = row.at
        return at
    raise NotFound


def key_of(delivery: Delivery) -> str:
    """The last part of the id of what is said: the same whenever and to whomever it is said."""
    return f"{delivery.verb.replace('.', '-')}-{delivery.object}-{delivery.version}"


# -- the Note ----------------------------------------------------------------------------------------------------------


def root_of(db: peewee.Database, post: Post) -> Post:
    """The post that a thread began with. Raises NotFound."""
    return post if post.root is None else posts.row(db, post_id=post.root)


def reach_of(db: peewee.Database, addresses: Addresses, post: Post, root: Post) -> Reach:
    """To whom a post is said: the Groups of its root's places, home first, or everyone. Raises Invalid, NotFound."""
    scope = vocabulary.scope_of(root.audience)
    home = group_uri(db, addresses, root.neighbourhood)
    if root.audience is Audience.PUBLIC:
        author = person_uri(db, addresses, post.author)
        followers = [f"{home}/followers", f"{author}/followers", home]
        if post.parent is not None:
            answered = posts.row(db, post_id=post.parent).author
            followers = [person_uri(db, addresses, answered), home, f"{author}/followers"]
        return Reach(scope=scope, to=[vocabulary.PUBLIC], cc=followers, home=home)
    if root.audience is Audience.CITY:
        hub = hubs.in_places(db, root.places)
        if hub is None:
            raise NotFound
        return Reach(scope=scope, to=[f"{hub.uri}/instances"], cc=[], home=hub.uri)
    others = [group_uri(db, addresses, place) for place in root.places if place != root.neighbourhood]
    return Reach(scope=scope, to=[home, *others], cc=[], home=home)


def note_document(
    db: peewee.Database, addresses: Addresses, post: Post, *, request: HelpRequest | None = None
) -> dict[str, Any]:
    """A post as a Note, without `@context`; `updated` is the post's `edited_at`.

    A help request tells the state that `request` gives, or the one it has now. Raises Invalid, NotFound.
    """
    root = root_of(db, post)
    reach = reach_of(db, addresses, post, root)
    uri = note_uri(addresses, post)
    author = person_uri(db, addresses, post.author)
    page = urls.help_request(post.id) if post.kind is Kind.HELP else urls.post(post.id)
    note: dict[str, Any] = {
        "id": uri,
        "type": "Note",
        "attributedTo": author,
        "published": instant(post.published_at),
        **({} if post.edited_at is None else {"updated": instant(post.edited_at)}),
        "url": addresses.base + page,
        "to": reach.to,
        "cc": reach.cc,
        "audience": reach.home,
        **vocabulary.texts(post.text, post.language),
        "fhScope": reach.scope,
        "context": context_uri(addresses, root),
        "sensitive": False,
    }
    if not reach.is_public:
        note["directMessage"] = False
    if post.parent is None:
        note |= {"replies": f"{uri}/replies", "interactionPolicy": _policy(reach, author)}
    else:
        answered = posts.row(db, post_id=post.parent)
        note["inReplyTo"] = note_uri(addresses, answered)
        if reach.is_public:
            note["tag"] = [_mention(db, addresses, answered.author)]
    if post.kind is Kind.HELP:
        note |= vocabulary.help_members(uri, request or help_requests.request_row(db, post.id))
    return note


def _policy(reach: Reach, author: str) -> dict[str, Any]:
    """Who may do what without asking; outside the public nobody hands a post on but its own neighbourhood."""
    onwards = reach.to if reach.is_public else [author]
    answers = {"canLike": reach.to, "canReply": reach.to, "canAnnounce": onwards}
    return {act: {"automaticApproval": allowed} for act, allowed in answers.items()}


def _mention(db: peewee.Database, addresses: Addresses, account: int) -> dict[str, str]:
    uri = person_uri(db, addresses, account)
    name = accounts.get(db, account).handle or uri.rpartition("/")[2]
    return {"type": "Mention", "href": uri, "name": f"@{name}@{urls.authority(uri)}"}


# -- what is done to it ------------------------------------------------------------------------------------------------


def said(
    db: peewee.Database,
    addresses: Addresses,
    delivery: Delivery,
    post: Post,
    *,
    act: str,
    thing: dict[str, Any],
    at: datetime,
) -> Said:
    """A Create, Update or Delete of a post, announced when the thread is ours and not the whole city's.

    Raises Gone when the thread went, NotFound for another server's answer whose bytes are not here any more.
    """
    root = root_of(db, post)
    if root.deleted_at is not None and act != "Delete":
        raise Gone
    reach = reach_of(db, addresses, post, root)
    key = key_of(delivery)
    if post.uri is not None:
        theirs = passed_on.activity(db, post, act=act, actor=person_uri(db, addresses, post.author))
        return _announced(db, addresses, key, root, reach, ordered_at(db, delivery), theirs)
    inner = Saying(
        person(post.author),
        {
            "@context": _context(post, reach),
            "id": addresses.activity(key),
            "type": act,
            "actor": person_uri(db, addresses, post.author),
            "published": instant(at),
            **reach.on_activity(),
            **_acting_for(db, addresses, post, reach),
            "audience": reach.home,
            "object": thing,
        },
    )
    if root.uri is not None or root.audience is Audience.CITY:  # the home of the thread announces it, or the hub
        return key, inner
    return _announced(db, addresses, key, root, reach, at, inner)


def _context(post: Post, reach: Reach) -> contexts.Context:
    if not reach.is_public:
        return contexts.SCOPED
    return contexts.PUBLIC_POST if post.root is None else contexts.PUBLIC_COMMENT


def _acting_for(db: peewee.Database, addresses: Addresses, post: Post, reach: Reach) -> dict[str, str]:
    """Who answers in a scoped thread, or speaks to a whole city, names the neighbourhood that they do it for."""
    if reach.is_public or (post.root is None and reach.scope != vocabulary.CITY):
        return {}
    return {"fhFrom": group_uri(db, addresses, post.neighbourhood)}


def _announced(
    db: peewee.Database,
    addresses: Addresses,
    key: str,
    root: Post,
    reach: Reach,
    at: datetime,
    inner: Saying | dict[str, Any],
) -> Said:
    """The neighbourhood's Announce around a resident's activity, or around one that a neighbour signed elsewhere."""
    key = f"announce-{key}"
    public = {"to": [vocabulary.PUBLIC], "cc": [f"{reach.home}/followers"]}
    document: dict[str, Any] = {
        "@context": contexts.PUBLIC_ANNOUNCE if reach.is_public else contexts.SCOPED,
        "id": addresses.activity(key),
        "type": "Announce",
        "actor": group_uri(db, addresses, root.neighbourhood),
        "published": instant(at),
        **(public if reach.is_public else {**reach.on_activity(), "directMessage": False}),
    }
    if isinstance(inner, Saying):
        return key, Saying(group(root.neighbourhood), document, inner)
    return key, Saying(group(root.neighbourhood), {**document, "object": inner})


def create(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A post or an answer, in the version that was published. Raises NotFound, Gone."""
    post = posts.at_version(db, post_id=delivery.object, version=delivery.version)
    note = note_document(db, addresses, replace(post, edited_at=None))
    return said(db, addresses, delivery, post, act="Create", thing=note, at=post.published_at)


def update(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A post in the version that an edit made. Raises NotFound, Gone."""
    post = posts.at_version(db, post_id=delivery.object, version=delivery.version)
    at = ordered_at(db, delivery)
    note = note_document(db, addresses, replace(post, edited_at=post.edited_at or at))
    return said(db, addresses, delivery, post, act="Update", thing=note, at=at)


def delete(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The removal of a post. Raises NotFound."""
    post = posts.row(db, post_id=delivery.object)
    at = post.deleted_at or ordered_at(db, delivery)
    return said(db, addresses, delivery, post, act="Delete", thing=tombstone(addresses, post, at), at=at)


def tombstone(addresses: Addresses, post: Post, at: datetime) -> dict[str, Any]:
    """What is left of a post that was removed."""
    return {"id": note_uri(addresses, post), "type": "Tombstone", "formerType": "Note", "deleted": instant(at)}


# -- thanks ------------------------------------------------------------------------------------------------------------


def thanks(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A resident's thanks for another server's post, as a Like. Raises NotFound, Gone."""
    post = posts.row(db, post_id=delivery.object)
    if post.deleted_at is not None:
        raise Gone
    key = _thanks_key(db, delivery, ordered_at(db, delivery))
    like = _about_thanks(db, addresses, delivery, post, key=key, act="Like")
    return key, Saying(person(delivery.version), {**like, "object": note_uri(addresses, post)})


def thanks_undone(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """Thanks taken back: an Undo of the Like that this peer got last before it. Raises NotFound."""
    post = posts.row(db, post_id=delivery.object)
    given = _thanks_key(db, delivery, _given_at(db, delivery))
    undo = _about_thanks(db, addresses, delivery, post, key=f"{given}-undo", act="Undo")
    like = {
        "id": addresses.activity(given),
        "type": "Like",
        "actor": undo["actor"],
        "object": note_uri(addresses, post),
    }
    return f"{given}-undo", Saying(person(delivery.version), {**undo, "object": like})


def _thanks_key(db: peewee.Database, delivery: Delivery, at: datetime) -> str:
    # thanks may be given, taken back and given again: each time is another activity, and no counter stands in its name
    return f"thanks-{delivery.object}-{accounts.get(db, delivery.version).key}-{milliseconds(at)}"


def _given_at(db: peewee.Database, undo: Delivery) -> datetime:
    given = (
        DeliveryTable.select(DeliveryTable.at)
        .where(
            DeliveryTable.peer == undo.peer,
            DeliveryTable.object == undo.object,
            DeliveryTable.version == undo.version,
            DeliveryTable.verb == "thanks.give",
            DeliveryTable.state != "dropped",
            # who thanks again before this is said has given other thanks
            (DeliveryTable.epoch < undo.epoch)
            | ((DeliveryTable.epoch == undo.epoch) & (DeliveryTable.number < undo.number)),
        )
        .order_by(DeliveryTable.epoch.desc(), DeliveryTable.number.desc())
        .limit(1)
    )
    for row in given.execute(db):
        at: datetime = row.at
        return at
    raise NotFound


def _about_thanks(
    db: peewee.Database, addresses: Addresses, delivery: Delivery, post: Post, *, key: str, act: str
) -> dict[str, Any]:
    """What a Like and its Undo have in common: scoped they go to the places, public ones to who is thanked."""
    reach = reach_of(db, addresses, post, root_of(db, post))
    account = accounts.get(db, delivery.version)
    who: dict[str, Any] = {"to": [person_uri(db, addresses, post.author)], "cc": [reach.home]}
    if not reach.is_public:
        if account.neighbourhood is None:
            raise NotFound
        who = {**reach.on_activity(), "fhFrom": group_uri(db, addresses, account.neighbourhood)}
    return {
        "@context": contexts.PLAIN if reach.is_public else contexts.SCOPED,
        "id": addresses.activity(key),
        "type": act,
        "actor": addresses.person(account.key),
        "published": instant(ordered_at(db, delivery)),
        **who,
        "audience": reach.home,
    }


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    "post.create": create,
    "post.update": update,
    "post.delete": delete,
    "reply.send": create,
    "reply.announce": create,
    "thanks.give": thanks,
    "thanks.undo": thanks_undone,
}
# their keys are `key_of` the delivery: the same to everybody
ALIKE = ("post.create", "post.update", "post.delete", "reply.send", "reply.announce")
