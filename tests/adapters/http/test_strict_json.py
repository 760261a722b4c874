import json
import math
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.http import strict_json
from fedhood.adapters.http.strict_json import Limits
from fedhood.kernel.errors import Invalid

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


def outcome(reader: Callable[[bytes], object], raw: bytes) -> object:
    try:
        return reader(raw)
    except Invalid as error:
        return error.code
    except ValueError:
        return "json-syntax"


def refusal(raw: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as caught:
        strict_json.loads(raw, limits=Limits(**limits))
    return caught.value.code


@given(JSON, st.booleans())
def test_what_another_writer_wrote_is_read_as_it_was_meant(value: object, ascii_only: bool) -> None:
    assert strict_json.loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(JSON)
def test_what_we_write_we_read(value: object) -> None:
    assert strict_json.loads(strict_json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_but_never_break_the_reader(raw: bytes) -> None:
    with suppress(Invalid):
        assert strict_json.loads(raw) == json.loads(raw)


@given(st.text('[]{},:"\\1 a', max_size=60))
def test_any_punctuation_is_read_or_refused_as_the_standard_reader_would(text: str) -> None:
    # refused only for the reasons for which we are stricter
    assert outcome(strict_json.loads, text.encode()) in (
        outcome(json.loads, text.encode()),
        "json-duplicate-name",
        "json-depth",
        "json-integer",
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":1,"a":1}', "json-duplicate-name"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "json-duplicate-name"),
        (b"NaN", "json-constant"),
        (b"[Infinity]", "json-constant"),
        (b'{"a":-Infinity}', "json-constant"),
        (b'"\\ud800"', "json-surrogate"),
        (b'{"\\udc00":1}', "json-surrogate"),
        (b'"\\ude00\\ud83d"', "json-surrogate"),
        (b'"\xed\xa0\x80"', "json-encoding"),
        (b'"\\u0000"', "json-nul"),
        (b'{"a\\u0000":1}', "json-nul"),
        (b'"\0"', "json-syntax"),
        (b'"\xff"', "json-encoding"),
        ('"é"'.encode("latin-1"), "json-encoding"),
        ('"a"'.encode("utf-16"), "json-encoding"),
        (b"\xef\xbb\xbf{}", "json-bom"),
        (b"9007199254740992", "json-integer"),
        (b"-9007199254740992", "json-integer"),
        (b"1" * 5000, "json-integer"),
        (b"1e400", "json-float"),
        (b"[-1e999]", "json-float"),
        (b"", "json-syntax"),
        (b"{} {}", "json-syntax"),
        (b"[1,]", "json-syntax"),
        (b"{'a':1}", "json-syntax"),
        (b"]", "json-syntax"),
        (b'"open', "json-syntax"),
        (b'"open\\', "json-syntax"),
        (b"[01]", "json-syntax"),
        (b"\xc2\xa01", "json-syntax"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_the_largest_integers_and_a_whole_surrogate_pair_pass() -> None:
    raw = b'[9007199254740991,-9007199254740991,-0,"\\ud83c\\udfe1","\\\\u0000","\\\\ud800"]'
    assert strict_json.loads(raw) == [2**53 - 1, 1 - 2**53, 0, "🏡", "\\u0000", "\\ud800"]


def test_depth_is_counted_in_containers() -> None:
    assert strict_json.loads(b"[" * 32 + b"]" * 32)
    assert refusal(b"[" * 33 + b"]" * 33) == "json-depth"
    assert refusal(b'{"a":' * 33 + b"1" + b"}" * 33) == "json-depth"


def test_brackets_within_strings_are_not_depth() -> None:
    assert strict_json.loads(b'["' + b"[" * 50 + b'\\"[[{{\\\\"]') == ["[" * 50 + '"[[{{\\']


def test_values_are_counted_without_names() -> None:
    assert strict_json.loads(b'{"a":[],"b":[1,{ }]}', limits=Limits(values=5))
    assert refusal(b'{"a":[],"b":[1,{ }]}', values=4) == "json-values"
    assert strict_json.loads(b"[" + b"1," * 9998 + b"1]")
    assert refusal(b"[" + b"1," * 9999 + b"1]") == "json-values"


def test_size_is_counted_in_bytes() -> None:
    assert strict_json.loads(b"[" + b" " * ((1 << 20) - 2) + b"]") == []
    assert refusal(b"[" + b" " * ((1 << 20) - 1) + b"]") == "json-size"


def test_strings_are_measured_as_they_would_be_written() -> None:
    assert strict_json.loads(b'"' + b"\\u00e9" * (128 << 10) + b'"')
    assert refusal(b'"' + b"\\u00e9" * ((128 << 10) + 1) + b'"') == "json-string-size"
    assert refusal(b'{"' + b"a" * ((256 << 10) + 1) + b'":1}') == "json-string-size"


@pytest.mark.parametrize("raw", [b"[]", b'"a"', b"null", b"1"])
def test_a_document_has_to_be_an_object(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        strict_json.loads_object(raw)
    assert caught.value.code == "json-not-object"


def test_an_object_is_handed_back_in_its_own_order() -> None:
    assert list(strict_json.loads_object(b'{"z":1,"a":2}')) == ["z", "a"]


def test_the_written_form_is_compact() -> None:
    assert strict_json.dumps({"b": ["é", 1.5], "a": None}) == '{"b":["é",1.5],"a":null}'.encode()
    assert math.isclose(strict_json.loads(b"1.5"), 1.5)


@given(st.text('"[]{},:0a ', max_size=40))
def test_strings_are_left_out_of_the_count_whichever_way_they_are_found(text: str) -> None:
    raw = text.encode()
    quick, thorough = strict_json._without_strings(raw), strict_json._STRING.sub(b"0", raw)
    # what is not closed leaves a digit or none: nothing is counted by it
    assert [byte for byte in quick if byte in b"[]{},:"] == [byte for byte in thorough if byte in b"[]{},:"]


@given(JSON)
def test_the_compact_form_is_read_as_any_other(value: object) -> None:
    spaced, compact = (
        json.dumps(value, ensure_ascii=False, separators=by).encode() for by in ((", ", ": "), (",", ":"))
    )
    read = strict_json.loads(compact)
    assert (repr(read), read) == (repr(strict_json.loads(spaced)), value)


@pytest.mark.parametrize(
    "raw",
    ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', "9007199254740992", '["\\ud800"]', '["\\u0000"]', "1e400", "NaN", "[1,]"],
)
def test_what_is_refused_is_refused_in_the_compact_form_too(raw: str) -> None:
    with pytest.raises(Invalid):
        strict_json.loads(raw.encode())
