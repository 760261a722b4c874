"""What a document is made of, for comparing ours with the recorded ones; and servers that are made for one test."""

from functools import cache
from typing import Any

from fedhood.adapters.activitypub import keys
from fedhood.adapters.activitypub.federation import Federation
from fedhood.adapters.activitypub.keys import KeyPair
from fedhood.adapters.http.client import Client
from fedhood.kernel.engine import Database
from fedhood.kernel.settings import Profile, Settings
from fedhood.kernel.urls import Addresses
from tests.adapters.activitypub import golden


def shape(value: Any) -> Any:
    """Names and kinds all the way down, values left out; of a list what its members have in common."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items() if name != "@context"}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@cache
def secrets(name: str) -> KeyPair:
    """The secrets of a made-up actor: the same each time, and Ed25519 as published where it was."""
    fresh = keys.generate()
    try:
        return KeyPair(rsa=fresh.rsa, ed25519=golden.ed25519(name))
    except KeyError:
        return fresh


def federation_of(
    database: Database, *, host: str = "elm.example", profile: Profile = Profile.NEIGHBOURHOOD
) -> Federation:
    """A server of this name over a database; its client is not started."""
    loopback = ".localhost" in host
    settings = Settings(host=host, profile=profile, loopback_names=loopback)
    return Federation(
        database=database,
        client=Client(user_agent="fedhood/test", loopback_names=loopback),
        addresses=Addresses(settings.base_url),
        settings=settings,
        clock=database.clock,
    )
