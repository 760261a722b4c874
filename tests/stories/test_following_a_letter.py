"""Who keeps a place follows a letter next door, and looks why something was not taken in."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from fedhood.adapters.activitypub import outgoing
from fedhood.adapters.activitypub.tables import InboundTable
from fedhood.adapters.http.paths import Ending, Fate, Reason, Told
from fedhood.adapters.web.keys import DIAGNOSIS
from fedhood.cli import main
from fedhood.cli.door import Given
from fedhood.core import peers, posts
from fedhood.core.posts import Audience
from tests.adapters.web.browser import Browser
from tests.adapters.web.test_pages_every import checked
from tests.stories.test_next_door import next_door
from tests.stories.test_testing_a_neighbour import host, page_of, street
from tests.support.world import settle

__all__ = ["host", "street"]  # fixtures

WORDS = "The bridge is closed on Saturday"


@pytest.fixture
async def key(street) -> str:
    """Ana has told something next door, and it went. The name of what went."""
    elm, oak, ana, _ = street
    await elm.database.write(
        posts.publish, by=ana, text=WORDS, audience=Audience.NEIGHBOURS, places=await next_door(elm, ana)
    )
    await settle(elm, oak)
    peer = elm.database.look(peers.by_host, oak.host)
    return elm.database.look(outgoing.latest, peer.id)[0].key


@pytest.fixture
async def reader(street, aiohttp_client) -> Browser:
    """Bob's browser, at Oak's pages."""
    _, oak, _, bob = street
    return Browser(await aiohttp_client(oak.server._application())).sign_in_as(oak.database, bob)


def change(place, **values) -> int:
    """What became of the post that Oak was told, as if it had been something else. Its number there."""

    def changed(uow) -> int:
        (row,) = [one for one in InboundTable.select().execute(uow.db) if WORDS.encode() in bytes(one.body)]
        InboundTable.update(**values).where(InboundTable.id == row.id).execute(uow.db)
        return int(row.id)

    return place.database.transact(changed)


async def test_both_halves_of_the_way_are_shown_after_one_press_and_no_word_of_it(street, host, key):
    checked(await host.get(f"{page_of(street)}/path"))
    assert "It was sent, and they took it." in host.words
    assert "A post" in host.words
    checked(await host.get(f"{page_of(street)}/path?letter={key}"))
    assert "Tries: 1. Last answer: 202." in host.words.replace("  ", " ")
    assert "known by its signature" not in host.words
    checked(await host.post(f"{page_of(street)}/path", letter=key))
    assert host.status == 200
    assert "It was delivered, and known by its signature (RFC 9421)." in host.words
    assert "It was read, and what follows from it was done." in host.words
    assert "bridge" not in host.text


async def test_every_letter_that_is_listed_can_be_followed(street, host, key):
    elm, oak, _, _ = street
    sent = elm.database.look(outgoing.latest, oak_at(elm, oak).id)
    assert {one.verb for one in sent} > {"peer.follow", "post.create"}
    for one in sent:
        await host.get(f"{page_of(street)}/path?letter={one.key}")
        checked(await host.post(f"{page_of(street)}/path", letter=one.key))
        assert host.status == 200


async def test_why_it_was_not_taken_in_there_is_said_with_an_advice(street, host, key):
    change(street[1], state="parked", reason="orphan: the post that this is about is not here")
    await host.get(f"{page_of(street)}/test")
    checked(await host.post(f"{page_of(street)}/path", letter=key))
    assert "It was put off, and is tried again for three days." in host.words
    assert "It is about something that the reader does not have, or not yet." in host.words
    assert "If it comes within three days, all is well." in host.words


async def test_who_does_not_answer_and_who_tells_nothing_are_told_apart(street, host, key):
    elm, oak, _, bob = street
    await host.get(f"{page_of(street)}/test")
    oak.database.transact(peers.end, by=bob, peer_id=oak.database.look(peers.by_host, elm.host).id)
    checked(await host.post(f"{page_of(street)}/path", letter=key))
    assert "They tell nothing of it." in host.words
    await oak.server._runner.cleanup()
    await host.get(f"{page_of(street)}/test")
    checked(await host.post(f"{page_of(street)}/path", letter=key))
    assert "They could not be asked just now." in host.words


@pytest.mark.parametrize("letter", ["post-create-1-1", "", "a/b", "x" * 401, "%00"])
async def test_of_what_was_never_sent_there_is_no_way(street, host, key, letter):
    await host.get(f"{page_of(street)}/test")
    await host.post(f"{page_of(street)}/path", letter=letter)
    assert host.status == 404
    if letter:
        await host.get(f"{page_of(street)}/path?letter={letter}")
        assert host.status == 404


async def test_what_was_not_taken_in_is_listed_with_the_reason_and_tried_dry(street, reader, key):
    elm, oak, _, _ = street
    address = f"/host/neighbours/{oak.database.look(peers.by_host, elm.host).id}/arrivals"
    checked(await reader.get(address))
    assert "Everything was taken in." in reader.words
    number = change(oak, state="refused", reason="places-differ: it is for other places than its thread")
    checked(await reader.get(address))
    assert "It was read and not taken." in reader.words
    assert "It does what only somebody else may do" in reader.words
    before = oak.database.look(everything)
    checked(await reader.post(address, arrival=str(number)))
    assert "Now it would be taken in." in reader.words
    assert "Nothing of this has happened." in reader.words
    assert "bridge" not in reader.text
    assert oak.database.look(everything) == before
    proof = reader.proof
    for wrong in ("0", str(number + 999), "9" * 9):
        await reader.post(address, csrf=proof, arrival=wrong)
        assert reader.status == 404
    await reader.post(address, csrf=proof, arrival="x")
    assert reader.status == 422


def everything(db):
    """What a dry run could have changed here: who was told what, and what is kept of it."""
    tables = ("inbound", "post", "post_place", "fact", "notification", "delivery", "job", "account", "remote_actor")
    return {table: db.execute_sql(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}


async def test_a_dry_run_of_what_another_neighbour_sent_is_not_there(street, reader, key):
    _, oak, _, bob = street
    number = change(oak, state="refused", reason="author: x")
    other = oak.database.transact(peers.propose, by=bob, host="ash.example")
    oak.database.transact(
        lambda uow: uow.db.execute_sql("UPDATE peer SET actor_uri = 'https://ash.example/a' WHERE id = ?", [other])
    )
    await reader.get(f"/host/neighbours/{other}/test")
    await reader.post(f"/host/neighbours/{other}/arrivals", arrival=str(number))
    assert reader.status == 404


async def test_it_is_the_same_at_the_machine(street, key, monkeypatch):
    elm, oak, _, _ = street
    number = change(oak, state="parked", reason="proof-future: it is of tomorrow")
    monkeypatch.setattr(Given, "settings", lambda _: elm.server.settings)
    for asked in (key, elm.server.addresses.activity(key)):
        (path,) = json.loads((await called("peers", "trace", asked, "--json")).stdout)
        assert (path["host"], path["told"]) == (oak.host, Told.TOLD)
        assert (path["sent"]["state"], path["arrived"]["fate"]) == ("done", Fate.PARKED)
        assert path["arrived"]["reason"] == Reason.CLOCK
    said = (await called("peers", "trace", key)).stdout
    assert f"{key} to {oak.host}: A post" in said
    assert "there: It was put off, and is tried again for three days. It was signed by a clock that is ahead" in said
    listed = (await called("peers", "trace", oak.host)).stdout
    assert key in listed
    assert "there:" not in listed
    unknown = await called("peers", "trace", "post-create-1-1")
    assert unknown.exit_code == 1
    assert "nor sent or is to send anything of this name" in unknown.output

    monkeypatch.setattr(Given, "settings", lambda _: oak.server.settings)
    (kept,) = json.loads((await called("peers", "arrivals", elm.host, "--json")).stdout)
    assert (kept["id"], kept["arrived"]["fate"]) == (number, Fate.PARKED)
    assert str(number) in (await called("peers", "arrivals", elm.host)).stdout
    assert (await called("peers", "arrivals", elm.host, "--before", str(number))).stdout == "There is no more.\n"
    before = oak.database.look(everything)
    came = json.loads((await called("peers", "replay", str(number), "--json")).stdout)
    assert came["ending"] == Ending.TAKEN_IN
    assert "Nothing of this has happened." in (await called("peers", "replay", str(number))).stdout
    assert oak.database.look(everything) == before
    assert (await called("peers", "replay", "999999")).exit_code == 1


async def called(*words: str):
    """A command in a thread of its own, while the servers answer in this one."""
    return await asyncio.to_thread(CliRunner().invoke, main, list(words))


async def test_what_was_never_sent_is_not_asked_about(street, host):
    elm, oak, ana, _ = street
    await elm.database.write(
        posts.publish, by=ana, text=WORDS, audience=Audience.NEIGHBOURS, places=await next_door(elm, ana)
    )
    checked(await host.get(f"{page_of(street)}/path"))
    assert "It waits here to be sent." in host.words
    (path,) = [one for one in await host.client.app[DIAGNOSIS].letters(oak_at(elm, oak)) if one.state == "waiting"]
    assert path.key is None
    assert path.attempts == 0


def oak_at(elm, oak):
    return elm.database.look(peers.by_host, oak.host)
