"""Settings are read strictly: what is unknown or cannot be is said, by name."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fedhood.kernel import settings
from fedhood.kernel.errors import Invalid
from fedhood.kernel.settings import Profile, Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fedhood.toml"


def test_without_a_file_everything_has_a_default(file: Path):
    assert settings.load(file, {}) == settings.load(None, {}) == Settings()


def test_a_file_is_read(file: Path):
    file.write_text(
        'host = "elm.example"\nprofile = "city"\ndata_dir = "/srv"\nthread_close_days = 7\n'
        'trusted_proxies = ["10.0.0.1", "10.0.0.2"]\n'
    )
    assert settings.load(file, {}) == Settings(
        host="elm.example",
        profile=Profile.CITY,
        data_dir=Path("/srv"),
        thread_close_days=7,
        trusted_proxies=("10.0.0.1", "10.0.0.2"),
    )


def test_a_variable_wins_over_the_file(file: Path):
    file.write_text('host = "elm.example"\nlog_format = "json"')
    read = settings.load(file, {"FEDHOOD_HOST": "oak.example", "FEDHOOD_THREAD_ERASE_DAYS": "30", "HOME": "/"})
    assert (read.host, read.thread_erase_days, read.log_format) == ("oak.example", 30, "json")


def test_a_list_in_a_variable_is_separated_by_commas():
    assert settings.load(None, {"FEDHOOD_TRUSTED_PROXIES": "10.0.0.1, ::1,"}).trusted_proxies == ("10.0.0.1", "::1")


def test_the_name_of_the_settings_file_is_no_setting():
    assert settings.load(None, {"FEDHOOD_SETTINGS": "/etc/fedhood.toml"}) == Settings()


@pytest.mark.parametrize(
    "name", ["hosts", "HOST", "loopback_names", "clock_offset", "rehearsal", "base_url", "__init__"]
)
def test_an_unknown_name_is_an_error_and_so_is_one_of_the_demo_alone(name: str):
    with pytest.raises(Invalid) as refused:
        settings.build({name: "1"})
    assert refused.value.field == name


def test_an_unknown_variable_is_an_error_too():
    with pytest.raises(Invalid) as refused:
        settings.load(None, {"FEDHOOD_HOTS": "elm.example"})
    assert refused.value.field == "hots"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", 1),
        ("host", "Elm.example"),
        ("host", "https://elm.example"),
        ("host", "elm.example/"),
        ("host", "elm.example:8080"),
        ("host", "elm"),
        ("host", "elm.example."),
        ("host", "-elm.example"),
        ("host", "elm.example\n"),
        ("profile", "village"),
        ("profile", 1),
        ("data_dir", ""),
        ("data_dir", 3),
        ("data_dir", "~/fedhood"),
        ("data_dir", "a\0b"),
        ("host", "127.0.0.1"),
        ("listen", None),
        ("listen", ""),
        ("listen", "foo"),
        ("listen", "8081"),
        ("listen", ":8080"),
        ("listen", "127.0.0.1:"),
        ("listen", "127.0.0.1:0"),
        ("listen", "127.0.0.1:99999"),
        ("listen", "127.0.0.1:-1"),
        ("listen", "127.0.0.1:٨٠"),
        ("listen", "999.1.1.1:8080"),
        ("listen", "::1:8080"),
        ("listen", "[127.0.0.1]:8080"),
        ("listen", "http://127.0.0.1:8080"),
        ("listen", "127.0.0.1:8080\n"),
        ("time_zone", "Europe/Brusels"),
        ("time_zone", "Europe"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", ""),
        ("database", "mysql://fedhood@127.0.0.1/fedhood"),
        ("database", "fedhood"),
        ("database", "postgresql://[bad"),
        ("database", "postgresql://fedhood@127.0.0.1:port/fedhood"),
        ("thread_close_days", 3651),
        ("thread_erase_days", 10**30),
        ("thread_erase_days", 13),  # private threads close after 14
        ("thread_close_days", 91),  # their words are erased after 90
        ("thread_close_days", 0),
        ("thread_close_days", -1),
        ("thread_close_days", True),
        ("thread_close_days", 1.5),
        ("thread_close_days", "soon"),
        ("trusted_proxies", 1),
        ("trusted_proxies", [1]),
        ("trusted_proxies", ["caddy"]),
        ("trusted_proxies", "127.0.0.1:8080"),
        ("trusted_proxies", ["127.0.0.1", "10.0.0.0/33"]),
        ("trusted_proxies", ["0.0.0.0/0"]),
        ("trusted_proxies", ["::/0"]),
        ("log_format", "xml"),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: Any):
    with pytest.raises(Invalid) as refused:
        settings.build({name: value})
    assert (refused.value.code, refused.value.field) == ("settings", name)
    assert name in refused.value.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen", "0.0.0.0:80"),
        ("listen", "[::]:8080"),
        ("listen", "localhost:8080"),
        ("host", "1.elm.example"),
        ("host", "elm.xn--vermgensberater-ctb"),
        ("time_zone", "UTC"),
        ("database", "postgresql://fedhood:secret@db/fedhood"),
        ("thread_erase_days", 14),
        ("trusted_proxies", ("10.0.0.0/8", "fd00::/8", "10.1.2.3/8")),
    ],
)
def test_a_value_that_can_be_is_taken(name: str, value: Any):
    assert getattr(settings.build({name: value}), name) == value


def test_a_refusal_says_what_is_taken():
    with pytest.raises(Invalid, match='either "neighbourhood" or "city"'):
        settings.build({"profile": "village"})


def test_a_refusal_says_the_likeliest_of_the_right_words():
    with pytest.raises(Invalid, match="perhaps listen"):
        settings.build({"listn": "127.0.0.1:80"})
    with pytest.raises(Invalid, match="perhaps Europe/Brussels"):
        settings.build({"time_zone": "europe/brussels "})


def test_a_refusal_says_in_which_file_or_variable_the_value_stands(file: Path):
    file.write_text('listen = "foo"')
    with pytest.raises(Invalid) as refused:
        settings.load(file, {})
    assert refused.value.detail.startswith(f"{file}: listen: 'foo'")
    assert refused.value.field == "listen"
    with pytest.raises(Invalid) as refused:
        settings.load(file, {"FEDHOOD_LISTEN": "8081"})
    assert refused.value.detail.startswith("the variable FEDHOOD_LISTEN: listen: '8081'")


@pytest.mark.parametrize(
    "value",
    ["postgres://fedhood:secret@db/fedhood", ["secret"], "postgresql://u:secret@[b/x", "postgresql://u:secret@b:x"],
)
def test_a_refusal_never_says_a_password(value: Any):
    with pytest.raises(Invalid) as refused:
        settings.build({"database": value})
    assert "secret" not in refused.value.detail


@pytest.mark.parametrize("days", [{"thread_close_days": 100}, {"thread_close_days": 20, "thread_erase_days": 19}])
def test_words_are_never_erased_while_people_still_write(days: dict[str, int]):
    with pytest.raises(Invalid, match="while people still write"):
        settings.build(days)


def test_a_file_that_cannot_be_read_is_named(file: Path):
    file.mkdir()
    with pytest.raises(Invalid) as refused:
        settings.load(file, {})
    assert str(file) in refused.value.detail


@pytest.mark.parametrize("raw", [b"host = ", b"host = 'a'\nhost = 'b'", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(file: Path, raw: bytes):
    file.write_bytes(raw)
    with pytest.raises(Invalid) as refused:
        settings.load(file, {})
    assert str(file) in refused.value.detail


def test_the_public_address_follows_from_the_name():
    assert Settings().base_url == ""
    assert Settings(host="elm.example").base_url == "https://elm.example"
    assert Settings(host="elm.localhost:8081", loopback_names=True).base_url == "http://elm.localhost:8081"


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("192.168.1.2:80", "http://192.168.1.2:80"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("localhost:8080", "http://localhost:8080"),
    ],
)
def test_a_browser_on_this_machine_has_an_address_to_go_to(listen: str, address: str):
    assert Settings(listen=listen).local_url == address


def test_nothing_is_changed_once_it_is_read():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().host = "elm.example"


def test_every_setting_is_explained():
    for field in dataclasses.fields(Settings):
        assert field.metadata["sentence"].endswith("."), field.name
