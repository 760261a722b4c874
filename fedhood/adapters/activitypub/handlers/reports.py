"""Reports at the city, and the city's answers at the neighbourhood (golden files 61 to 63)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import keys, multibase, proofs, remote, reports
from fedhood.adapters.activitypub.canonical import canonicalise
from fedhood.adapters.activitypub.handlers import reading
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.adapters.activitypub.proofs import ProofError
from fedhood.core import metrics, peers
from fedhood.core.metrics import Why
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Forbidden, Invalid, NotFound
from fedhood.kernel.urls import Addresses

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.metrics import IssuedReport
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

SCHEMA = "metrics-report-1"
_MOST_REASON = 300
_MOST_PERIOD = 10


# -- at the city -------------------------------------------------------------------------------------------------------


def verify_report(activity: dict[str, Any]) -> None:
    """A report is handed in by the one whose figures it holds, to the city and to nobody beside it. Raises Invalid."""
    report = reading.embedded(activity)
    reading.authored(activity, report)
    if len(reading.addressed(activity)) != 1 or reading.addressed(report) != reading.addressed(activity):
        raise Invalid("a report is handed in to one city", code="addressed")


def needs_signer(activity: dict[str, Any]) -> list[str]:
    """The actor that speaks."""
    return [reading.text(activity, "actor")]


def receive_report(uow: UnitOfWork, context: Context) -> None:
    """Take a report in, or say why not: its own proof, its form, then whether it counts.

    Raises Forbidden when this server was not granted the figures of that one, or is not whom the report is for.
    """
    peer = _settled(context)
    if reports.AGGREGATE not in peers.grants(uow.db, peer_id=peer.id, ours=False, now=uow.now):
        raise Forbidden("nothing of this scope was agreed", code="scope-not-granted", scope=reports.AGGREGATE)
    if reading.addressed(context.activity) != (context.addresses.city,):
        raise Forbidden("the report is for somebody else", code="recipient")
    document = reading.embedded(context.activity)
    fault = _fault(uow, context, document)
    if fault is None:
        metrics.receive(uow, peer=peer.id, handed=reports.handed(document))
        return
    raw = canonicalise(document)
    why, reason = fault
    metrics.refuse(
        uow,
        peer=peer.id,
        uri=reading.text(document, "id"),
        raw=raw,
        digest=multibase.digest(raw),
        why=why,
        reason=f"{why.value}: {reason}"[:_MOST_REASON],
        period=_period(document),
    )


def _settled(context: Context) -> Peer:
    peer = context.peer
    if peer is None or peer.state is not PeerState.AGREED or peer.trust is Trust.BLOCKED:
        raise Forbidden("this server is no neighbour", code="peering-required")
    return peer


def _fault(uow: UnitOfWork, context: Context, document: dict[str, Any]) -> tuple[Why, str] | None:
    try:
        _check_proof(uow, context, document)
    except ProofError as refused:
        return Why.SIGNATURE, refused.detail
    try:
        # jsonschema takes a tenth of a second to load: only a city needs it, at its first report
        importlib.import_module("fedhood.kernel.schemas").check(SCHEMA, document)
    except Invalid as refused:
        return Why.SCHEMA, refused.detail
    if document["privacy"]["profile"] == "rehearsal" and not _rehearses(context.addresses):
        return Why.SCHEMA, "/privacy/profile: figures without protection are not taken"
    return None


def _check_proof(uow: UnitOfWork, context: Context, document: dict[str, Any]) -> None:
    signer = remote.by_uri(uow.db, context.signer_uri)

    def find_key(method: str) -> Ed25519PublicKey | None:
        return keys.load_multikey(signer.multikey) if signer is not None and method == signer.proof_key_uri else None

    proofs.verify(document, find_key, owner=context.signer_uri, now=uow.now)


def _rehearses(addresses: Addresses) -> bool:
    """Whether this is a server of a demonstration or a test: only those live on names of one machine, without TLS."""
    return addresses.base.startswith("http://")


def _period(document: dict[str, Any]) -> str:
    period = document.get("period")
    id = period.get("id") if isinstance(period, dict) else None
    return id[:_MOST_PERIOD] if isinstance(id, str) else ""


# -- at the neighbourhood ----------------------------------------------------------------------------------------------


def verify_answer(activity: dict[str, Any]) -> None:
    """An answer names a report and the digest of the bytes it is about. Raises Invalid."""
    reading.same_origin(reading.text(activity, "id"), reading.text(activity, "actor"))
    reading.text(activity, "object")
    multibase.decode(reading.text(activity, "fhDigest"))


def receive_receipt(uow: UnitOfWork, context: Context) -> None:
    """The city has a report of ours. Raises Forbidden, NotFound, Conflict."""
    metrics.receipt(uow, report_id=_answered(uow, context).id, digest=_digest(context))


def receive_reject(uow: UnitOfWork, context: Context) -> None:
    """The city does not take a report of ours. Raises Forbidden, NotFound, Conflict."""
    why = context.activity.get("fhReason")
    metrics.refused(
        uow,
        report_id=_answered(uow, context).id,
        digest=_digest(context),
        reason=why[:_MOST_REASON] if isinstance(why, str) else "",
    )


def _digest(context: Context) -> str:
    return reading.text(context.activity, "fhDigest")


def _answered(uow: UnitOfWork, context: Context) -> IssuedReport:
    """The report of ours that the city answers, in the very bytes that we signed."""
    peer = _settled(context)
    if peer.trust is not Trust.CITY or context.signer_uri != Addresses(urls.origin(peer.actor_uri or "")).city:
        raise Forbidden("only the city answers a report", code="not-the-city")
    report = _find(uow, context)
    document = reports.signed(uow.db, report)
    if document is None or multibase.digest(document) != _digest(context):
        raise Invalid("the answer is about other bytes", code="digest")
    return report


def _find(uow: UnitOfWork, context: Context) -> IssuedReport:
    uri = reading.text(context.activity, "object")
    parts = uri.removeprefix(f"{context.addresses.base}/").split("/")
    if len(parts) != 6 or not (parts[5].isascii() and parts[5].isdigit() and len(parts[5]) < 5):
        raise NotFound("no report of ours has this address")
    report = metrics.report_at(uow.db, area=parts[3], period=parts[4], revision=int(parts[5]))
    if report is None or reports.address_of(context.addresses, report) != uri:
        raise NotFound("no report of ours has this address")
    return report


REPORT = "MetricsReport"

HANDLERS: dict[tuple[str, str], Handler] = {
    ("Create", REPORT): Handler(verify=verify_report, needs=needs_signer, receive=receive_report),
    ("Accept", REPORT): Handler(verify=verify_answer, needs=needs_signer, receive=receive_receipt),
    ("Reject", REPORT): Handler(verify=verify_answer, needs=needs_signer, receive=receive_reject),
}
