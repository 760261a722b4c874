"""The part of the demo's story in which the city speaks: to one neighbourhood, and nobody else hears it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fedhood.simulator.town import until

if TYPE_CHECKING:
    from fedhood.simulator.story import Scene
    from fedhood.simulator.visitor import Page, Visitor

TITLE_NL = "Dinsdag geen water in de Lindestraat"
TITLE_FR = "Mardi, pas d’eau rue des Tilleuls"
TEXT_NL = "We vernieuwen een leiding van 8 tot 12 uur. Vul vooraf een kan."
TEXT_FR = "On remplace une conduite de 8 à 12 heures. Remplissez une carafe la veille."
ASKED = "En de school op nummer 20?"
LET_OUT = "Op nummer 4 woont iemand die niet buiten kan. Kan daar een bus water komen?"
_FORM = "/city/messages/new"


def the_city_speaks(scene: Scene, clerk: Visitor, zone: str) -> str:
    """The clerk writes to Oak alone, in two languages; Joris reads it as the city's, Elm does not.

    What he answers stays in Oak; Samira ticks that the city may read hers.
    """
    end = (scene.town.clock.now() + timedelta(days=2)).astimezone(ZoneInfo(zone)).replace(hour=20, minute=0)
    fields = {
        _box(clerk.get(_FORM), "Eik"): "yes",
        "title-nl": TITLE_NL,
        "text-nl": TEXT_NL,
        "title-fr": TITLE_FR,
        "text-fr": TEXT_FR,
        "ends": end.strftime("%Y-%m-%dT%H:%M"),
        "urgent": "yes",
    }
    written = clerk.submit(_FORM, fields).url
    reader = scene.at_oak()
    until(lambda: reader.get("/").says(TITLE_NL), "Joris reads the message of the city")
    home = reader.get("/")
    if not home.says("Bericht van de stad Mechelen") or not home.says("Dringend"):
        raise AssertionError("the message of the city looks like a neighbour's")
    if not reader.get("/notifications").says("Mechelen"):
        raise AssertionError("nobody was told of something urgent")
    for visitor in (scene.at_elm(), scene.at_elm(1)):
        page = visitor.get("/")
        if page.says(TITLE_NL) or page.says(TITLE_FR):
            raise AssertionError("Elm reads what is for Oak alone")
    post = _page_of(home, TITLE_NL)
    reader.submit(f"{post}/answer", {"text": ASKED}, form_on=post)
    if not scene.at_oak(2).get(post).says(ASKED):
        raise AssertionError("Oak does not read its own answer")
    if clerk.get(written).says(ASKED):
        raise AssertionError("the city reads what neighbours say")
    other = scene.at_oak(2)
    other.submit(f"{post}/answer", {"text": LET_OUT, "city": "yes"}, form_on=post)
    until(lambda: clerk.get(written).says(LET_OUT), "the clerk reads what Samira lets her read")
    page = clerk.get(written)
    if not page.says("Samira Goot") or page.says(ASKED) or page.says("Joris"):
        raise AssertionError("the clerk reads something else than what she may")
    return "Joris reads it in Dutch, as the city’s; his answer stays in Oak, the clerk reads the one that Samira ticked"


def _box(page: Page, name: str) -> str:
    """The field of a neighbourhood by its name."""
    for field, label in re.findall(r'<label for="(place-[0-9]+)">([^<]+)</label>', page.text):
        if unescape(label) == name:
            return str(field)
    raise LookupError(f"the city cannot write to {name}")


def _page_of(page: Page, title: str) -> str:
    """The address of the post with this title."""
    for article in re.findall(r"<article.*?</article>", page.text, re.DOTALL):
        found = re.search(r'href="(/p/[0-9]+)"', article)
        if title in unescape(article) and found:
            return found.group(1)
    raise LookupError(f"no post says {title}")
