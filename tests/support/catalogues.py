"""Finds every sentence and keeps the catalogues in step: `python -m tests.support.catalogues update|missing`.

`update` adds new sentences with an empty translation, keeps what is there, and drops what no code says any more.
`missing` prints what still waits for a translation, and fails if anything does.
"""

import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from fedhood.adapters.web.languages import LANGUAGES

ROOT = Path(__file__).parents[2]
LOCALES = ROOT / "fedhood" / "locales"
TRANSLATED = tuple(code for code in LANGUAGES if code != "en")
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
PLURALS = {
    "nl": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "de": "nplurals=2; plural=(n != 1);",
}


class Key(NamedTuple):
    """What makes a sentence itself: its context (mostly none), its singular, its plural (mostly none)."""

    context: str | None
    singular: str
    plural: str | None

    @property
    def id(self) -> str | tuple[str, str]:
        return self.singular if self.plural is None else (self.singular, self.plural)


@cache
def sentences() -> dict[Key, list[str]]:
    """Every sentence in the code and the templates, with the files it stands in, in the order in which they come."""
    found: dict[Key, list[str]] = {}
    for path in _sources():
        where = path.relative_to(ROOT).as_posix()
        for key in _in_file(path):
            places = found.setdefault(key, [])
            if where not in places:
                places.append(where)
    return found


def _sources() -> Iterator[Path]:
    package = ROOT / "fedhood"
    yield from sorted(
        [*package.rglob("*.py"), *package.rglob("templates/**/*.html"), *package.rglob("templates/**/*.txt")]
    )


def _in_file(path: Path) -> Iterator[Key]:
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    options = {} if path.suffix == ".py" else {"silent": "false", "trimmed": "false", "newstyle_gettext": "true"}
    for _, said, _, context in extract_from_file(method, path, keywords=KEYWORDS, options=options):
        singular, plural = said if isinstance(said, tuple) else (said, None)
        if singular:
            yield Key(context, singular, plural)


def read(code: str) -> Catalog:
    """The catalogue of a language as it lies in the repository."""
    with (LOCALES / code / "fedhood.po").open("rb") as source:
        return read_po(source, locale=code)


def key_of(message: Message) -> Key:
    """The sentence that an entry of a catalogue translates."""
    singular, plural = message.id if isinstance(message.id, tuple) else (message.id, None)
    return Key(message.context, singular, plural)


def forms(message: Message) -> list[str]:
    """The translations of an entry: one, or one for each plural form."""
    return list(message.string) if isinstance(message.string, (tuple, list)) else [message.string or ""]


def missing(code: str) -> list[Key]:
    """Sentences that a language does not have yet."""
    done = {key_of(message) for message in read(code) if message.id and all(forms(message)) and not message.fuzzy}
    return [key for key in sentences() if key not in done]


def update(code: str) -> None:
    """Write the catalogue of a language anew: today's sentences, the translations it already had."""
    old = {key_of(message): message for message in read(code) if message.id}
    fresh = Catalog(locale=code, fuzzy=False)
    for key, places in sentences().items():
        kept = old.get(key)
        empty = "" if key.plural is None else ("", "")
        fresh.add(
            key.id,
            kept.string if kept else empty,
            locations=[(place, 0) for place in places],
            flags=(kept.flags - {"python-format", "python-brace-format"}) if kept else (),
            user_comments=kept.user_comments if kept else (),
            context=key.context,
        )
    body = BytesIO()
    write_po(body, fresh, width=110, omit_header=True, include_lineno=False, ignore_obsolete=True)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {code}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {PLURALS[code]}\\n"\n\n'
    )
    (LOCALES / code / "fedhood.po").write_bytes(header.encode() + body.getvalue())


def main(arguments: list[str]) -> int:
    """The command. Nothing is printed by `update`; `missing` prints one line a sentence."""
    if arguments == ["update"]:
        for code in TRANSLATED:
            update(code)
        return 0
    if arguments != ["missing"]:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a command speaks
        return 2
    lines = [f"{code}\t{sentences()[key][0]}\t{key.singular}" for code in TRANSLATED for key in missing(code)]
    print("\n".join(lines) or "Nothing is missing.")  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
