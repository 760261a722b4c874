"""Somebody leaves for good: all that waits for them ends, all that they said goes, the household stays.

Every step states its fact, and those whom it concerns are told as of any other withdrawal or removal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import access, accounts, households, interactions, neighbourhoods, posts, relations
from fedhood.core.access import Permission
from fedhood.core.help_requests import elsewhere, offers, service, store
from fedhood.core.help_requests.model import LIVE, OfferState, State
from fedhood.core.help_requests.tables import (
    HelpRequestTable,
    MessageTable,
    NoteTable,
    OfferTable,
    PrivateThreadTable,
)
from fedhood.kernel.errors import Conflict

if TYPE_CHECKING:
    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.help_requests.model import Offer
    from fedhood.kernel.database import UnitOfWork


def farewell(uow: UnitOfWork, *, by: Viewer) -> None:
    """A resident leaves for good, and nothing of it can be undone. Again changes nothing.

    Raises Unauthenticated; Conflict (`last-moderator`) as long as nobody else moderates a neighbourhood that they do.
    """
    account, _ = posts.resident(by)
    _refuse_the_last(uow, account)
    for request in store.requests_by(uow.db, account):
        if request.state in LIVE:
            service.removed(uow, post=posts.row(uow.db, post_id=request.post), request=request)
    _leave_all(uow, account)
    access.forget(uow, account=account)
    households.leave(uow, account=account)
    accounts.erase(uow, account=account)


def left_elsewhere(uow: UnitOfWork, *, account: int) -> None:
    """Somebody of another server left it for good: what we kept of them goes. Again changes nothing."""
    for request in store.requests_by(uow.db, account):
        elsewhere.mirror_removed(uow, post_id=request.post, deleted_at=uow.now)
    _leave_all(uow, account)
    accounts.erase(uow, account=account)


def _refuse_the_last(uow: UnitOfWork, account: int) -> None:
    """A neighbourhood is never left without a moderator."""
    for role, where in access.rights_of(uow.db, account):
        if not access.allows(role, Permission.MODERATE):
            continue
        watched = [one.id for one in neighbourhoods.ours(uow.db)] if where is None else [where]
        for place in watched:
            if not access.others_who_may(uow, account=account, permission=Permission.MODERATE, neighbourhood=place):
                raise Conflict("somebody else has to moderate first", code="last-moderator")


def _leave_all(uow: UnitOfWork, account: int) -> None:
    for offered in store.offers(uow.db, OfferTable.helper == account):
        _let_go(uow, offered)
    _fall_silent(uow, account)
    interactions.forget(uow, account=account)
    posts.forget(uow, account=account)
    relations.forget(uow, account=account)


def _let_go(uow: UnitOfWork, offered: Offer) -> None:
    """Take back an offer that waits, drop out of one that was accepted and is not over."""
    post = posts.row(uow.db, post_id=offered.request)
    request = store.request(uow.db, offered.request)
    if offered.state is OfferState.ACCEPTED and post.uri is None:
        if request is not None and request.state is State.CLAIMED and request.offer == offered.id:
            offers.drop_out(uow, offered, by_helper=True)
    elif offered.state is OfferState.WAITING or (
        offered.state is OfferState.ACCEPTED and request is not None and request.state in LIVE
    ):
        offers.undo(uow, post, offered)


def _fall_silent(uow: UnitOfWork, account: int) -> None:
    """What somebody said in private is erased, and nobody can say more to them; what the other one said stays."""
    theirs = (PrivateThreadTable.asker == account) | (PrivateThreadTable.helper == account)
    PrivateThreadTable.update(ended_at=uow.now).where(theirs, PrivateThreadTable.ended_at.is_null()).execute(uow.db)
    PrivateThreadTable.update(left_by=account).where(theirs, PrivateThreadTable.left_by.is_null()).execute(uow.db)
    MessageTable.update(text="").where(MessageTable.author == account).execute(uow.db)
    OfferTable.update(text="").where(OfferTable.helper == account).execute(uow.db)
    for request in store.requests_by(uow.db, account):
        NoteTable.delete().where(NoteTable.post == request.post).execute(uow.db)
        HelpRequestTable.update(area="").where(HelpRequestTable.post == request.post).execute(uow.db)


def traces(db: peewee.Database, *, account: int) -> list[int]:
    """The ids of everything of somebody's that may have been said elsewhere: posts, offers, answers, private words."""
    own = posts.ids_by(db, account)
    asked = [request.post for request in store.requests_by(db, account)]
    offered = store.offers(db, (OfferTable.helper == account) | OfferTable.request.in_(asked))
    talks = store.threads(db, (PrivateThreadTable.asker == account) | (PrivateThreadTable.helper == account))
    said = store.messages(db, MessageTable.author == account)
    return [*own, *(one.id for one in offered), *(one.id for one in talks), *(one.id for one in said)]
