"""What two servers say to each other, as the core is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from fedhood.core import access, neighbourhoods, peers
from fedhood.core.access import Role
from fedhood.core.peers import Trust

DAY = timedelta(days=1)
OAK = "oak.example"
GROUP = f"https://{OAK}/ap/groups/oak"
LANE = f"https://{OAK}/ap/groups/lane"
GROUPS = [{"uri": GROUP, "key": "oak", "name": "Oak"}]


def letters(host=OAK, key="z1"):
    return {
        "name": host,
        "actor_uri": f"https://{host}/ap/instance",
        "inbox": f"https://{host}/ap/instance/inbox",
        "shared_inbox": f"https://{host}/ap/inbox",
        "peer_inbox": f"https://{host}/ap/instance/peer-inbox",
        "multikey": key,
        "public_key_pem": f"PEM {key}",
        "fingerprint": f"AAAA-{key}",
        "capabilities": ["https://w3id.org/fedhood/cap/scopes-v1"],
    }


def asking(host=OAK, key="z1", groups=GROUPS, trust=Trust.NEIGHBOUR, number=1):
    follow = f"https://{host}/ap/activities/follow-{number}"
    return {**letters(host, key), "host": host, "follow_uri": follow, "trust": trust, "groups": list(groups)}


def ask(database, **what):
    return database.transact(peers.asked, **asking(**what))


def propose(database, mo, host=OAK):
    return database.transact(peers.propose, by=mo, host=host, our_host="elm.example")


def for_all(database, mo):
    """The same person, with a right on the whole server."""
    database.transact(access.give, account=mo.account, role=Role.MODERATOR, neighbourhood=None, by=None)
    return replace(mo, rights=database.look(access.rights_of, mo.account))


def found(database, mo, host=OAK):
    peer = propose(database, mo, host)
    database.transact(peers.found, peer_id=peer, **letters(host))
    return peer


def confirm(database, mo, peer, **how):
    database.transact(peers.confirm, by=mo, peer_id=peer, **how)


def agreed(database, mo):
    peer = ask(database)
    confirm(database, mo, peer)
    return peer


def state(database, peer):
    return database.look(peers.get, peer).state


def oak_id(database):
    return database.look(neighbourhoods.by_uri, GROUP).id


def granted(database, peer, *, ours, now=None):
    return database.look(peers.grants, peer_id=peer, ours=ours, now=now)


def grant_us(database, clock, peer, elm, **what):
    values = {
        "trust": Trust.NEIGHBOUR,
        "scopes": ["public", "neighbours", "direct"],
        "pairs": [(GROUP, elm)],
        "valid_until": clock.now() + 365 * DAY,
        "updated_at": clock.now(),
        **what,
    }
    database.transact(peers.their_agreement, peer_id=peer, **values)


def reads_oak(database, elm, uri=GROUP):
    writer = database.look(neighbourhoods.by_uri, uri)
    return writer is not None and database.look(neighbourhoods.may_read, writer=writer.id, reader=elm)
