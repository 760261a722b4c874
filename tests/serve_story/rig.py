"""Two neighbourhoods and a city, each on a machine of its own, and the phones of who lives there."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fedhood.adapters.http.guard import is_public
from fedhood.kernel.clock import Clock
from fedhood.kernel.settings import Settings
from fedhood.simulator.story import CLERK, ELM, OAK, Scene
from fedhood.simulator.town import House
from tests.serve_story import namespaces
from tests.serve_story.hosted import ROOT, Hosted, Proxy, caddy
from tests.serve_story.namespaces import Machine
from tests.serve_story.phone import Phone
from tests.support.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Blocks that were set aside long ago and are not in use: nothing in the registry of special addresses, so to the guard
# they are as public as any. On the cable they are all there is.
V4, V6 = "128.66.0.{}", "3ffe:66::{}"
NAME_SERVER = V4.format(53)
HOSTS = {"elm": "elm.example", "oak": "oak.example", "mechelen": "mechelen.example"}
LAST = {"elm": 11, "oak": 12, "mechelen": 13, "oak-anew": 22}
_PHONES = range(0x100, 0x120)  # every other one speaks IPv6, where the kernel does
PEOPLE = {"elm": ELM, "oak": OAK, "mechelen": (CLERK,)}


def prefixed(address: str) -> str:
    """An address with the length of the network that the whole cable is."""
    return f"{address}/{64 if ':' in address else 16}"


class Rig:
    """The cable, what is on it, and the story that is told there."""

    def __init__(self, folder: Path, *, with_caddy: bool) -> None:
        self.folder = folder
        self.with_caddy = with_caddy and caddy() is not None
        self.codes: set[str] = set()
        self.authority, self.nobodys = Authority("An authority"), Authority("Nobody knows this one")
        self.trusts = folder / "authorities.pem"
        self.trusts.write_bytes(self.authority.pem)
        self._v6 = namespaces.speaks_ipv6()
        self._phones = [self._phone_address(number) for number in _PHONES]
        self._addresses = {host: self.addresses_of(key) for key, host in HOSTS.items()}
        self._lay_cable()
        self.machines = {key: self.machine(key) for key in HOSTS}
        self.servers = {
            key: Hosted(self.machines[key], host, trusts=self.trusts, city=key == "mechelen")
            for key, host in HOSTS.items()
        }
        self.proxies = {key: self.proxy(key) for key in HOSTS}
        self.tell_names()
        houses = {key: self._house(key) for key in HOSTS}
        self.scene = Scene(
            town=SimpleNamespace(clock=Clock()),  # type: ignore[arg-type]  # a story asks a town for the time alone
            elm=houses["elm"],
            oak=houses["oak"],
            city=houses["mechelen"],
        )

    def _phone_address(self, number: int) -> str:
        return f"3ffe:66::{number:x}" if self._v6 and number % 2 else f"128.66.1.{number % 0x100}"

    def _lay_cable(self) -> None:
        namespaces.lay_cable([prefixed(address) for address in (NAME_SERVER, *self._phones)])
        home = self.folder / "home"
        home.mkdir()
        self._names = [namespaces.own_names(home, NAME_SERVER)]
        self._name_server = subprocess.Popen(
            [sys.executable, "-m", "tests.serve_story.name_server", NAME_SERVER],
            cwd=ROOT,
            env=namespaces.environment(),
        )

    def addresses_of(self, key: str) -> tuple[str, ...]:
        """The addresses of a machine. Raises AssertionError for one that the guard would not let a server have."""
        found = tuple(form.format(LAST[key]) for form in ((V4, V6) if self._v6 else (V4,)))
        if not all(is_public(address) for address in found):
            raise AssertionError(f"the guard does not take {found} for public addresses")
        return found

    def machine(self, key: str) -> Machine:
        """A new machine on the cable."""
        addresses = [prefixed(address) for address in self.addresses_of(key)]
        return Machine(key, self.folder / key, addresses, name_server=NAME_SERVER)

    def proxy(self, key: str) -> Proxy:
        """What stands in front of fedhood on the machine of this key."""
        return Proxy(self.machines[key], HOSTS[key], with_caddy=self.with_caddy)

    def tell_names(self, *, moved: dict[str, str] | None = None, unknown_at_elm: frozenset[str] = frozenset()) -> None:
        """Write into every file of names where each host is; `moved` gives a host to another machine."""
        for host, key in (moved or {}).items():
            self._addresses[host] = self.addresses_of(key)
        for file in [*self._names, *(machine.names for machine in self.machines.values())]:
            hidden = unknown_at_elm if file == self.machines["elm"].names else frozenset()
            known = [f"{each} {host}" for host, all_ in self._addresses.items() if host not in hidden for each in all_]
            file.write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *known, ""]), encoding="ascii")

    def _house(self, key: str) -> House:
        phones = {name: self.phone(HOSTS[key]) for name in PEOPLE[key]}
        settings = Settings(host=HOSTS[key])
        return House(key=key, settings=settings, process=None, visitors=dict(phones), tokens={})

    def scene_visitor(self, key: str, name: str) -> Phone:
        """The phone of somebody who lives there."""
        houses = {"elm": self.scene.elm, "oak": self.scene.oak, "mechelen": self.scene.city}
        found = houses[key].visitors[name]
        assert isinstance(found, Phone)
        return found

    def phone(self, host: str) -> Phone:
        """A new phone, with an address and cookies of its own."""
        return Phone(host, trusts=self.trusts, address=self._phones.pop(0))

    def phones(self) -> list[Phone]:
        """Everybody's."""
        return [self.scene_visitor(key, name) for key, names in PEOPLE.items() for name in names]

    def open(self) -> None:
        """Start every server and its proxy."""
        for server in self.servers.values():
            server.serve()
        for key, proxy in self.proxies.items():
            proxy.start(self.authority.vouch(HOSTS[key]))

    def logs(self) -> Iterator[tuple[str, str]]:
        """The end of every log of every machine."""
        for machine in self.machines.values():
            with contextlib.suppress(OSError):
                yield from machine.logs()
