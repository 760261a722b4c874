"""Counts a quarter of one neighbourhood: one pass over the log, no table of posts or people is asked.

Counted are the households in which somebody lives at the end of the last day; what they did is read from the facts of
the quarter, and until the cut-off from what undoes them. Mirrors of other servers have facts that no measure reads.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from fedhood.core import help_requests, households, interactions, moderation, posts
from fedhood.core.metrics.model import CAPS, HELP_COUNTS, NEVER_ASKED
from fedhood.kernel.facts import FactTable, Told, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    import peewee

    from fedhood.core.metrics.model import Cell
    from fedhood.core.metrics.quarters import Period

_A_MOMENT = timedelta(milliseconds=1)


def count(db: peewee.Database, *, neighbourhood: int, period: Period) -> dict[Cell, int]:
    """Every cell of every measure that is counted: whole numbers from zero, capped for each household."""
    merged = _merged(db, neighbourhood, period.cut_off)
    connected = households.connected_on(db, neighbourhood, period.end - _A_MOMENT)
    tally = Tally(
        homes={merged.get(home, home) for home in connected},
        merged=merged,
        end=period.end,
        was_spam=lambda report: moderation.report_row(db, report).reason is moderation.Reason.SPAM,
    )
    for fact in _facts(db, neighbourhood, period):
        tally.take(fact)
    return tally.figures()


def _facts(db: peewee.Database, neighbourhood: int, period: Period) -> Iterable[Told]:
    # an offer is told where the request lives; the helper may live in another neighbourhood of this server
    here = (FactTable.neighbourhood == neighbourhood) | (FactTable.kind == help_requests.HelpOffered.kind)
    undone = FactTable.kind == help_requests.HelpOfferTakenBack.kind
    rows = (
        FactTable.select()
        .where(
            FactTable.kind.in_(list(Tally.TAKES)),
            FactTable.at >= period.start,
            FactTable.at <= period.cut_off,
            here | undone,
        )
        .order_by(FactTable.at, FactTable.id)
    )
    return map(told, rows.execute(db).iterator())


def _merged(db: peewee.Database, neighbourhood: int, until: datetime) -> dict[int, int]:
    """Which household goes on for one that turned out to be the same home."""
    rows = (
        FactTable.select()
        .where(
            FactTable.kind == households.HouseholdMerged.kind,
            FactTable.neighbourhood == neighbourhood,
            FactTable.at <= until,
        )
        .order_by(FactTable.id)
    )
    merged: dict[int, int] = {}
    for row in rows.execute(db):
        merged = {old: row.household if kept == row.other_household else kept for old, kept in merged.items()}
        merged[row.other_household] = row.household
    return merged


@dataclasses.dataclass(slots=True)
class _Request:
    home: int
    asked_at: datetime
    resolved: bool = False


class Tally:
    """What the households of one neighbourhood did in one quarter, fact by fact in the order in which they happened.

    `was_spam` answers for the number of a complaint whether it called something spam.
    """

    def __init__(
        self, *, homes: set[int], merged: dict[int, int], end: datetime, was_spam: Callable[[int], bool]
    ) -> None:
        self._homes = homes
        self._merged = merged
        self._end = end
        self._was_spam = was_spam
        self._seen: set[int] = set()
        self._met: set[int] = set()
        self._posts: dict[int, int] = {}
        self._requests: dict[int, _Request] = {}
        self._offers: dict[int, int] = {}
        # comments by their id, thanks by household and post: in the order of the first that still stands
        self._comments: dict[int, tuple[int, int]] = {}
        self._thanks: dict[tuple[int, int], tuple[int, set[int]]] = {}
        self._order = 0

    def take(self, fact: Told) -> None:
        """One more fact; of those after the end only the ones that undo something count."""
        action, undoes = self.TAKES[fact.kind]
        if undoes or fact.at < self._end:
            self._order += 1
            action(self, fact)

    # -- what adds -----------------------------------------------------------------------------------------------------

    def _home(self, household: int | None) -> int | None:
        """The household that counts for this one; None for a household that is not counted here."""
        home = self._merged.get(household, household) if household is not None else None
        return home if home in self._homes else None

    def _day(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is not None:
            self._seen.add(home)

    def _post(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is not None and fact.object is not None:
            self._posts[fact.object] = home

    def _comment(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is not None and fact.object is not None:
            self._comments[fact.object] = (self._order, home)

    def _thank(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is None or fact.object is None or home == self._home(fact.other_household):
            return
        _, people = self._thanks.setdefault((home, fact.object), (self._order, set()))
        people.add(fact.rest["account"])

    def _ask(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is not None and fact.object is not None:
            self._requests[fact.object] = _Request(home, fact.at)

    def _offer_here(self, fact: Told) -> None:
        self._offer(self._home(fact.other_household), fact)

    def _offer_there(self, fact: Told) -> None:
        self._offer(self._home(fact.household), fact)

    def _offer(self, home: int | None, fact: Told) -> None:
        if home is not None:
            self._offers[fact.rest["offer"]] = home

    def _meet(self, fact: Told) -> None:
        home = self._home(fact.household)
        if home is not None and fact.rest["answer"] == help_requests.Met.YES:
            self._met.add(home)

    # -- what undoes, or comes of it -----------------------------------------------------------------------------------

    def _take_thanks_back(self, fact: Told) -> None:
        key = (self._home(fact.household) or 0, fact.object or 0)
        if key in self._thanks:
            people = self._thanks[key][1]
            people.discard(fact.rest["account"])
            if not people:
                del self._thanks[key]

    def _take_offer_back(self, fact: Told) -> None:
        self._offers.pop(fact.rest["offer"], None)

    def _resolve(self, fact: Told) -> None:
        request = self._requests.get(fact.object or 0)
        if request is not None and fact.rest["outcome"] == help_requests.Outcome.WITH_NEIGHBOUR:
            request.resolved = fact.at - request.asked_at <= HELP_COUNTS

    def _withdraw(self, fact: Told) -> None:
        request = self._requests.get(fact.object or 0)
        if request is not None and fact.at - request.asked_at <= NEVER_ASKED:
            del self._requests[fact.object or 0]

    def _delete(self, fact: Told) -> None:
        # what moderators removed did happen, unless it was spam: that is said by a complaint that they upheld
        if not fact.rest["by_moderator"]:
            self._forget(fact.object or 0)

    def _close_report(self, fact: Told) -> None:
        if (
            fact.object is not None
            and fact.rest["outcome"] == moderation.ReportState.UPHELD
            and self._was_spam(fact.rest["report"])
        ):
            self._forget(fact.object)

    def _forget(self, post: int) -> None:
        self._posts.pop(post, None)
        self._comments.pop(post, None)
        self._requests.pop(post, None)

    # -- the figures ---------------------------------------------------------------------------------------------------

    def figures(self) -> dict[Cell, int]:
        """All cells."""
        return self._status() | self._total_of_posts() | self._interactions() | self._help()

    def _status(self) -> dict[Cell, int]:
        contributing = (
            {*self._posts.values(), *self._offers.values(), *self._met}
            | {home for _, home in self._comments.values()}
            | {home for home, _ in self._thanks}
            | {request.home for request in self._requests.values()}
        )
        seen = self._seen - contributing
        return {
            ("households.status", "dormant"): len(self._homes) - len(contributing) - len(seen),
            ("households.status", "seen"): len(seen),
            ("households.status", "contributing"): len(contributing),
        }

    def _total_of_posts(self) -> dict[Cell, int]:
        each: dict[int, int] = {}
        for home in self._posts.values():
            each[home] = each.get(home, 0) + 1
        return {("posts.total", ""): sum(min(number, CAPS["posts.total"]) for number in each.values())}

    def _interactions(self) -> dict[Cell, int]:
        """The first twenty of a household in the order in which they happened, over both kinds."""
        acts = [(order, home, "comment") for order, home in self._comments.values()]
        acts += [(order, home, "like") for (home, _), (order, _) in self._thanks.items()]
        figures = {("interactions.kind", "comment"): 0, ("interactions.kind", "like"): 0}
        left: dict[int, int] = {}
        for _, home, kind in sorted(acts):
            left[home] = left.get(home, CAPS["interactions.kind"]) - 1
            if left[home] >= 0:
                figures["interactions.kind", kind] += 1
        return figures

    def _help(self) -> dict[Cell, int]:
        """The first request of each household that stands."""
        first: dict[int, bool] = {}
        for request in self._requests.values():
            first.setdefault(request.home, request.resolved)
        resolved = sum(first.values())
        return {("help.outcome", "resolved"): resolved, ("help.outcome", "not-resolved"): len(first) - resolved}

    # which fact is counted how, and whether it still matters after the end: one table
    TAKES: ClassVar[dict[str, tuple[Callable[[Any, Told], None], bool]]] = {
        households.SessionDay.kind: (_day, False),
        posts.PostPublished.kind: (_post, False),
        posts.Replied.kind: (_comment, False),
        interactions.Thanked.kind: (_thank, False),
        help_requests.HelpAsked.kind: (_ask, False),
        help_requests.HelpOffered.kind: (_offer_here, False),
        help_requests.HelpOfferSent.kind: (_offer_there, False),
        help_requests.MeetingAnswered.kind: (_meet, False),
        interactions.ThanksTakenBack.kind: (_take_thanks_back, True),
        help_requests.HelpOfferTakenBack.kind: (_take_offer_back, True),
        help_requests.HelpResolved.kind: (_resolve, True),
        help_requests.HelpWithdrawn.kind: (_withdraw, True),
        posts.PostDeleted.kind: (_delete, True),
        moderation.ReportClosed.kind: (_close_report, True),
    }
