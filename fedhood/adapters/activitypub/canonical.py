"""The room where a JSON value gets the one form that is hashed and signed (JCS, RFC 8785)."""

import math
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

import orjson

from fedhood.adapters.http.strict_json import Float
from fedhood.kernel.errors import Invalid

_LARGEST_INTEGER = (1 << 53) - 1
# code units and code points order names in the same way up to U+FFFF: no name with anything beyond it
_NAME_BEYOND = re.compile(rb'[\xf0-\xf4](?:[^"\\]|\\.)*":')


def canonicalise(value: Any) -> bytes:
    """The canonical bytes of a value made of dict, list, str, int, float, bool and None (RFC 8785).

    Members are ordered by the UTF-16 code units of their names, numbers are written as ECMAScript writes them.
    Raises `Invalid` for what I-JSON (RFC 7493) forbids: `canonical-surrogate`, `canonical-number` (not finite, or
    an integer beyond ±(2^53-1)) and `canonical-type` for anything that is not JSON at all.
    """
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Invalid("a string holds half of a surrogate pair", code="canonical-surrogate") from error


def canonicalise_parsed(value: Any) -> bytes:
    """The same for a value that `strict_json` read, and so is of nothing but JSON's types: in a twentieth of the time.

    orjson orders names by code points and writes strings and integers as RFC 8785 does; floats are written here.
    """
    try:
        written = orjson.dumps(value, default=_written_float, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return canonicalise(value)  # it says what is wrong
    return written if written.isascii() or _NAME_BEYOND.search(written) is None else canonicalise(value)


def _written_float(value: Any) -> orjson.Fragment:
    if type(value) is not Float:
        raise TypeError(type(value).__name__)
    return orjson.Fragment(_float(value).encode())


def _text(value: Any) -> str:
    # by exact type: True is an int to isinstance, and a subclass may have its own idea of itself
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise Invalid(f"{type(value).__name__} is not a JSON type", code="canonical-type")
    return writer(value)


def _object(value: dict[Any, Any]) -> str:
    if not all(type(name) is str for name in value):
        raise Invalid("a member's name is not a string", code="canonical-type")
    # code units and code points differ in order only from U+E000 on
    names = sorted(value) if "".join(value).isascii() else sorted(value, key=_code_units)
    return "{" + ",".join([f"{encode_basestring(name)}:{_text(value[name])}" for name in names]) + "}"


def _code_units(name: str) -> bytes:
    return name.encode("utf-16-be")


def _array(value: list[Any]) -> str:
    return "[" + ",".join([_text(item) for item in value]) + "]"


def _integer(value: int) -> str:
    if abs(value) > _LARGEST_INTEGER:
        raise Invalid("an integer is outside ±(2^53-1)", code="canonical-number")
    return str(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise Invalid("a number is not finite", code="canonical-number")
    if value == 0:
        return "0"  # -0 too (ECMA-262, Number::toString)
    digits, point = _shortest(abs(value))
    return ("-" if value < 0 else "") + _decimal(digits, point)


def _shortest(value: float) -> tuple[str, int]:
    # The fewest digits that read back as this number, and where the point stands among them. Python and ECMAScript
    # choose the same digits; only the writing differs.
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    written = whole + fraction
    digits = written.lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(written) - len(digits))
    return digits.rstrip("0"), point


def _decimal(digits: str, point: int) -> str:
    # the cases of ECMA-262, Number::toString, in its order
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"


def _boolean(value: bool) -> str:  # noqa: FBT001 - the value is the subject here, not a switch
    return "true" if value else "false"


def _null(_: None) -> str:
    return "null"


_WRITERS: dict[type, Callable[[Any], str]] = {
    dict: _object,
    list: _array,
    str: encode_basestring,
    int: _integer,
    float: _float,
    Float: _float,
    bool: _boolean,
    type(None): _null,
}
