"""The room of what came by another hand than its author's: kept aside until its author's word for it holds.

    forwarded ──▶ waiting      its author's proof holds, or their server gave out the same activity itself: from here on
                               it is as if the author had sent it, with those bytes
              ──▶ refused      neither
              ──▶ forwarded, later ──▶ dead    the author's server does not answer

Who carried it was verified at the door and has no say in what it means. Until it is proved it stands in nobody's way:
it does not take the id that it claims, so that the author's own delivery of it still counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, arrivals, asking, keys, proofs, remote
from fedhood.adapters.activitypub.actors import PROOF_KEY
from fedhood.adapters.activitypub.arrivals import Letter
from fedhood.adapters.activitypub.key_finding import KEY_IS_FRESH, is_vouched
from fedhood.adapters.activitypub.proofs import ProofError
from fedhood.adapters.activitypub.tables import NOT_WAITING, InboundTable
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.paths import Way
from fedhood.core import peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import FedhoodError, Forbidden, Invalid, Overloaded, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from datetime import datetime

    import peewee
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.remote import RemoteActor
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

FORWARDED = "forwarded"
MOST_WAITING = 1000  # of one server that carries
RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=2),
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(hours=8),
)

# what binds two people or two servers is heard with its author's proof or not at all (A2)
ONLY_PROVED = frozenset({"Follow", "Accept", "Reject", "Undo", "Block", "Flag", "Offer"})

_LONGEST_REASON = 300
_PUBLIC = frozenset({None, "public"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A row of what was forwarded. `actor` is who is said to have done it, `carrier` the server that brought it."""

    id: int
    carrier: int
    actor: str
    body: bytes
    received_at: datetime
    attempts: int


def is_hopeless(document: dict[str, Any]) -> bool:
    """Whether an activity from another hand is dropped at once: it would need a proof, and has none."""
    return document.get("type") in ONLY_PROVED and not document.get("proof")


def keep(uow: UnitOfWork, letter: Letter, *, carrier: int) -> None:
    """Keep the bytes aside; what is known by its id already changes nothing. Raises Overloaded."""
    known = InboundTable.select().where(InboundTable.uri == letter.uri)
    if known.exists(uow.db):
        return
    waiting = InboundTable.select().where(InboundTable.state == FORWARDED, InboundTable.peer == carrier)
    if waiting.count(uow.db) >= MOST_WAITING:
        raise Overloaded("too much that was forwarded waits to be proved", retry_after=60)
    aside = replace(letter, uri=f"{letter.uri} by way of {carrier}", scoped=False)
    arrivals.keep(uow, aside, peer=carrier, place=None, state=FORWARDED)


async def prove_one(federation: Federation) -> bool:
    """Find out about the oldest that is due whether its author said it. Whether there was one."""
    row = await federation.database.read(_next, federation.clock.now())
    if row is None:
        return False
    state, reason = _later(row), "fault: see the log"
    try:
        home = await federation.database.read(_home, row)
        body = await _authors_word(federation, home, row)
        await federation.database.write(_accept, row, home, body)
        state = "waiting"
    except Overloaded:
        return False  # it stays as it is and is read when there is room
    except RemoteFailure as failure:
        reason = _reason(failure)
    except FedhoodError as refusal:
        state, reason = "refused", _reason(refusal)
    finally:
        if state != "waiting":
            await federation.database.write(_settle, row, state, reason)
            logger().info("inbound.forwarded", state=state, reason=reason, peer=row.carrier)
    return True


# -- whose word it is --------------------------------------------------------------------------------------------------


async def _authors_word(federation: Federation, home: Peer, row: Carried) -> bytes:
    """The bytes that count: those that came, if the author proved them, or those that the author's server gives out.

    Raises Invalid, RemoteFailure.
    """
    document = strict_json.loads_object(row.body)
    try:
        await _check_proof(federation, home, row.actor, document)
    except ProofError as failure:
        if document.get("type") in ONLY_PROVED:
            raise
        return await _fetched(federation, row, document["id"], failure)
    return row.body


async def _check_proof(federation: Federation, home: Peer, actor: str, document: dict[str, Any]) -> None:
    now = federation.clock.now()
    if actor == home.actor_uri and home.multikey is not None:
        _prove(document, actor, actor + PROOF_KEY, home.multikey, now)
        return
    known = await federation.database.read(remote.by_uri, actor)
    if known is None or not is_vouched(known, home):
        known = await remote.fetch(federation, home, actor)
    try:
        _prove_by(document, known, now)
    except ProofError:
        if known.fetched_at > now - KEY_IS_FRESH or not document.get("proof"):
            raise
        # the author may have another key now
        _prove_by(document, await remote.fetch(federation, home, actor), now)


def _prove_by(document: dict[str, Any], actor: RemoteActor, now: datetime) -> None:
    _prove(document, actor.uri, actor.proof_key_uri, actor.multikey, now)


def _prove(document: dict[str, Any], owner: str, key_uri: str, multikey: str, now: datetime) -> None:
    def find_key(method: str) -> Ed25519PublicKey | None:
        return keys.cached_multikey(multikey) if method == key_uri else None

    proofs.verify(document, find_key, owner=owner, now=now)


async def _fetched(federation: Federation, row: Carried, uri: str, failure: ProofError) -> bytes:
    """The activity as its own server gives it out, and nothing of what was brought. Raises Invalid, RemoteFailure."""
    signing = await actors.ensure_keys(federation, actors.INSTANCE)
    document, raw = await asking.with_bytes(federation, uri, signing)
    said_by = document.get("actor")
    if (said_by.get("id") if isinstance(said_by, dict) else said_by) != row.actor:
        raise Invalid("its server says that somebody else did it", code="author") from failure
    if document.get("type") in ONLY_PROVED or document.get("fhScope") not in _PUBLIC:
        raise failure
    return raw


# -- the rows ----------------------------------------------------------------------------------------------------------


def _next(db: peewee.Database, now: datetime) -> Carried | None:
    due = InboundTable.select().where(InboundTable.state == FORWARDED, NOT_WAITING, InboundTable.next_at <= now)
    for row in due.order_by(InboundTable.next_at, InboundTable.id).limit(1).execute(db):
        return Carried(
            id=row.id,
            carrier=row.peer,
            actor=row.signer,
            body=bytes(row.body),
            received_at=row.received_at,
            attempts=row.attempts,
        )
    return None


def _home(db: peewee.Database, row: Carried) -> Peer:
    """The author's server, which vouches for them. Raises Forbidden: it, or who carried this, is no neighbour now."""
    home = peers.by_host(db, urls.authority(row.actor))
    if home is None or not (_is_neighbour(home) and _is_neighbour(peers.get(db, row.carrier))):
        raise Forbidden("nobody we know vouches for who speaks", code="actor-unvouched")
    return home


def _is_neighbour(peer: Peer) -> bool:
    return peer.state is PeerState.AGREED and peer.trust is not Trust.BLOCKED


def _accept(uow: UnitOfWork, row: Carried, home: Peer, body: bytes) -> None:
    """From now on it is as if its author had sent it; if they did meanwhile, theirs is the one."""
    document = strict_json.loads_object(body)
    InboundTable.delete().where(InboundTable.id == row.id).execute(uow.db)
    letter = Letter(
        uri=document["id"],
        actor=row.actor,
        scoped=False,
        about=arrivals.about_of(document),
        body=body,
        way=Way.CARRIED,
    )
    arrivals.keep(uow, letter, peer=home.id, place=None, received_at=row.received_at)


def _later(row: Carried) -> str:
    return FORWARDED if row.attempts < len(RETRIES) else "dead"


def _settle(uow: UnitOfWork, row: Carried, state: str, reason: str) -> None:
    wait = RETRIES[min(row.attempts, len(RETRIES) - 1)]
    InboundTable.update(
        state=state,
        reason=reason,
        attempts=InboundTable.attempts + 1,
        next_at=uow.now + wait if state == FORWARDED else uow.now,
    ).where(InboundTable.id == row.id, InboundTable.state == FORWARDED).execute(uow.db)


def _reason(error: FedhoodError) -> str:
    return f"{error.code}: {error.detail}"[:_LONGEST_REASON]
