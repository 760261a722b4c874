"""What may not be done is tried by each who may not; afterwards each deed is done once by somebody who may."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.core import peers
from tests.matrix import expected, knock, routes
from tests.matrix.walk import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.matrix.knock import Answer, Viewer
    from tests.matrix.scene import Scene, Site
    from tests.matrix.tally import Tally

_REFUSALS = frozenset({401, 403, 404})
_MAY = "deeds tried by who may not"
# counted for who tries too often: no row that anything is told by
_NOT_LOOKED_AT = frozenset({"attempt"})


# -- what may be done with a post or a request, and by whom -----------------------------------------------------------


@dataclass(frozen=True)
class Deed:
    """A form that names a thing. `may`: who may send it (thing, viewer); `knows`: for whom it may differ from none."""

    fields: dict[str, str]
    may: Callable[[str, str], bool]
    knows: Callable[[str, str], bool] = expected.knows


def _as_author(thing: str, viewer: str) -> bool:
    return viewer == expected.author(thing) and expected.knows(thing, viewer)


def _as_party(thing: str, viewer: str) -> bool:
    return viewer in expected.PARTIES.get(thing, ())


def _as_helper(thing: str, viewer: str) -> bool:
    return viewer in expected.OFFERED.get(thing, ())


def _as_neighbour(thing: str, viewer: str) -> bool:
    return expected.knows(thing, viewer) and viewer in expected.NEIGHBOURS


def _as_author_or_moderator(thing: str, viewer: str) -> bool:
    theirs = thing.startswith("oak's")
    return _as_author(thing, viewer) or (
        expected.knows(thing, viewer) and viewer == ("oak moderator" if theirs else "elm moderator")
    )


def _of_request(thing: str, viewer: str) -> bool:
    return thing in expected.HELP and expected.knows(thing, viewer)


def _other_than_author(thing: str, viewer: str) -> bool:
    return _of_request(thing, viewer) and viewer in expected.NEIGHBOURS and viewer != expected.author(thing)


DEEDS = {
    "/p/{id}/answer": Deed({"text": "x"}, _as_neighbour),
    "/p/{id}/thanks": Deed({}, lambda thing, viewer: expected.knows(thing, viewer) and viewer in expected.SIGNED_IN),
    "/p/{id}/edit": Deed({"text": "x"}, _as_author),
    "/p/{id}/delete": Deed({}, _as_author_or_moderator),
    "/help/{id}/offer": Deed({"text": "x"}, _other_than_author, _of_request),
    "/help/{id}/take-back": Deed({}, _as_helper, _of_request),
    "/help/{id}/note": Deed({"note": "x"}, _as_author, _of_request),
    "/help/{id}/withdraw": Deed({}, _as_author, _of_request),
    "/help/{id}/release": Deed({}, _as_author, _of_request),
    "/help/{id}/resolve": Deed({"outcome": "otherwise"}, _as_author, _of_request),
    "/help/{id}/talk": Deed({"text": "x"}, _as_party, _as_party),
    "/help/{id}/leave": Deed({}, _as_party, _as_party),
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
    statuses: frozenset[int] = _REFUSALS


_ANY = expected.SIGNED_IN
_LOOK_AFTER = expected.MODERATORS
_KEEP = expected.MODERATORS | expected.CLERKS
_NOBODY: frozenset[str] = frozenset()
_NO_TOKEN = "no-such-token-0123456789"
FORMS = {
    "/sign-in": Form(_NOBODY, {"name": "nel-stoep", "passphrase": "not this one"}, None, frozenset({422, 429})),
    "/link/{token}": Form(_NOBODY, {}, lambda _: [f"/link/{_NO_TOKEN}"], frozenset({404})),
    "/join": Form(_NOBODY, {"code": "00000-00000", "name": "x", "passphrase": "x" * 20}, None, frozenset({422, 429})),
    "/setup/{token}": Form(_NOBODY, {"place": "x", "name": "x"}, lambda _: [f"/setup/{_NO_TOKEN}"], frozenset({404})),
    "/sign-out": Form(_ANY),
    "/again": Form(_ANY, {"passphrase": "x"}),
    "/compose": Form(_ANY, {"text": "x", "who": "neighbourhood"}),
    "/help/new": Form(_ANY, {"line": "x", "until": "2030-01-01T10:00"}),
    "/notifications": Form(_ANY, {"up_to": str(routes.NEVER)}),
    "/account/language": Form(_ANY, {"language": "nl"}),
    "/account/passphrase": Form(_ANY, {"passphrase": "four words of nobody"}),
    "/account/sessions": Form(_ANY),
    "/account/code": Form(_ANY),
    "/host/neighbours": Form(_KEEP, {"host": "x.localhost:9"}),
    "/city/set-up": Form(expected.CLERKS, {"name": "x", "areas": ""}),
    "/host/neighbours/here": Form(_KEEP, {"writer": "1", "reader": "2", "on": "yes"}),
    "/host/neighbours/{peer}/match": Form(_KEEP, {}, lambda _: ["/host/neighbours/1/match"]),
    "/host/neighbours/{peer}/differ": Form(_KEEP, {}, lambda _: ["/host/neighbours/1/differ"]),
    "/host/codes": Form(_LOOK_AFTER, {"place": "1", "count": "1"}),
    "/host/codes/{sheet}/cancel": Form(
        _LOOK_AFTER - {"birch moderator"}, {}, lambda site: [f"/host/codes/{site.sheet or routes.NEVER}/cancel"]
    ),
}
# one-time links are made for those whom one looks after
LINKS = "/host/people/{account}/link"
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
KNOWN = {*DEEDS, *ANSWERS, *FORMS, LINKS, *INBOXES}


# -- trying -----------------------------------------------------------------------------------------------------------


class Ledger:
    """Whether any row of a server's database changed."""

    def __init__(self, site: Site) -> None:
        self._rows = sqlite3.connect(site.place.server.settings.data_dir / "fedhood.db", isolation_level=None)
        self._tables = [
            name
            for (name,) in self._rows.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if name not in _NOT_LOOKED_AT
        ]
        self._version, self._kept = self._now()

    def _now(self) -> tuple[int, dict[str, list[Any]]]:
        (version,) = self._rows.execute("PRAGMA data_version").fetchone()
        return version, {name: self._rows.execute(f'SELECT * FROM "{name}"').fetchall() for name in self._tables}

    def changed(self) -> list[str]:
        """The tables that changed since the last time this was asked."""
        (version,) = self._rows.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return []
        before = self._kept
        self._version, self._kept = self._now()
        return [name for name in self._tables if before[name] != self._kept[name]]

    def close(self) -> None:
        self._rows.close()


class Trier:
    """One who may not, at one server."""

    def __init__(self, site: Site, tally: Tally, ledger: Ledger) -> None:
        self.site, self.tally, self.ledger = site, tally, ledger
        self._missing: dict[tuple[str, str], Answer] = {}

    async def send(
        self,
        viewer: Viewer,
        path: str,
        fields: dict[str, str] | None,
        *,
        statuses: frozenset[int] = _REFUSALS,
        body: bytes | None = None,
    ) -> Answer:
        accept = knock.ACTIVITY if fields is None else knock.PAGE
        answer = await self.site.door.ask(viewer, "POST", path, accept=accept, fields=fields, body=body)
        self.tally.look(viewer, "POST", path, answer)
        self.tally.check(_MAY, f"DONE POST {path} answers {answer.status}", viewer.name, good=answer.status in statuses)
        tables = self.ledger.changed()
        self.tally.check(
            "rows that stay as they are",
            f"CHANGED POST {path} wrote {', '.join(tables)}",
            viewer.name,
            good=not tables,
        )
        return answer

    async def same_as_missing(
        self, viewer: Viewer, path: str, answer: Answer, missing: str, fields: dict[str, str]
    ) -> None:
        if (viewer.name, missing) not in self._missing:
            self._missing[viewer.name, missing] = await self.send(viewer, missing, fields)
        compare(self.tally, viewer, "POST", (path, answer), (missing, self._missing[viewer.name, missing]))


async def try_everything(site: Site, tally: Tally) -> None:
    """Every form, by every viewer who may not send it."""
    ledger = Ledger(site)
    trier = Trier(site, tally, ledger)
    never = site.place.server.new_id()
    viewers = [one for one in site.viewers if one.name not in expected.LATER]
    for viewer in viewers:
        await _with_posts(trier, viewer, never)
        await _with_offers(trier, viewer, never)
        await _with_forms(trier, viewer)
        await _with_links(trier, viewer)
        await _with_inboxes(trier, viewer)
    ledger.close()


async def _with_posts(trier: Trier, viewer: Viewer, never: int) -> None:
    for pattern, deed in DEEDS.items():
        for thing, number in trier.site.ids.items():
            whose = trier.tally.whose(viewer, pattern)
            if deed.may(thing, whose):
                continue
            path, missing = pattern.format(id=number), pattern.format(id=never)
            answer = await trier.send(viewer, path, deed.fields)
            if not deed.knows(thing, whose):
                await trier.same_as_missing(viewer, path, answer, missing, deed.fields)


async def _with_offers(trier: Trier, viewer: Viewer, never: int) -> None:
    """Also to an offer under another request than its own."""
    lines = [thing for thing in trier.site.ids if thing in expected.HELP]
    for pattern in sorted(ANSWERS):
        for offer, line in trier.site.offers.items():
            for other in lines:
                if other == line and _as_author(line, trier.tally.whose(viewer, pattern)):
                    continue
                path = pattern.format(id=trier.site.ids[other], offer=offer)
                answer = await trier.send(viewer, path, {})
                await trier.same_as_missing(viewer, path, answer, pattern.format(id=never, offer=never), {})


async def _with_forms(trier: Trier, viewer: Viewer) -> None:
    for pattern, form in FORMS.items():
        if trier.tally.whose(viewer, pattern) in form.may:
            continue
        for path in form.paths(trier.site) if form.paths is not None else [pattern]:
            await trier.send(viewer, path, form.fields, statuses=form.statuses)


async def _with_links(trier: Trier, viewer: Viewer) -> None:
    whose = trier.tally.whose(viewer, LINKS)
    for role, one in trier.site.people.items():
        if role not in expected.LOOKS_AFTER.get(whose, ()):
            path, missing = LINKS.format(account=one.account), LINKS.format(account=routes.NEVER)
            await trier.same_as_missing(viewer, path, await trier.send(viewer, path, {}), missing, {})


async def _with_inboxes(trier: Trier, viewer: Viewer) -> None:
    """A word of nobody who may speak here, to each inbox; who is no actor yet has none."""
    if viewer.name in {"oak's server", "elm's server"}:
        return  # they may
    origin = viewer.key.uri.partition("/ap/")[0] if viewer.key is not None else "http://nowhere.localhost:9"
    said = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{origin}/ap/activities/x",
        "type": "Create",
        "actor": f"{origin}/ap/instance",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "object": {"id": f"{origin}/ap/notes/1", "type": "Note", "content": "x"},
    }
    scoped = json.dumps({**said, "fhScope": "neighbours"}).encode()
    people = await trier.site.place.database.read(_keys, trier.site)
    for path in ("/ap/inbox", "/ap/instance/inbox", "/ap/metrics/inbox", "/ap/city/inbox", "/ap/groups/elm/inbox"):
        await trier.send(viewer, path, None, body=json.dumps(said).encode())
    await trier.send(viewer, "/ap/instance/peer-inbox", None, body=scoped)
    missing = await trier.send(viewer, f"/ap/people/{routes.UNKNOWN_KEY}/inbox", None, body=scoped)
    for role, key in people.items():
        path = f"/ap/people/{key}/inbox"
        answer = await trier.send(viewer, path, None, body=json.dumps(said).encode())
        if role not in expected.BEYOND:
            compare(trier.tally, viewer, "POST", (path, answer), (f"/ap/people/{routes.UNKNOWN_KEY}/inbox", missing))


def _keys(db: Any, site: Site) -> dict[str, str]:
    rows = dict(db.execute_sql("SELECT id, key FROM account").fetchall())
    return {role: rows[one.account] for role, one in site.people.items()}


# -- doing ------------------------------------------------------------------------------------------------------------


# a server that nobody lives on yet has no one who looks; what comes to inboxes the scene itself has sent
NOT_DONE = INBOXES | {"/setup/{token}"}


async def do_everything(scene: Scene, tally: Tally) -> None:
    """Each form once, by somebody who may: a form that nobody could send would prove nothing by being refused."""
    elm, oak = scene.elm, scene.oak
    post, line = elm.ids["next-door post"], elm.ids["open line"]
    here = elm.ids["here line"]
    mine = [offer for offer, thing in elm.offers.items() if thing == "open line"]
    done = Doer(elm, tally)
    await done("neighbour", "/p/{id}/answer", {"text": "x"}, id=post)
    await done("neighbour", "/p/{id}/thanks", id=post)
    await done("author", "/p/{id}/edit", {"text": "x"}, id=post)
    await done("elm moderator", "/p/{id}/delete", id=post)
    await done("neighbour", "/help/{id}/offer", {"text": "x"}, id=line)
    await done("neighbour", "/help/{id}/take-back", id=line)
    await done("author", "/help/{id}/note", {"note": "x"}, id=line)
    await done("author", "/help/{id}/offers/{offer}/decline", id=line, offer=mine[0])
    await done("author", "/help/{id}/offers/{offer}/choose", id=line, offer=mine[1])
    await done("author", "/help/{id}/release", id=line)
    await done("author", "/help/{id}/withdraw", id=line)
    await done("helper", "/help/{id}/talk", {"text": "x"}, id=here)
    await done("author", "/help/{id}/resolve", {"outcome": "with-neighbour"}, id=here)
    await done("helper", "/help/{id}/met", {"answer": "yes"}, id=here)
    await done("helper", "/help/{id}/leave", id=here)
    await Doer(oak, tally)("oak helper", "/help/{id}/talk", {"text": "x"}, id=oak.ids["away line"])
    await _do_forms(scene, done)
    for pattern in sorted(KNOWN - NOT_DONE - done.patterns - {_PART}):
        tally.differ(f"UNDONE POST {pattern}: nobody who may was seen to do it")


async def _do_forms(scene: Scene, done: Doer) -> None:
    elm = scene.elm
    words = "vier woorden van niemand"
    soon = (elm.place.server.clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    await done("birch", "/compose", {"text": "x", "who": "neighbourhood"})
    await done("birch", "/help/new", {"line": "x", "who": "neighbourhood", "until": soon})
    await done("birch", "/notifications", {"up_to": "1"})
    await done("birch", "/account/language", {"language": "en"})
    await done("birch", "/account/sessions")
    await done("birch", "/account/passphrase", {"passphrase": words})
    await done("birch", "/again", {"passphrase": words})
    await done("birch", "/account/code", status=200)
    await done("stranger at elm", "/sign-in", {"name": "bea-kozijn", "passphrase": words})
    code = scene.secrets["code of a home"]
    await done("stranger at elm", "/join", {"code": code, "name": "x", "language": "en", "passphrase": words})
    link = await done("elm moderator", LINKS, status=200, account=elm.people["blocked"].account)
    found = _LINK.search(link.body.decode())
    await done("stranger at elm", "/link/{token}", token=found.group(1) if found is not None else "")
    await done("birch moderator", "/host/neighbours/here", {"writer": "2", "reader": "3", "on": "yes"})
    await done("elm moderator", "/host/codes", {"place": "1", "count": "1"}, status=200)
    await done("elm moderator", "/host/codes/{sheet}/cancel", sheet=elm.sheet)
    await done("elm moderator", "/host/neighbours", {"host": scene.fir.host})
    fir = await elm.place.database.read(peers.by_host, scene.fir.host)
    assert fir is not None
    letters = {"letters": fir.fingerprint or ""}
    await done("elm moderator", "/host/neighbours/{peer}/match", letters, peer=fir.id)
    area = {
        "new-name": "x",
        "new-host": "x.example",
        "new-households": "9",
        "new-source": "x",
        "new-date": "2026-01-01",
    }
    await done("clerk", "/city/set-up", {"name": "x", **area})
    await done("cedar", "/sign-out")


async def part(scene: Scene, tally: Tally) -> None:
    """Elm and Oak are neighbours no longer, by the button that says so."""
    oak = await scene.elm.place.database.read(peers.by_host, scene.oak.place.host)
    assert oak is not None
    await Doer(scene.elm, tally)("elm moderator", _PART, peer=oak.id)


_PART = "/host/neighbours/{peer}/differ"
_LINK = re.compile(r"/link/([A-Za-z0-9_-]{20,})")


class Doer:
    """Those who may, at one server, and the forms they have sent."""

    def __init__(self, site: Site, tally: Tally) -> None:
        self._site, self._tally = site, tally
        self.patterns: set[str] = set()

    async def __call__(
        self, who: str, pattern: str, fields: dict[str, str] | None = None, *, status: int = 303, **names: Any
    ) -> Answer:
        path = pattern.format(**names)
        answer = await self._site.door.ask(self._site.who(who), "POST", path, fields=fields or {})
        self.patterns.add(pattern)
        self._tally.check(
            "deeds done by who may",
            f"REFUSED POST {path} answers {answer.status}",
            who,
            good=answer.status == status,
        )
        return answer
