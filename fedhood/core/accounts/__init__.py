"""People: residents here, and those elsewhere who acted here."""

from fedhood.core.accounts.model import (
    Account,
    AccountErased,
    AccountState,
)
from fedhood.core.accounts.service import (
    by_handle,
    by_key,
    by_uri,
    create,
    erase,
    get,
    living_in,
    many,
    of_peer,
    remember,
    residents,
    speak,
)

__all__ = [
    "Account",
    "AccountErased",
    "AccountState",
    "by_handle",
    "by_key",
    "by_uri",
    "create",
    "erase",
    "get",
    "living_in",
    "many",
    "of_peer",
    "remember",
    "residents",
    "speak",
]
