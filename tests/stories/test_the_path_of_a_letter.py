"""A letter goes next door, and who sent it can ask there what became of it; nobody else learns anything by asking."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import actors, asking, echo, outgoing, trace
from fedhood.adapters.activitypub.knocking import Plan, sign
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http.keys import LIMITER
from fedhood.adapters.http.limits import LIMITS, Bucket
from fedhood.adapters.http.paths import Fate, Reason, Sending, Way
from fedhood.core import peers, posts
from fedhood.core.posts import Audience
from fedhood.kernel.clock import write_offset
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.shapes import shape
from tests.stories.test_next_door import next_door
from tests.support.world import make_neighbours, place, settle


class Street:
    """Elm and Oak are neighbours; Fir is Oak's neighbour alone. All on one clock that can be set."""

    def __init__(self, hands, elm, oak, fir, ana, bob):
        self.hands, self.elm, self.oak, self.fir, self.ana, self.bob = hands, elm, oak, fir, ana, bob

    def later(self, by: timedelta) -> None:
        write_offset(self.hands, by)

    async def tell(self, text: str) -> str:
        """Ana tells something next door. The key of what is sent."""
        places = await next_door(self.elm, self.ana)
        await self.elm.database.write(
            posts.publish, by=self.ana, text=text, audience=Audience.NEIGHBOURS, places=places
        )
        await settle(self.elm, self.oak)
        return self.elm.database.look(outgoing.latest, self.oak_at(self.elm).id)[0].key

    def oak_at(self, one):
        return one.database.look(peers.by_host, self.oak.host)

    async def asked(self, one, what: str):
        """What Oak answers to a server about its own letters."""
        return await asking.signed(one.server.federation, self.address(one, what), accept=echo.JSON)

    def address(self, one, what: str) -> str:
        return f"{self.oak.server.addresses.peering(one.host)}/{what}"


@pytest.fixture
async def street(tmp_path):
    hands = tmp_path / "hands"
    write_offset(hands, timedelta())
    elm, oak, fir = [await place(tmp_path, name, clock_offset=hands) for name in ("elm", "oak", "fir")]
    ana, bob, cas = [
        await one.resident(name, moderator=True)
        for one, name in ((elm, "Ana Dakkapel"), (oak, "Bob Vensterbank"), (fir, "Cas Gevel"))
    ]
    await make_neighbours(elm, oak, ana, bob)
    await make_neighbours(fir, oak, cas, bob)
    yield Street(hands, elm, oak, fir, ana, bob)
    for one in (elm, oak, fir):
        await one.close()


async def test_an_echo_says_the_time_there_and_what_was_seen_of_the_request(street):
    federation = street.elm.server.federation
    heard = echo.read(await echo.ask(federation, street.oak_at(street.elm)))
    assert abs(heard.time - street.oak.server.clock.now()) < timedelta(seconds=5)
    assert heard.scheme == Scheme.RFC9421
    assert heard.key_id == f"{street.elm.server.addresses.instance}{actors.PROOF_KEY}"


async def test_the_older_scheme_is_seen_as_what_it_is(street):
    federation, url = street.elm.server.federation, street.address(street.elm, "echo")
    headers = sign(
        Plan(scheme=Scheme.CAVAGE),
        method="GET",
        url=url,
        body=None,
        signer=street.elm.server.addresses.instance,
        pair=await actors.ensure_keys(federation, actors.INSTANCE),
        date=street.elm.server.clock.now(),
    )
    answer = await federation.client.get(url, accept=echo.JSON, headers=headers)
    seen = json.loads(answer.body)["request"]
    assert (seen["scheme"], seen["method"]) == ("cavage", "GET")
    assert seen["target"] == f"/ap/peerings/{street.elm.host}/echo"
    assert seen["date"] == headers["Date"]


async def test_the_whole_path_of_a_letter_is_known_to_who_sent_it(street):
    key = await street.tell("The bridge is closed on Saturday")
    (ours,) = street.elm.database.look(outgoing.of_key, key)
    assert (ours.verb, ours.state, ours.attempts, ours.last_status) == ("post.create", Sending.DONE, 1, 202)
    assert ours.ordered_at <= ours.made_at <= ours.done_at
    theirs = await trace.ask(street.elm.server.federation, street.oak_at(street.elm), key)
    assert (theirs.fate, theirs.reason, theirs.attempts, theirs.again_at) == (Fate.UNDERSTOOD, None, 1, None)
    assert theirs.way is Way.RFC9421
    assert theirs.arrived_at <= theirs.settled_at
    answer = await street.asked(street.elm, f"trace/{key}")
    assert b"bridge" not in answer.body
    assert street.elm.database.look(outgoing.latest, street.oak_at(street.elm).id)[0] == ours


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("refused", "places-differ: it is for other places than its thread", (Fate.REFUSED, Reason.NOT_THEIRS)),
        ("parked", "orphan: the post that this is about is not here", (Fate.PARKED, Reason.MISSING)),
        ("parked", "proof-future: it is of tomorrow", (Fate.PARKED, Reason.CLOCK)),
        ("dead", "timeout: did not answer in time", (Fate.DEAD, Reason.SILENCE)),
        ("ignored", "kind: Dance/Note", (Fate.IGNORED, Reason.UNKNOWN_KIND)),
        ("refused", "nobody-foresaw-this: a secret sentence", (Fate.REFUSED, Reason.OTHER)),
        ("waiting", None, (Fate.WAITING, None)),
    ],
)
async def test_why_it_was_not_taken_in_is_told_by_a_reason_and_in_no_words(street, state, reason, told):
    key = await street.tell("The bridge is closed on Saturday")
    uri = street.elm.server.addresses.activity(key)
    street.oak.database.transact(
        lambda uow: InboundTable.update(state=state, reason=reason).where(InboundTable.uri == uri).execute(uow.db)
    )
    theirs = await trace.ask(street.elm.server.federation, street.oak_at(street.elm), key)
    assert (theirs.fate, theirs.reason) == told
    assert (theirs.again_at is not None) == (state in {"parked", "waiting"})
    answer = await street.asked(street.elm, f"trace/{key}")
    assert b"sentence" not in answer.body
    assert b"Dance" not in answer.body


async def test_of_what_is_not_there_and_of_what_is_anothers_the_answer_is_that_of_what_never_was(street):
    key = await street.tell("The bridge is closed on Saturday")
    fir = street.fir.server.federation
    nowhere = await fir.client.get(f"{street.oak.server.addresses.base}/ap/nothing/of/the/kind", accept=echo.JSON)
    asked = [
        await street.asked(street.fir, f"trace/{key}"),  # Elm's letter, asked for by Fir as its own
        await street.asked(street.fir, "trace/post-create-1-1"),  # of nobody
        await street.asked(street.fir, "trace/.%2e"),
        await street.asked(street.fir, f"trace/{'x' * 401}"),
        await asking.signed(fir, street.address(street.elm, f"trace/{key}"), accept=echo.JSON),  # in Elm's name
        await asking.signed(fir, street.address(street.elm, "echo"), accept=echo.JSON),
        await fir.client.get(street.address(street.fir, "echo"), accept=echo.JSON),  # by nobody
        await fir.client.get(street.address(street.elm, f"trace/{key}"), accept=echo.JSON),
    ]
    for answer in asked:
        assert (answer.status, answer.body) == (404, nowhere.body), answer.url
        assert _steady(answer) == _steady(nowhere)
    assert await trace.ask(fir, street.oak_at(street.fir), key) is None


def _steady(answer) -> dict[str, str]:
    moving = {"x-request-id", "date"}
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in moving}


async def test_who_is_a_neighbour_no_more_is_a_stranger_at_once(street):
    key = await street.tell("The bridge is closed on Saturday")
    elm = street.oak.database.look(peers.by_host, street.elm.host)
    street.oak.database.transact(peers.end, by=street.bob, peer_id=elm.id)
    for what in ("echo", f"trace/{key}"):
        assert (await street.asked(street.elm, what)).status == 404


async def test_what_came_before_we_agreed_with_its_sender_is_not_told_of(street):
    key = await street.tell("The bridge is closed on Saturday")
    street.later(timedelta(days=1))
    elm = street.oak.database.look(peers.by_host, street.elm.host)
    assert await trace.ask(street.elm.server.federation, street.oak_at(street.elm), key) is not None
    street.oak.database.transact(_agree_anew, elm.id)
    assert await trace.ask(street.elm.server.federation, street.oak_at(street.elm), key) is None


def _agree_anew(uow, peer: int) -> None:
    uow.db.execute_sql("UPDATE peer SET agreed_at = ? WHERE id = ?", [int(uow.now.timestamp() * 1000), peer])


async def test_what_is_answered_has_the_recorded_form(street):
    key = await street.tell("The bridge is closed on Saturday")
    street.oak.database.transact(
        lambda uow: InboundTable.update(state="parked", reason="orphan: x").where(_is(street, key)).execute(uow.db)
    )
    for number, what in (("76", "echo"), ("77", f"trace/{key}")):
        answer = await street.asked(street.elm, what)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert shape(json.loads(answer.body)) == shape(golden.document(number))


def _is(street, key: str):
    return InboundTable.uri == street.elm.server.addresses.activity(key)


async def test_who_asks_too_often_is_told_to_wait_and_that_is_counted_by_who_it_is(street, monkeypatch):
    limiter = street.oak.server._runner.app[LIMITER]
    monkeypatch.setattr(limiter, "_now", lambda: 1.0)  # however long this takes
    for _ in range(LIMITS[Bucket.PEER_ASKS].burst):
        limiter.check(Bucket.PEER_ASKS, street.elm.host)
    refused = await street.asked(street.elm, "echo")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert (await street.asked(street.fir, "echo")).status == 200
