"""What follows from what happens between this server and another: the part of `consequences` that is about peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood import said_anew
from fedhood.adapters.activitypub import former, handling, outbox, resting
from fedhood.core import hubs, notifications, peers
from fedhood.core.notifications import Kind
from fedhood.kernel import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.facts import Fact


def _tell_keepers(uow: UnitOfWork, kind: Kind, fact: Fact) -> None:
    """Tell those who may agree with other servers for this one."""
    for account in peers.keepers(uow.db):
        notifications.tell(uow, account=account, kind=kind, object=fact.object or 0)


def _peer_found(uow: UnitOfWork, fact: peers.PeerFound) -> None:
    outbox.peer_found(uow, peer_id=fact.object or 0)


def _peer_asked(uow: UnitOfWork, fact: peers.PeerAsked) -> None:
    handling.lift(uow, peer_id=fact.object or 0)
    _tell_keepers(uow, Kind.PEER_ASKS, fact)


def _peer_agreed(uow: UnitOfWork, fact: peers.PeerAgreed) -> None:
    handling.lift(uow, peer_id=fact.object or 0)
    outbox.peer_agreed(uow, peer_id=fact.object or 0)
    jobs.add(uow, "peer.meet", ordering_key=f"peer.{fact.object}", peer=fact.object)
    outbox.city_agreed(uow, peer_id=fact.object or 0)
    if fact.ask_too:
        outbox.peer_found(uow, peer_id=fact.object or 0)
    if peers.agreement(uow.db, fact.object or 0, ours=False) is not None:
        said_anew.with_a_neighbour(uow, fact.object or 0)


def _peer_changed(uow: UnitOfWork, fact: peers.PeerChanged) -> None:
    peer = fact.object or 0
    if fact.less:
        resting.drop_lost(uow, peer_id=peer)
    if fact.by_us:
        outbox.peer_changed(uow, peer_id=peer)
    else:
        _tell_keepers(uow, Kind.PEER_CHANGED, fact)
    if fact.more:
        said_anew.to_a_neighbour(uow, peer)


def _peer_ending(uow: UnitOfWork, fact: peers.PeerEnding) -> None:
    _tell_keepers(uow, Kind.PEER_ENDING, fact)


def _peer_renewed(uow: UnitOfWork, fact: peers.PeerRenewed) -> None:
    outbox.peer_agreed(uow, peer_id=fact.object or 0)


def _peer_granted(uow: UnitOfWork, fact: peers.PeerGranted) -> None:
    said_anew.with_a_neighbour(uow, fact.object or 0)


def _peer_asked_again(uow: UnitOfWork, fact: peers.PeerAskedAgain) -> None:
    outbox.peer_agreed(uow, peer_id=fact.object or 0)


def _peer_refused(uow: UnitOfWork, fact: peers.PeerRefused) -> None:
    outbox.peer_rejected(uow, peer_id=fact.object or 0)


def _key_changed(uow: UnitOfWork, fact: peers.PeerKeyChanged) -> None:
    resting.hold(uow, peer_id=fact.object or 0)
    _tell_keepers(uow, Kind.PEER_KEY, fact)


def _key_confirmed(uow: UnitOfWork, fact: peers.PeerKeyConfirmed) -> None:
    resting.let_go(uow, peer_id=fact.object or 0)
    if (
        fact.renewed
    ):  # with the key they may have lost what was agreed: they are asked once more, and hear our yes again
        outbox.peer_found(uow, peer_id=fact.object or 0)
        outbox.peer_agreed(uow, peer_id=fact.object or 0)


def _key_announced(uow: UnitOfWork, fact: peers.PeerKeyAnnounced) -> None:
    if fact.lifted:
        resting.let_go(uow, peer_id=fact.object or 0)
    _tell_keepers(uow, Kind.PEER_KEY_ANNOUNCED, fact)


def _list_changed(uow: UnitOfWork, fact: peers.ListChanged) -> None:
    _tell_keepers(uow, Kind.LIST_CHANGED, fact)


def _silent(uow: UnitOfWork, fact: peers.PeerSilent) -> None:
    _tell_keepers(uow, Kind.PEER_SILENT, fact)


def _refusing(uow: UnitOfWork, fact: peers.PeerRefusing) -> None:
    _tell_keepers(uow, Kind.PEER_REFUSING, fact)


def _replaced(uow: UnitOfWork, fact: peers.PeerReplaced) -> None:
    former.forget_all_of(uow, peer_id=fact.object or 0)


def _peer_ended(uow: UnitOfWork, fact: peers.PeerEnded) -> None:
    resting.drop_all(uow, peer_id=fact.object or 0)
    handling.lift(uow, peer_id=fact.object or 0)
    peers.forget_list(uow, fact.object or 0)
    hubs.peer_ended(uow, peer_id=fact.object or 0)
    if fact.by_us:
        outbox.peer_ended(uow, peer_id=fact.object or 0)
        return
    _tell_keepers(uow, Kind.PEER_ENDED, fact)


TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    peers.PeerFound: (_peer_found,),
    peers.PeerAsked: (_peer_asked,),
    peers.PeerAgreed: (_peer_agreed,),
    peers.PeerAskedAgain: (_peer_asked_again,),
    peers.PeerGranted: (_peer_granted,),
    peers.PeerChanged: (_peer_changed,),
    peers.PeerEnding: (_peer_ending,),
    peers.PeerRenewed: (_peer_renewed,),
    peers.PeerRefused: (_peer_refused,),
    peers.PeerEnded: (_peer_ended,),
    peers.PeerKeyChanged: (_key_changed,),
    peers.PeerKeyConfirmed: (_key_confirmed,),
    peers.PeerKeyAnnounced: (_key_announced,),
    peers.PeerReplaced: (_replaced,),
    peers.PeerSilent: (_silent,),
    peers.PeerRefusing: (_refusing,),
    peers.ListChanged: (_list_changed,),
}
