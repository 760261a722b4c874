"""Jobs: leased once, in order, tried again, kept when they fail."""

import asyncio
from datetime import timedelta

import peewee
import pytest

from fedhood.kernel import jobs
from fedhood.kernel.engine import Database
from fedhood.kernel.jobs import JobState, JobTable

pytestmark = pytest.mark.both_databases


def rows(database: Database) -> list[JobTable]:
    return database.look(lambda db: list(JobTable.select().order_by(JobTable.id).execute(db)))


def test_a_job_is_leased_once_and_goes_when_it_is_done(database: Database):
    database.transact(jobs.add, "sweep", neighbourhood=3, text="é", nothing=None)
    job = database.transact(jobs.lease)
    assert job is not None
    assert (job.kind, job.details, job.attempts) == ("sweep", {"neighbourhood": 3, "text": "é", "nothing": None}, 1)
    assert database.transact(jobs.lease) is None
    database.transact(jobs.complete, job.id)
    assert rows(database) == []


def test_adding_a_job_wakes_the_worker(database: Database):
    woken = []
    database.on_wake = lambda: woken.append(1)
    database.transact(jobs.add, "sweep")
    assert woken == [1]


def test_a_job_that_is_not_due_waits(database: Database, clock):
    database.transact(jobs.add, "sweep", due_at=clock.now() + timedelta(hours=1))
    assert database.transact(jobs.lease) is None
    assert database.look(jobs.waiting, clock.now()) == 0
    clock.move(timedelta(hours=1))
    assert database.look(jobs.waiting, clock.now()) == 1
    assert database.transact(jobs.lease) is not None


def test_jobs_of_one_key_run_one_after_the_other(database: Database):
    for number in (1, 2):
        database.transact(jobs.add, "say", ordering_key="oak.example", number=number)
    database.transact(jobs.add, "say", ordering_key="elm.example", number=3)
    first, other = database.transact(jobs.lease), database.transact(jobs.lease)
    assert first is not None
    assert other is not None
    assert [first.details["number"], other.details["number"]] == [1, 3]
    assert database.transact(jobs.lease) is None
    database.transact(jobs.fail, first, "not now")
    assert database.transact(jobs.lease) is None, "the second must not overtake the first that is tried again"
    database.transact(jobs.complete, first.id)
    second = database.transact(jobs.lease)
    assert second is not None
    assert second.details["number"] == 2


def test_a_job_that_was_given_up_holds_nobody_back(database: Database):
    for number in (1, 2):
        database.transact(jobs.add, "say", ordering_key="oak.example", number=number)
    first = database.transact(jobs.lease)
    assert first is not None
    database.transact(lambda uow: jobs.fail(uow, first, "never", final=True))
    second = database.transact(jobs.lease)
    assert second is not None
    assert second.details["number"] == 2


def test_a_failed_job_is_tried_again_later_and_later_then_kept_with_its_reason(database: Database, clock):
    database.transact(jobs.add, "say")
    for attempt, pause in enumerate(jobs.BACKOFF, start=1):
        job = database.transact(jobs.lease)
        assert job is not None
        assert job.attempts == attempt
        database.transact(jobs.fail, job, f"reason {attempt}")
        clock.move(pause - timedelta(milliseconds=1))
        assert database.transact(jobs.lease) is None
        clock.move(timedelta(milliseconds=1))
    job = database.transact(jobs.lease)
    assert job is not None
    database.transact(jobs.fail, job, "r" * 1000)
    clock.move(timedelta(days=365))
    assert database.transact(jobs.lease) is None
    (row,) = rows(database)
    assert (row.state, row.last_error, row.attempts) == (JobState.DISCARDED, "r" * 500, 6)


def test_a_job_of_a_process_that_died_is_taken_up_again(database: Database, clock):
    database.transact(jobs.add, "say")
    database.transact(jobs.lease)
    clock.move(jobs.LEASE)
    assert database.transact(jobs.lease) is None
    clock.move(timedelta(milliseconds=1))
    job = database.transact(jobs.lease)
    assert job is not None
    assert job.attempts == 2


def test_a_single_process_gives_back_at_its_start_what_it_held(database: Database):
    database.transact(jobs.add, "say")
    database.transact(jobs.lease)
    database.transact(jobs.release_all)
    assert database.transact(jobs.lease) is not None


async def test_nobody_leases_what_another_holds(running: Database):
    for number in range(20):
        await running.write(jobs.add, "say", number=number)
    leased = [job for job in await asyncio.gather(*(running.write(jobs.lease) for _ in range(60))) if job]
    ids = [job.id for job in leased]
    assert len(ids) == len(set(ids))
    assert ids
    executing = await running.read(
        lambda db: JobTable.select(peewee.fn.COUNT(JobTable.id)).where(JobTable.state == "executing").scalar(db)
    )
    assert executing == len(ids)
