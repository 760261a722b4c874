"""What a city's clerks do with messages: written, said better, taken back, looked after on their way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Permission
from fedhood.core.city_messages import store
from fedhood.core.city_messages.model import (
    LANGUAGES,
    LONGEST,
    MOST_TEXT,
    MOST_TITLE,
    CityMessage,
    CityMessageEdited,
    CityMessageSent,
    CityMessageWithdrawn,
    Said,
)
from fedhood.core.city_messages.tables import CityMessageTable
from fedhood.core.help_requests import Sent
from fedhood.core.peers import PeerState, Trust
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Conflict, Gone, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import peewee

    from fedhood.core.access import Viewer
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.kernel.database import UnitOfWork

SCOPE = "city"


# -- who can be told ---------------------------------------------------------------------------------------------------


def offered(db: peewee.Database, *, now: datetime) -> list[Neighbourhood]:
    """The neighbourhoods that a city can speak to at this moment, by name: their servers agreed, both ways."""
    found = [place for peer in _listening(db, now) for place in neighbourhoods.of_peer(db, peer)]
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


def _listening(db: peewee.Database, now: datetime) -> list[int]:
    return [
        peer.id
        for peer in peers.all_peers(db)
        if peer.trust is Trust.CITY
        and peer.state is PeerState.AGREED
        and all(SCOPE in peers.grants(db, peer_id=peer.id, ours=ours, now=now) for ours in (True, False))
    ]


# -- writing -----------------------------------------------------------------------------------------------------------


def write(
    uow: UnitOfWork,
    *,
    by: Viewer,
    said: Mapping[str, Said],
    places: Iterable[int],
    begins_at: datetime | None,
    ends_at: datetime | None,
    urgent: bool,
) -> int:
    """A clerk writes to neighbourhoods. Who may read it is settled now and never changes. Returns the message's id.

    `said` has title and text by language; a language of which both are empty is left out. Without `begins_at` it
    begins now. Raises Unauthenticated, Forbidden, Invalid: `places`, `ends`, and `title-nl`, `text-nl` and so on.
    """
    access.require(by, Permission.SPEAK, None)
    chosen = sorted(set(places))
    if not chosen or not {one.id for one in offered(uow.db, now=uow.now)}.issuperset(chosen):
        raise Invalid("not all of these neighbourhoods can be told", code="city-places", field="places")
    begins_at, ends_at = _checked_time(begins_at or uow.now, ends_at, uow.now)
    message = CityMessage(
        id=uow.new_id(),
        uri=None,
        peer=None,
        author=by.account or 0,
        said=_checked(said),
        begins_at=begins_at,
        ends_at=ends_at,
        urgent=urgent,
        published_at=uow.now,
        edited_at=None,
        shown_at=None,
        deleted_at=None,
        version=1,
        places=tuple(chosen),
    )
    store.insert(uow, message, sent=Sent.SENDING.value)
    uow.record(CityMessageSent(object=message.id))
    return message.id


def edit(
    uow: UnitOfWork,
    *,
    by: Viewer,
    message_id: int,
    said: Mapping[str, Said],
    begins_at: datetime | None,
    ends_at: datetime | None,
    urgent: bool,
) -> None:
    """A clerk says it better, or moves its times; to whom it is said stays as it is, and a beginning that has passed.

    Raises Unauthenticated, Forbidden, NotFound, Invalid, Conflict.
    """
    known = get(uow.db, viewer=by, message_id=message_id)
    if known.deleted_at is not None:
        raise NotFound
    begins_at = known.begins_at if begins_at is None or known.begins_at <= uow.now else begins_at
    begins_at, ends_at = _checked_time(begins_at, ends_at, known.begins_at)
    changed = dataclasses.replace(
        known,
        said=_checked(said),
        begins_at=begins_at,
        ends_at=ends_at,
        urgent=urgent,
        edited_at=uow.now,
        version=known.version + 1,
    )
    if dataclasses.replace(changed, edited_at=known.edited_at, version=known.version) == known:
        return
    store.rewrite(uow, known, changed)
    store.mark_sent(uow, message_id, known.places, Sent.SENDING.value)
    uow.record(CityMessageEdited(object=message_id, version=changed.version))


def withdraw(uow: UnitOfWork, *, by: Viewer, message_id: int) -> None:
    """A clerk takes a message back; every neighbourhood that got it is told.

    Raises Unauthenticated, Forbidden, NotFound, Conflict when it was taken back already.
    """
    known = get(uow.db, viewer=by, message_id=message_id)
    if not store.remove(uow, message_id, at=uow.now):
        raise Conflict(code="withdrawn")
    store.mark_sent(uow, message_id, known.places, Sent.SENDING.value)
    uow.record(CityMessageWithdrawn(object=message_id))


def _checked(said: Mapping[str, Said]) -> dict[str, Said]:
    """What a form brings, in the order in which it is said: one language at least, each with a title and a text."""
    found: dict[str, Said] = {}
    for language in LANGUAGES:
        typed = said.get(language)
        if typed is None or not (typed.title.strip() or typed.text.strip()):
            continue
        found[language] = Said(
            title=texts.one_line(typed.title, field=f"title-{language}", most=MOST_TITLE),
            text=texts.words(typed.text, field=f"text-{language}", most=MOST_TEXT),
        )
    if not found:
        raise Invalid("nothing is said in any language", code="missing", field=f"title-{LANGUAGES[0]}")
    return found


def _checked_time(begins_at: datetime, ends_at: datetime | None, after: datetime) -> tuple[datetime, datetime]:
    if ends_at is None:
        raise Invalid("it says not until when it holds", code="missing", field="ends")
    if ends_at <= max(begins_at, after):
        raise Invalid("it ends before it begins", code="city-ends", field="ends")
    if ends_at - begins_at > LONGEST or begins_at - after > LONGEST:
        raise Invalid("it holds too long, or too late", code="city-longest", field="ends")
    return begins_at, ends_at


# -- reading -----------------------------------------------------------------------------------------------------------


def written(db: peewee.Database, *, viewer: Viewer, before: int | None = None, limit: int = 20) -> list[CityMessage]:
    """What this city's clerks wrote, the newest first, what was taken back included. Raises Forbidden."""
    access.require(viewer, Permission.SPEAK, None)
    ours = [CityMessageTable.uri.is_null()]
    if before is not None:
        ours.append(CityMessageTable.id < before)
    return store.find(db, *ours, limit=limit)


def get(db: peewee.Database, *, viewer: Viewer, message_id: int) -> CityMessage:
    """A message that this city wrote, for its clerks. Raises Unauthenticated, Forbidden, NotFound."""
    access.require(viewer, Permission.SPEAK, None)
    found = store.get(db, message_id)
    if found.uri is not None:
        raise NotFound
    return found


def row(db: peewee.Database, message_id: int) -> CityMessage:
    """A message whatever its state and whoever asks, for consequences and the wire. Raises NotFound."""
    return store.get(db, message_id)


def at_version(db: peewee.Database, message_id: int, version: int, *, edited_at: datetime | None = None) -> CityMessage:
    """A message as it was in a version that an edit made at that moment (None: that was written first), for the wire.

    Raises NotFound, or Gone when it was taken back.
    """
    found = store.get(db, message_id)
    kept = store.version_row(db, message_id, version)
    if found.deleted_at is not None or kept is None:
        raise Gone
    return dataclasses.replace(
        found,
        said=store.said_of(kept),
        urgent=kept.urgent,
        begins_at=kept.begins_at,
        ends_at=kept.ends_at,
        edited_at=edited_at,
        version=version,
    )


def hosts_of(db: peewee.Database, message: CityMessage) -> list[int]:
    """The peers that host a place of a message, by id."""
    return sorted(peers.hosting(db, message.places))


def how_far(db: peewee.Database, message: CityMessage) -> list[tuple[Neighbourhood, Sent]]:
    """How far a message of ours, or its newest change, got on its way to each of its places, by name."""
    known = neighbourhoods.many(db, message.places)
    rows = [(known[one.place], Sent(one.sent or Sent.SENDING)) for one in store.places(db, message.id)]
    return sorted(rows, key=lambda one: (one[0].name.casefold(), one[0].id))


def sent(uow: UnitOfWork, *, message_id: int, peer: int, state: Sent) -> None:
    """The worker knows more about how far a message got on its way to a peer."""
    message = store.get(uow.db, message_id)
    store.mark_sent(uow, message_id, peers.hosting(uow.db, message.places).get(peer, []), state.value)
