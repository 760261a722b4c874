"""Dictionaries of structured fields, by the grammar of RFC 9651 and by an independent reader of them."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub.structured_fields import (
    Date,
    DisplayString,
    InnerList,
    Item,
    Token,
    parse_dictionary,
)
from fedhood.kernel.errors import Invalid


def value(text: str) -> Any:
    ((_, member),) = parse_dictionary(f"a={text}")
    assert isinstance(member, Item)
    return member.value


def refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_dictionary(text)
    assert caught.value.code == "structured-field"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("-42", -42),
        ("007", 7),
        ("999999999999999", 999_999_999_999_999),
        ("-999999999999999", -999_999_999_999_999),
        ("1.5", Decimal("1.5")),
        ("-0.125", Decimal("-0.125")),
        ("123456789012.125", Decimal("123456789012.125")),
        ('""', ""),
        ('"a b"', "a b"),
        (r'"\"and\\"', '"and\\'),
        ('"a,b;c=d"', "a,b;c=d"),
        ("word", Token("word")),
        ("*w/o:r-d", Token("*w/o:r-d")),
        ("Word1!", Token("Word1!")),
        ("::", b""),
        (":aGVsbG8=:", b"hello"),
        (":/+Ah:", b"\xff\xe0\x21"),
        ("?1", True),
        ("?0", False),
        ("@1659578233", Date(1_659_578_233)),
        ("@-1", Date(-1)),
        ('%"caf%c3%a9"', DisplayString("café")),
        ('%"plain"', DisplayString("plain")),
    ],
)
def test_every_kind_of_item_is_read(text: str, expected: Any) -> None:
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "--1",
        "1.",
        ".5",
        "1.5.5",
        "1.1234",
        "1234567890123.1",
        "1000000000000000",
        '"open',
        '"é"',
        '"a\tb"',
        r'"\n"',
        r'"a\"',
        "é",
        "#",
        ":aGVsbG8",
        ":aGVsbG8:",
        ":aGV sbG8=:",
        ":aGVsbG8_:",
        ":=:",
        "?2",
        "?",
        "?true",
        "@1.5",
        "@",
        '%"%C3%A9"',
        '%"%ff"',
        '%"%c3"',
        '%"open',
        "%a",
        "1 2",
        "(1 2",
        "(1,2)",
        "(1(2))",
        "((1))",
        '("a""b")',
        "1;",
        "1;A=1",
        "1 ;a=1",
        "1;a= 1",
        "1;a=(1)",
    ],
)
def test_what_is_no_item_is_refused(text: str) -> None:
    refused(f"a={text}")


@pytest.mark.parametrize("text", ["a=1,", ",a=1", "a=1,,b=2", "a=1 b=2", "A=1", "1=1", "a =1", "\ta=1", "a=1\n", "\t"])
def test_what_is_no_dictionary_is_refused(text: str) -> None:
    refused(text)


def test_members_stand_in_the_order_in_which_they_came_repeated_ones_too() -> None:
    members = parse_dictionary("  b=1 ,\ta, b=2;x;y=?0 \t")
    assert [(key, member.text) for key, member in members] == [("b", "1"), ("a", ""), ("b", "2;x;y=?0")]
    assert members[1][1] == Item(value=True, parameters=(), text="")
    assert members[2][1].parameters == (("x", True), ("y", False))


def test_a_member_without_a_value_is_true_and_may_have_parameters() -> None:
    ((key, member),) = parse_dictionary("a;b=1;  c")
    assert (key, member) == ("a", Item(value=True, parameters=(("b", 1), ("c", True)), text=";b=1;  c"))


def test_an_inner_list_keeps_the_text_that_it_was_read_from() -> None:
    text = '( "a"  "b";sf );x="1"'
    member = parse_dictionary(f"sig={text} , z=?1")[0][1]
    assert isinstance(member, InnerList)
    assert member.text == text
    assert [one.value for one in member.items] == ["a", "b"]
    assert member.items[1].parameters == (("sf", True),)
    assert member.parameters == (("x", "1"),)


def test_an_empty_inner_list_and_an_empty_dictionary_are_read() -> None:
    ((_, member),) = parse_dictionary("a=()")
    assert member == InnerList(items=(), parameters=(), text="()")
    assert parse_dictionary("") == parse_dictionary("   ") == ()


def test_a_repeated_parameter_is_there_twice() -> None:
    assert parse_dictionary("a=1;x=1;x=2")[0][1].parameters == (("x", 1), ("x", 2))


def test_a_field_of_more_than_eight_thousand_characters_is_not_read() -> None:
    refused("a=" + "b" * 8192)


@given(st.text('ab=,;()": \t?1.@%\\/', max_size=25) | st.text(max_size=25))
def test_any_field_is_read_or_refused_but_never_breaks_the_reader(text: str) -> None:
    with suppress(Invalid):
        parse_dictionary(text)


@given(st.text('ab=,;()": \t?1-.\\', max_size=25))
def test_whether_it_is_a_dictionary_an_independent_reader_thinks_too(text: str) -> None:
    try:
        theirs = http_sf.parse(text.encode(), tltype="dictionary")
    except http_sf.StructuredFieldError:
        refused(text)
    else:
        assert {key: plain(member) for key, member in parse_dictionary(text)} == theirs


def plain(member: Any) -> Any:
    """As the other reader gives it."""
    parameters = {key: simple(one) for key, one in member.parameters}
    if isinstance(member, InnerList):
        return [plain(one) for one in member.items], parameters
    return simple(member.value), parameters


def simple(one: Any) -> Any:
    return http_sf.Token(one.word) if isinstance(one, Token) else one
