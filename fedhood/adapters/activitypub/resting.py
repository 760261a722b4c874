"""The room of what does not go: for good, as what is agreed covers it no more, or while a peer's key is in question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import streams
from fedhood.adapters.activitypub.outbox import DROPPED, HELD, WAITING, goes_on
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core.help_requests import Sent
from fedhood.kernel.errors import Gone, NotFound

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork

# one transaction holds the writer meanwhile; what is beyond is dropped when its turn comes
MOST_AT_ONCE = 500
_OUTLIVE_THE_END = (".delete", ".undo", ".reject", ".rotate")
_REASON = "the agreement does not cover it any more"


def drop_lost(uow: UnitOfWork, *, peer_id: int) -> int:
    """Drop what waits for a peer and is covered by what is agreed no longer; removals and peering stay.

    Who waits for an answer is told that it does not go. Returns how many were dropped, of the first 500 that wait.
    """
    rows = (
        DeliveryTable.select()
        .where(DeliveryTable.peer == peer_id, DeliveryTable.state == WAITING)
        .order_by(DeliveryTable.epoch, DeliveryTable.number)
        .limit(MOST_AT_ONCE)
    )
    lost = [delivery for row in rows.execute(uow.db) if not _may_go(uow, delivery := _of(row))]
    for delivery in lost:
        DeliveryTable.update(state=DROPPED, last_error=_REASON, done_at=uow.now).where(
            DeliveryTable.peer == delivery.peer,
            DeliveryTable.epoch == delivery.epoch,
            DeliveryTable.number == delivery.number,
            DeliveryTable.state == WAITING,
        ).execute(uow.db)
        if delivery.verb in streams.OUTCOMES:
            streams.OUTCOMES[delivery.verb](uow, delivery, Sent.FAILED)
    return len(lost)


def drop_all(uow: UnitOfWork, *, peer_id: int) -> None:
    """Drop all that waits for a peer with whom it is over, but for what is taken back.

    News of another key goes as well, for what is taken back later is signed by that one. Who waits for an answer is
    told that it does not go.
    """
    unsent = DeliveryTable.state.in_([WAITING, HELD])
    rows = DeliveryTable.select().where(DeliveryTable.peer == peer_id, unsent)
    lost = [delivery for row in rows.execute(uow.db) if not (delivery := _of(row)).verb.endswith(_OUTLIVE_THE_END)]
    for verb in sorted({delivery.verb for delivery in lost}):
        DeliveryTable.update(state=DROPPED, last_error="the agreement has ended", done_at=uow.now).where(
            DeliveryTable.peer == peer_id, unsent, DeliveryTable.verb == verb
        ).execute(uow.db)
    for delivery in lost:
        if delivery.verb in streams.OUTCOMES:
            streams.OUTCOMES[delivery.verb](uow, delivery, Sent.FAILED)


def hold(uow: UnitOfWork, *, peer_id: int) -> None:
    """Put aside what waits for a peer whose key is in question; peering and what is taken back go on.

    Who waits for an answer is told that it takes longer.
    """
    rows = DeliveryTable.select().where(DeliveryTable.peer == peer_id, DeliveryTable.state == WAITING)
    aside = [delivery for row in rows.execute(uow.db) if not goes_on((delivery := _of(row)).verb)]
    for verb in sorted({delivery.verb for delivery in aside}):
        DeliveryTable.update(state=HELD).where(
            DeliveryTable.peer == peer_id, DeliveryTable.state == WAITING, DeliveryTable.verb == verb
        ).execute(uow.db)
    for delivery in aside:
        if delivery.verb in streams.OUTCOMES:
            streams.OUTCOMES[delivery.verb](uow, delivery, Sent.TROUBLE)


def let_go(uow: UnitOfWork, *, peer_id: int) -> None:
    """What was put aside for a peer waits again, in its old place; whether it may still go is asked when it does."""
    aside = (DeliveryTable.peer == peer_id, DeliveryTable.state == HELD)
    if DeliveryTable.update(state=WAITING).where(*aside).execute(uow.db):
        uow.wake_worker()


def _of(row: DeliveryTable) -> Delivery:
    return Delivery(
        row.peer, row.epoch, row.number, row.verb, row.object, row.version, row.attempts, row.activity, row.inbox
    )


def _may_go(uow: UnitOfWork, delivery: Delivery) -> bool:
    try:
        return streams.may_go(uow.db, delivery, uow.now)
    except (NotFound, Gone):  # what it would say is no more: the worker finds that out
        return True
