"""A12, A13, A14, A19, A20, B8: what a server, a person and a key may be called, and what a key is."""

from __future__ import annotations

import base64
import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fedhood.adapters.activitypub import actors, keys
from fedhood.adapters.http.guard import BadUrl, checked_url
from fedhood.core import peers
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid
from tests.adapters.activitypub import golden
from tests.hostile import oracles
from tests.hostile.marking import published
from tests.hostile.open_world import HOST, names
from tests.hostile.peer import pair_of
from tests.hostile.street import INSTANCE_INBOX, number
from tests.hostile.wire import Letter
from tests.support.world import place, settle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.open_world import OpenWorld
    from tests.hostile.peer import Document, Peer
    from tests.hostile.street import Street

pytestmark = pytest.mark.asyncio(loop_scope="session")

VICTIM = "vic.example"
SPELLINGS = (
    "vic/.example", "vic\\.example", "vic.example/", "vic.example\\", "a@vic.example", "a:b@vic.example",
    "@vic.example",
    "evil.example#vic.example", "evil.example#@vic.example", "evil.example?vic.example", "evil.example?@vic.example",
    "vic%2eexample", "vic.example%2f", "vic.example%00", "vic.example%23", "vic.example.", ".vic.example",
    "vic..example", "VIC.example", "Vic.Example", "vic.example:443", "vic.example:", "vic.example:8443",
    "vic.example:0",
    "vic.example:99999", "vic.example:+443", "vic\u3002example", "vic.exa\u2100mple", "\uff56ic.example",
    "vic.\u0435xample", "v\u00eec.example", "vic.example\u200b", "vic\t.example", "vic\n.example", " vic.example",
    "vic.example ", "[vic.example]", "[::1]", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1",
    "localhost", "vic", "vic.localhost", "", "-vic.example", "vic.example,evil.example", "vic.example;x",
    "vic'.example",    'vic".example', "vic<.example", "vic_.1", "x" * 64 + ".example", "x." * 130 + "example",
)  # fmt: skip

PLAIN = re.compile(r"([a-z]{1,63}\.(?:example|localhost))(?:[/?]|$)")


def follow_from(authority: str) -> Letter:
    """A server asks to be a neighbour under this spelling of its name."""
    base = f"https://{authority}"
    instance = f"{base}/ap/instance"
    said = f'{{"id":"{base}/ap/f","type":"Follow","actor":"{instance}","object":"https://{HOST}/ap/instance"}}'
    body = said.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").encode()
    key_id = f"{instance}#main-key".replace("\t", "").replace("\n", "").replace('"', '\\"')
    return Letter(path=INSTANCE_INBOX, host=HOST, body=body, key_id=key_id, key=pair_of(instance).rsa)


@published("A12")
async def test_no_spelling_of_a_host_is_another_server(outside: OpenWorld) -> None:
    assert len(SPELLINGS) > 40
    before = outside.digest("actor_key")
    with names(()) as asked, oracles.connections() as tried:
        # the honest spelling is looked up: there is no such server
        assert (await outside.send(follow_from(VICTIM))).status == 503
        assert asked.asked == [VICTIM]
        for spelling in SPELLINGS:
            asked.asked.clear()
            reply = await outside.send(follow_from(spelling))
            # what stands behind the name is a path: that name, as it stands there, is then the one that is asked
            plain = PLAIN.match(spelling)
            expected = [plain[1]] if plain else []
            # a name that did not answer a moment ago is not asked again at once
            assert asked.asked in ([], expected), spelling
            assert reply.status in ({503} if plain else {400, 401, 403}), (spelling, reply.status, reply.code)
    assert {port for _, port in tried} == {outside.port}
    assert outside.digest("actor_key") == before
    victim = f"https://{VICTIM}"
    for spelling in (one for one in SPELLINGS if not one.startswith(f"{VICTIM}/")):
        uri = f"https://{spelling}/ap/instance"
        try:
            honest = checked_url(uri, loopback=False) == uri
        except BadUrl:
            honest = False
        assert not honest or urls.origin(uri) != victim, spelling


@published("A13")
async def test_what_is_typed_or_asked_for_is_a_host_and_nothing_more(outside: OpenWorld, street: Street) -> None:
    with oracles.connections() as tried:
        for typed in (
            "localhost:1/secret?x#", "b/../c", "[::1]", "[::1", "vic.example:1", "vic.example?x", "vic.example#x",
            "vic.example/../x@evil.example", "a@vic.example", "a:b@vic.example", "vic.example\\@evil.example",
            "vic.example\r\nX: y", "127.0.0.1", "http://127.0.0.1/", "//127.0.0.1", "0x7f.1", "10.0.0.1", "",
        ):  # fmt: skip
            shown = await street.form("/host/neighbours", "/host/neighbours", host=typed)
            found = await street.oak.database.read(peers.all_peers)
            hosts = {one.host for one in found if "localhost:" not in one.host}
            # what follows the name is dropped before it is kept
            assert hosts <= {"vic.example", "evil.example"}, typed
            assert shown.status in {303, 422, 400, 200}, typed
        for resource in (
            "acct:a@localhost:1/secret?x#",
            "acct:a@b/../c",
            "acct:a@[::1]",
            "acct:@",
            "https://[::1",
            "x" * 5000,
        ):
            answer = await street.get(f"/.well-known/webfinger?resource={resource.replace('#', '%23')}")
            assert answer.status in {400, 404, 422, 431, 414}, resource
    assert {port for _, port in tried} <= {street.port}
    with names(("127.0.0.1",)) as asked:
        for typed in ("localhost:1", "evil.localhost:1"):
            looked = await outside.oak.database.write(_propose, by=outside.bob, host=typed)
            await settle(outside.oak)
            assert looked is None or (await _error_of(outside, looked)) == "bad-url"
        assert asked.asked == []


def _propose(uow: Any, *, by: Any, host: str) -> int | None:
    try:
        return peers.propose(uow, by=by, host=host, our_host=HOST)
    except Invalid:
        return None


async def _error_of(outside: OpenWorld, peer: int) -> str | None:
    return (await outside.oak.database.read(peers.get, peer)).last_error


NO_ADDRESS: tuple[Any, ...] = (
    "file:///etc/passwd", "javascript:alert(1)", "data:text/plain,x", "", "x", "//x", "http://", ["http://x/"],
    {"id": "http://x/"}, 7, None, "http://127.0.0.1:1/inbox", "http://a@b.localhost/", "x" * 5000,
)  # fmt: skip


@published("A14")
async def test_an_inbox_is_an_address_of_the_same_server_or_there_is_no_such_server(street: Street) -> None:
    def inbox(document: Document, value: Any) -> None:
        document["inbox"] = value

    def shared(document: Document, value: Any) -> None:
        document["endpoints"]["sharedInbox"] = value

    def peer_inbox(document: Document, value: Any) -> None:
        document["fhPeerInbox"] = value

    for change, value in itertools.product((inbox, shared, peer_inbox), NO_ADDRESS):
        evil = street.stranger()
        change(evil.world.documents[evil.instance], value)
        outcome = await street.deliver(evil, evil.follow(number(), street.instance), INSTANCE_INBOX)
        known = await street.oak.database.read(peers.by_host, evil.host)
        harmless = change is shared and not isinstance(value, str)
        assert outcome == "understood" if harmless else outcome.startswith(("401", "refused")), (change, value, outcome)
        assert known is None or known.shared_inbox is None
        if known is not None:  # no more than twenty may wait
            await street.oak.database.write(peers.reject, by=street.bob, peer_id=known.id)
            await street.settle()


@published("A14")
async def test_a_person_with_an_inbox_elsewhere_is_nobody(street: Street, evil: Peer) -> None:
    for value in NO_ADDRESS:
        uri = f"{evil.base}/ap/people/{number()}"
        evil.world.documents[uri] = evil.vouched(evil.actor(uri, "Person") | {"inbox": value, "url": value})
        said = evil.proved(evil.activity(number(), "Like", actor=uri, object=f"{street.base}/ap/notes/1"))
        assert (await street.deliver(evil, said, "/ap/inbox")).startswith("401 actor-inbox"), value


def _pem(key: Any) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _rsa_pem(modulus: int, exponent: int) -> str:
    """A public key in PKCS#1 that no library would make."""

    def integer(value: int) -> bytes:
        return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))

    text = base64.encodebytes(_der(0x30, integer(modulus), integer(exponent))).decode()
    return f"-----BEGIN RSA PUBLIC KEY-----\n{text}-----END RSA PUBLIC KEY-----\n"


async def _asked_with(street: Street, pem: Any) -> str:
    """What becomes of a server that asks with this as its key."""
    evil = street.stranger()
    evil.world.documents[evil.instance]["publicKey"]["publicKeyPem"] = pem
    return await street.deliver(evil, evil.follow(number(), street.instance), INSTANCE_INBOX)


def _more_than_a_key() -> dict[str, Any]:
    pair = pair_of("x")
    pem = keys.public_pem(pair.rsa)
    private = pair.rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "two keys": pem + pem,
        "a key and what follows it": pem + "and more",
        "what comes before a key, and it": "more and\n" + pem,
        "a secret": private,
        "a key and a secret": pem + private,
        "a hundred kilobytes": pem + "A" * 100_000,
        "blanks": pem + " " * 9000,
        "no end": pem.partition("-----END")[0],
        "an Ed25519 key": _pem(pair.ed25519.public_key()),
        "a list": [pem],
        "an object": {"pem": pem},
        "nothing": "",
    }


@published("A19")
@pytest.mark.parametrize(
    "what",
    _more_than_a_key(),
)
async def test_what_is_more_than_a_key_is_none(street: Street, what: str) -> None:
    assert (await _asked_with(street, _more_than_a_key()[what])).startswith("401 ")


@published("A20")
async def test_a_key_is_known_by_the_document_that_owns_it(street: Street, evil: Peer) -> None:
    victim = street.elm.server.addresses.instance
    alone = f"{evil.base}/ap/keys/1"
    pem = keys.public_pem(pair_of(evil.mallory).rsa)
    for called in (alone, f"{evil.base}/ap/keys/2", f"{victim}#main-key"):
        evil.world.documents[alone] = {"id": called, "owner": evil.mallory, "publicKeyPem": pem}
        said = evil.proved(evil.activity(number(), "Like", actor=evil.mallory, object=f"{street.base}/ap/notes/1"))
        assert await street.deliver(evil, said, "/ap/inbox", key_id=alone) == "401 key-unknown"
    # it was asked for once: its owner does not list it, and that is remembered
    assert evil.world.asked.count(alone) == 1
    # an actor that says it owns another's key
    for key_id, owner in ((f"{victim}#main-key", None), (f"{evil.mallory}#main-key", None), (None, victim)):
        uri = f"{evil.base}/ap/people/{number()}"
        document = evil.actor(uri, "Person")
        document["publicKey"] |= {"id": key_id or f"{uri}#main-key", "owner": owner or uri}
        evil.world.documents[uri] = evil.vouched(document)
        before = street.digest()
        said = evil.proved(evil.activity(number(), "Like", actor=uri, object=f"{street.base}/ap/notes/1"))
        assert await street.deliver(evil, said, "/ap/inbox") == "401 actor-key"
        assert street.digest() == before


@published("B8")
async def test_a_key_that_can_be_guessed_signs_nothing_and_no_two_servers_have_one(
    street: Street, tmp_path: Path
) -> None:
    weak = generate_private_key(public_exponent=65537, key_size=1024)  # a hostile peer's
    modulus = pair_of("x").rsa.public_key().public_numbers().n
    for pem in (
        _pem(weak.public_key()),
        _pem(RSAPublicNumbers(65537, (1 << 16383) | 1).public_key()),
        _rsa_pem(modulus, 1),
        _rsa_pem(modulus, 2),
        _rsa_pem(modulus, 65536),
    ):
        assert (await _asked_with(street, pem)).startswith("401 key-"), pem
    published_keys = {keys.multikey(key) for key in golden.PUBLIC_KEYS.values()}
    published_pems = {value for name in golden._TEST_KEYS for value in golden.test_key(name).values()}
    ash = await place(tmp_path, "ash")
    try:
        made = [
            await actors.ensure_keys(one.server.federation, actors.INSTANCE) for one in (ash, street.oak, street.elm)
        ]
    finally:
        await ash.close()
    multikeys = {keys.multikey(pair.ed25519) for pair in made}
    pems = {keys.public_pem(pair.rsa) for pair in made}
    assert (len(multikeys), len(pems)) == (3, 3)
    assert not multikeys & published_keys
    assert not pems & published_pems
