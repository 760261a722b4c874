"""What arrived and what was said is kept for a while, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import purge
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable

DAY = timedelta(days=1)

pytestmark = pytest.mark.both_databases


def arrived(uow, uri: str, state: str, days: int) -> None:
    InboundTable.insert(
        uri=uri,
        peer=1,
        signer="https://oak.example/ap/groups/oak",
        scoped=True,
        body=b"{}",
        received_at=uow.now - days * DAY,
        state=state,
        next_at=uow.now - days * DAY,
    ).execute(uow.db)


def said(uow, key: str, days: int, *, kind: str = "group") -> None:
    ActivityTable.insert(key=key, signer_kind=kind, signer=1, body=b"{}", made_at=uow.now - days * DAY).execute(uow.db)


def sent(uow, number: int, key: str, state: str) -> None:
    DeliveryTable.insert(
        peer=1, epoch=1, number=number, verb="post.create", object=1, state=state, activity=key, at=uow.now
    ).execute(uow.db)


def uris(database) -> list[str]:
    return database.look(lambda db: sorted(one.uri for one in InboundTable.select().execute(db)))


def keys(database) -> list[str]:
    return database.look(lambda db: sorted(one.key for one in ActivityTable.select().execute(db)))


@pytest.mark.parametrize(("state", "kept"), [("understood", 30), ("ignored", 30), ("refused", 14), ("dead", 14)])
def test_what_arrived_is_kept_so_many_days(database, state, kept):
    database.transact(arrived, "old", state, kept + 1)
    database.transact(arrived, "new", state, kept - 1)
    assert database.transact(purge.purge_due) == 1
    assert uris(database) == ["new"]


@pytest.mark.parametrize("state", ["waiting", "parked"])
def test_what_was_not_read_yet_is_kept_however_old(database, state):
    database.transact(arrived, "old", state, 400)
    assert database.transact(purge.purge_due) == 0
    assert uris(database) == ["old"]


def test_what_was_said_is_kept_for_ninety_days_and_as_long_as_anybody_waits_for_it(database):
    rows = [("young", 89, "done"), ("old", 91, "done"), ("late", 91, "waiting"), ("lost", 91, "refused")]
    for number, (key, days, state) in enumerate(rows, start=2):
        database.transact(said, key, days)
        database.transact(sent, number, key, state)
    database.transact(said, "unsent", 91)
    database.transact(sent, 1, "late", "done")
    assert database.transact(purge.purge_due) == 3
    assert keys(database) == ["late", "young"]
    left = database.look(lambda db: DeliveryTable.select().count(db))
    assert left == 5, "the ledger stays"


def test_the_reports_to_the_city_stay(database):
    database.transact(said, "report-elm-2026Q1-1", 400, kind="metrics")
    database.transact(purge.purge_due)
    assert keys(database) == ["report-elm-2026Q1-1"]


def test_of_much_that_is_due_a_part_goes_each_time_the_oldest_first(database, monkeypatch):
    monkeypatch.setattr(purge, "MOST", 2)
    for days in (31, 33, 32):
        database.transact(arrived, str(days), "understood", days)
        database.transact(said, str(days), days + 60)
    assert database.transact(purge.purge_due) == 4
    assert (uris(database), keys(database)) == (["31"], ["31"])
    assert database.transact(purge.purge_due) == 2
