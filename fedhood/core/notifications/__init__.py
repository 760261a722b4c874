"""Who is to hear of what."""

from fedhood.core.notifications.model import (
    Kind,
    Notification,
)
from fedhood.core.notifications.service import (
    forget,
    latest,
    read_all,
    tell,
    unread,
)

__all__ = [
    "Kind",
    "Notification",
    "forget",
    "latest",
    "read_all",
    "tell",
    "unread",
]
