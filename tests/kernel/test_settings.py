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
        ("listen", None),
        ("thread_close_days", 0),
        ("thread_close_days", -1),
        ("thread_close_days", True),
        ("thread_close_days", 1.5),
        ("thread_close_days", "soon"),
        ("trusted_proxies", 1),
        ("trusted_proxies", [1]),
        ("log_format", "xml"),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: Any):
    with pytest.raises(Invalid) as refused:
        settings.build({name: value})
    assert (refused.value.code, refused.value.field) == ("settings", name)
    assert name in refused.value.detail


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


def test_nothing_is_changed_once_it_is_read():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().host = "elm.example"


def test_every_setting_is_explained():
    for field in dataclasses.fields(Settings):
        assert field.metadata["sentence"].endswith("."), field.name
