"""Each form is sent once by somebody who may: one that nobody could send would prove nothing by being refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import outbox
from fedhood.adapters.activitypub.tables import DeliveryTable, InboundTable
from fedhood.core import access, peers
from fedhood.core.access import Permission
from fedhood.core.peers.tables import FollowedListTable, ListedTable
from tests.matrix import deeds
from tests.matrix.trying import keys

if TYPE_CHECKING:
    import peewee

    from fedhood.kernel.database import UnitOfWork
    from tests.matrix.knock import Answer
    from tests.matrix.scene import Scene, Site
    from tests.matrix.tally import Tally

# a server that nobody lives on yet has no one who looks; what comes to inboxes the scene itself has sent
NOT_DONE = deeds.INBOXES | {"/setup/{token}"}


async def everything(scene: Scene, tally: Tally) -> None:
    """Each form once, in an order in which each can follow the one before."""
    elm, oak = scene.elm, scene.oak
    post, line = elm.ids["next-door post"], elm.ids["open line"]
    here = elm.ids["here line"]
    mine = [offer for offer, thing in elm.offers.items() if thing == "open line"]
    done = Doer(elm, tally)
    await done("neighbour", "/p/{id}/answer", {"text": "x"}, id=post)
    await done("neighbour", "/p/{id}/thanks", id=post)
    await done("author", "/p/{id}/edit", {"text": "x"}, id=post)
    await done("elm moderator", "/p/{id}/delete", id=post)
    await done("neighbour", "/p/{id}/report", {"reason": "other", "text": "x"}, id=elm.ids["public post"])
    await done("neighbour", "/help/{id}/report", {"reason": "other", "text": "x"}, id=line)
    await done("neighbour", "/help/{id}/answer", {"text": "x"}, id=line)
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
    await done("author", "/help/{id}/talk/report", {"reason": "other", "text": "x"}, id=here)
    await done("helper", "/help/{id}/leave", id=here)
    await Doer(oak, tally)("oak helper", "/help/{id}/talk", {"text": "x"}, id=oak.ids["away line"])
    await _do_forms(scene, done)
    clerks = Doer(scene.city, tally)
    await _speak(scene, clerks)
    for pattern in sorted(deeds.KNOWN - NOT_DONE - done.patterns - clerks.patterns - {_PART}):
        tally.differ(f"UNDONE POST {pattern}: nobody who may was seen to do it")


async def _do_forms(scene: Scene, done: Doer) -> None:
    elm = scene.elm
    words = "vier woorden van niemand"
    soon = _soon(scene)
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
    link = await done("elm moderator", deeds.LINKS, status=200, account=elm.people["blocked"].account)
    found = _LINK.search(link.body.decode())
    await done("stranger at elm", "/link/{token}", token=found.group(1) if found is not None else "")
    helper, neighbour = elm.people["helper"].account, elm.people["neighbour"].account
    await done("elm moderator", deeds.ENTRUST, account=helper)
    await done("elm moderator", deeds.RELIEVE, account=helper)
    together = {"place": "1", "one": str(helper), "other": str(neighbour)}
    await done("elm moderator", "/host/people/homes", together)
    await done("elm moderator", "/host/people/homes/merge", together)
    await done("elm moderator", "/host/rules", {"place": "1", "rules": "x"})
    await done("elm moderator", "/host/visitors", {"place": "1", "on": "no"})
    await done("elm moderator", "/host/visitors", {"place": "1", "on": "yes"})
    about = elm.reports[0]  # a post of Oak's, hidden for those who read it here
    await done("elm moderator", "/host/reports/{report}/hide", report=about)
    await done("elm moderator", "/host/reports/{report}/show", report=about)
    await done(
        "elm moderator", "/host/reports/{report}/answer", deeds.REPORTS["/host/reports/{report}/answer"], report=about
    )
    await done("elm moderator", "/host/posts/{id}/show", id=elm.ids["hidden post"])
    key = (await elm.place.database.read(keys, elm))["silke"]
    await done("neighbour", "/people/{key}/block", key=key)
    await done("neighbour", "/people/{key}/unblock", key=key)
    await done("birch moderator", "/host/neighbours/here", {"writer": "2", "reader": "3", "on": "yes"})
    await done("elm moderator", "/host/codes", {"place": "1", "count": "1"}, status=200)
    await done("elm moderator", "/host/codes/{sheet}/cancel", sheet=elm.sheet)
    await done("elm keeper", "/host/neighbours", {"host": scene.fir.host})
    fir = await elm.place.database.read(peers.by_host, scene.fir.host)
    assert fir is not None
    letters = {"letters": fir.fingerprint or ""}
    await done("elm keeper", "/host/neighbours/{peer}/match", letters, peer=fir.id)
    await done("elm keeper", "/host/neighbours/{peer}/block", peer=fir.id)
    await done("elm keeper", "/host/neighbours/{peer}/unblock", peer=fir.id)
    next_door = await elm.place.database.read(peers.by_host, scene.oak.place.host)
    assert next_door is not None
    group = next(one["uri"] for one in next_door.offered_groups or [] if one["name"] == "Oak")
    await done(
        "elm moderator", "/host/neighbours/{peer}/readers", {"writer": "1", "reader-1-0": group}, peer=next_door.id
    )
    await done("elm keeper", "/host/neighbours/{peer}/less", peer=next_door.id)
    letters = {"letters": next_door.fingerprint or "", "pair-1-0": group}
    await done("elm keeper", "/host/neighbours/{peer}/again", letters, peer=next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/renew", peer=next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/look", peer=next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/retry", peer=next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/pause", peer=next_door.id)
    place = await elm.place.database.read(_waiting, next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/sent/{place}/forget", peer=next_door.id, place=place)
    await done("elm keeper", "/host/neighbours/{peer}/sent/{place}/again", peer=next_door.id, place=place)
    await done("elm keeper", "/host/neighbours/{peer}/forget", peer=next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/resume", peer=next_door.id)
    await _look_into(elm, done, next_door.id)
    await done("elm keeper", "/host/neighbours/{peer}/key", {"letters": next_door.fingerprint or ""}, peer=next_door.id)
    city = await elm.place.database.read(peers.by_host, scene.city.place.host)
    assert city is not None
    await done("elm moderator", "/host/neighbours/{peer}/citywide", {"place": "1", "on": "no"}, peer=city.id)
    await _answer_a_list(scene, done, next_door.id)
    area = {
        "new-name": "x",
        "new-host": "x.example",
        "new-households": "9",
        "new-source": "x",
        "new-date": "2026-01-01",
    }
    await done("clerk", "/city/set-up", {"name": "x", **area})
    known = {"known": str(elm.people["clerk"].account)}
    await done("clerk", "/city/clerks", {"name": "x", "language": "nl", **known}, status=200)
    invited = max(await elm.place.database.read(access.holders, Permission.COUNT, None))
    await done("clerk", "/city/clerks/{account}/link", status=200, account=invited)
    await done("clerk", "/city/clerks/{account}/dismiss", account=invited)
    await done("cedar", "/sign-out")
    await done("birch", "/account/leave", {"passphrase": words})


async def _look_into(site: Site, done: Doer, peer: int) -> None:
    """The way to a neighbour, what became of a letter there, and what would become of one of theirs here."""

    def some(db: peewee.Database) -> tuple[str, int]:
        sent = DeliveryTable.select().where(DeliveryTable.peer == peer, DeliveryTable.activity.is_null(False))
        came = InboundTable.select().where(InboundTable.peer == peer)
        return next(iter(sent.execute(db))).activity, next(iter(came.execute(db))).id

    letter, arrival = await site.place.database.read(some)
    await done("elm keeper", "/host/neighbours/{peer}/test", status=200, peer=peer)
    await done("elm keeper", "/host/neighbours/{peer}/path", {"letter": letter}, status=200, peer=peer)
    await done("elm keeper", "/host/neighbours/{peer}/arrivals", {"arrival": str(arrival)}, status=200, peer=peer)


async def _answer_a_list(scene: Scene, done: Doer, city: int) -> None:
    """Oak as a city, whose list names somebody."""

    def follow(uow: UnitOfWork) -> None:
        FollowedListTable.insert(peer=city, followed_at=uow.now).execute(uow.db)
        ListedTable.insert(
            peer=city, host="x.localhost:9", name="x", fingerprint="AAAA", groups=[], listed_at=uow.now
        ).execute(uow.db)

    await scene.elm.place.database.write(follow)
    which = {"city": str(city), "host": "x.localhost:9", "change": "joined", "letters": "AAAA"}
    await done("elm keeper", "/host/neighbours/list/read", {"peer": str(city)})
    await done("elm keeper", "/host/neighbours/list/answer", {**which, "answer": "no"})
    await done("elm keeper", "/host/neighbours/list/follow", {"peer": str(city), "on": "no"})
    await done("clerk", "/host/neighbours/list/put")
    await done("clerk", "/host/neighbours/list/take", {"host": scene.oak.place.host})


async def _speak(scene: Scene, done: Doer) -> None:
    fields = deeds.FORMS["/city/messages/new"].fields
    written = await done("city clerk", "/city/messages/new", {**fields, "ends": _soon(scene)})
    message = dict(written.headers).get("location", "").rpartition("/")[2]
    await done("city clerk", "/city/messages/{id}/edit", {**fields, "ends": _soon(scene)}, id=message)
    await done("city clerk", "/city/messages/{id}/withdraw", id=message)
    await done("city clerk", "/sign-out")


def _waiting(db: peewee.Database, peer: int) -> str:
    """The place of something that waits for a server and need not be said."""
    rows = DeliveryTable.select().where(DeliveryTable.peer == peer, DeliveryTable.state == "waiting").execute(db)
    return next(f"{one.epoch}-{one.number}" for one in rows if not outbox.goes_on(one.verb))


def _soon(scene: Scene) -> str:
    return (scene.elm.place.server.clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")


async def part(scene: Scene, tally: Tally) -> None:
    """Elm and Oak are neighbours no longer, by the button that says so."""
    oak = await scene.elm.place.database.read(peers.by_host, scene.oak.place.host)
    assert oak is not None
    await Doer(scene.elm, tally)("elm keeper", _PART, peer=oak.id)


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
