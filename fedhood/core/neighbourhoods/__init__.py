"""Neighbourhoods, ours and those of peers, and which reads which."""

from fedhood.core.neighbourhoods.model import (
    Neighbourhood,
    Paired,
    Parted,
)
from fedhood.core.neighbourhoods.service import (
    by_key,
    by_uri,
    create,
    get,
    many,
    may_read,
    of_peer,
    ours,
    pair,
    pairs_with,
    readers_of,
    receive_visitors,
    remember,
    replace,
    set_rules,
    unpair,
)

__all__ = [
    "Neighbourhood",
    "Paired",
    "Parted",
    "by_key",
    "by_uri",
    "create",
    "get",
    "many",
    "may_read",
    "of_peer",
    "ours",
    "pair",
    "pairs_with",
    "readers_of",
    "receive_visitors",
    "remember",
    "replace",
    "set_rules",
    "unpair",
]
