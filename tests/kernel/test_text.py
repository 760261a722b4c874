"""What people type is kept whole, and without what misleads the eye."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.kernel.errors import Invalid
from fedhood.kernel.text import one_line, words

TYPED = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  hello \n", "hello"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\x00b\x1b[31mc\x7f\x85", "ab[31mc"),
        ("a\tb", "a\tb"),
        ("e\u0301", "é"),
        ("a\ud800b", "ab"),
        ("שלום \u200fאמא", "שלום \u200fאמא"),
    ],
)
def test_a_text_keeps_its_lines(typed: str, kept: str):
    assert words(typed, field="text", most=100) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ana \n Lima\t", "Ana Lima"),
        ("Ana\u00a0Lima", "Ana Lima"),
        ("moc.live\u202e", "moc.live"),
        ("\u2066a\u2069\u200e", "a"),
    ],
)
def test_a_name_is_one_line_that_reads_one_way(typed: str, kept: str):
    assert one_line(typed, field="name", most=100) == kept


@given(TYPED, st.sampled_from([words, one_line]))
def test_what_is_clean_stays_as_it_is(typed: str, clean):
    once = clean(typed, field="text", most=1000, least=0)
    assert clean(once, field="text", most=1000, least=0) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@given(TYPED)
def test_a_name_never_has_a_line_end_or_a_control(typed: str):
    name = one_line(typed, field="name", most=1000, least=0)
    assert len(name.splitlines()) <= 1
    assert not any(unicodedata.category(letter) == "Cc" for letter in name)


@pytest.mark.parametrize("typed", ["", "  \n ", "\x00\x01"])
def test_nothing_is_missing(typed: str):
    with pytest.raises(Invalid) as refused:
        words(typed, field="text", most=10)
    assert (refused.value.code, refused.value.field) == ("missing", "text")


def test_too_much_is_counted():
    assert words("x" * 10, field="text", most=10) == "x" * 10
    with pytest.raises(Invalid) as refused:
        one_line("é" * 13, field="name", most=10)
    assert (refused.value.code, refused.value.field, refused.value.facts) == ("too-long", "name", {"over": 3})
