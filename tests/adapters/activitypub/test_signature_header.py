from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import signatures
from fedhood.kernel.errors import Invalid, Unauthenticated
from tests.adapters.activitypub import golden

POST = golden.document("90")["positive"]["cavage_post_rsa"]


@pytest.mark.parametrize("again", ['keyId="https://elm.example/x"', 'keyid="x"', "KEYID=x", 'headers="date"'])
def test_a_parameter_given_twice_is_refused(again: str) -> None:
    for header in (f"{POST['headers']['Signature']},{again}", f"{again},{POST['headers']['Signature']}"):
        with pytest.raises(Invalid) as caught:
            signatures.parse(header)
        assert caught.value.code == "signature-duplicate-parameter"


def test_the_header_may_name_its_scheme_and_be_spaced_as_the_grammar_allows() -> None:
    header = POST["headers"]["Signature"]
    for written in (
        f"Signature {header}",
        f"signature  {header}",
        header.replace('",', '" ,\t'),
        header.replace('="', ' = "', 1) + " , ",
        header.replace("rsa-sha256", "rsa-sha2\\56"),
        header.replace('"rsa-sha256"', "rsa-sha256"),
        header.replace("keyId", "keyid"),
    ):
        assert signatures.parse(written) == signatures.parse(header)


def test_a_comma_or_a_quote_within_a_value_is_part_of_it() -> None:
    assert signatures.parse(r'keyId="a,signature=\"x\"",signature="eA=="').key_id == 'a,signature="x"'


@pytest.mark.parametrize(
    "header",
    [
        'keyId="a" signature="eA=="',
        'keyId="a,signature="eA=="',
        'keyId="a',
        "keyId",
        "=",
        'keyId=,signature="eA=="',
        'keyId="é",signature="eA=="',
        'keyId="a\n",signature="eA=="',
        "keyId=https://a/b",
        "," * 3,
        "a=" + "b" * 9000,
    ],
)
def test_a_header_outside_the_grammar_is_refused(header: str) -> None:
    with pytest.raises(Invalid) as caught:
        signatures.parse(header)
    assert caught.value.code == "signature-syntax"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "signature-parameters"),
        ('keyId="a"', "signature-parameters"),
        ('signature="eA=="', "signature-parameters"),
        ('keyId="",signature="eA=="', "signature-parameters"),
        ('keyId="a",signature="?"', "signature-parameters"),
        ('keyId="a",signature="eA==",headers=""', "signature-covered"),
        ('keyId="a",signature="eA==",headers="date  host"', "signature-covered"),
        ('keyId="a",signature="eA==",headers="date Date"', "signature-covered"),
        (f'keyId="a",signature="eA==",headers="{" ".join(f"x{n}" for n in range(33))}"', "signature-covered"),
    ],
)
def test_a_header_that_says_too_little_proves_nothing(header: str, code: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        signatures.parse(header)
    assert caught.value.code == code


@given(st.text('ab=",\\ \t', max_size=40) | st.text(max_size=40))
def test_any_header_is_read_or_refused_but_never_breaks_the_reader(header: str) -> None:
    with suppress(Invalid, signatures.SignatureError):
        assert signatures.parse(header).key_id
