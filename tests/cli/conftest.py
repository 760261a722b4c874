"""The command line in a folder of its own, and a server that it finds there."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fedhood.cli import main
from fedhood.core import accounts, neighbourhoods
from fedhood.kernel import migrate
from fedhood.kernel.database import open_database
from fedhood.kernel.ids import IdMaker
from fedhood.kernel.settings import Settings
from tests.support.clocks import NOON


class Shell:
    """Calls `fedhood` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder / "data")
        self.environment = {"FEDHOOD_DATA_DIR": str(self.settings.data_dir)}

    def __call__(self, *words: str, **environment: str) -> Result:
        return CliRunner().invoke(main, list(words), env=self.environment | environment)

    def json(self, *words: str) -> Any:
        result = self(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _log_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fedhood serve` turns the log of its process to an output that ends with the test."""
    monkeypatch.setattr("fedhood.kernel.log.set_up", lambda _: None)


@pytest.fixture
def fedhood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path)


@pytest.fixture
async def elm(fedhood: Shell, clock, consequences):
    """A server with a neighbourhood, and residents called Ana, Ben and Ben."""
    migrate.up(fedhood.settings, now=NOON)
    database = open_database(fedhood.settings, clock=clock, new_id=IdMaker(clock), consequences=consequences)
    place = database.transact(neighbourhoods.create, name="Elm")
    people = [
        database.transact(accounts.create, name=name, neighbourhood=place, language="en")
        for name in ("Ana Lima", "Ben", "Ben")
    ]
    yield SimpleNamespace(database=database, people=people)
    await database.close()
