"""The quarter on the wire: said as it was recorded, refused by its schema, taken in by the city, answered."""

import copy
import dataclasses
import json
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import canonical, contexts, keys, multibase, proofs, reports
from fedhood.adapters.activitypub.handlers import reports as handlers
from fedhood.adapters.activitypub.handlers.contract import Context
from fedhood.adapters.activitypub.saying import Delivery
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, RemoteActorTable
from fedhood.core import access, metrics, peers
from fedhood.core.help_requests import Sent
from fedhood.core.metrics import IssuedState, ReportReceived, ReportRefusedHere, Why
from fedhood.core.metrics.tables import IssuedReportTable
from fedhood.core.peers.tables import AgreementTable, PeerTable
from fedhood.kernel import schemas
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.arriving import pair_of
from tests.adapters.activitypub.next_door import at, whole

ELM, CITY = Addresses("http://elm.localhost:8081"), Addresses("http://city.localhost:8083")
COMPILED = at("2027-01-16T04:00:00")
RECORDED = golden.document("61")["object"]
LIST = "Elm,{host},1450,Statbel,2026-01-01\n"


def unproved(document):
    return {
        name: unproved(value) if isinstance(value, dict) else value
        for name, value in document.items()
        if name != "proof"
    }


def add_peer(uow, there: Addresses, trust: str) -> int:
    peer: int = PeerTable.insert(
        host=there.host,
        state="agreed",
        trust=trust,
        actor_uri=there.instance,
        shared_inbox=there.shared_inbox,
        added_at=COMPILED,
    ).execute(uow.db)
    for ours in (True, False):
        AgreementTable.insert(
            peer=peer,
            ours=ours,
            trust=trust,
            scopes=["public", "city", "aggregate", "direct"],
            valid_until=COMPILED + timedelta(days=365),
            updated_at=COMPILED,
        ).execute(uow.db)
    for actor, kind in ((there.metrics, "Service"), (there.city, "Organization")):
        pair = pair_of(actor)
        RemoteActorTable.insert(
            uri=actor,
            peer=peer,
            kind=kind,
            inbox=f"{actor}/inbox",
            key_uri=f"{actor}#main-key",
            public_key_pem=keys.public_pem(pair.rsa),
            proof_key_uri=f"{actor}#ed25519-key",
            multikey=keys.multikey(pair.ed25519),
            fetched_at=COMPILED,
        ).execute(uow.db)
    return peer


def add_issued(uow, *, period="2026-Q4", sequence=1) -> int:
    report: int = IssuedReportTable.insert(
        neighbourhood=1,
        period=period,
        revision=1,
        sequence=sequence,
        time_zone="Europe/Brussels",
        area_key="elm",
        area_name="Elm District",
        households=1450,
        households_source="Statbel, private households per statistical sector",
        households_on="2026-01-01",
        observations=[
            {name: value for name, value in one.items() if name != "variance"} for one in RECORDED["observations"]
        ],
        state="compiled",
        compiled_at=COMPILED,
    ).execute(uow.db)
    return report


def delivery(peer: int, verb: str, about: int, number: int = 1) -> Delivery:
    return Delivery(peer, 1, number, verb, about, 0, 0, None)


def signed(document, actor: str):
    return proofs.sign(document, pair_of(actor).ed25519, verification_method=f"{actor}#ed25519-key", created=COMPILED)


def bytes_of(saying):
    """What the worker makes of a saying: signed from the inside out."""
    document = saying.document
    if saying.inner is not None:
        document = {**document, "object": bytes_of(saying.inner)}
    return signed(document, document.get("actor") or document["attributedTo"])


def kept(database, key: str, document) -> None:
    values = {"key": key, "signer_kind": "metrics", "signer": 0, "body": json.dumps(document).encode()}
    database.transact(lambda uow: ActivityTable.insert(made_at=uow.now, **values).execute(uow.db))


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_report_is_said_as_it_was_recorded(database):
    peer = database.transact(add_peer, Addresses("https://city.example"), "city")
    report = database.transact(add_issued)
    key, saying = database.look(reports.say, Addresses("https://elm.example"), delivery(peer, "metrics.report", report))
    assert key == "report-elm-2026-Q4-1"
    assert whole(saying) == unproved(golden.document("61"))
    assert list(saying.inner.document) == [name for name in RECORDED if name != "proof"]
    assert {saying.actor, saying.inner.actor} == {reports.METRICS}


def test_the_recorded_digest_is_that_of_the_signed_report_proof_included():
    assert multibase.digest(canonical.canonicalise(RECORDED)) == golden.document("62")["fhDigest"]
    assert reports.handed(RECORDED).digest == golden.document("63")["fhDigest"]


@pytest.mark.parametrize(("verb", "number"), [(reports.RECEIPT, "62"), (reports.REJECT, "63")])
def test_the_city_answers_as_it_was_recorded(database, verb, number):
    peer = database.transact(add_peer, Addresses("https://elm.example"), "neighbour")
    said = golden.document("62")
    verdict = database.transact(
        metrics.refuse,
        peer=peer,
        uri=said["object"],
        raw=b"{}",
        digest=said["fhDigest"],
        why=Why.SCHEMA,
        reason="schema: /observations/3/value is not an integer",
    )
    row = {"peer": peer, "number": 1, "epoch": 1, "verb": verb, "object": verdict.report, "state": "waiting"}
    when = at(said["published"].removesuffix("Z"))
    database.transact(lambda uow: DeliveryTable.insert(at=when, **row).execute(uow.db))
    ordered = delivery(peer, verb, verdict.report)
    key, saying = database.look(reports.SAYINGS[verb], Addresses("https://city.example"), ordered)
    recorded = unproved(golden.document(number))
    assert saying.document | {"id": ""} == recorded | {"id": ""}
    assert saying.document["id"].endswith(f"/ap/activities/{key}")
    assert saying.actor == reports.CITY


def test_a_report_names_the_one_before_it_by_the_digest_of_the_bytes_that_were_signed(database):
    peer = database.transact(add_peer, CITY, "city")
    first = database.transact(add_issued)
    second = database.transact(add_issued, period="2027-Q1", sequence=2)
    with pytest.raises(Invalid) as refused:
        database.look(reports.say, ELM, delivery(peer, "metrics.report", second))
    assert refused.value.code == "chain"
    key, saying = database.look(reports.say, ELM, delivery(peer, "metrics.report", first))
    made = bytes_of(saying)
    kept(database, key, made)
    _, later = database.look(reports.say, ELM, delivery(peer, "metrics.report", second))
    assert later.inner.document["previous"] == {
        "id": made["object"]["id"],
        "digestMultibase": multibase.digest(canonical.canonicalise(made["object"])),
    }


def test_the_contexts_are_the_recorded_ones():
    assert RECORDED["@context"] == contexts.METRICS_REPORT
    assert golden.document("61")["@context"] == golden.document("62")["@context"] == contexts.REPORT


# -- the schema --------------------------------------------------------------------------------------------------------

PROTECTED = {
    "mechanism": "discrete-gaussian",
    "unit": "household-quarter",
    "profile": "standard",
    "rho": "0.1",
    "delta": "0.000001",
    "epsilon": "1.99",
    "guessRate": "0.588",
    "rhoYear": "0.5",
    "ledger": "https://elm.example/metrics/v1/ledger/elm.json",
}


def protected():
    return copy.deepcopy(RECORDED) | {"privacy": dict(PROTECTED)}


def test_the_recorded_report_and_a_protected_one_are_in_form():
    schemas.check(handlers.SCHEMA, RECORDED)
    schemas.check(handlers.SCHEMA, protected())


def test_a_rehearsal_may_live_on_one_machine_and_have_any_number_of_households():
    text = json.dumps(RECORDED).replace("https://elm.example", ELM.base).replace("https://city.example", CITY.base)
    document = json.loads(text)
    document["area"]["households"] = 12
    schemas.check(handlers.SCHEMA, document)


REFUSED = [
    ("a list of names", "", lambda report: report.update(names=["Ana"])),
    ("a fraction", "/observations/3/value", lambda report: report["observations"][3].update(value=1.5)),
    ("no variance", "/observations/0", lambda report: report["observations"][0].pop("variance")),
    ("no cap", "/observations/0", lambda report: report["observations"][0].pop("cap")),
    ("another measure", "/observations/0/measure", lambda report: report["observations"][0].update(measure="names")),
    ("a field in a cell", "/observations/0", lambda report: report["observations"][0].update(who="Ana")),
    ("a number that is not collected", "/observations/8", lambda report: report["observations"][8].update(value=3)),
    ("no reason", "/observations/8", lambda report: report["observations"][8].pop("reason")),
    ("a month", "/period/id", lambda report: report["period"].update(id="2026-10")),
    ("a correction without a reason", "", lambda report: report.update(revision=2, supersedes=report["id"])),
    ("sequence zero", "/sequence", lambda report: report.update(sequence=0)),
    ("noise in a rehearsal", "/observations/0/variance", lambda report: report["observations"][0].update(variance=50)),
    ("a rehearsal on http with a public name", "/id", lambda report: report.update(id="http://elm.example/x")),
    ("a rehearsal with a budget", "/privacy", lambda report: report["privacy"].update(rho="0.1")),
    ("another type", "/type", lambda report: report.update(type="Note")),
    ("half a proof", "/proof", lambda report: report["proof"].pop("proofValue")),
]


@pytest.mark.parametrize(("where", "change"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_is_not_in_form_is_refused_at_its_place(where, change):
    document = copy.deepcopy(RECORDED)
    change(document)
    with pytest.raises(Invalid) as refused:
        schemas.check(handlers.SCHEMA, document)
    assert (refused.value.code, str(refused.value.field).startswith(where)) == ("schema", True)


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["privacy"].update(profile="weak"),
        lambda report: report["privacy"].update(rho="1"),
        lambda report: report["area"].update(households=40),
        lambda report: report.update(id="http://elm.localhost:8081/metrics/v1/reports/elm/2026-Q4/1"),
        lambda report: report["privacy"].update(mechanism="none"),
        lambda report: report["privacy"].pop("ledger"),
    ],
)
def test_a_report_with_protection_keeps_to_its_own_rules(change):
    document = protected()
    change(document)
    with pytest.raises(Invalid):
        schemas.check(handlers.SCHEMA, document)


# -- at the city -------------------------------------------------------------------------------------------------------


@pytest.fixture
def arrives(database, clock):
    """The city has a list; reports of Elm arrive there."""
    clock.set(COMPILED)
    peer = database.transact(add_peer, ELM, "neighbour")
    clerk = access.Viewer(account=1, rights=frozenset({(access.Role.CLERK, None)}))
    database.transact(
        metrics.set_up_areas, by=clerk, name="City", entries=metrics.read_list(LIST.format(host=ELM.host))
    )

    def arrive(activity, *, addresses: Addresses = CITY) -> None:
        handler = handlers.HANDLERS[activity["type"], "MetricsReport"]
        handler.verify(activity)
        assert handler.needs(activity) == [ELM.metrics]
        context = Context(
            activity=activity,
            peer=database.look(peers.get, peer),
            signer_uri=activity["actor"],
            scoped=False,
            addresses=addresses,
        )
        database.transact(handler.receive, context)

    return arrive


@pytest.fixture
def made():
    """The Create that Elm hands in, signed with Elm's keys."""
    text = json.dumps(golden.document("61"))
    document = unproved(
        json.loads(text.replace("https://elm.example", ELM.base).replace("https://city.example", CITY.base))
    )

    def make(change=None, *, by: str = ELM.metrics):
        activity = copy.deepcopy(document)
        if change is not None:
            change(activity["object"])
        activity["object"] = signed(activity["object"], by)
        return signed(activity, ELM.metrics)

    return make


def refusals(consequences):
    return [fact.why for fact in consequences.facts if isinstance(fact, ReportRefusedHere)]


def test_the_city_takes_a_signed_report_in_and_answers_its_digest(arrives, made, database, consequences):
    activity = made()
    arrives(activity)
    (received,) = [fact for fact in consequences.facts if isinstance(fact, ReportReceived)]
    kept_row = database.look(metrics.received_row, received.object)
    raw = canonical.canonicalise(activity["object"])
    assert (kept_row.document, kept_row.digest, kept_row.why) == (raw, multibase.digest(raw), None)
    assert sum(one.value or 0 for one in kept_row.handed.observations if one.measure == "households.status") == 12


def test_what_was_changed_after_it_was_signed_is_refused(arrives, made, consequences):
    activity = made()
    activity["object"]["observations"][3]["value"] = 15
    arrives(activity)
    assert refusals(consequences) == [Why.SIGNATURE]


def test_a_report_that_somebody_else_signed_is_refused(arrives, made, consequences):
    arrives(made(by=ELM.instance))
    assert refusals(consequences) == [Why.SIGNATURE]


def test_a_report_that_is_not_in_form_is_refused_with_its_place(arrives, made, database, consequences):
    arrives(made(lambda report: report["observations"][3].update(value="many")))
    (refused,) = [fact for fact in consequences.facts if isinstance(fact, ReportRefusedHere)]
    reason = database.look(metrics.received_row, refused.object).reason
    assert reason.startswith("schema: /observations/3/value: ")


def test_a_rehearsal_is_refused_by_a_city_that_is_none(arrives, made, consequences):
    activity = json.loads(json.dumps(made()).replace(CITY.base, "https://city.example"))
    activity["object"] = signed(unproved(activity["object"]), ELM.metrics)
    arrives(activity, addresses=Addresses("https://city.example"))
    assert refusals(consequences) == [Why.SCHEMA]


def test_a_report_for_another_city_is_not_ours(arrives, made):
    with pytest.raises(Forbidden):
        arrives(made(), addresses=Addresses("http://town.localhost:8084"))


def test_without_an_agreement_about_figures_none_are_taken(arrives, made, database):
    database.transact(lambda uow: AgreementTable.update(scopes=["public"]).execute(uow.db))
    with pytest.raises(Forbidden) as refused:
        arrives(made())
    assert refused.value.code == "scope-not-granted"


@pytest.mark.parametrize(
    "change",
    [
        lambda activity: activity["object"].update(attributedTo=ELM.instance),
        lambda activity: activity["object"].update(id="http://oak.localhost/metrics/v1/reports/elm/2026-Q4/1"),
        lambda activity: activity["object"].update(to=["https://www.w3.org/ns/activitystreams#Public"]),
        lambda activity: activity.update(to=[*activity["to"], ELM.metrics]),
        lambda activity: activity.update(object=activity["object"]["id"]),
    ],
)
def test_a_report_that_contradicts_its_envelope_is_not_read(made, change):
    activity = made()
    change(activity)
    with pytest.raises(Invalid):
        handlers.verify_report(activity)


# -- at the neighbourhood ----------------------------------------------------------------------------------------------


@pytest.fixture
def handed_in(database, clock):
    """Elm handed its report in; the city's answers arrive."""
    clock.set(COMPILED)
    peer = database.transact(add_peer, CITY, "city")
    report = database.transact(add_issued)
    ordered = delivery(peer, "metrics.report", report)
    key, saying = database.look(reports.say, ELM, ordered)
    made = bytes_of(saying)
    kept(database, key, made)
    database.transact(reports.settled, ordered, Sent.ARRIVED)
    digest = multibase.digest(canonical.canonicalise(made["object"]))

    def answer(act: str = "Accept", *, actor: str = CITY.city, **changes):
        activity = {
            "id": CITY.activity("receipt"),
            "type": act,
            "actor": actor,
            "object": made["object"]["id"],
            "fhDigest": digest,
            **changes,
        }
        handler = handlers.HANDLERS[act, "MetricsReport"]
        handler.verify(activity)
        context = Context(
            activity=activity, peer=database.look(peers.get, peer), signer_uri=actor, scoped=False, addresses=ELM
        )
        database.transact(handler.receive, context)
        return database.look(metrics.report_row, report)

    answer.report = lambda: database.look(metrics.report_row, report)
    answer.made = made["object"]
    return answer


def test_what_was_handed_in_is_kept_in_the_bytes_that_its_digest_is_of(handed_in):
    found = handed_in.report()
    assert found.state is IssuedState.HANDED_IN
    assert found.document == canonical.canonicalise(handed_in.made)
    assert found.digest == multibase.digest(found.document)


def test_a_delivery_that_failed_hands_nothing_in(database):
    peer = database.transact(add_peer, CITY, "city")
    report = database.transact(add_issued)
    ordered = delivery(peer, "metrics.report", report)
    for sent in (Sent.TROUBLE, Sent.FAILED, Sent.ARRIVED):  # the last without bytes: it was never said
        database.transact(reports.settled, ordered, sent)
    assert database.look(metrics.report_row, report).state is IssuedState.COMPILED


def test_the_receipt_of_the_city_is_noted(handed_in):
    assert handed_in().state is IssuedState.RECEIVED


def test_the_refusal_of_the_city_is_noted_with_its_reason(handed_in):
    found = handed_in("Reject", fhReason="schema: /observations/3/value is not an integer")
    assert (found.state, found.reason) == (IssuedState.REFUSED, "schema: /observations/3/value is not an integer")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"actor": CITY.instance, "id": CITY.activity("x")}, Forbidden),
        ({"fhDigest": golden.document("62")["fhDigest"]}, Invalid),
        ({"fhDigest": "no digest"}, Invalid),
        ({"object": ELM.report("elm", "2026-Q4", 2)}, NotFound),
        ({"object": ELM.report("elm", "2026-Q4", 1) + "/more"}, NotFound),
        ({"object": "http://city.localhost:8083/metrics/v1/reports/elm/2026-Q4/1"}, NotFound),
        ({"object": "http://elm.localhost:8081/a/b/elm/2026-Q4/1"}, NotFound),
    ],
)
def test_what_is_no_answer_of_the_city_to_these_bytes_changes_nothing(handed_in, changes, error):
    with pytest.raises(error):
        handed_in(**changes)
    assert handed_in.report().state is IssuedState.HANDED_IN


def test_only_the_city_answers(handed_in, database):
    database.transact(lambda uow: PeerTable.update(trust="neighbour").execute(uow.db))
    with pytest.raises(Forbidden):
        handed_in()


def test_bytes_that_were_kept_are_never_changed_by_an_answer(handed_in, database):
    report = handed_in()
    with pytest.raises(Conflict):
        database.transact(metrics.receipt, report_id=report.id, digest="zOther")
    assert dataclasses.replace(handed_in.report(), answered_at=None) == dataclasses.replace(report, answered_at=None)
