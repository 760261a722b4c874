"""A backup is made while the server runs, says what it holds, and comes back with a new stream epoch."""

import dataclasses
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import peewee
import pytest

from fedhood import backup
from fedhood.all_tables import TABLES
from fedhood.kernel import migrate
from fedhood.kernel.engine import UnitOfWork
from fedhood.kernel.errors import Conflict, Invalid
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import open_file
from fedhood.kernel.state import InstanceTable
from tests.support.clocks import NOON

PEER = next(table for table in TABLES if table._meta.table_name == "peer")


def befriend(uow: UnitOfWork) -> None:
    for number, host in enumerate(("oak.example", "city.example"), start=1):
        values: dict[str, Any] = {"host": host, "state": "agreed", "trust": "neighbour", "added_at": uow.now}
        PEER.insert(**values, stream_epoch=number, stream_next=40).execute(uow.db)
    InstanceTable.insert(name="host", value="elm.example").execute(uow.db)


@dataclasses.dataclass(frozen=True)
class Server:
    settings: Settings
    settings_file: Path
    target: Path

    def back_up(self) -> backup.Kept:
        return backup.make(self.settings, self.target, settings_file=self.settings_file, now=NOON)

    def elsewhere(self, tmp_path: Path) -> Settings:
        return dataclasses.replace(self.settings, data_dir=tmp_path / "elsewhere")


@pytest.fixture
def server(tmp_path: Path, database) -> Server:
    """A running server's files: its database is open while it is copied."""
    (tmp_path / "vault").mkdir()
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "old.db").write_text("not again")
    (tmp_path / "vault" / "key").write_text("secret")
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "fedhood.toml"
    file.write_text('host = "elm.example"\n')
    database.transact(befriend)
    return Server(Settings(data_dir=tmp_path), file, tmp_path / "out" / "elm.tar")


def peers(settings: Settings) -> list[tuple[str, int, int]]:
    db = open_file(migrate.database_file(settings), read_only=True)
    with db.connection_context():
        query = PEER.select(PEER.host, PEER.stream_epoch, PEER.stream_next).order_by(PEER.id).tuples()
        return list(query.execute(db))


def manifest(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as tar:
        opened = tar.extractfile("manifest.json")
        assert opened is not None
        return json.loads(opened.read())


def rewrite(path: Path, change: dict[str, bytes]) -> None:
    """The same tar with other bytes under some names."""
    with tarfile.open(path) as tar:
        parts = {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for name, raw in (parts | change).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))


async def test_a_backup_is_made_while_the_server_writes(server: Server, database, tmp_path: Path):
    await database.start()
    await database.write(lambda uow: InstanceTable.insert(name="late", value=1).execute(uow.db))
    server.back_up()
    there = server.elsewhere(tmp_path)
    backup.restore(there, server.target)
    db = open_file(migrate.database_file(there), read_only=True)
    with db.connection_context():
        assert {row.name for row in InstanceTable.select().execute(db)} == {"host", "late"}
        assert db.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_backup_holds_everything_but_older_copies(server: Server):
    kept = server.back_up()
    assert kept.files == ("fedhood.db", "settings.toml", "data/out/fedhood.toml", "data/vault/key")
    assert kept.command == ""


def test_its_manifest_names_every_part(server: Server):
    kept = server.back_up()
    said = manifest(server.target)
    assert (said["format"], said["made_at"], said["engine"]) == (1, "2026-11-24T12:00:00Z", "sqlite")
    assert tuple(said["files"]) == kept.files
    assert all(len(checksum) == 64 for checksum in said["files"].values())


def test_only_its_owner_may_read_it(server: Server):
    server.back_up()
    assert server.target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in server.target.parent.iterdir()) == ["elm.tar", "fedhood.toml"]


def test_it_never_replaces_another(server: Server):
    server.target.write_text("mine")
    with pytest.raises(Conflict):
        server.back_up()
    assert server.target.read_text() == "mine"


def test_there_is_nothing_to_keep_without_a_database(tmp_path: Path):
    with pytest.raises(Invalid) as refused:
        backup.make(Settings(data_dir=tmp_path), tmp_path / "x.tar", settings_file=None, now=NOON)
    assert refused.value.code == "no-database"


def test_a_restore_begins_a_new_epoch_with_every_peer(server: Server, tmp_path: Path):
    assert peers(server.settings) == [("oak.example", 1, 40), ("city.example", 2, 40)]
    server.back_up()
    there = server.elsewhere(tmp_path)
    backup.restore(there, server.target)
    assert peers(there) == [("oak.example", 2, 1), ("city.example", 3, 1)]
    assert (there.data_dir / "vault" / "key").read_text() == "secret"
    assert (there.data_dir / "settings-of-backup.toml").read_text() == 'host = "elm.example"\n'
    modes = {path.stat().st_mode & 0o077 for path in [there.data_dir, *there.data_dir.rglob("*")]}
    assert modes == {0}


def test_a_restored_server_can_be_kept_and_restored_again(server: Server, tmp_path: Path):
    server.back_up()
    there = server.elsewhere(tmp_path)
    backup.restore(there, server.target)
    again = tmp_path / "out" / "again.tar"
    backup.make(there, again, settings_file=None, now=NOON)
    third = dataclasses.replace(there, data_dir=tmp_path / "third")
    backup.restore(third, again)
    assert peers(third) == [("oak.example", 3, 1), ("city.example", 4, 1)]


def test_a_restore_never_overwrites(server: Server):
    server.back_up()
    before = peers(server.settings)
    with pytest.raises(Conflict) as refused:
        backup.restore(server.settings, server.target)
    assert refused.value.code == "not-empty"
    assert peers(server.settings) == before


def changed(**values: Any) -> Any:
    return lambda path: {"manifest.json": json.dumps(manifest(path) | values).encode()}


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: {"fedhood.db": b"SQLite format 3\x00 but not the same"},
        lambda _: {"manifest.json": b"{"},
        lambda _: {"manifest.json": b"[]"},
        changed(format=2),
        changed(engine="postgresql"),
        changed(files={"fedhood.db": "0" * 64}),
        changed(files={"data/../../escaped": "0" * 64}),
        changed(files={"/etc/escaped": "0" * 64}),
        changed(files={"data//etc/escaped": "0" * 64}),
        changed(files={"data/missing": "0" * 64}),
    ],
)
def test_a_damaged_backup_leaves_no_server_behind(server: Server, tmp_path: Path, damage):
    server.back_up()
    rewrite(server.target, damage(server.target))
    there = server.elsewhere(tmp_path)
    with pytest.raises(Invalid) as refused:
        backup.restore(there, server.target)
    assert refused.value.code == "backup"
    assert not migrate.database_file(there).exists()
    assert not list(tmp_path.parent.rglob("escaped"))


def test_what_is_no_backup_is_refused(server: Server, tmp_path: Path):
    server.target.write_bytes(os.urandom(2000))
    with pytest.raises(Invalid):
        backup.restore(server.elsewhere(tmp_path), server.target)


def test_of_a_postgresql_server_the_rest_is_kept_and_the_dump_is_named(postgres_server, tmp_path: Path):
    with postgres_server.filled() as dsn:
        settings = Settings(data_dir=tmp_path / "data", database=dsn)
        settings.data_dir.mkdir()
        (settings.data_dir / "key").write_text("secret")
        db = peewee.PostgresqlDatabase(dsn, prefer_psycopg3=True)
        with db.connection_context():
            PEER.insert(host="oak.example", state="agreed", trust="neighbour", added_at=NOON).execute(db)
        kept = backup.make(settings, tmp_path / "rest.tar", settings_file=None, now=NOON)
        assert kept.files == ("data/key",)
        assert kept.command.startswith("pg_dump ")
        assert dsn not in kept.command, "it may hold a password"
        backup.restore(dataclasses.replace(settings, data_dir=tmp_path / "elsewhere"), tmp_path / "rest.tar")
        with db.connection_context():
            assert list(PEER.select(PEER.stream_epoch).tuples().execute(db)) == [(2,)]
