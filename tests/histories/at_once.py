"""Acts of everybody at any moment, also while letters are made, under way and answered, in bad weather.

Two people may choose at once what cannot both be: then the home of the thing decides. So there is nothing to be
compared with; when all is quiet, every server must say what the home of each thing says (`agreeing`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from fedhood.kernel.errors import FedhoodError
from tests.histories import acts_town, houses
from tests.histories.acts import Act, perform
from tests.histories.history import KINDS, LEANINGS, Plan, at_rest, drained, gap
from tests.histories.life import Life
from tests.histories.weather import CLIMATES, Weather
from tests.histories.world import SKEWS, open_world

if TYPE_CHECKING:
    from pathlib import Path

    from fedhood.adapters.http.client import Answer
    from tests.histories.houses import House, Letter
    from tests.histories.world import Town

# what is put off is tried for three days, and nobody is away for longer than that
SHORT_PAUSE = timedelta(hours=25)
_TRIES = 40
_BESIDE = 0.06  # how likely somebody acts just while something is made, or a letter is under way


@dataclass
class Restless(Weather):
    """Bad weather in which people do not wait for letters."""

    crowd: Crowd | None = None

    async def carry(self, source: House, letter: Letter) -> Answer:
        self._somebody_acts()
        answer = await super().carry(source, letter)
        self._somebody_acts()
        return answer

    def _somebody_acts(self) -> None:
        if self.crowd is not None and not self.healed and self._happens(_BESIDE):
            self.crowd.act(beside=True)


@dataclass
class Crowd:
    """Everybody, and what they did."""

    plan: Plan
    life: Life
    weather: Restless
    chance: Random
    done: list[Act] = field(default_factory=list)
    waiting: list[Act] = field(default_factory=list)
    busy: bool = False

    def act(self, *, beside: bool = False) -> None:
        """Somebody does something that their server takes. `beside`: at a moment that does not last."""
        if self.busy:
            return
        self.busy = True
        weights = [kind.weight * LEANINGS[self.plan.leaning].get(name, 1.0) for name, kind in KINDS.items()]
        for _ in range(_TRIES):
            name = self.chance.choices(list(KINDS), weights=weights)[0]
            chosen = KINDS[name].choose(self.life, self.chance)
            if chosen is None or (beside and chosen.kind == "pause"):
                continue
            if self._can(chosen) and self._did(replace(chosen, number=len(self.done))):
                break
        self.busy = False

    def _can(self, act: Act) -> bool:
        is_there = self.life.person(act.by).house not in self.weather.away
        return is_there and not (self.waiting and act.kind == "part")

    def _did(self, act: Act) -> bool:
        try:
            perform(KINDS[act.kind], self.life, act)
        except FedhoodError:
            return False
        self.done.append(act)
        self.waiting += acts_town.what_follows(self.life, act)
        return True

    def follow(self) -> None:
        """What follows from something is done, when it can be."""
        can = self.waiting and self._can(replace(self.waiting[0], kind="propose"))
        if can and self._did(replace(self.waiting[0], number=len(self.done))):
            self.waiting.pop(0)


async def all_at_once(plan: Plan, town: Town, folder: Path) -> tuple[Life, list[Act]]:
    """Let everybody act. The life as it is in the end, for who looks at it and closes it, and what was done."""
    chance = Random(f"at once {plan.seed}")
    weather = Restless(CLIMATES[plan.climate if plan.climate != "calm" else "storm"], chance)
    life = Life(open_world(town, folder, post_office=weather, skews=SKEWS if plan.skewed else SKEWS[:1]))
    life.pause = SHORT_PAUSE
    weather.crowd = crowd = Crowd(plan, life, weather, chance)
    houses.beside = lambda: chance.random() < _BESIDE and not weather.healed and crowd.act(beside=True)
    try:
        await _live(crowd)
    except BaseException:
        life.world.close()
        raise
    finally:
        houses.beside = None
    return life, crowd.done


async def _live(crowd: Crowd) -> None:
    life, weather, chance = crowd.life, crowd.weather, crowd.chance
    while len(crowd.done) < crowd.plan.acts:
        life.world.clock.move(gap(chance) / 4)
        crowd.act()
        for _ in range(chance.choice([0, 0, 1, 3, 6])):
            if not await weather.something_happens(life.world, None) and chance.random() < 0.2:
                weather.time_passes(life.world)
        if chance.random() < 0.3:
            crowd.follow()
    weather.heal(life.world)
    await at_rest(life)
    while crowd.waiting:
        before = len(crowd.done)
        crowd.follow()
        await at_rest(life)
        if len(crowd.done) == before:
            break  # they did not find each other
    await drained(life)
