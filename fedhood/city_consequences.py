"""What follows from what a city says, or passes on: the part of `consequences` that is the city's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import outbox_city, outbox_hub
from fedhood.core import accounts, city_messages, hubs, notifications, posts
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


def _hub_asked(uow: UnitOfWork, fact: hubs.HubAsked) -> None:
    outbox_hub.asked(uow, member_id=fact.object or 0, version=fact.version)


def _hub_joined(uow: UnitOfWork, fact: hubs.HubJoined) -> None:
    posts.part_from_city(uow.db, hub=fact.hub, reader=fact.neighbourhood or 0, parted=False)


def _hub_left(uow: UnitOfWork, fact: hubs.HubLeft) -> None:
    posts.part_from_city(uow.db, hub=fact.hub, reader=fact.neighbourhood or 0, parted=True)
    if fact.tell:
        outbox_hub.left(uow, member_id=fact.object or 0, version=fact.version)


def _hub_member_joined(uow: UnitOfWork, fact: hubs.HubMemberJoined) -> None:
    outbox_hub.member_joined(uow, member_id=fact.object or 0, version=fact.version)


def _hub_passed(uow: UnitOfWork, fact: hubs.HubPassed) -> None:
    outbox_hub.passed(uow, passage_id=fact.object or 0)


TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    city_messages.CityMessageSent: (_said,),
    city_messages.CityMessageEdited: (_said_better,),
    city_messages.CityMessageWithdrawn: (_took_back,),
    city_messages.CityMessageShown: (_shown,),
    city_messages.CityMessageUrgent: (_tell_neighbourhood,),
    city_messages.AnswerShared: (_shared,),
    city_messages.AnswerUnshared: (_unshared,),
    hubs.HubAsked: (_hub_asked,),
    hubs.HubJoined: (_hub_joined,),
    hubs.HubLeft: (_hub_left,),
    hubs.HubMemberJoined: (_hub_member_joined,),
    hubs.HubPassed: (_hub_passed,),
}
