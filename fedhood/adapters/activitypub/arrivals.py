"""The room where what arrived and was verified becomes a row: the bytes as they came, under the id that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.kernel.engine import UnitOfWork

WAITING = "waiting"

_WRAPPINGS = frozenset({"Announce", "Create", "Update", "Delete"})
_DEEPEST = 3


def keep(
    uow: UnitOfWork,
    *,
    uri: str,
    peer: int,
    signer: str,
    about: str | None,
    scoped: bool,
    body: bytes,
    state: str = WAITING,
    received_at: datetime | None = None,
) -> None:
    """Keep the bytes as they came. The same id again is the same activity, and changes nothing.

    `peer` is 0 for a server that is not known; `about` is what `about_of` says.
    """
    InboundTable.insert(
        uri=uri,
        peer=peer,
        signer=signer,
        about=about,
        scoped=scoped,
        body=body,
        received_at=received_at or uow.now,
        state=state,
        next_at=uow.now,
    ).on_conflict_ignore().execute(uow.db)
    uow.wake_worker()


def introduces_itself(db: peewee.Database, actor: str) -> bool:
    """Whether an `Update` of an actor by itself is still to be read: it may have other keys then."""
    said = InboundTable.select(InboundTable.body).where(
        InboundTable.about == actor, InboundTable.signer == actor, InboundTable.state == WAITING
    )
    return any(strict_json.loads_object(bytes(row.body)).get("type") == "Update" for row in said.execute(db))


def about_of(document: dict[str, Any]) -> str | None:
    """The address of what an activity speaks of: of an Announce of a Create, the Note's; of an Undo, what is undone."""
    thing: Any = document
    for _ in range(_DEEPEST):
        deeper = thing.get("object")
        if thing.get("type") not in _WRAPPINGS or not isinstance(deeper, dict):
            break
        thing = deeper
    inner = thing if thing is not document and thing.get("type") not in _WRAPPINGS else thing.get("object")
    uri = inner.get("id") if isinstance(inner, dict) else inner
    return uri if isinstance(uri, str) else None
