"""The network between the servers, as bad as a seed makes it.

A letter may be lost before it arrived or after it was handled, arrive twice, or lie somewhere and arrive again when
nobody expects it any more; a server may be away for hours or days, and what it had in memory may be gone afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from fedhood.kernel.errors import RemoteFailure
from tests.histories.houses import Letter, PostOffice
from tests.histories.world import next_due

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.adapters.http.client import Answer
    from tests.histories.houses import House
    from tests.histories.world import World

# who tries for days and is never heard gives up in the end, as they should: half of the time somebody is heard
MOST_FAILED = 4
# within the three days for which a server tries to understand what it has heard
MOST_OUTAGES = timedelta(hours=60)


Link = tuple[str, str, str]  # from where to where, and how


@dataclass(frozen=True)
class Climate:
    """How likely each mishap is, of a letter or of a moment."""

    lost: float = 0.0
    answer_lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    away: float = 0.0
    crash: float = 0.0


CLIMATES: dict[str, Climate] = {
    "calm": Climate(),
    "rain": Climate(lost=0.1, answer_lost=0.1, twice=0.1, late=0.1, crash=0.01),
    "storm": Climate(lost=0.3, answer_lost=0.2, twice=0.2, late=0.3, crash=0.03),
    "outages": Climate(lost=0.02, answer_lost=0.05, twice=0.05, late=0.1, away=0.06, crash=0.02),
}


def _has_jobs(db: peewee.Database) -> bool:
    return db.execute_sql("SELECT 1 FROM job LIMIT 1").fetchone() is not None


@dataclass
class Weather(PostOffice):
    """A post office in bad weather. It is good weather once it is `healed`."""

    climate: Climate
    chance: Random
    houses: dict[str, House] = field(default_factory=dict)
    away: dict[str, datetime] = field(default_factory=dict)  # server → when it is back
    lying: list[Letter] = field(default_factory=list)
    failed: dict[Link, int] = field(default_factory=dict)  # how often since the last few were spared
    spared: dict[Link, int] = field(default_factory=dict)
    healed: bool = False
    outages: timedelta = timedelta(0)  # how long somebody was away so far

    async def carry(self, source: House, letter: Letter) -> Answer:
        target = self.houses[letter.host]
        if target.name in self.away or source.name in self.away:
            raise RemoteFailure("cannot be reached", code="unreachable")
        if self.healed:
            return await self._hand_over(target, letter)
        link = (source.name, target.name, letter.method)
        if self._fails(link, self.climate.lost):
            raise RemoteFailure("did not answer in time", code="timeout")
        if letter.method == "POST" and self._happens(self.climate.late):
            self.lying.append(letter)
            if self._fails(link, 0.5):
                raise RemoteFailure("did not answer in time", code="timeout")
        answer = await self._hand_over(target, letter)
        if self._happens(self.climate.twice):
            answer = await self._hand_over(target, letter)
        if self._fails(link, self.climate.answer_lost):
            raise RemoteFailure("did not answer in time", code="timeout")
        self.spared[link] = max(0, self.spared.get(link, 0) - 1)
        return answer

    def _fails(self, link: Link, likely: float) -> bool:
        """Whether a letter meets with this; after a few that did, the next few do not."""
        if self.spared.get(link, 0) or not self._happens(likely):
            return False
        self.failed[link] = self.failed.get(link, 0) + 1
        if self.failed[link] == MOST_FAILED:
            self.failed[link], self.spared[link] = 0, MOST_FAILED
        return True

    async def _hand_over(self, target: House, letter: Letter) -> Answer:
        answer = await target.answer(letter)
        assert answer.status != 500, f"{letter.url}: {letter.body!r}"
        return answer

    async def find_lying(self) -> bool:
        """A letter that lay somewhere arrives. Whether there was one."""
        if not self.lying:
            return False
        letter = self.lying.pop(self.chance.randrange(len(self.lying)))
        target = self.houses[letter.host]
        if target.name not in self.away:
            await self._hand_over(target, letter)
        return True

    def heal(self, world: World) -> None:
        """From now on everything arrives, and everybody is there."""
        self.healed = True
        if self.away:
            world.clock.reach(max(self.away.values()))
        self._come_back(world)

    def _happens(self, likely: float) -> bool:
        return likely > 0 and self.chance.random() < likely

    # -- what goes on meanwhile ----------------------------------------------------------------------------------------

    async def something_happens(self, world: World, acting: str | None) -> bool:
        """One step of somebody's work, a letter found again, a crash, an outage. Whether anything came of it.

        `acting`: the server where somebody is waited for, which does not go away just now.
        """
        self._come_back(world)
        if not self.healed:
            if self._happens(self.climate.crash):
                self.chance.choice(list(world.houses.values())).crash()
            if self._happens(self.climate.away) and not self.away:
                self._goes_away(world, acting)
            if self.lying and self._happens(0.2):
                return await self.find_lying()
        house = self.chance.choice([house for house in world.houses.values() if house.name not in self.away])
        return await house.work(self.chance)

    def _goes_away(self, world: World, acting: str | None) -> None:
        name = self.chance.choice(sorted(world.houses))
        # who looks for somebody new gives up within a day
        looks = any(house.read(_has_jobs) for house in world.houses.values())
        if name != acting and not looks:
            longest = self.chance.choice([600, 6 * 3600, 40 * 3600])
            span = timedelta(seconds=60 + self.chance.randrange(longest))
            if self.outages + span <= MOST_OUTAGES:
                self.outages += span
                self.away[name] = world.clock.moment + span

    def _come_back(self, world: World) -> None:
        for name, moment in list(self.away.items()):
            if moment <= world.clock.moment:
                del self.away[name]
                world.houses[name].crash()

    def time_passes(self, world: World) -> bool:
        """To the next moment at which somebody has something to do. False: nobody ever has."""
        due = [moment for moment in (next_due(world, parked=True), *self.away.values()) if moment is not None]
        if not due:
            return False
        world.clock.reach(min(due))
        return True
