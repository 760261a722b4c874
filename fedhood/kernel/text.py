"""What people type, made safe to keep: normalised, bounded, without what misleads the eye."""

import re
import unicodedata

from fedhood.kernel.errors import Invalid

# letters that turn the reading direction of what follows: they can make a name read as another
_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"\s+")


def words(text: str, *, field: str, most: int, least: int = 1) -> str:
    """A text of several lines: line ends unified, controls dropped, NFC, stripped.

    Raises Invalid with code `too-long` (facts: `over`, in characters) or `missing`.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    text = _BLANK_LINES.sub("\n\n", text).strip()
    return _measured(text, field=field, most=most, least=least)


def one_line(text: str, *, field: str, most: int, least: int = 1) -> str:
    """A text of one line, a name or a heading: white space folded, direction marks dropped."""
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text)).translate(_DIRECTION)
    return _measured(_SPACES.sub(" ", text).strip(), field=field, most=most, least=least)


def _measured(text: str, *, field: str, most: int, least: int) -> str:
    if len(text) < least:
        raise Invalid(f"{field} is missing", code="missing", field=field)
    if len(text) > most:
        raise Invalid(
            f"{field} is too long by {len(text) - most} characters", code="too-long", field=field, over=len(text) - most
        )
    return text
