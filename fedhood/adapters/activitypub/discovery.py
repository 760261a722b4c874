"""The room where others find out who is here: WebFinger (RFC 7033, FEP-d556) and NodeInfo (FEP-2677)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fedhood.adapters.activitypub import actors
from fedhood.adapters.activitypub.actors import ActorKind, ActorRef
from fedhood.adapters.activitypub.asking import ACTIVITY_JSON
from fedhood.adapters.activitypub.federation import FEDERATION
from fedhood.adapters.activitypub.remote import NODEINFO_ACTOR
from fedhood.adapters.http import strict_json
from fedhood.core import accounts, neighbourhoods
from fedhood.core.accounts import AccountState
from fedhood.kernel import urls
from fedhood.kernel.errors import Invalid, NotFound
from fedhood.kernel.settings import Profile

if TYPE_CHECKING:
    import peewee

    from fedhood.kernel.urls import Addresses

NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/2.1"

_JRD = "application/jrd+json"
_PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
_SERVICE = "https://www.w3.org/ns/activitystreams#Service"
_LONGEST_RESOURCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An actor of ours that may be told of: its handle, and the path of its page where it has one."""

    handle: str
    uri: str
    page: str | None
    ref: ActorRef


def routes() -> list[web.RouteDef]:
    """What is mounted when the server has a public name."""
    return [
        web.get("/.well-known/webfinger", webfinger),
        web.get("/.well-known/nodeinfo", nodeinfo_links),
        web.get("/nodeinfo/2.1", nodeinfo),
    ]


async def webfinger(request: web.Request) -> web.Response:
    """Who an `acct:` handle, an actor's id, a profile page or the server itself is. Raises NotFound, Invalid."""
    federation = request.app[FEDERATION]
    asked = request.query.getall("resource", [])
    if len(asked) != 1 or len(asked[0]) > _LONGEST_RESOURCE:
        raise Invalid("one resource has to be named", code="webfinger-resource", field="resource")
    answer = await federation.database.read(
        descriptor, federation.addresses, asked[0], profile=federation.settings.profile
    )
    return _json(answer, _JRD)


async def nodeinfo_links(request: web.Request) -> web.Response:
    """Where NodeInfo is, and the instance actor (FEP-2677)."""
    addresses = request.app[FEDERATION].addresses
    links = [
        {"rel": NODEINFO_SCHEMA, "href": f"{addresses.base}/nodeinfo/2.1"},
        {"rel": NODEINFO_ACTOR, "href": addresses.instance},
    ]
    return _json({"links": links}, "application/json")


async def nodeinfo(request: web.Request) -> web.Response:
    """What software this is. How many live here is nobody's business: `usage.users` is empty."""
    federation = request.app[FEDERATION]
    name = await federation.database.read(actors.server_name, federation.addresses)
    answer = {
        "version": "2.1",
        "software": {"name": "fedhood", "version": _version()},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {"users": {}},
        "metadata": {"nodeName": name, "federation": {"mode": "allowlist"}},
    }
    return _json(answer, f'application/json; profile="{NODEINFO_SCHEMA}#"')


def descriptor(db: peewee.Database, addresses: Addresses, resource: str, *, profile: Profile) -> dict[str, Any]:
    """The WebFinger answer (JRD) for a resource.

    Raises NotFound for anything that is not here, and for a resident who has never acted beyond this server: nobody
    can list who lives here.
    """
    if resource in {addresses.base, f"{addresses.base}/"}:
        return {
            "subject": addresses.instance,
            "links": [_link(_SERVICE, addresses.instance), _link("self", addresses.instance)],
        }
    found = find(db, addresses, _handle(db, addresses, resource), profile=profile)
    answer: dict[str, Any] = {
        "subject": f"acct:{found.handle}@{addresses.host}",
        "aliases": [found.uri],
        "links": [_link("self", found.uri)],
    }
    if found.page is not None:
        page = addresses.base + found.page
        answer["links"].append({"rel": _PROFILE_PAGE, "type": "text/html", "href": page})
        if found.ref.kind is ActorKind.GROUP:
            answer["aliases"].append(page)
    return answer


def find(db: peewee.Database, addresses: Addresses, handle: str, *, profile: Profile) -> Found:
    """The actor of ours with this handle, in any case. Raises NotFound."""
    handle = handle.lower()
    if handle == addresses.host:
        return Found(handle=handle, uri=addresses.instance, page=None, ref=actors.INSTANCE)
    own = _of_profile(addresses, profile)
    if handle == own.handle:
        return own
    if handle == urls.HUB_KEY and profile is Profile.CITY:
        return Found(handle=handle, uri=addresses.hub, page=None, ref=actors.HUB)
    place = neighbourhoods.by_key(db, handle)
    if place is not None:
        page = urls.person(place.key)
        return Found(handle=place.key, uri=addresses.group(place.key), page=page, ref=actors.group(place.id))
    return _resident(db, addresses, accounts.by_handle(db, handle))


def known_person(db: peewee.Database, account: accounts.Account | None) -> accounts.Account:
    """This account, if it is a resident's that has acted beyond this server. Raises NotFound."""
    if account is None or account.peer is not None or account.state is AccountState.ERASED:
        raise NotFound
    if not actors.has_keys(db, actors.person(account.id)):
        raise NotFound
    return account


def _of_profile(addresses: Addresses, profile: Profile) -> Found:
    """The actor that exchanges figures: it hands them in on a neighbourhood's server, receives them on a city's."""
    if profile is Profile.CITY:
        return Found(handle=actors.CITY_HANDLE, uri=addresses.city, page=urls.person("city"), ref=actors.CITY)
    return Found(handle=actors.METRICS_HANDLE, uri=addresses.metrics, page="/metrics/v1/", ref=actors.METRICS)


def _resident(db: peewee.Database, addresses: Addresses, account: accounts.Account | None) -> Found:
    known = known_person(db, account)
    handle = known.handle or known.key
    uri = addresses.person(known.key)
    return Found(handle=handle, uri=uri, page=urls.person(handle), ref=actors.person(known.id))


def _handle(db: peewee.Database, addresses: Addresses, resource: str) -> str:
    """The handle that a resource means. Raises NotFound."""
    if resource.startswith("acct:"):
        handle, _, host = resource.removeprefix("acct:").rpartition("@")
        if host.lower() != addresses.host:
            raise NotFound
        return handle
    path = resource.removeprefix(addresses.base)
    if path == resource:
        raise NotFound
    fixed = {addresses.instance: addresses.host, addresses.metrics: actors.METRICS_HANDLE, addresses.city: "city"}
    if resource in fixed:
        return fixed[resource]
    return _handle_of_path(db, path)


def _handle_of_path(db: peewee.Database, path: str) -> str:
    """The handle of a group's or a person's id, or of a profile page."""
    for prefix in ("/ap/groups/", "/@"):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    account = accounts.by_key(db, path.removeprefix("/ap/people/"))
    if account is None or account.handle is None or not path.startswith("/ap/people/"):
        raise NotFound
    return account.handle


@cache
def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - 300 KB that a server at rest does not need

    return metadata.version("fedhood")


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "type": ACTIVITY_JSON, "href": href}


def _json(value: dict[str, Any], content_type: str) -> web.Response:
    return web.Response(
        body=strict_json.dumps(value),
        headers={
            "Content-Type": content_type,
            "Access-Control-Allow-Origin": "*",  # RFC 7033, 5
            "Cache-Control": "max-age=3600",
        },
    )
