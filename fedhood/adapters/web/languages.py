"""The languages of the pages: their names, their catalogues, and which one a reader gets."""

from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Protocol

from babel import Locale

# Longer headers are from machines, not from readers; only the beginning is looked at.
_HEADER_LIMIT = 200


class Translator(Protocol):
    """What code that speaks to readers is handed: it never knows which language it speaks."""

    def gettext(self, message: str, /) -> str:
        """The sentence in the reader's language, or itself where the catalogue has none."""

    def ngettext(self, singular: str, plural: str, number: int, /) -> str:
        """The form of the sentence that fits the number; the number itself is put in by the caller."""

    def pgettext(self, context: str, message: str, /) -> str:
        """As `gettext`, for a word that needs different translations in different places."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the interface. It is a `Translator`; the catalogue is read at its first sentence."""

    code: str
    name: str
    tag: str
    direction: str = "ltr"

    @property
    def locale(self) -> Locale:
        """What Babel knows of the language: names of days, lists, numbers."""
        return _locale(self.tag)

    @property
    def translations(self) -> NullTranslations:
        """The catalogue as gettext reads it. English has none: its sentences are the keys."""
        return _catalogue(self.code)

    def gettext(self, message: str, /) -> str:
        """The sentence in this language, or itself where the catalogue has none."""
        return _catalogue(self.code).gettext(message)

    def ngettext(self, singular: str, plural: str, number: int, /) -> str:
        """The form that fits the number, `%(n)s` still in it."""
        return _catalogue(self.code).ngettext(singular, plural, number)

    def pgettext(self, context: str, message: str, /) -> str:
        """The sentence as it is said in this context."""
        return _catalogue(self.code).pgettext(context, message)


# English speaks as it is written in Europe: day before month, 24 hours.
LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("nl", "Nederlands", "nl"),
        Language("fr", "Français", "fr"),
        Language("de", "Deutsch", "de"),
        Language("en", "English", "en_GB"),
    )
}


def N_(message: str) -> str:  # noqa: N802 - the name every gettext tool looks for
    """Mark a sentence for the catalogues and leave it as it is; it is translated where it is said."""
    return message


def choose(account: str | None, cookie: str | None, accept_language: str, *, otherwise: str = "en") -> Language:
    """The reader's language: what the account says, then the cookie, then the browser, then the neighbourhood's own.

    A language that does not exist here is passed over, whoever asked for it.
    """
    for wish in (account, cookie, *_wishes(accept_language), otherwise):
        language = LANGUAGES.get(_primary(wish)) if wish else None
        if language is not None:
            return language
    return LANGUAGES["en"]


def _primary(tag: str) -> str:
    """`nl` of `nl-BE`."""
    return tag.strip().lower().replace("_", "-").partition("-")[0]


def _wishes(header: str) -> list[str]:
    """The tags of an Accept-Language header, most wanted first, refused ones left out. Nonsense is skipped."""
    found: list[tuple[float, str]] = []
    for part in header[:_HEADER_LIMIT].split(","):
        tag, _, parameter = part.partition(";")
        quality = _quality(parameter)
        if tag.strip() and quality > 0:
            found.append((quality, tag))
    return [tag for _, tag in sorted(found, key=lambda wish: -wish[0])]


def _quality(parameter: str) -> float:
    name, _, value = parameter.replace(" ", "").partition("=")
    if name.lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(tag)


@cache
def _catalogue(code: str) -> NullTranslations:
    """The `.po` file of a language, compiled in memory: nothing that can be stale lies in the repository."""
    if code == "en":
        return NullTranslations()
    # only where a language is read: half a megabyte that a server at rest does not need
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    compiled = BytesIO()
    with (files("fedhood") / "locales" / code / "fedhood.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
