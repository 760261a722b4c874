"""Pages: what templates may rely on, how moments are said, and what every page keeps to."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from gzip import compress, decompress
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from fedhood.adapters.web import render
from fedhood.adapters.web.languages import LANGUAGES
from fedhood.adapters.web.render import Action, Frame, Option, Person, Post, Renderer, State, static, static_files

BRUSSELS = ZoneInfo("Europe/Brussels")
NOW = datetime(2026, 11, 25, 9, 40, tzinfo=UTC)  # a Wednesday, 10:40 in Brussels
PAGES = Renderer(BRUSSELS)
CODES = list(LANGUAGES)
PERSON = Person(name="Fatou Mansarde", initials="FM", tint=2)
CITY = Person(name="Stad Mechelen", initials="", tint=0)
POST = Post(
    id="1", base="/p/1", person=PERSON, when=NOW, reads="Alleen Iep", words="Hallo", thanks=2, answers=1, report=True
)
POSTS = [
    replace(POST, person=CITY, look="city", title="Geen water"),
    replace(POST, id="2", next_door="Eik", line=True, kind="Dragen", fact="Iepenplein", thanks=None, answers=None),
    replace(POST, id="3", thanked=True, words=Markup("<p>Eén</p><p>Twee</p>"), language="nl"),
    replace(POST, id="4", look="lost", title="Pistache", kind="Verloren", thanks=0, answers=0),
    replace(
        POST, id="5", state=State(kind="open", strong="Open", action=Action(label="Ja", href="/help/5", look="lamp"))
    ),
    replace(POST, id="6", state=State(kind="wait", strong="Wacht", action=Action(label="Nee", post="/help/6/x"))),
]
FRAME = Frame(place="Iep", city="Mechelen", path="/?older=5", signed_in=True, csrf="tok")
ERRORS = (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503)


def specimen(code: str, frame: Frame = FRAME) -> str:
    return PAGES.render("specimen.html", LANGUAGES[code], now=NOW, posts=POSTS, person=PERSON, frame=frame)


def error(code: str, status: int, **values: object) -> str:
    return PAGES.render("error.html", LANGUAGES[code], status=status, **values)


def from_source(source: str, code: str = "en", **values: object) -> str:
    return render._environment(code, BRUSSELS).from_string(source).render(values)


class Page(HTMLParser):
    """The few things about a page that the rules speak of."""

    VOID = frozenset({"meta", "link", "input", "br", "use", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def every(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


ALL_PAGES = [*((code, "specimen") for code in CODES), *((code, str(status)) for code in CODES for status in ERRORS)]


@pytest.fixture(params=ALL_PAGES, ids="-".join, scope="module")
def page(request):
    code, what = request.param
    return Page(
        specimen(code) if what == "specimen" else error(code, int(what), frame=FRAME, back="/help", seconds=120)
    )


def test_every_page_is_well_formed(page):
    assert page.open == []


def test_no_page_has_a_style_or_a_script_in_it(page):
    names = {name for _, attrs in page.tags for name in attrs}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    assert not [tag for tag, _ in page.tags if tag in {"style", "script"}]


def test_ids_are_there_once_and_what_points_at_them_finds_them(page):
    ids = page.every("id")
    assert len(ids) == len(set(ids)), sorted(ids)
    pointed = page.every("for") + [
        name
        for attribute in ("aria-labelledby", "aria-describedby")
        for value in page.every(attribute)
        for name in value.split()
    ]
    assert set(pointed) <= set(ids)


def test_every_control_has_a_label(page):
    labelled = set(page.every("for"))
    for tag, attrs in page.tags:
        if tag in {"input", "textarea", "select"} and attrs.get("type") != "hidden":
            assert attrs["id"] in labelled


def test_every_form_that_changes_something_carries_its_proof(page):
    forms = [attrs for tag, attrs in page.tags if tag == "form"]
    proofs = [attrs for tag, attrs in page.tags if tag == "input" and attrs.get("name") == "csrf"]
    # a post that nobody may thank has a form around its links only
    assert len(proofs) in {len(forms), len(forms) - 1}


def test_every_picture_is_in_the_sprite_and_hidden_from_ears(page):
    sprite = static_files()[static("icons.svg").rpartition("/")[2]].body.decode()
    for attrs in (attrs for tag, attrs in page.tags if tag == "use"):
        address, _, name = (attrs["href"] or "").partition("#")
        assert address == static("icons.svg")
        assert f'id="{name}"' in sprite
    assert all(attrs.get("aria-hidden") == "true" for tag, attrs in page.tags if tag == "svg")


def test_every_page_has_one_heading_one_main_and_its_language(page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == 1
    _, html = page.tags[0]
    assert html["lang"] in CODES
    assert html["dir"] == "ltr"


@pytest.mark.parametrize("code", CODES)
def test_residents_never_meet_the_machinery(code):
    for text in (specimen(code), *(error(code, status, seconds=30) for status in ERRORS)):
        words = re.sub(r"<[^>]*>", " ", text)
        assert not re.search(r"instance|federat|peer\b|server|actor|activitypub", words, re.IGNORECASE)


def test_a_page_links_to_itself_in_the_other_languages_and_keeps_its_query():
    assert 'href="/?older=5&amp;lang=nl" lang="nl" hreflang="nl">Nederlands' in specimen("fr")
    assert 'hreflang="fr"' not in specimen("fr")


def test_the_five_places_are_for_who_is_signed_in():
    assert specimen("en").count('class="nav"') == 1
    assert 'href="/" aria-current="page"' in specimen("en")
    assert 'class="nav"' not in specimen("en", replace(FRAME, signed_in=False))
    assert '<div class="page plain">' in specimen("en", replace(FRAME, signed_in=False))


def test_an_error_page_needs_nothing_but_a_status():
    assert "There is nothing here." in error("en", 404)
    assert "Something broke here" in error("en", 418)


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "in 1 second."), (30, "in 30 seconds."), (61, "61 sec"), (200, "4 min")]
)
def test_a_limit_says_when_it_ends(seconds, said):
    assert said in error("en", 429, seconds=seconds)


def test_an_unknown_name_in_a_template_is_an_error():
    with pytest.raises(UndefinedError):
        from_source("{{ nobody }}")


def test_what_people_write_is_escaped_wherever_it_lands():
    evil = '"><script>alert(1)</script>'
    post = replace(
        POST, person=replace(PERSON, name=evil), words=evil, title=evil, kind=evil, reads=evil, language='"x'
    )
    source = (
        '{% import "parts.html" as ui %}{{ ui.post(post, now, evil) }}'
        "{{ ui.field(evil, evil, evil, hint=evil, error=evil) }}"
        "{{ ui.area(evil, evil, evil) }}{{ ui.who(options) }}{{ ui.note(evil) }}"
        "{{ ui.reads(evil) }}{{ ui.audience(evil, [evil]) }}"
        '{{ _("Choose %(name)s", name=evil) }}{{ _(evil) }}'
    )
    page = from_source(source, post=post, now=NOW, evil=evil, options=[Option(value=evil, name=evil, detail=evil)])
    assert "<script" not in page
    assert 'lang="&#34;x"' in page


def test_a_link_may_stand_inside_a_sentence():
    page = from_source('{{ _("Choose %(name)s", name=link) }}', "nl", link=Markup('<a href="/x">Joris</a>'))
    assert page == 'Kies <a href="/x">Joris</a>'


def test_a_dict_is_asked_for_its_keys_first():
    assert from_source("{{ it.items }} {{ it.get('x', 1) }}", it={"items": "three"}) == "three 1"


def test_the_audience_stands_beside_the_button_by_radios_alone():
    options = [Option(value="a", name="Elm only"), Option(value="b", name="Elm and also Oak")]
    source = '{% import "parts.html" as ui %}{{ ui.who(options, chosen=chosen) }}'
    page = from_source(source, options=options, chosen="b")
    assert 'value="b" id="who-2" checked' in page
    assert page.count("checked") == 1
    assert '<b class="said s2">Elm and also Oak</b>' in page
    assert 'value="a" id="who-1" checked' in from_source(source, options=options, chosen="")


def test_a_field_in_error_says_so_to_eyes_and_ears():
    source = '{% import "parts.html" as ui %}{{ ui.field("code", "Code", "A", hint="H", error="E", maxlength=12) }}'
    page = from_source(source)
    assert 'aria-invalid="true" aria-describedby="code-error code-hint" maxlength="12"' in page
    assert 'id="code-error"' in page
    assert 'id="code-hint"' in page


# --- Moments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "before", "said"),
    [
        ("en", timedelta(seconds=-90), "just now"),
        ("en", timedelta(seconds=20), "just now"),
        ("nl", timedelta(minutes=1), "1 minuut geleden"),
        ("fr", timedelta(minutes=59), "il y a 59\u00a0min"),
        ("fr", timedelta(hours=2), "il y a 2\u00a0h"),
        ("de", timedelta(hours=2), "vor 2 Std."),
        ("nl", timedelta(days=1), "gisteren, 10.40 uur"),
        ("fr", timedelta(hours=11, minutes=40), "hier, 23\u00a0h"),
        ("en", timedelta(days=3), "Sunday, 10:40"),
        ("fr", timedelta(days=24), "1er novembre"),
        ("de", timedelta(days=30), "26. Oktober"),
        ("nl", timedelta(days=400), "21 oktober 2025"),
    ],
)
def test_how_long_ago_is_said_as_a_neighbour_would(code, before, said):
    assert PAGES.words(LANGUAGES[code]).ago(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [("en", "14:05 8:00"), ("nl", "14.05 uur 8 uur"), ("fr", "14\u00a0h\u00a005 8\u00a0h"), ("de", "14:05 Uhr 8 Uhr")],
)
def test_the_hour_is_said_as_the_language_says_it(code, said):
    words = PAGES.words(LANGUAGES[code])
    moments = (datetime(2026, 11, 25, 13, 5, tzinfo=UTC), datetime(2026, 11, 25, 7, 0, tzinfo=UTC))
    assert " ".join(words.time(moment) for moment in moments) == said


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "Saturday 28 November, 18:00"),
        ("nl", "zaterdag 28 november, 18 uur"),
        ("fr", "samedi 28 novembre, 18\u00a0h"),
        ("de", "Samstag, 28. November, 18 Uhr"),
    ],
)
def test_a_day_and_an_hour(code, said):
    assert PAGES.words(LANGUAGES[code]).day_and_hour(datetime(2026, 11, 28, 17, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, "aujourd’hui 10\u00a0h\u00a040"),
        (1, "demain 10\u00a0h\u00a040"),
        (3, "samedi 10\u00a0h\u00a040"),
        (7, "mercredi 2 décembre, 10\u00a0h\u00a040"),
        (37, "vendredi 1er janvier 2027, 10\u00a0h\u00a040"),
    ],
)
def test_a_day_in_the_week_to_come_needs_no_date(ahead, said):
    assert PAGES.words(LANGUAGES["fr"]).day_and_hour(NOW + timedelta(days=ahead), NOW) == said


def test_summer_and_winter_are_those_of_the_neighbourhood():
    words = PAGES.words(LANGUAGES["nl"])
    assert words.time(datetime(2026, 7, 1, 10, 30, tzinfo=UTC)) == "12.30 uur"
    assert words.time(datetime(2026, 1, 1, 10, 30, tzinfo=UTC)) == "11.30 uur"
    assert Renderer(ZoneInfo("UTC")).words(LANGUAGES["nl"]).time(NOW) == "9.40 uur"


def test_the_year_is_said_unless_it_is_this_one():
    words = PAGES.words(LANGUAGES["nl"])
    assert words.date(NOW) == "25 november 2026"
    assert words.date(NOW, NOW) == "25 november"


@pytest.mark.parametrize(
    ("code", "names", "said"),
    [
        ("en", ["Elm", "Oak", "Linden"], "Elm, Oak and Linden"),
        ("nl", ["Iep", "Eik"], "Iep en Eik"),
        ("fr", ["l’Orme", "le Chêne", "le Tilleul"], "l’Orme, le Chêne et le Tilleul"),
        ("de", ["Ulme"], "Ulme"),
    ],
)
def test_names_are_joined_as_one_says_them(code, names, said):
    assert PAGES.words(LANGUAGES[code]).joined(names) == said


def test_numbers_are_written_as_the_language_writes_them():
    assert [PAGES.words(LANGUAGES[code]).number(1450) for code in CODES] == ["1.450", "1\u202f450", "1.450", "1,450"]


@pytest.mark.parametrize(
    ("name", "letters"), [("Fatou Mansarde", "FM"), ("Ada", "A"), ("Jan van den Berg", "JB"), ("🌻", "·"), ("", "·")]
)
def test_a_house_front_has_at_most_two_letters(name, letters):
    assert render.initials(name) == letters


def test_a_house_front_keeps_its_colour():
    assert {render.tint(key) for key in range(100)} == {1, 2, 3, 4, 5}
    assert render.tint("7") == render.tint(7)


# --- Static files and weight -----------------------------------------------------------------------------------


def test_a_static_file_is_named_by_its_content():
    assert re.fullmatch(r"/static/fedhood\.[0-9a-f]{8}\.css", static("fedhood.css"))
    file = static_files()[static("fedhood.css").removeprefix("/static/")]
    assert decompress(file.gzipped) == file.body
    assert file.content_type == "text/css; charset=utf-8"
    with pytest.raises(KeyError):
        static("nothing.css")


def test_the_stylesheet_stays_small_and_keeps_to_its_tokens():
    css = static_files()[static("fedhood.css").removeprefix("/static/")].body.decode()
    assert len(css.encode()) < 20 * 1024
    assert "http" not in css
    rules = re.sub(r":root \{.*?\}", "", css, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3,8}\b(?![^;{]*\{)", rules)
    assert not re.search(r"(margin|padding|border|inset)-(left|right)|text-align: (left|right)", rules)


def test_a_page_of_twenty_posts_keeps_to_its_budget():
    source = (
        '{% extends "base.html" %}{% import "parts.html" as ui %}{% block main %}'
        "{% for p in posts %}{{ ui.post(p, now, frame.csrf) }}{% endfor %}{% endblock %}"
    )
    feed = [replace(POSTS[number % 6], id=str(number), base=f"/p/{number}") for number in range(20)]
    text = from_source(source, posts=feed, now=NOW, frame=FRAME)
    assert len(compress(text.encode())) < 20_000
    assert len(Page(text).tags) < 1000
