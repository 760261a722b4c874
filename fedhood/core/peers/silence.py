"""That a server we agreed with takes nothing any more: whoever agreed hears of it, once for each such trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core.peers.model import PeerRefusing, PeerSilent, PeerState
from fedhood.core.peers.store import get

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.facts import Fact


def fell_silent(uow: UnitOfWork, *, peer_id: int) -> None:
    """A server gave no answer on seven days. Nobody hears of it when nothing is agreed with it. Raises NotFound."""
    _state(uow, peer_id, PeerSilent(object=peer_id))


def refuses(uow: UnitOfWork, *, peer_id: int) -> None:
    """A server did not allow three letters in a row, or did not recognise us in them; as `fell_silent`."""
    _state(uow, peer_id, PeerRefusing(object=peer_id))


def _state(uow: UnitOfWork, peer_id: int, fact: Fact) -> None:
    if get(uow.db, peer_id).state is PeerState.AGREED:
        uow.record(fact)
