"""Who is to hear of what."""

from fedhood.core.notifications.model import (
    Kind,
    Notification,
)
from fedhood.core.notifications.service import (
    latest,
    read_all,
    tell,
    unread,
)

__all__ = [
    "Kind",
    "Notification",
    "latest",
    "read_all",
    "tell",
    "unread",
]
