"""Posts of neighbours as they arrive: created, changed, removed; answers to ours, and answers that others announce.

A root and everything about it comes as its neighbourhood's Announce. An answer comes directly to the home of its
thread, which announces it to the places of the root. Shapes: golden files 11, 13, 17a, 17b, 20,
24–25, 27–28, 40, 47, 48.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading, threads
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, help_requests, neighbourhoods, peers, posts, relations
from fedhood.core.posts import Audience, Category, Kind
from fedhood.kernel import text as texts
from fedhood.kernel import urls
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.adapters.activitypub.handlers.reading import Announced
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork


# -- what a neighbourhood announces ------------------------------------------------------------------------------------


def verify_announced(activity: dict[str, Any]) -> None:
    """Envelope, activity and Note say the same; a help request says all that belongs to one. Raises Invalid."""
    said = reading.announced(activity)
    if said.act == "Delete":
        return
    reading.content(said.thing)
    if "inReplyTo" in said.thing:
        reading.text(said.thing, "inReplyTo")
    if "fhStatus" in said.thing:
        _verify_help(said)


def _verify_help(said: Announced) -> None:
    note = said.thing
    if said.scope != vocabulary.NEIGHBOURS or "inReplyTo" in note:
        raise Invalid("a help request begins a thread among neighbours", code="kind")
    vocabulary.state_of(note.get("fhStatus"))
    reading.whole_number(note, "fhRevision")
    if reading.moment_of(note, "endTime") is None:
        raise Invalid("the help request has no end", code="member", field="endTime")
    if len(reading.content(note)) > help_requests.MOST_LINE:
        raise Invalid("the line of a help request is too long", code="too-long", field="content")


def needs_announced(activity: dict[str, Any]) -> list[str]:
    """The Group that announces, and the person whose word it is."""
    return [reading.text(activity, "actor"), reading.text(reading.embedded(activity), "actor")]


def receive_created(uow: UnitOfWork, context: Context) -> None:
    """A post or a help request of a neighbourhood next door, or an answer that the home of its thread announces."""
    said = reading.announced(context.activity)
    peer = acting.granted(uow, context, said.scope)
    group = acting.their_group(uow, context, peer, said.group)
    if threads.came_too_late(uow, context, reading.text(said.thing, "id")):
        return
    if "inReplyTo" in said.thing:
        _receive_announced_reply(uow, context, said, peer, group)
    else:
        _receive_root(uow, context, said, peer, group)


def _receive_root(uow: UnitOfWork, context: Context, said: Announced, peer: Peer, group: Neighbourhood) -> None:
    reading.same_origin(said.author, context.signer_uri)
    places = _places(uow.db, context, said, group)
    author = acting.their_person(uow, context, peer, said.author, group.id)
    note = said.thing
    common: dict[str, Any] = {
        "uri": reading.text(note, "id"),
        "author": author,
        "neighbourhood": group.id,
        "places": places,
        "text": reading.content(note),
        "language": reading.language(note),
        "published_at": reading.moment_of(note, "published") or uow.now,
    }
    if "fhStatus" in note:
        help_requests.mirror(
            uow,
            **common,
            category=vocabulary.help_category_of(note.get("fhCategory")),
            **_promise(note, uow),
            revision=reading.whole_number(note, "fhRevision"),
        )
    else:
        posts.mirror(
            uow,
            **common,
            kind=Kind.NOTE,
            audience=vocabulary.audience_of(said.scope),
            category=Category.OTHER,
        )


def _promise(note: dict[str, Any], uow: UnitOfWork) -> dict[str, Any]:
    """What a help request promises, in our words."""
    area = note.get("fhArea", "")
    until = reading.moment_of(note, "endTime") or uow.now
    return {
        "state": vocabulary.state_of(note.get("fhStatus")),
        "area": texts.one_line(
            area if isinstance(area, str) else "", field="area", most=help_requests.MOST_AREA, least=0
        ),
        "until": until,
    }


def _places(db: peewee.Database, context: Context, said: Announced, group: Neighbourhood) -> list[int]:
    """Who may read it: its home, those of ours that it names and that are paired, other places that we know.

    A public post is for those of ours that may read its neighbourhood. Raises Forbidden when none of ours is left.
    """
    if said.scope == vocabulary.PUBLIC_SCOPE:
        named = {one.id: one for one in neighbourhoods.ours(db)}
    else:
        named = acting.places_named(db, context.addresses, said.to)
    here = [
        one.id
        for one in named.values()
        if one.peer is None and neighbourhoods.may_read(db, writer=group.id, reader=one.id)
    ]
    if not here:
        raise Forbidden("it names no neighbourhood of ours that may read it", code="no-place")
    return [group.id, *here, *(one.id for one in named.values() if one.peer is not None and one.id != group.id)]


def _receive_announced_reply(
    uow: UnitOfWork, context: Context, said: Announced, peer: Peer, group: Neighbourhood
) -> None:
    if acting.is_ours(context.addresses, said.author):
        # our resident's own answer, come back from where it was sent: we have it already
        _our_answer(uow.db, context, said)
        forgetting.not_kept(uow, reading.text(context.activity, "id"))
        return
    parent = threads.answered(uow.db, context, said.thing)
    root = _announced_root(uow.db, context, said, parent, group)
    author_peer, home = _author_of_answer(uow, context, said, peer, group, root)
    author = acting.their_person(uow, context, author_peer, said.author, home.id)
    posts.mirror_reply(
        uow,
        uri=reading.text(said.thing, "id"),
        root=root.id,
        parent=parent.id,
        author=author,
        neighbourhood=home.id,
        text=reading.content(said.thing),
        language=reading.language(said.thing),
        published_at=reading.moment_of(said.thing, "published") or uow.now,
    )


def _announced_root(db: peewee.Database, context: Context, said: Announced, post: Post, group: Neighbourhood) -> Post:
    """The root of a post that this neighbourhood speaks about, if it is the root's home. Raises Forbidden, NotFound."""
    root = acting.root_of(db, post)
    if root.uri is None or root.neighbourhood != group.id:
        raise Forbidden("only the home of a thread announces in it", code="announcer")
    if vocabulary.scope_of(root.audience) != said.scope:
        raise Forbidden("it has another scope than its thread", code="scope-changed")
    if said.scope == vocabulary.NEIGHBOURS:
        acting.same_places(db, context.addresses, said.to, root)
    return root


def _our_answer(db: peewee.Database, context: Context, said: Announced) -> None:
    mine = acting.known_post(db, context.addresses, reading.text(said.thing, "id"))
    if mine is None or context.addresses.person(accounts.get(db, mine.author).key) != said.author:
        raise Forbidden("our resident did not say that", code="author")


def _author_of_answer(
    uow: UnitOfWork, context: Context, said: Announced, peer: Peer, group: Neighbourhood, root: Post
) -> tuple[Peer, Neighbourhood]:
    """The server and the neighbourhood of somebody whose answer the home of a thread passes on. Raises Forbidden."""
    if urls.origin(said.author) == urls.origin(context.signer_uri) and "fhFrom" not in said.inner:
        return peer, group
    theirs = peers.by_host(uow.db, urls.authority(said.author))
    if theirs is None:
        raise Forbidden("their server does not vouch for this person", code="person-unvouched")
    if "fhFrom" not in said.inner:
        # which other places its home told, a public post does not say: any of that server will do
        known = sorted(neighbourhoods.of_peer(uow.db, theirs.id), key=lambda one: one.id not in root.places)
        return theirs, known[0] if known else _place_of(uow.db, theirs, root)
    uri = reading.text(said.inner, "fhFrom")
    reading.same_origin(uri, said.author)
    if said.scope == vocabulary.NEIGHBOURS and uri not in said.to:
        raise Forbidden("who answers does it for a neighbourhood that this was not told to", code="not-a-place")
    return theirs, acting.their_group(uow, context, theirs, uri)


def _place_of(db: peewee.Database, peer: Peer, root: Post) -> Neighbourhood:
    """The place of a public thread that a peer hosts. Raises Forbidden when it hosts none."""
    for place in neighbourhoods.many(db, root.places).values():
        if place.peer == peer.id:
            return place
    raise Forbidden("no neighbourhood of this server was told", code="not-a-place")


def receive_updated(uow: UnitOfWork, context: Context) -> None:
    """A post next door says something else, or a help request is in another state."""
    said = reading.announced(context.activity)
    post = _announced_post(uow, context, said, acting.granted(uow, context, said.scope))
    if post is None:
        forgetting.not_kept(uow, reading.text(context.activity, "id"))
    else:
        rewrite(uow, post, said.thing)


def _announced_post(uow: UnitOfWork, context: Context, said: Announced, peer: Peer) -> Post | None:
    """The post that an announced Update or Delete is about, None for our own. Raises Forbidden, NotFound."""
    group = acting.their_group(uow, context, peer, said.group)
    post = threads.spoken_of(uow.db, context, said.thing, is_gone=said.act == "Delete")
    _announced_root(uow.db, context, said, post, group)
    if post.uri is None:
        return None
    if accounts.get(uow.db, post.author).uri != said.author:
        raise Forbidden("only its author changes a post", code="author")
    return post


def rewrite(uow: UnitOfWork, post: Post, note: dict[str, Any]) -> None:
    """Take over a changed Note. What a post is never changes. Raises Conflict for another kind or a wrong change."""
    if (post.kind is Kind.HELP) is not ("fhStatus" in note):
        raise Conflict("a post became something else", code="kind-changed")
    if post.kind is Kind.HELP:
        revision = reading.whole_number(note, "fhRevision")
        if revision < help_requests.request_row(uow.db, post.id).revision:
            return  # an older word than the one we have
        help_requests.mirror_state(uow, post_id=post.id, revision=revision, **_promise(note, uow))
    posts.mirror_edit(
        uow,
        post_id=post.id,
        text=reading.content(note),
        language=reading.language(note),
        edited_at=reading.moment_of(note, "updated") or uow.now,
    )


def receive_deleted(uow: UnitOfWork, context: Context) -> None:
    """A post next door is gone. Again is the same; heard from a former neighbour too."""
    said = reading.announced(context.activity)
    peer = acting.heard(context, said.scope)
    try:
        post = _announced_post(uow, context, said, peer)
    except NotFound as missing:
        uri = reading.named(said.thing)
        if missing.code == acting.ORPHAN:
            _never_mind(uow, context, uri)
        else:  # our own, come back after we removed it
            forgetting.heard_about(uow, [uri])
        return
    if post is None:
        return
    deleted_at = reading.moment_of(said.thing, "deleted") or uow.now
    if post.kind is Kind.HELP:
        help_requests.mirror_removed(uow, post_id=post.id, deleted_at=deleted_at)
    else:
        posts.mirror_delete(uow, post_id=post.id, deleted_at=deleted_at)
    forgetting.heard_about(uow, [post.uri or ""])


def _never_mind(uow: UnitOfWork, context: Context, uri: str) -> None:
    """It was never here: what may still bring it is not to. Streams are in order, so nothing is behind it."""
    but = reading.text(context.activity, "id")
    forgetting.never_mind(uow, uri, signer=context.signer_uri, but=but)


# -- answers that come to the home of their thread ---------------------------------------------------------------------


def verify_reply(activity: dict[str, Any]) -> None:
    """An answer, or what became of it, by its author, to the places of a thread or to the public. Raises Invalid."""
    note = reading.embedded(activity)
    reading.authored(activity, note)
    to, scope = _reach(activity)
    reading.note_for(note, to, scope)
    reading.content(note)
    reading.text(note, "inReplyTo")


def verify_reply_deleted(activity: dict[str, Any]) -> None:
    """An answer taken away by its author. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    reading.same_origin(reading.named(activity.get("object")), actor)
    _reach(activity)


def _reach(activity: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    to = reading.addressed(activity)
    if vocabulary.PUBLIC in to:
        if to != (vocabulary.PUBLIC,) or reading.scope(activity) not in {"", vocabulary.PUBLIC_SCOPE}:
            raise Invalid("a public answer has no other scope", code="scope")
        return to, vocabulary.PUBLIC_SCOPE
    reading.text(activity, "fhFrom")
    return reading.to_places(activity), vocabulary.NEIGHBOURS


def needs_author(activity: dict[str, Any]) -> list[str]:
    """The person whose word it is."""
    return [reading.text(activity, "actor")]


def receive_reply(uow: UnitOfWork, context: Context) -> None:
    """Somebody next door answers in a thread of ours; its consequence tells the places of the thread."""
    note = reading.embedded(context.activity)
    if threads.came_too_late(uow, context, reading.text(note, "id")):
        return
    answered = threads.answered(uow.db, context, note)
    root, peer, home = _thread_of_ours(uow, context, answered)
    author = acting.their_person(uow, context, peer, context.signer_uri, home.id)
    if any(relations.is_blocked(uow.db, one, author) for one in {root.author, answered.author} - {author}):
        return  # a block is never told, neither way
    posts.mirror_reply(
        uow,
        uri=reading.text(note, "id"),
        root=root.id,
        parent=answered.id,
        author=author,
        neighbourhood=home.id,
        text=reading.content(note),
        language=reading.language(note),
        published_at=reading.moment_of(note, "published") or uow.now,
    )


def _thread_of_ours(uow: UnitOfWork, context: Context, post: Post) -> tuple[Post, Peer, Neighbourhood]:
    """Root, sender and the sender's neighbourhood, for what comes directly to the home of a thread (L5, L8)."""
    to, scope = _reach(context.activity)
    peer = acting.granted(uow, context, scope)
    root = acting.root_of(uow.db, post)
    if root.uri is not None:
        raise Forbidden("answers go to the home of their thread", code="not-the-home")
    if root.audience is Audience.NEIGHBOURHOOD or vocabulary.scope_of(root.audience) != scope:
        raise Forbidden("it has another scope than its thread", code="scope-changed")
    if scope == vocabulary.PUBLIC_SCOPE:
        return root, peer, _place_of(uow.db, peer, root)
    home = acting.our_group(uow.db, context.addresses, to[0])
    if home is None or home.id != root.neighbourhood:
        raise Forbidden("it names another home than that of its thread", code="places-differ")
    acting.same_places(uow.db, context.addresses, to, root)
    return root, peer, acting.acting_for(uow, context, peer, root)


def receive_reply_updated(uow: UnitOfWork, context: Context) -> None:
    """Somebody next door says an answer in a thread of ours better."""
    note = reading.embedded(context.activity)
    post = threads.spoken_of(uow.db, context, note)
    _, peer, _ = _thread_of_ours(uow, context, post)
    _check_own_answer(uow.db, context, post, peer)
    rewrite(uow, post, note)


def receive_reply_deleted(uow: UnitOfWork, context: Context) -> None:
    """Somebody next door takes an answer in a thread of ours away. Again is the same; heard from former neighbours."""
    peer = acting.heard(context, _reach(context.activity)[1])
    try:
        post = acting.find_post(uow.db, context.addresses, reading.named(context.activity.get("object")))
    except NotFound as missing:
        if missing.code == acting.ORPHAN:
            _never_mind(uow, context, reading.named(context.activity.get("object")))
        return
    _check_own_answer(uow.db, context, post, peer)
    posts.mirror_delete(uow, post_id=post.id, deleted_at=uow.now)
    forgetting.heard_about(uow, [post.uri or ""])


def _check_own_answer(db: peewee.Database, context: Context, post: Post, peer: Peer) -> None:
    """Raises Forbidden for anything but the sender's own answer."""
    if post.root is None or not acting.is_by(db, post.author, context.signer_uri, peer):
        raise Forbidden("only its author changes a post", code="author")


HANDLERS: dict[tuple[str, str], Handler] = {
    ("Announce", "Create"): Handler(verify=verify_announced, needs=needs_announced, receive=receive_created),
    ("Announce", "Update"): Handler(
        verify=verify_announced, needs=needs_announced, receive=threads.unless_removed(receive_updated)
    ),
    ("Announce", "Delete"): Handler(verify=verify_announced, needs=needs_announced, receive=receive_deleted),
    ("Update", "Note"): Handler(
        verify=verify_reply, needs=needs_author, receive=threads.unless_removed(receive_reply_updated)
    ),
    ("Delete", "Tombstone"): Handler(verify=verify_reply_deleted, needs=needs_author, receive=receive_reply_deleted),
}
REPLY = Handler(verify=verify_reply, needs=needs_author, receive=receive_reply)
