"""The room of what was missed: a neighbour is asked for what it said after the last that was heard without a gap.

It is asked when a delivery leaves numbers out (`hearing`), and what came later waits until the gap has been read. It is
also asked when this server starts, for who knows how long it was away, or whether it was restored from a backup.

What is fetched is believed for the same reasons as what is delivered: it carries proofs, and is read by the same
reader. Only the signature of the delivery is replaced by having asked its server.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import peewee

from fedhood.adapters.activitypub import arrivals, asking, hearing
from fedhood.adapters.activitypub.arrivals import Letter
from fedhood.adapters.activitypub.hearing import HEADER, Heard, Place, place_of
from fedhood.adapters.activitypub.tables import HeardTable, InboundTable
from fedhood.adapters.http import strict_json
from fedhood.adapters.http.paths import Way
from fedhood.core import peers
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, RemoteFailure
from fedhood.kernel.log import logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.adapters.http.client import Answer
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

MOST_ITEMS = 200  # on a page
MOST_PAGES = 60  # in one turn: then it is somebody else's, and this one goes on later
LONGEST_TURN = 120.0  # seconds
HELD_BACK_FOR = timedelta(minutes=10)
RETRIES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)

_AT_ONCE = 4
_GONE = frozenset({404, 410})
_TRY_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a stream: the addresses in it, in order, how far it goes, and whether there is more."""

    items: tuple[str, ...]
    place: Place
    more: bool


# -- asking ------------------------------------------------------------------------------------------------------------


def ask_everybody(uow: UnitOfWork) -> None:
    """The server starts: who knows how long it was away. Every neighbour is to be asked what was missed."""
    known = {row.peer for row in HeardTable.select(HeardTable.peer).execute(uow.db)}
    for peer in peers.all_peers(uow.db):
        if peer.state is PeerState.AGREED and peer.id not in known:
            HeardTable.insert(peer=peer.id, epoch=0, upto=0).execute(uow.db)
    HeardTable.update(ask_at=uow.now, attempts=0).execute(uow.db)
    uow.wake_worker()


async def ask_one(federation: Federation) -> bool:
    """Ask one neighbour for what was missed. Whether anybody was to be asked."""
    wanted = await federation.database.read(_to_ask, federation.clock.now())
    if wanted is None:
        return False
    peer = await federation.database.read(peers.get, wanted.peer)
    is_heard = peer.state is PeerState.AGREED and peer.trust is not Trust.BLOCKED and peer.suspended_at is None
    if not is_heard or peer.actor_uri is None:
        await federation.database.write(_rest, wanted.peer, None)
        return True
    try:
        async with asyncio.timeout(LONGEST_TURN):
            await _read_stream(federation, peer, Place(epoch=wanted.epoch, number=wanted.upto))
    except TimeoutError:
        await federation.database.write(_try_again, wanted.peer, "timeout")
    except RemoteFailure as failure:
        await federation.database.write(_try_again, wanted.peer, failure.code)
    except Invalid as refusal:  # it keeps no stream for us, or says what no stream says: we go on without
        await federation.database.write(_rest, wanted.peer, f"{refusal.code}: {refusal.detail}")
    return True


def _to_ask(db: peewee.Database, now: datetime) -> Heard | None:
    due = HeardTable.select(HeardTable.peer).where(HeardTable.ask_at <= now).order_by(HeardTable.ask_at).limit(1)
    for row in due.execute(db):
        return hearing.known(db, row.peer)
    return None


def _rest(uow: UnitOfWork, peer: int, reason: str | None) -> None:
    HeardTable.update(ask_at=None, behind=False, behind_since=None, attempts=0, last_error=reason).where(
        HeardTable.peer == peer
    ).execute(uow.db)
    if reason is not None:
        logger().warning("catch-up.given-up", peer=peer, reason=reason)
    uow.wake_worker()


def _try_again(uow: UnitOfWork, peer: int, reason: str) -> None:
    """It cannot be had now. What came later waits for a while, and not for ever."""
    known = hearing.known(uow.db, peer)
    if known is None:
        return
    waited = known.behind_since is not None and uow.now - known.behind_since >= HELD_BACK_FOR
    HeardTable.update(
        ask_at=uow.now + RETRIES[min(known.attempts, len(RETRIES) - 1)],
        attempts=known.attempts + 1,
        behind=known.behind and not waited,
        last_error=reason,
    ).where(HeardTable.peer == peer).execute(uow.db)
    uow.wake_worker()


async def _read_stream(federation: Federation, peer: Peer, place: Place) -> None:
    """Read a peer's stream after a place, to its end, and keep what is not here. Raises Invalid, RemoteFailure."""
    fetched = 0
    for _ in range(MOST_PAGES):
        page = await _page(federation, peer, place)
        if page.place.epoch != place.epoch:
            was_asked_from_the_beginning = not place.number
            place = Place(epoch=page.place.epoch, number=0)  # it counts anew
            if not was_asked_from_the_beginning:
                continue
        if page.place.number < place.number or (page.more and page.place.number == place.number):
            raise Invalid("its pages do not go on", code="stream-page")
        known = await federation.database.read(_known_uris, page.items)
        missing = [uri for uri in page.items if uri not in known]
        found, whole = await _fetch(federation, peer, missing)
        fetched += len(found)
        if not whole:
            done = _before_first_missing(page.items, known, found)
            await federation.database.write(
                _keep_page, peer.id, page.items, found, place, upto=place.number + done, is_last=False
            )
            raise RemoteFailure("it does not give all of its stream now", code="stream-broken")
        more = page.more
        await federation.database.write(
            _keep_page, peer.id, page.items, found, place, upto=page.place.number, is_last=not more
        )
        if not more:
            break
        place = Place(epoch=place.epoch, number=page.place.number)
    else:
        raise RemoteFailure("its stream is longer than what is read at once", code="stream-long")
    if fetched:
        logger().info("catch-up.done", peer=peer.id, fetched=fetched)


def _before_first_missing(items: Sequence[str], known: set[str], found: dict[str, Letter | None]) -> int:
    for number, uri in enumerate(items):
        if uri not in known and uri not in found:
            return number
    return len(items)


async def _page(federation: Federation, peer: Peer, after: Place) -> Page:
    home = urls.origin(peer.actor_uri or "")
    url = f"{urls.Addresses(home).peering(federation.addresses.host)}/stream/after/{after.number}"
    answer = await asking.signed(federation, url, headers={HEADER: hearing.header_of(after)})
    if answer.status in _GONE:
        raise Invalid("it keeps no stream for us", code="no-stream")
    document = _document(answer, url)
    items = document.get("orderedItems")
    place = place_of(answer.headers.get(HEADER))
    if not isinstance(items, list) or len(items) > MOST_ITEMS or place is None:
        raise Invalid("this is no page of a stream", code="stream-page")
    if not all(isinstance(uri, str) and urls.origin(uri) == home for uri in items):
        raise Invalid("its stream names what is not its own", code="stream-page")
    return Page(items=tuple(dict.fromkeys(items)), place=place, more="next" in document)


async def _fetch(federation: Federation, peer: Peer, uris: Sequence[str]) -> tuple[dict[str, Letter | None], bool]:
    """The activities at these addresses, None for one that is no more; and whether all of them could be asked for."""
    found: dict[str, Letter | None] = {}
    for start in range(0, len(uris), _AT_ONCE):
        some = uris[start : start + _AT_ONCE]
        answers = await asyncio.gather(*(_item(federation, uri) for uri in some), return_exceptions=True)
        for uri, answer in zip(some, answers, strict=True):
            if isinstance(answer, RemoteFailure):
                return found, False
            if isinstance(answer, Invalid):
                logger().warning("catch-up.skipped", peer=peer.id, reason=f"{answer.code}: {answer.detail}")
                found[uri] = None
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found[uri] = answer
    return found, True


async def _item(federation: Federation, uri: str) -> Letter | None:
    answer = await asking.signed(federation, uri)
    if answer.status in _GONE:
        return None
    document = _document(answer, uri)
    actor = document.get("actor")
    if not isinstance(actor, str) or urls.origin(actor) != urls.origin(uri):
        raise Invalid("it is somebody else's", code="origin")
    return Letter(
        uri=uri,
        actor=actor,
        scoped=document.get("fhScope") not in {None, "public"},
        about=arrivals.about_of(document),
        body=answer.body,
        way=Way.ASKED,
    )


def _document(answer: Answer, url: str) -> dict[str, Any]:
    if answer.status >= 500 or answer.status in _TRY_LATER:
        raise RemoteFailure("the server cannot answer now", code="bad-answer", status=answer.status)
    if answer.status != 200 or not asking.is_activity(answer.headers.get("Content-Type", "")):
        raise Invalid("it is not what was asked for", code="stream-page", status=answer.status)
    document = strict_json.loads_object(answer.body)
    if document.get("id") != url:
        raise Invalid("it has another id than its address", code="stream-page")
    return document


# -- keeping -----------------------------------------------------------------------------------------------------------


def _known_uris(db: peewee.Database, uris: Sequence[str]) -> set[str]:
    rows = InboundTable.select(InboundTable.uri).where(InboundTable.uri.in_(list(uris)))
    return {row.uri for row in rows.execute(db)} if uris else set()


def _keep_page(
    uow: UnitOfWork,
    peer: int,
    items: Sequence[str],
    found: dict[str, Letter | None],
    after: Place,
    *,
    upto: int,
    is_last: bool,
) -> None:
    """Keep what was fetched, at its place in the stream, and how far the stream was heard with it."""
    for position, uri in enumerate(items, start=1):
        item = found.get(uri)
        if item is not None:
            # the page says in which order, and not which numbers: these are none that came later
            arrivals.keep(uow, item, peer=peer, place=Place(epoch=after.epoch, number=after.number + position))
    known = hearing.known(uow.db, peer)
    start = known.upto if known is not None and known.epoch == after.epoch else 0
    upto = _without_gap(uow.db, peer, after.epoch, max(upto, start)) if is_last else max(upto, start)
    values: dict[str, Any] = {"epoch": after.epoch, "upto": upto, "last_error": None}
    if is_last or any(found.values()):
        values["attempts"] = 0
    if is_last:
        still = _is_missing(uow.db, peer, after.epoch, upto)
        values |= {"behind": still, "behind_since": uow.now if still else None, "ask_at": uow.now if still else None}
    HeardTable.update(**values).where(HeardTable.peer == peer).execute(uow.db)
    uow.wake_worker()


def _later_numbers(db: peewee.Database, peer: int, epoch: int, upto: int) -> list[int]:
    rows = (
        InboundTable.select(InboundTable.number)
        .where(
            InboundTable.peer == peer,
            InboundTable.state == peewee.SQL("'waiting'"),
            InboundTable.epoch == epoch,
            InboundTable.number > upto,
        )
        .order_by(InboundTable.number)
    )
    return [row.number for row in rows.execute(db)]


def _without_gap(db: peewee.Database, peer: int, epoch: int, upto: int) -> int:
    """How far the stream was heard when what was delivered meanwhile is counted in."""
    for number in _later_numbers(db, peer, epoch, upto):
        if number > upto + 1:
            break
        upto = number
    return upto


def _is_missing(db: peewee.Database, peer: int, epoch: int, upto: int) -> bool:
    return bool(_later_numbers(db, peer, epoch, upto))
