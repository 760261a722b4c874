"""What the pages and the command line may ask and do about letters; the wire, which keeps them, does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.deliveries.model import Letter, Matter, Place, Standing, Verdict, Which
    from fedhood.kernel.database import UnitOfWork


class Ledger(Protocol):
    """What is known of letters, and what may be done about them; handed in by who puts a server together.

    The acts are for who may agree with other servers (None is whoever keeps the machine). They raise Unauthenticated,
    Forbidden, NotFound.
    """

    def standing(self, db: peewee.Database, peer_id: int, now: datetime) -> Standing:
        """How sending to a peer goes."""

    def listed(
        self, db: peewee.Database, peer_id: int, now: datetime, *, which: Which, before: Place | None, limit: int
    ) -> list[Letter]:
        """The letters of a peer, the newest first, below a place."""

    def letter(self, db: peewee.Database, peer_id: int, place: Place, now: datetime) -> Letter:
        """One letter. Raises NotFound."""

    def same(self, db: peewee.Database, peer_id: int, place: Place, now: datetime) -> list[Letter]:
        """The same thing as it goes to other peers. Raises NotFound."""

    def told(self, db: peewee.Database, post_id: int, now: datetime) -> dict[int, Sequence[Verdict]]:
        """What became of a post or request of ours, by peer: of each version that was to go there, the oldest first."""

    def what_waits(self, db: peewee.Database, peer_id: int) -> dict[Matter, int]:
        """What `forget_all` would drop now, counted by what it is about."""

    def retry(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
        """A peer that rests is tried now."""

    def pause(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
        """Nothing goes to a peer until `resume`; what it is to get waits. What it says is read as before."""

    def resume(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> None:
        """What waits for a peer goes on, at once."""

    def again(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: Place) -> None:
        """A post, an answer or a request that did not arrive is sent once more, as it is now. Raises Conflict."""

    def forget(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int, place: Place) -> None:
        """One letter that waits is not sent. Raises Conflict for one that was settled, or that may not be forgotten."""

    def forget_all(self, uow: UnitOfWork, *, by: Viewer | None, peer_id: int) -> int:
        """All that waits for a peer is not sent, but for peering and what is taken back. Returns how much that was."""
