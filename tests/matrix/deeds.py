"""Every form of the pages and every letterbox of the wire, and who may use it; written by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.matrix import expected, routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.scene import Site

REFUSALS = frozenset({401, 403, 404})


# -- what may be done with a post or a request, and by whom -----------------------------------------------------------


@dataclass(frozen=True)
class Deed:
    """A form that names a thing. `may`: who may send it (thing, viewer); `knows`: for whom it may differ from none."""

    fields: dict[str, str]
    may: Callable[[str, str], bool]
    knows: Callable[[str, str], bool] = expected.knows


def as_author(thing: str, viewer: str) -> bool:
    return viewer == expected.author(thing) and expected.knows(thing, viewer)


def _as_party(thing: str, viewer: str) -> bool:
    return viewer in expected.PARTIES.get(thing, ())


def _as_helper(thing: str, viewer: str) -> bool:
    return viewer in expected.OFFERED.get(thing, ())


def _as_neighbour(thing: str, viewer: str) -> bool:
    if thing in expected.CITYS:  # each in their own neighbourhood
        return _as_resident(thing, viewer)
    if thing in expected.CITYWIDE:
        return _as_resident(thing, viewer)
    return expected.knows(thing, viewer) and viewer in expected.NEIGHBOURS


def _as_resident(thing: str, viewer: str) -> bool:
    return expected.knows(thing, viewer) and viewer in expected.RESIDENTS


def _to_a_neighbour(thing: str, viewer: str) -> bool:
    """Nobody thanks the city: it would not hear of it, nor would who spoke to all of it from another server."""
    if thing in expected.CITYWIDE and (viewer == "ash") is not (thing == "city-wide answer"):
        return False
    return thing not in expected.CITYS and _as_resident(thing, viewer)


def _as_the_city(thing: str, viewer: str) -> bool:
    return thing in expected.CITYS and viewer in expected.SPEAKERS


def _as_author_or_moderator(thing: str, viewer: str) -> bool:
    theirs = thing.startswith("oak's")
    if thing in expected.CITYS | expected.VISITORS:  # here it can be hidden; who wrote it alone takes it back
        return False
    if viewer in expected.KEEPERS:  # who keeps the whole server takes away what is its own; a mirror can only be hidden
        return expected.knows(thing, viewer) and viewer.startswith("oak") == theirs
    return as_author(thing, viewer) or (
        expected.knows(thing, viewer) and viewer in expected.REPORTS_IN["oak" if theirs else "elm"]
    )


def _as_one_who_looks_after(thing: str, viewer: str) -> bool:
    """Of the place where it was written, or of one that it was told; or of all places of the server."""
    if thing in expected.CITYS | expected.CITYWIDE and viewer in expected.KEEPERS:
        return True
    return expected.knows(thing, viewer) and viewer in expected.REPORTS_IN["elm"] | expected.REPORTS_IN["oak"]


def _knows_or_looks_after(thing: str, viewer: str) -> bool:
    return expected.knows(thing, viewer) or _as_one_who_looks_after(thing, viewer)


def _of_request(thing: str, viewer: str) -> bool:
    return thing in expected.HELP and expected.knows(thing, viewer)


def _other_than_author(thing: str, viewer: str) -> bool:
    return _of_request(thing, viewer) and viewer in expected.NEIGHBOURS and viewer != expected.author(thing)


DEEDS = {
    "/p/{id}/answer": Deed({"text": "x"}, _as_neighbour),
    "/p/{id}/thanks": Deed({}, _to_a_neighbour),
    "/host/posts/{id}/show": Deed({}, _as_one_who_looks_after, _knows_or_looks_after),
    "/p/{id}/edit": Deed({"text": "x"}, as_author),
    "/p/{id}/delete": Deed({}, _as_author_or_moderator),
    "/p/{id}/report": Deed({"reason": "other", "text": "x"}, _as_resident),
    "/help/{id}/report": Deed({"reason": "other", "text": "x"}, _as_resident),
    "/help/{id}/answer": Deed(
        {"text": "x"}, lambda thing, viewer: _of_request(thing, viewer) and _as_neighbour(thing, viewer), _of_request
    ),
    "/help/{id}/talk/report": Deed({"reason": "other", "text": "x"}, _as_party, _as_party),
    "/help/{id}/offer": Deed({"text": "x"}, _other_than_author, _of_request),
    "/help/{id}/take-back": Deed({}, _as_helper, _of_request),
    "/help/{id}/note": Deed({"note": "x"}, as_author, _of_request),
    "/help/{id}/withdraw": Deed({}, as_author, _of_request),
    "/help/{id}/release": Deed({}, as_author, _of_request),
    "/help/{id}/resolve": Deed({"outcome": "otherwise"}, as_author, _of_request),
    "/help/{id}/talk": Deed({"text": "x"}, _as_party, _as_party),
    "/help/{id}/leave": Deed({}, _as_party, _as_party),
    "/city/messages/{id}/edit": Deed({"title-nl": "x", "text-nl": "x"}, _as_the_city, _as_the_city),
    "/city/messages/{id}/withdraw": Deed({}, _as_the_city, _as_the_city),
    "/help/{id}/met": Deed({"answer": "yes"}, _as_party, _as_party),
}
# of an offer only the asker knows
ANSWERS = frozenset({"/help/{id}/offers/{offer}/choose", "/help/{id}/offers/{offer}/decline"})


# -- what names no post -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A form that names no post. `may`: who is not refused. `paths`: what its pattern is filled with."""

    may: frozenset[str]
    fields: dict[str, str] = field(default_factory=dict)
    paths: Callable[[Site], list[str]] | None = None
    statuses: frozenset[int] = REFUSALS


def _clerk(site: Site) -> int:
    """The clerk of a server; one that never was, where there is none."""
    return next((one.account for role, one in site.people.items() if role in expected.CLERKS), routes.NEVER)


_ANY = expected.SIGNED_IN
_LIVES_HERE = expected.RESIDENTS
_LOOK_AFTER = expected.MODERATORS | expected.KEEPERS
# with other servers agrees who keeps the whole of this one: it hosts more than one neighbourhood
_AGREE = expected.KEEPERS | expected.CLERKS
_NOBODY: frozenset[str] = frozenset()
_NO_TOKEN = "no-such-token-0123456789"
FORMS = {
    "/sign-in": Form(_NOBODY, {"name": "nel-stoep", "passphrase": "not this one"}, None, frozenset({422, 429})),
    "/link/{token}": Form(_NOBODY, {}, lambda _: [f"/link/{_NO_TOKEN}"], frozenset({404})),
    "/join": Form(_NOBODY, {"code": "00000-00000", "name": "x", "passphrase": "x" * 20}, None, frozenset({422, 429})),
    "/setup/{token}": Form(_NOBODY, {"place": "x", "name": "x"}, lambda _: [f"/setup/{_NO_TOKEN}"], frozenset({404})),
    "/sign-out": Form(_ANY),
    "/again": Form(_ANY, {"passphrase": "x"}),
    "/compose": Form(_LIVES_HERE, {"text": "x", "who": "neighbourhood"}),
    "/help/new": Form(_LIVES_HERE, {"line": "x", "until": "2030-01-01T10:00"}),
    "/notifications": Form(_ANY, {"up_to": str(routes.NEVER)}),
    "/account/language": Form(_ANY, {"language": "nl"}),
    "/account/passphrase": Form(_ANY, {"passphrase": "four words of nobody"}),
    "/account/sessions": Form(_ANY),
    "/account/code": Form(_LIVES_HERE),
    "/account/leave": Form(_LIVES_HERE, {"passphrase": "x"}),
    "/host/neighbours": Form(_AGREE, {"host": "x.localhost:9"}),
    "/city/messages/new": Form(expected.SPEAKERS, {"all": "yes", "title-nl": "x", "text-nl": "x"}),
    "/city/set-up": Form(expected.CLERKS, {"name": "x", "areas": ""}),
    "/city/clerks": Form(expected.CLERKS, {"name": "x", "language": "nl"}),
    "/city/clerks/{account}/link": Form(expected.CLERKS, {}, lambda site: [f"/city/clerks/{_clerk(site)}/link"]),
    "/city/clerks/{account}/dismiss": Form(expected.CLERKS, {}, lambda site: [f"/city/clerks/{_clerk(site)}/dismiss"]),
    "/host/neighbours/here": Form(
        (_LOOK_AFTER | _AGREE) - {"birch moderator"}, {"writer": "1", "reader": "2", "on": "yes"}
    ),
    "/host/neighbours/list/put": Form(_AGREE),
    "/host/neighbours/list/take": Form(_AGREE, {"host": "x.example"}),
    "/host/neighbours/list/follow": Form(_AGREE, {"peer": "1", "on": "yes"}),
    "/host/neighbours/list/read": Form(_AGREE, {"peer": "1"}),
    "/host/neighbours/list/answer": Form(
        _AGREE, {"city": "1", "host": "x.example", "change": "joined", "letters": "x", "answer": "yes"}
    ),
    "/host/neighbours/{peer}/match": Form(_AGREE, {"pair-1-0": "on"}, lambda _: ["/host/neighbours/1/match"]),
    "/host/neighbours/{peer}/differ": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/differ"]),
    "/host/neighbours/{peer}/readers": Form(
        (_LOOK_AFTER | _AGREE) - {"birch moderator"}, {"writer": "1"}, lambda _: ["/host/neighbours/1/readers"]
    ),
    "/host/neighbours/{peer}/citywide": Form(
        (_LOOK_AFTER | _AGREE) - {"birch moderator"},
        {"place": "1", "on": "no"},
        lambda _: ["/host/neighbours/1/citywide"],
    ),
    "/host/neighbours/{peer}/less": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/less"]),
    "/host/neighbours/{peer}/again": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/again"]),
    "/host/neighbours/{peer}/renew": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/renew"]),
    "/host/neighbours/{peer}/key": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/key"]),
    "/host/neighbours/{peer}/look": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/look"]),
    "/host/neighbours/{peer}/test": Form(_LOOK_AFTER | _AGREE, {}, lambda _: ["/host/neighbours/1/test"]),
    "/host/neighbours/{peer}/path": Form(
        _LOOK_AFTER | _AGREE, {"letter": routes.UNKNOWN_KEY}, lambda _: ["/host/neighbours/1/path"]
    ),
    "/host/neighbours/{peer}/arrivals": Form(
        _LOOK_AFTER | _AGREE, {"arrival": "1"}, lambda _: ["/host/neighbours/1/arrivals"]
    ),
    "/host/neighbours/{peer}/block": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/block"]),
    "/host/neighbours/{peer}/unblock": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/unblock"]),
    "/host/neighbours/{peer}/retry": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/retry"]),
    "/host/neighbours/{peer}/pause": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/pause"]),
    "/host/neighbours/{peer}/resume": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/resume"]),
    "/host/neighbours/{peer}/forget": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/forget"]),
    "/host/neighbours/{peer}/sent/{place}/again": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/sent/1-1/again"]),
    "/host/neighbours/{peer}/sent/{place}/forget": Form(_AGREE, {}, lambda _: ["/host/neighbours/1/sent/1-1/forget"]),
    "/host/codes": Form(_LOOK_AFTER, {"place": "1", "count": "1"}),
    "/host/people/homes": Form(_LOOK_AFTER, {"place": "1", "one": "1", "other": "2"}),
    "/host/people/homes/merge": Form(_LOOK_AFTER, {"one": "1", "other": "2"}),
    "/host/rules": Form(_LOOK_AFTER - {"birch moderator"}, {"place": "1", "rules": "x"}),
    "/host/visitors": Form(_LOOK_AFTER - {"birch moderator"}, {"place": "1", "on": "no"}),
    "/host/codes/{sheet}/cancel": Form(
        _LOOK_AFTER - {"birch moderator"}, {}, lambda site: [f"/host/codes/{site.sheet or routes.NEVER}/cancel"]
    ),
}
# what is done about a complaint, by who must read it
REPORTS = {
    "/host/reports/{report}/hide": {},
    "/host/reports/{report}/show": {},
    "/host/reports/{report}/answer": {"outcome": "rejected", "answer": "x"},
}
# a neighbour that one will not meet
PEOPLE = frozenset({"/people/{key}/block", "/people/{key}/unblock"})
# one-time links are made for those whom one looks after, and who looks after the place is one of them
LINKS = "/host/people/{account}/link"
ENTRUST = "/host/people/{account}/entrust"
RELIEVE = "/host/people/{account}/relieve"
WITH_RESIDENTS = (LINKS, ENTRUST, RELIEVE)
INBOXES = frozenset(
    {
        "/ap/inbox",
        "/ap/instance/inbox",
        "/ap/instance/peer-inbox",
        "/ap/groups/{key}/inbox",
        "/ap/people/{key}/inbox",
        "/ap/metrics/inbox",
        "/ap/city/inbox",
    }
)
KNOWN = {*DEEDS, *ANSWERS, *FORMS, *REPORTS, *PEOPLE, *WITH_RESIDENTS, *INBOXES}
