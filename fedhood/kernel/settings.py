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
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from fedhood.kernel.errors import Invalid


class Profile(enum.StrEnum):
    """What this server is for."""

    NEIGHBOURHOOD = "neighbourhood"
    CITY = "city"


def _option(sentence: str, default: Any, *, changeable: bool = True) -> Any:
    return dataclasses.field(default=default, metadata={"sentence": sentence, "in_file": changeable})


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# a last part of digits alone makes an address of it, not a name
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.(?![0-9]+\Z){_LABEL}")
_LISTENER = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*(?![0-9]+\Z){_LABEL}")
_MOST_DAYS = 3650


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
        "Addresses of proxies whose X-Forwarded-For is believed; or whole networks, such as 10.0.0.0/8.",
        ("127.0.0.1", "::1"),
    )
    thread_close_days: int = _option("Days after its end that a private thread takes no more messages.", 14)
    thread_erase_days: int = _option(
        "Days after its end that a private thread's words are erased; no fewer than thread_close_days.", 90
    )
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

    @property
    def local_url(self) -> str:
        """Where a browser on this machine finds the pages without a proxy; no final slash.

        To listen on 0.0.0.0 or [::] is to listen everywhere; neither is a place to go to.
        """
        host, _, port = self.listen.rpartition(":")
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return f"http://{self.listen}"
        if not address.is_unspecified:
            return f"http://{self.listen}"
        return f"http://127.0.0.1:{port}" if address.version == 4 else f"http://[::1]:{port}"


def load(file: Path | None, environment: dict[str, str] | None = None) -> Settings:
    """Settings from a file (which may be missing) and the environment.

    Raises Invalid for an unknown name, a wrong type or a value that cannot be: the sentence names the option, and the
    file or the variable in which it stands.
    """
    environment = dict(os.environ) if environment is None else environment
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    if file is not None and file.exists():
        values = _read(file)
        places = dict.fromkeys(values, str(file))
    for variable, text in environment.items():
        if variable.startswith("FEDHOOD_") and variable not in _OTHER_VARIABLES:
            name = variable.removeprefix("FEDHOOD_").lower()
            values[name], places[name] = text, f"the variable {variable}"
    try:
        return build(values)
    except Invalid as refusal:
        place = places.get(refusal.field or "", "")
        detail = f"{place}: {refusal.detail}" if place else refusal.detail
        raise Invalid(detail, code=refusal.code, field=refusal.field) from refusal


_OTHER_VARIABLES = {"FEDHOOD_SETTINGS", "FEDHOOD_TEST_PG"}


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise Invalid(
            f'{file}: not TOML: {failure}. A line of it looks like this: host = "elm.example"', code="settings"
        ) from failure
    except OSError as failure:
        raise Invalid(f"{file} cannot be read: {failure.strerror}", code="settings") from failure


def build(values: dict[str, Any]) -> Settings:
    """Check and convert each named value. Raises Invalid, whose `field` is the option at fault."""
    known = {field.name: field for field in dataclasses.fields(Settings) if field.metadata["in_file"]}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise Invalid(
                f"there is no setting called {name!r}{_perhaps(name, known)}; `fedhood settings` prints them all",
                code="settings",
                field=name,
            )
        checked[name] = _convert(name, value, known[name].default)
    settings = Settings(**checked)
    for name, trouble_with in _CHECKS.items():
        trouble = trouble_with(getattr(settings, name))
        if trouble:
            raise _wrong(name, trouble)
    if settings.thread_erase_days < settings.thread_close_days:
        raise Invalid(
            f"thread_erase_days ({settings.thread_erase_days}) is fewer than thread_close_days "
            f"({settings.thread_close_days}): words cannot be erased while people still write",
            code="settings",
            field="thread_erase_days" if "thread_erase_days" in values else "thread_close_days",
        )
    return settings


def _wrong(name: str, trouble: str) -> Invalid:
    return Invalid(f"{name}: {trouble}", code="settings", field=name)


def _perhaps(word: str, among: Iterable[str]) -> str:
    """The likeliest of the right words, as the end of a sentence; empty when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only who has mistyped something needs it

    near = get_close_matches(word, among, 1)
    return f" (perhaps {near[0]}?)" if near else ""


# -- what each value must be ------------------------------------------------------------------------------------------


def _host_trouble(host: str) -> str:
    if not host or _HOST.fullmatch(host):
        return ""
    return f"{host!r} is not a public name in lower case, without https:// and without a port, such as elm.example"


def _listen_trouble(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    if not _may_listen_on(host):
        return f"{listen!r} is not an address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        return f"{port!r} is not a port; ports are numbers from 1 to 65535, such as the 8080 of 127.0.0.1:8080"
    return ""


def _may_listen_on(host: str) -> bool:
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        return ip_address(host[1:-1] if bracketed else host).version == (6 if bracketed else 4)
    except ValueError:
        return _LISTENER.fullmatch(host) is not None


def _database_trouble(database: str) -> str:
    """The value is never said: it may hold a password."""
    if not database:
        return ""
    example = "such as postgresql://fedhood@127.0.0.1/fedhood"
    if not database.startswith("postgresql://"):
        return f"a PostgreSQL address begins with postgresql://, {example}"
    try:
        _ = urlsplit(database).port  # asked, it is read
    except ValueError:
        return f"the host or the port in it cannot be read; a PostgreSQL address is written postgresql://…, {example}"
    return ""


def _time_zone_trouble(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _perhaps(name, available_timezones()) or "; they are written like Europe/Brussels"
        return f"there is no time zone called {name!r}{near}"
    return ""


def _proxies_trouble(addresses: tuple[str, ...]) -> str:
    for address in addresses:
        try:
            everybody = ip_network(address, strict=False).prefixlen == 0
        except ValueError:
            return f"{address!r} is no address such as 127.0.0.1 and no network such as 10.0.0.0/8"
        if everybody:
            return f"{address!r} is everybody; name the proxies alone, or their network"
    return ""


def _days_trouble(days: int) -> str:
    return "" if days <= _MOST_DAYS else f"{days} days are too many; {_MOST_DAYS} (ten years) are the most"


def _data_dir_trouble(folder: Path) -> str:
    if folder.parts[:1] and folder.parts[0].startswith("~"):
        return f"{str(folder)!r}: ~ means nothing here; write the whole path, such as /var/lib/fedhood"
    return ""


def _log_format_trouble(log_format: str) -> str:
    return "" if log_format in {"text", "json"} else f"{log_format!r} is neither text nor json"


_CHECKS: dict[str, Callable[[Any], str]] = {
    "data_dir": _data_dir_trouble,
    "listen": _listen_trouble,
    "host": _host_trouble,
    "database": _database_trouble,
    "time_zone": _time_zone_trouble,
    "trusted_proxies": _proxies_trouble,
    "thread_close_days": _days_trouble,
    "thread_erase_days": _days_trouble,
    "log_format": _log_format_trouble,
}


def _convert(name: str, value: Any, default: Any) -> Any:
    """A value from a file or a variable, in the type of its default."""
    kind = type(default)
    try:
        return _CONVERTERS[kind](value)
    except (ValueError, TypeError):
        said = "this value" if name in _UNSAID else repr(value)
        raise _wrong(name, f"{said} is not what this setting takes: {_TAKES[kind]}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> Path:
    if not _text(value) or "\0" in value:
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

_UNSAID = {"database"}  # it may hold a password
_TAKES: dict[type, str] = {
    Profile: 'either "neighbourhood" or "city"',
    str: "a text between quotation marks",
    int: "a whole number, 1 or more",
    tuple: 'a list of texts, such as ["127.0.0.1", "::1"]',
    type(Path()): "the path of a folder, between quotation marks",
}
