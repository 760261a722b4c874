"""A copy of the whole server in one file, made while it runs, and the way back.

The file is a tar (mode 0600: it holds keys) with a manifest that names every part and its SHA-256. Of a PostgreSQL
database it holds no copy: `pg_dump` makes that one, and the rest is packed.

After a restore this server may have forgotten what it sent last; so every peer's stream begins a new epoch, which
tells the peer to ask again rather than to wait for numbers that were already given.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import peewee

from fedhood.kernel import migrate
from fedhood.kernel.clock import instant
from fedhood.kernel.errors import Conflict, Invalid
from fedhood.kernel.sqlite import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from fedhood.kernel.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "fedhood.db"
SETTINGS = "settings.toml"
DUMP = 'pg_dump --format=custom --file=fedhood.pgdump "$FEDHOOD_DATABASE"'
NEW_EPOCHS = "UPDATE peer SET stream_epoch = stream_epoch + 1, stream_next = 1"
_NOT_PACKED = {"backups", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "migrate.lock", "server.lock"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a backup holds. `command` is what must be run beside it, empty when it is whole by itself."""

    files: tuple[str, ...]
    command: str = ""


def make(
    settings: Settings,
    target: Path,
    *,
    settings_file: Path | None,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Kept:
    """Write a backup beside the running server. Raises Conflict for a file that is already there.

    `progress` is told, as it goes on, how many bytes more were packed, and of how many in all.
    """
    if target.exists():
        raise Conflict(f"{target} is already there; a backup never replaces one", code="already-there")
    part = target.with_name(f"{target.name}.part")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fedhood-backup-") as work:
        parts = dict(_parts(settings, settings_file, Path(work)))
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            sums = {name: _sum(path) for name, path in parts.items()}
            with tarfile.open(fileobj=file, mode="w") as tar:
                _add_manifest(tar, settings, sums, now)
                whole = sum(path.stat().st_size for path in parts.values())
                for name, path in parts.items():
                    with path.open("rb") as part_file:
                        entry = tar.gettarinfo(arcname=name, fileobj=part_file)
                        tar.addfile(entry, _Counted(part_file, whole, progress))
            file.flush()
            os.fsync(file.fileno())
    part.rename(target)
    return Kept(files=tuple(parts), command=DUMP if settings.database else "")


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], whole: int, progress: Callable[[int, int], None] | None) -> None:
        self._file, self._whole, self._progress = file, whole, progress

    def read(self, size: int = -1) -> bytes:
        """Read on, and tell."""
        chunk = self._file.read(size)
        if self._progress is not None:
            self._progress(len(chunk), self._whole)
        return chunk


def _parts(settings: Settings, settings_file: Path | None, work: Path) -> Iterator[tuple[str, Path]]:
    """Name in the backup and file, of everything that is packed."""
    if not settings.database:
        database = migrate.database_file(settings)
        if not database.exists():
            raise Invalid(f"there is no database in {settings.data_dir}", code="no-database")
        db = open_file(database)
        with db.connection_context():
            migrate.copy_to(db, work / DATABASE)
        yield DATABASE, work / DATABASE
    if settings_file is not None and settings_file.exists():
        yield SETTINGS, settings_file
    for path in sorted(settings.data_dir.rglob("*")):
        inside = path.relative_to(settings.data_dir)
        being_made = work in path.parents or path.name.endswith(".part")  # a backup may be made inside data_dir
        if path.is_file() and not being_made and inside.parts[0] not in _NOT_PACKED:
            yield f"data/{inside.as_posix()}", path


def _add_manifest(tar: tarfile.TarFile, settings: Settings, sums: dict[str, str], now: datetime) -> None:
    manifest = {
        "format": FORMAT,
        "fedhood": metadata.version("fedhood"),
        "made_at": instant(now),
        "engine": "postgresql" if settings.database else "sqlite",
        "files": sums,
    }
    raw = json.dumps(manifest, indent=2).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mode = len(raw), 0o600
    tar.addfile(entry, io.BytesIO(raw))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(settings: Settings, source: Path) -> Kept:
    """Unpack a backup into an empty data_dir and begin a new stream epoch with every peer.

    The database file gets its name last, so that a restore which was cut short leaves no server behind. A PostgreSQL
    database must have been filled by `pg_restore` before.

    Raises Conflict with code `not-empty`, Invalid with code `backup` for a file that is damaged or of a newer kind.
    """
    data = settings.data_dir
    if data.exists() and any(data.iterdir()):
        raise Conflict(f"{data} is not empty; a restore never overwrites", code="not-empty")
    try:
        with tarfile.open(source, "r:") as tar:
            manifest = _manifest(tar, settings)
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, expected in manifest["files"].items():
                _unpack(tar, name, expected, data / _place(name))
    except (tarfile.TarError, OSError, KeyError, TypeError, ValueError) as failure:
        raise Invalid(f"{source} cannot be restored: {failure}", code="backup") from failure
    _begin_new_epochs(settings)
    return Kept(files=tuple(manifest["files"]))


def _manifest(tar: tarfile.TarFile, settings: Settings) -> dict[str, Any]:
    opened = tar.extractfile(MANIFEST)
    if opened is None:
        raise ValueError("it has no manifest")
    manifest: dict[str, Any] = json.loads(opened.read(1 << 20))
    if manifest["format"] != FORMAT:
        raise ValueError("a newer fedhood made it")
    wanted = "postgresql" if settings.database else "sqlite"
    if manifest["engine"] != wanted:
        raise ValueError(f"it is of a {manifest['engine']} server, and the settings name {wanted}")
    return manifest


def _place(name: str) -> Path:
    """Where a part belongs inside data_dir. Raises ValueError for a name that leads out of it."""
    if name == DATABASE:
        return Path(f"{DATABASE}.part")
    if name == SETTINGS:
        return Path("settings-of-backup.toml")
    inside = Path(name.removeprefix("data/"))
    if not name.startswith("data/") or inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise ValueError(f"it has a part that belongs nowhere: {name}")
    return inside


def _unpack(tar: tarfile.TarFile, name: str, expected: str, target: Path) -> None:
    opened = tar.extractfile(name)
    if opened is None:
        raise ValueError(f"{name} is no file")
    for parent in reversed(target.parents):
        parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != expected:
        raise ValueError(f"{name} is damaged")


def _begin_new_epochs(settings: Settings) -> None:
    if settings.database:
        postgres = peewee.PostgresqlDatabase(settings.database, prefer_psycopg3=True)
        with postgres.connection_context(), postgres.atomic():
            postgres.execute_sql(NEW_EPOCHS)
        return
    part = settings.data_dir / f"{DATABASE}.part"
    db = open_file(part)
    with db.connection_context(), db.atomic():
        db.execute_sql(NEW_EPOCHS)
    part.rename(migrate.database_file(settings))
