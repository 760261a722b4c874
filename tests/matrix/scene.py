"""The world of the matrix: two servers that are neighbours, one that is not, a city; who lives there, what was said."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood.adapters.activitypub import actors, keys
from fedhood.core import access, accounts, help_requests, metrics, moderation, neighbourhoods, peers, posts, relations
from fedhood.core.access import Role, Viewer
from fedhood.core.help_requests import HelpCategory
from fedhood.core.peers import Trust
from fedhood.core.posts import Audience
from fedhood.kernel.settings import Profile
from tests.matrix import citywide, expected, knock, voice
from tests.matrix.expected import THINGS
from tests.support.elsewhere import elsewhere
from tests.support.world import Place, place, settle

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from fedhood.kernel.database import UnitOfWork
    from tests.support.elsewhere import Elsewhere

_CODE = re.compile(r"\b[0-9A-Z]{5}[- ][0-9A-Z]{5}\b")
_VISITORS = "visitor's answer"
_REQUESTS = {"open": "open note", "away": "away note", "here": "here note"}


@dataclass
class Person:
    viewer: Viewer
    token: str

    @property
    def account(self) -> int:
        assert self.viewer.account is not None
        return self.viewer.account


@dataclass
class Site:
    """One of the servers as the matrix asks it."""

    name: str
    place: Place
    door: knock.Door
    viewers: list[knock.Viewer] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)  # what each thing that is a post is known by here
    offers: dict[int, str] = field(default_factory=dict)  # the line that an offer belongs to
    reports: list[int] = field(default_factory=list)
    sheet: int = 0

    @property
    def router(self) -> Any:
        return self.place.server._runner.app.router

    def who(self, name: str) -> knock.Viewer:
        return next(one for one in self.viewers if one.name == name)


@dataclass
class Scene:
    elm: Site
    oak: Site
    city: Site
    fir: Place
    places: list[Place]
    sent: list[bytes] = field(default_factory=list)
    sent_before_acceptance: int = 0
    elsewhere: Elsewhere | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    secrets: dict[str, str] = field(default_factory=dict)  # codes, shown once and to be found nowhere

    @property
    def sites(self) -> tuple[Site, ...]:
        """The servers that are asked."""
        return (self.elm, self.oak, self.city)

    async def settle(self) -> None:
        await settle(*self.places)

    async def close(self) -> None:
        for one in self.places:
            await one.close()
        await self.stack.aclose()


# -- servers and people -----------------------------------------------------------------------------------------------


async def build(folder: Path, session: aiohttp.ClientSession) -> Scene:
    elm = await place(folder, "elm", "Elm", "Birch", "Cedar")
    oak = await place(folder, "oak", "Oak", "Ash")
    fir = await place(folder, "fir", "Fir")
    city = await place(folder, "city", profile=Profile.CITY)
    asked = {"elm": elm, "oak": oak, "city": city}
    sites = {name: Site(name, one, knock.Door(one, session)) for name, one in asked.items()}
    scene = Scene(**sites, fir=fir, places=[elm, oak, fir, city])
    for one in scene.places:
        _listen(one, scene.sent)
    scene.elsewhere = await scene.stack.enter_async_context(elsewhere())
    await _move_in(scene)
    await _agree(scene)
    await _follow(scene)
    await _look(scene)
    await _say(scene)
    await _visit(scene)
    await _ask_for_help(scene)
    await voice.say(scene)
    await citywide.say(scene)
    await _complain(scene)
    await _make_codes(scene)
    await _learn_ids(scene)
    return scene


def _listen(one: Place, sent: list[bytes]) -> None:
    """Remember every body that leaves a server."""
    post = one.server.client.post

    async def heard(url: str, *, body: bytes, headers: Any) -> Any:
        sent.append(body)
        return await post(url, body=body, headers=headers)

    one.server.client.post = heard


async def _move_in(scene: Scene) -> None:
    at_elm = {
        "author": ("Ana Dakpan", "Elm"),
        "neighbour": ("Nel Stoep", "Elm"),
        "helper": ("Han Luifel", "Elm"),
        "blocked": ("Bas Goot", "Elm"),
        "birch": ("Bea Kozijn", "Birch"),
        "cedar": ("Cas Drempel", "Cedar"),
        "elm moderator": ("Mia Gevel", "Elm"),
        "birch moderator": ("Bob Schoorsteen", "Birch"),
        "elm keeper": ("Koen Nokbalk", "Elm"),
        "clerk": ("Cleo Nok", "Birch"),
        "odo": ("Odo Kerkuil", "Elm"),  # does nothing but offer help
        "silke": ("Silke Wespendief", "Elm"),  # does nothing but complain
    }
    at_oak = {
        "oak": ("Ola Balkon", "Oak"),
        "oak helper": ("Ivo Vensterbank", "Oak"),
        "oak moderator": ("Odette Tegel", "Oak"),
        "oak keeper": ("Kee Pannendak", "Oak"),
        "ash": ("Ada Plint", "Ash"),
    }
    for site, people in ((scene.elm, at_elm), (scene.oak, at_oak)):
        for role, (name, home) in people.items():
            lives = await site.place.resident(name, home)
            site.people[role] = await site.place.database.write(
                _sign_in, account=lives.account, right=_right(role), everywhere=role not in expected.MODERATORS
            )

    scene.city.people["city clerk"] = await scene.city.place.database.write(_clerk)


def _clerk(uow: UnitOfWork) -> Person:
    account = accounts.create(uow, name="Cor Torenspits", neighbourhood=None, language="nl")
    metrics.name_city(uow, name="Klokkendam")
    return _sign_in(uow, account=account, right=Role.CLERK, everywhere=True)


def _right(role: str) -> Role | None:
    if role in expected.MODERATORS | expected.KEEPERS:
        return Role.MODERATOR
    return Role.CLERK if role in expected.CLERKS else None


def _sign_in(uow: UnitOfWork, *, account: int, right: Role | None, everywhere: bool) -> Person:
    session = access.open_session(uow, account=account, with_passphrase=True)
    if right is not None:
        home = None if everywhere else accounts.get(uow.db, account).neighbourhood
        access.give(uow, account=account, role=right, neighbourhood=home, by=None)
    viewer = access.viewer_of(uow.db, token=session.token, now=uow.now)
    assert viewer is not None
    return Person(viewer, session.token)


async def _agree(scene: Scene) -> None:
    """Elm with Oak and with Cedar, each both ways, and nobody else; Fir is found and not answered."""
    elm, oak = scene.elm.place, scene.oak.place
    koen, kee = scene.elm.people["elm keeper"].viewer, scene.oak.people["oak keeper"].viewer
    theirs = await elm.database.write(peers.propose, by=koen, host=oak.host)
    await scene.settle()
    ours = await oak.database.read(peers.by_host, elm.host)
    assert ours is not None
    await oak.database.write(peers.confirm, by=kee, peer_id=ours.id, pairs=await _pair(oak, ours.id, "Oak", "Elm"))
    await scene.settle()
    await elm.database.write(peers.confirm, by=koen, peer_id=theirs, pairs=await _pair(elm, theirs, "Elm", "Oak"))
    await scene.settle()
    for writer, reader in (("Elm", "Cedar"), ("Cedar", "Elm"), ("Elm", "Birch"), ("Birch", "Elm")):
        await elm.database.write(neighbourhoods.pair, writer=elm.homes[writer], reader=elm.homes[reader])
    await elm.database.write(peers.propose, by=koen, host=scene.fir.host)
    await scene.settle()
    for house, keeper in ((elm, koen), (oak, kee)):
        await _join_the_city(scene, house, keeper)


async def _join_the_city(scene: Scene, house: Place, keeper: Viewer) -> None:
    city, clerk = scene.city.place, scene.city.people["city clerk"].viewer
    theirs = await city.database.write(peers.propose, by=clerk, host=house.host, trust=Trust.CITY)
    await scene.settle()
    ours = await house.database.read(peers.by_host, city.host)
    assert ours is not None
    await house.database.write(peers.confirm, by=keeper, peer_id=ours.id)
    await scene.settle()
    await city.database.write(peers.confirm, by=clerk, peer_id=theirs)
    await scene.settle()


async def _pair(at: Place, peer: int, our: str, their: str) -> list[tuple[int, str]]:
    known = await at.database.read(peers.get, peer)
    return [(at.homes[our], group["uri"]) for group in known.offered_groups or [] if group["name"] == their]


async def _look(scene: Scene) -> None:
    """Give every viewer what they look with."""
    assert scene.elsewhere is not None
    instance = {one.host: await _key(one) for one in scene.places}
    own = keys.generate().rsa
    nowhere = knock.Key("http://nowhere.localhost:9/ap/instance#main-key", own)
    oaks = instance[scene.oak.place.host]
    citys = instance[scene.city.place.host]
    with_keys = {
        "oak's server": oaks,
        "city's server": citys,
        "city's server at oak": citys,
        "elm's server at the city": instance[scene.elm.place.host],
        "oak's server at the city": oaks,
        **dict.fromkeys(expected.LATER, oaks),
        "elm's server": instance[scene.elm.place.host],
        "fir's server": instance[scene.fir.host],
        "nowhere's server": nowhere,
        "nowhere's server at oak": nowhere,
        "nowhere's server at the city": nowhere,
        "forger": knock.Key(oaks.uri, own),
        "follower": knock.Key(f"{scene.elsewhere.base}/users/mo#main-key", scene.elsewhere.key),
    }
    with_cookies = {**scene.elm.people, **scene.oak.people, **scene.city.people}
    with_cookies |= {"guest from oak": scene.oak.people["oak helper"], "guest from elm": scene.elm.people["author"]}
    with_cookies |= {"guest at the city": scene.elm.people["author"]}
    at_elm = (*expected.AT_ELM, *expected.LATER)
    for site, names in ((scene.elm, at_elm), (scene.oak, expected.AT_OAK), (scene.city, expected.AT_CITY)):
        for name in names:
            viewer = knock.Viewer(name, site.name, key=with_keys.get(name))
            if name in with_cookies:
                viewer.cookie = f"sid={with_cookies[name].token}; {viewer.cookie}"
                viewer.csrf = with_cookies[name].viewer.csrf
            site.viewers.append(viewer)
        proof = await site.door.proof_of_a_stranger(site.who(expected.STRANGERS[site.name]))
        for viewer in site.viewers:
            viewer.csrf = viewer.csrf if viewer.name in site.people else proof


async def _key(one: Place) -> knock.Key:
    federation = one.server.federation
    assert federation is not None
    pair = await actors.ensure_keys(federation, actors.INSTANCE)
    return knock.Key(f"{one.server.addresses.instance}{actors.MAIN_KEY}", pair.rsa)


# -- who is on other software ------------------------------------------------------------------------------------------


async def _follow(scene: Scene) -> None:
    there, elm = scene.elsewhere, scene.elm.place
    assert there is not None
    await there.follow(elm, there.person("mo"), elm.server.addresses.group("elm"))
    await scene.settle()
    assert there.of_kind("Accept")


async def _visit(scene: Scene) -> None:
    there, elm = scene.elsewhere, scene.elm
    assert there is not None
    mo, to = f"{there.base}/users/mo", elm.place.server.addresses.note(elm.ids["public post"])
    note = there.note(mo, 1, f"<p>{_words(_VISITORS)}</p>", to)
    await there.tell(elm.place, "/ap/inbox", there.said(mo, "Create", note))
    await scene.settle()
    found = await elm.place.database.read(posts.by_uri, note["id"])
    assert found is not None
    elm.ids[_VISITORS] = found.id


# -- what was said ----------------------------------------------------------------------------------------------------


async def _say(scene: Scene) -> None:
    elm, oak = scene.elm, scene.oak
    ana = elm.people["author"].viewer
    to_oak, to_cedar = await _places(elm, "Elm", "Oak"), await _places(elm, "Elm", "Cedar")
    for thing, audience, places in (
        ("quiet post", Audience.NEIGHBOURHOOD, ()),
        ("next-door post", Audience.NEIGHBOURS, to_oak),
        ("cedar post", Audience.NEIGHBOURS, to_cedar),
        ("public post", Audience.PUBLIC, ()),
        ("post hidden in cedar", Audience.NEIGHBOURS, to_cedar),
        ("post told to birch once", Audience.NEIGHBOURS, await _places(elm, "Elm", "Birch")),
        ("hidden post", Audience.NEIGHBOURHOOD, ()),
        ("hidden public post", Audience.PUBLIC, ()),
        ("removed post", Audience.NEIGHBOURS, to_oak),
        ("removed public post", Audience.PUBLIC, ()),
    ):
        elm.ids[thing] = await _publish(elm, ana, thing, audience, places)
    ivo = oak.people["oak helper"].viewer
    to_elm = await _places(oak, "Oak", "Elm")
    oak.ids["oak's word"] = await _publish(oak, ivo, "oak's word", Audience.NEIGHBOURS, to_elm)
    oak.ids["oak's quiet word"] = await _publish(oak, ivo, "oak's quiet word", Audience.NEIGHBOURHOOD, ())
    for thing, role, to in (
        ("answer to the quiet post", "helper", "quiet post"),
        ("answer next door", "helper", "next-door post"),
        ("answer to the public post", "neighbour", "public post"),
    ):
        by = elm.people[role].viewer
        elm.ids[thing] = await elm.place.database.write(posts.reply, by=by, to=elm.ids[to], text=_words(thing))
    edited = elm.ids["edited post"] = await _publish(elm, ana, "words edited away", Audience.PUBLIC, ())
    await scene.settle()
    await elm.place.database.write(posts.edit, by=ana, post_id=edited, text=_words("edited post"))
    mia = elm.people["elm moderator"].viewer
    for thing in ("hidden post", "hidden public post"):
        await elm.place.database.write(moderation.hide, by=mia, post_id=elm.ids[thing])
    at_cedar = elm.place.homes["Cedar"]
    await elm.place.database.write(_hide_in, post=elm.ids["post hidden in cedar"], place=at_cedar)
    for writer, reader in (("Elm", "Birch"), ("Birch", "Elm")):
        await elm.place.database.write(
            neighbourhoods.unpair, writer=elm.place.homes[writer], reader=elm.place.homes[reader]
        )
    for thing in ("removed post", "removed public post"):
        await elm.place.database.write(posts.delete, by=ana, post_id=elm.ids[thing])
    bas = elm.people["blocked"].account
    await elm.place.database.write(relations.block, by=ana, other=bas)
    await scene.settle()


def _hide_in(uow: UnitOfWork, *, post: int, place: int) -> None:
    assert posts.hide_in(uow.db, posts.row(uow.db, post_id=post), place, hidden=True)


def _words(thing: str) -> str:
    return f"Er zingt een {THINGS[thing].canary} in de straat"


async def _places(site: Site, home: str, other: str) -> tuple[int, ...]:
    offered = await site.place.database.read(posts.offered, neighbourhood=site.place.homes[home])
    return next(one.places for one in offered if one.names == (other,))


async def _publish(site: Site, by: Viewer, thing: str, audience: Audience, places: tuple[int, ...]) -> int:
    return await site.place.database.write(posts.publish, by=by, text=_words(thing), audience=audience, places=places)


async def _ask_for_help(scene: Scene) -> None:
    elm, oak = scene.elm, scene.oak
    ana, han, odo = (elm.people[role].viewer for role in ("author", "helper", "odo"))
    ivo = oak.people["oak helper"].viewer
    to_oak = await _places(elm, "Elm", "Oak")
    for name, note in _REQUESTS.items():
        near = name == "here"
        elm.ids[f"{name} line"] = await elm.place.database.write(
            help_requests.ask,
            by=ana,
            line=_words(f"{name} line"),
            note=_words(note),
            category=HelpCategory.CARRYING,
            until=elm.place.server.clock.now() + timedelta(days=3),
            audience=Audience.NEIGHBOURHOOD if near else Audience.NEIGHBOURS,
            places=() if near else to_oak,
        )
    await scene.settle()
    await _mirrors(elm, oak, ("open line", "away line"))

    async def offer(site: Site, by: Viewer, line: str, text: str) -> None:
        await site.place.database.write(help_requests.offer, by=by, request_id=site.ids[line], text=text)

    await offer(elm, odo, "open line", "")
    await offer(elm, han, "open line", _words("offer from elm"))
    await offer(oak, ivo, "open line", _words("offer from oak"))
    await offer(elm, han, "here line", "Ik kom")
    await offer(oak, ivo, "away line", "Ik kom")
    await scene.settle()
    scene.sent_before_acceptance = len(scene.sent)
    here = await _accept(elm, "here line")
    away = await _accept(elm, "away line")
    await scene.settle()

    async def say(site: Site, by: Viewer, thread: int, thing: str) -> None:
        await site.place.database.write(help_requests.say, by=by, thread_id=thread, text=_words(thing))

    await say(elm, han, here, "here message")
    await say(elm, ana, away, "asker's message")
    there = await oak.place.database.read(help_requests.thread_of, request_id=oak.ids["away line"], viewer=ivo)
    assert there is not None
    await say(oak, ivo, there.id, "oak helper's message")
    await scene.settle()


async def _accept(site: Site, line: str) -> int:
    ana = site.people["author"].viewer
    (offered,) = await site.place.database.read(help_requests.offers_of, post_id=site.ids[line], viewer=ana)
    return await site.place.database.write(help_requests.accept, by=ana, offer_id=offered.id)


async def _complain(scene: Scene) -> None:
    elm, oak = scene.elm, scene.oak
    await _mirrors(oak, elm, ("oak's word",))
    await elm.place.database.write(
        moderation.report,
        by=elm.people["silke"].viewer,
        post_id=elm.ids["oak's word"],
        reason=moderation.Reason.OTHER,
        text=_words("report's words"),
    )
    han = elm.people["helper"].viewer
    talk = await elm.place.database.read(help_requests.thread_of, request_id=elm.ids["here line"], viewer=han)
    assert talk is not None
    await elm.place.database.write(
        moderation.report_talk,
        by=han,
        thread_id=talk.id,
        reason=moderation.Reason.UNKIND,
        text=_words("report of a talk"),
    )
    await scene.settle()
    assert any(b'"Flag"' in body for body in scene.sent)


async def _make_codes(scene: Scene) -> None:
    """Codes are made as people make them: what their pages show once must be nowhere afterwards."""
    elm = scene.elm
    for name, role, path, fields in (
        ("code of a sheet", "elm moderator", "/host/codes", {"place": str(elm.place.homes["Elm"]), "count": "2"}),
        ("code of a home", "author", "/account/code", {}),
    ):
        answer = await elm.door.ask(elm.who(role), "POST", path, fields=fields)
        found = _CODE.search(answer.body.decode())
        assert found is not None, f"{path} shows no code"
        scene.secrets[name] = found.group()
    elm.sheet = 1


async def _learn_ids(scene: Scene) -> None:
    """What each post is known by at the other server; an id that is unknown there is asked for all the same."""
    elm, oak = scene.elm, scene.oak
    await _mirrors(elm, oak, [thing for thing in elm.ids if thing not in oak.ids])
    await _mirrors(oak, elm, [thing for thing in oak.ids if thing not in elm.ids])
    await _mirrors(elm, scene.city, [thing for thing in elm.ids if thing not in scene.city.ids])
    for site in scene.sites:
        lines = {number: thing for thing, number in site.ids.items() if thing in expected.HELP}
        for request, offer in await site.place.database.read(_offers):
            site.offers[offer] = lines[request]
        site.reports = await site.place.database.read(_reports)


def _offers(db: Any) -> list[tuple[int, int]]:
    return [(row[0], row[1]) for row in db.execute_sql("SELECT request, id FROM help_offer").fetchall()]


def _reports(db: Any) -> list[int]:
    return [row[0] for row in db.execute_sql("SELECT id FROM report ORDER BY id").fetchall()]


async def _mirrors(home: Site, other: Site, things: Any) -> None:
    for thing in things:
        uri = home.place.server.addresses.note(home.ids[thing])
        found = await other.place.database.read(posts.by_uri, uri)
        other.ids[thing] = home.ids[thing] if found is None else found.id
