"""The reading side of posts."""

from fedhood.core.timelines.model import Entry, Filter
from fedhood.core.timelines.own import own_data
from fedhood.core.timelines.service import board, city_spoke, entry, feed, from_city, of_thread, public, thread

__all__ = [
    "Entry",
    "Filter",
    "board",
    "city_spoke",
    "entry",
    "feed",
    "from_city",
    "of_thread",
    "own_data",
    "public",
    "thread",
]
