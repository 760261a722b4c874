"""The city: its list, what it takes, what it refuses and why, and how a quarter stands."""

import dataclasses
from datetime import timedelta
from itertools import permutations

import pytest

from fedhood.core import metrics
from fedhood.core.access import NOBODY, Role, Viewer
from fedhood.core.metrics import AreaState, Handed, Observation, ReceivedState, ReportReceived, ReportRefusedHere, Why
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import Forbidden, Invalid, Unauthenticated
from tests.core.quarter import Q4, ZONE

CLERK = Viewer(account=1, rights=frozenset({(Role.CLERK, None)}))
LIST = """name,host,households,source,date
Elm,elm.example,1450,"Statbel, households",2026-01-01
Oak,oak.example,1570,Statbel,2026-01-01
"""
FIGURES = (
    Observation(measure="households.status", cell="dormant", value=1, cap=1),
    Observation(measure="households.status", cell="seen", value=3, cap=1),
    Observation(measure="households.status", cell="contributing", value=8, cap=1),
    Observation(measure="posts.total", value=14, cap=3),
    Observation(measure="meetings.attendance", status=metrics.Status.NOT_COLLECTED, reason="module-off"),
)


def handed(period=Q4, sequence=1, previous=None, *, host="elm.example", name="Elm", digest="", **more) -> Handed:
    uri = f"https://{host}/metrics/v1/reports/{name.lower()}/{period.id}/{more.get('revision', 1)}"
    made = Handed(
        uri=uri,
        raw=b"{}",
        digest=digest or f"z{name}{sequence}",
        area_uri=f"https://{host}/areas/{name.lower()}",
        area_name=name,
        period=period.id,
        first_day=period.first_day.isoformat(),
        last_day=period.last_day.isoformat(),
        time_zone=ZONE,
        sequence=sequence,
        previous=previous,
        revision=1,
        supersedes=None,
        observations=FIGURES,
    )
    return dataclasses.replace(made, **more)


def following(report: Handed, **more) -> Handed:
    """The report that comes after this one in the same chain."""
    when = metrics.period(report.period, Q4.zone).following()
    return handed(when, report.sequence + 1, (report.uri, report.digest), **more)


class City:
    def __init__(self, database, clock):
        self.database, self.clock = database, clock
        self.peers = {host: database.transact(self._peer, host) for host in ("elm.example", "oak.example")}

    def _peer(self, uow, host):
        return PeerTable.insert(host=host, state="agreed", trust="neighbour", added_at=uow.now).execute(uow.db)

    def list(self, text=LIST, by=CLERK):
        self.database.transact(metrics.set_up_areas, by=by, name="Mechelen", entries=metrics.read_list(text))

    def receive(self, report, host="elm.example"):
        return self.database.transact(metrics.receive, peer=self.peers[host], handed=report)

    def overview(self, period=Q4):
        return self.database.look(metrics.overview, period=period, now=self.clock.now())

    def states(self, period=Q4):
        return {row.area.name: row.state for row in self.overview(period).rows}


@pytest.fixture
def city(database, clock) -> City:
    made = City(database, clock)
    made.list()
    clock.set(Q4.due)
    return made


# -- what counts -------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_report_of_a_listed_neighbourhood_counts_and_the_neighbourhood_is_told(city, consequences):
    verdict = city.receive(handed())
    assert (verdict.why, verdict.digest) == (None, "zElm1")
    told = [fact for fact in consequences.facts if isinstance(fact, ReportReceived)]
    assert [(fact.object, fact.peer) for fact in told] == [(verdict.report, city.peers["elm.example"])]
    assert city.states() == {"Elm": AreaState.REPORTED, "Oak": AreaState.LATE}


@pytest.mark.both_databases
def test_the_totals_are_of_those_who_reported_and_the_heading_says_how_many_those_are(city):
    city.receive(handed())
    found = city.overview()
    assert (found.reported, len(found.rows), found.percent) == (1, 2, 48)
    assert found.totals["posts.total", ""] == 14
    assert ("meetings.attendance", "") not in found.totals
    city.receive(handed(host="oak.example", name="Oak"), "oak.example")
    found = city.overview()
    assert (found.reported, found.percent, found.totals["posts.total", ""]) == (2, 100, 28)


def test_the_same_bytes_again_are_the_same_report(city, consequences):
    assert city.receive(handed()) == city.receive(handed())
    assert sum(isinstance(fact, ReportReceived) for fact in consequences.facts) == 1
    assert city.overview().totals["posts.total", ""] == 14


def test_a_chain_is_counted_link_by_link(city, clock):
    first = handed()
    second = following(first)
    city.receive(first)
    clock.set(Q4.following().cut_off)
    assert city.receive(second).why is None
    assert city.states(Q4.following())["Elm"] is AreaState.REPORTED


def test_a_correction_takes_the_place_of_what_it_corrects(city):
    first = handed()
    city.receive(first)
    better = handed(
        sequence=2,
        previous=(first.uri, first.digest),
        revision=2,
        supersedes=first.uri,
        observations=(dataclasses.replace(FIGURES[3], value=9),),
    )
    assert city.receive(better).why is None
    assert city.overview().totals == {("posts.total", ""): 9}


# -- what does not count -----------------------------------------------------------------------------------------------


def refusals(consequences):
    return [fact for fact in consequences.facts if isinstance(fact, ReportRefusedHere)]


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (handed(Q4.following()), Why.PERIOD),
        (handed(time_zone="Mars/Olympus"), Why.PERIOD),
        (handed(time_zone="../../etc/passwd"), Why.PERIOD),
        (dataclasses.replace(handed(), period="2026"), Why.PERIOD),
        (handed(last_day="2026-12-30"), Why.PERIOD),
        (handed(observations=(dataclasses.replace(FIGURES[2], value=1451),)), Why.HOUSEHOLDS),
        (handed(sequence=2), Why.GAP),
        (handed(previous=("https://elm.example/x", "zX")), Why.GAP),
        (handed(revision=2, supersedes="https://elm.example/x"), Why.REVISION),
    ],
)
def test_a_report_that_cannot_count_is_refused_with_the_reason(city, consequences, report, why):
    verdict = city.receive(report)
    assert verdict.why is why
    assert verdict.reason.startswith(f"{why}: ")
    assert [fact.why for fact in refusals(consequences)] == [why]
    row = next(row for row in city.overview().rows if row.area.name == "Elm")
    assert row.figures == ()
    if report.period == Q4.id:
        assert (row.state, row.why) == (AreaState.REFUSED, why)


def test_all_households_may_be_connected(city):
    full = handed(observations=(dataclasses.replace(FIGURES[2], value=1450),))
    assert city.receive(full).why is None


def test_a_quarter_is_reported_once(city):
    first = handed()
    city.receive(first)
    again = handed(sequence=2, previous=(first.uri, first.digest), uri=first.uri + "0")
    assert city.receive(again).why is Why.TWICE


def test_two_reports_for_one_place_in_the_chain_refuse_each_other_whichever_comes_again(city, consequences):
    one, other = handed(digest="zOne"), handed(digest="zOther")
    city.receive(one)
    assert city.receive(other).why is Why.FORK
    assert city.receive(one).why is Why.FORK
    assert city.receive(other).why is Why.FORK
    assert city.receive(handed(digest="zThird")).why is Why.FORK
    assert city.states()["Elm"] is AreaState.REFUSED
    assert city.overview().totals == {}
    assert [fact.why for fact in refusals(consequences)] == [Why.FORK] * 3


def test_a_gap_is_closed_by_the_report_that_was_missing(city, clock, consequences):
    first = handed()
    second = following(first)
    third = following(second)
    clock.set(Q4.following().following().cut_off)
    assert city.receive(third).why is Why.GAP
    assert city.receive(second).why is Why.GAP
    city.receive(first)
    when = Q4
    for _ in range(3):
        assert city.states(when)["Elm"] is AreaState.REPORTED
        when = when.following()
    assert sum(isinstance(fact, ReportReceived) for fact in consequences.facts) == 3


def test_in_whatever_order_a_chain_arrives_it_is_counted_whole(city, clock):
    clock.set(Q4.cut_off + timedelta(days=500))
    orders = {f"p{number}.example": order for number, order in enumerate(permutations(range(4)))}
    city.peers = {host: city.database.transact(city._peer, host) for host in orders}
    city.list("".join(f"Place,{host},800,Statbel,2026-01-01\n" for host in orders))
    for host, order in orders.items():
        chain = [handed(host=host, name="Place")]
        for _ in range(3):
            chain.append(following(chain[-1], host=host, name="Place"))
        for index in order:
            city.receive(chain[index], host)
        for one in chain:
            rows = city.overview(metrics.period(one.period, Q4.zone)).rows
            assert next(row.state for row in rows if row.area.host == host) is AreaState.REPORTED, order


def test_a_report_from_a_place_that_is_not_listed_counts_once_it_is(city, consequences):
    report = handed(name="Willow")
    city.list("Elm,elm.example,1450,Statbel,2026-01-01\nAsh,elm.example,900,Statbel,2026-01-01\n")
    assert city.receive(report).why is Why.AREA
    assert city.overview().unlisted == ("elm.example",)
    city.list(LIST + "Willow,elm.example,800,Statbel,2026-01-01\n")
    assert city.states()["Willow"] is AreaState.REPORTED
    assert city.overview().unlisted == ()
    assert [type(fact) for fact in consequences.facts] == [ReportRefusedHere, ReportReceived]


def test_a_report_counts_once_the_list_is_put_right(city):
    report = handed(observations=(dataclasses.replace(FIGURES[2], value=1500),))
    assert city.receive(report).why is Why.HOUSEHOLDS
    city.list(LIST.replace("1450", "1520"))
    assert city.states()["Elm"] is AreaState.REPORTED


def test_nobody_reports_for_a_neighbourhood_of_another_host(city):
    assert city.receive(handed(), "oak.example").why is None  # the only one there, under a name of its own
    found = {row.area.name: row.area.area_uri for row in city.overview().rows}
    assert found == {"Elm": None, "Oak": "https://elm.example/areas/elm"}
    assert city.receive(handed(digest="zAgain", name="Elm2"), "oak.example").why is Why.AREA


def test_what_is_not_signed_or_not_in_form_is_kept_with_its_reason_and_told_once(city, consequences):
    values = {
        "peer": city.peers["elm.example"],
        "uri": "https://elm.example/metrics/v1/reports/elm/2026-Q4/1",
        "raw": b"{}",
        "digest": "zBad",
        "why": Why.SCHEMA,
        "reason": "schema: /observations/3/value: 1.5 is not of type 'integer'",
        "period": "2026-Q4",
    }
    for _ in range(2):
        verdict = city.database.transact(metrics.refuse, **values)
    assert len(refusals(consequences)) == 1
    row = next(row for row in city.overview().rows if row.area.name == "Elm")
    assert (row.state, row.why, row.reason) == (AreaState.REFUSED, Why.SCHEMA, values["reason"])
    assert city.receive(handed()).why is None  # put right, it counts
    assert city.states()["Elm"] is AreaState.REPORTED
    kept = city.database.look(metrics.received_row, verdict.report)
    assert (kept.state, kept.document, kept.handed) == (ReceivedState.REFUSED, b"{}", None)


# -- how the quarter stands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        (Q4.end, AreaState.NOT_DUE),
        (Q4.due - timedelta(seconds=1), AreaState.NOT_DUE),
        (Q4.due, AreaState.LATE),
        (Q4.missing_at - timedelta(seconds=1), AreaState.LATE),
        (Q4.missing_at, AreaState.MISSING),
    ],
)
def test_a_report_that_is_not_there_is_not_due_late_or_missing(city, clock, moment, state):
    clock.set(moment)
    assert city.states() == {"Elm": state, "Oak": state}
    assert city.overview().percent == 0


def test_the_quarters_to_choose_from_begin_with_the_list(city, clock):
    clock.set(Q4.following().cut_off)
    found = city.database.look(metrics.periods, time_zone=ZONE, now=clock.now())
    assert [one.id for one in found] == ["2027-Q2", "2027-Q1", "2026-Q4"]


# -- the list ----------------------------------------------------------------------------------------------------------


def test_only_the_clerk_makes_the_list(city):
    with pytest.raises(Unauthenticated):
        city.list(by=NOBODY)
    with pytest.raises(Forbidden):
        city.list(by=Viewer(account=2, neighbourhood=1, rights=frozenset({(Role.MODERATOR, 1)})))


def test_a_list_is_read_with_or_without_heading_with_commas_or_semicolons(city):
    entries = metrics.read_list(LIST)
    assert [(one.name, one.host, one.households, one.source) for one in entries] == [
        ("Elm", "elm.example", 1450, "Statbel, households"),
        ("Oak", "oak.example", 1570, "Statbel"),
    ]
    assert metrics.read_list(LIST.partition("\n")[2]) == entries
    assert metrics.read_list("\ufeff" + LIST.replace("\n", "\r\n")) == entries
    assert metrics.read_list("Name;Host;Households;Source;Date\nElm;https://ELM.example/;1 450;x;2026-01-01")[0] == (
        metrics.AreaEntry(name="Elm", host="elm.example", households=1450, source="x", counted_on="2026-01-01")
    )
    assert metrics.read_list(metrics.write_list(entries)) == entries


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Willow,willow.example,800", "areas-columns"),
        (",willow.example,800,Statbel,2026-01-01", "areas-name"),
        ("Willow,no address,800,Statbel,2026-01-01", "areas-host"),
        ("Willow,willow.example,eight,Statbel,2026-01-01", "areas-households"),
        ("Willow,willow.example,0,Statbel,2026-01-01", "areas-households"),
        ("Willow,willow.example,8.5,Statbel,2026-01-01", "areas-households"),
        ("Willow,willow.example,800,,2026-01-01", "areas-source"),
        ("Willow,willow.example,800,Statbel,1 January", "areas-date"),
        ("ELM,elm.example,800,Statbel,2026-01-01", "areas-twice"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, code):
    with pytest.raises(Invalid) as refused:
        metrics.read_list(LIST + "\n" + line + "\n")
    assert (refused.value.code, refused.value.facts["line"], refused.value.field) == (code, 5, "areas")


def test_an_empty_list_is_none(city):
    with pytest.raises(Invalid) as refused:
        metrics.read_list("name,host,households,source,date\n\n")
    assert refused.value.code == "missing"


def test_a_neighbourhood_that_is_taken_off_the_list_and_put_back_keeps_what_it_reported(city):
    city.receive(handed())
    city.list("Oak,oak.example,1570,Statbel,2026-01-01\n")
    assert city.states() == {"Oak": AreaState.LATE}
    city.list()
    assert city.states()["Elm"] is AreaState.REPORTED
    assert city.database.look(metrics.city_name) == "Mechelen"


@pytest.mark.both_databases
def test_what_the_list_says_later_changes_no_quarter_that_is_over(city):
    city.receive(handed())
    before = city.overview()
    city.clock.set(Q4.missing_at + timedelta(days=1))
    city.list(LIST.replace("1450", "9000").replace("Oak,", "New Oak,"))
    city.list("Ash,ash.example,900,Statbel,2027-01-01\n")
    then = city.overview()
    assert [row.area.name for row in then.rows] == [row.area.name for row in before.rows]
    assert (then.percent, then.reported) == (before.percent, before.reported)
    assert [row.area.name for row in city.overview(Q4.following()).rows] == ["Ash"]


def test_a_name_that_is_typed_otherwise_is_the_same_neighbourhood(city):
    city.receive(handed())
    city.list(LIST.replace("Elm", "  ELM "))
    assert AreaState.REPORTED in city.states().values()
    city.list(LIST.replace("Elm", "Elm Hill"))
    assert city.states()["Elm Hill"] is AreaState.REPORTED
