"""Who is to hear of what."""

from fedhood.core.notifications.model import (
    SAFETY,
    Kind,
    Notification,
)
from fedhood.core.notifications.service import (
    forget,
    latest,
    read_all,
    tell,
    tell_all,
    unread,
)

__all__ = [
    "SAFETY",
    "Kind",
    "Notification",
    "forget",
    "latest",
    "read_all",
    "tell",
    "tell_all",
    "unread",
]
