"""Whatever can become of a letter has words and an advice, in every language."""

import re
from importlib.resources import files

import pytest

from fedhood.adapters.activitypub.sayings import SAYINGS
from fedhood.adapters.http.paths import Ending, Fate, Reason, Sending, Way
from fedhood.adapters.web import host_findings, path_words
from fedhood.adapters.web.languages import LANGUAGES

TABLES = [
    (path_words.SENT, Sending),
    (path_words.FATES, Fate),
    (path_words.REASONS, Reason),
    (path_words.WAYS, Way),
    (path_words.ENDINGS, Ending),
]


@pytest.mark.parametrize(("table", "listed"), TABLES, ids=[listed.__name__ for _, listed in TABLES])
def test_nothing_of_a_closed_list_is_without_words(table, listed):
    assert set(table) == set(listed)
    for said in table.values():
        sentences = [one for one in ([said] if isinstance(said, str) else said) if one.endswith(".")]
        assert len(sentences) == {Way: 1, Fate: 1}.get(listed, 2)
        for language in LANGUAGES.values():
            assert all(language.gettext(one).endswith(".") for one in sentences)


@pytest.mark.parametrize("verb", SAYINGS)
def test_what_a_letter_is_about_is_said_for_every_verb(verb: str):
    assert path_words.matter(verb)


def test_what_is_taken_back_is_told_from_what_is_said():
    assert path_words.matter("post.delete") == path_words.matter("thanks.undo") != path_words.matter("post.create")
    assert path_words.matter("peer.undo") == path_words.matter("peer.follow")
    assert path_words.matter("help.confirm") == path_words.matter("message.create") != path_words.matter("help.create")


def test_every_look_is_one_that_the_pages_have():
    parts = (files("fedhood.adapters.web") / "templates" / "parts.html").read_text("utf-8")
    tones = set(re.findall(r'"([a-z]+)": \(', parts.partition("set tones = {")[2].partition("}")[0]))
    looks = {said[0] for table in (path_words.SENT, path_words.FATES, path_words.ENDINGS) for said in table.values()}
    assert looks | set(host_findings.LOOKS.values()) <= tones
