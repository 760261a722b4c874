"""How the quarter is said: a neighbourhood hands its report in, the city answers (golden files 61 to 63).

    Create by /ap/metrics ─ MetricsReport, with a proof of its own: it can be stored, passed on and checked for years
    Accept | Reject by /ap/city ─ the report's id, the digest of the bytes that are meant, and why not

A digest is the SHA-256 multihash of the canonical bytes (RFC 8785) of the signed report, proof included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, multibase
from fedhood.adapters.activitypub.actors import CITY, METRICS
from fedhood.adapters.activitypub.canonical import canonicalise
from fedhood.adapters.activitypub.posts import Said, ordered_at
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.adapters.activitypub.tables import ActivityTable
from fedhood.adapters.http import strict_json
from fedhood.core import metrics, peers
from fedhood.core.help_requests import Sent
from fedhood.core.metrics import Handed, IssuedReport, Observation, Status
from fedhood.kernel import urls
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid, NotFound
from fedhood.kernel.urls import Addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.kernel.engine import UnitOfWork

AGGREGATE = "aggregate"
REPORT = "metrics.report"
RECEIPT = "metrics.receipt"
REJECT = "metrics.reject"
SCHEMA_VERSION = "1.0"
# rulings: the one profile that exists before the figures have their protection
REHEARSAL = {"mechanism": "none", "unit": "household-quarter", "profile": "rehearsal"}

_ORDINALS = ("first", "second", "third", "fourth")


# -- handing in --------------------------------------------------------------------------------------------------------


def say(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A report of ours for the city. `object` is its number. Raises NotFound, Invalid when the one before is unsaid."""
    report = metrics.report_row(db, delivery.object)
    city = _there(db, delivery.peer).city
    key = _key(report)
    document: dict[str, Any] = {
        "@context": contexts.REPORT,
        "id": addresses.activity(key),
        "type": "Create",
        "actor": addresses.metrics,
        "to": [city],
        "published": instant(report.compiled_at),
    }
    return key, Saying(METRICS, document, Saying(METRICS, _report(db, addresses, report, city)))


def _key(report: IssuedReport) -> str:
    return f"report-{report.area_key}-{report.period}-{report.revision}"


def _there(db: peewee.Database, peer: int) -> Addresses:
    """The addresses of a peer's server: those of its city and its figures are made as ours are."""
    actor = peers.get(db, peer).actor_uri
    if actor is None:
        raise NotFound
    return Addresses(urls.origin(actor))


def _report(db: peewee.Database, addresses: Addresses, report: IssuedReport, city: str) -> dict[str, Any]:
    there = urls.origin(city)
    when = metrics.period_from(report)
    return {
        "@context": contexts.METRICS_REPORT,
        "id": address_of(addresses, report),
        "type": "MetricsReport",
        "schemaVersion": SCHEMA_VERSION,
        "attributedTo": addresses.metrics,
        "to": [city],
        "name": f"{report.area_name}, {_ORDINALS[when.quarter - 1]} quarter of {when.year}",
        "published": instant(report.compiled_at),
        "area": {
            "id": f"{addresses.base}/areas/{report.area_key}",
            "name": report.area_name,
            "partition": f"{there}/partitions/{when.year}",
            "households": report.households,
            "householdsSource": report.households_source,
            "householdsDate": report.households_on,
            "partOf": f"{there}/areas/city",
        },
        "period": {
            "id": report.period,
            "from": when.first_day.isoformat(),
            "to": when.last_day.isoformat(),
            "timeZone": report.time_zone,
        },
        "sequence": report.sequence,
        "previous": _previous(db, addresses, report),
        "revision": report.revision,
        "supersedes": None,
        "privacy": REHEARSAL,
        "observations": [_observation(one) for one in report.observations],
    }


def address_of(addresses: Addresses, report: IssuedReport) -> str:
    """The id of a report of ours."""
    return addresses.report(report.area_key, report.period, report.revision)


def _previous(db: peewee.Database, addresses: Addresses, report: IssuedReport) -> dict[str, str] | None:
    before = metrics.report_before(db, report)
    if before is None:
        return None
    digest = before.digest or _digest_of_kept(db, before)
    if digest is None:
        raise Invalid("the report before it was never signed", code="chain")
    return {"id": address_of(addresses, before), "digestMultibase": digest}


def _observation(one: Observation) -> dict[str, Any]:
    made: dict[str, Any] = {"measure": one.measure}
    if one.cell:
        made["cell"] = one.cell
    if one.value is not None:
        made |= {"value": one.value, "variance": 0, "cap": one.cap}
    made["status"] = one.status.value
    return made | ({"reason": one.reason} if one.reason else {})


# -- the bytes ---------------------------------------------------------------------------------------------------------


def signed(db: peewee.Database, report: IssuedReport) -> bytes | None:
    """The canonical bytes of a report of ours, proof included; None before it was said."""
    for row in ActivityTable.select(ActivityTable.body).where(ActivityTable.key == _key(report)).execute(db):
        return canonicalise(strict_json.loads_object(bytes(row.body))["object"])
    return None


def _digest_of_kept(db: peewee.Database, report: IssuedReport) -> str | None:
    kept = signed(db, report)
    return None if kept is None else multibase.digest(kept)


def settled(uow: UnitOfWork, delivery: Delivery, sent: Sent) -> None:
    """What became of handing a report in: once the city's server has it, its bytes are kept with it."""
    report = metrics.report_row(uow.db, delivery.object)
    document = signed(uow.db, report)
    if sent is Sent.ARRIVED and document is not None:
        metrics.handed_in(uow, report_id=report.id, document=document, digest=multibase.digest(document))


# -- the city's answers ------------------------------------------------------------------------------------------------


def receipt(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The city has a report. `object` is the number of what was handed in. Raises NotFound."""
    return _answer(db, addresses, delivery, "Accept")


def reject(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """The city does not take a report, and why. Raises NotFound."""
    return _answer(db, addresses, delivery, "Reject")


def _answer(db: peewee.Database, addresses: Addresses, delivery: Delivery, act: str) -> Said:
    report = metrics.received_row(db, delivery.object)
    if report is None:
        raise NotFound
    # by the digest: the number of a row tells how many there are
    key = f"{'receipt' if act == 'Accept' else 'reject'}-{report.digest}"
    document: dict[str, Any] = {
        "@context": contexts.REPORT,
        "id": addresses.activity(key),
        "type": act,
        "actor": addresses.city,
        "to": [_there(db, delivery.peer).metrics],
        "published": instant(ordered_at(db, delivery)),
        "object": report.uri,
        "fhDigest": report.digest,
        **({"fhReason": report.reason} if act == "Reject" else {}),
    }
    return key, Saying(CITY, document)


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {
    REPORT: say,
    RECEIPT: receipt,
    REJECT: reject,
}


# -- reading -----------------------------------------------------------------------------------------------------------


def handed(document: dict[str, Any]) -> Handed:
    """A report from outside as a value. It must have been found in form by its schema."""
    raw = canonicalise(document)
    area, period, previous = document["area"], document["period"], document.get("previous")
    return Handed(
        uri=document["id"],
        raw=raw,
        digest=multibase.digest(raw),
        area_uri=area["id"],
        area_name=area["name"],
        period=period["id"],
        first_day=period["from"],
        last_day=period["to"],
        time_zone=period["timeZone"],
        sequence=document["sequence"],
        previous=None if previous is None else (previous["id"], previous["digestMultibase"]),
        revision=document["revision"],
        supersedes=document.get("supersedes"),
        observations=tuple(
            Observation(
                measure=one["measure"],
                cell=one.get("cell", ""),
                value=one.get("value"),
                cap=one.get("cap"),
                status=Status(one["status"]),
                reason=one.get("reason", ""),
            )
            for one in document["observations"]
        ),
    )
