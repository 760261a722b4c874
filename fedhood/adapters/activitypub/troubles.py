"""The room where trouble with a host begins and ends: a line in the log at each change, word to who keeps the place.

    well ──no answer──▶ failing ──any answer──▶ well         host.failing, host.answers
    taken ──not allowed, or not recognised, three in a row──▶ refusing ──taken──▶ …         host.refusing

That a host is parked is found where its rest is chosen (`hosts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import causes
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.tables import HostTable
from fedhood.core import peers
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fedhood.kernel.engine import UnitOfWork

REFUSING_AFTER = 3  # letters in a row
_REFUSALS = frozenset({401, 403})
_KNOWN = Compiled(
    lambda: HostTable.select(HostTable.failures, HostTable.refusals).where(HostTable.peer == hole("peer"))
)


def noted(uow: UnitOfWork, peer: int, results: Sequence[Result]) -> None:
    """Attempts at a host came to these results; called before the host's row says so."""
    failures, refusals = _KNOWN.row(uow.db, peer=peer) or (0, 0)
    _count(uow, peer, results, refusals)
    if not results:
        return
    if not failures and results[-1].outcome is Outcome.RETRY:
        logger().warning("host.failing", peer=peer, reason=causes.of_reason(results[-1].reason).value)
    elif failures and any(_is_answer(result) for result in results):
        logger().info("host.answers", peer=peer)


def _is_answer(result: Result) -> bool:
    return result.status is not None and result.outcome is not Outcome.RETRY


def _count(uow: UnitOfWork, peer: int, results: Iterable[Result], before: int) -> None:
    """How many letters in a row it refused; whoever keeps the place hears of the third."""
    count = known = before
    for result in results:
        if result.outcome is Outcome.DONE:
            count = known = 0
        elif result.status in _REFUSALS:
            count += 1
    if count != before:
        HostTable.update(refusals=count).where(HostTable.peer == peer).execute(uow.db)
    if known < REFUSING_AFTER <= count:
        logger().warning("host.refusing", peer=peer)
        peers.refuses(uow, peer_id=peer)


def parked(uow: UnitOfWork, peer: int) -> None:
    """A host gave no answer on seven days."""
    logger().warning("host.parked", peer=peer)
    peers.fell_silent(uow, peer_id=peer)
