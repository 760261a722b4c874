"""The part of the demo's story in which a resident speaks to the whole city."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedhood.simulator.town import House, until

if TYPE_CHECKING:
    from fedhood.simulator.story import Scene
    from fedhood.simulator.visitor import Visitor

WORDS = "Dimanche, grand nettoyage des berges. Qui vient, d’où que ce soit dans la ville ?"


def a_word_for_the_whole_city(scene: Scene, clerk: Visitor) -> str:
    """The keepers of both let their neighbourhood take part; Fatou writes, Joris reads it, the clerk does not."""
    for keeper in (scene.at_elm(1), scene.at_oak(1)):
        page = _page_of(keeper, scene.city)
        (place,) = set(re.findall(r'name="place" value="([0-9]+)"', keeper.get(page).text))
        keeper.submit(f"{page}/citywide", {"place": place, "on": "yes"}, form_on=page)
    writer = scene.at_elm(2)
    until(lambda: _choice(writer) and _choice(scene.at_oak()), "both may write to the whole city")
    writer.submit("/compose", {"text": WORDS, "who": _choice(writer)})
    until(lambda: scene.at_oak().get("/").says(WORDS), "Oak reads what is for the whole city")
    if any(clerk.get(path).says(WORDS) for path in ("/", "/city", "/city/messages")):
        raise AssertionError("the clerk reads what residents say to the city")
    return "Joris reads in Oak what Fatou wrote; the city’s machine passed it on, and the clerk reads nothing of it"


def _page_of(keeper: Visitor, city: House) -> str:
    """The page of the city among the neighbouring places."""
    for link in keeper.get("/host/neighbours").links(r"/host/neighbours/[0-9]+"):
        if keeper.get(link).says(city.settings.host):
            return link
    raise LookupError("the city is no neighbouring place")


def _choice(visitor: Visitor) -> str:
    """The value of the choice that is the whole city, in the composer."""
    found = re.search(r'name="who"[^>]*value="(city\.[0-9.]+)"', visitor.get("/compose").text)
    return "" if found is None else found.group(1)
