"""What left, what arrived, what was written down about it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from fedhood.adapters.activitypub.tables import ActivityTable
from tests.matrix.expected import CITYS, LET_OUT, LET_OUT_BY, PASSED_ON, THINGS

if TYPE_CHECKING:
    from typing import Any

    from tests.matrix.scene import Scene, Site
    from tests.matrix.tally import Tally


async def check(scene: Scene, tally: Tally, log: str) -> None:
    """Nothing that stays has left; nothing at all is in the log."""
    signed = [body for site in (scene.elm, scene.oak) for body in await site.place.database.read(_signed)]
    kept = {"what Elm's and Oak's servers sent": b"\n".join(scene.sent), "what they signed": b"\n".join(signed)}
    kept["what Oak's server keeps"] = _all_rows(scene.oak)
    staying = {thing: one.canary.encode() for thing, one in THINGS.items() if not one.travels}
    staying |= {name: code.encode() for name, code in scene.secrets.items()}
    for where, hay in kept.items():
        for thing, needle in staying.items():
            tally.check(
                "things looked for on the way", f"LEFT “{thing}” is in {where}", good=needle.lower() not in hay.lower()
            )
    _check_follower(scene, tally)
    # the city is told nothing of what neighbours say, and keeps nothing of it
    citys = _all_rows(scene.city).lower()
    for thing, one in THINGS.items():
        mine = thing in CITYS | LET_OUT | PASSED_ON
        if not mine or one.seen:
            verdict = f"UNPROVED “{thing}” is not" if mine else f"LEFT “{thing}” is"
            tally.check(
                "things looked for at the city",
                f"{verdict} in what the city's server keeps",
                good=(one.canary.encode().lower() in citys) is mine,
            )
    # of what it passes on it has the bytes that came and those that go, and no word of it anywhere else
    apart = _all_rows(scene.city, but=("activity", "inbound")).lower()
    for thing in sorted(PASSED_ON):
        tally.check(
            "things looked for at the city",
            f"READ “{thing}” is kept by the city's server outside of what it passes on",
            good=THINGS[thing].canary.encode().lower() not in apart,
        )
    for site in (scene.elm, scene.oak):
        for role, person in site.people.items():
            tally.check(
                "things looked for at the city",
                f"LEFT the name of “{role}” is in what the city's server keeps",
                good=role in LET_OUT_BY or person.viewer.name.encode().lower() not in citys,
            )
    early = b"\n".join(scene.sent[: scene.sent_before_acceptance]).lower()
    away = THINGS["away note"].canary.encode()
    tally.check(
        "things looked for on the way", "LEFT “away note” was sent before anybody was chosen", good=away not in early
    )
    # the other way round: were the needles not found where they must be, nothing above would mean anything
    for thing, hay in (("next-door post", early), ("away note", kept["what Oak's server keeps"].lower())):
        tally.check(
            "things looked for on the way",
            f"UNPROVED “{thing}” did not travel",
            good=THINGS[thing].canary.encode() in hay,
        )
    _check_log(tally, log.lower(), scene)


def _check_follower(scene: Scene, tally: Tally) -> None:
    """Who follows from other software gets what is for everyone, and nothing else of anybody's."""
    assert scene.elsewhere is not None
    heard = json.dumps(scene.elsewhere.received).encode().lower()
    for thing, one in THINGS.items():
        tally.check(
            "things looked for at the follower's",
            f"LEFT “{thing}” is in what the follower was sent",
            good=thing in _FOR_FOLLOWERS or one.canary.encode().lower() not in heard,
        )
    for word in (b'fhscope": "neighbours', b'fhscope": "direct', b'fhscope": "city'):
        tally.check("things looked for at the follower's", f"LEFT {word.decode()}", good=word not in heard)
    for thing in _FOR_FOLLOWERS:
        tally.check(
            "things looked for at the follower's",
            f"UNPROVED “{thing}” did not come",
            good=THINGS[thing].canary.encode().lower() in heard,
        )
    post = scene.elm.place.server.addresses.note(scene.elm.ids["public post"]).encode().lower()
    tally.check("things looked for at the follower's", "UNPROVED no public post came", good=post in heard)


# a post comes by its address alone, an edit with its words
_FOR_FOLLOWERS = frozenset({"edited post"})


def _check_log(tally: Tally, log: str, scene: Scene) -> None:
    words = {thing: one.canary for thing, one in THINGS.items()}
    words |= {name: code.lower() for name, code in scene.secrets.items()}
    words |= {f"cookie of {role}": one.token.lower() for site in scene.sites for role, one in site.people.items()}
    for thing, word in words.items():
        tally.check("things looked for in the log", f"LOGGED “{thing}” is in the log", good=word not in log)


def _signed(db: Any) -> list[bytes]:
    return [bytes(row.body) for row in ActivityTable.select(ActivityTable.body).execute(db)]


def _all_rows(site: Site, *, but: tuple[str, ...] = ()) -> bytes:
    rows = sqlite3.connect(site.place.server.settings.data_dir / "fedhood.db")
    try:
        tables = [name for (name,) in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        cells = [
            cell
            for name in tables
            if name not in but
            for row in rows.execute(f'SELECT * FROM "{name}"')
            for cell in row
        ]
    finally:
        rows.close()
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
