"""Whose signature it is: the key of who claims to have signed, asked for where it is not known, and tried."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import keys, remote
from fedhood.adapters.activitypub.actors import MAIN_KEY
from fedhood.adapters.activitypub.problems import Refused
from fedhood.core.peers import PeerState
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, RemoteFailure, Unauthenticated

if TYPE_CHECKING:
    from datetime import datetime

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.remote import RemoteActor
    from fedhood.adapters.activitypub.signatures import Checked
    from fedhood.core.peers import Peer

KEY_IS_FRESH = timedelta(minutes=5)
KEY_IS_BAD = timedelta(minutes=10)
TRY_LATER = 60  # seconds until a key may be there that could not be fetched

_MOST_BAD_KEYS = 10_000


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


class KeyFinder:
    """Finds keys (K1 to K8), and remembers for a while which could not be had, so as not to ask again and again.

    What it remembers is a cache: another process that asks once more does no harm.
    """

    def __init__(self) -> None:
        self._bad: dict[str, datetime] = {}

    async def verify(
        self, federation: Federation, checked: Checked, *, peer: Peer | None, actor: str, removal: bool = False
    ) -> None:
        """Pass if the actor of the activity signed the request (A1).

        `peer` is the server of the key, None for one that is not known; `removal`: it takes something back. Raises
        Refused, or `SignatureError` when the key is there and did not make this signature.
        """
        key_uri = checked.signature.key_id
        if key_uri.partition("#")[0] != actor:
            raise Refused(403, "signer-is-not-the-actor", "What somebody else signed is not taken here.")
        known = peer is not None and is_settled(peer, removal=removal)
        if peer is not None and known and key_uri == f"{peer.actor_uri}{MAIN_KEY}" and peer.public_key_pem:
            checked.verify_with(keys.load_rsa_public(peer.public_key_pem))
        elif peer is None or not (peer.state is PeerState.AGREED or (removal and peer.may_take_back)):
            checked.verify_with(keys.load_rsa_public(await self._first_key(federation, actor)))
        else:
            await self._verify_vouched(federation, checked, peer)

    async def _verify_vouched(self, federation: Federation, checked: Checked, peer: Peer) -> None:
        key_uri = checked.signature.key_id
        known = await federation.database.read(remote.by_key, key_uri)
        if known is None or not is_vouched(known, peer):
            known = await self._fetch(federation, peer, key_uri)
        try:
            checked.verify_with(keys.load_rsa_public(known.public_key_pem))
        except Unauthenticated:
            if known.fetched_at > federation.clock.now() - KEY_IS_FRESH:
                raise
            # it may have another key now; once in five minutes we look (K2)
            fresh = await self._fetch(federation, peer, key_uri)
            checked.verify_with(keys.load_rsa_public(fresh.public_key_pem))

    async def _first_key(self, federation: Federation, actor: str) -> str:
        """The key of a server that is not agreed with and talks about it. Nobody vouches for it so far."""
        self._check_not_bad(federation, actor)
        try:
            found = remote.read_instance(await remote.instance_actor(federation, urls.authority(actor)))
        except RemoteFailure as failure:
            raise _unreachable() from failure
        except Invalid as failure:
            raise self._refusal(federation, actor, failure) from failure
        if found.uri != actor:
            raise Refused(403, "not-the-instance-actor", "Only the instance actor of a server asks for peering.")
        return found.public_key_pem

    async def _fetch(self, federation: Federation, peer: Peer, key_uri: str) -> RemoteActor:
        self._check_not_bad(federation, key_uri)
        try:
            actor = await remote.fetch(federation, peer, key_uri.partition("#")[0])
            if actor.key_uri != key_uri:
                raise Invalid("the actor does not list this key", code="key-unknown")
        except RemoteFailure as failure:
            raise _unreachable() from failure
        except Invalid as failure:
            raise self._refusal(federation, key_uri, failure) from failure
        return actor

    def _check_not_bad(self, federation: Federation, key_uri: str) -> None:
        until = self._bad.get(key_uri)
        if until is not None and until > federation.clock.now():
            raise Refused(401, "key-unknown", "The key could not be had a moment ago.")

    def _refusal(self, federation: Federation, key_uri: str, failure: Invalid) -> Refused:
        """Remember that there is no such key (K8), and the refusal."""
        now = federation.clock.now()
        if len(self._bad) >= _MOST_BAD_KEYS:
            self._bad = {key: until for key, until in self._bad.items() if until > now}
        if len(self._bad) < _MOST_BAD_KEYS:
            self._bad[key_uri] = now + KEY_IS_BAD
        return Refused(401, failure.code, f"The key cannot be had: {failure.detail}.")


def _unreachable() -> Refused:
    return Refused(503, "key-unreachable", "The server of this key does not answer now.", retry_after=TRY_LATER)
