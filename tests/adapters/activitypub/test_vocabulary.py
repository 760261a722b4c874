"""The words between servers, and texts that become HTML and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhood.adapters.activitypub import vocabulary
from fedhood.core.help_requests import HelpCategory, State
from fedhood.core.posts import Audience
from fedhood.kernel.errors import Invalid


def test_a_text_is_one_paragraph_with_its_lines_kept_and_its_signs_escaped() -> None:
    assert vocabulary.note_html("a < b & c\nd") == "<p>a &lt; b &amp; c<br>d</p>"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=200))
def test_what_we_say_is_read_as_it_was_written(text: str) -> None:
    expected = text.strip()
    while "\n\n\n" in expected:
        expected = expected.replace("\n\n\n", "\n\n")
    assert vocabulary.text_of(vocabulary.note_html(expected)) == expected


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br/>two<BR>three", "one\ntwo\nthree"),
        ("<p>written\nin two lines</p>", "written in two lines"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ('<p>see <a href="https://oak.example" onclick="x()">this</a></p>', "see this"),
        ("<script>alert(1)</script>hello<style>p{}</style>", "hello"),
        ("<!-- hidden -->shown", "shown"),
        ("&lt;b&gt;not bold&lt;/b&gt;", "<b>not bold</b>"),
        ("&amp;lt;", "&lt;"),
        ("a < b", "a < b"),
        ("", ""),
    ],
)
def test_others_html_becomes_plain_text(html: str, text: str) -> None:
    assert vocabulary.text_of(html) == text


@pytest.mark.parametrize(
    ("html", "code"),
    [
        (None, "content-missing"),
        (["<p>x</p>"], "content-missing"),
        ("x" * (65 << 10), "content-size"),
        ("é" * (33 << 10), "content-size"),
        ("<b>" * 1001, "content-tags"),
    ],
)
def test_too_much_is_refused_before_it_is_parsed(html: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        vocabulary.text_of(html)
    assert refused.value.code == code


def test_every_audience_that_leaves_has_its_scope_and_the_one_that_stays_has_none() -> None:
    for audience in (Audience.NEIGHBOURS, Audience.PUBLIC):
        assert vocabulary.audience_of(vocabulary.scope_of(audience)) is audience
    with pytest.raises(Invalid):
        vocabulary.scope_of(Audience.NEIGHBOURHOOD)


@pytest.mark.parametrize("scope", ["neighbourhood", "direct", "", None, ["public"], {}])
def test_another_word_is_no_scope_of_a_post(scope: object) -> None:
    with pytest.raises(Invalid):
        vocabulary.audience_of(scope)


def test_states_are_spelled_as_they_are_called_and_unknown_ones_refused() -> None:
    assert [vocabulary.state_of(vocabulary.status_of(state)) for state in State] == list(State)
    with pytest.raises(Invalid):
        vocabulary.state_of("postponed")


def test_a_kind_of_help_that_is_not_known_yet_is_another_kind() -> None:
    assert vocabulary.help_category_of("transport") is HelpCategory.TRANSPORT
    assert vocabulary.help_category_of("gardening") is HelpCategory.OTHER
