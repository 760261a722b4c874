"""Which language a reader gets, and that each speaks."""

import pytest

from fedhood.adapters.web.languages import LANGUAGES, N_, Translator, choose


@pytest.mark.parametrize(
    ("account", "cookie", "header", "expected"),
    [
        ("de", "fr", "nl", "de"),
        (None, "fr", "nl", "fr"),
        (None, None, "nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        (None, None, "en;q=0.5, fr-BE;q=0.9", "fr"),
        (None, None, "NL_be", "nl"),
        (None, None, "tr,ar;q=0.9,de;q=0.2", "de"),
        (None, None, "fr;q=0, de", "de"),
        (None, None, "fr;q=nonsense, nl;q=0.1", "nl"),
        ("xx", "yy", "", "en"),
        (None, None, ";;;,,,q=", "en"),
        (None, "../../etc", "*", "en"),
    ],
)
def test_the_account_speaks_first_then_the_cookie_then_the_browser(account, cookie, header, expected):
    assert choose(account, cookie, header).code == expected


def test_a_neighbourhood_may_have_its_own_language_for_those_who_ask_for_none():
    assert choose(None, None, "tr", otherwise="nl").code == "nl"


def test_a_very_long_header_is_read_only_at_its_beginning():
    assert choose(None, None, "tr," * 10_000 + "nl").code == "en"


def test_the_languages_carry_their_own_names():
    assert [language.name for language in LANGUAGES.values()] == ["Nederlands", "Français", "Deutsch", "English"]


@pytest.mark.parametrize(
    ("code", "said"),
    [("nl", "Hulp vragen"), ("fr", "Demander de l’aide"), ("de", "Um Hilfe bitten"), ("en", "Ask for help")],
)
def test_a_language_is_a_translator(code, said):
    translator: Translator = LANGUAGES[code]
    assert translator.gettext("Ask for help") == said


def test_a_sentence_without_translation_is_said_in_english():
    assert LANGUAGES["fr"].gettext("Never heard of it") == "Never heard of it"


def test_a_marked_sentence_stays_as_it_is():
    assert N_("Ask for help") == "Ask for help"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("nl", ["0 mensen willen", "1 persoon wil", "2 mensen willen", "5 mensen willen"]),
        ("fr", ["0 personne se", "1 personne se", "2 personnes se", "5 personnes se"]),
        ("de", ["0 Leute bieten", "1 Person bietet", "2 Leute bieten", "5 Leute bieten"]),
        ("en", ["0 people offered", "1 person offered", "2 people offered", "5 people offered"]),
    ],
)
def test_nothing_one_and_many_have_the_form_of_their_language(code, expected):
    language = LANGUAGES[code]
    said = [
        language.ngettext("%(n)s person offered", "%(n)s people offered", number) % {"n": number}
        for number in (0, 1, 2, 5)
    ]
    assert all(line.startswith(start) for line, start in zip(said, expected, strict=True)), said
