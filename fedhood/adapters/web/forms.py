"""What a form brings, and what is wrong with it, said in the reader's language."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from aiohttp import web

from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.render import Words
from fedhood.kernel.errors import FedhoodError, Invalid

# 5,000 characters, each written as %XX%XX%XX, with room for what stands beside them (security: body 64 KiB)
MOST_BYTES = 64 * 1024
_MOST_FIELDS = 400  # a city's neighbourhoods, each with a box
_FORM: web.RequestKey[dict[str, str]] = web.RequestKey("form", dict)


async def read(request: web.Request) -> dict[str, str]:
    """The fields of a form, the first of each name; read once. Only what our own forms send is understood.

    Raises HTTPRequestEntityTooLarge, HTTPUnsupportedMediaType, Invalid (too many fields).
    """
    fields: dict[str, str] | None = request.get(_FORM)
    if fields is None:
        # no form of ours sends a NUL, and not every database takes one
        sent = await _read(request)
        fields = request[_FORM] = {name: value.replace("\0", "") for name, value in sent.items()}
    return fields


def already_read(request: web.Request) -> dict[str, str]:
    """The fields, when somebody has read them; none otherwise. For a page that gives back what was typed."""
    fields: dict[str, str] | None = request.get(_FORM)
    return fields or {}


async def _read(request: web.Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=MOST_BYTES, actual_size=len(body))
    if body and request.content_type == "multipart/form-data":
        pairs = _parts(request.headers["Content-Type"], bytes(body))
    elif body and request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    else:
        pairs = _pairs(body.decode("latin-1"))
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def _pairs(body: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError as failure:
        raise Invalid("too many fields", code="form") from failure


def _parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form with a file in it; the file is a field like the others, as text."""
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace") + body)
    parts = whole.get_payload() if whole.is_multipart() else []
    if not isinstance(parts, list) or len(parts) > _MOST_FIELDS:
        raise Invalid("too many fields", code="form")
    return [(_name_of(part), _text_of(part.get_payload(decode=True))) for part in parts if isinstance(part, Message)]


def _name_of(part: Message) -> str:
    name = part.get_param("name", header="content-disposition")
    return name if isinstance(name, str) else ""


def _text_of(body: object) -> str:
    """A field, or a file as spreadsheets write them: UTF-8 with a mark or without, UTF-16, or what Windows wrote."""
    if not isinstance(body, bytes):
        return ""
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


@dataclass(slots=True)
class Errors:
    """What is wrong with a form: a sentence for each field at fault, by the name of the field."""

    sentences: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.sentences)

    def get(self, name: str) -> str:
        """The sentence beside a field; empty when nothing is wrong with it."""
        return self.sentences.get(name, "")

    @property
    def summary(self) -> list[tuple[str, str]]:
        """(id of the field, sentence) for the summary over the form."""
        return list(self.sentences.items())


def errors_of(refused: FedhoodError, words: Words, *, otherwise: str = "text") -> Errors:
    """The one thing that the core refused, beside its field (`otherwise` when it names none)."""
    return Errors({refused.field or otherwise: _sentence(refused, words)})


_SAID = {
    "too-short": N_("This is too short."),
    "too-simple": N_("This is too easy to guess. Take four different words, or more different letters and signs."),
    "missing": N_("There is nothing here yet."),
    "until": N_("Choose a moment within the next 14 days."),
    "code-unknown": N_("A code has ten letters and digits. Look at the sheet once more."),
    "code-used": N_("This code has just been used."),
    "household-full": N_("Eight people of this home are here already. Ask those who look after this place."),
    "host": N_("This is not the address of a neighbouring place."),
    "own-host": N_("This is your own address."),
    "count": N_("Choose a number between 1 and 200."),
    "households": N_("Write a number between 1 and 1,000,000, or leave it empty."),
    "key": N_("This name has no letter that an address could be made of."),
    "key-taken": N_("There is a neighbourhood of this name here already."),
    "reason": N_("Choose what is not right."),
    "moment": N_("This is no moment. Choose a day and an hour."),
    "city-places": N_("Choose at least one neighbourhood. One that was chosen may be with you no longer."),
    "city-ends": N_("The end comes after the beginning."),
    "city-longest": N_("A message begins within a year, and holds for a year at most."),
    "city-away": N_("The city cannot read this today. Nothing was sent: without the tick it stays among neighbours."),
    "city-enough": N_("The city reads 20 answers of yours here already. Without the tick it stays among neighbours."),
    "places": N_("Not all of these neighbourhoods read along any more. Choose once more."),
}


def _sentence(refused: FedhoodError, words: Words) -> str:
    if refused.code == "too-long":
        return words.ngettext(
            "This was too long by %(n)s character. Nothing is lost.",
            "This was too long by %(n)s characters. Nothing is lost.",
            int(refused.facts.get("over", 1)),
        )
    if refused.code == "code":
        return _wrong_code(refused, words)
    return words.gettext(_SAID.get(refused.code, N_("This does not fit yet.")))


def _wrong_code(refused: FedhoodError, words: Words) -> str:
    if "left" not in refused.facts:
        return words.gettext("That code doesn’t fit. It may be used already, or too old.")
    return words.ngettext(
        "That code doesn’t fit. You have %(n)s try left.",
        "That code doesn’t fit. You have %(n)s tries left.",
        int(refused.facts["left"]),
    )


def local_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """What a `datetime-local` field says, in the neighbourhood's time zone; None for what is no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return None
    try:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def to_field(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as a `datetime-local` field takes it, whole minutes."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def language_tag(text: str) -> str:
    """The language somebody says they write in, as a short tag; empty when it is none."""
    tag = text.strip().lower()
    return tag if 2 <= len(tag) <= 8 and tag.replace("-", "").isalpha() and tag.isascii() else ""


def safe_path(text: str) -> str:
    """An address of this site to go on to after signing in; `/` for anything that could lead elsewhere."""
    if (
        not text.startswith("/")
        or text.startswith(("//", "/\\"))
        or any(ord(sign) <= 32 or sign == "\\" for sign in text)
    ):
        return "/"
    return text
