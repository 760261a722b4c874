"""The room of what is taken back: its bytes go at once, ours and those that arrived; who said it when stays known.

What is not taken back is kept for a while (`purge`). What still waits to be understood is left alone: it is read in
its order, and finds that what it speaks about is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub.actors import ActorKind
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedhood.kernel.engine import UnitOfWork

_READ = ("understood", "ignored", "refused", "dead")
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


def _blank(uow: UnitOfWork, condition: Any, but: str) -> None:
    gone = (condition, InboundTable.state.in_(_READ), InboundTable.uri != but)
    InboundTable.update(body=b"").where(*gone).execute(uow.db)
