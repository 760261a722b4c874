"""A server as a volunteer runs it: the settings file, the proxy and the commands of the README, nothing else."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fedhood.kernel.clock import monotonic
from tests.serve_story.namespaces import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.serve_story.namespaces import Machine
    from tests.support.authority import Certificate

ROOT = Path(__file__).parents[2]
FEDHOOD = str(Path(sys.executable).with_name("fedhood"))
# where Caddy keeps what it got from the authority that it asks first
_GOT = Path("caddy", "certificates", "acme-v02.api.letsencrypt.org-directory")


def caddy() -> str | None:
    """Where Caddy is, None when it is not on this machine."""
    return shutil.which("caddy", path=environment()["PATH"])


class Proxy:
    """What stands in front of fedhood: Caddy with the file of this repository, or a small relay of our own."""

    def __init__(self, machine: Machine, host: str, *, with_caddy: bool) -> None:
        self._machine, self._host, self._with_caddy = machine, host, with_caddy
        self._folder = machine.folder / "caddy"
        self._folder.mkdir()
        self._program: subprocess.Popen[bytes] | None = None

    def start(self, certificate: Certificate) -> None:
        """Listen, showing this certificate; what listened before ends."""
        if self._program is not None:
            self._program.terminate()
            self._program.wait(10)
        command, more = self._caddy(certificate) if self._with_caddy else self._relay(certificate)
        self._program = self._machine.start(command, "proxy.log", more)
        _wait_for(self._host)

    def _caddy(self, certificate: Certificate) -> tuple[list[str], dict[str, str]]:
        """The certificate lies where Caddy finds those that it has; the file is ours with the name in it."""
        kept = self._folder / _GOT / self._host
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{self._host}.crt").write_bytes(certificate.chain)
        (kept / f"{self._host}.key").write_bytes(certificate.key)
        (kept / f"{self._host}.json").write_text(json.dumps({"sans": [self._host], "issuer_data": None}))
        (self._machine.folder / "log" / "caddy").mkdir(exist_ok=True)
        file = self._folder / "Caddyfile"
        file.write_text((ROOT / "deploy/caddy/Caddyfile").read_text("utf-8").replace("elm.example", self._host))
        home = str(self._folder)
        more = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}
        return [caddy() or "", "run", "--adapter", "caddyfile", "--config", str(file)], more

    def _relay(self, certificate: Certificate) -> tuple[list[str], dict[str, str]]:
        chain, key = self._folder / "chain.pem", self._folder / "key.pem"
        chain.write_bytes(certificate.chain)
        key.write_bytes(certificate.key)
        command = [sys.executable, "-m", "tests.serve_story.relay", str(chain), str(key)]
        return command, {"PYTHONPATH": str(ROOT)}


class Hosted:
    """`fedhood serve` on a machine, and the commands beside it."""

    def __init__(self, machine: Machine, host: str, *, trusts: Path, city: bool = False) -> None:
        self.machine, self.host = machine, host
        self.data = machine.folder / "data"
        self.settings_file = machine.folder / "fedhood.toml"
        self._trusts = trusts
        self._program: subprocess.Popen[bytes] | None = None
        text = (ROOT / "examples/fedhood.toml").read_text("utf-8")
        changes = {"host": host, "data_dir": str(self.data), **({"profile": "city"} if city else {})}
        for name, value in changes.items():
            text, times = re.subn(rf"^#{name} = .*$", f'{name} = "{value}"', text, flags=re.MULTILINE)
            if times != 1:
                raise AssertionError(f"examples/fedhood.toml has no line for {name}")
        self.settings_file.write_text(text, encoding="utf-8")

    @property
    def _command(self) -> list[str]:
        return [FEDHOOD, "--settings", str(self.settings_file)]

    @property
    def _environment(self) -> Mapping[str, str]:
        return {"SSL_CERT_FILE": str(self._trusts)}

    def serve(self) -> None:
        """Start it; the proxy waits for it."""
        self._program = self.machine.start([*self._command, "serve"], "fedhood.log", self._environment)

    def stop(self) -> None:
        """As systemd stops it. Raises AssertionError when it does not end well."""
        if self._program is None:
            raise AssertionError("it does not run")
        self._program.terminate()
        if self._program.wait(15) != 0:
            raise AssertionError(f"fedhood serve on {self.machine.name} ended with {self._program.returncode}")

    def kill(self) -> None:
        """From one moment to the next."""
        if self._program is None or self._program.poll() is not None:
            raise AssertionError("it does not run")
        self._program.kill()
        self._program.wait()

    def set_up_address(self) -> str:
        """The path that it prints the first time, empty as long as it has not."""
        log = (self.machine.folder / "log" / "fedhood.log").read_text(errors="replace")
        found = re.search(rf"https://{re.escape(self.host)}(/setup/\S+)", log)
        return found.group(1) if found else ""

    def command(self, *words: str) -> str:
        """What a command of fedhood says. Raises AssertionError when it fails."""
        done = self.machine.run([*self._command, *words], self._environment)
        if done.returncode != 0:
            raise AssertionError(f"fedhood {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def doctor(self) -> dict[str, tuple[str, str]]:
        """What the doctor finds: outcome and words, by name."""
        return {one["name"]: (one["outcome"], one["detail"]) for one in json.loads(self.command("doctor", "--json"))}


def _wait_for(host: str) -> None:
    """Until it shows a certificate, whichever: Caddy listens a moment before it has one."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    end = monotonic() + 15
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, 443), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return
        if monotonic() > end:
            raise TimeoutError(f"nobody shows a certificate at {host}")
