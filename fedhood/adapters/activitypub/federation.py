"""The room of what every part of the federation is handed: database, way out, addresses, and who we are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from aiohttp import web

from fedhood.adapters.activitypub.crew import Crew
from fedhood.adapters.activitypub.fresh import Fresh

if TYPE_CHECKING:
    import asyncio
    from datetime import datetime

    from fedhood.adapters.activitypub.keys import KeyPair
    from fedhood.adapters.activitypub.streams import Due
    from fedhood.adapters.http.client import Client
    from fedhood.kernel.clock import Clock
    from fedhood.kernel.engine import Database
    from fedhood.kernel.settings import Settings
    from fedhood.kernel.urls import Addresses


@dataclass(slots=True, kw_only=True)
class Federation:
    """One server's place among the others. Two of them may live in one process.

    `key_cache` holds secrets that were read from the database, by `ActorRef`; `actors.ensure_keys` fills and bounds it.
    `senders` are under way with letters, `readers` with what a server said;
    `in_hand` are the servers for whom those who read for all read now, `fresh` remembers the latest that was said.
    `sayings` are being made now, by what is said. Where another process may exchange keys, `keys_until` says when each
    is read again.
    """

    database: Database
    client: Client
    addresses: Addresses
    settings: Settings
    clock: Clock
    key_cache: dict[object, KeyPair] = field(default_factory=dict, repr=False)
    senders: Crew[Due] = field(default_factory=Crew, repr=False)
    readers: Crew[int] = field(default_factory=Crew, repr=False)
    sayings: WeakValueDictionary[object, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)
    in_hand: set[int] = field(default_factory=set, repr=False)
    fresh: Fresh = field(default_factory=Fresh, repr=False)
    keys_until: dict[object, datetime] = field(default_factory=dict, repr=False)


FEDERATION: web.AppKey[Federation] = web.AppKey("federation", Federation)
