"""Durable jobs: rows that say what must follow a transaction, leased by the worker, tried again, kept when they fail.

    available ──lease──▶ executing ──▶ completed (the row goes)
        ▲                    │
        └──── retryable ◀────┤ failed, tries left         discarded ◀── failed for good (the row stays, with its reason)

Jobs with the same `ordering_key` run one after the other in the order of their ids.
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.kernel.tables import JsonField, MomentField, Table, p0, p2

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.kernel.engine import UnitOfWork

LEASE = timedelta(minutes=2)
BACKOFF = (timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=20), timedelta(hours=2), timedelta(hours=12))


class JobState(enum.StrEnum):
    """Where a job stands."""

    AVAILABLE = "available"
    EXECUTING = "executing"
    DISCARDED = "discarded"


class JobTable(Table):
    """What waits to be done."""

    id = p0(peewee.BigAutoField())
    kind = p0(peewee.TextField())
    details = p2(JsonField())
    state = p0(peewee.TextField(default=JobState.AVAILABLE.value))
    ordering_key = p0(peewee.TextField(null=True))
    due_at = p0(MomentField())
    attempts = p0(peewee.IntegerField(default=0))
    leased_until = p0(MomentField(null=True))
    last_error = p0(peewee.TextField(null=True))

    class Meta:
        table_name = "job"
        indexes = ((("state", "due_at"), False),)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A leased job."""

    id: int
    kind: str
    details: dict[str, Any]
    attempts: int


def add(
    uow: UnitOfWork,
    kind: str,
    *,
    ordering_key: str | None = None,
    due_at: datetime | None = None,
    **details: int | str | None,
) -> None:
    """Have the worker do this once the transaction is durable."""
    JobTable.insert(kind=kind, details=details, ordering_key=ordering_key, due_at=due_at or uow.now).execute(uow.db)
    uow.wake_worker()


def lease(uow: UnitOfWork) -> Job | None:
    """Take the oldest job that is due and whose predecessor of the same ordering key is done."""
    before = JobTable.alias()
    blocked = before.select(before.id).where(
        before.ordering_key == JobTable.ordering_key,
        before.id < JobTable.id,
        before.state != JobState.DISCARDED,
    )
    row = (
        JobTable.select()
        .where(
            ((JobTable.state == JobState.AVAILABLE) & (JobTable.due_at <= uow.now))
            | ((JobTable.state == JobState.EXECUTING) & (JobTable.leased_until < uow.now)),
            ~peewee.fn.EXISTS(blocked),
        )
        .order_by(JobTable.id)
        .limit(1)
        .execute(uow.db)
    )
    for job in row:
        taken = (
            JobTable.update(
                state=JobState.EXECUTING.value, leased_until=uow.now + LEASE, attempts=JobTable.attempts + 1
            )
            .where(JobTable.id == job.id, JobTable.attempts == job.attempts)
            .execute(uow.db)
        )
        if taken:
            return Job(id=job.id, kind=job.kind, details=job.details, attempts=job.attempts + 1)
    return None


def complete(uow: UnitOfWork, job_id: int) -> None:
    """The job is done: nothing of it stays."""
    JobTable.delete().where(JobTable.id == job_id).execute(uow.db)


def fail(uow: UnitOfWork, job: Job, reason: str, *, final: bool = False) -> None:
    """The job failed: try again later, or keep it with its reason when that is no use any more."""
    if final or job.attempts > len(BACKOFF):
        change: dict[str, Any] = {"state": JobState.DISCARDED.value}
    else:
        change = {"state": JobState.AVAILABLE.value, "due_at": uow.now + BACKOFF[job.attempts - 1]}
    JobTable.update(last_error=reason[:500], leased_until=None, **change).where(JobTable.id == job.id).execute(uow.db)


def release_all(uow: UnitOfWork) -> None:
    """Give back what a killed process held; for engines with one process."""
    JobTable.update(state=JobState.AVAILABLE.value, leased_until=None).where(
        JobTable.state == JobState.EXECUTING
    ).execute(uow.db)


def waiting(db: peewee.Database, now: datetime) -> int:
    """How many jobs are due or under way."""
    return JobTable.select().where(JobTable.state != JobState.DISCARDED, JobTable.due_at <= now).count(db)
