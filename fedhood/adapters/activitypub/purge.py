"""The room of what is kept for a while: what arrived, and the bytes of what was said. The ledger itself stays.

| what | kept for |
|---|---|
| what is taken back, and what somebody said who left | not at all (`forgetting`) |
| what was understood, or is of a kind not known here | 30 days, as long as a removal may wait to be passed on |
| what was refused, or could not be understood | 14 days, for whoever looks after the server |
| the bytes of what was said, once nobody waits for them any more | 90 days, as long as a neighbour may ask for them |
| keys that an actor of ours had before | 30 days |
| what people on other software show of themselves, but for those who follow | 30 days, then it is asked for again |
| who was told that they may not follow | 30 days |
| followers on a server that gave no answer | 90 days |
| by which scheme another server wants requests signed | 30 days, until when it holds |
| the bytes of reports to the city | for good: the next one names them by their digest |
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import peewee

from fedhood.adapters.activitypub import knocking, knocks, outbox, rotation, strangers, taking_in, weighing
from fedhood.adapters.activitypub.actors import RETIRED_FOR, ActorKind
from fedhood.adapters.activitypub.tables import NOT_WAITING, ActivityTable, DeliveryTable, HostTable, InboundTable
from fedhood.core import visitors

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.kernel.engine import UnitOfWork

UNDERSTOOD_FOR = timedelta(days=30)
REFUSED_FOR = timedelta(days=14)
SAID_FOR = timedelta(days=90)
LOST_AFTER = timedelta(days=90)
# one transaction holds the writer while it deletes: the rest goes next time
MOST = 2000


def purge_due(uow: UnitOfWork) -> int:
    """Delete what was kept long enough, the oldest first, at most 2,000 rows of each kind. Returns how many rows."""
    done = _arrived(uow, {taking_in.UNDERSTOOD, weighing.IGNORED}, uow.now - UNDERSTOOD_FOR)
    done += _arrived(uow, {taking_in.REFUSED, taking_in.DEAD}, uow.now - REFUSED_FOR)
    done += rotation.forget_old(uow, uow.now - RETIRED_FOR)
    done += knocks.forget_old(uow, uow.now - knocking.HOLDS)
    done += strangers.forget_old(uow, uow.now - strangers.REMEMBERED_FOR) + visitors.forget_refused(uow)
    _lost(uow, uow.now - LOST_AFTER)
    return done + _said(uow, uow.now - SAID_FOR)


def _arrived(uow: UnitOfWork, states: set[str], before: datetime) -> int:
    deleted = 0
    for state in sorted(states):
        # since then it is in this state: `next_at` is the moment at which it was settled, and has an index
        old = (
            InboundTable.select(InboundTable.id)
            .where(InboundTable.state == state, NOT_WAITING, InboundTable.next_at < before)
            .order_by(InboundTable.next_at)
            .limit(MOST)
        )
        deleted += InboundTable.delete().where(InboundTable.id.in_(old)).execute(uow.db)
    return deleted


def _lost(uow: UnitOfWork, before: datetime) -> None:
    """Nobody follows from a server that has given no answer since then."""
    silent = HostTable.select(HostTable.peer).where(HostTable.failures > 0, HostTable.trouble_since < before)
    for row in silent.execute(uow.db):
        visitors.forget_host(uow, peer=row.peer)


def _said(uow: UnitOfWork, before: datetime) -> int:
    wanted = DeliveryTable.select(peewee.Value(1)).where(
        DeliveryTable.activity == ActivityTable.key, DeliveryTable.state == outbox.WAITING
    )
    old = (
        ActivityTable.select(ActivityTable.key)
        .where(
            ActivityTable.made_at < before,
            ActivityTable.signer_kind != ActorKind.METRICS.value,
            ~peewee.fn.EXISTS(wanted),
        )
        .order_by(ActivityTable.made_at)
        .limit(MOST)
    )
    deleted: int = ActivityTable.delete().where(ActivityTable.key.in_(old)).execute(uow.db)
    return deleted
