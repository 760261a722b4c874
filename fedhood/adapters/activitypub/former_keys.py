"""The keys that actors of ours had before: the latest, and that of what was said before the news of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import peewee

from fedhood.adapters.activitypub.tables import DeliveryTable, RetiredKeyTable
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from datetime import datetime

_MOST_RETIRED = 3  # as many as a document has room for proofs of
_RETIRED = Compiled(
    lambda: (
        RetiredKeyTable.select(RetiredKeyTable.pem)
        .where(
            RetiredKeyTable.kind == hole("kind"),
            RetiredKeyTable.owner == hole("owner"),
            RetiredKeyTable.retired_at > hole("since"),
        )
        .order_by(RetiredKeyTable.retired_at.desc())
        .limit(_MOST_RETIRED)
    )
)

_BEFORE = Compiled(
    lambda: (
        RetiredKeyTable.select(RetiredKeyTable.pem)
        .join(DeliveryTable, on=(DeliveryTable.activity == RetiredKeyTable.activity))
        .where(
            RetiredKeyTable.kind == hole("kind"),
            RetiredKeyTable.owner == hole("owner"),
            DeliveryTable.peer == hole("peer"),
            DeliveryTable.state == peewee.SQL("'waiting'"),
            (DeliveryTable.epoch > hole("epoch"))
            | ((DeliveryTable.epoch == hole("epoch")) & (DeliveryTable.number >= hole("number"))),
        )
        .order_by(RetiredKeyTable.retired_at)
        .limit(1)
    )
)


def before(db: peewee.Database, kind: str, owner: int, *, peer: int, epoch: int, number: int) -> bytes | None:
    """The key that an actor had for a letter at this place of a peer's stream, if the news of another is behind it."""
    row = _BEFORE.row(db, kind=kind, owner=owner, peer=peer, epoch=epoch, number=number)
    return None if row is None else bytes(row[0])


def retired(db: peewee.Database, kind: str, owner: int, *, since: datetime) -> list[bytes]:
    """The latest keys that an actor had, of those that it gave up after a moment."""
    rows = _RETIRED.rows(db, kind=kind, owner=owner, since=milliseconds(since))
    return [bytes(pem) for (pem,) in rows]
