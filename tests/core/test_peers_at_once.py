"""A moderator presses and the other server asks in the same moment: where two transactions can overlap at all."""

from __future__ import annotations

import threading

import pytest

from fedhood.core import peers
from fedhood.core.peers import PeerState, service
from tests.core.peering import asking, confirm, found, state
from tests.support.people import neighbourhood, resident


def meanwhile(act):
    """Something that another process does from beginning to end."""
    other = threading.Thread(target=act)
    other.start()
    other.join()


def once_after(monkeypatch, name, act):
    """Let another process act right after the next call of a reading of the service."""
    real, acted = getattr(service, name), []

    def read(*args):
        value = real(*args)
        if not acted:
            acted.append(True)
            meanwhile(act)
        return value

    monkeypatch.setattr(service, name, read)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
@pytest.mark.parametrize("first", ["asked", "confirmed"])
def test_neither_misses_the_other_whoever_is_first(database, monkeypatch, first):
    mo = resident(database, "Mo", neighbourhood(database, "Elm"), moderator=True)
    peer = found(database, mo)
    acts = {
        "asked": lambda: database.transact(peers.asked, **asking()),
        "confirmed": lambda: confirm(database, mo, peer),
    }
    late = "confirmed" if first == "asked" else "asked"
    once_after(monkeypatch, "get" if late == "confirmed" else "by_host", acts[first])
    acts[late]()
    assert state(database, peer) is PeerState.AGREED
