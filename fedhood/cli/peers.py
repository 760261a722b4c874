"""`fedhood peers …`: the servers next door and the city, what is agreed with each, and what may be changed of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from fedhood.cli import letters, looking
from fedhood.cli.door import Given, as_json, pass_given
from fedhood.cli.known import find
from fedhood.cli.neighbourhoods import find as find_ours
from fedhood.cli.opened import opened
from fedhood.core import neighbourhoods
from fedhood.core import peers as servers
from fedhood.core.peers import Trust
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import peewee

    from fedhood.core.neighbourhoods import Neighbourhood
    from fedhood.core.peers import Agreement, Peer
    from fedhood.kernel.database import UnitOfWork


@click.group()
def peers() -> None:
    """The servers next door and the city, and what is agreed with each.

    HOST is the name of another server, such as oak.example. All of it works while this server runs, which tells the
    other one of what changes.
    """


for command in letters.COMMANDS:
    peers.add_command(command)


# -- list, show -------------------------------------------------------------------------------------------------------


@peers.command("list")
@as_json
@pass_given
def show_all(given: Given, *, as_json: bool) -> None:
    """List the servers that this one knows, with how far the two came and what each is to this one."""
    with opened(given.settings()) as database:
        known = database.look(servers.all_peers)
    if as_json:
        click.echo(json.dumps([_in_short(peer) for peer in known], ensure_ascii=False))
        return
    if not known:
        click.echo("This server knows no other yet; one asks another to be a neighbour in the browser.")
    for peer in known:
        click.echo(f"{peer.host}: {peer.name or 'not found yet'}; {peer.state.value}; {peer.trust.value}")


def _in_short(peer: Peer) -> dict[str, Any]:
    return {"host": peer.host, "name": peer.name, "state": peer.state.value, "trust": peer.trust.value}


@peers.command()
@click.argument("host")
@as_json
@pass_given
def show(given: Given, host: str, *, as_json: bool) -> None:
    """Say what is agreed with HOST: its letters, what each side grants, until when, and who reads whom."""
    with opened(given.settings()) as database:
        said = database.look(_whole, host)
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    click.echo(f"{said['host']}: {said['name'] or 'not found yet'}; {said['state']}; {said['trust']}")
    click.echo(f"letters: {said['letters'] or 'not known yet'}")
    if said["in_question_since"]:
        click.echo(f"in question since {said['in_question_since']}: it shows {said['shows']}; call them")
    for whose, words in (("granted", "this server grants it"), ("granted_us", "it grants this server")):
        one = said[whose]
        click.echo(f"{words}: {', '.join(one['scopes']) + ', until ' + one['until'] if one else 'nothing'}")
    for line in said["reads"]:
        click.echo(f"{line['reader']} reads {line['writer']}")


def _whole(db: peewee.Database, host: str) -> dict[str, Any]:
    peer = find(db, host)
    mine, theirs = (servers.agreement(db, peer.id, ours=ours) for ours in (True, False))
    in_force = sorted(neighbourhoods.pairs_with(db, peer.id))
    names = neighbourhoods.many(db, {place for pair in in_force for place in pair})
    return {
        **_in_short(peer),
        "letters": peer.fingerprint,
        "shows": peer.shown_fingerprint,
        "in_question_since": None if peer.suspended_at is None else instant(peer.suspended_at),
        "granted": _granted(mine),
        "granted_us": _granted(theirs),
        "reads": [{"reader": names[reader].name, "writer": names[writer].name} for writer, reader in in_force],
    }


def _granted(known: Agreement | None) -> dict[str, Any] | None:
    return None if known is None else {"scopes": list(known.scopes), "until": instant(known.valid_until)}


# -- who reads along --------------------------------------------------------------------------------------------------


@peers.command()
@click.argument("host")
@click.option("--add", "added", multiple=True, metavar="OURS=THEIRS", help="From now on THEIRS reads OURS.")
@click.option("--drop", "dropped", multiple=True, metavar="OURS=THEIRS", help="From now on THEIRS reads OURS no more.")
@as_json
@pass_given
def pairs(given: Given, host: str, added: Sequence[str], dropped: Sequence[str], *, as_json: bool) -> None:
    """Say which neighbourhoods of HOST read what those of this server show next door, and change it.

    OURS and THEIRS are neighbourhoods, each by its key or its name. One that reads along from now on reads what is
    written from now on; one that does no more is shown nothing any more, and still hears what is taken back.
    """
    with opened(given.settings()) as database:
        if added or dropped:
            database.transact(_change_pairs, host=host, added=added, dropped=dropped)
        listed = database.look(_pairs, host)
    if as_json:
        click.echo(json.dumps([{"ours": our.key, "theirs": there.key} for our, there in listed], ensure_ascii=False))
        return
    if not listed:
        click.echo(f"Nobody of {host} reads what this server shows next door.")
    for our, there in listed:
        click.echo(f"{there.name} ({there.key}) reads what {our.name} ({our.key}) shows next door.")


def _pairs(db: peewee.Database, host: str) -> list[tuple[Neighbourhood, Neighbourhood]]:
    granted = servers.agreement(db, find(db, host).id, ours=True)
    listed = () if granted is None else granted.pairs
    names = neighbourhoods.many(db, {place for pair in listed for place in pair})
    return [(names[writer], names[reader]) for writer, reader in listed]


def _change_pairs(uow: UnitOfWork, *, host: str, added: Sequence[str], dropped: Sequence[str]) -> None:
    """All of it or nothing. Raises Invalid, NotFound, Conflict."""
    peer = find(uow.db, host)
    there = {one.id: one for one in neighbourhoods.of_peer(uow.db, peer.id)}
    wanted: dict[int, set[str]] = {}
    for our, theirs in _pairs(uow.db, host):
        wanted.setdefault(our.id, set()).add(theirs.uri or "")
    changed: set[int] = set()
    for words, act in ((added, set[str].add), (dropped, set[str].discard)):
        for pair in words:
            ours, theirs = _both(uow.db, peer, there, pair)
            act(wanted.setdefault(ours.id, set()), theirs.uri or "")
            changed.add(ours.id)
    for writer in sorted(changed):
        servers.change_readers(uow, by=None, peer_id=peer.id, writer=writer, readers=sorted(wanted[writer]))


def _both(
    db: peewee.Database, peer: Peer, there: dict[int, Neighbourhood], pair: str
) -> tuple[Neighbourhood, Neighbourhood]:
    ours, equals, theirs = pair.partition("=")
    if not equals:
        raise Invalid(f"{pair!r} is no pair; write OURS=THEIRS, such as elm=oak")
    named = [one for one in there.values() if theirs in {one.key, one.uri} or one.name.casefold() == theirs.casefold()]
    if not named:
        known = ", ".join(f"{one.name} ({one.key})" for one in there.values()) or "none"
        raise NotFound(f"no neighbourhood of {peer.host} is called {theirs}; there are: {known}")
    if len(named) > 1:
        raise Conflict(f"several of {peer.host} are called {theirs}; use a key: {', '.join(one.key for one in named)}")
    return find_ours(db, ours), named[0]


# -- how much ---------------------------------------------------------------------------------------------------------


@peers.command()
@click.argument("host")
@click.argument("what", type=click.Choice([Trust.NEIGHBOUR.value, Trust.FEDIVERSE.value]))
@click.option("--letters", help="Their 24 letters as they read them out on the phone; to make them a neighbour again.")
@pass_given
def trust(given: Given, host: str, what: str, letters: str | None) -> None:
    """Show HOST only what is for everyone (fediverse), or make it a neighbour again (neighbour).

    With fediverse nothing is read next door any more, neither here nor there; what waits is not sent, and what is
    taken back is told all the same. To be neighbours again the letters are compared once more, and everybody of theirs
    reads everybody of ours until `fedhood peers pairs` says otherwise.
    """
    wanted = Trust(what)
    if wanted is Trust.NEIGHBOUR and not letters:
        raise click.UsageError("--letters is needed: call them, and write down the letters that they read out.")
    _do(given, host, servers.grant, trust=wanted, fingerprint=in_fours(letters) if letters else None)
    said = "is a neighbour again" if wanted is Trust.NEIGHBOUR else "is shown only what is for everyone"
    click.echo(f"{host} {said}.")


@peers.command()
@click.argument("host")
@click.argument("letters", nargs=-1, required=True)
@pass_given
def confirm(given: Given, host: str, letters: Sequence[str]) -> None:
    """Agree with HOST, whose 24 LETTERS somebody read out on the phone.

    The two are neighbours as soon as the other side has pressed too. Everybody of theirs reads what everybody of ours
    shows next door until `fedhood peers pairs` says otherwise.
    """
    _do(given, host, servers.confirm, fingerprint=in_fours(" ".join(letters)))
    click.echo(f"The letters of {host} match.")


@peers.command()
@click.argument("host")
@click.argument("letters", nargs=-1, required=True)
@pass_given
def key(given: Given, host: str, letters: Sequence[str]) -> None:
    """Say that HOST, whose letters were in question, read these 24 LETTERS out on the phone.

    They must be the ones that it shows now (`fedhood peers show`). All that waited goes on.
    """
    _do(given, host, servers.confirm_key, fingerprint=in_fours(" ".join(letters)))
    click.echo(f"The letters of {host} match. What waited goes on.")


@peers.command()
@click.argument("host")
@pass_given
def renew(given: Given, host: str) -> None:
    """Say yes to HOST for another year, in the last month of what is agreed. The other side says its own yes."""
    _do(given, host, servers.renew)
    click.echo(f"What is agreed with {host} goes on for a year.")


@peers.command()
@click.argument("host")
@pass_given
def end(given: Given, host: str) -> None:
    """End what is agreed with HOST: nothing more is told, and what was told is shown there no longer."""
    _do(given, host, servers.end)
    click.echo(f"What was agreed with {host} has ended.")


def _do(given: Given, host: str, act: Callable[..., None], **how: Any) -> None:
    with opened(given.settings()) as database:
        database.transact(lambda uow: act(uow, by=None, peer_id=find(uow.db, host).id, **how))


def in_fours(words: str) -> str:
    """Letters as somebody wrote them down, in the form in which they are kept: capitals, in fours."""
    plain = "".join(sign for sign in words.upper() if sign.isalnum())
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))


for one in looking.COMMANDS:
    peers.add_command(one)
