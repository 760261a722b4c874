"""What the city says, as it arrives: from who was agreed with as the city, in the city's own name (golden file 18)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting, vocabulary
from fedhood.adapters.activitypub.handlers import acting, reading
from fedhood.adapters.activitypub.handlers.contract import Handler
from fedhood.core import accounts, city_messages, neighbourhoods, peers
from fedhood.core.city_messages import MOST_TITLE, Said
from fedhood.core.peers import Trust
from fedhood.kernel.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.city_messages import CityMessage
    from fedhood.core.peers import Peer
    from fedhood.kernel.engine import UnitOfWork

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)
_MOST_LANGUAGES = 10
MOST_GROUPS = 1000  # a city has more neighbourhoods than anybody has neighbours


# -- what it says ------------------------------------------------------------------------------------------------------


def verify(activity: dict[str, Any]) -> None:
    """A Note of the actor's own, to chosen Groups and nobody else, in some language, for some time. Raises Invalid."""
    note = reading.embedded(activity)
    reading.authored(activity, note)
    to = _groups(activity)
    reading.note_for(note, to, vocabulary.CITY)
    if "inReplyTo" in note:
        raise Invalid("the city answers nobody in a message", code="kind")
    _said(note)
    _values(note)


def verify_deleted(activity: dict[str, Any]) -> None:
    """A message taken back by who said it, before those to whom it was said. Raises Invalid."""
    actor = reading.text(activity, "actor")
    reading.same_origin(reading.text(activity, "id"), actor)
    reading.same_origin(reading.named(activity.get("object")), actor)
    _groups(activity)


def _groups(activity: dict[str, Any]) -> tuple[str, ...]:
    to = reading.addressed(activity, most=MOST_GROUPS)
    if reading.scope(activity) != vocabulary.CITY:
        raise Invalid("what the city says has the scope city", code="scope")
    if not to or len(set(to)) != len(to) or vocabulary.PUBLIC in to or reading.addressed(activity, "cc"):
        raise Invalid("it is not addressed to neighbourhoods alone", code="addressed")
    return to


def _said(note: dict[str, Any]) -> dict[str, Said]:
    """Title and text by language. Raises Invalid for what has no text, or is in no language that has a tag."""
    texts = note.get("contentMap", {})
    titles = note.get("nameMap", {})
    if not isinstance(texts, dict) or not isinstance(titles, dict) or len(texts) > _MOST_LANGUAGES:
        raise Invalid("it is not said by language", code="languages")
    if any(_TAG.fullmatch(tag) is None for tag in texts):
        raise Invalid("a language has no such tag", code="languages")
    otherwise = note.get("name", "")
    return {
        tag: Said(title=_title(titles.get(tag, otherwise)), text=vocabulary.text_of(text))
        for tag, text in (texts or {"": note.get("content")}).items()
    }


def _title(value: object) -> str:
    if not isinstance(value, str) or len(value) > 4 * MOST_TITLE:
        raise Invalid("the title is no line", code="title")
    return value


def _values(note: dict[str, Any]) -> dict[str, Any]:
    """What a message says beside its words. Raises Invalid."""
    begins_at, ends_at = reading.moment_of(note, "startTime"), reading.moment_of(note, "endTime")
    if begins_at is None or ends_at is None or ends_at <= begins_at:
        raise Invalid("it says not from when until when it holds", code="member", field="endTime")
    urgent = note.get("fhUrgent", False)
    if not isinstance(urgent, bool):
        raise Invalid("it is urgent or not", code="member", field="fhUrgent")
    return {"said": _said(note), "begins_at": begins_at, "ends_at": ends_at, "urgent": urgent}


def needs_city(activity: dict[str, Any]) -> list[str]:
    """The city as it introduces itself, vouched for by its server."""
    return [reading.text(activity, "actor")]


# -- who says it -------------------------------------------------------------------------------------------------------


def _city(uow: UnitOfWork, context: Context) -> Peer:
    """The peer that this came from, if it is our city: agreed with as such, both ways. Raises Forbidden."""
    peer = acting.granted(uow, context, vocabulary.CITY)
    accepted = peers.grants(uow.db, peer_id=peer.id, ours=True, now=uow.now)
    if peer.trust is not Trust.CITY or vocabulary.CITY not in accepted:
        raise Forbidden("this server is not our city", code="not-the-city")
    return peer


def _speaker(uow: UnitOfWork, context: Context, peer: Peer) -> int:
    """The account that stands for the city here. Raises Forbidden for anybody else of its server."""
    vouched = context.fetched.get(context.signer_uri, {})
    if vouched.get("kind") != "Organization" or vouched.get("peer") != peer.id:
        raise Forbidden("only the city itself speaks for the city", code="not-the-city")
    name = str(vouched.get("name") or "")[: acting.MOST_PERSON]
    return accounts.remember(uow, peer=peer.id, uri=context.signer_uri, name=name, neighbourhood=None)


def receive_created(uow: UnitOfWork, context: Context) -> None:
    """The city tells neighbourhoods of ours something. Raises Forbidden when none of ours is named."""
    _take_in(uow, context, _city(uow, context))


def _take_in(uow: UnitOfWork, context: Context, peer: Peer) -> None:
    note = reading.embedded(context.activity)
    uri = reading.text(note, "id")
    author = _speaker(uow, context, peer)
    activity = reading.text(context.activity, "id")
    if forgetting.came_too_late(uow, uri, signer=context.signer_uri, activity=activity):
        return
    groups = _groups(context.activity)
    ours = {context.addresses.group(one.key): one.id for one in neighbourhoods.ours(uow.db)}
    places = [ours[one] for one in groups if one in ours]
    if not places:
        raise Forbidden("it names no neighbourhood of ours", code="no-place")
    city_messages.mirror(
        uow,
        uri=uri,
        peer=peer.id,
        author=author,
        groups=groups,
        places=places,
        published_at=reading.moment_of(note, "published") or uow.now,
        edited_at=reading.moment_of(note, "updated"),
        **_values(note),
    )


def receive_updated(uow: UnitOfWork, context: Context) -> None:
    """The city says it better. To whom it is said never changes (L6).

    What it said before may never have come: to who was away it is not said any more. A change says all of it.
    """
    peer = _city(uow, context)
    note = reading.embedded(context.activity)
    if city_messages.by_uri(uow.db, reading.text(note, "id")) is None:
        _take_in(uow, context, peer)
        return
    message = _message(uow, context, reading.text(note, "id"))
    if message.author != _speaker(uow, context, peer):
        raise Forbidden("only who said it says it better", code="author")
    if message.groups != _groups(context.activity):
        raise Forbidden("it is for other neighbourhoods than it was", code="places-differ")
    edited_at = reading.moment_of(note, "updated") or uow.now
    city_messages.mirror_edit(uow, message=message, edited_at=edited_at, **_values(note))


def _message(uow: UnitOfWork, context: Context, uri: str) -> CityMessage:
    found = city_messages.by_uri(uow.db, uri)
    if found is None or found.peer is None or context.peer is None or found.peer != context.peer.id:
        raise Forbidden("this message is another server's", code="author")
    return found


def receive_deleted(uow: UnitOfWork, context: Context) -> None:
    """The city takes a message back; heard from a former city too. Again is the same."""
    acting.heard(context, vocabulary.CITY)
    uri = reading.named(context.activity.get("object"))
    but = reading.text(context.activity, "id")
    if city_messages.by_uri(uow.db, uri) is None:
        forgetting.never_mind(uow, uri, signer=context.signer_uri, but=but)
        return
    message = _message(uow, context, uri)
    if accounts.get(uow.db, message.author).uri != context.signer_uri:
        raise Forbidden("only who said it takes it back", code="author")
    city_messages.withdrawn_there(uow, message=message, at=uow.now)
    forgetting.heard_about(uow, [uri])


CREATED = Handler(verify=verify, needs=needs_city, receive=receive_created)
UPDATED = Handler(verify=verify, needs=needs_city, receive=receive_updated)
DELETED = Handler(verify=verify_deleted, needs=needs_city, receive=receive_deleted)
