"""What a server makes sure of before it serves."""

import asyncio
from contextlib import ExitStack

import aiohttp
import pytest
from yarl import URL

from fedhood.app import Server
from fedhood.core.peers.tables import PeerTable
from fedhood.kernel import state
from fedhood.kernel.errors import Invalid
from fedhood.kernel.ids import SLOTS
from fedhood.kernel.settings import Settings
from tests.support.world import free_port, place


def settings(folder, host=""):
    return Settings(data_dir=folder, listen=f"127.0.0.1:{free_port()}", host=host, loopback_names=True)


async def test_a_second_server_does_not_serve_from_the_same_folder(tmp_path):
    first = Server(settings(tmp_path))
    await first.start(working=False)
    second = Server(settings(tmp_path))
    with pytest.raises(Invalid) as refusal:
        await second.start(working=False)
    assert refusal.value.code == "folder-taken"
    second.clock.close()
    await first.close()


async def test_a_server_that_was_killed_again_and_again_starts_again(tmp_path):
    server = Server(settings(tmp_path))
    await server.start(working=False)
    for slot in range(1, SLOTS):  # what sixty-three killed processes leave behind
        await server.database.write(
            lambda uow, slot=slot: state.SlotTable.insert(slot=slot, seen_at=uow.now).execute(uow.db)
        )
    await server.close()
    again = Server(settings(tmp_path))
    await again.start(working=False)
    assert again.slot == 0
    await again.close()


async def test_the_host_is_fixed_once_a_neighbour_knows_it(tmp_path):
    server = Server(settings(tmp_path, "elm.localhost:1"))
    await server.start(working=False)
    await server.close()
    renamed = Server(settings(tmp_path, "ulm.localhost:1"))  # nobody knows it yet
    await renamed.start(working=False)
    await renamed.database.write(
        lambda uow: PeerTable.insert(host="oak.example", state="agreed", trust="neighbour", added_at=uow.now).execute(
            uow.db
        )
    )
    await renamed.close()
    late = Server(settings(tmp_path, "elm.localhost:1"))
    with pytest.raises(Invalid) as refusal:
        await late.start(working=False)
    assert refusal.value.code == "host-fixed"
    await late.close()


@pytest.mark.parametrize("path", ["/@%00", "/n/%00", "/people/%00", "/join?code=%00", "/ap/groups/%00", "/link/%00"])
@pytest.mark.both_databases
async def test_a_nul_in_an_address_is_no_fault_of_the_server(tmp_path, engine, request, path):
    with ExitStack() as stack:
        postgres = request.getfixturevalue("postgres_server") if engine == "postgres" else None
        dsn = "" if postgres is None else stack.enter_context(postgres.empty())
        at = await place(tmp_path, "elm", "Elm", dsn=dsn)
        address = URL(f"http://{at.server.settings.listen}{path}", encoded=True)
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            assert answer.status == 404
        await at.close()


async def test_who_hangs_up_in_the_middle_is_no_fault(tmp_path, caplog):
    elm = await place(tmp_path, "elm")
    port = int(elm.host.rpartition(":")[2])
    for path in ("/ap/inbox", "/sign-in"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        kind = "application/activity+json" if path.startswith("/ap/") else "application/x-www-form-urlencoded"
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {elm.host}\r\nContent-Type: {kind}\r\nContent-Length: 500\r\n"
            'Signature: keyId="https://x.example/a#k",headers="date",signature="AAAA"\r\n\r\n{'.encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert reader
    async with aiohttp.ClientSession() as session:  # it has seen the others before
        assert (await session.get(f"http://127.0.0.1:{port}/about")).status == 200
    await elm.close()
    assert [line for line in caplog.messages if "request.failed" in line] == []
