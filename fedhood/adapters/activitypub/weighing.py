"""The room where an activity is weighed: whether it is sound, who speaks, and whether that is their word.

Nothing is changed here. What can be told from what we know is told at once, for many together, and the arithmetic of
their proofs is done beside the loop; where another server has to be asked, each is weighed by itself.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from fedhood.adapters.activitypub import admission, believing, handlers, proofs
from fedhood.adapters.activitypub.believing import MustAsk
from fedhood.adapters.activitypub.handlers.contract import Context
from fedhood.adapters.http import strict_json
from fedhood.core import peers
from fedhood.kernel import urls
from fedhood.kernel.errors import FedhoodError, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import peewee

    from fedhood.adapters.activitypub.believing import Voice
    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.handlers.contract import Handler
    from fedhood.adapters.activitypub.unread import Arrival
    from fedhood.core.peers import Peer

IGNORED = "ignored"
LONGEST_REASON = 300
FAULT = RemoteFailure("see the log", code="fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an activity, and why; `again_at` is set when it is to be tried once more."""

    state: str
    reason: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """An activity whose word holds, and how it is taken in."""

    handler: Handler
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An activity of which everything holds but the proofs, which were not tried, and whose keys they have to be by."""

    inbound: int
    believed: Believed
    voices: Mapping[str, Voice]


Weighed: TypeAlias = Believed | FedhoodError | Outcome


async def weigh(federation: Federation, row: Arrival) -> Weighed:
    """Whether an activity is to be taken in, and what is wrong with it otherwise. Other servers may be asked."""
    try:
        peer = await federation.database.read(_peer_of, row)
        sound = _sound(federation, row, peer)
        if isinstance(sound, Outcome):
            return sound
        activity, handler = sound
        if _visits(federation, row, peer, activity):
            known = await believing.meet_visitor(federation, activity, row.signer)
        else:
            known = await believing.believe(
                federation, activity, peer=peer, signer=row.signer, needs=handler.needs(activity)
            )
    except FedhoodError as refusal:
        return refusal
    except Exception:  # noqa: BLE001 - a fault of ours: it is written down, and must not stop what comes after
        return _fault(row.id)
    return _believed(federation, row, activity, handler, peer, known)


def claim(db: peewee.Database, federation: Federation, row: Arrival) -> Claimed | FedhoodError | Outcome | None:
    """The same from what is known here, but for the proofs. None when another server has to be asked."""
    try:
        peer = _peer_of(db, row)
        sound = _sound(federation, row, peer)
        if isinstance(sound, Outcome):
            return sound
        activity, handler = sound
        if _visits(federation, row, peer, activity):
            return None
        known, voices = believing.believe_here(
            db, federation.addresses.base, activity, peer=peer, signer=row.signer, needs=handler.needs(activity)
        )
    except MustAsk:
        return None
    except FedhoodError as refusal:
        return refusal
    except Exception:  # noqa: BLE001 - a fault of ours: it is written down, and must not stop what comes after
        return _fault(row.id)
    return Claimed(inbound=row.id, believed=_believed(federation, row, activity, handler, peer, known), voices=voices)


def try_proofs(claims: Sequence[Claimed], base: str, now: datetime) -> list[Believed | FedhoodError | None]:
    """What is wrong with the proofs of each, or that they hold; None when the speaker may have another key by now.

    Arithmetic alone: for a thread beside the loop.
    """
    return [_tried(one, base, now) for one in claims]


def _tried(one: Claimed, base: str, now: datetime) -> Believed | FedhoodError | None:
    try:
        believing.try_proofs(base, one.believed.context.activity, one.voices, now)
    except MustAsk:
        return None
    except FedhoodError as refusal:
        return refusal
    except Exception:  # noqa: BLE001 - a fault of ours: it is written down, and must not stop what comes after
        return _fault(one.inbound)
    return one.believed


def _visits(federation: Federation, row: Arrival, peer: Peer | None, activity: dict[str, Any]) -> bool:
    return not row.scoped and admission.is_of_a_visitor(peer, activity, federation.addresses.instance)


def _sound(federation: Federation, row: Arrival, peer: Peer | None) -> tuple[dict[str, Any], Handler] | Outcome:
    activity = federation.fresh.take(row.uri, row.body) or _read(row.body)
    kind = handlers.kind_of(activity)
    understood = handlers.OF_VISITORS if _visits(federation, row, peer, activity) else handlers.HANDLERS
    handler = understood.get(kind)
    if handler is None:
        return Outcome(state=IGNORED, reason=f"kind: {'/'.join(kind)}"[:LONGEST_REASON])
    handler.verify(activity)
    return activity, handler


def _read(body: bytes) -> dict[str, Any]:
    activity = strict_json.loads_object(body)
    proofs.refuse_rearranging(activity, body)
    return activity


def _peer_of(db: peewee.Database, row: Arrival) -> Peer | None:
    return peers.get(db, row.peer) if row.peer else peers.by_host(db, urls.authority(row.signer))


def _believed(
    federation: Federation,
    row: Arrival,
    activity: dict[str, Any],
    handler: Handler,
    peer: Peer | None,
    known: dict[str, dict[str, Any]],
) -> Believed:
    context = Context(
        activity=activity,
        peer=peer,
        signer_uri=row.signer,
        scoped=row.scoped,
        addresses=federation.addresses,
        fetched=known,
    )
    return Believed(handler=handler, context=context)


def _fault(inbound: int) -> RemoteFailure:
    logger().error("inbound.fault", inbound=inbound, traceback=traceback.format_exc())
    return FAULT
