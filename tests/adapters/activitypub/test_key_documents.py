import pytest

from fedhood.adapters.activitypub import key_documents, keys
from fedhood.adapters.activitypub.key_documents import KeyKind, ListedKey
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.arriving import pair_of

ALICE = golden.document("05")
URI = ALICE["id"]
RSA = golden.test_key("alice")["rsa_public_pem"]
ED25519 = golden.test_key("alice")["ed25519_public_multibase"]


def refusal(call, *arguments, **named) -> str:
    with pytest.raises(Invalid) as caught:
        call(*arguments, **named)
    return caught.value.code


def rsa(key: str = "#main-key", **also) -> dict:
    return {"id": URI + key, "owner": URI, "publicKeyPem": RSA, **also}


def multikey(key: str = "#ed25519-key", **also) -> dict:
    return {"id": URI + key, "type": "Multikey", "controller": URI, "publicKeyMultibase": ED25519, **also}


def test_a_recorded_actor_lists_its_two_keys() -> None:
    found = key_documents.listed(ALICE, URI)
    assert found == [
        ListedKey(uri=f"{URI}#main-key", kind=KeyKind.RSA, text=RSA),
        ListedKey(uri=f"{URI}#ed25519-key", kind=KeyKind.ED25519, text=ED25519),
    ]
    assert [key_documents.first(found, kind).uri for kind in KeyKind] == [key.uri for key in found]


def test_keys_may_stand_in_a_list_and_the_one_that_is_wanted_is_taken() -> None:
    found = key_documents.listed({"publicKey": [rsa("#old"), rsa("#new")]}, URI)
    assert key_documents.first(found, KeyKind.RSA).uri == f"{URI}#old"
    assert key_documents.first(found, KeyKind.RSA, wanted=f"{URI}#new").uri == f"{URI}#new"


def test_an_ed25519_key_may_stand_among_the_keys_for_requests() -> None:
    found = key_documents.listed({"publicKey": [rsa(), multikey("#fast")]}, URI)
    assert key_documents.first(found, KeyKind.ED25519).uri == f"{URI}#fast"


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "https://evil.example/actor"},
        {"owner": None},
        {"owner": [URI]},
        {"controller": "https://evil.example/actor"},
        {"id": None},
        {"publicKeyPem": None},
        {"publicKeyPem": {"@value": RSA}},
    ],
)
def test_a_key_that_is_not_the_actors_own_is_not_listed(change) -> None:
    assert key_documents.listed({"publicKey": rsa(**change)}, URI) == []
    assert refusal(key_documents.first, [], KeyKind.RSA) == "actor-key"


def test_keys_of_kinds_that_are_not_known_here_are_passed_over() -> None:
    odd = multikey("#p-256", publicKeyMultibase="zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")
    found = key_documents.listed({"assertionMethod": [f"{URI}#by-name", odd, multikey()]}, URI)
    assert key_documents.first(found, KeyKind.ED25519).uri == f"{URI}#ed25519-key"
    assert refusal(key_documents.first, found[:1], KeyKind.ED25519) == "multikey"


def test_of_more_than_ten_keys_the_first_ten_are_looked_at() -> None:
    found = key_documents.listed({"publicKey": [rsa(f"#{number}") for number in range(11)]}, URI)
    assert [key.uri for key in found] == [f"{URI}#{number}" for number in range(10)]


def test_what_was_read_once_is_not_read_again() -> None:
    pem = keys.public_pem(pair_of(URI).rsa)
    assert keys.cached_rsa_public(pem) is keys.cached_rsa_public(pem)
    text = keys.multikey(pair_of(URI).ed25519)
    assert keys.cached_multikey(text) is keys.cached_multikey(text)
    assert keys.cached_rsa_public.cache_info().maxsize is not None


# -- whose it is -------------------------------------------------------------------------------------------------------


def test_a_document_of_a_key_says_whose_it_is() -> None:
    for document in (rsa("/main-key"), multikey("/main-key")):
        assert key_documents.owner_of(document, f"{URI}/main-key") == URI


def test_a_part_of_an_actor_with_the_key_in_it_says_so_too() -> None:
    document = {"id": URI, "type": "Person", "preferredUsername": "alice", "publicKey": rsa("/main-key")}
    assert key_documents.owner_of(document, f"{URI}/main-key") == URI


@pytest.mark.parametrize(
    "document",
    [
        {},
        rsa("/another-key"),
        rsa("/main-key", owner=None),
        rsa("/main-key", controller="https://evil.example/actor"),
        {"id": URI, "publicKey": rsa("/another-key")},
        {"id": "https://evil.example/actor", "publicKey": rsa("/main-key")},
        {"id": URI, "publicKey": [f"{URI}/main-key"]},
    ],
)
def test_a_document_about_something_else_says_nothing_about_this_key(document) -> None:
    assert refusal(key_documents.owner_of, document, f"{URI}/main-key") == "key-document"
