"""Somebody's plain text as safe HTML: paragraphs, and links where an address stands."""

import re

from markupsafe import Markup, escape

_ADDRESS = re.compile(r"https?://[^\s<>\"']{3,500}")
AFTER_ADDRESS = ".,;:!?)]}’”»"


def text_html(text: str) -> Markup:
    """Somebody's plain text as paragraphs; addresses become links, everything else stays as it was typed."""
    paragraphs = (_linked(part).replace("\n", Markup("<br>")) for part in text.split("\n\n"))
    return Markup("").join(Markup("<p>") + paragraph + Markup("</p>") for paragraph in paragraphs)


def _linked(text: str) -> Markup:
    done, at = Markup(""), 0
    for match in _ADDRESS.finditer(text):
        address = match.group().rstrip(AFTER_ADDRESS)
        end = match.start() + len(address)
        done += escape(text[at : match.start()])
        done += Markup('<a href="{0}" rel="nofollow noopener noreferrer">{0}</a>').format(address)
        at = end
    return done + escape(text[at:])
