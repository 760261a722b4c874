"""The room where other servers' documents are read for keys: which keys an actor lists, and whose key a document is.

A key counts when both say so: the key (or its address) names its owner, and the owner lists the key. A document that
only one of the two wrote binds nobody.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import keys
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedhood.adapters.activitypub.signature_rules import PublicKey

MOST_KEYS = 10


class KeyKind(enum.Enum):
    """What a key is: RSA in PEM, or Ed25519 as a Multikey."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A key as it is written in a document."""

    uri: str
    kind: KeyKind
    text: str


_MEMBERS = (("publicKeyPem", KeyKind.RSA), ("publicKeyMultibase", KeyKind.ED25519))
_LOADERS: dict[KeyKind, Callable[[str], PublicKey]] = {
    KeyKind.RSA: keys.load_rsa_public,
    KeyKind.ED25519: keys.load_multikey,
}


def listed(document: dict[str, Any], uri: str) -> list[ListedKey]:
    """The keys that an actor document lists as its own, at most ten of each list (FEP-521a, security/v1), unread."""
    return [
        ListedKey(uri=key["id"], kind=kind, text=key[member])
        for key in _own(document, uri)
        for member, kind in _MEMBERS
        if isinstance(key.get(member), str)
    ]


def first(found: list[ListedKey], kind: KeyKind, *, wanted: str | None = None) -> ListedKey:
    """The first key of this kind that can be read, or the one that is wanted.

    Raises `Invalid`: `actor-key` when there is none, or what is wrong with the first (`key-pem`, `key-strength`,
    `multibase`, `multikey`) when none can be read.
    """
    failure = Invalid(f"the actor has no {kind.value} key of its own", code="actor-key")
    unread: Invalid | None = None
    fitting = [key for key in found if key.kind is kind]
    for key in sorted(fitting, key=lambda one: one.uri != wanted):
        try:
            load(kind, key.text)
        except Invalid as error:
            unread = unread or error
        else:
            return key
    raise unread or failure


def load(kind: KeyKind, text: str) -> PublicKey:
    """The key that is written like this. Raises `Invalid`."""
    return _LOADERS[kind](text)


def owner_of(document: dict[str, Any], key_uri: str) -> str:
    """Whose key the document at a key's address says this is; the owner has still to list it.

    Either it is the key itself, or all that the server shows there of the owner, the key within (GoToSocial). Raises
    `Invalid`, code `key-document`, for anything else: a document about another key is never believed about this one.
    """
    if document.get("id") == key_uri:
        return _owner(document)
    for key in _objects(document.get("publicKey")):
        # the rest of such a document is a part of an actor and is left aside
        if key.get("id") == key_uri and _owner(key) == document.get("id"):
            return _owner(key)
    raise Invalid("this is no document of that key", code="key-document")


def _owner(key: dict[str, Any]) -> str:
    owner = key.get("owner", key.get("controller"))
    if not isinstance(owner, str) or key.get("controller", owner) != owner:
        raise Invalid("the key does not say whose it is", code="key-document")
    return owner


def _own(document: dict[str, Any], uri: str) -> Iterator[dict[str, Any]]:
    for name in ("publicKey", "assertionMethod"):
        for key in _objects(document.get(name)):
            owners = {key[name] for name in ("owner", "controller") if isinstance(key.get(name), str)}
            if owners == {uri} and isinstance(key.get("id"), str):
                yield key


def _objects(value: Any) -> list[dict[str, Any]]:
    members = value if isinstance(value, list) else [value]
    return [member for member in members[:MOST_KEYS] if isinstance(member, dict)]
