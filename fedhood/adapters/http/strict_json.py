"""The room where bytes from outside become JSON values, or are refused before anything looks at them."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import orjson

from fedhood.kernel.errors import Invalid

JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

LARGEST_INTEGER = (1 << 53) - 1  # beyond it two parsers may read two different numbers (RFC 7493, 2.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost: `size` and `string` in bytes of UTF-8, `depth` in containers, `values` in number.

    Every member of an object and every element of an array is a value, and so is the document itself.
    """

    size: int = 1 << 20
    depth: int = 32
    values: int = 10_000
    string: int = 256 << 10


DEFAULT = Limits()


class Float(float):
    """A number with a point or an exponent as it was read: told apart, since JCS writes it in a way of its own."""

    __slots__ = ()


# An unclosed string runs to the end instead of failing, and nothing is ever given back: linear on any input.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_UNUSUAL_NUMBER = re.compile(rb"[0-9][.eE]|[0-9]{16}|-0")  # those that are not of a kind with small integers
_EMPTY = re.compile(rb"\[[ \t\r\n]*\]|\{[ \t\r\n]*\}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = frozenset(b"[{")
_BOM = b"\xef\xbb\xbf"


def loads(raw: bytes, *, limits: Limits = DEFAULT) -> JsonValue:
    """The one JSON value that all parsers agree on.

    I-JSON (RFC 7493) and a little stricter: UTF-8 without a byte order mark, no name twice in an object, no NaN or
    Infinity, no lone surrogate, no NUL character, integers within ±(2^53-1), floats that fit in 64 bits. Size,
    depth and number of values are known before the parser runs.

    Raises `Invalid` with one of the codes `json-size`, `json-bom`, `json-encoding`, `json-values`, `json-depth`,
    `json-syntax`, `json-duplicate-name`, `json-constant`, `json-integer`, `json-float`, `json-string-size`,
    `json-surrogate`, `json-nul`.
    """
    if len(raw) > limits.size:
        raise Invalid("the document is too large", code="json-size", limit=limits.size)
    if raw.startswith(_BOM):
        raise Invalid("the document begins with a byte order mark", code="json-bom")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("the document is not UTF-8", code="json-encoding") from error
    structure = _without_strings(raw)
    _check_shape(structure, limits)
    value = _compact(raw, structure)
    if value is None:
        try:
            value = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            raise Invalid("the document is not one JSON value", code="json-syntax", position=error.pos) from error
    # only an escape can bring in a surrogate or a NUL, and only a large document a large string
    if b"\\u" in raw or len(raw) > limits.string:
        _check_strings(value, limits)
    return value


def loads_object(raw: bytes, *, limits: Limits = DEFAULT) -> JsonObject:
    """As `loads`, for what has to be an object: anything else is refused with the code `json-not-object`."""
    value = loads(raw, limits=limits)
    if not isinstance(value, dict):
        raise Invalid("the document is not a JSON object", code="json-not-object")
    return value


def dumps(value: JsonValue) -> bytes:
    """The compact UTF-8 form, members in the order in which they were put in; not canonical.

    Raises `TypeError` for what is not JSON: that is a mistake of ours, not of a visitor.
    """
    return orjson.dumps(value, default=_plain)


def _plain(value: Any) -> float:
    if not isinstance(value, Float):
        raise TypeError(type(value).__name__)
    return float(value)


def _compact(raw: bytes, structure: bytes) -> JsonValue:
    """What the document says if it is in the compact form that most servers send, None for any other.

    What is written again with the very same bytes holds no name twice. A third of the time that the other way takes.
    """
    if b'": ' in raw[:64] or _UNUSUAL_NUMBER.search(structure) is not None:
        return None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None  # the other way finds out why
    return value if orjson.dumps(value) == raw else None


def _without_strings(raw: bytes) -> bytes:
    """The document with every string replaced by one digit: brackets, commas, colons and short scalars are left."""
    if b"\\" in raw:
        return _STRING.sub(b"0", raw)
    # without an escape every second piece between quotation marks is a string: the same, ten times as fast
    return b"0".join(raw.split(b'"')[::2])


def _check_shape(structure: bytes, limits: Limits) -> None:
    containers = structure.count(b"[") + structure.count(b"{")
    values = 1 + structure.count(b",") + containers
    if values > limits.values and values - len(_EMPTY.findall(structure)) > limits.values:
        raise Invalid("the document holds too many values", code="json-values", limit=limits.values)
    depth = 0
    for byte in structure.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in _OPENING else -1
        if depth > limits.depth:
            raise Invalid("the document is nested too deeply", code="json-depth", limit=limits.depth)
        if depth < 0:  # the parser would say so too, after we had counted the rest
            raise Invalid("a bracket is closed that was not opened", code="json-syntax")


def _check_strings(value: JsonValue, limits: Limits) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            _check_string(item, limits)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_string(text: str, limits: Limits) -> None:
    if "\0" in text:
        raise Invalid("a string holds a NUL character", code="json-nul")
    try:
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Invalid("a string holds half of a surrogate pair", code="json-surrogate") from error
    if size > limits.string:
        raise Invalid("a string is too long", code="json-string-size", limit=limits.string)


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("an object names a member twice", code="json-duplicate-name")
    return found


def _integer(literal: str) -> int:
    # by length first: turning a million digits into a number costs seconds
    if len(literal) > 17 or abs(number := int(literal)) > LARGEST_INTEGER:
        raise Invalid("an integer is outside ±(2^53-1)", code="json-integer")
    return number


def _float(literal: str) -> Float:
    number = Float(literal)
    if math.isinf(number):
        raise Invalid("a number does not fit in 64 bits", code="json-float")
    return number


def _constant(literal: str) -> NoReturn:
    raise Invalid(f"{literal} is not JSON", code="json-constant")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
