"""docs/operations.md explains what a host meets: every line of the log, every finding of the doctor, every reason."""

import ast
import re
from pathlib import Path

import pytest

from fedhood.adapters.http.findings import Step
from fedhood.cli import doctor
from tests.cli.conftest import Shell

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
LOGGERS = {"logger()", "log.logger()", "_log"}
LEVELS = {"info", "warning", "error", "exception"}


def lines_of_the_log() -> list[str]:
    """The first word of everything that is logged, wherever it is."""
    calls = [
        node
        for file in sorted((ROOT / "fedhood").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS
    ]
    logged = [call.args[0] for call in calls if ast.unparse(call.func.value) in LOGGERS]
    assert all(isinstance(words, ast.Constant) for words in logged)
    return sorted({words.value.split()[0] for words in logged})


def test_there_are_lines_to_be_explained():
    assert {"serving", "inbound.kept", "request.failed", "worker.failed"} <= set(lines_of_the_log())


@pytest.mark.parametrize("line", lines_of_the_log())
def test_every_line_of_the_log_is_explained(line: str):
    assert re.search(rf"`{re.escape(line)}[` ]", PAGE), f"docs/operations.md does not explain {line}"


@pytest.mark.usefixtures("elm")
def test_everything_that_the_doctor_looks_at_is_explained(fedhood: Shell):
    names = {each["name"] for each in fedhood.json("doctor")}
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("sentence", sorted(set(doctor.WHY.values())))
def test_every_reason_why_a_neighbour_is_not_reached_is_there_with_whose_turn_it_is(sentence: str):
    table = PAGE.partition("| the doctor says | whose turn it is |")[2].partition("\n\n")[0]
    said = {words.strip() for row in table.strip().splitlines()[1:] for words in row.split("|")[1].split(";")}
    assert sentence.partition(";")[0] in said


@pytest.mark.parametrize("step", Step)
def test_every_step_of_a_test_is_explained(step: Step):
    table = PAGE.partition("| step | what it is about |")[2].partition("\n\n")[0]
    assert f"`{step}`" in table


def test_commands_and_files_are_those_of_the_unit():
    unit = (ROOT / "deploy" / "systemd" / "fedhood.service").read_text("utf-8")
    command = "/opt/fedhood/.venv/bin/fedhood --settings /etc/fedhood/fedhood.toml"
    assert f"{command} serve" in unit
    assert f"{command} backup" in PAGE
    assert "/var/lib/fedhood/fedhood.db" in PAGE
    assert "FEDHOOD_DATA_DIR=/var/lib/fedhood" in unit
