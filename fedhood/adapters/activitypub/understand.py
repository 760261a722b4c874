"""What arrived is read here, one activity at a time: who speaks, whether their word holds, and what follows from it.

    waiting ──▶ understood            taken in, in one transaction with what follows
            ──▶ refused               contradicts itself, is forged, or may not be; kept with its reason
            ──▶ ignored               of a kind that is not known here; kept
            ──▶ waiting, later ──▶ parked ──▶ dead    another server has to be asked and does not answer
            ──▶ parked ──▶ dead       speaks about what is not here (yet)

Of one server the first that waits is read first, and those behind it wait with it, once. What is parked is tried for
three days, and holds up nobody: it has a queue of its own.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import forgetting, handlers, keys, proofs, remote, streams
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.handlers.acting import ORPHAN
from fedhood.adapters.activitypub.handlers.contract import Context
from fedhood.adapters.activitypub.inbox import WAITING
from fedhood.adapters.activitypub.key_finding import KEY_IS_FRESH, is_settled, is_vouched
from fedhood.adapters.activitypub.proofs import ProofError
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json
from fedhood.core import peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Conflict, FedhoodError, Forbidden, Invalid, Overloaded, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.handlers.contract import Handler
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

UNDERSTOOD = "understood"
REFUSED = "refused"
IGNORED = "ignored"
PARKED = "parked"
DEAD = "dead"

RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=2),
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(hours=8),
)
PATIENCE = timedelta(days=3)
MOST_PARKED = 1000  # of one server

_LONGEST_REASON = 300
_TAKEN = "taken-by-another"


class Queue(enum.Enum):
    """What is read beside each other: of servers that we know, of all others, and what was put off."""

    NEIGHBOURS = enum.auto()
    STRANGERS = enum.auto()
    PARKED = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A row of what arrived, as it was when it was looked at."""

    id: int
    uri: str
    peer: int
    signer: str
    scoped: bool
    body: bytes
    received_at: datetime
    state: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an activity, and why; `again_at` is set when it is to be tried once more."""

    state: str
    reason: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The key by which somebody's word is known. `peer` and `fetched_at` are set where it can be fetched anew."""

    key_uri: str
    multikey: str
    peer: Peer | None = None
    fetched_at: datetime | None = None


async def understand_one(federation: Federation, queue: Queue) -> bool:
    """Read the oldest activity of a queue that is due. Whether there was one.

    Whatever comes of it, a fault included, the row is moved on: nothing that arrives can stop what comes after it.
    """
    row = await federation.database.read(_next, federation.clock.now(), queue)
    if row is None:
        return False
    outcome: Outcome | None = None
    try:
        outcome = await federation.database.read(_later, row, federation.clock.now(), "fault: see the log")
        outcome = await _read(federation, row)
    except Overloaded:
        outcome = None  # it stays as it is and is read when there is room
    finally:
        if outcome is not None and outcome.state != UNDERSTOOD:
            await federation.database.write(_settle, row, outcome)
            logger().info("inbound.kept", state=outcome.state, reason=outcome.reason, peer=row.peer)
    return outcome is not None


async def _read(federation: Federation, row: Arrival) -> Outcome | None:
    """What becomes of it. None when another process was faster."""
    try:
        activity = strict_json.loads_object(row.body)
        proofs.refuse_rearranging(activity)
        kind = handlers.kind_of(activity)
        handler = handlers.HANDLERS.get(kind)
        if handler is None:
            return Outcome(state=IGNORED, reason=f"kind: {'/'.join(kind)}"[:_LONGEST_REASON])
        handler.verify(activity)
        await _take_in(federation, row, activity, handler)
    except Overloaded:
        raise
    except RemoteFailure as failure:
        return await federation.database.read(_later, row, federation.clock.now(), _reason(failure))
    except FedhoodError as refusal:
        if refusal.code == _TAKEN:
            return None
        if refusal.code == ORPHAN:
            return await federation.database.read(_park, row, federation.clock.now(), _reason(refusal))
        return Outcome(state=REFUSED, reason=_reason(refusal))
    return Outcome(state=UNDERSTOOD)


async def _take_in(federation: Federation, row: Arrival, activity: dict[str, Any], handler: Handler) -> None:
    peer = await federation.database.read(_peer_of, row)
    if peer is not None and peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is blocked here", code="blocked")
    voices: dict[str, Voice] = {}
    settled = peer is not None and is_settled(peer, removal=forgetting.is_removal(activity))
    if peer is not None and settled and peer.actor_uri is not None and peer.multikey is not None:
        voices[peer.actor_uri] = Voice(key_uri=peer.actor_uri + PROOF_KEY, multikey=peer.multikey)
    fetched: dict[str, dict[str, Any]] = {}
    speaking = [] if row.signer in voices else [row.signer]
    for uri in dict.fromkeys([*speaking, *handler.needs(activity)]):
        if urls.origin(uri) != urls.origin(federation.addresses.base):
            fetched[uri], voice = await _meet(federation, peer, uri)
            voices.setdefault(uri, voice)  # the key that people compared goes before the one it shows today
    await _check_proofs(federation, activity, voices)
    context = Context(
        activity=activity,
        peer=peer,
        signer_uri=row.signer,
        scoped=row.scoped,
        addresses=federation.addresses,
        fetched=fetched,
    )
    await federation.database.write(_receive, row, handler, context)


def _receive(uow: UnitOfWork, row: Arrival, handler: Handler, context: Context) -> None:
    """The one transaction: what follows from it, and that it was understood."""
    _settle(uow, row, Outcome(state=UNDERSTOOD))
    if context.peer is not None:
        streams.heard_from(uow, peer_id=context.peer.id)  # it is there: what waits for it is sent at once
    handler.receive(uow, context)


# -- who speaks --------------------------------------------------------------------------------------------------------


async def _meet(federation: Federation, peer: Peer | None, uri: str) -> tuple[dict[str, Any], Voice]:
    """What is known of an actor, asked for where it must be, and the key of its word. Raises Invalid, RemoteFailure.

    A server whose key nobody compared yet speaks for itself: its document is fetched as it is now. Everybody else is
    vouched for by their server's key, and for who is not of the sender's server we must have agreed with it; of those
    the members of `RemoteActor` are given.
    """
    home = peer if peer is not None and peer.host == urls.authority(uri) else None
    if home is None and peer is not None:
        home = await federation.database.read(peers.by_host, urls.authority(uri))
        if home is None or home.state is not PeerState.AGREED or home.trust is Trust.BLOCKED:
            raise Invalid("nobody we know vouches for this actor", code="actor-unvouched")
    if home is None or uri == home.actor_uri:
        return await _meet_server(federation, uri)
    known = await federation.database.read(remote.by_uri, uri)
    if known is None or not is_vouched(known, home):
        known = await remote.fetch(federation, home, uri)
    return asdict(known), _voice(known, home)


def _voice(actor: remote.RemoteActor, peer: Peer) -> Voice:
    return Voice(key_uri=actor.proof_key_uri, multikey=actor.multikey, peer=peer, fetched_at=actor.fetched_at)


async def _meet_server(federation: Federation, uri: str) -> tuple[dict[str, Any], Voice]:
    document = await remote.instance_actor(federation, urls.authority(uri))
    instance = remote.read_instance(document)
    if instance.uri != uri:
        raise Invalid("only the instance actor speaks for a server", code="actor-unvouched")
    return document, Voice(key_uri=uri + PROOF_KEY, multikey=instance.multikey)


# -- whether their word holds ------------------------------------------------------------------------------------------


async def _check_proofs(federation: Federation, activity: dict[str, Any], voices: Mapping[str, Voice]) -> None:
    """The activity is its actor's word, and what it announces the word of whoever said that first. Raises Invalid.

    What comes back to us from a resident of ours is not proved again: only our own copy of it counts.
    """
    await _check_proof(federation, activity, voices)
    inner = activity.get("object")
    if activity.get("type") != "Announce" or not isinstance(inner, dict):
        return
    if urls.origin(_actor(inner)) != urls.origin(federation.addresses.base):
        await _check_proof(federation, inner, voices)


async def _check_proof(federation: Federation, document: dict[str, Any], voices: Mapping[str, Voice]) -> None:
    owner = _actor(document)
    voice = voices.get(owner)
    if voice is None:
        raise Invalid("nobody we know vouches for who speaks", code="actor-unvouched")
    now = federation.clock.now()
    try:
        _prove(document, owner, voice, now)
    except ProofError:
        if voice.peer is None or voice.fetched_at is None or voice.fetched_at > now - KEY_IS_FRESH:
            raise
        # the actor may have another key now
        _prove(document, owner, _voice(await remote.fetch(federation, voice.peer, owner), voice.peer), now)


def _prove(document: dict[str, Any], owner: str, voice: Voice, now: datetime) -> None:
    def find_key(method: str) -> Ed25519PublicKey | None:
        return keys.load_multikey(voice.multikey) if method == voice.key_uri else None

    proofs.verify(document, find_key, owner=owner, now=now)


def _actor(document: dict[str, Any]) -> str:
    actor = document.get("actor")
    actor = actor.get("id") if isinstance(actor, dict) else actor
    if not isinstance(actor, str):
        raise Invalid("nobody is named who did it", code="member", field="actor")
    return actor


# -- the rows ----------------------------------------------------------------------------------------------------------


def _next(db: peewee.Database, now: datetime, queue: Queue) -> Arrival | None:
    """The oldest that is due: the first of each server that waits, or one that is parked."""
    if queue is Queue.PARKED:
        which: Any = InboundTable.state == PARKED
    else:
        # strangers have no number yet; each of them is a sender of its own
        is_known = queue is Queue.NEIGHBOURS
        theirs = InboundTable.peer > 0 if is_known else InboundTable.peer == 0
        first = InboundTable.select(peewee.fn.MIN(InboundTable.id)).where(InboundTable.state == WAITING, theirs)
        which = InboundTable.id.in_(first.group_by(InboundTable.peer if is_known else InboundTable.signer))
    due = InboundTable.select().where(InboundTable.next_at <= now, which).order_by(InboundTable.id).limit(1)
    for row in due.execute(db):
        return Arrival(
            id=row.id,
            uri=row.uri,
            peer=row.peer,
            signer=row.signer,
            scoped=row.scoped,
            body=bytes(row.body),
            received_at=row.received_at,
            state=row.state,
            attempts=row.attempts,
        )
    return None


def _peer_of(db: peewee.Database, row: Arrival) -> Peer | None:
    return peers.get(db, row.peer) if row.peer else peers.by_host(db, urls.authority(row.signer))


def _settle(uow: UnitOfWork, row: Arrival, outcome: Outcome) -> None:
    """Write down what became of it. Raises Conflict when another process has done so."""
    changed = (
        InboundTable.update(
            state=outcome.state,
            reason=outcome.reason,
            attempts=InboundTable.attempts + 1,
            next_at=outcome.again_at or uow.now,
        )
        .where(InboundTable.id == row.id, InboundTable.state == row.state, InboundTable.attempts == row.attempts)
        .execute(uow.db)
    )
    if not changed:
        raise Conflict(code=_TAKEN)


def _later(db: peewee.Database, row: Arrival, now: datetime, reason: str) -> Outcome:
    """Somebody else does not answer, or we failed: it holds up what is behind it but once."""
    return _put_off(db, row, now, reason, state=WAITING if row.attempts == 0 else PARKED)


def _park(db: peewee.Database, row: Arrival, now: datetime, reason: str) -> Outcome:
    """What it speaks about is not here, and may still come: it may wait for another server itself."""
    return _put_off(db, row, now, reason, state=PARKED)


def _put_off(db: peewee.Database, row: Arrival, now: datetime, reason: str, *, state: str) -> Outcome:
    last = row.received_at + PATIENCE
    parked = InboundTable.select().where(InboundTable.state == PARKED, InboundTable.peer == row.peer)
    full = state == PARKED and row.state != PARKED and parked.count(db) >= MOST_PARKED
    if now >= last or full:
        return Outcome(state=DEAD, reason=reason)
    wait = RETRIES[min(row.attempts, len(RETRIES) - 1)]
    return Outcome(state=state, reason=reason, again_at=min(now + wait, last))


def _reason(error: FedhoodError) -> str:
    return f"{error.code}: {error.detail}"[:_LONGEST_REASON]
