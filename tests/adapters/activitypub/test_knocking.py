"""By which scheme who is knocked at, and what is learnt: from words alone."""

from datetime import UTC, datetime, timedelta

import pytest

from fedhood.adapters.activitypub import knocking, message_signatures, signed_requests
from fedhood.adapters.activitypub.key_documents import KeyKind
from fedhood.adapters.activitypub.knocking import HOLDS, How, Known, Plan
from fedhood.adapters.activitypub.message_signatures import CAPABILITY, CAPABILITY_ED25519
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.signed_requests import Scheme
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.shapes import secrets

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CAVAGE, RFC9421 = Scheme.CAVAGE, Scheme.RFC9421
BOTH = [CAPABILITY, CAPABILITY_ED25519]


def known(scheme: Scheme, how: How = How.ANSWERED, *, days: float = 1) -> Known:
    return Known(scheme=scheme, how=how, learnt_at=NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("what", "capabilities", "scheme", "key"),
    [
        (None, [], CAVAGE, KeyKind.RSA),
        (None, ["https://w3id.org/fep/8b32"], CAVAGE, KeyKind.RSA),
        (None, [CAPABILITY], RFC9421, KeyKind.RSA),
        (None, BOTH, RFC9421, KeyKind.ED25519),
        (None, [CAPABILITY_ED25519], CAVAGE, KeyKind.RSA),
        (known(RFC9421), [], RFC9421, KeyKind.RSA),
        (known(RFC9421, How.HEARD), [], RFC9421, KeyKind.RSA),
        (known(RFC9421), BOTH, RFC9421, KeyKind.ED25519),
        (known(CAVAGE), BOTH, CAVAGE, KeyKind.RSA),
        (known(RFC9421, days=30), [], CAVAGE, KeyKind.RSA),
        (known(RFC9421, days=29.9), [], RFC9421, KeyKind.RSA),
        (known(CAVAGE, days=30), BOTH, RFC9421, KeyKind.ED25519),
    ],
)
def test_who_is_knocked_at_how(what, capabilities, scheme, key) -> None:
    assert knocking.plan(what, capabilities, NOW) == Plan(scheme=scheme, key=key)


@pytest.mark.parametrize("status", [400, 401])
def test_after_a_refusal_the_other_scheme_is_tried_once(status) -> None:
    for first, other in ((CAVAGE, RFC9421), (RFC9421, CAVAGE)):
        again = knocking.second(Plan(scheme=first, key=KeyKind.ED25519), status)
        assert again == Plan(scheme=other, key=KeyKind.RSA, is_second=True)
        assert knocking.second(again, status) is None


@pytest.mark.parametrize("status", [200, 202, 301, 403, 404, 408, 410, 413, 415, 422, 429, 500, 501, 502, 503, 504])
def test_no_other_answer_is_a_word_on_the_signature(status) -> None:
    assert knocking.second(Plan(scheme=CAVAGE), status) is None


@pytest.mark.parametrize(
    ("first", "again", "counts"),
    [
        (401, 202, True),
        (400, 202, True),
        (401, 401, False),
        (401, 400, False),
        (400, 400, False),
        (400, 401, True),
        (401, 403, True),
        (401, 503, True),
        (400, 410, True),
    ],
)
def test_of_two_answers_the_more_hopeful_counts(first, again, counts) -> None:
    assert knocking.counts(first, again) is counts


@pytest.mark.parametrize("status", [200, 202, 299])
def test_a_yes_to_the_second_knock_teaches_and_one_to_the_first_does_not(status) -> None:
    again = Plan(scheme=RFC9421, is_second=True)
    assert knocking.answered(None, again, status, NOW) == Known(scheme=RFC9421, how=How.ANSWERED, learnt_at=NOW)
    for what in (None, known(CAVAGE)):
        assert knocking.answered(what, Plan(scheme=RFC9421), status, NOW) is what


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 500, 503])
def test_anything_else_to_the_second_knock_teaches_nothing(status) -> None:
    assert knocking.answered(None, Plan(scheme=RFC9421, is_second=True), status, NOW) is None


def test_who_is_heard_to_sign_by_the_newer_scheme_reads_it() -> None:
    learnt = Known(scheme=RFC9421, how=How.HEARD, learnt_at=NOW)
    assert knocking.heard(None, RFC9421, NOW) == learnt
    assert knocking.heard(known(RFC9421, How.HEARD), RFC9421, NOW) == learnt
    assert knocking.heard(None, CAVAGE, NOW) is None
    for kept in (known(RFC9421, How.HEARD), known(RFC9421), known(CAVAGE)):
        assert knocking.heard(kept, CAVAGE, NOW) is kept


def test_what_a_host_refused_counts_for_more_than_what_it_sends_as_long_as_it_holds() -> None:
    assert knocking.heard(known(CAVAGE), RFC9421, NOW) == known(CAVAGE)
    assert knocking.heard(known(CAVAGE, days=HOLDS.days), RFC9421, NOW).scheme is RFC9421


def test_what_is_no_news_is_not_written_down_again() -> None:
    fresh = Known(scheme=RFC9421, how=How.HEARD, learnt_at=NOW)
    assert knocking.is_news(None, fresh)
    assert not knocking.is_news(None, None)
    assert not knocking.is_news(known(RFC9421, How.HEARD, days=0.9), fresh)
    assert knocking.is_news(known(RFC9421, How.HEARD, days=1), fresh)
    assert knocking.is_news(known(RFC9421, How.ANSWERED, days=0.1), fresh)
    assert knocking.is_news(known(CAVAGE, How.HEARD, days=0.1), fresh)


# -- the headers -------------------------------------------------------------------------------------------------------

PLANS = [Plan(scheme=CAVAGE), Plan(scheme=RFC9421), Plan(scheme=RFC9421, key=KeyKind.ED25519)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("url", ["https://oak.example/ap/inbox", "https://Oak.example/x?a=b#c", "https://oak.example"])
@pytest.mark.parametrize("body", [b"{}", None])
def test_what_is_planned_is_what_is_signed(plan: Plan, url: str, body: bytes | None) -> None:
    pair, signer = secrets("elm_instance"), "https://elm.example/ap/instance"
    method = "GET" if body is None else "POST"
    headers = knocking.sign(plan, method=method, url=url, body=body, signer=signer, pair=pair, date=NOW)
    (claim,) = signed_requests.read(list(headers.items()))
    assert claim.scheme is plan.scheme
    assert claim.key_id == signer + ("#ed25519-key" if plan.key is KeyKind.ED25519 else "#main-key")
    target = "/" + url.partition("//")[2].partition("#")[0].partition("/")[2]
    request = Request(method=method, base="https://oak.example", target=target, headers=list(headers.items()))
    key = pair.ed25519 if plan.key is KeyKind.ED25519 else pair.rsa
    claim.check(request, body=body, now=NOW).verify_with(key.public_key())
    if body is not None:
        # Lemmy asks for it before it looks at any signature
        assert headers["Digest"].startswith("SHA-256=")


def test_the_recorded_requests_are_what_is_planned() -> None:
    vectors = golden.document("90")
    alice = golden.test_key("alice")["actor"]
    pair = secrets("alice")
    made = knocking.sign(
        PLANS[2],
        method="POST",
        url="https://oak.example/ap/inbox",
        body=vectors["body_utf8"].encode(),
        signer=alice,
        pair=pair,
        date=datetime.fromisoformat(vectors["verify_at"]),
    )
    recorded = vectors["positive"]["rfc9421_post_ed25519"]["headers"]
    assert {name: made[name] for name in recorded} == recorded
    assert message_signatures.LABEL == "sig1"
