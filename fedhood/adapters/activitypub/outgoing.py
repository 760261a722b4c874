"""Our half of the paths of letters: what is in the ledger of each, and when it goes on. It is read, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, HostTable
from fedhood.adapters.http.paths import Sending, Sent
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import peewee

MOST = 20

_COLUMNS = (
    DeliveryTable.peer,
    DeliveryTable.epoch,
    DeliveryTable.number,
    DeliveryTable.verb,
    DeliveryTable.activity,
    DeliveryTable.state,
    DeliveryTable.attempts,
    DeliveryTable.last_status,
    DeliveryTable.last_error,
    DeliveryTable.at,
    DeliveryTable.done_at,
)
_OF_KEY = Compiled(
    lambda: (
        DeliveryTable.select(*_COLUMNS)
        .where(DeliveryTable.activity == hole("key"), DeliveryTable.activity.is_null(is_null=False))
        .order_by(DeliveryTable.peer)
        .limit(hole("limit"))
    )
)
_OF_PEER = Compiled(
    lambda: (
        DeliveryTable.select(*_COLUMNS)
        .where(DeliveryTable.peer == hole("peer"))
        .order_by(DeliveryTable.epoch.desc(), DeliveryTable.number.desc())
        .limit(hole("limit"))
    )
)
_MADE = Compiled(lambda: ActivityTable.select(ActivityTable.made_at).where(ActivityTable.key == hole("key")))
_REST = Compiled(
    lambda: HostTable.select(HostTable.next_at).where(HostTable.peer == hole("peer"), HostTable.failures > 0)
)


def of_key(db: peewee.Database, key: str) -> list[Sent]:
    """The ways of one activity of ours, one for each server that it goes to (20 at most); none for an unknown key."""
    return [_sent(db, row) for row in _OF_KEY.rows(db, key=key, limit=MOST)]


def latest(db: peewee.Database, peer: int, limit: int = MOST) -> list[Sent]:
    """What a peer was sent or is to get, the last first."""
    return [_sent(db, row) for row in _OF_PEER.rows(db, peer=peer, limit=limit)]


def _sent(db: peewee.Database, row: Sequence[Any]) -> Sent:
    peer, epoch, number, verb, key, state, attempts, status, error, ordered_at, done_at = row
    made = None if key is None else _MADE.row(db, key=key)
    rest = _REST.row(db, peer=peer) if state == Sending.WAITING else None
    return Sent(
        peer=peer,
        epoch=epoch,
        number=number,
        verb=verb,
        key=key,
        state=next((one for one in Sending if one.value == state), Sending.OTHER),
        attempts=attempts,
        last_status=status,
        last_error=error,
        ordered_at=from_milliseconds(ordered_at),
        made_at=_moment(made),
        done_at=None if done_at is None else from_milliseconds(done_at),
        again_at=_moment(rest),
    )


def _moment(row: Sequence[Any] | None) -> datetime | None:
    return None if row is None else from_milliseconds(row[0])
