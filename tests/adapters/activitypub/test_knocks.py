"""Knocking at hosts as they are out there, over real HTTP: what they get, how often, and what is remembered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from fedhood.adapters.activitypub import actors, asking, knocking, knocks, purge, signed_requests
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.knocking import How, Known, Plan
from fedhood.adapters.activitypub.message_signatures import CAPABILITY, CAPABILITY_ED25519
from fedhood.adapters.activitypub.signature_rules import Request
from fedhood.adapters.activitypub.signed_requests import Scheme
from fedhood.adapters.activitypub.tables import InboundTable, KnownSchemeTable
from fedhood.adapters.http.client import Answer
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel.errors import FedhoodError, Invalid, RemoteFailure
from tests.adapters.activitypub.arriving import Here, here, letter, proved, request
from tests.adapters.activitypub.shapes import secrets
from tests.adapters.activitypub.test_inbox import PEER_INBOX, send
from tests.adapters.http.remote import Remote, ok
from tests.support.clocks import FakeClock

BODY = b'{"type":"Create"}'
SIGNER = "http://elm.localhost:1/ap/instance"
CAVAGE, RFC9421 = Scheme.CAVAGE, Scheme.RFC9421


@dataclass
class Host:
    """A server that reads some schemes, and says `refusal` to the rest of what it gets."""

    remote: Remote
    reads: set[Scheme]
    refusal: bytes = field(default_factory=lambda: ok(status="401 Unauthorized"))
    welcome: bytes = field(default_factory=lambda: ok(status="202 Accepted"))
    got: list[str] = field(default_factory=list)
    now: Callable[[], object] = lambda: None

    def answer(self, raw: bytes) -> bytes:
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        claims = signed_requests.read(headers)
        if not claims:
            return self.refusal
        try:
            claim = claims[0]
            pair = secrets("elm_instance")
            key = pair.ed25519 if claim.key_id.endswith("#ed25519-key") else pair.rsa
            base = f"http://oak.localhost:{self.remote.port}"
            received = Request(method=method, base=base, target=target, headers=headers)
            claim.check(received, body=body or None, now=self.now()).verify_with(key.public_key())  # type: ignore[arg-type]
        except FedhoodError as error:
            self.got.append(error.code)
            return self.refusal
        fragment = claim.key_id.partition("#")[2]
        self.got.append(claim.scheme.value + ("" if fragment == "main-key" else f" {fragment}"))
        return self.welcome if claim.scheme in self.reads else self.refusal

    @property
    def name(self) -> str:
        return f"oak.localhost:{self.remote.port}"


@pytest.fixture
def host(federation: Federation, oak: Remote, clock: FakeClock) -> Host:
    federation.key_cache[actors.INSTANCE] = secrets("elm_instance")
    there = Host(remote=oak, reads=set(), now=clock.now)
    oak.script = there.answer
    return there


async def post(federation: Federation, host: Host, capabilities: list[str] | None = None) -> int:
    url = f"http://{host.name}/ap/inbox"

    async def attempt(plan: Plan) -> Answer:
        headers = knocking.sign(
            plan,
            method="POST",
            url=url,
            body=BODY,
            signer=SIGNER,
            pair=secrets("elm_instance"),
            date=federation.clock.now(),
        )
        return await federation.client.post(url, body=BODY, headers=headers)

    return (await knocks.knock(federation, host.name, attempt, capabilities=capabilities)).status


def learnt(federation: Federation, host: Host) -> Known | None:
    return federation.database.look(knocks.of_host, host.name)


# -- hosts as they are -------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
async def test_a_host_of_which_nothing_is_known_gets_the_older_scheme_and_teaches_nothing(federation, host) -> None:
    host.reads = {CAVAGE, RFC9421}
    assert await post(federation, host) == 202
    assert (host.got, learnt(federation, host)) == (["cavage"], None)


@pytest.mark.both_databases
@pytest.mark.parametrize("refusal", ["400 Bad Request", "401 Unauthorized"])
async def test_a_host_that_reads_the_newer_scheme_alone_is_remembered(federation, host, clock, refusal) -> None:
    host.reads, host.refusal = {RFC9421}, ok(status=refusal)
    assert await post(federation, host) == 202
    assert host.got == ["cavage", "rfc9421"]
    assert learnt(federation, host) == Known(scheme=RFC9421, how=How.ANSWERED, learnt_at=clock.now())
    assert await post(federation, host) == 202
    assert host.got == ["cavage", "rfc9421", "rfc9421"]


async def test_what_was_learnt_holds_for_thirty_days(federation, host, clock) -> None:
    host.reads = {RFC9421}
    await post(federation, host)
    clock.move(timedelta(days=29))
    await post(federation, host)
    clock.move(timedelta(days=1))
    await post(federation, host)
    assert host.got == ["cavage", "rfc9421", "rfc9421", "cavage", "rfc9421"]


async def test_a_host_that_changed_its_mind_is_found_out(federation, host) -> None:
    host.reads = {RFC9421}
    await post(federation, host)
    host.reads = {CAVAGE}
    assert await post(federation, host) == 202
    assert host.got[2:] == ["rfc9421", "cavage"]
    assert learnt(federation, host).scheme is CAVAGE


async def test_a_host_that_says_what_it_reads_gets_that(federation, host) -> None:
    host.reads = {RFC9421}
    assert await post(federation, host, [CAPABILITY]) == 202
    assert await post(federation, host, [CAPABILITY, CAPABILITY_ED25519]) == 202
    assert host.got == ["rfc9421", "rfc9421 ed25519-key"]
    assert learnt(federation, host) is None


async def test_what_a_neighbour_said_of_itself_is_looked_up(federation, host) -> None:
    said = [CAPABILITY, CAPABILITY_ED25519]
    await federation.database.write(
        lambda uow: PeerTable.update(capabilities=said).where(PeerTable.host == host.name).execute(uow.db)
    )
    host.reads = {RFC9421}
    assert await post(federation, host) == 202
    assert host.got == ["rfc9421 ed25519-key"]


async def test_a_host_whose_proxy_drops_what_is_new_gets_the_older_scheme_from_then_on(federation, host) -> None:
    host.reads = {CAVAGE}
    for _ in range(2):
        assert await post(federation, host, [CAPABILITY]) == 202
    assert host.got == ["rfc9421", "cavage", "cavage"]


@pytest.mark.parametrize("welcome", [ok(b'"error"'), ok(status="202 Accepted")])
async def test_a_host_that_welcomes_everything_is_not_taken_for_one_that_reads_it(federation, host, welcome) -> None:
    host.refusal = host.welcome = welcome
    assert await post(federation, host) in {200, 202}
    assert (host.got, learnt(federation, host)) == (["cavage"], None)


@pytest.mark.parametrize("status", ["500 No", "502 No", "503 No", "403 No", "404 No", "410 No", "429 No"])
async def test_no_other_answer_brings_a_second_request(federation, host, status) -> None:
    host.refusal = ok(status=status)
    assert await post(federation, host) == int(status[:3])
    assert (len(host.remote.requests), learnt(federation, host)) == (1, None)


async def test_a_host_that_refuses_both_is_knocked_at_twice_and_teaches_nothing(federation, host) -> None:
    assert await post(federation, host) == 401
    assert (host.got, learnt(federation, host)) == (["cavage", "rfc9421"], None)
    host.remote.script = lambda raw: ok(status="400 No" if b"Signature-Input" in raw else "401 No")
    assert await post(federation, host) == 401


async def test_a_host_that_asks_for_a_digest_first_gets_one_either_way(federation, host) -> None:
    inner = host.answer

    def lemmy(raw: bytes) -> bytes:
        return inner(raw) if raw.count(b"\r\nDigest: SHA-256=") == 1 else ok(status="400 No digest")

    host.remote.script, host.reads = lemmy, {RFC9421}
    assert await post(federation, host) == 202
    assert host.got == ["cavage", "rfc9421"]


async def test_a_host_that_does_not_answer_is_not_knocked_at_again(federation, host) -> None:
    host.remote.script = lambda _: None
    with pytest.raises(RemoteFailure):
        await post(federation, host)
    assert learnt(federation, host) is None


async def test_every_attempt_is_signed_anew(federation, host, clock) -> None:
    host.reads = {CAVAGE}
    for _ in range(2):
        await post(federation, host)
        clock.move(timedelta(hours=3))
    assert host.got == ["cavage", "cavage"]


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_what_is_asked_for_is_asked_for_twice_where_the_first_scheme_is_refused(federation, host) -> None:
    url = f"http://{host.name}/ap/things/1?page=2"
    document = f'{{"id":"{url}"}}'.encode()
    host.reads, host.welcome = {RFC9421}, ok(document, headers=f"Content-Type: {asking.ACTIVITY_JSON}\r\n")
    signing = secrets("elm_instance")
    for _ in range(2):
        assert await asking.document(federation, url, signing) == {"id": url}
    assert host.got == ["cavage", "rfc9421", "rfc9421"]
    assert learnt(federation, host).how is How.ANSWERED


async def test_what_is_asked_for_without_a_name_is_asked_for_once(federation, host) -> None:
    with pytest.raises(Invalid):
        await asking.document(federation, f"http://{host.name}/ap/things/1", None)
    assert len(host.remote.requests) == 1
    assert b"Signature" not in host.remote.requests[0]


# -- hearing -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(running) -> Here:
    return here(running, "oak")


def kept(place: Here) -> list[tuple[str, str, str]]:
    return [(row.host, row.scheme, row.how) for row in place.rows(KnownSchemeTable)]


@pytest.mark.both_databases
async def test_who_is_heard_to_sign_by_the_newer_scheme_is_answered_by_it(place, aiohttp_client, clock) -> None:
    door = await aiohttp_client(place.app())
    await send(door, request(place, PEER_INBOX, proved(letter("13"))))
    assert kept(place) == []
    for number, hours in enumerate((0, 1, 30)):
        clock.move(timedelta(hours=hours))
        again = proved(letter("13") | {"id": f"https://elm.example/ap/activities/{number}"})
        assert (await send(door, request(place, PEER_INBOX, again, scheme=RFC9421))).status == 202
    assert kept(place) == [("elm.example", "rfc9421", "heard")]
    (row,) = place.rows(KnownSchemeTable)
    assert row.learnt_at == clock.now()
    assert len(place.rows(InboundTable)) == 4


async def test_a_signature_that_does_not_hold_teaches_nothing(place, aiohttp_client) -> None:
    door = await aiohttp_client(place.app())
    arguments = request(place, PEER_INBOX, proved(letter("13")), scheme=RFC9421)
    arguments["headers"]["Signature"] = "sig1=:AAAA:"
    assert (await send(door, arguments)).status == 401
    assert kept(place) == []


@pytest.mark.both_databases
async def test_what_holds_no_longer_is_purged(place, clock) -> None:
    def fill(uow) -> None:
        for number in range(100):
            days = timedelta(days=29 if number < 10 else 31)
            knocks.remember(uow, f"n{number}.example", Known(scheme=RFC9421, how=How.HEARD, learnt_at=uow.now - days))

    place.database.transact(fill)
    assert place.database.transact(purge.purge_due) == 90
    assert len(kept(place)) == 10
