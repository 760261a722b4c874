import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub.canonical import canonicalise, canonicalise_parsed
from fedhood.adapters.http import strict_json
from fedhood.kernel.errors import Invalid

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text('a\x7fé\ud7ff\ue000\uffff\U00010000😀\x00\x1f"\\/\b')
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=25,
)


@given(JSON)
def test_the_form_is_that_of_the_reference_implementation(value: Any) -> None:
    assert canonicalise(value) == rfc8785.dumps(value)


@given(JSON.filter(lambda value: "\\u0000" not in json.dumps(value)))
def test_what_was_read_gets_the_same_form_in_less_time(value: Any) -> None:
    read = strict_json.loads(json.dumps(value, ensure_ascii=False).encode())
    assert canonicalise_parsed(read) == canonicalise(read) == rfc8785.dumps(json.loads(json.dumps(value)))
    assert json.loads(strict_json.dumps(read)) == read


@pytest.mark.parametrize("name", ["😀", '😀\\"', '\\"😀":', "😀\n"])
def test_names_beyond_the_basic_plane_are_found_whatever_stands_beside_them(name: str) -> None:
    read = strict_json.loads(json.dumps({"\ufb33": "😀", name: 1}, ensure_ascii=False).encode())
    assert canonicalise_parsed(read) == rfc8785.dumps({"\ufb33": "😀", name: 1})


@pytest.mark.parametrize("value", ["\ud800", {"a": 2**53}, b"bytes", {1: 1}, {1, 2}])
def test_what_nobody_can_have_read_has_no_form_either(value: Any) -> None:
    with pytest.raises(Invalid):
        canonicalise_parsed(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_written_as_the_reference_writes_it_and_reads_back(value: float) -> None:
    written = canonicalise(value)
    assert written == rfc8785.dumps(value)
    assert float(written) == value


@given(JSON)
def test_the_form_says_the_same_and_is_its_own_form(value: Any) -> None:
    written = canonicalise(value)
    # a large float is written without a point, and is a float still
    assert canonicalise(json.loads(written, parse_int=float)) == written


@pytest.mark.parametrize(
    ("bits", "written"),
    [  # RFC 8785, appendix B
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0xFFEFFFFFFFFFFFFF, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xC340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x44B52D02C7E14AF7, "1.0000000000000001e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0x41B3DE4355555557, "333333333.33333343"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_ecmascript_writes_them(bits: int, written: str) -> None:
    number = memoryview(bits.to_bytes(8, "little")).cast("d")[0]
    assert canonicalise(number) == written.encode()


def test_the_sample_of_the_rfc_gets_the_form_of_the_rfc() -> None:
    sample = json.loads(
        r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    )
    assert (
        canonicalise(sample)
        == (
            r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
        ).encode()
    )


def test_names_are_ordered_by_utf_16_code_units() -> None:
    names = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "\u00f6": 7}
    assert list(json.loads(canonicalise(names)).values()) == [2, 4, 6, 7, 1, 5, 3]
    # an astral name goes before a high one of the basic plane, though its code point is the larger
    assert canonicalise({"\ufb33": 1, "😀": 2}) == '{"😀":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (math.nan, "canonical-number"),
        ([math.inf], "canonical-number"),
        ({"a": -math.inf}, "canonical-number"),
        (2**53, "canonical-number"),
        (-(2**53), "canonical-number"),
        ("\ud800", "canonical-surrogate"),
        ({"\udfff": 1}, "canonical-surrogate"),
        ({1: 1}, "canonical-type"),
        (b"bytes", "canonical-type"),
        ((1, 2), "canonical-type"),
    ],
)
def test_what_is_not_interoperable_json_has_no_form(value: Any, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        canonicalise(value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ('[ 56 , { "d" : true , "10" : null , "1" : [ ] } ]', '[56,{"1":[],"10":null,"d":true}]'),
        ('{"1":{"f":{"f":"hi","F":5},"\\n":56},"10":{},"":"empty","a":{},"111":[{"e":"no","E":"yes"}],"A":{}}',
         '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"yes","e":"no"}],"A":{},"a":{}}'),
        ('{"pêche":"a","péché":"b","peach":"c","sin":"d"}', '{"peach":"c","péché":"b","pêche":"a","sin":"d"}'),
        # the same letter composed and decomposed stays what it was
        ('{"a":"A\\u030a","b":"\\u00c5"}', '{"a":"A\u030a","b":"\u00c5"}'),
        ('["\\u0000\\u0008\\u0009\\u000A\\u000b\\u000C\\u000d\\u001F\\u007f\\u2028\\/\\u003c"]',
         '["\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\u2028/<"]'),
        ('[1.0,-0.0,1E2,0.10,1e-7,100000000000000000000000.0]', '[1,0,100,0.1,1e-7,1e+23]'),
    ],
)  # fmt: skip
def test_a_document_gets_the_form_that_the_rfc_describes(given_text: str, written: str) -> None:
    value = json.loads(given_text)
    assert canonicalise(value).decode() == written
    assert rfc8785.dumps(value).decode() == written


def hundred_thousand_floats() -> Iterator[float]:
    """Every exponent many times, and the neighbours of where the way of writing changes."""
    for number in range(25_000):
        hashed = hashlib.sha256(number.to_bytes(4, "big")).digest()
        yield from memoryview(hashed).cast("d")
    for edge in (1e-7, 1e-6, 1e20, 1e21, 1e22, 2.0**53, 2.0**64, 5e-324, 2.2250738585072014e-308, 1.0, 0.1):
        down = up = edge
        for _ in range(50):
            yield from (down, up, -down, -up)
            down, up = math.nextafter(down, 0), math.nextafter(up, math.inf)


def test_a_hundred_thousand_floats_are_written_as_the_reference_writes_them() -> None:
    tried = 0
    for number in filter(math.isfinite, hundred_thousand_floats()):
        assert canonicalise(number) == rfc8785.dumps(number)
        tried += 1
    assert tried >= 100_000
