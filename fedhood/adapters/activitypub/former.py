"""The room of those under whose name somebody else speaks now: nothing of theirs stays, nobody is taken for them.

Removals of the former ones can never come any more: whoever could sign them has no key that is believed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting
from fedhood.adapters.activitypub.tables import RemoteActorTable
from fedhood.core import accounts, help_requests, posts

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork


def forget_all_of(uow: UnitOfWork, *, peer_id: int) -> None:
    """Forget everybody of a peer, as if each had left for good: words, names, what was arranged, and their keys.

    Residents with whom they had arranged something are told that it is off.
    """
    for who in accounts.of_peer(uow.db, peer_id):
        wrote = (posts.row(uow.db, post_id=post_id).uri for post_id in posts.ids_by(uow.db, who.id))
        forgetting.heard_about(uow, [uri for uri in wrote if uri is not None])
        forgetting.heard_from(uow, who.uri or "")
        help_requests.left_elsewhere(uow, account=who.id)
    RemoteActorTable.delete().where(RemoteActorTable.peer == peer_id).execute(uow.db)
