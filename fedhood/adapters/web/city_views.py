"""The city's messages in words: in the reader's language, from when until when, where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from fedhood.adapters.web.languages import N_
from fedhood.adapters.web.linked import text_html
from fedhood.core.city_messages import CityMessage, Shared, Stage
from fedhood.core.help_requests import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.adapters.web.render import Words

_STAGES: dict[Stage, tuple[str, str]] = {
    Stage.COMING: ("wait", N_("Not to be read yet")),
    Stage.NOW: ("done", N_("To be read now")),
    Stage.OVER: ("late", N_("Over")),
    Stage.WITHDRAWN: ("no", N_("Taken back")),
}
_SENT: dict[Sent, tuple[str, str]] = {
    Sent.SENDING: ("wait", N_("On its way")),
    Sent.TROUBLE: ("late", N_("Not there yet. We keep trying.")),
    Sent.ARRIVED: ("done", N_("Arrived")),
    Sent.FAILED: ("no", N_("It did not arrive. We stopped trying.")),
}

_TOLD: dict[Sent, str] = {
    Sent.SENDING: N_("On its way to the city."),
    Sent.TROUBLE: N_("Not at the city yet. We keep trying."),
    Sent.FAILED: N_("It did not arrive at the city. We stopped trying."),
}


def words(text: str) -> Markup:
    """A text as paragraphs."""
    return text_html(text)


def title(message: CityMessage, language: str) -> str:
    """The title in the language that fits a reader best; empty when it says nothing any more."""
    return message.said[message.language_for(language)].title if message.said else ""


def span(message: CityMessage, words: Words) -> str:
    """From when until when it holds; of one day the day is said once."""
    begins, ends = message.begins_at.astimezone(words.zone), message.ends_at.astimezone(words.zone)
    end = words.time(ends) if begins.date() == ends.date() else words.day_and_hour(ends)
    return words.gettext("From %(begin)s until %(end)s", begin=words.day_and_hour(begins), end=end)


def mark(message: CityMessage, words: Words, now: datetime) -> tuple[str, str]:
    """(look, words): where a message is in its life."""
    kind, said = _STAGES[message.stage(now)]
    return kind, words.gettext(said)


def how_far(sent: Sent, words: Words) -> tuple[str, str]:
    """(look, words): how far a message got on its way to a neighbourhood."""
    kind, said = _SENT[sent]
    return kind, words.gettext(said)


def told(shared: Shared | None, words: Words) -> str:
    """For its author: that an answer, or its newest words, did not get to the city yet; empty when they did."""
    said = "" if shared is None else _TOLD.get(shared.sent, "")
    return words.gettext(said) if said else ""


def reads(message: CityMessage, names: Sequence[str], words: Words) -> str:
    """Which neighbourhoods read it: those of this house by their names, the others by how many they are."""
    others = len(message.groups) - len(message.places)
    if others <= 0:
        return words.joined(names)
    return words.ngettext(
        "%(places)s and %(n)s more neighbourhood",
        "%(places)s and %(n)s more neighbourhoods",
        others,
        places=words.joined(names),
    )
