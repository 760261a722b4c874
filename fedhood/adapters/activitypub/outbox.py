"""What follows beyond this server from what happened here: one row for each peer that is to hear of it.

Called in the transaction of the fact. A row fixes who is told, of what, in which version; the worker says it. Every
function does nothing when nobody elsewhere is concerned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import (
    accounts,
    city_messages,
    help_requests,
    hubs,
    metrics,
    moderation,
    neighbourhoods,
    peers,
    posts,
)
from fedhood.core.help_requests import Outcome
from fedhood.core.peers import PeerState, Trust
from fedhood.core.posts import Audience, Post, Standing
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, among, hole

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import peewee

    from fedhood.kernel.database import UnitOfWork

WAITING = "waiting"
# put aside while the peer's key is in question
HELD = "held"
DROPPED = "dropped"

_INSERT = Compiled(
    lambda: DeliveryTable.insert(
        {
            DeliveryTable.peer: hole("peer"),
            DeliveryTable.number: hole("number"),
            DeliveryTable.epoch: hole("epoch"),
            DeliveryTable.verb: hole("verb"),
            DeliveryTable.object: hole("object"),
            DeliveryTable.version: hole("version"),
            DeliveryTable.state: hole("state"),
            DeliveryTable.attempts: 0,
            DeliveryTable.at: hole("at"),
        }
    )
)
PERSON_DELETE, CITIZEN_DELETE = "person.delete", "citizen.delete"
# what was said of a post before its removal, whoever may read it now
SAID = ("post.create", "post.update", "reply.send", "reply.announce", "help.create", "help.update")
_TOLD = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.peer)
        .where(DeliveryTable.object == hole("object"), DeliveryTable.verb.in_(SAID), DeliveryTable.state != DROPPED)
        .distinct()
        .order_by(DeliveryTable.peer)
    )
)


def deliver(uow: UnitOfWork, peer: int, verb: str, about: int, version: int = 0) -> None:
    """Have a peer told of something: the next row of its stream. Raises NotFound for no peer."""
    _deliver_all(uow, [peer], verb, about, version)


def goes_on(verb: str) -> bool:
    """Whether this is said even to a peer whose key is in question: peering, and what is taken back."""
    return verb.startswith("peer.") or verb.endswith((".delete", ".undo", ".reject"))


def _deliver_all(uow: UnitOfWork, to: Collection[int], verb: str, about: int, version: int = 0) -> None:
    for peer, epoch, number, is_suspended in peers.next_in_streams(uow, to) if to else ():
        _INSERT.run(
            uow.db,
            peer=peer,
            number=number,
            epoch=epoch,
            verb=verb,
            object=about,
            version=version,
            state=HELD if is_suspended and not goes_on(verb) else WAITING,
            at=milliseconds(uow.now),
        )
        uow.wake_worker()


def readers(db: peewee.Database, post: Post, now: datetime) -> list[int]:
    """The peers that host a place of this post and are granted it at this moment, by id (`is_reader` for one).

    A place counts while its neighbourhood is paired with the root's, a peer while our agreement with it covers the
    audience. Raises NotFound.
    """
    if post.audience is Audience.NEIGHBOURHOOD:
        return []
    root = post if post.root is None else posts.row(db, post_id=post.root)
    if post.audience is Audience.CITY:
        return _hub_of(db, post, root, now)
    if root.uri is not None:
        return []
    places = set(root.places)
    paired = {
        place.peer
        for place in neighbourhoods.readers_of(db, root.neighbourhood)
        if place.peer is not None and place.id in places
    }
    return peers.granted(db, paired, scope=vocabulary.scope_of(post.audience), now=now) if paired else []


def is_reader(db: peewee.Database, post: Standing, root: Standing, peer: int, now: datetime) -> bool:
    """Whether `readers` has this peer: of a post for hundreds it is asked hundreds of times."""
    if post.audience is Audience.CITY:
        return peer in readers(db, posts.row(db, post_id=post.id), now)
    if post.audience is Audience.NEIGHBOURHOOD or root.uri is not None:
        return False
    paired = [place.id for place in neighbourhoods.readers_of(db, root.neighbourhood, peer=peer)]
    if not paired or not posts.told_in(db, root.id, paired):
        return False
    return bool(peers.granted(db, [peer], scope=vocabulary.scope_of(post.audience), now=now))


def _hub_of(db: peewee.Database, post: Post, root: Post, now: datetime) -> list[int]:
    """The city that passes on what ours say to all of it; what others said it has passed on already."""
    hub = hubs.in_places(db, root.places) if post.uri is None else None
    if hub is None or not hubs.takes_part(db, hub=hub, place=post.neighbourhood, now=now):
        return []
    return peers.granted(db, [hub.peer], scope=vocabulary.CITY, now=now)


def _home_of(db: peewee.Database, post: Post) -> int | None:
    """The peer at whose server the thread of this post began; None for a thread of ours, or of the whole city."""
    if post.audience is Audience.CITY:
        return None
    root = post if post.root is None else posts.row(db, post_id=post.root)
    return None if root.uri is None else accounts.get(db, root.author).peer


def _told(db: peewee.Database, post_id: int) -> list[int]:
    """The peers that got this post, or still may: the ledger, whatever the grants are now."""
    return [row[0] for row in _TOLD.rows(db, object=post_id)]


# -- posts -------------------------------------------------------------------------------------------------------------


def post_published(uow: UnitOfWork, *, post_id: int, version: int) -> None:
    """A resident published a post: the peers of its places get it."""
    post = posts.row(uow.db, post_id=post_id)
    _deliver_all(uow, readers(uow.db, post, uow.now), "post.create", post_id, version)


def post_edited(uow: UnitOfWork, *, post_id: int, version: int) -> None:
    """A post says something else: to the peers of its places, or to the home of the thread that it answers in."""
    post = posts.row(uow.db, post_id=post_id)
    if post.audience is Audience.NEIGHBOURHOOD or _is_by_a_visitor(uow.db, post):
        return
    home = _home_of(uow.db, post)
    to = readers(uow.db, post, uow.now) if home is None else [home]
    _deliver_all(uow, to, "post.update", post_id, version)


def post_deleted(uow: UnitOfWork, *, post_id: int) -> None:
    """A post was removed: everyone who got it is told, whatever the agreement is now."""
    _deliver_all(uow, _told(uow.db, post_id), "post.delete", post_id)
    forgetting.said_about(uow, [post_id], SAID)


def replied(uow: UnitOfWork, *, reply_id: int) -> None:
    """An answer: in a thread of ours its places are told, ours in another's thread goes to the home of that."""
    reply = posts.row(uow.db, post_id=reply_id)
    if reply.audience is Audience.NEIGHBOURHOOD or _is_by_a_visitor(uow.db, reply):
        return
    home = _home_of(uow.db, reply)
    if home is None:
        verb = "reply.send" if reply.audience is Audience.CITY else "reply.announce"
        _deliver_all(uow, readers(uow.db, reply, uow.now), verb, reply_id, reply.version)
    elif reply.uri is None:
        deliver(uow, home, "reply.send", reply_id, reply.version)


def _is_by_a_visitor(db: peewee.Database, post: Post) -> bool:
    """Whether somebody on other software wrote it: neighbours believe nobody for whom no neighbour vouches."""
    return post.uri is not None and accounts.get(db, post.author).visitor is not None


def thanked(uow: UnitOfWork, *, post_id: int, account: int) -> None:
    """A resident thanked somebody of another server for a post."""
    _thanks(uow, "thanks.give", post_id, account)


def thanks_taken_back(uow: UnitOfWork, *, post_id: int, account: int) -> None:
    """A resident took thanks back that went to another server."""
    _thanks(uow, "thanks.undo", post_id, account)


def _thanks(uow: UnitOfWork, verb: str, post_id: int, account: int) -> None:
    author = posts.row(uow.db, post_id=post_id).author
    _to_person(uow, author, verb, post_id, account)


def _to_person(uow: UnitOfWork, account: int, verb: str, about: int, version: int = 0) -> None:
    """To the server of one person, if that is another."""
    who = accounts.get(uow.db, account)
    if who.peer is not None and who.visitor is None:
        deliver(uow, who.peer, verb, about, version)


# -- help --------------------------------------------------------------------------------------------------------------


def help_changed(uow: UnitOfWork, *, post_id: int, revision: int) -> None:
    """A request of ours was asked (revision 1), or is in another state: the peers of its places are told."""
    post = posts.row(uow.db, post_id=post_id)
    verb = "help.create" if revision == 1 else "help.update"
    _deliver_all(uow, readers(uow.db, post, uow.now), verb, post_id, revision)


def help_deleted(uow: UnitOfWork, *, post_id: int) -> None:
    """A request of ours was removed: everyone who got it is told, whatever the agreement is now."""
    _deliver_all(uow, _told(uow.db, post_id), "help.delete", post_id)
    forgetting.said_about(uow, [post_id], SAID)


def offer_sent(uow: UnitOfWork, *, offer_id: int) -> None:
    """A resident offers help to somebody of another server."""
    _to_asker(uow, "offer.send", offer_id)


def offer_undone(uow: UnitOfWork, *, offer_id: int) -> None:
    """A resident takes an offer back that went to another server."""
    _to_asker(uow, "offer.undo", offer_id)


def _to_asker(uow: UnitOfWork, verb: str, offer_id: int) -> None:
    request = help_requests.offer_row(uow.db, offer_id).request
    _to_person(uow, posts.row(uow.db, post_id=request).author, verb, offer_id)


def offer_answered(uow: UnitOfWork, *, offer_id: int, accepted: bool) -> None:
    """The asker said yes or no, or let a helper go; a helper of another server hears it there."""
    helper = help_requests.offer_row(uow.db, offer_id).helper
    _to_person(uow, helper, "offer.accept" if accepted else "offer.reject", offer_id)


def message_said(uow: UnitOfWork, *, message_id: int) -> None:
    """One of two said something in private; the other one may live elsewhere."""
    said = help_requests.message_row(uow.db, message_id)
    other = help_requests.thread_row(uow.db, said.thread).other(said.author)
    _to_person(uow, other, "message.create", message_id)


def help_confirmed(uow: UnitOfWork, *, thread_id: int) -> None:
    """The asker closed a request: the helper gets the word that help came, if it did come from a neighbour."""
    thread = help_requests.thread_row(uow.db, thread_id)
    if help_requests.request_row(uow.db, thread.request).outcome is Outcome.WITH_NEIGHBOUR:
        _to_person(uow, thread.helper, "help.confirm", thread_id)


# -- the quarter ---------------------------------------------------------------------------------------------------


def report_compiled(uow: UnitOfWork, *, report_id: int) -> None:
    """A quarter was counted: the city gets the report; without a city it waits for one."""
    for peer in peers.all_peers(uow.db):
        if peer.trust is Trust.CITY and peer.state is PeerState.AGREED:
            deliver(uow, peer.id, "metrics.report", report_id)


def city_agreed(uow: UnitOfWork, *, peer_id: int) -> None:
    """A city joins: it gets what was counted before, in the order of the chain."""
    if peers.get(uow.db, peer_id).trust is Trust.CITY:
        for report in metrics.waiting(uow.db):
            deliver(uow, peer_id, "metrics.report", report.id)


def report_received(uow: UnitOfWork, *, peer_id: int, received: int) -> None:
    """A report counts: its neighbourhood gets the receipt."""
    deliver(uow, peer_id, "metrics.receipt", received)


def report_refused(uow: UnitOfWork, *, peer_id: int, received: int) -> None:
    """A report does not count: its neighbourhood is told why."""
    deliver(uow, peer_id, "metrics.reject", received)


# -- people ------------------------------------------------------------------------------------------------------------

_GOT = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.peer)
        .where(among(DeliveryTable.object, "objects"), DeliveryTable.state != DROPPED)
        .distinct()
    )
)
# thanks stand in the ledger by the post that they are for, which is somebody else's
_GOT_THANKS = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.peer)
        .where(
            DeliveryTable.verb == "thanks.give",
            DeliveryTable.version == hole("account"),
            DeliveryTable.state != DROPPED,
        )
        .distinct()
    )
)


def person_left(uow: UnitOfWork, *, account: int) -> None:
    """A resident left for good: everyone who ever got anything of theirs is told, whatever the agreement is now."""
    objects = [*help_requests.traces(uow.db, account=account), *city_messages.shared_by(uow.db, account)]
    got = {*_GOT.rows(uow.db, objects=objects), *_GOT_THANKS.rows(uow.db, account=account)}
    told = sorted(peer for (peer,) in got)
    _deliver_all(uow, told, PERSON_DELETE, account)
    for peer in told:  # those whom its hub told are told by it
        hub = hubs.of_peer(uow.db, peer)
        if hub is not None:
            deliver(uow, peer, CITIZEN_DELETE, account, hub.id)
    forgetting.said_by(uow, account)
    forgetting.said_about(uow, objects, SAID)


# -- moderators and peers ----------------------------------------------------------------------------------------------


def reported(uow: UnitOfWork, *, report_id: int) -> None:
    """A complaint about somebody of another server reaches the moderators there."""
    _to_person(uow, moderation.report_row(uow.db, report_id).reported, "flag", report_id)


def peer_found(uow: UnitOfWork, *, peer_id: int) -> None:
    """We know another server's letters: it is asked to be a neighbour."""
    deliver(uow, peer_id, "peer.follow", peer_id)


def peer_agreed(uow: UnitOfWork, *, peer_id: int) -> None:
    """We agreed to another server's asking."""
    deliver(uow, peer_id, "peer.accept", peer_id)


def peer_changed(uow: UnitOfWork, *, peer_id: int) -> None:
    """What we grant another server is another now; what it may have no more is not sent any more."""
    deliver(uow, peer_id, "peer.update", peer_id)


def peer_rejected(uow: UnitOfWork, *, peer_id: int) -> None:
    """A moderator said no to another server."""
    deliver(uow, peer_id, "peer.reject", peer_id)


def peer_ended(uow: UnitOfWork, *, peer_id: int) -> None:
    """We want to be neighbours no longer: it is told. What waited was dropped before, but for removals (`resting`)."""
    deliver(uow, peer_id, "peer.undo", peer_id)
