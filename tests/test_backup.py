"""A backup is made while the server runs, says what it holds, and comes back with a new stream epoch."""

import asyncio
import dataclasses
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import peewee
import pytest

from fedhood import backup
from fedhood.all_tables import TABLES
from fedhood.backup import leap
from fedhood.core import accounts, help_requests, neighbourhoods, posts
from fedhood.core.access import Viewer
from fedhood.core.help_requests import HelpCategory, State
from fedhood.kernel import migrate
from fedhood.kernel.database import open_database
from fedhood.kernel.engine import Database, UnitOfWork
from fedhood.kernel.errors import Conflict, Invalid
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from fedhood.kernel.sqlite import open_file
from fedhood.kernel.state import InstanceTable
from tests.support import people
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
    backup.restore(there, server.target, now=NOON)
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
    backup.restore(there, server.target, now=NOON)
    assert peers(there) == [("oak.example", 1 + leap(NOON), 1), ("city.example", 2 + leap(NOON), 1)]
    assert (there.data_dir / "vault" / "key").read_text() == "secret"
    assert (there.data_dir / "settings-of-backup.toml").read_text() == 'host = "elm.example"\n'
    modes = {path.stat().st_mode & 0o077 for path in [there.data_dir, *there.data_dir.rglob("*")]}
    assert modes == {0}


def test_a_restored_server_can_be_kept_and_restored_again(server: Server, tmp_path: Path):
    server.back_up()
    there = server.elsewhere(tmp_path)
    backup.restore(there, server.target, now=NOON)
    again = tmp_path / "out" / "again.tar"
    backup.make(there, again, settings_file=None, now=NOON)
    third = dataclasses.replace(there, data_dir=tmp_path / "third")
    backup.restore(third, again, now=NOON)
    assert peers(third) == [("oak.example", 1 + 2 * leap(NOON), 1), ("city.example", 2 + 2 * leap(NOON), 1)]


def test_a_restore_never_overwrites(server: Server):
    server.back_up()
    before = peers(server.settings)
    with pytest.raises(Conflict) as refused:
        backup.restore(server.settings, server.target, now=NOON)
    assert refused.value.code == "not-empty"
    assert peers(server.settings) == before


def resummed(path: Path, name: str, raw: bytes) -> dict[str, bytes]:
    """A part with other bytes, or one more, and a manifest that agrees."""
    said = manifest(path)
    files = said["files"] | {name: hashlib.sha256(raw).hexdigest()}
    return {name: raw, "manifest.json": json.dumps(said | {"files": files}).encode()}


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
        changed(files={}),
        changed(files=["fedhood.db"]),
        changed(files={"data/vault/key/below": "0" * 64}),
        lambda path: resummed(path, "fedhood.db", b""),
        lambda path: resummed(path, "fedhood.db", b"no database" * 1000),
        lambda path: resummed(path, "data/out/../fedhood.db", b"x"),
        lambda path: resummed(path, "data/vault", b"a file and a folder"),
    ],
)
def test_a_damaged_backup_leaves_no_server_behind(server: Server, tmp_path: Path, damage):
    server.back_up()
    rewrite(server.target, damage(server.target))
    there = server.elsewhere(tmp_path)
    with pytest.raises(Invalid) as refused:
        backup.restore(there, server.target, now=NOON)
    assert refused.value.code == "backup"
    assert str(server.target) in refused.value.detail
    assert not there.data_dir.exists()
    assert not list(tmp_path.parent.rglob("escaped"))


def test_after_a_damaged_backup_a_good_one_is_restored(server: Server, tmp_path: Path):
    server.back_up()
    good = server.target.read_bytes()
    rewrite(server.target, {"data/vault/key": b"other"})
    there = server.elsewhere(tmp_path)
    there.data_dir.mkdir()  # as systemd makes it
    with pytest.raises(Invalid):
        backup.restore(there, server.target, now=NOON)
    assert list(there.data_dir.iterdir()) == []
    server.target.write_bytes(good)
    backup.restore(there, server.target, now=NOON)
    assert sorted(path.name for path in there.data_dir.iterdir()) == [
        "fedhood.db",
        "out",
        "settings-of-backup.toml",
        "vault",
    ]


def test_a_restore_that_was_cut_short_is_begun_anew(server: Server, tmp_path: Path):
    server.back_up()
    there = server.elsewhere(tmp_path)
    (there.data_dir / ".restoring" / "vault").mkdir(parents=True)
    (there.data_dir / ".restoring" / "vault" / "key").write_text("half")
    backup.restore(there, server.target, now=NOON)
    assert (there.data_dir / "vault" / "key").read_text() == "secret"
    assert not (there.data_dir / ".restoring").exists()


@pytest.mark.parametrize(
    "raw", [b"", b"hello", os.urandom(2000), b"SQLite format 3\x00" + bytes(5000), bytes(20480)], ids=range(5)
)
def test_what_is_no_backup_is_refused(server: Server, tmp_path: Path, raw: bytes):
    server.target.write_bytes(raw)
    there = server.elsewhere(tmp_path)
    with pytest.raises(Invalid, match="is no backup of fedhood"):
        backup.restore(there, server.target, now=NOON)
    assert not there.data_dir.exists()


@pytest.mark.parametrize("kept", [100, 1500, 60_000])
def test_half_a_backup_is_refused(server: Server, tmp_path: Path, kept: int):
    server.back_up()
    server.target.write_bytes(server.target.read_bytes()[:kept])
    with pytest.raises(Invalid, match="is no backup of fedhood"):
        backup.restore(server.elsewhere(tmp_path), server.target, now=NOON)
    assert not server.elsewhere(tmp_path).data_dir.exists()


def test_a_backup_goes_into_a_folder_that_is_there(server: Server, tmp_path: Path):
    with pytest.raises(Invalid) as refused:
        backup.make(server.settings, tmp_path / "none" / "elm.tar", settings_file=None, now=NOON)
    assert refused.value.code == "no-folder"
    assert str(tmp_path / "none") in refused.value.detail


def test_a_backup_goes_into_a_folder_that_may_be_written(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Invalid, match="may not write into"):
        server.back_up()


def test_a_backup_that_fails_leaves_nothing_behind(server: Server):
    def out_of_room(_done: int, _whole: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        backup.make(server.settings, server.target, settings_file=None, now=NOON, progress=out_of_room)
    assert [path.name for path in server.target.parent.iterdir()] == ["fedhood.toml"]


def test_a_restored_server_whose_settings_are_packed_can_be_restored_again(server: Server, tmp_path: Path):
    server.back_up()
    there = server.elsewhere(tmp_path)
    backup.restore(there, server.target, now=NOON)
    again = tmp_path / "out" / "again.tar"
    backup.make(there, again, settings_file=server.settings_file, now=NOON)
    third = dataclasses.replace(there, data_dir=tmp_path / "third")
    backup.restore(third, again, now=NOON)
    assert (third.data_dir / "settings-of-backup.toml").exists()


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
        backup.restore(dataclasses.replace(settings, data_dir=tmp_path / "elsewhere"), tmp_path / "rest.tar", now=NOON)
        with db.connection_context():
            assert list(PEER.select(PEER.stream_epoch).tuples().execute(db)) == [(1 + leap(NOON),)]


def test_a_postgresql_database_is_filled_before(postgres_server, server: Server, tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "data", database="postgresql://nowhere")
    settings.data_dir.mkdir()
    backup.make(settings, tmp_path / "rest.tar", settings_file=server.settings_file, now=NOON)
    with postgres_server.empty() as dsn:
        there = Settings(data_dir=tmp_path / "elsewhere", database=dsn)
        with pytest.raises(Invalid) as refused:
            backup.restore(there, tmp_path / "rest.tar", now=NOON)
    assert refused.value.code == "not-filled"
    assert not there.data_dir.exists()


# -- what is said after a restore is not taken for what was said before the loss ---------------------------------------


@dataclasses.dataclass(frozen=True)
class Elm:
    """A server with a word, three requests for help, and a request of another server's, kept and restored."""

    settings: Settings
    ana: Viewer
    word: int
    open: int
    claimed: int
    withdrawn: int
    mirrored: int


@contextmanager
def opened(settings: Settings, clock) -> Iterator[Database]:
    database = open_database(settings, clock=clock, new_id=IdMaker(clock), consequences=lambda *_: None)
    try:
        yield database
    finally:
        asyncio.run(database.close())


def live(database: Database, settings: Settings) -> Elm:
    home = people.neighbourhood(database, "Elm")
    ana, ben = (people.resident(database, name, home) for name in ("Ana", "Ben"))

    def ask(line: str) -> int:
        until = NOON + timedelta(days=7)
        return database.transact(help_requests.ask, by=ana, line=line, category=HelpCategory.OTHER, until=until)

    def elsewhere(uow: UnitOfWork) -> int:
        oak = neighbourhoods.remember(uow, peer=1, uri="https://oak.example/n", key="oak", name="Oak")
        cem = accounts.remember(uow, peer=1, uri="https://oak.example/c", name="Cem", neighbourhood=oak)
        return help_requests.mirror(
            uow,
            uri="https://oak.example/1",
            author=cem,
            neighbourhood=oak,
            places=[home],
            text="a ladder",
            language="en",
            category=HelpCategory.OTHER,
            area="",
            until=NOON + timedelta(days=7),
            state=State.OPEN,
            revision=1,
            published_at=NOON,
        )

    word = database.transact(posts.publish, by=ana, text="hello")
    is_open, claimed, withdrawn = (ask(line) for line in ("a hand", "a lift", "a drill"))
    offer = database.transact(help_requests.offer, by=ben, request_id=claimed, text="I can")
    database.transact(help_requests.accept, by=ana, offer_id=offer)
    database.transact(help_requests.withdraw, by=ana, request_id=withdrawn)
    return Elm(settings, ana, word, is_open, claimed, withdrawn, database.transact(elsewhere))


@pytest.fixture(params=["sqlite", "postgres"])
def elm(request: pytest.FixtureRequest, tmp_path: Path, clock) -> Iterator[Elm]:
    """Elm after a restore, an hour later."""
    if request.param == "postgres":
        with request.getfixturevalue("postgres_server").filled() as dsn:
            yield restored(Settings(data_dir=tmp_path / "data", database=dsn), tmp_path, clock)
    else:
        yield restored(Settings(data_dir=tmp_path / "data"), tmp_path, clock)


def restored(settings: Settings, tmp_path: Path, clock) -> Elm:
    settings.data_dir.mkdir()
    if not settings.database:
        migrate.up(settings, now=NOON)
    with opened(settings, clock) as database:
        lived = live(database, settings)
    backup.make(settings, tmp_path / "elm.tar", settings_file=None, now=NOON)
    there = dataclasses.replace(settings, data_dir=tmp_path / "elsewhere")
    backup.restore(there, tmp_path / "elm.tar", now=clock.move(timedelta(hours=1)))
    return dataclasses.replace(lived, settings=there)


LEAP = leap(NOON + timedelta(hours=1))


def test_a_later_restore_of_the_same_backup_leaps_further():
    assert leap(NOON + timedelta(minutes=1)) == leap(NOON) + 1 > 3_000_000


def test_an_edit_after_a_restore_has_a_version_that_nothing_had(elm: Elm, clock):
    with opened(elm.settings, clock) as database:
        database.transact(posts.edit, by=elm.ana, post_id=elm.word, text="hello again")
        assert database.look(posts.row, post_id=elm.word).version == 2 + LEAP
        assert database.look(posts.at_version, post_id=elm.word, version=1 + LEAP).text == "hello"


def test_a_request_that_may_still_change_has_a_new_revision_with_its_state(elm: Elm, clock):
    with opened(elm.settings, clock) as database:
        for post, revision, state in ((elm.open, 1 + LEAP, State.OPEN), (elm.claimed, 2 + LEAP, State.CLAIMED)):
            assert database.look(help_requests.request_row, post).revision == revision
            assert database.look(help_requests.state_at, post, revision) == (state, clock.now())
        assert database.look(help_requests.state_at, elm.claimed, 2)[0] is State.CLAIMED, "what waits is said yet"
        database.transact(help_requests.withdraw, by=elm.ana, request_id=elm.open)
        assert database.look(help_requests.state_at, elm.open, 2 + LEAP)[0] is State.WITHDRAWN


@pytest.mark.parametrize("which", ["withdrawn", "mirrored"])
def test_a_request_that_has_ended_or_is_not_ours_keeps_its_revision(elm: Elm, clock, which: str):
    with opened(elm.settings, clock) as database:
        assert database.look(help_requests.request_row, getattr(elm, which)).revision < LEAP


def test_a_post_of_another_server_keeps_its_version(elm: Elm, clock):
    with opened(elm.settings, clock) as database:
        assert database.look(posts.row, post_id=elm.mirrored).version == 1
