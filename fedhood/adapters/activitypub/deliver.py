"""The room of the postman: one stream a peer, in order, one letter at a time, all peers at once.

    waiting ──▶ done | refused (the answer is final) | expired (14 days) | dropped (not to be said any more)
       ▲  │
       └──┘ no answer, or "later": the host rests for 15 seconds, then longer and longer

Who sends to a peer holds a lease on its host: `next_at` in the future, which is also how a host in trouble rests. A
lease is fenced, so that two processes never both go on. A letter that was sent and not yet marked is sent again after
a crash, with the same bytes: receivers know it by its id.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from fedhood.adapters.activitypub import actors, answers, making, signatures, streams
from fedhood.adapters.activitypub.actors import MAIN_KEY
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.streams import Lease, Waiting, heard_from, next_due, release_all
from fedhood.adapters.http import strict_json
from fedhood.core import peers
from fedhood.kernel.errors import Gone, Invalid, NotFound, RemoteFailure

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.making import Made
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import Database

__all__ = ["heard_from", "next_due", "pump", "release_all", "stop"]

# a stream that takes longer goes on by itself: one slow peer holds up nobody else
PATIENCE = 2.0  # seconds

# what is under way in this process; who may send to whom is a row
_UNDER_WAY: WeakKeyDictionary[Database, set[asyncio.Task[None]]] = WeakKeyDictionary()


async def pump(federation: Federation, now: datetime) -> bool:
    """Send what waits to every peer that is not resting; whether anything was done.

    Returns when all streams have come to their end, or after two seconds: the slow ones go on beside. May be called
    again at any time. A fault of ours in one stream is raised here, its peer rests for the length of a lease.
    """
    tasks = _UNDER_WAY.setdefault(federation.database, set())
    worked = _reap(tasks)
    due = await federation.database.read(streams.due, now)
    leases = await federation.database.write(streams.take, due, now) if due else []
    started = {asyncio.create_task(_stream(federation, lease), name=f"stream-{lease.peer}") for lease in leases}
    if started:
        tasks |= started
        try:
            await asyncio.wait(started, timeout=PATIENCE)
        except asyncio.CancelledError:
            await stop(federation)
            raise
        worked = True
        _reap(tasks)
    return worked


async def stop(federation: Federation) -> None:
    """Break off what is under way; it is sent again later."""
    tasks = _UNDER_WAY.pop(federation.database, set())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _reap(tasks: set[asyncio.Task[None]]) -> bool:
    """Take the finished tasks out, and raise what went wrong in them."""
    finished = {task for task in tasks if task.done()}
    tasks -= finished
    faults = [fault for task in finished if not task.cancelled() and (fault := task.exception()) is not None]
    if faults:
        raise BaseExceptionGroup("streams broke off", faults)
    return bool(finished)


async def _stream(federation: Federation, lease: Lease) -> None:
    """Send a peer what waits for it, until there is nothing more or it does not go."""
    database = federation.database
    held: Lease | None = lease
    try:
        while held is not None:
            lease = held
            waiting = await database.read(streams.first, lease.peer)
            if waiting is None:
                await database.write(streams.release, lease)
                return
            result = await _attempt(federation, waiting)
            held = await database.write(streams.settle, lease, waiting, result)
    except asyncio.CancelledError:
        await database.write(streams.release, lease)
        raise


async def _attempt(federation: Federation, waiting: Waiting) -> Result:
    """Say one thing to one peer, if it is still to be said."""
    now = federation.clock.now()
    if waiting.expires_at <= now:
        return Result(outcome=Outcome.EXPIRED, reason="no answer for too long")
    try:
        if not await federation.database.read(streams.may_go, waiting.delivery, now):
            return Result(outcome=Outcome.DROPPED, reason="the agreement does not cover it any more")
        made = await making.made(federation, waiting.delivery)
    except (NotFound, Gone) as gone:
        return Result(outcome=Outcome.UNSAYABLE, reason=f"is no more: {gone.code}")
    except Invalid as refusal:
        return Result(outcome=Outcome.REFUSED, reason=f"cannot be said: {refusal.code}")
    peer = await federation.database.read(peers.get, waiting.delivery.peer)
    try:
        return await _post(federation, peer, waiting, made)
    except RemoteFailure as failure:
        return Result(outcome=Outcome.RETRY, reason=failure.code)


async def _post(federation: Federation, peer: Peer, waiting: Waiting, made: Made) -> Result:
    url = _inbox(peer, waiting, made)
    pair = await actors.pair_for(federation, made.signer, peer.id)
    signer = await federation.database.read(actors.uri_of, federation.addresses, made.signer)
    parts = urlsplit(url)
    # signed anew for every attempt: a signature is stale after minutes; 0.6 ms of arithmetic, so not on the loop
    headers = await asyncio.to_thread(
        signatures.sign_request,
        method="POST",
        target=parts.path + (f"?{parts.query}" if parts.query else ""),
        host=parts.netloc,
        body=made.body,
        key_id=signer + MAIN_KEY,
        key=pair.rsa,
        date=federation.clock.now(),
    )
    headers["Fedhood-Stream"] = f"e={waiting.delivery.epoch};n={waiting.delivery.number}"
    answer = await federation.client.post(url, body=made.body, headers=headers)
    return answers.judge(answer, federation.clock.now())


def _inbox(peer: Peer, waiting: Waiting, made: Made) -> str:
    """Where it goes: peering to the server's own inbox, what is scoped to the agreed one, the rest to the shared one.

    Raises RemoteFailure while the peer's addresses are not known.
    """
    if waiting.delivery.verb.startswith("peer."):
        url = peer.inbox
    elif "fhScope" in strict_json.loads_object(made.body):
        url = peer.peer_inbox
    else:
        url = peer.shared_inbox or peer.inbox
    if url is None:
        raise RemoteFailure("the inbox is not known", code="no-inbox")
    return url
