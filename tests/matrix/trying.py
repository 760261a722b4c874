"""What may not be done is tried by each who may not: it is refused, tells nothing, and changes no row."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from fedhood.kernel import urls
from tests.matrix import deeds, expected, knock, routes
from tests.matrix.walk import compare

if TYPE_CHECKING:
    from tests.matrix.knock import Answer, Viewer
    from tests.matrix.scene import Site
    from tests.matrix.tally import Tally

# counted for who tries too often: no row that anything is told by
NOT_LOOKED_AT = frozenset({"attempt"})


class Ledger:
    """Whether any row of a server's database changed."""

    def __init__(self, site: Site) -> None:
        self._rows = sqlite3.connect(site.place.server.settings.data_dir / "fedhood.db", isolation_level=None)
        self._tables = [
            name
            for (name,) in self._rows.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if name not in NOT_LOOKED_AT
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
        statuses: frozenset[int] = deeds.REFUSALS,
        body: bytes | None = None,
    ) -> Answer:
        accept = knock.ACTIVITY if fields is None else knock.PAGE
        answer = await self.site.door.ask(viewer, "POST", path, accept=accept, fields=fields, body=body)
        self.tally.look(viewer, "POST", path, answer)
        self.tally.check(
            "deeds tried by who may not",
            f"DONE POST {path} answers {answer.status}",
            viewer.name,
            good=answer.status in statuses,
        )
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


async def everything(site: Site, tally: Tally) -> None:
    """Every form, by every viewer who may not send it."""
    ledger = Ledger(site)
    trier = Trier(site, tally, ledger)
    never = site.place.server.new_id()
    viewers = [one for one in site.viewers if one.name not in expected.LATER]
    for viewer in viewers:
        await _with_inboxes(trier, viewer)
        if viewer.name in expected.TO_THE_WIRE_ALONE:
            continue
        await _with_posts(trier, viewer, never)
        await _with_offers(trier, viewer, never)
        await _with_forms(trier, viewer)
        await _with_links(trier, viewer)
        await _with_reports(trier, viewer)
        await _with_people(trier, viewer)
    ledger.close()


async def _with_posts(trier: Trier, viewer: Viewer, never: int) -> None:
    for pattern, deed in deeds.DEEDS.items():
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
    for pattern in sorted(deeds.ANSWERS):
        for offer, line in trier.site.offers.items():
            for other in lines:
                if other == line and deeds.as_author(line, trier.tally.whose(viewer, pattern)):
                    continue
                path = pattern.format(id=trier.site.ids[other], offer=offer)
                answer = await trier.send(viewer, path, {})
                await trier.same_as_missing(viewer, path, answer, pattern.format(id=never, offer=never), {})


async def _with_forms(trier: Trier, viewer: Viewer) -> None:
    for pattern, form in deeds.FORMS.items():
        if trier.tally.whose(viewer, pattern) in form.may:
            continue
        for path in form.paths(trier.site) if form.paths is not None else [pattern]:
            await trier.send(viewer, path, form.fields, statuses=form.statuses)


async def _with_links(trier: Trier, viewer: Viewer) -> None:
    whose = trier.tally.whose(viewer, deeds.LINKS)
    for role, one in trier.site.people.items():
        if role in expected.LOOKS_AFTER.get(whose, ()):
            continue
        for pattern in deeds.WITH_RESIDENTS:
            path, missing = pattern.format(account=one.account), pattern.format(account=routes.NEVER)
            await trier.same_as_missing(viewer, path, await trier.send(viewer, path, {}), missing, {})


async def _with_reports(trier: Trier, viewer: Viewer) -> None:
    whose = trier.tally.whose(viewer, "/host/reports")
    if whose in expected.REPORTS_IN[trier.site.name]:
        return
    for pattern, fields in deeds.REPORTS.items():
        missing = pattern.format(report=routes.NEVER)
        for number in trier.site.reports:
            path = pattern.format(report=number)
            await trier.same_as_missing(viewer, path, await trier.send(viewer, path, fields), missing, fields)


async def _with_people(trier: Trier, viewer: Viewer) -> None:
    if trier.tally.whose(viewer, "/people/") in expected.RESIDENTS:
        return
    for key in (await trier.site.place.database.read(keys, trier.site)).values():
        for pattern in sorted(deeds.PEOPLE):
            path, missing = pattern.format(key=key), pattern.format(key=routes.UNKNOWN_KEY)
            await trier.same_as_missing(viewer, path, await trier.send(viewer, path, {}), missing, {})


async def _with_inboxes(trier: Trier, viewer: Viewer) -> None:
    """A word of nobody who may speak here, to each inbox; who is no actor yet has none."""
    if viewer.name in expected.AGREED:
        return  # they may
    # a visitor is heard about what is for everyone; of anything else nothing comes, whoever says it
    origin = urls.origin(viewer.key.uri) if viewer.key is not None else "http://nowhere.localhost:9"
    said = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{origin}/ap/activities/x",
        "type": "Offer",
        "actor": f"{origin}/ap/instance",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "object": {"id": f"{origin}/ap/notes/1", "type": "Note", "content": "x"},
    }
    scoped = json.dumps({**said, "fhScope": "neighbours"}).encode()
    people = await trier.site.place.database.read(keys, trier.site)
    for path in ("/ap/inbox", "/ap/instance/inbox", "/ap/metrics/inbox", "/ap/city/inbox", "/ap/groups/elm/inbox"):
        await trier.send(viewer, path, None, body=json.dumps(said).encode())
    await trier.send(viewer, "/ap/instance/peer-inbox", None, body=scoped)
    missing = await trier.send(viewer, f"/ap/people/{routes.UNKNOWN_KEY}/inbox", None, body=scoped)
    for role, key in people.items():
        path = f"/ap/people/{key}/inbox"
        answer = await trier.send(viewer, path, None, body=json.dumps(said).encode())
        if role not in expected.BEYOND:
            compare(trier.tally, viewer, "POST", (path, answer), (f"/ap/people/{routes.UNKNOWN_KEY}/inbox", missing))


def keys(db: Any, site: Site) -> dict[str, str]:
    rows = dict(db.execute_sql("SELECT id, key FROM account").fetchall())
    return {role: rows[one.account] for role, one in site.people.items()}


# -- doing ------------------------------------------------------------------------------------------------------------
