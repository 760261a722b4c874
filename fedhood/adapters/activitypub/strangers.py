"""The room of strangers: people on other software, as their own servers show them. Nobody vouches for them.

A stranger's document says who they are and by which key they sign requests, and counts for that alone: for nothing
that servers say to each other, and for nothing that is scoped. It must be served under its own id, at its own server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, asking, key_documents, signed_requests
from fedhood.adapters.activitypub.key_documents import KeyKind
from fedhood.adapters.activitypub.tables import InboundTable, StrangerTable
from fedhood.core import accounts, visitors
from fedhood.core.visitors import FollowerTable
from fedhood.kernel import text, urls
from fedhood.kernel.clock import from_milliseconds
from fedhood.kernel.database import Compiled, hole
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.activitypub.key_documents import ListedKey
    from fedhood.adapters.activitypub.signature_rules import PublicKey
    from fedhood.kernel.engine import UnitOfWork

_KINDS = frozenset({"Application", "Group", "Organization", "Person", "Service"})
_LONGEST_NAME = 60
_USER = re.compile(r"[\w.~-]{1,60}")
_LONGEST_ADDRESS = 2000
REMEMBERED_FOR = timedelta(days=30)
_MOST_FORGOTTEN = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody on other software. `handle` is what they are called there, with the host: `name@host`."""

    uri: str
    host: str
    handle: str
    name: str
    inbox: str
    shared_inbox: str | None
    key_uri: str
    key_kind: KeyKind
    key_text: str
    fetched_at: datetime

    def key(self, key_uri: str) -> PublicKey | None:
        """The key with this address, if it is theirs."""
        return key_documents.load(self.key_kind, self.key_text) if key_uri == self.key_uri else None

    @property
    def endpoint(self) -> str:
        """Where goes what is for no one there alone."""
        return self.shared_inbox or self.inbox


async def fetch_by_key(federation: Federation, key_uri: str) -> Stranger:
    """Whose key this is, asked with our instance's signature and kept.

    The address leads to the actor, or to the key, whose owner is asked next and has to list it (K3 to K6). Raises
    Invalid, RemoteFailure.
    """
    uri = key_uri.partition("#")[0]
    signing = await actors.ensure_keys(federation, actors.INSTANCE)
    document, _ = await asking.answered(federation, uri, signing)
    if document.get("id") != uri or "owner" in document or "controller" in document:
        uri = key_documents.owner_of(document, key_uri)
        if not urls.origin(uri) or urls.origin(uri) != urls.origin(key_uri):
            raise Invalid("the key is of another server than its owner", code="actor-origin")
        document = await asking.document(federation, uri, signing)
    return await _kept(federation, read(document, uri, federation.clock.now(), key_uri=key_uri))


async def fetch(federation: Federation, uri: str) -> Stranger:
    """Somebody as their server shows them now, by their address; kept. Raises Invalid, RemoteFailure."""
    signing = await actors.ensure_keys(federation, actors.INSTANCE)
    document = await asking.document(federation, uri, signing)
    known = await federation.database.read(by_uri, uri)
    key_uri = None if known is None else known.key_uri
    return await _kept(federation, read(document, uri, federation.clock.now(), key_uri=key_uri))


async def meet(federation: Federation, uri: str) -> Stranger:
    """Somebody as we know them, asked for where they are not known. Raises Invalid, RemoteFailure."""
    return await federation.database.read(by_uri, uri) or await fetch(federation, uri)


def read(document: dict[str, Any], uri: str, now: datetime, *, key_uri: str | None = None) -> Stranger:
    """What a document says of a stranger.

    `key_uri`: the key that is wanted; with None, or when they have it no more, the first that can be read. Raises
    Invalid with the code `actor-kind`, `actor-key`, `actor-inbox`, `actor-handle`, or what is wrong with a key.
    """
    if document.get("type") not in _KINDS:
        raise Invalid("not an actor", code="actor-kind")
    key = _key(document, uri, key_uri)
    inbox = _of_server(document.get("inbox"), uri)
    if inbox is None:
        raise Invalid("the inbox is not on the actor's server", code="actor-inbox")
    user = document.get("preferredUsername")
    if not isinstance(user, str) or _USER.fullmatch(user) is None:
        raise Invalid("the actor has no name to be called by", code="actor-handle")
    endpoints = document.get("endpoints")
    host = urls.authority(uri)
    return Stranger(
        uri=uri,
        host=host,
        handle=f"{user}@{host}",
        name=_name(document) or user,
        inbox=inbox,
        shared_inbox=_of_server(endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None, uri),
        key_uri=key.uri,
        key_kind=key.kind,
        key_text=key.text,
        fetched_at=now,
    )


def _key(document: dict[str, Any], uri: str, wanted: str | None) -> ListedKey:
    found = [
        key
        for key in key_documents.listed(document, uri)
        if signed_requests.belongs_to(key.uri, uri) or key.uri == wanted
    ]
    for key in found:
        if key.uri == wanted:
            key_documents.load(key.kind, key.text)
            return key
    kind = KeyKind.RSA if any(key.kind is KeyKind.RSA for key in found) else KeyKind.ED25519
    return key_documents.first(found, kind)


def _of_server(address: Any, uri: str) -> str | None:
    fits = isinstance(address, str) and len(address) <= _LONGEST_ADDRESS and urls.origin(address) == urls.origin(uri)
    return str(address) if fits and urls.origin(uri) else None


def _name(document: dict[str, Any]) -> str:
    name = document.get("name")
    if not isinstance(name, str):
        return ""
    return text.one_line(name[: 4 * _LONGEST_NAME], field="name", most=1000, least=0)[:_LONGEST_NAME].strip()


# -- keeping -----------------------------------------------------------------------------------------------------------

_NAMES = tuple(Stranger.__dataclass_fields__)
_COLUMNS = tuple(getattr(StrangerTable, name) for name in _NAMES)
_BY_URI = Compiled(lambda: StrangerTable.select(*_COLUMNS).where(StrangerTable.uri == hole("uri")))
_BY_KEY = Compiled(lambda: StrangerTable.select(*_COLUMNS).where(StrangerTable.key_uri == hole("key")))


async def _kept(federation: Federation, stranger: Stranger) -> Stranger:
    await federation.database.write(_remember, stranger)
    return stranger


def _remember(uow: UnitOfWork, stranger: Stranger) -> None:
    values = {name: getattr(stranger, name) for name in _NAMES} | {"key_kind": stranger.key_kind.value}
    # a key has one owner: a server that gives it to another of its actors takes it from the one before
    StrangerTable.delete().where(StrangerTable.key_uri == stranger.key_uri, StrangerTable.uri != stranger.uri).execute(
        uow.db
    )
    StrangerTable.insert(values).on_conflict(conflict_target=[StrangerTable.uri], preserve=list(_COLUMNS[1:])).execute(
        uow.db
    )


def by_uri(db: peewee.Database, uri: str) -> Stranger | None:
    """The stranger with this id, as they were when they were last asked about."""
    return _of(_BY_URI.row(db, uri=uri))


def by_key(db: peewee.Database, key_uri: str) -> Stranger | None:
    """The stranger whose requests are signed with this key."""
    return _of(_BY_KEY.row(db, key=key_uri))


def _of(row: tuple[Any, ...] | None) -> Stranger | None:
    if row is None:
        return None
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    kind, at = KeyKind(values.pop("key_kind")), from_milliseconds(values.pop("fetched_at"))
    return Stranger(**values, key_kind=kind, fetched_at=at)


def is_known(db: peewee.Database, uri: str) -> bool:
    """Whether anything here is about this stranger."""
    return by_uri(db, uri) is not None or accounts.by_uri(db, uri) is not None or visitors.follows_any(db, uri)


def forget(uow: UnitOfWork, uri: str) -> None:
    """Keep nothing of a stranger's document."""
    StrangerTable.delete().where(StrangerTable.uri == uri).execute(uow.db)


def forget_old(uow: UnitOfWork, before: datetime) -> int:
    """Forget who was asked about before a moment: whoever comes again is asked about again. Returns how many."""
    waiting = InboundTable.select(InboundTable.signer).where(InboundTable.state == "waiting")
    following = FollowerTable.select(FollowerTable.actor)
    needed = StrangerTable.uri.in_(waiting) | StrangerTable.uri.in_(following)
    old = (
        StrangerTable.select(StrangerTable.uri)
        .where(StrangerTable.fetched_at < before, ~needed)
        .order_by(StrangerTable.fetched_at)
        .limit(_MOST_FORGOTTEN)
    )
    forgotten: int = StrangerTable.delete().where(StrangerTable.uri.in_(old)).execute(uow.db)
    return forgotten
