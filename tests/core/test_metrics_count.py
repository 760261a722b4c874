"""What is counted, said one rule at a time, and then once more against a counter that was written without looking."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedhood.core import help_requests, households, metrics, posts
from fedhood.core.metrics.count import Tally
from fedhood.kernel.facts import Told
from tests.core.quarter import NOON, Q4, Life, settle

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AFTER = Q4.end + DAY  # over, and before the cut-off
TOO_LATE = Q4.cut_off + HOUR


@pytest.fixture
def life(database) -> Life:
    return settle(database)


def statuses(life: Life) -> tuple[int, int, int]:
    return tuple(life.figure("households.status", cell) for cell in ("dormant", "seen", "contributing"))


def interactions_of(life: Life) -> tuple[int, int]:
    return life.figure("interactions.kind", "comment"), life.figure("interactions.kind", "like")


def outcomes(life: Life) -> tuple[int, int]:
    return life.figure("help.outcome", "resolved"), life.figure("help.outcome", "not-resolved")


# -- households --------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_household_is_dormant_seen_or_contributing_and_counted_once(life):
    life.home()
    seen, busy = life.home(), life.home(people=2)
    life.came(seen)
    life.came(seen, NOON + DAY)
    life.came(busy)
    life.posted(busy)
    assert statuses(life) == (1, 1, 1)


def test_connected_is_who_lives_there_on_the_last_day(life):
    life.home(until=Q4.end - DAY)
    life.home(since=Q4.end)
    life.home(until=Q4.end)
    life.home(since=Q4.end - HOUR)
    assert sum(statuses(life)) == 2


def test_what_a_household_did_that_left_is_not_counted_here(life):
    gone = life.home(until=Q4.end - DAY)
    life.posted(gone)
    life.answered(gone)
    assert life.figure("posts.total") == 0
    assert interactions_of(life) == (0, 0)


def test_who_was_here_only_before_or_after_the_quarter_is_dormant(life):
    home = life.home(since=Q4.start - 30 * DAY)
    life.came(home, Q4.start - timedelta(milliseconds=1))
    life.came(home, Q4.end)
    life.posted(home, AFTER)
    assert statuses(life) == (1, 0, 0)


def test_two_households_that_turn_out_to_be_one_are_one(life):
    keep, other = life.home(), life.home()
    for _ in range(3):
        life.posted(keep)
        life.posted(other)
    life.thanked(other, life.posted(keep), of=keep)
    life.tell(households.HouseholdMerged(neighbourhood=life.place, household=keep, other_household=other), AFTER)
    assert statuses(life) == (0, 0, 1)
    assert life.figure("posts.total") == 3
    assert interactions_of(life) == (0, 0)  # by then it was one's own post


def test_to_offer_help_contributes_also_next_door_on_the_same_server_and_unless_it_is_taken_back(life, database):
    asker, helper, fickle = life.home(), life.home(), life.home()
    life.offered(asker, helper)
    undone = life.offered(asker, fickle)
    life.tell(help_requests.HelpOfferTakenBack(object=1, offer=undone, asker=1, helper=2, sent=False), NOON + HOUR)
    oak = settle(database, "Oak")
    oak.offered(oak.home(), life.home())
    assert statuses(life) == (2, 0, 2)
    assert statuses(oak) == (1, 0, 0)


def test_to_say_that_one_met_contributes_and_to_say_no_does_not(life):
    yes, no = life.home(), life.home()
    for home, answer in ((yes, "yes"), (no, "no")):
        life.tell(
            help_requests.MeetingAnswered(neighbourhood=life.place, household=home, object=1, thread=1, answer=answer),
            NOON,
        )
    assert statuses(life) == (1, 0, 1)


# -- posts -------------------------------------------------------------------------------------------------------------


def test_three_posts_of_a_household_count_requests_for_help_among_them(life):
    home, other = life.home(), life.home()
    for _ in range(4):
        life.posted(home)
    life.asked(other)
    life.posted(None)  # nobody's household
    assert life.figure("posts.total") == 4


def test_what_its_author_deleted_before_the_cut_off_never_was(life):
    home = life.home()
    post, reply, later = life.posted(home), life.answered(home), life.posted(home)
    life.deleted(home, post, AFTER)
    life.deleted(home, reply, NOON + HOUR)
    life.deleted(home, later, TOO_LATE)
    assert life.figure("posts.total") == 1
    assert interactions_of(life) == (0, 0)


def test_what_moderators_removed_counts_unless_it_was_spam(life):
    home = life.home()
    rude, spam = life.posted(home), life.posted(home)
    for post, reason in ((rude, "unkind"), (spam, "spam")):
        life.upheld(post, reason, NOON + HOUR)
        life.deleted(home, post, NOON + HOUR, by_moderator=True)
    assert life.figure("posts.total") == 1


def test_a_cap_is_filled_by_what_stands_not_by_what_was_deleted(life):
    home = life.home()
    posted = [life.posted(home) for _ in range(5)]
    life.deleted(home, posted[0], AFTER)
    assert life.figure("posts.total") == 3


@pytest.mark.parametrize("kind", [posts.PostMirrored, help_requests.HelpMirrored])
def test_what_arrived_from_next_door_is_counted_there(life, kind):
    home = life.home()
    life.tell(kind(neighbourhood=life.place, household=home, object=5), NOON)
    life.tell(posts.ReplyMirrored(neighbourhood=life.place, household=home, object=6, post=5, to=1), NOON)
    assert statuses(life) == (1, 0, 0)
    assert life.figure("posts.total") == 0


# -- answers and thanks ------------------------------------------------------------------------------------------------


def test_thanks_within_a_household_do_not_count_and_an_answer_does(life):
    home, other = life.home(people=2), life.home()
    post = life.posted(home)
    life.thanked(home, post, of=home)
    life.thanked(other, post, of=home)
    life.answered(home, to=home)
    assert interactions_of(life) == (1, 1)


def test_a_household_thanks_for_a_post_once_however_many_live_there(life):
    home, author = life.home(people=2), life.home()
    post = life.posted(author)
    life.thanked(home, post, of=author, account=71)
    life.thanked(home, post, of=author, account=72)
    assert interactions_of(life) == (0, 1)
    life.took_back(home, post, AFTER, account=71)
    assert interactions_of(life) == (0, 1)
    life.took_back(home, post, AFTER + HOUR, account=72)
    assert interactions_of(life) == (0, 0)


def test_thanks_are_counted_as_they_stand_at_the_cut_off(life):
    home = life.home()
    for number in range(10):
        life.thanked(home, 5, NOON + 2 * number * HOUR)
        life.took_back(home, 5, NOON + (2 * number + 1) * HOUR)
    assert interactions_of(life) == (0, 0)
    life.thanked(home, 5, NOON + 30 * HOUR)
    assert interactions_of(life) == (0, 1)
    life.took_back(home, 5, TOO_LATE)
    assert interactions_of(life) == (0, 1)


def test_the_first_twenty_of_a_household_count_over_answers_and_thanks_together(life):
    home = life.home()
    for number in range(15):
        life.thanked(home, 100 + number, NOON + number * HOUR)
    for number in range(15):
        life.answered(home, NOON + (20 + number) * HOUR)
    assert interactions_of(life) == (5, 15)
    life.took_back(home, 100, AFTER)  # then the next one has room
    assert interactions_of(life) == (6, 14)


# -- help --------------------------------------------------------------------------------------------------------------


def test_help_counts_when_a_neighbour_helped_within_14_days(life):
    for after, outcome in ((14 * DAY, "with-neighbour"), (15 * DAY, "with-neighbour"), (DAY, "otherwise")):
        home = life.home()
        life.ended(home, life.asked(home), NOON + after, outcome)
    life.asked(life.home())
    assert outcomes(life) == (1, 3)


def test_a_request_of_the_last_day_is_resolved_after_the_end(life):
    home = life.home()
    life.ended(home, life.asked(home, Q4.end - HOUR), Q4.end + 13 * DAY)
    assert outcomes(life) == (1, 0)


def test_only_the_first_request_of_a_household_counts(life):
    home = life.home()
    life.asked(home)
    life.ended(home, life.asked(home, NOON + DAY), NOON + 2 * DAY)
    assert outcomes(life) == (0, 1)


def test_what_was_taken_back_within_the_hour_was_never_asked_and_the_next_is_the_first(life):
    home, other = life.home(), life.home()
    life.withdrew(home, life.asked(home), NOON + HOUR)
    life.ended(home, life.asked(home, NOON + DAY), NOON + 2 * DAY)
    life.withdrew(other, life.asked(other), NOON + HOUR + timedelta(milliseconds=1))
    assert outcomes(life) == (1, 1)


def test_a_request_that_its_author_deleted_or_that_was_spam_is_not_counted(life):
    home, other = life.home(), life.home()
    life.deleted(home, life.asked(home), AFTER)
    life.upheld(life.asked(other), "spam", AFTER)
    assert outcomes(life) == (0, 0)


def test_neighbourhoods_of_one_server_are_counted_apart(life, database):
    oak = settle(database, "Oak")
    life.posted(life.home())
    for _ in range(2):
        oak.posted(oak.home())
    assert (life.figure("posts.total"), oak.figure("posts.total")) == (1, 2)


def test_every_cell_of_every_measure_that_is_counted_is_there_even_when_nothing_happened(life):
    expected = {(one.name, cell) for one in metrics.MEASURES if one.cap for cell in one.cells or ("",)}
    assert dict.fromkeys(expected, 0) == life.figures()


# -- against a counter that was written without looking ----------------------------------------------------------------

HOMES = (1, 2, 3, 4)
acts = st.tuples(
    st.sampled_from(["post", "reply", "like", "unlike", "delete", "spam", "ask", "resolve", "withdraw", "day"]),
    st.sampled_from(HOMES),
    st.integers(0, 5),  # which thing, or whose
    st.integers(0, 106 * 24),  # hours since the beginning: the quarter has 92 days, and 14 follow
)


def independent(history):
    """Counts by looking at each thing in turn and asking what became of it; shares nothing with the tally."""
    end, last = (Q4.end - Q4.start) / HOUR, (Q4.cut_off - Q4.start) / HOUR
    seen, things = set(), []
    for position, (act, home, number, hour) in enumerate(history):
        if hour > last:
            continue
        if act == "day" and hour < end:
            seen.add(home)
        if act in {"post", "reply", "ask"} and hour < end:
            things.append({"act": act, "home": home, "at": hour, "order": position, "gone": False, "ended": None})
        done = [thing for thing in things if thing["order"] < position]
        if act in {"delete", "spam", "resolve", "withdraw"} and done:
            thing = done[number % len(done)]
            if act in {"delete", "spam"}:
                thing["gone"] = True
            elif thing["act"] == "ask" and not thing["ended"]:
                thing["ended"] = (act, hour - thing["at"])
    likes = {}
    for position, (act, home, number, hour) in enumerate(history):
        if hour > last:
            continue
        if act == "like" and hour < end and number != home:
            likes.setdefault((home, number), position)
        if act == "unlike":
            likes.pop((home, number), None)
    standing = [thing for thing in things if not thing["gone"]]
    items = [thing for thing in standing if thing["act"] in {"post", "ask"}]
    stream = sorted(
        [(thing["order"], thing["home"], "comment") for thing in standing if thing["act"] == "reply"]
        + [(position, home, "like") for (home, _), position in likes.items()]
    )
    kinds = {"comment": 0, "like": 0}
    for home in HOMES:
        for _, _, kind in [one for one in stream if one[1] == home][:20]:
            kinds[kind] += 1
    outcome = {"resolved": 0, "not-resolved": 0}
    for home in HOMES:
        asked = [
            thing
            for thing in standing
            if thing["act"] == "ask"
            and thing["home"] == home
            and not (thing["ended"] and thing["ended"][0] == "withdraw" and thing["ended"][1] <= 1)
        ]
        if asked:
            ended = asked[0]["ended"]
            came = ended is not None and ended[0] == "resolve" and ended[1] <= 14 * 24
            outcome["resolved" if came else "not-resolved"] += 1
    busy = {thing["home"] for thing in standing} | {home for home, _ in likes}
    return {
        ("households.status", "dormant"): len(set(HOMES) - busy - seen),
        ("households.status", "seen"): len(seen - busy),
        ("households.status", "contributing"): len(busy),
        ("posts.total", ""): sum(min(3, sum(item["home"] == home for item in items)) for home in HOMES),
        **{("interactions.kind", kind): number for kind, number in kinds.items()},
        **{("help.outcome", cell): number for cell, number in outcome.items()},
    }


class Tale:
    """The same history as facts, in memory."""

    def __init__(self):
        self.facts, self.things, self.closed = [], [], []

    def fact(self, kind, hour, home, object, **rest):
        at = Q4.start + hour * HOUR
        if at <= Q4.cut_off:
            told = {"cursor": 0, "neighbourhood": 1, "other_household": rest.pop("of", None), "rest": rest}
            self.facts.append(Told(id=len(self.facts), kind=kind, at=at, household=home, object=object, **told))

    def told(self, history):
        end, last = (Q4.end - Q4.start) / HOUR, (Q4.cut_off - Q4.start) / HOUR
        for position, (act, home, number, hour) in enumerate(history):
            if hour > last:
                continue
            match act:
                case "day":
                    self.fact("session.day", hour, home, None)
                case "post" | "reply" | "ask":
                    if hour < end:
                        self.things.append((position + 1, act, home, hour))
                    self._made(act, hour, home, position + 1)
                case "like":
                    self.fact("thanks.given", hour, home, 900 + number, account=home, of=number or None)
                case "unlike":
                    self.fact("thanks.taken-back", hour, home, 900 + number, account=home)
                case _ if self.things:
                    self._done(act, hour, self.things[number % len(self.things)])
        return self.facts

    def _made(self, act, hour, home, object):
        if act != "reply":
            self.fact("post.published", hour, home, object)
        if act == "ask":
            self.fact("help.asked", hour, home, object)
        if act == "reply":
            self.fact("reply.published", hour, home, object)

    def _done(self, act, hour, thing):
        object, kind, home, _ = thing
        if act == "delete":
            self.fact("post.deleted", hour, home, object, by_moderator=False)
        elif act == "spam":
            self.fact("report.closed", hour, None, object, outcome="upheld", report=1)
        elif kind == "ask" and thing not in self.closed:
            self.closed.append(thing)
            name = "help.resolved" if act == "resolve" else "help.withdrawn"
            self.fact(name, hour, home, object, outcome="with-neighbour")


@given(st.lists(acts, max_size=120))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_history_is_counted_as_a_second_counter_counts_it(history):
    history = sorted(history, key=lambda act: act[3])
    tally = Tally(homes=set(HOMES), merged={}, end=Q4.end, was_spam=lambda report: report == 1)
    for fact in Tale().told(history):
        tally.take(fact)
    assert tally.figures() == independent(history)


@given(st.lists(acts, max_size=120), st.sampled_from(HOMES))
@settings(max_examples=100, deadline=None)
def test_one_household_moves_no_figure_by_more_than_its_cap(history, home):
    history = sorted((act for act in history if act[0] not in {"delete", "spam"}), key=lambda act: act[3])

    def figures(homes, told):
        tally = Tally(homes=homes, merged={}, end=Q4.end, was_spam=lambda _: False)
        for fact in told:
            tally.take(fact)
        return tally.figures()

    told = Tale().told(history)
    everyone = figures(set(HOMES), told)
    without = figures(set(HOMES) - {home}, told)
    for measure, cap in metrics.CAPS.items():
        moved = sum(abs(everyone[cell] - without[cell]) for cell in everyone if cell[0] == measure)
        assert moved <= cap, measure
