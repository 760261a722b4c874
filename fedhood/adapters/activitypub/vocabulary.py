"""The room of words: how audience, state and text are spelled between servers, and how a text becomes HTML and back."""

import re
from html import escape, unescape
from typing import Any, Final

import nh3

from fedhood.adapters.activitypub.actors import CAP_HELP, CAP_SCOPES
from fedhood.core.help_requests import HelpCategory, HelpRequest, State
from fedhood.core.posts import Audience
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Invalid
from fedhood.kernel.urls import PUBLIC

__all__ = [
    "CAP_HELP",
    "CAP_SCOPES",
    "CITY",
    "DIRECT",
    "NEIGHBOURS",
    "PUBLIC",
    "PUBLIC_SCOPE",
    "audience_of",
    "help_category_of",
    "help_members",
    "intent_of",
    "note_html",
    "one_unit",
    "scope_of",
    "state_of",
    "status_of",
    "text_of",
    "texts",
]

# `fhScope`; what stays in one neighbourhood has none, for it is never said
NEIGHBOURS: Final = "neighbours"
PUBLIC_SCOPE: Final = "public"
DIRECT: Final = "direct"
CITY: Final = "city"

MOST_HTML_BYTES = 64 << 10
MOST_HTML_TAGS = 1000

_SCOPES = {Audience.NEIGHBOURS: NEIGHBOURS, Audience.CITY: CITY, Audience.PUBLIC: PUBLIC_SCOPE}
_AUDIENCES = {scope: audience for audience, scope in _SCOPES.items()}

# what ends a line where others write it; all other tags vanish and leave their text
_BLOCKS = {"p", "div", "li", "blockquote", "pre", "tr", "h1", "h2", "h3", "h4", "h5", "h6"}
_SOURCE_LINE = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_BREAK = re.compile(r"<br>")
_PARAGRAPH_END = re.compile(r"</p>")
_BLOCK_END = re.compile(r"</(?:div|li|blockquote|pre|tr|h[1-6])>")
_TAG = re.compile(r"<[^<>]*>")
_BLANK_LINES = re.compile(r"\n{3,}")


def scope_of(audience: Audience) -> str:
    """An audience as `fhScope`. Raises Invalid for the one that never leaves its server."""
    if audience not in _SCOPES:
        raise Invalid("what is for one neighbourhood is not said to others", code="scope")
    return _SCOPES[audience]


def audience_of(scope: object) -> Audience:
    """The audience that an `fhScope` means. Raises Invalid with the code `scope` for any other value."""
    if not isinstance(scope, str) or scope not in _AUDIENCES:
        raise Invalid("the scope of a post is neighbours, city or public", code="scope")
    return _AUDIENCES[scope]


def status_of(state: State) -> str:
    """The state of a help request as `fhStatus`."""
    return state.value


def state_of(status: object) -> State:
    """The state that an `fhStatus` means. Raises Invalid with the code `status` for any other value."""
    try:
        return State(str(status))
    except ValueError:
        raise Invalid("no state of a help request is called that", code="status") from None


def help_category_of(word: object) -> HelpCategory:
    """The kind of help that an `fhCategory` means; a word that is not known here yet is "other"."""
    try:
        return HelpCategory(str(word))
    except ValueError:
        return HelpCategory.OTHER


def intent_of(note: str) -> str:
    """What a request for help, by the id of its Note, wants done (FEP-0837)."""
    return f"{note}#primary"


def one_unit() -> dict[str, str]:
    """How much help there is in one request: the unit of FEP-0837, quantities as strings."""
    return {"hasUnit": "one", "hasNumericalValue": "1"}


def help_members(note: str, request: HelpRequest) -> dict[str, Any]:
    """What the Note of a help request tells beyond its line; `note` is its id. The private note is not among it."""
    return {
        "endTime": instant(request.until),
        "fhStatus": status_of(request.state),
        "fhRevision": request.revision,
        "fhCategory": request.category.value,
        "fhArea": request.area,
        "purpose": "request",
        "publishes": {
            "id": intent_of(note),
            "type": "Intent",
            "action": "deliverService",
            "finished": request.state is State.RESOLVED,
            "resourceQuantity": one_unit(),
        },
    }


def note_html(text: str) -> str:
    """A plain text as `content`: one paragraph, its lines kept."""
    return f"<p>{escape(text, quote=False).replace(chr(10), '<br>')}</p>"


def texts(text: str, language: str) -> dict[str, Any]:
    """`content`, and `contentMap` where the language is known."""
    content = note_html(text)
    return {"content": content, "contentMap": {language: content}} if language else {"content": content}


def text_of(html: object) -> str:
    """The plain text of a `content` from outside: no tag is kept, breaks and ends of paragraphs become lines.

    What `note_html` made comes back unchanged. Raises Invalid before anything is parsed: `content-missing` when it is
    no string, `content-size` beyond 64 KiB, `content-tags` beyond 1,000 tags.
    """
    if not isinstance(html, str):
        raise Invalid("the content is not a text", code="content-missing")
    if len(html) > MOST_HTML_BYTES or len(html.encode("utf-8", "surrogatepass")) > MOST_HTML_BYTES:
        raise Invalid("the content is too long", code="content-size")
    if html.count("<") > MOST_HTML_TAGS:
        raise Invalid("the content holds too many tags", code="content-tags")
    # line ends in the source mean a space in HTML
    flat = _SOURCE_LINE.sub(" ", html)
    clean = nh3.clean(flat, tags={"br", *_BLOCKS}, attributes={}, link_rel=None)
    lines = _BLOCK_END.sub("\n", _PARAGRAPH_END.sub("\n\n", _BREAK.sub("\n", clean)))
    return _BLANK_LINES.sub("\n\n", unescape(_TAG.sub("", lines))).strip()
