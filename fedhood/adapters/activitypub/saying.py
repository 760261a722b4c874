"""The room of what is about to be said: the shape between the row that ordered it and the bytes that are signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.actors import ActorRef


@dataclass(frozen=True, slots=True)
class Saying:
    """An activity without its proof, and the actor of ours whose word it is.

    With `inner`, the worker signs that one first and puts it in as the document's `object`: a neighbourhood
    announces what a resident said, each with a proof of its own. `introduces` are actors of ours whom whoever hears
    it looks up next.
    """

    actor: ActorRef
    document: dict[str, Any]
    inner: Saying | None = None
    introduces: tuple[ActorRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of what a peer is to get, by its place in that peer's stream.

    `verb`, `object` and `version` name what is to be said; `activity` is the key of its bytes once they are made.
    `inbox`: where it goes, for people on other software.
    """

    peer: int
    epoch: int
    number: int
    verb: str
    object: int
    version: int
    attempts: int
    activity: str | None
    inbox: str | None = None
