"""What follows from what a city says: the part of `consequences` that is the city's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import outbox_city
from fedhood.core import accounts, city_messages, notifications, posts
from fedhood.core.notifications import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.facts import Fact


def _said(uow: UnitOfWork, fact: city_messages.CityMessageSent) -> None:
    outbox_city.said(uow, message_id=fact.object or 0)


def _said_better(uow: UnitOfWork, fact: city_messages.CityMessageEdited) -> None:
    outbox_city.said_better(uow, message_id=fact.object or 0, version=fact.version)


def _took_back(uow: UnitOfWork, fact: city_messages.CityMessageWithdrawn) -> None:
    outbox_city.took_back(uow, message_id=fact.object or 0)


def _shown(uow: UnitOfWork, fact: city_messages.CityMessageShown) -> None:
    if fact.urgent:
        _tell_neighbourhood(uow, fact)


def _tell_neighbourhood(
    uow: UnitOfWork, fact: city_messages.CityMessageShown | city_messages.CityMessageUrgent
) -> None:
    """Something is urgent: everybody who lives in the neighbourhood hears of it."""
    city = city_messages.row(uow.db, fact.message).author
    notifications.tell_all(
        uow,
        accounts=accounts.living_in(uow.db, fact.neighbourhood or 0),
        kind=Kind.CITY_URGENT,
        object=fact.object or 0,
        actor=city,
    )


def _shared(uow: UnitOfWork, fact: city_messages.AnswerShared) -> None:
    outbox_city.answer_shared(uow, shared_id=fact.shared)


def _unshared(uow: UnitOfWork, fact: city_messages.AnswerUnshared) -> None:
    outbox_city.answer_gone(uow, shared_id=fact.shared)


def answer_edited(uow: UnitOfWork, fact: posts.PostEdited) -> None:
    """An answer says something else: where the city may read it, it is told."""
    outbox_city.answer_edited(uow, post_id=fact.object or 0, version=fact.version)


def answer_deleted(uow: UnitOfWork, fact: posts.PostDeleted) -> None:
    """An answer is gone: the city has it no longer."""
    if fact.is_reply:
        city_messages.ended(uow, post_id=fact.object or 0)


TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    city_messages.CityMessageSent: (_said,),
    city_messages.CityMessageEdited: (_said_better,),
    city_messages.CityMessageWithdrawn: (_took_back,),
    city_messages.CityMessageShown: (_shown,),
    city_messages.CityMessageUrgent: (_tell_neighbourhood,),
    city_messages.AnswerShared: (_shared,),
    city_messages.AnswerUnshared: (_unshared,),
}
