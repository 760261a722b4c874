"""What the city says in the world of the matrix, and what is answered under it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.core import city_messages
from fedhood.core.city_messages import Said
from tests.matrix import expected

if TYPE_CHECKING:
    from tests.matrix.scene import Scene

_DAY = timedelta(days=1)
_NOW_CALLED = {"city's words edited away": "city's edited word"}
_CHOSEN = ("Ash", "Elm")


async def say(scene: Scene) -> None:
    """To Elm and Ash: one that is read now, one that is to come, one said better, one taken back."""
    city = scene.city.place.database
    clerk = scene.city.people["city clerk"].viewer
    now = scene.city.place.server.clock.now()
    for thing, begins in (
        ("city's word", now),
        ("city's word to come", now + _DAY),
        ("city's word taken back", now),
        ("city's words edited away", now),
    ):
        name = _NOW_CALLED.get(thing, thing)
        scene.city.ids[name] = await city.write(
            city_messages.write,
            by=clerk,
            said=_said(thing),
            places=await _places(scene),
            begins_at=begins,
            ends_at=now + 7 * _DAY,
            urgent=thing == "city's word",
        )
    await scene.settle()
    await _learn(scene)
    await _answer(scene)
    edited = scene.city.ids["city's edited word"]
    same = {"begins_at": None, "ends_at": now + 7 * _DAY, "urgent": False}
    said = _said("city's edited word")
    await city.write(city_messages.edit, by=clerk, message_id=edited, said=said, **same)
    await city.write(city_messages.withdraw, by=clerk, message_id=scene.city.ids["city's word taken back"])
    await scene.settle()


async def _answer(scene: Scene) -> None:
    """One stays in Elm, one is let out to the city, one is let out and taken back."""
    elm, nel = scene.elm.place.database, scene.elm.people["neighbour"].viewer
    for thing in ("answer to the city", "answer that is let out", "answer taken back from the city"):
        scene.elm.ids[thing] = await elm.write(
            city_messages.reply,
            by=nel,
            to=scene.elm.ids["city's word"],
            text=_words(thing),
            shared=thing != "answer to the city",
        )
    await scene.settle()
    await elm.write(city_messages.unshare, by=nel, post_id=scene.elm.ids["answer taken back from the city"])
    await scene.settle()


def _said(thing: str) -> dict[str, Said]:
    return {"nl": Said(title="Bericht", text=_words(thing)), "fr": Said(title="Avis", text=_words(thing))}


def _words(thing: str) -> str:
    return f"Er zingt een {expected.THINGS[thing].canary} in de straat"


async def _places(scene: Scene) -> list[int]:
    now = scene.city.place.server.clock.now()
    offered = await scene.city.place.database.read(city_messages.offered, now=now)
    return [one.id for one in offered if one.name in _CHOSEN]


async def _learn(scene: Scene) -> None:
    """By what each message is known at a neighbourhood: its copy there, or the id that the city gave it."""
    for site in (scene.elm, scene.oak):
        for thing, number in list(scene.city.ids.items()):
            uri = scene.city.place.server.addresses.note(number)
            found: Any = await site.place.database.read(city_messages.by_uri, uri)
            site.ids[thing] = found.posts[0] if found.posts else number
