"""What an administrator copies works as it lies here."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd" / "fedhood.service"
CADDYFILE = DEPLOY / "caddy" / "Caddyfile"
LICENSE = DEPLOY.parent / "LICENSE"
HARDENING = {
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "MemoryDenyWriteExecute=yes",
    "CapabilityBoundingSet=",
    "SystemCallFilter=@system-service",
    "UMask=0077",
    "User=fedhood",
}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    return found


def test_the_unit_is_well_formed(tmp_path: Path):
    """The program it starts is not installed here; a program that is stands in for it."""
    analyze = program("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/fedhood/.venv/bin/fedhood", shutil.which("true") or ""))
    said = subprocess.run([analyze, "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True)
    assert [line for line in said.stderr.splitlines() if UNIT.name in line] == []
    assert said.returncode == 0, said.stderr


def test_the_unit_is_as_closed_as_it_can_be():
    analyze = program("systemd-analyze")
    said = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(UNIT)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_unit_says_every_wall():
    lines = set(UNIT.read_text("utf-8").splitlines())
    assert HARDENING - lines == set()


def test_the_caddyfile_is_valid(tmp_path: Path):
    caddy = program("caddy")
    file = tmp_path / "Caddyfile"
    file.write_text(CADDYFILE.read_text("utf-8").replace("/var/log/caddy", str(tmp_path)))
    said = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", str(file)],
        check=False,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert said.returncode == 0, said.stderr


def test_only_what_has_no_body_is_tried_twice():
    """Caddy before 2.11 has no body left for a second try, and would deliver half of it."""
    adapt = [program("caddy"), "adapt", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    said = json.loads(subprocess.run(adapt, check=True, capture_output=True).stdout)
    (site,) = said["apps"]["http"]["servers"]["srv0"]["routes"]
    proxies = [
        (route.get("match"), handler)
        for route in site["handle"][0]["routes"]
        for handler in route["handle"]
        if handler["handler"] == "reverse_proxy"
    ]
    assert [match for match, proxy in proxies if "load_balancing" in proxy] == [[{"method": ["GET", "HEAD"]}]]
    assert [match for match, proxy in proxies if "load_balancing" not in proxy] == [None]


@pytest.mark.parametrize(
    ("uri", "logged"),
    [
        ("/link/SECRET", "/link/…"),
        ("/setup/SECRET", "/setup/…"),
        ("/setup/SECRET?lang=nl", "/setup/……"),
        ("/join?code=SECRET", "/join…"),
        ("/p/17", "/p/17"),
    ],
)
def test_no_word_that_opens_a_door_is_logged(uri: str, logged: str):
    rules = re.findall(r'request>uri regexp "(.+)" "(.+)"', CADDYFILE.read_text("utf-8"))
    assert len(rules) == 2, "one for what is asked, one for what goes wrong"
    for pattern, instead in rules:
        assert re.sub(pattern, instead.replace("$1", r"\1"), uri) == logged


def test_the_licence_is_the_whole_text():
    text = LICENSE.read_text("utf-8")
    assert text.lstrip().startswith(
        "GNU AFFERO GENERAL PUBLIC LICENSE\n                       Version 3, 19 November 2007"
    )
    assert all(f"\n  {section}. " in text for section in range(18))
    assert "END OF TERMS AND CONDITIONS" in text
