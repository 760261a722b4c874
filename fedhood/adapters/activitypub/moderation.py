"""How a complaint is passed on to the moderators of another server: by the server, without the reporter's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import contexts, posts, vocabulary
from fedhood.adapters.activitypub.actors import INSTANCE
from fedhood.adapters.activitypub.help_requests import agreement_uri
from fedhood.adapters.activitypub.posts import Said
from fedhood.adapters.activitypub.saying import Delivery, Saying
from fedhood.core import help_requests, moderation, peers
from fedhood.core import posts as core_posts
from fedhood.core.moderation import Reason
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from fedhood.core.moderation import Report
    from fedhood.kernel.urls import Addresses


def flag(db: peewee.Database, addresses: Addresses, delivery: Delivery) -> Said:
    """A complaint about somebody there: who, which post or private thread, why, and in which words (golden 44).

    Raises NotFound.
    """
    report = moderation.report_row(db, delivery.object)
    there = peers.get(db, delivery.peer).actor_uri
    if there is None:
        raise NotFound
    key = _key(report)
    document: dict[str, Any] = {
        "@context": contexts.SCOPED,
        "id": addresses.activity(key),
        "type": "Flag",
        "actor": addresses.instance,
        "published": instant(report.filed_at),
        "to": [there],
        "cc": [],
        "fhScope": vocabulary.DIRECT,
        "object": [posts.person_uri(db, addresses, report.reported), *_about(db, addresses, report)],
        **({} if report.reason is Reason.OTHER else {"fhCategory": report.reason.value}),
        **(vocabulary.texts(report.text, "") if report.text else {}),
    }
    return key, Saying(INSTANCE, document)


def _key(report: Report) -> str:
    # a report's number tells how many there are; what it is about and when it was made does not
    about = report.post or report.thread or 0
    return f"flag-{about}-{instant(report.filed_at).replace(':', '').replace('-', '').lower()}"


def _about(db: peewee.Database, addresses: Addresses, report: Report) -> list[str]:
    if report.post is not None:
        return [posts.note_uri(addresses, core_posts.row(db, post_id=report.post))]
    if report.thread is not None:
        return [agreement_uri(addresses, help_requests.thread_row(db, report.thread))]
    return []


SAYINGS: dict[str, Callable[[peewee.Database, Addresses, Delivery], Said]] = {"flag": flag}
