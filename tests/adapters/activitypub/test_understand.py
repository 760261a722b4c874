"""How what arrived is worked off: in order, again when another server does not answer, and never twice."""

from datetime import datetime, timedelta

import pytest

from fedhood.adapters.activitypub import handlers
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.adapters.activitypub.tables import InboundTable, RemoteActorTable
from fedhood.adapters.activitypub.taking_in import MOST_PARKED
from fedhood.core import posts
from fedhood.core.peers.tables import PeerTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.errors import Invalid, NotFound
from tests.adapters.activitypub import next_door
from tests.adapters.activitypub.arriving import Here, actor_document, here, keep, know, letter, proved, understand_next

ALICE = f"https://elm.example/ap/people/{next_door.ALICE}"
GROUP = "https://elm.example/ap/groups/elm"
INSTANCE = "https://elm.example/ap/instance"


@pytest.fixture
def oak(running) -> Here:
    return here(running, "oak")


def arrived(place: Here, activity: dict, **also) -> int:
    values = {"scoped": True, "peer": place.world.peer, **also}
    return place.database.transact(keep, activity, **values)


def forget(place: Here) -> None:
    place.database.transact(lambda uow: RemoteActorTable.delete().execute(uow.db))


def plain(number: int, kind: str = "Wave", **also) -> dict:
    return {"id": f"https://elm.example/ap/activities/{number}", "type": kind, "actor": GROUP, **also}


async def test_there_is_nothing_to_do_where_nothing_arrived(oak) -> None:
    assert not await understand_next(oak.federation)


async def test_what_is_not_known_here_is_kept_and_ignored(oak) -> None:
    row = arrived(oak, plain(1, object={"type": "Hand"}))
    assert await understand_next(oak.federation)
    assert oak.fate(row) == "ignored kind"
    assert oak.rows(InboundTable)[0].reason == "kind: Wave/Hand"


async def test_the_bytes_are_read_as_strictly_as_at_the_door(oak) -> None:
    row = arrived(oak, plain(1) | {"@graph": []})
    await understand_next(oak.federation)
    assert oak.fate(row) == "refused rearranged"


async def test_whom_it_needs_is_fetched_and_vouched_for(oak) -> None:
    forget(oak)
    oak.web.documents |= {
        GROUP: actor_document(GROUP, "Group", INSTANCE),
        ALICE: actor_document(ALICE, "Person", INSTANCE),
    }
    assert await oak.arrive(proved(letter("13"))) == "understood"
    assert oak.web.asked == [GROUP, ALICE]


async def test_who_is_not_vouched_for_is_refused(oak) -> None:
    forget(oak)
    oak.web.documents |= {
        GROUP: actor_document(GROUP, "Group", INSTANCE),
        ALICE: actor_document(ALICE, "Person", "https://pine.example/ap/instance"),
    }
    assert await oak.arrive(proved(letter("13"))) == "refused proof-owner"
    assert oak.rows(PostTable) == []


async def test_a_server_that_does_not_answer_is_asked_for_three_days_and_holds_others_up_once(oak, clock) -> None:
    forget(oak)
    oak.web.down = True
    row = arrived(oak, proved(letter("13")))
    assert await understand_next(oak.federation)
    assert oak.fate(row) == "waiting unreachable"
    waits = (timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=20), timedelta(hours=2))
    for wait in (*waits, *[timedelta(hours=8)] * 8):
        assert not await understand_next(oak.federation)
        clock.move(wait)
        assert await understand_next(oak.federation)
        assert oak.fate(row) == "parked unreachable"
    clock.move(timedelta(hours=8))
    assert await understand_next(oak.federation)
    assert oak.fate(row) == "dead unreachable"


@pytest.mark.both_databases
async def test_what_comes_after_waits_with_it(oak, clock) -> None:
    forget(oak)
    oak.web.down = True
    first = arrived(oak, proved(letter("13")))
    second = arrived(oak, plain(2))
    other = oak.database.transact(next_door.add_peer, "pine.example")
    third = arrived(oak, plain(3), peer=other)
    while await understand_next(oak.federation):
        pass
    assert [oak.fate(row).split()[0] for row in (first, second, third)] == ["waiting", "waiting", "ignored"]
    oak.web.down = False
    clock.move(timedelta(seconds=10))
    while await understand_next(oak.federation):
        pass
    assert oak.fate(second) == "ignored kind"


async def test_strangers_do_not_wait_for_each_other(oak) -> None:
    oak.web.down = True
    pine = "https://pine.example/ap/instance"
    follow = letter("50", **{"https://elm.example": "https://OAK", "https://oak.example": "https://pine.example"})
    follow["object"] = "https://oak.example/ap/instance"
    first = arrived(oak, follow | {"actor": pine}, scoped=False, peer=0)
    second = arrived(oak, plain(2), peer=0)
    await understand_next(oak.federation)
    await understand_next(oak.federation)
    assert oak.fate(first).startswith("waiting")
    assert oak.fate(second) == "ignored kind"


async def test_what_is_parked_holds_up_nobody_and_dies_after_three_days(oak, clock) -> None:
    row = arrived(oak, proved(letter("17a")))
    assert await understand_next(oak.federation)
    after = arrived(oak, plain(2))
    assert await understand_next(oak.federation)
    assert [oak.fate(row), oak.fate(after)] == ["parked orphan", "ignored kind"]
    waits = (timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=20), timedelta(hours=2))
    for wait in (*waits, *[timedelta(hours=8)] * 8):
        clock.move(wait)
        assert await understand_next(oak.federation)
        assert oak.fate(row) == "parked orphan"
    clock.move(timedelta(hours=8))
    assert await understand_next(oak.federation)
    assert oak.fate(row) == "dead orphan"


async def test_no_more_than_a_thousand_are_parked(oak) -> None:
    def fill(uow) -> None:
        for number in range(MOST_PARKED):
            keep(uow, plain(number), scoped=True, peer=oak.world.peer)
        later = uow.now + timedelta(days=1)
        InboundTable.update(state="parked", next_at=later).execute(uow.db)

    oak.database.transact(fill)
    assert await oak.arrive(proved(letter("17a"))) == "dead orphan"


@pytest.mark.both_databases
async def test_a_removal_that_came_first_is_remembered(oak) -> None:
    assert await oak.arrive(proved(letter("17b"))) == "understood"
    assert await oak.arrive(proved(letter("13"))) == "understood"
    assert oak.database.look(posts.by_uri, "https://elm.example/ap/notes/01JDNBR") is None


@pytest.mark.both_databases
async def test_what_is_removed_while_it_was_put_off_is_never_read(oak, clock) -> None:
    forget(oak)
    oak.web.down = True
    post = arrived(oak, proved(letter("13")))
    await understand_next(oak.federation)
    clock.move(timedelta(seconds=10))
    await understand_next(oak.federation)
    assert oak.fate(post) == "parked unreachable"
    oak.web.down = False
    for uri in (GROUP, ALICE):
        oak.database.transact(know, oak.world.peer, uri)
    assert await oak.arrive(proved(letter("17b"))) == "understood"
    assert oak.fate(post) == "refused taken-back"
    clock.move(timedelta(days=1))
    while await understand_next(oak.federation):
        pass
    assert oak.database.look(posts.by_uri, "https://elm.example/ap/notes/01JDNBR") is None


async def test_nothing_of_a_refusal_is_kept_but_its_reason(oak, monkeypatch) -> None:
    def half_done(uow, _) -> None:
        next_door.add_place(uow, "half")
        raise Invalid("no", code="changed-my-mind")

    monkeypatch.setitem(handlers.HANDLERS, ("Wave", ""), _waving(half_done))
    row = arrived(oak, _wave())
    await understand_next(oak.federation)
    assert oak.fate(row) == "refused changed-my-mind"
    assert "half" not in {place.key for place in oak.rows(next_door.NeighbourhoodTable)}


def _waving(receive) -> Handler:
    return Handler(verify=lambda _: None, needs=lambda activity: [activity["actor"]], receive=receive)


def _wave() -> dict:
    return proved({"@context": ["https://www.w3.org/ns/activitystreams"], **plain(1)})


async def test_a_fault_of_ours_does_not_stop_what_comes_after(oak, clock, monkeypatch) -> None:
    def broken(_, __) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(handlers.HANDLERS, ("Wave", ""), _waving(broken))
    row = arrived(oak, _wave())
    second = arrived(oak, plain(2))
    for wait in (timedelta(seconds=10), timedelta()):
        assert await understand_next(oak.federation)
        clock.move(wait)
    while await understand_next(oak.federation):
        pass
    assert (oak.fate(row), oak.fate(second)) == ("parked fault", "refused proof-missing")


async def test_two_who_read_at_once_take_it_in_once(oak, monkeypatch) -> None:
    seen = []

    def receive(uow, _) -> None:
        seen.append(uow)

    row = arrived(oak, _wave())

    def faster(activity) -> list[str]:
        oak.database.transact(
            lambda uow: (
                InboundTable.update(state="understood", attempts=1).where(InboundTable.id == row).execute(uow.db)
            )
        )
        return [activity["actor"]]

    monkeypatch.setitem(handlers.HANDLERS, ("Wave", ""), Handler(verify=lambda _: None, needs=faster, receive=receive))
    await understand_next(oak.federation)
    assert seen == []


async def test_a_server_that_was_blocked_since_is_not_heard(oak) -> None:
    row = arrived(oak, proved(letter("13")))
    oak.database.transact(lambda uow: PeerTable.update(trust="blocked").execute(uow.db))
    await understand_next(oak.federation)
    assert oak.fate(row) == "refused blocked"


async def test_a_new_key_for_proofs_is_looked_for_when_the_known_one_is_old(oak, clock) -> None:
    other = actor_document(f"{GROUP}x", "Group")["assertionMethod"][0]["publicKeyMultibase"]
    oak.database.transact(
        lambda uow: RemoteActorTable.update(multikey=other).where(RemoteActorTable.uri == GROUP).execute(uow.db)
    )
    row = arrived(oak, proved(letter("13")))
    forged = arrived(oak, {**proved(letter("13") | {"id": "https://elm.example/ap/activities/forged"}), "fhX": 1})
    await understand_next(oak.federation)
    assert oak.fate(row) == "parked proof-of-another-key"
    oak.web.documents[GROUP] = actor_document(GROUP, "Group", INSTANCE)
    for _ in range(3):
        clock.move(timedelta(minutes=6))
        await understand_next(oak.federation)
    assert (oak.fate(row), oak.fate(forged)) == ("understood", "refused proof-signature")


async def test_what_is_said_by_a_clock_that_runs_before_ours_is_read_when_its_time_has_come(oak, clock) -> None:
    activity = proved(letter("13"))
    made = datetime.fromisoformat(activity["object"]["proof"]["created"])
    clock.move(made - timedelta(minutes=50) - clock.now())
    row = arrived(oak, activity)
    await understand_next(oak.federation)
    assert oak.fate(row) == "parked proof-future"
    for _ in range(3):
        clock.move(timedelta(minutes=30))
        await understand_next(oak.federation)
    assert oak.fate(row) == "understood"


async def test_who_was_vouched_for_by_another_key_is_asked_for_again(oak, clock) -> None:
    compared = clock.move(timedelta(minutes=1))
    oak.database.transact(lambda uow: PeerTable.update(confirmed_at=compared).execute(uow.db))
    oak.web.documents |= {
        GROUP: actor_document(GROUP, "Group", INSTANCE),
        ALICE: actor_document(ALICE, "Person", INSTANCE),
    }
    assert await oak.arrive(proved(letter("13"))) == "understood"
    assert oak.web.asked == [GROUP, ALICE]


async def test_an_answer_of_a_third_server_needs_an_agreement_with_it(oak) -> None:
    pine = "https://pine.example"
    await oak.arrive(proved(letter("13")))
    theirs = {"https://oak.example/ap/people": f"{pine}/ap/people", "https://oak.example/ap/notes": f"{pine}/ap/notes"}
    answer = letter("48", **theirs)
    answer["object"] |= {"id": f"{pine}/ap/activities/1", "fhFrom": "https://oak.example/ap/groups/oak"}
    assert await oak.arrive(proved(answer)) == "refused actor-unvouched"
    peer = oak.database.transact(next_door.add_peer, "pine.example")
    oak.database.transact(know, peer, f"{pine}/ap/people/{next_door.BOB}")
    again = answer | {"id": "https://elm.example/ap/activities/again"}
    assert await oak.arrive(proved(again)) == "refused origin"


@pytest.mark.parametrize(
    ("activity", "kind"),
    [
        ({"type": "Like", "object": "https://x"}, ("Like", "")),
        ({"type": "Accept", "object": "https://x", "fhScope": "direct"}, ("Accept", "Offer")),
        ({"type": "Accept", "object": "https://x"}, ("Accept", "")),
        ({"type": "Flag", "object": ["https://x"]}, ("Flag", "")),
        ({"type": "Create", "object": {"type": ["Note"]}}, ("Create", "")),
    ],
)
def test_an_activitys_place_in_the_table(activity, kind) -> None:
    assert handlers.kind_of(activity) == kind


async def test_a_refusal_of_the_database_is_a_reason_too(oak, monkeypatch) -> None:
    def missing(_, __) -> None:
        raise NotFound

    monkeypatch.setitem(handlers.HANDLERS, ("Wave", ""), _waving(missing))
    row = arrived(oak, _wave())
    await understand_next(oak.federation)
    assert oak.fate(row) == "refused not-found"
