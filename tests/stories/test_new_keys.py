"""A server, its neighbourhood and somebody who lives there get other keys, and nothing that is said is lost by it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from fedhood.adapters.activitypub import actors, keys, remote, rotation
from fedhood.adapters.activitypub.actors import INSTANCE
from fedhood.adapters.activitypub.tables import ActorKeyTable, InboundTable, RetiredKeyTable
from fedhood.adapters.activitypub.tables import RemoteActorTable as Actors
from fedhood.core import peers, posts
from fedhood.core.posts import Audience
from fedhood.kernel import jobs
from fedhood.kernel.clock import write_offset
from tests.stories.test_next_door import feed
from tests.support.world import make_neighbours, place, settle

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def street(tmp_path, engine, request):
    with ExitStack() as stack:
        dsns = ["", ""]
        if engine == "postgres":
            server = request.getfixturevalue("postgres_server")
            dsns = [stack.enter_context(server.empty()) for _ in dsns]
        hour = tmp_path / "hour"
        write_offset(hour, timedelta())
        elm = await place(tmp_path, "elm", "Elm", dsn=dsns[0], clock_offset=hour)
        oak = await place(tmp_path, "oak", "Oak", dsn=dsns[1], clock_offset=hour)
        ana = await elm.resident("Ana Dakkapel", moderator=True)
        bob = await oak.resident("Bob Vensterbank", moderator=True)
        await make_neighbours(elm, oak, ana, bob)
        Street.hour = hour
        yield elm, oak, ana, bob
        await elm.close()
        await oak.close()


class Street:
    """The hour of both servers."""

    hour: Path


async def settle_all(*places) -> None:
    """Until nobody has anything left to do, and nobody rests for a few seconds."""
    for _ in range(3):
        await settle(*places)
        write_offset(Street.hour, places[0].server.clock.offset() + timedelta(seconds=20))
    await settle(*places)


async def publish(at, viewer, text: str) -> int:
    offered = await at.database.read(posts.offered, neighbourhood=viewer.neighbourhood)
    (places,) = [one.places for one in offered if one.names in {("Oak",), ("Elm",)}]
    return await at.database.write(posts.publish, by=viewer, text=text, audience=Audience.NEIGHBOURS, places=places)


def everybody(elm, ana):
    return [INSTANCE, actors.group(elm.homes["Elm"]), actors.person(ana.account)]


def states(at) -> list[str]:
    rows = at.database.look(lambda db: list(InboundTable.select().order_by(InboundTable.id).execute(db)))
    return [f"{row.state} {row.reason or ''}".strip() for row in rows]


async def letters(at, of: str) -> str | None:
    peer = await at.database.read(peers.by_host, of)
    assert peer is not None
    return peer.fingerprint


async def rotate(elm, ref) -> bool:
    return await rotation.rotate(elm.server.federation, ref)


@pytest.mark.parametrize("whose", [0, 1, 2])
async def test_what_was_said_before_and_after_is_read(street, whose) -> None:
    elm, oak, ana, bob = street
    await publish(elm, ana, "Long before")
    await settle_all(elm, oak)
    await publish(elm, ana, "Just before")
    ref = everybody(elm, ana)[whose]
    before = await actors.ensure_keys(elm.server.federation, ref)
    assert await rotate(elm, ref)
    await publish(elm, ana, "Just after")
    await settle_all(elm, oak)
    await publish(elm, ana, "Long after")
    await settle_all(elm, oak)
    assert await feed(oak, bob) == ["Long after", "Just after", "Just before", "Long before"]
    assert {state.split()[0] for state in states(oak)} == {"understood"}
    after = await actors.ensure_keys(elm.server.federation, ref)
    assert keys.multikey(after.ed25519) != keys.multikey(before.ed25519)


async def test_all_three_one_after_the_other_and_twice(street) -> None:
    elm, oak, ana, bob = street
    said = ["0"]
    await publish(elm, ana, said[0])
    await settle_all(elm, oak)
    for number, ref in enumerate([*everybody(elm, ana), *everybody(elm, ana)], 1):
        await publish(elm, ana, f"{number}")
        said.append(f"{number}")
        assert await rotate(elm, ref)
    await settle_all(elm, oak)
    assert await feed(oak, bob) == said[::-1]


async def test_a_neighbour_knows_the_new_letters_and_goes_on_being_one(street) -> None:
    elm, oak, ana, bob = street
    old = await letters(oak, elm.host)
    await elm.database.write(jobs.add, "keys.renew", actor="instance", owner=0)
    await settle_all(elm, oak)
    instance = await actors.ensure_keys(elm.server.federation, INSTANCE)
    new = keys.fingerprint(elm.server.federation.addresses.instance, keys.multikey(instance.ed25519))
    assert await letters(oak, elm.host) == new != old
    await publish(elm, ana, "From Elm")
    await publish(oak, bob, "From Oak")
    await settle_all(elm, oak)
    assert sorted(await feed(oak, bob)) == sorted(await feed(elm, ana)) == ["From Elm", "From Oak"]


async def test_who_is_met_before_the_news_arrives_is_vouched_for_all_the_same(street) -> None:
    elm, oak, ana, bob = street
    assert await rotate(elm, INSTANCE)
    theirs = await oak.database.read(peers.by_host, elm.host)
    group = elm.server.federation.addresses.group("elm")
    assert (await remote.fetch(oak.server.federation, theirs, group)).uri == group
    await publish(elm, ana, "Hello")
    await settle_all(elm, oak)
    theirs = await oak.database.read(peers.by_host, elm.host)
    assert (await remote.fetch(oak.server.federation, theirs, group)).uri == group
    assert await feed(oak, bob) == ["Hello"]


async def test_a_resident_whom_a_neighbour_never_heard_of_is_not_told_of(street) -> None:
    elm, oak, ana, _ = street
    carl = await elm.resident("Carl Kozijn")
    assert not await rotate(elm, actors.person(carl.account))
    await actors.ensure_keys(elm.server.federation, actors.person(carl.account))
    assert await rotate(elm, actors.person(carl.account))
    await settle_all(elm, oak)
    assert not any("Person" in bytes(row.body).decode() for row in oak.database.look(_inbound))
    await publish(elm, ana, "Hello")
    await settle_all(elm, oak)
    assert await rotate(elm, actors.person(ana.account))
    await settle_all(elm, oak)
    assert any('"Person"' in bytes(row.body).decode() for row in oak.database.look(_inbound))


def _inbound(db):
    return list(InboundTable.select().execute(db))


async def test_keys_that_nobody_announced_are_not_believed(street) -> None:
    elm, oak, ana, bob = street
    await publish(elm, ana, "Hello")
    await settle_all(elm, oak)
    old = await letters(oak, elm.host)
    for ref in everybody(elm, ana):
        pem = keys.to_pem(keys.generate())
        await elm.database.write(_steal, ref, pem)
    elm.server.federation.key_cache.clear()
    await oak.database.write(lambda uow: Actors.delete().execute(uow.db))
    await publish(elm, ana, "From somebody else")
    await settle_all(elm, oak)
    assert await feed(oak, bob) == ["Hello"]
    assert await letters(oak, elm.host) == old


def _steal(uow, ref, pem: bytes) -> None:
    mine = (ActorKeyTable.kind == ref.kind.value, ActorKeyTable.owner == ref.owner)
    assert ActorKeyTable.update(pem=pem).where(*mine).execute(uow.db)


async def test_old_keys_are_forgotten_after_a_month(street) -> None:
    elm, _, ana, _ = street
    for ref in everybody(elm, ana)[:2]:
        assert await rotate(elm, ref)

    def forget(uow, days: int) -> int:
        return rotation.forget_old(uow, uow.now - actors.RETIRED_FOR + timedelta(days=days))

    assert await elm.database.write(forget, 0) == 0
    assert await elm.database.write(forget, 31) == 2
    assert elm.database.look(lambda db: RetiredKeyTable.select().count(db)) == 0
