"""Every sentence exists in every language, and keeps to the rules of each."""

import re

import pytest

from fedhood.adapters.web.languages import LANGUAGES
from tests.support import catalogues
from tests.support.catalogues import TRANSLATED, Key

# Words that are the same in two languages, not forgotten ones. Patterns without a word in them need no entry.
SAME = {
    "nl": {"Open", "Privacy", "Code"},
    "fr": {"Code", "Urgent"},
    "de": {"Code"},
}
MACHINERY = re.compile(r"instance|federat|peer|server|actor|activitypub", re.IGNORECASE)
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
# what is said to whoever looks after the machine, and on no page of a resident
HOST_PAGES = ("fedhood/adapters/web/templates/host/", "fedhood/adapters/web/host_letter_words.py")


@pytest.fixture(params=TRANSLATED)
def code(request):
    return request.param


def entries(code: str) -> dict[Key, list[str]]:
    return {catalogues.key_of(message): catalogues.forms(message) for message in catalogues.read(code) if message.id}


def test_no_sentence_is_missing(code):
    assert catalogues.missing(code) == []


def test_no_sentence_is_there_that_nobody_says(code):
    assert set(entries(code)) - set(catalogues.sentences()) == set()
    assert not catalogues.read(code).obsolete


def test_no_translation_is_a_guess(code):
    assert [message.id for message in catalogues.read(code) if message.id and message.fuzzy] == []


def test_what_is_put_into_a_sentence_is_put_into_its_translations(code):
    for key, said in entries(code).items():
        for form, english in zip(said, (key.singular, key.plural), strict=False):
            assert sorted(PLACEHOLDER.findall(form)) == sorted(PLACEHOLDER.findall(english)), form


def test_every_language_has_as_many_forms_as_it_has_plurals(code):
    for key, said in entries(code).items():
        assert len(said) == (1 if key.plural is None else 2), key


def test_numbers_from_none_to_many_find_a_form(code):
    for key in (key for key in entries(code) if key.plural is not None and key.context is None):
        for number in (0, 1, 2, 5):
            said = LANGUAGES[code].ngettext(key.singular, key.plural, number)
            few = number <= 1 if code == "fr" else number == 1
            assert said == entries(code)[key][0 if few else 1]


def test_a_translation_differs_from_the_english(code):
    for key, said in entries(code).items():
        if re.search(r"[^\W\d_]", PLACEHOLDER.sub("", key.singular)) and key.singular not in SAME[code]:
            assert key.singular not in said


def test_french_is_set_as_french_is_set():
    for said in entries("fr").values():
        for form in said:
            text = PLACEHOLDER.sub("x", form)
            assert not re.search(r" [?!:;%»]|« ", text), f"a plain space where a no-break space belongs: {form}"
            assert not re.search(r"\w[?!;:](\s|$)", text), f"no space before the sign: {form}"
            assert "'" not in text, f"a straight apostrophe: {form}"


def test_no_language_has_straight_apostrophes_inside_words():
    for key in catalogues.sentences():
        for text in (key.singular, key.plural or ""):
            assert not re.search(r"\w'\w", text), text


def test_residents_never_meet_the_machinery():
    for key, places in catalogues.sentences().items():
        if not all(place.startswith(HOST_PAGES) for place in places):
            assert not MACHINERY.search(key.singular + (key.plural or "")), (key.singular, places)


def test_no_translation_meets_the_machinery_either(code):
    hosts = {
        key for key, places in catalogues.sentences().items() if all(place.startswith(HOST_PAGES) for place in places)
    }
    for key, said in entries(code).items():
        if key not in hosts:
            assert not re.search(r"federat|fédér|föder|server|serveur|activitypub", " ".join(said), re.IGNORECASE), said


def test_sentences_in_code_and_in_templates_are_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('{{ _("One") }}{{ ngettext("a %(n)s", "b %(n)s", 2) }}{{ pgettext("there", "Two") }}{{ _(name) }}')
    code = tmp_path / "code.py"
    code.write_text('N_("Three")\ntranslator.gettext("Four")\nother("Five")\n')
    assert list(catalogues._in_file(page)) == [
        Key(None, "One", None),
        Key(None, "a %(n)s", "b %(n)s"),
        Key("there", "Two", None),
    ]
    assert list(catalogues._in_file(code)) == [Key(None, "Three", None), Key(None, "Four", None)]


def test_an_update_changes_nothing_that_is_whole(code, monkeypatch, tmp_path):
    before = (catalogues.LOCALES / code / "fedhood.po").read_bytes()
    (tmp_path / code).mkdir()
    (tmp_path / code / "fedhood.po").write_bytes(before)
    monkeypatch.setattr(catalogues, "LOCALES", tmp_path)
    catalogues.update(code)
    assert (tmp_path / code / "fedhood.po").read_bytes() == before
