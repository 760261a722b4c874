"""Who does not want to meet whom."""

from fedhood.core.relations.service import (
    block,
    blocked_by,
    blocked_either_way,
    blocked_query,
    forget,
    is_blocked,
    unblock,
)

__all__ = [
    "block",
    "blocked_by",
    "blocked_either_way",
    "blocked_query",
    "forget",
    "is_blocked",
    "unblock",
]
