"""Whose signature it is: the key of who claims to have signed, asked for where it is not known, and tried."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from fedhood.adapters.activitypub import arrivals, keys, remote, strangers
from fedhood.adapters.activitypub.actors import MAIN_KEY, PROOF_KEY
from fedhood.adapters.activitypub.problems import Refused
from fedhood.adapters.activitypub.signature_rules import SignatureError
from fedhood.adapters.activitypub.signed_requests import belongs_to
from fedhood.adapters.http.limits import Bucket
from fedhood.core import peers
from fedhood.core.peers import PeerState
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, RemoteFailure, TooMany, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.remote import RemoteActor
    from fedhood.adapters.activitypub.signature_rules import Checked, PublicKey
    from fedhood.adapters.activitypub.strangers import Stranger
    from fedhood.adapters.http.limits import Limiter
    from fedhood.core.peers import Peer

KEY_IS_FRESH = timedelta(minutes=5)
KEY_IS_BAD = timedelta(minutes=10)
_SILENCE = frozenset({"unreachable", "timeout", "tls", "no-such-name", "no-name-server"})
SILENT_FOR = timedelta(seconds=30)  # a server that did not answer is not asked again at once
KEY_CHANGED = "key-changed"
SOON = 5  # seconds until what came before has been understood
TRY_LATER = 60  # seconds until a key may be there that could not be fetched

GONE = "actor-gone"

_MOST_REMEMBERED = 10_000
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What is asked about when a signature is tried: by whom it came, and for whom it is said to be.

    `peer` is the server of the key, None for one that is not known. `removal`: it takes something back; `farewell`: it
    is the actor's own last word; `visits`: they are on other software.
    """

    limiter: Limiter
    address: str
    peer: Peer | None
    actor: str
    removal: bool = False
    farewell: bool = False
    visits: bool = False

    def count_missed(self) -> None:
        """A key that was named could not be had."""
        with contextlib.suppress(TooMany):
            self.limiter.check(Bucket.KEYS_MISSED, self.address)


def is_settled(peer: Peer, *, removal: bool) -> bool:
    """Whether this server's key is the one that counts: two people compared it, or agreed on it.

    For a removal it is enough that they once did. Who asks to be a neighbour again may come with another key.
    """
    return peer.state is PeerState.AGREED or peer.confirmed_at is not None or (removal and peer.may_take_back)


def is_vouched(actor: RemoteActor, peer: Peer) -> bool:
    """Whether an actor as we keep it is vouched for by this peer: by the key that was compared, not one before."""
    if actor.peer != peer.id or not is_settled(peer, removal=True):
        return False
    since = peer.confirmed_at or peer.agreed_at
    return since is None or actor.fetched_at >= since


def pinned_key(peer: Peer, key_uri: str) -> PublicKey | None:
    """The key of a peer's instance actor with this address, as it was when it was compared."""
    if key_uri == f"{peer.actor_uri}{MAIN_KEY}" and peer.public_key_pem:
        return keys.cached_rsa_public(peer.public_key_pem)
    if key_uri == f"{peer.actor_uri}{PROOF_KEY}" and peer.multikey:
        return keys.cached_multikey(peer.multikey)
    return None


class Remembered:
    """A word about each of some addresses, kept for a while: of ten thousand at most."""

    def __init__(self, life: timedelta) -> None:
        self._life = life
        self._words: dict[str, tuple[datetime, str]] = {}

    def put(self, address: str, word: str, now: datetime) -> None:
        """Keep a word; when too many are kept already, forget it."""
        if len(self._words) >= _MOST_REMEMBERED:
            self._words = {one: kept for one, kept in self._words.items() if kept[0] > now}
        if len(self._words) < _MOST_REMEMBERED:
            self._words[address] = (now + self._life, word)

    def get(self, address: str, now: datetime) -> str | None:
        """The word, while it is kept."""
        until, word = self._words.get(address, (now, ""))
        return word if until > now else None


class KeyFinder:
    """Finds keys (K1 to K8), and remembers for a while which could not be had, so as not to ask again and again.

    What it remembers is a cache: another process that asks once more does no harm. One key is asked for once, however
    many wait for it; and whoever sends what names keys that are not to be had makes us ask a few times, not often.
    """

    def __init__(self) -> None:
        self._bad = Remembered(KEY_IS_BAD)
        self._looked = Remembered(KEY_IS_FRESH)
        self._silent = Remembered(SILENT_FOR)
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def verify(self, federation: Federation, checked: Checked, delivered: Delivered) -> str:
        """The actor whose key signed the request; it may be another than the activity's.

        Raises Refused, or `SignatureError` when the key is there and did not make this signature.
        """
        peer = delivered.peer
        try:
            if delivered.visits:
                return await self._verify_visitor(federation, checked, delivered)
            if peer is not None and is_settled(peer, removal=delivered.removal):
                pinned = pinned_key(peer, checked.key_id)
                if pinned is not None and peer.actor_uri is not None:
                    await self._verify_pinned(federation, checked, pinned, delivered)
                    return peer.actor_uri
            if peer is None or not (peer.state is PeerState.AGREED or (delivered.removal and peer.may_take_back)):
                checked.verify_with(await self._strangers_key(federation, checked.key_id, delivered))
                return delivered.actor
            return await self._verify_vouched(federation, checked, peer, delivered)
        except Refused as refused:
            # their server says itself that they are no more, and so do they; their words are proved where they are read
            if refused.code == GONE and delivered.farewell and belongs_to(checked.key_id, delivered.actor):
                return delivered.actor
            raise

    async def _verify_pinned(
        self, federation: Federation, checked: Checked, pinned: PublicKey, delivered: Delivered
    ) -> None:
        """A server's own key is the one that people compared. Another than that is looked at, and never taken (K9)."""
        try:
            checked.verify_with(pinned)
        except Unauthenticated:
            peer, now = delivered.peer, federation.clock.now()
            if peer is None or peer.actor_uri is None:
                raise
            await _check_read(federation, peer.actor_uri)
            if self._looked.get(checked.key_id, now) is not None:
                raise
            self._looked.put(checked.key_id, "", now)
            unchanged = partial(remote.check_unchanged, federation, peer)
            try:
                await self._asked(federation, checked.key_id, delivered, unchanged)
            except Refused as refused:
                if refused.code == KEY_CHANGED:  # its server shows another one: that is for people to see
                    await federation.database.write(peers.look_soon, peer_id=peer.id)
                raise
            raise

    async def _verify_vouched(self, federation: Federation, checked: Checked, peer: Peer, delivered: Delivered) -> str:
        known = await self._known(federation, peer, checked.key_id, delivered)
        try:
            _verify(checked, known)
        except Unauthenticated:
            await _check_read(federation, known.uri)
            now = federation.clock.now()
            if self._bad.get(checked.key_id, now) == GONE:
                raise _bad(GONE) from None
            if known.fetched_at > now - KEY_IS_FRESH or self._looked.get(checked.key_id, now) is not None:
                raise
            # it may have another key now; once in five minutes we look (K2)
            self._looked.put(checked.key_id, "", now)
            known = await self._fetch(federation, peer, checked.key_id, delivered)
            _verify(checked, known)
        return known.uri

    async def _verify_visitor(self, federation: Federation, checked: Checked, delivered: Delivered) -> str:
        """Nobody vouches for who is on other software: their key is the one that their own document lists."""
        key_uri, now = checked.key_id, federation.clock.now()
        ask = partial(strangers.fetch_by_key, federation, key_uri)
        async with self._asking.setdefault(key_uri, asyncio.Lock()):
            known = await federation.database.read(strangers.by_key, key_uri)
            stranger: Stranger = known if known is not None else await self._asked(federation, key_uri, delivered, ask)
        try:
            checked.verify_with(_key_of(stranger, key_uri))
        except Unauthenticated:
            if stranger.fetched_at > now - KEY_IS_FRESH or self._looked.get(key_uri, now) is not None:
                raise
            self._looked.put(key_uri, "", now)  # it may be another key now; once in five minutes we look (K2)
            stranger = await self._asked(federation, key_uri, delivered, ask)
            checked.verify_with(_key_of(stranger, key_uri))
        return stranger.uri

    async def _known(self, federation: Federation, peer: Peer, key_uri: str, delivered: Delivered) -> RemoteActor:
        """The owner of the key as we keep it, or as it is now."""
        known = await federation.database.read(remote.by_key, key_uri)
        if known is not None and is_vouched(known, peer):
            return known
        async with self._asking.setdefault(key_uri, asyncio.Lock()):
            # somebody else may have asked while we waited
            known = await federation.database.read(remote.by_key, key_uri)
            if known is not None and is_vouched(known, peer):
                return known
            return await self._fetch(federation, peer, key_uri, delivered)

    async def _fetch(self, federation: Federation, peer: Peer, key_uri: str, delivered: Delivered) -> RemoteActor:
        return await self._asked(
            federation, key_uri, delivered, partial(remote.fetch_by_key, federation, peer, key_uri)
        )

    async def _strangers_key(self, federation: Federation, key_uri: str, delivered: Delivered) -> PublicKey:
        """The key of a server that is not agreed with and talks about it. Nobody vouches for it so far."""
        ask = partial(_instance_key, federation, key_uri, delivered.actor)
        return await self._asked(federation, key_uri, delivered, ask)

    async def _asked(
        self, federation: Federation, key_uri: str, delivered: Delivered, ask: Callable[[], Awaitable[_Found]]
    ) -> _Found:
        """What another server answers about a key, if it may be asked now; what it cannot give is remembered (K8)."""
        bad = self._bad.get(key_uri, federation.clock.now())
        if bad is not None:
            raise _bad(bad)
        if self._silent.get(urls.authority(key_uri), federation.clock.now()) is not None:
            raise _unreachable(TRY_LATER)
        try:
            delivered.limiter.peek(Bucket.KEYS_MISSED, delivered.address)
            return await ask()
        except Refused:
            delivered.count_missed()
            raise
        except TooMany as error:
            raise _unreachable(int(error.facts["retry_after"])) from error
        except RemoteFailure as failure:
            delivered.count_missed()
            if failure.code in _SILENCE:
                self._silent.put(urls.authority(key_uri), "", federation.clock.now())
            raise _unreachable(TRY_LATER) from failure
        except Invalid as failure:
            delivered.count_missed()
            self._bad.put(key_uri, GONE if failure.code == GONE else "key-unknown", federation.clock.now())
            raise Refused(401, failure.code, f"The key cannot be had: {failure.detail}.") from failure


def _verify(checked: Checked, actor: RemoteActor) -> None:
    key = actor.key(checked.key_id)
    if key is None:
        raise SignatureError("the actor does not list this key", code="key-unknown")
    checked.verify_with(key)


def _key_of(stranger: Stranger, key_uri: str) -> PublicKey:
    key = stranger.key(key_uri)
    if key is None:
        raise SignatureError("the actor does not list this key", code="key-unknown")
    return key


async def _check_read(federation: Federation, actor: str) -> None:
    """Raises Refused while it may be that the actor said already that it has another key."""
    if await federation.database.read(arrivals.introduces_itself, actor):
        raise Refused(503, "not-yet", "What you sent before is still being read.", retry_after=SOON)


async def _instance_key(federation: Federation, key_uri: str, actor: str) -> PublicKey:
    document = await remote.instance_actor(federation, urls.authority(actor))
    if document["id"] != actor:
        raise Refused(403, "not-the-instance-actor", "Only the instance actor of a server asks for peering.")
    return remote.listed_key(document, key_uri)


def _bad(code: str) -> Refused:
    return Refused(401, code, "The key could not be had a moment ago.")


def _unreachable(seconds: int) -> Refused:
    return Refused(503, "key-unreachable", "The server of this key does not answer now.", retry_after=seconds)
