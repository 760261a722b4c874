"""B: signatures and replays. The schemes differ; what must not pass is the same."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from datetime import timedelta
from random import Random  # noqa: TID251 - the same mutants each time
from typing import TYPE_CHECKING, Any

import pytest

from fedhood.adapters.activitypub import keys
from fedhood.kernel.clock import Clock, write_offset
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.peer import other_rsa, pair_of
from tests.hostile.street import INSTANCE_INBOX, PEER_INBOX, number, open_street, said_to_oak
from tests.hostile.wire import COVERED, Letter, Line, date, digest, fresh_address, request

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.peer import Peer, Underworld
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def letter(street: Street, evil: Peer) -> Letter:
    """One that would be taken."""
    return evil.letter(street.host, PEER_INBOX, said_to_oak(street, evil))


async def refused(street: Street, raw: bytes) -> str:
    """Deliver this, see that it is refused for its signature and kept nowhere, and say by which rule."""
    before = len(oracles.arrived(street.oak))
    reply = await street.send(raw)
    assert reply.status == 401, (reply.status, reply.code)
    assert len(oracles.arrived(street.oak)) == before
    return reply.code


async def test_the_letter_that_is_tampered_with_would_be_taken(street: Street, letter: Letter) -> None:
    assert (await street.send(letter)).status == 202


@published("B1")
async def test_digest_and_host_are_signed_and_true(street: Street, letter: Letter) -> None:
    assert letter.body is not None
    without = tuple(name for name in COVERED if name != "digest")
    assert await refused(street, letter.but(covered=without).raw()) == "signature-covered"
    assert await refused(street, letter.raw(body=letter.body[:-1] + b" }")) == "signature-digest"
    assert await refused(street, letter.but(host=street.elm.host).raw()) == "signature-host"
    for lie in ("MD5=" + digest(letter.body)[8:], "SHA-256=", "SHA-256=AAAA", "sha-512=AAAA", "x"):
        assert await refused(street, letter.but(digest=lie).raw()) == "signature-digest", lie
    twice = letter.but(fields=(("Digest", digest(b"{}")),))
    assert await refused(street, twice.raw()) == "signature-header"
    both = f"{digest(letter.body)},{digest(b'{}')}"
    assert await refused(street, letter.but(digest=both).raw()) == "signature-digest"
    assert await refused(street, letter.but(digest=None).raw()) == "signature-header"
    assert await refused(street, letter.but(digest=None, covered=without).raw()) == "signature-covered"
    # signed for another address of ours, or another method
    assert await refused(street, letter.but(signed=(("(request-target)", "post /ap/inbox"),)).raw())
    assert await refused(street, letter.but(signed=(("(request-target)", f"get {PEER_INBOX}"),)).raw())


# -- ten thousand mutants ----------------------------------------------------------------------------------------------

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ALGORITHMS = ("hmac-sha256", "rsa-sha1", "rsa-sha512", "ed25519", "none", "", "ecdsa-sha256", "RSA", "sha256", "*")


def mutant(letter: Letter, chance: Random) -> bytes:
    """The letter with a signature that says something else. No two writings of the same are among them."""
    said = letter.signature()
    value = base64.b64encode(letter.made()).decode()
    members = [f'keyId="{letter.key_id}"', 'algorithm="rsa-sha256"', f'headers="{" ".join(letter.covered)}"']
    signature = f'signature="{value}"'
    kind = chance.randrange(13)
    if kind == 0:  # another value
        at = chance.randrange(len(value) - 4)
        other = chance.choice(_BASE64.replace(value[at], ""))
        said = said.replace(value, value[:at] + other + value[at + 1 :])
    elif kind == 1:  # what is no value
        at = chance.randrange(len(value) - 4)
        said = said.replace(
            value, value[:at] + chance.choice(["", "-", "_", ".", "=", " ", "é", "\t"]) + value[at + 1 :]
        )
    elif kind == 2:  # less of it
        said = said.replace(value, value[: chance.randrange(len(value) - 4)])
    elif kind == 3:  # one member is missing that must be there
        chosen = [members[0], *members[1:], signature]
        del chosen[chance.choice((0, 2, 3))]
        said = ",".join(chosen)
    elif kind == 4:  # one member twice
        said = f"{said},{chance.choice([*members, signature])}"
    elif kind == 5:  # another algorithm
        said = said.replace("rsa-sha256", chance.choice(_ALGORITHMS))
    elif kind == 6:  # fewer names covered
        covered = list(letter.covered)
        del covered[chance.randrange(len(covered))]
        said = said.replace(members[2], f'headers="{" ".join(covered)}"')
    elif kind == 7:  # the names in another order
        covered = list(letter.covered)
        while tuple(covered) == letter.covered:
            chance.shuffle(covered)
        said = said.replace(members[2], f'headers="{" ".join(covered)}"')
    elif kind == 8:  # more names covered
        extra = chance.choice(
            ["accept", "(created)", "(expires)", "content-length", "x-y", "@method", "host", "", "date"]
        )
        said = said.replace(members[2], f'headers="{" ".join([*letter.covered, extra])}"')
    elif kind == 9:  # somebody else's key
        key_id = letter.key_id
        wrong = chance.choice(
            [key_id + "x", key_id[:-1], key_id.partition("#")[0], "", "x", f" {key_id}", f"{key_id} "]
        )
        said = said.replace(f'"{key_id}"', f'"{wrong}"')
    elif kind == 10:  # two headers
        first = chance.choice([said, said.replace(value, value[::-1])])
        line = ("Signature", first)
        return request("POST", letter.path, [*letter.lines(), line, ("Signature", said)], letter.body)
    elif kind == 11:  # junk at some place; a backslash would be another writing of the same
        at = chance.randrange(len(said))
        said = said[:at] + chance.choice(['"', ";", "\x0b", "'", "=", "\x7f"]) + said[at:]
        if value in said and f'"{letter.key_id}"' in said and members[2] in said and '"rsa-sha256"' in said:
            said = said.replace(value, value[::-1])
    else:  # what was signed and what is sent differ
        names = ("Date", "Digest", "Content-Type", "Host")
        lines = dict(letter.lines())
        name = chance.choice(names)
        lines[name] = {
            "Date": date(Clock().now() - timedelta(seconds=chance.randrange(2, 3000))),
            "Digest": digest(str(chance.random()).encode()),
            "Content-Type": "application/activity+json; charset=utf-8",
            "Host": f"x{lines['Host']}",
        }[name]
        return request("POST", letter.path, [*lines.items(), ("Signature", said)], letter.body)
    return request("POST", letter.path, [*letter.lines(), *([("Signature", said)] if said else [])], letter.body)


async def _send_all(street: Street, raws: list[bytes]) -> list[int]:
    """Over connections that are used for as many as an address may get wrong."""
    statuses: list[int] = []
    for start in range(0, len(raws), 25):
        line = await Line.open(street.port, address=fresh_address())
        for raw in raws[start : start + 25]:
            try:
                statuses.append((await line.ask(raw)).status)
            except (asyncio.IncompleteReadError, ConnectionError):
                statuses.append(0)
            if line.reader.at_eof() or statuses[-1] in {0, 400}:
                await line.close()
                line = await Line.open(street.port, address=fresh_address())
        await line.close()
    return statuses


async def mutants(street: Street, letter: Letter, count: int) -> None:
    chance = Random(f"mutants {count}")
    before = len(oracles.arrived(street.oak))
    raws = [mutant(letter, chance) for _ in range(count)]
    halves = await asyncio.gather(*(_send_all(street, raws[part::4]) for part in range(4)))
    statuses = [status for half in halves for status in half]
    assert len(statuses) == count
    # 403: the key is then another server's; 429 would mean that nothing was looked at
    assert set(statuses) <= {400, 401, 403}, {one: statuses.count(one) for one in set(statuses)}
    assert len(oracles.arrived(street.oak)) == before
    assert (await street.send(letter)).status == 202


@published("B2")
async def test_of_a_thousand_signatures_that_are_almost_right_none_passes(street: Street, letter: Letter) -> None:
    await mutants(street, letter, 1000)


@published("B2")
@pytest.mark.long
async def test_of_ten_thousand_signatures_that_are_almost_right_none_passes(street: Street, letter: Letter) -> None:
    await mutants(street, letter, 10_000)


@published("B3")
@pytest.mark.parametrize("name", [name for name in COVERED if name != "content-type"])
async def test_what_a_request_is_about_is_covered(street: Street, letter: Letter, name: str) -> None:
    covered = tuple(one for one in COVERED if one != name)
    assert await refused(street, letter.but(covered=covered).raw()) == "signature-covered"


# -- proofs ------------------------------------------------------------------------------------------------------------

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("created", "2026-11-01T00:00:00Z"), ("expires", "2099-01-01T00:00:00Z"), ("domain", "oak.example"),
    ("challenge", "x"), ("nonce", "x"), ("proofPurpose", "authentication"), ("cryptosuite", "eddsa-rdfc-2022"),
    ("type", "Ed25519Signature2020"), ("previousProof", "x"), ("id", "urn:x"), ("@context", []),
    ("verificationMethod", "http://127.0.0.1:1/x#ed25519-key"),
)  # fmt: skip


@published("B4")
@pytest.mark.parametrize(("name", "value"), OPTIONS, ids=[name for name, _ in OPTIONS])
async def test_a_proof_with_another_option_than_it_was_made_with_is_none(
    street: Street, evil: Peer, name: str, value: Any
) -> None:
    said = said_to_oak(street, evil)
    inner = said["object"]
    for proved in (said, inner):
        changed = json.loads(json.dumps(said))
        target = changed if proved is said else changed["object"]
        target["proof"][name] = value
        if proved is inner:
            changed = evil.proved(changed)
        changed["id"] = f"{evil.base}/ap/activities/{number()}" if proved is inner else said["id"]
        if proved is inner:
            changed = evil.proved({one: changed[one] for one in changed if one != "proof"})
        # put off is what may have been proved with a newer key than the one we have; it is not understood then either
        assert (await street.deliver(evil, changed)).startswith(("refused proof-", "parked proof-"))
    assert await street.row(inner["object"]["id"]) is None


# -- replays -----------------------------------------------------------------------------------------------------------


@published("B5")
async def test_what_was_deleted_stays_deleted_however_it_is_said_again(street: Street, evil: Peer) -> None:
    note = evil.note(number(), [evil.group, street.group], content="<p>Gone for good</p>")
    created = evil.created(note)
    assert await street.deliver(evil, evil.announced(created, number=number())) == "understood"
    stone = {"id": note["id"], "type": "Tombstone", "formerType": "Note"}
    about = {name: note[name] for name in ("to", "cc", "fhScope", "audience")}
    gone = evil.proved(evil.activity(number(), "Delete", actor=evil.mallory, object=stone, **about))
    assert await street.deliver(evil, evil.announced(gone, number=number())) == "understood"
    assert "Gone for good" not in await street.feed()
    post = await street.row(note["id"])
    for again in (
        evil.announced(created, number=number()),
        evil.announced(evil.created(note, number=number()), number=number()),
        evil.announced(
            evil.created(note | {"content": "<p>Back</p>"}, kind="Update", number=number()), number=number()
        ),
        evil.announced(evil.created(note | {"published": "2027-01-01T00:00:00Z"}, number=number()), number=number()),
    ):
        await street.deliver(evil, again)
    assert await street.row(note["id"]) == post
    assert not {"Gone for good", "Back"} & set(await street.feed())
    assert (await street.page(f"/p/{post.id}")).status in {404, 410}


@published("B6")
async def test_a_request_is_good_for_about_an_hour_and_an_activity_once(street: Street, evil: Peer) -> None:
    now = Clock().now()
    letter = evil.letter(street.host, PEER_INBOX, said_to_oak(street, evil))
    old = {"minutes": -66}, {"hours": -13}, {"days": -400}, {"minutes": 61}, {"days": 4000}
    for moved in old:
        code = await refused(street, letter.but(date=date(now + timedelta(**moved))).raw())
        assert code in {"signature-stale", "signature-future"}
    for written in ("", "yesterday", "0", now.isoformat(), date(now).replace("GMT", "+0000"), date(now)[5:]):
        assert await refused(street, letter.but(date=written).raw())
    undated = tuple(name for name in COVERED if name != "date")
    assert await refused(street, letter.but(covered=undated).raw()) == "signature-covered"
    assert [(await street.send(letter)).status for _ in range(2)] == [202, 202]
    await street.settle()
    rows = [uri for uri, _ in oracles.arrived(street.oak) if uri == json.loads(letter.body or b"")["id"]]
    assert len(rows) == 1
    before = street.digest()
    assert (await street.send(letter)).status == 202
    await street.settle()
    assert street.digest() == before


@published("B7")
async def test_a_public_key_is_no_secret(street: Street, letter: Letter) -> None:
    pem = keys.public_pem(pair_of("x").rsa)
    for algorithm, secret in itertools.product(
        ("hmac-sha256", "hs2019", "none", "rsa-sha256", None), (pem.encode(), pem.strip().encode(), b"")
    ):
        forged = letter.but(algorithm=algorithm)
        value = hmac.new(secret, forged.message(), hashlib.sha256).digest()
        assert await refused(street, forged.but(value=value).raw())
    assert await refused(street, letter.but(algorithm="none", value=b"").raw())
    assert await refused(street, letter.but(key=other_rsa()).raw()) == "signature-mismatch"
    assert await refused(street, letter.but(algorithm="ed25519").raw()) == "signature-algorithm"


# -- keys that cannot be had -------------------------------------------------------------------------------------------


def unreachable(street: Street, host: str, key: int) -> bytes:
    """Somebody on a server that is not there asks to be a neighbour, with one key of many."""
    instance = f"http://{host}/ap/instance{key}"
    said = {"id": f"http://{host}/ap/f", "type": "Follow", "actor": instance, "object": street.instance}
    return Letter(
        path=INSTANCE_INBOX,
        host=street.host,
        body=json.dumps(said).encode(),
        key_id=f"{instance}#main-key",
        key=pair_of(instance).rsa,
    ).raw()


@published("B9")
async def test_a_server_that_does_not_answer_is_left_alone_for_a_while(street: Street) -> None:
    loop = asyncio.get_running_loop()
    dead = "dead.localhost:9"
    raws = [unreachable(street, dead, key) for key in range(10)] * 4
    slowest = 0.0
    with oracles.connections() as tried:
        for raw in raws:
            begun = loop.time()
            assert (await street.send(raw)).status in {401, 503}
            slowest = max(slowest, loop.time() - begun)
    assert slowest <= 0.2
    assert [port for _, port in tried].count(9) <= 20


@published("B10")
async def test_no_name_stands_twice_in_an_object(street: Street, evil: Peer) -> None:
    said = said_to_oak(street, evil)
    text = json.dumps(said)
    alice = street.elm.server.addresses.person("alice")
    before = street.digest()
    for twice in (
        text.replace('"actor":', f'"actor": "{alice}", "actor":', 1),
        text.replace('"type": "Note"', '"type": "Note", "id": "x", "type": "Note"', 1),
        text.replace('"id":', '"\\u0069d": "x", "id":', 1),
        text[:-1] + f', "actor": "{alice}"}}',
        text[:-1] + ', "x": [[{"a": 1, "a": 1}]]}',
    ):
        assert json.loads(twice)
        reply = await street.send(evil.letter(street.host, PEER_INBOX, twice.encode(), by=evil.group))
        assert (reply.status, reply.code) == (400, "json-duplicate-name")
    assert street.digest() == before


async def _with_key(street: Street, evil: Peer, key: Any) -> str:
    """Say something with this key, at Oak's time; why it is refused, if it is."""
    said = said_to_oak(street, evil)
    letter = evil.letter(street.host, PEER_INBOX, said, key=key, date=date(street.oak.server.clock.now()))
    return (await street.send(letter)).code


@published("B11")
async def test_another_key_is_looked_for_once_in_five_minutes(hostile_world: Underworld, tmp_path: Path) -> None:
    offset = tmp_path / "clock"
    write_offset(offset, timedelta())
    async with open_street(tmp_path, hostile_world, clock_offset=offset) as street:
        evil = await street.neighbour()
        document, asked = dict(evil.world.documents[evil.group]), evil.world.asked
        document["publicKey"] |= {"publicKeyPem": keys.public_pem(other_rsa())}
        evil.world.documents[evil.group] = evil.vouched(document)
        had = asked.count(evil.group)
        assert await _with_key(street, evil, other_rsa()) == "signature-mismatch"
        assert asked.count(evil.group) == had
        write_offset(offset, timedelta(minutes=6))
        assert await _with_key(street, evil, other_rsa()) == ""
        assert asked.count(evil.group) == had + 1
        # the old one is no key of theirs any more, and nobody can make us ask for each try
        for _ in range(5):
            assert await _with_key(street, evil, pair_of(evil.group).rsa) == "signature-mismatch"
        assert asked.count(evil.group) == had + 1
