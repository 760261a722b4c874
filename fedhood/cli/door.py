"""The command line: one table of commands, each in a module that is read when the command is called."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedhood.kernel import memory
from fedhood.kernel import settings as kernel_settings
from fedhood.kernel.errors import FedhoodError

if TYPE_CHECKING:
    from fedhood.kernel.settings import Settings

# name: module, and the sentence that `fedhood --help` says without reading the module
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("fedhood.cli.serve", "Serve the neighbourhoods of this server."),
    "accounts": ("fedhood.cli.accounts", "A way back in for a resident, and who looks after a neighbourhood."),
    "neighbourhoods": ("fedhood.cli.neighbourhoods", "The neighbourhoods of this server, and which read each other."),
    "keys": ("fedhood.cli.keys", "Other keys for this server, a neighbourhood or a resident."),
    "peers": ("fedhood.cli.peers", "The servers next door and the city, and what is agreed with each."),
    "backup": ("fedhood.cli.keep", "Copy the whole server into one file, while it runs."),
    "restore": ("fedhood.cli.keep", "Unpack a backup into an empty data folder."),
    "doctor": ("fedhood.cli.doctor", "Say what is well and what is not."),
    "settings": ("fedhood.cli.settings", "Print a settings file with every setting explained."),
    "demo": ("fedhood.cli.demo", "Two neighbourhoods and a city on this machine, telling a story."),
}
DEFAULT_FILE = Path("fedhood.toml")


class Door(click.Group):
    """Reads a command's module when it is called, and says a refusal in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        memory.keep_little()
        command: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run, and turn a refusal into one line and exit code 1."""
        try:
            return super().invoke(ctx)
        except FedhoodError as refusal:
            raise click.ClickException(refusal.detail) from refusal


class Given:
    """What was said before the command: where the settings are. They are read when a command asks for them."""

    def __init__(self, file: Path | None) -> None:
        self.file = file if file is not None else DEFAULT_FILE

    def settings(self) -> Settings:
        """The settings. Raises Invalid."""
        return kernel_settings.load(self.file)


pass_given = click.make_pass_decorator(Given)
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for a script.")


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--settings",
    "file",
    envvar="FEDHOOD_SETTINGS",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"The settings file; without it {DEFAULT_FILE} in this folder, if there is one.",
)
@click.version_option(package_name="fedhood")
@click.pass_context
def main(ctx: click.Context, file: Path | None) -> None:
    """Run a fedhood neighbourhood server."""
    ctx.obj = Given(file)
