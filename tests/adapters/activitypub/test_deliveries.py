"""What became of each letter, and how it goes with a host: as whoever looks after the server is told."""

import ast
import asyncio
import re
import socket
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import peewee
import pytest
from structlog.testing import capture_logs

from fedhood.adapters.activitypub import (
    actors,
    causes,
    deliver,
    deliveries,
    handling,
    hosts,
    outbox,
    resting,
    sayings,
    streams,
)
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.tables import DeliveryTable, HostTable
from fedhood.adapters.http import client as http_client
from fedhood.adapters.http.client import Client, Timeouts
from fedhood.core.deliveries import Cause, Fate, Matter, Place, Standing, Which
from fedhood.core.help_requests import Sent
from fedhood.core.help_requests.tables import OfferTable
from fedhood.core.neighbourhoods.tables import PairTable
from fedhood.core.peers import PeerRefusing, PeerSilent
from fedhood.core.peers.tables import PeerTable
from fedhood.core.posts.tables import PostTable
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict, Forbidden, NotFound
from tests.adapters.activitypub.letters import ACCEPTED, body_of, publish, rows, send_all
from tests.adapters.activitypub.next_door import World, add_peer, add_place, add_post, add_request, build, pair
from tests.adapters.http.remote import Remote, ok
from tests.support import people
from tests.support.clocks import FakeClock
from tests.support.consequences import Consequences

WIRE = Path(actors.__file__).parent
ONE = Place(1, 1)


def standing(db: peewee.Database, peer: int, now: datetime) -> Standing:
    return deliveries.standing(db, peer, now)


async def verdict(federation: Federation, world: World, number: int = 1) -> tuple[Fate, Cause | None]:
    now = federation.clock.now()
    letter = await federation.database.read(deliveries.letter, world.peer, Place(1, number), now)
    return letter.verdict.fate, letter.verdict.cause


# -- every reason has a cause -----------------------------------------------------------------------------------------


def noted_in(name: str) -> set[str]:
    """The reasons that a room of the wire writes down: what follows `reason=` or `last_error=`, as it begins."""
    tree = ast.parse((WIRE / f"{name}.py").read_text("utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"reason", "last_error"}:
            value = node.value
            if isinstance(value, ast.Name):
                value = ast.Constant(constants.get(value.id))
            if isinstance(value, ast.JoinedStr):
                value = value.values[0]
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found.add(value.value)
    return found


@pytest.mark.parametrize("name", ["deliver", "resting", "handling", "hosts"])
def test_whatever_is_written_down_about_a_letter_has_a_cause(name: str) -> None:
    noted = noted_in(name)
    assert noted or name == "hosts"
    assert [reason for reason in sorted(noted) if not causes.is_known(reason)] == []


def test_every_code_of_the_way_out_has_a_cause_of_its_own_words() -> None:
    codes = {code for _, code, _ in http_client._FAILURES}
    codes |= {code for code, _ in http_client._OF_CERTIFICATE.values()}
    codes |= {code for code, _ in http_client._OF_NAME.values()}
    codes |= {"forbidden-address", "too-large", "redirects", "no-inbox"}
    assert [code for code in sorted(codes) if not causes.is_known(code)] == []


def test_every_answer_has_a_cause_and_a_word_of_theirs_is_none() -> None:
    assert {causes.of_reason(f"answered {status}") for status in range(100, 1000)} >= {Cause.NOT_UNDERSTOOD, Cause.GONE}
    assert causes.of_reason("answered 503: Key in question") is Cause.OUR_KEY_IN_QUESTION
    assert causes.of_reason("answered 403: you are <b>bad</b>") is Cause.NOT_ALLOWED
    assert causes.of_reason("answered x") is Cause.NOT_UNDERSTOOD
    assert causes.of_reason(None) is Cause.STRANGE_ANSWER


def test_every_verb_is_about_something_and_what_two_say_in_private_is_not_told_apart() -> None:
    assert {verb: causes.matter_of(verb) for verb in sayings.SAYINGS}.keys() == sayings.SAYINGS.keys()
    private = {verb for verb in sayings.SAYINGS if verb.startswith(("offer.", "message."))} | {"help.confirm"}
    assert {causes.matter_of(verb) for verb in private} == {Matter.BETWEEN_TWO}


def test_every_state_has_a_fate() -> None:
    noted = {outcome.value for outcome in streams.Outcome} - {"retry", "unsayable"}
    assert noted | {outbox.WAITING, outbox.HELD, outbox.DROPPED, causes.FORGOTTEN} == set(causes.FATES)


# -- what became of one -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fate", "cause"),
    [
        ("202 Accepted", Fate.ARRIVED, None),
        ("401 Who", Fate.WAITING, Cause.NOT_RECOGNISED),
        ("429 Slowly", Fate.WAITING, Cause.TOO_MUCH_AT_ONCE),
        ("500 Broken", Fate.WAITING, Cause.BROKEN_THERE),
        ("502 Bad gateway", Fate.WAITING, Cause.STOPPED),
        ("403 No", Fate.REFUSED, Cause.NOT_ALLOWED),
        ("404 Where", Fate.REFUSED, Cause.NOT_FOUND),
        ("410 Gone", Fate.REFUSED, Cause.GONE),
        ("413 Much", Fate.REFUSED, Cause.TOO_LARGE),
        ("422 What", Fate.REFUSED, Cause.NOT_UNDERSTOOD),
    ],
)
async def test_an_answer_becomes_a_verdict(
    status: str, fate: Fate, cause: Cause | None, federation: Federation, world: World, oak: Remote
) -> None:
    oak.script = lambda _: ok(b'{"title":"<script>"}', status=status)
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    assert await verdict(federation, world) == (fate, cause)
    reasons = await federation.database.read(
        lambda db: [row.last_error for row in HostTable.select(HostTable.last_error).execute(db)]
    )
    assert reasons == [f"answered {status[:3]}" if cause else None]


async def test_who_asks_for_an_hour_is_tried_in_an_hour(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="429 Slowly", headers="Retry-After: 3600\r\n")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    letter = await federation.database.read(deliveries.letter, world.peer, ONE, clock.now())
    assert letter.verdict.next_try == clock.now() + timedelta(hours=1)
    assert letter.verdict.since == clock.now()
    assert (letter.matter, letter.attempts, letter.may_forget) == (Matter.POST, 1, True)


async def test_a_closed_door_and_then_silence_become_verdicts(
    federation: Federation, world: World, oak: Remote
) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        await point_to(federation, f"http://oak.localhost:{unheard.getsockname()[1]}/inbox")
        await federation.database.write(publish, world, 1001)
        await send_all(federation)
    assert await verdict(federation, world) == (Fate.WAITING, Cause.UNREACHABLE)
    await point_to(federation, oak.url("/inbox", name="oak.localhost"))
    await federation.database.write(handling.retry, by=None, peer_id=world.peer)
    silence = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await silence.wait()

    oak.speak = silent
    async with Client(user_agent="fedhood/test", loopback_names=True, timeouts=Timeouts(post=0.2)) as hurried:
        federation.client = hurried
        await send_all(federation)
    silence.set()
    assert await verdict(federation, world) == (Fate.WAITING, Cause.TIMEOUT)


async def point_to(federation: Federation, inbox: str) -> None:
    await federation.database.write(lambda uow: PeerTable.update(peer_inbox=inbox).execute(uow.db))


async def test_what_ended_was_taken_back_or_is_too_old_is_not_sent_and_says_so(
    federation: Federation, world: World, clock: FakeClock
) -> None:
    for post_id in (1001, 1002, 1003):
        await federation.database.write(publish, world, post_id)
    await federation.database.write(
        lambda uow: PostTable.update(deleted_at=uow.now, text="").where(PostTable.id == 1001).execute(uow.db)
    )
    await federation.database.write(
        lambda uow: (
            DeliveryTable.update(at=uow.now - timedelta(days=15)).where(DeliveryTable.number == 2).execute(uow.db)
        )
    )
    await federation.database.write(lambda uow: PairTable.update(until=clock.now()).execute(uow.db))
    await send_all(federation)
    assert [await verdict(federation, world, number) for number in (1, 2, 3)] == [
        (Fate.NOT_SENT, Cause.NOT_COVERED),  # whoever reads along is asked first
        (Fate.NOT_SENT, Cause.TOO_OLD),
        (Fate.NOT_SENT, Cause.NOT_COVERED),
    ]


def test_what_is_put_aside_waits_for_a_word_on_the_telephone(database: Database, clock: FakeClock) -> None:
    world = build(database)
    database.transact(publish, world, 1001)
    database.transact(resting.hold, peer_id=world.peer)
    letter = database.look(deliveries.letter, world.peer, ONE, clock.now())
    assert (letter.verdict.fate, letter.verdict.cause) == (Fate.WAITING, Cause.KEY_IN_QUESTION)
    assert letter.verdict.next_try is None
    found = database.look(standing, world.peer, clock.now())
    assert (found.waiting, found.oldest, found.verdict.cause) == (1, clock.now(), Cause.KEY_IN_QUESTION)
    (listed,) = database.look(deliveries.listed, world.peer, clock.now(), which=Which.WAITING, before=None, limit=9)
    assert listed == letter


# -- lists ------------------------------------------------------------------------------------------------------------


def numbers(database: Database, world: World, which: Which, before: Place | None = None, limit: int = 30) -> list[int]:
    now = database.clock.now()
    found = database.look(deliveries.listed, world.peer, now, which=which, before=before, limit=limit)
    return [letter.place.number for letter in found]


@pytest.mark.both_databases
def test_letters_are_listed_newest_first_by_what_became_of_them(database: Database) -> None:
    world = build(database)
    for post_id in range(1001, 1011):
        database.transact(publish, world, post_id)
    states = ["done", "refused", "waiting", "expired", "dropped", "forgotten", "held", "done", "waiting", "refused"]
    for number, state in enumerate(states, start=1):
        database.transact(
            lambda uow, number=number, state=state: (
                DeliveryTable.update(state=state).where(DeliveryTable.number == number).execute(uow.db)
            )
        )
    assert numbers(database, world, Which.ALL) == list(range(10, 0, -1))
    assert numbers(database, world, Which.WAITING) == [9, 7, 3]
    assert numbers(database, world, Which.LOST) == [10, 6, 5, 4, 2]
    assert numbers(database, world, Which.LOST, before=Place(1, 5)) == [4, 2]
    assert numbers(database, world, Which.ALL, before=Place(1, 3), limit=1) == [2]
    found = database.look(standing, world.peer, database.clock.now())
    assert (found.waiting, found.of_last, found.arrived, found.lost, found.forgettable) == (3, 10, 2, 5, 3)


@pytest.mark.both_databases
def test_a_second_epoch_is_newer_than_the_first(database: Database) -> None:
    world = build(database)
    database.transact(publish, world, 1001)
    database.transact(lambda uow: PeerTable.update(stream_epoch=2, stream_next=1).execute(uow.db))
    database.transact(publish, world, 1002)
    now = database.clock.now()
    places = [
        letter.place
        for letter in database.look(deliveries.listed, world.peer, now, which=Which.WAITING, before=None, limit=9)
    ]
    assert places == [Place(2, 1), Place(1, 1)]
    assert database.look(standing, world.peer, now).forgettable == 2


@pytest.mark.parametrize(
    ("which", "index"),
    [(Which.ALL, "PRIMARY KEY|sqlite_autoindex_delivery_1"), (Which.WAITING, ""), (Which.LOST, "")],
)
def test_every_list_has_an_index_of_its_own(which: Which, index: str, database: Database) -> None:
    def plans(db: peewee.Database) -> list[str]:
        found = []
        for query in deliveries._PAGES[which]:
            sql, _ = query._statement(db)
            found.append(str(db.execute_sql(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")).fetchall()))
        return found

    for plan in database.look(plans):
        assert re.search(index or r"INDEX delivery_(waiting|aside) \(peer=\? AND state=\?", plan), plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.both_databases
def test_the_same_thing_is_followed_to_every_neighbour(database: Database, clock: FakeClock) -> None:
    world = build(database)

    def publish_to_both(uow: UnitOfWork) -> int:
        ash = add_peer(uow, "ash.example")
        place = add_place(uow, "ash", peer=ash)
        pair(uow, world.elm, place)
        add_post(uow, 1001, world.alice, world.elm, (world.elm, world.oak, place))
        outbox.post_published(uow, post_id=1001, version=1)
        return ash

    ash = database.transact(publish_to_both)
    (other,) = database.look(deliveries.same, world.peer, ONE, clock.now())
    assert (other.peer, other.matter, other.verdict.fate) == (ash, Matter.POST, Fate.WAITING)
    told = database.look(deliveries.told, 1001, clock.now())
    assert {peer: [one.fate for one in verdicts] for peer, verdicts in told.items()} == {
        world.peer: [Fate.WAITING],
        ash: [Fate.WAITING],
    }
    with pytest.raises(NotFound):
        database.look(deliveries.same, world.peer, Place(1, 9), clock.now())


# -- what somebody does about it --------------------------------------------------------------------------------------


@pytest.mark.both_databases
async def test_nothing_goes_to_who_is_paused_and_all_of_it_when_it_goes_on(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    database = federation.database
    for _ in range(2):
        await database.write(handling.pause, by=None, peer_id=world.peer)
        clock.move(timedelta(hours=1))
    for post_id in (1001, 1002):
        await database.write(publish, world, post_id)
    await send_all(federation)
    assert await database.read(streams.next_due, clock.now()) is None
    assert oak.requests == []
    found = await database.read(standing, world.peer, clock.now())
    assert (found.paused_at, found.waiting) == (clock.now() - timedelta(hours=2), 2)
    assert await verdict(federation, world) == (Fate.WAITING, Cause.PAUSED)
    await database.write(handling.resume, by=None, peer_id=world.peer)
    await send_all(federation)
    assert len(oak.requests) == 2
    assert (await database.read(standing, world.peer, clock.now())).paused_at is None


async def test_a_pause_ends_the_stream_that_is_under_way(federation: Federation, world: World, oak: Remote) -> None:
    for post_id in range(1001, 1003):
        await federation.database.write(publish, world, post_id)
    (lease,) = await federation.database.write(hosts.take, [world.peer], federation.clock.now())
    await federation.database.write(handling.pause, by=None, peer_id=world.peer)
    assert await federation.database.write(hosts.renew, lease, lease.until) is None
    await federation.database.write(handling.resume, by=None, peer_id=world.peer)
    await send_all(federation)
    assert len(oak.requests) == 2


async def test_who_rests_is_tried_now_and_who_is_well_is_left_alone(
    federation: Federation, world: World, oak: Remote, clock: FakeClock
) -> None:
    oak.script = lambda _: ok(status="500 Broken")
    await federation.database.write(publish, world, 1001)
    await send_all(federation)
    oak.script = lambda _: ACCEPTED
    assert not await deliver.pump(federation, clock.now())
    await federation.database.write(handling.retry, by=None, peer_id=world.peer)
    await send_all(federation)
    assert await verdict(federation, world) == (Fate.ARRIVED, None)
    await federation.database.write(publish, world, 1002)
    (lease,) = await federation.database.write(hosts.take, [world.peer], clock.now())
    await federation.database.write(handling.retry, by=None, peer_id=world.peer)
    assert await federation.database.write(hosts.renew, lease, lease.until) is not None


@pytest.mark.both_databases
async def test_one_letter_is_forgotten_and_the_others_go(federation: Federation, world: World, oak: Remote) -> None:
    for post_id in (1001, 1002):
        await federation.database.write(publish, world, post_id)
    await federation.database.write(handling.forget, by=None, peer_id=world.peer, place=ONE)
    with pytest.raises(Conflict, match="settled"):
        await federation.database.write(handling.forget, by=None, peer_id=world.peer, place=ONE)
    await send_all(federation)
    assert await verdict(federation, world) == (Fate.FORGOTTEN, Cause.FORGOTTEN)
    assert await verdict(federation, world, 2) == (Fate.ARRIVED, None)


async def test_what_is_taken_back_is_told_whatever_is_forgotten(
    federation: Federation, world: World, oak: Remote
) -> None:
    database = federation.database
    for post_id in (1001, 1002):
        await database.write(publish, world, post_id)
    await database.write(
        lambda uow: PostTable.update(deleted_at=uow.now, text="").where(PostTable.id == 1001).execute(uow.db)
    )
    await database.write(outbox.post_deleted, post_id=1001)
    assert await database.read(deliveries.what_waits, world.peer) == {Matter.POST: 2}
    with pytest.raises(Conflict) as refused:
        await database.write(handling.forget, by=None, peer_id=world.peer, place=Place(1, 3))
    assert refused.value.code == "always-told"
    assert await database.write(handling.forget_all, by=None, peer_id=world.peer) == 2
    assert await database.write(handling.forget_all, by=None, peer_id=world.peer) == 0
    await send_all(federation)
    assert [body_of(request)["object"]["type"] for request in oak.requests] == ["Delete"]
    # a letter may have arrived before it was forgotten, without our hearing of it: its removal goes there too
    await database.write(
        lambda uow: PostTable.update(deleted_at=uow.now, text="").where(PostTable.id == 1002).execute(uow.db)
    )
    await database.write(outbox.post_deleted, post_id=1002)
    await send_all(federation)
    assert [body_of(request)["object"]["type"] for request in oak.requests] == ["Delete", "Delete"]


@pytest.mark.both_databases
def test_what_waits_for_somebody_paused_grows_no_older_than_elsewhere(database: Database, clock: FakeClock) -> None:
    world = build(database)
    for post_id in (1001, 1002):
        database.transact(publish, world, post_id)
    database.transact(outbox.post_deleted, post_id=1002)
    clock.move(streams.LIFETIME)
    assert database.transact(handling.expire_paused) == 0, "who is tried gives up by itself"
    database.transact(handling.pause, by=None, peer_id=world.peer)
    clock.move(-timedelta(seconds=1))
    assert database.transact(handling.expire_paused) == 0
    clock.move(timedelta(seconds=1))
    assert database.transact(handling.expire_paused) == 2
    clock.move(streams.REMOVAL_LIFETIME - streams.LIFETIME)
    assert database.transact(handling.expire_paused) == 1
    letter = database.look(deliveries.letter, world.peer, ONE, clock.now())
    assert (letter.verdict.fate, letter.verdict.cause) == (Fate.NOT_SENT, Cause.TOO_OLD)


@pytest.mark.both_databases
def test_who_offered_help_hears_that_it_takes_longer_and_then_that_it_does_not_go(database: Database) -> None:
    world = build(database)

    def offer(uow: UnitOfWork) -> int:
        add_request(uow, 1001, world)
        OfferTable.insert(
            id=3001,
            request=1001,
            helper=world.alice,
            neighbourhood=world.elm,
            text="",
            state="waiting",
            offered_at=uow.now,
            expires_at=uow.now,
            sent=Sent.SENDING.value,
        ).execute(uow.db)
        outbox.deliver(uow, world.peer, "offer.send", 3001)
        return 3001

    made = database.transact(offer)

    def sent() -> str:
        return database.look(
            lambda db: [row.sent for row in OfferTable.select().where(OfferTable.id == made).execute(db)]
        )[0]

    database.transact(handling.pause, by=None, peer_id=world.peer)
    assert sent() == Sent.TROUBLE.value
    assert database.look(deliveries.what_waits, world.peer) == {Matter.BETWEEN_TWO: 1}
    assert database.transact(handling.forget_all, by=None, peer_id=world.peer) == 1
    assert sent() == Sent.FAILED.value


def test_only_who_may_agree_does_anything_about_it(database: Database) -> None:
    world = build(database)
    database.transact(publish, world, 1001)
    alice = database.look(people.viewer, world.alice, world.elm)
    acts = [handling.retry, handling.pause, handling.resume, handling.forget_all]
    for act in [*acts, partial(handling.forget, place=ONE)]:
        with pytest.raises(Forbidden):
            database.transact(act, by=alice, peer_id=world.peer)
        with pytest.raises(NotFound):
            database.transact(act, by=None, peer_id=99)
    assert numbers(database, world, Which.WAITING) == [1]


# -- who is told ------------------------------------------------------------------------------------------------------


def stated(consequences: Consequences) -> list[type]:
    return [type(fact) for fact in consequences.facts if isinstance(fact, PeerRefusing | PeerSilent)]


@pytest.mark.both_databases
async def test_what_was_refused_is_sent_once_more_as_it_is_now_and_not_twice(
    federation: Federation, world: World, oak: Remote
) -> None:
    database = federation.database
    oak.script = lambda _: ok(status="404 Where")
    await database.write(publish, world, 1001)
    await send_all(federation)
    now = federation.clock.now()
    assert (await database.read(deliveries.letter, world.peer, ONE, now)).may_again
    oak.script = lambda _: ACCEPTED
    await database.write(handling.again, by=None, peer_id=world.peer, place=ONE)
    with pytest.raises(Conflict):
        await database.write(handling.again, by=None, peer_id=world.peer, place=ONE)
    await send_all(federation)
    assert await verdict(federation, world) == (Fate.REFUSED, Cause.NOT_FOUND)
    assert await verdict(federation, world, 2) == (Fate.ARRIVED, None)
    refused, taken = (request.partition(b"\r\n\r\n")[2] for request in oak.requests)
    assert refused == taken, "the same bytes: who has it knows it by its id"
    for number in (1, 2):
        with pytest.raises(Conflict):
            await database.write(handling.again, by=None, peer_id=world.peer, place=Place(1, number))


async def test_what_may_not_be_read_there_any_more_is_not_sent_once_more(
    federation: Federation, world: World, oak: Remote
) -> None:
    oak.script = lambda _: ok(status="404 Where")
    await federation.database.write(publish, world, 1001)
    await federation.database.write(outbox.deliver, world.peer, "message.create", 3001)
    await send_all(federation)
    await federation.database.write(lambda uow: PairTable.update(until=uow.now).execute(uow.db))
    for number in (1, 2):
        with pytest.raises(Conflict):
            await federation.database.write(handling.again, by=None, peer_id=world.peer, place=Place(1, number))
    assert [row[0] for row in await federation.database.read(rows)] == [1, 2]


@pytest.mark.both_databases
async def test_two_who_forget_the_same_at_once_forget_it_once(running: Database) -> None:
    world = build(running)
    await running.write(publish, world, 1001)
    acts = [running.write(handling.forget, by=None, peer_id=world.peer, place=ONE) for _ in range(2)]
    ended = await asyncio.gather(*acts, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "NoneType"]
    both = await asyncio.gather(*(running.write(handling.pause, by=None, peer_id=world.peer) for _ in range(2)))
    assert both == [None, None]


@pytest.mark.both_databases
async def test_three_refusals_in_a_row_are_told_once_until_something_is_taken(
    federation: Federation, world: World, oak: Remote, consequences: Consequences
) -> None:
    async def publish_one(post_id: int) -> None:
        await federation.database.write(publish, world, post_id)
        await send_all(federation)

    oak.script = lambda _: ok(status="403 No")
    with capture_logs() as lines:
        for post_id in range(1001, 1006):
            assert len(stated(consequences)) == (post_id > 1003)
            await publish_one(post_id)
        assert stated(consequences) == [PeerRefusing]
        assert (await federation.database.read(standing, world.peer, federation.clock.now())).refusing
        oak.script = lambda _: ACCEPTED
        await publish_one(1006)
        assert not (await federation.database.read(standing, world.peer, federation.clock.now())).refusing
        oak.script = lambda _: ok(status="403 No")
        for post_id in range(1007, 1011):
            await publish_one(post_id)
    assert stated(consequences) == [PeerRefusing, PeerRefusing]
    assert [line["event"] for line in lines] == ["host.refusing", "host.refusing"]


async def test_a_week_of_silence_is_told_once_and_the_log_knows_when_it_began_and_ended(
    federation: Federation, world: World, oak: Remote, clock: FakeClock, consequences: Consequences
) -> None:
    oak.script = lambda _: ok(status="502 Bad gateway")
    with capture_logs() as lines:
        for day in range(10):
            await federation.database.write(publish, world, 1001 + day)
            for _ in range(3):
                await federation.database.write(handling.retry, by=None, peer_id=world.peer)
                await send_all(federation)
            assert len(stated(consequences)) == (day >= 6)
            clock.move(timedelta(days=1))
        found = await federation.database.read(standing, world.peer, clock.now())
        assert found.parked
        assert found.is_in_trouble
        assert found.verdict.cause is Cause.STOPPED
        oak.script = lambda _: ACCEPTED
        await federation.database.write(handling.retry, by=None, peer_id=world.peer)
        await send_all(federation)
    assert stated(consequences) == [PeerSilent]
    assert [(line["event"], line["peer"], line.get("reason")) for line in lines] == [
        ("host.failing", world.peer, "stopped"),
        ("host.parked", world.peer, None),
        ("host.answers", world.peer, None),
    ]


async def test_of_who_is_no_neighbour_any_more_nobody_hears(
    federation: Federation, world: World, oak: Remote, consequences: Consequences
) -> None:
    await federation.database.write(lambda uow: PeerTable.update(state="ended").execute(uow.db))
    oak.script = lambda _: ok(status="403 No")
    for post_id in range(1001, 1005):
        await federation.database.write(outbox.deliver, world.peer, "post.delete", post_id)
    await send_all(federation)
    assert stated(consequences) == []
