"""The city's own list of neighbourhoods: typed or pasted, checked line by line."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import TYPE_CHECKING

from fedhood.core import peers
from fedhood.core.metrics.model import AreaEntry
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("name", "host", "households", "source", "date")
MOST_AREAS = 2000
MOST_CHARACTERS = 60_000
_MOST_HOUSEHOLDS = 1_000_000
# 1.380, 1 380, 1'380: groups of three, so that 13.5 does not become 135
_IN_THOUSANDS = re.compile(r"[0-9]{1,3}([ .,'\u2019\u00a0\u202f][0-9]{3})+")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})", re.ASCII)


def read_list(text: str) -> list[AreaEntry]:
    """The lines `name,host,households,source,date` as entries: separated by comma, semicolon or tab, under a heading
    in any language or none, numbers and dates as people write them.

    Raises Invalid for the first line that cannot be read: `facts["line"]` says which (from 1), the code what is wrong:
    `areas-columns`, `areas-name`, `areas-host`, `areas-households`, `areas-source`, `areas-date`, `areas-twice`; and
    `missing` when there is none, `too-long` beyond 2,000.
    """
    if len(text) > MOST_CHARACTERS:
        raise Invalid("the list is too long", code="too-long", field="areas", over=len(text) - MOST_CHARACTERS)
    entries: list[AreaEntry] = []
    known: set[tuple[str, str]] = set()
    for line, fields in _lines(text):
        entry = _entry(line, fields)
        key = (entry.host, entry.name.casefold())
        if key in known:
            raise _wrong(line, "twice", "this neighbourhood is on the list already")
        known.add(key)
        entries.append(entry)
    if not entries:
        raise Invalid("the list is empty", code="missing", field="areas")
    if len(entries) > MOST_AREAS:
        raise Invalid("too many", code="too-long", field="areas", over=len(entries) - MOST_AREAS)
    return entries


def write_list(entries: list[AreaEntry]) -> str:
    """The list as it can be pasted again."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([one.name, one.host, one.households, one.source, one.counted_on] for one in entries)
    return out.getvalue()


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Numbered lines with something in them; the heading is none."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text))
    try:
        for number, row in enumerate(reader, start=1):
            fields = [field.strip() for field in row]
            if any(fields) and not (number == 1 and _is_heading(fields)):
                yield number, fields
    except csv.Error as failure:
        raise _wrong(reader.line_num, "columns", "this line is no table line") from failure


def _delimiter(text: str) -> str:
    """What separates the parts of the first line: what a spreadsheet puts there goes before what a name may contain."""
    first = text.lstrip("\ufeff\r\n ").partition("\n")[0]
    if "\t" in first:
        return "\t"
    return ";" if first.count(";") > first.count(",") else ","


def _is_heading(fields: list[str]) -> bool:
    """A line with neither an address, nor a number, nor a date says what stands below, in whatever language."""
    if len(fields) != len(COLUMNS) or not all(fields):
        return False
    _, host, households, _, counted_on = fields
    return "." not in host and not any(sign.isdigit() for sign in households + counted_on)


def _entry(line: int, fields: list[str]) -> AreaEntry:
    if len(fields) != len(COLUMNS):
        raise _wrong(line, "columns", f"a line has {len(COLUMNS)} fields: {', '.join(COLUMNS)}")
    name, host, households, source, counted_on = fields
    return AreaEntry(
        name=_text(line, name, "name", 80),
        host=_host(line, host),
        households=_households(line, households),
        source=_text(line, source, "source", 200),
        counted_on=_date(line, counted_on),
    )


def _text(line: int, text: str, field: str, most: int) -> str:
    try:
        return texts.one_line(text, field=field, most=most)
    except Invalid as refused:
        raise _wrong(line, field, refused.detail) from refused


def _host(line: int, text: str) -> str:
    try:
        return peers.host_of(text)
    except Invalid as refused:
        raise _wrong(line, "host", refused.detail) from refused


def _households(line: int, text: str) -> int:
    digits = re.sub(r"[ .,'\u2019\u00a0\u202f]", "", text) if _IN_THOUSANDS.fullmatch(text) else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 8 and 1 <= int(digits) <= _MOST_HOUSEHOLDS):
        raise _wrong(line, "households", "households is a whole number from 1")
    return int(digits)


def _date(line: int, text: str) -> str:
    day_first = _DAY_FIRST.fullmatch(text)
    try:
        if day_first is not None:
            day, month, year = map(int, day_first.groups())
            return date(year, month, day).isoformat()
        return date.fromisoformat(text).isoformat()
    except ValueError as failure:
        raise _wrong(line, "date", "a date is written as 2026-01-01") from failure


def _wrong(line: int, what: str, sentence: str) -> Invalid:
    return Invalid(f"line {line}: {sentence}", code=f"areas-{what}", field="areas", line=line)
