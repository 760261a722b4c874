"""What arrived is read here: who speaks, whether their word holds, and what follows from it.

    waiting ──▶ understood            taken in, in one transaction with what follows
            ──▶ refused               contradicts itself, is forged, or may not be; kept with its reason
            ──▶ ignored               of a kind that is not known here; kept
            ──▶ waiting, later ──▶ parked ──▶ dead    another server has to be asked and does not answer
            ──▶ parked ──▶ dead       speaks about what is not here (yet), by a key that is not known (yet),
                                        or by a clock that runs before ours

What a server says is read in the order of its stream; the first that waits holds up those behind it, once. Two readers
read for all of whom everything needed is known, many activities in one transaction: while one tries signatures or waits
for the disk, the other goes on. For whom another server has to be
asked there is a reader of its own, so that it holds up nobody else; and so there is for what is parked, which is tried
for three days, and for servers that are not known.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import taking_in, unread, weighing
from fedhood.adapters.activitypub.arrivals import WAITING
from fedhood.adapters.activitypub.weighing import Believed, Claimed
from fedhood.kernel.clock import monotonic
from fedhood.kernel.errors import Overloaded, RemoteFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.unread import Arrival
    from fedhood.adapters.activitypub.weighing import Weighed

MOST_READERS = 50
MOST_TOGETHER = 96  # activities that the common reader takes in at once
STEP = 2.0  # seconds that `pump` waits for readers who have to ask other servers

COMMON = (-2, -3)  # the readers who read for all
_AT_A_TIME = 8  # activities after which others get their turn on the loop


async def begin(federation: Federation) -> list[asyncio.Task[None]]:
    """Begin to read what nobody reads yet; the readers that were begun. Faults of those before are raised here."""
    crew = federation.readers
    crew.reap()
    due = await federation.database.read(unread.due, federation.clock.now(), {*crew, *federation.in_hand})
    begun = [_begin_alone(federation, reader) for reader in due if reader in unread.APART]
    idle = [reader for reader in COMMON if reader not in set(crew)]
    # the second is called when there is more than the first takes in hand
    begun += [
        crew.begin(_read_together(federation), reader, then=_again(federation))
        for reader in idle[: len(due) - len(begun)]
    ]
    return begun


async def pump(federation: Federation) -> bool:
    """`begin` for who steps by hand: returns when all readers have come to their end, or after two seconds."""
    crew = federation.readers
    ended = crew.reap()
    before, until = crew.tasks(), monotonic() + STEP
    begun = await begin(federation)
    while (under_way := {task for task in crew.tasks() - before if not task.done()}) and monotonic() < until:
        await asyncio.wait(under_way, timeout=max(0.0, until - monotonic()))
    crew.reap()
    return ended or bool(begun)


async def stop(federation: Federation) -> None:
    """Break off what is under way; it is read again later."""
    await federation.readers.stop()


def _begin_alone(federation: Federation, reader: int) -> asyncio.Task[None]:
    return federation.readers.begin(_read_alone(federation, reader), reader, then=_again(federation))


def _again(federation: Federation) -> Callable[[], None] | None:
    # where reading takes its time, something may have come between a reader's last look and its end
    return None if federation.database.single_process else federation.database.on_wake


# -- for whom others have to be asked ----------------------------------------------------------------------------------


async def _read_alone(federation: Federation, reader: int) -> None:
    """Read what waits of one server, until there is nothing more or it has to wait.

    Whatever comes of it, a fault included, the row is moved on: nothing that arrives can stop what comes after it.
    """
    database = federation.database
    while rows := await database.read(unread.following, federation.clock.now(), reader):
        read: list[tuple[Arrival, Weighed]] = []
        for row in rows:
            read.append((row, await weighing.weigh(federation, row)))
            if _holds_up(*read[-1]):
                break
        try:
            await database.write(taking_in.take_in, read)
        except Overloaded:
            return  # it stays as it is and is read when there is room


def _holds_up(row: Arrival, read: Weighed | Claimed) -> bool:
    """Whether what comes behind it is to be looked at only when this has been settled."""
    believed = read.believed if isinstance(read, Claimed) else read
    if isinstance(believed, Believed):
        return believed.handler.changes_belief
    return isinstance(believed, RemoteFailure) and row.state == WAITING


# -- for all others ----------------------------------------------------------------------------------------------------


async def _read_together(federation: Federation) -> None:
    """Read for everybody of whom something waits, round after round, until there is nothing that can be read so."""
    database, crew = federation.database, federation.readers
    passed_over: set[int] = set()
    while True:
        busy = {*crew, *federation.in_hand, *passed_over, *unread.APART}
        due = await database.read(unread.due, federation.clock.now(), busy)
        if not due:
            return
        # what it leaves is for the other one
        chosen = [one for one in due if one not in federation.in_hand][: max(1, min(MOST_READERS, len(due) // 2))]
        federation.in_hand.update(chosen)
        try:
            asking = await _read_round(federation, chosen)
        except Overloaded:
            return  # it stays as it is and is read when there is room
        finally:
            federation.in_hand.difference_update(chosen)
        for reader in asking:
            if len(crew) <= MOST_READERS:
                _begin_alone(federation, reader)
            else:
                passed_over.add(reader)  # until others have come to their end


async def _read_round(federation: Federation, readers: list[int]) -> set[int]:
    """Read what is next of each. Returns of whom one has to ask others first."""
    each = max(1, min(unread.BATCH, MOST_TOGETHER // len(readers)))
    read, asking = await _proved(federation, *await _claimed(federation, readers, each))
    if read:
        await federation.database.write(taking_in.take_in, read)
    return asking


async def _claimed(
    federation: Federation, readers: list[int], each: int
) -> tuple[list[tuple[Arrival, Weighed | Claimed]], set[int]]:
    """The next activities of each as far as can be told here, and of whom one has to ask others first."""
    database = federation.database
    found: list[tuple[Arrival, Weighed | Claimed]] = []
    asking: set[int] = set()
    for reader in readers:
        for row in await database.read(unread.following, federation.clock.now(), reader, limit=each):
            claimed = await database.read(weighing.claim, federation, row)
            if claimed is None:
                asking.add(reader)
                break
            found.append((row, claimed))
            if len(found) % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            if _holds_up(row, claimed):
                break
    return found, asking


async def _proved(
    federation: Federation, found: list[tuple[Arrival, Weighed | Claimed]], asking: set[int]
) -> tuple[list[tuple[Arrival, Weighed]], set[int]]:
    """The same with their proofs tried. Who may have another key is asked for; what they said after it waits."""
    claims = [one for _, one in found if isinstance(one, Claimed)]
    base, now = federation.addresses.base, federation.clock.now()
    tried = iter(await asyncio.to_thread(weighing.try_proofs, claims, base, now) if claims else [])
    asking = set(asking)
    read: list[tuple[Arrival, Weighed]] = []
    held_up: set[int] = set()
    for row, one in found:
        proved = next(tried) if isinstance(one, Claimed) else one
        if row.peer in held_up:
            continue
        if proved is None:
            asking.add(row.peer)
            held_up.add(row.peer)
        else:
            read.append((row, proved))
    return read, asking
