"""Where an answer belongs, and what comes after what it speaks of went.

An answer stands below what it answers or, when that is not to be had any more, in the thread that it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import forgetting
from fedhood.adapters.activitypub.handlers import acting, reading
from fedhood.kernel import urls
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.adapters.activitypub.handlers.contract import Context
    from fedhood.core.posts import Post
    from fedhood.kernel.engine import UnitOfWork

_CONTEXTS, _NOTES = "/ap/contexts/", "/ap/notes/"


def answered(db: peewee.Database, context: Context, note: dict[str, Any]) -> Post:
    """The post that an answer belongs below, removed ones too: what somebody said does not go with what they answered.

    What was removed before it was ever told here is not here; its answer then belongs below the root of the thread.
    A stream is in order, so what is neither here nor still to be read was not told. Raises NotFound with the code
    `orphan` while it may still come, `removed` when the thread went before it came.
    """
    uri = reading.text(note, "inReplyTo")
    known = acting.known_post(db, context.addresses, uri)
    if known is not None:
        return known
    root = _root_named(db, context, note)
    told_by_sender = urls.origin(uri) == urls.origin(context.signer_uri) or (root is not None and root.uri is not None)
    if root is None or not told_by_sender or forgetting.may_still_come(db, uri):
        raise acting.orphan("the post that this is about is not here")
    return root


def spoken_of(db: peewee.Database, context: Context, thing: dict[str, Any], *, is_gone: bool = False) -> Post:
    """The post that says something else now, or is gone.

    Raises NotFound as `acting.find_post` does. What changes is `removed` too when it, or its thread, went before it
    came.
    """
    uri = reading.text(thing, "id")
    if not is_gone and acting.known_post(db, context.addresses, uri) is None:
        if forgetting.was_removed(db, uri, signer=context.signer_uri):
            raise acting.removed()
        root = _root_named(db, context, thing)
        if root is not None:
            acting.root_of(db, root)
    return acting.find_post(db, context.addresses, uri)


def _root_named(db: peewee.Database, context: Context, note: dict[str, Any]) -> Post | None:
    """The root of the thread that a Note names, as all of us name threads. Raises NotFound when it went."""
    thread = note.get("context")
    if not isinstance(thread, str) or _CONTEXTS not in thread:
        return None
    uri = thread.replace(_CONTEXTS, _NOTES)
    known = acting.known_post(db, context.addresses, uri)
    if known is None and forgetting.was_removed(db, uri, signer=context.signer_uri):
        raise acting.removed()
    return known if known is not None and known.root is None else None


def came_too_late(uow: UnitOfWork, context: Context, uri: str) -> bool:
    """Whether who says this took it back before it came; then nothing of it is kept."""
    activity = reading.text(context.activity, "id")
    return forgetting.came_too_late(uow, uri, signer=context.signer_uri, activity=activity)


def unless_removed(receive: Callable[[UnitOfWork, Context], None]) -> Callable[[UnitOfWork, Context], None]:
    """Take in what changes something, or keep nothing of it when that was removed meanwhile."""

    def received(uow: UnitOfWork, context: Context) -> None:
        try:
            receive(uow, context)
        except NotFound as missing:
            if missing.code != acting.REMOVED:
                raise
            forgetting.not_kept(uow, reading.text(context.activity, "id"))

    return received
