"""The room where what arrived is kept as the bytes that came, before anybody reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.hearing import Place
    from fedhood.adapters.http.paths import Way
    from fedhood.kernel.engine import UnitOfWork

WAITING = "waiting"

_WRAPPINGS = frozenset({"Announce", "Create", "Update", "Delete"})
_DEEPEST = 3
_NOWHERE = (0, 0)
_KEEP = Compiled(
    lambda: InboundTable.insert(
        {
            InboundTable.uri: hole("uri"),
            InboundTable.peer: hole("peer"),
            InboundTable.signer: hole("signer"),
            InboundTable.about: hole("about"),
            InboundTable.scoped: hole("scoped"),
            InboundTable.way: hole("way"),
            InboundTable.epoch: hole("epoch"),
            InboundTable.number: hole("number"),
            InboundTable.body: hole("body"),
            InboundTable.received_at: hole("received_at"),
            InboundTable.state: hole("state"),
            InboundTable.attempts: 0,
            InboundTable.next_at: hole("now"),
        }
    ).on_conflict_ignore()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An activity as it came. `about` is the address of the innermost thing that it speaks of."""

    uri: str
    actor: str
    scoped: bool
    about: str | None
    body: bytes
    way: Way


def about_of(document: dict[str, Any]) -> str | None:
    """The address of what an activity speaks of: of an Announce of a Create, the Note's; of an Undo, what is undone."""
    thing: Any = document
    for _ in range(_DEEPEST):
        deeper = thing.get("object")
        if not _wraps(thing) or not isinstance(deeper, dict):
            break
        thing = deeper
    inner = thing if thing is not document and not _wraps(thing) else thing.get("object")
    uri = inner.get("id") if isinstance(inner, dict) else inner
    return uri if isinstance(uri, str) else None


def _wraps(thing: dict[str, Any]) -> bool:
    kind = thing.get("type")
    return isinstance(kind, str) and kind in _WRAPPINGS


def keep(
    uow: UnitOfWork,
    letter: Letter,
    *,
    peer: int,
    place: Place | None,
    state: str = WAITING,
    received_at: datetime | None = None,
) -> None:
    """Keep the bytes as they came. The same id again is the same activity, and changes nothing.

    `peer` is 0 for a server that is not known; `place` is the activity's place in the peer's stream, None where there
    is none.
    """
    epoch, number = _NOWHERE if place is None else (place.epoch, place.number)
    _KEEP.run(
        uow.db,
        uri=letter.uri,
        peer=peer,
        signer=letter.actor,
        about=letter.about,
        scoped=letter.scoped,
        way=letter.way.value,
        epoch=epoch,
        number=number,
        body=letter.body,
        state=state,
        received_at=milliseconds(received_at or uow.now),
        now=milliseconds(uow.now),
    )
    uow.wake_worker()


def introduces_itself(db: peewee.Database, actor: str) -> bool:
    """Whether an `Update` of an actor by itself is still to be read: it may have other keys then."""
    said = InboundTable.select(InboundTable.body).where(
        InboundTable.about == actor, InboundTable.signer == actor, InboundTable.state == WAITING
    )
    return any(strict_json.loads_object(bytes(row.body)).get("type") == "Update" for row in said.execute(db))
