"""What arrived and what was said is kept for a while, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import purge
from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, HostTable, InboundTable, StrangerTable
from fedhood.core.visitors import FollowerTable

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


# -- people on other software ------------------------------------------------------------------------------------------


def seen(uow, name: str, days: int) -> None:
    uri = f"https://elsewhere.example/users/{name}"
    StrangerTable.insert(
        uri=uri,
        host="elsewhere.example",
        handle=f"{name}@elsewhere.example",
        inbox=f"{uri}/inbox",
        key_uri=f"{uri}#main-key",
        key_kind="rsa",
        key_text="",
        fetched_at=uow.now - days * DAY,
    ).execute(uow.db)


def follows(uow, name: str, days: int, standing: str = "follows") -> None:
    uri = f"https://elsewhere.example/users/{name}"
    FollowerTable.insert(
        id=uow.new_id(),
        neighbourhood=1,
        actor=uri,
        peer=1,
        inbox=f"{uri}/inbox",
        endpoint=f"{uri}/inbox",
        follow=f"{uri}/follow",
        standing=standing,
        at=uow.now - days * DAY,
    ).execute(uow.db)


def strangers(database) -> list[str]:
    return database.look(lambda db: sorted(one.handle[:2] for one in StrangerTable.select().execute(db)))


def followers(database) -> list[str]:
    return database.look(lambda db: sorted(one.actor[-2:] for one in FollowerTable.select().execute(db)))


def test_who_visited_once_is_forgotten_and_who_follows_is_not(database):
    database.transact(seen, "mo", 31)
    database.transact(seen, "li", 31)
    database.transact(seen, "jo", 29)
    database.transact(follows, "li", 100)
    assert database.transact(purge.purge_due) == 1
    assert strangers(database) == ["jo", "li"]


def test_who_was_refused_is_remembered_for_thirty_days(database):
    database.transact(follows, "mo", 31, "refused")
    database.transact(follows, "li", 29, "refused")
    database.transact(follows, "jo", 400)
    assert database.transact(purge.purge_due) == 1
    assert followers(database) == ["jo", "li"]


@pytest.mark.parametrize(("failures", "days", "kept"), [(3, 91, []), (3, 89, ["mo"]), (0, 91, ["mo"])])
def test_nobody_follows_from_a_server_that_gave_no_answer_for_ninety_days(database, failures, days, kept):
    database.transact(follows, "mo", 400)
    database.transact(
        lambda uow: HostTable.insert(
            peer=1, failures=failures, next_at=uow.now, trouble_since=uow.now - days * DAY
        ).execute(uow.db)
    )
    database.transact(purge.purge_due)
    assert followers(database) == kept
