"""The same acts again, while letters are lost, doubled, late and mixed up, and servers come and go.

Somebody acts as soon as they see of the thing what they saw when each act was settled before the next (`Kind.view`);
acts that have to do with each other keep their order. All else goes on beside it, and nobody waits for it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from fedhood.kernel.errors import FedhoodError
from tests.histories.acts import Act, perform, view_of
from tests.histories.history import KINDS, History, drained, gap
from tests.histories.life import Life
from tests.histories.weather import CLIMATES, Weather
from tests.histories.world import SKEWS, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.world import Town

AHEAD = 5  # of how many acts that wait the next one is chosen
MOST_STEPS = 4000


class Stuck(AssertionError):
    """Somebody never saw what they saw before, or was told no."""


async def mixed_up(history: History, town: Town, folder: Path, *, luck: int = 0) -> Life:
    """Let it all happen again. The life as it is in the end, for who looks at it and closes it.

    `luck`: another weather of the same climate.
    """
    chance = Random(f"weather {history.plan.seed} {luck or ''}")
    weather = Weather(CLIMATES[history.plan.climate], chance)
    skews = [SKEWS[0], *chance.sample(SKEWS, len(SKEWS))][chance.randrange(2) :][: len(SKEWS)]
    life = Life(open_world(town, folder, post_office=weather, skews=skews if history.plan.skewed else SKEWS[:1]))
    again = _Again(history, life, weather, chance)
    try:
        await again.everything()
        weather.heal(life.world)
        await drained(life)
    except BaseException:
        life.world.close()
        raise
    return life


class _Again:
    def __init__(self, history: History, life: Life, weather: Weather, chance: Random) -> None:
        self.life = life
        self.weather = weather
        self.chance = chance
        self.to_do = list(history.acts)

    async def everything(self) -> None:
        while self.to_do:
            await self._meanwhile()
            act = self._ready() or await self._wait()
            self.to_do.remove(act)
            self.life.world.clock.move(gap(self.chance))
            try:
                perform(KINDS[act.kind], self.life, act)
            except FedhoodError as refusal:
                raise Stuck(f"{act}: refused, {refusal.code}: {refusal.detail}") from refusal

    async def _meanwhile(self) -> None:
        for _ in range(self.chance.choice([0, 0, 1, 3, 6])):
            await self.weather.something_happens(self.life.world, None)

    def _ready(self) -> Act | None:
        """One of the next acts that can be done now."""
        waiting = self.to_do[:AHEAD]
        free = [act for place, act in enumerate(waiting) if all(act.goes_with(one) for one in waiting[:place])]
        able = [act for act in free if self._can(act)]
        return self.chance.choice(able) if able else None

    def _can(self, act: Act) -> bool:
        if self.life.person(act.by).house in self.weather.away:
            return False
        return bool(view_of(KINDS[act.kind], self.life, act) == act.saw)

    async def _wait(self) -> Act:
        acting = self.life.person(self.to_do[0].by).house
        idle = 0
        for step in range(MOST_STEPS):
            did = await self.weather.something_happens(self.life.world, acting)
            idle = 0 if did else idle + 1
            if did or idle > 2 * len(self.life.world.houses):
                act = self._ready()
                if act is not None:
                    return act
            if idle > 4 * len(self.life.world.houses):
                idle = 0
                if not self.weather.time_passes(self.life.world):
                    break
            if step == MOST_STEPS // 2:
                self.weather.heal(self.life.world)
        first = self.to_do[0]
        raise Stuck(f"{first}: waits for {first.saw!r} and sees {view_of(KINDS[first.kind], self.life, first)!r}")
