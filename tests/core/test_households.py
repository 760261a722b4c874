"""Homes: who is let in by which code, who lives where, and which homes are one."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from fedhood.core import access, accounts, households, neighbourhoods
from fedhood.core.access import NOBODY, Role
from fedhood.core.households import (
    AccountJoined,
    AccountLeft,
    HouseholdFounded,
    HouseholdMerged,
    SessionDay,
    Sheet,
)
from fedhood.core.households.tables import CodeTable
from fedhood.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from fedhood.kernel.facts import FactTable
from tests.support.people import neighbourhood, resident, settle_in

pytestmark = pytest.mark.both_databases
DAY = timedelta(days=1)


@pytest.fixture
def elm(database):
    return neighbourhood(database, "Elm")


@pytest.fixture
def mo(database, elm):
    return resident(database, "Mo", elm, moderator=True)


def sheet(database, by, count=1) -> Sheet:
    return database.transact(households.make_sheet, by=by, neighbourhood=by.neighbourhood, count=count)


def join(database, code, name="Ana"):
    return database.transact(households.join, code=code, name=name, language="nl")


# -- codes as they are typed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["0A1B2-C3D4E", "0a1b2c3d4e", " oA1b2 – c3D4e ", "OAIB2-C3D4E", "oalb2c3d4e", "0-A-1-B-2-C-3-D-4-E"]
)
def test_a_code_is_read_whatever_the_case_the_gaps_and_the_letters_that_look_alike(typed):
    assert households.read(typed) == "0A1B2C3D4E"
    assert households.shown(households.read(typed)) == "0A1B2-C3D4E"


@pytest.mark.parametrize("typed", ["", "0A1B2-C3D4", "0A1B2-C3D4EF", "0A1B2-C3D4U", "٠A1B2C3D4E", "0A1B2C3D4É"])
def test_what_no_code_looks_like_is_refused(typed):
    with pytest.raises(Invalid) as refused:
        households.read(typed)
    assert (refused.value.code, refused.value.field) == ("code-unknown", "code")


# -- sheets -----------------------------------------------------------------------------------------------------------


def test_a_sheet_is_told_once_and_kept_as_hashes(database, elm, mo):
    made = sheet(database, mo, count=30)
    assert (made.number, made.neighbourhood) == (1, elm)
    assert len(set(made.codes)) == 30
    assert all(len(code) == 10 and households.read(code) == code for code in made.codes)
    rows = database.look(lambda db: list(CodeTable.select().dicts().execute(db)))
    said = repr(rows)
    assert len(rows) == 30
    assert not any(code in said for code in made.codes)


def test_sheets_are_numbered_within_their_neighbourhood(database, elm, mo):
    oak = resident(database, "Olga", neighbourhood(database, "Oak"), moderator=True)
    assert [sheet(database, by).number for by in (mo, oak, mo)] == [1, 1, 2]


def test_only_those_who_look_after_a_neighbourhood_make_its_sheets(database, elm, mo):
    ana, olga = resident(database, "Ana", elm), resident(database, "Olga", neighbourhood(database, "Oak"))
    for by, refusal in ((ana, Forbidden), (olga, Forbidden), (NOBODY, Unauthenticated)):
        with pytest.raises(refusal):
            database.transact(households.make_sheet, by=by, neighbourhood=elm, count=1)
    for count in (0, 201):
        with pytest.raises(Invalid):
            sheet(database, mo, count=count)


def test_a_cancelled_sheet_lets_nobody_in_and_puts_nobody_out(database, clock, mo):
    first, second = sheet(database, mo, count=2), sheet(database, mo)
    ana = join(database, first.codes[0])
    for _ in range(2):
        database.transact(households.cancel_sheet, by=mo, sheet_id=first.id)
    with pytest.raises(Invalid):
        join(database, first.codes[1], "Bob")
    assert database.look(households.household_of, ana) is not None
    assert join(database, second.codes[0], "Cleo")


def test_a_sheet_is_cancelled_by_nobody_from_elsewhere(database, mo):
    made = sheet(database, mo)
    olga = resident(database, "Olga", neighbourhood(database, "Oak"), moderator=True)
    for by in (olga, NOBODY):
        with pytest.raises(NotFound):
            database.transact(households.cancel_sheet, by=by, sheet_id=made.id)
    with pytest.raises(NotFound):
        database.transact(households.cancel_sheet, by=mo, sheet_id=99)
    assert join(database, made.codes[0])


# -- coming in --------------------------------------------------------------------------------------------------------


def test_the_first_of_a_home_founds_it(database, elm, mo, consequences):
    (code,) = sheet(database, mo).codes
    consequences.facts.clear()
    ana = join(database, households.shown(code).lower())
    person = database.look(accounts.get, ana)
    home = database.look(households.household_of, ana)
    assert (person.name, person.neighbourhood, person.language) == ("Ana", elm, "nl")
    assert database.look(households.members, home) == [ana]
    assert consequences.facts == [
        HouseholdFounded(neighbourhood=elm, household=home),
        AccountJoined(neighbourhood=elm, household=home, object=ana),
    ]


def test_a_code_lets_one_in_and_the_second_is_told_so(database, clock, mo):
    (code,) = sheet(database, mo).codes
    join(database, code)
    with pytest.raises(Conflict) as refused:
        join(database, code, "Bob")
    assert refused.value.code == "code-used"
    with pytest.raises(Invalid):
        database.look(households.check_code, code=code, now=clock.now())
    assert database.look(accounts.by_handle, "bob") is None


async def test_of_fifty_who_come_with_one_code_at_once_one_comes_in(running, consequences):
    elm = await running.write(neighbourhoods.create, name="Elm")
    mo = await running.write(settle_in, name="Mo", home=elm, moderator=True)
    made = await running.write(households.make_sheet, by=mo, neighbourhood=elm, count=1)
    answers = await asyncio.gather(
        *(
            running.write(households.join, code=made.codes[0], name=f"Guest {number}", language="en")
            for number in range(50)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Conflict) for one in answers) == 49
    assert sum(isinstance(one, int) for one in answers) == 1
    assert len(await running.read(accounts.residents, elm)) == 2


def test_a_code_of_a_sheet_is_too_old_after_21_days(database, clock, elm, mo):
    early, late = sheet(database, mo, count=2).codes
    clock.move(21 * DAY - timedelta(minutes=1))
    assert database.look(households.check_code, code=early, now=clock.now()) == elm
    join(database, early)
    clock.move(timedelta(minutes=1))
    for attempt in (
        lambda: join(database, late, "Bob"),
        lambda: database.look(households.check_code, code=late, now=clock.now()),
    ):
        with pytest.raises(Invalid) as refused:
            attempt()
        assert refused.value.code == "code-unknown"


def test_a_name_that_cannot_be_leaves_the_code_unused(database, mo):
    (code,) = sheet(database, mo).codes
    with pytest.raises(Invalid) as refused:
        join(database, code, "")
    assert refused.value.field == "name"
    assert join(database, code)


# -- those of the same home -------------------------------------------------------------------------------------------


def own_code(database, account, home):
    return database.transact(households.make_own_code, by=_viewer(database, account, home))


def _viewer(database, account, home):
    return access.Viewer(account=account, neighbourhood=home, rights=database.look(access.rights_of, account))


def test_members_let_in_others_of_their_home_for_seven_days(database, clock, elm, mo):
    home = database.look(households.household_of, mo.account)
    early, late = own_code(database, mo.account, elm), own_code(database, mo.account, elm)
    clock.move(7 * DAY - timedelta(minutes=1))
    sam = join(database, early, "Sam")
    assert database.look(households.members, home) == [mo.account, sam]
    clock.move(timedelta(minutes=1))
    with pytest.raises(Invalid):
        join(database, late, "Ola")


def test_at_most_eight_live_in_one_home(database, elm, mo):
    home = database.look(households.household_of, mo.account)
    spare = own_code(database, mo.account, elm)
    for number in range(7):
        join(database, own_code(database, mo.account, elm), f"Member {number}")
    with pytest.raises(Conflict) as refused:
        own_code(database, mo.account, elm)
    assert refused.value.code == "household-full"
    with pytest.raises(Conflict):
        join(database, spare, "One too many")
    assert len(database.look(households.members, home)) == 8


def test_who_lives_in_no_home_lets_nobody_into_one(database, elm, mo):
    database.transact(households.leave, account=mo.account)
    with pytest.raises(Forbidden):
        own_code(database, mo.account, elm)
    with pytest.raises(Unauthenticated):
        database.transact(households.make_own_code, by=NOBODY)


# -- living somewhere -------------------------------------------------------------------------------------------------


def test_nobody_lives_in_two_homes_at_once(database, elm, mo):
    other = database.transact(households.found, neighbourhood=elm)
    with pytest.raises(Conflict):
        database.transact(households.admit, account=mo.account, household=other)
    database.transact(households.leave, account=mo.account)
    database.transact(households.admit, account=mo.account, household=other)
    assert database.look(households.household_of, mo.account) == other


def test_leaving_ends_a_membership_once_and_keeps_the_home(database, clock, elm, mo, consequences):
    home, before = database.look(households.household_of, mo.account), clock.now()
    consequences.facts.clear()
    clock.move(DAY)
    for _ in range(2):
        database.transact(households.leave, account=mo.account)
    assert database.look(households.household_of, mo.account) is None
    assert consequences.facts == [AccountLeft(neighbourhood=elm, household=home, object=mo.account)]
    assert database.look(households.connected_on, elm, before) == {home}
    assert database.look(households.connected_on, elm, clock.now()) == set()


def test_homes_are_counted_once_whoever_lives_there_and_by_neighbourhood(database, clock, elm, mo):
    join(database, own_code(database, mo.account, elm), "Sam")
    resident(database, "Olga", neighbourhood(database, "Oak"))
    assert len(database.look(households.connected_on, elm, clock.now())) == 1


# -- two homes that are one -------------------------------------------------------------------------------------------


def two_homes(database, elm, mo):
    ana = resident(database, "Ana", elm)
    return ana, *(database.look(households.household_of, one.account) for one in (mo, ana))


def test_merging_brings_the_people_of_both_homes_together(database, elm, mo, consequences):
    ana, keep, other = two_homes(database, elm, mo)
    consequences.facts.clear()
    database.transact(households.merge, by=mo, keep=keep, other=other)
    assert database.look(households.members, keep) == [mo.account, ana.account]
    assert database.look(households.members, other) == []
    assert consequences.facts == [HouseholdMerged(neighbourhood=elm, household=keep, other_household=other)]


def test_a_code_that_the_merged_home_gave_away_leads_into_the_one_that_stays(database, elm, mo):
    ana, keep, other = two_homes(database, elm, mo)
    code = own_code(database, ana.account, elm)
    database.transact(households.merge, by=mo, keep=keep, other=other)
    sam = join(database, code, "Sam")
    assert database.look(households.household_of, sam) == keep


def test_a_home_is_merged_once(database, elm, mo):
    _, keep, other = two_homes(database, elm, mo)
    third = database.transact(households.found, neighbourhood=elm)
    database.transact(households.merge, by=mo, keep=keep, other=other)
    for pair in ({"keep": keep, "other": other}, {"keep": other, "other": third}):
        with pytest.raises(Conflict):
            database.transact(households.merge, by=mo, **pair)


def test_only_homes_of_one_neighbourhood_are_merged_and_only_by_its_moderators(database, elm, mo):
    ana, keep, other = two_homes(database, elm, mo)
    olga = resident(database, "Olga", neighbourhood(database, "Oak"), moderator=True)
    elsewhere = database.look(households.household_of, olga.account)
    for by, refusal in ((ana, Forbidden), (olga, Forbidden), (NOBODY, Unauthenticated)):
        with pytest.raises(refusal):
            database.transact(households.merge, by=by, keep=keep, other=other)
    for pair in ({"keep": keep, "other": elsewhere}, {"keep": keep, "other": keep}, {"keep": keep, "other": 99}):
        with pytest.raises(NotFound):
            database.transact(households.merge, by=mo, **pair)


# -- being here -------------------------------------------------------------------------------------------------------


def test_a_day_on_which_somebody_was_here_is_kept_by_home_and_without_a_name(database, elm, mo):
    home = database.look(households.household_of, mo.account)
    database.transact(households.seen_today, by=mo, day=date(2026, 11, 24))
    (fact,) = database.look(lambda db: list(FactTable.select().where(FactTable.kind == SessionDay.kind).execute(db)))
    assert (fact.neighbourhood, fact.household, fact.object, fact.rest) == (elm, home, None, {"day": "2026-11-24"})


def test_who_is_no_resident_is_counted_on_no_day(database, mo):
    clerk = access.Viewer(account=mo.account, rights=frozenset({(Role.CLERK, None)}))
    for viewer in (NOBODY, clerk):
        database.transact(households.seen_today, by=viewer, day=date(2026, 11, 24))
    assert database.look(lambda db: FactTable.select().where(FactTable.kind == SessionDay.kind).count(db)) == 0
