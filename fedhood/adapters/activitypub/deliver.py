"""The room of the postman: one stream a peer, in order, one letter at a time, many peers at once.

    waiting ──▶ done | refused (the answer is final) | expired (14 days) | dropped (not to be said any more)
       ▲  │
       └──┘ no answer, or "later": the host rests (`hosts`)

A letter that was sent and not yet marked is sent again after a crash, with the same bytes: receivers know it by its
id. What became of letters is written down for several at once, so that a long stream does not wait for the disk after
each.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import actors, answers, hearing, hosts, knocking, knocks, making, streams
from fedhood.adapters.activitypub.answers import Outcome, Result
from fedhood.adapters.activitypub.hearing import Place
from fedhood.core import peers
from fedhood.kernel import urls
from fedhood.kernel.clock import monotonic
from fedhood.kernel.errors import Gone, Invalid, NotFound, RemoteFailure

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.hosts import Lease
    from fedhood.adapters.activitypub.knocking import Plan
    from fedhood.adapters.activitypub.making import Made
    from fedhood.adapters.activitypub.streams import Due, Waiting
    from fedhood.adapters.http.client import Answer
    from fedhood.core.peers import Peer

MOST_AT_ONCE = 50
# who did not answer last time may keep no more than some of the places: dead servers hold up no living one
MOST_TRIALS = 20
# nor may servers of other software, however many followers are there
MOST_STRANGERS = 40
MOST_FAULTS = 3
PATIENCE = 2.0  # seconds that `pump` waits for the slow ones
WRITTEN_DOWN_AFTER = 2.0  # seconds that a stream goes on before it is noted how far it came


async def begin(federation: Federation, now: datetime) -> list[asyncio.Task[None]]:
    """Begin to send to every peer for which something waits and that is not resting, as far as there is room.

    What was begun goes on beside, and is returned. May be called again at any time. A fault of ours in a stream that
    has ended since is raised here; its peer rests.
    """
    crew = federation.senders
    crew.reap()
    if len(crew) >= MOST_AT_ONCE:
        return []
    due = await federation.database.read(streams.due, now)
    wanted = {one.peer: one for one in _chosen(due, list(crew))}
    leases = await federation.database.write(hosts.take, list(wanted), now) if wanted else []
    then = federation.database.on_wake if len(due) > len(leases) else None  # there is room for another
    return [crew.begin(_stream(federation, lease), wanted[lease.peer], then=then) for lease in leases]


async def pump(federation: Federation, now: datetime) -> bool:
    """`begin` for who steps by hand: returns when all streams have come to their end, or after two seconds.

    Whether anything was done.
    """
    ended = federation.senders.reap()
    begun = await begin(federation, now)
    if begun:
        try:
            await asyncio.wait(begun, timeout=PATIENCE)
        except asyncio.CancelledError:
            await stop(federation)
            raise
        federation.senders.reap()
    return ended or bool(begun)


async def stop(federation: Federation) -> None:
    """Break off what is under way; it is sent again later."""
    await federation.senders.stop()


def _chosen(due: list[Due], under_way: list[Due]) -> list[Due]:
    """Whom to send to now: the living first, and of those in trouble no more than there is room for.

    Neighbours come before servers of other software, which never have all the places.
    """
    room = max(0, MOST_STRANGERS - sum(one.stranger for one in under_way))
    strangers = itertools.islice((one for one in due if one.stranger and not one.troubled), room)
    living = [*(one for one in due if not one.stranger and not one.troubled), *strangers]
    trials = itertools.islice(
        (one for one in due if one.troubled), max(0, MOST_TRIALS - sum(one.troubled for one in under_way))
    )
    return [*living, *trials][: MOST_AT_ONCE - len(under_way)]


async def _stream(federation: Federation, lease: Lease) -> None:
    """Send a peer what waits for it, until there is nothing more or it does not go."""
    database = federation.database
    held: Lease | None = lease
    while held is not None:
        lease = held
        attempts: list[tuple[Waiting, Result]] = []
        fault: BaseException | None = None
        try:
            await _batch(federation, await database.read(streams.first, lease.peer), attempts)
        except BaseException as broken:  # noqa: BLE001 - by the end of the process or a fault: what went out is noted
            fault = broken
        held = await database.write(streams.settle, lease, attempts)
        if fault is not None:
            if held is not None:
                await database.write(hosts.release, held)
            raise fault


async def _batch(federation: Federation, letters: list[Waiting], attempts: list[tuple[Waiting, Result]]) -> None:
    """Try some letters in order, up to the first that does not go, and add to `attempts` what became of each."""
    began = monotonic()
    for waiting in letters:
        try:
            result = await _attempt(federation, waiting)
        except Exception:
            attempts.append((waiting, _fault(waiting)))
            raise
        attempts.append((waiting, result))
        if result.outcome is Outcome.RETRY or monotonic() - began > WRITTEN_DOWN_AFTER:
            return


def _fault(waiting: Waiting) -> Result:
    """What becomes of a letter with which we fail ourselves: it holds up those behind it a few times, and no more."""
    final = waiting.delivery.attempts + 1 >= MOST_FAULTS
    return Result(outcome=Outcome.REFUSED if final else Outcome.RETRY, reason="fault: see the log")


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
    at = waiting.delivery
    pair = await actors.pair_for(federation, made.signer, peer.id, epoch=at.epoch, number=at.number)
    signer = await federation.database.read(actors.uri_of, federation.addresses, made.signer)
    place = Place(epoch=at.epoch, number=at.number)

    async def attempt(plan: Plan) -> Answer:
        # signed anew for every attempt: a signature is stale after minutes; 0.6 ms of arithmetic, so not on the loop
        headers = await asyncio.to_thread(
            knocking.sign,
            plan,
            method="POST",
            url=url,
            body=made.body,
            signer=signer,
            pair=pair,
            date=federation.clock.now(),
        )
        if at.inbox is None:
            headers[hearing.HEADER] = hearing.header_of(place)
        return await federation.client.post(url, body=made.body, headers=headers)

    answer = await knocks.knock(federation, urls.authority(url), attempt, capabilities=peer.capabilities or ())
    return answers.judge(answer, federation.clock.now())


def _inbox(peer: Peer, waiting: Waiting, made: Made) -> str:
    """Where it goes: peering to the server's own inbox, what is scoped to the agreed one, the rest to the shared one.

    Raises RemoteFailure while the peer's addresses are not known.
    """
    if waiting.delivery.inbox is not None:
        return waiting.delivery.inbox
    if waiting.delivery.verb.startswith("peer."):
        url = peer.inbox
    elif made.scoped:
        url = peer.peer_inbox
    else:
        url = peer.shared_inbox or peer.inbox
    if url is None:
        raise RemoteFailure("the inbox is not known", code="no-inbox")
    return url
