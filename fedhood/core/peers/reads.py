"""Who reads whom: what the two sides of an agreement want, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import neighbourhoods
from fedhood.core.peers.model import NEIGHBOURS
from fedhood.core.peers.store import agreement, get

if TYPE_CHECKING:
    from fedhood.kernel.database import UnitOfWork


def settle(uow: UnitOfWork, peer_id: int) -> None:
    """Pair and part neighbourhoods of ours and a peer's, so that exactly that is read which is agreed now.

    A pair that one side names is in force while neither grants less than neighbours: a conversation needs both. A side
    that has not said anything yet is not waited for. Of who speaks under a name that was agreed with under another key
    nothing is read before somebody here has agreed with them.
    """
    said = [one for ours in (True, False) if (one := agreement(uow.db, peer_id, ours=ours)) is not None]
    both = all(NEIGHBOURS in one.scopes for one in said)
    known = both and not get(uow.db, peer_id).is_other_hand
    wanted = {pair for one in said for pair in one.pairs} if known else set()
    in_force = neighbourhoods.pairs_with(uow.db, peer_id)
    for writer, reader in sorted(wanted - in_force):
        neighbourhoods.pair(uow, writer=writer, reader=reader)
    for writer, reader in sorted(in_force - wanted):
        neighbourhoods.unpair(uow, writer=writer, reader=reader)
