"""The letters that one server got, handed to a twin of it in any order, some of them twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from tests.histories.history import History, drained
from tests.histories.houses import PostOffice
from tests.histories.life import Life
from tests.histories.sound import faults
from tests.histories.state import Glass, differences
from tests.histories.world import open_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.history import Heard
    from tests.histories.houses import Letter
    from tests.histories.state import Picture


async def heard_anew(history: History, folder: Path, *, luck: int = 0) -> list[str]:
    """What a twin of the listener made of the same letters otherwise than it did, a line each. `luck`: which order."""
    heard = history.heard
    if heard is None or not heard.letters:
        return []
    chance = Random(f"replay {history.plan.seed} {luck}")
    town = replace(heard.life.world.town, files=heard.files)
    life = Life(open_world(town, folder, post_office=PostOffice()), heard.life.book, heard.life.left)
    life.reported = heard.life.reported
    life.world.clock.reach(heard.moment)
    try:
        await _handed_over(life, heard, chance)
        await drained(life)
        found = Glass(life, life.world.houses[heard.house]).picture()
        return differences(_plain(heard.end), _plain(found)) + faults(
            life, (*history.acts, *history.tail), of=heard.house
        )
    finally:
        life.world.close()


def _plain(picture: Picture) -> Picture:
    """Without what the order tells: why an offer was refused (by what its request was then), what an answer answers,
    and so who hears of it.
    """
    return {name: _UNTOLD.get(name.partition(" ")[0], _as_it_is)(value) for name, value in picture.items()}


def _as_it_is(value: Any) -> Any:
    return value


_UNTOLD: dict[str, Callable[[Any], Any]] = {
    "offer": lambda offer: {**offer, "state": offer["state"][0]},
    "post": lambda post: {**post, "answers": None},
    "told": lambda told: [one for one in told if one[0][0] != "reply"],
}


async def _handed_over(life: Life, heard: Heard, chance: Random) -> None:
    twin = life.world.houses[heard.house]
    for letter in _mixed(heard, chance):
        answer = await twin.answer(letter)
        assert answer.status == 202, (answer.status, answer.body)
        for _ in range(chance.choice([0, 0, 1, 3])):
            await twin.work(chance)


def _mixed(heard: Heard, chance: Random) -> list[Letter]:
    """All of them in any order, some again; what one person says to one person keeps its order."""
    letters = [*heard.letters, *chance.choices(heard.letters, k=len(heard.letters) // 2)]
    chance.shuffle(letters)
    spoken: dict[str, list[Letter]] = {}
    for letter in heard.letters:
        if _is_direct(letter):
            spoken.setdefault(_signer(letter), []).append(letter)
    places: dict[str, list[Letter]] = {signer: list(said) for signer, said in spoken.items()}
    return [_next_of(places, spoken, letter) for letter in letters]


def _next_of(places: dict[str, list[Letter]], spoken: dict[str, list[Letter]], letter: Letter) -> Letter:
    """The letter itself, or what the same person said next to somebody; after the last one it comes again."""
    if not _is_direct(letter):
        return letter
    waiting = places[_signer(letter)]
    return waiting.pop(0) if waiting else letter


def _is_direct(letter: Letter) -> bool:
    return b'"fhScope":"direct"' in letter.body


def _signer(letter: Letter) -> str:
    return letter.headers["Signature"].partition("#")[0]
