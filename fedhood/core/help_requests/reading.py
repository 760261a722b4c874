"""Reading requests: who may see which, and what only the asker sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import accounts, households, peers, posts, relations
from fedhood.core.help_requests import store
from fedhood.core.help_requests.model import (
    LIVE,
    HelpRequest,
    Offer,
    OfferState,
)
from fedhood.core.help_requests.tables import OfferTable
from fedhood.kernel.database import Compiled, among
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork


def seen(db: peewee.Database, request_id: int, viewer: Viewer) -> tuple[Post, HelpRequest]:
    """A request that this viewer may see, with its post. Raises NotFound."""
    post = posts.get(db, post_id=request_id, viewer=viewer)
    request = store.request(db, request_id)
    if request is None:
        raise NotFound
    return post, request


def own(db: peewee.Database, request_id: int, viewer: Viewer) -> tuple[Post, HelpRequest]:
    """A request of this viewer's own. Raises NotFound for anyone else's."""
    post, request = seen(db, request_id, viewer)
    if viewer.account is None or post.author != viewer.account or post.uri is not None:
        raise NotFound
    return post, request


def get(db: peewee.Database, *, post_id: int, viewer: Viewer) -> HelpRequest:
    """A request, for who may see its post. Raises NotFound."""
    return seen(db, post_id, viewer)[1]


def offers_of(db: peewee.Database, *, post_id: int, viewer: Viewer) -> list[Offer]:
    """The offers of one's own request, oldest first, those of blocked people left out. Raises NotFound."""
    own(db, post_id, viewer)
    hidden = relations.blocked_either_way(db, viewer.account) if viewer.account is not None else set()
    return [one for one in store.offers(db, OfferTable.request == post_id) if one.helper not in hidden]


def note_of(db: peewee.Database, *, post_id: int, viewer: Viewer) -> str:
    """The note of one's own request. Raises NotFound for anyone else's."""
    own(db, post_id, viewer)
    return store.note(db, post_id)


def is_live(request: HelpRequest) -> bool:
    """Whether somebody still waits for help."""
    return request.state in LIVE


def is_reachable(db: peewee.Database, account: int, now: datetime) -> bool:
    """Whether private words reach somebody: they live here, or their server is one that we grant them to."""
    peer = accounts.get(db, account).peer
    return peer is None or "direct" in peers.grants(db, peer_id=peer, ours=True, now=now)


def household_of(uow: UnitOfWork, account: int | None) -> int | None:
    """The household of a resident of ours."""
    if account is None or accounts.get(uow.db, account).peer is not None:
        return None
    return households.household_of(uow.db, account)


_OFFERS = Compiled(
    lambda: OfferTable.select(OfferTable.request, OfferTable.id, OfferTable.helper, OfferTable.state).where(
        among(OfferTable.request, "posts")
    )
)


def standing_of(
    db: peewee.Database, post_ids: list[int], account: int | None
) -> tuple[dict[int, Offer], dict[int, int]]:
    """For these requests: this account's newest offer to each, and how many wait from people it may meet."""
    hidden = relations.blocked_either_way(db, account) if account is not None else set()
    mine: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for request, offer_id, helper, state in _OFFERS.rows(db, posts=post_ids):
        if helper == account:
            mine[request] = max(offer_id, mine.get(request, 0))
        if state == OfferState.WAITING and helper not in hidden:
            waiting[request] = waiting.get(request, 0) + 1
    own_offers = {request: store.offer(db, offer_id) for request, offer_id in mine.items()}
    return {request: found for request, found in own_offers.items() if found is not None}, waiting
