"""The story that the demo tells, a step at a time, through the same pages and forms that people use."""

from __future__ import annotations

import dataclasses
import functools
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fedhood.simulator.town import House, Resident, Town, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.simulator.visitor import Visitor

ELM = ("Firmin Lucarne", "Odile Belleporte", "Fatou Mansarde")
OAK = ("Joris Vensterbank", "Wilma Dakpan", "Samira Goot")
FOR_BOTH = "On coupe l’eau mardi matin rue des Tilleuls, des deux côtés du pont. Remplissez une carafe."
FOR_ELM = "La clé de la remise est chez Fatou cette semaine."
LINE = "Ma nouvelle machine à laver attend en bas. Qui m’aide à la monter au deuxième ? Le café est offert."
NOTE = "Rue de la Tuile 12, deuxième sonnette. Mon dos est fatigué, je ne porte rien moi-même."
OFFER = "Ik heb een steekkarretje en een zoon van negentien."
REPLY = "Goed, wij zijn er zaterdag om halfelf. Is de trap breed?"


@dataclasses.dataclass(slots=True)
class Scene:
    """The two neighbourhoods, and what the story has made so far."""

    town: Town
    elm: House
    oak: House
    request: str = ""
    mirror: str = ""

    def at_elm(self, who: int = 0) -> Visitor:
        """Somebody of Elm."""
        return self.elm.visitors[ELM[who]]

    def at_oak(self, who: int = 0) -> Visitor:
        """Somebody of Oak."""
        return self.oak.visitors[OAK[who]]


def build(town: Town, ports: tuple[int, int] | None = None) -> Scene:
    """Found Elm and Oak."""
    elm = town.build(
        "elm",
        name="L’Orme",
        languages=("fr", "nl"),
        households_there=1450,
        people=tuple(Resident(name=name, language="fr", keeper=name == ELM[1]) for name in ELM),
        port=ports[0] if ports else None,
    )
    oak = town.build(
        "oak",
        name="Eik",
        languages=("nl", "fr"),
        households_there=1570,
        people=tuple(Resident(name=name, language="nl", keeper=name == OAK[1]) for name in OAK),
        port=ports[1] if ports else None,
    )
    town.wait_until_open()
    return Scene(town, elm, oak)


# -- becoming neighbours ----------------------------------------------------------------------------------------------

_LETTERS = re.compile(r"[A-Z2-7]{4}(?:[ -][A-Z2-7]{4}){5}")


def elm_finds_oak(scene: Scene) -> str:
    """Odile pastes the address of Oak; both sides come to see 24 letters."""
    keeper, other = scene.at_elm(1), scene.at_oak(1)
    keeper.submit("/host/neighbours", {"host": scene.oak.address})
    here = until(lambda: _peer_page(keeper), "Elm sees the letters of Oak")
    until(lambda: _peer_page(other), "Oak sees the letters of Elm")
    letters = _LETTERS.search(keeper.get(here).text)
    return f"Odile reads out on the phone: {letters.group(0) if letters else ''}"


def _peer_page(keeper: Visitor) -> str:
    for link in keeper.get("/host/neighbours").links(r"/host/neighbours/[0-9]+"):
        if _LETTERS.search(keeper.get(link).text):
            return link
    return ""


def both_say_they_match(scene: Scene) -> str:
    """Both keepers press "they match"; from then on each may write for both."""
    for keeper in (scene.at_oak(1), scene.at_elm(1)):
        page = until(functools.partial(match_form, keeper), "the button that says: they match")
        say_they_match(keeper, page)
    until(lambda: choice(scene.at_elm(), "Eik"), "Elm may write for Oak too")
    until(lambda: choice(scene.at_oak(), "L’Orme"), "Oak may write for Elm too")
    return "“Elm and also Oak” stands in the composer of both"


def say_they_match(keeper: Visitor, page: str) -> None:
    """Press "they match", every pair of neighbourhoods chosen."""
    boxes = re.findall(r'name="(pair-[0-9]+-[0-9]+)"', keeper.get(page).text)
    keeper.submit(f"{page}/match", dict.fromkeys(boxes, "on"), form_on=page)


def match_form(keeper: Visitor) -> str:
    """The page with that button, once it is there."""
    page = _peer_page(keeper)
    return page if page and keeper.get(page).links(f"{page}/match") else ""


def choice(visitor: Visitor, name: str) -> str:
    """The value of the choice that names this place, in the composer."""
    page = visitor.get("/compose")
    for value in re.findall(r'name="who"[^>]*value="([^"]+)"', page.text):
        if value.startswith("neighbours") and page.says(name):
            return str(value)
    return ""


# -- a post -----------------------------------------------------------------------------------------------------------


def a_post_for_both_reaches_oak(scene: Scene) -> str:
    """Fatou writes once for both and once for Elm alone; Oak reads the one and not the other."""
    writer = scene.at_elm(2)
    writer.submit("/compose", {"text": FOR_ELM, "who": "neighbourhood"})
    writer.submit("/compose", {"text": FOR_BOTH, "who": choice(writer, "Eik")})
    until(lambda: scene.at_oak().get("/").says(FOR_BOTH), "Oak reads what is for both")
    if scene.at_oak().get("/").says(FOR_ELM):
        raise AssertionError("Oak reads what is for Elm alone")
    return "Joris reads it in Oak; what was for Elm alone is not there"


# -- help -------------------------------------------------------------------------------------------------------------


def help_is_asked(scene: Scene) -> str:
    """Firmin asks for help, of both neighbourhoods."""
    asker = scene.at_elm()
    zone = ZoneInfo(scene.elm.settings.time_zone)
    end = (scene.town.clock.now() + timedelta(days=2)).astimezone(zone)
    page = asker.submit(
        "/help/new",
        {
            "line": LINE,
            "note": NOTE,
            "category": "carrying",
            "area": "Autour de la place de l’Orme",
            "until": end.strftime("%Y-%m-%dT%H:%M"),
            "who": choice(asker, "Eik"),
        },
    )
    scene.request = page.url
    scene.mirror = until(lambda: _on_the_board(scene.at_oak()), "the request is on Oak's board")
    if scene.at_oak().get(scene.mirror).says(NOTE):
        raise AssertionError("Oak reads the private note")
    return "a window is lit in Oak too; the note is not to be seen there"


def _on_the_board(visitor: Visitor) -> str:
    board = visitor.get("/help")
    links = board.links(r"/help/[0-9]+")
    return links[0] if board.says(LINE) and links else ""


def help_is_offered_next_door(scene: Scene) -> str:
    """Joris says "I can help" in Oak; Firmin hears of it in Elm."""
    scene.at_oak().submit(f"{scene.mirror}/offer", {"text": OFFER}, form_on=scene.mirror)
    until(lambda: scene.at_elm().get(scene.request).says(OFFER), "Firmin reads the offer")
    until(lambda: scene.at_elm().get("/notifications").says("Joris"), "Firmin was told")
    return "Firmin reads in Elm what Joris wrote in Oak"


def the_offer_is_accepted(scene: Scene) -> str:
    """Firmin chooses Joris; the note reaches Joris and nobody else, and they settle the hour."""
    asker, helper = scene.at_elm(), scene.at_oak()
    (choose,) = asker.get(scene.request).links(rf"{scene.request}/offers/[0-9]+/choose")
    asker.submit(choose, {}, form_on=scene.request)
    talk = f"{scene.mirror}/talk"
    until(lambda: helper.get(talk).says(NOTE), "Joris reads the note")
    if scene.at_oak(2).get(talk).status != 404 or scene.at_oak(2).get(scene.mirror).says(NOTE):
        raise AssertionError("somebody else reads the note")
    helper.submit(talk, {"text": REPLY})
    until(lambda: asker.get(f"{scene.request}/talk").says(REPLY), "Firmin reads the answer of Joris")
    return "Joris has the note; the two have settled the hour in private"


def help_came(scene: Scene) -> str:
    """Firmin says that it is done; both say that they met."""
    asker, helper = scene.at_elm(), scene.at_oak()
    asker.submit(f"{scene.request}/resolve", {"outcome": "with-neighbour"}, form_on=scene.request)
    asker.submit(f"{scene.request}/met", {"answer": "yes"}, form_on=f"{scene.request}/talk")
    met = f"{scene.mirror}/met"
    until(lambda: helper.get(f"{scene.mirror}/talk").links(met), "Joris is asked whether they met")
    helper.submit(met, {"answer": "yes"}, form_on=f"{scene.mirror}/talk")
    until(lambda: not _on_the_board(scene.at_oak(2)), "the window in Oak is dark again")
    return "done in Elm, done in Oak; both say that they met"


STEPS: tuple[tuple[str, Callable[[Scene], str]], ...] = (
    ("Elm and Oak find each other", elm_finds_oak),
    ("Both say: the letters match", both_say_they_match),
    ("A post for both reaches Oak", a_post_for_both_reaches_oak),
    ("Firmin asks for help", help_is_asked),
    ("Joris offers help from next door", help_is_offered_next_door),
    ("Firmin chooses Joris", the_offer_is_accepted),
    ("Help came", help_came),
)
