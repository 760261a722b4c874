"""What a page of posts is made of."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedhood.core.accounts import Account
    from fedhood.core.city_messages import CityMessage, Shared
    from fedhood.core.help_requests import HelpRequest, Offer
    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.posts import Post


class Filter(enum.StrEnum):
    """Which of the posts that one may read."""

    ALL = "all"
    HERE = "here"
    HELP = "help"
    NEXT_DOOR = "next-door"
    LOST_FOUND = "lost-found"
    CITY = "city"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A post with all that its card says to one viewer.

    `city` is the message that it is the copy of. `shared` says that a city may read this answer, `shared_with` which.
    """

    post: Post
    author: Account
    home: Neighbourhood
    places: tuple[Neighbourhood, ...]
    help: HelpRequest | None
    city: CityMessage | None
    shared: Shared | None
    shared_with: Account | None
    my_thanks: bool
    my_offer: Offer | None
    offers_waiting: int
