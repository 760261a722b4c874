"""What the machine, the disk or the database refuses, in one sentence that says where, and what to do about it."""

from __future__ import annotations

import errno
import re
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import peewee

from fedhood.kernel import migrate
from fedhood.kernel.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedhood.kernel.settings import Settings

_FULL = 1 << 20  # bytes that are free, at most, on a disk that SQLite calls anything but full
_OWNER = "run fedhood as the user that it belongs to"
_PASSWORD = re.compile(r"://[^:/@]*:(.*)@")
_OF_FILES = {
    errno.EACCES: f"may not be read or written by this user; {_OWNER}, or choose another place",
    errno.EPERM: f"may not be changed by this user; {_OWNER}",
    errno.EROFS: "is on a disk that takes no changes; choose a folder elsewhere",
    errno.ENOENT: "is not there, and cannot be made; choose another place",
    errno.ENOTDIR: "cannot be: a file stands where a folder should be; choose another place",
    errno.EEXIST: "is a file, and should be a folder; choose another place",
    errno.EISDIR: "is a folder, and should be a file",
    errno.ENOSPC: "does not fit: the disk is full; make room",
    errno.EDQUOT: "does not fit: this user's share of the disk is full; make room",
    errno.EIO: "could not be read or written: the disk may be failing",
    errno.ENAMETOOLONG: "is too long a name",
}
_OF_LISTENING = {
    errno.EADDRINUSE: "another program listens there already, perhaps a fedhood that is running. Stop it, or choose "
    "another port",
    errno.EACCES: "ports below 1024 are not for everybody. Choose one above, such as 8080, and let a proxy stand in "
    "front",
    errno.EADDRNOTAVAIL: "this machine does not have that address. 127.0.0.1 is for a proxy on this machine, 0.0.0.0 "
    "is every address",
}
# what SQLite says, and what it means for who runs the server
_OF_SQLITE = {
    "unable to open": f"cannot be opened; {_OWNER}",
    "readonly": f"may not be written by this user; {_OWNER}",
    "locked": "is held by another program; try again, or stop that program",
    "full": "does not fit on the disk any more; make room",
    "disk i/o": "could not be read or written: the disk may be failing",
    "not a database": "is no database, or is damaged; restore a backup into an empty folder",
    "malformed": "is damaged; restore a backup into an empty folder",
}


@contextmanager
def in_words(settings: Settings) -> Iterator[None]:
    """Let what a host can get wrong be refused in a sentence. A fault of ours passes as it is."""
    try:
        yield
    except (OSError, peewee.PeeweeException) as failure:
        sentence = words_for(failure, settings)
        if sentence is None:
            raise
        raise Invalid(sentence, code="machine") from failure
    except Invalid as refusal:
        if refusal.code == "schema-failed" and not settings.database and _is_full(settings):
            raise Invalid(_no_room(settings), code="machine") from refusal
        raise


def words_for(failure: Exception, settings: Settings) -> str | None:
    """What went wrong and what to do, None for what a host cannot have caused."""
    if isinstance(failure, peewee.ImproperlyConfigured):
        return "database: the driver for PostgreSQL is missing; install it with: pip install 'fedhood[postgres]'"
    if isinstance(failure, peewee.PeeweeException):
        return _of_postgres(failure, settings) if settings.database else _of_sqlite(failure, settings)
    if isinstance(failure, OSError) and failure.filename is not None:
        return _of_file(failure, settings)
    if isinstance(failure, OSError) and failure.errno == errno.ENOSPC:
        return "the disk is full; make room"
    return None


def words_for_listening(failure: OSError, settings: Settings) -> str:
    """Why nobody can listen where the settings say."""
    if isinstance(failure, socket.gaierror):
        why = "this machine knows no address of that name. Write an address, such as 127.0.0.1:8080"
    else:
        why = _OF_LISTENING.get(failure.errno or 0, failure.strerror or str(failure))
    return f"listen: cannot listen on {settings.listen}: {why}"


def _of_file(failure: OSError, settings: Settings) -> str | None:
    meaning = _OF_FILES.get(failure.errno or 0)
    if meaning is None:
        return None
    path, folder = Path(str(failure.filename)).absolute(), settings.data_dir.absolute()
    where = "data_dir: " if folder == path or folder in path.parents else ""
    return f"{where}{path} {meaning}"


def _of_sqlite(failure: peewee.PeeweeException, settings: Settings) -> str | None:
    said = str(failure).lower()
    if "disk i/o" in said and _is_full(settings):  # what it says of a full disk when it makes its other files
        return _no_room(settings)
    meaning = next((meaning for part, meaning in _OF_SQLITE.items() if part in said), None)
    return None if meaning is None else f"{migrate.database_file(settings).absolute()} {meaning}"


def _no_room(settings: Settings) -> str:
    return f"{migrate.database_file(settings).absolute()} {_OF_SQLITE['full']}"


def _is_full(settings: Settings) -> bool:
    """Whether next to nothing is free where the database is, or would be."""
    folder = settings.data_dir.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free < _FULL


def _of_postgres(failure: peewee.PeeweeException, settings: Settings) -> str | None:
    """Only what kept us from talking to it; what a statement of ours got wrong is ours. The password is never said."""
    cause = failure.__cause__ or failure.__context__
    if getattr(cause, "sqlstate", None) is not None and not isinstance(failure, peewee.OperationalError):
        return None
    said = _without_password(str(failure).strip(), settings.database).partition("\n")[0]
    return (
        f"database: PostgreSQL does not answer us: {said}. Look whether it runs, and whether the address is right: "
        "postgresql://USER:PASSWORD@HOST/DATABASE"
    )


def _without_password(said: str, address: str) -> str:
    """PostgreSQL's driver quotes what it cannot read, a whole address too."""
    for password in _PASSWORD.findall(address):
        for spelling in {password, unquote(password)} - {""}:
            said = said.replace(spelling, "…")
    return said
