"""What every route of the real table is asked with. A route that is filled by nothing here is an uncovered route."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fedhood.adapters.activitypub.tables import ActivityTable, DeliveryTable, InboundTable
from fedhood.core import accounts, neighbourhoods, peers
from tests.matrix import expected, knock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.scene import Site

# Routes that carry nothing that anybody said, each with its reason.
CARRY_NOTHING = {
    "/static/{name}": "files of the release, the same for everyone; the database is not even asked who looks",
}
NEVER = 999_999  # as a counter
UNKNOWN_KEY = "0123456789abcdef"


@dataclass(frozen=True)
class Ask:
    """An address. `missing`: the same route for what never was; `knows`: for which viewers the two may differ."""

    path: str
    missing: str = ""
    knows: Callable[[str], bool] = field(default=lambda _: True)


def all_of(router: Any) -> set[tuple[str, str]]:
    """Every route of an application: method and pattern."""
    return {(route.method, route.resource.canonical) for route in router.routes()}


def uncovered(router: Any, posts: set[str]) -> list[str]:
    """The routes that nothing here asks for; `posts` are the patterns that `deeds` knows."""
    asked = set(FILLED) | set(CARRY_NOTHING)
    return sorted(
        f"{method} {pattern}"
        for method, pattern in all_of(router)
        if not (pattern in posts if method == "POST" else method in {"GET", "HEAD"} and _is_asked(pattern, asked))
    )


def _is_asked(pattern: str, asked: set[str]) -> bool:
    return pattern in asked or "{" not in pattern


async def gets(site: Site) -> list[Ask]:
    """Every address that is asked for with GET."""
    never = site.place.server.new_id()
    patterns = sorted(pattern for method, pattern in all_of(site.router) if method == "GET")
    asks: list[Ask] = []
    for pattern in patterns:
        if pattern in FILLED:
            asks += await site.place.database.read(FILLED[pattern], site, never)
        elif pattern not in CARRY_NOTHING and "{" not in pattern:
            asks.append(Ask(pattern))
    return asks


# -- fillings: (database, site, an id that never was) -> addresses ----------------------------------------------------


def _posts(pattern: str, *, only: frozenset[str] | None = None) -> Callable[..., list[Ask]]:
    """Each post under a page's pattern; under the help pages a post that asks for nothing is not there for anyone."""

    def filled(_: Any, site: Site, never: int) -> list[Ask]:
        missing = pattern.format(id=never)
        return [
            Ask(
                pattern.format(id=number),
                missing,
                lambda viewer, thing=thing: (
                    ((only is None or thing in only) and expected.knows(thing, viewer)) or _wrote(thing, viewer)
                ),
            )
            for thing, number in site.ids.items()
        ]

    return filled


def _wrote(thing: str, viewer: str) -> bool:
    """A clerk knows what the city ever said, also what was taken back."""
    return thing in expected.CITYS and viewer in expected.SPEAKERS


def _notes(_: Any, site: Site, never: int) -> list[Ask]:
    def may(thing: str, viewer: str) -> bool:
        return expected.knows(thing, viewer) or viewer in expected.TOMBSTONES.get(thing, ())

    return [
        Ask(f"/ap/notes/{number}", f"/ap/notes/{never}", lambda viewer, thing=thing: may(thing, viewer))
        for thing, number in site.ids.items()
    ]


def _talks(pattern: str) -> Callable[..., list[Ask]]:
    """What two said in private, asked for by each request: for everyone else it is not there."""

    def filled(_: Any, site: Site, never: int) -> list[Ask]:
        return [
            Ask(
                pattern.format(id=number),
                pattern.format(id=never),
                lambda viewer, thing=thing: viewer in expected.PARTIES.get(thing, ()),
            )
            for thing, number in site.ids.items()
        ]

    return filled


def _again(db: Any, site: Site, never: int) -> list[Ask]:
    del db, never
    again = [Ask(f"/help/new?again={number}") for thing, number in site.ids.items() if thing in expected.HELP]
    return [Ask("/help/new"), *again]


def _first(db: Any, site: Site, never: int) -> list[Ask]:
    del db, site
    shows = ("all", "here", "help", "next-door", "lost-found")
    return [Ask("/"), *(Ask(f"/?show={show}&older={never}") for show in shows), Ask("/?lang=nl")]


def _places(db: Any, site: Site, never: int) -> list[Ask]:
    del never
    known = [*neighbourhoods.ours(db), *(place for peer in peers.all_peers(db) for place in _of(db, peer.id))]
    return [Ask(f"/n/{key}") for key in sorted({place.key for place in known} | {"nowhere"})] + [
        Ask(f"/n/{site.place.server.settings.host}")
    ]


def _of(db: Any, peer: int) -> list[neighbourhoods.Neighbourhood]:
    return neighbourhoods.of_peer(db, peer)


def _groups(db: Any, site: Site, never: int) -> list[Ask]:
    del site, never
    return [Ask(f"/ap/groups/{one.key}") for one in neighbourhoods.ours(db)] + [Ask("/ap/groups/nowhere")]


def _below_groups(*names: str) -> Callable[..., list[Ask]]:
    return lambda db, *_: [
        Ask(f"/ap/groups/{key}/{name}")
        for key in [*(one.key for one in neighbourhoods.ours(db)), "nowhere"]
        for name in names
    ]


def _below_people(db: Any, site: Site, never: int) -> list[Ask]:
    return [
        Ask(f"{ask.path}/{name}", f"{ask.missing}/{name}", ask.knows)
        for ask in _people(db, site, never)
        for name in ("outbox", "followers", "following")
    ]


def _below(actor: str) -> Callable[..., list[Ask]]:
    return lambda *_: [Ask(f"{actor}/{name}") for name in ("outbox", "followers", "following", "members")]


def _people(db: Any, site: Site, never: int) -> list[Ask]:
    del never
    return [
        Ask(f"/ap/people/{accounts.get(db, one.account).key}", f"/ap/people/{UNKNOWN_KEY}", _is_beyond(role))
        for role, one in site.people.items()
    ]


def _is_beyond(role: str) -> Callable[[str], bool]:
    return lambda _: role in expected.BEYOND


def _handles(db: Any, site: Site, never: int) -> list[Ask]:
    """A name can be guessed: it is answered to who lives in the same neighbourhood."""
    del never
    return [
        Ask(
            f"/@{accounts.get(db, one.account).handle}",
            "/@nobody",
            lambda viewer, role=role: expected.under_one_roof(viewer, role),
        )
        for role, one in site.people.items()
    ]


def _persons(db: Any, site: Site, never: int) -> list[Ask]:
    """A key cannot be guessed: it is answered to every resident, and to nobody else."""
    del never
    return [
        Ask(
            f"/people/{accounts.get(db, one.account).key}",
            f"/people/{UNKNOWN_KEY}",
            lambda viewer: viewer in expected.RESIDENTS,
        )
        for one in site.people.values()
    ]


def _resources(db: Any, site: Site, never: int) -> list[Ask]:
    del never
    addresses = site.place.server.addresses
    base = "/.well-known/webfinger?resource="

    def ask(resource: str, missing: str, role: str) -> Ask:
        return Ask(base + quote(resource, safe=""), base + quote(missing, safe=""), _is_beyond(role))

    asks = [Ask(base + quote(one, safe="")) for one in (addresses.base, addresses.instance, addresses.metrics)]
    asks += [Ask(base + quote(addresses.group(one.key), safe="")) for one in neighbourhoods.ours(db)]
    for role, one in site.people.items():
        person = accounts.get(db, one.account)
        asks.append(ask(f"acct:{person.handle}@{addresses.host}", f"acct:nobody@{addresses.host}", role))
        asks.append(ask(addresses.person(person.key), addresses.person(UNKNOWN_KEY), role))
        asks.append(ask(f"{addresses.base}/@{person.handle}", f"{addresses.base}/@nobody", role))
    return asks


def _activities(db: Any, site: Site, never: int) -> list[Ask]:
    """Everything that was signed to be sent: to whom it was sent, and to anyone when it tells a public post."""
    del never
    things = {number: thing for thing, number in site.ids.items()}
    hosts = {peer.id: peer.host.partition(".")[0] for peer in peers.all_peers(db)}
    called = expected.SERVERS[site.name]
    asks = []
    for row in ActivityTable.select(ActivityTable.key).execute(db):
        deliveries = list(DeliveryTable.select().where(DeliveryTable.activity == row.key).execute(db))
        told = {called[hosts[one.peer]] for one in deliveries if one.inbox is None} - {"fir's server"}
        if any(one.verb == "visitor.answer" or one.verb.startswith("follower.") for one in deliveries):
            # what is for everyone, and yes or no to a Follow, which names who asked
            told |= {"follower"}
        if "oak's server" in told and not {one.verb for one in deliveries} & _ABOUT_PLACES:
            told.add(expected.UNPAIRED)
        about = {things[one.object] for one in deliveries if one.object in things and one.verb in _ABOUT_POSTS}
        asks.append(Ask(f"/ap/activities/{row.key}", f"/ap/activities/{UNKNOWN_KEY}", _has_it(told, about)))
    return asks


_ABOUT_POSTS = {
    "follower.post",
    "follower.edit",
    "follower.delete",
    "post.create",
    "post.update",
    "post.delete",
    "reply.send",
    "reply.announce",
}
# what is read as a neighbourhood that is paired; a removal, peering and what is for one person are not
_ABOUT_PLACES = {"post.create", "post.update", "reply.send", "reply.announce", "help.create", "help.update"}


def _has_it(told: set[str], about: set[str]) -> Callable[[str], bool]:
    stranger = expected.STRANGERS["elm"]
    public = any(expected.knows(thing, stranger) or stranger in expected.TOMBSTONES.get(thing, ()) for thing in about)
    return lambda viewer: public or viewer in told


def _streams(pattern: str) -> Callable[..., list[Ask]]:
    """What each server was sent, for that server alone."""

    def filled(db: Any, site: Site, never: int) -> list[Ask]:
        del never
        missing = pattern.format(host="nowhere.localhost:1")
        return [
            Ask(
                pattern.format(host=peer.host),
                missing,
                lambda viewer, host=peer.host: viewer in _servers_at(site, host),
            )
            for peer in peers.all_peers(db)
            if peer.state is peers.PeerState.AGREED
        ]

    return filled


def _traces(db: Any, site: Site, never: int) -> list[Ask]:
    """What became of each letter that came, for the server that sent it; under another's name it is not there."""
    del never
    agreed = [peer for peer in peers.all_peers(db) if peer.state is peers.PeerState.AGREED]
    # two servers may call a letter by the same last part: each is told of its own
    came = {(row.peer, row.uri.rpartition("/")[2]) for row in InboundTable.select().execute(db)}
    asks = []
    for key in sorted({key for _, key in came}):
        for peer in agreed:
            seen = _servers_at(site, peer.host) if (peer.id, key) in came else set()
            path = f"/ap/peerings/{peer.host}/trace/"
            asks.append(Ask(path + key, path + UNKNOWN_KEY, lambda viewer, seen=seen: viewer in seen))
    return asks


def _servers_at(site: Site, host: str) -> set[str]:
    name = expected.SERVERS[site.name][host.partition(".")[0]]
    return {name, expected.UNPAIRED} if name == "oak's server" else {name}


def _peers(pattern: str) -> Callable[..., list[Ask]]:
    """A page about each server that is known."""
    return lambda db, *_: [
        Ask(pattern.format(peer=number)) for number in (*(peer.id for peer in peers.all_peers(db)), NEVER)
    ]


def _paths(db: Any, site: Site, never: int) -> list[Ask]:
    """What each server was sent, and the way of each letter; of what is in it there is nothing."""
    sent = DeliveryTable.select(DeliveryTable.peer, DeliveryTable.activity).where(DeliveryTable.activity.is_null(False))
    letters = [(row.peer, row.activity) for row in sent.execute(db)]
    return [
        *_peers("/host/neighbours/{peer}/path")(db, site, never),
        *(Ask(f"/host/neighbours/{peer}/path?letter={key}") for peer, key in letters),
        *(Ask(f"/host/neighbours/{peer}/path?letter={UNKNOWN_KEY}") for peer, _ in letters[:1]),
    ]


def _sent(pattern: str) -> Callable[..., list[Ask]]:
    """What goes to each server, for who may agree with it: what it is and when, and nobody's words."""

    def filled(db: Any, site: Site, never: int) -> list[Ask]:
        del site, never
        return [Ask(pattern.format(peer=peer)) for peer in (*(one.id for one in peers.all_peers(db)), NEVER)]

    return filled


def _letters(db: Any, site: Site, never: int) -> list[Ask]:
    """Each thing that was to go to another server, by its place in what goes there; and one that never was."""
    del site, never
    rows = DeliveryTable.select(DeliveryTable.peer, DeliveryTable.epoch, DeliveryTable.number).execute(db)
    places = {f"/host/neighbours/{one.peer}/sent/{one.epoch}-{one.number}" for one in rows}
    return [Ask(path) for path in sorted(places)] + [Ask(f"/host/neighbours/1/sent/1-{NEVER}")]


def _residents(pattern: str) -> Callable[..., list[Ask]]:
    """A page about each resident, for who looks after them."""
    return lambda _, site, never: [
        Ask(
            pattern.format(account=one.account),
            pattern.format(account=NEVER),
            lambda viewer, role=role: role in expected.LOOKS_AFTER.get(viewer, ()),
        )
        for role, one in site.people.items()
    ]


def _figures(*_: Any) -> list[Ask]:
    """Figures are made of numbers; whatever is there, no word of anybody's is."""
    return [Ask(f"/metrics/v1/reports/{area}/2026-Q3/1") for area in ("elm", "birch", "nowhere")]


def _tokens(pattern: str) -> Callable[..., list[Ask]]:
    return lambda *_: [Ask(pattern.format(token="no-such-token-0123456789"))]


FILLED: dict[str, Callable[..., list[Ask]]] = {
    "/": _first,
    "/n/{key}": _places,
    "/p/{id}": _posts("/p/{id}"),
    "/p/{id}/edit": _posts("/p/{id}/edit"),
    "/p/{id}/delete": _posts("/p/{id}/delete"),
    "/p/{id}/report": _posts("/p/{id}/report"),
    "/help/{id}": _posts("/help/{id}", only=expected.HELP),
    "/help/{id}/report": _posts("/help/{id}/report"),
    "/help/{id}/talk": _talks("/help/{id}/talk"),
    "/help/{id}/talk/report": _talks("/help/{id}/talk/report"),
    "/@{handle}": _handles,
    "/people/{key}": _persons,
    "/help/new": _again,
    "/link/{token}": _tokens("/link/{token}"),
    "/setup/{token}": _tokens("/setup/{token}"),
    "/host/neighbours/{peer}": _peers("/host/neighbours/{peer}"),
    "/host/neighbours/{peer}/test": _peers("/host/neighbours/{peer}/test"),
    "/host/neighbours/{peer}/path": _paths,
    "/host/neighbours/{peer}/arrivals": _peers("/host/neighbours/{peer}/arrivals"),
    "/host/neighbours/{peer}/sent": _sent("/host/neighbours/{peer}/sent"),
    "/host/neighbours/{peer}/sent/{place}": _letters,
    "/host/neighbours/{peer}/forget": _sent("/host/neighbours/{peer}/forget"),
    "/host/people/{account}/link": _residents("/host/people/{account}/link"),
    "/host/people/{account}/entrust": _residents("/host/people/{account}/entrust"),
    "/host/people/{account}/relieve": _residents("/host/people/{account}/relieve"),
    "/city/messages/{id}": _posts("/city/messages/{id}", only=expected.CITYS),
    "/city/messages/{id}/edit": _posts("/city/messages/{id}/edit", only=expected.CITYS),
    "/city/messages/{id}/withdraw": _posts("/city/messages/{id}/withdraw", only=expected.CITYS),
    "/metrics/v1/reports/{area}/{period}/{revision}": _figures,
    "/.well-known/webfinger": _resources,
    "/ap/groups/{key}": _groups,
    "/ap/people/{key}": _people,
    "/ap/groups/{key}/outbox": _below_groups("outbox"),
    "/ap/groups/{key}/outbox/page/{before}": _below_groups("outbox/page/first", "outbox/page/1"),
    "/ap/groups/{key}/{collection}": _below_groups("followers", "following", "featured", "members", "moderators"),
    "/ap/people/{key}/{collection}": _below_people,
    "/ap/instance/{collection}": _below("/ap/instance"),
    "/ap/metrics/{collection}": _below("/ap/metrics"),
    "/ap/city/{collection}": _below("/ap/city"),
    "/ap/notes/{id}": _notes,
    "/ap/activities/{key}": _activities,
    "/ap/peerings/{host}/stream": _streams("/ap/peerings/{host}/stream"),
    "/ap/peerings/{host}/stream/after/{number}": _streams("/ap/peerings/{host}/stream/after/0"),
    "/ap/peerings/{host}/echo": _streams("/ap/peerings/{host}/echo"),
    "/ap/peerings/{host}/trace/{key}": _traces,
}


def accepts(path: str, viewer: knock.Viewer) -> tuple[str, ...]:
    """In which forms an address is asked for: the wire's in both, by who has no more than a cookie in one."""
    if not path.startswith("/ap/"):
        return (knock.PAGE,)
    both = viewer.key is not None or viewer.name in expected.STRANGERS.values()
    return (knock.ACTIVITY, knock.LD) if both else (knock.ACTIVITY,)
