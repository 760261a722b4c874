"""What follows from who visits from other software: the part of `consequences` that is about followers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import outbox_followers
from fedhood.core import peers, visitors

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.facts import Fact


def _followed(uow: UnitOfWork, fact: visitors.Followed) -> None:
    outbox_followers.follower_answered(uow, follower_id=fact.object or 0, version=fact.version, accepted=True)


def _refused(uow: UnitOfWork, fact: visitors.FollowRefused) -> None:
    outbox_followers.follower_answered(uow, follower_id=fact.object or 0, version=fact.version, accepted=False)


def _all_refused(uow: UnitOfWork, fact: visitors.VisitorsRefused) -> None:
    outbox_followers.all_refused(uow, neighbourhood=fact.neighbourhood or 0)


def _host_blocked(uow: UnitOfWork, fact: peers.PeerBlocked) -> None:
    visitors.forget_host(uow, peer=fact.object or 0)


TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    visitors.Followed: (_followed,),
    visitors.FollowRefused: (_refused,),
    visitors.VisitorsRefused: (_all_refused,),
    peers.PeerBlocked: (_host_blocked,),
}
