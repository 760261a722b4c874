"""The administrator's door."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fedhood.cli import door
from fedhood.cli import settings as settings_page
from fedhood.core import access, accounts
from fedhood.kernel import migrate, settings
from fedhood.kernel.settings import Settings
from tests.cli.conftest import Shell
from tests.support.world import free_port

ROOT = Path(__file__).parents[2]


def test_help_names_every_command(fedhood: Shell):
    said = fedhood("--help").output
    assert all(name in said for name in door.COMMANDS)


def test_help_reads_no_command(fedhood: Shell):
    code = "import sys; from fedhood.cli import main; main(['--help'], standalone_mode=False); "
    code += "print([name for name in sys.modules if name.startswith(('aiohttp', 'peewee', 'fedhood.core'))])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", door.COMMANDS)
def test_every_command_explains_itself(fedhood: Shell, name: str):
    result = fedhood(name, "--help")
    assert result.exit_code == 0, result.exception
    assert "Usage:" in result.output


def test_there_is_no_such_command(fedhood: Shell):
    assert fedhood("fly").exit_code == 2


def test_a_refusal_is_one_line(fedhood: Shell):
    result = fedhood("accounts", "link", "ana")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Error: there is no database in {fedhood.settings.data_dir}; fedhood serve makes one"
    ]


def test_a_wrong_setting_is_named_in_one_line(fedhood: Shell):
    result = fedhood("accounts", "link", "ana", FEDHOOD_HOST="Not A Name")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "host" in result.stderr


def test_a_settings_file_that_was_named_must_be_there(fedhood: Shell, tmp_path: Path):
    assert fedhood("--settings", str(tmp_path / "none.toml"), "doctor").exit_code == 2


def test_serving_is_handed_the_settings(fedhood: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    served = []
    monkeypatch.setattr("fedhood.app.serve", served.append)
    file = tmp_path / "elm.toml"
    file.write_text(f'host = "elm.example"\nlisten = "127.0.0.1:{free_port()}"')
    assert fedhood("--settings", str(file), "serve").exit_code == 0
    assert [each.host for each in served] == ["elm.example"]


@pytest.mark.parametrize("outcome", [0, 1])
def test_a_demo_that_fails_says_so_to_its_caller(fedhood: Shell, monkeypatch: pytest.MonkeyPatch, outcome: int):
    monkeypatch.setattr("fedhood.simulator.demo.main", lambda *, check: outcome if check else 2)
    assert fedhood("demo", "--check").exit_code == outcome


@pytest.mark.parametrize("name", ["ana lima", "Ana Lima"])
def test_a_link_signs_its_resident_in_once(fedhood: Shell, elm, name: str):
    said = fedhood("accounts", "link", name)
    assert said.exit_code == 0, said.output
    address, _, token = said.output.strip().rpartition("/")
    assert address == "http://127.0.0.1:8080/link"
    assert elm.database.transact(access.use_link, token=token)


def test_a_link_is_made_for_a_handle(fedhood: Shell, elm):
    handle = elm.database.look(accounts.get, elm.people[1]).handle
    assert fedhood.json("accounts", "link", f"@{handle}")["account"] == handle


def test_a_link_is_one_that_a_browser_can_go_to(fedhood: Shell, elm):
    said = fedhood("accounts", "link", "Ana Lima", FEDHOOD_LISTEN="0.0.0.0:80")
    assert said.stdout.startswith("http://127.0.0.1:80/link/")
    said = fedhood("accounts", "link", "Ana Lima", FEDHOOD_LISTEN="[::]:80")
    assert said.stdout.startswith("http://[::1]:80/link/")
    said = fedhood("accounts", "link", "Ana Lima", FEDHOOD_HOST="elm.example")
    assert said.stdout.startswith("https://elm.example/link/")


def test_a_name_of_several_is_no_name(fedhood: Shell, elm):
    result = fedhood("accounts", "link", "Ben")
    assert result.exit_code == 1
    assert all(elm.database.look(accounts.get, person).handle in result.stderr for person in elm.people[1:])


@pytest.mark.usefixtures("elm")
def test_nobody_is_called_that(fedhood: Shell):
    result = fedhood("accounts", "link", "Nobody")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith("Error: nobody here is called Nobody")


@pytest.mark.usefixtures("elm")
def test_a_backup_and_a_restore(fedhood: Shell, tmp_path: Path):
    assert "fedhood.db" in fedhood.json("backup", "elm.tar")["parts"]
    assert fedhood("restore", "elm.tar").exit_code == 1
    restored = fedhood("restore", "elm.tar", FEDHOOD_DATA_DIR=str(tmp_path / "elsewhere"))
    assert restored.exit_code == 0, restored.output
    assert (tmp_path / "elsewhere" / "fedhood.db").exists()


def outcomes(fedhood: Shell) -> dict[str, str]:
    return {each["name"]: each["outcome"] for each in json.loads(fedhood("doctor", "--json").stdout)}


def test_a_doctor_finds_a_new_server_in_good_health(fedhood: Shell):
    assert "bad" not in outcomes(fedhood).values()
    assert fedhood("doctor").exit_code == 0


@pytest.mark.usefixtures("elm")
def test_a_doctor_finds_a_server_with_people_in_good_health(fedhood: Shell):
    found = outcomes(fedhood)
    assert {found[name] for name in ("settings", "folder", "schema", "file", "jobs")} == {"ok"}


@pytest.mark.usefixtures("elm")
def test_a_doctor_sees_what_others_may_read(fedhood: Shell):
    fedhood.settings.data_dir.chmod(0o755)
    assert outcomes(fedhood)["folder"] == "bad"
    assert fedhood("doctor").exit_code == 1


@pytest.mark.usefixtures("elm")
def test_a_doctor_sees_a_file_that_is_damaged(fedhood: Shell):
    file = migrate.database_file(fedhood.settings)
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    file.write_bytes(raw)
    assert outcomes(fedhood)["file"] == "bad"


def test_a_doctor_says_which_setting_is_wrong(fedhood: Shell):
    result = fedhood("doctor", FEDHOOD_PROFILE="village")
    assert result.exit_code == 1
    assert "profile" in result.output


def test_the_example_is_made_from_the_settings():
    assert (ROOT / "examples" / "fedhood.toml").read_text("utf-8") == settings_page.example(), (
        "fedhood settings > examples/fedhood.toml"
    )


def test_the_page_is_made_from_the_settings():
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == settings_page.page(), (
        "fedhood settings --page > docs/settings.md"
    )


def test_the_example_changes_nothing_and_every_line_of_it_is_a_setting(tmp_path: Path):
    file = tmp_path / "fedhood.toml"
    file.write_text(settings_page.example())
    assert settings.load(file, {}) == Settings()
    lines = [line for line in settings_page.example().splitlines() if not line.startswith("# ")]
    file.write_text("\n".join(line.removeprefix("#") for line in lines))
    assert settings.load(file, {}) == Settings()


def test_the_settings_are_printed(fedhood: Shell):
    assert fedhood("settings").stdout == settings_page.example()
    assert fedhood("settings", "--page").stdout == settings_page.page()
