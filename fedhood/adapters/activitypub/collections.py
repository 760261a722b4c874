"""The collections that our actors name: who follows, who belongs, what was said to everyone.

None tells how many there are, and none lists anybody: a neighbourhood's public posts are its outbox, and that is all.
Shape: golden file 70.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import contexts, discovery, documents, followers, outbox_followers
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.core import accounts, neighbourhoods, timelines
from fedhood.core.access import NOBODY
from fedhood.kernel import ids
from fedhood.kernel.errors import NotFound
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    import peewee

    from fedhood.adapters.activitypub.federation import Federation
    from fedhood.core.neighbourhoods import Neighbourhood

PAGE = 20
# what has an order is an OrderedCollection; nobody is listed, so an order tells nothing
_OF_GROUP = {
    "followers": "OrderedCollection",
    "following": "OrderedCollection",
    "featured": "OrderedCollection",
    "members": "Collection",
    "moderators": "OrderedCollection",
}
_OF_OTHERS = frozenset({"outbox", "followers", "following"})


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [
        web.get("/ap/groups/{key}/outbox", outbox),
        web.get("/ap/groups/{key}/outbox/page/{before}", page),
        web.get("/ap/groups/{key}/{collection}", of_group),
        web.get("/ap/people/{key}/{collection}", of_person),
        web.get("/ap/instance/{collection}", of_server),
        web.get("/ap/metrics/{collection}", of_server),
        web.get("/ap/city/{collection}", of_server),
    ]


async def of_group(request: web.Request) -> web.Response:
    """A collection of a neighbourhood of ours, which is there and lists nobody. Raises NotFound."""
    federation = request.app[FEDERATION]
    name = request.match_info["collection"]
    place = await _place(federation, request)
    if name not in _OF_GROUP:
        raise NotFound
    uri = f"{federation.addresses.group(place.key)}/{name}"
    made: dict[str, Any] = {"@context": contexts.ACTIVITYSTREAMS, "id": uri, "type": _OF_GROUP[name]}
    if name == "featured":  # it is looked into by readers, who want a list
        made["orderedItems"] = []
    return documents.for_all(request, made)


async def of_person(request: web.Request) -> web.Response:
    """A collection of a resident who has acted beyond this server: there, and empty. Raises NotFound."""
    federation = request.app[FEDERATION]
    key = request.match_info["key"]
    await federation.database.read(_known, key)
    return _bare(request, federation.addresses.person(key))


async def of_server(request: web.Request) -> web.Response:
    """A collection of the server's own actors: there, and empty. Raises NotFound."""
    federation = request.app[FEDERATION]
    kind = request.path.split("/")[2]
    is_city = federation.settings.profile is Profile.CITY
    if {"metrics": is_city, "city": not is_city}.get(kind, False):
        raise NotFound
    return _bare(request, f"{federation.addresses.base}/ap/{kind}")


def _bare(request: web.Request, actor: str) -> web.Response:
    name = request.match_info["collection"]
    if name not in _OF_OTHERS:
        raise NotFound
    made = {"@context": contexts.ACTIVITYSTREAMS, "id": f"{actor}/{name}", "type": "OrderedCollection"}
    return documents.for_all(request, made)


async def outbox(request: web.Request) -> web.Response:
    """Where a neighbourhood's public posts begin. Raises NotFound."""
    federation = request.app[FEDERATION]
    place = await _place(federation, request)
    uri = f"{federation.addresses.group(place.key)}/outbox"
    made = {
        "@context": contexts.ACTIVITYSTREAMS,
        "id": uri,
        "type": "OrderedCollection",
        "first": f"{uri}/page/first",
    }
    return documents.for_all(request, made)


async def page(request: web.Request) -> web.Response:
    """Twenty of a neighbourhood's public posts, the newest first, as it announces them. Raises NotFound."""
    federation = request.app[FEDERATION]
    place = await _place(federation, request)
    named = request.match_info["before"]
    before = None if named == "first" else ids.parse(named)
    made = await federation.database.read(_page, federation, place, named, before)
    return documents.for_all(request, made)


def _page(
    db: peewee.Database, federation: Federation, place: Neighbourhood, named: str, before: int | None
) -> dict[str, Any]:
    said = timelines.public(db, neighbourhood=place.id, viewer=NOBODY, before=before, limit=PAGE + 1)
    uri = f"{federation.addresses.group(place.key)}/outbox"
    made: dict[str, Any] = {
        "@context": contexts.PLAIN,
        "id": f"{uri}/page/{named}",
        "type": "OrderedCollectionPage",
        "partOf": uri,
        "orderedItems": [
            followers.announcement(db, federation.addresses, entry.post, 1)
            for entry in said[:PAGE]
            if outbox_followers.is_for_followers(entry.post)
        ],
    }
    if len(said) > PAGE:
        made["next"] = f"{uri}/page/{said[PAGE - 1].post.id}"
    return made


async def _place(federation: Federation, request: web.Request) -> Neighbourhood:
    place = await federation.database.read(neighbourhoods.by_key, request.match_info["key"])
    if place is None:
        raise NotFound
    return place


def _known(db: peewee.Database, key: str) -> None:
    discovery.known_person(db, accounts.by_key(db, key))
