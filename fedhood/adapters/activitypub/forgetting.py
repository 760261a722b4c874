"""The room of what is taken back: its bytes go at once, ours and those that arrived; who said it when stays known.

What is not taken back is kept for a while (`purge`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.actors import ActorKind
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable, RemoteActorTable
from fedhood.adapters.http import strict_json
from fedhood.kernel import urls
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

    from fedhood.kernel.engine import UnitOfWork

_READ = ("understood", "ignored", "refused", "dead")
_UNREAD = ("waiting", "parked", "forwarded")
_REMOVALS = frozenset({"Delete", "Undo", "Reject"})
_AT_ONCE = 500
# why what arrived was not for who had parted, or had not agreed yet
_NO_NEIGHBOUR = ("peering-required", "scope-not-granted", "not-paired", "no-place", "group-unknown")


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


def heard_about(uow: UnitOfWork, uris: Iterable[str]) -> None:
    """The bytes that arrived about these things of others, not of removals: they say no words, and are passed on."""
    about = list(uris)
    for start in range(0, len(about), _AT_ONCE):
        _blank(uow, InboundTable.about.in_(about[start : start + _AT_ONCE]))


def heard_from(uow: UnitOfWork, actor: str) -> None:
    """The bytes that arrived from somebody elsewhere, but not of what they took back."""
    _blank(uow, InboundTable.signer == actor)


def actor(uow: UnitOfWork, uri: str) -> None:
    """Somebody elsewhere as they introduced themselves; they are asked for again when they speak again."""
    RemoteActorTable.delete().where(RemoteActorTable.uri == uri).execute(uow.db)


def never_mind(uow: UnitOfWork, uri: str, *, signer: str, but: str) -> None:
    """What the same one said of this thing, or as this activity, and waits is not to be understood any more.

    Of what was not taken in the bytes go.
    """
    said = ((InboundTable.about == uri) | (InboundTable.uri == uri), InboundTable.signer == signer)
    InboundTable.update(state="refused", reason="taken-back: it was removed before it was read", body=b"").where(
        *said, InboundTable.state.in_(_UNREAD), InboundTable.uri != but
    ).execute(uow.db)
    _blank(uow, *said)


def came_too_late(uow: UnitOfWork, uri: str, *, signer: str, activity: str) -> bool:
    """Whether the same one removed this thing before it came. The bytes that bring it now go as well."""
    if not any(one == signer for one in _removers(uow.db, uri, but=activity)):
        return False
    not_kept(uow, activity)
    return True


def read_again(uow: UnitOfWork, peer: int) -> None:
    """What was refused because its sender was no neighbour is to be read, now that they are one."""
    refused = (InboundTable.peer == peer, InboundTable.state == "refused", InboundTable.body != b"")
    for code in _NO_NEIGHBOUR:
        InboundTable.update(state="waiting", reason=None, attempts=0, next_at=uow.now).where(
            *refused, InboundTable.reason.startswith(f"{code}:")
        ).execute(uow.db)
    uow.wake_worker()


def not_kept(uow: UnitOfWork, activity: str) -> None:
    """What this activity says is not needed, or was removed meanwhile: its bytes go."""
    InboundTable.update(body=b"").where(InboundTable.uri == activity).execute(uow.db)


def was_removed(db: peewee.Database, uri: str, *, signer: str) -> bool:
    """Whether a thing that is not here was removed: by its own server, or by whoever speaks of it now."""
    return any(one == signer or urls.origin(one) == urls.origin(uri) for one in _removers(db, uri))


_HEARD_ABOUT = Compiled(
    lambda: InboundTable.select(InboundTable.signer, InboundTable.body).where(
        InboundTable.about == hole("uri"), InboundTable.state == "understood", InboundTable.uri != hole("but")
    )
)


def _removers(db: peewee.Database, uri: str, *, but: str = "") -> list[str]:
    """Who said that this thing is gone, in another activity than this one."""
    heard = _HEARD_ABOUT.rows(db, uri=uri, but=but)
    return [signer for signer, body in heard if body and is_removal(_read(body))]


def has_more_to_say(db: peewee.Database, *, peer: int, signer: str) -> bool:
    """Whether something of this one waits to be read, or was put off."""
    unread = (InboundTable.state.in_(_UNREAD), InboundTable.peer == peer, InboundTable.signer == signer)
    return bool(InboundTable.select().where(*unread).exists(db))


def may_still_come(db: peewee.Database, uri: str) -> bool:
    """Whether something waits to be read, or was put off, that may bring this thing: about it, and no removal."""
    unread = InboundTable.select(InboundTable.body).where(InboundTable.about == uri, InboundTable.state.in_(_UNREAD))
    return any(not is_removal(_read(row.body)) for row in unread.execute(db))


def _read(body: bytes) -> dict[str, Any]:
    return strict_json.loads_object(bytes(body))


def is_removal(document: dict[str, Any]) -> bool:
    """Whether an activity takes something back; that is heard from a former neighbour too."""
    inner = document.get("object") if document.get("type") == "Announce" else document
    kind = inner.get("type") if isinstance(inner, dict) else None
    return isinstance(kind, str) and kind in _REMOVALS


def _blank(uow: UnitOfWork, *which: Any) -> None:
    read = InboundTable.select(InboundTable.id, InboundTable.body).where(*which, InboundTable.state.in_(_READ))
    words = [row.id for row in read.execute(uow.db) if row.body and not is_removal(_read(row.body))]
    for start in range(0, len(words), _AT_ONCE):
        InboundTable.update(body=b"").where(InboundTable.id.in_(words[start : start + _AT_ONCE])).execute(uow.db)
