"""The room of what a neighbour signed elsewhere and our neighbourhood passes on, exactly as it was signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import vocabulary
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http import strict_json
from fedhood.core import accounts
from fedhood.core.posts import MOST_CHARACTERS
from fedhood.kernel import text as texts
from fedhood.kernel.errors import Invalid, NotFound

if TYPE_CHECKING:
    import peewee

    from fedhood.core.posts import Post


def activity(db: peewee.Database, post: Post, *, act: str, actor: str) -> dict[str, Any]:
    """The activity by which another server's resident created, changed or removed this answer, with its proof.

    Looked for among what arrived about it, newest first. Of two that claim the same answer it is the one that says
    what we show. Raises NotFound when it is not kept any more.
    """
    peer = accounts.get(db, post.author).peer
    if peer is None or post.uri is None:
        raise NotFound
    arrived = InboundTable.select(InboundTable.body).where(InboundTable.about == post.uri, InboundTable.peer == peer)
    for row in arrived.order_by(InboundTable.id.desc()).execute(db):
        found = _read(bytes(row.body))
        if found is not None and _is_it(found, post, act, actor):
            return found
    raise NotFound


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        return strict_json.loads_object(body)
    except Invalid:
        return None


def _is_it(found: dict[str, Any], post: Post, act: str, actor: str) -> bool:
    thing = found.get("object")
    named = thing.get("id") if isinstance(thing, dict) else thing
    if found.get("type") != act or found.get("actor") != actor or named != post.uri:
        return False
    return act == "Delete" or (isinstance(thing, dict) and _text(thing.get("content")) == post.text)


def _text(content: object) -> str | None:
    """A content as it was kept when it arrived."""
    try:
        return texts.words(vocabulary.text_of(content), field="text", most=MOST_CHARACTERS)
    except Invalid:
        return None
