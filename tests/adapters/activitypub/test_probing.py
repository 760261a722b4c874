"""A neighbour is tested, against servers that stumble at each step in their own way."""

import json
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from fedhood.adapters.activitypub import actors, probing
from fedhood.adapters.activitypub.asking import ACTIVITY_JSON
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.remote import NODEINFO_ACTOR
from fedhood.adapters.http.findings import OUTCOMES, Finding, Found, Outcome, Step
from fedhood.core import peers
from fedhood.core.peers.tables import PeerTable
from tests.adapters.activitypub.next_door import World
from tests.adapters.activitypub.shapes import secrets
from tests.adapters.http.remote import Remote, ok
from tests.support.clocks import FakeClock

GOOD = [
    Found.NAME_KNOWN,
    Found.ADDRESS_GOOD,
    Found.CONNECTED,
    Found.NO_CERTIFICATE,
    Found.NODEINFO_GOOD,
    Found.ACTOR_GOOD,
    Found.WEBFINGER_GOOD,
    Found.ECHO_GOOD,
    Found.CLOCK_SAME,
]


class Oak:
    """What Oak's server says at each address; `ahead` is how far its clock is before ours."""

    def __init__(self, remote: Remote, federation: Federation, clock: FakeClock) -> None:
        self.base = f"http://oak.localhost:{remote.port}"
        self.clock, self.ahead = clock, timedelta()
        self.peering = f"/ap/peerings/{federation.addresses.host}"
        own = f"{self.base}/ap/instance"
        host = self.base.removeprefix("http://")
        actor = federation.database.look(
            lambda db: actors.document(
                db,
                type(federation.addresses)(self.base),
                actors.INSTANCE,
                secrets("oak_instance"),
                secrets("oak_instance"),
                clock.now(),
            )
        )
        self.answers: dict[str, Any] = {
            "/.well-known/nodeinfo": {"links": [{"rel": NODEINFO_ACTOR, "href": own}]},
            "/ap/instance": actor,
            f"/.well-known/webfinger?resource=acct%3A{host.replace(':', '%3A')}%40{host.replace(':', '%3A')}": {
                "links": [{"rel": "self", "href": own}]
            },
            f"{self.peering}/stream": {"type": "OrderedCollection"},
        }
        remote.script = self.answer

    def echo(self, **also: Any) -> dict[str, Any]:
        url = f"{self.base}{self.peering}/echo"
        said = (self.clock.now() + self.ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"id": url, "time": said, "request": {"scheme": "rfc9421", "keyId": "x"}, **also}

    def answer(self, request: bytes) -> bytes:
        path = request.split(b" ")[1].decode()
        date = f"Date: {format_datetime((self.clock.now() + self.ahead).astimezone(UTC), usegmt=True)}\r\n"
        said = self.answers.get(path, self.echo() if path == f"{self.peering}/echo" else 404)
        if isinstance(said, int):
            return ok(status=f"{said} So", headers=date)
        return ok(json.dumps(said).encode(), headers=f"Content-Type: {ACTIVITY_JSON}\r\n{date}")


@pytest.fixture
def place(federation: Federation, oak: Remote, world: World, clock: FakeClock) -> Oak:
    federation.key_cache[actors.INSTANCE] = secrets("elm_instance")
    return Oak(oak, federation, clock)


async def tested(federation: Federation, world: World, **how: Any) -> list[Finding]:
    peer = await federation.database.read(peers.get, world.peer)
    found = await probing.probe(federation, peer, **how)
    assert [one.step for one in found] == list(Step)
    return found


async def differs(federation: Federation, world: World) -> list[Found]:
    """What is found other than when all is well."""
    return [one.found for one, good in zip(await tested(federation, world), GOOD, strict=True) if one.found != good]


async def test_a_neighbour_who_is_well_is_well_at_every_step(federation: Federation, place: Oak, world: World) -> None:
    found = await tested(federation, world)
    assert [one.found for one in found] == GOOD
    assert found[0].facts == {"addresses": "127.0.0.1"}
    assert found[7].facts == {"scheme": "RFC 9421"}


async def test_older_software_without_an_echo_is_no_fault(federation: Federation, place: Oak, world: World) -> None:
    place.answers[f"{place.peering}/echo"] = 404
    assert await differs(federation, world) == [Found.ECHO_OLDER]
    assert OUTCOMES[Found.ECHO_OLDER] is Outcome.WELL


async def test_who_keeps_no_stream_for_us_either_takes_us_for_a_stranger(
    federation: Federation, place: Oak, world: World
) -> None:
    place.answers |= {f"{place.peering}/echo": 404, f"{place.peering}/stream": 404}
    assert await differs(federation, world) == [Found.ECHO_STRANGER]


@pytest.mark.parametrize(
    ("where", "said", "found"),
    [
        ("/.well-known/nodeinfo", 404, Found.NO_NODEINFO),
        ("/.well-known/nodeinfo", 502, Found.PROXY_ALONE),
        ("/.well-known/nodeinfo", 500, Found.THEIR_FAULT),
        ("/.well-known/nodeinfo", 418, Found.STRANGE_ANSWER),
        ("/.well-known/nodeinfo", {"links": []}, Found.NO_NODEINFO),
        ("/.well-known/nodeinfo", [1], Found.STRANGE_ANSWER),
        (
            "/.well-known/nodeinfo",
            {"links": [{"rel": NODEINFO_ACTOR, "href": "http://x.localhost/a"}]},
            Found.OTHER_INSTANCE,
        ),
        ("/ap/instance", 404, Found.NO_ACTOR),
        ("/ap/instance", 410, Found.NO_ACTOR),
        ("/ap/instance", 503, Found.PROXY_ALONE),
        ("/ap/instance", {"id": "x"}, Found.STRANGE_ANSWER),
        ("webfinger", 404, Found.NO_WEBFINGER),
        ("webfinger", {"links": [{"rel": "self", "href": "http://x"}, 7]}, Found.WEBFINGER_OTHER),
        ("webfinger", {"links": 7}, Found.WEBFINGER_OTHER),
        ("echo", 429, Found.TOO_OFTEN),
        ("echo", 500, Found.THEIR_FAULT),
        ("echo", {"id": "another"}, Found.STRANGE_ANSWER),
        ("echo", {"time": "yesterday"}, Found.STRANGE_ANSWER),
    ],
)
async def test_each_that_stumbles_is_named_and_the_others_are_tried_all_the_same(
    where: str, said: Any, found: Found, federation: Federation, place: Oak, world: World
) -> None:
    path = next(one for one in [*place.answers, f"{place.peering}/echo"] if one == where or where in one)
    place.answers[path] = said
    assert await differs(federation, world) == [found]


async def test_other_letters_than_those_that_were_compared_are_seen(
    federation: Federation, place: Oak, world: World
) -> None:
    await federation.database.write(lambda uow: PeerTable.update(multikey="zOther").execute(uow.db) and None)
    assert await differs(federation, world) == [Found.KEY_OTHER]


@pytest.mark.parametrize(
    ("ahead", "found", "minutes"),
    [
        (timedelta(seconds=50), Found.CLOCK_SAME, None),
        (timedelta(minutes=-5), Found.CLOCK_NEAR, 5),
        (timedelta(minutes=30), Found.CLOCK_AHEAD, 30),
        (timedelta(minutes=-30), Found.CLOCK_BEHIND, 30),
        (timedelta(hours=3), Found.CLOCK_FAR_AHEAD, 180),
        (timedelta(hours=-3), Found.CLOCK_FAR_BEHIND, 180),
    ],
)
@pytest.mark.parametrize("by_echo", [True, False])
async def test_how_far_the_clocks_are_apart_is_known_also_without_an_echo(
    ahead: timedelta, found: Found, minutes: int | None, by_echo: bool, federation: Federation, place: Oak, world: World
) -> None:
    place.ahead = ahead
    if not by_echo:
        place.answers |= {f"{place.peering}/echo": 404, f"{place.peering}/stream": 404}
    last = (await tested(federation, world))[-1]
    assert (last.found, last.facts.get("minutes")) == (found, minutes)


async def test_who_is_no_neighbour_yet_is_not_asked_what_neighbours_are(
    federation: Federation, place: Oak, world: World, oak: Remote
) -> None:
    await federation.database.write(lambda uow: PeerTable.update(state="found").execute(uow.db) and None)
    assert await differs(federation, world) == [Found.NOT_AGREED]
    assert not any(b"/ap/peerings/" in request for request in oak.requests)


async def test_what_comes_after_a_way_that_ends_is_not_tried(federation: Federation, world: World, oak: Remote) -> None:
    _ = oak
    nowhere = {"host": "oak.example", "actor_uri": "http://oak.example/ap/instance"}
    await federation.database.write(lambda uow: PeerTable.update(**nowhere).execute(uow.db) and None)
    found = [one.found for one in await tested(federation, world)]
    assert found == [Found.NO_SUCH_NAME, *[Found.NOT_TRIED] * 8]


async def test_nobody_at_the_address_is_said_so(federation: Federation, world: World) -> None:
    nowhere = {"actor_uri": "http://oak.localhost:9/ap/instance"}
    await federation.database.write(lambda uow: PeerTable.update(**nowhere).execute(uow.db) and None)
    found = [one.found for one in await tested(federation, world)]
    assert found == [Found.NAME_KNOWN, Found.ADDRESS_GOOD, Found.UNREACHABLE, *[Found.NOT_TRIED] * 6]


async def test_the_whole_ends_in_time_and_says_what_was_not_tried(
    federation: Federation, world: World, oak: Remote
) -> None:
    async def silent(_: Any) -> None:
        await oak.done.wait()

    oak.speak = silent
    found = [one.found for one in await tested(federation, world, longest=0.3)]
    assert found[:5] == [*GOOD[:4], Found.LATE]
    assert found[5:] == [Found.OUT_OF_TIME] * 4
    oak.done.set()
