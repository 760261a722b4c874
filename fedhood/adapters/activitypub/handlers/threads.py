"""Where an answer belongs: below what it answers, or, when that is not to be had any more, in the thread it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting
from fedhood.adapters.activitypub.handlers import acting, reading
from fedhood.kernel import urls

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.posts import Post

_CONTEXTS, _NOTES = "/ap/contexts/", "/ap/notes/"


def answered(db: peewee.Database, context: Context, note: dict[str, Any]) -> Post:
    """The post that an answer belongs below, removed ones too: what somebody said does not go with what they answered.

    What was removed before it was ever told here is not here; its answer then belongs below the root of the thread.
    A stream is in order, so what is neither here nor still to be read was not told. Raises NotFound with the code
    `orphan` while it may still come.
    """
    uri = reading.text(note, "inReplyTo")
    known = acting.known_post(db, context.addresses, uri)
    if known is not None:
        return known
    root = _root_named(db, context, note.get("context"))
    told_by_sender = urls.origin(uri) == urls.origin(context.signer_uri) or (root is not None and root.uri is not None)
    if root is None or not told_by_sender or forgetting.may_still_come(db, uri):
        raise acting.orphan("the post that this is about is not here")
    return root


def _root_named(db: peewee.Database, context: Context, thread: Any) -> Post | None:
    """The root of the thread with this address, as all of us name threads."""
    if not isinstance(thread, str) or _CONTEXTS not in thread:
        return None
    found = acting.known_post(db, context.addresses, thread.replace(_CONTEXTS, _NOTES))
    return found if found is not None and found.root is None else None
