"""Who acts, for which neighbourhood, on what: what every handler asks the database before it lets anything happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.handlers import reading
from fedhood.core import accounts, neighbourhoods, peers, posts
from fedhood.core.accounts import AccountState
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import ids, urls
from fedhood.kernel.errors import Forbidden, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.accounts import Account
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Peer
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.urls import Addresses

ORPHAN = "orphan"
REMOVED = "removed"
MOST_PERSON = 60
MOST_PLACE = 80


def orphan(what: str) -> NotFound:
    """What an activity speaks about has not arrived here, and may still: it is tried again for a while."""
    return NotFound(what, code=ORPHAN)


def removed() -> NotFound:
    """What an activity speaks about is gone for good."""
    return NotFound("the post that this is about was removed", code=REMOVED)


# -- servers -----------------------------------------------------------------------------------------------------------


def granted(uow: UnitOfWork, context: Context, scope: str) -> Peer:
    """The peer that this came from, if it agreed with us and grants us this scope, and it came by the right door.

    What is public arrives at any inbox but the peer's, all else at the peer inbox alone (L3). Raises Forbidden;
    NotFound with the code `orphan` while a grant may still be among what is not read yet.
    """
    peer = context.peer
    if peer is None or peer.state is not PeerState.AGREED or peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is no neighbour", code="peering-required")
    _by_the_right_door(context, scope)
    if scope not in peers.grants(uow.db, peer_id=peer.id, ours=False, now=uow.now):
        if forgetting.has_more_to_say(uow.db, peer=peer.id, signer=peer.actor_uri or ""):
            raise orphan("what their server says of our agreement has not been read yet")
        raise Forbidden("nothing of this scope was agreed", code="scope-not-granted", scope=scope)
    return peer


def heard(context: Context, scope: str) -> Peer:
    """The peer that takes something back: no grant is asked for, since nobody keeps by it what they were told.

    Raises Forbidden for who was never a neighbour, or is blocked, and at the wrong door.
    """
    if context.peer is None or not context.peer.may_take_back:
        raise Forbidden("this server is no neighbour", code="peering-required")
    _by_the_right_door(context, scope)
    return context.peer


def _by_the_right_door(context: Context, scope: str) -> None:
    if context.scoped is (scope == vocabulary.PUBLIC_SCOPE):
        raise Forbidden("it came to the wrong inbox", code="wrong-inbox")


def is_ours(addresses: Addresses, uri: str) -> bool:
    """Whether an address is on this server."""
    return urls.origin(uri) == urls.origin(addresses.base)


# -- neighbourhoods ----------------------------------------------------------------------------------------------------


def our_group(db: peewee.Database, addresses: Addresses, uri: str) -> Neighbourhood | None:
    """The neighbourhood of ours with this Group id."""
    prefix = addresses.group("")
    return neighbourhoods.by_key(db, uri.removeprefix(prefix)) if uri.startswith(prefix) else None


def their_group(uow: UnitOfWork, context: Context, peer: Peer, uri: str) -> Neighbourhood:
    """The neighbourhood of this peer with this Group id; one that is vouched for is remembered. Raises Forbidden."""
    known = neighbourhoods.by_uri(uow.db, uri)
    if known is None:
        vouched = context.fetched.get(uri, {})
        if vouched.get("kind") != "Group" or vouched.get("peer") != peer.id:
            raise Forbidden("no neighbourhood of this server is called that", code="group-unknown")
        key = uri.rpartition("/")[2]
        name = str(vouched.get("name") or key)[:MOST_PLACE]
        return neighbourhoods.get(uow.db, neighbourhoods.remember(uow, peer=peer.id, uri=uri, key=key, name=name))
    if known.peer != peer.id:
        raise Forbidden("this neighbourhood is another server's", code="group-unknown")
    return known


def known_group(db: peewee.Database, addresses: Addresses, uri: str) -> Neighbourhood | None:
    """The neighbourhood with this Group id, here or elsewhere."""
    return our_group(db, addresses, uri) or neighbourhoods.by_uri(db, uri)


def acting_for(uow: UnitOfWork, context: Context, peer: Peer, root: Post) -> Neighbourhood:
    """The neighbourhood for which somebody acts on a scoped thing (`fhFrom`).

    It is the peer's own, a place of the root, and paired: with the root's neighbourhood when the root is ours, with a
    place of ours otherwise. Raises Invalid, Forbidden.
    """
    uri = reading.text(context.activity, "fhFrom")
    reading.same_origin(uri, context.signer_uri)
    group = neighbourhoods.by_uri(uow.db, uri)
    if group is None or group.peer != peer.id or group.id not in {*root.places, root.neighbourhood}:
        raise Forbidden("who acts does it for a neighbourhood that this was not told to", code="not-a-place")
    if root.uri is None:
        paired = neighbourhoods.may_read(uow.db, writer=root.neighbourhood, reader=group.id)
    else:
        here = [one.id for one in neighbourhoods.many(uow.db, root.places).values() if one.peer is None]
        paired = any(neighbourhoods.may_read(uow.db, writer=group.id, reader=one) for one in here)
    if not paired:
        raise Forbidden("the two neighbourhoods read each other no more", code="not-paired")
    return group


# -- people ------------------------------------------------------------------------------------------------------------


def our_person(db: peewee.Database, addresses: Addresses, uri: str) -> Account:
    """The resident of ours with this id. Raises NotFound, also for one who left."""
    prefix = addresses.person("")
    found = accounts.by_key(db, uri.removeprefix(prefix)) if uri.startswith(prefix) else None
    if found is None or found.peer is not None or found.state is AccountState.ERASED:
        raise NotFound("no such resident", code="resident-unknown")
    return found


def their_person(uow: UnitOfWork, context: Context, peer: Peer, uri: str, neighbourhood: int) -> int:
    """The person of this peer with this id, remembered as one of that neighbourhood. Raises Forbidden."""
    vouched = context.fetched.get(uri, {})
    if vouched.get("kind") != "Person" or vouched.get("peer") != peer.id:
        raise Forbidden("their server does not vouch for this person", code="person-unvouched")
    name = str(vouched.get("name") or "")[:MOST_PERSON]
    return accounts.remember(uow, peer=peer.id, uri=uri, name=name, neighbourhood=neighbourhood)


def is_by(db: peewee.Database, account: int, uri: str, peer: Peer) -> bool:
    """Whether an account is this person of this peer."""
    who = accounts.get(db, account)
    return who.uri == uri and who.peer == peer.id


# -- posts -------------------------------------------------------------------------------------------------------------


def our_number(prefix: str, uri: str) -> int | None:
    """The number in an address of ours that begins so, None for any other."""
    if not uri.startswith(prefix):
        return None
    try:
        return ids.parse(uri.removeprefix(prefix))
    except NotFound:
        return None


def known_post(db: peewee.Database, addresses: Addresses, uri: str) -> Post | None:
    """The post with this Note id, ours or mirrored, whatever became of it."""
    number = our_number(f"{addresses.base}/ap/notes/", uri)
    return posts.by_uri(db, uri) if number is None else _our_post(db, number)


def find_post(db: peewee.Database, addresses: Addresses, uri: str) -> Post:
    """The post with this Note id, ours or mirrored, that was not removed.

    Raises NotFound: with the code `orphan` for one that was never here, `removed` for one that is gone.
    """
    found = known_post(db, addresses, uri)
    if found is None:
        raise orphan("the post that this is about is not here")
    if found.deleted_at is not None:
        raise removed()
    return found


def _our_post(db: peewee.Database, number: int) -> Post | None:
    try:
        found = posts.row(db, post_id=number)
    except NotFound:
        return None
    return found if found.uri is None else None


def root_of(db: peewee.Database, post: Post) -> Post:
    """The post that its thread began with, if it was not removed. Raises NotFound."""
    root = post if post.root is None else posts.row(db, post_id=post.root)
    if root.deleted_at is not None:
        raise NotFound("the thread was removed", code=REMOVED)
    return root


def places_named(db: peewee.Database, addresses: Addresses, to: tuple[str, ...]) -> dict[int, Neighbourhood]:
    """The neighbourhoods that these Group ids name, as far as they are known here."""
    found = (known_group(db, addresses, uri) for uri in to)
    return {one.id: one for one in found if one is not None}


def same_places(db: peewee.Database, addresses: Addresses, to: tuple[str, ...], root: Post) -> None:
    """Raises Forbidden when these Group ids are not the places of a thread (L5, L6).

    Of a thread of ours we know each place. Of another's we know those that we host and those that we have met: each of
    ours that could read it has to be among its places, and each of its places has to be named.
    """
    named = places_named(db, addresses, to)
    exact = root.uri is None
    may_not = {
        one.id
        for one in named.values()
        if one.id not in root.places
        and (exact or (one.peer is None and neighbourhoods.may_read(db, writer=root.neighbourhood, reader=one.id)))
    }
    if may_not or not named.keys() >= set(root.places) or (exact and len(named) != len(to)):
        raise Forbidden("it is for other places than its thread", code="places-differ")
