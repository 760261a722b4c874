"""The story that the demo tells, a step at a time, through the same pages and forms that people use."""

from __future__ import annotations

import dataclasses
import functools
import html
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fedhood.core import metrics
from fedhood.simulator import citywide, voice
from fedhood.simulator.town import SOURCE, SOURCE_DATE, House, Resident, Town, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fedhood.core.metrics import Period
    from fedhood.simulator.visitor import Visitor

ELM = ("Firmin Lucarne", "Odile Belleporte", "Fatou Mansarde")
CLERK = "Lore Stadhuis"
ZONE = "Europe/Brussels"
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
    city: House
    faulty: House | None = None
    request: str = ""
    mirror: str = ""
    quarter: Period | None = None

    def at_elm(self, who: int = 0) -> Visitor:
        """Somebody of Elm."""
        return self.elm.visitors[ELM[who]]

    def at_oak(self, who: int = 0) -> Visitor:
        """Somebody of Oak."""
        return self.oak.visitors[OAK[who]]


def build(town: Town, ports: tuple[int, int, int] | None = None, *, faulty: bool = False) -> Scene:
    """Found Elm, Oak and the city, two days before a quarter ends; with `faulty`, a neighbourhood that signs badly."""
    now = town.clock.now()
    quarter = metrics.period_of(now, ZoneInfo(ZONE))
    town.move_clock(quarter.end - timedelta(days=2) - now)
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
    city = town.build(
        "mechelen",
        name="Mechelen",
        languages=("nl", "fr"),
        households_there=0,
        people=(Resident(name=CLERK, language="nl", keeper=True),),
        port=ports[2] if ports else None,
        city=True,
    )
    other = None
    if faulty:
        other = town.build(
            "els",
            name="Els",
            languages=("nl",),
            households_there=900,
            people=(Resident(name="Bert Voordeur", language="nl", keeper=True),),
            broken_proofs=True,
        )
    town.wait_until_open()
    return Scene(town, elm, oak, city, faulty=other, quarter=quarter)


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


def _peer_page(keeper: Visitor, other: House | None = None) -> str:
    """The page with the letters of a server next door: of any, or of this one."""
    for link in keeper.get("/host/neighbours").links(r"/host/neighbours/[0-9]+"):
        page = keeper.get(link)
        if _LETTERS.search(page.text) and (other is None or page.says(other.settings.host)):
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
    boxes = re.findall(r'name="(pair-[0-9]+-[0-9]+)" value="([^"]*)"', keeper.get(page).text)
    keeper.submit(f"{page}/match", dict(boxes), form_on=page)


def match_form(keeper: Visitor, other: House | None = None) -> str:
    """The page with that button, once it is there."""
    page = _peer_page(keeper, other)
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
    scene.request = _ask(scene, scene.at_elm(), LINE, NOTE, "carrying", "Eik")
    scene.mirror = until(lambda: _on_the_board(scene.at_oak(), LINE), "the request is on Oak's board")
    if scene.at_oak().get(scene.mirror).says(NOTE):
        raise AssertionError("Oak reads the private note")
    return "a window is lit in Oak too; the note is not to be seen there"


def _ask(scene: Scene, asker: Visitor, line: str, note: str, category: str, beside: str) -> str:
    """Ask for help until the day after tomorrow, of the own neighbourhood and the one next door; the request's page."""
    end = (scene.town.clock.now() + timedelta(days=2)).astimezone(ZoneInfo(ZONE)).replace(hour=20, minute=0)
    fields = {
        "line": line,
        "note": note,
        "category": category,
        "area": "",
        "until": end.strftime("%Y-%m-%dT%H:%M"),
        "who": choice(asker, beside),
    }
    return asker.submit("/help/new", fields).url


def _on_the_board(visitor: Visitor, line: str) -> str:
    """The page of the request with this line, when it is on the help board."""
    for link in visitor.get("/help").links(r"/help/[0-9]+"):
        if visitor.get(link).says(line):
            return link
    return ""


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
    until(lambda: not _on_the_board(scene.at_oak(2), LINE), "the window in Oak is dark again")
    return "done in Elm, done in Oak; both say that they met"


# -- the quarter ------------------------------------------------------------------------------------------------------


def the_city_joins(scene: Scene) -> str:
    """The clerk finds the neighbourhoods, everybody compares letters, and the clerk types the list of the city."""
    clerk = scene.city.visitors[CLERK]
    houses = [house for house in (scene.elm, scene.oak, scene.faulty) if house is not None]
    for house in houses:
        keeper = _keeper(house)
        clerk.submit("/host/neighbours", {"host": house.address})
        for visitor, other in ((keeper, scene.city), (clerk, house)):
            page = until(functools.partial(match_form, visitor, other), f"{house.key} and the city see the letters")
            say_they_match(visitor, page)
    lines = [f"{name},{house.settings.host},{count},{SOURCE},{SOURCE_DATE}" for name, house, count in _listed(scene)]
    lines.append(f"Linde,linde.example,1380,{SOURCE},{SOURCE_DATE}")
    clerk.submit("/city/set-up", {"name": "Mechelen", "areas": "\n".join(lines)})
    if not clerk.get("/city").says("Linde"):
        raise AssertionError("the list of the city was not kept")
    return f"{len(lines)} neighbourhoods are on the list of the city; one of them is not on the network at all"


def _keeper(house: House) -> Visitor:
    return house.visitors[next(name for name in (ELM[1], OAK[1], "Bert Voordeur") if name in house.visitors)]


def _listed(scene: Scene) -> list[tuple[str, House, int]]:
    found = [("L’Orme", scene.elm, 1450), ("Eik", scene.oak, 1570)]
    return found if scene.faulty is None else [*found, ("Els", scene.faulty, 900)]


def the_quarter_is_handed_in(scene: Scene) -> str:
    """All clocks leap past the cut-off; the ordinary schedule counts, signs and hands in, and the city answers."""
    quarter = scene.quarter
    if quarter is None:
        raise LookupError("no quarter")
    if scene.faulty is not None:
        scene.faulty.visitors["Bert Voordeur"].submit("/compose", {"text": "Dag buren", "who": "neighbourhood"})
    _leap(scene, quarter.cut_off + timedelta(hours=1))
    clerk = scene.city.visitors[CLERK]
    page = f"/city?period={quarter.id}"
    until(lambda: _marked(clerk, page, "L’Orme", REPORTED), "the report of Elm is in")
    until(lambda: _marked(clerk, page, "Eik", REPORTED), "the report of Oak is in")
    if scene.faulty is not None:
        until(lambda: _marked(clerk, page, "Els", REFUSED), "the report of Els is refused")
    _leap(scene, quarter.missing_at + timedelta(hours=1))
    clerk = scene.city.visitors[CLERK]
    until(lambda: _marked(clerk, page, "Linde", MISSING), "Linde is missing")
    heading = re.search(r"<h1>([^<]+)</h1>", clerk.get(page).text)
    return html.unescape(heading.group(1)) if heading else ""


REPORTED, REFUSED, MISSING = "Gemeld", "Geweigerd", "Ontbreekt"


def _marked(clerk: Visitor, page: str, name: str, word: str) -> bool:
    """Whether the row of a neighbourhood on the city's page says this word."""
    for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", clerk.get(page).text, re.DOTALL):
        if name in html.unescape(row):
            return word.lower() in html.unescape(row).lower()
    return False


def _leap(scene: Scene, moment: datetime) -> None:
    scene.town.move_clock(moment - (scene.town.clock.now() - scene.town.clock.offset()))
    scene.town.sign_in_again()


# -- the morning after ------------------------------------------------------------------------------------------------

AGAIN = "Wie wandelt zondag een uurtje mee langs de Dijle? Ik rijd zelf, jij houdt de paraplu."


def a_new_morning(scene: Scene) -> str:
    """What is left to click through: fresh posts, an open request with an offer that waits, an open private thread."""
    scene.at_elm(1).submit(
        "/compose", {"text": "La première réunion de l’année est mardi à 19 h.", "who": "neighbourhood"}
    )
    asker, helper = scene.at_oak(1), scene.at_elm(2)
    _ask(scene, asker, AGAIN, "Kom langs het brugje, ik zit in de rolstoel.", "company", "L’Orme")
    waiting = until(lambda: _on_the_board(helper, AGAIN), "the new request is on Elm's board")
    helper.submit(f"{waiting}/offer", {"text": "Avec plaisir, j’ai un grand parapluie."}, form_on=waiting)
    line = "Qui garde le chat deux jours ? Il dort presque tout le temps."
    mine = _ask(scene, scene.at_elm(), line, "Clé chez Odile.", "animals", "Eik")
    there = until(lambda: _on_the_board(scene.at_oak(2), line), "the cat is on Oak's board")
    scene.at_oak(2).submit(f"{there}/offer", {"text": "Graag, ik woon vlakbij."}, form_on=there)
    choose = until(lambda: scene.at_elm().get(mine).links(rf"{mine}/offers/[0-9]+/choose"), "Samira offers")
    scene.at_elm().submit(choose[0], {}, form_on=mine)
    until(lambda: scene.at_oak(2).get(f"{there}/talk").says("Clé chez Odile."), "Samira has the note")
    return "an open request waits for an answer, a private thread is open"


def the_city_speaks(scene: Scene) -> str:
    """The city writes to one neighbourhood, and nobody else hears it."""
    return voice.the_city_speaks(scene, scene.city.visitors[CLERK], ZONE)


def a_word_for_the_whole_city(scene: Scene) -> str:
    """A resident writes to the whole city; its machine passes it on, and nobody there reads it."""
    return citywide.a_word_for_the_whole_city(scene, scene.city.visitors[CLERK])


STEPS: tuple[tuple[str, Callable[[Scene], str]], ...] = (
    ("Elm and Oak find each other", elm_finds_oak),
    ("Both say: the letters match", both_say_they_match),
    ("A post for both reaches Oak", a_post_for_both_reaches_oak),
    ("Firmin asks for help", help_is_asked),
    ("Joris offers help from next door", help_is_offered_next_door),
    ("Firmin chooses Joris", the_offer_is_accepted),
    ("Help came", help_came),
    ("The city joins", the_city_joins),
    ("The quarter is over", the_quarter_is_handed_in),
    ("The city speaks to Oak alone", the_city_speaks),
    ("A word for the whole city", a_word_for_the_whole_city),
    ("A new morning", a_new_morning),
)
