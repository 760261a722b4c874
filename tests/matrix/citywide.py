"""What is said to the whole city in the world of the matrix: Elm and Ash take part, nobody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedhood.core import hubs, peers, posts
from fedhood.core.posts import Audience
from tests.matrix import expected

if TYPE_CHECKING:
    from fedhood.core.access import Viewer
    from tests.matrix.scene import Scene, Site


async def say(scene: Scene) -> None:
    """Somebody of Elm says something, somebody of Ash answers; one thing is removed, one said better."""
    elm, oak = scene.elm, scene.oak
    for site, home in ((elm, "Elm"), (oak, "Ash")):
        city = await site.place.database.read(peers.by_host, scene.city.place.host)
        assert city is not None
        await site.place.database.write(hubs.ask, by=None, peer_id=city.id, place=site.place.homes[home])
        await scene.settle()
    ana = elm.people["author"].viewer
    for thing in ("city-wide post", "removed city-wide post", "words edited away from the city"):
        elm.ids[thing] = await _publish(elm, ana, thing)
    await scene.settle()
    edited = elm.ids["edited city-wide post"] = elm.ids.pop("words edited away from the city")
    await elm.place.database.write(posts.edit, by=ana, post_id=edited, text=_words("edited city-wide post"))
    await elm.place.database.write(posts.delete, by=ana, post_id=elm.ids["removed city-wide post"])
    await scene.settle()
    uri = elm.place.server.addresses.note(elm.ids["city-wide post"])
    there = await oak.place.database.read(posts.by_uri, uri)
    assert there is not None
    oak.ids["city-wide answer"] = await oak.place.database.write(
        posts.reply, by=oak.people["ash"].viewer, to=there.id, text=_words("city-wide answer")
    )
    await scene.settle()


async def _publish(site: Site, by: Viewer, thing: str) -> int:
    now = site.place.server.clock.now()
    offered = await site.place.database.read(posts.offered, neighbourhood=by.neighbourhood or 0, now=now)
    (city,) = (one for one in offered if one.audience is Audience.CITY)
    return await site.place.database.write(
        posts.publish, by=by, text=_words(thing), audience=Audience.CITY, places=city.places
    )


def _words(thing: str) -> str:
    return f"Er zingt een {expected.THINGS[thing].canary} in de stad"
