"""What follows from what a city says: the part of `consequences` that is the city's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import outbox_city
from fedhood.core import accounts, city_messages, notifications
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
    living = accounts.residents(uow.db, fact.neighbourhood or 0)
    city = city_messages.row(uow.db, fact.message).author
    notifications.tell_all(
        uow, accounts=[one.id for one in living], kind=Kind.CITY_URGENT, object=fact.object or 0, actor=city
    )


TABLE: dict[type[Fact], tuple[Callable[[UnitOfWork, Any], None], ...]] = {
    city_messages.CityMessageSent: (_said,),
    city_messages.CityMessageEdited: (_said_better,),
    city_messages.CityMessageWithdrawn: (_took_back,),
    city_messages.CityMessageShown: (_shown,),
    city_messages.CityMessageUrgent: (_tell_neighbourhood,),
}
