"""The reading side of posts."""

from fedhood.core.timelines.model import Entry, Filter
from fedhood.core.timelines.service import board, entry, feed, public, thread

__all__ = ["Entry", "Filter", "board", "entry", "feed", "public", "thread"]
