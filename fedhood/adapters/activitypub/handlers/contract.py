"""What understanding an activity means: refuse what cannot be, say whom it needs, then take it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork
    from fedhood.kernel.urls import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """An activity whose signer is known and whose proofs hold, and what is known about where it came from.

    `peer` is the server that signed it, None for one that is not known yet; `signer_uri` is the actor that signed the
    request, the same as the activity's. `scoped` says that it arrived at the peer inbox. `fetched` holds a document
    for each address that the handler's `needs` named.
    """

    activity: dict[str, Any]
    peer: Peer | None
    signer_uri: str
    scoped: bool
    addresses: Addresses
    fetched: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """How one kind of activity is understood.

    `verify` looks at the activity alone and raises Invalid; `needs` names the actors whose word the activity rests
    on, which are fetched, vouched for and checked before the third step; `receive` runs in one transaction and raises
    an error of `kernel.errors` to refuse. It is called again after a refusal for the code `orphan`, for a while.
    `changes_belief` says that whose word counts may be another afterwards: what comes behind it is looked at then.
    """

    verify: Callable[[dict[str, Any]], None]
    needs: Callable[[dict[str, Any]], list[str]]
    receive: Callable[[UnitOfWork, Context], None]
    changes_belief: bool = False
