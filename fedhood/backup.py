"""A copy of the whole server in one file, made while it runs, and the way back.

The file is a tar (mode 0600: it holds keys) with a manifest that names every part and its SHA-256. Of a PostgreSQL
database it holds no copy: `pg_dump` makes that one, and the rest is packed.

After a restore this server has forgotten what it said last. So every peer's stream begins a new epoch: its numbers
begin anew and cannot be taken for those that were already given. What was heard since the backup is asked for when the
server starts. And nothing that is said from now on may look like what was said and forgotten: see `LEAPS`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import peewee

from fedhood.kernel import migrate
from fedhood.kernel.clock import instant, milliseconds
from fedhood.kernel.errors import Conflict, Invalid
from fedhood.kernel.sqlite import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedhood.kernel.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "fedhood.db"
SETTINGS = "settings.toml"
DUMP = 'pg_dump --format=custom --file=fedhood.pgdump "$FEDHOOD_DATABASE"'
# The id of an activity is made of a verb, the id of its object and the object's version, and a receiver drops an id
# that it has seen. A restore takes versions back: an edit made after it would get the number of one that was made
# between the backup and the loss, and the peers would drop it unread. So whatever of ours can still change leaps ahead
# of every number that it may have had, and ahead of an earlier restore of the same backup: by the minutes that a clock
# has counted. A post may be edited, hidden or removed at any time; a request that has ended never changes again. A
# revision of a request needs its row, for an activity says the state that it had then.
LEAPS = (
    "UPDATE peer SET stream_epoch = stream_epoch + {leap}, stream_next = 1",
    "UPDATE post SET version = version + {leap} WHERE uri IS NULL",
    """
    UPDATE help_request SET revision = revision + {leap}
    WHERE state IN ('open', 'claimed') AND post IN (SELECT id FROM post WHERE uri IS NULL)
    """,
)
KEEP_REVISIONS = """
    INSERT INTO help_revision (post, revision, state, at)
    SELECT post, revision, state, ? FROM help_request
    WHERE state IN ('open', 'claimed') AND post IN (SELECT id FROM post WHERE uri IS NULL)
"""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_STAGE = ".restoring"  # inside data_dir: parts lie here until all of them are there and whole
_OLD_SETTINGS = "settings-of-backup.toml"
_NOT_PACKED = {
    "backups",
    DATABASE,
    f"{DATABASE}-wal",
    f"{DATABASE}-shm",
    "migrate.lock",
    "server.lock",
    _STAGE,
    _OLD_SETTINGS,
}
_UNDEFINED_TABLE = "42P01"  # PostgreSQL's code


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
    """Write a backup beside the running server. What fails leaves no file behind.

    Raises Conflict for a file that is already there, Invalid for a folder that is not or that may not be written,
    and for a server that has no database yet.

    `progress` is told, as it goes on, how many bytes more were packed, and of how many in all.
    """
    if target.exists():
        raise Conflict(f"{target} is already there; a backup never replaces one", code="already-there")
    if not target.parent.is_dir():
        raise Invalid(f"there is no folder {target.parent}; make it first, or name a file elsewhere", code="no-folder")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise Invalid(f"this user may not write into {target.parent}; name a file elsewhere", code="no-folder")
    part = target.with_name(f"{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fedhood-backup-") as work:
            parts = dict(_parts(settings, settings_file, Path(work)))
            _pack(part, parts, settings, now, progress)
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Kept(files=tuple(parts), command=DUMP if settings.database else "")


def _pack(
    part: Path,
    parts: dict[str, Path],
    settings: Settings,
    now: datetime,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write all parts into one file that only its owner may read, on the disk when this returns."""
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
            raise Invalid(
                f"there is no database in {settings.data_dir}; is data_dir the folder that fedhood serve uses?",
                code="no-database",
            )
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


def restore(settings: Settings, source: Path, *, now: datetime) -> Kept:
    """Unpack a backup into an empty data_dir, begin a new stream epoch with every peer, and leap ahead
    (`LEAPS`).

    All or nothing: parts are unpacked into a folder of their own inside data_dir and moved when all is well, the
    database last; what fails takes away what it made, and what a restore that was cut short left is taken away by the
    next. A PostgreSQL database must have been filled by `pg_restore` before.

    Raises Conflict with code `not-empty`, Invalid with code `backup` for a file that is none, is damaged or of another
    kind, and with code `not-filled` for a PostgreSQL database without tables.
    """
    data = settings.data_dir
    if data.exists() and any(path.name != _STAGE for path in data.iterdir()):
        raise Conflict(
            f"the folder {data} is not empty, and a restore never overwrites; name another folder in the setting "
            "data_dir, or move elsewhere what is there",
            code="not-empty",
        )
    existed = data.exists()
    try:
        files = _restore_into(settings, source, now)
    except BaseException:
        shutil.rmtree(data / _STAGE, ignore_errors=True)
        if not existed and data.exists() and not any(data.iterdir()):
            data.rmdir()
        raise
    return Kept(files=files)


def _restore_into(settings: Settings, source: Path, now: datetime) -> tuple[str, ...]:
    stage = settings.data_dir / _STAGE
    if stage.exists():
        shutil.rmtree(stage)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    stage.mkdir(mode=0o700)
    try:
        with tarfile.open(source, "r:") as tar:
            manifest = _manifest(tar, settings)
            for name, expected in manifest["files"].items():
                _unpack(tar, name, expected, stage / _place(name))
        if not settings.database and not (stage / DATABASE).is_file():
            raise ValueError("it holds no database")
    except _NO_BACKUP as failure:
        raise Invalid(f"{source} is no backup of fedhood, or is damaged: {_why(failure)}", code="backup") from failure
    try:
        _go_on_anew(settings, stage, now)
    except peewee.DatabaseError as failure:
        raise _of_database(settings, source, failure) from failure
    for path in sorted(stage.iterdir(), key=lambda path: path.name == DATABASE):
        path.rename(settings.data_dir / path.name)
    stage.rmdir()
    return tuple(manifest["files"])


# what a manifest can make go wrong, from a part that is missing to one whose name is also another's folder
_NO_BACKUP = (
    tarfile.TarError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    FileExistsError,
    NotADirectoryError,
)


def _why(failure: Exception) -> str:
    """One line that somebody can understand."""
    match failure:
        case tarfile.ReadError():
            return "it is not the tar file that `fedhood backup` writes, or its end is missing"
        case KeyError():
            return f"a part of it is missing: {failure.args[0]}"
        case json.JSONDecodeError() | TypeError() | AttributeError() | RecursionError() | UnicodeDecodeError():
            return f"its {MANIFEST} says nothing that can be understood"
        case OSError():
            return f"two parts of it have the same place: {failure.filename}"
        case _:
            return str(failure)


def _of_database(settings: Settings, source: Path, failure: peewee.DatabaseError) -> Exception:
    """What the host did wrong, when it is that; else the failure itself."""
    if not settings.database:
        return Invalid(f"{source} holds a database that is damaged: {failure}", code="backup")
    if getattr(failure.__cause__ or failure.__context__, "sqlstate", None) == _UNDEFINED_TABLE:
        return Invalid("database: it has no tables of fedhood yet; fill it with pg_restore first", code="not-filled")
    return failure


def _manifest(tar: tarfile.TarFile, settings: Settings) -> dict[str, Any]:
    opened = tar.extractfile(MANIFEST)
    if opened is None:
        raise ValueError("it has no manifest")
    manifest: dict[str, Any] = json.loads(opened.read(1 << 20))
    if manifest["format"] != FORMAT:
        raise ValueError("a newer fedhood made it")
    wanted = "postgresql" if settings.database else "sqlite"
    if manifest["engine"] != wanted:
        raise ValueError(
            f"it is of a server with {manifest['engine']}, and the setting `database` names {wanted}; they must agree"
        )
    return manifest


def _place(name: str) -> Path:
    """Where a part belongs inside data_dir. Raises ValueError for a name that leads out of it."""
    if name == DATABASE:
        return Path(DATABASE)
    if name == SETTINGS:
        return Path(_OLD_SETTINGS)
    inside = Path(name.removeprefix("data/"))
    if not name.startswith("data/") or inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise ValueError(f"it has a part that belongs nowhere: {name}")
    return inside


def _unpack(tar: tarfile.TarFile, name: str, expected: str, target: Path) -> None:
    opened = tar.extractfile(name)
    if opened is None:
        raise ValueError(f"{name} is no file")
    for parent in reversed(target.parents):  # one by one: `parents=True` would give all but the last other rights
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


def leap(now: datetime) -> int:
    """How far versions and epochs leap at a restore: the minutes since 2020, more at every later one."""
    return int((now - _EPOCH).total_seconds() // 60)


def _go_on_anew(settings: Settings, stage: Path, now: datetime) -> None:
    """Let nothing that is said from now on be taken for something that was said before the loss."""
    db = _database(settings, stage)
    with db.connection_context(), db.atomic():
        for statement in LEAPS:
            db.execute_sql(statement.format(leap=leap(now)))
        db.execute_sql(KEEP_REVISIONS.replace("?", db.param), (milliseconds(now),))


def _database(settings: Settings, stage: Path) -> peewee.Database:
    if settings.database:
        return peewee.PostgresqlDatabase(settings.database, prefer_psycopg3=True)
    return open_file(stage / DATABASE)
