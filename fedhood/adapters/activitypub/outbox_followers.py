"""What follows for people on other software: one row for each place where followers of a neighbourhood read.

Public posts and nothing else. A row names where it goes, and is a letter in the stream of that server like every other;
what was told stands in the ledger, so that edits and removals reach whoever got it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub import forgetting, outbox, strangers
from fedhood.adapters.activitypub.hosts import PARKED_AFTER
from fedhood.adapters.activitypub.tables import DeliveryTable
from fedhood.core import accounts, neighbourhoods, peers, posts, visitors
from fedhood.core.posts import Audience, Kind
from fedhood.kernel.clock import milliseconds
from fedhood.kernel.database import Compiled, hole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import peewee

    from fedhood.adapters.activitypub.saying import Delivery
    from fedhood.core.posts import Post
    from fedhood.kernel.database import UnitOfWork

ACCEPT = "follower.accept"
REJECT = "follower.reject"
POST = "follower.post"
EDIT = "follower.edit"
DELETE = "follower.delete"
ANSWER = "visitor.answer"
# what says words of a post; whoever got it hears of its edits and its removal
SAID = (POST, EDIT, ANSWER)

Place = tuple[int, str]  # a server, and where there

# each place once; to a server that was not reached for a week goes one letter, which is the trial
_PLACES = f"""
SELECT e.peer, e.endpoint
FROM (SELECT DISTINCT peer, endpoint FROM follower WHERE neighbourhood = ? AND standing = 'follows') e
JOIN peer p ON p.id = e.peer LEFT JOIN host h ON h.peer = e.peer
WHERE p.trust <> 'blocked' AND (COALESCE(h.failed_days, 0) < {PARKED_AFTER}
    OR NOT EXISTS (SELECT 1 FROM delivery d WHERE d.peer = e.peer AND d.state = 'waiting'))
ORDER BY e.peer, e.endpoint
"""  # noqa: S608 - a number of our own
_COLUMNS = "peer, epoch, number, verb, object, version, state, attempts, activity, inbox, at"
_MOST_AT_ONCE = 500
_TOLD = Compiled(
    lambda: (
        DeliveryTable.select(DeliveryTable.peer, DeliveryTable.inbox)
        .where(
            DeliveryTable.object == hole("object"),
            DeliveryTable.verb.in_((POST, ANSWER)),
            DeliveryTable.state != outbox.DROPPED,
        )
        .distinct()
        .order_by(DeliveryTable.peer, DeliveryTable.inbox)
    )
)


def key_of(verb: str, about: int, version: int) -> str:
    """The last part of the id of what is said: the same to whomever it is said."""
    return f"{verb.replace('.', '-')}-{about}-{version}"


def _tell(uow: UnitOfWork, places: Iterable[Place], verb: str, about: int, version: int = 0) -> None:
    """One row for each place, with the next numbers of the streams of their servers."""
    _insert(uow, [(peer, inbox, about, version) for peer, inbox in places], verb)


def _insert(uow: UnitOfWork, wanted: Sequence[tuple[int, str, int, int]], verb: str) -> None:
    numbers = peers.some_in_streams(uow, Counter(peer for peer, *_ in wanted)) if wanted else {}
    now = milliseconds(uow.now)
    rows: list[tuple[object, ...]] = []
    for peer, inbox, about, version in wanted:
        epoch, number = numbers[peer]
        numbers[peer] = (epoch, number + 1)
        key = key_of(verb, about, version)
        rows.append((peer, epoch, number, verb, about, version, outbox.WAITING, 0, key, inbox, now))
    for start in range(0, len(rows), _MOST_AT_ONCE):
        some = rows[start : start + _MOST_AT_ONCE]
        one = f"({','.join([uow.db.param] * len(some[0]))})"
        sql = f"INSERT INTO delivery ({_COLUMNS}) VALUES {','.join([one] * len(some))}"  # noqa: S608 - holes alone
        uow.db.execute_sql(sql, [value for row in some for value in row])
    if rows:
        uow.wake_worker()


# -- who follows -------------------------------------------------------------------------------------------------------


def follower_answered(uow: UnitOfWork, *, follower_id: int, version: int, accepted: bool) -> None:
    """Somebody who wants to follow hears yes or no, at their own inbox."""
    follower = visitors.row(uow.db, follower_id)
    _insert(uow, [(follower.peer, follower.inbox, follower.id, version)], ACCEPT if accepted else REJECT)


def all_refused(uow: UnitOfWork, *, neighbourhood: int) -> None:
    """Everybody who followed a neighbourhood until now hears that they do no longer."""
    away = visitors.refused(uow.db, neighbourhood, since=uow.now)
    _insert(uow, [(one.peer, one.inbox, one.id, one.version) for one in away], REJECT)


# -- what they read ----------------------------------------------------------------------------------------------------


def is_for_followers(post: Post) -> bool:
    """Whether followers are told of this: what a resident of ours begins to say to everyone."""
    begins = post.root is None and post.uri is None
    return begins and post.audience is Audience.PUBLIC and post.kind is Kind.NOTE


def post_published(uow: UnitOfWork, *, post_id: int, version: int) -> None:
    """A resident told something to everyone: the followers of their neighbourhood get it."""
    post = posts.row(uow.db, post_id=post_id)
    if is_for_followers(post):
        _tell(uow, _places(uow.db, post), POST, post_id, version)


def _places(db: peewee.Database, post: Post) -> list[Place]:
    if not neighbourhoods.get(db, post.neighbourhood).visitors:
        return []
    found = db.execute_sql(_PLACES.replace("?", db.param), [post.neighbourhood]).fetchall()
    return [(peer, endpoint) for peer, endpoint in found]


def post_shown(uow: UnitOfWork, *, post_id: int) -> None:
    """A post is shown again: those get it to whom it did not go while it was hidden."""
    post = posts.row(uow.db, post_id=post_id)
    if is_for_followers(post) and post.deleted_at is None and post.hidden_at is None:
        got = {(peer, inbox) for peer, inbox in _TOLD.rows(uow.db, object=post_id)}
        _tell(uow, [one for one in _places(uow.db, post) if one not in got], POST, post_id, post.version)


def post_edited(uow: UnitOfWork, *, post_id: int, version: int) -> None:
    """A post or an answer says something else: whoever got it is told."""
    _tell(uow, _TOLD.rows(uow.db, object=post_id), EDIT, post_id, version)


def post_deleted(uow: UnitOfWork, *, post_id: int) -> None:
    """A post or an answer was removed: whoever got it is told, also who follows no longer."""
    _tell(uow, _TOLD.rows(uow.db, object=post_id), DELETE, post_id)
    forgetting.said_about(uow, [post_id], SAID)


def answered(uow: UnitOfWork, *, reply_id: int, version: int) -> None:
    """A resident of ours answered somebody on other software, in a public thread of ours: they hear it."""
    reply = posts.row(uow.db, post_id=reply_id)
    if reply.uri is not None or reply.parent is None or reply.audience is not Audience.PUBLIC:
        return
    visitor = accounts.get(uow.db, posts.row(uow.db, post_id=reply.parent).author)
    if visitor.visitor and visitor.peer is not None:
        known = strangers.by_uri(uow.db, visitor.uri or "")
        endpoint = peers.get(uow.db, visitor.peer).shared_inbox if known is None else known.endpoint
        if endpoint is not None:
            _tell(uow, [(visitor.peer, endpoint)], ANSWER, reply_id, version)


# -- whether it may still go -------------------------------------------------------------------------------------------


def may_go(db: peewee.Database, delivery: Delivery) -> bool:
    """Whether this may still be said there: in public, shown, and to visitors that are received. Raises NotFound."""
    if delivery.verb not in SAID:
        return True
    post = posts.row(db, post_id=delivery.object)
    root = post if post.root is None else posts.row(db, post_id=post.root)
    shown = post.hidden_at is None and root.hidden_at is None
    if not shown or root.audience is not Audience.PUBLIC or not _receives(db, root):
        return False
    return post.root is not None or visitors.is_read_at(
        db, neighbourhood=root.neighbourhood, peer=delivery.peer, endpoint=delivery.inbox or ""
    )


def _receives(db: peewee.Database, root: Post) -> bool:
    return neighbourhoods.get(db, root.neighbourhood).visitors
