"""Everything that somebody said and did here, for them to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.core import accounts, city_messages, help_requests, moderation, neighbourhoods, relations
from fedhood.core.help_requests.tables import MessageTable, NoteTable, OfferTable
from fedhood.core.interactions.tables import ThanksTable
from fedhood.core.notifications.tables import NotificationTable
from fedhood.core.posts import PlaceTable, PostTable
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Unauthenticated

if TYPE_CHECKING:
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer


def own_data(db: peewee.Database, *, viewer: Viewer) -> dict[str, Any]:
    """One's own account and words, as JSON knows them; ids are strings. What others wrote is not in it.

    A note that somebody else handed over stays with them. Raises Unauthenticated.
    """
    if viewer.account is None:
        raise Unauthenticated
    account = viewer.account
    return {
        "account": _account(db, account),
        "posts": _posts(db, account),
        "offers": _offers(db, account),
        "messages": _messages(db, account),
        "thanks": _thanks(db, account),
        "notifications": _notifications(db, account),
        "reports": _reports(db, viewer),
        "blocked": [one.name for one in accounts.many(db, relations.blocked_by(db, account)).values()],
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


def _account(db: peewee.Database, account: int) -> dict[str, Any]:
    me = accounts.get(db, account)
    home = neighbourhoods.get(db, me.neighbourhood).name if me.neighbourhood is not None else None
    return {
        "name": me.name,
        "handle": me.handle,
        "neighbourhood": home,
        "language": me.language,
        "joined_at": _at(me.joined_at),
    }


def _posts(db: peewee.Database, account: int) -> list[dict[str, Any]]:
    mine = (PostTable.author == account) & PostTable.deleted_at.is_null()
    rows = list(PostTable.select().where(mine).order_by(PostTable.id).execute(db))
    ids = PostTable.select(PostTable.id).where(mine)
    shared = city_messages.shared_now(db, [row.id for row in rows if row.root is not None])
    notes = {row.post: row.text for row in NoteTable.select().where(NoteTable.post.in_(ids)).execute(db)}
    helps = help_requests.many(db, [row.id for row in rows])
    places: dict[int, list[int]] = {}
    for row in PlaceTable.select().where(PlaceTable.post.in_(ids)).order_by(PlaceTable.place).execute(db):
        places.setdefault(row.post, []).append(row.place)
    names = {
        one.id: one.name
        for one in neighbourhoods.many(db, {place for some in places.values() for place in some}).values()
    }
    return [
        {
            "id": str(row.id),
            "answers": None if row.root is None else str(row.root),
            "published_at": _at(row.published_at),
            "edited_at": _at(row.edited_at),
            "language": row.language,
            "audience": row.audience,
            "read_in": [names[place] for place in places.get(row.id, []) if row.root is None],
            "city_may_read": row.id in shared,
            "category": row.category,
            "text": row.text,
            "help": None if row.id not in helps else _help(helps[row.id], notes.get(row.id, "")),
        }
        for row in rows
    ]


def _help(request: help_requests.HelpRequest, note: str) -> dict[str, Any]:
    return {
        "category": request.category.value,
        "area": request.area,
        "until": _at(request.until),
        "state": request.state.value,
        "outcome": None if request.outcome is None else request.outcome.value,
        "note": note,
    }


def _offers(db: peewee.Database, account: int) -> list[dict[str, Any]]:
    rows = OfferTable.select().where(OfferTable.helper == account).order_by(OfferTable.id).execute(db)
    return [
        {"request": str(row.request), "text": row.text, "state": row.state, "offered_at": _at(row.offered_at)}
        for row in rows
    ]


def _messages(db: peewee.Database, account: int) -> list[dict[str, Any]]:
    rows = MessageTable.select().where(MessageTable.author == account).order_by(MessageTable.id).execute(db)
    return [{"conversation": str(row.thread), "at": _at(row.at), "text": row.text} for row in rows]


def _thanks(db: peewee.Database, account: int) -> list[dict[str, Any]]:
    rows = ThanksTable.select().where(ThanksTable.account == account).order_by(ThanksTable.at).execute(db)
    return [{"post": str(row.post), "at": _at(row.at)} for row in rows]


def _notifications(db: peewee.Database, account: int) -> list[dict[str, Any]]:
    rows = NotificationTable.select().where(NotificationTable.account == account)
    return [
        {"kind": row.kind, "at": _at(row.at), "read_at": _at(row.read_at)}
        for row in rows.order_by(NotificationTable.id).execute(db)
    ]


def _reports(db: peewee.Database, viewer: Viewer) -> list[dict[str, Any]]:
    return [
        {
            "reason": one.reason.value,
            "text": one.text,
            "filed_at": _at(one.filed_at),
            "state": one.state.value,
            "answer": one.answer,
        }
        for one in moderation.filed_by(db, viewer=viewer)
    ]
