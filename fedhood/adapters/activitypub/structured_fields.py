"""The room where structured header fields are read: dictionaries of items and inner lists (RFC 9651, and RFC 8941).

Nothing is merged and nothing is mended: members and parameters come out in the order in which they were written, a
name that stands twice stands there twice, and each value keeps the text that it was read from. Who reads decides.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from fedhood.adapters.activitypub.signature_rules import LONGEST_HEADER
from fedhood.kernel.errors import Invalid

# RFC 9651, 2 and 4.2: each bare item is known by its first character
_NUMBER = re.compile(r"-?(?:(?P<whole>[0-9]{1,12})\.(?P<part>[0-9]{1,3})(?![0-9.])|[0-9]{1,15}(?![0-9.]))")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*+)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*+")
_BYTES = re.compile(r":([A-Za-z0-9+/=]*+):")
_BOOLEAN = re.compile(r"\?([01])")
_DATE = re.compile(r"@(-?[0-9]{1,15})(?![0-9.])")
_DISPLAY = re.compile(r'%"((?:[ !#-$&-~]|%[0-9a-f]{2})*+)"')

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*+")
_SPACES = re.compile(r" *+")
_WHITE = re.compile(r"[ \t]*+")
_COMMA = re.compile(r",[ \t]*+")
_ESCAPED = re.compile(r"\\(.)")
_HEX = re.compile(r"%([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Token:
    """A word without quotes."""

    word: str


@dataclass(frozen=True, slots=True)
class Date:
    """A moment in seconds since 1970."""

    seconds: int


@dataclass(frozen=True, slots=True)
class DisplayString:
    """A text that is more than ASCII."""

    text: str


BareItem: TypeAlias = "int | Decimal | str | Token | bytes | bool | Date | DisplayString"
Parameters: TypeAlias = "tuple[tuple[str, BareItem], ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value with its parameters. `text` is what it was read from, parameters included."""

    value: BareItem
    parameters: Parameters
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerList:
    """Some items, and parameters of all of them together. `text` is what it was read from, parameters included."""

    items: tuple[Item, ...]
    parameters: Parameters
    text: str


Member: TypeAlias = "Item | InnerList"


def parse_dictionary(text: str) -> tuple[tuple[str, Member], ...]:
    """The members of a dictionary, repeated ones repeated; header lines of one name are joined by a comma before.

    Raises Invalid, code `structured-field`, for anything outside the grammar and for what is longer than 8,192
    characters.
    """
    if len(text) > LONGEST_HEADER:
        raise Invalid("the header is too long", code="structured-field")
    return _Reader(text).dictionary()


class _Reader:
    """Where in the text we are."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def dictionary(self) -> tuple[tuple[str, Member], ...]:
        members: list[tuple[str, Member]] = []
        self._take(_SPACES)
        while self._at < len(self._text):
            members.append(self._member())
            self._take(_WHITE)
            if self._at == len(self._text):
                break
            # a comma has something after it
            if not self._take(_COMMA) or self._at == len(self._text):
                raise self._failure()
        return tuple(members)

    def _member(self) -> tuple[str, Member]:
        key = self._key()
        if self._skip("="):
            return key, self._item_or_list()
        start = self._at
        parameters = self._parameters()
        return key, Item(value=True, parameters=parameters, text=self._text[start : self._at])

    def _item_or_list(self) -> Member:
        return self._inner_list() if self._peek() == "(" else self._item()

    def _inner_list(self) -> InnerList:
        start = self._at
        self._at += 1
        items: list[Item] = []
        self._take(_SPACES)
        while not self._skip(")"):
            items.append(self._item())
            # between two items stands a space
            if not (self._take(_SPACES) or self._peek() == ")"):
                raise self._failure()
        parameters = self._parameters()
        return InnerList(items=tuple(items), parameters=parameters, text=self._text[start : self._at])

    def _item(self) -> Item:
        start = self._at
        value = self._bare_item()
        parameters = self._parameters()
        return Item(value=value, parameters=parameters, text=self._text[start : self._at])

    def _parameters(self) -> Parameters:
        found: list[tuple[str, BareItem]] = []
        while self._skip(";"):
            self._take(_SPACES)
            key = self._key()
            found.append((key, self._bare_item() if self._skip("=") else True))
        return tuple(found)

    def _key(self) -> str:
        key = self._take(_KEY)
        if not key:
            raise self._failure()
        return key

    def _bare_item(self) -> BareItem:
        for grammar, read in _BARE_ITEMS:
            match = grammar.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                value: BareItem = read(match)
                return value
        raise self._failure()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, letter: str) -> bool:
        found = self._peek() == letter
        self._at += found
        return found

    def _take(self, grammar: re.Pattern[str]) -> str | None:
        match = grammar.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _failure(self) -> Invalid:
        return Invalid("not a structured dictionary", code="structured-field", position=self._at)


def _number(match: re.Match[str]) -> int | Decimal:
    return Decimal(match[0]) if match["whole"] else int(match[0])


def _string(match: re.Match[str]) -> str:
    return _ESCAPED.sub(r"\1", match[1])


def _bytes(match: re.Match[str]) -> bytes:
    try:
        return base64.b64decode(match[1], validate=True)
    except binascii.Error as error:
        raise Invalid("bytes are not in base64", code="structured-field") from error


def _display(match: re.Match[str]) -> DisplayString:
    raw = _HEX.sub(lambda escaped: chr(int(escaped[1], 16)), match[1]).encode("latin-1")
    try:
        return DisplayString(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid("a text is not UTF-8", code="structured-field") from error


_BARE_ITEMS: tuple[tuple[re.Pattern[str], Any], ...] = (
    (_STRING, _string),
    (_NUMBER, _number),
    (_BYTES, _bytes),
    (_TOKEN, lambda match: Token(match[0])),
    (_BOOLEAN, lambda match: match[1] == "1"),
    (_DATE, lambda match: Date(int(match[1]))),
    (_DISPLAY, _display),
)
