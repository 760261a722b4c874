"""A quarter of invented life: facts are written straight into the log, for the counting reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from fedhood.core import accounts, help_requests, households, interactions, metrics, moderation, neighbourhoods, posts
from fedhood.core.households.tables import HouseholdTable, MembershipTable
from fedhood.core.moderation.tables import ReportTable
from fedhood.kernel import facts
from fedhood.kernel.engine import Database, UnitOfWork

ZONE = "Europe/Brussels"
Q4 = metrics.Period(2026, 4, ZoneInfo(ZONE))
NOON = Q4.start + timedelta(days=20)
_IDS = count(1000)


@dataclass
class Life:
    """One neighbourhood, and shortcuts to let something happen in it at a moment."""

    database: Database
    place: int

    def home(self, people: int = 1, *, since: datetime = Q4.start, until: datetime | None = None) -> int:
        """A household; people move in and out."""
        return self.database.transact(self._home, people, since, until)

    def _home(self, uow: UnitOfWork, people: int, since: datetime, until: datetime | None) -> int:
        home: int = HouseholdTable.insert(neighbourhood=self.place, since=since).execute(uow.db)
        for _ in range(people):
            account = accounts.create(uow, name="Somebody", neighbourhood=self.place, language="en")
            MembershipTable.insert(account=account, household=home, since=since, until=until).execute(uow.db)
        return home

    def tell(self, fact: facts.Fact, at: datetime) -> None:
        self.database.transact(lambda uow: facts.keep(uow.db, fact, at))

    def _say(self, kind: Any, at: datetime, home: int | None, object: int | None, **more: Any) -> None:
        self.tell(kind(neighbourhood=self.place, household=home, object=object, **more), at)

    def came(self, home: int, at: datetime = NOON) -> None:
        self._say(households.SessionDay, at, home, None, day=at.date().isoformat())

    def posted(self, home: int | None, at: datetime = NOON, *, category: str = "other") -> int:
        post = next(_IDS)
        self._say(posts.PostPublished, at, home, post, category=category, audience="neighbourhood")
        return post

    def answered(self, home: int, at: datetime = NOON, *, to: int | None = None) -> int:
        reply = next(_IDS)
        self._say(posts.Replied, at, home, reply, other_household=to, post=1, to=1)
        return reply

    def thanked(
        self, home: int, post: int, at: datetime = NOON, *, of: int | None = None, account: int | None = None
    ) -> None:
        self._say(
            interactions.Thanked,
            at,
            home,
            post,
            other_household=of,
            account=account or home,
            to=1,
            elsewhere=of is None,
        )

    def took_back(self, home: int, post: int, at: datetime, *, account: int | None = None) -> None:
        self._say(interactions.ThanksTakenBack, at, home, post, account=account or home, elsewhere=False)

    def deleted(self, home: int, post: int, at: datetime, *, by_moderator: bool = False) -> None:
        self._say(posts.PostDeleted, at, home, post, by_moderator=by_moderator, is_reply=False)

    def asked(self, home: int, at: datetime = NOON) -> int:
        request = self.posted(home, at, category="help")
        self._say(help_requests.HelpAsked, at, home, request, category="carrying")
        return request

    def ended(self, home: int, request: int, at: datetime, outcome: str = "with-neighbour") -> None:
        self._say(
            help_requests.HelpResolved,
            at,
            home,
            request,
            outcome=outcome,
            revision=2,
            asker=1,
            thread=None,
            helper=None,
        )

    def withdrew(self, home: int, request: int, at: datetime) -> None:
        self._say(help_requests.HelpWithdrawn, at, home, request, revision=2, asker=1, helper=None)

    def offered(self, asker: int, helper: int | None, at: datetime = NOON) -> int:
        offer = next(_IDS)
        self._say(help_requests.HelpOffered, at, asker, 1, other_household=helper, offer=offer, asker=1, helper=2)
        return offer

    def upheld(self, post: int, reason: str, at: datetime) -> None:
        report = self.database.transact(self._report, post, reason, at)
        self._say(moderation.ReportClosed, at, None, post, report=report, outcome="upheld", reporter=1)

    def _report(self, uow: UnitOfWork, post: int, reason: str, at: datetime) -> int:
        made: int = ReportTable.insert(
            neighbourhood=self.place, reported=1, post=post, reason=reason, filed_at=at, state="upheld"
        ).execute(uow.db)
        return made

    def figures(self, period: metrics.Period = Q4) -> dict[tuple[str, str], int]:
        return self.database.look(metrics.count, neighbourhood=self.place, period=period)

    def figure(self, measure: str, cell: str = "") -> int:
        return self.figures()[measure, cell]


def settle(database: Database, name: str = "Elm", *, households: int | None = 1450) -> Life:
    """A neighbourhood with an official number of households."""
    place = database.transact(
        neighbourhoods.create,
        name=name,
        households=households,
        households_source="Statbel",
        households_on="2026-01-01",
    )
    return Life(database, place)
