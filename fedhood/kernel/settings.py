"""What the host decides before the server starts: one frozen record, each option named, typed and explained once.

Read from `fedhood.toml`, then from `FEDHOOD_…` variables, which win. An unknown name is an error, not a shrug. Nothing
is read at import. What moderators change while the server runs is data, not a setting.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fedhood.kernel.errors import Invalid


class Profile(enum.StrEnum):
    """What this server is for."""

    NEIGHBOURHOOD = "neighbourhood"
    CITY = "city"


def _option(sentence: str, default: Any, *, changeable: bool = True) -> Any:
    return dataclasses.field(default=default, metadata={"sentence": sentence, "in_file": changeable})


_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the host decides."""

    data_dir: Path = _option("The folder that holds the database, its keys and its backups.", Path("data"))
    listen: str = _option("Address and port to listen on; a proxy such as Caddy stands in front.", "127.0.0.1:8080")
    host: str = _option(
        "The public name of this server, for example elm.example. Without one it serves its own residents only. "
        "It cannot be changed once a neighbour knows it.",
        "",
    )
    profile: Profile = _option("What this server is for: neighbourhood, or city.", Profile.NEIGHBOURHOOD)
    database: str = _option("A PostgreSQL address (postgresql://…). Empty: one SQLite file in data_dir.", "")
    time_zone: str = _option("The time zone in which days and quarters begin.", "Europe/Brussels")
    trusted_proxies: tuple[str, ...] = _option(
        "Addresses of proxies whose X-Forwarded-For is believed.", ("127.0.0.1", "::1")
    )
    thread_close_days: int = _option("Days after its end that a private thread takes no more messages.", 14)
    thread_erase_days: int = _option("Days after its end that a private thread's words are erased.", 90)
    log_format: str = _option("How the log is written: text, or json.", "text")
    # demo and tests alone; `fedhood serve` refuses them, and no file may name them
    loopback_names: bool = _option(
        "Names ending in .localhost with ports, on this machine only.", default=False, changeable=False
    )
    clock_offset: Path | None = _option("A file with the offset that several processes share.", None, changeable=False)
    rehearsal: bool = _option("Figures without protection, of invented people.", default=False, changeable=False)

    @property
    def base_url(self) -> str:
        """The public address without a final slash, empty when the server has no name."""
        if not self.host:
            return ""
        return f"http://{self.host}" if self.loopback_names else f"https://{self.host}"


def load(file: Path | None, environment: dict[str, str] | None = None) -> Settings:
    """Settings from a file (which may be missing) and the environment.

    Raises Invalid for an unknown name, a wrong type or a value that cannot be: the sentence names the option.
    """
    environment = dict(os.environ) if environment is None else environment
    values: dict[str, Any] = {}
    if file is not None and file.exists():
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
            raise Invalid(f"{file}: not TOML: {failure}", code="settings") from failure
    for name, text in environment.items():
        if name.startswith("FEDHOOD_") and name not in _OTHER_VARIABLES:
            values[name.removeprefix("FEDHOOD_").lower()] = text
    return build(values)


_OTHER_VARIABLES = {"FEDHOOD_SETTINGS", "FEDHOOD_TEST_PG"}


def build(values: dict[str, Any]) -> Settings:
    """Check and convert each named value."""
    known = {field.name: field for field in dataclasses.fields(Settings) if field.metadata["in_file"]}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise Invalid(f"there is no setting called {name!r}", code="settings", field=name)
        checked[name] = _convert(name, value, known[name].default)
    settings = Settings(**checked)
    if settings.host and not _HOST.fullmatch(settings.host):
        raise Invalid(
            f"host: {settings.host!r} is not a public name in lower case, such as elm.example",
            code="settings",
            field="host",
        )
    if settings.log_format not in {"text", "json"}:
        raise Invalid("log_format: text or json", code="settings", field="log_format")
    return settings


def _convert(name: str, value: Any, default: Any) -> Any:
    """A value from a file or a variable, in the type of its default."""
    try:
        return _CONVERTERS[type(default)](value)
    except (ValueError, TypeError):
        raise Invalid(f"{name}: {value!r} is not what this setting takes", code="settings", field=name) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> Path:
    if not _text(value):
        raise ValueError
    return Path(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or int(value) < 1:
        raise ValueError
    return int(value)


def _list(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else [_text(part) for part in list(value)]
    return tuple(part.strip() for part in parts if part.strip())


_CONVERTERS: dict[type, Callable[[Any], Any]] = {
    Profile: Profile,
    str: _text,
    int: _count,
    tuple: _list,
    type(Path()): _path,
}
