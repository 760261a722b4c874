"""Whatever a host can get wrong is said in one sentence: what, where, and what to do."""

import errno
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import peewee
import pytest
from click.testing import Result

from fedhood.cli.words import in_words, words_for
from fedhood.kernel import migrate
from fedhood.kernel.errors import Invalid
from fedhood.kernel.settings import Settings
from tests.cli.conftest import Shell
from tests.support.world import free_port


def sentence(result: Result) -> str:
    """The one line of a refusal."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def taken() -> Iterator[str]:
    """An address on which somebody listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.fixture
def port() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def nobody() -> str:
    """An address on which nobody listens."""
    return f"127.0.0.1:{free_port()}"


# -- serve ------------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_said_and_nothing_is_made(fedhood: Shell, taken: str):
    said = sentence(fedhood("serve", FEDHOOD_LISTEN=taken))
    assert "listen" in said
    assert taken in said
    assert "another port" in said
    assert not fedhood.settings.data_dir.exists()


def test_a_port_that_is_taken_at_the_last_moment_is_said(fedhood: Shell, monkeypatch: pytest.MonkeyPatch):
    def too_late(_settings: Settings) -> None:
        raise OSError(errno.EADDRINUSE, "error while attempting to bind")

    monkeypatch.setattr("fedhood.app.serve", too_late)
    monkeypatch.setattr("fedhood.cli.serve._look_whether_it_can_listen", lambda _: None)
    assert "another port" in sentence(fedhood("serve"))


@pytest.mark.parametrize(("listen", "part"), [("192.0.2.1:8080", "does not have that address")])
def test_an_address_of_another_machine_is_said(fedhood: Shell, listen: str, part: str):
    assert part in sentence(fedhood("serve", FEDHOOD_LISTEN=listen))


@pytest.mark.parametrize("listen", ["foo", "8081", "127.0.0.1:99999"])
def test_what_is_no_address_is_said(fedhood: Shell, listen: str):
    said = sentence(fedhood("serve", FEDHOOD_LISTEN=listen))
    assert "FEDHOOD_LISTEN" in said
    assert "127.0.0.1:8080" in said


def test_a_time_zone_that_does_not_exist_is_said(fedhood: Shell):
    assert "perhaps Europe/Brussels" in sentence(fedhood("serve", FEDHOOD_TIME_ZONE="Europe/Brusels"))


@pytest.mark.parametrize("inside", ["", "data"])
def test_a_data_folder_that_cannot_be_made_is_said(fedhood: Shell, tmp_path: Path, port: str, inside: str):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / inside
    said = sentence(fedhood("serve", FEDHOOD_DATA_DIR=str(folder), FEDHOOD_LISTEN=port))
    assert said.startswith(f"Error: data_dir: {folder}")


def test_a_folder_or_file_of_another_user_is_said(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    for failure in (
        PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "server.lock")),
        OSError(errno.EROFS, "Read-only file system", str(tmp_path)),
    ):
        assert (words_for(failure, settings) or "").startswith(f"data_dir: {tmp_path}")
    elsewhere = PermissionError(errno.EACCES, "Permission denied", "/root/elm.tar")
    assert (words_for(elsewhere, settings) or "").startswith("/root/elm.tar may not be")


@pytest.mark.parametrize("command", [["serve"], ["accounts", "link", "ana"], ["neighbourhoods", "list"]])
def test_a_database_that_nobody_serves_is_said_without_its_password(
    fedhood: Shell, port: str, command: list[str], nobody: str
):
    said = sentence(
        fedhood(*command, FEDHOOD_LISTEN=port, FEDHOOD_DATABASE=f"postgresql://fedhood:s3cret@{nobody}/fedhood")
    )
    assert said.startswith("Error: database: PostgreSQL does not answer us")
    assert "s3cret" not in said


@pytest.mark.parametrize("password", ["s3%zzcret", "s3cr%65t"])
def test_a_password_that_the_driver_quotes_is_not_said(fedhood: Shell, nobody: str, password: str):
    said = sentence(
        fedhood("accounts", "link", "ana", FEDHOOD_DATABASE=f"postgresql://fedhood:{password}@{nobody}/fedhood")
    )
    assert password not in said
    assert "s3cret" not in said


def test_a_database_that_does_not_exist_is_said(fedhood: Shell, postgres_server, port: str):
    address = postgres_server.address("nowhere")
    said = sentence(fedhood("serve", FEDHOOD_DATABASE=address, FEDHOOD_LISTEN=port))
    assert 'database "nowhere" does not exist' in said


def test_a_driver_that_is_missing_is_said():
    failure = peewee.ImproperlyConfigured("psycopg postgres driver not found.")
    assert "fedhood[postgres]" in (words_for(failure, Settings(database="postgresql://x")) or "")


@pytest.mark.usefixtures("elm")
def test_a_file_that_is_no_database_is_said(fedhood: Shell):
    file = migrate.database_file(fedhood.settings)
    for log in (file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        log.unlink(missing_ok=True)
    file.write_bytes(b"not at all" * 1000)
    said = sentence(fedhood("accounts", "link", "ana"))
    assert str(file) in said
    assert "restore a backup" in said


@pytest.mark.parametrize(
    "failure",
    [
        peewee.OperationalError("no such column: x"),
        peewee.IntegrityError("UNIQUE constraint failed"),
        OSError("of no kind"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
    ],
)
def test_a_fault_of_ours_is_not_dressed_up(failure: Exception):
    with pytest.raises(type(failure)), in_words(Settings()):
        raise failure


@pytest.mark.parametrize(
    "failure",
    [
        peewee.OperationalError("disk I/O error"),
        Invalid("the database could not be brought to the new schema", code="schema-failed"),
    ],
)
def test_a_full_disk_is_called_full_whatever_the_database_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
):
    settings = Settings(data_dir=tmp_path / "data")
    for free, full in ((4096, True), (1 << 30, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(Invalid) as refusal, in_words(settings):
            raise failure
        assert ("does not fit on the disk any more; make room" in refusal.value.detail) is full


def test_a_refusal_passes_as_it_is():
    with pytest.raises(Invalid, match="no"), in_words(Settings()):
        raise Invalid("no")


# -- backup, restore --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("elm")
def test_a_backup_into_a_folder_that_is_not_there_is_refused(fedhood: Shell, tmp_path: Path):
    said = sentence(fedhood("backup", "none/elm.tar"))
    assert str(tmp_path / "none") in said
    assert "make it first" in said


@pytest.mark.parametrize("raw", [b"", b"hello", b"SQLite format 3\x00" + bytes(4096)], ids=range(3))
def test_what_is_no_backup_is_not_restored(fedhood: Shell, tmp_path: Path, raw: bytes):
    (tmp_path / "elm.tar").write_bytes(raw)
    assert "elm.tar is no backup of fedhood" in sentence(fedhood("restore", "elm.tar"))
    assert not fedhood.settings.data_dir.exists()


@pytest.mark.usefixtures("elm")
def test_a_good_backup_is_restored_after_a_bad_one_was_refused(fedhood: Shell, tmp_path: Path):
    assert fedhood("backup", "elm.tar").exit_code == 0
    (tmp_path / "half.tar").write_bytes((tmp_path / "elm.tar").read_bytes()[:20_000])
    new = {"FEDHOOD_DATA_DIR": str(tmp_path / "new")}
    sentence(fedhood("restore", "half.tar", **new))
    assert fedhood("restore", "elm.tar", **new).exit_code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["fedhood.db"]


# -- doctor -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen", "foo"),
        ("time_zone", "Mars/Olympus"),
        ("trusted_proxies", "caddy"),
        ("thread_erase_days", "3"),
        ("database", "mysql://x"),
        ("hots", "elm.example"),
    ],
)
def test_a_doctor_names_a_setting_that_cannot_be(fedhood: Shell, name: str, value: str):
    result = fedhood("doctor", **{f"FEDHOOD_{name.upper()}": value})
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("bad ")
    assert name in line


def test_a_doctor_sees_a_database_that_nobody_serves_once(fedhood: Shell, nobody: str):
    result = fedhood("doctor", FEDHOOD_DATABASE=f"postgresql://fedhood@{nobody}/fedhood")
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("bad")] == ["schema:"]


def test_a_doctor_sees_a_data_folder_that_cannot_be(fedhood: Shell, tmp_path: Path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        result = fedhood("doctor", FEDHOOD_DATA_DIR=str(folder))
        assert result.exit_code == 1
        assert f"folder: data_dir: {folder}" in result.stdout


def test_a_doctor_sees_a_settings_file_that_is_none(fedhood: Shell, tmp_path: Path):
    (tmp_path / "fedhood.toml").write_text("host = elm")
    result = fedhood("doctor")
    assert result.exit_code == 1
    assert 'host = "elm.example"' in result.stdout
