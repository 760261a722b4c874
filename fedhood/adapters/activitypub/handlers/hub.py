"""What goes through a city's hub, at both its ends: taking part, passing on, and what was passed on (golden 14, 15).

The hub looks at addresses and signatures alone. Who gets something by it believes the author's word and not the hub's:
what is inside is proved by a key of the author's own server, which the hub can neither make nor change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, hub, outbox_city, vocabulary
from fedhood.adapters.activitypub.handlers import acting, people, posts, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.adapters.http import strict_json
from fedhood.core import accounts, hubs, neighbourhoods, peers
from fedhood.core import posts as written
from fedhood.core.peers import PeerState, Trust
from fedhood.core.posts import Audience, Category, Kind
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.hubs import Hub
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork

LONGEST = 128 << 10  # bytes of what is passed on: all that a post can hold, twice over
# what was said longer ago is not taken from a hub: its removal may have been forgotten since
OLDEST = timedelta(days=30)
_OURS = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says to a whole city, for the neighbourhood `home`; `thing` is the Note or its Tombstone."""

    hub: str
    act: str
    author: str
    home: str
    thing: dict[str, Any]


def is_for_hub(activity: dict[str, Any]) -> bool:
    """Whether an activity is addressed to those who take part in some city's hub."""
    to = activity.get("to")
    return isinstance(to, list) and any(isinstance(one, str) and one.endswith(urls.HUB + hub.MEMBERS) for one in to)


def is_about_hub(activity: dict[str, Any]) -> bool:
    """Whether a Follow, its Accept or its Undo is about a hub."""
    thing = activity.get("object")
    if isinstance(thing, dict):
        thing = thing.get("object")
    return isinstance(thing, str) and thing.endswith(urls.HUB)


# -- taking part -------------------------------------------------------------------------------------------------------


def verify_follow(activity: dict[str, Any]) -> None:
    """A Group asks a hub. Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.text(activity, "object")


def needs_actor(activity: dict[str, Any]) -> list[str]:
    """Who speaks: a neighbourhood, a hub, or a resident."""
    return [reading.text(activity, "actor")]


def receive_follow(uow: UnitOfWork, context: Context) -> None:
    """At the city: a neighbourhood of a server that has us as its city takes part from now on. Raises Forbidden."""
    if context.activity["object"] != context.addresses.hub:
        raise Forbidden("it asks somebody else", code="recipient")
    peer = _agreed(context)
    if vocabulary.CITY not in peers.grants(uow.db, peer_id=peer.id, ours=False, now=uow.now):
        raise Forbidden("nothing of this scope was agreed", code="scope-not-granted")
    place = acting.their_group(uow, context, peer, context.signer_uri)
    hubs.member_asks(uow, place=place.id, uri=reading.text(context.activity, "id"))


def _agreed(context: Context) -> Peer:
    peer = context.peer
    if peer is None or peer.state is not PeerState.AGREED or peer.trust is not Trust.CITY:
        raise Forbidden("between these two there is no city", code="not-the-city")
    return peer


def verify_undo(activity: dict[str, Any]) -> None:
    """A Group takes its own asking back. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    if reading.text(reading.embedded(activity), "actor") != actor:
        raise Invalid("only who asked takes it back", code="author")


def receive_undo(uow: UnitOfWork, context: Context) -> None:
    """At the city: a neighbourhood takes part no more. Again is the same; heard whatever is agreed now."""
    peer = acting.heard(context, vocabulary.PUBLIC_SCOPE)
    place = neighbourhoods.by_uri(uow.db, context.signer_uri)
    if place is not None and place.peer == peer.id:
        hubs.left_by(uow, place=place.id)


def verify_accept(activity: dict[str, Any]) -> None:
    """A hub says yes to a Follow of it. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    asked = reading.embedded(activity)
    reading.text(asked, "id")
    if reading.text(asked, "object") != actor:
        raise Invalid("somebody else was asked", code="author")


def receive_accept(uow: UnitOfWork, context: Context) -> None:
    """Our city's hub says yes to one of ours. A yes to what was not asked, or taken back since, is nothing."""
    known = hubs.of_peer(uow.db, _agreed(context).id)
    if known is None or known.uri != context.signer_uri:
        raise Forbidden("this hub was not asked", code="not-asked")
    key = reading.text(context.activity["object"], "id").removeprefix(context.addresses.activity(""))
    for one in hubs.asked_at(uow.db, known.id):
        if hub.follow_key(one.id, one.version) == key:
            hubs.accepted(uow, member_id=one.id)


# -- at the hub --------------------------------------------------------------------------------------------------------


def verify_said(activity: dict[str, Any]) -> None:
    """A resident says something to a whole city, or takes it back. Raises Invalid for what contradicts itself."""
    _said(activity)


def receive_said(uow: UnitOfWork, context: Context) -> None:
    """At the city: pass on what a resident of a neighbourhood that takes part says. Only where it is found is noted.

    Raises Forbidden, Invalid.
    """
    said = _said(context.activity)
    if said.hub != context.addresses.hub:
        raise Forbidden("this goes through another hub", code="recipient")
    uri, about = reading.text(context.activity, "id"), reading.text(said.thing, "id")
    before = hubs.about(uow.db, about)
    if any(one.actor != said.author for one in before):
        raise Forbidden("only its author changes a post", code="author")
    if said.act == "Delete":
        peer = acting.heard(context, vocabulary.CITY)
        if before and not any(one.act == "Delete" for one in before):
            hubs.pass_on(
                uow, uri=uri, about=about, actor=said.author, peer=peer.id, place=before[0].place, act=said.act
            )
        outbox_city.forget_person(uow, said.author)
        return
    peer = acting.granted(uow, context, vocabulary.CITY)
    place = neighbourhoods.by_uri(uow.db, said.home)
    if peer.trust is not Trust.CITY or place is None or place.peer != peer.id or not hubs.is_member(uow.db, place.id):
        raise Forbidden("this neighbourhood takes no part", code="not-joined")
    if len(strict_json.dumps(context.activity)) > LONGEST:
        raise Forbidden("this is longer than anything that is said here", code="too-long")
    if any(one.act == "Delete" for one in before) or threads.came_too_late(uow, context, about):
        forgetting.not_kept(uow, uri)
    else:
        hubs.count(uow, hub=_OURS, place=place.id)
        hubs.pass_on(uow, uri=uri, about=about, actor=said.author, peer=peer.id, place=place.id, act=said.act)
    outbox_city.forget_person(uow, said.author)  # who spoke is nothing to the city


def receive_left(uow: UnitOfWork, context: Context) -> None:
    """At the city: somebody left for good. All who ever got anything of theirs hear it. Again is the same."""
    said = _said(context.activity)
    peer = acting.heard(context, vocabulary.CITY)
    before = hubs.passed_by(uow.db, said.author)
    if said.hub == context.addresses.hub and before and before[0].peer == peer.id:
        uri = reading.text(context.activity, "id")
        place = before[0].place
        hubs.pass_on(uow, uri=uri, about=said.author, actor=said.author, peer=peer.id, place=place, act="Delete")
    outbox_city.forget_person(uow, said.author)


def _said(activity: dict[str, Any], *, within: str = "") -> Said:
    """What a person says, if all parts of it say one and the same (L8). `within`: the hub that announces it."""
    author, act = reading.text(activity, "actor"), reading.text(activity, "type")
    reading.same_origin(reading.text(activity, "id"), author)
    to = _to_members(activity)
    named = reading.text(activity, "audience")
    if to != hub.members_of(named) or (within and named != within):
        raise Invalid("its audience is not the hub that it goes to", code="addressed")
    home = reading.text(activity, "fhFrom")
    reading.same_origin(home, author)
    if act == "Delete":
        uri = reading.named(activity.get("object"))
        reading.same_origin(uri, author)
        return Said(hub=named, act=act, author=author, home=home, thing={"id": uri})
    note = reading.embedded(activity)
    if act not in {"Create", "Update"} or note.get("type") != "Note" or "fhStatus" in note:
        raise Invalid("only posts and answers are said to a whole city", code="kind")
    reading.authored(activity, note)
    reading.note_for(note, (to,), vocabulary.CITY)
    if note.get("audience", named) != named:
        raise Invalid("the note belongs to another hub", code="addressed")
    if "inReplyTo" in note:
        reading.text(note, "inReplyTo")
    return Said(hub=named, act=act, author=author, home=home, thing=note)


def _to_members(activity: dict[str, Any]) -> str:
    to = reading.addressed(activity)
    if reading.scope(activity) != vocabulary.CITY:
        raise Invalid("what is for a whole city has the scope city", code="scope")
    if len(to) != 1 or not to[0].endswith(urls.HUB + hub.MEMBERS) or reading.addressed(activity, "cc"):
        raise Invalid("it is not addressed to those who take part alone", code="addressed")
    return to[0]


# -- what was passed on ------------------------------------------------------------------------------------------------


def verify_announced(activity: dict[str, Any]) -> None:
    """The hub's envelope and what is in it say the same. Raises Invalid."""
    said = _announced(activity)
    if said.act != "Delete":
        reading.content(said.thing)


def _announced(activity: dict[str, Any]) -> Said:
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    said = _said(reading.embedded(activity), within=actor)
    if _to_members(activity) != hub.members_of(actor):
        raise Invalid("what is announced is for others than the announcement", code="addressed")
    return said


def needs_announced(activity: dict[str, Any]) -> list[str]:
    """The hub, the person whose word it is, and the neighbourhood that they speak for."""
    said = _announced(activity)
    return [said.hub, said.author] if said.act == "Delete" else [said.hub, said.author, said.home]


def receive_created(uow: UnitOfWork, context: Context) -> None:
    """Somebody of the same city says something to all of it, or answers. Raises Forbidden, NotFound."""
    said, known = _through_ours(uow, context)
    activity, uri = reading.text(context.activity, "id"), reading.text(said.thing, "id")
    if acting.is_ours(context.addresses, said.author):  # our own, come back
        forgetting.not_kept(uow, activity)
        return
    if threads.came_too_late(uow, context, uri) or written.by_uri(uow.db, uri) is not None:
        return
    published = reading.moment_of(said.thing, "published")
    if published is None or published < uow.now - OLDEST:
        raise Forbidden("this was said too long ago", code="too-old")
    places = hubs.taking_part(uow.db, known.id)
    if not places:
        raise Forbidden("none of ours takes part", code="not-joined")
    home, author = _who(uow, context, said)
    hubs.count(uow, hub=known.id, place=home.id)
    common: dict[str, Any] = {
        "uri": uri,
        "author": author,
        "neighbourhood": home.id,
        "text": reading.content(said.thing),
        "language": reading.language(said.thing),
        "published_at": published,
    }
    if "inReplyTo" not in said.thing:
        written.mirror(
            uow,
            **common,
            kind=Kind.NOTE,
            audience=Audience.CITY,
            category=Category.OTHER,
            places=[home.id, known.id, *places],
        )
        return
    parent = threads.answered(uow.db, context, said.thing)
    written.mirror_reply(uow, **common, root=_root(uow, parent, known).id, parent=parent.id)


def _through_ours(uow: UnitOfWork, context: Context) -> tuple[Said, Hub]:
    """What our city's hub brings. Raises Forbidden for any other's."""
    said = _announced(context.activity)
    peer = acting.granted(uow, context, vocabulary.CITY)
    return said, _hub(uow, context, peer, said)


def _hub(uow: UnitOfWork, context: Context, peer: Peer, said: Said) -> Hub:
    known = hubs.of_peer(uow.db, peer.id)
    vouched = context.fetched.get(context.signer_uri, {})
    if known is None or known.uri != said.hub or context.signer_uri != said.hub:
        raise Forbidden("this hub is not our city's", code="not-the-city")
    if peer.trust is not Trust.CITY or vouched.get("kind") != "Group" or vouched.get("peer") != peer.id:
        raise Forbidden("their server does not vouch for this hub", code="not-the-city")
    return known


def _who(uow: UnitOfWork, context: Context, said: Said) -> tuple[Neighbourhood, int]:
    """Neighbourhood and account of who speaks, remembered. Raises Forbidden when their own server does not vouch."""
    theirs = peers.by_host(uow.db, urls.authority(said.author))
    if theirs is None or theirs.trust is Trust.BLOCKED:
        raise Forbidden("their server does not vouch for this person", code="person-unvouched")
    home = acting.their_group(uow, context, theirs, said.home)
    return home, acting.their_person(uow, context, theirs, said.author, home.id)


def _root(uow: UnitOfWork, post: Post, known: Hub) -> Post:
    """The root of a thread of the whole city, through this hub. Raises Forbidden, NotFound."""
    root = acting.root_of(uow.db, post)
    if root.audience is not Audience.CITY or known.id not in root.places:
        raise Forbidden("it has another scope than its thread", code="scope-changed")
    return root


def _theirs(uow: UnitOfWork, said: Said, post: Post, known: Hub) -> None:
    """Raises Forbidden unless this is a post of theirs to the whole city."""
    _root(uow, post, known)
    if accounts.get(uow.db, post.author).uri != said.author:
        raise Forbidden("only its author changes a post", code="author")


def receive_updated(uow: UnitOfWork, context: Context) -> None:
    """Somebody says something to the whole city better. Raises Forbidden, NotFound."""
    said, known = _through_ours(uow, context)
    if acting.is_ours(context.addresses, said.author):
        forgetting.not_kept(uow, reading.text(context.activity, "id"))
        return
    post = threads.spoken_of(uow.db, context, said.thing)
    _theirs(uow, said, post, known)
    posts.rewrite(uow, post, said.thing)


def receive_deleted(uow: UnitOfWork, context: Context) -> None:
    """Somebody takes back what they said to the whole city. Again is the same; heard from a former city too."""
    said = _announced(context.activity)
    known = _hub(uow, context, acting.heard(context, vocabulary.CITY), said)
    uri = reading.text(said.thing, "id")
    if acting.is_ours(context.addresses, said.author):
        return
    if uri == said.author:
        people.forget(uow, uri, peer=peers.by_host(uow.db, urls.authority(uri)))
        return
    post = acting.known_post(uow.db, context.addresses, uri)
    if post is None:
        forgetting.never_mind(uow, uri, signer=context.signer_uri, but=reading.text(context.activity, "id"))
        return
    if post.deleted_at is None:
        try:
            _theirs(uow, said, post, known)
        except NotFound:  # the thread went before
            return
        written.mirror_delete(uow, post_id=post.id, deleted_at=uow.now)
    forgetting.heard_about(uow, [uri])


FOLLOWED = Handler(verify=verify_follow, needs=needs_actor, receive=receive_follow)
LEFT = Handler(verify=verify_undo, needs=needs_actor, receive=receive_undo)
ACCEPTED = Handler(verify=verify_accept, needs=needs_actor, receive=receive_accept)
SAID = Handler(verify=verify_said, needs=needs_actor, receive=receive_said)
FAREWELL = Handler(verify=verify_said, needs=needs_actor, receive=receive_left)
CREATED = Handler(verify=verify_announced, needs=needs_announced, receive=receive_created)
UPDATED = Handler(verify=verify_announced, needs=needs_announced, receive=threads.unless_removed(receive_updated))
DELETED = Handler(verify=verify_announced, needs=needs_announced, receive=receive_deleted)
