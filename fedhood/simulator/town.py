"""A town on this machine: servers in processes of their own, on loopback ports, with invented residents."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import socket
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fedhood import consequences
from fedhood.core import access, accounts, households, neighbourhoods
from fedhood.core.access import Role
from fedhood.kernel import migrate
from fedhood.kernel.clock import Clock, monotonic, write_offset
from fedhood.kernel.database import open_database
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Profile
from fedhood.simulator.instance import settings_of
from fedhood.simulator.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedhood.kernel.database import UnitOfWork
    from fedhood.kernel.settings import Settings

PATIENCE = 20.0  # seconds that a step may take on the other side before it counts as not happened
_PAUSE = 0.05
SOURCE = "Invented for the demo"
SOURCE_DATE = "2026-01-01"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """An invented person: the name, the language of the pages, and whether they look after the place."""

    name: str
    language: str
    keeper: bool = False


# of who looks after a place, by the language of their pages: it is asked for again before they act
PASSPHRASES = {"fr": "pont lampe parapluie tour", "nl": "brug lantaarn paraplu toren"}


@dataclasses.dataclass(slots=True, kw_only=True)
class House:
    """One server of the town."""

    key: str
    settings: Settings
    process: subprocess.Popen[bytes] | None
    visitors: dict[str, Visitor]
    tokens: dict[str, str]

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return self.settings.base_url


class Town:
    """Servers that share one clock offset. Use it as a context: leaving it ends every process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset_file = folder / "clock-offset"
        write_offset(self._offset_file, timedelta())
        self.clock = Clock(self._offset_file)
        self.houses: dict[str, House] = {}

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        for house in self.houses.values():
            if house.process is not None:
                house.process.terminate()
        for house in self.houses.values():
            if house.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    house.process.wait(10)
                house.process.kill()
                house.process.wait()
        self.clock.close()

    def sign_in_links(self, house: House) -> list[tuple[str, str, str]]:
        """For everybody who lives in a house, a link that signs them in once, and the passphrase of who keeps it."""
        links = self._beside(house, _links)
        return [(name, f"{house.address}/link/{token}", passphrase) for name, token, passphrase in links]

    def sign_in_again(self) -> None:
        """Sign everybody in anew: sessions end when nobody comes for a fortnight, and the clock may leap over it."""
        for house in self.houses.values():
            house.tokens = self._beside(house, _sign_in_all)
            house.visitors = {who: Visitor(house.settings.host, token) for who, token in house.tokens.items()}

    def _beside(self, house: House, use_case: Callable[..., Any]) -> Any:
        """Run a use case on the file of a running house, as the command line does."""
        database = open_database(
            house.settings, clock=self.clock, new_id=IdMaker(self.clock, 63), consequences=consequences.follow
        )
        try:
            return database.transact(use_case, names=list(house.tokens))
        finally:
            database.release()

    def move_clock(self, offset: timedelta) -> None:
        """Set all clocks of the town, at once."""
        write_offset(self._offset_file, offset)

    def build(
        self,
        key: str,
        *,
        name: str,
        languages: tuple[str, ...],
        households_there: int,
        people: tuple[Resident, ...],
        port: int | None = None,
        city: bool = False,
        broken_proofs: bool = False,
    ) -> House:
        """Found a server with one neighbourhood and its residents, or a city with its clerk, and start it."""
        port = port or _free_port()
        values: dict[str, Any] = {
            "data_dir": str(self._folder / key),
            "listen": f"127.0.0.1:{port}",
            "host": f"{key}.localhost:{port}",
            "profile": "city" if city else "neighbourhood",
            "broken_proofs": broken_proofs,
            "clock_offset": str(self._offset_file),
        }
        settings = settings_of(values)
        settings.data_dir.mkdir(mode=0o700, parents=True)
        tokens = self._settle(
            settings, key=key, name=name, languages=languages, households_there=households_there, people=people
        )
        file = self._folder / f"{key}.json"
        file.write_text(json.dumps(values), encoding="utf-8")
        visitors = {who: Visitor(settings.host, token) for who, token in tokens.items()}
        house = House(key=key, settings=settings, process=None, visitors=visitors, tokens=tokens)
        self.houses[key] = house
        self.start(house)
        return house

    def start(self, house: House) -> None:
        """Start the process of a house, again or for the first time."""
        with (self._folder / f"{house.key}.log").open("ab") as log:
            house.process = subprocess.Popen(  # noqa: S603 - our own program, with a file we wrote
                [sys.executable, "-m", "fedhood.simulator.instance", str(self._folder / f"{house.key}.json")],
                stdout=log,
                stderr=log,
            )

    def wait_until_open(self) -> None:
        """Wait until every server answers. Raises TimeoutError."""
        for house in self.houses.values():
            until(functools.partial(_answers, Visitor(house.settings.host)), f"{house.key} answers")

    def _settle(
        self,
        settings: Settings,
        *,
        key: str,
        name: str,
        languages: tuple[str, ...],
        households_there: int,
        people: tuple[Resident, ...],
    ) -> dict[str, str]:
        migrate.up(settings, now=self.clock.now())
        database = open_database(
            settings, clock=self.clock, new_id=IdMaker(self.clock, 63), consequences=consequences.follow
        )
        home = None
        if settings.profile is Profile.NEIGHBOURHOOD:
            home = database.transact(
                neighbourhoods.create,
                name=name,
                key=key,
                languages=languages,
                households=households_there,
                households_source=SOURCE,
                households_on=SOURCE_DATE,
            )
        tokens = {who.name: database.transact(_settle_in, who=who, home=home) for who in people}
        database.release()
        return tokens


def _answers(visitor: Visitor) -> bool:
    return visitor.get("/about").status == 200


def _settle_in(uow: UnitOfWork, *, who: Resident, home: int | None) -> str:
    account = accounts.create(uow, name=who.name, neighbourhood=home, language=who.language)
    if home is not None:
        households.admit(uow, account=account, household=households.found(uow, neighbourhood=home))
    if who.keeper:
        role = Role.CLERK if home is None else Role.MODERATOR
        access.give(uow, account=account, role=role, neighbourhood=None, by=None)
        access.set_passphrase(uow, account=account, hash=access.hash_passphrase(PASSPHRASES[who.language]))
    return access.open_session(uow, account=account, label="demo", with_passphrase=True).token


def _sign_in_all(uow: UnitOfWork, *, names: list[str]) -> dict[str, str]:
    found = {}
    for number in range(1, len(names) + 1):  # the accounts were made in this order
        who = accounts.get(uow.db, number)
        found[who.name] = access.open_session(uow, account=who.id, label="demo", with_passphrase=True).token
    return found


def _links(uow: UnitOfWork, *, names: list[str]) -> list[tuple[str, str, str]]:
    found = []
    for number in range(1, len(names) + 1):
        who = accounts.get(uow.db, number)
        passphrase = PASSPHRASES[who.language] if access.rights_of(uow.db, number) else ""
        found.append((who.name, access.make_link(uow, account=number, by=None), passphrase))
    return found


def until(happened: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> Any:
    """Ask again and again until something happened, and give what the last asking gave. Raises TimeoutError.

    `patience` is in seconds.
    """
    end = monotonic() + patience
    while True:
        with contextlib.suppress(OSError, LookupError):
            found = happened()
            if found:
                return found
        if monotonic() > end:
            raise TimeoutError(f"it did not happen: {what}")
        time.sleep(_PAUSE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
