"""Templates into pages: words, moments and static addresses bound to one language and one time zone."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is what templates call the filter
from datetime import datetime
from functools import cache, lru_cache
from gzip import compress
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, get_day_names
from babel.lists import format_list
from babel.numbers import format_decimal
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from jinja2.ext import Extension
from markupsafe import Markup, escape

from fedhood.adapters.web.languages import LANGUAGES, Language
from fedhood.kernel.clock import instant

_WEB = Path(str(files("fedhood.adapters.web")))
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_MINUTE, _HOUR = 60, 3600


# --- What templates are handed ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who speaks. `tint` 1 to 5 colours the house front and means nothing; 0 is the city's tower.

    `href` leads to their page, where the reader may have it.
    """

    name: str
    initials: str
    tint: int
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to press: a link with `href`, or a form that posts to `post`. `look`: `lamp`, `quiet`, `stop` or ``."""

    label: str
    href: str = ""
    post: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a help request stands. `kind`: `open`, `coming`, `done`, `no`, `wait` or `late`."""

    kind: str
    strong: str
    text: str = ""
    action: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to "who can read this?". `name` is also what stands beside the button while it is chosen."""

    value: str
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """All that the card of a post shows. `words` is sanitised HTML, or plain text that the template escapes.

    `base` is the post's address: its page, and the root of `/thanks`, `/report`. `look` is ``, `city` or `lost`; `line`
    says the words are the one sentence of a request; `cut` that they go on on the post's page; `title` is the headline
    of a city's message, `urgent` the word that says so. `language` is set only where it differs from the page's.
    `thanks` is None where nobody may thank; `answers` is None where nobody may answer.
    """

    id: str
    base: str
    person: Person
    when: datetime
    reads: str
    words: Markup | str
    look: str = ""
    next_door: str = ""
    far: bool = False
    kind: str = ""
    title: str = ""
    urgent: str = ""
    line: bool = False
    cut: bool = False
    fact: str = ""
    language: str = ""
    state: State | None = None
    thanks: int | None = None
    thanked: bool = False
    answers: int | None = None
    report: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands round every page: the sign, the five places for who is signed in, the address for languages.

    `unread`: how much news was not read yet. `clerk`: who asks counts for the city. `for_city`: this server is the
    city's, and nobody lives here. `here_alone`: the address of this place opens on this machine alone. `once`: what the
    page shows is shown this once, so no language leads away.
    """

    place: str = ""
    city: str = ""
    path: str = "/"
    signed_in: bool = False
    unread: int = 0
    clerk: bool = False
    for_city: bool = False
    here_alone: bool = False
    once: bool = False
    csrf: str = ""


def initials(name: str) -> str:
    """At most two letters for a house front; a dot where a name has no letter."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "·"


def tint(key: str | int) -> int:
    """The colour of somebody's house front, 1 to 5: the same on every page and in every process."""
    return sha256(str(key).encode()).digest()[0] % 5 + 1


# --- Words and moments -----------------------------------------------------------------------------------------


class Words:
    """What a page can say in one language and one time zone. Everything returned is safe to print.

    Sentences are escaped once and kept; what is put into them is escaped when it is put in, so a link may be handed in
    as `Markup`. Moments must carry a time zone. All caches are bounded.
    """

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language = language
        self.zone = zone
        self._sentence = lru_cache(4096)(self._look_up)
        self._days: list[str] = [get_day_names("wide", "format", language.locale)[day] for day in range(7)]
        self._clock = lru_cache(24 * 60)(self._read_clock)
        self._date = lru_cache(1024)(self._read_date)
        self._ago = lru_cache(256)(self._count)
        self.number = lru_cache(1024)(self._number)

    def gettext(self, message: str, /, **values: object) -> Markup:
        """`_("Choose %(name)s", name=…)`. Without values the sentence is taken as it is, `%` and all."""
        sentence = self._sentence("", message)
        return sentence % values if values else sentence

    def pgettext(self, context: str, message: str, /, **values: object) -> Markup:
        """As `gettext`, for a word that needs a context."""
        sentence = self._sentence(context, message)
        return sentence % values if values else sentence

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> Markup:
        """The form that fits; `%(n)s` in it is the number, written as the language writes numbers."""
        sentence = escape(self.language.ngettext(singular, plural, number))
        return sentence % {"n": self.number(number), **values}

    def time(self, moment: datetime) -> str:
        """The hour: 14:05, 14.05 uur, 14 h 05."""
        here = moment.astimezone(self.zone)
        return self._clock(here.hour, here.minute)

    def date(self, moment: datetime, now: datetime | None = None) -> str:
        """28 November 2026; without the year when it is the year of `now`."""
        here = moment.astimezone(self.zone)
        return self._date(here.date(), now is None or here.year != now.astimezone(self.zone).year)

    def month(self, moment: datetime) -> str:
        """November 2026."""
        return format_skeleton("yMMMM", moment.astimezone(self.zone), locale=self.language.locale)

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long ago, as a neighbour would say it: minutes, hours, yesterday, a day of the week, a date.

        A moment that lies ahead (clocks differ between machines) is "just now".
        """
        seconds = (now - moment).total_seconds()
        if seconds < _HOUR:
            return self._ago("m", max(0, int(seconds // _MINUTE)))
        here, today = moment.astimezone(self.zone), now.astimezone(self.zone)
        days = (today.date() - here.date()).days
        if days == 0:
            return self._ago("h", int(seconds // _HOUR))
        if days >= 7:
            return self._date(here.date(), here.year != today.year)
        day = self.gettext("yesterday") if days == 1 else self._days[here.weekday()]
        return self.gettext("%(day)s, %(time)s", day=day, time=self._clock(here.hour, here.minute))

    def day_and_hour(self, moment: datetime, now: datetime | None = None) -> str:
        """Saturday 28 November, 18:00. With `now`, days within the week to come are said shorter: tomorrow 18:00."""
        here = moment.astimezone(self.zone)
        hour = self._clock(here.hour, here.minute)
        days = (here.date() - now.astimezone(self.zone).date()).days if now is not None else -1
        if 0 <= days < 7:
            near = (self.gettext("today"), self.gettext("tomorrow"))
            return self.gettext(
                "%(day)s %(time)s", day=near[days] if days < 2 else self._days[here.weekday()], time=hour
            )
        date_ = self._date(here.date(), now is not None and here.year != now.astimezone(self.zone).year)
        day = self.gettext("%(weekday)s %(date)s", weekday=self._days[here.weekday()], date=date_)
        return self.gettext("%(day)s, %(time)s", day=day, time=hour)

    def moment(self, at: datetime, now: datetime) -> str:
        """The hour, for today; with the day before it for any other."""
        same = at.astimezone(self.zone).date() == now.astimezone(self.zone).date()
        return self.time(at) if same else self.day_and_hour(at, now)

    def joined(self, names: Sequence[str]) -> str:
        """Elm, Oak and Linden."""
        return names[0] if len(names) == 1 else format_list(names, locale=self.language.locale)

    def _look_up(self, context: str, message: str) -> Markup:
        said = self.language.pgettext(context, message) if context else self.language.gettext(message)
        return escape(said)

    def _number(self, number: float) -> str:
        return format_decimal(number, locale=self.language.locale)

    def _read_clock(self, hour: int, minute: int) -> str:
        if minute == 0:
            return self.pgettext("full hour", "%(hour)s:00", hour=hour)
        return self.gettext("%(hour)s:%(minute)s", hour=hour, minute=f"{minute:02}")

    def _read_date(self, day: Date, with_year: bool) -> str:  # noqa: FBT001 - a key of a cache
        said = format_skeleton("MMMMd", day, locale=self.language.locale)
        if self.language.code == "fr" and day.day == 1:
            said = said.replace("1 ", "1er ", 1)  # CLDR has no ordinals for the first of a month
        return f"{said} {day.year}" if with_year else said

    def _count(self, unit: str, number: int) -> str:
        if unit == "h":
            return self.ngettext("%(n)s h ago", "%(n)s h ago", number)
        return self.ngettext("%(n)s min ago", "%(n)s min ago", number) if number else self.gettext("just now")


# --- Pages -----------------------------------------------------------------------------------------------------


def new_token() -> str:
    """By which one rendering of a form is known when it is sent."""
    return secrets.token_urlsafe(9)


class Renderer:
    """Pages in the time zone of one neighbourhood. Cheap to make: environments are shared by the whole process."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def render(self, template: str, language: Language, **values: Any) -> str:
        """One whole page. `frame` may be left out: no sign, no places then. A name that is not given is an error."""
        values.setdefault("frame", Frame())
        return _environment(language.code, self.zone).get_template(template).render(values)

    def words(self, language: Language) -> Words:
        """The same words for code that makes sentences before the page: names of audiences, states, notifications."""
        return _words(language.code, self.zone)


class _Environment(Environment):
    """Looks into a dict by key first: it may have a key `items`, and asking for the attribute costs an exception."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        try:
            return getattr(obj, attribute)
        except AttributeError:
            return super().getattr(obj, attribute)


class _Addresses(Extension):
    """Writes the address of the pictures into the source: it stands there eighty times a page and never changes."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return source.replace("{{ icons }}", static("icons.svg"))


class _Compiled(BytecodeCache):
    """Compiled templates in memory, so that four languages compile each only once."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        code = self._code.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


@cache
def _words(code: str, zone: ZoneInfo) -> Words:
    return Words(LANGUAGES[code], zone)


@cache
def _environment(code: str, zone: ZoneInfo) -> Environment:
    words = _words(code, zone)
    environment = _Environment(
        loader=FileSystemLoader(_WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        enable_async=False,
        bytecode_cache=_compiled,
        cache_size=-1,
        extensions=[_Addresses],
    )
    said = {
        name: getattr(words, name) for name in ("time", "date", "ago", "day_and_hour", "moment", "joined", "number")
    }
    environment.filters.update(said, iso=instant, initials=initials, tint=tint)
    environment.globals.update(
        said,
        _=words.gettext,
        gettext=words.gettext,
        ngettext=words.ngettext,
        pgettext=words.pgettext,
        language=words.language,
        languages=tuple(LANGUAGES.values()),
        static=static,
        new_token=new_token,
    )
    return environment


# --- Static files ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file that never changes under its name, which carries a hash of its content."""

    name: str
    body: bytes
    gzipped: bytes
    content_type: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Everything under `static/`, read once, by the name that its address ends with."""
    return {file.name: file for file in _by_source().values()}


def static(source: str) -> str:
    """The address of a static file: `/static/fedhood.1a2b3c4d.css` for `fedhood.css`. Unknown is a KeyError."""
    return f"/static/{_by_source()[source].name}"


@cache
def _by_source() -> dict[str, StaticFile]:
    found: dict[str, StaticFile] = {}
    for path in sorted((_WEB / "static").iterdir()):
        if path.suffix in _KINDS:
            body = path.read_bytes()
            name = f"{path.stem}.{sha256(body).hexdigest()[:8]}{path.suffix}"
            found[path.name] = StaticFile(name, body, compress(body, 9, mtime=0), _KINDS[path.suffix])
    return found
