"""Visitors: people on other software who follow a neighbourhood, and whether it receives them."""

from fedhood.core.visitors.model import (
    MOST_FOLLOWERS,
    MOST_INBOXES,
    MOST_OF_A_HOST,
    Followed,
    Follower,
    FollowRefused,
    Standing,
    VisitorsRefused,
)
from fedhood.core.visitors.service import (
    by_actor,
    follow,
    follows_any,
    forget,
    forget_host,
    forget_inbox,
    forget_refused,
    is_read_at,
    receive,
    refused,
    row,
    unfollow,
)
from fedhood.core.visitors.tables import FOLLOWS, FollowerTable

__all__ = [
    "FOLLOWS",
    "MOST_FOLLOWERS",
    "MOST_INBOXES",
    "MOST_OF_A_HOST",
    "FollowRefused",
    "Followed",
    "Follower",
    "FollowerTable",
    "Standing",
    "VisitorsRefused",
    "by_actor",
    "follow",
    "follows_any",
    "forget",
    "forget_host",
    "forget_inbox",
    "forget_refused",
    "is_read_at",
    "receive",
    "refused",
    "row",
    "unfollow",
]
