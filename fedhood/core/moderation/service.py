"""Complaints filed, posts hidden and shown again, the reporter answered; every step in a log that only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import access, accounts, help_requests, households, neighbourhoods, posts
from fedhood.core.access import Permission, Viewer
from fedhood.core.moderation import keeping
from fedhood.core.moderation.model import (
    MOST_WORDS,
    Action,
    PostHidden,
    PostShown,
    Reach,
    Reason,
    Report,
    ReportClosed,
    ReportFiled,
    ReportState,
)
from fedhood.core.moderation.tables import ActionTable, ReportTable
from fedhood.core.posts import Kind
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated

if TYPE_CHECKING:
    import peewee

    from fedhood.core.accounts import Account
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork


def report(uow: UnitOfWork, *, by: Viewer, post_id: int, reason: Reason, text: str = "") -> int:
    """A resident complains about a post, to the moderators of the own neighbourhood.

    When its author lives in another neighbourhood, the moderators there are told too, without the reporter's name. What
    a city's message is reported for stays here: a city is told nothing. The same complaint again is the same complaint.
    Returns its id. Raises Unauthenticated, NotFound, Invalid.
    """
    account, home = posts.resident(by)
    post = posts.get(uow.db, post_id=post_id, viewer=by)
    author = accounts.get(uow.db, post.author)
    return _file(uow, account, home, author, reason, text, post=post_id, stays=post.kind is Kind.CITY)


def report_talk(uow: UnitOfWork, *, by: Viewer, thread_id: int, reason: Reason, text: str = "") -> int:
    """One of two complains about the other in their private thread. What was said stays between them."""
    account, home = posts.resident(by)
    thread = help_requests.party(uow.db, thread_id, by)
    return _file(uow, account, home, accounts.get(uow.db, thread.other(account)), reason, text, thread=thread_id)


def _file(
    uow: UnitOfWork,
    reporter: int,
    home: int,
    reported: Account,
    reason: Reason,
    text: str,
    *,
    post: int | None = None,
    thread: int | None = None,
    stays: bool = False,
) -> int:
    text = texts.words(text, field="text", most=MOST_WORDS, least=0)
    same = ReportTable.select().where(
        ReportTable.reporter == reporter,
        ReportTable.post == post if post is not None else ReportTable.thread == thread,
        ReportTable.state == ReportState.OPEN.value,
    )
    for known in same.execute(uow.db):
        return int(known.id)
    # whose words were brought by a visitor is known to those who look after this place, and to nobody there
    elsewhere = reported.peer is not None and reported.visitor is None and not stays
    report_id = _insert(uow, home, reporter, reported.id, reason, text, post=post, thread=thread)
    if not elsewhere and reported.neighbourhood not in {None, home}:
        _insert(uow, reported.neighbourhood or home, None, reported.id, reason, text, post=post, thread=thread)
    uow.record(
        ReportFiled(
            neighbourhood=home,
            household=households.household_of(uow.db, reporter),
            other_household=None if elsewhere else households.household_of(uow.db, reported.id),
            object=post,
            report=report_id,
            elsewhere=elsewhere,
        )
    )
    return report_id


def _insert(
    uow: UnitOfWork,
    neighbourhood: int,
    reporter: int | None,
    reported: int,
    reason: Reason,
    text: str,
    *,
    post: int | None,
    thread: int | None,
    uri: str | None = None,
) -> int:
    made: int = ReportTable.insert(
        neighbourhood=neighbourhood,
        reporter=reporter,
        reported=reported,
        post=post,
        thread=thread,
        reason=reason.value,
        text=text,
        filed_at=uow.now,
        state=ReportState.OPEN.value,
        uri=uri,
    ).execute(uow.db)
    return made


def flagged(
    uow: UnitOfWork, *, uri: str, reported: int, post_id: int | None, text: str, reason: Reason = Reason.OTHER
) -> int | None:
    """The moderators of another server pass on a complaint about a resident of ours. Idempotent by its address.

    None when there is no such resident here any more.
    """
    for known in ReportTable.select().where(ReportTable.uri == uri).execute(uow.db):
        return int(known.id)
    person = accounts.get(uow.db, reported)
    if person.peer is not None or person.neighbourhood is None:
        return None
    text = texts.words(text, field="text", most=5000, least=0)
    report_id = _insert(uow, person.neighbourhood, None, reported, reason, text, post=post_id, thread=None, uri=uri)
    uow.record(ReportFiled(neighbourhood=person.neighbourhood, object=post_id, report=report_id, elsewhere=False))
    return report_id


def open_reports(db: peewee.Database, *, viewer: Viewer, neighbourhood: int) -> list[Report]:
    """The complaints that wait in a neighbourhood, oldest first, for its moderators. Raises Forbidden.

    Nobody reads, or decides on, a complaint about themselves.
    """
    access.require(viewer, Permission.MODERATE, neighbourhood)
    query = ReportTable.select().where(
        ReportTable.neighbourhood == neighbourhood,
        ReportTable.state == ReportState.OPEN.value,
        ReportTable.reported != viewer.account,
    )
    return [_of(row) for row in query.order_by(ReportTable.id).execute(db)]


def get(db: peewee.Database, *, report_id: int, viewer: Viewer) -> Report:
    """One complaint, for a moderator of its neighbourhood whom it is not about. Raises NotFound for anyone else."""
    mine = (ReportTable.id == report_id, ReportTable.reported != (viewer.account or 0))
    for row in ReportTable.select().where(*mine).execute(db):
        if access.may(viewer, Permission.MODERATE, row.neighbourhood):
            return _of(row)
    raise NotFound


def post_of(db: peewee.Database, *, report_id: int, viewer: Viewer) -> Post | None:
    """The post that a complaint is about, hidden ones too, for a moderator who must judge it. Raises NotFound.

    None when it is about a private thread, which nobody but the two reads, or the post was taken away.
    """
    found = get(db, report_id=report_id, viewer=viewer)
    if found.post is None:
        return None
    post = posts.row(db, post_id=found.post)
    return post if post.deleted_at is None else None


def filed_by(db: peewee.Database, *, viewer: Viewer) -> list[Report]:
    """Somebody's own complaints and what came of them, newest first. Raises Unauthenticated."""
    if viewer.account is None:
        raise Unauthenticated
    query = ReportTable.select().where(ReportTable.reporter == viewer.account)
    return [_of(row) for row in query.order_by(ReportTable.id.desc()).execute(db)]


def log(db: peewee.Database, *, viewer: Viewer, neighbourhood: int, limit: int = 100) -> list[Action]:
    """What the moderators of a neighbourhood did, newest first, for them. Raises Unauthenticated, Forbidden."""
    access.require(viewer, Permission.MODERATE, neighbourhood)
    query = ActionTable.select().where(ActionTable.neighbourhood == neighbourhood)
    return [
        Action(
            id=row.id,
            moderator=row.moderator,
            action=row.action,
            object=row.object,
            person=row.person,
            reason=row.reason,
            at=row.at,
        )
        for row in query.order_by(ActionTable.id.desc()).limit(limit).execute(db)
    ]


def report_row(db: peewee.Database, report_id: int) -> Report:
    """One complaint whoever asks, for consequences and the wire. Raises NotFound."""
    for row in ReportTable.select().where(ReportTable.id == report_id).execute(db):
        return _of(row)
    raise NotFound


def told_of(db: peewee.Database, report_id: int) -> list[int]:
    """The neighbourhoods of ours whose moderators read a complaint: the reporter's, and that of who is reported."""
    found = report_row(db, report_id)
    same = ReportTable.select().where(
        ReportTable.reported == found.reported,
        ReportTable.post == found.post if found.post is not None else ReportTable.thread == found.thread,
        ReportTable.state == ReportState.OPEN.value,
    )
    return sorted({row.neighbourhood for row in same.execute(db)} | {found.neighbourhood})


def hide(uow: UnitOfWork, *, by: Viewer, post_id: int, reason: str = "") -> None:
    """A moderator hides a post: everywhere, or where it is read next door (`reach`). Raises as `restore`."""
    _show_or_hide(uow, by, post_id, reason, hidden=True)


def restore(uow: UnitOfWork, *, by: Viewer, post_id: int, reason: str = "") -> None:
    """A moderator shows a hidden post again. Raises NotFound, Forbidden, Conflict."""
    _show_or_hide(uow, by, post_id, reason, hidden=False)


def reach(db: peewee.Database, *, post: Post, viewer: Viewer) -> Reach:
    """What this moderator may hide of a post.

    Of a thread that began here its neighbourhood's moderators hide all, of an answer those of its author's as well; so
    they do of the copy of a city's message that is for their place. What was told here from next door, a post or an
    answer in its thread, is hidden in one's own places alone. Nobody judges their own words.
    """
    if post.author == viewer.account:
        return Reach(log=0, everywhere=False)
    root = post if post.root is None else posts.row(db, post_id=post.root)
    homes = [one.neighbourhood for one in (root, post) if one.uri is None or one.kind is Kind.CITY]
    mine = [place for place in homes if access.may(viewer, Permission.MODERATE, place)]
    if mine:
        return Reach(log=mine[0], everywhere=True)
    here = {one.id for one in neighbourhoods.ours(db)} - {root.neighbourhood}
    told = here.intersection(root.places).difference(root.parted)
    places = tuple(place for place in sorted(told) if access.may(viewer, Permission.MODERATE, place))
    if not places:
        return Reach(log=0, everywhere=False)
    return Reach(log=places[0], everywhere=False, places=places)


def is_hidden(post: Post, within: Reach) -> bool:
    """Whether a post is hidden as far as this moderator may hide it."""
    return post.hidden_at is not None if within.everywhere else post.hidden_in_all(within.places)


def _show_or_hide(uow: UnitOfWork, by: Viewer, post_id: int, reason: str, *, hidden: bool) -> None:
    post = posts.row(uow.db, post_id=post_id)
    within = reach(uow.db, post=post, viewer=by)
    if post.deleted_at is not None or not within.log:
        posts.get(uow.db, post_id=post_id, viewer=by)  # not there for who may not even see it
        raise Forbidden
    if within.everywhere:
        changed = posts.hide(uow.db, post_id, at=uow.now if hidden else None)
    else:
        changed = sum(posts.hide_in(uow.db, post, place, hidden=hidden) for place in within.places) > 0
    if not changed:
        raise Conflict(code="so-already")
    action = "hide" if hidden else "restore"
    keeping.note(uow, by=by, neighbourhood=within.log, action=action, post=post_id, reason=reason)
    if within.everywhere and hidden:
        uow.record(PostHidden(neighbourhood=within.log, object=post_id, author=post.author))
    elif within.everywhere:
        uow.record(PostShown(neighbourhood=within.log, object=post_id))


def close(uow: UnitOfWork, *, by: Viewer, report_id: int, upheld: bool, answer: str) -> None:
    """A moderator answers a complaint; the reporter is told. Raises NotFound, Invalid, Conflict (answered already)."""
    found = get(uow.db, report_id=report_id, viewer=by)
    answer = texts.words(answer, field="answer", most=MOST_WORDS, least=0)
    outcome = ReportState.UPHELD if upheld else ReportState.REJECTED
    closed = (
        ReportTable.update(state=outcome.value, answer=answer, closed_at=uow.now, closed_by=by.account)
        .where(ReportTable.id == found.id, ReportTable.state == ReportState.OPEN.value)
        .execute(uow.db)
    )
    if not closed:
        raise Conflict(code="answered")
    keeping.note(
        uow,
        by=by,
        neighbourhood=found.neighbourhood,
        action=f"report-{outcome.value}",
        post=found.post,
        report=found.id,
        reason=answer,
    )
    uow.record(
        ReportClosed(
            neighbourhood=found.neighbourhood,
            object=found.post,
            report=found.id,
            outcome=outcome.value,
            reporter=found.reporter,
        )
    )


def _of(row: ReportTable) -> Report:
    return Report(
        id=row.id,
        neighbourhood=row.neighbourhood,
        reporter=row.reporter,
        reported=row.reported,
        post=row.post,
        thread=row.thread,
        reason=Reason(row.reason),
        text=row.text,
        filed_at=row.filed_at,
        state=ReportState(row.state),
        answer=row.answer,
        closed_at=row.closed_at,
    )


def hidden_posts(db: peewee.Database, *, viewer: Viewer, neighbourhood: int) -> list[Post]:
    """What is hidden now and the moderators of a neighbourhood may show again, the newest first.

    Raises Unauthenticated, Forbidden.
    """
    access.require(viewer, Permission.MODERATE, neighbourhood)
    return [post for post in posts.all_hidden(db) if _hidden_here(db, post, viewer, neighbourhood)]


def _hidden_here(db: peewee.Database, post: Post, viewer: Viewer, neighbourhood: int) -> bool:
    within = reach(db, post=post, viewer=viewer)
    if within.everywhere:
        return within.log == neighbourhood and post.hidden_at is not None
    # what its home hid from everybody is nobody else's to read
    return post.hidden_at is None and neighbourhood in within.places and neighbourhood in post.hidden_in
