"""The room of what is taken back: its bytes go at once, ours and those that arrived; who said it when stays known.

What is not taken back is kept for a while (`purge`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.actors import ActorKind
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable
from fedhood.adapters.http import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

    from fedhood.kernel.engine import UnitOfWork

_READ = ("understood", "ignored", "refused", "dead")
_UNREAD = ("waiting", "parked")
_REMOVALS = frozenset({"Delete", "Undo", "Reject"})
_AT_ONCE = 500


def said_about(uow: UnitOfWork, objects: Iterable[int], verbs: Iterable[str]) -> None:
    """Our own bytes about these things, said with these verbs."""
    told = list(objects)
    for start in range(0, len(told), _AT_ONCE):
        keys = DeliveryTable.select(DeliveryTable.activity).where(
            DeliveryTable.object.in_(told[start : start + _AT_ONCE]),
            DeliveryTable.verb.in_(list(verbs)),
            DeliveryTable.activity.is_null(is_null=False),
        )
        ActivityTable.delete().where(ActivityTable.key.in_(keys)).execute(uow.db)


def said_by(uow: UnitOfWork, account: int) -> None:
    """Our own bytes that a resident of ours signed."""
    mine = (ActivityTable.signer_kind == ActorKind.PERSON.value, ActivityTable.signer == account)
    ActivityTable.delete().where(*mine).execute(uow.db)


def heard_about(uow: UnitOfWork, uris: Iterable[str], *, but: str) -> None:
    """The bytes that arrived about these things of others, `but` the removal itself: it says no words, and goes on."""
    about = list(uris)
    for start in range(0, len(about), _AT_ONCE):
        _blank(uow, InboundTable.about.in_(about[start : start + _AT_ONCE]), but)


def heard_from(uow: UnitOfWork, actor: str, *, but: str) -> None:
    """The bytes that arrived from somebody elsewhere, `but` their farewell."""
    _blank(uow, InboundTable.signer == actor, but)


def never_mind(uow: UnitOfWork, uri: str, *, signer: str, but: str) -> None:
    """What the same one said of this thing, or as this activity, and waits is not to be understood any more."""
    waits = ((InboundTable.about == uri) | (InboundTable.uri == uri), InboundTable.state.in_(_UNREAD))
    InboundTable.update(state="refused", reason="taken-back: it was removed before it was read", body=b"").where(
        *waits, InboundTable.signer == signer, InboundTable.uri != but
    ).execute(uow.db)


def was_taken_back(db: peewee.Database, uri: str, *, signer: str) -> bool:
    """Whether the same one removed this thing before it came."""
    heard = InboundTable.select(InboundTable.body).where(
        InboundTable.about == uri, InboundTable.signer == signer, InboundTable.state == "understood"
    )
    return any(is_removal(strict_json.loads_object(bytes(row.body))) for row in heard.execute(db) if row.body)


def has_more_to_say(db: peewee.Database, *, peer: int, signer: str) -> bool:
    """Whether something of this one waits to be read, or was put off."""
    unread = (InboundTable.state.in_(_UNREAD), InboundTable.peer == peer, InboundTable.signer == signer)
    return bool(InboundTable.select().where(*unread).exists(db))


def may_still_come(db: peewee.Database, uri: str) -> bool:
    """Whether something waits to be read, or was put off, that may bring this thing: about it, and no removal."""
    unread = InboundTable.select(InboundTable.body).where(InboundTable.about == uri, InboundTable.state.in_(_UNREAD))
    return any(not is_removal(strict_json.loads_object(bytes(row.body))) for row in unread.execute(db))


def is_removal(document: dict[str, Any]) -> bool:
    """Whether an activity takes something back; that is heard from a former neighbour too."""
    inner = document.get("object") if document.get("type") == "Announce" else document
    return isinstance(inner, dict) and inner.get("type") in _REMOVALS


def _blank(uow: UnitOfWork, condition: Any, but: str) -> None:
    gone = (condition, InboundTable.state.in_(_READ), InboundTable.uri != but)
    InboundTable.update(body=b"").where(*gone).execute(uow.db)
