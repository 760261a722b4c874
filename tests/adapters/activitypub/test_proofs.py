import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import multibase, proofs
from fedhood.adapters.activitypub.canonical import canonicalise
from fedhood.adapters.http import strict_json
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden

NOW = datetime(2027, 2, 1, tzinfo=UTC)
ALICE = "https://elm.example/ap/people/01JDA1ALICE"
ALICE_KEY = f"{ALICE}#ed25519-key"
BOB = "https://oak.example/ap/people/01JDB0BOB"
BASE = golden.document("10")
PATH_STEPS = tuple[str | int, ...]


def signed_parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "proof" in value:
            yield value
        for member in value.values():
            yield from signed_parts(member)
    elif isinstance(value, list):
        for member in value:
            yield from signed_parts(member)


def leaves(value: Any, path: PATH_STEPS = ()) -> Iterator[PATH_STEPS]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not members or not value:
        yield path
    else:
        for step, member in members:
            yield from leaves(member, (*path, step))


def replaced(document: dict[str, Any], path: PATH_STEPS, change: Callable[[Any], Any]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    *way, last = path
    parent: Any = changed
    for step in way:
        parent = parent[step]
    parent[last] = change(parent[last])
    return changed


def verify(document: dict[str, Any], *, owner: str = ALICE, now: datetime = NOW) -> None:
    proofs.verify(document, golden.PUBLIC_KEYS.get, owner=owner, now=now)


def refusal(document: dict[str, Any], *, owner: str = ALICE, now: datetime = NOW) -> str:
    with pytest.raises(Invalid) as caught:
        verify(document, owner=owner, now=now)
    return caught.value.code


def resigned(document: dict[str, Any], options: dict[str, Any], *, name: str = "alice") -> dict[str, Any]:
    """A proof over options that `sign` would never write."""
    unsigned = {key: value for key, value in document.items() if key != "proof"}
    hashes = b"".join(multibase.decode(multibase.digest(canonicalise(part)))[2:] for part in (options, unsigned))
    value = multibase.encode(golden.ed25519(name).sign(hashes))
    return {**unsigned, "proof": {**options, "proofValue": value}}


def options(**changes: Any) -> dict[str, Any]:
    kept = {name: value for name, value in BASE["proof"].items() if name != "proofValue"}
    return kept | changes


def test_every_recorded_proof_holds_outside_and_inside() -> None:
    seen = 0
    for number in golden.names():
        for part in signed_parts(golden.document(number)):
            verify(part, owner=part["proof"]["verificationMethod"].partition("#")[0])
            seen += 1
    assert seen == 65


@pytest.mark.parametrize("number", ["02", "05", "60"])
def test_an_actor_document_is_vouched_for_by_its_instance_and_not_by_itself(number: str) -> None:
    actor = golden.document(number)
    verify(actor, owner="https://elm.example/ap/instance")
    assert refusal(actor, owner=actor["id"]) == "proof-owner"


def test_an_instance_cannot_vouch_for_another_server() -> None:
    actor = golden.document("02") | {"id": "https://oak.example/ap/groups/oak"}
    forged = proofs.sign(
        actor,
        golden.ed25519("elm_instance"),
        verification_method="https://elm.example/ap/instance#ed25519-key",
        created=NOW,
    )
    assert refusal(forged, owner="https://elm.example/ap/instance") == "proof-origin"


def test_signing_again_gives_the_recorded_proof_to_the_byte() -> None:
    again = proofs.sign(
        BASE,
        golden.ed25519("alice"),
        verification_method=ALICE_KEY,
        created=datetime(2026, 11, 22, 9, 0, 0, 999_999, tzinfo=UTC),
    )
    assert again == BASE
    assert list(again)[-1] == "proof"
    assert list(again["proof"]) == list(BASE["proof"])


def test_signing_leaves_the_document_as_it_was() -> None:
    before = copy.deepcopy(BASE)
    proofs.sign(BASE, golden.ed25519("bob"), verification_method=f"{BOB}#ed25519-key", created=NOW)
    assert before == BASE


def test_one_more_proof_stands_beside_those_that_are_there() -> None:
    twice = proofs.add(BASE, golden.ed25519("bob"), verification_method=ALICE_KEY, created=NOW)
    assert twice["proof"][0] == BASE["proof"]
    verify(twice)
    bobs = golden.ed25519("bob").public_key()
    proofs.verify(twice, lambda _: bobs, owner=ALICE, now=NOW)
    thrice = proofs.add(twice, golden.ed25519("alice"), verification_method=ALICE_KEY, created=NOW)
    assert len(thrice["proof"]) == 3


def test_a_document_without_context_can_be_signed() -> None:
    plain = {name: value for name, value in BASE.items() if name != "@context"}
    signed = proofs.sign(plain, golden.ed25519("alice"), verification_method=ALICE_KEY, created=NOW)
    assert "@context" not in signed["proof"]
    verify(signed)


@pytest.mark.parametrize("number", ["10", "13", "51"])
def test_a_changed_leaf_breaks_the_proof(number: str) -> None:
    document = golden.document(number)
    owner = document["actor"]
    changes: dict[type, Callable[[Any], Any]] = {
        bool: lambda value: not value,
        str: lambda value: value + "x",
        list: lambda value: [*value, "x"],
    }
    paths = list(leaves(document))
    for path in paths:
        leaf: Any = document
        for step in path:
            leaf = leaf[step]
        refusal(replaced(document, path, changes[type(leaf)]), owner=owner)
    assert len(paths) > 50


@given(st.data())
def test_any_leaf_changed_to_anything_breaks_the_proof(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(leaves(BASE), key=str)))
    value: object = data.draw(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text("abc:/#é", max_size=5) | st.just([])
    )
    changed = replaced(BASE, path, lambda _: value)
    if canonicalise(changed) != canonicalise(BASE):
        refusal(changed)


@given(st.data())
def test_a_removed_member_breaks_the_proof(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(BASE)))
    refusal({key: value for key, value in BASE.items() if key != name})


@given(st.randoms(use_true_random=False))
def test_order_indentation_and_escapes_do_not_matter(random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            random.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(member) for member in value] if isinstance(value, list) else value

    raw = json.dumps(shuffled(BASE), indent=random.choice([None, 3]), ensure_ascii=random.choice([True, False]))
    verify(strict_json.loads_object(raw.replace("<", random.choice(["<", "\\u003c"])).encode()))


def test_a_changed_content_is_refused() -> None:
    assert refusal(replaced(BASE, ("object", "content"), lambda text: text + " ")) == "proof-signature"


def test_an_intermediary_cannot_widen_the_audience() -> None:
    announce = golden.document("13")
    for public in ("as:Public", "Public", proofs.PUBLIC):
        assert refusal(announce | {"cc": [public]}, owner=announce["actor"]) == "proof-signature"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proofPurpose", "authentication"),
        ("cryptosuite", "eddsa-rdfc-2022"),
        ("type", "Ed25519Signature2020"),
        ("domain", "oak.example"),
        ("challenge", "1"),
    ],
)
def test_a_proof_of_another_kind_or_for_another_occasion_does_not_count(name: str, value: str) -> None:
    assert refusal(resigned(BASE, options(**{name: value}))) == "proof-unsupported"


def test_another_actors_key_does_not_count_and_is_not_even_asked_for() -> None:
    forged = resigned(BASE, options(verificationMethod=f"{BOB}#ed25519-key"), name="bob")
    asked: list[str] = []

    def find_key(key_id: str) -> None:
        asked.append(key_id)

    with pytest.raises(proofs.ProofError) as caught:
        proofs.verify(forged, find_key, owner=ALICE, now=NOW)
    assert caught.value.code == "proof-owner"
    assert asked == []


def test_speaking_for_an_actor_of_another_server_is_refused_whatever_the_key() -> None:
    forged = resigned(BASE, options(verificationMethod=f"{BOB}#ed25519-key"), name="bob")
    assert refusal(forged, owner=BOB) == "proof-origin"


@pytest.mark.parametrize(
    ("changes", "owner", "code"),
    [
        ({"actor": {"id": ALICE}}, ALICE, "proof-signature"),
        ({"actor": 7}, ALICE, "proof-origin"),
        ({"actor": []}, ALICE, "proof-origin"),
        ({"id": "https://elm.example:8443/x"}, ALICE, "proof-origin"),
        ({"id": "https://elm.example:x/"}, ALICE, "proof-origin"),
        ({"id": "http://elm.example/x"}, ALICE, "proof-origin"),
        ({"id": "https://elm.example@oak.example/x"}, ALICE, "proof-origin"),
        ({"id": "https://elm.example:443/x"}, ALICE, "proof-signature"),
        ({}, "did:key:z6MkewNAxtZyhYHcUZoUR4TLUorZCbk2CuzRHxwDTrKtnQw8", "proof-origin"),
    ],
)
def test_the_document_and_its_signer_are_of_one_origin(changes: dict[str, Any], owner: str, code: str) -> None:
    assert refusal(BASE | changes, owner=owner) == code


def test_an_object_served_alone_speaks_by_its_attribution() -> None:
    report = golden.document("61")["object"]
    metrics = "https://elm.example/ap/metrics"
    verify(report, owner=metrics)
    assert refusal(report | {"attributedTo": "https://oak.example/ap/metrics"}, owner=metrics) == "proof-origin"


def test_a_key_that_the_actor_does_not_list_does_not_count() -> None:
    with pytest.raises(proofs.ProofError) as caught:
        proofs.verify(BASE, lambda _: None, owner=ALICE, now=NOW)
    assert caught.value.code == "proof-key-unknown"


def test_a_proof_counts_until_it_expires() -> None:
    lasting = resigned(BASE, options(expires="2027-02-01T00:00:01+00:00"))
    verify(lasting)
    assert refusal(lasting, now=NOW + timedelta(seconds=1)) == "proof-expired"


def test_a_proof_may_be_ten_minutes_ahead_and_no_more() -> None:
    made = datetime(2026, 11, 22, 9, tzinfo=UTC)
    verify(BASE, now=made - timedelta(minutes=10))
    assert refusal(BASE, now=made - timedelta(minutes=10, seconds=1)) == "proof-future"


@pytest.mark.parametrize("created", [None, 7, "yesterday", "2026-11-22", "2026-11-22T09:00:00", "2026-13-01T00:00:00Z"])
def test_a_proof_says_when_it_was_made(created: Any) -> None:
    assert refusal(resigned(BASE, options(created=created))) == "proof-created"


def test_a_fraction_of_a_second_is_a_moment_too() -> None:
    verify(resigned(BASE, options(created="2026-11-22T09:00:00.123456789Z")))


@pytest.mark.parametrize("value", [None, 5, "", "z", "zO", "z" + "1" * 64, "mAAAA", BASE["proof"]["proofValue"][1:]])
def test_a_value_that_is_no_signature_is_refused(value: Any) -> None:
    refused = refusal(replaced(BASE, ("proof", "proofValue"), lambda _: value))
    # 64 ones are 64 zero bytes: the length of a signature, and none
    assert refused == ("proof-signature" if value == "z" + "1" * 64 else "proof-value")


def test_the_context_of_the_proof_begins_that_of_the_document() -> None:
    longer = replaced(BASE, ("@context",), lambda context: [*context, {"x": "https://x.example/ns#x"}])
    verify(longer)
    turned = replaced(BASE, ("@context",), lambda context: context[::-1])
    assert refusal(turned) == "proof-context"
    assert refusal({name: value for name, value in BASE.items() if name != "@context"}) == "proof-context"
    foreign = resigned(BASE, options(**{"@context": ["https://example.org/other"]}))
    assert refusal(foreign) == "proof-context"


def test_a_single_context_counts_as_a_list_of_one() -> None:
    single = BASE | {"@context": "https://www.w3.org/ns/activitystreams"}
    verify(resigned(single, options(**{"@context": single["@context"]})))


def test_a_proof_made_without_context_is_hashed_as_received() -> None:
    bare = {name: value for name, value in options().items() if name != "@context"}
    verify(resigned(BASE, bare))


@pytest.mark.parametrize("short", ["as:Public", "Public"])
def test_a_shortened_public_audience_is_tried_in_full_once(short: str) -> None:
    raw = strict_json.dumps(BASE).replace(proofs.PUBLIC.encode(), short.encode())
    served = strict_json.loads_object(raw)
    # within the interaction policy the full address is what was signed and stays
    served["object"]["interactionPolicy"] = BASE["object"]["interactionPolicy"]
    assert served != BASE
    verify(served)
    verify(served | {"to": [short]})
    assert refusal(served | {"cc": [short]}) == "proof-signature"


def test_a_proof_over_the_short_form_holds_as_received() -> None:
    verify(resigned(BASE | {"to": "as:Public"}, options()))


def test_of_several_proofs_one_by_the_owner_has_to_hold() -> None:
    good = BASE["proof"]
    bad = good | {"proofValue": "z" + "1" * 64}
    by_bob = resigned(BASE, options(verificationMethod=f"{BOB}#ed25519-key"), name="bob")["proof"]
    verify(BASE | {"proof": [bad, good]})
    verify(BASE | {"proof": [by_bob, good]})
    assert refusal(BASE | {"proof": [bad, by_bob]}) == "proof-signature"
    assert refusal(BASE | {"proof": [by_bob]}) == "proof-owner"
    assert refusal(BASE | {"proof": []}) == "proof-unsupported"
    assert refusal(BASE | {"proof": [good] * 5}) == "proof-too-many"
    verify(BASE | {"proof": [good] * 4})


@pytest.mark.parametrize(
    ("proof", "code"), [(None, "proof-missing"), ("z1", "proof-malformed"), ([1], "proof-malformed")]
)
def test_a_missing_or_shapeless_proof_is_refused(proof: Any, code: str) -> None:
    assert refusal(BASE | {"proof": proof}) == code


def test_an_older_kind_of_signature_beside_the_proof_is_not_covered() -> None:
    verify(BASE | {"signature": {"type": "RsaSignature2017"}})


@pytest.mark.parametrize("keyword", ["@graph", "@included", "@reverse", "@import", "@base", "@nest"])
def test_what_only_json_ld_readers_would_see_is_refused_even_signed(keyword: str) -> None:
    def signed(document: dict[str, Any]) -> dict[str, Any]:
        return proofs.sign(document, golden.ed25519("alice"), verification_method=ALICE_KEY, created=NOW)

    assert refusal(signed(BASE | {keyword: []})) == "rearranged"
    assert refusal(signed(replaced(BASE, ("object", "tag", 0, "name"), lambda _: {keyword: 1}))) == "rearranged"
    assert refusal(signed(replaced(BASE, ("@context", 2, "sensitive"), lambda _: keyword))) == "rearranged"
    verify(signed(replaced(BASE, ("object", "content"), lambda _: keyword)))


def test_a_number_that_has_no_common_form_is_refused_before_hashing() -> None:
    assert refusal(BASE | {"fhRevision": 2**53}) == "canonical-number"
    assert refusal(BASE | {"name": "\ud800"}) == "canonical-surrogate"


def test_repeated_names_and_numbers_without_a_common_form_do_not_even_parse() -> None:
    raw = strict_json.dumps(BASE)
    for added in (b'"type":"Create",', b'"n":9007199254740992,', b'"n":NaN,', b'"n":-Infinity,', b'"n":"\\ud800",'):
        with pytest.raises(Invalid):
            strict_json.loads_object(b"{" + added + raw[1:])


def test_every_recorded_case_has_a_test_here() -> None:
    assert len(golden.document("92")["cases"]) == 17
