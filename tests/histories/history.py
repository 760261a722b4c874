"""A history: acts in an order in which every server took them, made anew from a seed at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from fedhood.kernel.errors import FedhoodError
from tests.histories import acts_help, acts_posts, acts_town
from tests.histories.acts import Act, Kind, perform, prepared
from tests.histories.houses import Recorder
from tests.histories.life import Life
from tests.histories.sound import faults
from tests.histories.state import Glass, Picture, picture
from tests.histories.weather import CLIMATES
from tests.histories.world import next_due, open_world, settle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.histories.houses import Letter
    from tests.histories.world import Town

KINDS: dict[str, Kind] = {**acts_posts.KINDS, **acts_help.KINDS, **acts_town.KINDS}
ACTS = 24  # of each history, at least
TAIL = 14  # that follow, to which one server only listens
_TRIES = 60

# what a history is rather about: how much more often such acts are chosen
LEANINGS: dict[str, dict[str, float]] = {
    "posts": dict.fromkeys(acts_posts.KINDS, 4.0),
    "help": dict.fromkeys(acts_help.KINDS, 4.0),
    "town": dict.fromkeys(acts_town.KINDS, 6.0),
    "all": {},
}
# in the tail rather what changes something, so that one thing is spoken of again and again
_CHANGES = dict.fromkeys(
    ("edit", "remove", "thank", "unthank", "take-back", "say", "resolve", "withdraw", "release"), 4.0
)


@dataclass(frozen=True)
class Plan:
    """What a seed means."""

    seed: int
    town: str
    leaning: str
    climate: str
    skewed: bool
    acts: int

    @classmethod
    def of(cls, seed: int) -> Plan:
        chance = Random(f"plan {seed}")
        town = chance.choice(["two", "two", "three"])
        climate, skewed = chance.choice(list(CLIMATES)), chance.random() < 0.3
        return cls(seed, town, chance.choice(list(LEANINGS)), climate, skewed, ACTS + chance.randrange(12))


@dataclass(frozen=True)
class Heard:
    """What one server was told at the end of a history, and what it made of it.

    `files`: that server before, all others after; `letters`: what came to it in between, in order.
    """

    house: str
    files: dict[str, bytes]
    letters: tuple[Letter, ...]
    moment: datetime
    life: Life
    end: Picture


@dataclass
class History:
    """The acts, and what there was in the end when each was settled before the next."""

    plan: Plan
    acts: list[Act] = field(default_factory=list)
    end: Picture = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    tail: list[Act] = field(default_factory=list)
    heard: Heard | None = None

    def __str__(self) -> str:
        return "\n".join(str(act) for act in (*self.acts, *self.tail))


def gap(chance: Random) -> timedelta:
    """How long it is until somebody does something: mostly a minute, sometimes not even a second."""
    longest = chance.choices([0.9, 90, 7200], weights=[3, 5, 2])[0]
    return timedelta(milliseconds=1 + int(chance.random() * longest * 1000))


async def in_order(plan: Plan, town: Town, folder: Path, *, acts: Sequence[Act] | None = None) -> History:
    """Make the history: acts by chance, each settled everywhere before the next one; or just these `acts`.

    Raises FedhoodError when a server does not take one of `acts`.
    """
    recorder = Recorder()
    life = Life(open_world(town, folder, post_office=recorder))
    maker = _Maker(plan, life, Random(f"acts {plan.seed}"))
    history = History(plan)
    try:
        await (maker.main(history.acts) if acts is None else maker.again(history.acts, acts))
        await drained(life)
        history.end = picture(life)
        if acts is None and life.all_agreed():
            history.heard = await _listened(maker, recorder, history)
        history.faults = faults(life, (*history.acts, *history.tail))
    finally:
        life.world.close()
    return history


async def _listened(maker: _Maker, recorder: Recorder, history: History) -> Heard:
    """Some more acts, of everybody but the people of one server."""
    life = maker.life
    listener = maker.chance.choice(sorted(life.world.houses))
    before = life.world.houses[listener].database.copied()
    recorder.listen_to(life.world.houses[listener].host)
    await maker.tail(history.tail, listener)
    letters = tuple(recorder.heard)
    await drained(life)
    files = {name: before if name == listener else house.database.copied() for name, house in life.world.houses.items()}
    end = Glass(life, life.world.houses[listener]).picture()
    return Heard(listener, files, letters, life.world.clock.moment, life, end)


@dataclass
class _Maker:
    """Thinks of what might be done next, and does it."""

    plan: Plan
    life: Life
    chance: Random
    waiting: list[Act] = field(default_factory=list)

    async def main(self, acts: list[Act]) -> None:
        while len(acts) < self.plan.acts or self.waiting:
            self.life.world.clock.move(gap(self.chance))
            act = self._next(acts)
            acts.append(act)
            self.waiting += acts_town.what_follows(self.life, act)
            await at_rest(self.life)

    async def again(self, acts: list[Act], given: Sequence[Act]) -> None:
        """The same acts as another time, or some of them; what their actors see may be something else now."""
        for act in given:
            self.life.world.clock.move(gap(self.chance))
            acts.append(_done(self.life, act))
            await at_rest(self.life)

    async def tail(self, acts: list[Act], listener: str) -> None:
        """Acts of others than those who live there; all of them within a time in which letters may be late."""
        while len(acts) < TAIL:
            self.life.world.clock.move(timedelta(milliseconds=1 + self.chance.randrange(90_000)))
            number = self.plan.acts + 50 + len(acts)
            act = self._chosen(number, lambda act: self._may_be_heard(act, listener), _CHANGES)
            if act is None:
                return
            acts.append(act)
            await at_rest(self.life)

    def _may_be_heard(self, act: Act, listener: str) -> bool:
        return self.life.person(act.by).house != listener and not KINDS[act.kind].alone

    def _next(self, acts: list[Act]) -> Act:
        """Do something that can be done now, and what it was."""
        number, is_over = len(acts), len(acts) >= self.plan.acts
        if self.waiting and (is_over or self.chance.random() < 0.5):
            return _done(self.life, replace(self.waiting.pop(0), number=number))
        act = self._chosen(number, lambda act: not (self.waiting and KINDS[act.kind].alone))
        if act is None:
            somebody = min(set(self.life.world.town.people) - self.life.left)
            act = _done(self.life, Act("tell", somebody, more=("public", ()), number=number))
        return act

    def _chosen(self, number: int, suits: Callable[[Act], bool], leaning: dict[str, float] | None = None) -> Act | None:
        leaning = leaning or LEANINGS[self.plan.leaning]
        weights = [kind.weight * leaning.get(name, 1.0) for name, kind in KINDS.items()]
        for _ in range(_TRIES):
            name = self.chance.choices(list(KINDS), weights=weights)[0]
            chosen = KINDS[name].choose(self.life, self.chance)
            if chosen is None or not suits(chosen):
                continue
            try:
                return _done(self.life, replace(chosen, number=number))
            except FedhoodError:
                continue
        return None


def _done(life: Life, act: Act) -> Act:
    act = prepared(KINDS[act.kind], life, act)
    perform(KINDS[act.kind], life, act)
    return act


# -- coming to rest ----------------------------------------------------------------------------------------------------


async def at_rest(life: Life) -> None:
    """Let all that is under way arrive. The clock moves only for what waits for it."""
    for _ in range(500):
        await settle(life.world)
        if life.is_quiet():
            return
        life.world.clock.reach(next_due(life.world, parked=True) or life.world.clock.moment)
    raise AssertionError("something is under way for ever")


async def drained(life: Life) -> None:
    """Wait until nobody waits for anything: also for what never comes."""
    for _ in range(500):
        await settle(life.world)
        due = next_due(life.world, parked=True)
        if due is None:
            return
        life.world.clock.reach(due)
    raise AssertionError("something is waited for for ever")
