"""The collections that actors name: there for anybody, told without numbers, and listing public posts alone."""

import asyncio

import aiohttp
import pytest

from fedhood.adapters.activitypub import actors
from fedhood.core import moderation, posts
from fedhood.core.posts import Audience
from tests.adapters.activitypub import golden
from tests.adapters.activitypub.shapes import shape
from tests.support.world import place

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def elm(tmp_path, engine, request):
    if engine == "postgres":
        with request.getfixturevalue("postgres_server").empty() as dsn:
            made = await place(tmp_path, "elm", "Elm", dsn=dsn)
            yield made
            await made.close()
        return
    made = await place(tmp_path, "elm", "Elm")
    yield made
    await made.close()


@pytest.fixture
async def ask(elm, outside):
    async def asked(path: str, status: int = 200):
        url = f"http://127.0.0.1:{elm.host.rpartition(':')[2]}{path}"
        answer = await outside.get(url, headers={"Accept": "application/activity+json", "Host": elm.host})
        assert answer.status == status, path
        return await answer.json(content_type=None) if status == 200 else None

    return asked


@pytest.fixture
async def outside():
    async with aiohttp.ClientSession() as session:
        yield session


async def say(elm, by, text, audience=Audience.PUBLIC) -> int:
    return await elm.database.write(posts.publish, by=by, text=text, audience=audience)


async def test_nobody_is_listed_and_nobody_is_counted(elm, ask) -> None:
    for name, kind in (
        ("followers", "OrderedCollection"),
        ("following", "OrderedCollection"),
        ("members", "Collection"),
        ("moderators", "OrderedCollection"),
    ):
        found = await ask(f"/ap/groups/elm/{name}")
        assert shape(found) == shape(golden.document("70")["bare"])
        assert (found["id"], found["type"]) == (f"{elm.server.addresses.group('elm')}/{name}", kind)
    assert (await ask("/ap/groups/elm/featured"))["orderedItems"] == []
    for name in ("outbox", "followers", "following"):
        for actor in ("instance", "metrics"):
            assert set(await ask(f"/ap/{actor}/{name}")) == {"@context", "id", "type"}
    for path in ("/ap/groups/elm/likes", "/ap/groups/oak/outbox", "/ap/groups/oak/members", "/ap/city/outbox"):
        await ask(path, 404)


async def test_a_resident_who_never_acted_beyond_has_none(elm, ask) -> None:
    ana = await elm.resident("Ana Dakkapel")
    key = (await elm.database.read(lambda db: db.execute_sql("SELECT key FROM account").fetchone()))[0]
    await ask(f"/ap/people/{key}/outbox", 404)
    await actors.ensure_keys(elm.server.federation, actors.person(ana.account))
    assert set(await ask(f"/ap/people/{key}/outbox")) == {"@context", "id", "type"}


async def test_the_outbox_is_what_everyone_may_read_a_page_at_a_time(elm, ask) -> None:
    ana = await elm.resident("Ana Dakkapel", moderator=True)
    for number in range(22):
        await say(elm, ana, f"Word {number}")
        await asyncio.sleep(0)
    await say(elm, ana, "Among neighbours", Audience.NEIGHBOURHOOD)
    hidden, gone = await say(elm, ana, "Hidden"), await say(elm, ana, "Gone")
    await elm.database.write(posts.delete, by=ana, post_id=gone)
    nel = await elm.resident("Nel Stoep", moderator=True)
    await elm.database.write(moderation.hide, by=nel, post_id=hidden)
    collection = await ask("/ap/groups/elm/outbox")
    assert shape(collection) == shape(golden.document("70")["collection"])
    path = collection["first"].removeprefix(elm.server.addresses.base)
    page = await ask(path)
    assert shape(page) == shape(golden.document("70")["page"])
    assert page["id"] == collection["first"]
    rest = await ask(page["next"].removeprefix(elm.server.addresses.base))
    assert "next" not in rest
    listed = [item["object"] for item in (*page["orderedItems"], *rest["orderedItems"])]
    assert len(listed) == len(set(listed)) == 22
    for uri in listed:
        assert (await ask(uri.removeprefix(elm.server.addresses.base)))["content"].startswith("<p>Word ")
    await ask("/ap/groups/elm/outbox/page/nonsense", 404)
